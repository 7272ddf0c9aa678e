//! What is live and forgotten, as a member may ask for it: what is on screen, who types, who looks.
//!
//! Nothing here writes to the database: membership is what a socket listens to, and what decides who sees whom is read
//! once, when a chat comes on somebody's screen, and then kept right by what is committed.

use std::sync::Arc;

use chrono::DateTime;

use super::Chat;
use crate::error::Error;
use crate::ids::{ChatId, UserId};
use crate::protocol::codes::Code;
use crate::protocol::live::{Focus, Focused};
use crate::ratelimit::RateKind;
use crate::realtime::{Conn, MemberFacts, Reading, RoomFacts, StreamId};

/// How often rooms are read again when others came and went meanwhile.
const TRIES: usize = 4;
/// People noted in one transaction: a slice of a few milliseconds.
const SEEN_BATCH: usize = 200;

impl Chat {
    /// Makes these the chats on a socket's screen; `answer` pushes who is there.
    ///
    /// # Errors
    /// `bad_request` for more than `focus_max`; `not_member`; `rate_limited`; the store cannot be read. What was on
    /// screen before stays.
    pub async fn focus(
        &self,
        conn: &Arc<Conn>,
        user: UserId,
        asked: Focus,
        answer: impl FnOnce(Focused),
    ) -> Result<(), Error> {
        let mut chats: Vec<ChatId> = Vec::with_capacity(self.limits.focus_max);
        for chat in asked.chats {
            if !chats.contains(&chat) {
                if chats.len() >= self.limits.focus_max {
                    let most = self.limits.focus_max;
                    return Err(Error::bad_request(format!("At most {most} chats can be on screen at once.")));
                }
                chats.push(chat);
            }
        }
        self.rates.check(RateKind::Focus, &user.to_string())?;
        if !chats.iter().all(|chat| self.hub.is_attached(conn, StreamId::Chat(*chat))) {
            return Err(not_member());
        }
        let mut answer = Some(answer);
        for _ in 0..TRIES {
            let reading = self.live.reading();
            let unknown = self.live.unknown(&chats);
            let read = self.rooms(&unknown, &reading).await?;
            if read.len() < unknown.len() {
                return Err(not_member());
            }
            let pushed = self.live.focus(conn, chats.clone(), read, &reading, |focused| {
                if let Some(answer) = answer.take() {
                    answer(focused);
                }
            });
            if pushed.is_ok() {
                return Ok(());
            }
        }
        Err(Error::new(Code::Overloaded, "Too much is going on right now. Try again in a moment.")
            .after(std::time::Duration::from_secs(1)))
    }

    /// What the store knows of chats that come on screen. `_reading` keeps what is committed meanwhile.
    async fn rooms(&self, chats: &[ChatId], _reading: &Reading<'_>) -> Result<Vec<RoomFacts>, Error> {
        if chats.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.store.live_chats(chats).await?;
        let rooms = found.into_iter().map(|(chat, facts)| RoomFacts {
            chat,
            open: facts.open,
            members: facts
                .members
                .into_iter()
                .map(|member| MemberFacts {
                    user: member.user,
                    ghost: member.ghost,
                    verified: member.verified,
                    seen: member.seen.map(|at| at.timestamp_millis()).max(self.live.seen(member.user)),
                })
                .collect(),
            blocks: facts.blocks.into_iter().map(|(by, of, at)| (by, of, at.timestamp_millis())).collect(),
        });
        Ok(rooms.collect())
    }

    /// Somebody types, or stops. Who may not be told hears nothing, and who types cannot tell.
    ///
    /// # Errors
    /// `not_member`, `chat_locked`, `rate_limited`.
    pub fn typing(&self, conn: &Conn, user: UserId, chat: ChatId, on: bool) -> Result<(), Error> {
        self.rates.check(RateKind::Signal, &user.to_string())?;
        if !self.hub.is_attached(conn, StreamId::Chat(chat)) {
            return Err(not_member());
        }
        if self.live.typing(conn, chat, on) {
            Ok(())
        } else {
            Err(Error::new(Code::ChatLocked, "This chat is closed."))
        }
    }

    /// Somebody looks at a socket, or no longer.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn visible(&self, conn: &Conn, user: UserId, on: bool) -> Result<(), Error> {
        self.rates.check(RateKind::Signal, &user.to_string())?;
        self.live.visible(conn, on);
        Ok(())
    }

    /// Notes in the store when people last looked.
    ///
    /// # Errors
    /// Those of the store; the slice at hand is then forgotten, which costs accuracy only.
    pub async fn note_seen(&self) -> Result<(), Error> {
        loop {
            let seen: Vec<_> = self
                .live
                .take_seen(SEEN_BATCH)
                .into_iter()
                .filter_map(|(user, at)| Some((user, DateTime::from_timestamp_millis(at)?)))
                .collect();
            if seen.is_empty() {
                return Ok(());
            }
            self.store.touch_people(&seen).await?;
        }
    }
}

fn not_member() -> Error {
    Error::new(Code::NotMember, "You are not a member of this chat.")
}
