//! What happened to reports, in one order for all of them: the feed of admins and the history of each case.

use sea_orm::entity::prelude::*;

use crate::ids::{ReportId, UserId};

/// A row of `report_events`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "report_events")]
pub struct Model {
    /// From 1, gapless.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub report_id: ReportId,
    /// `created`, `claimed`, `released` or `decided`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// None: the program itself.
    pub actor_id: Option<UserId>,
    pub data: Json,
    pub created_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
