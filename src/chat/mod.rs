//! Chat: sending, committing, opening, reading.

mod blocks;
mod committer;
mod edits;
mod fanout;
mod groups;
mod history;
mod list;
mod live;
mod mute;
mod notices;
mod open;
mod reports;
mod restart;
mod screening;
mod search;
mod send;
mod sync;
mod touched;
mod view;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use committer::{Answer, Committer};
pub use fanout::{Deliverer, FanOut};
pub use list::Listing;
pub use open::{Joining, Snapshot};
pub use restart::Scope;
pub use search::{Behind, Indexer, Search};
pub use sync::Holding;
pub use touched::Touched;
pub use view::View;

use crate::clock::Clock;
use crate::config::Limits;
use crate::error::Error;
use crate::ids::{ChatId, UserId, new_id};
use crate::moderation::Policy;
use crate::protocol::codes::Code;
use crate::ratelimit::RateLimits;
use crate::realtime::{Hub, Live};
use crate::store::{Opening, Store};

/// The chat service.
#[derive(Clone)]
pub struct Chat {
    store: Store,
    hub: Arc<Hub>,
    live: Arc<Live>,
    committer: Committer,
    rates: Arc<RateLimits>,
    limits: Arc<Limits>,
    clock: Clock,
    policy: Arc<Policy>,
    recent: Arc<screening::Recent>,
}

impl Chat {
    /// The chat service on a store, and what is live on the sockets.
    pub fn new(
        store: Store,
        live: Arc<Live>,
        committer: Committer,
        rates: Arc<RateLimits>,
        limits: Arc<Limits>,
        clock: Clock,
    ) -> Self {
        let (policy, recent) = (Arc::default(), Arc::default());
        Self { store, hub: Arc::clone(live.hub()), live, committer, rates, limits, clock, policy, recent }
    }

    /// The life of the store that numbers belong to.
    pub fn epoch(&self) -> &str {
        self.store.epoch()
    }

    /// Whether messages can be taken.
    pub fn alive(&self) -> bool {
        self.committer.alive()
    }

    /// Waits until everything that was taken is committed and answered, at most `patience`.
    pub async fn settle(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.committer.settle()).await.is_err() {
            tracing::warn!("messages are still on their way");
        }
    }

    /// The chat of two people; opened if there is none, and both are told.
    ///
    /// # Errors
    /// `bad_request` for a person and themselves; `conflict` when one of them is in as many chats as one may be; what the committer says.
    pub async fn open_pair(&self, a: UserId, b: UserId, cause: &'static str) -> Result<ChatId, Error> {
        if a == b {
            return Err(Error::bad_request("A chat needs two different people."));
        }
        let now = self.clock.now();
        let id = ChatId(new_id());
        let chats_max = self.limits.chats_per_user_max;
        let opened = self
            .committer
            .run(move |tx| Box::pin(async move { tx.open_pair(id, (a, b), chats_max, cause, now).await }))
            .await?;
        match opened {
            Opening::New(chat) | Opening::Known(chat) => Ok(chat),
            Opening::Full => Err(Error::new(
                Code::Conflict,
                format!("One of the two is in {chats_max} chats already. Close one first."),
            )),
            Opening::Blocked => Err(Error::new(Code::Conflict, "One of the two has blocked the other.")),
        }
    }
}
