//! A configuration for tests of the doors.

use crate::config::{Config, Environment, Limits, LogFormat};

/// A laptop's configuration.
pub fn config() -> Config {
    Config {
        environment: Environment::Development,
        data_dir: std::env::temp_dir(),
        listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8080)),
        public_url: None,
        allowed_hosts: Vec::new(),
        trusted_proxies: Vec::new(),
        database_url: None,
        auto_migrate: true,
        smtp_url: None,
        mail_from: "domu@localhost".to_owned(),
        csrf_secret: "0123456789abcdef0123456789abcdef".to_owned().into(),
        data_key: "00".repeat(32).into(),
        metrics_token: None,
        admin_shared_secret: None,
        cron_secret: None,
        cron_secret_previous: None,
        jobs_file: None,
        jobs_zone: chrono_tz::Tz::UTC,
        log_format: LogFormat::Text,
        log_level: "info".to_owned(),
        demo: false,
        limits: Limits::default(),
    }
}
