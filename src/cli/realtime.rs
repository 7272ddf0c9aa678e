//! `domu realtime ...`: live sockets.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::remote::{ask, unexpected};
use super::{Done, Settings, out};
use crate::ids::ChatId;
use crate::ops::control::{Answer, Command, Whose};

#[derive(Debug, Subcommand)]
pub(super) enum Realtime {
    /// Close sockets so that their clients come back and resume; nothing is lost by it
    Restart {
        #[command(flatten)]
        whose: Chosen,
        /// Seconds over which they are closed
        #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=600))]
        within: u32,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Chosen {
    /// Everybody's
    #[arg(long)]
    all: bool,
    /// One person's, by e-mail address or id
    #[arg(long, value_name = "EMAIL|ID")]
    user: Option<String>,
    /// Those of the members of a chat
    #[arg(long, value_name = "ID")]
    chat: Option<ChatId>,
}

impl Realtime {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        let Self::Restart { whose, within } = self;
        let whose = match whose {
            Chosen { user: Some(user), .. } => Whose::User(user),
            Chosen { chat: Some(chat), .. } => Whose::Chat(chat),
            Chosen { .. } => Whose::All,
        };
        let within_ms = within.saturating_mul(1000);
        let answer = ask(settings, Command::RestartRealtime { whose, within_ms }).await?;
        let Answer::SentAway { sockets } = answer else { return Err(unexpected(&answer)) };
        if settings.json {
            out::json(&answer);
        } else {
            let noun = if sockets == 1 { "socket is" } else { "sockets are" };
            out::say(&format!("{sockets} {noun} closed within {within} seconds."));
        }
        Ok(ExitCode::SUCCESS)
    }
}
