//! Reports: the queue, a case with its evidence and both histories, claims, and decisions with their effect.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::act::{Aim, Change, Stored};
use super::authz::{self, hidden};
use super::model::{Actor, Entry, Permission, Reason, Role};
use super::people::{MODERATOR_DAYS_MAX, spare_admins};
use super::report_shapes::{ReportEvent, ReportEvents, ReportList, ReportStanding, ReportSummary, ReportView};
use super::{Admin, Audited, Inner};
use crate::accounts::StandingChange;
use crate::error::{Error, Result};
use crate::ids::{ReportId, UserId};
use crate::protocol::codes::Code;
use crate::protocol::events;
use crate::protocol::reports::{Category, Status};
use crate::store::{Blocking, ReportChange, ReportFilter, ReportRow, StoreError, Tx};

/// Longest mute, in hours.
pub const MUTE_HOURS_MAX: u32 = 720;

/// What is decided, from light to heavy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportAction {
    /// Nothing is to be done.
    Dismiss,
    /// The message is taken back for everybody.
    RemoveMessage,
    /// The target is told what they did.
    Warn,
    /// Nobody is sent what the target writes, for some hours.
    Mute,
    /// The reporter hears nothing more from the target.
    BlockPair,
    /// The target is signed out and cannot come back for some days.
    Suspend,
    /// The target is signed out and cannot come back.
    Ban,
}

impl ReportAction {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Dismiss => "dismiss",
            Self::RemoveMessage => "remove_message",
            Self::Warn => "warn",
            Self::Mute => "mute",
            Self::BlockPair => "block_pair",
            Self::Suspend => "suspend",
            Self::Ban => "ban",
        }
    }

    /// What the audit log calls it.
    const fn audited(self) -> &'static str {
        match self {
            Self::Dismiss => "dismiss_report",
            Self::RemoveMessage => "delete_reported_message",
            Self::Warn => "warn_user",
            Self::Mute => "mute_user",
            Self::BlockPair => "block_pair",
            Self::Suspend => "suspend_users",
            Self::Ban => "ban_user",
        }
    }
}

/// A decision.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The revision of the report that the admin has seen.
    pub rev: i32,
    /// What is done.
    pub action: ReportAction,
    /// The rule that was broken; only a dismissal needs none.
    pub policy: Option<Category>,
    /// For how many hours, when the target is muted.
    pub hours: Option<u32>,
    /// For how many days, when the target is suspended.
    pub days: Option<u32>,
    /// What the target is told of it.
    pub message: Option<String>,
}

impl Admin {
    /// Reports in scope.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn reports(&self, actor: &Actor, filter: ReportFilter, limit: usize) -> Result<ReportList> {
        let scope = authz::scope(actor, Permission::HandleReports)?;
        let rows = self.inner.store.reports(filter, scope, u64::try_from(limit).unwrap_or(u64::MAX)).await?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.id);
        let (open, in_review) = self.inner.store.reports_waiting(scope).await?;
        Ok(ReportList { reports: rows.into_iter().map(ReportSummary::from).collect(), next, open, in_review })
    }

    /// What happened to reports in scope after a number of the feed.
    ///
    /// # Errors
    /// Those of permissions and of the store; `unrecoverable_position` for a number that is still to come.
    pub async fn report_events(&self, actor: &Actor, after: i64, limit: usize) -> Result<ReportEvents> {
        let scope = authz::scope(actor, Permission::HandleReports)?;
        let rows = self.inner.store.report_events(after, u64::try_from(limit).unwrap_or(u64::MAX)).await?;
        if rows.is_empty() && after > self.inner.store.reports_head().await? {
            let detail = "The feed does not reach that far. Read the list of reports, and go on from 0.";
            return Err(Error::new(Code::UnrecoverablePosition, detail));
        }
        let more = rows.len() == limit;
        let next = rows.last().map_or(after, |row| row.seq);
        let events = rows.into_iter().filter(|row| scope.sees(&row.universities)).map(ReportEvent::from).collect();
        Ok(ReportEvents { events, next, more })
    }

    /// A case, which the audit log is told.
    ///
    /// # Errors
    /// Those of permissions and of the store; `not_found`.
    pub async fn report(&self, actor: &Actor, id: ReportId) -> Result<Audited<ReportView>> {
        self.act(actor, Reason::evident("viewed"), ViewingReport { id }).await
    }

    /// Makes a report the actor's alone for a while, or gives it back. Whoever leads may take it from another.
    ///
    /// # Errors
    /// Those of permissions and of the store; `not_found`; `stale_rev` with the revision it has; `conflict` when it was
    /// decided or is another's.
    pub async fn claim_report(
        &self,
        actor: &Actor,
        (id, rev): (ReportId, i32),
        claim: Claim,
    ) -> Result<Audited<ReportSummary>> {
        let lease = TimeDelta::from_std(self.inner.limits.report_lease).map_err(Error::internal)?;
        self.act(actor, Reason::evident("claim of a case"), Claiming { id, rev, claim, lease }).await
    }

    /// Decides a report, and does what was decided in the same transaction.
    ///
    /// # Errors
    /// Those of permissions and of the store; `not_found`; `stale_rev`; `conflict` when it was decided or is another's;
    /// `bad_request` when the decision does not fit the report; `forbidden` for one's own case and for who is above the actor.
    pub async fn decide_report(
        &self,
        actor: &Actor,
        id: ReportId,
        decision: Decision,
        reason: Reason,
    ) -> Result<Audited<ReportSummary>> {
        let blocks_max = self.inner.limits.blocks_per_user_max;
        let change = Deciding { id, decision, reason: reason.clone(), blocks_max };
        self.act(actor, reason, change).await.map(|done| done.map(|decided| decided.report))
    }
}

/// What is done with a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Take it, if it is nobody's.
    Take,
    /// Take it, whosever it is.
    Steal,
    /// Give it back.
    Release,
}

async fn found(tx: &mut Tx, id: ReportId) -> Stored<ReportRow> {
    Ok(tx.report(id).await?.ok_or_else(hidden)?)
}

/// A report may be handled where at least one of its parties is.
async fn parties(tx: &mut Tx, id: ReportId) -> Stored<Aim> {
    Ok(Aim::Any(found(tx, id).await?.universities.to_vec()))
}

/// The report as it is now, if it is still as whoever changes it has seen it, undecided, and nobody else's.
async fn changeable(tx: &mut Tx, by: &Actor, (id, rev): (ReportId, i32), now: DateTime<Utc>) -> Stored<ReportRow> {
    let row = found(tx, id).await?;
    let refused = if row.status.is_final() {
        Error::new(Code::Conflict, "This report was decided already.")
    } else if row.rev != rev {
        let detail = "Somebody has changed this report meanwhile. Look at it again.";
        Error::new(Code::StaleRev, detail).with(json!({ "rev": row.rev }))
    } else if row.claimed.is_some_and(|(other, until)| Some(other) != by.user && until > now) {
        Error::new(Code::Conflict, "Somebody else looks at this report. Wait for them, or ask them to release it.")
    } else {
        return Ok(row);
    };
    Err(refused.into())
}

async fn write(tx: &mut Tx, row: &ReportRow, change: &ReportChange, now: DateTime<Utc>) -> Stored<ReportRow> {
    if tx.change_report((row.id, row.rev), change, now).await? {
        found(tx, row.id).await
    } else {
        Err(StoreError::from(Error::new(
            Code::StaleRev,
            "Somebody has changed this report meanwhile. Look at it again.",
        )))
    }
}

fn entry(action: &'static str, row: &ReportRow) -> Entry {
    let [reporter, target] = row.universities;
    Entry::new(action, "report").on(row.id).at(target.or(reporter)).of_case("report", row.id)
}

struct ViewingReport {
    id: ReportId,
}

impl Change for ViewingReport {
    type Done = ReportView;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::HandleReports)
    }

    async fn aim(&self, tx: &mut Tx) -> Stored<Aim> {
        parties(tx, self.id).await
    }

    async fn make(&self, tx: &mut Tx, _by: &Actor, _now: DateTime<Utc>) -> Stored<(ReportView, Vec<Entry>)> {
        let row = found(tx, self.id).await?;
        let (evidence, hash) = tx.report_evidence(self.id).await?.ok_or_else(hidden)?;
        let timeline = tx.report_timeline(self.id).await?.into_iter().map(ReportEvent::from).collect();
        let mut standings = [None, None];
        for (person, standing) in [&row.reporter, &row.target].into_iter().zip(&mut standings) {
            if let Some((user, _)) = person {
                *standing = tx.reported_person(*user).await?.map(ReportStanding::from);
            }
        }
        let [reporter, target] = standings;
        let told = entry("view_report", &row);
        let view = ReportView {
            report: row.into(),
            intact: Sha256::digest(evidence.to_string().as_bytes()).as_slice() == hash,
            evidence,
            evidence_sha256: hex::encode(hash),
            timeline,
            reporter,
            target,
        };
        Ok((view, vec![told]))
    }
}

struct Claiming {
    id: ReportId,
    rev: i32,
    claim: Claim,
    lease: TimeDelta,
}

impl Change for Claiming {
    type Done = ReportSummary;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::HandleReports)
    }

    async fn aim(&self, tx: &mut Tx) -> Stored<Aim> {
        parties(tx, self.id).await
    }

    async fn make(&self, tx: &mut Tx, by: &Actor, now: DateTime<Utc>) -> Stored<(ReportSummary, Vec<Entry>)> {
        let leads = by.role != Some(Role::Moderator);
        if self.claim == Claim::Steal && !leads {
            return Err(Error::new(Code::Forbidden, "A moderator cannot take a report from somebody else.").into());
        }
        let row = if self.claim == Claim::Steal {
            let whoever = Actor { user: found(tx, self.id).await?.claimed.map(|(user, _)| user), ..by.clone() };
            changeable(tx, &whoever, (self.id, self.rev), now).await?
        } else {
            changeable(tx, by, (self.id, self.rev), now).await?
        };
        let (status, kind, action, claimed) = match self.claim {
            Claim::Release => (Status::Open, "released", "release_report", None),
            Claim::Take | Claim::Steal => {
                let Some(user) = by.user else {
                    return Err(Error::bad_request("Only an admin with an account claims a report.").into());
                };
                (Status::InReview, "claimed", "claim_report", Some((user, now + self.lease)))
            }
        };
        let change = ReportChange { status, claimed, decided: None, by: by.user };
        let row = write(tx, &row, &change, now).await?;
        let until = row.claimed.map(|(_, until)| until);
        let data = json!({ "status": row.status, "rev": row.rev, "claimed_by": claimed.map(|(user, _)| user), "until": until });
        tx.emit_report(row.id, kind, by.user, data, now).await?;
        let told = entry(action, &row).with(json!({ "rev": row.rev }));
        Ok((row.into(), vec![told]))
    }
}

struct Deciding {
    id: ReportId,
    decision: Decision,
    reason: Reason,
    blocks_max: usize,
}

/// What a decision came to.
struct Decided {
    report: ReportSummary,
    /// Whose sockets close, and why.
    standing: Option<(UserId, StandingChange)>,
}

impl Deciding {
    fn standing(&self, by: &Actor, now: DateTime<Utc>) -> Result<Option<StandingChange>> {
        let until = match (self.decision.action, self.decision.days) {
            (ReportAction::Suspend, Some(days)) => {
                if by.role == Some(Role::Moderator) && days > MODERATOR_DAYS_MAX {
                    let detail = format!("A moderator suspends for 1 to {MODERATOR_DAYS_MAX} days.");
                    return Err(Error::bad_request(detail)
                        .with(json!({ "fields": [{ "field": "days", "detail": "are too many" }] })));
                }
                Some(now + TimeDelta::days(days.into()))
            }
            (ReportAction::Ban, _) => None,
            _ => return Ok(None),
        };
        Ok(Some(StandingChange::suspension(self.reason.as_str(), until)))
    }

    /// Does to the target what was decided.
    async fn carry_out(
        &self,
        tx: &mut Tx,
        by: &Actor,
        row: &ReportRow,
        now: DateTime<Utc>,
    ) -> Stored<Option<(UserId, StandingChange)>> {
        let target = row.target.as_ref().map(|(user, _)| *user);
        let sanction = |change, until: Option<DateTime<Utc>>| {
            json!(events::Sanction {
                change,
                until: until.map(|until| until.timestamp_millis()),
                policy: self.decision.policy.map(|policy| policy.as_str().to_owned()),
                message: self.decision.message.clone(),
            })
        };
        if self.decision.action == ReportAction::Dismiss {
            return Ok(None);
        }
        let Some(target) = target else {
            return Err(Error::bad_request("This report is about a group: dismiss it, or report its people.").into());
        };
        spare_admins(tx, by, target, matches!(self.decision.action, ReportAction::Suspend | ReportAction::Ban)).await?;
        match self.decision.action {
            ReportAction::Dismiss => {}
            ReportAction::RemoveMessage => {
                let (Some(chat), Some(message)) = (row.chat, row.message) else {
                    return Err(Error::bad_request("This report is about no message. Choose something else.").into());
                };
                // Its author may have taken it back meanwhile: then there is nothing left to do.
                tx.remove_message(chat, message, now).await?;
                tx.emit_user(target, "sanction", sanction("message_removed", None), now).await?;
            }
            ReportAction::Warn => {
                tx.emit_user(target, "sanction", sanction("warned", None), now).await?;
            }
            ReportAction::Mute => {
                let until = now + TimeDelta::hours(self.decision.hours.unwrap_or(1).into());
                tx.mute_user(target, until, now).await?;
                tx.emit_user(target, "sanction", sanction("muted", Some(until)), now).await?;
            }
            ReportAction::BlockPair => {
                let Some((reporter, _)) = row.reporter else {
                    return Err(Error::bad_request("Nobody filed this report. Choose something else.").into());
                };
                if tx.set_block((reporter, target), true, self.blocks_max, now).await? != Blocking::Done {
                    let detail = "The reporter cannot block this person. Choose something else.";
                    return Err(Error::new(Code::Conflict, detail).into());
                }
            }
            ReportAction::Suspend | ReportAction::Ban => {
                if let Some(standing) = self.standing(by, now)? {
                    standing.store(tx, target, now).await?;
                    return Ok(Some((target, standing)));
                }
            }
        }
        Ok(None)
    }
}

impl Change for Deciding {
    type Done = Decided;

    fn permission(&self) -> Option<Permission> {
        Some(match self.decision.action {
            ReportAction::Suspend => Permission::SuspendUsers,
            ReportAction::Ban => Permission::BanUsers,
            _ => Permission::HandleReports,
        })
    }

    async fn aim(&self, tx: &mut Tx) -> Stored<Aim> {
        let [reporter, target] = found(tx, self.id).await?.universities;
        Ok(match self.decision.action {
            // Whose account it is decides who may act upon it.
            ReportAction::Mute | ReportAction::Suspend | ReportAction::Ban => Aim::Each(vec![target]),
            _ => Aim::Any(vec![reporter, target]),
        })
    }

    async fn make(&self, tx: &mut Tx, by: &Actor, now: DateTime<Utc>) -> Stored<(Decided, Vec<Entry>)> {
        let row = changeable(tx, by, (self.id, self.decision.rev), now).await?;
        let own = [&row.reporter, &row.target].into_iter().flatten().any(|(user, _)| Some(*user) == by.user);
        if own {
            return Err(Error::new(Code::Forbidden, "This report is your own. Somebody else must decide it.").into());
        }
        let standing = self.carry_out(tx, by, &row, now).await?;
        let action = self.decision.action;
        let status = if action == ReportAction::Dismiss { Status::Dismissed } else { Status::Actioned };
        let policy = self.decision.policy.map_or("none", Category::as_str);
        let decided = (action.as_str(), policy, self.reason.as_str().to_owned());
        let change = ReportChange { status, claimed: None, decided: Some(decided), by: by.user };
        let before = json!({ "status": row.status, "rev": row.rev });
        let row = write(tx, &row, &change, now).await?;
        let data = json!({ "status": row.status, "rev": row.rev, "action": action, "policy": policy });
        tx.emit_report(row.id, "decided", by.user, data, now).await?;
        if let Some((reporter, _)) = row.reporter {
            let told = events::ReportOutcome { report_id: row.id, status: row.status };
            tx.emit_user(reporter, "report.outcome", json!(told), now).await?;
        }
        let target = row.target.as_ref().map(|(user, _)| *user);
        if let Some(target) = target
            && tx.unhide_user(target, now).await?
        {
            let told = events::Sanction { change: "unrestricted", ..events::Sanction::default() };
            tx.emit_user(target, "sanction", json!(told), now).await?;
        }
        let metadata = json!({
            "target": target, "policy": policy, "hours": self.decision.hours, "days": self.decision.days, "rev": row.rev,
        });
        let told = entry(action.audited(), &row)
            .changing(before, json!({ "status": row.status, "rev": row.rev }))
            .with(metadata)
            .because(self.reason.as_str());
        Ok((Decided { report: row.into(), standing }, vec![told]))
    }

    fn after(&self, admin: &Inner, _by: &Actor, done: &Decided) {
        if let Some((user, standing)) = &done.standing {
            admin.accounts.enforce(*user, standing);
        }
    }
}
