//! Every decision about a pair, in order; only added to.

use sea_orm::entity::prelude::*;

use crate::ids::{SuggestionId, UserId};

/// A row of `match_decisions`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_decisions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub suggestion_id: SuggestionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i32,
    pub user_id: UserId,
    #[sea_orm(column_type = "Text")]
    pub decision: String,
    pub decided_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
