//! A made-up population with answers that hang together: people have a few traits, and answer by them.

use super::bank::{Fit, Item, Kind, QUESTIONS, bank};
use super::person::Cohort;
use super::population::mixed;
use super::vector::{Span, Vector};

/// Numbers from a seed: splitmix64.
pub struct Chance(u64);

impl Chance {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// Below `limit`, which is at least 1.
    pub fn below(&mut self, limit: u16) -> u16 {
        u16::try_from(self.bits() % u64::from(limit.max(1))).unwrap_or(0)
    }

    /// Between 0 and 1.
    pub fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.bits() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }

    /// A value around 0 with a deviation of 1: twelve shares, less six.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// Tidiness, liveliness, morningness, directness, easiness.
const TRAITS: usize = 5;
/// How far an answer follows the traits; the rest is chance.
const FOLLOWS: f64 = 0.75;
/// Where students live: of 100, so many look in each.
const CITIES: [(&str, u16); 12] = [
    ("Amsterdam", 22),
    ("Utrecht", 15),
    ("Rotterdam", 13),
    ("Groningen", 11),
    ("Delft", 8),
    ("Leiden", 7),
    ("Nijmegen", 6),
    ("Eindhoven", 5),
    ("Tilburg", 4),
    ("Maastricht", 4),
    ("Enschede", 3),
    ("Wageningen", 2),
];

/// One made-up person: their city, traits and answers come from `seed` and `at` alone.
pub fn vector(seed: u64, at: u32) -> Vector {
    let mut chance = Chance::new(mixed(seed ^ mixed(u64::from(at).wrapping_add(1))));
    let traits: [f64; TRAITS] = std::array::from_fn(|_| chance.normal());
    let mut levels = [0; QUESTIONS];
    for ((held, item), index) in levels.iter_mut().zip(bank().items()).zip(0u64..) {
        *held = answer(item, index, traits, &mut chance);
    }
    for (held, own) in levels.iter_mut().skip(super::bank::ITEMS).zip(&bank().own) {
        let does = chance.share() < if own.gate == "M5_Q17" { 0.18 } else { 0.07 };
        *held = u8::from(does == own.conflict);
    }
    let city = |chance: &mut Chance| {
        let mut left = chance.below(100);
        let found = CITIES.iter().find(|(_, share)| left.checked_sub(*share).inspect(|rest| left = *rest).is_none());
        let name = found.map_or("Utrecht", |(name, _)| name);
        bank().cities.iter().position(|city| city == name).map_or(1, |at| 1u64 << at)
    };
    let home = city(&mut chance);
    let second = if chance.share() < 0.35 { city(&mut chance) } else { 0 };
    let rent = 350 + chance.below(500);
    let day = 2400 + 30 * chance.below(4);
    let mut important = 0;
    for _ in 0..chance.below(9) {
        important |= 1 << chance.below(60);
    }
    let professional = chance.share() < 0.1;
    let university = u64::from(home.trailing_zeros()) * 4 + u64::from(chance.below(2)) + 1;
    Vector {
        cohort: if professional { Cohort::Professional } else { Cohort::Student },
        levels,
        important,
        dealbreakers: u8::try_from(chance.below(16) & chance.below(16) & chance.below(16)).unwrap_or(0),
        cities: home | second,
        anywhere: chance.share() < 0.03,
        budget: Span { from: rent, to: rent + 150 + chance.below(350) },
        move_in: Span { from: day, to: day + 30 + chance.below(60) },
        housing: if chance.share() < 0.15 { 2 } else { 1 },
        languages: [0; 8],
        university,
        programme: university * 64 + u64::from(chance.below(40)) + 1,
        study_year: u8::try_from(1 + chance.below(5)).unwrap_or(1),
        pattern: u8::try_from(1 + chance.below(3)).unwrap_or(1),
        age: u8::try_from(22 + chance.below(20)).unwrap_or(22),
    }
}

/// An answer that follows the traits in a direction which belongs to the item.
fn answer(item: &Item, index: u64, traits: [f64; TRAITS], chance: &mut Chance) -> u8 {
    let mut taste = Chance::new(mixed(index));
    let pull: [f64; TRAITS] = std::array::from_fn(|_| taste.normal());
    let length = pull.iter().map(|part| part * part).sum::<f64>().sqrt();
    let drawn = traits.iter().zip(pull).map(|(trait_, part)| trait_ * part).sum::<f64>() / length;
    let value = FOLLOWS * drawn + (1.0 - FOLLOWS * FOLLOWS).sqrt() * chance.normal();
    // What one should do is said to be done more often than not.
    let lean = match (&item.fit, item.kind) {
        (Fit::Either | Fit::Both, _) => 0.6,
        (_, Kind::Toggle) => 0.9,
        _ => 0.15,
    };
    let levels = item.levels();
    let steps = f64::from(levels);
    let spread = if item.kind == Kind::TimeRange { 9.0 } else { steps / 3.6 };
    let at = (value + lean) * spread + (steps - 1.0) / 2.0;
    (0..levels).find(|level| at < f64::from(*level) + 0.5).unwrap_or(levels.saturating_sub(1))
}
