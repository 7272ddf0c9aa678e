//! What a single value cannot tell: forms of secrets and addresses, and combinations that cannot work.

use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;

use super::load::{Loaded, Problem};
use super::{Config, Environment, table};

/// Most entries of a list of hosts or proxies; each request looks through them.
const LIST_MAX: usize = 64;

pub(super) fn check(loaded: &Loaded, problems: &mut Vec<Problem>) {
    let mut checks = Checks { loaded, problems };
    forms(&loaded.config, &mut checks);
    combinations(&loaded.config, &mut checks);
    if loaded.config.environment == Environment::Production {
        production(&loaded.config, &mut checks);
    }
}

struct Checks<'a> {
    loaded: &'a Loaded,
    problems: &'a mut Vec<Problem>,
}

impl Checks<'_> {
    /// The first key is the one to change; the problem is skipped when that key was refused already.
    fn must(&mut self, holds: bool, key: &'static str, problem: impl Into<String>, hint: &str) {
        if holds || self.problems.iter().any(|known| known.key == key) {
            return;
        }
        let row = table::by_name(key);
        let found = row.filter(|row| !row.secret).map(|row| (row.show)(&self.loaded.config));
        let found = found.filter(|found| found != "-");
        let origin = self.loaded.origin(key);
        let hint = Some(hint.into());
        self.problems.push(Problem { key: key.into(), origin, found, problem: problem.into(), hint });
    }

    /// Two numbers that must be in order.
    fn order(&mut self, holds: bool, key: &'static str, relation: &str, other: &'static str) {
        let value = table::by_name(other).map(|row| (row.show)(&self.loaded.config)).unwrap_or_default();
        let origin = self.loaded.origin(other);
        self.must(holds, key, format!("must be {relation} {other}"), &format!("{other} is {value} ({origin})."));
    }
}

fn forms(config: &Config, checks: &mut Checks<'_>) {
    if let Some(url) = &config.public_url {
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        let holds = matches!(url.scheme(), "http" | "https") && url.has_host() && bare && nobody;
        checks.must(
            holds,
            "public_url",
            "is more or less than scheme, host and port",
            "Write it like https://domumatch.nl.",
        );
    }
    let hosts = config.allowed_hosts.iter().all(|host| {
        let parsed = url::Url::parse(&format!("http://{host}/"));
        !host.contains(['/', '@', '*']) && parsed.is_ok_and(|url| url.has_host() && url.path() == "/")
    });
    checks.must(
        hosts && config.allowed_hosts.len() <= LIST_MAX,
        "allowed_hosts",
        "is not a list of up to 64 hosts",
        "Write hosts like domumatch.nl or domumatch.nl:8443, without wildcards.",
    );
    checks.must(
        config.trusted_proxies.len() <= LIST_MAX,
        "trusted_proxies",
        "has more than 64 entries",
        "Name only the proxies that talk to this server themselves.",
    );
    let starts = |secret: &Option<SecretString>, starts: &[&str]| {
        secret.as_ref().is_none_or(|url| starts.iter().any(|start| url.expose_secret().starts_with(start)))
    };
    checks.must(
        starts(&config.database_url, &["sqlite:", "postgres://", "postgresql://"]),
        "database_url",
        "is for a database this program does not speak",
        "It starts with sqlite: or postgres://.",
    );
    checks.must(
        starts(&config.smtp_url, &["smtp://", "smtps://"]),
        "smtp_url",
        "is not the URL of a mail server",
        "It starts with smtp:// or smtps://.",
    );
    checks.must(
        config.mail_from.parse::<lettre::message::Mailbox>().is_ok(),
        "mail_from",
        "is not a sender",
        "Write it like Domu Match <no-reply@domumatch.nl>.",
    );
    checks.must(
        EnvFilter::try_new(&config.log_level).is_ok(),
        "log_level",
        "is not a filter",
        "Write error, warn, info, debug or trace, or such as info,domu::ws=debug.",
    );
    let length = |secret: &SecretString| secret.expose_secret().len();
    let csrf = length(&config.csrf_secret);
    checks.must(
        csrf == 0 || (32..=1024).contains(&csrf),
        "csrf_secret",
        "is not 32 to 1024 bytes long",
        "Make one with: openssl rand -hex 32",
    );
    let key = config.data_key.expose_secret();
    checks.must(
        key.is_empty() || (key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit())),
        "data_key",
        "is not 64 hex digits",
        "Make one with: openssl rand -hex 32",
    );
    checks.must(
        config.metrics_token.as_ref().is_none_or(|token| (16..=1024).contains(&length(token))),
        "metrics_token",
        "is not 16 to 1024 bytes long",
        "Make one with: openssl rand -hex 32",
    );
    checks.must(
        config.admin_shared_secret.as_ref().is_none_or(|token| (16..=1024).contains(&length(token))),
        "admin_shared_secret",
        "is not 16 to 1024 bytes long",
        "Make one with: openssl rand -hex 32",
    );
    for (key, secret) in [("cron_secret", &config.cron_secret), ("cron_secret_previous", &config.cron_secret_previous)]
    {
        checks.must(
            secret.as_ref().is_none_or(|token| (16..=512).contains(&length(token)) && is_bearer(token)),
            key,
            "is not 16 to 512 characters that a bearer token may have",
            "Make one with: openssl rand -hex 32",
        );
    }
}

/// Whether text is made of the characters that a bearer token has.
fn is_bearer(token: &SecretString) -> bool {
    token.expose_secret().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte))
}

fn combinations(config: &Config, checks: &mut Checks<'_>) {
    let limits = &config.limits;
    let over = "larger than";
    let least = "at least";
    checks.order(limits.ping_interval > limits.pong_timeout, "limits.ping_interval", over, "limits.pong_timeout");
    checks.order(
        limits.outbox_total_bytes_max >= limits.outbox_bytes_max,
        "limits.outbox_total_bytes_max",
        least,
        "limits.outbox_bytes_max",
    );
    checks.order(
        limits.outbox_bytes_max >= limits.frame_bytes_max,
        "limits.outbox_bytes_max",
        least,
        "limits.frame_bytes_max",
    );
    checks.order(
        // A Unicode scalar has up to four bytes.
        limits.frame_bytes_max >= limits.message_chars_max.saturating_mul(4),
        "limits.frame_bytes_max",
        "at least four times",
        "limits.message_chars_max",
    );
    checks.order(
        limits.password_bytes_max >= limits.password_chars_min.saturating_mul(4),
        "limits.password_bytes_max",
        "at least four times",
        "limits.password_chars_min",
    );
    checks.order(
        limits.history_page_max >= limits.window_messages,
        "limits.history_page_max",
        least,
        "limits.window_messages",
    );
    checks.order(
        limits.commit_queue_max >= limits.commit_batch_max,
        "limits.commit_queue_max",
        least,
        "limits.commit_batch_max",
    );
    checks.order(
        limits.socket_ops_burst >= limits.socket_ops_per_second,
        "limits.socket_ops_burst",
        least,
        "limits.socket_ops_per_second",
    );
    checks.order(
        limits.drain_timeout >= limits.drain_spread + limits.drain_notice,
        "limits.drain_timeout",
        "at least limits.drain_notice and",
        "limits.drain_spread",
    );
    checks.order(
        limits.session_absolute >= limits.session_idle,
        "limits.session_absolute",
        least,
        "limits.session_idle",
    );
    checks.order(limits.request_timeout > limits.store_timeout, "limits.request_timeout", over, "limits.store_timeout");
}

fn production(config: &Config, checks: &mut Checks<'_>) {
    let missing = "is needed in production";
    let directory = config.data_dir.join("secrets.toml");
    let kept = format!("If {} was used in development, it is in {}.", config.data_dir.display(), directory.display());
    checks.must(!config.demo, "environment", "does not go with the demo", "Run domu demo in development.");
    checks.must(
        !config.csrf_secret.expose_secret().is_empty(),
        "csrf_secret",
        missing,
        "Set CSRF_SECRET; make one with: openssl rand -hex 32",
    );
    checks.must(
        !config.data_key.expose_secret().is_empty(),
        "data_key",
        missing,
        &format!("Set DOMU_DATA_KEY; make one with: openssl rand -hex 32. {kept}"),
    );
    checks.must(
        config.public_url.as_ref().is_some_and(|url| url.scheme() == "https"),
        "public_url",
        "must be https in production",
        "Set PUBLIC_URL to the address people type, such as https://domumatch.nl.",
    );
    checks.must(
        config.smtp_url.is_some(),
        "smtp_url",
        missing,
        "Set SMTP_URL to your mail server, such as smtps://user:password@mail.example.org.",
    );
    let sealed = |url: &SecretString| {
        let url = url.expose_secret();
        let local =
            url::Url::parse(url).is_ok_and(|url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")));
        local || url.starts_with("smtps://") || url.contains("tls=required")
    };
    checks.must(
        config.smtp_url.as_ref().is_none_or(sealed),
        "smtp_url",
        "sends codes and the password of the mail server in the clear",
        "Use smtps://, or smtp:// with ?tls=required.",
    );
}
