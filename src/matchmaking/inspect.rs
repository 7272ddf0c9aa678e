//! Why somebody has the suggestions they have, or none; and why two people fit as they do. For operators.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::Matchmaking;
use super::cards::PAIRS_MAX;
use crate::error::{Error, Result};
use crate::ids::{SuggestionId, UserId};
use crate::matching::explain::{Explanation, Part, explain, parts};
use crate::matching::pair::Status;
use crate::matching::v3::{ALGORITHM, Row, percent};
use crate::protocol::codes::Code;
use crate::store::{Conditions, Standing};

/// One thing that somebody needs to be suggested to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hurdles {
    /// `active`, `not_suspended`, `email_confirmed`, `verified`, `visible`, `onboarding_complete`, `vector`,
    /// `vector_complete`, `readable`.
    pub gate: &'static str,
    /// Whether they have it.
    pub pass: bool,
    /// What to do when they have not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fix: Option<String>,
}

/// Why somebody has the suggestions they have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Why {
    /// Who.
    pub user: UserId,
    /// Everything below passes.
    pub is_eligible: bool,
    /// There is a vector: what the engine scores from.
    pub vector: bool,
    /// What it takes, in the order in which it is to be mended.
    pub gates: Vec<Hurdles>,
    /// Suggestions that are open to them now.
    pub open: usize,
    /// Of these, those in which somebody waits for an answer.
    pub waiting: usize,
    /// Matches that have not ended.
    pub matches: usize,
    /// People who block them or whom they block.
    pub blocks: usize,
    /// How many others each reason removes, since the last run: `city`, `budget`, `move_in`, `housing`, `language`, `gates`,
    /// `excluded`, `score`. Missing when there was no run yet, when one is under way, or for who is not eligible.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub removed: Option<BTreeMap<&'static str, usize>>,
    /// What to do next, in one sentence.
    pub advice: String,
}

/// One decision about a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Decided {
    /// Whose.
    pub user: UserId,
    /// `accepted`, `passed` or `undecided`, which takes a pass back.
    pub decision: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// Two people, as the engine sees them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Inspected {
    /// Their suggestion; none: they were never suggested to each other.
    pub suggestion: Option<SuggestionId>,
    /// What it is to the first.
    pub status_a: Option<Status>,
    /// And to the second.
    pub status_b: Option<Status>,
    /// The newest run suggests it.
    pub is_offered: bool,
    /// One of them blocks the other.
    pub is_blocked: bool,
    /// Every decision, the first one first, at most 200.
    pub decisions: Vec<Decided>,
    /// How well they fit, in percent; none: one of them has no vector.
    pub fit: Option<u8>,
    /// The same, whole.
    pub score: Option<f64>,
    /// The engine.
    pub algorithm: &'static str,
    /// Every item's contribution; they sum to the score.
    #[schema(value_type = Vec<Object>)]
    pub parts: Vec<Part>,
    /// What aligns, what to talk about, gates in conflict.
    #[schema(value_type = Option<Object>)]
    pub explanation: Option<Explanation>,
}

/// What it takes, and what to do about what is missing.
fn gates(is: &Conditions) -> Vec<Hurdles> {
    let gate = |gate, pass, fix: &str| Hurdles { gate, pass, fix: (!pass).then(|| fix.to_owned()) };
    let unreadable = is.problem.as_deref().unwrap_or_default();
    let readable =
        format!("{unreadable} Ask them to save that section again, or run POST /api/admin/backfill-vectors.");
    vec![
        gate("active", is.is_active, "The account is closed or about to be deleted: nothing is to be done."),
        gate("not_suspended", is.is_free, "Lift the suspension with POST /api/admin/users, if it should end."),
        gate("email_confirmed", is.is_confirmed, "They must open the link in their mail, or ask for a new one."),
        gate("verified", is.is_verified, "Their identity is to be verified first."),
        gate("visible", is.is_visible, "They hide from matching: only they can change that, in their settings."),
        gate("onboarding_complete", is.is_submitted, "They have not handed in their answers: ask them to finish."),
        gate("vector", is.has_vector, "Run POST /api/admin/backfill-vectors, or `domu backfill vectors`."),
        gate("vector_complete", is.is_complete, "Answers are missing since they changed them: ask them to finish."),
        gate("readable", is.problem.is_none(), readable.trim()),
    ]
}

fn advice(gates: &[Hurdles], open: usize, removed: Option<&BTreeMap<&'static str, usize>>) -> String {
    if let Some(fix) = gates.iter().find_map(|gate| gate.fix.clone()) {
        return fix;
    }
    if open > 0 {
        return "They have suggestions: nothing is to be done.".to_owned();
    }
    let most = removed.and_then(|removed| removed.iter().max_by_key(|(_, many)| **many));
    match most.filter(|(_, many)| **many > 0) {
        Some((name, many)) => format!("Of those who could be suggested, `{name}` removes most: {many} people."),
        None if removed.is_some() => "Nobody else of their cohort can be suggested to them yet.".to_owned(),
        None => "No run is known since the server started: POST /api/admin/trigger-matches.".to_owned(),
    }
}

impl Matchmaking {
    /// Why somebody has the suggestions they have, or none.
    ///
    /// # Errors
    /// `not_found`; the store's.
    pub async fn why(&self, user: UserId) -> Result<Why> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let missing = || Error::new(Code::NotFound, "There is no such person.");
        let is = store.conditions(user, now).await?.ok_or_else(missing)?;
        let statuses = store.pairs_of(user, now, PAIRS_MAX).await?;
        let statuses: Vec<_> = statuses.iter().filter_map(|card| card.pair.facts.status(now)).collect();
        let many = |wanted: &[Status]| statuses.iter().filter(|status| wanted.contains(status)).count();
        let open = many(&[Status::New, Status::Interested, Status::Waiting]);
        let removed =
            self.keeper.hurdles(user).filter(|_| is.is_eligible).map(|removed| {
                removed.into_iter().map(|(hurdle, many)| (hurdle.name(), many)).collect::<BTreeMap<_, _>>()
            });
        let gates = gates(&is);
        Ok(Why {
            user,
            is_eligible: is.is_eligible,
            vector: is.has_vector,
            open,
            waiting: many(&[Status::Waiting, Status::Interested]),
            matches: many(&[Status::Confirmed]),
            blocks: store.blocks_around(user).await?.len(),
            advice: advice(&gates, open, removed.as_ref()),
            gates,
            removed,
        })
    }

    /// Two people as the engine sees them, and what they decided about each other.
    ///
    /// # Errors
    /// The store's.
    pub async fn inspect(&self, a: UserId, b: UserId) -> Result<Inspected> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let (pair, history) = store.pair_of((a, b), now).await?.unzip();
        let seen_by_b = store.pair_of((b, a), now).await?.and_then(|(pair, _)| pair.facts.status(now));
        let vector = |standing: Option<Standing>| standing.and_then(|standing| standing.vector);
        let vectors = vector(store.vector_of(a).await?).zip(vector(store.vector_of(b).await?));
        let rows = vectors.map(|(a, b)| (Row::of(&a), Row::of(&b)));
        let rows = rows.as_ref();
        let score = rows.map(|(a, b)| crate::matching::v3::mutual(a, b));
        let decided = history.unwrap_or_default().into_iter();
        Ok(Inspected {
            suggestion: pair.as_ref().map(|pair| pair.id),
            status_a: pair.as_ref().and_then(|pair| pair.facts.status(now)),
            status_b: seen_by_b,
            is_offered: pair.as_ref().is_some_and(|pair| pair.facts.offered),
            is_blocked: store.blocks_around(a).await?.contains(&b),
            decisions: decided
                .map(|row| Decided { user: row.user, decision: row.decision, at: row.at.timestamp_millis() })
                .collect(),
            fit: score.map(percent),
            score,
            algorithm: ALGORITHM,
            parts: rows.map(|(a, b)| parts(a, b)).unwrap_or_default(),
            explanation: rows.map(|(a, b)| explain(a, b)),
        })
    }
}
