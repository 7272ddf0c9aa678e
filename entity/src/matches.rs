//! Two people who accepted each other, and their chat.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, SuggestionId, UserId};

/// A row of `matches`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "matches")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub suggestion_id: SuggestionId,
    pub low_id: UserId,
    pub high_id: UserId,
    pub chat_id: ChatId,
    pub matched_at: DateTimeUtc,
    /// One of them ended it: they are never suggested to each other again.
    pub ended_at: Option<DateTimeUtc>,
    pub ended_by: Option<UserId>,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub note: Option<String>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
