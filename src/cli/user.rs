//! `domu user ...`: a person's standing.

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::{run, unexpected};
use super::{Done, Settings, out};
use crate::ops::control::{Answer, Command};

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Mark a person's identity as verified, by hand
    Verify {
        /// The person's e-mail address
        email: String,
    },
    /// Suspend a person: sessions end, sockets close
    Suspend {
        /// The person's e-mail address
        email: String,
        /// Why, for the record
        #[arg(long, default_value = "suspended by an operator")]
        reason: String,
    },
    /// Lift a person's suspension
    Activate {
        /// The person's e-mail address
        email: String,
    },
}

impl User {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        let (command, done, email) = match self {
            Self::Verify { email } => (Command::Verify { email: email.clone() }, "verified", email),
            Self::Suspend { email, reason } => (Command::Suspend { email: email.clone(), reason }, "suspended", email),
            Self::Activate { email } => (Command::Activate { email: email.clone() }, "active", email),
        };
        let answer = run(settings, command).await?;
        let Answer::Standing { user, changed } = answer else { return Err(unexpected(&answer)) };
        if settings.json {
            out::json(&answer);
        } else {
            let already = if changed { "now" } else { "already" };
            out::say(&format!("{email} ({user}) is {already} {done}."));
        }
        Ok(ExitCode::SUCCESS)
    }
}
