//! `domu rate-limits ...`: the runbook's "users report being rate-limited incorrectly". The limits live in the running
//! server, so a server that is not running has none.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::remote::{ask, unexpected};
use super::{Done, Settings, out};
use crate::ops::control::{Answer, Command, KeyLine};

#[derive(Debug, Subcommand)]
pub(super) enum RateLimits {
    /// List keys that were used lately
    List {
        #[command(flatten)]
        of: Whose,
    },
    /// Show one key
    Peek {
        /// Such as rate_limit:message:{userId}
        key: String,
    },
    /// Make keys fresh again
    Clear {
        /// A key, in which * stands for any text: 'rate_limit:*:{userId}'
        #[arg(required_unless_present_any = ["user", "ip"], conflicts_with_all = ["user", "ip", "kind"])]
        pattern: Option<String>,
        #[command(flatten)]
        of: Whose,
    },
}

/// Whose keys.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// The id of a person
    #[arg(long)]
    user: Option<String>,
    /// An address, as it stands in the keys
    #[arg(long, conflicts_with = "user")]
    ip: Option<String>,
    /// One type of key; all when it is not said
    #[arg(long = "type")]
    kind: Option<String>,
}

impl Whose {
    /// The pattern of these keys; None when nothing is said.
    fn pattern(self) -> Option<String> {
        let subject = self.user.or(self.ip);
        let said = subject.is_some() || self.kind.is_some();
        let any = || "*".to_owned();
        said.then(|| format!("rate_limit:{}:{}", self.kind.unwrap_or_else(any), subject.unwrap_or_else(any)))
    }
}

impl RateLimits {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        let (command, nothing) = match self {
            Self::List { of } => (Command::RateLimits { pattern: of.pattern() }, "No key is in use."),
            Self::Peek { key } => (Command::PeekRateLimit { key }, "The key is fresh: nothing was counted lately."),
            Self::Clear { pattern, of } => {
                (Command::ClearRateLimits { pattern: pattern.or(of.pattern()).unwrap_or_default() }, "")
            }
        };
        let answer = ask(settings, command).await?;
        match &answer {
            answer if settings.json => out::json(answer),
            Answer::Keys(lines) if lines.is_empty() => out::say(nothing),
            Answer::Keys(lines) => {
                let rows: Vec<_> = lines.iter().map(row).collect();
                out::table(["key", "left", "of", "next after", "fresh after"], &rows);
            }
            Answer::Cleared { keys } => out::say(&format!("{keys} keys are fresh again.")),
            _ => return Err(unexpected(&answer)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn row(line: &KeyLine) -> [String; 5] {
    let seconds = |ms: u64| format!("{:.1} s", Duration::from_millis(ms).as_secs_f64());
    [
        line.key.clone(),
        line.remaining.to_string(),
        line.limit.to_string(),
        seconds(line.wait_ms),
        seconds(line.reset_ms),
    ]
}
