//! A message; the only row that holds its text.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, ClientMessageId, MessageId, UserId};

/// A row of `messages`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageId,
    pub chat_id: ChatId,
    /// The event that brought it.
    pub seq: i64,
    /// Ordinal among the messages of its chat, from 1, gapless.
    pub n: i64,
    /// None: the system speaks.
    pub user_id: Option<UserId>,
    /// `user` or `system`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// Made by the client, the same on every retry.
    pub client_msg_id: Option<ClientMessageId>,
    #[sea_orm(column_type = "Text")]
    pub content: String,
    /// SHA-256 of the text, to tell a retry from a reused client id.
    pub content_hash: Option<Vec<u8>>,
    /// Parameters of a typed system text.
    pub params: Option<Json>,
    /// No foreign key: a quote outlives what it quotes.
    pub reply_to_id: Option<MessageId>,
    /// The event that brought the message it answers.
    pub reply_seq: Option<i64>,
    pub created_at: DateTimeUtc,
    pub edited_at: Option<DateTimeUtc>,
    pub deleted_at: Option<DateTimeUtc>,
    /// 1, and one more for each change.
    pub rev: i32,
    /// The event that changed it last.
    pub change_seq: Option<i64>,
    /// How many reactions it has.
    pub reaction_count: i32,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
