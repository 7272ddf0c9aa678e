//! Rules on `src/`, checked line by line with comments and `#[cfg(test)]` modules left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::root;

/// Layers, lowest first. A module imports from its own layer or below, with the exceptions below.
const LAYERS: &[&[&str]] = &[
    // L0 pure. `error` is a value made of the code table, and decoding answers with it.
    &["ids", "protocol", "error", "text", "moderation", "matching"],
    // L1 ground
    &["config", "clock", "telemetry", "supervise", "ratelimit", "doors", "seal"],
    // L2 state: neither knows the other
    &["store", "realtime"],
    // L3 services
    &[
        "chat",
        "accounts",
        "mail",
        "demo",
        "verification",
        "notifications",
        "reports",
        "admin",
        "jobs",
        "privacy",
        "services",
        "onboarding",
        "matchmaking",
    ],
    // L4 edges
    &["ws", "http", "ops", "docs", "cli"],
    // L5 root
    &["app", "main", "lib"],
];

/// The one listed place for what a module of the same layer may know of a sibling. Everything in L0 and L1 may know
/// its siblings; state, services and edges say so here.
const SIBLINGS: &[(&str, &str)] = &[
    // Events that must be ordered are run by the committer; sessions end sockets through the hub.
    ("accounts", "chat"),
    // Confirmation mails.
    ("accounts", "mail"),
    // Texts are screened by the chat's rules; events are run by its committer, and what it delivers concerns suggestions.
    ("onboarding", "chat"),
    ("matchmaking", "chat"),
    // Admins act upon people and sockets; whoever is suspended is told by the committer.
    ("admin", "accounts"),
    ("admin", "chat"),
    // And look into the matcher and mend its pairs.
    ("admin", "matchmaking"),
    // Jobs are done by the services whose work they are.
    ("jobs", "accounts"),
    ("jobs", "admin"),
    ("jobs", "onboarding"),
    ("jobs", "matchmaking"),
    // The composition of all services.
    ("services", "admin"),
    ("services", "accounts"),
    ("services", "chat"),
    ("services", "onboarding"),
    ("services", "matchmaking"),
    ("services", "demo"),
    ("services", "jobs"),
    // Routes include the upgrade; the command line starts the control socket's client.
    ("http", "ws"),
    ("http", "ops"),
    ("cli", "ops"),
    // The documentation is made from the table of routes and written by a command.
    ("docs", "http"),
    ("docs", "ops"),
    ("cli", "docs"),
];

/// Steps upwards that are meant: the command line starts the program that the root composes.
const UPWARDS: &[(&str, &str)] = &[("cli", "app")];

/// Edges never call the store, except where this list says why.
const STORE_FROM_EDGES: &[&str] = &[
    // `domu migrate` looks at and changes the schema, which no service does.
    "cli/migrate.rs",
];

/// Lines of a file, tests included. Above it a file is two files.
const LINES_MAX: usize = 600;

/// A breach, as it is printed.
type Breach = String;

/// A word of the code and the places that alone may say it.
struct Only {
    words: &'static [&'static str],
    places: &'static [&'static str],
    instead: &'static str,
}

const ONLY: &[Only] = &[
    Only {
        words: &["sea_orm::", "sea_orm_migration::", "entity::", "migration::"],
        places: &["store/", "ids.rs"],
        instead: "a query in store/ by topic",
    },
    Only { words: &["warp::"], places: &["http/", "ws/upgrade.rs"], instead: "a route in http/" },
    Only { words: &["tungstenite::"], places: &["ws/"], instead: "ws/" },
    Only {
        words: &["tokio::spawn", "tokio::task::spawn(", "task::spawn("],
        places: &["supervise.rs"],
        instead: "supervise::Supervisor::spawn",
    },
    Only {
        words: &["std::env", "env::var", "env::vars"],
        places: &["config/"],
        instead: "a setting in config/table.rs",
    },
    Only { words: &["SystemTime::now", "Utc::now", "Local::now"], places: &["clock.rs"], instead: "clock::Clock::now" },
    Only { words: &["Uuid::now_v7", "Uuid::new_v4"], places: &["ids.rs"], instead: "ids::new_id" },
    Only { words: &["println!", "print!", "eprintln!", "eprint!"], places: &["cli/out.rs"], instead: "cli::out" },
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The top-level module of a path below `src/`.
fn module_of(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The code of a file as numbered lines, without comments, doc comments and modules for tests.
fn code(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut skip_depth: Option<i32> = None;
    let mut test_next = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let line = if trimmed.starts_with("//") { "" } else { line.split(" // ").next().unwrap_or(line) };
        let opened = line.matches('{').count() as i32 - line.matches('}').count() as i32;
        if let Some(depth) = &mut skip_depth {
            *depth += opened;
            if *depth <= 0 {
                skip_depth = None;
            }
            continue;
        }
        if test_next && !line.trim().is_empty() && !line.trim_start().starts_with("#[") {
            test_next = false;
            if opened > 0 {
                skip_depth = Some(opened);
            }
            continue;
        }
        if line.trim() == "#[cfg(test)]" {
            test_next = true;
            continue;
        }
        lines.push((index + 1, line.to_owned()));
    }
    lines
}

/// The modules a line imports with `crate::`, groups included. What is in a `model.rs` is pure, wherever it is.
fn imports(line: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, start) in line.match_indices("crate::") {
        let before = line[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &line[at + start.len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or(group).split(',').map(str::trim).collect::<Vec<_>>(),
            None => vec![rest],
        };
        for name in names {
            let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !rest.starts_with(&format!("{name}::model")) {
                found.insert(name);
            }
        }
    }
    found
}

fn says(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Everything a file breaks.
fn breaches(path: &str, text: &str) -> Vec<Breach> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        found.push(format!("{path}: {lines} lines are more than {LINES_MAX}; make it two files"));
    }
    if path.ends_with("tests.rs") || path.contains("/tests/") || path.contains("testing") || path.contains("tests_") {
        return found;
    }
    let module = module_of(path);
    let Some(own) = layer(module) else {
        found.push(format!("{path}: the module {module} is in no layer of tests/it/house/rules.rs"));
        return found;
    };
    for (number, line) in code(text) {
        let at = format!("{path}:{number}");
        for import in imports(&line) {
            let Some(other) = layer(&import) else { continue };
            let listed = |list: &[(&str, &str)]| list.contains(&(module, import.as_str()));
            if other > own && !listed(UPWARDS) {
                found.push(format!("{at}: {module} (L{own}) imports {import} (L{other}): imports go down"));
            } else if other == own && (2..5).contains(&own) && import != module && !listed(SIBLINGS) {
                found.push(format!("{at}: {module} imports its sibling {import}, which SIBLINGS does not list"));
            } else if import == "store" && own == 4 && !STORE_FROM_EDGES.contains(&path) {
                found.push(format!("{at}: an edge calls the store; let a service do it"));
            }
        }
        for Only { words, places, instead } in ONLY {
            let here = places.iter().any(|place| path.starts_with(place));
            if let Some(word) = words.iter().find(|word| !here && says(&line, word)) {
                found.push(format!("{at}: {word} belongs to {}; use {instead}", places.join(", ")));
            }
        }
    }
    found
}

fn rust_files(directory: &Path, files: &mut Vec<String>, prefix: &str) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            rust_files(&entry.path(), files, &format!("{name}/"));
        } else if name.ends_with(".rs") {
            files.push(name);
        }
    }
}

#[test]
fn every_source_file_keeps_the_rules() {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files, "");
    assert!(files.len() > 10, "the sources were not found: {files:?}");
    files.sort();
    let found: Vec<Breach> =
        files.iter().flat_map(|file| breaches(file, &fs::read_to_string(src.join(file)).unwrap())).collect();
    assert!(found.is_empty(), "{} breaches:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_listed_exception_is_still_used() {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files, "");
    let used: BTreeSet<(String, String)> = files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(src.join(file)).unwrap();
            let module = module_of(file).to_owned();
            let imports = code(&text).into_iter().flat_map(|(_, line)| imports(&line)).collect::<Vec<_>>();
            imports.into_iter().map(move |import| (module.clone(), import))
        })
        .collect();
    let idle: Vec<_> = SIBLINGS
        .iter()
        .chain(UPWARDS)
        .filter(|(module, import)| !used.contains(&((*module).to_owned(), (*import).to_owned())))
        .collect();
    assert!(idle.is_empty(), "take these out of the list: {idle:?}");
}

#[test]
fn each_rule_fails_on_a_planted_breach() {
    let long = "\n".repeat(LINES_MAX + 1);
    for (path, text, want) in [
        ("store/a.rs", "use crate::chat::Chat;", "store (L2) imports chat (L3)"),
        ("protocol/a.rs", "use crate::{clock::Clock, error};", "protocol (L0) imports clock (L1)"),
        ("store/a.rs", "fn f() { crate::realtime::hub::go() }", "its sibling realtime"),
        ("chat/a.rs", "use crate::accounts::Accounts;", "chat imports its sibling accounts"),
        ("chat/a.rs", "use crate::http;", "chat (L3) imports http (L4)"),
        ("ws/a.rs", "use crate::http::credentials;", "ws imports its sibling http"),
        ("ws/a.rs", "use crate::store::Store;", "an edge calls the store"),
        ("http/a.rs", "    crate::store::Store::open(config)", "an edge calls the store"),
        ("stuff/a.rs", "", "in no layer"),
        ("chat/a.rs", "use sea_orm::EntityTrait;", "sea_orm:: belongs to store/"),
        ("accounts/a.rs", "use entity::users;", "entity:: belongs to"),
        ("chat/a.rs", "use warp::Filter;", "warp:: belongs to http/"),
        ("ws/session.rs", "use warp::Filter;", "warp:: belongs to http/"),
        ("realtime/a.rs", "use tokio_tungstenite::tungstenite::Message;", "tungstenite:: belongs to ws/"),
        ("chat/a.rs", "    tokio::spawn(async {});", "use supervise::Supervisor::spawn"),
        ("http/a.rs", "let x = std::env::var(\"X\");", "a setting in config"),
        ("chat/a.rs", "let now = chrono::Utc::now();", "clock::Clock::now"),
        ("chat/a.rs", "let id = Uuid::now_v7();", "ids::new_id"),
        ("chat/a.rs", "    println!(\"hello\");", "cli::out"),
        ("chat/a.rs", long.as_str(), "make it two files"),
    ] {
        let found = breaches(path, text);
        assert!(found.iter().any(|breach| breach.contains(want)), "{path} {text:.60}\nwant {want}\ngot {found:?}");
    }
}

#[test]
fn what_is_allowed_is_no_breach() {
    for (path, text) in [
        ("chat/a.rs", "use crate::{error::Error, store::Store};"),
        ("store/a.rs", "use sea_orm::EntityTrait;"),
        ("ws/upgrade.rs", "use warp::Filter;"),
        ("chat/a.rs", "// tokio::spawn is for supervise only\n/// See `crate::http`.\nfn f() {}"),
        ("chat/a.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::http;\n    fn g() { tokio::spawn(x); }\n}"),
        ("chat/a.rs", "use crate::identity::x; let y = identity::z;"),
        ("store/a.rs", "use crate::accounts::model::Locale;"),
        ("chat/a.rs", "let c = supervisor.spawn(\"name\", f);"),
        ("app.rs", "use crate::{http, store::Store, ws};"),
    ] {
        assert_eq!(breaches(path, text), Vec::<Breach>::new(), "{path} {text}");
    }
    // Code after a test module counts again.
    let text = "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nuse warp::Filter;";
    assert_eq!(breaches("chat/a.rs", text).len(), 1);
}
