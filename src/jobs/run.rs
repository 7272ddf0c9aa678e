//! One run of a job: its lease, its time-out, and how it ended.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::Instrument;

use super::{Job, Jobs, Progress, lease, lost};
use crate::store::{JobClaim, JobOutcome, StoreError};
use crate::telemetry::names;

/// Times it is tried to note the end of a run; then the lease says it.
const NOTE_TRIES: u32 = 5;
/// The pause between two such tries.
const NOTE_PAUSE: Duration = Duration::from_secs(1);
/// The least time between two times that it is stored how far a run is.
const TELL_EVERY: Duration = Duration::from_secs(1);

impl Jobs {
    /// Does the run that a stored claim is for, whether or not anybody waits for it.
    pub fn proceed(&self, claim: &JobClaim) -> JoinHandle<()> {
        let (jobs, claim) = (self.clone(), claim.clone());
        let span = tracing::info_span!("job", job.name = claim.job, run.id = %claim.run);
        let run = async move {
            let Ok(job) = jobs.job(claim.job) else { return };
            let began = Instant::now();
            let (outcome, detail) = jobs.work(job, &claim).await;
            names::job_ended(job.name, outcome.as_str(), jobs.inner.clock.now().timestamp());
            let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            match outcome {
                JobOutcome::Ok => tracing::info!(duration_ms = ms, %detail, "a job is done"),
                _ => tracing::error!(duration_ms = ms, outcome = outcome.as_str(), %detail, "a job did not succeed"),
            }
            jobs.note(&claim, (outcome, detail)).await;
        };
        self.inner.supervisor.spawn("job", run.instrument(span))
    }

    /// The work with its bounds.
    async fn work(&self, job: &Job, claim: &JobClaim) -> (JobOutcome, Value) {
        let why = |text: &str| json!({ "error": text });
        let (progress, heard) = Progress::new();
        let work = AssertUnwindSafe(async { (job.work)(progress).await }).catch_unwind();
        tokio::select! {
            biased;
            ended = tokio::time::timeout(job.timeout, work) => match ended {
                Ok(Ok(Ok(detail))) => (JobOutcome::Ok, detail),
                Ok(Ok(Err(error))) => {
                    tracing::error!(source = ?error.source, "a job failed");
                    (JobOutcome::Failed, why(&error.detail))
                }
                Ok(Err(_panic)) => (JobOutcome::Failed, why("It panicked: see the log of that moment.")),
                Err(_late) => (JobOutcome::TimedOut, json!({ "error": "It took too long.", "timeout_seconds": job.timeout.as_secs() })),
            },
            () = self.hold(claim, heard) => (JobOutcome::Interrupted, why("Its lease went to another node.")),
            () = self.inner.supervisor.stopping().cancelled() => (JobOutcome::Interrupted, why("The server stopped.")),
        }
    }

    /// Renews the lease for as long as it is ours, and stores meanwhile how far the run is.
    async fn hold(&self, claim: &JobClaim, heard: watch::Receiver<Value>) {
        tokio::select! {
            () = self.renew(claim) => {}
            () = self.hear(claim, heard) => {}
        }
    }

    async fn renew(&self, claim: &JobClaim) {
        let inner = &self.inner;
        loop {
            tokio::time::sleep(inner.limits.job_lease / 3).await;
            let until = inner.clock.now() + lease(&inner.limits);
            let renewed = inner.store.renew_job(claim.job, claim.run, until).await;
            if let Err(error) = &renewed {
                tracing::warn!(%error, "the lease of a job could not be renewed");
            }
            if lost(&renewed) {
                return;
            }
        }
    }

    /// Stores how far it is, for as long as it goes on.
    async fn hear(&self, claim: &JobClaim, mut heard: watch::Receiver<Value>) {
        while heard.changed().await.is_ok() {
            let detail = heard.borrow_and_update().clone();
            if let Err(error) = self.inner.store.note_job(claim.run, detail).await {
                tracing::warn!(%error, "how far a job is could not be stored");
            }
            tokio::time::sleep(TELL_EVERY).await;
        }
        // The work is over or tells no more: whoever waits hears of its end elsewhere.
        std::future::pending::<()>().await;
    }

    /// Notes how it ended. What cannot be noted counts as interrupted when the lease is over.
    async fn note(&self, claim: &JobClaim, ended: (JobOutcome, Value)) {
        let inner = &self.inner;
        let keep = u64::try_from(inner.limits.job_runs_kept).unwrap_or(u64::MAX);
        for _ in 0..NOTE_TRIES {
            let noted = inner.store.end_job((claim.job, claim.run), ended.clone(), inner.clock.now(), keep).await;
            match noted {
                Ok(_) => return,
                Err(StoreError::Unavailable(error)) => {
                    tracing::warn!(%error, "the end of a job could not be noted yet");
                    tokio::time::sleep(NOTE_PAUSE).await;
                }
                Err(error) => return tracing::error!(%error, "the end of a job cannot be noted"),
            }
        }
    }
}
