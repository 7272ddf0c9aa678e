//! The command line: one file a group of commands. Exit codes: 0 done, 1 failed, 2 asked or set up wrongly.

mod admin;
mod audit;
mod authz;
mod backfill;
mod bench;
mod chat;
mod check;
mod demo;
mod docs;
mod health;
mod jobs;
mod matching;
mod migrate;
mod moderate;
pub mod out;
mod rates;
mod realtime;
mod remote;
mod serve;
mod session;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Flag, Loaded, Mode, Problems, SecretsPolicy, Sources};
use crate::ops::control::Unreachable;
use crate::telemetry;

/// The real-time server of Domu Match.
#[derive(Debug, Parser)]
#[command(name = "domu", version = crate::ops::health::VERSION, about, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Settings on the command line; each has a row in `domu explain-config`.
#[derive(Debug, Default, Args)]
struct Settings {
    /// The settings file; without it domu.toml in the working directory, when it is there
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database file, secrets, mail files, control socket and lock
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Address and port to listen on
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The address people type
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// development or production
    #[arg(long, global = true, value_name = "WORD")]
    environment: Option<String>,
    /// What is logged, such as info or info,domu::ws=debug
    #[arg(long, global = true, value_name = "FILTER")]
    log_level: Option<String>,
    /// text or json
    #[arg(long, global = true, value_name = "FORM")]
    log_format: Option<String>,
    /// Any setting, such as limits.message_chars_max=2000; may be given several times
    #[arg(long = "set", global = true, value_name = "NAME=VALUE", value_parser = name_and_value)]
    sets: Vec<(String, String)>,
    /// Print answers as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (this is what happens without a command)
    Serve,
    /// Run a server with seeded people in a directory of its own, and print links to be them
    Demo(demo::Demo),
    /// Measure this server against the machine's floor and two textbook servers
    Bench(bench::Bench),
    /// A process of `domu bench`
    #[command(subcommand, hide = true)]
    BenchPart(bench::Part),
    /// Check the settings and print what they come to; exit code 0 or 2
    CheckConfig,
    /// Explain every setting: name, variable, unit, default, range, meaning
    ExplainConfig,
    /// Write the documentation that is made from the types, into a checkout
    Docs(docs::Docs),
    /// Bring the schema up to date, or show where it is
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Score people and suggest them to each other
    #[command(subcommand)]
    Matching(matching::Command),
    /// Make what is derived anew, where it is missing or stale
    #[command(subcommand)]
    Backfill(backfill::Backfill),
    /// Screen texts: one JSON object a line on standard input, one verdict a line on standard output
    Moderate(moderate::Moderate),
    /// Look after people
    #[command(subcommand)]
    User(user::User),
    /// Short for user verify, suspend and activate
    #[command(flatten)]
    Standing(user::User),
    /// Look after admins, their invitations and tokens
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Read, export and prove the audit log
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Ask who may do what, and why
    #[command(subcommand)]
    Authz(authz::Authz),
    /// Look after chats
    #[command(subcommand)]
    Chat(chat::Chat),
    /// List jobs, and run one now
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// Look after live sockets
    #[command(subcommand)]
    Realtime(realtime::Realtime),
    /// List and end sessions
    #[command(subcommand)]
    Session(session::Session),
    /// List, show and clear rate limits
    #[command(subcommand, visible_alias = "ratelimit")]
    RateLimits(rates::RateLimits),
    /// Ask a running server for its health; exit code 0 when it is ready
    Health,
}

/// How a command ended that did not do what it should.
#[derive(Debug)]
enum Failure {
    /// The settings are wrong.
    Settings(Problems),
    /// Asked wrongly: what was said is refused as it stands.
    Usage(String),
    /// It did not work.
    Failed(anyhow::Error),
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Settings(problems)
    }
}

macro_rules! failed {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Failed(error.into())
            }
        }
    )*};
}
failed!(anyhow::Error, std::io::Error, Unreachable, telemetry::LogError);

type Done = Result<ExitCode, Failure>;

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.trim().into(), value.into()))
}

impl Cli {
    /// Runs the command to its end.
    pub async fn run(self) -> ExitCode {
        telemetry::install_panic_hook();
        match self.dispatch().await {
            Ok(code) => code,
            Err(Failure::Settings(problems)) => {
                out::error(&format!("domu cannot start: {problems}"));
                ExitCode::from(2)
            }
            Err(Failure::Usage(text)) => {
                out::error(&format!("domu: {text}"));
                ExitCode::from(2)
            }
            Err(Failure::Failed(error)) => {
                out::error(&format!("domu: {error:#}"));
                ExitCode::FAILURE
            }
        }
    }

    async fn dispatch(self) -> Done {
        let Self { settings, command } = self;
        match command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(settings.load(Mode::Serve, SecretsPolicy::Make)?).await,
            Command::Demo(demo) => demo.run(settings.load(Mode::Demo, SecretsPolicy::Look)?, &settings).await,
            Command::Bench(bench) => bench.run(&settings),
            Command::BenchPart(part) => part.run(&settings).await,
            Command::CheckConfig => check::check(&settings),
            Command::ExplainConfig => Ok(check::explain(settings.json)),
            Command::Docs(docs) => docs.run(),
            Command::Matching(command) => command.run(&settings).await,
            Command::Backfill(backfill) => backfill.run(&settings).await,
            Command::Migrate(migrate) => migrate.run(&settings).await,
            Command::Moderate(moderate) => moderate.run(),
            Command::User(user) | Command::Standing(user) => user.run(&settings).await,
            Command::Admin(admin) => admin.run(&settings).await,
            Command::Audit(audit) => audit.run(&settings).await,
            Command::Authz(authz) => authz.run(&settings).await,
            Command::Chat(chat) => chat.run(&settings).await,
            Command::Jobs(jobs) => jobs.run(&settings).await,
            Command::Realtime(realtime) => realtime.run(&settings).await,
            Command::Session(session) => session.run(&settings).await,
            Command::RateLimits(rates) => rates.run(&settings).await,
            Command::Health => health::run(&settings).await,
        }
    }
}

impl Settings {
    fn sources(&self, mode: Mode, secrets: SecretsPolicy) -> Sources {
        let own = [
            ("data_dir", "--data-dir", &self.data_dir),
            ("listen", "--listen", &self.listen),
            ("public_url", "--public-url", &self.public_url),
            ("environment", "--environment", &self.environment),
            ("log_level", "--log-level", &self.log_level),
            ("log_format", "--log-format", &self.log_format),
        ];
        let own = own
            .into_iter()
            .filter_map(|(key, flag, value)| Some(Flag { key: key.into(), value: value.clone()?, flag: flag.into() }));
        let sets = self.sets.iter().map(|(key, value)| Flag {
            key: key.clone(),
            value: value.clone(),
            flag: format!("--set {key}"),
        });
        let flags = sets.chain(own).collect();
        Sources { mode, secrets, ..Sources::of_process(flags, self.config.clone()) }
    }

    fn load(&self, mode: Mode, secrets: SecretsPolicy) -> Result<Loaded, Problems> {
        config::load(&self.sources(mode, secrets))
    }
}

/// Starts the log of a command that looks after a server: only what went wrong, unless asked for more.
fn quiet_log(loaded: &Loaded) {
    let level = match loaded.origin("log_level") {
        config::Origin::Default => "warn",
        _ => &loaded.config.log_level,
    };
    // A log that cannot be started takes nothing from the command.
    let _started = telemetry::start_logging(loaded.config.log_format, level).is_ok();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_of_the_table_is_a_flag() {
        let command = Cli::command();
        let flags: Vec<_> = command.get_arguments().filter_map(|arg| arg.get_long()).collect();
        for key in config::keys() {
            if let Some(flag) = key.flag {
                assert!(flags.contains(&flag.trim_start_matches('-')), "{flag}");
            }
        }
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command() {
        for line in [["domu", "--data-dir", "d", "health"], ["domu", "health", "--data-dir", "d"]] {
            assert_eq!(Cli::try_parse_from(line).unwrap().settings.data_dir.as_deref(), Some("d"));
        }
        assert!(Cli::try_parse_from(["domu"]).unwrap().command.is_none());
        assert!(Cli::try_parse_from(["domu", "--set", "x"]).is_err());
    }
}
