//! The flusher: writes what gathered in dirty outboxes at the end of a pass, without waking a task for each recipient.
//!
//! # Why
//! One `send` for each delivery is nearly the whole cost of a chat server, and a wake-up for each recipient most of the
//! rest. A push only marks the outbox dirty; this task yields once, so that everything that is ready has published, and
//! then writes each dirty outbox with one call.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::conn::Conn;
use super::outbox::{Budget, OutboxLimits};

/// Writes dirty outboxes at the end of a pass.
#[derive(Debug)]
pub struct Flusher {
    dirty: Mutex<Vec<Arc<Conn>>>,
    notify: Notify,
    limits: OutboxLimits,
    budget: Budget,
}

/// After this many writes the flusher lets other tasks run.
const WRITES_IN_A_ROW: usize = 64;

impl Flusher {
    /// A flusher for outboxes of these bounds, with `total_bytes_max` for all of them together.
    pub fn new(limits: OutboxLimits, total_bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { dirty: Mutex::default(), notify: Notify::new(), limits, budget: Budget::new(total_bytes_max) })
    }

    /// The bounds of each outbox.
    pub fn limits(&self) -> &OutboxLimits {
        &self.limits
    }

    /// The bytes that wait in all outboxes.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(super) fn schedule(&self, conn: &Arc<Conn>) {
        let mut dirty = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        dirty.push(Arc::clone(conn));
        if dirty.len() == 1 {
            self.notify.notify_one();
        }
    }

    fn take(&self, spare: &mut Vec<Arc<Conn>>) {
        std::mem::swap(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner), spare);
    }

    /// Runs until stopped; what is dirty then is still written.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = self.notify.notified() => {}
                () = stop.cancelled() => {}
            }
            tokio::task::yield_now().await;
            self.take(&mut batch);
            for (at, conn) in batch.drain(..).enumerate() {
                conn.flush_pass();
                if at % WRITES_IN_A_ROW == WRITES_IN_A_ROW - 1 {
                    tokio::task::yield_now().await;
                }
            }
            if stop.is_cancelled() && self.dirty.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return;
            }
        }
    }
}
