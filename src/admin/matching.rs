//! Matching as admins run it, look into it, and mend it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::act::{Aim, Change, Stored};
use super::model::{Actor, Entry, Permission, Reason};
use super::people::universities;
use super::{Admin, Audited, Inner, authz};
use crate::error::Result;
use crate::ids::{ChatId, SuggestionId, UserId, new_id};
use crate::matchmaking::{Inspected, Why};
use crate::store::{Mended, PendingPair, Readiness, RunRow, Tx};

/// Pairs that are mended in one act: they are one transaction.
const MENDED_MAX: u64 = 200;
/// Pairs that are told one by one.
const TOLD_MAX: usize = 10;
/// People without a vector who are named.
const NAMED_MAX: u64 = 20;

/// How far people are on their way to suggestions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadinessView {
    /// How many are how far.
    #[serde(flatten)]
    counts: Readiness,
    /// Some who handed in their answers and have no whole vector, at most 20: backfill vectors.
    missing_vector: Vec<UserId>,
}

/// Runs of the matcher.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchRuns {
    /// The newest first.
    runs: Vec<MatchRun>,
    /// What to send as `before` for the next page; none on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<crate::ids::RunId>,
}

/// A run of the matcher.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchRun {
    /// Its id.
    id: crate::ids::RunId,
    /// `running`, `done`, `failed` or `abandoned`.
    status: String,
    /// When it began.
    started_at: DateTime<Utc>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
    /// Its report: people, pairs considered, what removed how many, histogram, quality.
    #[schema(value_type = Object)]
    report: serde_json::Value,
}

impl From<RunRow> for MatchRun {
    fn from(row: RunRow) -> Self {
        let report = row.diagnostic.unwrap_or_else(|| json!({}));
        Self { id: row.id, status: row.status, started_at: row.started_at, finished_at: row.finished_at, report }
    }
}

/// A pair that was not mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Unmended {
    /// The pair.
    suggestion_id: SuggestionId,
    /// Its people.
    people: [UserId; 2],
    /// Why not; for a dry run, that it would be looked at.
    reason: String,
}

/// What mending came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MendReport {
    /// Nothing went wrong.
    success: bool,
    /// The same in words.
    message: String,
    /// Pairs that have their match and chat now; in a dry run, that would be tried.
    processed: usize,
    /// Pairs that stay as they are.
    skipped: usize,
    /// Pairs that were looked at.
    total_pairs: u64,
    /// There are more: do it again.
    more: bool,
    /// The first few that were not mended, and why; in a dry run, the first few that would be tried.
    errors: Vec<Unmended>,
    #[serde(skip)]
    people: Vec<UserId>,
}

/// Which pairs are looked at: the words of the runbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mending {
    /// Pairs that both have accepted, so that each has a chat.
    Chats,
    /// Those of them that have no match yet.
    Pending,
}

impl Mending {
    const fn action(self) -> &'static str {
        match self {
            Self::Chats => "backfill_chats",
            Self::Pending => "confirm_pending_matches",
        }
    }
}

impl Admin {
    /// How far people are.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn matching_readiness(&self, actor: &Actor) -> Result<ReadinessView> {
        authz::may(actor, Permission::RunMatching, authz::Target::System)?;
        let counts = self.inner.matchmaking.readiness().await?;
        Ok(ReadinessView { counts, missing_vector: self.inner.store.without_vector(NAMED_MAX).await? })
    }

    /// Runs of the matcher, the newest first.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn match_runs(
        &self,
        actor: &Actor,
        before: Option<crate::ids::RunId>,
        limit: usize,
    ) -> Result<MatchRuns> {
        authz::may(actor, Permission::RunMatching, authz::Target::System)?;
        let rows = self.inner.matchmaking.runs(before, u64::try_from(limit).unwrap_or(u64::MAX)).await?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.id);
        Ok(MatchRuns { runs: rows.into_iter().map(MatchRun::from).collect(), next })
    }

    /// Why somebody has the suggestions they have, which the audit log is told.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn explain_matches(&self, actor: &Actor, user: UserId) -> Result<Why> {
        let look = Looking { action: "explain_matches", people: vec![user] };
        self.act(actor, Reason::evident("viewed"), look).await?;
        self.inner.matchmaking.why(user).await
    }

    /// Two people as the engine sees them, which the audit log is told.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn inspect_pair(&self, actor: &Actor, (a, b): (UserId, UserId)) -> Result<Inspected> {
        let look = Looking { action: "inspect_pair", people: vec![a, b] };
        self.act(actor, Reason::evident("viewed"), look).await?;
        self.inner.matchmaking.inspect(a, b).await
    }

    /// Gives pairs that both have accepted the match and chat that they lack, at most 200 at once; a dry run only tells which
    /// pairs those are. No decision is touched.
    ///
    /// # Errors
    /// Those of permissions and of the store. Nothing is changed then.
    pub async fn mend_matches(
        &self,
        actor: &Actor,
        (what, is_dry): (Mending, bool),
        reason: Reason,
    ) -> Result<Audited<MendReport>> {
        authz::may(actor, Permission::RunMatching, authz::Target::System)?;
        let store = &self.inner.store;
        let mut pairs = store.pending_pairs(SuggestionId(Uuid::nil()), MENDED_MAX + 1).await?;
        let cap = usize::try_from(MENDED_MAX).unwrap_or(usize::MAX);
        let more = pairs.len() > cap;
        pairs.truncate(cap);
        let accepted = match what {
            Mending::Chats => store.accepted_pairs().await?,
            Mending::Pending => u64::try_from(pairs.len()).unwrap_or(u64::MAX),
        };
        let chats_max = self.inner.limits.chats_per_user_max;
        let change = MendingPairs { what, is_dry, pairs: Arc::new(pairs), more, accepted, chats_max };
        self.act(actor, reason, change).await
    }
}

struct Looking {
    action: &'static str,
    people: Vec<UserId>,
}

impl Change for Looking {
    type Done = ();

    fn permission(&self) -> Option<Permission> {
        Some(Permission::ViewMatches)
    }

    async fn aim(&self, tx: &mut Tx) -> Stored<Aim> {
        universities(tx, &self.people).await
    }

    async fn make(&self, tx: &mut Tx, _by: &Actor, _now: DateTime<Utc>) -> Stored<((), Vec<Entry>)> {
        let mut entries = Vec::with_capacity(self.people.len());
        for user in &self.people {
            let university = tx.university_of(*user).await?.flatten();
            entries.push(Entry::new(self.action, "user").on(*user).at(university));
        }
        Ok(((), entries))
    }
}

struct MendingPairs {
    what: Mending,
    is_dry: bool,
    pairs: Arc<Vec<PendingPair>>,
    more: bool,
    /// Pairs that were looked at.
    accepted: u64,
    chats_max: usize,
}

impl MendingPairs {
    fn report(&self, processed: usize, skipped: usize, errors: Vec<Unmended>, people: Vec<UserId>) -> MendReport {
        let would = if self.is_dry { "would be given" } else { "were given" };
        let message = format!("{processed} of {} pairs {would} their match and chat.", self.accepted);
        MendReport {
            success: true,
            message,
            processed,
            skipped,
            total_pairs: self.accepted,
            more: self.more,
            errors,
            people,
        }
    }
}

impl Change for MendingPairs {
    type Done = MendReport;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::RunMatching)
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, tx: &mut Tx, _by: &Actor, now: DateTime<Utc>) -> Stored<(MendReport, Vec<Entry>)> {
        let (mut processed, mut errors, mut people) = (0, Vec::new(), Vec::new());
        let unmended = |pair: &PendingPair, reason: &str| Unmended {
            suggestion_id: pair.id,
            people: [pair.low, pair.high],
            reason: reason.to_owned(),
        };
        let mut entries = Vec::new();
        for pair in self.pairs.iter() {
            if self.is_dry {
                processed += 1;
                errors.push(unmended(pair, "both have accepted, and there is no match"));
                continue;
            }
            match tx.confirm_pending(pair, ChatId(new_id()), self.chats_max, now).await? {
                Mended::Confirmed(chat) => {
                    processed += 1;
                    people.extend([pair.low, pair.high]);
                    let with = json!({ "people": [pair.low, pair.high], "chat_id": chat });
                    entries.push(Entry::new("confirm_match", "suggestion").on(pair.id).with(with));
                }
                Mended::Skipped(reason) => errors.push(unmended(pair, reason)),
                Mended::Changed => errors.push(unmended(pair, "it has changed meanwhile")),
            }
        }
        let accepted = usize::try_from(self.accepted).unwrap_or(usize::MAX);
        let skipped = accepted.saturating_sub(processed);
        errors.truncate(TOLD_MAX);
        let counts = json!({ "processed": processed, "skipped": skipped, "dry_run": self.is_dry });
        entries.push(Entry::new(self.what.action(), "matching").with(counts));
        Ok((self.report(processed, skipped, errors, people), entries))
    }

    fn after(&self, admin: &Inner, _by: &Actor, done: &MendReport) {
        admin.matchmaking.matched(&done.people);
    }
}
