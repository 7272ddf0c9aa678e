//! A bound that nobody asks is a promise that nobody keeps.

use std::fs;
use std::path::Path;

use super::root;

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "tests") {
                sources(&path, text);
            }
        } else if path.extension().is_some_and(|end| end == "rs")
            && path.file_stem().is_some_and(|name| name != "tests")
        {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// The names in a block that look like `name: type = ...`.
fn fields(text: &str) -> Vec<&str> {
    let start = text.find("limits! {\n").unwrap();
    text[start..]
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once(": ").map(|(name, _)| name))
        .collect()
}

fn unread(fields: &[&str], text: &str) -> Vec<String> {
    fields.iter().filter(|field| !text.contains(&format!("limits.{field}"))).map(|field| (*field).to_owned()).collect()
}

#[test]
fn every_limit_has_a_reader_and_every_rate_is_checked() {
    let limits = fs::read_to_string(root().join("src/config/limits.rs")).unwrap();
    let fields = fields(&limits);
    assert!(fields.len() > 40, "{fields:?}");
    let mut text = String::new();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "config") {
            sources(&path, &mut text);
        } else if path.is_file() {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    assert_eq!(unread(&fields, &text), Vec::<String>::new(), "limits that nothing reads");
    let rates = fs::read_to_string(root().join("src/ratelimit.rs")).unwrap();
    let kinds: Vec<&str> = rates
        .lines()
        .filter_map(|line| line.trim().split_once(" = \""))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(char::is_alphanumeric))
        .collect();
    assert!(kinds.len() > 5, "{kinds:?}");
    for kind in kinds {
        assert!(text.contains(&format!("RateKind::{kind}")), "no door checks the rate {kind}");
    }
    // The rule sees a limit that is not read.
    assert_eq!(unread(&["nobody_reads_this"], &text), ["nobody_reads_this"]);
}
