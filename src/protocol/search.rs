//! What a search finds.

use serde::Serialize;
use utoipa::ToSchema;

use super::server::Event;

/// Messages that a search has found, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Found {
    /// The messages; there may be fewer than were asked for although there are more.
    pub hits: Vec<Hit>,
    /// Where the next page begins, as `before`; not there when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<String>,
}

/// A message that was found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Hit {
    /// The message as its chat's history has it.
    pub event: Event,
    /// The words of its text that were looked for: half-open ranges of Unicode scalars.
    pub spans: Vec<(usize, usize)>,
}
