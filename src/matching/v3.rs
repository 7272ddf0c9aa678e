//! The score of this platform: how well two people suit each other, each seen from their own side.
//!
//! A *directed* score says how well the other suits the viewer: the viewer's important items count double, the viewer's
//! limits are held against the other's behaviour. The *mutual* score is the geometric mean of the two, so that it is the
//! same for both and one unhappy side cannot be made up for. What is not known earns nothing.
//!
//! `directed = (H·harmony + C·context) · GATE^(conflicts + unknown)`

use std::sync::LazyLock;

use super::bank::{self, Direction, Fit, ITEMS, Item, Kind, MODULE_ITEMS, MODULES, NONE, QUESTIONS, bank, place};
use super::gates::{Gates, Stance};
use super::person::{Cohort, LANGUAGES_MAX};
use super::vector::{Span, Vector};

/// The name stored with every score.
pub const ALGORITHM: &str = "v3";
/// What harmony and context weigh for students.
pub const STUDENT: (f64, f64) = (0.75, 0.25);
/// And for young professionals.
pub const PROFESSIONAL: (f64, f64) = (0.85, 0.15);
/// What environment, cleanliness, communication and social weigh in harmony's average.
pub const LIVING: [f64; 4] = [0.24, 0.28, 0.24, 0.24];
/// Harmony: its average, and the mean of the two weakest modules, because people part over their worst point.
pub const AVERAGE: f64 = 0.70;
/// See [`AVERAGE`].
pub const WEAKEST: f64 = 0.30;
/// Context: logistics, plan, background.
pub const CONTEXT: [f64; 3] = [0.60, 0.25, 0.15];
/// Plan: city, budget, move-in.
pub const PLAN: [f64; 3] = [0.50, 0.25, 0.25];
/// Background of students: university, programme, year.
pub const STUDIES: [f64; 3] = [0.40, 0.30, 0.30];
/// Years of study from which on two are as far apart as can be.
pub const YEARS_APART: u8 = 4;
/// Background of professionals: where they work, age.
pub const WORK: [f64; 2] = [0.60, 0.40];
/// Of people who work at home half the week with those who always or never do.
pub const HYBRID: f64 = 0.50;
/// Years of age up to which two are near, and from which on they are far.
pub const AGES_APART: (u8, u8) = (3, 8);
/// What an important item weighs beside the others of its module.
pub const IMPORTANT: f64 = 2.0;
/// What is left of a directed score for each gate in conflict or unknown.
pub const GATE: f64 = 0.90;
/// To a viewer who cares, another who does not mind.
pub const OPEN: f64 = 0.75;

/// How well every level of the other suits every level of the viewer, for one item; one more level each for no answer.
struct Table {
    /// Whose behaviour is looked at: the place of the other's answer.
    of: usize,
    /// Where the rows of this item begin in [`Tables::fits`].
    start: usize,
    /// Levels of the other, and one.
    stride: usize,
    weight: f64,
}

/// The tables of all items, in the order of the bank.
struct Tables {
    items: Vec<Table>,
    /// All rows, one after the other, so that a score walks through one piece of memory.
    fits: Vec<f64>,
}

impl Tables {
    fn new() -> Self {
        let mut tables = Self { items: Vec::new(), fits: Vec::new() };
        for (at, item) in bank().items().enumerate() {
            let of = match &item.fit {
                Fit::Limit(limit) => place(&limit.of).unwrap_or(at),
                _ => at,
            };
            let other = bank().items().nth(of).unwrap_or(item);
            let (own_levels, levels) = (item.levels(), other.levels());
            let stride = usize::from(levels) + 1;
            tables.items.push(Table { of, start: tables.fits.len(), stride, weight: f64::from(item.weight) });
            for own in 0..=own_levels {
                for seen in 0..=levels {
                    let known = own < own_levels && seen < levels;
                    tables.fits.push(if known { fit(item, own, other, seen) } else { 0.0 });
                }
            }
        }
        tables
    }
}

fn share(item: &Item, level: u8) -> f64 {
    f64::from(level) / f64::from(item.levels().saturating_sub(1).max(1))
}

/// How well the other's level suits a viewer with the own level.
fn fit(item: &Item, own: u8, other: &Item, seen: u8) -> f64 {
    let (mine, yours) = (share(item, own), share(other, seen));
    match &item.fit {
        Fit::Alike => alike(item, own, seen),
        Fit::Either => mine.max(yours),
        Fit::Both => mine.min(yours),
        Fit::Limit(limit) => {
            let turned = |value: f64, way| if way == Direction::Up { value } else { 1.0 - value };
            1.0 - (turned(yours, limit.shown) - turned(mine, limit.limit)).max(0.0)
        }
    }
}

fn alike(item: &Item, own: u8, seen: u8) -> f64 {
    let same = if own == seen { 1.0 } else { 0.0 };
    match item.kind {
        Kind::Likert | Kind::Bipolar => 1.0 - (share(item, own) - share(item, seen)).abs(),
        Kind::Toggle => same,
        Kind::TimeRange => item.minutes(own).zip(item.minutes(seen)).map_or(0.0, |(mine, yours)| quiet(mine, yours)),
        Kind::Mcq => {
            let is = |level, what: fn(&bank::Choice) -> bool| item.choice(level).is_some_and(what);
            if is(own, |choice| choice.covers || choice.open) || is(seen, |choice| choice.covers) {
                1.0
            } else if is(seen, |choice| choice.open) {
                OPEN
            } else if item.ordered {
                let steps = item.options.iter().filter(|choice| !choice.open).count().saturating_sub(1).max(1);
                1.0 - f64::from(own.abs_diff(seen)) / u32::try_from(steps).map_or(1.0, f64::from)
            } else {
                same
            }
        }
    }
}

/// Overlap over union of two ranges of hours, on an axis from noon to noon, so that a night is in one piece.
fn quiet(mine: (i64, i64), yours: (i64, i64)) -> f64 {
    const DAY: i64 = 24 * 60;
    let late = |minutes: i64| if minutes < DAY / 2 { minutes + DAY } else { minutes };
    let ((start, end), (other_start, other_end)) = ((late(mine.0), late(mine.1)), (late(yours.0), late(yours.1)));
    let overlap = (end.min(other_end) - start.max(other_start)).max(0);
    let union = (end.max(other_end) - start.min(other_start)).max(1);
    let float = |minutes: i64| i32::try_from(minutes).map_or(0.0, f64::from);
    float(overlap) / float(union)
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

/// A person made ready to be scored many times.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Their cohort.
    pub cohort: Cohort,
    /// Levels; one beyond the last where there is no answer.
    pub codes: [u8; QUESTIONS],
    /// What each item weighs to them in its module; each module sums to 1.
    pub weights: [f64; ITEMS],
    /// Where the row of the own level of each item begins in the tables.
    starts: [u16; ITEMS],
    /// The level that others look at for each item.
    shows: [u8; ITEMS],
    /// Gates.
    pub stance: Stance,
    /// Cities, as bits.
    pub cities: u64,
    /// Any city will do.
    pub anywhere: bool,
    /// Euros a month.
    pub budget: Span,
    /// Days.
    pub move_in: Span,
    /// Purposes, as bits.
    pub housing: u8,
    /// Languages.
    pub languages: [u16; LANGUAGES_MAX],
    /// University and programme, hashed; 0 is none.
    pub studies: [u64; 2],
    /// Year of study; 0 is unknown.
    pub study_year: u8,
    pattern: u8,
    age: u8,
}

impl Row {
    /// Makes a vector ready.
    pub fn of(vector: &Vector) -> Self {
        let mut codes = [0; QUESTIONS];
        let levels = bank().items().map(Item::levels).chain(std::iter::repeat(2));
        for ((code, level), levels) in codes.iter_mut().zip(vector.levels).zip(levels) {
            *code = if level == NONE { levels } else { level };
        }
        let (mut weights, mut starts, mut shows) = ([0.0; ITEMS], [0; ITEMS], [0; ITEMS]);
        let code = |at: usize| codes.get(at).copied().unwrap_or(0);
        let lanes = starts.iter_mut().zip(&mut shows);
        for (at, (table, (start, shown))) in TABLES.items.iter().zip(lanes).enumerate() {
            *start = u16::try_from(table.start + usize::from(code(at)) * table.stride).unwrap_or(u16::MAX);
            *shown = code(table.of);
        }
        for ((at, weight), table) in weights.iter_mut().enumerate().zip(&TABLES.items) {
            *weight = table.weight * if vector.important >> at & 1 == 1 { IMPORTANT } else { 1.0 };
        }
        for module in weights.chunks_exact_mut(MODULE_ITEMS) {
            let sum: f64 = module.iter().sum();
            for weight in module {
                *weight /= sum;
            }
        }
        Self {
            cohort: vector.cohort,
            codes,
            weights,
            starts,
            shows,
            stance: Stance::of(vector),
            cities: vector.cities,
            anywhere: vector.anywhere,
            budget: vector.budget,
            move_in: vector.move_in,
            housing: vector.housing,
            languages: vector.languages,
            studies: [vector.university, vector.programme],
            study_year: vector.study_year,
            pattern: vector.pattern,
            age: vector.age,
        }
    }

    /// How well the other's answer to the item at a place suits this person.
    pub fn item(&self, other: &Self, at: usize) -> f64 {
        self.starts.get(at).zip(other.shows.get(at)).map_or(0.0, |(start, shown)| fit_at(&TABLES.fits, *start, *shown))
    }

    /// City, budget and move-in: how much of what this person wants the other can do.
    pub fn plan(&self, other: &Self) -> [f64; 3] {
        let named = |row: &Self| row.anywhere || row.cities != 0;
        let city = named(self) && named(other) && self.meets(other);
        let part = |mine: Span, yours: Span| {
            if !mine.known() || !yours.known() {
                return 0.0;
            }
            let from = mine.from.max(yours.from);
            let shared = f64::from(mine.to.min(yours.to)) - f64::from(from) + 1.0;
            shared.max(0.0) / (f64::from(mine.to) - f64::from(mine.from) + 1.0)
        };
        [if city { 1.0 } else { 0.0 }, part(self.budget, other.budget), part(self.move_in, other.move_in)]
    }

    /// Whether the two can live in the same city.
    pub fn meets(&self, other: &Self) -> bool {
        self.anywhere || other.anywhere || self.cities & other.cities != 0
    }

    /// University, programme and year of students; work and age of professionals, whose third is 0.
    pub fn background(&self, other: &Self) -> [f64; 3] {
        let same = |mine: u64, yours: u64| if mine != 0 && mine == yours { 1.0 } else { 0.0 };
        let known = |mine: u8, yours: u8| (mine != 0 && yours != 0).then(|| mine.abs_diff(yours));
        match self.cohort {
            Cohort::Student => {
                let ([university, programme], [others, theirs]) = (self.studies, other.studies);
                let year = known(self.study_year, other.study_year)
                    .map_or(0.0, |gap| 1.0 - f64::from(gap.min(YEARS_APART)) / f64::from(YEARS_APART));
                [same(university, others), same(programme, theirs), year]
            }
            Cohort::Professional => {
                let work = known(self.pattern, other.pattern).map_or(0.0, |gap| match gap {
                    0 => 1.0,
                    1 => HYBRID,
                    _ => 0.0,
                });
                let (near, far) = AGES_APART;
                let age = known(self.age, other.age)
                    .map_or(0.0, |gap| f64::from(far.saturating_sub(gap.max(near))) / f64::from(far - near));
                [work, age, 0.0]
            }
        }
    }

    /// What harmony and context weigh.
    pub fn balance(&self) -> (f64, f64) {
        match self.cohort {
            Cohort::Student => STUDENT,
            Cohort::Professional => PROFESSIONAL,
        }
    }

    /// What the parts of [`Row::background`] weigh.
    pub fn background_weights(&self) -> [f64; 3] {
        match (self.cohort, WORK) {
            (Cohort::Student, _) => STUDIES,
            (Cohort::Professional, [work, age]) => [work, age, 0.0],
        }
    }

    /// How well the other suits this person.
    pub fn sees(&self, other: &Self) -> Directed {
        let fits = &TABLES.fits;
        let own = self.weights.chunks_exact(MODULE_ITEMS).zip(self.starts.chunks_exact(MODULE_ITEMS));
        let mut modules = [0.0; MODULES];
        for ((module, (weights, starts)), shows) in
            modules.iter_mut().zip(own).zip(other.shows.chunks_exact(MODULE_ITEMS))
        {
            for ((weight, start), shown) in weights.iter().zip(starts).zip(shows) {
                *module += weight * fit_at(fits, *start, *shown);
            }
        }
        self.judge(other, modules)
    }

    /// The directed score once its module scores are known.
    fn judge(&self, other: &Self, modules: [f64; MODULES]) -> Directed {
        let [logistics, environment, cleanliness, communication, social] = modules;
        let living = [environment, cleanliness, communication, social];
        let average = dot(living, LIVING);
        let [lowest, second] = weakest(living);
        let harmony = AVERAGE * average + WEAKEST * (lowest + second) / 2.0;
        let plan = dot(self.plan(other), PLAN);
        let background = dot(self.background(other), self.background_weights());
        let context = dot([logistics, plan, background], CONTEXT);
        let (living, around) = self.balance();
        // Weights that sum to 1 only nearly must not lift a perfect fit above it.
        let before_gates = (living * harmony + around * context).min(1.0);
        let gates = self.stance.against(other.stance);
        let overall = (gates.conflicts | gates.unknown).count_ones();
        let overall = (0..overall).fold(before_gates, |score, _| score * GATE);
        Directed { overall, before_gates, harmony, context, plan, background, modules, gates }
    }
}

#[inline]
fn fit_at(fits: &[f64], start: u16, shown: u8) -> f64 {
    fits.get(usize::from(start) + usize::from(shown)).copied().unwrap_or(0.0)
}

fn dot<const N: usize>(a: [f64; N], b: [f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The two lowest values, lowest first.
fn weakest(values: [f64; 4]) -> [f64; 2] {
    values.iter().fold([f64::INFINITY; 2], |[lowest, second], value| {
        if *value < lowest { [*value, lowest] } else { [lowest, second.min(*value)] }
    })
}

/// How well one person suits another.
#[derive(Debug, Clone, PartialEq)]
pub struct Directed {
    /// Between 0 and 1.
    pub overall: f64,
    /// The same without gates.
    pub before_gates: f64,
    /// Living together.
    pub harmony: f64,
    /// Everything around it.
    pub context: f64,
    /// City, budget, move-in.
    pub plan: f64,
    /// Studies or work.
    pub background: f64,
    /// Logistics, environment, cleanliness, communication, social: the order of the bank.
    pub modules: [f64; MODULES],
    /// What the viewer would run into.
    pub gates: Gates,
}

/// The mutual score of two directed ones.
pub fn fuse(ab: f64, ba: f64) -> f64 {
    (ab * ba).sqrt()
}

/// The mutual score of two people.
pub fn mutual(a: &Row, b: &Row) -> f64 {
    fuse(a.sees(b).overall, b.sees(a).overall)
}

/// The nearest whole percent; a half goes up.
pub fn percent(score: f64) -> u8 {
    (0..100).find(|percent| score * 100.0 < f64::from(*percent) + 0.5).unwrap_or(100)
}
