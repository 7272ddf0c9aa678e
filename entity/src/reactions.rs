//! What people say to messages without words.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, UserId};

/// A row of `reactions`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reactions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: ChatId,
    /// The message's place among the messages.
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i64,
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// What it shows.
    #[sea_orm(primary_key, auto_increment = false)]
    pub emoji: String,
    /// The number of the event that says so.
    pub seq: i64,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
