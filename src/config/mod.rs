//! Configuration: flags over environment over one TOML file over defaults.
//!
//! [`keys`] is the one table of settings; [`load`](load::load) reads them and lists everything that is wrong at once.
//! This module is the only reader of the process environment.

pub mod explain;
pub mod limits;
pub mod load;
mod rules;
mod secrets;
mod table;
mod value;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use secrecy::SecretString;

pub use limits::Limits;
pub use load::{Flag, Loaded, Mode, Origin, Problem, Problems, Sources, load};
pub use secrets::{SecretsPolicy, make_directory};
pub use table::{Key, keys};

/// Where this server runs; production refuses what is only good enough for a laptop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A laptop: secrets are made, mails become files, loopback hosts are believed.
    Development,
    /// People use it.
    Production,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    Text,
    /// For machines: one object a line.
    Json,
}

/// Everything the program can be told. Its `Debug` form shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where this server runs.
    pub environment: Environment,
    /// The directory that holds the database file, secrets, mail files, the control socket and the lock.
    pub data_dir: PathBuf,
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address people type, without a trailing slash, such as `https://domumatch.nl`. None: `http://{listen}`.
    pub public_url: Option<url::Url>,
    /// Further `host[:port]` values this server answers for, besides the one of `public_url`.
    pub allowed_hosts: Vec<String>,
    /// Proxies whose `x-forwarded-for` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// `sqlite:...` or `postgres://...`; None: SQLite in the data directory.
    pub database_url: Option<SecretString>,
    /// Whether PostgreSQL is migrated at start (SQLite always is).
    pub auto_migrate: bool,
    /// SMTP server; None: mails become files in the data directory and a log line.
    pub smtp_url: Option<SecretString>,
    /// The sender of mails, as `name <address>`.
    pub mail_from: String,
    /// Key of CSRF tokens; made and kept in the data directory when not given (refused in production).
    pub csrf_secret: SecretString,
    /// Key that seals columns such as the birth date; 32 bytes in hex.
    pub data_key: SecretString,
    /// Bearer token for `/metrics` from other than loopback; None: loopback only.
    pub metrics_token: Option<SecretString>,
    /// What admins show besides their session or token; None: it is not asked for.
    pub admin_shared_secret: Option<SecretString>,
    /// What schedulers elsewhere show to run a job; None: no such routes.
    pub cron_secret: Option<SecretString>,
    /// The secret before that one, which still works while it is replaced.
    pub cron_secret_previous: Option<SecretString>,
    /// The file that says when jobs are due; None: `vercel.json` in the data directory, or the one in the program.
    pub jobs_file: Option<PathBuf>,
    /// The time zone in which that file is read.
    pub jobs_zone: chrono_tz::Tz,
    /// The form of the log.
    pub log_format: LogFormat,
    /// What is logged, as a `tracing` filter.
    pub log_level: String,
    /// Demo sign-in and the seeded world; never from file or environment, only from `domu demo`.
    pub demo: bool,
    /// Every bound.
    pub limits: Limits,
}

/// The program as it was called, for commands that are shown to people.
pub fn program() -> String {
    std::env::args().next().filter(|name| !name.is_empty()).unwrap_or_else(|| "domu".to_owned())
}

impl Config {
    /// The defaults, with empty secrets: those are given or made while loading.
    fn defaults() -> Self {
        Self {
            environment: Environment::Development,
            data_dir: PathBuf::from("data"),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            public_url: None,
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            database_url: None,
            auto_migrate: false,
            smtp_url: None,
            mail_from: "Domu Match <no-reply@domumatch.nl>".into(),
            csrf_secret: SecretString::default(),
            data_key: SecretString::default(),
            metrics_token: None,
            admin_shared_secret: None,
            cron_secret: None,
            cron_secret_previous: None,
            jobs_file: None,
            jobs_zone: chrono_tz::Tz::UTC,
            log_format: LogFormat::Text,
            log_level: "info".into(),
            demo: false,
            limits: Limits::default(),
        }
    }

    /// Development defaults in this directory, on a free port of loopback, with throw-away secrets that are not
    /// written anywhere. For tests and tools.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn development(data_dir: impl Into<PathBuf>) -> Result<Self, getrandom::Error> {
        Ok(Self {
            data_dir: data_dir.into(),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            csrf_secret: secrets::make()?,
            data_key: secrets::make()?,
            ..Self::defaults()
        })
    }
}
