//! Looking at chats again on a socket that is there: the same verdicts as at connecting.
//!
//! What a socket was sent is committed, so what is read after the deliveries were held is never behind it; what comes
//! meanwhile waits, and follows the answer.

use std::collections::HashMap;
use std::sync::Arc;

use super::Chat;
use super::open::Asked;
use super::view::Viewer;
use crate::error::Error;
use crate::ids::{ChatId, UserId};
use crate::protocol::live::{Sync, Synced};
use crate::ratelimit::RateKind;
use crate::realtime::{Conn, Hub, StreamId};
use crate::store::ChatRow;

/// Streams whose deliveries wait; when this is dropped they go on from where they were, or from where the answer ends.
#[derive(Debug)]
pub struct Holding {
    hub: Arc<Hub>,
    conn: Arc<Conn>,
    streams: HashMap<ChatId, (u64, u64)>,
}

impl Drop for Holding {
    fn drop(&mut self) {
        for (chat, (generation, next)) in &self.streams {
            self.hub.go_live(&self.conn, StreamId::Chat(*chat), Some(*generation), *next);
        }
    }
}

impl Chat {
    /// What some of a person's chats hold now. To be pushed to the socket before the second part is dropped.
    ///
    /// # Errors
    /// `bad_request` for more than `window_chats_max` chats; `rate_limited`; the store cannot be read.
    pub async fn sync(&self, conn: &Arc<Conn>, user: UserId, asked: Sync) -> Result<(Synced, Holding), Error> {
        self.rates.check(RateKind::Sync, &user.to_string())?;
        let most = self.limits.window_chats_max;
        let span = asked.window.map_or(0, |(first, last)| (last + 1).saturating_sub(first));
        if span.saturating_add(asked.chats.len()) > most {
            return Err(Error::bad_request(format!("Ask for at most {most} chats at once.")));
        }
        // What this socket said before is answered first: held back, its answer would be dropped as known already.
        if !conn.answered() {
            self.committer.settle().await;
        }
        let mut holding = Holding { hub: Arc::clone(&self.hub), conn: Arc::clone(conn), streams: HashMap::new() };
        let listed = self.listed(user).await?;
        for (at, row) in listed.iter().enumerate() {
            let in_window = asked.window.is_some_and(|(first, last)| (first..=last).contains(&at));
            if (in_window || asked.chats.contains_key(&row.id))
                && let Some(place) = self.hub.hold(conn, StreamId::Chat(row.id))
            {
                holding.streams.insert(row.id, place);
            }
        }
        let mut rows = self.listed(user).await?;
        let total = rows.len();
        rows.retain(|row| holding.streams.contains_key(&row.id));
        let viewer = Viewer { user, blocked: self.store.blocked_by(user).await? };
        let held = asked.chats.iter().filter_map(|(chat, seq)| Some((*chat, (*seq)?))).collect();
        let wanted = Asked { window: (0, most), held: Some(&held), same_epoch: true, own_lost: false };
        let chats = self.chat_states(&viewer, &rows, wanted).await?;
        for row in &rows {
            if let Some((_, next)) = holding.streams.get_mut(&row.id) {
                *next = row.head + 1;
            }
        }
        let mut not_member: Vec<ChatId> =
            asked.chats.into_keys().filter(|chat| rows.iter().all(|row| row.id != *chat)).collect();
        not_member.sort_unstable();
        Ok((Synced { chats, not_member, total }, holding))
    }

    /// A person's chats, the liveliest first.
    async fn listed(&self, user: UserId) -> Result<Vec<ChatRow>, Error> {
        let mut rows = self.store.chats_of(user, self.chats_max()).await?;
        rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.at, row.id)));
        Ok(rows)
    }
}
