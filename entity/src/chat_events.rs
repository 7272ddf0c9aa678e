//! One durable event of a chat's stream.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, MessageId, UserId};

/// A row of `chat_events`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: ChatId,
    /// From 1, gapless within the chat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// Messages in the chat up to and including this event, so that a read position is also a count.
    pub n: i64,
    /// `message`, `message.edited`, `message.deleted`, `chat` or `member`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    pub actor_id: Option<UserId>,
    /// No foreign key: it is checked by nobody on the hot path, and trimmed together with its message.
    pub message_id: Option<MessageId>,
    /// What the kind needs besides; never a message's text.
    pub data: Option<Json>,
    pub created_at: DateTimeUtc,
    /// The place of the message that this event changes; none when it is the message itself, or about none.
    pub about_n: Option<i64>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
