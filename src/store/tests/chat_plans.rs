//! The statements behind every message and every connect find their rows by an index, on both databases.

use sea_orm::{Statement, Value};

use crate::ids::new_id;
use crate::store::testing::on_each;
use crate::store::{blocks, live, message_sql as sql, streams};

#[tokio::test]
async fn nothing_is_scanned_and_nothing_sorted() {
    on_each(async |held| {
        let backend = held.store.backend();
        let id = || Value::from(new_id());
        let rows = || Value::from("[]");
        let now: Value = chrono::DateTime::<chrono::Utc>::UNIX_EPOCH.into();
        let statements: [(String, Vec<Value>); 23] = [
            (sql::BY_CLIENT_ID.into(), vec![id(), id(), id()]),
            (sql::known(backend), vec![rows()]),
            (sql::gates(backend), vec![rows()]),
            (sql::blockers(backend), vec![rows()]),
            (sql::advance_withheld(backend), vec![rows()]),
            (sql::withheld_in(backend), vec![rows(), id()]),
            (blocks::BLOCKS_OF.into(), vec![id(), 500_i64.into()]),
            (blocks::BLOCKED_BY.into(), vec![id()]),
            (blocks::KNOWN.into(), vec![id(), id()]),
            (sql::advance_heads(backend), vec![rows(), now.clone()]),
            (sql::markers(backend), vec![rows()]),
            (sql::move_members(backend), vec![rows(), now]),
            (sql::chats_of(), vec![id(), 500_i64.into()]),
            (sql::chat_of(), vec![id(), id()]),
            (sql::members_of(backend), vec![rows()]),
            (live::live_members(backend), vec![rows()]),
            (live::live_blocks(backend), vec![rows()]),
            (live::touch_people(backend), vec![rows()]),
            (sql::events_in(backend), vec![rows()]),
            (sql::messages_at(backend), vec![rows()]),
            (sql::locked_heads(backend, "chats"), vec![rows()]),
            (sql::locked_heads(backend, "users"), vec![rows()]),
            (streams::USER_EVENTS.into(), vec![id(), 0_i64.into(), 9_i64.into()]),
        ];
        for (sql, values) in statements {
            // The rows of the parameter are walked whole, which is what they are for.
            let meant = ["json_each", "counted", "Function Scan on json_to_recordset"];
            held.assert_indexed(&Statement::from_sql_and_values(backend, sql, values), &meant).await;
        }
    })
    .await;
}
