//! Sending sockets away so that they come back: because the server stops, or because an operator wants it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Chat;
use crate::ids::{ChatId, UserId};
use crate::protocol::codes::Close;
use crate::protocol::events::Reconnect;
use crate::protocol::frame;
use crate::protocol::server::Signal;
use crate::realtime::{Conn, Frame, StreamId};

/// Whose sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// One person's.
    User(UserId),
    /// Those that listen to a chat.
    Chat(ChatId),
}

/// Sockets are sent away in groups, one in this time.
const STEP: Duration = Duration::from_millis(50);
/// How long a group is waited for until what it asked is answered.
const ANSWER_PATIENCE: Duration = Duration::from_millis(500);
/// How often a group is asked whether it is.
const ANSWER_LOOK: Duration = Duration::from_millis(2);

impl Chat {
    /// The sockets that are meant.
    pub fn sockets(&self, scope: Scope) -> Vec<Arc<Conn>> {
        match scope {
            Scope::All => self.hub.all(),
            Scope::User(user) => self.hub.conns_of(user),
            Scope::Chat(chat) => self.hub.listeners(StreamId::Chat(chat)),
        }
    }

    /// Over which time so many sockets are sent away by a server that stops: as long as it takes to let them in again,
    /// at most `drain_spread`.
    pub fn spread(&self, sockets: usize) -> Duration {
        let sockets = u32::try_from(sockets).unwrap_or(u32::MAX);
        let again = Duration::from_secs(1).saturating_mul(sockets) / self.limits.connects_per_second.max(1);
        again.min(self.limits.drain_spread)
    }

    /// What sockets are told when the server stops: to come back at a moment of their own within this time.
    pub fn farewell(&self, within: Duration) -> Frame {
        let within_ms = u32::try_from(within.as_millis()).unwrap_or(u32::MAX);
        Frame::durable(frame::text(&Signal { op: "reconnect", ch: None, d: Reconnect { within_ms } }))
    }

    /// Closes sockets with `going_away`, evenly over `within`. Each takes no further request, is answered what it asked,
    /// and is closed then; whoever was not answered in time asks again after coming back.
    pub async fn send_away(&self, mut sockets: Vec<Arc<Conn>>, within: Duration) {
        let begun = Instant::now();
        let last = begun + within + ANSWER_PATIENCE;
        let steps = within.as_millis() / STEP.as_millis() + 1;
        let mut steps_left = usize::try_from(steps).unwrap_or(usize::MAX);
        let mut next = begun;
        while !sockets.is_empty() {
            let group = sockets.split_off(sockets.len() - sockets.len().div_ceil(steps_left.max(1)));
            for conn in &group {
                conn.part();
            }
            let patience = ANSWER_PATIENCE.min(last.saturating_duration_since(Instant::now()));
            let answered = async {
                while !group.iter().all(|conn| conn.answered()) {
                    sleep(ANSWER_LOOK).await;
                }
                // Answers leave the fan-out right after their requests are counted as answered.
                self.committer.settle().await;
            };
            let _in_time = tokio::time::timeout(patience, answered).await.is_ok();
            for conn in group {
                conn.close(Close::GoingAway);
            }
            steps_left = steps_left.saturating_sub(1);
            next += STEP;
            if !sockets.is_empty() {
                sleep_until(next).await;
            }
        }
    }
}
