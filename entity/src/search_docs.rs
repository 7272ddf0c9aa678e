//! Messages that can be found by their words; the words are the database's own.

use sea_orm::entity::prelude::*;

use crate::ids::ChatId;

/// A row of `search_docs`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "search_docs")]
pub struct Model {
    /// The moment it was sent, and what tells it apart from others of that moment.
    #[sea_orm(primary_key, auto_increment = false)]
    pub doc: i64,
    pub chat_id: ChatId,
    /// The message's number in the chat's stream.
    pub seq: i64,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
