//! A person as the engine takes one: read from JSON, checked against the bank, then held as levels.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::bank::{Item, Kind, NONE, QUESTIONS, bank, place};

/// Who may be matched with whom: only people of one cohort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cohort {
    /// A verified student.
    #[default]
    Student,
    /// A young professional.
    Professional,
}

/// What a student studies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Academic {
    /// The university.
    #[serde(default)]
    pub university: Option<String>,
    /// The programme.
    #[serde(default)]
    pub programme: Option<String>,
    /// Whether the programme is not chosen yet.
    #[serde(default)]
    pub undecided: bool,
    /// The year of study, from 1.
    #[serde(default)]
    pub study_year: Option<u8>,
}

/// Where somebody works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// At home.
    FullyRemote,
    /// Both.
    Hybrid,
    /// At the office.
    FullyOffice,
}

/// What stands in the place of studies for a young professional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Where they work.
    #[serde(default)]
    pub pattern: Option<Pattern>,
    /// Years of age.
    #[serde(default)]
    pub age: Option<u8>,
}

/// Rent a month that somebody can pay, in euros, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// At least.
    pub min: u16,
    /// At most.
    pub max: u16,
}

/// When somebody can move in, both days included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveIn {
    /// The first day.
    pub from: chrono::NaiveDate,
    /// The last day.
    pub to: chrono::NaiveDate,
}

/// What somebody is here for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Housing {
    /// Looks for a room.
    SeekingRoom,
    /// Has a room to give.
    OfferingRoom,
    /// Wants to look together.
    TeamUp,
    /// Looks around.
    Exploring,
}

/// A sheet of answers: a level for every place of the bank.
pub type Levels = [u8; QUESTIONS];

/// A person, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// Their cohort.
    pub cohort: Cohort,
    /// Their answers.
    pub levels: Levels,
    /// Bit `i`: the item at place `i` is important to them.
    pub important: u64,
    /// Bit `g`: gate `g` is a deal-breaker to them.
    pub dealbreakers: u8,
    /// Their studies.
    pub academic: Option<Academic>,
    /// Their work.
    pub work: Option<Work>,
    /// Where they look.
    pub cities: Vec<String>,
    /// Whether any city will do.
    pub anywhere: bool,
    /// What they can pay.
    pub budget: Option<Budget>,
    /// When they can move.
    pub move_in: Option<MoveIn>,
    /// What they are here for.
    pub housing: Vec<Housing>,
    /// What they speak, as ISO 639 codes.
    pub languages: Vec<String>,
    /// People they are never matched with: blocked, unmatched, passed.
    pub excluded: Vec<String>,
    /// Suggestions they have open already.
    pub open: u8,
}

/// What is wrong with a person.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Wrong {
    /// No such question.
    #[error("{0} is no question of the bank")]
    UnknownItem(String),
    /// An answer of the wrong kind, off the scale, or no option.
    #[error("{item} takes {takes}, not {given}")]
    Answer {
        /// The question.
        item: String,
        /// What it takes.
        takes: String,
        /// What was given.
        given: String,
    },
    /// Something besides the answers.
    #[error("{0}")]
    Part(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    id: String,
    #[serde(default)]
    cohort: Cohort,
    #[serde(default)]
    answers: Map<String, Value>,
    #[serde(default)]
    important: Vec<String>,
    #[serde(default)]
    dealbreakers: Vec<String>,
    #[serde(default)]
    academic: Option<Academic>,
    #[serde(default)]
    work: Option<Work>,
    #[serde(default)]
    cities: Vec<String>,
    #[serde(default)]
    anywhere: bool,
    #[serde(default)]
    budget: Option<Budget>,
    #[serde(default)]
    move_in: Option<MoveIn>,
    #[serde(default)]
    housing: Vec<Housing>,
    #[serde(default)]
    languages: Vec<String>,
    #[serde(default)]
    excluded: Vec<String>,
    #[serde(default)]
    open: u8,
}

/// Cities one person may name.
pub const CITIES_MAX: usize = 5;
/// Languages one person may name.
pub const LANGUAGES_MAX: usize = 8;
/// The highest year of study.
pub const STUDY_YEAR_MAX: u8 = 12;
/// Ages of young professionals.
pub const AGES: std::ops::RangeInclusive<u8> = 18..=99;

impl Default for Person {
    fn default() -> Self {
        Self {
            id: String::new(),
            cohort: Cohort::Student,
            levels: [NONE; QUESTIONS],
            important: 0,
            dealbreakers: 0,
            academic: None,
            work: None,
            cities: Vec::new(),
            anywhere: false,
            budget: None,
            move_in: None,
            housing: Vec::new(),
            languages: Vec::new(),
            excluded: Vec::new(),
            open: 0,
        }
    }
}

impl Person {
    /// Reads a person and checks every part.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(value: Value) -> Result<Self, Wrong> {
        let (person, mut wrong) = Self::read_leniently(value)?;
        if wrong.is_empty() { Ok(person) } else { Err(wrong.swap_remove(0)) }
    }

    /// Reads a person whose malformed answers are left out and listed, so that one of them never stops a run.
    ///
    /// # Errors
    /// Something besides the answers is wrong.
    pub fn read_leniently(value: Value) -> Result<(Self, Vec<Wrong>), Wrong> {
        if !value.is_object() {
            return Err(Wrong::Part("a person is a JSON object".into()));
        }
        let form: Form = serde_json::from_value(value).map_err(|error| Wrong::Part(error.to_string()))?;
        let (levels, wrong) = levels(&form.answers);
        let mut person = Self {
            id: form.id,
            cohort: form.cohort,
            levels,
            important: 0,
            dealbreakers: 0,
            academic: form.academic,
            work: form.work,
            cities: form.cities,
            anywhere: form.anywhere,
            budget: form.budget,
            move_in: form.move_in,
            housing: form.housing,
            languages: form.languages,
            excluded: form.excluded,
            open: form.open,
        };
        for id in form.important {
            let at = place(&id).filter(|at| *at < super::bank::ITEMS).ok_or(Wrong::UnknownItem(id))?;
            person.important |= 1 << at;
        }
        for id in form.dealbreakers {
            let gate = bank().own.iter().position(|own| own.gate == id);
            let gate = gate.ok_or_else(|| Wrong::Part(format!("{id} is no gate, so it cannot be a deal-breaker")))?;
            person.dealbreakers |= 1 << gate;
        }
        person.check()?;
        Ok((person, wrong))
    }

    fn check(&self) -> Result<(), Wrong> {
        let wrong = |text: &str| Err(Wrong::Part(text.into()));
        if self.budget.is_some_and(|budget| budget.min > budget.max) {
            return wrong("budget: min is above max");
        }
        if self.move_in.is_some_and(|window| window.from > window.to) {
            return wrong("move_in: from is after to");
        }
        if self
            .languages
            .iter()
            .any(|code| !(2..=3).contains(&code.len()) || !code.bytes().all(|c| c.is_ascii_lowercase()))
        {
            return wrong("languages: codes of two or three small letters, such as nl");
        }
        if self.languages.len() > LANGUAGES_MAX {
            return Err(Wrong::Part(format!("languages: at most {LANGUAGES_MAX}")));
        }
        let year = self.academic.as_ref().and_then(|academic| academic.study_year);
        if year.is_some_and(|year| !(1..=STUDY_YEAR_MAX).contains(&year)) {
            return Err(Wrong::Part(format!("academic: study_year is 1 to {STUDY_YEAR_MAX}")));
        }
        if self.work.as_ref().and_then(|work| work.age).is_some_and(|age| !AGES.contains(&age)) {
            return Err(Wrong::Part(format!("work: age is {} to {}", AGES.start(), AGES.end())));
        }
        Ok(())
    }

    /// The item ids that are not answered. Nobody is eligible before this is empty.
    pub fn missing(&self) -> Vec<&'static str> {
        let open = self.levels.iter().enumerate().filter(|(_, level)| **level == NONE);
        open.map(|(place, _)| bank().id_at(place)).collect()
    }
}

/// Every answer that holds, as levels, and what is wrong with the others.
pub fn levels(answers: &Map<String, Value>) -> (Levels, Vec<Wrong>) {
    let mut levels = [NONE; QUESTIONS];
    let mut wrong = Vec::new();
    for (id, value) in answers {
        match level(id, value) {
            Ok((at, level)) => levels.iter_mut().skip(at).take(1).for_each(|held| *held = level),
            Err(problem) => wrong.push(problem),
        }
    }
    (levels, wrong)
}

/// The place and level of one answer.
///
/// # Errors
/// No such question, or not an answer to it.
pub fn level(id: &str, value: &Value) -> Result<(usize, u8), Wrong> {
    let at = place(id).ok_or_else(|| Wrong::UnknownItem(id.into()))?;
    let item = bank().items().nth(at);
    let level = match item {
        None => value.as_bool().map(u8::from),
        Some(item) => level_of(item, value),
    };
    let wrong = || Wrong::Answer {
        item: id.into(),
        takes: item.map_or("true or false".into(), takes),
        given: value.to_string(),
    };
    Ok((at, level.ok_or_else(wrong)?))
}

fn level_of(item: &Item, value: &Value) -> Option<u8> {
    match item.kind {
        Kind::Likert | Kind::Bipolar => {
            // 3.0 is 3 to whoever wrote it.
            let number = value.as_f64()?;
            (1..=item.levels()).find(|level| f64::from(*level).to_bits() == number.to_bits())?.checked_sub(1)
        }
        Kind::Toggle => value.as_bool().map(u8::from),
        Kind::Mcq => {
            let value = value.as_str()?;
            u8::try_from(item.options.iter().position(|choice| choice.value == value)?).ok()
        }
        Kind::TimeRange => {
            let range = value.as_object().filter(|range| range.len() == 2)?;
            let times = item.times.as_ref()?;
            let find = |key: &str, among: &[String]| {
                let time = range.get(key)?.as_str()?;
                among.iter().position(|held| held == time)
            };
            let (start, end) = (find("start", &times.start)?, find("end", &times.end)?);
            u8::try_from(start * times.end.len() + end).ok()
        }
    }
}

/// What an item takes, in words.
fn takes(item: &Item) -> String {
    match item.kind {
        Kind::Likert | Kind::Bipolar => "a whole number from 1 to 5".into(),
        Kind::Toggle => "true or false".into(),
        Kind::Mcq => {
            let values: Vec<_> = item.options.iter().map(|choice| choice.value.as_str()).collect();
            format!("one of {}", values.join(", "))
        }
        Kind::TimeRange => {
            let span =
                |times: &[String]| format!("{} to {}", times.first().map_or("", |t| t), times.last().map_or("", |t| t));
            let (start, end) =
                item.times.as_ref().map(|times| (span(&times.start), span(&times.end))).unwrap_or_default();
            format!(r#"{{"start","end"}} in half hours, start {start}, end {end}"#)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn wrong(person: Value) -> String {
        Person::read(person).unwrap_err().to_string()
    }

    #[test]
    fn every_malformed_answer_is_named() {
        for (answer, want) in [
            (json!({ "M9_Q9": 1 }), "M9_Q9 is no question"),
            (json!({ "M2_Q1": 0 }), "M2_Q1 takes a whole number from 1 to 5, not 0"),
            (json!({ "M2_Q1": 6 }), "not 6"),
            (json!({ "M2_Q1": 2.5 }), "not 2.5"),
            (json!({ "M2_Q1": "3" }), "not \"3\""),
            (json!({ "M2_Q1": null }), "not null"),
            (json!({ "M5_Q17": 1 }), "takes true or false"),
            (json!({ "OWN_SMOKES": "yes" }), "takes true or false"),
            (json!({ "M4_Q1": "clean_very" }), "one of clean_low, clean_medium, clean_high"),
            (json!({ "M2_Q13": { "start": "22:00" } }), "M2_Q13 takes"),
            (json!({ "M2_Q13": { "start": "22:00", "end": "" } }), "M2_Q13 takes"),
            (json!({ "M2_Q13": { "start": "22:15", "end": "07:00" } }), "start 20:00 to 00:00, end 06:00 to 09:00"),
            (json!({ "M2_Q13": { "start": "22:00", "end": "07:00", "x": 1 } }), "M2_Q13 takes"),
        ] {
            let text = wrong(json!({ "answers": answer }));
            assert!(text.contains(want), "{text}");
        }
    }

    #[test]
    fn every_other_malformed_part_is_named() {
        for (person, want) in [
            (json!([]), "a person is a JSON object"),
            (json!({ "cohort": "pupil" }), "pupil"),
            (json!({ "nickname": "x" }), "nickname"),
            (json!({ "important": ["OWN_SMOKES"] }), "OWN_SMOKES"),
            (json!({ "dealbreakers": ["M2_Q1"] }), "M2_Q1 is no gate"),
            (json!({ "budget": { "min": 500, "max": 400 } }), "min is above max"),
            (json!({ "move_in": { "from": "2026-09-01", "to": "2026-08-01" } }), "from is after to"),
            (json!({ "move_in": { "from": "soon", "to": "2026-08-01" } }), "input"),
            (json!({ "languages": ["Dutch"] }), "two or three"),
            (json!({ "academic": { "study_year": 0 } }), "study_year"),
            (json!({ "work": { "age": 17 } }), "age is 18 to 99"),
        ] {
            let text = wrong(person);
            assert!(text.contains(want), "{text}");
        }
    }

    #[test]
    fn a_malformed_answer_is_put_aside_and_the_others_count() {
        let answers = json!({ "M2_Q1": 9, "M4_Q1": "clean_high", "nope": 1, "M5_Q17": true });
        let (person, wrong) = Person::read_leniently(json!({ "answers": answers })).unwrap();
        assert_eq!(wrong.len(), 2);
        assert_eq!(person.levels[place("M2_Q1").unwrap()], NONE);
        assert_eq!(person.levels[place("M4_Q1").unwrap()], 2);
        assert_eq!(person.missing().len(), QUESTIONS - 2);
    }

    proptest! {
        #[test]
        fn no_answer_is_held_beyond_the_levels_of_its_item(at in 0..QUESTIONS, number in -3.0f64..9.0, text in "[a-z_0-9]{0,12}") {
            let id = bank().id_at(at);
            for value in [json!(number), json!(number.round()), json!(text), json!(true), json!({ "start": text })] {
                if let Ok((place, level)) = level(id, &value) {
                    prop_assert_eq!(place, at);
                    prop_assert!(level < bank().items().nth(at).map_or(2, Item::levels));
                }
            }
        }
    }
}
