//! `domu authz ...`: who may do what, and why.

use std::process::ExitCode;

use clap::Subcommand;

use super::admin::{ask, permission};
use super::{Done, Settings, out};
use crate::admin::Permission;
use crate::ops::admin::{AdminAnswer, AdminCommand};

#[derive(Debug, Subcommand)]
pub(super) enum Authz {
    /// Say clause by clause whether somebody may do a thing; exit code 1 when they may not
    Explain {
        /// The e-mail address of whoever wants to
        email: String,
        /// What, such as suspend_users
        #[arg(value_parser = permission)]
        permission: Permission,
        /// To whom, by e-mail address or id; without it to the whole system
        #[arg(long, value_name = "EMAIL|ID")]
        user: Option<String>,
    },
}

impl Authz {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        let Self::Explain { email, permission, user } = self;
        let answer = ask(settings, AdminCommand::Explain { email, permission, target: user }).await?;
        if settings.json {
            out::json(&answer);
        }
        let AdminAnswer::Explained { allowed, clauses } = answer else { return Ok(ExitCode::FAILURE) };
        if !settings.json {
            for (clause, holds) in clauses {
                out::say(&format!("{holds:<5}  {clause}"));
            }
            out::say(if allowed { "allowed" } else { "not allowed" });
        }
        Ok(if allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
