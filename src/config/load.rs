//! Reads the settings from their sources and lists everything that is wrong at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::secrets::SecretsPolicy;
use super::table::{self, Key};
use super::value::Raw;
use super::{Config, rules, secrets};

/// The file that is read when none is named and it is there.
const FILE_NAME: &str = "domu.toml";

/// Longest settings file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where a value comes from; later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The settings file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// The command line, as written there.
    Flag(String),
    /// Made by this program and kept in this file.
    Made(PathBuf),
    /// `domu demo` decides it.
    Demo,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Made(path) => write!(f, "kept in {}", path.display()),
            Self::Demo => f.write_str("demo"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as its source writes it.
    pub key: String,
    /// Where it was said.
    pub origin: Origin,
    /// What was found; None when it is secret or there is nothing.
    pub found: Option<String>,
    /// What is wrong, in words that follow the value.
    pub problem: String,
    /// What is allowed, or what to do.
    pub hint: Option<String>,
}

/// Everything that is wrong; the program does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let things = if count == 1 { "1 setting is" } else { &format!("{count} settings are") };
        write!(f, "{things} wrong:")?;
        for Problem { key, origin, found, problem, hint } in &self.0 {
            write!(f, "\n  {key} ({origin}): ")?;
            if let Some(found) = found {
                write!(f, "{found} ")?;
            }
            write!(f, "{problem}.")?;
            if let Some(hint) = hint {
                write!(f, "\n      {hint}")?;
            }
        }
        write!(f, "\nAll settings, their ranges and meanings: domu explain-config")
    }
}

impl std::error::Error for Problems {}

/// One setting from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The setting's dotted name.
    pub key: String,
    /// Its value, as text.
    pub value: String,
    /// The flag as the person wrote it, for messages.
    pub flag: String,
}

/// What the program is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Serving, or looking after a server.
    Serve,
    /// `domu demo`: its own directory and nothing of the outside world. What would point it at real data or real
    /// people (database, directory, mail server, public address) is taken from flags only.
    Demo,
}

/// What a demo takes from flags only, however the machine is set up.
const DEMO_PINS: &[&str] = &[
    "environment",
    "data_dir",
    "listen",
    "public_url",
    "allowed_hosts",
    "trusted_proxies",
    "database_url",
    "smtp_url",
];

/// Everything settings are read from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// From the command line.
    pub flags: Vec<Flag>,
    /// The process environment.
    pub variables: BTreeMap<OsString, OsString>,
    /// `--config`, if given.
    pub file: Option<PathBuf>,
    /// Where `domu.toml` is looked for.
    pub directory: PathBuf,
    /// What the program is started for.
    pub mode: Mode,
    /// Whether missing secrets may be made.
    pub secrets: SecretsPolicy,
}

impl Sources {
    /// The flags given, the environment of this process, and its working directory.
    pub fn of_process(flags: Vec<Flag>, file: Option<PathBuf>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
        let variables = std::env::vars_os().collect();
        Self { flags, variables, file, directory: PathBuf::new(), mode: Mode::Serve, secrets: SecretsPolicy::Make }
    }
}

/// A configuration and where each of its values comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The source of each setting that is not at its default, by name.
    pub origins: BTreeMap<&'static str, Origin>,
}

impl Loaded {
    /// Where the value of this setting comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }
}

/// Loads the configuration: flags over environment over file over defaults.
///
/// # Errors
/// All problems of all sources at once: unknown names, wrong types, values out of range, impossible combinations.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut draft = Draft {
        mode: sources.mode,
        loaded: Loaded { config: Config::defaults(), origins: BTreeMap::new() },
        problems: Vec::new(),
    };
    if sources.mode == Mode::Demo {
        draft.loaded.config.demo = true;
        draft.loaded.config.data_dir = PathBuf::from("data-demo");
        draft.loaded.origins.extend(DEMO_PINS.iter().map(|key| (*key, Origin::Demo)));
    }
    draft.file(sources);
    draft.variables(sources);
    draft.flags(sources);
    if draft.problems.is_empty() {
        secrets::complete(&mut draft.loaded, sources.secrets, &mut draft.problems);
    }
    rules::check(&draft.loaded, &mut draft.problems);
    if draft.problems.is_empty() { Ok(draft.loaded) } else { Err(Problems(draft.problems)) }
}

struct Draft {
    mode: Mode,
    loaded: Loaded,
    problems: Vec<Problem>,
}

impl Draft {
    fn file(&mut self, sources: &Sources) {
        let named = sources.file.clone().or_else(|| {
            let named = sources.variables.get(&OsString::from(table::FILE_VARIABLE))?;
            (!named.is_empty()).then(|| PathBuf::from(named))
        });
        let path = named.clone().unwrap_or_else(|| sources.directory.join(FILE_NAME));
        let text = match read_text(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && named.is_none() => return,
            Err(cause) => return self.file_problem(&path, format!("cannot be read: {cause}")),
            Ok(text) => text,
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.table(&path, "", &table),
            Err(cause) => {
                let at = cause.span().map_or(0, |span| span.start);
                let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count().saturating_add(1);
                self.file_problem(&path, format!("is not TOML: line {line}: {}", cause.message()));
            }
        }
    }

    fn file_problem(&mut self, path: &Path, problem: String) {
        let origin = Origin::File(path.to_owned());
        let key = "the settings file".into();
        self.problems.push(Problem { key, origin, found: None, problem, hint: None });
    }

    fn table(&mut self, path: &Path, prefix: &str, table: &toml::Table) {
        for (name, value) in table {
            let name = format!("{prefix}{name}");
            let origin = Origin::File(path.to_owned());
            match (table::by_name(&name), value) {
                (Some(key), _) => self.set(key, Raw::Toml(value), origin),
                (None, toml::Value::Table(inner)) => self.table(path, &format!("{name}."), inner),
                (None, _) => self.unknown(name, origin, table::keys().iter().map(|key| key.name)),
            }
        }
    }

    fn variables(&mut self, sources: &Sources) {
        let mut log_level_said = false;
        for (variable, value) in &sources.variables {
            let Some(variable) = variable.to_str() else { continue };
            let origin = Origin::Variable(variable.into());
            let Some(key) = table::by_env(variable) else {
                let other = table::OTHER_VARIABLES.contains(&variable) || variable.starts_with(table::TEST_PREFIX);
                if variable.starts_with("DOMU_") && !other {
                    let known = table::keys().iter().map(|key| key.env.as_str());
                    self.unknown(variable.into(), origin, known.filter(|name| name.starts_with("DOMU_")));
                }
                continue;
            };
            // Set but empty is not set: service files and containers can hardly say it otherwise.
            if !value.is_empty() {
                self.text(key, value.to_str(), origin);
                log_level_said |= key.name == "log_level";
            }
        }
        let rust_log = sources.variables.get(&OsString::from(table::RUST_LOG)).filter(|value| !value.is_empty());
        if let (false, Some(value), Some(key)) = (log_level_said, rust_log, table::by_name("log_level")) {
            self.text(key, value.to_str(), Origin::Variable(table::RUST_LOG.into()));
        }
    }

    fn flags(&mut self, sources: &Sources) {
        for Flag { key, value, flag } in &sources.flags {
            let origin = Origin::Flag(flag.clone());
            match table::by_name(key) {
                Some(key) => self.text(key, Some(value), origin),
                None => self.unknown(key.clone(), origin, table::keys().iter().map(|key| key.name)),
            }
        }
    }

    fn text(&mut self, key: &'static Key, value: Option<&str>, origin: Origin) {
        match value {
            Some(value) => self.set(key, Raw::Text(value), origin),
            None => self.problem(key, origin, None, "is not UTF-8".into()),
        }
    }

    fn set(&mut self, key: &'static Key, raw: Raw<'_>, origin: Origin) {
        let pinned = self.mode == Mode::Demo && DEMO_PINS.contains(&key.name);
        if pinned && !matches!(origin, Origin::Flag(_)) {
            return;
        }
        match (key.set)(&mut self.loaded.config, raw) {
            Ok(()) => {
                self.loaded.origins.insert(key.name, origin);
            }
            Err(problem) => self.problem(key, origin, Some(raw), problem),
        }
    }

    fn problem(&mut self, key: &Key, origin: Origin, raw: Option<Raw<'_>>, problem: String) {
        let found = raw.filter(|_| !key.secret).map(Raw::show);
        let hint = Some(format!("Allowed: {} ({}).", key.range, key.unit));
        self.problems.push(Problem { key: key.name.into(), origin, found, problem, hint });
    }

    fn unknown<'a>(&mut self, key: String, origin: Origin, known: impl Iterator<Item = &'a str>) {
        let hint = table::nearest(&key, known).map(|nearest| format!("Did you mean {nearest}?"));
        self.problems.push(Problem { key, origin, found: None, problem: "is not a setting".into(), hint });
    }
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let length = std::fs::metadata(path)?.len();
    if length > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("{length} bytes are too many for a settings file")));
    }
    std::fs::read_to_string(path)
}
