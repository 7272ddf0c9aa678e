//! A mail that waits to be sent, or was sent; written in the transaction of its cause.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, MailId, UserId};

/// A row of `outbox`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MailId,
    /// `mail`.
    #[sea_orm(column_type = "Text")]
    pub channel: String,
    #[sea_orm(column_type = "Text")]
    pub recipient: String,
    #[sea_orm(column_type = "Text")]
    pub template: String,
    /// What the template is filled with.
    pub params: Json,
    pub attempts: i32,
    /// Not to be tried before this.
    pub next_at: DateTimeUtc,
    pub sent_at: Option<DateTimeUtc>,
    /// Why the last attempt failed.
    #[sea_orm(column_type = "Text", nullable)]
    pub error: Option<String>,
    /// Whom a mail about unread messages tells.
    pub user_id: Option<UserId>,
    /// The chat it tells of.
    pub chat_id: Option<ChatId>,
    pub created_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
