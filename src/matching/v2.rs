//! The score of the platform before this one, reproduced as it was, faults included, in exact fractions.
//!
//! # Why
//! Scores that were shown stay explainable, and `v3` can be compared with them. Its known faults are kept: quiet hours
//! over midnight overlap with nothing, options are all or nothing, unknown parts count half, and "does not insist" is
//! taken for the opposite of "insists".

use super::bank::{Item, Kind, MODULE_ITEMS, NONE, bank, place};
use super::person::{Academic, Person};
use super::ratio::Ratio;

/// A score of `v2` with its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// 0.75 of harmony and 0.25 of context.
    pub overall: Ratio,
    /// The four modules of living together.
    pub harmony: Ratio,
    /// Studies and logistics in equal parts.
    pub context: Ratio,
    /// University, city, programme, year.
    pub academic: Ratio,
    /// Logistics, environment, cleanliness, communication, social: the order of the bank.
    pub modules: [Ratio; 5],
    /// Gates in conflict.
    pub gates: Vec<&'static str>,
}

impl Score {
    /// One conflict, and a score that is high enough to show the pair with a warning.
    pub fn soft_override(&self) -> bool {
        self.gates.len() == 1 && self.overall >= Ratio::new(70, 100)
    }

    /// Whether the pair is never shown.
    pub fn blocked(&self) -> bool {
        !self.gates.is_empty() && !self.soft_override()
    }
}

/// Scores two people; the order does not matter.
pub fn score(a: &Person, b: &Person) -> Score {
    let modules = bank().modules.iter().enumerate().map(|(at, module)| module_score(at, &module.items, a, b));
    let mut scores = [Ratio::HALF; 5];
    scores.iter_mut().zip(modules).for_each(|(held, score)| *held = score);
    let [logistics, environment, cleanliness, communication, social] = scores;
    let living = [environment, cleanliness, communication, social];
    let average = Ratio::new(28, 100) * cleanliness + Ratio::new(24, 100) * (environment + communication + social);
    let mut sorted = living;
    sorted.sort();
    let [lowest, second, ..] = sorted;
    let harmony = Ratio::new(70, 100) * average + Ratio::new(30, 100) * (lowest + second) * Ratio::HALF;
    let academic = academic(a, b);
    let context = Ratio::HALF * (academic + logistics);
    let overall = Ratio::new(75, 100) * harmony + Ratio::new(25, 100) * context;
    Score { overall, harmony, context, academic, modules: scores, gates: conflicts(a, b) }
}

fn module_score(at: usize, items: &[Item], a: &Person, b: &Person) -> Ratio {
    let levels =
        |person: &Person| person.levels.iter().skip(at * MODULE_ITEMS).take(MODULE_ITEMS).copied().collect::<Vec<_>>();
    let (mut sum, mut weights) = (Ratio::ZERO, Ratio::ZERO);
    for ((item, a), b) in items.iter().zip(levels(a)).zip(levels(b)) {
        if let Some(similarity) = similarity(item, a, b) {
            let weight = Ratio::new(item.weight.into(), 100);
            sum = sum + weight * similarity;
            weights = weights + weight;
        }
    }
    sum.per(weights).unwrap_or(Ratio::HALF)
}

/// How alike two answers are; nothing when one is missing.
fn similarity(item: &Item, a: u8, b: u8) -> Option<Ratio> {
    if a == NONE || b == NONE {
        return None;
    }
    let whole = |same: bool| if same { Ratio::ONE } else { Ratio::ZERO };
    Some(match item.kind {
        Kind::Likert | Kind::Bipolar => Ratio::ONE - Ratio::new(a.abs_diff(b).into(), 4),
        Kind::Toggle => whole(a == b),
        Kind::Mcq => {
            let easy = |level| item.choice(level).is_some_and(|choice| choice.covers || choice.open);
            if a != b && (easy(a) || easy(b)) { Ratio::new(3, 4) } else { whole(a == b) }
        }
        Kind::TimeRange => {
            let ((start, end), (other_start, other_end)) = (item.minutes(a)?, item.minutes(b)?);
            let overlap = (end.min(other_end) - start.max(other_start)).max(0);
            let span = (end.max(other_end) - start.min(other_start)).max(1);
            Ratio::new(overlap.into(), span.into())
        }
    })
}

fn academic(a: &Person, b: &Person) -> Ratio {
    let none = Academic::default();
    let of = |person: &Person| person.academic.clone().unwrap_or_else(|| none.clone());
    let (mine, yours) = (of(a), of(b));
    let same = |mine: &Option<String>, yours: &Option<String>, different: Ratio| match (mine, yours) {
        (Some(mine), Some(yours)) if mine == yours => Ratio::ONE,
        (Some(_), Some(_)) => different,
        _ => Ratio::HALF,
    };
    let university = same(&mine.university, &yours.university, Ratio::ZERO);
    let programme = if mine.undecided || yours.undecided {
        Ratio::HALF
    } else {
        same(&mine.programme, &yours.programme, Ratio::new(1, 4))
    };
    let year = match (mine.study_year, yours.study_year) {
        (Some(mine), Some(yours)) => Ratio::ONE - Ratio::new(mine.abs_diff(yours).min(4).into(), 4),
        _ => Ratio::HALF,
    };
    let place = Ratio::new(7, 10) * university + Ratio::new(3, 10) * city(a, b);
    Ratio::new(40, 100) * place + Ratio::new(35, 100) * programme + Ratio::new(25, 100) * year
}

/// Half a point for each shared city. A city named twice counts twice, as it did.
fn city(a: &Person, b: &Person) -> Ratio {
    if a.cities.is_empty() || b.cities.is_empty() {
        return Ratio::HALF;
    }
    let shared = a.cities.iter().map(|mine| {
        let mine = mine.to_lowercase();
        b.cities.iter().filter(|yours| yours.to_lowercase() == mine).count()
    });
    let shared = i128::try_from(shared.sum::<usize>()).unwrap_or(i128::MAX);
    Ratio::new(shared.min(2), 2)
}

fn conflicts(a: &Person, b: &Person) -> Vec<&'static str> {
    let mut found = Vec::new();
    for own in &bank().own {
        let level = |person: &Person| place(&own.gate).and_then(|at| person.levels.get(at)).copied().unwrap_or(NONE);
        let (mine, yours) = (level(a), level(b));
        if mine == NONE || yours == NONE {
            continue;
        }
        let conflict = match own.gate.as_str() {
            // `pet_cannot` is the first option, `pet_bringing` the third.
            "M8_Q14" => mine.abs_diff(yours) == 2,
            // Read and ignored there.
            "M8_Q19" => false,
            _ => mine != yours,
        };
        if conflict {
            found.push(own.gate.as_str());
        }
    }
    found
}
