//! The documentation that is made from the types: OpenAPI, AsyncAPI, TypeScript and the catalogue of codes.
//!
//! Nothing here is written twice: routes come from [`crate::http::routes::ROUTES`], frames from the protocol's types,
//! codes from their table. A test compares what is committed with what is made here.

#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value answers null for what it does not hold, and takes what is put there"
)]

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

    /// Kinds of events and signals that the source sends, as far as they are written where they are sent.
    fn sent(folder: &Path, found: &mut std::collections::BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["tests", "docs", "demo"].contains(&name.as_str()) {
                    sent(&path, found);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") && !name.starts_with("test") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap();
                let emitted = ["emit_user(", "emit_chat("].into_iter().flat_map(|call| text.split(call).skip(1));
                let emitted = emitted.filter_map(|after| after.split(')').next()?.split('"').nth(1));
                let signalled = text.split(" op: \"").skip(1).filter_map(|after| after.split('"').next());
                found.extend(emitted.chain(signalled).map(str::to_owned));
            }
        }
    }

    #[test]
    fn whatever_the_socket_says_is_documented() {
        let mut found = std::collections::BTreeSet::new();
        sent(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert!(found.len() > 8, "{found:?}");
        let document = asyncapi::document();
        let messages = document["channels"]["socket"]["messages"].as_object().unwrap();
        let missing: Vec<_> = found
            .iter()
            .filter(|kind| !["event", "signal"].iter().any(|form| messages.contains_key(&format!("{kind}.{form}"))))
            .collect();
        assert!(missing.is_empty(), "not in the AsyncAPI document: {missing:?}");
    }

    #[test]
    fn one_name_has_one_meaning() {
        let (open, asynchronous) = (openapi::document(), asyncapi::document());
        let mut known = serde_json::Map::new();
        for document in [open, asynchronous] {
            for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
                assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
                let before = known.insert(name.clone(), schema.clone());
                assert!(before.is_none_or(|before| before == *schema), "{name} means two things");
            }
        }
    }

    #[test]
    fn documented_bounds_are_those_that_hold() {
        use crate::accounts::model;
        let (document, limits) = (openapi::document(), crate::config::Limits::default());
        for (schema, field, bound, holds) in [
            ("SignUp", "email", "maxLength", model::EMAIL_BYTES_MAX),
            ("SignIn", "email", "maxLength", model::EMAIL_BYTES_MAX),
            ("SignUp", "first_name", "maxLength", model::NAME_CHARS_MAX),
            ("SignUp", "last_name", "maxLength", model::NAME_CHARS_MAX),
            ("ProfileForm", "first_name", "maxLength", model::NAME_CHARS_MAX),
            ("SignUp", "password", "minLength", limits.password_chars_min),
            ("SignUp", "password", "maxLength", limits.password_bytes_max),
            ("PasswordForm", "new_password", "minLength", limits.password_chars_min),
            ("PasswordForm", "new_password", "maxLength", limits.password_bytes_max),
            ("Send", "text", "maxLength", limits.message_chars_max),
        ] {
            let said = &document["components"]["schemas"][schema]["properties"][field][bound];
            assert_eq!(said.as_u64(), u64::try_from(holds).ok(), "{bound} of {field} in {schema}");
        }
        for (path, holds) in
            [("/api/chats", limits.window_chats_max), ("/api/chats/{id}/messages", limits.history_page_max)]
        {
            let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
            let limit = parameters.iter().find(|parameter| parameter["name"] == "limit").unwrap();
            assert_eq!(limit["schema"]["maximum"].as_u64(), u64::try_from(holds).ok(), "{path}");
        }
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
