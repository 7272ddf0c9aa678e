//! Who belongs to a chat, and how far each has received and read.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, UserId};

/// A row of `chat_members`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_members")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: ChatId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// `member` or `owner`.
    #[sea_orm(column_type = "Text")]
    pub role: String,
    /// `active` or `left`.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    pub joined_at: DateTimeUtc,
    /// Head of the chat when this person joined; they see what comes after it.
    pub joined_seq: i64,
    pub left_at: Option<DateTimeUtc>,
    /// Read up to and including this event.
    pub read_seq: i64,
    /// Ordinal of the newest read message; unread is the chat's `head_n` less this.
    pub read_n: i64,
    /// Received up to and including this event.
    pub recv_seq: i64,
    /// Ordinal of the newest message withheld from this member; 0: none ever was.
    pub withheld_n: i64,
    /// How many withheld messages come after the newest read one.
    pub withheld_unread: i64,
    /// Ordinal of the newest message before the withheld ones that end at `withheld_n`; 0: none.
    pub shown_n: i64,
    /// Ordinal of the newest message before this person joined.
    pub joined_n: i64,
    /// Whether this person has deleted messages for themself.
    pub has_erased: bool,
    /// The event with which this person left.
    pub left_seq: Option<i64>,
    /// This person does not want to be told of the chat until then.
    pub muted_until: Option<DateTimeUtc>,
    /// How far this person had read when they were last mailed about the chat.
    pub mailed_n: Option<i64>,
    pub updated_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
