//! Running a job now.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::act::{Aim, Change, Stored};
use super::model::{Actor, Entry, Permission, Reason};
use super::{Admin, Audited, Inner, authz};
use crate::error::Result;
use crate::store::{JobClaim, Tx};

impl Admin {
    /// Whether an actor may see jobs.
    ///
    /// # Errors
    /// Those of permissions.
    pub fn may_see_jobs(&self, actor: &Actor) -> Result<()> {
        authz::may(actor, Permission::ViewSystem, authz::Target::System)
    }

    /// Takes a job as somebody who may do so, and begins its run once that and its row in the audit log are stored.
    ///
    /// # Errors
    /// `conflict` while it runs; those of permissions and of the store.
    pub async fn run_job(
        &self,
        actor: &Actor,
        (permission, claim): (Permission, JobClaim),
        begin: impl Fn(&JobClaim) + Send + Sync + 'static,
        reason: Reason,
    ) -> Result<Audited<JobClaim>> {
        self.act(actor, reason, Running { permission, claim, begin: Arc::new(begin) }).await
    }
}

struct Running {
    permission: Permission,
    claim: JobClaim,
    begin: Arc<dyn Fn(&JobClaim) + Send + Sync>,
}

impl Change for Running {
    type Done = JobClaim;

    fn permission(&self) -> Option<Permission> {
        Some(self.permission)
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, tx: &mut Tx, _by: &Actor, _now: DateTime<Utc>) -> Stored<(JobClaim, Vec<Entry>)> {
        let claim = &self.claim;
        if !tx.claim_job(claim).await? {
            return Err(claim.refusal().into());
        }
        let entry = Entry::new("run_job", "job").on(claim.job).with(json!({ "run_id": claim.run }));
        Ok((claim.clone(), vec![entry]))
    }

    fn after(&self, _admin: &Inner, _by: &Actor, done: &JobClaim) {
        (self.begin)(done);
    }
}
