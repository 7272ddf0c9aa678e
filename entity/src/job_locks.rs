//! Who runs a job now, and up to when its schedule was looked at: one row a job.

use sea_orm::entity::prelude::*;

use crate::ids::JobRunId;

/// A row of `job_locks`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_locks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub job: String,
    /// What was due until then has begun.
    pub looked_at: DateTimeUtc,
    /// The run that holds the job.
    pub run_id: Option<JobRunId>,
    /// It holds it until then, unless it says again that it does.
    pub leased_until: Option<DateTimeUtc>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
