//! Readers that have stopped reading are cut when their time is over, and sooner when all outboxes together hold too much.
//!
//! # Why
//! A push notices a slow reader, but who stalls with a full outbox in a chat that falls silent gets no push. Memory must
//! not wait for the next heartbeat.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::conn::Conn;
use super::hub::Hub;
use super::outbox::FAIR_AGE;
use crate::protocol::codes::Close;
use crate::telemetry::names;

/// How often stalled readers are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Hub {
    /// Cuts stalled readers until told to stop.
    pub async fn watch_stalled(self: Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            self.cut_stalled();
        }
    }

    /// Bytes that wait in all outboxes.
    pub fn waiting_bytes(&self) -> usize {
        self.flusher.budget().used()
    }

    /// Cuts the readers whose time is over; with the process's budget spent, also those that hold most of it and read
    /// nothing, until a quarter is free again.
    pub fn cut_stalled(&self) {
        let budget = self.flusher.budget();
        if budget.used() == 0 {
            return;
        }
        let spent = budget.exhausted();
        let mut holders: Vec<(usize, Arc<Conn>)> = Vec::new();
        for conn in self.all() {
            if conn.stale() {
                conn.cut();
            } else if let (true, Some((_, bytes))) = (spent, conn.stalled().filter(|(age, _)| *age > FAIR_AGE)) {
                holders.push((bytes, conn));
            }
        }
        holders.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        for (_, conn) in holders {
            if budget.mostly_free() {
                return;
            }
            conn.cut();
        }
    }
}

impl Conn {
    fn cut(&self) {
        if !self.over() {
            names::outbox_overflow();
            self.close(Close::SlowConsumer);
        }
    }
}
