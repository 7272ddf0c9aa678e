//! `domu rate-limits ...`: the runbook's "users report being rate-limited incorrectly". The limits live in the running
//! server, so a server that is not running has none.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

use super::remote::{ask, unexpected};
use super::{Done, Settings, out};
use crate::ops::control::{Answer, Command, KeyLine};

#[derive(Debug, Subcommand)]
pub(super) enum RateLimits {
    /// List keys that were used lately
    List,
    /// Show one key
    Peek {
        /// Such as rate_limit:message:{userId}
        key: String,
    },
    /// Make keys fresh again
    Clear {
        /// A key, in which * stands for any text: 'rate_limit:*:{userId}'
        pattern: String,
    },
}

impl RateLimits {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        let (command, nothing) = match self {
            Self::List => (Command::RateLimits, "No key is in use."),
            Self::Peek { key } => (Command::PeekRateLimit { key }, "The key is fresh: nothing was counted lately."),
            Self::Clear { pattern } => (Command::ClearRateLimits { pattern }, ""),
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
