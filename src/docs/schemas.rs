//! The schemas of one document, by name: one name, one meaning.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};

use crate::http::routes::doc::Shape;

/// The schemas that a document refers to.
#[derive(Debug, Default)]
pub(super) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Takes a shape up with all it refers to, and gives the reference to it.
    pub(super) fn take(&mut self, shape: Shape) -> Value {
        let mut parts = Vec::new();
        (shape.parts)(&mut parts);
        let name = (shape.name)().into_owned();
        parts.push((name.clone(), (shape.schema)()));
        for (name, schema) in parts {
            self.put(&name, plain(&schema));
        }
        reference(&name)
    }

    /// Takes a schema up under this name. A second meaning gets a name that no schema may have: a test looks for it.
    fn put(&mut self, name: &str, schema: Value) {
        match self.0.get(name) {
            Some(known) if *known != schema => drop(self.0.insert(format!("{name}, otherwise"), schema)),
            Some(_) => {}
            None => drop(self.0.insert(name.to_owned(), schema)),
        }
    }

    /// All of them.
    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }
}

/// The reference to a schema of the same document.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A schema as JSON. Formats that JSON has no word for are taken out: numbers are told by their bounds.
pub(super) fn plain(schema: &RefOr<Schema>) -> Value {
    let mut value = serde_json::to_value(schema).unwrap_or_default();
    tidy(&mut value);
    value
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let whole = whole_numbers(members);
            if whole {
                members.remove("format");
                if members.contains_key("minimum") {
                    members.entry("maximum").or_insert(json!(crate::protocol::NUMBER_MAX.saturating_sub(1)));
                }
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn whole_numbers(members: &Map<String, Value>) -> bool {
    let kind = members.get("type");
    let says = |kind: &Value| kind == "integer";
    kind.is_some_and(|kind| says(kind) || kind.as_array().is_some_and(|kinds| kinds.iter().any(says)))
        && members.get("format").is_some_and(Value::is_string)
}
