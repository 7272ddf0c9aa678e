//! How good the suggestions of a run are: for everybody, for those with least, and against the best there could be.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::crowd::Chance;
use super::matcher::{Matcher, Matching};
use super::population::{Hurdle, index, place};
use super::v3::mutual;

/// Somebody without a suggestion, and what keeps most others from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Empty {
    /// Who.
    pub id: String,
    /// The hurdle that removes most.
    pub hurdle: Option<Hurdle>,
    /// How many it removes.
    pub removed: usize,
}

/// People without suggestions who are listed by name in a report.
pub const EMPTIES_MAX: usize = 100;

/// The report of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Everybody.
    pub people: usize,
    /// Suggested pairs, extra ones included.
    pub pairs: usize,
    /// Of these, extra ones.
    pub extra: usize,
    /// Pairs that block: 0.
    pub blocking_pairs: usize,
    /// Rounds until nothing blocked.
    pub rounds: usize,
    /// Sum of the scores of all pairs.
    pub total_score: f64,
    /// People without a suggestion.
    pub without: usize,
    /// The share of people with at least three suggestions.
    pub share_with_three: f64,
    /// How unevenly people are shown to others: 0 all alike, 1 one person only.
    pub gini: f64,
    /// The most lists that one person is on.
    pub shown_max: u32,
    /// Those without, up to [`EMPTIES_MAX`].
    pub empties: Vec<Empty>,
}

/// Reports on a run; every pair is looked at again.
pub fn report(matcher: &Matcher, matching: &Matching) -> Report {
    let population = &matcher.population;
    let mut shown = shown(population.len(), matching);
    let without: Vec<u32> =
        population.places().filter(|at| population.is_here(*at) && shown.get(index(*at)) == Some(&0)).collect();
    let here: Vec<bool> = population.places().map(|at| population.is_here(at)).collect();
    let mut here = here.into_iter();
    shown.retain(|_| here.next().unwrap_or(false));
    let people = shown.len();
    let empty = |at: &u32| {
        let most = matcher.hurdles(*at).into_iter().max_by_key(|(hurdle, many)| (*many, std::cmp::Reverse(*hurdle)));
        let id = matcher.population.ids.get(index(*at)).cloned().unwrap_or_default();
        Empty { id, hurdle: most.map(|(hurdle, _)| hurdle), removed: most.map_or(0, |(_, many)| many) }
    };
    Report {
        people,
        pairs: matching.pairs.len(),
        extra: matching.pairs.iter().filter(|pair| pair.extra).count(),
        blocking_pairs: matcher.blocking(matching),
        rounds: matching.rounds,
        total_score: matching.pairs.iter().map(|pair| pair.key.score).sum(),
        without: without.len(),
        share_with_three: share(shown.iter().filter(|many| **many >= 3).count(), people),
        gini: gini(&shown),
        shown_max: shown.iter().copied().max().unwrap_or(0),
        empties: without.iter().take(EMPTIES_MAX).map(empty).collect(),
    }
}

/// How many suggestions each person has, which is how often each is shown.
fn shown(people: usize, matching: &Matching) -> Vec<u32> {
    let mut shown = vec![0; people];
    for at in matching.pairs.iter().flat_map(|pair| [pair.a, pair.b]) {
        if let Some(many) = shown.get_mut(index(at)) {
            *many += 1;
        }
    }
    shown
}

fn float(many: usize) -> f64 {
    f64::from(place(many))
}

fn share(of: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { float(of) / float(all) }
}

/// The Gini coefficient.
///
/// # Source
/// Mean absolute difference over twice the mean, by the sorted form: `Σ (2i - n - 1) x_i / (n Σ x_i)`, `i` from 1.
pub fn gini(values: &[u32]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let (many, sum) = (float(sorted.len()), sorted.iter().copied().map(f64::from).sum::<f64>());
    let spread: f64 = sorted.iter().zip(1u32..).map(|(x, i)| (2.0 * f64::from(i) - many - 1.0) * f64::from(*x)).sum();
    if sum > 0.0 { spread / (many * sum) } else { 0.0 }
}

/// People of one sample for [`optimum_ratio`]: the exact optimum takes `2^people` steps.
const SAMPLE: usize = 16;

/// What pairing from the best down reaches of a maximum-weight matching, one partner each, on samples of the people: the
/// mean and the worst.
pub fn optimum_ratio(matcher: &Matcher, samples: u32, seed: u64) -> (f64, f64) {
    let mut chance = Chance::new(seed);
    let everybody = u16::try_from(matcher.population.len()).unwrap_or(u16::MAX);
    let mut ratios = Vec::new();
    for _ in 0..samples {
        let first = u32::from(chance.below(everybody));
        // People who could live together: the first, and others whom nothing keeps from them.
        let others = matcher.population.places().filter(|at| *at != first && matcher.score(first, *at).is_some());
        let mut others: Vec<u32> = others.collect();
        others.sort_by_key(|at| matcher.population.tie(*at, first));
        let group: Vec<u32> = std::iter::once(first).chain(others).take(SAMPLE).collect();
        let mut scores = [[0.0; SAMPLE]; SAMPLE];
        let mut pairs = Vec::new();
        for (i, (row, a)) in scores.iter_mut().zip(&group).enumerate() {
            for (j, (held, b)) in row.iter_mut().zip(&group).enumerate().skip(i + 1) {
                *held = matcher.score(*a, *b).unwrap_or(0.0);
                pairs.push((*held, i, j));
            }
        }
        let best = optimum(&scores);
        if best > 0.0 {
            ratios.push(greedy(pairs) / best);
        }
    }
    let mean = ratios.iter().sum::<f64>() / float(ratios.len()).max(1.0);
    (mean, ratios.into_iter().fold(1.0, f64::min))
}

fn greedy(mut pairs: Vec<(f64, usize, usize)>) -> f64 {
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut taken = 0u32;
    let mut total = 0.0;
    for (score, i, j) in pairs {
        let both = 1 << i | 1 << j;
        if taken & both == 0 {
            taken |= both;
            total += score;
        }
    }
    total
}

/// The weight of a maximum-weight matching: the best of every subset, by what its first member does.
fn optimum(scores: &[[f64; SAMPLE]; SAMPLE]) -> f64 {
    let mut best = vec![0.0f64; 1 << SAMPLE];
    for set in 1usize..1 << SAMPLE {
        let Some((first, row)) = scores.iter().enumerate().find(|(at, _)| set >> at & 1 == 1) else { continue };
        let rest = set & !(1 << first);
        let of = |set: usize| best.get(set).copied().unwrap_or(0.0);
        let with = row.iter().enumerate().filter(|(at, score)| rest >> at & 1 == 1 && **score > 0.0);
        let most = with.map(|(at, score)| score + of(rest & !(1 << at))).fold(of(rest), f64::max);
        if let Some(held) = best.get_mut(set) {
            *held = most;
        }
    }
    best.last().copied().unwrap_or(0.0)
}

/// Of the pairs that both people would pick: how many are suggested. A pair counts when each is among the `top` that suit
/// the other best by the other's own directed score.
///
/// # Units
/// The first share is of such pairs (CRecall), the second of people with such a pair who are suggested all of theirs (SRecall).
pub fn recall(matcher: &Matcher, matching: &Matching, top: usize, samples: usize, seed: u64) -> (f64, f64) {
    let suggested: HashSet<(u32, u32)> = matching.pairs.iter().map(|pair| (pair.a, pair.b)).collect();
    let mut chance = Chance::new(seed);
    let everybody: Vec<u32> = matcher.population.places().collect();
    let mut sampled = everybody.clone();
    sampled.sort_by_cached_key(|_| chance.bits());
    let mut tops: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let (mut pairs, mut found, mut people, mut whole) = (0, 0, 0, 0);
    for at in sampled.into_iter().take(samples) {
        let liked = tops.entry(at).or_insert_with(|| favourites(matcher, at, top)).clone();
        let both: Vec<u32> = liked
            .into_iter()
            .filter(|other| tops.entry(*other).or_insert_with(|| favourites(matcher, *other, top)).contains(&at))
            .collect();
        let held = both.iter().filter(|other| suggested.contains(&(at.min(**other), at.max(**other)))).count();
        pairs += both.len();
        found += held;
        people += usize::from(!both.is_empty());
        whole += usize::from(!both.is_empty() && held == both.len());
    }
    (share(found, pairs), share(whole, people))
}

fn favourites(matcher: &Matcher, at: u32, top: usize) -> Vec<u32> {
    let row = |at: u32| matcher.population.rows.get(index(at));
    let Some(own) = row(at) else { return Vec::new() };
    let mut seen: Vec<(f64, u32)> = matcher
        .population
        .places()
        .filter(|other| *other != at && row(*other).is_some_and(|other| other.cohort == own.cohort))
        .filter(|other| matcher.population.hurdle(at, *other).is_none())
        .filter_map(|other| Some((own.sees(row(other)?).overall, other)))
        .collect();
    seen.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    seen.into_iter().take(top).map(|(_, other)| other).collect()
}

impl Matcher {
    /// The mutual score of two people who may be suggested to each other.
    pub fn score(&self, a: u32, b: u32) -> Option<f64> {
        let (mine, yours) = (self.population.rows.get(index(a))?, self.population.rows.get(index(b))?);
        let fits = mine.cohort == yours.cohort && self.population.hurdle(a, b).is_none();
        fits.then(|| mutual(mine, yours)).filter(|score| *score >= self.rules.score_min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gini_of_alike_and_of_one() {
        assert!(gini(&[3, 3, 3, 3]).abs() < 1e-12);
        assert!((gini(&[0, 0, 0, 4]) - 0.75).abs() < 1e-12);
        assert!(gini(&[]).abs() < 1e-12);
    }

    /// From the best down gives 1.00 where 1.70 could be had.
    #[test]
    fn the_optimum_is_more_than_the_best_first() {
        let mut scores = [[0.0; SAMPLE]; SAMPLE];
        scores[0][1] = 0.90;
        scores[0][2] = 0.85;
        scores[1][3] = 0.85;
        scores[2][3] = 0.10;
        assert!((optimum(&scores) - 1.70).abs() < 1e-12);
        assert!((greedy(vec![(0.9, 0, 1), (0.85, 0, 2), (0.85, 1, 3), (0.1, 2, 3)]) - 1.0).abs() < 1e-12);
    }
}
