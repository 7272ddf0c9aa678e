//! Events that are no messages and that a member does not see.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, UserId};

/// A row of `withheld_events`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "withheld_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: ChatId,
    /// Who does not see it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The event's number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
