//! One page of a chat's past. Numbers have no gaps, so a page is a range of them.

use super::{Chat, view};
use crate::error::Error;
use crate::ids::{ChatId, UserId};
use crate::protocol::client::History;
use crate::protocol::codes::Code;
use crate::protocol::server::Page;
use crate::store::EventRow;

const LIMIT_DEFAULT: u32 = 50;

impl Chat {
    /// A page of events before, after or around a number; bounded in events and in bytes.
    ///
    /// # Errors
    /// `not_member`; `unrecoverable_position` for a number of another epoch or beyond the newest;
    /// `bad_request` unless exactly one anchor is given.
    pub async fn history(&self, user: UserId, chat: ChatId, asked: &History) -> Result<Page, Error> {
        let limit = asked.limit.unwrap_or(LIMIT_DEFAULT);
        if limit == 0 {
            return Err(Error::bad_request("`limit` must be at least 1."));
        }
        let limit = u64::from(limit).min(u64::try_from(self.limits.history_page_max).unwrap_or(u64::MAX));
        let row = self.store.chat_of(user, chat).await?;
        let Some(row) = row else {
            return Err(Error::new(Code::NotMember, "You are not a member of this chat."));
        };
        if asked.epoch.as_deref().is_some_and(|epoch| epoch != self.store.epoch()) {
            return Err(unrecoverable(row.head, row.base));
        }
        // The end of the range from which a page that is too heavy is cut.
        let (after, to, keep) = match (asked.before, asked.after, asked.around) {
            (Some(before), None, None) => {
                if before > row.head + 1 {
                    return Err(unrecoverable(row.head, row.base));
                }
                let to = before.saturating_sub(1);
                (to.saturating_sub(limit), to, Keep::Newest)
            }
            (None, Some(after), None) => {
                if after > row.head || after < row.base {
                    return Err(unrecoverable(row.head, row.base));
                }
                (after, row.head.min(after.saturating_add(limit)), Keep::Oldest)
            }
            (None, None, Some(around)) => {
                if around > row.head || (around <= row.base && row.base > 0) {
                    return Err(unrecoverable(row.head, row.base));
                }
                let after = around.saturating_sub(limit / 2 + 1);
                (after, row.head.min(after.saturating_add(limit)), Keep::Around(around))
            }
            _ => {
                return Err(Error::bad_request("Give exactly one of `before`, `after` and `around`."));
            }
        };
        let after = after.max(row.base);
        let mut found = self.store.events_in(user, &[row.range(after, to)]).await?;
        let events = trim(found.remove(&chat).unwrap_or_default(), self.limits.page_bytes_max, keep);
        let (first, last) = match (events.first(), events.last()) {
            (Some(first), Some(last)) => (first.seq, last.seq),
            _ => (to + 1, to),
        };
        Ok(Page {
            more_before: first > row.base + 1,
            more_after: last < row.head,
            events: events.into_iter().map(view::event).collect(),
            head: row.head,
            base: row.base,
        })
    }
}

#[derive(Clone, Copy)]
enum Keep {
    Newest,
    Oldest,
    Around(u64),
}

/// As many events as fit, from one end; at least one.
fn trim(mut events: Vec<EventRow>, bytes_max: usize, keep: Keep) -> Vec<EventRow> {
    let mut bytes = 0;
    let mut fits = |event: &EventRow| {
        bytes += view::weight(event);
        bytes <= bytes_max
    };
    match keep {
        Keep::Around(anchor) => {
            // From the anchor outwards, until the next one on either side is too much.
            events.sort_by_key(|event| event.seq.abs_diff(anchor));
            let count = events.iter().take_while(|event| fits(event)).count().max(1);
            events.truncate(count);
            events.sort_unstable_by_key(|event| event.seq);
            events
        }
        Keep::Oldest => {
            let count = events.iter().take_while(|event| fits(event)).count().max(1);
            events.truncate(count);
            events
        }
        Keep::Newest => {
            let count = events.iter().rev().take_while(|event| fits(event)).count().max(1);
            events.split_off(events.len().saturating_sub(count))
        }
    }
}

fn unrecoverable(head: u64, base: u64) -> Error {
    Error::new(
        Code::UnrecoverablePosition,
        "This position cannot be proven here. Take a snapshot: connect without `resume`.",
    )
    .with(serde_json::json!({ "head": head, "base": base }))
}
