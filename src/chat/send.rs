//! Sending: what may be asked, before the committer decides what may be stored.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::committer::{Answer, Draft, MarkerDraft, stopping};
use super::{Chat, fanout};
use crate::error::Error;
use crate::ids::{ChatId, ClientMessageId, MessageId, UserId, new_id};
use crate::protocol::client::Publish;
use crate::protocol::codes::Code;
use crate::protocol::server::{Marked, Sent};
use crate::ratelimit::RateKind;
use crate::realtime::{Begin, Conn};
use crate::store::{NewMarker, NewMessage};
use crate::text::is_blank;

impl Chat {
    /// Takes a message from a socket. On success the answer comes later, at the event's place in the chat's order.
    ///
    /// # Errors
    /// Refusals that need no commit; nothing is stored.
    pub async fn publish(
        &self,
        conn: &Arc<Conn>,
        request: u64,
        user: UserId,
        chat: ChatId,
        publish: Publish,
    ) -> Result<(), Error> {
        match conn.begin(request, self.limits.requests_in_flight_max) {
            Begin::Begun => {}
            Begin::Duplicate => return Err(duplicate_id()),
            Begin::TooMany => return Err(too_many_in_flight()),
        }
        let taken = self.take(user, chat, publish).await;
        let result = match taken {
            Ok(Taken::New(message)) => {
                let answer = Answer::Socket { conn: Arc::clone(conn), request };
                self.committer.submit(Draft { message, answer })
            }
            Ok(Taken::Known(sent)) => {
                fanout::answer(Answer::Socket { conn: Arc::clone(conn), request }, Ok(sent));
                Ok(())
            }
            Err(error) => Err(error),
        };
        if result.is_err() {
            conn.finish(request);
        }
        result
    }

    /// Takes a message from a caller without a socket and waits until it is committed and delivered.
    ///
    /// # Errors
    /// The same refusals as on a socket; nothing is stored then. When the answer is lost, the same message with the same
    /// client id finds out.
    pub async fn send(&self, user: UserId, chat: ChatId, publish: Publish) -> Result<Sent, Error> {
        match self.take(user, chat, publish).await? {
            Taken::Known(sent) => Ok(sent),
            Taken::New(message) => {
                let (answer, told) = oneshot::channel();
                self.committer.submit(Draft { message, answer: Answer::Caller(answer) })?;
                told.await.map_err(|_dropped| stopping())?
            }
        }
    }

    /// Moves the marker of a caller without a socket: everything up to this number is read.
    ///
    /// # Errors
    /// `not_member`; what the committer says.
    pub async fn read(&self, user: UserId, chat: ChatId, seq: u64) -> Result<Marked, Error> {
        let (answer, told) = oneshot::channel();
        let marker = NewMarker { chat, user, read: Some(seq), recv: 0 };
        self.committer.mark(MarkerDraft { marker, answer: Answer::Caller(answer) })?;
        told.await.map_err(|_dropped| stopping())?
    }

    /// Whether a message may say this.
    ///
    /// # Errors
    /// `too_large`, `bad_request`.
    pub(super) fn check_text(&self, text: &str) -> Result<(), Error> {
        let chars = text.chars().count();
        if chars > self.limits.message_chars_max {
            return Err(Error::new(
                Code::TooLarge,
                format!("A message holds at most {} characters; this one has {chars}.", self.limits.message_chars_max),
            ));
        }
        if is_blank(text) {
            return Err(Error::bad_request("A message needs some text."));
        }
        if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(Error::bad_request(
                "The text holds control characters. Send plain text, with line breaks and tabs at most.",
            ));
        }
        Ok(())
    }

    async fn take(&self, user: UserId, chat: ChatId, publish: Publish) -> Result<Taken, Error> {
        self.check_text(&publish.text)?;
        let digest = digest(&publish);
        if let Err(wait) = self.rates.check(RateKind::Message, &user.to_string()) {
            // A retry of what is stored is answered whatever the rate: it asks for nothing new.
            return self.known_or(user, chat, (publish.cid, digest), wait.into()).await;
        }
        if let Err(refused) = self.screen_message((chat, user), &publish.text) {
            return self.known_or(user, chat, (publish.cid, digest), refused).await;
        }
        Ok(Taken::New(NewMessage {
            id: MessageId(new_id()),
            chat,
            sender: user,
            cid: publish.cid,
            text: publish.text,
            digest,
            reply_to: publish.reply_to,
        }))
    }

    /// The answer of what is stored under this client id; the refusal of anything else.
    async fn known_or(
        &self,
        user: UserId,
        chat: ChatId,
        (cid, digest): (ClientMessageId, [u8; 32]),
        refusal: Error,
    ) -> Result<Taken, Error> {
        match self.store.message_by_cid(chat, user, cid).await? {
            Some((stored, before)) if before.is_empty() || before == digest => Ok(Taken::Known(Sent {
                mid: stored.id,
                seq: stored.seq,
                n: stored.n,
                ts: stored.at.timestamp_millis(),
                cid,
                dup: true,
            })),
            _ => Err(refusal),
        }
    }

    /// Takes a marker from a socket; the answer comes after the commit.
    ///
    /// # Errors
    /// Refusals that need no commit.
    pub fn mark(
        &self,
        conn: &Arc<Conn>,
        request: u64,
        user: UserId,
        chat: ChatId,
        (read, recv): (Option<u64>, u64),
    ) -> Result<(), Error> {
        match conn.begin(request, self.limits.requests_in_flight_max) {
            Begin::Begun => {}
            Begin::Duplicate => return Err(duplicate_id()),
            Begin::TooMany => return Err(too_many_in_flight()),
        }
        let answer = Answer::Socket { conn: Arc::clone(conn), request };
        let marked = self.committer.mark(MarkerDraft { marker: NewMarker { chat, user, read, recv }, answer });
        if marked.is_err() {
            conn.finish(request);
        }
        marked
    }
}

enum Taken {
    New(NewMessage),
    Known(Sent),
}

fn duplicate_id() -> Error {
    Error::new(Code::DuplicateId, "A request with this id is still in flight. Use a new id for each request.")
}

fn too_many_in_flight() -> Error {
    Error::new(Code::TooManyInFlight, "Too many requests are in flight on this socket. Wait for an answer first.")
        .after(std::time::Duration::from_millis(100))
}

/// What a client id stands for: SHA-256 over the text and the answered message.
pub(super) fn digest(publish: &Publish) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(publish.reply_to.map_or([0; 16], |id| *id.0.as_bytes()));
    hash.update(publish.text.as_bytes());
    hash.finalize().into()
}
