use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use sea_orm::sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};
use sea_orm::{ConnectionTrait, Statement};

use super::{add_user, insert_user};
use crate::store::connect::Writer;
use crate::store::testing::{TestStore, on_each, postgres_admin};
use crate::store::{Lane, Store, StoreError};

const USERS: &str = "SELECT count(*) FROM users";

/// Polls a future at most `polls` times, then drops it; true when it was done before.
async fn cut<F: Future>(future: F, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Wherever a transaction is dropped, all of it is stored or nothing, and the next one goes through.
#[tokio::test]
async fn cancellation_at_each_await_leaves_the_writer_usable() {
    on_each(async |test| {
        let mut stored = 0;
        for polls in 0.. {
            assert!(polls < 200, "never done");
            let two = test.store.write(Lane::Chat, move |tx| {
                Box::pin(async move {
                    insert_user(tx, &format!("a{polls}@example.org")).await?;
                    insert_user(tx, &format!("b{polls}@example.org")).await
                })
            });
            let done = cut(two, polls).await;
            add_user(&test.store, &format!("c{polls}@example.org")).await.unwrap();
            let users = test.number(USERS).await;
            let pairs = users - stored - 1;
            assert!(pairs == 2 || (pairs == 0 && !done), "{polls} polls left {pairs} of 2 users");
            stored = users;
            if done {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_takes_too_long_is_rolled_back() {
    async fn check(test: TestStore) {
        let slow = test.store.write(Lane::Chat, |tx| {
            Box::pin(async move {
                insert_user(tx, "slow@example.org").await?;
                std::future::pending::<Result<(), StoreError>>().await
            })
        });
        assert!(slow.await.unwrap_err().is_unavailable());
        // The same address, so that it would stand in the way if it were still there.
        add_user(&test.store, "slow@example.org").await.unwrap();
        assert_eq!(test.number(USERS).await, 1);
    }
    let short = |config: &mut crate::config::Config| config.limits.store_timeout = Duration::from_millis(300);
    check(TestStore::with(short).await).await;
    if let Some(test) = TestStore::postgres(short).await {
        check(test).await;
    }
}

#[tokio::test]
async fn time_spent_waiting_for_the_turn_counts() {
    let test = TestStore::with(|config| config.limits.store_timeout = Duration::from_millis(300)).await;
    let held = sqlite_slot(&test.store).lock().await;
    assert!(add_user(&test.store, "sanne@example.org").await.unwrap_err().is_unavailable());
    drop(held);
    add_user(&test.store, "sanne@example.org").await.unwrap();
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_unavailable() {
    let Some(test) = TestStore::postgres(|config| config.limits.store_timeout = Duration::from_millis(400)).await
    else {
        return;
    };
    let sleep =
        |ms: u32| Statement::from_string(sea_orm::DbBackend::Postgres, format!("SELECT pg_sleep({ms} / 1000.0)"));
    // The server's own limit, seen by a reader that does not use `timed`.
    let late = StoreError::from(test.store.reader().query_one_raw(sleep(1500)).await.unwrap_err());
    assert!(late.is_unavailable() && late.to_string().contains("statement timeout"), "{late}");
    let late = test.store.write(Lane::Chat, move |tx| {
        Box::pin(async move {
            insert_user(tx, "slow@example.org").await?;
            tx.conn().query_one_raw(sleep(1500)).await?;
            Ok(())
        })
    });
    assert!(late.await.unwrap_err().is_unavailable());
    add_user(&test.store, "slow@example.org").await.unwrap();
}

fn sqlite_slot(store: &Store) -> &tokio::sync::Mutex<Option<sea_orm::DatabaseConnection>> {
    match &store.inner.writer {
        Writer::Sqlite(writer) => &writer.slot,
        Writer::Postgres(_) => panic!("not SQLite"),
    }
}

/// A transaction of this many users fills several pages.
async fn add_many(store: &Store, from: usize, users: usize) -> Result<(), StoreError> {
    let many = store.write(Lane::Bulk, move |tx| {
        Box::pin(async move {
            for i in from..from + users {
                insert_user(tx, &format!("many{i}@{}example.org", "x".repeat(200))).await?;
            }
            Ok(())
        })
    });
    many.await.map(drop)
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_stores_nothing() {
    async fn limit(store: &Store, pages: i64) {
        let slot = sqlite_slot(store).lock().await;
        if let Some(conn) = slot.as_ref() {
            conn.execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await.unwrap();
        }
    }
    let test = TestStore::sqlite().await;
    let mut users = 0;
    for round in 0..5 {
        limit(&test.store, test.number("PRAGMA page_count").await).await;
        let full = add_many(&test.store, round * 1000, 50).await.unwrap_err();
        assert!(full.is_unavailable() && full.to_string().contains("full"), "{full}");
        assert_eq!(test.number(USERS).await, users);
        limit(&test.store, 1_000_000).await;
        add_many(&test.store, round * 1000, 50).await.unwrap();
        users += 50;
        assert_eq!(test.number(USERS).await, users);
    }
}

/// SQLite may roll back by itself, such as on a full disk or an I/O error, and the library does not notice: its connection would
/// start the next transaction as a savepoint of one that is not there.
#[tokio::test]
async fn a_transaction_that_the_database_ended_does_not_spoil_the_next() {
    let test = TestStore::sqlite().await;
    for end in ["ROLLBACK", "COMMIT"] {
        let ended = test.store.write(Lane::Small, move |tx| {
            Box::pin(async move {
                tx.conn().execute_unprepared(end).await?;
                Err::<(), _>(StoreError::fault("ended"))
            })
        });
        ended.await.unwrap_err();
        add_user(&test.store, &format!("{end}@example.org")).await.unwrap();
    }
    assert_eq!(test.number(USERS).await, 2);
}

#[tokio::test]
async fn a_database_locked_by_another_process_is_unavailable_until_it_is_free() {
    let test = TestStore::with(|config| config.limits.store_timeout = Duration::from_millis(400)).await;
    let path = format!("sqlite:{}/domu.db", test.directory.path().display());
    let mut other = SqliteConnection::connect(&path).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    for _ in 0..3 {
        let busy = add_user(&test.store, "sanne@example.org").await.unwrap_err();
        assert!(busy.is_unavailable(), "{busy}");
    }
    other.execute("ROLLBACK").await.unwrap();
    add_user(&test.store, "sanne@example.org").await.unwrap();
}

/// SQLite would go on writing to the deleted file, and lose everything acknowledged with it.
#[tokio::test]
async fn a_database_file_that_was_replaced_is_noticed() {
    let test = TestStore::sqlite().await;
    let database = test.directory.path().join("domu.db");
    let aside = test.directory.path().join("aside.db");
    std::fs::rename(&database, &aside).unwrap();
    assert!(test.store.ping().await.unwrap_err().is_unavailable());
    std::fs::copy(&aside, &database).unwrap();
    assert!(test.store.ping().await.unwrap_err().is_unavailable());
    std::fs::rename(&aside, &database).unwrap();
    test.store.ping().await.unwrap();
}

/// As when the server was killed and started again: every connection is cut, new ones are refused for a while.
#[tokio::test]
async fn postgres_may_go_away_and_come_back() {
    let short = |config: &mut crate::config::Config| config.limits.store_timeout = Duration::from_millis(1500);
    let Some(test) = TestStore::postgres(short).await else { return };
    add_user(&test.store, "one@example.org").await.unwrap();
    let url = secrecy::ExposeSecret::expose_secret(test.config.database_url.as_ref().unwrap()).to_owned();
    let name = url.rsplit('/').next().unwrap().to_owned();
    let mut admin = postgres_admin().await.unwrap();
    let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    for round in 0..3 {
        admin.execute(AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))).await.unwrap();
        admin.execute(AssertSqlSafe(cut.clone())).await.unwrap();
        let away = add_user(&test.store, "away@example.org").await.unwrap_err();
        assert!(away.is_unavailable(), "{away}");
        assert!(test.store.ping().await.unwrap_err().is_unavailable());
        admin.execute(AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"))).await.unwrap();
        add_user(&test.store, &format!("back{round}@example.org")).await.unwrap();
        test.store.ping().await.unwrap();
        // The lock was taken again.
        let other = tempfile::tempdir().unwrap();
        let mut config = test.config.clone();
        config.data_dir = other.path().to_path_buf();
        assert!(Store::open(&config).await.unwrap_err().to_string().contains("another domu"));
    }
    assert_eq!(test.number(USERS).await, 4);
}
