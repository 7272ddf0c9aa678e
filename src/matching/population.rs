//! The people of a run, and who of them may be suggested to whom at all.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::person::{Housing, Person, Wrong};
use super::sketch::Sketch;
use super::v3::Row;
use super::vector::{Span, Vector, bit};

/// Why two people of one cohort are not suggested to each other: the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hurdle {
    /// No city in common.
    City,
    /// What the one pays at most is less than the other pays at least.
    Budget,
    /// No day on which both can move in.
    MoveIn,
    /// Both only offer a room.
    Housing,
    /// No language in common.
    Language,
    /// A deal-breaker, or too many conflicts.
    Gates,
    /// Blocked, unmatched or passed.
    Excluded,
    /// The score is below the least that is suggested.
    Score,
}

impl Hurdle {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::Budget => "budget",
            Self::MoveIn => "move_in",
            Self::Housing => "housing",
            Self::Language => "language",
            Self::Gates => "gates",
            Self::Excluded => "excluded",
            Self::Score => "score",
        }
    }

    /// All, in the order they are looked at.
    pub const ALL: [Self; 8] = [
        Self::City,
        Self::Budget,
        Self::MoveIn,
        Self::Housing,
        Self::Language,
        Self::Gates,
        Self::Excluded,
        Self::Score,
    ];
}

/// Everybody of a run. People are known by their place.
#[derive(Debug, Default)]
pub struct Population {
    /// Their ids.
    pub ids: Vec<String>,
    /// What scores are made from.
    pub rows: Vec<Row>,
    /// Cities as bits; all of them where any will do or none was named.
    pub cities: Vec<u64>,
    /// What bounds of scores are made from.
    pub sketches: Vec<Sketch>,
    /// What decides between equal scores.
    pub draws: Vec<u64>,
    /// Suggestions each has open already.
    pub open: Vec<u8>,
    excluded: HashSet<(u32, u32)>,
}

impl Population {
    /// The population of people.
    ///
    /// # Errors
    /// The place of a person, and what is wrong: a city that the bank does not know, or an id that is there twice.
    pub fn of(people: &[Person]) -> Result<Self, (usize, Wrong)> {
        let mut population = Self::default();
        let mut places = HashMap::new();
        for (at, person) in people.iter().enumerate() {
            if places.insert(person.id.as_str(), place(at)).is_some() {
                return Err((at, Wrong::Part(format!("id: {:?} is there twice", person.id))));
            }
            population.push(&person.id, &Vector::of(person).map_err(|wrong| (at, wrong))?, person.open);
        }
        for (at, person) in people.iter().enumerate() {
            for other in person.excluded.iter().filter_map(|id| places.get(id.as_str())) {
                population.exclude(place(at), *other);
            }
        }
        Ok(population)
    }

    /// Adds a person.
    pub fn push(&mut self, id: &str, vector: &Vector, open: u8) {
        let row = Row::of(vector);
        let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
        self.ids.push(id.to_owned());
        self.cities.push(reach(&row));
        self.sketches.push(Sketch::of(&row));
        self.rows.push(row);
        self.draws.push(digest.first_chunk().map_or(0, |first| u64::from_le_bytes(*first)));
        self.open.push(open);
    }

    /// Puts another vector in the place of a person's.
    pub fn change(&mut self, at: u32, vector: &Vector) {
        let row = Row::of(vector);
        if let Some(held) = self.sketches.get_mut(index(at)) {
            *held = Sketch::of(&row);
        }
        if let Some(held) = self.cities.get_mut(index(at)) {
            *held = reach(&row);
        }
        if let Some(held) = self.rows.get_mut(index(at)) {
            *held = row;
        }
    }

    /// Keeps two people apart for good.
    pub fn exclude(&mut self, a: u32, b: u32) {
        self.excluded.insert((a.min(b), a.max(b)));
    }

    /// Ends everything that keeps a person from others for good.
    pub fn include(&mut self, at: u32) {
        self.excluded.retain(|(a, b)| *a != at && *b != at);
    }

    /// Takes a person out: nobody shares a city with them.
    pub fn leave(&mut self, at: u32) {
        if let Some(held) = self.cities.get_mut(index(at)) {
            *held = 0;
        }
    }

    /// Whether a person is here, and was not taken out.
    pub fn is_here(&self, at: u32) -> bool {
        self.cities.get(index(at)).is_some_and(|cities| *cities != 0)
    }

    /// How many people there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The places of all.
    pub fn places(&self) -> std::ops::Range<u32> {
        0..place(self.len())
    }

    /// What keeps two people of one cohort apart, scores aside.
    pub fn hurdle(&self, a: u32, b: u32) -> Option<Hurdle> {
        let (mine, yours) = (self.rows.get(index(a))?, self.rows.get(index(b))?);
        if self.cities.get(index(a))? & self.cities.get(index(b))? == 0 {
            Some(Hurdle::City)
        } else if apart(mine.budget, yours.budget) {
            Some(Hurdle::Budget)
        } else if apart(mine.move_in, yours.move_in) {
            Some(Hurdle::MoveIn)
        } else if mine.housing == bit(Housing::OfferingRoom) && yours.housing == mine.housing {
            Some(Hurdle::Housing)
        } else if strangers(&mine.languages, &yours.languages) {
            Some(Hurdle::Language)
        } else if mine.stance.apart(yours.stance) {
            Some(Hurdle::Gates)
        } else if !self.excluded.is_empty() && self.excluded.contains(&(a.min(b), a.max(b))) {
            Some(Hurdle::Excluded)
        } else {
            None
        }
    }

    /// What decides between pairs of equal score: the pair with the lower number goes first.
    ///
    /// # Why
    /// Places depend on the order of the input and ids on who came first. This is the finaliser of splitmix64 over the
    /// sum of the first eight bytes, little-endian, of both ids' SHA-256.
    pub fn tie(&self, a: u32, b: u32) -> u64 {
        let draw = |at: u32| self.draws.get(index(at)).copied().unwrap_or(0);
        mixed(draw(a).wrapping_add(draw(b)))
    }
}

fn reach(row: &Row) -> u64 {
    if row.anywhere || row.cities == 0 { u64::MAX } else { row.cities }
}

/// The finaliser of splitmix64.
pub fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn apart(mine: Span, yours: Span) -> bool {
    mine.known() && yours.known() && (mine.to < yours.from || yours.to < mine.from)
}

fn strangers(mine: &[u16], yours: &[u16]) -> bool {
    let named = |codes: &[u16]| codes.first().is_some_and(|code| *code != 0);
    named(mine) && named(yours) && !mine.iter().any(|code| *code != 0 && yours.contains(code))
}

/// A place as an index.
pub fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// An index as a place.
pub fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
