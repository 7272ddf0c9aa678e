//! `domu check-config` and `domu explain-config`.

use std::process::ExitCode;

use super::{Done, Settings, out};
use crate::config::{Mode, SecretsPolicy, explain};

/// Prints what the settings come to, or everything that is wrong with them. Leaves no trace.
pub(super) fn check(settings: &Settings) -> Done {
    let loaded = settings.load(Mode::Serve, SecretsPolicy::Look)?;
    let resolved = explain::resolved(&loaded);
    if settings.json {
        let row = |row: &explain::Resolved| serde_json::json!({ "key": row.key, "value": row.value, "source": row.origin.to_string() });
        out::json(&resolved.iter().map(row).collect::<Vec<_>>());
    } else {
        let rows: Vec<_> =
            resolved.into_iter().map(|row| [row.key.to_owned(), row.value, row.origin.to_string()]).collect();
        out::table(["setting", "value", "source"], &rows);
        out::say("\nThe settings are fine.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the table of settings.
pub(super) fn explain(json: bool) -> ExitCode {
    if json {
        out::json(&explain::table());
    } else {
        out::say(&explain::text());
    }
    ExitCode::SUCCESS
}
