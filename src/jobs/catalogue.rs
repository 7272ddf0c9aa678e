//! The jobs there are.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{Job, Progress};
use crate::accounts::Accounts;
use crate::admin::{Actor, Admin};
use crate::error::Error;
use crate::matchmaking::Matchmaking;
use crate::onboarding::Onboarding;

const HOUR: Duration = Duration::from_secs(3_600);

/// The job that suggests people to each other.
pub const MATCH: &str = "match";
/// The job that makes vectors.
pub const BACKFILL_VECTORS: &str = "backfill-vectors";

/// Every job.
pub fn jobs(accounts: &Accounts, admin: &Admin, (onboarding, matchmaking): (&Onboarding, &Matchmaking)) -> Vec<Job> {
    let (accounts, admin) = (accounts.clone(), admin.clone());
    let (onboarding, matchmaking) = (onboarding.clone(), matchmaking.clone());
    vec![
        Job {
            name: MATCH,
            about: "Suggests people to each other: every pair is considered, no decision is touched",
            timeout: HOUR,
            work: Arc::new(move |_progress| {
                let matchmaking = matchmaking.clone();
                Box::pin(async move {
                    let report = matchmaking.run().await?;
                    Ok(json!({
                        "runId": report.run, "processed": report.people, "total": report.people,
                        "considered": report.considered, "suggested": report.suggested, "created": report.created,
                        "withdrawn": report.withdrawn, "quarantined": report.quarantined,
                        "notificationsSent": report.told,
                    }))
                })
            }),
        },
        Job {
            name: BACKFILL_VECTORS,
            about: "Makes what the matcher scores from the answers of people for whom it is missing or stale",
            timeout: HOUR,
            work: Arc::new(move |progress: Progress| {
                let onboarding = onboarding.clone();
                Box::pin(async move {
                    let told = |done: &crate::onboarding::Backfill| progress.tell(json!(done));
                    Ok(json!(onboarding.backfill(told).await?))
                })
            }),
        },
        Job {
            name: "retention",
            about: "Removes sessions, codes, mails and never confirmed accounts that are long over",
            timeout: HOUR,
            work: Arc::new(move |_progress| {
                let accounts = accounts.clone();
                Box::pin(async move { accounts.purge().await })
            }),
        },
        Job {
            name: "audit-proof",
            about: "Proves that the audit log is whole and unchanged",
            timeout: HOUR,
            work: Arc::new(move |_progress| {
                let admin = admin.clone();
                Box::pin(async move {
                    let proof = admin.prove_actions(&Actor::system()).await?;
                    if let Some(first) = proof.findings.first() {
                        let cause = anyhow::anyhow!("{} from row {} on", first.what, first.from);
                        let mut error = Error::internal(cause);
                        error.detail = format!("The audit log is not sound from row {} on: {}", first.from, first.what);
                        return Err(error);
                    }
                    Ok(json!({ "rows": proof.rows, "head": proof.head }))
                })
            }),
        },
    ]
}
