//! Runs of jobs, and the leases by which each runs once at a time, on however many nodes.
//!
//! `job_locks` has a row for each job. Whoever changes it from free to held has the job; the row lock of that one
//! statement decides between nodes. `looked_at` moves when the schedule starts a run, so that a run that is over before
//! the other node looks is not run again.

use chrono::{DateTime, Utc};
use entity::{job_locks, job_runs};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement};
use serde_json::Value;

use super::{Lane, Store, StoreError, Tx};
use crate::error::Error;
use crate::ids::JobRunId;
use crate::protocol::codes::Code;

/// How a run of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// It is under way.
    Running,
    /// It did what it is for.
    Ok,
    /// It failed.
    Failed,
    /// It took too long and was stopped.
    TimedOut,
    /// Its process ended before it did.
    Interrupted,
}

impl JobOutcome {
    /// The column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A wish to run a job now.
#[derive(Clone, Debug)]
pub struct JobClaim {
    /// Which.
    pub job: &'static str,
    /// The id of the run.
    pub run: JobRunId,
    /// The process.
    pub node: String,
    /// What starts it.
    pub started_by: &'static str,
    /// The time of the schedule that it is for; none: somebody asks for it.
    pub due: Option<DateTime<Utc>>,
    /// The present.
    pub now: DateTime<Utc>,
    /// Until when the job is held, unless that is renewed.
    pub until: DateTime<Utc>,
}

impl JobClaim {
    /// Why it is not granted.
    pub fn refusal(&self) -> Error {
        Error::new(Code::Conflict, format!("The job {} is running. Wait until it ends.", self.job))
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobState {
    /// What was due until then has begun.
    pub looked_at: DateTime<Utc>,
    /// The run that holds it, if one does.
    pub held_by: Option<JobRunId>,
}

/// A run of a job as it is stored.
pub type JobRun = job_runs::Model;

/// Takes a free job. What the schedule asks for is taken once, by whoever comes first.
const CLAIM: &str = "UPDATE job_locks SET run_id = $2, leased_until = $3, looked_at = CASE WHEN $4 THEN $5 ELSE looked_at END \
     WHERE job = $1 AND (leased_until IS NULL OR leased_until <= $5) AND (NOT $4 OR looked_at < $6)";

/// Runs whose lease is over.
const CUT: &str = "outcome = 'running' AND NOT EXISTS (SELECT 1 FROM job_locks l WHERE l.job = job_runs.job \
     AND l.run_id = job_runs.id AND l.leased_until > $1)";

impl Store {
    /// Where a job stands; none: it was never looked at.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn job_state(&self, job: &str, now: DateTime<Utc>) -> Result<Option<JobState>, StoreError> {
        let row = self.timed(job_locks::Entity::find_by_id(job.to_owned()).one(self.reader())).await?;
        Ok(row.map(|row| JobState {
            looked_at: row.looked_at,
            held_by: row.run_id.filter(|_| row.leased_until.is_some_and(|until| until > now)),
        }))
    }

    /// The newest runs of a job, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn job_runs(&self, job: &str, limit: u64) -> Result<Vec<JobRun>, StoreError> {
        let runs = job_runs::Entity::find()
            .filter(job_runs::Column::Job.eq(job))
            .order_by_desc(job_runs::Column::Id)
            .limit(limit)
            .all(self.reader());
        self.timed(runs).await
    }

    /// One run.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn job_run(&self, run: JobRunId) -> Result<Option<JobRun>, StoreError> {
        self.timed(job_runs::Entity::find_by_id(run).one(self.reader())).await
    }

    /// Begins to look at a job's schedule, from now on, unless that was begun.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn know_job(&self, job: &'static str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let known = self.write(Lane::Small, move |tx| Box::pin(async move { tx.know_job(job, now).await }));
        known.await.map(|_committed| ())
    }

    /// Takes a job to run it; false when it runs already, or what was due has begun.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn claim_job(&self, claim: JobClaim) -> Result<bool, StoreError> {
        let claimed = self.write(Lane::Small, move |tx| Box::pin(async move { tx.claim_job(&claim).await }));
        claimed.await.map(|committed| committed.value)
    }

    /// Stores how far a run is, unless it has ended.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn note_job(&self, run: JobRunId, detail: Value) -> Result<(), StoreError> {
        let noted = self.write(Lane::Small, move |tx| {
            Box::pin(async move {
                let sql = "UPDATE job_runs SET detail = $2 WHERE id = $1 AND outcome = 'running'";
                tx.conn().execute_raw(tx.statement(sql, [run.into(), detail.into()])).await?;
                Ok(())
            })
        });
        noted.await.map(|_committed| ())
    }

    /// Holds a job for longer; false when somebody else has it by now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn renew_job(&self, job: &str, run: JobRunId, until: DateTime<Utc>) -> Result<bool, StoreError> {
        let job = job.to_owned();
        let renewed = self.write(Lane::Small, move |tx| {
            Box::pin(async move {
                let renew = tx.statement(
                    "UPDATE job_locks SET leased_until = $3 WHERE job = $1 AND run_id = $2",
                    [job.into(), run.into(), until.into()],
                );
                Ok(tx.conn().execute_raw(renew).await?.rows_affected() > 0)
            })
        });
        renewed.await.map(|committed| committed.value)
    }

    /// Notes how a run ended, gives the job back, and forgets all but the newest `keep` runs of it; false when the run
    /// counted as over already.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn end_job(
        &self,
        (job, run): (&'static str, JobRunId),
        (outcome, detail): (JobOutcome, Value),
        now: DateTime<Utc>,
        keep: u64,
    ) -> Result<bool, StoreError> {
        let ended = self.write(Lane::Small, move |tx| {
            Box::pin(async move {
                let end = tx.statement(
                    "UPDATE job_runs SET outcome = $2, detail = $3, ended_at = $4 WHERE id = $1 AND outcome = 'running'",
                    [run.into(), outcome.as_str().into(), detail.into(), now.into()],
                );
                let ended = tx.conn().execute_raw(end).await?.rows_affected() > 0;
                let free = tx.statement(
                    "UPDATE job_locks SET run_id = NULL, leased_until = NULL WHERE job = $1 AND run_id = $2",
                    [job.into(), run.into()],
                );
                tx.conn().execute_raw(free).await?;
                let keep = i64::try_from(keep).unwrap_or(i64::MAX);
                let forget = tx.statement(
                    "DELETE FROM job_runs WHERE job = $1 AND outcome <> 'running' AND id <= \
                     (SELECT r.id FROM job_runs r WHERE r.job = $1 ORDER BY r.id DESC LIMIT 1 OFFSET $2)",
                    [job.into(), keep.into()],
                );
                tx.conn().execute_raw(forget).await?;
                Ok(ended)
            })
        });
        ended.await.map(|committed| committed.value)
    }

    /// Frees every job: for a process that knows that no other runs any.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn free_jobs(&self) -> Result<(), StoreError> {
        let query = "SELECT 1 FROM job_runs WHERE outcome = 'running' LIMIT 1";
        if self.timed(self.reader().query_one_raw(Statement::from_string(self.backend(), query))).await?.is_none() {
            return Ok(());
        }
        let freed = self.write(Lane::Small, |tx| {
            Box::pin(async move {
                tx.conn().execute_unprepared("UPDATE job_locks SET run_id = NULL, leased_until = NULL").await?;
                Ok(())
            })
        });
        freed.await.map(|_committed| ())
    }

    /// Notes as interrupted what nobody runs any more, and says how many runs that were.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn note_cut_jobs(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        // Most looks find nothing: they must not take the writer.
        let query = format!("SELECT 1 FROM job_runs WHERE {CUT} LIMIT 1");
        let query = Statement::from_sql_and_values(self.backend(), query, [now.into()]);
        if self.timed(self.reader().query_one_raw(query)).await?.is_none() {
            return Ok(0);
        }
        let noted = self.write(Lane::Small, move |tx| {
            Box::pin(async move {
                let sql = format!("UPDATE job_runs SET outcome = 'interrupted', ended_at = $1 WHERE {CUT}");
                Ok(tx.conn().execute_raw(tx.statement(&sql, [now.into()])).await?.rows_affected())
            })
        });
        noted.await.map(|committed| committed.value)
    }
}

impl Tx {
    async fn know_job(&mut self, job: &'static str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let know = self.statement(
            "INSERT INTO job_locks (job, looked_at) VALUES ($1, $2) ON CONFLICT (job) DO NOTHING",
            [job.into(), now.into()],
        );
        self.conn().execute_raw(know).await?;
        Ok(())
    }

    /// Takes a job to run it; false when it runs already, or what was due has begun. A run that held it for too long
    /// counts as interrupted.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn claim_job(&mut self, claim: &JobClaim) -> Result<bool, StoreError> {
        self.know_job(claim.job, claim.now).await?;
        let take = self.statement(
            CLAIM,
            [
                claim.job.into(),
                claim.run.into(),
                claim.until.into(),
                claim.due.is_some().into(),
                claim.now.into(),
                claim.due.unwrap_or(claim.now).into(),
            ],
        );
        if self.conn().execute_raw(take).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let cut = self.statement(
            "UPDATE job_runs SET outcome = 'interrupted', ended_at = $2 WHERE job = $1 AND outcome = 'running'",
            [claim.job.into(), claim.now.into()],
        );
        self.conn().execute_raw(cut).await?;
        let run = job_runs::ActiveModel {
            id: Set(claim.run),
            job: Set(claim.job.to_owned()),
            started_by: Set(claim.started_by.to_owned()),
            node: Set(claim.node.clone()),
            started_at: Set(claim.now),
            ended_at: Set(None),
            outcome: Set(JobOutcome::Running.as_str().to_owned()),
            detail: Set(None),
        };
        job_runs::Entity::insert(run).exec_without_returning(self.conn()).await?;
        Ok(true)
    }
}
