//! `domu migrate ...`: the schema.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Done, Failure, Settings, out, quiet_log};
use crate::config::{Mode, SecretsPolicy, make_directory};
use crate::ops::control::{self, Answer, Command};
use crate::store::{Store, StoreError};

#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// Run every migration that has not run yet; the server must not be running
    Up,
    /// Show the migrations that have not run yet
    Status,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Migrate {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        let loaded = settings.load(Mode::Serve, SecretsPolicy::Look)?;
        quiet_log(&loaded);
        if let (Self::Status, Ok(Ok(Answer::Health(report)))) =
            (&self, control::ask(&control::path(&loaded.config), &Command::Health).await)
        {
            // A server runs only on a schema that is up to date.
            if settings.json {
                out::json(&serde_json::json!({ "pending": [], "schema": report.schema }));
            } else {
                out::say(&format!("The schema is up to date ({}); a server is running on it.", report.schema));
            }
            return Ok(ExitCode::SUCCESS);
        }
        make_directory(&loaded.config.data_dir)?;
        let store = Store::open(&loaded.config).await?;
        let done = self.with(&store, settings).await;
        store.close().await;
        done
    }

    async fn with(self, store: &Store, settings: &Settings) -> Done {
        let pending = store.pending_migrations().await?;
        if matches!(self, Self::Up) && !pending.is_empty() {
            store.migrate().await?;
        }
        if settings.json {
            let what = if matches!(self, Self::Up) { "ran" } else { "pending" };
            out::json(&serde_json::json!({ what: pending }));
        } else {
            match (self, pending.as_slice()) {
                (_, []) => out::say("The schema is up to date."),
                (Self::Up, ran) => out::say(&format!("Ran: {}", ran.join(", "))),
                (Self::Status, pending) => {
                    out::say(&format!("Not run yet: {}\nRun them with: domu migrate up", pending.join(", ")));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
