//! Suggestions as they are shown: what the other is like, how well it fits, and why.

use super::{Matchmaking, gone};
use crate::error::Result;
use crate::ids::{SuggestionId, UserId};
use crate::matching::explain::{explain, parts};
use crate::matching::pair::Status;
use crate::matching::v3::{ALGORITHM, Row, percent};
use crate::protocol::matching::{Candidate, Compatibility, Suggestion, Suggestions};
use crate::protocol::server::Picture;
use crate::ratelimit::RateKind;
use crate::store::CardRow;

/// Pairs of one person that are looked at: far more than anybody has open.
pub(super) const PAIRS_MAX: u64 = 500;

impl Matchmaking {
    /// A page of somebody's suggestions and matches, after the one named.
    ///
    /// # Errors
    /// The store cannot be read; `rate_limited`.
    pub async fn suggestions(&self, user: UserId, after: Option<SuggestionId>, limit: usize) -> Result<Suggestions> {
        let now = self.parts.clock.now();
        let mut cards: Vec<(Status, CardRow)> = Vec::new();
        for card in self.parts.store.pairs_of(user, now, PAIRS_MAX).await? {
            if let Some(status) = card.pair.facts.status(now) {
                cards.push((status, card));
            }
        }
        cards.sort_by(|(a, mine), (b, yours)| {
            let order = |status: &Status| match status {
                Status::Interested => 0,
                Status::New => 1,
                Status::Waiting => 2,
                Status::Confirmed => 3,
            };
            let score = yours.pair.score.total_cmp(&mine.pair.score);
            order(a).cmp(&order(b)).then(score).then(mine.pair.id.cmp(&yours.pair.id))
        });
        let total = cards.len();
        // One that is gone meanwhile: from the beginning, since nothing else is known of its place.
        let from =
            after.and_then(|after| cards.iter().position(|(_, card)| card.pair.id == after)).map_or(0, |at| at + 1);
        let page: Vec<_> = cards.into_iter().skip(from).take(limit).collect();
        let more = from + page.len() < total;
        let is_eligible = self.parts.store.is_eligible(user, now).await?;
        Ok(Suggestions {
            total,
            next: page.last().map(|(_, card)| card.pair.id).filter(|_| more),
            hurdle: if total == 0 && is_eligible { self.keeper.hurdle(user) } else { None },
            is_eligible,
            suggestions: page.into_iter().map(|(status, card)| suggestion(status, card)).collect(),
        })
    }

    /// The same, after whatever is waiting to be put into the suggestions was asked for.
    ///
    /// # Errors
    /// The same.
    pub async fn refresh(&self, user: UserId) -> Result<Suggestions> {
        self.parts.rates.check(RateKind::MatchRefresh, &user.to_string())?;
        self.parts.touched.mark(user);
        self.suggestions(user, None, usize::try_from(PAIRS_MAX).unwrap_or(usize::MAX)).await
    }

    /// How somebody fits with another who is suggested to them, or matched.
    ///
    /// # Errors
    /// `not_found` for everybody else.
    pub async fn compatibility(&self, user: UserId, other: UserId) -> Result<Compatibility> {
        let now = self.parts.clock.now();
        let cards = self.parts.store.pairs_of(user, now, PAIRS_MAX).await?;
        let card = cards.into_iter().find(|card| card.pair.yours == other && card.pair.facts.status(now).is_some());
        let card = card.ok_or_else(gone)?;
        let (mine, yours) = card.vectors.ok_or_else(gone)?;
        let (mine, yours) = (Row::of(&mine), Row::of(&yours));
        let score = crate::matching::v3::mutual(&mine, &yours);
        Ok(Compatibility {
            fit: percent(score),
            score,
            algorithm: ALGORITHM,
            parts: parts(&mine, &yours),
            explanation: explain(&mine, &yours),
        })
    }
}

fn suggestion(status: Status, card: CardRow) -> Suggestion {
    let matched = status == Status::Confirmed;
    let explanation = card.vectors.as_ref().map(|(mine, yours)| explain(&Row::of(mine), &Row::of(yours)));
    Suggestion {
        id: card.pair.id,
        status,
        person: Candidate {
            id: card.pair.yours,
            first_name: card.first_name,
            last_name: matched.then_some(card.last_name),
            hue: card.hue,
            picture: card.picture.filter(|_| matched).map(Picture),
            university: card.university,
            program: card.program,
            study_year: card.study_year,
            about: card.about,
            languages: card.languages,
        },
        fit: percent(card.pair.score),
        rank: card.pair.rank,
        extra: card.pair.extra,
        expires_at: (!matched).then(|| card.pair.facts.expires_at.timestamp_millis()),
        chat_id: card.pair.chat.filter(|_| matched),
        explanation,
    }
}
