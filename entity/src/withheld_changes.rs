//! Messages that a member sees no more: changed while their author was blocked, or deleted by the member for themself.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, UserId};

/// A row of `withheld_changes`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "withheld_changes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: ChatId,
    /// Who does not see it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The message's place among the messages.
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i64,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
