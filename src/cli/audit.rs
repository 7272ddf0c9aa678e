//! `domu audit ...`: what admins, operators and the system did.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::admin::{ask, text};
use super::{Done, Failure, Settings, out};
use crate::ops::admin::{AdminAnswer, AdminCommand};

/// Rows asked for at once; an answer on the control socket has a limit.
const PAGE: usize = 200;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Show the newest rows
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Write every row as JSON, one a line, the newest first
    Export {
        #[command(flatten)]
        filter: Filter,
    },
    /// Prove that no row was changed, added beside the program, or cut off; exit code 1 when one was
    Verify,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Filter {
    /// Of this action, such as suspend_users
    #[arg(long)]
    action: Option<String>,
    /// On this sort of thing, such as user
    #[arg(long, value_name = "TYPE")]
    entity_type: Option<String>,
    /// On this thing
    #[arg(long, value_name = "ID")]
    entity_id: Option<String>,
    /// By this admin
    #[arg(long, value_name = "EMAIL|ID")]
    admin: Option<String>,
    /// From this moment on, such as 2026-11-22T12:00:00Z
    #[arg(long)]
    from: Option<DateTime<Utc>>,
    /// Before this moment
    #[arg(long)]
    to: Option<DateTime<Utc>>,
}

impl Audit {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        match self {
            Self::List { filter, limit } => {
                let mut rows = Vec::new();
                each(settings, filter, usize::try_from(limit).unwrap_or(PAGE), |row| rows.push(row)).await?;
                if settings.json {
                    out::json(&rows);
                } else {
                    let names = ["seq", "created_at", "admin_user_id", "auth_method", "action", "entity_id", "outcome"];
                    let cells: Vec<_> = rows.iter().map(|row| names.map(|name| text(row, name))).collect();
                    out::table(["seq", "at", "admin", "by", "action", "on", "outcome"], &cells);
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Export { filter } => {
                each(settings, filter, usize::MAX, |row| out::say(&row.to_string())).await?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Verify => verify(settings).await,
        }
    }
}

/// Asks page by page for at most `limit` rows.
async fn each(settings: &Settings, filter: Filter, limit: usize, mut take: impl FnMut(Value)) -> Result<(), Failure> {
    let (mut before, mut left) = (None, limit);
    loop {
        let Filter { action, entity_type, entity_id, admin, from, to } = filter.clone();
        let page = left.min(PAGE);
        let command = AdminCommand::Actions { action, entity_type, entity_id, admin, from, to, before, limit: page };
        let told = told(ask(settings, command).await?)?;
        let rows = told.get("actions").and_then(Value::as_array).cloned().unwrap_or_default();
        left = left.saturating_sub(rows.len());
        rows.into_iter().for_each(&mut take);
        before = told.get("next").and_then(Value::as_i64);
        if before.is_none() || left == 0 {
            return Ok(());
        }
    }
}

fn told(answer: AdminAnswer) -> Result<Value, Failure> {
    match answer {
        AdminAnswer::Told(value) => Ok(value),
        other => Err(Failure::Failed(anyhow::anyhow!("the server answered something else: {other:?}"))),
    }
}

async fn verify(settings: &Settings) -> Done {
    let proof = told(ask(settings, AdminCommand::Prove).await?)?;
    let sound = proof.get("sound").and_then(Value::as_bool).unwrap_or_default();
    if settings.json {
        out::json(&proof);
    } else if sound {
        out::say(&format!(
            "The audit log is sound: {} rows, the newest is {}.",
            text(&proof, "rows"),
            text(&proof, "head")
        ));
    } else {
        for finding in proof.get("findings").and_then(Value::as_array).into_iter().flatten() {
            let (from, to, what) = (text(finding, "from"), text(finding, "to"), text(finding, "what"));
            let rows = if from == to { format!("row {from}") } else { format!("rows {from} to {to}") };
            out::say(&format!("{rows}: {what}"));
        }
        out::error("domu: the audit log is not sound");
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
