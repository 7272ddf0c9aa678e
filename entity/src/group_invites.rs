//! Who was asked to join a group, and what became of it.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, UserId};

/// A row of `group_invites`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "group_invites")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: ChatId,
    /// Who was asked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Who asked.
    pub inviter_id: UserId,
    /// `open`, `accepted`, `declined` or `withdrawn`; an open one past its end is over.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// Whether who was asked never sees it, because they had blocked who asked.
    pub is_withheld: bool,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
