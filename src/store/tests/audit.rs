//! The audit log: whatever is done to it behind the program's back is found, and where.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::admin::model::{Actor, Entry, Scope};
use crate::store::testing::{TestStore, on_each};
use crate::store::{ActionFilter, Finding, Lane};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_123).unwrap()
}

/// Adds rows as the program does.
async fn add(test: &TestStore, rows: usize) {
    for _ in 0..rows {
        let append = test.store.write(Lane::Small, move |tx| {
            Box::pin(async move {
                let said = json!({ "b": [1, 2.5, null], "a": { "y": "é", "x": true } });
                let entry = Entry::new("suspend_users", "user").on("x").because("reported twice").with(said);
                tx.append_action(&Actor::system(), entry, now()).await
            })
        });
        append.await.unwrap();
    }
}

/// Does what only somebody with the database's password can.
async fn tamper(test: &TestStore, sql: &str) {
    let postgres = test.store.backend() == sea_orm::DbBackend::Postgres;
    let off: &[&str] = if postgres {
        &["ALTER TABLE admin_actions DISABLE TRIGGER USER"]
    } else {
        &["DROP TRIGGER IF EXISTS admin_actions_no_update", "DROP TRIGGER IF EXISTS admin_actions_no_delete"]
    };
    for statement in off.iter().copied().chain([sql]) {
        test.execute(statement).await;
    }
}

async fn findings(test: &TestStore) -> Vec<(i64, i64, &'static str)> {
    let proof = test.store.prove_actions().await.unwrap();
    proof.findings.into_iter().map(|Finding { from, to, what }| (from, to, what)).collect()
}

#[tokio::test]
async fn an_untouched_log_is_sound_also_after_a_restart_and_what_was_rolled_back() {
    on_each(async |test| {
        add(&test, 3).await;
        let rolled_back = test.store.write(Lane::Small, move |tx| {
            Box::pin(async move {
                tx.append_action(&Actor::system(), Entry::new("x", "y"), now()).await?;
                Err::<(), _>(crate::error::Error::bad_request("no").into())
            })
        });
        rolled_back.await.unwrap_err();
        add(&test, 2).await;
        let test = test.reopen().await;
        let proof = test.store.prove_actions().await.unwrap();
        assert_eq!((proof.rows, proof.head, proof.findings), (5, 5, vec![]));
        let rows = test.store.actions(&ActionFilter::default(), Scope::All, 2).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [5, 4]);
    })
    .await;
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_or_lose_a_row() {
    on_each(async |test| {
        add(&test, 1).await;
        for sql in ["UPDATE admin_actions SET reason = 'x'", "DELETE FROM admin_actions"] {
            let sql = sql.to_owned();
            let write = test.store.write(Lane::Small, move |tx| {
                Box::pin(async move {
                    sea_orm::ConnectionTrait::execute_unprepared(tx.conn(), &sql).await?;
                    Ok(())
                })
            });
            write.await.unwrap_err();
        }
        assert_eq!(findings(&test).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_rewritten_row_is_found() {
    on_each(async |test| {
        add(&test, 4).await;
        tamper(&test, "UPDATE admin_actions SET reason = 'another' WHERE seq = 3").await;
        assert_eq!(findings(&test).await, [(3, 3, "rewritten")]);
    })
    .await;
}

#[tokio::test]
async fn rows_cut_from_the_middle_and_from_the_end_are_found() {
    on_each(async |test| {
        add(&test, 6).await;
        tamper(&test, "DELETE FROM admin_actions WHERE seq IN (2, 3)").await;
        assert_eq!(findings(&test).await, [(2, 3, "missing")]);
        tamper(&test, "DELETE FROM admin_actions WHERE seq > 4").await;
        assert_eq!(findings(&test).await, [(2, 3, "missing"), (5, 6, "cut off")]);
        tamper(&test, "DELETE FROM admin_actions").await;
        assert_eq!(findings(&test).await, [(1, 6, "cut off")]);
    })
    .await;
}

/// Somebody rewrites a row and computes the chain anew from there: it is whole, and not the one that was anchored.
#[tokio::test]
async fn a_chain_computed_anew_is_found() {
    on_each(async |test| {
        add(&test, 5).await;
        // The program's own arithmetic, on a log that it never wrote.
        let anchor = test.directory.path().join("audit.anchor");
        let kept = std::fs::read(&anchor).unwrap();
        tamper(&test, "DELETE FROM admin_actions WHERE seq > 2").await;
        std::fs::remove_file(&anchor).unwrap();
        for _ in 0..3 {
            let append = test.store.write(Lane::Small, move |tx| {
                Box::pin(
                    async move { tx.append_action(&Actor::system(), Entry::new("nothing", "at_all"), now()).await },
                )
            });
            append.await.unwrap();
        }
        std::fs::write(&anchor, kept).unwrap();
        assert_eq!(findings(&test).await, [(3, 5, "not the row that was anchored")]);
    })
    .await;
}

/// A row that somebody adds with a right hash was never begun by this program.
#[tokio::test]
async fn a_row_from_elsewhere_is_found() {
    on_each(async |test| {
        add(&test, 2).await;
        let anchor = test.directory.path().join("audit.anchor");
        let kept = std::fs::read(&anchor).unwrap();
        add(&test, 1).await;
        std::fs::write(&anchor, kept).unwrap();
        assert_eq!(findings(&test).await, [(3, 3, "not written by this program")]);
        std::fs::remove_file(&anchor).unwrap();
        assert_eq!(findings(&test).await, [(1, 3, "not written by this program")]);
    })
    .await;
}

/// A server that was killed between the commit and the anchor's second line has lost nothing.
#[tokio::test]
async fn a_kill_between_commit_and_anchor_is_no_finding() {
    on_each(async |test| {
        add(&test, 2).await;
        let anchor = test.directory.path().join("audit.anchor");
        let text = std::fs::read_to_string(&anchor).unwrap();
        let without_last: Vec<&str> = text.lines().filter(|line| !line.starts_with("kept 2 ")).collect();
        std::fs::write(&anchor, format!("{}\nkept 2 ab", without_last.join("\n"))).unwrap();
        assert_eq!(findings(&test).await, []);
    })
    .await;
}
