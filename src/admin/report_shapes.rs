//! What admins see of reports.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::ids::{ChatId, MessageId, ReportId, UserId};
use crate::protocol::reports::Status;
use crate::store::{ReportEventRow, ReportRow, ReportedPerson};

/// Somebody in a report.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportParty {
    /// Who.
    pub(super) id: UserId,
    /// First name.
    pub(super) first_name: String,
}

/// A report in the queue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportSummary {
    /// Which.
    pub(super) id: ReportId,
    /// To be sent with every change: 1, and one more for each.
    pub(super) rev: i32,
    /// Where it stands.
    pub(super) status: Status,
    /// 0 is the worst, 3 the least.
    pub(super) severity: i32,
    /// What is wrong, as the reporter sees it.
    pub(super) category: String,
    /// `message`, `user` or `group`.
    pub(super) kind: String,
    /// `user`, or `auto` when the program itself filed it.
    pub(super) source: String,
    /// In the reporter's words.
    #[schema(required)]
    pub(super) details: Option<String>,
    /// Who filed it.
    #[schema(required)]
    pub(super) reporter: Option<ReportParty>,
    /// Whom it is about; none: a group.
    #[schema(required)]
    pub(super) target: Option<ReportParty>,
    /// The chat.
    #[schema(required)]
    pub(super) chat_id: Option<ChatId>,
    /// The message.
    #[schema(required)]
    pub(super) mid: Option<MessageId>,
    /// With it enough people had reported the target: they are hidden until an admin decides.
    pub(super) auto_blocked: bool,
    /// Who looks at it.
    #[schema(required)]
    pub(super) claimed_by: Option<UserId>,
    /// Until when it is theirs alone.
    #[schema(required)]
    pub(super) claimed_until: Option<DateTime<Utc>>,
    /// Who decided.
    #[schema(required)]
    pub(super) decided_by: Option<UserId>,
    /// What was done.
    #[schema(required)]
    pub(super) action: Option<String>,
    /// The rule that rests on.
    #[schema(required)]
    pub(super) policy: Option<String>,
    /// Why.
    #[schema(required)]
    pub(super) reason: Option<String>,
    /// When.
    #[schema(required)]
    pub(super) resolved_at: Option<DateTime<Utc>>,
    /// When it was filed.
    pub(super) created_at: DateTime<Utc>,
}

impl From<ReportRow> for ReportSummary {
    fn from(row: ReportRow) -> Self {
        let party = |party: Option<(UserId, String)>| party.map(|(id, first_name)| ReportParty { id, first_name });
        let (claimed_by, claimed_until) = row.claimed.unzip();
        Self {
            id: row.id,
            rev: row.rev,
            status: row.status,
            severity: row.severity,
            category: row.category,
            kind: row.kind,
            source: row.source,
            details: row.details,
            reporter: party(row.reporter),
            target: party(row.target),
            chat_id: row.chat,
            mid: row.message,
            auto_blocked: row.auto_blocked,
            claimed_by,
            claimed_until,
            decided_by: row.admin,
            action: row.action,
            policy: row.policy,
            reason: row.reason,
            resolved_at: row.resolved_at,
            created_at: row.created_at,
        }
    }
}

/// A page of the queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportList {
    /// With a status the worst first, and of those the oldest; else the newest first.
    pub(super) reports: Vec<ReportSummary>,
    /// What to send as `after` for the next page; none on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) next: Option<ReportId>,
    /// Reports in one's scope that nobody looks at.
    pub(super) open: i64,
    /// Reports in one's scope that somebody looks at.
    pub(super) in_review: i64,
}

/// Something that happened to a report.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportEvent {
    /// Its number in the feed.
    pub(super) seq: i64,
    /// Which report.
    pub(super) report_id: ReportId,
    /// `created`, `claimed`, `released` or `decided`.
    pub(super) kind: String,
    /// Who did it; none: the program itself.
    #[schema(required)]
    pub(super) actor: Option<UserId>,
    /// What the kind says besides: among others `status` and `rev`.
    #[schema(value_type = Object)]
    pub(super) data: Value,
    /// When.
    pub(super) at: DateTime<Utc>,
}

impl From<ReportEventRow> for ReportEvent {
    fn from(row: ReportEventRow) -> Self {
        Self { seq: row.seq, report_id: row.report, kind: row.kind, actor: row.actor, data: row.data, at: row.at }
    }
}

/// A stretch of the feed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportEvents {
    /// In order; numbers are missing that are out of one's scope.
    pub(super) events: Vec<ReportEvent>,
    /// The number up to which this tells everything: what to send as `after` for what comes next.
    pub(super) next: i64,
    /// There is more already.
    pub(super) more: bool,
}

/// What is known of a person in reports.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportStanding {
    /// Reports about them.
    pub(super) reported: i64,
    /// By so many people.
    pub(super) reported_by: i64,
    /// Of those reports, acted upon.
    pub(super) reported_actioned: i64,
    /// Reports by them.
    pub(super) filed: i64,
    /// Of those, acted upon.
    pub(super) filed_actioned: i64,
    /// Of those, dismissed.
    pub(super) filed_dismissed: i64,
    /// Not suspended.
    pub(super) active: bool,
    /// The identity is verified.
    pub(super) verified: bool,
    /// Since when nobody is sent what they write.
    #[schema(required)]
    pub(super) muted_at: Option<DateTime<Utc>>,
    /// Until when; none: until somebody decides.
    #[schema(required)]
    pub(super) muted_until: Option<DateTime<Utc>>,
    /// Since when they are suggested to nobody.
    #[schema(required)]
    pub(super) hidden_at: Option<DateTime<Utc>>,
    /// When they signed up.
    #[schema(required)]
    pub(super) created_at: Option<DateTime<Utc>>,
}

impl From<ReportedPerson> for ReportStanding {
    fn from(person: ReportedPerson) -> Self {
        let ReportedPerson { reported, reported_by, reported_actioned, filed, filed_actioned, filed_dismissed, .. } =
            person;
        Self {
            reported,
            reported_by,
            reported_actioned,
            filed,
            filed_actioned,
            filed_dismissed,
            active: person.active,
            verified: person.verified,
            muted_at: person.muted_at,
            muted_until: person.muted_until,
            hidden_at: person.hidden_at,
            created_at: person.created_at,
        }
    }
}

/// A case.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportView {
    /// The report.
    pub(super) report: ReportSummary,
    /// What it is about as it was then: `messages` (each with its `sha256`), and `profile` or `group`.
    #[schema(value_type = Object)]
    pub(super) evidence: Value,
    /// SHA-256 of the evidence when it was filed, in hex.
    pub(super) evidence_sha256: String,
    /// The evidence still has it.
    pub(super) intact: bool,
    /// What happened to it.
    pub(super) timeline: Vec<ReportEvent>,
    /// The reporter's history.
    #[schema(required)]
    pub(super) reporter: Option<ReportStanding>,
    /// The target's history.
    #[schema(required)]
    pub(super) target: Option<ReportStanding>,
}
