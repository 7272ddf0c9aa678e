//! The error at the edge: a code, a public detail, and a private source that has no serialiser.

use std::time::Duration;

use crate::protocol::codes::Code;

/// What every service returns when it does not do what was asked.
#[derive(Debug)]
pub struct Error {
    /// What went wrong, from the one table.
    pub code: Code,
    /// One sentence for the person or developer who asked: what to do next. Never internal text.
    pub detail: String,
    /// When to try again, if that can help.
    pub retry_after: Option<Duration>,
    /// The limit that was in the way, if one was.
    pub quota: Option<Quota>,
    /// Machine-readable details for the client (`d` on the wire, members of the problem document).
    pub data: Option<serde_json::Value>,
    /// The cause, for the log only.
    pub source: Option<anyhow::Error>,
}

/// Where a caller stands with a limit of rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What is counted.
    pub bucket: &'static str,
    /// How many pass at once when nothing was used.
    pub limit: u32,
    /// How many more pass right now.
    pub remaining: u32,
    /// When the whole limit is available again; when something was refused, when the next passes.
    pub reset: Duration,
}

/// A result whose error is ready for the edge.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a sentence that tells the reader what to do next.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after: None, quota: None, data: None, source: None }
    }

    /// `bad_request` with a sentence.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, detail)
    }

    /// A fault of ours; the cause goes to the log only.
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Code::Internal, "Something failed on our side. Try again in a moment.")
        }
    }

    /// The same error with a time to wait.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same error with the limit that was in the way.
    #[must_use]
    pub fn over(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// The same error with details for the client.
    #[must_use]
    pub fn with(mut self, data: serde_json::Value) -> Self {
        self.data = Some(data);
        self
    }

    /// The same error with its cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.code.name(), self.code.number(), self.detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| -> &(dyn std::error::Error + 'static) { source })
    }
}
