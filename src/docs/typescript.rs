//! TypeScript declarations of every schema, for the checker of the web client.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value};

/// One declaration for each schema of the documents, in the order of their names.
pub(super) fn declarations(documents: &Value, more: &Value) -> String {
    let mut text = String::from("/** What goes over the wire. Made by `domu docs` from the server's types. */\n");
    let mut all: BTreeMap<&str, &Value> = BTreeMap::new();
    for document in [documents, more] {
        let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
        all.extend(schemas.into_iter().flatten().map(|(name, schema)| (name.as_str(), schema)));
    }
    for (name, schema) in all {
        text.push('\n');
        comment(&mut text, schema, "");
        // Writing to a text cannot fail.
        let _written = match (schema["type"].as_str(), schema.get("properties").and_then(Value::as_object)) {
            (Some("object"), Some(members)) => {
                writeln!(text, "export interface {name} {}", object(members, schema, "")).is_ok()
            }
            _ => writeln!(text, "export type {name} = {};", kind(schema, "")).is_ok(),
        };
    }
    text
}

fn comment(text: &mut String, schema: &Value, indent: &str) {
    if let Some(about) = schema["description"].as_str() {
        let about = about.replace("*/", "* /").split_whitespace().collect::<Vec<_>>().join(" ");
        let _written = writeln!(text, "{indent}/** {about} */").is_ok();
    }
}

fn object(members: &Map<String, Value>, schema: &Value, indent: &str) -> String {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let deeper = format!("{indent}  ");
    let mut text = String::from("{\n");
    for (name, member) in members {
        comment(&mut text, member, &deeper);
        let mark = if required.contains(&name.as_str()) { "" } else { "?" };
        let _written = writeln!(text, "{deeper}{name}{mark}: {};", kind(member, &deeper)).is_ok();
    }
    text.push_str(indent);
    text.push('}');
    text
}

/// The type of a schema.
fn kind(schema: &Value, indent: &str) -> String {
    if let Some(to) = schema["$ref"].as_str() {
        return to.rsplit('/').next().unwrap_or(to).to_owned();
    }
    if let Some(only) = schema.get("const") {
        return only.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    for (word, glue) in [("oneOf", " | "), ("anyOf", " | "), ("allOf", " & ")] {
        if let Some(choices) = schema[word].as_array() {
            return choices.iter().map(|choice| kind(choice, indent)).collect::<Vec<_>>().join(glue);
        }
    }
    match &schema["type"] {
        Value::Array(kinds) => {
            let one = |kind: &Value| simple(kind.as_str().unwrap_or_default(), schema, indent);
            kinds.iter().map(one).collect::<Vec<_>>().join(" | ")
        }
        kind => simple(kind.as_str().unwrap_or_default(), schema, indent),
    }
}

fn simple(kind_name: &str, schema: &Value, indent: &str) -> String {
    match kind_name {
        "string" => "string".into(),
        "integer" | "number" => "number".into(),
        "boolean" => "boolean".into(),
        "null" => "null".into(),
        "array" => match schema["prefixItems"].as_array() {
            Some(items) => {
                format!("[{}]", items.iter().map(|item| kind(item, indent)).collect::<Vec<_>>().join(", "))
            }
            None => {
                let item = kind(&schema["items"], indent);
                if item.contains(' ') { format!("({item})[]") } else { format!("{item}[]") }
            }
        },
        "object" => match (schema.get("properties").and_then(Value::as_object), &schema["additionalProperties"]) {
            (Some(members), _) if !members.is_empty() => object(members, schema, indent),
            (_, values @ Value::Object(_)) => format!("Record<string, {}>", kind(values, indent)),
            _ => "Record<string, any>".into(),
        },
        _ => "any".into(),
    }
}
