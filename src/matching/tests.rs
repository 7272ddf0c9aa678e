//! What people are made of in these tests.

#![expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    clippy::needless_pass_by_value,
    reason = "small numbers, scores that are exact, and json! where it reads best"
)]

mod directed;
mod golden;
mod laws;
mod stable;

use serde_json::{Map, Value, json};

use super::bank::{Kind, bank};
use super::person::Person;

/// An answer sheet as it is written.
pub type Sheet = Map<String, Value>;

/// Every likert and bipolar answer `scale`, every toggle yes, every option the one at `option`, quiet from 22:00 to 07:00.
pub fn sheet(scale: u8, option: usize) -> Sheet {
    let answer = |kind, options: &[super::bank::Choice]| match kind {
        Kind::Likert | Kind::Bipolar => json!(scale),
        Kind::Toggle => json!(true),
        Kind::Mcq => json!(options[option].value),
        Kind::TimeRange => json!({ "start": "22:00", "end": "07:00" }),
    };
    bank().items().map(|item| (item.id.clone(), answer(item.kind, &item.options))).collect()
}

/// A sheet with some answers changed.
pub fn with(mut sheet: Sheet, changes: Value) -> Sheet {
    sheet.extend(changes.as_object().unwrap().clone());
    sheet
}

/// A person with a sheet and other parts.
pub fn person(sheet: &Sheet, parts: Value) -> Person {
    let mut person = json!({ "answers": sheet });
    person.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    Person::read(person).unwrap()
}
