//! The fan-out: after the commit, in commit order, each event is encoded once and given to every member's outbox.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};

use super::committer::{Answer, Draft, MarkerDraft, Tell};
use super::search::Behind;
use super::touched::Touched;
use super::view::{self, View};
use crate::error::Error;
use crate::ids::{ChatId, ClientMessageId, UserId};
use crate::protocol::codes::Code;
use crate::protocol::events;
use crate::protocol::frame;
use crate::protocol::server::{
    Body, Channel, ErrorReply, Event, Marked as MarkedReply, Marker, Message, MessageKind, Reply, Sent, Signal,
};
use crate::realtime::{Change, Delivery, Frame, Hub, Live, Shows, StreamId};
use crate::store::{About, Emitted, Marked, Outcome, StoreError, Stored};

/// How long the fan-out waits for a chat that is new to somebody: all deliveries wait with it.
const READ_TIMEOUT: Duration = Duration::from_millis(500);

/// Drafts that share a transaction.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) messages: Vec<Draft>,
    pub(super) markers: Vec<MarkerDraft>,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.messages.len() + self.markers.len()
    }

    /// Each draft as a batch of its own, in order.
    pub(super) fn split(self) -> Vec<Self> {
        let messages = self.messages.into_iter().map(|draft| Self { messages: vec![draft], ..Self::default() });
        let markers = self.markers.into_iter().map(|draft| Self { markers: vec![draft], ..Self::default() });
        messages.chain(markers).collect()
    }
}

/// What the transaction said of each draft, in the batch's order.
#[derive(Debug, Default)]
pub struct Outcomes {
    pub(super) messages: Vec<Outcome>,
    /// Who does not see a message, by its place in the batch.
    pub(super) withheld: HashMap<usize, Vec<UserId>>,
    /// The number of what a message answers, by its place in the batch.
    pub(super) answered: HashMap<usize, u64>,
    pub(super) markers: Vec<Option<Marked>>,
}

/// What the committer hands over.
pub enum FanOut {
    /// A batch that is committed and synced.
    Committed {
        /// The drafts.
        batch: Batch,
        /// What became of each.
        outcome: Outcomes,
    },
    /// A batch that is not.
    Failed {
        /// The drafts.
        batch: Batch,
        /// Why.
        error: StoreError,
    },
    /// What another transaction emitted.
    Emitted(Vec<Emitted>, Tell),
    /// Heads of streams that may have numbers nobody was told of.
    Suspects(Vec<(StreamId, u64)>),
    /// Somebody waits until everything before this is delivered.
    Settle(oneshot::Sender<()>),
}

/// The task that delivers, in commit order, until the committer is gone.
pub struct Deliverer {
    /// Where sockets are found.
    pub hub: Arc<Hub>,
    /// Who types and who is here: what is committed decides who may know.
    pub live: Arc<Live>,
    /// How chats look.
    pub view: View,
    /// What can be searched follows what is delivered.
    pub behind: Arc<Behind>,
    /// Suggestions follow who may be suggested, and what was decided.
    pub touched: Arc<Touched>,
}

impl Deliverer {
    /// Runs until the committer is gone.
    pub async fn run(self, mut queue: mpsc::Receiver<FanOut>) {
        while let Some(what) = queue.recv().await {
            match what {
                FanOut::Committed { batch, outcome } => {
                    for (i, (draft, said)) in batch.messages.into_iter().zip(outcome.messages).enumerate() {
                        let withheld = outcome.withheld.get(&i).map(Vec::as_slice).unwrap_or_default();
                        self.message(draft, said, withheld, outcome.answered.get(&i).copied());
                    }
                    for (draft, marked) in batch.markers.into_iter().zip(outcome.markers) {
                        self.marker(draft, marked);
                    }
                }
                FanOut::Failed { batch, error } => Self::failed(batch, &error),
                FanOut::Emitted(emitted, tell) => {
                    for emitted in emitted {
                        self.emitted(emitted).await;
                    }
                    tell();
                }
                FanOut::Settle(tell) => {
                    let _gone = tell.send(()).is_err();
                }
                FanOut::Suspects(heads) => {
                    for (stream, head) in heads {
                        if let StreamId::Chat(chat) = stream {
                            self.behind.mark(chat);
                        }
                        self.hub.lose_position(stream, head);
                    }
                }
            }
        }
    }

    fn message(&self, draft: Draft, outcome: Outcome, withheld: &[UserId], reply_seq: Option<u64>) {
        let cid = draft.message.cid;
        match outcome {
            Outcome::Stored(stored) => self.stored(draft, stored, withheld, reply_seq),
            Outcome::Duplicate(stored) => {
                let chat = draft.message.chat;
                answer(draft.answer, Ok(sent(stored, cid, true)));
                // Everybody has it by now, unless the answer to its commit was lost: then they resume.
                self.hub.lose_position(StreamId::Chat(chat), stored.seq);
            }
            refused => answer(draft.answer, Err(refusal(refused))),
        }
    }

    fn stored(&self, draft: Draft, stored: Stored, withheld: &[UserId], reply_seq: Option<u64>) {
        let Draft { message, answer } = draft;
        let stream = StreamId::Chat(message.chat);
        let event = Event {
            op: "message".into(),
            ch: Channel::Chat(message.chat),
            seq: stored.seq,
            ts: stored.at.timestamp_millis(),
            d: Body::Message(Message {
                mid: stored.id,
                n: stored.n,
                u: Some(message.sender),
                cid: Some(message.cid),
                text: message.text,
                reply_to: message.reply_to,
                reply_seq,
                kind: MessageKind::User,
                params: None,
                rev: None,
                edited: None,
                deleted: false,
                reactions: Vec::new(),
            }),
        };
        let frame = Frame::durable(frame::text(&event));
        let hidden = (!withheld.is_empty()).then(|| hidden(&event, stored.n, message.sender));
        let sent = sent(stored, message.cid, false);
        let mut delivery = Delivery::new(stream, stored.seq, &frame);
        delivery.withheld = hidden.as_ref().map(|hidden| (withheld, hidden));
        match answer {
            Answer::Socket { conn, request } => {
                let ack = Frame::durable(frame::text(&Reply { id: request, ok: sent }));
                conn.finish(request);
                delivery.ack = Some((&conn, &ack));
                self.hub.deliver(delivery);
            }
            Answer::Caller(caller) => {
                self.hub.deliver(delivery);
                let _gone = caller.send(Ok(sent)).is_err();
            }
        }
        self.behind.mark(message.chat);
        self.live.spoke(message.chat, message.sender);
    }

    fn marker(&self, draft: MarkerDraft, marked: Option<Marked>) {
        let MarkerDraft { marker, answer: who } = draft;
        let Some(marked) = marked else {
            answer(who, Err(not_member()));
            return;
        };
        if marked.read_moved || marked.recv_moved {
            let stream = StreamId::Chat(marker.chat);
            let whole =
                Marker { u: marker.user, read: Some(marked.read), read_n: Some(marked.read_n), recv: marked.recv };
            let state = |d: Marker| {
                let of = (marker.chat, marker.user, d.read.is_some());
                Frame::state(of, frame::text(&Signal { op: "marker", ch: Some(Channel::Chat(marker.chat)), d }))
            };
            let (open, discreet) = (OnceCell::new(), OnceCell::new());
            let except = if let Answer::Socket { conn, .. } = &who { Some(conn.id) } else { None };
            self.hub.signal(stream, except, |conn| {
                let own = conn.identity().is_some_and(|identity| identity.user == marker.user);
                if own || (marked.receipts && conn.receipts()) {
                    Some(open.get_or_init(|| state(whole)))
                } else {
                    // Nothing at all when only the reading has moved: that it comes would tell as much as what is in it.
                    marked
                        .recv_moved
                        .then(|| discreet.get_or_init(|| state(Marker { read: None, read_n: None, ..whole })))
                }
            });
        }
        let reply = MarkedReply { read: marked.read, read_n: marked.read_n, recv: marked.recv, unread: marked.unread };
        answer(who, Ok(reply));
    }

    fn failed(batch: Batch, error: &StoreError) {
        for draft in batch.messages {
            answer(draft.answer, Err(not_stored(error)));
        }
        for draft in batch.markers {
            answer(draft.answer, Err(not_stored(error)));
        }
    }

    async fn emitted(&self, emitted: Emitted) {
        match emitted {
            Emitted::User { user, seq, kind, ts, data } => {
                if let Some(change) = change_of(user, kind, ts, &data) {
                    self.live.change(change);
                }
                if let "settings" | "verification" | "sanction" | "block" | "match" = kind {
                    self.touched.mark(user);
                }
                let stream = StreamId::User(user);
                if !self.hub.listened(stream) {
                    return;
                }
                if let ("settings", Some(shows)) = (kind, shows(&data)) {
                    self.hub.set_shows(user, seq, shows);
                }
                if let ("chat.left", Some(chat)) = (kind, chat_of(&data)) {
                    self.hub.detach_user(user, StreamId::Chat(chat));
                }
                let data = if kind == "chat.opened" { self.opened(user, data).await } else { data };
                let event = view::user_event(seq, kind.into(), ts, data);
                self.hub.deliver(Delivery::new(stream, seq, &Frame::durable(frame::text(&event))));
            }
            Emitted::Chat { chat, seq, kind, ts, data, about } => {
                self.behind.mark(chat);
                let stream = StreamId::Chat(chat);
                if let Some(change) = change_in(chat, kind, &data) {
                    self.live.change(change);
                }
                if self.hub.listened(stream) {
                    let event = Event {
                        op: kind.into(),
                        ch: Channel::Chat(chat),
                        seq,
                        ts: ts.timestamp_millis(),
                        d: Body::Other(data),
                    };
                    let unseen = about.filter(|about| !about.withheld.is_empty());
                    // A message of which a reaction is not seen stays as it is.
                    let place = |about: &About| if kind == "reaction" { 0 } else { about.n };
                    let hidden = unseen.map(|about| (hidden(&event, place(&about), about.actor), about.withheld));
                    let frame = Frame::durable(frame::text(&event));
                    let mut delivery = Delivery::new(stream, seq, &frame);
                    delivery.withheld = hidden.as_ref().map(|(hidden, from)| (from.as_slice(), hidden));
                    self.hub.deliver(delivery);
                }
            }
        }
    }

    /// Attaches a person's sockets to a chat that is new to them, and shows it as it is now.
    async fn opened(&self, user: UserId, mut data: serde_json::Value) -> serde_json::Value {
        let Some(chat) = chat_of(&data) else { return data };
        let read = tokio::time::timeout(READ_TIMEOUT, self.view.chat(user, chat))
            .await
            .unwrap_or_else(|_late| Err(Error::new(Code::Unavailable, "The store takes too long.")));
        match read {
            Ok(Some(state)) => {
                self.hub.attach_user(user, StreamId::Chat(chat), state.head + 1);
                if let (Some(data), Ok(state)) = (data.as_object_mut(), serde_json::to_value(&state)) {
                    data.insert("chat".into(), state);
                }
            }
            Ok(None) => {}
            Err(error) => {
                // Without it the sockets would listen to nothing: they come back and take the chat with their next connect.
                tracing::warn!(error = %error, chat.id = %chat, "a new chat could not be read");
                self.hub.close_user(user, crate::protocol::codes::Close::PositionLost);
            }
        }
        data
    }
}

/// The chat that an event of a person's stream is about.
fn chat_of(data: &serde_json::Value) -> Option<ChatId> {
    serde_json::from_value(data.get("chat_id")?.clone()).ok()
}

/// What a person's settings say of what they show.
fn shows(data: &serde_json::Value) -> Option<Shows> {
    let receipts = data.get("read_receipts")?.as_bool()?;
    Some(Shows { receipts, ghost: data.get("visibility")?.as_str()? == "ghost" })
}

/// What an event of a person's stream changes in who may know of whom.
fn change_of(user: UserId, kind: &str, ts: DateTime<Utc>, data: &serde_json::Value) -> Option<Change> {
    match kind {
        "settings" => Some(Change::Ghost { user, on: shows(data)?.ghost }),
        "verification" => Some(Change::Verified { user, on: data.get("verified")?.as_bool()? }),
        "block" => {
            let of = serde_json::from_value(data.get("user")?.clone()).ok()?;
            Some(Change::Block { by: user, of, on: data.get("on")?.as_bool()?, at: ts.timestamp_millis() })
        }
        _ => None,
    }
}

/// The same of an event of a chat.
fn change_in(chat: ChatId, kind: &str, data: &serde_json::Value) -> Option<Change> {
    match (kind, data.get("change")?.as_str()?) {
        ("chat", "closed") => Some(Change::Open { chat, on: false }),
        ("chat", "opened") => Some(Change::Open { chat, on: true }),
        ("member", "joined") => Some(Change::Joined { chat }),
        ("member", "left" | "removed") => {
            Some(Change::Left { chat, user: serde_json::from_value(data.get("u")?.clone()).ok()? })
        }
        _ => None,
    }
}

/// What stands in the place of an event for members who do not see it.
fn hidden(event: &Event, n: u64, author: UserId) -> Frame {
    let d = Body::Other(serde_json::json!(events::Hidden { n, u: author }));
    Frame::durable(frame::text(&Event { op: "hidden".into(), ch: event.ch, seq: event.seq, ts: event.ts, d }))
}

fn sent(stored: Stored, cid: ClientMessageId, dup: bool) -> Sent {
    Sent { mid: stored.id, seq: stored.seq, n: stored.n, ts: stored.at.timestamp_millis(), cid, dup }
}

/// What each draft of a failed batch is told; the cause is logged once, for the batch.
fn not_stored(error: &StoreError) -> Error {
    if error.is_unavailable() {
        return Error::new(
            Code::Unavailable,
            "The message could not be stored right now. Send it again with the same id.",
        )
        .after(Duration::from_secs(1));
    }
    Error::new(Code::Internal, "Something failed on our side. Send it again with the same id.")
        .after(Duration::from_secs(1))
}

pub(super) fn not_member() -> Error {
    Error::new(Code::NotMember, "You are not a member of this chat.")
}

/// What a refused draft is told.
pub(super) fn refusal(outcome: Outcome) -> Error {
    match outcome {
        Outcome::CidReused => {
            Error::new(Code::CidReused, "This client id was used for another message. Make a new one for each message.")
        }
        Outcome::ChatClosed => Error::new(Code::ChatLocked, "This chat is closed."),
        Outcome::SenderSuspended => Error::new(Code::Suspended, "Your account is suspended."),
        Outcome::SenderNotVerified => Error::new(Code::NotVerified, "Verify your identity before you send messages."),
        Outcome::SenderMuted => Error::new(
            Code::Muted,
            "You cannot write for the time being. Your notices say why, and how to have that looked at again.",
        ),
        Outcome::NoSuchReply => Error::bad_request("The message you answer is not in this chat."),
        Outcome::PairBlocked => {
            Error::new(Code::PairBlocked, "You have blocked this person. Unblock them to write to them.")
        }
        Outcome::OtherTakesNone => {
            Error::new(Code::PrivacyOff, "This person takes no messages at the moment. Try again another day.")
        }
        Outcome::SenderTakesNone => Error::new(
            Code::PrivacyOff,
            "You take no messages, so nobody could answer. Allow messages in your settings first.",
        ),
        Outcome::NotMember | Outcome::Stored(_) | Outcome::Duplicate(_) => not_member(),
    }
}

/// Answers whoever waits.
pub(super) fn answer<T: serde::Serialize>(answer: Answer<T>, result: Result<T, Error>) {
    match answer {
        Answer::Socket { conn, request } => {
            conn.finish(request);
            let bytes = match &result {
                Ok(ok) => frame::text(&Reply { id: request, ok }),
                Err(error) => frame::text(&ErrorReply::new(Some(request), conn.marks(), error)),
            };
            conn.push(&Frame::durable(bytes));
        }
        Answer::Caller(caller) => {
            let _gone = caller.send(result).is_err();
        }
    }
}
