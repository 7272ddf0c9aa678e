//! The statements behind every message and every connect find their rows by an index, on both databases.

use sea_orm::{Statement, Value};

use crate::ids::new_id;
use crate::store::testing::on_each;
use crate::store::{blocks, edits, groups, live, message_sql as sql, reactions, streams, unread};

#[tokio::test]
async fn nothing_is_scanned_and_nothing_sorted() {
    on_each(async |held| {
        let backend = held.store.backend();
        let id = || Value::from(new_id());
        let rows = || Value::from("[]");
        let now: Value = chrono::DateTime::<chrono::Utc>::UNIX_EPOCH.into();
        let statements: [(String, Vec<Value>); 47] = [
            (sql::BY_CLIENT_ID.into(), vec![id(), id(), id()]),
            (sql::known(backend), vec![rows()]),
            (sql::gates(backend), vec![rows()]),
            (sql::blockers(backend), vec![rows()]),
            (sql::advance_withheld(backend), vec![rows()]),
            (sql::withheld_in(backend), vec![rows(), id()]),
            (sql::withheld_changes(backend), vec![rows(), id()]),
            (sql::withheld_events(backend), vec![rows(), id()]),
            (sql::reactions_to(backend), vec![rows(), id()]),
            (reactions::HELD.into(), vec![id(), 1_i64.into(), id(), "x".into()]),
            (reactions::UNSEEN_EVENT.into(), vec![id(), 1_i64.into()]),
            (edits::ERASED.into(), vec![id(), id(), id()]),
            (edits::MESSAGE.into(), vec![id(), id()]),
            (edits::IS_WITHHELD.into(), vec![id(), id(), 1_i64.into(), 1_i64.into()]),
            (edits::UNSEEN_BY.into(), vec![id(), 1_i64.into(), 1_i64.into(), id()]),
            (blocks::BLOCKS_OF.into(), vec![id(), 500_i64.into()]),
            (blocks::BLOCKED_BY.into(), vec![id()]),
            (blocks::KNOWN.into(), vec![id(), id()]),
            (sql::advance_heads(backend), vec![rows(), now.clone()]),
            (sql::markers(backend), vec![rows()]),
            (sql::move_members(backend), vec![rows(), now.clone()]),
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
            (groups::GROUPS_HELD.into(), vec![id()]),
            (groups::ACTIVE.into(), vec![id()]),
            (groups::INVITED.into(), vec![id(), now.clone()]),
            (groups::INVITES_TO.into(), vec![id(), now.clone()]),
            (groups::INVITES_FROM.into(), vec![id(), now.clone()]),
            (groups::invites_to(), vec![id(), now.clone(), 50_i64.into()]),
            (groups::invites_from(), vec![id(), now.clone(), 50_i64.into()]),
            (groups::invite_of(), vec![id(), id(), now.clone()]),
            (groups::gate(backend), vec![id(), id()]),
            (groups::reach(), vec![id(), id(), "a:b".into()]),
            (unread::UNREAD_CHATS.into(), vec![now.clone(), 9_i64.into()]),
            (unread::UNREAD_MESSAGES.into(), vec![id(), id(), 1_i64.into(), 101_i64.into(), 9_i64.into()]),
            (unread::unread_members(), vec![id(), now.clone()]),
            (unread::unread_mail(), vec![id(), now.clone(), id()]),
            (streams::NEWS.into(), vec![id(), 0_i64.into(), 9_i64.into()]),
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
