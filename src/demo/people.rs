//! The sixty people of a world, and their universities.

use chrono::TimeDelta;

use crate::ids::{UniversityId, UserId};
use crate::store::seed::{SeedUniversity, SeedUser};

use super::Person;
use super::cast::{BIOS, NAMES, PROGRAMMES, UNIVERSITIES};
use super::dice::Dice;

/// Ids of people and chats carry this moment, so that they depend on the seed only: 1 September 2026, in milliseconds.
pub(super) const BORN_MS: i64 = 1_788_220_800_000;

/// The people of a seed; the first two are the leads.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) seed: u64,
    pub(super) universities: Vec<SeedUniversity>,
    pub(super) people: Vec<SeedUser>,
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "people");
        let universities: Vec<_> = UNIVERSITIES
            .iter()
            .map(|(name, slug, city, domains)| SeedUniversity {
                id: UniversityId(dice.id(BORN_MS)),
                name,
                slug,
                city,
                domains,
            })
            .collect();
        let mut programmes: Vec<usize> = (0..NAMES.len()).map(|i| i % PROGRAMMES.len()).collect();
        dice.shuffle(&mut programmes);
        let people = NAMES
            .iter()
            .zip(programmes)
            .enumerate()
            .map(|(i, ((first_name, last_name, locale), programme))| {
                // The leads study in one city, so that their search for a flat together makes sense.
                let university = if i < 2 { i } else { dice.index(universities.len()) };
                let dutch = *locale == "nl";
                let pick = |pair: Option<&(&'static str, &'static str)>| {
                    pair.map_or("", |(nl, en)| if dutch { nl } else { en })
                };
                let slug = universities.get(university).map_or("", |university| university.slug);
                SeedUser {
                    id: UserId(dice.id(BORN_MS + i64::try_from(i).unwrap_or_default())),
                    // A reserved domain: no mail of the demo can ever reach anybody.
                    email: format!("{}.{}@{slug}.example", plain(first_name), plain(last_name)),
                    first_name,
                    last_name,
                    locale,
                    university,
                    program: pick(PROGRAMMES.get(programme)),
                    study_year: i32::try_from(dice.range(1, 5)).unwrap_or(1),
                    bio: pick(BIOS.get(dice.index(BIOS.len()))),
                    avatar_hue: i32::try_from(dice.range(0, 359)).unwrap_or(0),
                    pronouns: pronouns(i, dutch),
                    languages: languages(i, dutch),
                    age: TimeDelta::days(dice.range(40, 90)) + TimeDelta::minutes(dice.range(0, 900)),
                }
            })
            .collect();
        Self { seed, universities, people }
    }

    /// The seed it was made of.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The two whose links are printed: Sanne, who has the Dutch client, and Luca, who has the English one.
    pub fn leads(&self) -> [UserId; 2] {
        let id = |i: usize| self.people.get(i).map_or(UserId(uuid::Uuid::nil()), |person| person.id);
        [id(0), id(1)]
    }

    /// The people as the demo's doors show them, the leads first.
    pub fn people(&self) -> Vec<Person> {
        self.people
            .iter()
            .map(|person| Person {
                user: person.id,
                first_name: person.first_name.to_owned(),
                last_name: person.last_name.to_owned(),
                university: self
                    .universities
                    .get(person.university)
                    .map_or("", |university| university.name)
                    .to_owned(),
            })
            .collect()
    }
}

/// What some people of a crowd say of how they are called.
pub(super) fn pronouns(i: usize, dutch: bool) -> Option<&'static str> {
    match (i % 6, dutch) {
        (0, true) => Some("zij/haar"),
        (1, true) => Some("hij/hem"),
        (5, true) => Some("die/diens"),
        (0, false) => Some("she/her"),
        (1, false) => Some("he/him"),
        (5, false) => Some("they/them"),
        _ => None,
    }
}

/// What they speak, the best first.
pub(super) fn languages(i: usize, dutch: bool) -> &'static [&'static str] {
    match (i % 4, dutch) {
        (0, true) => &["nl", "en", "de"],
        (_, true) => &["nl", "en"],
        (0, false) => &["en", "nl"],
        (1, false) => &["en", "it"],
        _ => &["en"],
    }
}

/// A name as the local part of an address: letters a to z.
pub(super) fn plain(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let folded = name.nfd().filter_map(|c| match c {
        'ı' => Some('i'),
        c if c.is_ascii_alphabetic() => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    folded.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_one_world() {
        let (one, same, other) = (World::new(7), World::new(7), World::new(8));
        assert_eq!(one.people, same.people);
        assert_ne!(one.people, other.people);
        assert_eq!(one.people().len(), 60);
        assert_eq!(one.leads().map(|lead| lead == one.people[0].id), [true, false]);
    }

    #[test]
    fn everybody_is_somebody_else() {
        let world = World::new(1);
        let ids: BTreeSet<_> = world.people.iter().map(|person| person.id).collect();
        let addresses: BTreeSet<_> = world.people.iter().map(|person| person.email.as_str()).collect();
        assert_eq!((ids.len(), addresses.len()), (60, 60));
        for address in addresses {
            assert!(address.is_ascii() && address.ends_with(".example") && !address.contains("@."), "{address}");
        }
        assert_eq!(world.universities.len(), 14);
    }
}
