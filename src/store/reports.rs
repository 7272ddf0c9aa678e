//! Reports: filed with their evidence, listed, and what happens to each.

use chrono::{DateTime, Utc};
use entity::{report_events, reports};
use sea_orm::ActiveValue::Set;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryResult, Statement, Value};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::blocks::KNOWN;
use super::{Store, StoreError, Tx};
use crate::admin::model::{Actor, Entry};
use crate::ids::{ChatId, MessageId, ReportId, UniversityId, UserId};
use crate::protocol::events;
use crate::protocol::reports::{Category, Status, Subject};

/// One transaction at a time adds to the feed; released with it. PostgreSQL's locks of this kind are plain numbers.
const FEED_LOCK: &str = "SELECT pg_advisory_xact_lock(5022022)";

/// A report by its reporter's own id for it. Parameters: reporter, client id.
pub(super) const BY_CLIENT_ID: &str =
    "SELECT id, digest, status, created_at FROM reports WHERE reporter_id = $1 AND client_id = $2";

/// What a person sees of a stretch of a chat, or saw before they left it. Parameters: chat, person, first and last ordinal.
pub(super) const SEEN: &str = "SELECT m.id, m.n, m.user_id, m.kind, m.content, m.params, m.reply_to_id, m.created_at, \
     m.edited_at, m.deleted_at, m.rev FROM messages m JOIN chat_members cm ON cm.chat_id = $1 AND cm.user_id = $2 \
     WHERE m.chat_id = $1 AND m.n BETWEEN $3 AND $4 AND m.n > cm.joined_n \
     AND (cm.left_seq IS NULL OR m.seq <= cm.left_seq) \
     AND NOT EXISTS (SELECT 1 FROM withheld_messages w WHERE w.chat_id = $1 AND w.user_id = $2 AND w.seq = m.seq) \
     AND NOT EXISTS (SELECT 1 FROM withheld_changes w WHERE w.chat_id = $1 AND w.user_id = $2 AND w.n = m.n) \
     ORDER BY m.n";

/// A chat as one of its people, also of earlier, knows it. Parameters: chat, person.
const CHAT: &str = "SELECT c.is_group, c.name, c.head_n, o.university_id FROM chats c \
     JOIN chat_members cm ON cm.chat_id = c.id AND cm.user_id = $2 LEFT JOIN users o ON o.id = c.created_by WHERE c.id = $1";

/// Where a person's words stand in a chat. Parameters: message, chat.
const MESSAGE: &str = "SELECT n, user_id FROM messages WHERE id = $1 AND chat_id = $2";

/// What a person says of themselves. Parameter: person.
const PROFILE: &str = "SELECT p.first_name, p.last_name, p.pronouns, p.program, p.bio, p.picture_id FROM users u \
     LEFT JOIN profiles p ON p.user_id = u.id WHERE u.id = $1";

/// How many verified people reported somebody, but those who mostly report what is nothing. Parameters: person, since when.
const REPORTERS: &str = "SELECT COUNT(*) FROM reports r JOIN users u ON u.id = r.reporter_id \
     WHERE r.target_user_id = $1 AND r.created_at > $2 AND r.status <> 'dismissed' \
     AND u.identity_verified_at IS NOT NULL AND u.identity_revoked_at IS NULL \
     AND NOT EXISTS (SELECT 1 FROM reports e WHERE e.reporter_id = r.reporter_id AND e.id < r.id \
     AND e.target_user_id = $1 AND e.created_at > $2 AND e.status <> 'dismissed') \
     AND (SELECT COUNT(*) FROM reports d WHERE d.reporter_id = r.reporter_id AND d.status = 'dismissed') \
     <= 2 + (SELECT COUNT(*) FROM reports a WHERE a.reporter_id = r.reporter_id AND a.status = 'actioned')";

/// Somebody is hidden, and nobody is sent what they write. Parameters: person, now.
const HIDE: &str = "UPDATE users SET hidden_at = $2, muted_at = COALESCE(muted_at, $2), muted_until = NULL, updated_at = $2 \
     WHERE id = $1 AND hidden_at IS NULL";

/// A report that asks to be stored.
#[derive(Clone, Debug)]
pub struct NewReport {
    /// The id it gets if it is new.
    pub id: ReportId,
    /// Who files it.
    pub reporter: UserId,
    /// The reporter's own id for it.
    pub cid: uuid::Uuid,
    /// What the client id stands for.
    pub digest: [u8; 32],
    /// What is reported.
    pub kind: Subject,
    /// The person.
    pub user: Option<UserId>,
    /// The chat.
    pub chat: Option<ChatId>,
    /// The message.
    pub message: Option<MessageId>,
    /// What is wrong.
    pub category: Category,
    /// In the reporter's words.
    pub details: Option<String>,
    /// Messages on each side of a reported one.
    pub context: u8,
}

/// When reports hide somebody by themselves.
#[derive(Clone, Copy, Debug)]
pub struct AutoBlock {
    /// From so many people.
    pub reporters: u32,
    /// After this moment.
    pub since: DateTime<Utc>,
}

/// A report that was filed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownReport {
    /// Which.
    pub id: ReportId,
    /// Where it stands.
    pub status: Status,
    /// When it was filed.
    pub at: DateTime<Utc>,
    /// What its client id stands for.
    pub digest: [u8; 32],
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filed {
    /// It was stored.
    New {
        /// It hid whom it is about: nobody is suggested to them any more.
        hidden: Option<UserId>,
    },
    /// It was stored before.
    Known(KnownReport),
    /// What it is about is not there, or not for the reporter to see.
    Unseen,
    /// It is about the reporter.
    Oneself,
    /// A message of the program itself.
    System,
}

/// What a report is about, as it is found.
struct Found {
    target: Option<UserId>,
    university: Option<UniversityId>,
    evidence: serde_json::Value,
}

fn known(row: &QueryResult) -> Result<KnownReport, StoreError> {
    let digest: Vec<u8> = row.try_get("", "digest")?;
    let status: String = row.try_get("", "status")?;
    Ok(KnownReport {
        id: row.try_get("", "id")?,
        status: Status::named(&status).ok_or_else(|| StoreError::fault("a report of no known status"))?,
        at: row.try_get("", "created_at")?,
        digest: digest.try_into().map_err(|_| StoreError::fault("a digest of another length"))?,
    })
}

impl Store {
    /// A report by its reporter's own id for it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn report_by_cid(&self, user: UserId, cid: uuid::Uuid) -> Result<Option<KnownReport>, StoreError> {
        let query = Statement::from_sql_and_values(self.backend(), BY_CLIENT_ID, [user.into(), cid.into()]);
        self.timed(self.reader().query_one_raw(query)).await?.as_ref().map(known).transpose()
    }
}

impl Tx {
    /// Stores a report with what it is about as it is now. When enough people have reported the same person, that person is
    /// hidden and muted in the same transaction, until an admin decides.
    ///
    /// # Errors
    /// Nothing is stored.
    pub async fn file_report(
        &mut self,
        new: &NewReport,
        auto: AutoBlock,
        now: DateTime<Utc>,
    ) -> Result<Filed, StoreError> {
        let values = [new.reporter.into(), new.cid.into()];
        if let Some(row) = self.conn().query_one_raw(self.statement(BY_CLIENT_ID, values)).await? {
            return Ok(Filed::Known(known(&row)?));
        }
        let found = match new.kind {
            Subject::Message => self.reported_message(new).await?,
            Subject::User => self.reported_user(new).await?,
            Subject::Group => self.reported_group(new).await?,
        };
        let found = match found {
            Ok(found) => found,
            Err(refused) => return Ok(refused),
        };
        if found.target == Some(new.reporter) {
            return Ok(Filed::Oneself);
        }
        let (target, university) = (found.target, found.university);
        self.insert_report(new, found, now).await?;
        let mut hidden = None;
        if let Some(target) = target {
            let row = self.conn().query_one_raw(self.statement(REPORTERS, [target.into(), auto.since.into()])).await?;
            let reporters = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or_default();
            if reporters >= i64::from(auto.reporters)
                && self.conn().execute_raw(self.statement(HIDE, [target.into(), now.into()])).await?.rows_affected() > 0
            {
                hidden = Some(target);
            }
        }
        let data = json!({
            "kind": new.kind, "category": new.category, "severity": new.category.severity(), "source": "user",
            "status": Status::Open, "rev": 1, "auto_blocked": hidden.is_some(), "target_user_id": target,
        });
        self.emit_report(new.id, "created", Some(new.reporter), data, now).await?;
        if let Some(target) = hidden {
            let sql = "UPDATE reports SET auto_blocked = TRUE WHERE id = $1";
            self.conn().execute_raw(self.statement(sql, [new.id.into()])).await?;
            let told = events::Sanction { change: "restricted", ..events::Sanction::default() };
            self.emit_user(target, "sanction", json!(told), now).await?;
            let entry = Entry::new("auto_block_user", "user").on(target).at(university).of_case("report", new.id);
            let entry = entry.because("reported by several verified people").with(json!({"reporters": auto.reporters}));
            self.append_action(&Actor::system(), entry, now).await?;
        }
        Ok(Filed::New { hidden })
    }

    async fn reported_message(&mut self, new: &NewReport) -> Result<Result<Found, Filed>, StoreError> {
        let (Some(chat), Some(message)) = (new.chat, new.message) else { return Ok(Err(Filed::Unseen)) };
        let row = self.conn().query_one_raw(self.statement(MESSAGE, [message.into(), chat.into()])).await?;
        let Some(row) = row else { return Ok(Err(Filed::Unseen)) };
        let (n, author): (i64, Option<UserId>) = (row.try_get("", "n")?, row.try_get("", "user_id")?);
        let around = i64::from(new.context);
        let seen = self.seen(new, chat, (n.saturating_sub(around), n.saturating_add(around))).await?;
        if !seen.iter().any(|one| one["reported"] == true) {
            return Ok(Err(Filed::Unseen));
        }
        let Some(author) = author else { return Ok(Err(Filed::System)) };
        let profile = self.profile_evidence(author).await?;
        let university = self.university_of(author).await?.flatten();
        let evidence = json!({ "messages": seen, "profile": profile });
        Ok(Ok(Found { target: Some(author), university, evidence }))
    }

    async fn reported_user(&mut self, new: &NewReport) -> Result<Result<Found, Filed>, StoreError> {
        let Some(user) = new.user else { return Ok(Err(Filed::Unseen)) };
        if user == new.reporter {
            return Ok(Err(Filed::Oneself));
        }
        let values = [new.reporter.into(), user.into()];
        let known = self.conn().query_one_raw(self.statement(KNOWN, values)).await?.is_some();
        if !known && !self.is_pair((new.reporter, user)).await? {
            return Ok(Err(Filed::Unseen));
        }
        let mut seen = Vec::new();
        if let Some(chat) = new.chat {
            let mine = self.conn().query_one_raw(self.statement(CHAT, [chat.into(), new.reporter.into()])).await?;
            let theirs = self.conn().query_one_raw(self.statement(CHAT, [chat.into(), user.into()])).await?;
            let (Some(mine), Some(_)) = (mine, theirs) else { return Ok(Err(Filed::Unseen)) };
            let head: i64 = mine.try_get("", "head_n")?;
            seen = self.seen(new, chat, (head.saturating_sub(i64::from(new.context)).saturating_add(1), head)).await?;
        }
        let profile = self.profile_evidence(user).await?;
        let university = self.university_of(user).await?.flatten();
        Ok(Ok(Found { target: Some(user), university, evidence: json!({ "messages": seen, "profile": profile }) }))
    }

    async fn reported_group(&mut self, new: &NewReport) -> Result<Result<Found, Filed>, StoreError> {
        let Some(chat) = new.chat else { return Ok(Err(Filed::Unseen)) };
        let row = self.conn().query_one_raw(self.statement(CHAT, [chat.into(), new.reporter.into()])).await?;
        let Some(row) = row else { return Ok(Err(Filed::Unseen)) };
        if !row.try_get::<bool>("", "is_group")? {
            return Ok(Err(Filed::Unseen));
        }
        let head: i64 = row.try_get("", "head_n")?;
        let name: Option<String> = row.try_get("", "name")?;
        let university = row.try_get("", "university_id")?;
        let seen = self.seen(new, chat, (head.saturating_sub(i64::from(new.context)).saturating_add(1), head)).await?;
        Ok(Ok(Found { target: None, university, evidence: json!({ "messages": seen, "group": { "name": name } }) }))
    }

    /// A stretch of a chat as its reporter sees it, for evidence.
    async fn seen(
        &mut self,
        new: &NewReport,
        chat: ChatId,
        (first, last): (i64, i64),
    ) -> Result<Vec<serde_json::Value>, StoreError> {
        let values: [Value; 4] = [chat.into(), new.reporter.into(), first.into(), last.into()];
        let rows = self.conn().query_all_raw(self.statement(SEEN, values)).await?;
        rows.iter()
            .map(|row| {
                let id: MessageId = row.try_get("", "id")?;
                let text: String = row.try_get("", "content")?;
                let millis = |column| {
                    row.try_get::<Option<DateTime<Utc>>>("", column).map(|at| at.map(|at| at.timestamp_millis()))
                };
                Ok(json!({
                    "mid": id,
                    "n": row.try_get::<i64>("", "n")?,
                    "u": row.try_get::<Option<UserId>>("", "user_id")?,
                    "kind": row.try_get::<String>("", "kind")?,
                    "params": row.try_get::<Option<serde_json::Value>>("", "params")?,
                    "reply_to": row.try_get::<Option<MessageId>>("", "reply_to_id")?,
                    "sha256": hex::encode(Sha256::digest(text.as_bytes())),
                    "text": text,
                    "rev": row.try_get::<i32>("", "rev")?,
                    "at": millis("created_at")?,
                    "edited_at": millis("edited_at")?,
                    "deleted_at": millis("deleted_at")?,
                    "reported": new.message == Some(id),
                }))
            })
            .collect()
    }

    async fn profile_evidence(&mut self, user: UserId) -> Result<serde_json::Value, StoreError> {
        let Some(row) = self.conn().query_one_raw(self.statement(PROFILE, [user.into()])).await? else {
            return Ok(serde_json::Value::Null);
        };
        let text = |column| row.try_get::<Option<String>>("", column);
        Ok(json!({
            "first_name": text("first_name")?, "last_name": text("last_name")?, "pronouns": text("pronouns")?,
            "program": text("program")?, "about": text("bio")?,
            "picture": row.try_get::<Option<crate::ids::PictureId>>("", "picture_id")?,
        }))
    }

    async fn insert_report(&mut self, new: &NewReport, found: Found, now: DateTime<Utc>) -> Result<(), StoreError> {
        let reporter_university = self.university_of(new.reporter).await?.flatten();
        let row = reports::ActiveModel {
            id: Set(new.id),
            source: Set("user".to_owned()),
            reporter_id: Set(Some(new.reporter)),
            client_id: Set(new.cid),
            digest: Set(new.digest.to_vec()),
            kind: Set(new.kind.as_str().to_owned()),
            target_user_id: Set(found.target),
            chat_id: Set(new.chat),
            message_id: Set(new.message),
            reporter_university_id: Set(reporter_university),
            target_university_id: Set(found.university),
            category: Set(new.category.as_str().to_owned()),
            details: Set(new.details.clone()),
            severity: Set(new.category.severity()),
            status: Set(Status::Open.as_str().to_owned()),
            rev: Set(1),
            auto_blocked: Set(false),
            evidence_hash: Set(Sha256::digest(found.evidence.to_string().as_bytes()).to_vec()),
            evidence: Set(found.evidence),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        };
        reports::Entity::insert(row).exec_without_returning(self.conn()).await?;
        Ok(())
    }

    /// Adds what happened to a report to the feed, and says its number.
    ///
    /// # Errors
    /// Those of the store; the transaction must then end.
    pub async fn emit_report(
        &mut self,
        report: ReportId,
        kind: &'static str,
        actor: Option<UserId>,
        data: serde_json::Value,
        now: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        if self.backend() == DbBackend::Postgres {
            self.conn().execute_unprepared(FEED_LOCK).await?;
        }
        let row = self.conn().query_one_raw(self.statement("SELECT MAX(seq) FROM report_events", [])).await?;
        let head: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
        let seq = head.unwrap_or_default().saturating_add(1);
        let event = report_events::ActiveModel {
            seq: Set(seq),
            report_id: Set(report),
            kind: Set(kind.to_owned()),
            actor_id: Set(actor),
            data: Set(data),
            created_at: Set(now),
        };
        report_events::Entity::insert(event).exec_without_returning(self.conn()).await?;
        Ok(seq)
    }
}
