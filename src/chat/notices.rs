//! What is news to a person: some events of their own stream, and chats with unread messages. Nothing of it is kept a second
//! time: which events are news follows from their kind, and what was seen is a position in the stream and a few exceptions.

use chrono::Utc;

use super::{Chat, Listing};
use crate::error::{Error, Result};
use crate::ids::{ChatId, UserId};
use crate::protocol::notify::{Count, Counts, Notice, NoticeKind, NoticeRead, Noticed, Notices, Notifications};
use crate::protocol::server::ChatState;
use crate::ratelimit::RateKind;
use crate::store::{UserEventRow, UserHead};

impl Chat {
    /// What is news to a person whose stream stands at `position`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) async fn notices(&self, user: UserId, position: &UserHead) -> Result<Notices> {
        let window = self.news_window();
        let after = position.base.max(position.head.saturating_sub(window));
        let events = self.store.news(user, after, position.head).await?;
        let mut items: Vec<Notice> = Vec::new();
        for event in events {
            if let Some(over) = over(user, &event) {
                items.retain(|item| (item.kind, item.chat_id) != over);
            }
            items.extend(notice(user, event));
        }
        Ok(Notices { window, items, noticed: position.noticed.clone() })
    }

    /// A page of what is news to a person before a number, the newest first, and how much there is.
    ///
    /// # Errors
    /// `rate_limited`; the store cannot be read.
    pub async fn notifications(&self, user: UserId, before: Option<u64>, limit: usize) -> Result<Notifications> {
        let position = self.store.user_head(user).await?;
        let Notices { items: all, noticed, .. } = self.notices(user, &position).await?;
        let everything = Listing { first: 0, limit: usize::MAX, search: String::new() };
        let mut chats = self.list(user, &everything).await?.chats;
        chats.retain(|chat| chat.unread > 0);
        let counts = counts(&all, &noticed, &chats, self.clock.now().timestamp_millis());
        let mut items: Vec<_> =
            all.into_iter().rev().filter(|item| before.is_none_or(|before| item.seq < before)).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        if before.is_some() {
            chats.clear();
        }
        Ok(Notifications { head: position.head, counts, items, more, noticed, chats })
    }

    /// Notes what of the news a person has seen; all their devices hear when that changes anything.
    ///
    /// # Errors
    /// `bad_request` unless one of the two is asked, and for a number that the stream does not have; `rate_limited`.
    pub async fn notice(&self, user: UserId, asked: NoticeRead) -> Result<Noticed> {
        let wish = match (asked.seq, asked.upto) {
            (Some(seq), None) => (seq, false),
            (None, Some(upto)) => (upto, true),
            _ => return Err(Error::bad_request("Say either `seq` or `upto`.")),
        };
        self.rates.check(RateKind::Notice, &user.to_string())?;
        let (window, now) = (self.news_window(), self.clock.now());
        let noticed = self
            .committer
            .run(move |tx| Box::pin(async move { tx.set_noticed(user, wish, window, now).await }))
            .await?;
        noticed.ok_or_else(|| Error::bad_request("Your stream has no event of this number."))
    }

    /// What a resume sends is what is never trimmed: so much of a stream can be news.
    fn news_window(&self) -> u64 {
        u64::try_from(self.limits.user_events_max).unwrap_or(u64::MAX)
    }
}

/// What is news no more after an event: the invitation that ended, the chat that one is no longer in.
fn over(user: UserId, event: &UserEventRow) -> Option<(NoticeKind, Option<ChatId>)> {
    let chat_id = event.data.get("chat_id").and_then(|id| serde_json::from_value(id.clone()).ok());
    match event.kind.as_str() {
        "chat.left" => Some((NoticeKind::Chats, chat_id)),
        "invite" if event.data.get("u")?.as_str()? == user.to_string() => Some((NoticeKind::Invites, chat_id)),
        _ => None,
    }
}

/// What an event of a person's stream is as news; none: it is none.
fn notice(user: UserId, event: UserEventRow) -> Option<Notice> {
    let UserEventRow { seq, kind, at, data } = event;
    let text = |value: Option<&serde_json::Value>| value.and_then(|text| text.as_str()).map(str::to_owned);
    let chat_id = data.get("chat_id").and_then(|id| serde_json::from_value(id.clone()).ok());
    let ts = at.with_timezone(&Utc).timestamp_millis();
    let plain = Notice { seq, ts, kind: NoticeKind::Chats, chat_id, title: None, by_name: None, change: None };
    match kind.as_str() {
        "chat.opened" => Some(plain),
        "invite" => {
            let invite = data.get("invite")?;
            let mine = data.get("u")?.as_str()? == user.to_string() && data.get("change")?.as_str()? == "opened";
            let (title, by_name) = (text(invite.get("title")), text(invite.get("by_name")));
            mine.then_some(Notice { kind: NoticeKind::Invites, title, by_name, ..plain })
        }
        "match" => {
            let change = text(data.get("change")).filter(|change| change != "ended")?;
            Some(Notice { kind: NoticeKind::Matches, change: Some(change), ..plain })
        }
        "verification" => {
            let change = if data.get("verified")?.as_bool()? { "verified" } else { "unverified" };
            Some(Notice { kind: NoticeKind::Account, change: Some(change.to_owned()), ..plain })
        }
        "sanction" => Some(Notice { kind: NoticeKind::Account, change: text(data.get("change")), ..plain }),
        _ => None,
    }
}

fn counts(items: &[Notice], noticed: &Noticed, chats: &[ChatState], now: i64) -> Counts {
    let mut counts = Counts::default();
    for item in items {
        let count = match item.kind {
            NoticeKind::Chats => &mut counts.chats,
            NoticeKind::Invites => &mut counts.invites,
            NoticeKind::Matches => &mut counts.matches,
            NoticeKind::Account => &mut counts.account,
        };
        count.total += 1;
        count.unread += u64::from(item.seq > noticed.upto && !noticed.also.contains(&item.seq));
    }
    let told = chats.iter().filter(|chat| chat.muted.is_none_or(|until| until <= now));
    let sum = |chats: &mut dyn Iterator<Item = &ChatState>| chats.map(|chat| chat.unread).sum();
    counts.messages = Count { total: sum(&mut chats.iter()), unread: sum(&mut told.into_iter()) };
    counts
}
