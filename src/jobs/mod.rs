//! Jobs: what happens by itself, when `vercel.json` says so, once at a time on however many nodes.
//!
//! A run begins by taking the job's lease and ends by giving it back; while it goes on, the lease is renewed. A run whose
//! process is gone loses its lease and is noted as interrupted. Whatever was missed while no server ran is made up for by
//! one run.

pub mod catalogue;
pub mod crons;
mod list;
mod run;
pub mod schedule;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

pub use self::list::{JobLine, JobList, RunLine};
use self::schedule::Schedule;
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::error::{Error, Result};
use crate::ids::{JobRunId, new_id};
use crate::protocol::codes::Code;
use crate::store::{JobClaim, JobOutcome, Store, StoreError};
use crate::supervise::Supervisor;

/// The file in the data directory that says when jobs are due.
const FILE: &str = "vercel.json";

/// How often whoever waits for a run looks whether it is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The work of a job: it may be stopped at any await, tells how far it is if that takes long, and says what it counted.
pub type Work = Arc<dyn Fn(Progress) -> BoxFuture<'static, Result<Value>> + Send + Sync>;

/// How far a run is; what is told is stored with the run, at most once a second.
#[derive(Clone, Debug)]
pub struct Progress {
    told: watch::Sender<Value>,
}

impl Progress {
    fn new() -> (Self, watch::Receiver<Value>) {
        let (told, heard) = watch::channel(Value::Null);
        (Self { told }, heard)
    }

    /// Says how far it is, as it is to stand with the run until it ends.
    pub fn tell(&self, detail: Value) {
        self.told.send_replace(detail);
    }
}

/// Something that happens by itself.
#[derive(Clone)]
pub struct Job {
    /// Its name, which is the end of its path.
    pub name: &'static str,
    /// What it does, for operators.
    pub about: &'static str,
    /// It is stopped when it takes longer.
    pub timeout: Duration,
    /// What it does.
    pub work: Work,
}

/// What starts a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The schedule.
    Schedule,
    /// A scheduler elsewhere.
    Cron,
    /// An admin, or an operator on the host.
    Admin,
}

impl Trigger {
    /// The column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Cron => "cron",
            Self::Admin => "admin",
        }
    }
}

/// What the scheduler is made of.
pub struct Parts {
    /// Where runs are noted.
    pub store: Store,
    /// Every bound.
    pub limits: Arc<Limits>,
    /// Time.
    pub clock: Clock,
    /// Spawner of runs.
    pub supervisor: Supervisor,
}

/// The scheduler; cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    zone: Tz,
    jobs: Vec<(Job, Option<Schedule>)>,
    /// This process, as it is told apart from others.
    node: String,
}

impl std::ops::Deref for Inner {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// The file that the configuration means, and its text.
fn file(config: &Config) -> anyhow::Result<(String, String)> {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path);
        text.with_context(|| format!("reading when jobs are due, from {}", path.display()))
    };
    let beside = config.data_dir.join(FILE);
    match &config.jobs_file {
        Some(path) => Ok((path.display().to_string(), read(path)?)),
        None if beside.exists() => Ok((beside.display().to_string(), read(&beside)?)),
        None => Ok((FILE.to_owned(), crons::EMBEDDED.to_owned())),
    }
}

impl Jobs {
    /// The scheduler of these jobs, as the file says that the configuration means.
    ///
    /// # Errors
    /// The file cannot be read, or what is wrong with it and where.
    pub fn new(config: &Config, parts: Parts, jobs: Vec<Job>) -> anyhow::Result<Self> {
        let (path, text) = file(config)?;
        let known: Vec<_> = jobs.iter().map(|job| job.name).collect();
        let planned =
            crons::parse(&text, &known, config.jobs_zone).map_err(|problem| anyhow::anyhow!("{path}: {problem}"))?;
        let schedule = |job: &Job| planned.iter().find(|(name, _)| *name == job.name).map(|(_, due)| due.clone());
        let jobs = jobs.into_iter().map(|job| (schedule(&job), job)).map(|(due, job)| (job, due)).collect();
        let node = format!("{}-{}", std::process::id(), new_id().simple());
        Ok(Self { inner: Arc::new(Inner { parts, zone: config.jobs_zone, jobs, node }) })
    }

    /// Notes what a process left that was killed.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn recover(&self) -> Result<()> {
        let inner = &self.inner;
        if inner.store.is_embedded() {
            // The store's lock says that no other process is there.
            inner.store.free_jobs().await?;
        }
        let cut = inner.store.note_cut_jobs(inner.clock.now()).await?;
        if cut > 0 {
            tracing::warn!(runs = cut, "runs of jobs were cut short; they are noted as interrupted");
        }
        Ok(())
    }

    /// Runs what is due, until the supervisor stops.
    pub fn spawn(&self) {
        let jobs = self.clone();
        let stopping = self.inner.supervisor.stopping().clone();
        let _task = self.inner.supervisor.spawn("jobs", async move {
            loop {
                if let Err(error) = jobs.tick().await {
                    tracing::warn!(%error, "it could not be seen which jobs are due");
                }
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = tokio::time::sleep(jobs.inner.limits.job_tick) => {}
                }
            }
        });
    }

    /// Begins what is due, and says how many runs that are.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tick(&self) -> Result<usize> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let cut = inner.store.note_cut_jobs(now).await?;
        if cut > 0 {
            tracing::warn!(runs = cut, "runs of jobs lost their lease");
        }
        let mut begun = 0;
        for (job, schedule) in &inner.jobs {
            let Some(schedule) = schedule else { continue };
            let Some(state) = inner.store.job_state(job.name, now).await? else {
                inner.store.know_job(job.name, now).await?;
                continue;
            };
            let due = schedule.next_after(state.looked_at).filter(|due| *due <= now);
            let Some(due) = due.filter(|_| state.held_by.is_none()) else { continue };
            let claim = self.claim(job.name, Trigger::Schedule, Some(due))?;
            if inner.store.claim_job(claim.clone()).await? {
                let _run = self.proceed(&claim);
                begun += 1;
            }
        }
        Ok(begun)
    }

    /// Runs a job now, unless it runs already, and waits a while for its end.
    ///
    /// # Errors
    /// `not_found`; `conflict` while it runs; those of the store.
    pub async fn run(&self, name: &str, trigger: Trigger) -> Result<RunLine> {
        let claim = self.claim(name, trigger, None)?;
        if !self.inner.store.claim_job(claim.clone()).await? {
            return Err(claim.refusal());
        }
        let _run = self.proceed(&claim);
        self.ended(claim.run).await
    }

    /// Waits a while for the end of a run; one that takes longer goes on by itself.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ended(&self, run: JobRunId) -> Result<RunLine> {
        let deadline = Instant::now() + self.inner.limits.job_wait;
        loop {
            let line = self.line(run).await?;
            if line.outcome != JobOutcome::Running.as_str() || deadline <= Instant::now() {
                return Ok(line);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// A wish to run a job now, to be stored by whoever may.
    ///
    /// # Errors
    /// `not_found` when there is no such job.
    pub fn claim(&self, name: &str, trigger: Trigger, due: Option<DateTime<Utc>>) -> Result<JobClaim> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let job = self.job(name)?.name;
        let until = now + lease(&inner.limits);
        let (run, node, started_by) = (JobRunId(new_id()), inner.node.clone(), trigger.as_str());
        Ok(JobClaim { job, run, node, started_by, due, now, until })
    }

    fn job(&self, name: &str) -> Result<&Job> {
        let found = self.inner.jobs.iter().map(|(job, _)| job).find(|job| job.name == name);
        found.ok_or_else(|| Error::new(Code::NotFound, "There is no such job. See GET /api/admin/jobs."))
    }
}

/// For how long a job is held at a time.
fn lease(limits: &Limits) -> TimeDelta {
    TimeDelta::from_std(limits.job_lease).unwrap_or(TimeDelta::MAX)
}

/// Whether somebody else has the job by now; a store that does not answer leaves that open.
fn lost(renewed: &std::result::Result<bool, StoreError>) -> bool {
    matches!(renewed, Ok(false))
}
