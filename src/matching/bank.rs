//! The question bank: 60 items in five modules, four questions about one's own behaviour, and the cities, read once from
//! `data/bank.json`. Everything else in this room is driven by this table.
//!
//! An answer is held as a *level*: the place of the answer among those its item allows, or [`NONE`].

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Items of the modules.
pub const ITEMS: usize = 60;
/// Items of the modules and questions about one's own behaviour: what an answer sheet has room for.
pub const QUESTIONS: usize = 64;
/// Items of one module.
pub const MODULE_ITEMS: usize = 12;
/// Modules, in the order of the file.
pub const MODULES: usize = 5;
/// The level of a question that is not answered.
pub const NONE: u8 = u8::MAX;
/// Levels of a likert or bipolar item.
const SCALE: u8 = 5;

/// A text in the languages of the platform.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// English.
    pub en: String,
    /// Dutch.
    pub nl: String,
}

/// The whole bank.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    /// The version stored with every answer sheet.
    pub version: String,
    /// Where one may look for a home.
    pub cities: Vec<String>,
    /// Questions about one's own behaviour, one for each gate.
    pub own: Vec<Own>,
    /// The modules in the order they are asked.
    pub modules: Vec<Module>,
}

/// One page of the questionnaire.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Its id.
    pub id: String,
    /// Its heading.
    pub title: Text,
    /// Its questions.
    pub items: Vec<Item>,
}

/// What kind of answer an item takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// 1 (strongly disagree) to 5 (strongly agree).
    Likert,
    /// 1 (left pole) to 5 (right pole).
    Bipolar,
    /// One of the options.
    Mcq,
    /// Yes or no.
    Toggle,
    /// A start in the evening and an end in the morning.
    TimeRange,
}

/// One question of a module.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its id; the prefix says nothing about its module.
    pub id: String,
    /// What it takes.
    pub kind: Kind,
    /// Hundredths of its module's score; 0 for a gate.
    pub weight: u32,
    /// How two answers fit in `v3`.
    #[serde(default)]
    pub fit: Fit,
    /// Whether the options are steps of one scale.
    #[serde(default)]
    pub ordered: bool,
    /// What it is about, to be put into a sentence.
    pub topic: Text,
    /// The question.
    pub text: Text,
    /// What 1 and 5 of a bipolar item mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub poles: Vec<Text>,
    /// What may be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
    /// What a range of times may start and end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// A rule that two people who differ here could agree on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub house_rule: Option<Text>,
    /// A question to begin a conversation with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Text>,
}

/// How two answers to an item fit in `v3`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The nearer the better.
    #[default]
    Alike,
    /// It is enough that one of the two does it.
    Either,
    /// It needs both.
    Both,
    /// What one tolerates against what the other does: only too much is a misfit.
    Limit(Limit),
}

/// A tolerance and the behaviour it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The item that tells the other's behaviour; it may be the item itself.
    pub of: String,
    /// Whether a higher answer to this item tolerates more (`up`) or less (`down`).
    pub limit: Direction,
    /// Whether a higher answer to `of` is more of it (`up`) or less (`down`).
    pub shown: Direction,
}

/// Which way a scale runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Higher is more.
    Up,
    /// Higher is less.
    Down,
}

/// One option.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Its value on the wire.
    pub value: String,
    /// English.
    pub en: String,
    /// Dutch.
    pub nl: String,
    /// It can do what any other option asks for (speaks both languages).
    #[serde(default)]
    pub covers: bool,
    /// Whoever chose it is content with anything.
    #[serde(default)]
    pub open: bool,
}

/// The times of a range.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// Starts, `HH:MM`.
    pub start: Vec<String>,
    /// Ends, `HH:MM`.
    pub end: Vec<String>,
}

/// A yes-or-no question about one's own behaviour.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Its id.
    pub id: String,
    /// The item that asks whether this is tolerated.
    pub gate: String,
    /// What it is about.
    pub topic: Text,
    /// The question.
    pub text: Text,
    /// The answer that those who do not tolerate it cannot live with.
    pub conflict: bool,
}

impl Item {
    /// How many levels an answer can have.
    pub fn levels(&self) -> u8 {
        let many = match self.kind {
            Kind::Likert | Kind::Bipolar => usize::from(SCALE),
            Kind::Toggle => 2,
            Kind::Mcq => self.options.len(),
            Kind::TimeRange => self.times.as_ref().map_or(0, |times| times.start.len() * times.end.len()),
        };
        u8::try_from(many).unwrap_or(0)
    }

    /// The option of a level.
    pub fn choice(&self, level: u8) -> Option<&Choice> {
        self.options.get(usize::from(level))
    }

    /// The hours of a level, in minutes since midnight, as they are written.
    pub fn minutes(&self, level: u8) -> Option<(i64, i64)> {
        let times = self.times.as_ref()?;
        let (level, ends) = (usize::from(level), times.end.len().max(1));
        Some((minutes(times.start.get(level / ends)?)?, minutes(times.end.get(level % ends)?)?))
    }
}

/// `HH:MM` as minutes since midnight.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

impl Bank {
    /// All items in the order of their places.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.modules.iter().flat_map(|module| &module.items)
    }

    /// The id of the question at a place.
    pub fn id_at(&self, place: usize) -> &str {
        let own = || self.own.get(place.checked_sub(ITEMS)?).map(|own| own.id.as_str());
        self.items().nth(place).map(|item| item.id.as_str()).or_else(own).unwrap_or_default()
    }
}

/// The bank. A broken file would leave it empty; the tests of this module rule that out.
pub fn bank() -> &'static Bank {
    static BANK: LazyLock<Bank> =
        LazyLock::new(|| serde_json::from_str(include_str!("data/bank.json")).unwrap_or_default());
    &BANK
}

/// The place of a question: items first, in the order of the file, then one's own behaviour.
pub fn place(id: &str) -> Option<usize> {
    static PLACES: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
        let ids = bank().items().map(|item| item.id.as_str()).chain(bank().own.iter().map(|own| own.id.as_str()));
        ids.enumerate().map(|(place, id)| (id, place)).collect()
    });
    PLACES.get(id).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn of(kind: Kind) -> usize {
        bank().items().filter(|item| item.kind == kind).count()
    }

    #[test]
    fn the_file_is_the_schema_and_nothing_besides() {
        let held: serde_json::Value = serde_json::from_str(include_str!("data/bank.json")).unwrap();
        let read: Bank = serde_json::from_str(include_str!("data/bank.json")).unwrap();
        assert_eq!(read.version, "rmq-v2");
        for (module, held) in read.modules.iter().zip(held["modules"].as_array().unwrap()) {
            for (item, held) in module.items.iter().zip(held["items"].as_array().unwrap()) {
                assert_eq!(item.id, held["id"].as_str().unwrap());
            }
        }
        let mut stray = held;
        stray["modules"][0]["items"][0]["wieght"] = 1.into();
        assert!(serde_json::from_value::<Bank>(stray).is_err());
    }

    #[test]
    fn sixty_items_in_five_modules_whose_weights_are_whole() {
        let bank = bank();
        let modules: Vec<_> = bank.modules.iter().map(|module| module.id.as_str()).collect();
        let want = [
            "logistics-context",
            "environment-rhythms",
            "cleanliness-operations",
            "communication-resolution",
            "social-spaces",
        ];
        assert_eq!(modules, want);
        assert_eq!(modules.len(), MODULES);
        for module in &bank.modules {
            assert_eq!(module.items.len(), MODULE_ITEMS, "{}", module.id);
            assert_eq!(module.items.iter().map(|item| item.weight).sum::<u32>(), 100, "{}", module.id);
        }
        assert_eq!(bank.items().count(), ITEMS);
        assert_eq!(bank.own.len(), QUESTIONS - ITEMS);
        assert_eq!(
            [of(Kind::Likert), of(Kind::Bipolar), of(Kind::Mcq), of(Kind::Toggle), of(Kind::TimeRange)],
            [29, 14, 11, 5, 1]
        );
    }

    #[test]
    fn ids_are_unique_and_known_by_their_place() {
        let ids: Vec<_> = (0..QUESTIONS).map(|place| bank().id_at(place)).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), QUESTIONS);
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(place(id), Some(at));
        }
        assert_eq!(place("M9_Q1"), None);
        assert_eq!(ids.iter().filter(|id| ("M1".."M6").contains(&&id[..2])).count(), 34);
    }

    #[test]
    fn every_item_has_what_its_kind_needs_in_both_languages() {
        for item in bank().items() {
            let id = &item.id;
            assert_eq!(item.poles.len(), if item.kind == Kind::Bipolar { 2 } else { 0 }, "{id}");
            assert_eq!(!item.options.is_empty(), item.kind == Kind::Mcq, "{id}");
            assert_eq!(item.times.is_some(), item.kind == Kind::TimeRange, "{id}");
            assert!(item.levels() >= 2, "{id}");
            let texts = [&item.topic, &item.text].into_iter().chain(&item.poles).chain(&item.house_rule);
            for text in texts.chain(&item.ask) {
                assert!(!text.en.is_empty() && !text.nl.is_empty(), "{id}");
            }
            assert!(item.options.iter().all(|choice| !choice.en.is_empty() && !choice.nl.is_empty()), "{id}");
            if let Fit::Limit(limit) = &item.fit {
                assert!(place(&limit.of).is_some_and(|at| at < ITEMS), "{id}");
            }
        }
        for own in &bank().own {
            assert_eq!(bank().items().find(|item| item.id == own.gate).unwrap().weight, 0);
        }
        assert!(bank().cities.len() <= 64, "a city is a bit of a word");
        assert!(bank().cities.is_sorted());
    }

    #[test]
    fn hours_are_the_sixty_three_of_the_bank() {
        let item = bank().items().find(|item| item.kind == Kind::TimeRange).unwrap();
        assert_eq!(item.levels(), 63);
        assert_eq!(item.minutes(0), Some((20 * 60, 6 * 60)));
        assert_eq!(item.minutes(62), Some((0, 9 * 60)));
        assert_eq!(item.minutes(63), None);
    }
}
