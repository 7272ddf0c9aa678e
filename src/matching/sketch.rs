//! A cheap upper bound of mutual scores, which spares the exact score of nearly all pairs.
//!
//! # Why it is a bound
//! The mutual score is at most the mean of the two directed ones. Harmony is at most its average over modules, because
//! the mean of the two weakest is below every mean whose weights are at most a half. What is left is a sum over items of
//! weight times misfit; misfits are held in twelfths and weights are rounded down, so that the sum never says more than
//! is lost. Answers that are missing and items whose misfit is no difference of two numbers count as no loss, and quiet
//! hours lose at least their distance over the longest union that the bank allows.

use super::bank::{Direction, Fit, ITEMS, Item, Kind, MODULE_ITEMS, bank, place};
use super::person::Cohort;
use super::v3::{CONTEXT, GATE, LIVING, PLAN, Row, STUDIES, YEARS_APART};

/// Parts of a whole misfit.
const TWELFTHS: i16 = 12;
/// Parts of a whole weight.
const SCALE: f64 = 131_072.0;
/// Half hours from the earliest start to the latest end of quiet hours.
const LONGEST_NIGHT: f64 = 26.0;
/// What floating-point rounding may move a score by, many times over.
const ROUNDING: f64 = 1e-9;

/// Numbers side by side, of which the processor takes eight at once, and what each weighs.
#[derive(Debug, Clone, PartialEq)]
struct Lanes<const N: usize> {
    codes: [i16; N],
    weights: [i16; N],
    used: usize,
}

impl<const N: usize> Lanes<N> {
    const EMPTY: Self = Self { codes: [0; N], weights: [0; N], used: 0 };

    fn push(&mut self, code: i16, weight: f64) {
        if let (Some(held), Some(weights)) = (self.codes.get_mut(self.used), self.weights.get_mut(self.used)) {
            (*held, *weights) = (code, floor(weight * SCALE));
        }
        self.used += 1;
    }

    /// Misfits times the weights of both.
    #[inline]
    fn lost(&self, other: &Self, misfit: impl Fn(i16, i16) -> i16) -> i32 {
        let codes = self.codes.iter().zip(&other.codes).map(|(mine, yours)| misfit(*mine, *yours));
        let weights = self.weights.iter().zip(&other.weights).map(|(mine, yours)| mine + yours);
        codes.zip(weights).map(|(misfit, weight)| i32::from(misfit) * i32::from(weight)).sum()
    }
}

/// A person in lanes of small numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    alike: Lanes<48>,
    limits: Lanes<8>,
    shown: [i16; 8],
    /// What an item that takes one of two lacks here.
    either: Lanes<8>,
    /// What an item that takes both lacks here.
    both: Lanes<8>,
    /// What is the same or not.
    same: Lanes<8>,
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "weights times SCALE stay below 2^14; rounding towards zero is meant"
)]
fn floor(weight: f64) -> i16 {
    weight as i16
}

/// The twelfths of a level on its scale.
fn twelfths(item: &Item, level: u8) -> i16 {
    let steps = item.levels().saturating_sub(1).max(1);
    i16::from(level.min(steps)) * TWELFTHS / i16::from(steps)
}

impl Sketch {
    /// Sketches a row.
    pub fn of(row: &Row) -> Self {
        let mut sketch = Self {
            alike: Lanes::EMPTY,
            limits: Lanes::EMPTY,
            shown: [0; 8],
            either: Lanes::EMPTY,
            both: Lanes::EMPTY,
            same: Lanes::EMPTY,
        };
        for (at, item) in items() {
            let weight = module_weight(row, at / MODULE_ITEMS) * row.weights.get(at).copied().unwrap_or(0.0);
            sketch.take(row, at, item, weight);
        }
        let (_, around) = row.balance();
        let [_, _, background] = CONTEXT;
        let [university, programme, year] = STUDIES.map(|weight| around * background * weight);
        if row.cohort == Cohort::Student {
            let [own_university, own_programme] = row.studies.map(|name| i16::try_from(name % 32_768).unwrap_or(0));
            sketch.same.push(own_university, university);
            sketch.same.push(own_programme, programme);
            let years = i16::from(row.study_year.min(YEARS_APART + 1)) * TWELFTHS / i16::from(YEARS_APART);
            sketch.alike.push(if row.study_year == 0 { 0 } else { years - TWELFTHS / i16::from(YEARS_APART) }, year);
        }
        sketch
    }

    fn take(&mut self, row: &Row, at: usize, item: &Item, weight: f64) {
        let code = row.codes.get(at).copied().unwrap_or(0);
        let level = twelfths(item, code);
        match &item.fit {
            Fit::Alike if item.kind == Kind::TimeRange => {
                let ends = item.times.as_ref().map_or(1, |times| u8::try_from(times.end.len()).unwrap_or(1));
                let code = if code < item.levels() { code } else { 0 };
                for step in [code / ends, code % ends] {
                    self.alike.push(step.into(), weight * f64::from(TWELFTHS) / LONGEST_NIGHT);
                }
            }
            Fit::Alike if item.options.iter().any(|choice| choice.covers || choice.open) => {}
            Fit::Alike => self.alike.push(level, weight),
            Fit::Either => self.either.push(TWELFTHS - level, weight),
            Fit::Both => self.both.push(TWELFTHS - level, weight),
            Fit::Limit(limit) => {
                let turned = |level: i16, way| if way == Direction::Up { level } else { TWELFTHS - level };
                let of = place(&limit.of).unwrap_or(at);
                let seen = bank().items().nth(of).unwrap_or(item);
                let code = row.codes.get(of).copied().unwrap_or(0);
                if let Some(held) = self.shown.get_mut(self.limits.used) {
                    *held = turned(twelfths(seen, code), limit.shown);
                }
                self.limits.push(turned(level, limit.limit), weight);
            }
        }
    }

    /// What the two directed scores lose at least, both together.
    #[inline]
    pub fn loss(&self, other: &Self) -> f64 {
        self.loss_of_likeness(other) + self.loss_of_roles(other)
    }

    /// What most items lose.
    #[inline]
    fn loss_of_likeness(&self, other: &Self) -> f64 {
        let alike = self.alike.lost(&other.alike, |mine, yours| mine.max(yours) - mine.min(yours));
        let same = self.same.lost(&other.same, |mine, yours| if mine == yours { 0 } else { TWELFTHS });
        f64::from(alike + same) / (SCALE * f64::from(TWELFTHS))
    }

    /// What items lose in which the two have different parts.
    #[inline]
    fn loss_of_roles(&self, other: &Self) -> f64 {
        let either = self.either.lost(&other.either, i16::min);
        let both = self.both.lost(&other.both, i16::max);
        let limits = self.limits.over(&other.shown) + other.limits.over(&self.shown);
        f64::from(either + both + limits) / (SCALE * f64::from(TWELFTHS))
    }

    /// The loss, when the score could still be at least `bar`; most pairs are out after the first half.
    #[inline]
    pub fn loss_within(&self, other: &Self, bar: f64) -> Option<f64> {
        let likeness = self.loss_of_likeness(other);
        if bound(likeness) < bar {
            return None;
        }
        let loss = likeness + self.loss_of_roles(other);
        (bound(loss) >= bar).then_some(loss)
    }
}

impl Lanes<8> {
    /// What is shown above the limits, times their weights.
    #[inline]
    fn over(&self, shown: &[i16; 8]) -> i32 {
        let above = self.codes.iter().zip(shown).map(|(limit, shown)| (shown - limit).max(0));
        above.zip(&self.weights).map(|(above, weight)| i32::from(above) * i32::from(*weight)).sum()
    }
}

/// The weighted items with their places.
fn items() -> impl Iterator<Item = (usize, &'static Item)> {
    bank().items().enumerate().take(ITEMS).filter(|(_, item)| item.weight > 0)
}

fn module_weight(row: &Row, module: usize) -> f64 {
    let (living, around) = row.balance();
    let [logistics, ..] = CONTEXT;
    module.checked_sub(1).and_then(|at| LIVING.get(at)).map_or(around * logistics, |weight| living * weight)
}

/// The most that a mutual score can be after such a loss.
pub fn bound(loss: f64) -> f64 {
    1.0 - loss / 2.0 + ROUNDING
}

/// A tighter bound, which looks at budget, move-in and gates as well.
pub fn bound_of(a: &Row, b: &Row, loss: f64) -> f64 {
    let [_, plan, _] = CONTEXT;
    let [_, budget, move_in] = PLAN;
    let lost = |mine: &Row, yours: &Row| {
        let [_, money, days] = mine.plan(yours);
        mine.balance().1 * plan * (budget * (1.0 - money) + move_in * (1.0 - days))
    };
    let met = |mine: &Row, yours: &Row| {
        let gates = mine.stance.against(yours.stance);
        (gates.conflicts | gates.unknown).count_ones()
    };
    let before_gates = (1.0 - (loss + lost(a, b) + lost(b, a)) / 2.0).max(0.0);
    let gates = (0..met(a, b) + met(b, a)).fold(1.0, |left, _| left * GATE);
    before_gates * if gates < 1.0 { gates.sqrt() } else { 1.0 } + ROUNDING
}
