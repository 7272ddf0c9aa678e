//! A pair: how well the two fit, and what each has decided. One row for ever; what it is now follows from it.

use sea_orm::entity::prelude::*;

use crate::ids::{RunId, SuggestionId, UserId};

/// A row of `match_suggestions`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_suggestions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SuggestionId,
    /// The one whose id is lower.
    pub low_id: UserId,
    pub high_id: UserId,
    /// Who suggested it last.
    pub run_id: RunId,
    /// The newest run suggests it.
    pub is_offered: bool,
    /// Outside the promise that nothing blocks.
    pub is_extra: bool,
    #[sea_orm(column_type = "Text")]
    pub algorithm: String,
    /// The mutual score, exactly: the bits of a double.
    pub score_bits: i64,
    /// The same in whole percent.
    pub fit_index: i32,
    /// Where the pair stands among all that could be suggested to `low_id`.
    pub low_rank: i32,
    pub high_rank: i32,
    /// `undecided`, `accepted` or `passed`; no run touches it.
    #[sea_orm(column_type = "Text")]
    pub low_decision: String,
    pub low_decided_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text")]
    pub high_decision: String,
    pub high_decided_at: Option<DateTimeUtc>,
    pub expires_at: DateTimeUtc,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
