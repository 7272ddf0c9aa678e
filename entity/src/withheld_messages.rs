//! Messages that a member never sees, because their author was blocked when they were sent.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, UserId};

/// A row of `withheld_messages`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "withheld_messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: ChatId,
    /// Who does not see it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The message's number in the chat's stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// Its place among the messages.
    pub n: i64,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
