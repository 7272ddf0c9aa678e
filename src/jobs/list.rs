//! What operators see of jobs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Jobs;
use super::crons::PATH;
use crate::error::{Error, Result};
use crate::ids::JobRunId;
use crate::store::JobRun;

/// Every job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    /// The time zone in which schedules are read.
    pub zone: String,
    /// The jobs.
    pub jobs: Vec<JobLine>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobLine {
    /// Its name.
    pub name: String,
    /// What it does.
    pub about: String,
    /// Where a scheduler elsewhere runs it.
    pub path: String,
    /// When it is due: minute, hour, day, month, weekday; none: only when somebody asks for it.
    pub expression: Option<String>,
    /// When it runs next by itself.
    pub next_run: Option<DateTime<Utc>>,
    /// It runs now.
    pub running: bool,
    /// It is stopped when it takes longer.
    pub timeout_seconds: u64,
    /// Its newest runs, the newest first.
    pub runs: Vec<RunLine>,
}

/// A run of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunLine {
    /// Its id.
    pub run_id: JobRunId,
    /// Of which job.
    pub job: String,
    /// What started it: `schedule`, `cron` or `admin`.
    pub started_by: String,
    /// The process that ran it.
    pub node: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How long it took.
    pub duration_ms: Option<i64>,
    /// `running`, `ok`, `failed`, `timed_out` or `interrupted`.
    pub outcome: String,
    /// What it counted, or what went wrong.
    #[schema(value_type = Object)]
    pub detail: Value,
}

impl From<JobRun> for RunLine {
    fn from(run: JobRun) -> Self {
        Self {
            run_id: run.id,
            job: run.job,
            started_by: run.started_by,
            node: run.node,
            started_at: run.started_at,
            ended_at: run.ended_at,
            duration_ms: run.ended_at.map(|ended| (ended - run.started_at).num_milliseconds()),
            outcome: run.outcome,
            detail: run.detail.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        }
    }
}

impl Jobs {
    /// Every job, with its newest runs.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(&self) -> Result<JobList> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let shown = u64::try_from(inner.limits.job_runs_shown).unwrap_or(u64::MAX);
        let mut jobs = Vec::with_capacity(inner.jobs.len());
        for (job, schedule) in &inner.jobs {
            let state = inner.store.job_state(job.name, now).await?;
            let looked_at = state.map_or(now, |state| state.looked_at);
            let runs = inner.store.job_runs(job.name, shown).await?;
            jobs.push(JobLine {
                name: job.name.to_owned(),
                about: job.about.to_owned(),
                path: format!("{PATH}{}", job.name),
                expression: schedule.as_ref().map(|due| due.expression().to_owned()),
                next_run: schedule.as_ref().and_then(|due| due.next_after(looked_at)),
                running: state.is_some_and(|state| state.held_by.is_some()),
                timeout_seconds: job.timeout.as_secs(),
                runs: runs.into_iter().map(RunLine::from).collect(),
            });
        }
        Ok(JobList { zone: inner.zone.name().to_owned(), jobs })
    }

    /// One run.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn line(&self, run: JobRunId) -> Result<RunLine> {
        let run = self.inner.store.job_run(run).await?;
        run.map(RunLine::from).ok_or_else(|| Error::internal(anyhow::anyhow!("a run of a job is not there")))
    }
}
