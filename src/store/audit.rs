//! The audit log: rows are added at the end of a chain of hashes, read in pages, and proven.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::admin_actions;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::anchor::{Anchored, Hash};
use super::{Store, StoreError, Tx};
use crate::admin::model::{Actor, Entry, Scope};
use crate::ids::{AdminActionId, UniversityId, UserId, new_id};

/// What the first row of a chain stands on.
const GENESIS: &[u8] = b"domu audit v1";

/// One transaction at a time adds to the chain; released with it. PostgreSQL's locks of this kind are plain numbers.
const CHAIN_LOCK: &str = "SELECT pg_advisory_xact_lock(5021021)";

/// Rows read at once when the chain is proven.
const PROOF_PAGE: u64 = 500;

/// Findings of one proof; where there are more, the first are what matters.
const FINDINGS_MAX: usize = 50;

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionRow {
    /// Its number.
    pub seq: i64,
    /// Who did it; none for operators and the system.
    pub admin: Option<UserId>,
    /// Their role then.
    pub role: Option<String>,
    /// How they had proven to be it.
    pub auth_method: String,
    /// What was done.
    pub action: String,
    /// To what sort of thing.
    pub entity_type: String,
    /// To which.
    pub entity_id: Option<String>,
    /// At which university.
    pub university: Option<UniversityId>,
    /// Why.
    pub reason: Option<String>,
    /// The sort of case that it was done for.
    pub case_type: Option<String>,
    /// Which case.
    pub case_id: Option<String>,
    /// What else matters.
    pub metadata: Value,
    /// What changed, as it was.
    pub before: Option<Value>,
    /// What changed, as it became.
    pub after: Option<Value>,
    /// How it ended.
    pub outcome: String,
    /// The request.
    pub request_id: Option<String>,
    /// The truncated address.
    pub address: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Its hash.
    pub hash: String,
}

/// Which rows of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionFilter {
    /// Of this action.
    pub action: Option<String>,
    /// On this sort of thing.
    pub entity_type: Option<String>,
    /// On this thing.
    pub entity_id: Option<String>,
    /// By this admin.
    pub admin: Option<UserId>,
    /// From this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub to: Option<DateTime<Utc>>,
    /// Before this number.
    pub before: Option<i64>,
}

/// Something that is wrong with the audit log, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The first number that it concerns.
    pub from: i64,
    /// The last.
    pub to: i64,
    /// What.
    pub what: &'static str,
}

/// What a proof of the audit log came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Rows that were looked at.
    pub rows: u64,
    /// The newest number.
    pub head: i64,
    /// What is wrong, in order; nothing when all is well.
    pub findings: Vec<Finding>,
}

impl From<admin_actions::Model> for ActionRow {
    fn from(row: admin_actions::Model) -> Self {
        Self {
            seq: row.seq,
            admin: row.admin_user_id,
            role: row.actor_role,
            auth_method: row.auth_method,
            action: row.action,
            entity_type: row.entity_type,
            entity_id: row.entity_id,
            university: row.university_id,
            reason: row.reason,
            case_type: row.case_type,
            case_id: row.case_id,
            metadata: row.metadata,
            before: row.before,
            after: row.after,
            outcome: row.outcome,
            request_id: row.request_id,
            address: row.ip_truncated,
            created_at: row.created_at,
            hash: hex::encode(row.hash),
        }
    }
}

/// The hash of a row: over the hash before it and everything it says.
fn hash_of(row: &admin_actions::Model) -> Hash {
    let said = json!({
        "id": row.id,
        "seq": row.seq,
        "admin_user_id": row.admin_user_id,
        "actor_role": row.actor_role,
        "auth_method": row.auth_method,
        "action": row.action,
        "entity_type": row.entity_type,
        "entity_id": row.entity_id,
        "university_id": row.university_id,
        "reason": row.reason,
        "case_type": row.case_type,
        "case_id": row.case_id,
        "metadata": row.metadata,
        "before": row.before,
        "after": row.after,
        "outcome": row.outcome,
        "request_id": row.request_id,
        "ip_truncated": row.ip_truncated,
        "created_at_ms": row.created_at.timestamp_millis(),
    });
    let mut hasher = Sha256::new();
    hasher.update(&row.prev_hash);
    hasher.update(canonical(&said).to_string());
    hasher.finalize().into()
}

/// The same value with members in the order of their names; a fraction as the text that every reader of it agrees on.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().map(|(name, value)| (name.clone(), canonical(value))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Number(number) if number.is_f64() => Value::from(format!("{:.9e}", number.as_f64().unwrap_or_default())),
        other => other.clone(),
    }
}

fn genesis() -> Hash {
    Sha256::digest(GENESIS).into()
}

fn newest_first(filter: &ActionFilter, scope: Scope) -> Select<admin_actions::Entity> {
    use admin_actions::Column;
    let mut wanted = Condition::all().add(Column::Seq.lt(filter.before.unwrap_or(i64::MAX)));
    wanted = match scope {
        Scope::All => wanted,
        Scope::University(university) => wanted.add(Column::UniversityId.eq(university)),
        Scope::Mine(user) => wanted.add(Column::AdminUserId.eq(user)),
    };
    let text = |wanted: Condition, column: Column, value: &Option<String>| match value {
        Some(value) => wanted.add(column.eq(value.clone())),
        None => wanted,
    };
    wanted = text(wanted, Column::Action, &filter.action);
    wanted = text(wanted, Column::EntityType, &filter.entity_type);
    wanted = text(wanted, Column::EntityId, &filter.entity_id);
    if let Some(admin) = filter.admin {
        wanted = wanted.add(Column::AdminUserId.eq(admin));
    }
    if let Some(from) = filter.from {
        wanted = wanted.add(Column::CreatedAt.gte(from));
    }
    if let Some(to) = filter.to {
        wanted = wanted.add(Column::CreatedAt.lt(to));
    }
    admin_actions::Entity::find().filter(wanted).order_by_desc(Column::Seq)
}

impl Tx {
    /// Adds what was done to the audit log, as a part of this transaction, and says its number. Do it last: on PostgreSQL
    /// whoever adds after it waits until this transaction ends.
    ///
    /// # Errors
    /// Those of the store, and `Unavailable` when the anchor cannot be written; the transaction must then end.
    pub async fn append_action(&mut self, actor: &Actor, entry: Entry, now: DateTime<Utc>) -> Result<i64, StoreError> {
        if self.backend() == DbBackend::Postgres {
            self.conn().execute_unprepared(CHAIN_LOCK).await?;
        }
        let head = admin_actions::Entity::find()
            .select_only()
            .column(admin_actions::Column::Seq)
            .column(admin_actions::Column::Hash)
            .filter(admin_actions::Column::Seq.gt(0))
            .order_by_desc(admin_actions::Column::Seq)
            .into_tuple::<(i64, Vec<u8>)>()
            .one(self.conn())
            .await?;
        let (last, prev_hash) = head.unwrap_or_else(|| (0, genesis().to_vec()));
        let (case_type, case_id) = entry.case.unzip();
        let mut row = admin_actions::Model {
            id: AdminActionId(new_id()),
            seq: last + 1,
            admin_user_id: actor.user,
            actor_role: actor.role.map(|role| role.as_str().to_owned()),
            auth_method: actor.via.as_str().to_owned(),
            action: entry.action.to_owned(),
            entity_type: entry.entity_type.to_owned(),
            entity_id: entry.entity_id,
            university_id: entry.university.or(actor.university),
            reason: entry.reason,
            case_type,
            case_id,
            metadata: entry.metadata,
            before: entry.before,
            after: entry.after,
            outcome: entry.outcome.as_str().to_owned(),
            request_id: actor.request_id.clone(),
            ip_truncated: actor.address.clone(),
            created_at: now,
            prev_hash,
            hash: Vec::new(),
        };
        let hash = hash_of(&row);
        row.hash = hash.to_vec();
        let seq = row.seq;
        admin_actions::Entity::insert(inserted(row)).exec_without_returning(self.conn()).await?;
        self.begin_action(seq, hash)?;
        Ok(seq)
    }
}

fn inserted(row: admin_actions::Model) -> admin_actions::ActiveModel {
    admin_actions::ActiveModel {
        id: Set(row.id),
        seq: Set(row.seq),
        admin_user_id: Set(row.admin_user_id),
        actor_role: Set(row.actor_role),
        auth_method: Set(row.auth_method),
        action: Set(row.action),
        entity_type: Set(row.entity_type),
        entity_id: Set(row.entity_id),
        university_id: Set(row.university_id),
        reason: Set(row.reason),
        case_type: Set(row.case_type),
        case_id: Set(row.case_id),
        metadata: Set(row.metadata),
        before: Set(row.before),
        after: Set(row.after),
        outcome: Set(row.outcome),
        request_id: Set(row.request_id),
        ip_truncated: Set(row.ip_truncated),
        created_at: Set(row.created_at),
        prev_hash: Set(row.prev_hash),
        hash: Set(row.hash),
    }
}

impl Store {
    /// Rows of the audit log, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn actions(&self, filter: &ActionFilter, scope: Scope, limit: u64) -> Result<Vec<ActionRow>, StoreError> {
        let rows = newest_first(filter, scope).limit(limit).all(self.reader());
        Ok(self.timed(rows).await?.into_iter().map(ActionRow::from).collect())
    }

    /// Walks the whole chain and compares it with its anchor.
    ///
    /// # Errors
    /// Those of the store, and `Unavailable` when the anchor cannot be read.
    pub async fn prove_actions(&self) -> Result<Proof, StoreError> {
        // The anchor first: what is added meanwhile is begun before it is stored, so it can only be more than this.
        let mut walk = Walk { anchored: self.read_anchor()?, proof: Proof::default(), prev: genesis().to_vec() };
        let newest = admin_actions::Entity::find()
            .select_only()
            .column(admin_actions::Column::Seq)
            .filter(admin_actions::Column::Seq.gt(0))
            .order_by_desc(admin_actions::Column::Seq)
            .into_tuple::<i64>()
            .one(self.reader());
        let newest = self.timed(newest).await?.unwrap_or_default();
        // And again, for what was begun before that row was seen.
        walk.anchored.begun = self.read_anchor()?.begun;
        let mut after = 0;
        loop {
            let page = admin_actions::Entity::find()
                .filter(admin_actions::Column::Seq.gt(after))
                .filter(admin_actions::Column::Seq.lte(newest))
                .order_by_asc(admin_actions::Column::Seq)
                .limit(PROOF_PAGE)
                .all(self.reader());
            let page = self.timed(page).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for row in &page {
                walk.step(row);
            }
        }
        Ok(walk.end())
    }
}

/// A proof under way.
struct Walk {
    anchored: Anchored,
    proof: Proof,
    prev: Vec<u8>,
}

impl Walk {
    fn find(&mut self, from: i64, to: i64, what: &'static str) {
        let findings = &mut self.proof.findings;
        if let Some(last) = findings.last_mut().filter(|last| last.what == what && last.to + 1 == from) {
            last.to = to;
        } else if findings.len() < FINDINGS_MAX {
            findings.push(Finding { from, to, what });
        }
    }

    fn step(&mut self, row: &admin_actions::Model) {
        let expected = self.proof.head + 1;
        if row.seq > expected {
            self.find(expected, row.seq - 1, "missing");
        }
        let hash = hash_of(row);
        if row.hash != hash {
            self.find(row.seq, row.seq, "rewritten");
        } else if row.seq == expected && row.prev_hash != self.prev {
            self.find(row.seq, row.seq, "not chained to the row before");
        }
        match self.anchored.kept.get(&row.seq) {
            Some(kept) if *kept != *row.hash => self.find(row.seq, row.seq, "not the row that was anchored"),
            Some(_) => {}
            None => {
                let begun = self.anchored.begun.get(&row.seq);
                if !begun.is_some_and(|hashes| hashes.iter().any(|begun| begun[..] == *row.hash)) {
                    self.find(row.seq, row.seq, "not written by this program");
                }
            }
        }
        self.prev.clone_from(&row.hash);
        self.proof.head = row.seq;
        self.proof.rows += 1;
    }

    fn end(mut self) -> Proof {
        let head = self.proof.head;
        if let Some((&last, _)) = self.anchored.kept.last_key_value()
            && last > head
        {
            self.find(head + 1, last, "cut off");
        }
        // A broken line in the middle would hide a row; a torn last line hides none.
        if self.anchored.unreadable > 1 {
            self.find(0, 0, "lines of the anchor cannot be read");
        }
        self.proof
    }
}
