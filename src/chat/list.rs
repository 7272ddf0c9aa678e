//! The list of a person's chats without a socket: one window of it, or what a search finds.

use std::cmp::Reverse;

use super::view::Viewer;
use super::words::words;
use super::{Chat, view};
use crate::error::Error;
use crate::ids::{ChatId, UserId};
use crate::protocol::server::{ChatList, ChatState};
use crate::ratelimit::RateKind;
use crate::store::{ChatRow, MemberRow};

/// What is asked of the list.
#[derive(Debug)]
pub struct Listing {
    /// The first place, 0 is the liveliest chat.
    pub first: usize,
    /// How many chats at most.
    pub limit: usize,
    /// Only chats with a name or a member of this name.
    pub search: String,
}

impl Chat {
    /// Chats as a connect shows them, but without events, the liveliest first. A place beyond the end has none.
    ///
    /// # Errors
    /// `rate_limited`; the store cannot be read.
    pub async fn list(&self, user: UserId, asked: &Listing) -> Result<ChatList, Error> {
        self.rates.check(RateKind::ChatList, &user.to_string())?;
        let mut rows = self.store.chats_of(user, self.chats_max()).await?;
        rows.sort_unstable_by_key(|row| Reverse((row.at, row.id)));
        let wanted: Vec<_> = words(&asked.search).into_iter().map(|word| word.text).collect();
        if !wanted.is_empty() {
            let members = self.store.members_of(&ids(&rows)).await?;
            rows.retain(|row| found(&wanted, user, row, members.get(&row.id).map(Vec::as_slice).unwrap_or_default()));
        }
        let total = rows.len();
        let rows: Vec<_> = rows.into_iter().skip(asked.first).take(asked.limit).collect();
        Ok(ChatList { chats: self.bare_states(user, &rows).await?, total, epoch: self.epoch().to_owned() })
    }

    async fn bare_states(&self, user: UserId, rows: &[ChatRow]) -> Result<Vec<ChatState>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let viewer = Viewer { user, blocked: self.store.blocked_by(user).await? };
        let mut members = self.store.members_of(&ids(rows)).await?;
        let mut lasts = self.store.messages_at(viewer.user, rows.iter()).await?;
        let state = |row: &ChatRow| {
            view::state(&viewer, row, members.remove(&row.id).unwrap_or_default(), lasts.remove(&row.id))
        };
        Ok(rows.iter().map(state).collect())
    }
}

fn ids(rows: &[ChatRow]) -> Vec<ChatId> {
    rows.iter().map(|row| row.id).collect()
}

/// Whether each wanted word begins a word of the chat's name or of one other member's name.
fn found(wanted: &[String], user: UserId, row: &ChatRow, members: &[MemberRow]) -> bool {
    let known = |member: &&MemberRow| member.left.is_none_or(|left| left > row.joined);
    let others = members.iter().filter(|member| member.user != user).filter(known);
    let mut names = others
        .map(|member| format!("{} {}", member.first_name, member.last_name))
        .chain(row.name.clone())
        .map(|name| words(&name));
    names.any(|name| wanted.iter().all(|wanted| name.iter().any(|word| word.text.starts_with(wanted))))
}
