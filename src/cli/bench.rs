//! `domu bench`, and the processes it starts. What it measures and how is in the crate `bench` (`benches/`), which shares no
//! code with the server; only the people it measures with are made here, because making them is the store's.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bench::textbook::Style;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{Done, Failure, Settings, out, quiet_log};
use crate::app::{self, Setup};
use crate::config::{Mode, SecretsPolicy, make_directory};
use crate::demo::crowd::Crowd;
use crate::doors::SESSION_COOKIE;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Bench {
    #[command(subcommand)]
    other: Option<Other>,
    /// About two minutes a repetition, with fewer shapes
    #[arg(long)]
    quick: bool,
    /// Interleaved repetitions of everything
    #[arg(long, value_name = "TIMES", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    repeat: u32,
    /// Only what has this in its name, such as fan, "1000x2", idle; may be given several times
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Write bench.json, bench.md and bench.svg into this directory
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Measure a server that runs already, such as 127.0.0.1:8080, with the people of --people
    #[arg(long, value_name = "ADDRESS:PORT", requires_all = ["people", "pid"])]
    url: Option<std::net::SocketAddrV4>,
    /// Its people: a JSON line each, `{"cookie":"name=value","chats":["uuid"]}`; two neighbouring lines share a chat
    #[arg(long, value_name = "FILE")]
    people: Option<PathBuf>,
    /// Its process
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Many sockets for long, with people who come and go: memory stays flat and nothing goes wrong
    Soak {
        /// Sockets; two share a chat
        #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
        sockets: usize,
        /// How long
        #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
        minutes: f64,
        /// Share of the sockets that end in each second, to come back
        #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
        churn: f64,
        /// Seconds between two messages of one person
        #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
        every: f64,
        /// What the server's memory may rise by over the second half, in MiB a minute
        #[arg(long, value_name = "MIB", default_value_t = 0.5)]
        slope_max: f64,
        /// At the end stop the server and start it again: all must be back within 30 s, with nothing lost
        #[arg(long)]
        restart: bool,
    },
}

impl Bench {
    pub(super) fn run(self, settings: &Settings) -> Done {
        if let Some(Other::Soak { sockets, minutes, churn, every, slope_max, restart }) = self.other {
            let json = settings.json;
            let held =
                bench::soak::run(&bench::soak::Options { sockets, minutes, churn, every, slope_max, restart, json })?;
            return Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        let running = match (self.url, self.people, self.pid) {
            (Some(address), Some(people), Some(pid)) => Some(bench::Running { address, people, pid }),
            _ => None,
        };
        let options = bench::Options {
            quick: self.quick,
            repeat: self.repeat,
            only: self.only,
            report: self.report,
            json: settings.json,
            running,
        };
        let clean = bench::run(&options)?;
        Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Part {
    /// Make people and sign them in
    Crowd {
        #[arg(long)]
        rooms: usize,
        #[arg(long)]
        members: usize,
        #[arg(long, default_value_t = 0)]
        groups: usize,
        #[arg(long, default_value_t = 0)]
        history: usize,
    },
    /// Generate load
    Load {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        line: Vec<String>,
    },
    /// Fill a bare table
    Store { url: String, millis: u64 },
    /// A channel for each client, a send for each message
    Mpsc,
    /// A channel for each client, a flush for all that waits
    Batch,
}

impl Part {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        match self {
            Self::Load { line } => bench::load::run(&line),
            Self::Store { url, millis } => bench::store::fill(&url, Duration::from_millis(millis)).await?,
            Self::Mpsc => bench::textbook::serve(Style::Mpsc).await?,
            Self::Batch => bench::textbook::serve(Style::Batch).await?,
            Self::Crowd { rooms, members, groups, history } => {
                make(settings, Crowd { rooms, members, groups, history }).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints a line for each person.
async fn make(settings: &Settings, crowd: Crowd) -> Result<(), Failure> {
    let loaded = settings.load(Mode::Serve, SecretsPolicy::Make)?;
    quiet_log(&loaded);
    make_directory(&loaded.config.data_dir)?;
    let house = Box::pin(app::build(loaded.config, Setup::default())).await?;
    for (room, tokens) in house.crowd(crowd).await? {
        for token in tokens {
            let cookie = format!("{SESSION_COOKIE}={}", token.expose_secret());
            out::say(&json!({ "cookie": cookie, "chats": room.chats }).to_string());
        }
    }
    house.stop().await;
    Ok(())
}
