//! The audit log as admins read it, export it and prove it.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::act::{Aim, Change, Stored};
use super::model::{Actor, Entry, Permission, Reason};
use super::{Admin, Audited, authz};
use crate::error::Result;
use crate::ids::{UniversityId, UserId};
use crate::store::{ActionFilter, ActionRow, Finding, Proof, Tx};

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionList {
    /// The newest first.
    pub actions: Vec<ActionLine>,
    /// What to send as `before` for the next page; none on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<i64>,
}

/// A row of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionLine {
    /// Its number.
    pub seq: i64,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who; none for operators on the host and the system.
    pub admin_user_id: Option<UserId>,
    /// Their role then.
    pub actor_role: Option<String>,
    /// `session`, `token`, `cli` or `system`.
    pub auth_method: String,
    /// What was done.
    pub action: String,
    /// To what sort of thing.
    pub entity_type: String,
    /// To which.
    pub entity_id: Option<String>,
    /// At which university.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub university_id: Option<UniversityId>,
    /// Why.
    pub reason: Option<String>,
    /// The sort of case that it was done for.
    pub case_type: Option<String>,
    /// Which case.
    pub case_id: Option<String>,
    /// What else matters.
    #[schema(value_type = Object)]
    pub metadata: serde_json::Value,
    /// What changed, as it was.
    #[schema(value_type = Option<Object>)]
    pub before: Option<serde_json::Value>,
    /// What changed, as it became.
    #[schema(value_type = Option<Object>)]
    pub after: Option<serde_json::Value>,
    /// `ok`, `denied` or `error`.
    pub outcome: String,
    /// The request.
    pub request_id: Option<String>,
    /// The truncated address.
    pub ip_truncated: Option<String>,
    /// Its hash, over itself and the hash before.
    pub hash: String,
}

impl From<ActionRow> for ActionLine {
    fn from(row: ActionRow) -> Self {
        Self {
            seq: row.seq,
            created_at: row.created_at,
            admin_user_id: row.admin,
            actor_role: row.role,
            auth_method: row.auth_method,
            action: row.action,
            entity_type: row.entity_type,
            entity_id: row.entity_id,
            university_id: row.university,
            reason: row.reason,
            case_type: row.case_type,
            case_id: row.case_id,
            metadata: row.metadata,
            before: row.before,
            after: row.after,
            outcome: row.outcome,
            request_id: row.request_id,
            ip_truncated: row.address,
            hash: row.hash,
        }
    }
}

/// What a proof of the audit log came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditProof {
    /// All is well.
    pub sound: bool,
    /// Rows that were looked at.
    pub rows: u64,
    /// The newest number.
    pub head: i64,
    /// What is wrong, and where.
    pub findings: Vec<AuditFinding>,
}

/// Something that is wrong with the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditFinding {
    /// The first number that it concerns.
    pub from: i64,
    /// The last.
    pub to: i64,
    /// What.
    pub what: String,
}

impl From<Proof> for AuditProof {
    fn from(Proof { rows, head, findings }: Proof) -> Self {
        let finding = |Finding { from, to, what }| AuditFinding { from, to, what: String::from(what) };
        Self { sound: findings.is_empty(), rows, head, findings: findings.into_iter().map(finding).collect() }
    }
}

impl Admin {
    /// A page of what an actor may read of the audit log.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn actions(&self, actor: &Actor, filter: &ActionFilter, limit: usize) -> Result<ActionList> {
        let scope = authz::scope(actor, Permission::ReadAudit)?;
        let rows = self.inner.store.actions(filter, scope, u64::try_from(limit).unwrap_or(u64::MAX)).await?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.seq);
        Ok(ActionList { actions: rows.into_iter().map(ActionLine::from).collect(), next })
    }

    /// The newest rows of what an actor may read, as many as an export holds; that they were exported is in the log too.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn export_actions(&self, actor: &Actor, filter: ActionFilter) -> Result<Audited<ActionList>> {
        authz::scope(actor, Permission::ExportAudit)?;
        let limit = self.inner.limits.audit_export_max;
        let done = self.act(actor, Reason::evident("exported"), Exporting { filter: filter.clone() }).await?;
        let list = self.actions(actor, &filter, limit).await?;
        Ok(done.map(|()| list))
    }

    /// Proves the audit log: every row, the chain, and the anchor outside of the database.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn prove_actions(&self, actor: &Actor) -> Result<AuditProof> {
        authz::may(actor, Permission::ViewSystem, authz::Target::System)?;
        let proof = self.inner.store.prove_actions().await?;
        if let Some(first) = proof.findings.first() {
            tracing::error!(
                action.seq = first.from,
                what = first.what,
                findings = proof.findings.len(),
                "the audit log is not sound"
            );
        }
        Ok(proof.into())
    }
}

impl ActionList {
    /// The same as a table for programs that calculate.
    ///
    /// # Why
    /// A cell that begins like a formula is run by some of them: it is quoted.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from(
            "seq,created_at,admin_user_id,actor_role,auth_method,action,entity_type,entity_id,university_id,reason,\
             case_type,case_id,outcome,request_id,ip_truncated,metadata,before,after,hash\r\n",
        );
        for line in &self.actions {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let json = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string).unwrap_or_default();
            let cells = [
                line.seq.to_string(),
                line.created_at.to_rfc3339(),
                line.admin_user_id.map(|user| user.to_string()).unwrap_or_default(),
                text(&line.actor_role),
                line.auth_method.clone(),
                line.action.clone(),
                line.entity_type.clone(),
                text(&line.entity_id),
                line.university_id.map(|university| university.to_string()).unwrap_or_default(),
                text(&line.reason),
                text(&line.case_type),
                text(&line.case_id),
                line.outcome.clone(),
                text(&line.request_id),
                text(&line.ip_truncated),
                line.metadata.to_string(),
                json(&line.before),
                json(&line.after),
                line.hash.clone(),
            ];
            let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
            // Writing to a text cannot fail.
            let _written = write!(csv, "{}\r\n", cells.join(",")).is_ok();
        }
        csv
    }
}

fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if formula { "'" } else { "" };
    if formula || text.contains([',', '"', '\r', '\n']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

struct Exporting {
    filter: ActionFilter,
}

impl Change for Exporting {
    type Done = ();

    fn permission(&self) -> Option<Permission> {
        Some(Permission::ExportAudit)
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::List)
    }

    async fn make(&self, _tx: &mut Tx, _by: &Actor, _now: DateTime<Utc>) -> Stored<((), Vec<Entry>)> {
        let ActionFilter { action, entity_type, entity_id, admin, from, to, before } = &self.filter;
        let said = json!({
            "action": action, "entity_type": entity_type, "entity_id": entity_id, "admin_user_id": admin,
            "from": from, "to": to, "before": before,
        });
        Ok(((), vec![Entry::new("export_audit", "audit_log").with(said)]))
    }
}
