//! The jobs there are.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Job;
use crate::accounts::Accounts;
use crate::admin::{Actor, Admin};
use crate::error::Error;

const HOUR: Duration = Duration::from_secs(3_600);

/// Every job.
pub fn jobs(accounts: &Accounts, admin: &Admin) -> Vec<Job> {
    let (accounts, admin) = (accounts.clone(), admin.clone());
    vec![
        Job {
            name: "retention",
            about: "Removes sessions, codes, mails and never confirmed accounts that are long over",
            timeout: HOUR,
            work: Arc::new(move || {
                let accounts = accounts.clone();
                Box::pin(async move { accounts.purge().await })
            }),
        },
        Job {
            name: "audit-proof",
            about: "Proves that the audit log is whole and unchanged",
            timeout: HOUR,
            work: Arc::new(move || {
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
