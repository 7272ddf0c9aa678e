//! `domu session ...`.

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::{run, unexpected};
use super::{Done, Settings, out};
use crate::ids::SessionId;
use crate::ops::control::{Answer, Command};

#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// List a person's live sessions, the last used first
    List {
        /// The person's e-mail address
        email: String,
    },
    /// End a session: its token is refused and its sockets close
    Revoke {
        /// The session's id, from the list
        session: SessionId,
    },
}

impl Session {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        match self {
            Self::List { email } => {
                let answer = run(settings, Command::Sessions { email }).await?;
                let Answer::Sessions(lines) = &answer else { return Err(unexpected(&answer)) };
                if settings.json {
                    out::json(&lines);
                } else if lines.is_empty() {
                    out::say("No live session.");
                } else {
                    let rows: Vec<_> = lines
                        .iter()
                        .map(|line| {
                            let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%SZ").to_string();
                            let (made, seen) = (time(line.created_at), time(line.last_seen_at));
                            [line.id.to_string(), made, seen, line.address.clone(), line.user_agent.clone()]
                        })
                        .collect();
                    out::table(["session", "made", "last seen", "address", "client"], &rows);
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Revoke { session } => {
                let answer = run(settings, Command::RevokeSession { session }).await?;
                let Answer::Revoked { ended } = answer else { return Err(unexpected(&answer)) };
                if settings.json {
                    out::json(&answer);
                } else {
                    out::say(if ended { "The session is over." } else { "There was no such live session." });
                }
                Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
        }
    }
}
