//! Configuration: flags over environment over one TOML file over defaults.

pub mod limits;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use secrecy::SecretString;

pub use limits::Limits;

/// Where this server runs; production refuses what is only good enough for a laptop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    Development,
    Production,
}

/// Everything the program can be told.
#[derive(Clone, Debug)]
pub struct Config {
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
    pub mail_from: String,
    /// Key of CSRF tokens; made and kept in the data directory when not given (refused in production).
    pub csrf_secret: SecretString,
    /// Key that seals columns such as the birth date; 32 bytes in hex.
    pub data_key: SecretString,
    /// Bearer token for `/metrics` from other than loopback; None: loopback only.
    pub metrics_token: Option<SecretString>,
    pub log_format: LogFormat,
    pub log_level: String,
    /// Demo sign-in and the seeded world; never from file or environment, only from `domu demo`.
    pub demo: bool,
    pub limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}
