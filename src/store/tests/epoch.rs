use std::path::Path;

use sea_orm::ConnectionTrait;
use sea_orm::sqlx::{AssertSqlSafe, Executor};
use secrecy::ExposeSecret;

use super::add_user;
use crate::store::testing::{TestStore, config, on_each, postgres_admin};
use crate::store::{Lane, Store};

#[tokio::test]
async fn the_epoch_survives_a_restart() {
    on_each(async |test| {
        let epoch = test.store.epoch().to_owned();
        assert!(!epoch.is_empty());
        add_user(&test.store, "sanne@example.org").await.unwrap();
        let test = test.reopen().await;
        assert_eq!(test.store.epoch(), epoch);
        assert_eq!(test.reopen().await.store.epoch(), epoch);
    })
    .await;
}

/// A server that was killed never mirrored its last commits: its database is ahead of the mirror, and the same.
#[tokio::test]
async fn the_epoch_survives_a_kill() {
    let test = TestStore::sqlite().await;
    let epoch = test.store.epoch().to_owned();
    add_user(&test.store, "sanne@example.org").await.unwrap();
    let TestStore { store, config, directory, .. } = test;
    drop(store);
    let store = Store::open(&config).await.unwrap();
    assert_eq!(store.epoch(), epoch);
    drop(directory);
}

#[tokio::test]
async fn a_missing_or_unreadable_side_file_gives_a_new_epoch() {
    on_each(async |test| {
        let first = test.store.epoch().to_owned();
        let side_file = test.directory.path().join("epoch.json");
        test.store.close().await;
        std::fs::remove_file(&side_file).unwrap();
        let test = test.reopen().await;
        let second = test.store.epoch().to_owned();
        assert_ne!(first, second);
        test.store.close().await;
        std::fs::write(&side_file, "{").unwrap();
        let third = test.reopen().await.store.epoch().to_owned();
        assert!(third != first && third != second);
    })
    .await;
}

/// An operator copies an older database back over the file, in place.
#[tokio::test]
async fn an_older_database_gives_a_new_epoch() {
    let test = TestStore::sqlite().await;
    let epoch = test.store.epoch().to_owned();
    add_user(&test.store, "sanne@example.org").await.unwrap();
    test.store.close().await;
    let database = test.directory.path().join("domu.db");
    let backup = std::fs::read(&database).unwrap();
    let test = test.reopen().await;
    assert_eq!(test.store.epoch(), epoch);
    add_user(&test.store, "daan@example.org").await.unwrap();
    test.store.close().await;
    // Same inode, older content.
    std::fs::write(&database, backup).unwrap();
    let test = test.reopen().await;
    assert_ne!(test.store.epoch(), epoch);
    assert_eq!(test.number("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn a_restored_directory_gives_a_new_epoch() {
    let test = TestStore::sqlite().await;
    add_user(&test.store, "sanne@example.org").await.unwrap();
    test.store.close().await;
    let restored = tempfile::tempdir().unwrap();
    for file in ["domu.db", "epoch.json"] {
        copy(test.directory.path(), restored.path(), file);
    }
    let store = Store::open(&config(restored.path())).await.unwrap();
    assert_ne!(store.epoch(), test.store.epoch());
}

#[tokio::test]
async fn another_directorys_database_gives_a_new_epoch() {
    let (one, other) = (TestStore::sqlite().await, TestStore::sqlite().await);
    let epochs = [one.store.epoch().to_owned(), other.store.epoch().to_owned()];
    one.store.close().await;
    other.store.close().await;
    copy(other.directory.path(), one.directory.path(), "domu.db");
    let one = one.reopen().await;
    assert!(!epochs.contains(&one.store.epoch().to_owned()));
}

#[tokio::test]
async fn mirroring_costs_nothing_when_nothing_was_committed() {
    on_each(async |test| {
        let generation = "SELECT CAST(value AS bigint) FROM store_meta WHERE key = 'generation'";
        let before = test.number(generation).await;
        test.store.mirror_epoch().await.unwrap();
        assert_eq!(test.number(generation).await, before);
        add_user(&test.store, "sanne@example.org").await.unwrap();
        test.store.mirror_epoch().await.unwrap();
        test.store.mirror_epoch().await.unwrap();
        assert_eq!(test.number(generation).await, before + 1);
    })
    .await;
}

#[tokio::test]
async fn a_postgres_that_was_replaced_under_us_is_refused() {
    let Some(test) = TestStore::postgres(|_| ()).await else { return };
    add_user(&test.store, "sanne@example.org").await.unwrap();
    test.store.mirror_epoch().await.unwrap();
    let name = test.config.database_url.as_ref().unwrap().expose_secret().rsplit('/').next().unwrap().to_owned();
    let mut admin = postgres_admin().await.unwrap();
    let hang_up = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    // A server that comes back is the same one.
    admin.execute(AssertSqlSafe(hang_up.clone())).await.unwrap();
    let mut tries = 0;
    while let Err(error) = add_user(&test.store, "daan@example.org").await {
        assert!(error.is_unavailable() && tries < 20, "{error}");
        tries += 1;
    }
    // A backup that was put in its place is not.
    let older = "UPDATE store_meta SET value = '0' WHERE key = 'generation'";
    test.store
        .write(Lane::Small, |tx| Box::pin(async { Ok(tx.conn().execute_unprepared(older).await?) }))
        .await
        .unwrap();
    admin.execute(AssertSqlSafe(hang_up)).await.unwrap();
    for _ in 0..5 {
        let error = add_user(&test.store, "emma@example.org").await.unwrap_err();
        assert!(error.is_unavailable(), "{error}");
    }
    let error = add_user(&test.store, "emma@example.org").await.unwrap_err().to_string();
    assert!(error.contains("was replaced while the server runs"), "{error}");
}

#[tokio::test]
async fn a_data_directory_that_is_open_to_others_is_closed() {
    use std::os::unix::fs::PermissionsExt;
    let test = TestStore::sqlite().await;
    let mode = || std::fs::metadata(test.directory.path()).unwrap().permissions().mode() & 0o7777;
    let open = |mode| std::fs::set_permissions(test.directory.path(), PermissionsExt::from_mode(mode)).unwrap();
    test.store.close().await;
    for (before, after) in [(0o755, 0o700), (0o770, 0o700), (0o1777, 0o1777)] {
        open(before);
        Store::open(&test.config).await.unwrap().close().await;
        assert_eq!(mode(), after, "{before:o}");
    }
}

fn copy(from: &Path, to: &Path, file: &str) {
    std::fs::copy(from.join(file), to.join(file)).unwrap();
}
