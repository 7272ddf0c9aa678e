//! `domu admin ...`: who is an admin, and what their programs may do.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::remote::{run, unexpected};
use super::{Done, Failure, Settings, out};
use crate::admin::{Permission, Role};
use crate::ids::AdminTokenId;
use crate::ops::admin::{AdminAnswer, AdminCommand};
use crate::ops::control::{Answer, Command};

#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Make somebody with an account an admin; their sessions end
    Grant {
        /// The person's e-mail address
        email: String,
        #[command(flatten)]
        rank: Rank,
        #[command(flatten)]
        why: Why,
    },
    /// Invite whoever owns an address; with it confirmed they accept by POST /api/admin/invites/accept
    Invite {
        /// The address
        email: String,
        #[command(flatten)]
        rank: Rank,
        #[command(flatten)]
        why: Why,
    },
    /// End somebody's being an admin at once, with their sessions and tokens
    Revoke {
        /// The person's e-mail address
        email: String,
        #[command(flatten)]
        why: Why,
    },
    /// List admins
    List,
    /// Make and end tokens for programs of admins
    #[command(subcommand)]
    Token(Token),
}

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token; it is told once
    Create {
        /// The admin's e-mail address
        email: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may be used for, such as run_system,view_users
        #[arg(long, value_delimiter = ',', required = true, value_parser = permission)]
        scopes: Vec<Permission>,
        /// For how many days
        #[arg(long, default_value_t = 30)]
        days: u32,
        #[command(flatten)]
        why: Why,
    },
    /// End a token at once
    Revoke {
        /// Its id
        token: AdminTokenId,
        #[command(flatten)]
        why: Why,
    },
}

#[derive(Debug, Args)]
pub(super) struct Rank {
    /// super_admin, university_admin or moderator
    #[arg(long, value_parser = role)]
    role: Role,
    /// The university's name in addresses, such as uva; not for super admins
    #[arg(long, value_name = "SLUG")]
    university: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Why {
    /// Why, for the audit log
    #[arg(long, default_value = "by an operator on the host")]
    reason: String,
}

fn role(text: &str) -> Result<Role, String> {
    Role::stored(text).ok_or_else(|| "is super_admin, university_admin or moderator".to_owned())
}

/// A permission by its name.
pub(super) fn permission(text: &str) -> Result<Permission, String> {
    let names = || Permission::ALL.iter().map(|permission| permission.as_str()).collect::<Vec<_>>().join(", ");
    Permission::named(text).ok_or_else(|| format!("is one of {}", names()))
}

impl Admin {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        let (command, done) = match self {
            Self::Grant { email, rank: Rank { role, university }, why: Why { reason } } => {
                let done = format!("{email} is {} now. They sign in again and set up a second factor.", role.as_str());
                (AdminCommand::Grant { email, role, university, reason }, done)
            }
            Self::Invite { email, rank: Rank { role, university }, why: Why { reason } } => {
                let done = format!("{email} is invited to be {}.", role.as_str());
                (AdminCommand::Invite { email, role, university, reason }, done)
            }
            Self::Revoke { email, why: Why { reason } } => {
                let done = format!("{email} is no admin any more.");
                (AdminCommand::Revoke { email, reason }, done)
            }
            Self::List => (AdminCommand::List, String::new()),
            Self::Token(Token::Create { email, name, scopes, days, why: Why { reason } }) => {
                (AdminCommand::MakeToken { email, name, scopes, days, reason }, String::new())
            }
            Self::Token(Token::Revoke { token, why: Why { reason } }) => {
                (AdminCommand::RevokeToken { token, reason }, "The token is ended.".to_owned())
            }
        };
        let answer = ask(settings, command).await?;
        if settings.json {
            out::json(&answer);
            return Ok(ExitCode::SUCCESS);
        }
        match answer {
            AdminAnswer::Done => out::say(&done),
            AdminAnswer::Token { id, token, expires_at } => {
                out::say(&format!("{token}\nIt is told once. Its id is {id}; it ends at {expires_at}."));
            }
            AdminAnswer::Told(value) => list(&value),
            AdminAnswer::Explained { .. } => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(value: &serde_json::Value) {
    let admins = value.get("admins").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    if admins.is_empty() {
        return out::say("There is no admin. Make the first one with: domu admin grant EMAIL --role super_admin");
    }
    let rows: Vec<_> = admins
        .iter()
        .map(|admin| ["email", "role", "university", "second_factor", "since"].map(|name| text(admin, name)))
        .collect();
    out::table(["e-mail", "role", "university", "second factor", "since"], &rows);
}

/// A member as a cell of a table.
pub(super) fn text(value: &serde_json::Value, name: &str) -> String {
    match value.get(name) {
        None | Some(serde_json::Value::Null) => "-".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Asks for something about admins, wherever it can be done.
pub(super) async fn ask(settings: &Settings, command: AdminCommand) -> Result<AdminAnswer, Failure> {
    match run(settings, Command::Admin(command)).await? {
        Answer::Admin(answer) => Ok(answer),
        other => Err(unexpected(&other)),
    }
}
