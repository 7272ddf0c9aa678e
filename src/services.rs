//! The services that edges call. Edges hold these and nothing below them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::accounts::Accounts;
use crate::admin::Admin;
use crate::chat::Chat;
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::demo::Demo;
use crate::jobs::Jobs;
use crate::matchmaking::Matchmaking;
use crate::onboarding::Onboarding;
use crate::ratelimit::RateLimits;
use crate::realtime::{Admission, Hub, Live};
use crate::store::Store;
use crate::supervise::Supervisor;
use crate::telemetry::Telemetry;

/// Everything an edge may call.
pub struct Services {
    /// What the program was told.
    pub config: Arc<Config>,
    /// Its bounds.
    pub limits: Arc<Limits>,
    /// The time.
    pub clock: Clock,
    /// The spawner of tasks.
    pub supervisor: Supervisor,
    /// How often a thing may happen.
    pub rates: Arc<RateLimits>,
    /// Which sockets come in, and when the others shall come.
    pub admission: Admission,
    /// Who holds a socket.
    pub hub: Arc<Hub>,
    /// Who looks, who types, who is here.
    pub live: Arc<Live>,
    /// People and their sessions.
    pub accounts: Accounts,
    /// Admins, and the audit log.
    pub admin: Admin,
    /// Chats.
    pub chat: Chat,
    /// The questionnaire.
    pub onboarding: Onboarding,
    /// Suggestions, and what people say to them.
    pub matchmaking: Matchmaking,
    /// What happens by itself.
    pub jobs: Jobs,
    /// The seeded world, in demo mode only.
    pub demo: Option<Demo>,
    /// Metrics.
    pub telemetry: Telemetry,
    /// Whether the store answers, and which schema it has; for health checks only.
    pub store_health: StoreHealth,
    /// When this process started.
    pub started_at: chrono::DateTime<chrono::Utc>,
}

/// The little of the store that health checks may see.
#[derive(Clone)]
pub struct StoreHealth {
    store: Store,
    /// What the last ping said, and when. Whoever asks while one is under way waits for it instead of sending another.
    seen: Arc<Mutex<Option<(Instant, bool)>>>,
}

/// How long the answer to a ping is believed: health checks of many proxies must not become load on the store.
const BELIEVED: Duration = Duration::from_secs(1);

impl StoreHealth {
    /// The health of this store.
    pub(crate) fn new(store: Store) -> Self {
        Self { store, seen: Arc::default() }
    }

    /// Whether the store answers, or did within the last second.
    pub async fn answers(&self) -> bool {
        let mut seen = self.seen.lock().await;
        if let Some((_, answered)) = seen.filter(|(at, _)| at.elapsed() < BELIEVED) {
            return answered;
        }
        let answered = self.store.ping().await.is_ok();
        *seen = Some((Instant::now(), answered));
        answered
    }

    /// The newest migration the store has.
    pub fn schema(&self) -> String {
        crate::store::newest_migration()
    }

    /// The life of the store that numbers belong to.
    pub fn epoch(&self) -> &str {
        self.store.epoch()
    }
}
