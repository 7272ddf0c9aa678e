//! The JSON Schema of a person and of a pair, made from the bank.

use serde_json::{Map, Value, json};

use super::bank::{Item, Kind, bank};
use super::person::{AGES, CITIES_MAX, LANGUAGES_MAX, STUDY_YEAR_MAX};

/// The schema of one line of `domu matching score`; `$defs/person` is one line of `domu matching rank`.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Two people to be scored",
        "type": "object",
        "properties": { "a": { "$ref": "#/$defs/person" }, "b": { "$ref": "#/$defs/person" } },
        "required": ["a", "b"],
        "additionalProperties": false,
        "$defs": { "person": person() },
    })
}

fn object(properties: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn person() -> Value {
    let gates: Vec<_> = bank().own.iter().map(|own| own.gate.as_str()).collect();
    let items: Vec<_> = bank().items().map(|item| item.id.as_str()).collect();
    let text = json!({ "type": "string" });
    let euros = json!({ "type": "integer", "minimum": 0, "maximum": u16::MAX });
    let date = json!({ "type": "string", "format": "date" });
    let patterns = ["fully_remote", "hybrid", "fully_office"];
    let purposes = ["seeking_room", "offering_room", "team_up", "exploring"];
    object(&json!({
        "id": text,
        "cohort": { "enum": ["student", "professional"], "default": "student" },
        "answers": answers(),
        "important": { "type": "array", "items": { "enum": items }, "description": "items that weigh double to this person (v3)" },
        "dealbreakers": { "type": "array", "items": { "enum": gates }, "description": "gates this person makes no exception for (v3)" },
        "academic": object(&json!({
            "university": text, "programme": text, "undecided": { "type": "boolean" },
            "study_year": { "type": "integer", "minimum": 1, "maximum": STUDY_YEAR_MAX },
        })),
        "work": object(&json!({
            "pattern": { "enum": patterns },
            "age": { "type": "integer", "minimum": AGES.start(), "maximum": AGES.end() },
        })),
        "cities": {
            "type": "array", "items": { "type": "string" }, "maxItems": CITIES_MAX,
            "description": format!("v2 takes any; v3, at most {CITIES_MAX} of {}", bank().cities.join(", ")),
        },
        "anywhere": { "type": "boolean", "description": "any city will do (v3)" },
        "budget": object(&json!({ "min": euros, "max": euros })),
        "move_in": object(&json!({ "from": date, "to": date })),
        "housing": { "type": "array", "items": { "enum": purposes } },
        "languages": { "type": "array", "items": { "type": "string", "pattern": "^[a-z]{2,3}$" }, "maxItems": LANGUAGES_MAX },
        "excluded": { "type": "array", "items": text, "description": "ids this person is never matched with (rank)" },
        "open": { "type": "integer", "minimum": 0, "maximum": 255, "description": "suggestions open already (rank)" },
    }))
}

fn answers() -> Value {
    let mut properties: Map<String, Value> = bank().items().map(|item| (item.id.clone(), answer(item))).collect();
    for own in &bank().own {
        properties.insert(own.id.clone(), json!({ "type": "boolean", "description": own.text.en }));
    }
    object(&Value::Object(properties))
}

fn answer(item: &Item) -> Value {
    let about = &item.text.en;
    match item.kind {
        Kind::Likert | Kind::Bipolar => json!({ "type": "integer", "minimum": 1, "maximum": 5, "description": about }),
        Kind::Toggle => json!({ "type": "boolean", "description": about }),
        Kind::Mcq => {
            let values: Vec<_> = item.options.iter().map(|choice| choice.value.as_str()).collect();
            json!({ "enum": values, "description": about })
        }
        Kind::TimeRange => {
            let (start, end) = item.times.as_ref().map(|times| (&times.start, &times.end)).unzip();
            json!({
                "type": "object", "required": ["start", "end"], "additionalProperties": false, "description": about,
                "properties": { "start": { "enum": start }, "end": { "enum": end } },
            })
        }
    }
}
