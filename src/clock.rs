//! The only reader of time. Tests inject their own clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Wall-clock time as services see it. Order never depends on it: sequences do that.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that tests set, in milliseconds since the epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A manual clock that stands at `now`.
    pub fn manual(now: DateTime<Utc>) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now.timestamp_millis())))
    }

    /// The present, truncated to milliseconds so that both databases give back what was stored.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
    pub fn now(&self) -> DateTime<Utc> {
        let ms = match self {
            Self::System => Utc::now().timestamp_millis(),
            Self::Manual(ms) => ms.load(Ordering::Relaxed),
        };
        DateTime::from_timestamp_millis(ms).unwrap_or_default()
    }

    /// Moves a manual clock; the system clock stays where it is.
    pub fn advance(&self, by: TimeDelta) {
        if let Self::Manual(ms) = self {
            ms.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
        }
    }
}

/// Time since a start: monotonic, unless tests turn the hands of a manual clock.
#[derive(Clone, Debug)]
pub struct Since {
    clock: Clock,
    origin: tokio::time::Instant,
    origin_ms: i64,
}

impl Since {
    /// Starts now.
    pub fn start(clock: Clock) -> Self {
        let origin_ms = clock.now().timestamp_millis();
        Self { clock, origin: tokio::time::Instant::now(), origin_ms }
    }

    /// How long ago the start was.
    pub fn elapsed(&self) -> Duration {
        match &self.clock {
            Clock::System => self.origin.elapsed(),
            Clock::Manual(_) => {
                let ms = self.clock.now().timestamp_millis().saturating_sub(self.origin_ms);
                Duration::from_millis(u64::try_from(ms).unwrap_or(0))
            }
        }
    }

    /// The same in nanoseconds.
    pub fn nanos(&self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
