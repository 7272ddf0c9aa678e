//! `domu backfill ...`.

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::{run, unexpected};
use super::{Done, Settings, out};
use crate::ops::control::{Answer, Command};

#[derive(Debug, Subcommand)]
pub(super) enum Backfill {
    /// What the matcher scores, from the answers people saved
    Vectors,
}

impl Backfill {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        let Self::Vectors = self;
        let answer = run(settings, Command::BackfillVectors).await?;
        let Answer::Backfilled(done) = &answer else { return Err(unexpected(&answer)) };
        if settings.json {
            out::json(done);
        } else {
            out::say(&format!(
                "{} made, {} as they should be, {} malformed, of {} people.",
                done.processed, done.skipped, done.malformed, done.total
            ));
            done.errors.iter().for_each(|error| out::error(error));
        }
        Ok(if done.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
