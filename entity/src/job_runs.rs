//! Runs of jobs: those under way, and the newest that are over.

use sea_orm::entity::prelude::*;

use crate::ids::JobRunId;

/// A row of `job_runs`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobRunId,
    #[sea_orm(column_type = "Text")]
    pub job: String,
    /// `schedule`, `cron`, `admin` or `operator`.
    #[sea_orm(column_type = "Text")]
    pub started_by: String,
    /// The process that ran it.
    #[sea_orm(column_type = "Text")]
    pub node: String,
    pub started_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    /// `running`, `ok`, `failed`, `timed_out` or `interrupted`.
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
    /// What it counted, or what went wrong.
    pub detail: Option<Json>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
