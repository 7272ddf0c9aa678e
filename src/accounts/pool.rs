//! Work that keeps a core busy: a little at once, with a bounded line of waiting callers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::protocol::codes::Code;

/// A bounded part of the blocking threads; cheap to clone.
#[derive(Clone)]
pub(super) struct Pool {
    pub(super) running: Arc<Semaphore>,
    /// Running and waiting together.
    admitted: Arc<Semaphore>,
}

impl Pool {
    /// A pool of `at_once` threads, before each of which `waiting` callers may wait.
    pub(super) fn new(at_once: usize, waiting: usize) -> Self {
        let at_once = at_once.max(1);
        let admitted = at_once.saturating_mul(waiting.saturating_add(1));
        Self { running: Arc::new(Semaphore::new(at_once)), admitted: Arc::new(Semaphore::new(admitted)) }
    }

    /// Runs `work` on a thread of its own when its turn comes.
    ///
    /// # Errors
    /// `overloaded`, with this sentence, when too many wait; `internal` when the work itself panics.
    /// # Cancel safety
    /// Work that has begun runs to its end and keeps its place meanwhile.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        crowded: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let overloaded = || Error::new(Code::Overloaded, crowded).after(Duration::from_secs(2));
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| overloaded())?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| overloaded())?;
        // The permits travel into the blocking task: a caller that goes away does not let another begin early.
        tokio::task::spawn_blocking(move || {
            let _permits = (admitted, running);
            work()
        })
        .await
        .map_err(Error::internal)
    }
}
