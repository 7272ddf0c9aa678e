use std::sync::{Arc, Mutex};

use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::json;

use super::{add_user, insert_user, now};
use crate::store::testing::{TestStore, on_each};
use crate::store::{Committed, Emitted, Lane, Store, StoreError};

#[tokio::test]
async fn a_store_is_opened_migrated_written_and_read() {
    on_each(async |test| {
        let id = add_user(&test.store, "sanne@example.org").await.unwrap();
        let emit = test.store.write(Lane::Small, move |tx| {
            Box::pin(async move { tx.emit_user(id, "verification", json!({"verified": true}), now()).await })
        });
        let Committed { value, emitted } = emit.await.unwrap();
        assert_eq!(value, 1);
        let event =
            Emitted::User { user: id, seq: 1, kind: "verification", ts: now(), data: json!({"verified": true}) };
        assert_eq!(emitted, [event]);

        let test = test.reopen().await;
        test.store.ping().await.unwrap();
        let user = entity::users::Entity::find_by_id(id).one(test.store.reader()).await.unwrap().unwrap();
        assert_eq!((user.email.as_str(), user.head_seq, user.created_at), ("sanne@example.org", 1, now()));
        assert!(test.store.pending_migrations().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_taken_value_is_a_conflict_and_leaves_nothing() {
    on_each(async |test| {
        add_user(&test.store, "sanne@example.org").await.unwrap();
        let twice = test.store.write(Lane::Small, |tx| {
            Box::pin(async move {
                insert_user(tx, "daan@example.org").await?;
                insert_user(tx, "sanne@example.org").await
            })
        });
        let twice = twice.await.unwrap_err();
        assert!(matches!(twice, StoreError::Conflict { table: "users", columns: "email_normalized" }), "{twice}");
        assert_eq!(test.number("SELECT count(*) FROM users").await, 1);
        add_user(&test.store, "daan@example.org").await.unwrap();
    })
    .await;
}

/// PostgreSQL answers the commit of a failed transaction with a silent roll-back: that must not look like success.
#[tokio::test]
async fn work_that_swallows_an_error_is_not_acknowledged_by_postgres() {
    let Some(test) = TestStore::postgres(|_| ()).await else { return };
    add_user(&test.store, "sanne@example.org").await.unwrap();
    let swallowed = test.store.write(Lane::Small, |tx| {
        Box::pin(async move {
            insert_user(tx, "daan@example.org").await?;
            assert!(insert_user(tx, "sanne@example.org").await.is_err());
            Ok(())
        })
    });
    swallowed.await.unwrap_err();
    assert_eq!(test.number("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn readers_cannot_write() {
    on_each(async |test| {
        let refused = test.store.reader().execute_unprepared("DELETE FROM users").await.unwrap_err().to_string();
        assert!(refused.contains("readonly") || refused.contains("read-only"), "{refused}");
    })
    .await;
}

/// A chat batch waits for the transaction that runs and for at most one of each other lane, however many stand there.
#[tokio::test]
async fn chat_overtakes_the_queue_of_the_other_lanes() {
    let test = TestStore::sqlite().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let (open, gate) = tokio::sync::oneshot::channel::<()>();
    let (entered, running) = tokio::sync::oneshot::channel::<()>();
    let store = test.store.clone();
    let first = tokio::spawn(async move {
        let held = store.write(Lane::Chat, |_| {
            Box::pin(async move {
                entered.send(()).unwrap();
                gate.await.map_err(StoreError::fault)
            })
        });
        held.await.map(drop)
    });
    running.await.unwrap();
    let push = |store: Store, lane, order: Arc<Mutex<Vec<Lane>>>| async move {
        let pushed = store.write(lane, |_| {
            Box::pin(async move {
                order.lock().unwrap().push(lane);
                Ok(())
            })
        });
        pushed.await.map(drop)
    };
    let mut tasks = Vec::new();
    for lane in [Lane::Small, Lane::Bulk, Lane::Small, Lane::Bulk, Lane::Small, Lane::Chat] {
        tasks.push(tokio::spawn(push(test.store.clone(), lane, Arc::clone(&order))));
        // On one thread: the task runs until it stands in its queue.
        tokio::task::yield_now().await;
    }
    open.send(()).unwrap();
    first.await.unwrap().unwrap();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let order = order.lock().unwrap();
    assert_eq!(order.len(), 6);
    assert_eq!(order.iter().position(|lane| *lane == Lane::Chat), Some(2), "{order:?}");
}

#[tokio::test]
async fn a_second_server_is_told_which_lock_is_held() {
    let test = TestStore::sqlite().await;
    let refused = Store::open(&test.config).await.unwrap_err().to_string();
    let lock = test.directory.path().join("domu.lock");
    assert!(refused.contains(lock.to_str().unwrap()) && refused.contains(&std::process::id().to_string()), "{refused}");

    // Another data directory does not help when the database file is the same.
    let other = tempfile::tempdir().unwrap();
    let mut config = crate::store::testing::config(other.path());
    config.database_url = Some(format!("sqlite:{}/domu.db", test.directory.path().display()).into());
    let refused = Store::open(&config).await.unwrap_err().to_string();
    assert!(refused.contains(lock.to_str().unwrap()), "{refused}");
    test.reopen().await.store.ping().await.unwrap();
}

#[tokio::test]
async fn a_second_node_on_one_postgres_database_is_refused() {
    let Some(test) = TestStore::postgres(|_| ()).await else { return };
    let other = tempfile::tempdir().unwrap();
    let mut config = test.config.clone();
    config.data_dir = other.path().to_path_buf();
    let refused = Store::open(&config).await.unwrap_err();
    assert!(refused.is_unavailable() && refused.to_string().contains("another domu"), "{refused}");
    test.store.close().await;
    Store::open(&config).await.unwrap();
}
