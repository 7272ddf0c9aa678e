//! The documentation that is made from the types: OpenAPI, AsyncAPI, TypeScript and the catalogue of codes.
//!
//! Nothing here is written twice: routes come from [`crate::http::routes::ROUTES`], frames from the protocol's types,
//! codes from their table. A test compares what is committed with what is made here.

mod asyncapi;
mod catalogue;
mod openapi;
mod schemas;
mod typescript;

use serde_json::Value;

/// A generated file.
#[derive(Debug)]
pub struct File {
    /// Where it belongs, from the root of the project.
    pub path: &'static str,
    /// What is in it.
    pub text: String,
}

/// Every generated file.
pub fn files() -> Vec<File> {
    let (open, asynchronous) = (openapi::document(), asyncapi::document());
    vec![
        File { path: "static/js/wire.d.ts", text: typescript::declarations(&open, &asynchronous) },
        File { path: "docs/openapi.json", text: pretty(&open) },
        File { path: "docs/asyncapi.json", text: pretty(&asynchronous) },
        File { path: "docs/errors.md", text: catalogue::markdown() },
        File { path: "docs/errors.json", text: pretty(&catalogue::json()) },
    ]
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_committed_is_what_is_made() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let stale: Vec<_> = files()
            .into_iter()
            .filter(|file| fs::read_to_string(root.join(file.path)).ok().as_ref() != Some(&file.text))
            .map(|file| file.path)
            .collect();
        assert!(stale.is_empty(), "run `domu docs` and commit {stale:?}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn look(value: &Value, root: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(to)) = members.get("$ref")
                        && root.pointer(to.trim_start_matches('#')).is_none()
                    {
                        found.push(to.clone());
                    }
                    members.values().for_each(|value| look(value, root, found));
                }
                Value::Array(list) => list.iter().for_each(|value| look(value, root, found)),
                _ => {}
            }
        }
        for document in [openapi::document(), asyncapi::document()] {
            let mut found = Vec::new();
            look(&document, &document, &mut found);
            assert!(found.is_empty(), "{found:?}");
        }
    }
}
