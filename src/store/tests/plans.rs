//! The helper that forbids scans and sorts, shown to fail, and the plans of this module's own queries.

use sea_orm::Statement;

use crate::ids::new_id;
use crate::store::testing::{TestStore, on_each};

fn one(test: &TestStore, sql: &str) -> Statement {
    Statement::from_sql_and_values(test.store.backend(), sql, [new_id().into()])
}

#[tokio::test]
async fn a_scan_and_a_sort_are_seen() {
    on_each(async |test| {
        let scan = Statement::from_string(test.store.backend(), "SELECT id FROM messages WHERE content = 'x'");
        assert!(seen(&test, scan).await);
        let sort = one(&test, "SELECT id FROM messages WHERE chat_id = $1 ORDER BY content");
        assert!(seen(&test, sort).await);
        let fine = one(&test, "SELECT id FROM messages WHERE chat_id = $1 ORDER BY n DESC LIMIT 20");
        assert!(!seen(&test, fine).await);
    })
    .await;
}

async fn seen(test: &TestStore, statement: Statement) -> bool {
    use futures_util::FutureExt;
    std::panic::AssertUnwindSafe(test.assert_indexed(&statement, &[])).catch_unwind().await.is_err()
}

/// What every list of the program is made of: streams by range, members by person, mails that are due.
#[tokio::test]
async fn the_tables_have_the_indexes_that_lists_need() {
    on_each(async |test| {
        for sql in [
            "SELECT * FROM chat_events WHERE chat_id = $1 AND seq > 3 ORDER BY seq LIMIT 100",
            "SELECT * FROM chat_events WHERE chat_id = $1 AND seq < 3 ORDER BY seq DESC LIMIT 100",
            "SELECT * FROM user_events WHERE user_id = $1 AND seq > 3 ORDER BY seq LIMIT 100",
            "SELECT * FROM chat_members WHERE user_id = $1 AND status = 'active'",
            "SELECT * FROM chat_members WHERE chat_id = $1",
            "SELECT * FROM sessions WHERE user_id = $1",
            "SELECT e.*, m.content FROM chat_events e LEFT JOIN messages m ON m.id = e.message_id WHERE e.chat_id = $1 ORDER BY e.seq DESC LIMIT 20",
        ] {
            test.assert_indexed(&one(&test, sql), &[]).await;
        }
        // PostgreSQL knows an order by what IS NULL only when it is said.
        let due = "SELECT id FROM outbox WHERE sent_at IS NULL AND next_at <= '2026-01-01 00:00:00+00:00' ORDER BY sent_at, next_at LIMIT 10";
        test.assert_indexed(&Statement::from_string(test.store.backend(), due), &[]).await;
    })
    .await;
}
