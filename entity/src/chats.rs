//! A chat, of two people or of a group, and the head of its stream.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, UserId};

/// A row of `chats`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chats")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ChatId,
    pub is_group: bool,
    /// Only groups have one.
    #[sea_orm(column_type = "Text", nullable)]
    pub name: Option<String>,
    /// Unique; both user ids in order, only for chats of two.
    #[sea_orm(column_type = "Text", nullable)]
    pub pair_key: Option<String>,
    pub created_by: Option<UserId>,
    /// `open` or `closed`.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// Number of the newest event; 0: none yet.
    pub head_seq: i64,
    /// Ordinal of the newest message; 0: none yet.
    pub head_n: i64,
    /// Events up to and including this number have been trimmed.
    pub base_seq: i64,
    pub last_message_at: Option<DateTimeUtc>,
    /// Since when somebody may have messages unread that no mail told of.
    pub unread_at: Option<DateTimeUtc>,
    pub closed_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text", nullable)]
    pub closed_reason: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
