//! `domu jobs ...`: what happens by itself, and when.

use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;

use super::remote::{run, unexpected};
use super::{Done, Settings, out};
use crate::jobs::{JobLine, RunLine};
use crate::ops::control::{Answer, Command};

#[derive(Debug, Subcommand)]
pub(super) enum Jobs {
    /// List jobs: when each is due, and how it ended last
    List,
    /// Run a job now and wait a while for its end; exit code 0 when it succeeded
    Run {
        /// Which
        name: String,
        /// Why, for the audit log: 10 to 500 characters
        #[arg(long, value_name = "TEXT", default_value = "run by an operator on the host")]
        reason: String,
    },
}

impl Jobs {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        match self {
            Self::List => list(settings).await,
            Self::Run { name, reason } => begin(settings, name, reason).await,
        }
    }
}

async fn list(settings: &Settings) -> Done {
    let answer = run(settings, Command::Jobs).await?;
    let Answer::Jobs(list) = &answer else { return Err(unexpected(&answer)) };
    if settings.json {
        out::json(list);
        return Ok(ExitCode::SUCCESS);
    }
    let moment = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let row = |job: &JobLine| {
        let last = job.runs.first();
        [
            job.name.clone(),
            job.expression.clone().unwrap_or_else(|| "-".to_owned()),
            job.next_run.map_or_else(|| "-".to_owned(), moment),
            last.map_or_else(|| "never".to_owned(), |run| moment(run.started_at)),
            last.map_or_else(|| "-".to_owned(), |run| run.outcome.clone()),
        ]
    };
    let rows: Vec<_> = list.jobs.iter().map(row).collect();
    out::table(["job", &format!("due ({})", list.zone), "next run", "last run", "outcome"], &rows);
    Ok(ExitCode::SUCCESS)
}

async fn begin(settings: &Settings, name: String, reason: String) -> Done {
    let answer = run(settings, Command::RunJob { name, reason }).await?;
    let Answer::JobRun(line) = &answer else { return Err(unexpected(&answer)) };
    let RunLine { job, outcome, detail, .. } = line;
    if settings.json {
        out::json(line);
    } else if outcome == "running" {
        out::say(&format!("The job {job} goes on. See domu jobs list."));
    } else {
        out::say(&format!("The job {job} ended: {outcome}. {detail}"));
    }
    Ok(if matches!(outcome.as_str(), "ok" | "running") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
