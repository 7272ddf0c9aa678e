//! The committer's transaction: a batch of messages and markers, idempotent, gated and numbered.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, Utc};
use sea_orm::prelude::Uuid;
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use serde::Serialize;
use serde_json::json;

use super::message_sql as sql;
use super::message_sql::{DraftRow, EventRow, GateRow, HeadRow, MessageRow, MovedRow};
use super::table::{self, Hex};
use super::{Store, StoreError, Tx};
use crate::ids::{ChatId, ClientMessageId, MessageId, UserId};

/// A message that asks to be stored.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The id it gets if it is new.
    pub id: MessageId,
    /// Where it goes.
    pub chat: ChatId,
    /// Who sends it.
    pub sender: UserId,
    /// The sender's own id for it, the same on every retry.
    pub cid: ClientMessageId,
    /// The text.
    pub text: String,
    /// What the client id stands for: a digest of text and answered message.
    pub digest: [u8; 32],
    /// The message it answers.
    pub reply_to: Option<MessageId>,
}

/// Where a stored message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The message.
    pub id: MessageId,
    /// Its number in the chat's stream.
    pub seq: u64,
    /// Its place among the messages.
    pub n: u64,
    /// When it was stored.
    pub at: DateTime<Utc>,
}

/// What became of one message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored by this batch.
    Stored(Stored),
    /// Stored before: the same answer again.
    Duplicate(Stored),
    /// The client id stands for another text.
    CidReused,
    /// The sender is not an active member, or there is no such chat.
    NotMember,
    /// The chat is closed.
    ChatClosed,
    /// The sender is suspended or the account is closed.
    SenderSuspended,
    /// The sender's identity is not verified.
    SenderNotVerified,
    /// Nobody is sent what the sender writes.
    SenderMuted,
    /// The message it answers is not in this chat.
    NoSuchReply,
    /// The sender has blocked the other of the two.
    PairBlocked,
    /// The other of the two takes no messages.
    OtherTakesNone,
    /// The sender takes no messages, so may not write where an answer is expected.
    SenderTakesNone,
}

/// What became of the messages of a batch.
#[derive(Clone, Debug, Default)]
pub struct Appended {
    /// Each message's outcome, in the batch's order.
    pub outcomes: Vec<Outcome>,
    /// Who does not see a message: members who had blocked its author. By its place in the batch.
    pub withheld: HashMap<usize, Vec<UserId>>,
    /// The number of what a message answers. By its place in the batch.
    pub answered: HashMap<usize, u64>,
    /// The newest message that each sender has stored in each chat.
    pub last: HashMap<(ChatId, UserId), Stored>,
}

/// A member's wish to move on.
#[derive(Clone, Copy, Debug)]
pub struct NewMarker {
    /// The chat.
    pub chat: ChatId,
    /// The member.
    pub user: UserId,
    /// Read up to this number; none leaves it.
    pub read: Option<u64>,
    /// Received up to this number.
    pub recv: u64,
}

/// Where a member stands after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Read up to this number.
    pub read: u64,
    /// Read up to this message ordinal.
    pub read_n: u64,
    /// Received up to this number.
    pub recv: u64,
    /// Messages that the member has not read.
    pub unread: u64,
    /// Whether the member shows others what they have read.
    pub receipts: bool,
    /// Whether this batch moved what is read; of several answers in a batch the first one says so.
    pub read_moved: bool,
    /// Whether this batch moved what is received; likewise.
    pub recv_moved: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) seq: i64,
    pub(super) n: i64,
}

/// The messages of a batch that one member of a chat does not see.
struct Run {
    newest: i64,
    /// Where the unbroken run that ends with the newest begins.
    begins: i64,
    count: i64,
}

/// Where the markers of a batch take one member of a chat.
struct Place {
    marked: Marked,
    head_n: u64,
    /// Messages after the place that the member does not see.
    withheld: u64,
    /// Who has blocked the other reads nothing any more: the other sees a marker that stands still.
    frozen: bool,
}

impl Place {
    /// Who sends a message has read up to it.
    fn pass(&mut self, stored: &Stored) {
        if stored.seq > self.marked.read {
            self.marked.read = stored.seq;
            self.marked.read_n = self.marked.read_n.max(stored.n);
            self.withheld = 0;
        }
        self.marked.recv = self.marked.recv.max(stored.seq);
    }

    /// What each marker of the batch is answered. Only the first answer says that it moved: everybody else is told once.
    fn answer(&mut self) -> Marked {
        let unread = self.head_n.saturating_sub(self.marked.read_n).saturating_sub(self.withheld);
        let answer = Marked { unread: if self.frozen { 0 } else { unread }, ..self.marked };
        self.marked.read_moved = false;
        self.marked.recv_moved = false;
        answer
    }
}

/// What is known of one draft before it is stored.
#[derive(Clone, Copy)]
pub(super) struct Gate {
    pub(super) refused: Option<Outcome>,
    /// Somebody has blocked the sender; perhaps nobody in this chat.
    is_blocked: bool,
    /// The number of the message that is answered.
    reply_seq: Option<i64>,
}

pub(super) fn hex(id: Uuid) -> String {
    id.simple().to_string()
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn index(row: &QueryResult) -> Result<usize, StoreError> {
    Ok(usize::try_from(row.try_get::<i64>("", "i")?).unwrap_or(usize::MAX))
}

fn stored(row: &QueryResult) -> Result<(Stored, Vec<u8>), StoreError> {
    let at = Stored {
        id: row.try_get("", "id")?,
        seq: unsigned(row.try_get("", "seq")?),
        n: unsigned(row.try_get("", "n")?),
        at: row.try_get("", "created_at")?,
    };
    // Whatever becomes of a message, its first words are told by nothing: then every repetition is taken for it.
    Ok((at, row.try_get::<Option<_>>("", "content_hash")?.unwrap_or_default()))
}

/// What a row of [`sql::gates`] says of a draft that answers a message or does not.
fn gate(row: &QueryResult, answers: bool) -> Result<Gate, StoreError> {
    let reply_seq: Option<i64> = row.try_get_by_index(11)?;
    let is = |column: usize| row.try_get_by_index::<bool>(column);
    let refused = if !is(4)? {
        Some(Outcome::NotMember)
    } else if !is(5)? {
        Some(Outcome::SenderSuspended)
    } else if !is(6)? {
        Some(Outcome::SenderNotVerified)
    } else if is(12)? {
        Some(Outcome::SenderMuted)
    } else if !is(7)? {
        Some(Outcome::ChatClosed)
    } else if answers && reply_seq.is_none() {
        Some(Outcome::NoSuchReply)
    } else {
        match (row.try_get_by_index::<i32>(10)?, is(8)?) {
            (2, _) => Some(Outcome::PairBlocked),
            (_, true) => Some(Outcome::SenderTakesNone),
            (1, _) => Some(Outcome::OtherTakesNone),
            _ => None,
        }
    };
    Ok(Gate { refused, is_blocked: is(9)?, reply_seq })
}

impl Tx {
    fn rows_statement<T: Serialize>(&self, sql: &str, rows: &[T], more: Option<Value>) -> Statement {
        self.statement(sql, [table::packed(rows)].into_iter().chain(more))
    }

    /// Stores what is new and allowed of a batch, in its order, and numbers it.
    ///
    /// # Ordering
    /// Answers come in the batch's order. Numbers of a chat rise by one in that order.
    /// # Errors
    /// Nothing of the batch is stored.
    pub async fn append_messages(&mut self, drafts: &[NewMessage], now: DateTime<Utc>) -> Result<Appended, StoreError> {
        let known = self.known(drafts).await?;
        let asking: Vec<_> = drafts.iter().map(|draft| (draft.chat, draft.sender, draft.reply_to)).collect();
        let (gates, mut heads) = self.gates(&asking).await?;
        let mut fresh: HashMap<(ChatId, UserId, ClientMessageId), (Outcome, [u8; 32])> = HashMap::new();
        let mut last: HashMap<(ChatId, UserId), Stored> = HashMap::new();
        let mut outcomes = Vec::with_capacity(drafts.len());
        let mut of_blocked = Vec::new();
        let mut answered = HashMap::new();
        let (mut messages, mut events) = (Vec::new(), Vec::new());
        for (i, draft) in drafts.iter().enumerate() {
            let key = (draft.chat, draft.sender, draft.cid);
            let outcome = if let Some((before, digest)) = known.get(&i) {
                let same = digest.is_empty() || digest.as_slice() == draft.digest;
                if same { Outcome::Duplicate(*before) } else { Outcome::CidReused }
            } else if let Some((before, digest)) = fresh.get(&key) {
                match before {
                    _ if *digest != draft.digest => Outcome::CidReused,
                    Outcome::Stored(before) => Outcome::Duplicate(*before),
                    refused => *refused,
                }
            } else {
                match (gates.get(&i), heads.get_mut(&draft.chat)) {
                    (None, _) | (_, None) => Outcome::NotMember,
                    (Some(Gate { refused: Some(refused), .. }), _) => *refused,
                    (Some(Gate { refused: None, is_blocked, reply_seq }), Some(head)) => {
                        head.seq += 1;
                        head.n += 1;
                        messages.push(MessageRow::new(draft, *head, *reply_seq));
                        events.push(EventRow::new(draft, *head));
                        let stored = Stored { id: draft.id, seq: unsigned(head.seq), n: unsigned(head.n), at: now };
                        last.insert((draft.chat, draft.sender), stored);
                        answered.extend(reply_seq.map(|seq| (i, unsigned(seq))));
                        if *is_blocked {
                            of_blocked.push((i, draft, stored));
                        }
                        Outcome::Stored(stored)
                    }
                }
            };
            fresh.entry(key).or_insert((outcome, draft.digest));
            outcomes.push(outcome);
        }
        if !messages.is_empty() {
            self.insert_messages(&messages, &events, now).await?;
            let touched: Vec<_> = last
                .keys()
                .map(|(chat, _)| *chat)
                .collect::<std::collections::HashSet<_>>()
                .into_iter()
                .filter_map(|chat| heads.get(&chat).map(|head| HeadRow { c: Hex(chat.0), s: head.seq, n: head.n }))
                .collect();
            let sql = sql::advance_heads(self.backend());
            self.conn().execute_raw(self.rows_statement(&sql, &touched, Some(now.into()))).await?;
        }
        let withheld = self.withhold(&of_blocked).await?;
        Ok(Appended { outcomes, withheld, answered, last })
    }

    /// Notes for each message of somebody blocked which members of its chat will not see it.
    async fn withhold(
        &mut self,
        messages: &[(usize, &NewMessage, Stored)],
    ) -> Result<HashMap<usize, Vec<UserId>>, StoreError> {
        let mut withheld: HashMap<usize, Vec<UserId>> = HashMap::new();
        if messages.is_empty() {
            return Ok(withheld);
        }
        let wanted: Vec<_> = messages
            .iter()
            .map(|(i, draft, _)| json!({"i": i, "c": hex(draft.chat.0), "u": hex(draft.sender.0)}))
            .collect();
        let sql = sql::blockers(self.backend());
        for row in &self.conn().query_all_raw(self.rows_statement(&sql, &wanted, None)).await? {
            withheld.entry(index(row)?).or_default().push(row.try_get("", "user_id")?);
        }
        let (mut rows, mut runs) = (Vec::new(), HashMap::new());
        for (i, draft, stored) in messages {
            for user in withheld.get(i).into_iter().flatten() {
                let (seq, n) = (signed(stored.seq), signed(stored.n));
                rows.push(json!({"c": hex(draft.chat.0), "u": hex(user.0), "s": seq, "n": n}));
                // Messages come in the order of their numbers.
                let run = runs.entry((draft.chat, *user)).or_insert(Run { newest: n, begins: n, count: 0 });
                if n > run.newest + 1 {
                    run.begins = n;
                }
                run.newest = n;
                run.count += 1;
            }
        }
        if !rows.is_empty() {
            let sql = sql::insert_withheld(self.backend());
            self.conn().execute_raw(self.rows_statement(&sql, &rows, None)).await?;
            let runs: Vec<_> = runs
                .into_iter()
                .map(|((chat, user), run)| {
                    json!({"c": hex(chat.0), "u": hex(user.0), "n": run.newest, "s": run.begins, "k": run.count})
                })
                .collect();
            let sql = sql::advance_withheld(self.backend());
            self.conn().execute_raw(self.rows_statement(&sql, &runs, None)).await?;
        }
        Ok(withheld)
    }

    async fn known(&self, drafts: &[NewMessage]) -> Result<HashMap<usize, (Stored, Vec<u8>)>, StoreError> {
        let wanted: Vec<_> = drafts
            .iter()
            .enumerate()
            .map(|(i, draft)| DraftRow { i, c: Hex(draft.chat.0), u: Hex(draft.sender.0), k: Hex(draft.cid.0) })
            .collect();
        let sql = sql::known(self.backend());
        let found = self.conn().query_all_raw(self.rows_statement(&sql, &wanted, None)).await?;
        found.iter().map(|row| Ok((index(row)?, stored(row)?))).collect()
    }

    /// For each draft (chat, sender, answered message) whether it may be stored; and the heads of the chats, locked until the commit.
    pub(super) async fn gates(
        &self,
        drafts: &[(ChatId, UserId, Option<MessageId>)],
    ) -> Result<(HashMap<usize, Gate>, HashMap<ChatId, Head>), StoreError> {
        // Who writes much is asked about once.
        let mut places: HashMap<_, usize> = HashMap::new();
        let mut wanted = Vec::new();
        for draft in drafts {
            places.entry(*draft).or_insert_with(|| {
                let (chat, sender, reply_to) = draft;
                wanted.push(GateRow {
                    i: wanted.len(),
                    c: Hex(chat.0),
                    u: Hex(sender.0),
                    r: reply_to.map(|id| Hex(id.0)),
                });
                wanted.len() - 1
            });
        }
        let sql = sql::gates(self.backend());
        let found = self.conn().query_all_raw(self.rows_statement(&sql, &wanted, None)).await?;
        let (mut known, mut heads) = (HashMap::new(), HashMap::new());
        for row in &found {
            let at = usize::try_from(row.try_get_by_index::<i64>(0)?).unwrap_or(usize::MAX);
            let head = Head { seq: row.try_get_by_index(2)?, n: row.try_get_by_index(3)? };
            heads.insert(row.try_get_by_index(1)?, head);
            known.insert(at, gate(row, wanted.get(at).is_some_and(|wanted| wanted.r.is_some()))?);
        }
        let of_drafts = drafts.iter().enumerate();
        let gates = of_drafts.filter_map(|(i, draft)| Some((i, *known.get(places.get(draft)?)?))).collect();
        Ok((gates, heads))
    }

    async fn insert_messages(
        &self,
        messages: &[MessageRow<'_>],
        events: &[EventRow],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let sql = sql::insert_messages(self.backend());
        self.conn().execute_raw(self.rows_statement(&sql, messages, Some(now.into()))).await?;
        let sql = sql::insert_events(self.backend());
        self.conn().execute_raw(self.rows_statement(&sql, events, Some(now.into()))).await?;
        Ok(())
    }

    /// Moves members on, never back and never beyond the head; who sent a message has read up to it.
    /// Answers come in the markers' order; None for who is not an active member.
    ///
    /// # Errors
    /// Nothing is moved.
    pub async fn move_markers(
        &mut self,
        markers: &[NewMarker],
        sent: &HashMap<(ChatId, UserId), Stored>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<Marked>>, StoreError> {
        let mut places = self.places(markers).await?;
        let mut moved: HashMap<(ChatId, UserId), (u64, u64, u64)> = places
            .iter()
            .filter(|(_, place)| place.marked.read_moved || place.marked.recv_moved)
            .map(|(key, Place { marked, .. })| (*key, (marked.read, marked.read_n, marked.recv)))
            .collect();
        for (key, stored) in sent {
            let to = moved.entry(*key).or_default();
            *to = (to.0.max(stored.seq), to.1.max(stored.n), to.2.max(stored.seq));
            if let Some(place) = places.get_mut(key) {
                place.pass(stored);
            }
        }
        if !moved.is_empty() {
            let moved: Vec<_> = moved
                .iter()
                .map(|((chat, user), (read, n, recv))| {
                    let (r, n, v) = (signed(*read), signed(*n), signed(*recv));
                    MovedRow { c: Hex(chat.0), u: Hex(user.0), r, n, v }
                })
                .collect();
            let sql = sql::move_members(self.backend());
            self.conn().execute_raw(self.rows_statement(&sql, &moved, Some(now.into()))).await?;
        }
        Ok(markers.iter().map(|marker| places.get_mut(&(marker.chat, marker.user)).map(Place::answer)).collect())
    }

    /// Where the markers of a batch take each member.
    async fn places(&self, markers: &[NewMarker]) -> Result<HashMap<(ChatId, UserId), Place>, StoreError> {
        let mut places: HashMap<(ChatId, UserId), Place> = HashMap::new();
        if markers.is_empty() {
            return Ok(places);
        }
        let wanted: Vec<_> = markers
            .iter()
            .enumerate()
            .map(|(i, marker)| {
                json!({"i": i, "c": hex(marker.chat.0), "u": hex(marker.user.0), "r": signed(marker.read.unwrap_or(0))})
            })
            .collect();
        let sql = sql::markers(self.backend());
        let found = self.conn().query_all_raw(self.rows_statement(&sql, &wanted, None)).await?;
        for row in &found {
            let Some(marker) = markers.get(index(row)?) else { continue };
            let head = unsigned(row.try_get("", "head_seq")?);
            let withheld = unsigned(row.try_get("", "withheld_unread")?);
            let place = match places.entry((marker.chat, marker.user)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(Place {
                    head_n: unsigned(row.try_get("", "head_n")?),
                    withheld,
                    frozen: row.try_get("", "other_blocked")?,
                    marked: Marked {
                        read: unsigned(row.try_get("", "read_seq")?),
                        read_n: unsigned(row.try_get("", "read_n")?),
                        recv: unsigned(row.try_get("", "recv_seq")?),
                        unread: 0,
                        receipts: row.try_get("", "read_receipts")?,
                        read_moved: false,
                        recv_moved: false,
                    },
                }),
            };
            let marked = &mut place.marked;
            let read = if place.frozen { 0 } else { marker.read.unwrap_or(0).min(head) };
            if read > marked.read {
                marked.read = read;
                marked.read_n = marked.read_n.max(unsigned(row.try_get("", "wanted_n")?));
                marked.read_moved = true;
                place.withheld = withheld;
            }
            // What is read is received, but from who hides what they read that would tell it.
            let implied = if marked.receipts { marked.read } else { 0 };
            let recv = marker.recv.min(head).max(implied);
            if recv > marked.recv {
                marked.recv = recv;
                marked.recv_moved = true;
            }
        }
        Ok(places)
    }
}

impl Store {
    /// A message by its sender's own id, with the digest of what was sent.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn message_by_cid(
        &self,
        chat: ChatId,
        sender: UserId,
        cid: ClientMessageId,
    ) -> Result<Option<(Stored, Vec<u8>)>, StoreError> {
        let statement =
            Statement::from_sql_and_values(self.backend(), sql::BY_CLIENT_ID, [chat.into(), sender.into(), cid.into()]);
        self.reader().query_one_raw(statement).await?.as_ref().map(stored).transpose()
    }
}
