//! The tables of Domu, one file a table, and the typed ids of their rows.

#![allow(missing_docs, reason = "a column says itself what it is")]

pub mod ids;

pub mod auth_tokens;
pub mod chat_events;
pub mod chat_members;
pub mod chats;
pub mod match_blocklist;
pub mod messages;
pub mod outbox;
pub mod pictures;
pub mod profiles;
pub mod sessions;
pub mod store_meta;
pub mod universities;
pub mod user_events;
pub mod users;
pub mod withheld_messages;
