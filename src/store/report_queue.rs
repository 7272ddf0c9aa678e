//! The queue of reports: listed, read with both histories, and changed one revision at a time.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use super::messages::signed;
use super::{Store, StoreError, Tx};
use crate::admin::model::Scope;
use crate::ids::{ChatId, MessageId, ReportId, UniversityId, UserId};
use crate::protocol::reports::Status;

/// Which reports are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReportFilter {
    /// Those that stand there: the worst first, and of those the oldest. Without it, and with a person: the newest first.
    pub status: Option<Status>,
    /// Only of this category.
    pub category: Option<&'static str>,
    /// Only about this person.
    pub target: Option<UserId>,
    /// Only by this person.
    pub reporter: Option<UserId>,
    /// Only those this admin has claimed or decided.
    pub admin: Option<UserId>,
    /// Behind this one.
    pub after: Option<ReportId>,
}

/// A report without its evidence.
#[derive(Clone, Debug)]
pub struct ReportRow {
    /// Which.
    pub id: ReportId,
    /// `user` or `auto`.
    pub source: String,
    /// Who filed it, with their first name; none: the program itself.
    pub reporter: Option<(UserId, String)>,
    /// Whom it is about, with their first name; none: a group.
    pub target: Option<(UserId, String)>,
    /// The universities of both, as they were.
    pub universities: [Option<UniversityId>; 2],
    /// `message`, `user` or `group`.
    pub kind: String,
    /// The chat.
    pub chat: Option<ChatId>,
    /// The message.
    pub message: Option<MessageId>,
    /// What is wrong.
    pub category: String,
    /// In the reporter's words.
    pub details: Option<String>,
    /// 0 is the worst.
    pub severity: i32,
    /// Where it stands.
    pub status: Status,
    /// 1, and one more for each change.
    pub rev: i32,
    /// It hid whom it is about.
    pub auto_blocked: bool,
    /// Who looks at it, and until when it is theirs alone.
    pub claimed: Option<(UserId, DateTime<Utc>)>,
    /// Who decided.
    pub admin: Option<UserId>,
    /// What.
    pub action: Option<String>,
    /// On which rule.
    pub policy: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub resolved_at: Option<DateTime<Utc>>,
    /// When it was filed.
    pub created_at: DateTime<Utc>,
}

/// What is known of a person in reports.
#[derive(Clone, Debug, Default)]
pub struct ReportedPerson {
    /// Reports about them.
    pub reported: i64,
    /// By so many people.
    pub reported_by: i64,
    /// Of those reports, acted upon.
    pub reported_actioned: i64,
    /// Reports by them.
    pub filed: i64,
    /// Of those, acted upon.
    pub filed_actioned: i64,
    /// Of those, dismissed.
    pub filed_dismissed: i64,
    /// Not suspended.
    pub active: bool,
    /// The identity is verified.
    pub verified: bool,
    /// Since when nobody is sent what they write.
    pub muted_at: Option<DateTime<Utc>>,
    /// Until when.
    pub muted_until: Option<DateTime<Utc>>,
    /// Since when they are suggested to nobody.
    pub hidden_at: Option<DateTime<Utc>>,
    /// When they signed up.
    pub created_at: Option<DateTime<Utc>>,
}

/// Something that happened to a report.
#[derive(Clone, Debug)]
pub struct ReportEventRow {
    /// Its number in the feed.
    pub seq: i64,
    /// Which report.
    pub report: ReportId,
    /// The universities of both parties.
    pub universities: [Option<UniversityId>; 2],
    /// What happened.
    pub kind: String,
    /// Who did it.
    pub actor: Option<UserId>,
    /// What the kind says besides.
    pub data: serde_json::Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a report becomes.
#[derive(Clone, Debug)]
pub struct ReportChange {
    /// Where it stands.
    pub status: Status,
    /// Who looks at it, and until when.
    pub claimed: Option<(UserId, DateTime<Utc>)>,
    /// What was decided, if it was: what, on which rule, why.
    pub decided: Option<(&'static str, &'static str, String)>,
    /// Who changes it.
    pub by: Option<UserId>,
}

const COLUMNS: &str = "SELECT r.id, r.source, r.reporter_id, r.target_user_id, r.reporter_university_id, \
     r.target_university_id, r.kind, r.chat_id, r.message_id, r.category, r.details, r.severity, r.status, r.rev, \
     r.auto_blocked, r.claimed_by, r.claimed_until, r.admin_id, r.action_taken, r.policy, r.decision_reason, r.resolved_at, \
     r.created_at, rp.first_name AS reporter_name, tp.first_name AS target_name FROM reports r \
     LEFT JOIN profiles rp ON rp.user_id = r.reporter_id LEFT JOIN profiles tp ON tp.user_id = r.target_user_id";

const EVENT_COLUMNS: &str = "SELECT e.seq, e.report_id, e.kind, e.actor_id, e.data, e.created_at, \
     r.reporter_university_id, r.target_university_id FROM report_events e JOIN reports r ON r.id = e.report_id";

/// What is known of a person in reports. Parameter: person.
const PERSON: &str = "SELECT u.is_active, u.identity_verified_at IS NOT NULL AND u.identity_revoked_at IS NULL AS verified, \
     u.muted_at, u.muted_until, u.hidden_at, u.created_at, \
     (SELECT COUNT(*) FROM reports r WHERE r.target_user_id = u.id) AS reported, \
     (SELECT COUNT(*) FROM reports r WHERE r.target_user_id = u.id AND r.reporter_id IS NOT NULL \
     AND NOT EXISTS (SELECT 1 FROM reports e WHERE e.reporter_id = r.reporter_id AND e.id < r.id \
     AND e.target_user_id = u.id)) AS reported_by, \
     (SELECT COUNT(*) FROM reports r WHERE r.target_user_id = u.id AND r.status = 'actioned') AS reported_actioned, \
     (SELECT COUNT(*) FROM reports r WHERE r.reporter_id = u.id) AS filed, \
     (SELECT COUNT(*) FROM reports r WHERE r.reporter_id = u.id AND r.status = 'actioned') AS filed_actioned, \
     (SELECT COUNT(*) FROM reports r WHERE r.reporter_id = u.id AND r.status = 'dismissed') AS filed_dismissed \
     FROM users u WHERE u.id = $1";

fn report(row: &QueryResult) -> Result<ReportRow, StoreError> {
    let status: String = row.try_get("", "status")?;
    let person = |id, name| -> Result<Option<(UserId, String)>, StoreError> {
        let id: Option<UserId> = row.try_get("", id)?;
        let name: Option<String> = row.try_get("", name)?;
        Ok(id.map(|id| (id, name.unwrap_or_default())))
    };
    let claimed_by: Option<UserId> = row.try_get("", "claimed_by")?;
    Ok(ReportRow {
        id: row.try_get("", "id")?,
        source: row.try_get("", "source")?,
        reporter: person("reporter_id", "reporter_name")?,
        target: person("target_user_id", "target_name")?,
        universities: universities(row)?,
        kind: row.try_get("", "kind")?,
        chat: row.try_get("", "chat_id")?,
        message: row.try_get("", "message_id")?,
        category: row.try_get("", "category")?,
        details: row.try_get("", "details")?,
        severity: row.try_get("", "severity")?,
        status: Status::named(&status).ok_or_else(|| StoreError::fault("a report of no known status"))?,
        rev: row.try_get("", "rev")?,
        auto_blocked: row.try_get("", "auto_blocked")?,
        claimed: claimed_by.zip(row.try_get("", "claimed_until")?),
        admin: row.try_get("", "admin_id")?,
        action: row.try_get("", "action_taken")?,
        policy: row.try_get("", "policy")?,
        reason: row.try_get("", "decision_reason")?,
        resolved_at: row.try_get("", "resolved_at")?,
        created_at: row.try_get("", "created_at")?,
    })
}

fn universities(row: &QueryResult) -> Result<[Option<UniversityId>; 2], StoreError> {
    Ok([row.try_get("", "reporter_university_id")?, row.try_get("", "target_university_id")?])
}

fn event(row: &QueryResult) -> Result<ReportEventRow, StoreError> {
    Ok(ReportEventRow {
        seq: row.try_get("", "seq")?,
        report: row.try_get("", "report_id")?,
        universities: universities(row)?,
        kind: row.try_get("", "kind")?,
        actor: row.try_get("", "actor_id")?,
        data: row.try_get("", "data")?,
        at: row.try_get("", "created_at")?,
    })
}

/// A condition that grows, with its values.
struct Where {
    sql: String,
    values: Vec<Value>,
}

impl Where {
    fn and(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        self.sql.push_str(&condition.replace('?', &format!("${}", self.values.len())));
    }

    fn scope(&mut self, scope: Scope) {
        match scope {
            Scope::All => {}
            Scope::University(university) => {
                self.and(" AND (r.reporter_university_id = ? OR r.target_university_id = ?)", university.into());
            }
            Scope::Mine(user) => self.and(" AND r.admin_id = ?", user.into()),
        }
    }
}

impl Store {
    /// Reports in scope.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reports(&self, filter: ReportFilter, scope: Scope, limit: u64) -> Result<Vec<ReportRow>, StoreError> {
        let mut query = Where { sql: format!("{COLUMNS} WHERE TRUE"), values: Vec::new() };
        let by_person = filter.target.is_some() || filter.reporter.is_some();
        let urgent = if by_person { None } else { filter.status };
        if let Some(status) = filter.status {
            query.and(" AND r.status = ?", status.as_str().into());
        }
        if urgent.is_none() {
            let edge = filter.after.unwrap_or(ReportId(uuid::Uuid::max()));
            query.and(" AND r.id < ?", edge.into());
        } else if let Some(after) = filter.after {
            query.and(" AND (r.severity, r.id) > ((SELECT a.severity FROM reports a WHERE a.id = ?), ?)", after.into());
        }
        if let Some(category) = filter.category {
            query.and(" AND r.category = ?", category.into());
        }
        if let Some(target) = filter.target {
            query.and(" AND r.target_user_id = ?", target.into());
        }
        if let Some(reporter) = filter.reporter {
            query.and(" AND r.reporter_id = ?", reporter.into());
        }
        if let Some(admin) = filter.admin {
            query.and(" AND (r.claimed_by = ? OR r.admin_id = ?)", admin.into());
        }
        query.scope(scope);
        let order = if urgent.is_some() { "r.severity, r.id" } else { "r.id DESC" };
        query.and(&format!(" ORDER BY {order} LIMIT ?"), signed(limit).into());
        let query = Statement::from_sql_and_values(self.backend(), query.sql, query.values);
        let rows = self.timed(self.reader().query_all_raw(query)).await?;
        rows.iter().map(report).collect()
    }

    /// How many reports in scope nobody looks at, and how many somebody does.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reports_waiting(&self, scope: Scope) -> Result<(i64, i64), StoreError> {
        let mut query = Where {
            sql: String::from("SELECT (SELECT COUNT(*) FROM reports r WHERE r.status = 'open'"),
            values: Vec::new(),
        };
        query.scope(scope);
        query.sql.push_str("), (SELECT COUNT(*) FROM reports r WHERE r.status = 'in_review'");
        query.scope(scope);
        query.sql.push(')');
        let query = Statement::from_sql_and_values(self.backend(), query.sql, query.values);
        let row = self.timed(self.reader().query_one_raw(query)).await?;
        Ok(match row {
            Some(row) => (row.try_get_by_index(0)?, row.try_get_by_index(1)?),
            None => (0, 0),
        })
    }

    /// What happened to any report after a number of the feed, at most `limit`; whoever asks leaves out what is out of scope.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn report_events(&self, after: i64, limit: u64) -> Result<Vec<ReportEventRow>, StoreError> {
        let sql = format!("{EVENT_COLUMNS} WHERE e.seq > $1 ORDER BY e.seq LIMIT $2");
        let query = Statement::from_sql_and_values(self.backend(), sql, [after.into(), signed(limit).into()]);
        let rows = self.timed(self.reader().query_all_raw(query)).await?;
        rows.iter().map(event).collect()
    }

    /// People whose mute was to end by now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ended_mutes(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<UserId>, StoreError> {
        let sql = "SELECT id FROM users WHERE muted_until <= $1 LIMIT $2";
        let query = Statement::from_sql_and_values(self.backend(), sql, [now.into(), signed(limit).into()]);
        let rows = self.timed(self.reader().query_all_raw(query)).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// The newest number of the feed; 0 when nothing has happened.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reports_head(&self) -> Result<i64, StoreError> {
        let query = Statement::from_string(self.backend(), "SELECT MAX(seq) FROM report_events");
        let row = self.timed(self.reader().query_one_raw(query)).await?;
        Ok(row.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?.flatten().unwrap_or_default())
    }
}

impl Tx {
    /// A report, locked until the commit.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn report(&mut self, id: ReportId) -> Result<Option<ReportRow>, StoreError> {
        let lock = if self.backend() == DbBackend::Postgres { " FOR UPDATE OF r" } else { "" };
        let query = self.statement(&format!("{COLUMNS} WHERE r.id = $1{lock}"), [id.into()]);
        self.conn().query_one_raw(query).await?.as_ref().map(report).transpose()
    }

    /// What a report was filed with, and its SHA-256 as it was then.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn report_evidence(&mut self, id: ReportId) -> Result<Option<(serde_json::Value, Vec<u8>)>, StoreError> {
        let sql = "SELECT evidence, evidence_hash FROM reports WHERE id = $1";
        let row = self.conn().query_one_raw(self.statement(sql, [id.into()])).await?;
        row.map(|row| Ok((row.try_get("", "evidence")?, row.try_get("", "evidence_hash")?))).transpose()
    }

    /// What happened to a report, in order.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn report_timeline(&mut self, id: ReportId) -> Result<Vec<ReportEventRow>, StoreError> {
        let sql = format!("{EVENT_COLUMNS} WHERE e.report_id = $1 ORDER BY e.seq LIMIT 1000");
        let rows = self.conn().query_all_raw(self.statement(&sql, [id.into()])).await?;
        rows.iter().map(event).collect()
    }

    /// What is known of a person in reports.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reported_person(&mut self, user: UserId) -> Result<Option<ReportedPerson>, StoreError> {
        let row = self.conn().query_one_raw(self.statement(PERSON, [user.into()])).await?;
        row.map(|row| {
            Ok(ReportedPerson {
                reported: row.try_get("", "reported")?,
                reported_by: row.try_get("", "reported_by")?,
                reported_actioned: row.try_get("", "reported_actioned")?,
                filed: row.try_get("", "filed")?,
                filed_actioned: row.try_get("", "filed_actioned")?,
                filed_dismissed: row.try_get("", "filed_dismissed")?,
                active: row.try_get("", "is_active")?,
                verified: row.try_get("", "verified")?,
                muted_at: row.try_get("", "muted_at")?,
                muted_until: row.try_get("", "muted_until")?,
                hidden_at: row.try_get("", "hidden_at")?,
                created_at: row.try_get("", "created_at")?,
            })
        })
        .transpose()
    }

    /// Changes a report that still has this revision; false when it has another by now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn change_report(
        &mut self,
        (id, rev): (ReportId, i32),
        change: &ReportChange,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE reports SET status = $3, rev = rev + 1, claimed_by = $4, claimed_until = $5, admin_id = $6, \
             action_taken = $7, policy = $8, decision_reason = $9, resolved_at = $10, updated_at = $11 \
             WHERE id = $1 AND rev = $2";
        let (claimed_by, claimed_until) = change.claimed.unzip();
        let decided = change.decided.clone();
        let admin = if decided.is_some() { change.by } else { None };
        let resolved_at = decided.is_some().then_some(now);
        let (action, policy, reason) = match decided {
            Some((action, policy, reason)) => (Some(action), Some(policy), Some(reason)),
            None => (None, None, None),
        };
        let values: [Value; 11] = [
            id.into(),
            rev.into(),
            change.status.as_str().into(),
            claimed_by.into(),
            claimed_until.into(),
            admin.into(),
            action.into(),
            policy.into(),
            reason.into(),
            resolved_at.into(),
            now.into(),
        ];
        Ok(self.conn().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0)
    }

    /// Mutes somebody until a moment.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn mute_user(
        &mut self,
        user: UserId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE users SET muted_at = $2, muted_until = $3, updated_at = $2 WHERE id = $1";
        self.conn().execute_raw(self.statement(sql, [user.into(), now.into(), until.into()])).await?;
        Ok(())
    }

    /// Shows somebody again who was hidden by reports, when none is left to be decided; true when that changed anything. A
    /// mute with an end stays.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn unhide_user(&mut self, user: UserId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let sql = "UPDATE users SET hidden_at = NULL, \
             muted_at = CASE WHEN muted_until IS NULL THEN NULL ELSE muted_at END, updated_at = $2 \
             WHERE id = $1 AND hidden_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM reports r \
             WHERE r.target_user_id = $1 AND r.status IN ('open', 'in_review'))";
        Ok(self.conn().execute_raw(self.statement(sql, [user.into(), now.into()])).await?.rows_affected() > 0)
    }

    /// Lets somebody write again whose mute was to end by now; false when there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn lift_mute(&mut self, user: UserId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let sql = "UPDATE users SET muted_at = CASE WHEN hidden_at IS NULL THEN NULL ELSE muted_at END, muted_until = NULL, \
             updated_at = $2 WHERE id = $1 AND muted_until <= $2";
        Ok(self.conn().execute_raw(self.statement(sql, [user.into(), now.into()])).await?.rows_affected() > 0)
    }
}
