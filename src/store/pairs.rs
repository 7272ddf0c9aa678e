//! Pairs: who is suggested to whom, what each decided, and what became of it.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use serde_json::json;

use super::messages::signed;
use super::{Opening, Store, StoreError, Tx};
use crate::ids::{ChatId, SuggestionId, UserId};
use crate::matching::pair::{Decision, Facts, Side, Status};
use crate::matching::vector::Vector;
use crate::protocol::events;

/// Who may be suggested to others; the one definition. `u` is the person, `$2` is now.
pub(super) const ELIGIBLE: &str = "u.is_active AND u.email_confirmed_at IS NOT NULL AND u.identity_verified_at IS NOT NULL \
     AND u.identity_revoked_at IS NULL AND u.deleted_at IS NULL AND u.deletion_scheduled_at IS NULL \
     AND (u.suspended_at IS NULL OR u.suspended_until <= $2) AND u.visibility = 'visible' AND u.hidden_at IS NULL \
     AND EXISTS (SELECT 1 FROM onboarding_submissions o WHERE o.user_id = u.id) \
     AND EXISTS (SELECT 1 FROM user_vectors w WHERE w.user_id = u.id AND w.is_complete) \
     AND NOT EXISTS (SELECT 1 FROM match_quarantine q WHERE q.user_id = u.id)";

/// On which side of a pair who looks stands, and the other.
const SIDES: [(&str, &str); 2] = [("low", "high"), ("high", "low")];

/// What decides what a pair is; `s` is the pair, `m` and `y` stand for `low` and `high` or the other way round.
fn facts_of(m: &str, y: &str) -> String {
    let side = |own: &str, other: &str, name: &str| {
        let eligible = ELIGIBLE.replace("u.", "e.");
        format!(
            "s.{own}_decision AS {name}_decision, s.{own}_decided_at AS {name}_at, \
             (SELECT a.updated_at FROM user_vectors a WHERE a.user_id = s.{own}_id) AS {name}_answers_at, \
             EXISTS (SELECT 1 FROM match_blocklist b WHERE b.user_id = s.{own}_id AND b.blocked_user_id = s.{other}_id \
             AND b.ended_at IS NULL) AS {name}_blocks, \
             EXISTS (SELECT 1 FROM users e WHERE e.id = s.{own}_id AND {eligible}) AS {name}_eligible"
        )
    };
    format!(
        "s.id, s.{m}_id AS mine, s.{y}_id AS yours, s.is_offered, s.is_extra, s.expires_at, s.score_bits, \
         s.{m}_rank AS my_rank, k.chat_id, k.ended_at IS NOT NULL AS is_ended, {}, {}",
        side(m, y, "my"),
        side(y, m, "your")
    )
}

/// The pairs that are offered to a person on one side of them, and those they are matched with. Parameters: person, now, how
/// many.
fn pairs_on(m: &str, y: &str) -> String {
    format!(
        "SELECT {}, p.first_name, p.last_name, p.avatar_hue, p.picture_id, p.program, p.study_year, \
         p.bio, p.languages, v.name AS university, a.vector AS my_vector, z.vector AS your_vector \
         FROM match_suggestions s JOIN users t ON t.id = s.{y}_id \
         LEFT JOIN profiles p ON p.user_id = s.{y}_id LEFT JOIN universities v ON v.id = t.university_id \
         LEFT JOIN matches k ON k.suggestion_id = s.id LEFT JOIN user_vectors a ON a.user_id = s.{m}_id \
         LEFT JOIN user_vectors z ON z.user_id = s.{y}_id \
         WHERE s.{m}_id = $1 AND s.is_offered LIMIT $3",
        facts_of(m, y)
    )
}

/// A pair as one of its people sees it.
#[derive(Clone, Debug)]
pub struct PairRow {
    /// Its id.
    pub id: SuggestionId,
    /// Who looks.
    pub mine: UserId,
    /// The other.
    pub yours: UserId,
    /// What decides what it is.
    pub facts: Facts,
    /// The mutual score.
    pub score: f64,
    /// Its place among all that could be suggested to who looks.
    pub rank: u32,
    /// Outside the promise that nothing blocks.
    pub extra: bool,
    /// The chat of a match.
    pub chat: Option<ChatId>,
}

/// A pair with what is shown of the other.
#[derive(Clone, Debug)]
pub struct CardRow {
    /// The pair.
    pub pair: PairRow,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// The uploaded picture.
    pub picture: Option<crate::ids::PictureId>,
    /// What they study.
    pub program: Option<String>,
    /// In which year.
    pub study_year: Option<i32>,
    /// What they say of themselves.
    pub about: Option<String>,
    /// ISO 639-1 codes.
    pub languages: Vec<String>,
    /// The name of their university.
    pub university: Option<String>,
    /// What both answered.
    pub vectors: Option<(Vector, Vector)>,
}

/// What somebody answers to a suggestion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// They want to talk.
    Accept,
    /// Not now.
    Pass,
    /// They take a pass back.
    Undo,
}

/// What holds for answers.
#[derive(Clone, Copy, Debug)]
pub struct ReplyTerms {
    /// How long a pass can be taken back.
    pub undo: TimeDelta,
    /// Chats one person may be in.
    pub chats_max: usize,
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replied {
    /// It is so now, or was so before.
    Done {
        /// What the pair is to who answered.
        status: Option<Status>,
        /// Of a match: its chat.
        chat: Option<ChatId>,
        /// The other.
        other: UserId,
    },
    /// There is no such suggestion to them, or it is no longer open.
    Gone,
    /// They cannot be matched themselves at the moment.
    NotEligible,
    /// They are matched: only ending the match undoes that.
    Matched,
    /// It is too late to take the pass back.
    TooLate,
    /// One of the two is in too many chats.
    Full,
}

/// A pair that both have accepted and that has no match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingPair {
    /// The pair.
    pub id: SuggestionId,
    /// The lower id of the two.
    pub low: UserId,
    /// The higher.
    pub high: UserId,
}

/// What became of a pending pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mended {
    /// It is a match now, with this chat.
    Confirmed(ChatId),
    /// It stays as it is, and why.
    Skipped(&'static str),
    /// It is no longer pending.
    Changed,
}

/// One decision about a pair, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// Whose.
    pub user: UserId,
    /// What they decided.
    pub decision: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Pairs that both have accepted and that have no match, by id. Parameters: after which, how many.
pub(super) const PENDING: &str = "SELECT s.id, s.low_id, s.high_id FROM match_suggestions s WHERE s.id > $1 \
     AND s.low_decision = 'accepted' AND s.high_decision = 'accepted' \
     AND NOT EXISTS (SELECT 1 FROM matches k WHERE k.suggestion_id = s.id) ORDER BY s.id LIMIT $2";

fn pair_row(row: &QueryResult) -> Result<PairRow, StoreError> {
    let side = |name: &str| -> Result<Side, StoreError> {
        Ok(Side {
            decision: Decision::named(&row.try_get::<String>("", &format!("{name}_decision"))?),
            at: row.try_get("", &format!("{name}_at"))?,
            answers_at: row.try_get("", &format!("{name}_answers_at"))?,
            blocks: row.try_get("", &format!("{name}_blocks"))?,
            eligible: row.try_get("", &format!("{name}_eligible"))?,
        })
    };
    Ok(PairRow {
        id: row.try_get("", "id")?,
        mine: row.try_get("", "mine")?,
        yours: row.try_get("", "yours")?,
        facts: Facts {
            mine: side("my")?,
            yours: side("your")?,
            offered: row.try_get("", "is_offered")?,
            expires_at: row.try_get("", "expires_at")?,
            ended: row.try_get("", "is_ended")?,
        },
        score: f64::from_bits(row.try_get::<i64>("", "score_bits")?.cast_unsigned()),
        rank: u32::try_from(row.try_get::<i32>("", "my_rank")?).unwrap_or_default(),
        extra: row.try_get("", "is_extra")?,
        chat: row.try_get("", "chat_id")?,
    })
}

fn card_row(row: &QueryResult) -> Result<CardRow, StoreError> {
    let languages: Option<serde_json::Value> = row.try_get("", "languages")?;
    let vector = |name: &str| -> Result<Option<Vector>, StoreError> {
        let bytes: Option<Vec<u8>> = row.try_get("", name)?;
        Ok(bytes.and_then(|bytes| Vector::from_bytes(&bytes)))
    };
    Ok(CardRow {
        pair: pair_row(row)?,
        first_name: row.try_get::<Option<String>>("", "first_name")?.unwrap_or_default(),
        last_name: row.try_get::<Option<String>>("", "last_name")?.unwrap_or_default(),
        hue: row.try_get::<Option<i32>>("", "avatar_hue")?.unwrap_or_default(),
        picture: row.try_get("", "picture_id")?,
        program: row.try_get("", "program")?,
        study_year: row.try_get("", "study_year")?,
        about: row.try_get("", "bio")?,
        languages: languages.and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default(),
        university: row.try_get("", "university")?,
        vectors: vector("my_vector")?.zip(vector("your_vector")?),
    })
}

impl Store {
    /// The pairs that are offered to a person and those they are matched with, at most twice `limit`, in no order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn pairs_of(&self, user: UserId, now: DateTime<Utc>, limit: u64) -> Result<Vec<CardRow>, StoreError> {
        let mut cards = Vec::new();
        for (m, y) in SIDES {
            let values: [Value; 3] = [user.into(), now.into(), signed(limit).into()];
            let query = Statement::from_sql_and_values(self.backend(), pairs_on(m, y), values);
            for row in self.reader().query_all_raw(query).await? {
                cards.push(card_row(&row)?);
            }
        }
        Ok(cards)
    }

    /// Pairs that both have accepted and that have no match, by id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn pending_pairs(&self, after: SuggestionId, limit: u64) -> Result<Vec<PendingPair>, StoreError> {
        let values: [Value; 2] = [after.into(), signed(limit).into()];
        let rows = self.reader().query_all_raw(Statement::from_sql_and_values(self.backend(), PENDING, values)).await?;
        let pending = |row: &QueryResult| {
            Ok(PendingPair {
                id: row.try_get("", "id")?,
                low: row.try_get("", "low_id")?,
                high: row.try_get("", "high_id")?,
            })
        };
        rows.iter().map(pending).collect()
    }

    /// How many pairs both have accepted.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn accepted_pairs(&self) -> Result<u64, StoreError> {
        let sql =
            "SELECT COUNT(*) FROM match_suggestions WHERE low_decision = 'accepted' AND high_decision = 'accepted'";
        let row = self.reader().query_one_raw(Statement::from_string(self.backend(), sql)).await?;
        let many: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        Ok(u64::try_from(many).unwrap_or_default())
    }

    /// What is stored of two people as the first sees it; none: they were never suggested to each other.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn pair_of(
        &self,
        (user, other): (UserId, UserId),
        now: DateTime<Utc>,
    ) -> Result<Option<(PairRow, Vec<DecisionRow>)>, StoreError> {
        let (m, y) = if user < other { ("low", "high") } else { ("high", "low") };
        let sql = format!(
            "SELECT {} FROM match_suggestions s LEFT JOIN matches k ON k.suggestion_id = s.id \
             WHERE s.{m}_id = $1 AND s.{y}_id = $3",
            facts_of(m, y)
        );
        let values: [Value; 3] = [user.into(), now.into(), other.into()];
        let row = self.reader().query_one_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let Some(pair) = row.as_ref().map(pair_row).transpose()? else { return Ok(None) };
        let sql =
            "SELECT user_id, decision, decided_at FROM match_decisions WHERE suggestion_id = $1 ORDER BY n LIMIT 200";
        let query = Statement::from_sql_and_values(self.backend(), sql, [Value::from(pair.id)]);
        let decision = |row: &QueryResult| {
            Ok(DecisionRow {
                user: row.try_get("", "user_id")?,
                decision: row.try_get("", "decision")?,
                at: row.try_get("", "decided_at")?,
            })
        };
        let history = self.reader().query_all_raw(query).await?;
        Ok(Some((pair, history.iter().map(decision).collect::<Result<_, StoreError>>()?)))
    }

    /// Whether somebody may be suggested to others.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn is_eligible(&self, user: UserId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM users u WHERE u.id = $1 AND {ELIGIBLE}");
        let statement = Statement::from_sql_and_values(self.backend(), sql, [user.into(), now.into()]);
        Ok(self.reader().query_one_raw(statement).await?.is_some())
    }
}

impl Tx {
    /// Takes somebody's answer to a suggestion. The second of two people to accept opens their chat, in this transaction.
    ///
    /// # Errors
    /// Nothing changes.
    pub async fn reply_to_pair(
        &mut self,
        (user, id): (UserId, SuggestionId),
        reply: Reply,
        terms: ReplyTerms,
        new_chat: ChatId,
        now: DateTime<Utc>,
    ) -> Result<Replied, StoreError> {
        let Some(pair) = self.locked_pair(user, id, now).await? else { return Ok(Replied::Gone) };
        let facts = pair.facts;
        let done = |facts: Facts, chat| Replied::Done { status: facts.status(now), chat, other: pair.yours };
        let matched = pair.chat.is_some();
        match reply {
            Reply::Accept if facts.mine.decision == Decision::Accepted && facts.status(now).is_some() => {
                return Ok(done(facts, pair.chat));
            }
            Reply::Accept if !facts.mine.eligible => return Ok(Replied::NotEligible),
            Reply::Pass if facts.mine.decision == Decision::Passed && facts.status(now).is_none() => {
                return Ok(done(facts, None));
            }
            Reply::Pass | Reply::Undo if matched => return Ok(Replied::Matched),
            Reply::Undo if facts.mine.decision == Decision::Undecided => return Ok(done(facts, None)),
            Reply::Undo if facts.mine.at.is_none_or(|at| now > at + terms.undo) => return Ok(Replied::TooLate),
            Reply::Undo if facts.mine.decision == Decision::Accepted => return Ok(Replied::TooLate),
            Reply::Accept if !facts.open(now) => return Ok(Replied::Gone),
            Reply::Pass if facts.status(now).is_none() => return Ok(Replied::Gone),
            _ => {}
        }
        let decision = match reply {
            Reply::Accept => Decision::Accepted,
            Reply::Pass => Decision::Passed,
            Reply::Undo => Decision::Undecided,
        };
        let mut now_so = facts;
        now_so.mine.decision = decision;
        now_so.mine.at = Some(now);
        let mut chat = None;
        if decision == Decision::Accepted && facts.yours.decision == Decision::Accepted {
            match self.confirm(&pair, new_chat, terms.chats_max, now).await? {
                Opening::New(opened) | Opening::Known(opened) => chat = Some(opened),
                Opening::Full => return Ok(Replied::Full),
                Opening::Blocked => return Ok(Replied::Gone),
            }
        } else if decision == Decision::Accepted {
            let interested = events::Match { suggestion_id: id, change: "interested", chat_id: None };
            self.emit_user(pair.yours, "match", json!(interested), now).await?;
        }
        self.decide(&pair, decision, now).await?;
        Ok(done(now_so, chat))
    }

    /// Makes a match of a pair: its chat, its row, and what both are told.
    async fn confirm(
        &mut self,
        pair: &PairRow,
        new_chat: ChatId,
        chats_max: usize,
        now: DateTime<Utc>,
    ) -> Result<Opening, StoreError> {
        let (low, high) = (pair.mine.min(pair.yours), pair.mine.max(pair.yours));
        let opening = self.open_pair(new_chat, (low, high), chats_max, "match", now).await?;
        let (Opening::New(chat) | Opening::Known(chat)) = opening else { return Ok(opening) };
        let sql =
            "INSERT INTO matches (suggestion_id, low_id, high_id, chat_id, matched_at) VALUES ($1, $2, $3, $4, $5)";
        let values: [Value; 5] = [pair.id.into(), low.into(), high.into(), chat.into(), now.into()];
        self.conn().execute_raw(self.statement(sql, values)).await?;
        for one in [low, high] {
            let confirmed = events::Match { suggestion_id: pair.id, change: "confirmed", chat_id: Some(chat) };
            self.emit_user(one, "match", json!(confirmed), now).await?;
        }
        Ok(opening)
    }

    /// Makes a match of a pair that both have accepted, if it lacks one; nobody's decision is touched.
    ///
    /// # Errors
    /// Nothing changes.
    pub async fn confirm_pending(
        &mut self,
        pending: &PendingPair,
        new_chat: ChatId,
        chats_max: usize,
        now: DateTime<Utc>,
    ) -> Result<Mended, StoreError> {
        let Some(pair) = self.locked_pair(pending.low, pending.id, now).await? else { return Ok(Mended::Changed) };
        if pair.chat.is_some() || !pair.facts.both() {
            return Ok(Mended::Changed);
        }
        if pair.facts.mine.blocks || pair.facts.yours.blocks {
            return Ok(Mended::Skipped("one of the two has blocked the other"));
        }
        if !pair.facts.mine.eligible || !pair.facts.yours.eligible {
            return Ok(Mended::Skipped("one of the two cannot be matched at the moment"));
        }
        Ok(match self.confirm(&pair, new_chat, chats_max, now).await? {
            Opening::New(chat) | Opening::Known(chat) => Mended::Confirmed(chat),
            Opening::Full => Mended::Skipped("one of the two is in as many chats as one can be"),
            Opening::Blocked => Mended::Skipped("one of the two has blocked the other"),
        })
    }

    /// Ends a match for both, and closes its chat. None: the two are not matched.
    ///
    /// # Errors
    /// Nothing changes.
    pub async fn end_match(
        &mut self,
        (user, other): (UserId, UserId),
        (reason, note): (&'static str, Option<String>),
        now: DateTime<Utc>,
    ) -> Result<Option<ChatId>, StoreError> {
        let (low, high) = (user.min(other), user.max(other));
        let sql = "SELECT suggestion_id, chat_id, ended_at FROM matches WHERE low_id = $1 AND high_id = $2";
        let Some(row) = self.conn().query_one_raw(self.statement(sql, [low.into(), high.into()])).await? else {
            return Ok(None);
        };
        let (id, chat): (SuggestionId, ChatId) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let sql = "UPDATE matches SET ended_at = $2, ended_by = $3, reason = $4, note = $5 \
             WHERE suggestion_id = $1 AND ended_at IS NULL";
        let values: [Value; 5] = [id.into(), now.into(), user.into(), reason.into(), note.into()];
        if self.conn().execute_raw(self.statement(sql, values)).await?.rows_affected() == 0 {
            return Ok(Some(chat));
        }
        let sql = "UPDATE chats SET status = 'closed', closed_at = $2, closed_reason = 'unmatched' \
             WHERE id = $1 AND status = 'open'";
        if self.conn().execute_raw(self.statement(sql, [chat.into(), now.into()])).await?.rows_affected() > 0 {
            let closed = events::Chat { change: "closed", cause: Some("unmatched"), title: None, by: None };
            self.emit_chat(chat, "chat", json!(closed), now).await?;
        }
        for one in [low, high] {
            let ended = events::Match { suggestion_id: id, change: "ended", chat_id: Some(chat) };
            self.emit_user(one, "match", json!(ended), now).await?;
        }
        Ok(Some(chat))
    }

    /// Whether two people were ever suggested to each other.
    pub(super) async fn is_pair(&self, (a, b): (UserId, UserId)) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM match_suggestions WHERE low_id = $1 AND high_id = $2";
        let values = [a.min(b).into(), a.max(b).into()];
        Ok(self.conn().query_one_raw(self.statement(sql, values)).await?.is_some())
    }

    async fn locked_pair(
        &self,
        user: UserId,
        id: SuggestionId,
        now: DateTime<Utc>,
    ) -> Result<Option<PairRow>, StoreError> {
        if self.backend() == DbBackend::Postgres {
            let sql = "SELECT 1 FROM match_suggestions WHERE id = $1 FOR UPDATE";
            self.conn().query_one_raw(self.statement(sql, [id.into()])).await?;
        }
        for (m, y) in SIDES {
            let sql = format!(
                "SELECT {} FROM match_suggestions s LEFT JOIN matches k ON k.suggestion_id = s.id \
                 WHERE s.id = $1 AND s.{m}_id = $3",
                facts_of(m, y)
            );
            let values: [Value; 3] = [id.into(), now.into(), user.into()];
            if let Some(row) = self.conn().query_one_raw(self.statement(&sql, values)).await? {
                return pair_row(&row).map(Some);
            }
        }
        Ok(None)
    }

    async fn decide(&self, pair: &PairRow, decision: Decision, now: DateTime<Utc>) -> Result<(), StoreError> {
        let own = if pair.mine < pair.yours { "low" } else { "high" };
        let sql = format!(
            "UPDATE match_suggestions SET {own}_decision = $2, {own}_decided_at = $3, updated_at = $3 WHERE id = $1"
        );
        let values: [Value; 3] = [pair.id.into(), decision.name().into(), now.into()];
        self.conn().execute_raw(self.statement(&sql, values)).await?;
        let sql = "INSERT INTO match_decisions (suggestion_id, n, user_id, decision, decided_at) \
             SELECT $1, COALESCE(MAX(n), 0) + 1, $2, $3, $4 FROM match_decisions WHERE suggestion_id = $1";
        let values: [Value; 4] = [pair.id.into(), pair.mine.into(), decision.name().into(), now.into()];
        self.conn().execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }
}
