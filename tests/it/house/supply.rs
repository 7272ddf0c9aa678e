//! What may be shipped: licences, banned crates, sources, and a budget of crates that are there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::root;

/// With the reason in `deny.toml`.
const BANNED: &[&str] =
    &["openssl-sys", "openssl", "native-tls", "aws-lc-sys", "aws-lc-rs", "aws-lc-fips-sys", "cmake", "bindgen"];

/// The one registry.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates that are in the lock file more than once, platform crates for Windows aside. Lower it when one goes; raise it
/// only with the name of the crate in the commit.
const DUPLICATES_MAX: usize = 20;

/// Licences, as in `deny.toml`; a test compares them.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

struct Package {
    name: String,
    source: Option<String>,
}

fn packages(lock: &str) -> Vec<Package> {
    let lock: toml::Table = lock.parse().unwrap();
    let text = |package: &toml::Value, key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| Package { name: text(package, "name").unwrap(), source: text(package, "source") })
        .collect()
}

fn lock_breaches(lock: &str) -> Vec<String> {
    let packages = packages(lock);
    let mut found = Vec::new();
    let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
    for Package { name, source } in &packages {
        if BANNED.contains(&name.as_str()) {
            found.push(format!("{name} is banned; `cargo tree -i {name}` shows who brought it"));
        }
        if let Some(source) = source.as_ref().filter(|source| *source != REGISTRY) {
            found.push(format!("{name} comes from {source}"));
        }
        *copies.entry(name).or_default() += 1;
    }
    let twice: Vec<_> =
        copies.into_iter().filter(|(name, copies)| *copies > 1 && !name.starts_with("windows")).collect();
    if twice.len() > DUPLICATES_MAX {
        found.push(format!("{} crates are there more than once, {DUPLICATES_MAX} may be: {twice:?}", twice.len()));
    }
    found
}

/// Whether an SPDX expression can be met with the allowed licences. `/` is how old crates write OR.
fn licence_allowed(expression: &str) -> bool {
    /// Splits at the word outside of parentheses.
    fn split<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
        let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
        for (at, c) in text.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ if depth == 0 && text[at..].starts_with(word) && at >= start => {
                    parts.push(text[start..at].trim());
                    start = at + word.len();
                }
                _ => {}
            }
        }
        parts.push(text[start..].trim());
        parts
    }
    let or = split(expression, " OR ");
    if or.len() > 1 {
        return or.into_iter().any(licence_allowed);
    }
    let and = split(expression, " AND ");
    if and.len() > 1 {
        return and.into_iter().all(licence_allowed);
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => licence_allowed(inner),
        None if expression.contains('/') => expression.split('/').any(|licence| licence_allowed(licence.trim())),
        None => LICENCES.contains(&expression),
    }
}

#[test]
fn the_lock_file_has_nothing_banned_nothing_foreign_and_few_doubles() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let found = lock_breaches(&lock);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_licence_is_allowed() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform"])
        .arg("x86_64-unknown-linux-gnu")
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages are too few to be all", packages.len());
    let refused: BTreeSet<String> = packages
        .iter()
        .filter(|package| !package["source"].is_null())
        .filter(|package| !licence_allowed(package["license"].as_str().unwrap_or("")))
        .map(|package| format!("{}: {}", package["name"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn operators_and_this_test_allow_the_same() {
    let deny: toml::Table = fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let allowed: Vec<_> =
        deny["licenses"]["allow"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(allowed, LICENCES);
    for banned in deny["bans"]["deny"].as_array().unwrap() {
        assert!(BANNED.contains(&banned["crate"].as_str().unwrap()), "{banned}");
    }
}

#[test]
fn each_rule_fails_on_a_planted_breach() {
    let lock = |packages: &str| lock_breaches(&format!("version = 4\n{packages}"));
    let package = |name: &str, source: &str| format!("[[package]]\nname = '{name}'\nversion = '1.0.0'\n{source}\n");
    let from = format!("source = '{REGISTRY}'");
    assert_eq!(lock(&package("serde", &from)), Vec::<String>::new());
    assert!(lock(&package("aws-lc-sys", &from))[0].contains("banned"));
    assert!(lock(&package("serde", "source = 'git+https://example.org/serde'"))[0].contains("comes from git+"));
    let doubles: String = (0..=DUPLICATES_MAX).map(|n| package(&format!("c{n}"), &from).repeat(2)).collect();
    assert!(lock(&doubles)[0].contains("more than once"));

    for (expression, want) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
        ("(AGPL-3.0 OR GPL-3.0) AND MIT", false),
        ("MIT/Apache-2.0", true),
        ("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true),
        ("", false),
    ] {
        assert_eq!(licence_allowed(expression), want, "{expression}");
    }
}
