//! A run over everybody, and its report.

use sea_orm::entity::prelude::*;

use crate::ids::RunId;

/// A row of `match_runs`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RunId,
    /// 1 while it runs: there is one at a time.
    pub running: Option<i32>,
    /// `running`, `done`, `failed` or `abandoned`.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    pub started_at: DateTimeUtc,
    /// Its last sign of life.
    pub alive_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
    /// What it looked at, what it left out and why, what it made.
    pub diagnostic: Option<Json>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
