//! Every list of the store as it is really asked: heard on its way to the database, and its plan looked at, on both.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::ids::{ChatId, ClientMessageId, MessageId, new_id};
use crate::store::testing::{TestStore, hear, on_each};
use crate::store::{Lane, NewMarker, NewMessage, Range};

/// Every function that reads many rows. A new one fails the test until it stands here and is called below.
const LISTS: [&str; 26] = [
    "accounts::university_domains",
    "blocks::blocked_by",
    "blocks::blocks_of",
    "blocks::set_block",
    "chats::chats_of",
    "chats::events_in",
    "chats::locked_heads",
    "chats::members_of",
    "chats::messages_at",
    "chats::withhold_from",
    "epoch::known",
    "leftovers::purge_auth_tokens",
    "leftovers::purge_unconfirmed",
    "live::live_chats",
    "mails::claim_mails",
    "mails::purge_mails_of",
    "messages::gates",
    "messages::known",
    "messages::places",
    "messages::withhold",
    "sessions::purge_sessions",
    "sessions::revoke_sessions_of",
    "sessions::sessions_of",
    "sessions::surplus_sessions",
    "streams::trim_user_events",
    "streams::user_events",
];

/// Functions of the store that ask for many rows, from its source.
fn lists() -> BTreeSet<String> {
    let mut lists = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() || room == "testing" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut name = "";
        for line in text.split("#[cfg(test)]").next().unwrap().lines() {
            if let Some((_, after)) = line.split_once("fn ")
                && let Some(end) = after.find(['(', '<'])
            {
                name = &after[..end];
            }
            if line.contains("query_all_raw(") || line.contains(".all(") || line.contains(".stream(") {
                lists.insert(format!("{room}::{name}"));
            }
        }
    }
    lists
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_123).unwrap()
}

fn message(chat: ChatId, sender: crate::ids::UserId) -> NewMessage {
    NewMessage {
        id: MessageId(new_id()),
        chat,
        sender,
        cid: ClientMessageId(new_id()),
        text: "hoi".to_owned(),
        digest: [7; 32],
        reply_to: None,
    }
}

async fn ask_everything(test: &TestStore) {
    let store = &test.store;
    let (one, other) = (test.person().await, test.person().await);
    let chat = ChatId(new_id());
    store
        .write(Lane::Chat, move |tx| {
            Box::pin(async move {
                tx.open_pair(chat, (one, other), 100, "match", now()).await?;
                tx.set_block((one, other), true, 0, now()).await?;
                tx.set_block((one, other), true, 9, now()).await?;
                tx.append_messages(&[message(chat, other)], now()).await?;
                let marker = NewMarker { chat, user: one, read: Some(2), recv: 2 };
                tx.move_markers(&[marker], &std::collections::HashMap::new(), now()).await?;
                tx.surplus_sessions(one, 2, now()).await?;
                tx.revoke_sessions_of(one, None, "test".to_owned(), now()).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    store.university_domains().await.unwrap();
    store.blocks_of(one, 9).await.unwrap();
    store.blocked_by(one).await.unwrap();
    store.chats_of(one, 9).await.unwrap();
    store.members_of(&[chat]).await.unwrap();
    let range = Range { chat, after: 0, to: 9, withholds: true };
    store.events_in(one, &[range]).await.unwrap();
    store.messages_at(&[(chat, 1)]).await.unwrap();
    store.settled_heads(vec![chat], vec![one]).await.unwrap();
    store.trim_user_events(one, 9, 0, 9).await.unwrap();
    store.user_events(one, 0, 9).await.unwrap();
    store.mirror_epoch().await.unwrap();
    let before = now() + TimeDelta::days(1);
    store.purge_auth_tokens(before, 9).await.unwrap();
    store.purge_unconfirmed(before, 9).await.unwrap();
    store.claim_mails(now(), 9, |_| None).await.unwrap();
    store.purge_mails(before, 9).await.unwrap();
    store.purge_dead_mails(before, 9).await.unwrap();
    store.purge_sessions(before, 9).await.unwrap();
    store.sessions_of(one, now(), now(), 9).await.unwrap();
}

#[tokio::test]
async fn every_list_finds_its_rows_by_an_index() {
    assert_eq!(lists(), LISTS.iter().map(|name| (*name).to_owned()).collect());
    on_each(async |test| {
        hear();
        ask_everything(&test).await;
        let mut plans = BTreeSet::new();
        for statement in hear().into_iter().filter(|heard| heard.db_backend == test.store.backend()) {
            let lists = statement.sql.starts_with("SELECT") && statement.sql != "SELECT 1";
            if lists && plans.insert(statement.sql.clone()) {
                // Parameters are walked whole; a country has few universities.
                let meant = ["json_each", "counted", "Function Scan on json_to_recordset", "universities"];
                test.assert_indexed(&statement, &meant).await;
            }
        }
        assert!(plans.len() >= LISTS.len(), "{} statements were heard: {plans:#?}", plans.len());
    })
    .await;
}
