//! The list of a person's chats without a socket: one window of it, or what a search finds.

use std::cmp::Reverse;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::view::Viewer;
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
        let wanted = fold(&asked.search);
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
        let tops: Vec<_> = rows.iter().filter(|row| row.last_n > 0).map(|row| (row.id, row.last_n)).collect();
        let mut members = self.store.members_of(&ids(rows)).await?;
        let mut lasts = self.store.messages_at(&tops).await?;
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
    let others = members.iter().filter(|member| member.user != user);
    let mut names = others
        .map(|member| format!("{} {}", member.first_name, member.last_name))
        .chain(row.name.clone())
        .map(|name| fold(&name));
    names.any(|name| wanted.iter().all(|wanted| name.iter().any(|word| word.starts_with(wanted))))
}

/// The words of a text without accents and without upper case: `Noëlle van 't Hof` is `noelle van t hof`.
fn fold(text: &str) -> Vec<String> {
    let plain: String = text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase).collect();
    plain.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_accents_and_case() {
        assert_eq!(fold("Noëlle van 't HOF-Ångström"), ["noelle", "van", "t", "hof", "angstrom"]);
        assert_eq!(fold("ÉMILE"), fold("E\u{301}mile"));
        assert_eq!(fold("İ"), ["i"], "a capital that folds to a letter and a mark");
        assert_eq!(fold("王 小明"), ["王", "小明"]);
        assert!(fold(" \u{0}%_*' ").is_empty());
    }
}
