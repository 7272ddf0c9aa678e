//! Whether this server can do its work, and which program it is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::services::Services;

/// The commit this program was built from, when the build was told with `DOMU_BUILD`.
pub const BUILD: &str = match option_env!("DOMU_BUILD") {
    Some(build) => build,
    None => "dev",
};

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A server's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Health)]
pub struct Report {
    /// `ok`, or `unavailable` when it is not ready.
    pub status: String,
    /// It answers.
    pub live: bool,
    /// It can do its work.
    pub ready: bool,
    /// Why it is not ready: `store`, `committer`, `draining`.
    pub missing: Vec<String>,
    /// The program's version.
    pub version: String,
    /// The commit it was built from.
    pub build: String,
    /// The newest migration of its schema.
    pub schema: String,
    /// Seconds since its start.
    pub uptime_s: u64,
}

/// Looks whether the store answers, messages can be taken and nobody asked the server to stop.
pub async fn report(services: &Services) -> Report {
    let missing = missing(services).await;
    let uptime = services.clock.now().signed_duration_since(services.started_at).num_seconds();
    Report {
        status: if missing.is_empty() { "ok" } else { "unavailable" }.into(),
        live: true,
        ready: missing.is_empty(),
        missing: missing.into_iter().map(Into::into).collect(),
        version: VERSION.into(),
        build: BUILD.into(),
        schema: services.store_health.schema(),
        uptime_s: u64::try_from(uptime).unwrap_or(0),
    }
}

/// Whether this server should get work. One that is stopping should not: a load balancer takes it out before its
/// sockets are told.
pub async fn ready(services: &Services) -> bool {
    missing(services).await.is_empty()
}

async fn missing(services: &Services) -> Vec<&'static str> {
    let checks = [
        ("store", services.store_health.answers().await),
        ("committer", services.chat.alive()),
        ("draining", !services.supervisor.draining().is_cancelled()),
    ];
    checks.into_iter().filter(|(_, fine)| !fine).map(|(name, _)| name).collect()
}
