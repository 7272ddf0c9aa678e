//! The log: one line a happening, on stderr.

use std::backtrace::Backtrace;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::LogFormat;

use super::names;

/// Loud libraries, held down unless the filter names them: a statement a line would be the whole log.
const QUIET: &[&str] = &["sqlx=warn", "sea_orm=warn", "sea_orm_migration=warn", "hyper=info", "tungstenite=info"];

/// Starts the log of this process.
///
/// # Errors
/// When the filter is none, or a log was started before.
pub fn start_logging(format: LogFormat, level: &str) -> Result<(), LogError> {
    let filter = filter(level)?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => registry.with(layer.with_ansi(io::stderr().is_terminal())).try_init()?,
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init()?,
    }
    Ok(())
}

/// Why the log did not start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("the log filter cannot be read")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// There is a log already.
    #[error("a log was started before")]
    Started(#[from] TryInitError),
}

fn filter(level: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    let mut filter = EnvFilter::try_new(level)?;
    for quiet in QUIET {
        let (target, _) = quiet.split_once('=').unwrap_or((quiet, ""));
        let named = level.split(',').any(|directive| directive.trim().split(['=', '[']).next() == Some(target));
        if !named {
            filter = filter.add_directive(quiet.parse::<Directive>()?);
        }
    }
    Ok(filter)
}

/// Logs panics as errors, with thread and place, and counts them.
///
/// # Why
/// The default hook writes lines that no log collector joins to anything. The message of a panic is written as it is:
/// panics carry text of ours, never of people.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        names::panicked();
        let message = panic.payload_as_str().unwrap_or("(no message)");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let backtrace = Backtrace::capture();
        tracing::error!(place, thread = thread.name(), %backtrace, "panic: {message}");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_quiet_unless_asked_for_by_name() {
        assert!(filter("debug").unwrap().to_string().contains("sqlx=warn"));
        let asked = filter("info,sqlx=debug").unwrap().to_string();
        assert!(asked.contains("sqlx=debug") && !asked.contains("sqlx=warn"), "{asked}");
        assert!(filter("info,,=,x=y=z").is_err());
    }
}
