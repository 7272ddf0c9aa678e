//! The one table of settings: it drives parsing, defaults, ranges, messages and `domu explain-config`.

use std::sync::LazyLock;

use super::value::{Raw, Setting};
use super::{Config, limits};

/// One setting.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its dotted name in the file, such as `limits.message_chars_max`.
    pub name: &'static str,
    /// Its environment variable.
    pub env: String,
    /// Its own flag; every setting can also be given as `--set NAME=VALUE`.
    pub flag: Option<&'static str>,
    /// What a number counts, or what form a text has.
    pub unit: &'static str,
    /// The value when nothing is said.
    pub default: String,
    /// What is allowed.
    pub range: String,
    /// What it does.
    pub meaning: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
    pub(super) set: fn(&mut Config, Raw<'_>) -> Result<(), String>,
    pub(super) show: fn(&Config) -> String,
}

/// Environment variables that start with `DOMU_` and are not settings.
pub(super) const OTHER_VARIABLES: &[&str] = &[
    // The file with settings.
    FILE_VARIABLE,
    // Read when the program is built: the commit it is built from.
    "DOMU_BUILD",
    // Where `.ci/run` keeps build results.
    "DOMU_TARGET",
];

/// Names the file with settings, like `--config`.
pub(super) const FILE_VARIABLE: &str = "DOMU_CONFIG";

/// Variables of the project's own tests, which share an environment with the servers they start.
pub(super) const TEST_PREFIX: &str = "DOMU_TEST_";

/// Believed for `log_level` when its own variable is not set, because every Rust program does.
pub(super) const RUST_LOG: &str = "RUST_LOG";

/// Every setting, in the order of the explanation.
pub fn keys() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
        let mut keys = program_keys();
        keys.extend(limits::keys());
        keys
    });
    &KEYS
}

macro_rules! keys {
    ($($field:ident, $env:literal, $flag:expr, $unit:literal, $allowed:literal, $secret:literal, $meaning:literal;)*) => {
        fn program_keys() -> Vec<Key> {
            let defaults = Config::defaults();
            vec![$(Key {
                name: stringify!($field),
                env: $env.into(),
                flag: $flag,
                unit: $unit,
                default: if $secret { "-".into() } else { defaults.$field.show() },
                range: $allowed.into(),
                meaning: $meaning,
                secret: $secret,
                set: |config, raw| {
                    config.$field = Setting::read(raw)?;
                    Ok(())
                },
                show: |config| config.$field.show(),
            },)*]
        }
    };
}

keys! {
    environment, "DOMU_ENVIRONMENT", Some("--environment"), "word", "development or production", false,
        "Production refuses to start with what is only good enough for a laptop.";
    data_dir, "DOMU_DATA_DIR", Some("--data-dir"), "path", "a directory, made when it is not there", false,
        "Database file, secrets, mail files, control socket and lock.";
    listen, "DOMU_LISTEN", Some("--listen"), "address:port", "an address of this machine; port 0 takes a free one", false,
        "Where the server listens. TLS is the proxy's.";
    public_url, "PUBLIC_URL", Some("--public-url"), "URL", "http or https with a host and nothing after it; https in production", false,
        "The address people type. Without it: http://{listen}.";
    allowed_hosts, "DOMU_ALLOWED_HOSTS", None, "host[:port], ...", "up to 64 hosts", false,
        "Further hosts whose requests are answered, besides the one of public_url: old names, health checks. They show pages; browsers change things, and open sockets, only from public_url.";
    trusted_proxies, "DOMU_TRUSTED_PROXIES", None, "IP address, ...", "up to 64 addresses", false,
        "Proxies whose x-forwarded-for is believed.";
    database_url, "DATABASE_URL", None, "URL", "sqlite:... or postgres://...", true,
        "The database. Without it: SQLite in data_dir.";
    auto_migrate, "AUTO_MIGRATE", None, "true or false", "true or false", false,
        "Migrate PostgreSQL at start; otherwise run domu migrate up. SQLite always migrates itself.";
    smtp_url, "SMTP_URL", None, "URL", "smtp://... or smtps://...; required in production", true,
        "The mail server. Without it mails become files in data_dir.";
    mail_from, "DOMU_MAIL_FROM", None, "mail address", "name <mail address>", false,
        "The sender of mails.";
    csrf_secret, "CSRF_SECRET", None, "text", "32 to 1024 bytes; required in production", true,
        "Key of CSRF tokens. In development it is made and kept in data_dir/secrets.toml.";
    data_key, "DOMU_DATA_KEY", None, "hex", "64 hex digits (32 bytes); required in production", true,
        "Seals columns such as the birth date; lose it and they are lost. In development it is made and kept in data_dir/secrets.toml.";
    metrics_token, "DOMU_METRICS_TOKEN", None, "text", "16 to 1024 bytes", true,
        "Bearer token for /metrics from elsewhere. Without it: loopback only.";
    admin_shared_secret, "ADMIN_SHARED_SECRET", None, "text", "16 to 1024 bytes", true,
        "Admins show it besides: programs in x-admin-secret, sessions once an hour. Without it: not asked for.";
    cron_secret, "CRON_SECRET", None, "text", "16 to 512 letters, digits and - _ . ~ + / =", true,
        "Bearer token with which schedulers elsewhere run jobs at /api/cron/{name}. Without it there are no such routes.";
    cron_secret_previous, "CRON_SECRET_PREVIOUS", None, "text", "16 to 512 letters, digits and - _ . ~ + / =", true,
        "The secret before that one: it works as well until it is taken away here.";
    jobs_file, "DOMU_JOBS_FILE", None, "path", "a file in the form of vercel.json", false,
        "When jobs are due. Without it: vercel.json in data_dir, or else the one that comes with the program.";
    jobs_zone, "DOMU_JOBS_ZONE", None, "time zone", "an IANA name such as UTC or Europe/Amsterdam", false,
        "The time zone in which the schedules of jobs are read.";
    log_format, "DOMU_LOG_FORMAT", Some("--log-format"), "word", "text or json", false,
        "Form of the log on stderr.";
    log_level, "DOMU_LOG_LEVEL", Some("--log-level"), "filter", "error, warn, info, debug, trace, or such as info,domu::ws=debug", false,
        "What is logged. RUST_LOG is believed when this is not set.";
}

/// The setting with this name.
pub(super) fn by_name(name: &str) -> Option<&'static Key> {
    keys().iter().find(|key| key.name == name)
}

/// The setting with this environment variable.
pub(super) fn by_env(variable: &str) -> Option<&'static Key> {
    keys().iter().find(|key| key.env == variable)
}

/// The candidate most like a misspelt one, if any is like it at all.
pub(super) fn nearest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this likeness (0 to 1) a suggestion is a guess.
    const LIKE: f64 = 0.75;
    let scored = candidates.map(|candidate| (strsim::jaro_winkler(wrong, candidate), candidate));
    scored.filter(|(score, _)| *score >= LIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_setting_has_its_own_name_and_variable_and_explains_itself() {
        let mut seen = HashSet::new();
        for key in keys() {
            assert!(seen.insert(key.name.to_owned()), "{} twice", key.name);
            assert!(seen.insert(key.env.clone()), "{} twice", key.env);
            assert!(!key.unit.is_empty() && !key.range.is_empty(), "{}", key.name);
            assert!(key.meaning.ends_with('.'), "{}: {}", key.name, key.meaning);
        }
    }

    #[test]
    fn every_default_is_allowed_and_reads_back() {
        for key in keys().iter().filter(|key| !key.secret && key.default != "-") {
            let mut config = Config::defaults();
            assert_eq!((key.set)(&mut config, Raw::Text(&key.default)), Ok(()), "{}", key.name);
            assert_eq!((key.show)(&config), key.default, "{}", key.name);
        }
    }

    #[test]
    fn every_limit_is_in_the_table() {
        let fields = format!("{:?}", limits::Limits::default()).matches(": ").count();
        assert_eq!(limits::keys().len(), fields);
    }

    #[test]
    fn a_typo_finds_its_setting_and_nonsense_finds_none() {
        let names = || keys().iter().map(|key| key.name);
        assert_eq!(nearest("limits.mesage_chars_max", names()), Some("limits.message_chars_max"));
        assert_eq!(nearest("public_ur", names()), Some("public_url"));
        assert_eq!(nearest("zzz", names()), None);
    }
}
