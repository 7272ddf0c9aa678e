//! Settings as operators meet them: every source, every message.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use domu::config::{self, Config, Environment, Flag, Loaded, Mode, Origin, Problems, SecretsPolicy, Sources};
use secrecy::ExposeSecret;
use tempfile::TempDir;

fn sources(directory: &Path) -> Sources {
    Sources {
        flags: Vec::new(),
        variables: BTreeMap::new(),
        file: None,
        directory: directory.to_owned(),
        mode: Mode::Serve,
        secrets: SecretsPolicy::Look,
    }
}

struct Case {
    directory: TempDir,
    sources: Sources,
}

impl Case {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut sources = sources(directory.path());
        sources.variables.insert("DOMU_DATA_DIR".into(), directory.path().join("data").into());
        Self { directory, sources }
    }

    fn file(self, text: &str) -> Self {
        fs::write(self.directory.path().join("domu.toml"), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.variables.insert(name.into(), value.into());
        self
    }

    fn flag(mut self, key: &str, value: &str) -> Self {
        let flag = Flag { key: key.into(), value: value.into(), flag: format!("--set {key}") };
        self.sources.flags.push(flag);
        self
    }

    fn production(self) -> Self {
        self.variable("DOMU_ENVIRONMENT", "production")
            .variable("CSRF_SECRET", &"s".repeat(32))
            .variable("DOMU_DATA_KEY", &"0f".repeat(32))
            .variable("PUBLIC_URL", "https://domumatch.nl")
            .variable("SMTP_URL", "smtps://mail.example.org")
    }

    fn without(mut self, name: &str) -> Self {
        self.sources.variables.remove(std::ffi::OsStr::new(name));
        self
    }

    fn load(&self) -> Result<Loaded, Problems> {
        config::load(&self.sources)
    }

    fn config(&self) -> Config {
        self.load().unwrap().config
    }

    fn problems(&self) -> Vec<config::Problem> {
        self.load().expect_err("a problem").0
    }

    /// The one problem, as it is printed.
    fn problem(&self) -> String {
        let problems = self.problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        Problems(problems).to_string()
    }
}

#[test]
fn nothing_said_means_the_defaults() {
    let loaded = Case::new().without("DOMU_DATA_DIR").load().unwrap();
    assert_eq!(loaded.config.environment, Environment::Development);
    assert_eq!(loaded.config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(loaded.config.limits, domu::config::Limits::default());
    assert_eq!(loaded.origin("listen"), Origin::Default);
    assert!(!loaded.config.demo);
}

#[test]
fn flags_win_over_the_environment_over_the_file() {
    let case = Case::new().file("listen = '127.0.0.1:1'\n[limits]\nmessage_chars_max = 1\nwindow_chats_max = 7");
    assert_eq!(case.config().limits.message_chars_max, 1);
    let case = case.variable("DOMU_LIMITS_MESSAGE_CHARS_MAX", "2_000").variable("DOMU_LISTEN", "127.0.0.1:2");
    let loaded = case.load().unwrap();
    assert_eq!((loaded.config.limits.message_chars_max, loaded.config.listen.port()), (2000, 2));
    assert_eq!(loaded.origin("listen"), Origin::Variable("DOMU_LISTEN".into()));
    let case = case.flag("limits.message_chars_max", "3");
    let loaded = case.load().unwrap();
    assert_eq!((loaded.config.limits.message_chars_max, loaded.config.limits.window_chats_max), (3, 7));
    assert_eq!(loaded.origin("limits.window_chats_max").to_string(), {
        format!("file {}", case.directory.path().join("domu.toml").display())
    });
}

#[test]
fn a_named_file_must_be_there_and_an_unnamed_one_need_not() {
    let mut case = Case::new();
    case.sources.file = Some("nowhere.toml".into());
    assert!(case.problem().contains("the settings file (file nowhere.toml): cannot be read"));
    let case = Case::new().variable("DOMU_CONFIG", "nowhere.toml");
    assert!(case.problem().contains("nowhere.toml"));
    let case = Case::new().file("listen = \n");
    assert!(case.problem().contains("is not TOML: line 1"), "{}", case.problem());
}

#[test]
fn everything_wrong_is_listed_at_once_with_its_source_and_what_is_allowed() {
    let case = Case::new()
        .file("lisen = '127.0.0.1:1'\n[limits]\nmessage_chars_max = 'lots'\nwindow_messages = 10_000")
        .variable("DOMU_LIMITS_MESAGE_CHARS_MAX", "1")
        .variable("DOMU_LOG_FORMAT", "xml")
        .flag("limits.ping_interval", "soon");
    let text = case.load().expect_err("problems").to_string();
    let text = text.replace(case.directory.path().to_str().unwrap(), "DIR");
    insta::assert_snapshot!(text, @r#"
    6 settings are wrong:
      limits.message_chars_max (file DIR/domu.toml): "lots" is not a whole number.
          Allowed: 1 to 100000 (Unicode scalars).
      limits.window_messages (file DIR/domu.toml): 10000 is too large.
          Allowed: 1 to 200 (events).
      lisen (file DIR/domu.toml): is not a setting.
          Did you mean listen?
      DOMU_LIMITS_MESAGE_CHARS_MAX (environment DOMU_LIMITS_MESAGE_CHARS_MAX): is not a setting.
          Did you mean DOMU_LIMITS_MESSAGE_CHARS_MAX?
      log_format (environment DOMU_LOG_FORMAT): "xml" is none of: text json.
          Allowed: text or json (word).
      limits.ping_interval (flag --set limits.ping_interval): "soon" is not a time such as 250ms, 10s, 5m, 24h, 30d, or a number of seconds.
          Allowed: 1s to 10m (seconds).
    All settings, their ranges and meanings: domu explain-config
    "#);
}

#[test]
fn foreign_and_empty_variables_are_left_alone() {
    let case = Case::new()
        .variable("HOME", "/root")
        .variable("DOMU_TEST_PG_URL", "postgres://x")
        .variable("DOMU_BUILD", "abc")
        .variable("SMTP_URL", "")
        .variable("DOMU_LOG_LEVEL", "")
        .variable("RUST_LOG", "debug");
    let config = case.config();
    assert!(config.smtp_url.is_none());
    assert_eq!(config.log_level, "debug");
    assert_eq!(case.variable("DOMU_LOG_LEVEL", "warn").config().log_level, "warn");
}

#[test]
fn impossible_combinations_name_both_settings() {
    for (key, value, other) in [
        ("limits.ping_interval", "10s", "limits.pong_timeout is 10s (default)"),
        ("limits.outbox_total_bytes_max", "65536", "limits.outbox_bytes_max is 262144"),
        ("limits.frame_bytes_max", "15999", "limits.message_chars_max is 4000"),
        ("limits.outbox_bytes_max", "20000", "limits.frame_bytes_max is 65536"),
        ("limits.session_absolute", "1h", "limits.session_idle is 7d"),
        ("limits.commit_queue_max", "499", "limits.commit_batch_max is 500"),
        ("limits.socket_ops_burst", "49", "limits.socket_ops_per_second is 50"),
        ("limits.request_timeout", "5s", "limits.store_timeout is 5s"),
    ] {
        let text = Case::new().flag(key, value).problem();
        assert!(text.contains(&format!("{key} (flag --set {key}): ")) && text.contains(other), "{text}");
    }
}

#[test]
fn production_needs_what_a_laptop_does_not() {
    assert!(Case::new().production().load().is_ok());
    let case = Case::new().variable("DOMU_ENVIRONMENT", "production").variable("PUBLIC_URL", "http://domumatch.nl");
    let keys: Vec<_> = case.problems().into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["csrf_secret", "data_key", "public_url", "smtp_url"]);
    let text = case.load().expect_err("problems").to_string();
    assert!(text.contains("public_url (environment PUBLIC_URL): http://domumatch.nl must be https"), "{text}");
    assert!(text.contains("Set CSRF_SECRET"), "{text}");
}

#[test]
fn production_never_makes_secrets_nor_takes_those_of_development() {
    let mut case = Case::new();
    case.sources.secrets = SecretsPolicy::Make;
    case.load().unwrap();
    let case = case.production().without("DOMU_DATA_KEY");
    let text = case.problem();
    assert!(text.contains("data_key (default): is needed in production") && text.contains("secrets.toml"), "{text}");
}

#[test]
fn development_makes_secrets_once_for_one_pair_of_eyes() {
    let mut case = Case::new();
    assert!(case.config().csrf_secret.expose_secret().is_empty(), "looking makes nothing");
    let data = case.directory.path().join("data");
    assert!(!data.exists());

    case.sources.secrets = SecretsPolicy::Make;
    let first = case.load().unwrap();
    let file = data.join("secrets.toml");
    assert_eq!(first.origin("csrf_secret"), Origin::Made(file.clone()));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&data), mode(&file)), (0o700, 0o600));
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft is left");

    let second = case.config();
    assert_eq!(first.config.data_key.expose_secret(), second.data_key.expose_secret());
    assert_ne!(second.data_key.expose_secret(), second.csrf_secret.expose_secret());

    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(case.problem().contains("chmod 600"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "csrf_secret = 'x'").unwrap();
    assert!(case.load().expect_err("a problem").to_string().contains("lacks data_key"));
}

#[test]
fn processes_that_start_at_once_agree_on_the_secrets() {
    let mut case = Case::new();
    case.sources.secrets = SecretsPolicy::Make;
    let keys: Vec<String> = std::thread::scope(|scope| {
        let loads: Vec<_> = (0..8).map(|_| scope.spawn(|| case.config().data_key.expose_secret().to_owned())).collect();
        loads.into_iter().map(|load| load.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn no_secret_shows_in_debug_messages_or_the_resolved_table() {
    let secret = "hunter2-hunter2-hunter2-hunter2-hunter2";
    let case = Case::new()
        .variable("CSRF_SECRET", secret)
        .variable("DATABASE_URL", &format!("postgres://u:{secret}@h/d"))
        .variable("SMTP_URL", &format!("smtp://u:{secret}@h"))
        .variable("DOMU_METRICS_TOKEN", secret);
    let loaded = case.load().unwrap();
    let shown = format!("{:?} {:?}", loaded, config::explain::resolved(&loaded));
    assert!(!shown.contains("hunter2"), "{shown}");
    for variable in ["DATABASE_URL", "SMTP_URL", "DOMU_DATA_KEY"] {
        let text = Case::new().variable(variable, secret).problem();
        assert!(!text.contains("hunter2"), "{text}");
    }
    let text = Case::new().file(&format!("csrf_secret = '{secret}\n")).problem();
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn addresses_and_hosts_are_checked() {
    for url in ["https://domumatch.nl/app", "ftp://domumatch.nl", "https://u:p@domumatch.nl", "https://domumatch.nl?x"]
    {
        assert!(Case::new().variable("PUBLIC_URL", url).problem().contains("public_url"), "{url}");
    }
    let case = Case::new().file("allowed_hosts = ['domumatch.nl', 'localhost:8080', '[::1]:80']");
    assert_eq!(case.config().allowed_hosts.len(), 3);
    for host in ["*.domumatch.nl", "domumatch.nl/x", "a@b"] {
        assert!(Case::new().variable("DOMU_ALLOWED_HOSTS", host).problem().contains("allowed_hosts"), "{host}");
    }
    assert!(Case::new().variable("DOMU_TRUSTED_PROXIES", "10.0.0.1, proxy").problem().contains("trusted_proxies"));
    assert!(Case::new().variable("DOMU_LISTEN", "8080").problem().contains("127.0.0.1:8080"));
}

/// A demo started on the machine of a real server must touch neither its data nor its people.
#[test]
fn a_demo_ignores_the_real_world_around_it() {
    let mut case =
        Case::new().production().variable("DATABASE_URL", "postgres://u:p@real/users").file("data_dir = '/srv/domu'");
    case.sources.mode = Mode::Demo;
    let loaded = case.load().unwrap();
    let config = &loaded.config;
    assert!(config.demo);
    assert_eq!(config.data_dir, Path::new("data-demo"));
    assert_eq!(config.environment, Environment::Development);
    assert!(config.database_url.is_none() && config.smtp_url.is_none() && config.public_url.is_none());
    assert_eq!(loaded.origin("data_dir"), Origin::Demo);
    assert_eq!(case.flag("data_dir", "elsewhere").config().data_dir, Path::new("elsewhere"));
}

#[test]
fn the_explanation_names_every_setting() {
    let text = config::explain::text();
    let table = config::explain::table();
    assert_eq!(table.as_array().unwrap().len(), config::keys().len());
    for key in config::keys() {
        assert!(text.contains(key.name) && text.contains(&key.env), "{}", key.name);
    }
}

#[test]
fn a_development_config_for_tests_is_complete() {
    let config = Config::development("somewhere").unwrap();
    assert_eq!((config.listen.port(), config.data_key.expose_secret().len()), (0, 64));
    assert_eq!(config.limits.confirm_code_ttl, Duration::from_secs(600));
}
