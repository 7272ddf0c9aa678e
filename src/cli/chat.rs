//! `domu chat ...`.

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::{run, unexpected};
use super::{Done, Settings, out};
use crate::ops::control::{Answer, Command};

#[derive(Debug, Subcommand)]
pub(super) enum Chat {
    /// Open the chat of two people; one that is open stays as it is
    Open {
        /// One person's e-mail address
        email_a: String,
        /// The other's
        email_b: String,
    },
}

impl Chat {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        let Self::Open { email_a, email_b } = self;
        let answer = run(settings, Command::OpenChat { a: email_a, b: email_b }).await?;
        let Answer::Chat { chat } = answer else { return Err(unexpected(&answer)) };
        if settings.json {
            out::json(&answer);
        } else {
            out::say(&format!("The chat {chat} is open."));
        }
        Ok(ExitCode::SUCCESS)
    }
}
