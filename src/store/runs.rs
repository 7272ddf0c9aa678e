//! Runs over everybody: who takes part, what was offered before, what is offered now, and one run at a time.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use serde::Serialize;
use uuid::Uuid;

use super::messages::signed;
use super::pairs::ELIGIBLE;
use super::table::{Col, Hex, packed, rows};
use super::{Lane, Store, StoreError};
use crate::ids::{RunId, SuggestionId, UserId, new_id};
use crate::matching::pair::{Decision, Facts, Side};
use crate::matching::v3;
use crate::matching::vector::Vector;

/// Somebody who may be suggested to others.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Who.
    pub user: UserId,
    /// What they answered; none: what is stored is of another layout, or broken.
    pub vector: Option<Vector>,
    /// When their answers last changed.
    pub answers_at: DateTime<Utc>,
}

/// A pair as a run finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Offered {
    /// The two, the lower id first.
    pub pair: (UserId, UserId),
    /// What decides what it is; who blocks whom and who is eligible is not in it.
    pub facts: Facts,
    /// What was written of it last.
    pub offer: Offer,
}

/// What a run writes of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// The mutual score.
    pub score: f64,
    /// Its place among all that could be suggested to the first.
    pub low_rank: u32,
    /// And to the second.
    pub high_rank: u32,
    /// Outside the promise that nothing blocks.
    pub extra: bool,
}

/// A run, as it is listed.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// `running`, `done`, `failed` or `abandoned`.
    pub status: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Its report.
    pub diagnostic: Option<serde_json::Value>,
}

/// How many people are how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// Accounts that are neither closed nor suspended.
    pub active: i64,
    /// Of verified people.
    pub verified: i64,
    /// Who said that their answers are all there.
    pub onboarded: i64,
    /// With a vector.
    pub with_vector: i64,
    /// Who may be suggested to others.
    pub eligible: i64,
    /// Whose stored answers cannot be read.
    pub quarantined: i64,
}

/// What somebody needs to be suggested to others, one by one; all of it together is who is eligible.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one condition, shown by its name")]
pub struct Conditions {
    /// The account is there and not closed.
    pub is_active: bool,
    /// Not suspended.
    pub is_free: bool,
    /// The address is confirmed.
    pub is_confirmed: bool,
    /// The identity is verified.
    pub is_verified: bool,
    /// They want to be suggested.
    pub is_visible: bool,
    /// They said that their answers are all there.
    pub is_submitted: bool,
    /// There is a vector.
    pub has_vector: bool,
    /// It has all that is asked.
    pub is_complete: bool,
    /// Why they were put aside.
    pub problem: Option<String>,
    /// All of it: the one definition.
    pub is_eligible: bool,
}

/// Runs, the newest first. Parameters: before which, how many.
pub(super) const RUNS: &str = "SELECT id, status, started_at, finished_at, diagnostic FROM match_runs \
     WHERE id < $1 ORDER BY id DESC LIMIT $2";

/// People who handed their answers in and have no whole vector. Parameters: how many.
pub(super) const WITHOUT_VECTOR: &str = "SELECT o.user_id FROM onboarding_submissions o WHERE NOT EXISTS \
     (SELECT 1 FROM user_vectors w WHERE w.user_id = o.user_id AND w.is_complete) ORDER BY o.user_id LIMIT $1";

/// Who may be suggested to others, by id. Parameters: after whom, now, how many.
pub(super) fn eligible() -> String {
    format!(
        "SELECT w.user_id, w.vector, w.updated_at FROM user_vectors w JOIN users u ON u.id = w.user_id \
         WHERE u.id > $1 AND {ELIGIBLE} ORDER BY u.id LIMIT $3"
    )
}

const PAIR: &str = "SELECT s.low_id, s.high_id, s.is_offered, s.is_extra, s.expires_at, s.score_bits, s.low_rank, \
     s.high_rank, s.low_decision, s.low_decided_at, s.high_decision, s.high_decided_at, a.updated_at AS low_answers_at, \
     b.updated_at AS high_answers_at, s.id FROM match_suggestions s LEFT JOIN user_vectors a ON a.user_id = s.low_id \
     LEFT JOIN user_vectors b ON b.user_id = s.high_id";

/// Pairs by id. Parameters: after which, how many.
pub(super) fn pairs() -> String {
    format!("{PAIR} WHERE s.id > $1 ORDER BY s.id LIMIT $2")
}

/// All pairs of a person. Parameter: person.
pub(super) fn pairs_with() -> String {
    format!("{PAIR} WHERE s.low_id = $1 UNION ALL {PAIR} WHERE s.high_id = $1")
}

/// Live blocks. Parameters: after whose, and whom; how many.
pub(super) const BLOCKS: &str = "SELECT user_id, blocked_user_id FROM match_blocklist \
     WHERE (user_id, blocked_user_id) > ($1, $2) AND ended_at IS NULL ORDER BY user_id, blocked_user_id LIMIT $3";

/// Who blocks a person or is blocked by them. Parameter: person.
pub(super) const BLOCKS_AROUND: &str = "SELECT blocked_user_id FROM match_blocklist WHERE user_id = $1 AND ended_at IS NULL \
     UNION ALL SELECT user_id FROM match_blocklist WHERE blocked_user_id = $1 AND ended_at IS NULL";

/// A run that gave no sign of life for so long was killed.
const ABANDONED: TimeDelta = TimeDelta::minutes(10);

fn standing(row: &QueryResult) -> Result<Standing, StoreError> {
    Ok(Standing {
        user: row.try_get("", "user_id")?,
        vector: Vector::from_bytes(&row.try_get::<Vec<u8>>("", "vector")?),
        answers_at: row.try_get("", "updated_at")?,
    })
}

fn offered(row: &QueryResult) -> Result<Offered, StoreError> {
    let side = |name: &str| -> Result<Side, StoreError> {
        Ok(Side {
            decision: Decision::named(&row.try_get::<String>("", &format!("{name}_decision"))?),
            at: row.try_get("", &format!("{name}_decided_at"))?,
            answers_at: row.try_get("", &format!("{name}_answers_at"))?,
            blocks: false,
            eligible: true,
        })
    };
    let rank = |name: &str| -> Result<u32, StoreError> {
        Ok(u32::try_from(row.try_get::<i32>("", name)?).unwrap_or_default())
    };
    Ok(Offered {
        pair: (row.try_get("", "low_id")?, row.try_get("", "high_id")?),
        facts: Facts {
            mine: side("low")?,
            yours: side("high")?,
            offered: row.try_get("", "is_offered")?,
            expires_at: row.try_get("", "expires_at")?,
            ended: false,
        },
        offer: Offer {
            score: f64::from_bits(row.try_get::<i64>("", "score_bits")?.cast_unsigned()),
            low_rank: rank("low_rank")?,
            high_rank: rank("high_rank")?,
            extra: row.try_get("", "is_extra")?,
        },
    })
}

impl Offered {
    /// A pair that is offered from now on, and about which nobody has decided.
    pub fn new(pair: (UserId, UserId), offer: Offer, expires_at: DateTime<Utc>) -> Self {
        let side = Side { eligible: true, ..Side::default() };
        Self { pair, facts: Facts { mine: side, yours: side, offered: true, expires_at, ended: false }, offer }
    }
}

fn run_row(row: &QueryResult) -> Result<RunRow, StoreError> {
    Ok(RunRow {
        id: row.try_get("", "id")?,
        status: row.try_get("", "status")?,
        started_at: row.try_get("", "started_at")?,
        finished_at: row.try_get("", "finished_at")?,
        diagnostic: row.try_get("", "diagnostic")?,
    })
}

#[derive(Serialize)]
struct OfferLine {
    i: Hex,
    l: Hex,
    h: Hex,
    s: i64,
    f: u8,
    a: u32,
    b: u32,
    e: u8,
}

#[derive(Serialize)]
struct PairLine {
    l: Hex,
    h: Hex,
}

impl Store {
    fn ask(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }

    /// The next people who may be suggested to others, by id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn eligible(&self, after: UserId, now: DateTime<Utc>, limit: u64) -> Result<Vec<Standing>, StoreError> {
        let values: [Value; 3] = [after.into(), now.into(), signed(limit).into()];
        self.reader().query_all_raw(self.ask(&eligible(), values)).await?.iter().map(standing).collect()
    }

    /// One person, if they may be suggested to others.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn standing_of(&self, user: UserId, now: DateTime<Utc>) -> Result<Option<Standing>, StoreError> {
        let sql = format!(
            "SELECT w.user_id, w.vector, w.updated_at FROM user_vectors w JOIN users u ON u.id = w.user_id \
             WHERE w.user_id = $1 AND {ELIGIBLE}"
        );
        let row = self.reader().query_one_raw(self.ask(&sql, [user.into(), now.into()])).await?;
        row.as_ref().map(standing).transpose()
    }

    /// What the engine scores one person from, whether or not they may be suggested.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn vector_of(&self, user: UserId) -> Result<Option<Standing>, StoreError> {
        let sql = "SELECT w.user_id, w.vector, w.updated_at FROM user_vectors w WHERE w.user_id = $1";
        let row = self.reader().query_one_raw(self.ask(sql, [Value::from(user)])).await?;
        row.as_ref().map(standing).transpose()
    }

    /// The next pairs, by id, and where to go on.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn pairs(
        &self,
        after: SuggestionId,
        limit: u64,
    ) -> Result<(Vec<Offered>, Option<SuggestionId>), StoreError> {
        let rows = self.reader().query_all_raw(self.ask(&pairs(), [after.into(), signed(limit).into()])).await?;
        let last = rows.last().map(|row| row.try_get("", "id")).transpose()?;
        Ok((rows.iter().map(offered).collect::<Result<_, _>>()?, last))
    }

    /// All pairs that a person is in.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn pairs_with(&self, user: UserId) -> Result<Vec<Offered>, StoreError> {
        self.reader().query_all_raw(self.ask(&pairs_with(), [user.into()])).await?.iter().map(offered).collect()
    }

    /// The next live blocks: whose, and whom.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn blocks_after(
        &self,
        (user, other): (UserId, UserId),
        limit: u64,
    ) -> Result<Vec<(UserId, UserId)>, StoreError> {
        let values: [Value; 3] = [user.into(), other.into(), signed(limit).into()];
        let rows = self.reader().query_all_raw(self.ask(BLOCKS, values)).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
    }

    /// Who blocks a person, or is blocked by them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn blocks_around(&self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        let rows = self.reader().query_all_raw(self.ask(BLOCKS_AROUND, [user.into()])).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// Offers pairs, new ones and known ones; nobody's decision is touched.
    ///
    /// # Errors
    /// Nothing of these is offered.
    pub async fn offer(
        &self,
        run: RunId,
        offers: &[((UserId, UserId), Offer)],
        (now, expires_at): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<(), StoreError> {
        let line = |((low, high), offer): &((UserId, UserId), Offer)| OfferLine {
            i: Hex(new_id()),
            l: Hex(low.0),
            h: Hex(high.0),
            s: offer.score.to_bits().cast_signed(),
            f: v3::percent(offer.score),
            a: offer.low_rank,
            b: offer.high_rank,
            e: u8::from(offer.extra),
        };
        let lines = packed(&offers.iter().map(line).collect::<Vec<_>>());
        let columns = [
            ("i", Col::Id),
            ("l", Col::Id),
            ("h", Col::Id),
            ("s", Col::Int),
            ("f", Col::Int),
            ("a", Col::Int),
            ("b", Col::Int),
            ("e", Col::Int),
        ];
        let sql = format!(
            "INSERT INTO match_suggestions (id, low_id, high_id, run_id, is_offered, is_extra, algorithm, score_bits, \
             fit_index, low_rank, high_rank, low_decision, high_decision, expires_at, created_at, updated_at) \
             SELECT j.i, j.l, j.h, $2, TRUE, j.e <> 0, '{}', j.s, j.f, j.a, j.b, 'undecided', 'undecided', $3, $4, $4 \
             FROM {} WHERE TRUE ON CONFLICT (low_id, high_id) DO UPDATE SET run_id = excluded.run_id, is_offered = TRUE, \
             is_extra = excluded.is_extra, algorithm = excluded.algorithm, score_bits = excluded.score_bits, \
             fit_index = excluded.fit_index, low_rank = excluded.low_rank, high_rank = excluded.high_rank, \
             expires_at = CASE WHEN match_suggestions.is_offered AND match_suggestions.expires_at > excluded.updated_at \
             THEN match_suggestions.expires_at ELSE excluded.expires_at END, updated_at = excluded.updated_at",
            v3::ALGORITHM,
            rows(self.backend(), &columns)
        );
        let values: [Value; 4] = [lines, run.into(), expires_at.into(), now.into()];
        self.write(Lane::Bulk, move |tx| {
            Box::pin(async move {
                tx.conn().execute_raw(tx.statement(&sql, values)).await?;
                Ok(())
            })
        })
        .await?;
        Ok(())
    }

    /// No longer offers these pairs, unless somebody waits for an answer meanwhile.
    ///
    /// # Errors
    /// All of these are offered as before.
    pub async fn withdraw(&self, pairs: &[(UserId, UserId)], now: DateTime<Utc>) -> Result<(), StoreError> {
        let lines = pairs.iter().map(|(low, high)| PairLine { l: Hex(low.0), h: Hex(high.0) });
        let lines = packed(&lines.collect::<Vec<_>>());
        let sql = format!(
            "UPDATE match_suggestions SET is_offered = FALSE, updated_at = $2 WHERE is_offered \
             AND (low_id, high_id) IN (SELECT j.l, j.h FROM {}) \
             AND NOT ((low_decision = 'accepted' OR high_decision = 'accepted') AND expires_at > $2) \
             AND NOT (low_decision = 'accepted' AND high_decision = 'accepted')",
            rows(self.backend(), &[("l", Col::Id), ("h", Col::Id)])
        );
        let values: [Value; 2] = [lines, now.into()];
        self.write(Lane::Bulk, move |tx| {
            Box::pin(async move {
                tx.conn().execute_raw(tx.statement(&sql, values)).await?;
                Ok(())
            })
        })
        .await?;
        Ok(())
    }

    /// Begins a run; false: another one is under way. One that was killed is noted as abandoned.
    ///
    /// # Errors
    /// No run is begun.
    pub async fn begin_run(&self, run: RunId, first: bool, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let begun = self.write(Lane::Small, move |tx| {
            Box::pin(async move {
                let dead = if first { now } else { now - ABANDONED };
                let sql = "UPDATE match_runs SET running = NULL, status = 'abandoned', finished_at = $2 \
                     WHERE running = 1 AND alive_at <= $1";
                tx.conn().execute_raw(tx.statement(sql, [dead.into(), now.into()])).await?;
                let sql = "INSERT INTO match_runs (id, running, status, started_at, alive_at) \
                     VALUES ($1, 1, 'running', $2, $2) ON CONFLICT (running) DO NOTHING";
                let made = tx.conn().execute_raw(tx.statement(sql, [run.into(), now.into()])).await?;
                Ok(made.rows_affected() > 0)
            })
        });
        Ok(begun.await?.value)
    }

    /// Notes that a run goes on.
    ///
    /// # Errors
    /// Nothing is noted.
    pub async fn run_lives(&self, run: RunId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let sql = "UPDATE match_runs SET alive_at = $2 WHERE id = $1 AND running = 1";
        self.note_run(sql, [run.into(), now.into()]).await
    }

    /// Ends a run with its report.
    ///
    /// # Errors
    /// It counts as under way until it is found to be abandoned.
    pub async fn end_run(
        &self,
        run: RunId,
        (status, diagnostic): (&'static str, serde_json::Value),
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE match_runs SET running = NULL, status = $2, diagnostic = $3, finished_at = $4, alive_at = $4 \
             WHERE id = $1";
        let values: [Value; 4] = [run.into(), status.into(), diagnostic.into(), now.into()];
        self.note_run(sql, values).await
    }

    async fn note_run<const N: usize>(&self, sql: &'static str, values: [Value; N]) -> Result<(), StoreError> {
        self.write(Lane::Small, move |tx| {
            Box::pin(async move {
                tx.conn().execute_raw(tx.statement(sql, values)).await?;
                Ok(())
            })
        })
        .await?;
        Ok(())
    }

    /// A run.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn run(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        let sql = "SELECT id, status, started_at, finished_at, diagnostic FROM match_runs WHERE id = $1";
        let row = self.reader().query_one_raw(self.ask(sql, [Value::from(run)])).await?;
        row.as_ref().map(run_row).transpose()
    }

    /// Runs, the newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn runs(&self, before: Option<RunId>, limit: u64) -> Result<Vec<RunRow>, StoreError> {
        let before = before.unwrap_or(RunId(Uuid::max()));
        let rows = self.reader().query_all_raw(self.ask(RUNS, [before.into(), signed(limit).into()])).await?;
        rows.iter().map(run_row).collect()
    }

    /// Some of the people who handed their answers in and have no whole vector.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn without_vector(&self, limit: u64) -> Result<Vec<UserId>, StoreError> {
        let rows = self.reader().query_all_raw(self.ask(WITHOUT_VECTOR, [Value::from(signed(limit))])).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// What somebody has of what it takes to be suggested to others; none: there is no such person.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn conditions(&self, user: UserId, now: DateTime<Utc>) -> Result<Option<Conditions>, StoreError> {
        let sql = format!(
            "SELECT u.is_active AND u.deleted_at IS NULL AND u.deletion_scheduled_at IS NULL AS is_active, \
             (u.suspended_at IS NULL OR u.suspended_until <= $2) AS is_free, \
             u.email_confirmed_at IS NOT NULL AS is_confirmed, \
             u.identity_verified_at IS NOT NULL AND u.identity_revoked_at IS NULL AS is_verified, \
             u.visibility = 'visible' AS is_visible, o.user_id IS NOT NULL AS is_submitted, \
             w.user_id IS NOT NULL AS has_vector, COALESCE(w.is_complete, FALSE) AS is_complete, q.problem, \
             ({ELIGIBLE}) AS is_eligible FROM users u LEFT JOIN onboarding_submissions o ON o.user_id = u.id \
             LEFT JOIN user_vectors w ON w.user_id = u.id LEFT JOIN match_quarantine q ON q.user_id = u.id \
             WHERE u.id = $1"
        );
        let row = self.reader().query_one_raw(self.ask(&sql, [user.into(), now.into()])).await?;
        row.map(|row| {
            let is = |name: &str| row.try_get::<Option<bool>>("", name).map(Option::unwrap_or_default);
            Ok(Conditions {
                is_active: is("is_active")?,
                is_free: is("is_free")?,
                is_confirmed: is("is_confirmed")?,
                is_verified: is("is_verified")?,
                is_visible: is("is_visible")?,
                is_submitted: is("is_submitted")?,
                has_vector: is("has_vector")?,
                is_complete: is("is_complete")?,
                problem: row.try_get("", "problem")?,
                is_eligible: is("is_eligible")?,
            })
        })
        .transpose()
    }

    /// Puts somebody aside whose stored vector cannot be read.
    ///
    /// # Errors
    /// They are not put aside.
    pub async fn quarantine(&self, user: UserId, problem: String, now: DateTime<Utc>) -> Result<(), StoreError> {
        let sql = "INSERT INTO match_quarantine (user_id, problem, found_at) VALUES ($1, $2, $3) \
             ON CONFLICT (user_id) DO NOTHING";
        let values: [Value; 3] = [user.into(), problem.into(), now.into()];
        self.note_run(sql, values).await
    }

    /// How many people are how far.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn readiness(&self, now: DateTime<Utc>) -> Result<Readiness, StoreError> {
        let sql = format!(
            "SELECT (SELECT COUNT(*) FROM users u WHERE u.is_active AND u.deleted_at IS NULL \
             AND (u.suspended_at IS NULL OR u.suspended_until <= $2)) AS active, \
             (SELECT COUNT(*) FROM users u WHERE u.identity_verified_at IS NOT NULL AND u.identity_revoked_at IS NULL \
             AND u.deleted_at IS NULL) AS verified, (SELECT COUNT(*) FROM onboarding_submissions) AS onboarded, \
             (SELECT COUNT(*) FROM user_vectors) AS with_vector, (SELECT COUNT(*) FROM users u WHERE u.id <> $1 \
             AND {ELIGIBLE}) AS eligible, (SELECT COUNT(*) FROM match_quarantine) AS quarantined"
        );
        let values: [Value; 2] = [UserId(Uuid::nil()).into(), now.into()];
        let row = self.reader().query_one_raw(self.ask(&sql, values)).await?;
        let Some(row) = row else { return Ok(Readiness::default()) };
        Ok(Readiness {
            active: row.try_get("", "active")?,
            verified: row.try_get("", "verified")?,
            onboarded: row.try_get("", "onboarded")?,
            with_vector: row.try_get("", "with_vector")?,
            eligible: row.try_get("", "eligible")?,
            quarantined: row.try_get("", "quarantined")?,
        })
    }
}
