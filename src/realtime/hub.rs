//! The hub: sharded indexes of sockets by stream, user and session.
//!
//! # Ordering
//! Durable frames of a stream are delivered by one caller, the fan-out task, in commit order. A socket that joins is
//! attached in buffering mode first, then what it missed is read, then it goes live: frames the reading already held are
//! skipped by their number. Each attachment has a generation, so that going live cannot revive one that has been ended.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use dashmap::DashMap;
use tokio::net::tcp::OwnedWriteHalf;

use super::conn::{Conn, ConnId, Identity, Shows};
use super::flusher::Flusher;
use super::outbox::Frame;
use crate::ids::{ChatId, SessionId, UserId};
use crate::protocol::codes::Close;
use crate::telemetry::names;

/// A numbered stream that sockets listen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamId {
    /// What concerns one person.
    User(UserId),
    /// What happens in one chat.
    Chat(ChatId),
}

/// The person holds as many sockets as one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySockets;

/// A numbered frame on its way to all listeners of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The stream.
    pub stream: StreamId,
    /// Its number there.
    pub seq: u64,
    /// The frame.
    pub frame: &'a Frame,
    /// The socket that caused it gets this instead.
    pub ack: Option<(&'a Arc<Conn>, &'a Frame)>,
    /// These people get this instead.
    pub withheld: Option<(&'a [UserId], &'a Frame)>,
}

impl<'a> Delivery<'a> {
    /// The same frame for everybody.
    pub const fn new(stream: StreamId, seq: u64, frame: &'a Frame) -> Self {
        Self { stream, seq, frame, ack: None, withheld: None }
    }

    fn frame_for(&self, conn: &Conn) -> &'a Frame {
        match (self.ack, self.withheld) {
            (Some((origin, ack)), _) if origin.id == conn.id => ack,
            (_, Some((people, instead))) if conn.identity().is_some_and(|identity| people.contains(&identity.user)) => {
                instead
            }
            _ => self.frame,
        }
    }
}

/// How much the hub holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubCounts {
    /// Sockets, connected or not yet.
    pub conns: usize,
    /// People with a socket.
    pub users: usize,
    /// Sessions with a socket.
    pub sessions: usize,
    /// Streams with a listener.
    pub streams: usize,
}

#[derive(Debug)]
struct Attached {
    conn: Arc<Conn>,
    generation: u64,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    /// What arrives waits until the past has been read.
    Buffering(Buffer),
    /// What arrives is pushed; `next` is the number expected.
    Live { next: u64 },
}

#[derive(Debug, Default)]
struct Buffer {
    /// `None` numbers are state frames.
    waiting: Vec<(Option<u64>, Frame)>,
    /// From where it goes live by itself, when somebody else than the joining socket attached it.
    next: Option<u64>,
    /// Numbers up to here exist: who read less than that has lost its position.
    known: u64,
}

/// Sockets by stream, user and session.
#[derive(Debug)]
pub struct Hub {
    conns: DashMap<ConnId, Arc<Conn>>,
    users: DashMap<UserId, Vec<Arc<Conn>>>,
    sessions: DashMap<SessionId, Vec<Arc<Conn>>>,
    streams: DashMap<StreamId, Vec<Attached>>,
    pub(super) flusher: Arc<Flusher>,
    numbers: AtomicU64,
    sockets_per_user_max: usize,
    joining_frames_max: usize,
}

impl Hub {
    /// An empty hub whose sockets are written by `flusher`. A socket that is still joining a stream may have
    /// `joining_frames_max` frames of it waiting; more means that it joins too slowly.
    pub fn new(flusher: Arc<Flusher>, sockets_per_user_max: usize, joining_frames_max: usize) -> Self {
        Self {
            conns: DashMap::new(),
            users: DashMap::new(),
            sessions: DashMap::new(),
            streams: DashMap::new(),
            flusher,
            numbers: AtomicU64::new(1),
            sockets_per_user_max,
            joining_frames_max,
        }
    }

    /// A socket that has just been upgraded; it must be given back with [`Hub::remove`].
    pub fn open(&self, sink: OwnedWriteHalf) -> Arc<Conn> {
        let id = ConnId(self.numbers.fetch_add(1, Ordering::Relaxed));
        let conn = Conn::new(id, sink, Arc::clone(&self.flusher));
        self.conns.insert(id, Arc::clone(&conn));
        names::socket_opened();
        conn
    }

    /// Enters a socket under its person and session, before anything of theirs is read.
    ///
    /// # Errors
    /// The person holds as many sockets as one may; nothing is entered.
    pub fn register(&self, conn: &Arc<Conn>, identity: Identity) -> Result<(), TooManySockets> {
        let streams = lock(conn);
        if streams.is_none() {
            return Ok(());
        }
        {
            let mut held = self.users.entry(identity.user).or_default();
            if held.len() >= self.sockets_per_user_max {
                return Err(TooManySockets);
            }
            held.push(Arc::clone(conn));
        }
        self.sessions.entry(identity.session).or_default().push(Arc::clone(conn));
        conn.identify(identity);
        Ok(())
    }

    /// Moves a socket to another session of its person: what ends the former one no longer ends the socket.
    pub fn move_session(&self, conn: &Arc<Conn>, session: SessionId) {
        let streams = lock(conn);
        let Some(before) = conn.identity().filter(|before| before.session != session && streams.is_some()) else {
            return;
        };
        self.sessions.entry(session).or_default().push(Arc::clone(conn));
        conn.identify(Identity { session, ..before });
        forget(&self.sessions, &before.session, conn.id);
    }

    /// Makes a live attachment buffer again. Returns the generation for [`Hub::go_live`], and the number expected next.
    pub fn hold(&self, conn: &Conn, stream: StreamId) -> Option<(u64, u64)> {
        let generation = self.numbers.fetch_add(1, Ordering::Relaxed);
        let mut attached = self.streams.get_mut(&stream)?;
        let entry = attached.iter_mut().find(|entry| entry.conn.id == conn.id)?;
        let Mode::Live { next } = entry.mode else { return None };
        entry.mode = Mode::Buffering(Buffer::default());
        entry.generation = generation;
        Some((generation, next))
    }

    /// Attaches a socket to a stream in buffering mode. Returns the generation for [`Hub::go_live`], or None when the
    /// socket is attached already (or gone).
    pub fn attach(&self, conn: &Arc<Conn>, stream: StreamId) -> Option<u64> {
        self.attach_as(conn, stream, Mode::Buffering(Buffer::default()))
    }

    fn attach_as(&self, conn: &Arc<Conn>, stream: StreamId, mode: Mode) -> Option<u64> {
        // Lock order everywhere: a socket's streams, then a shard of the map.
        let mut streams = lock(conn);
        if !streams.as_mut()?.insert(stream) {
            return None;
        }
        let generation = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.streams.entry(stream).or_default().push(Attached { conn: Arc::clone(conn), generation, mode });
        Some(generation)
    }

    /// Ends buffering: what arrived meanwhile is pushed, except what was read already (numbers below `next`).
    /// Does nothing when the attachment of this generation has ended; without a generation, any that buffers will do.
    pub fn go_live(&self, conn: &Arc<Conn>, stream: StreamId, generation: Option<u64>, next: u64) {
        let Some(mut attached) = self.streams.get_mut(&stream) else { return };
        let is_meant = |entry: &&mut Attached| {
            entry.conn.id == conn.id && generation.is_none_or(|generation| entry.generation == generation)
        };
        if let Some(entry) = attached.iter_mut().find(is_meant) {
            entry.go_live(next);
        }
    }

    /// Ends buffering in every stream that was attached by [`Hub::attach_user`] while the socket was joining.
    pub fn go_live_rest(&self, conn: &Arc<Conn>) {
        let streams: Vec<StreamId> = lock(conn).iter().flatten().copied().collect();
        for stream in streams {
            let Some(mut attached) = self.streams.get_mut(&stream) else { continue };
            if let Some(entry) = attached.iter_mut().find(|entry| entry.conn.id == conn.id)
                && let Mode::Buffering(Buffer { next: Some(next), .. }) = entry.mode
            {
                entry.go_live(next);
            }
        }
    }

    /// Attaches every socket of a person to a stream, live from `next` on; a socket that is still joining buffers first,
    /// so that nothing overtakes the answer to its `connect`.
    pub fn attach_user(&self, user: UserId, stream: StreamId, next: u64) {
        for conn in self.conns_of(user) {
            let mode = if self.is_live(&conn, StreamId::User(user)) {
                Mode::Live { next }
            } else {
                Mode::Buffering(Buffer { next: Some(next), ..Buffer::default() })
            };
            self.attach_as(&conn, stream, mode);
        }
    }

    fn is_live(&self, conn: &Conn, stream: StreamId) -> bool {
        self.streams.get(&stream).is_some_and(|attached| {
            attached.iter().any(|entry| entry.conn.id == conn.id && matches!(entry.mode, Mode::Live { .. }))
        })
    }

    /// Ends every attachment of a person to a stream.
    pub fn detach_user(&self, user: UserId, stream: StreamId) {
        for conn in self.conns_of(user) {
            self.detach(&conn, stream);
        }
    }

    /// Ends one attachment.
    pub fn detach(&self, conn: &Conn, stream: StreamId) {
        let mut streams = lock(conn);
        if streams.as_mut().is_some_and(|streams| streams.remove(&stream)) {
            self.drop_entry(conn.id, stream);
        }
    }

    fn drop_entry(&self, conn: ConnId, stream: StreamId) {
        if let Some(mut attached) = self.streams.get_mut(&stream) {
            attached.retain(|entry| entry.conn.id != conn);
        }
        self.streams.remove_if(&stream, |_, attached| attached.is_empty());
    }

    /// Takes a socket out of every index; empty streams, users and sessions leave no trace.
    pub fn remove(&self, conn: &Arc<Conn>) {
        let left = lock(conn).take();
        let Some(left) = left else { return };
        for stream in left {
            self.drop_entry(conn.id, stream);
        }
        if let Some(identity) = conn.identity() {
            forget(&self.users, &identity.user, conn.id);
            forget(&self.sessions, &identity.session, conn.id);
        }
        self.conns.remove(&conn.id);
        names::socket_left();
    }

    /// Delivers a numbered frame to all listeners of its stream.
    ///
    /// # Ordering
    /// Called in commit order only. A listener that would see a gap is closed with `position_lost` and resumes.
    pub fn deliver(&self, delivery: Delivery<'_>) {
        let mut acked = false;
        if let Some(mut attached) = self.streams.get_mut(&delivery.stream) {
            for entry in attached.iter_mut() {
                acked |= delivery.ack.is_some_and(|(origin, _)| origin.id == entry.conn.id);
                let frame = delivery.frame_for(&entry.conn);
                entry.offer(Some(delivery.seq), frame, self.joining_frames_max);
            }
        }
        if let (false, Some((origin, ack))) = (acked, delivery.ack) {
            origin.push(ack);
        }
    }

    /// Delivers an unnumbered frame to all listeners of a stream except one; which frame, if any, depends on the socket.
    pub fn signal<'a>(&self, stream: StreamId, except: Option<ConnId>, frame: impl Fn(&Conn) -> Option<&'a Frame>) {
        if let Some(mut attached) = self.streams.get_mut(&stream) {
            for entry in attached.iter_mut().filter(|entry| Some(entry.conn.id) != except) {
                if let Some(frame) = frame(&entry.conn) {
                    entry.offer(None, frame, self.joining_frames_max);
                }
            }
        }
    }

    /// Notes on a person's sockets what they show, as of event `seq` of the person's stream.
    pub fn set_shows(&self, user: UserId, seq: u64, shows: Shows) {
        for conn in self.conns_of(user) {
            conn.set_shows(seq, shows);
        }
    }

    /// Whether a person holds a socket.
    pub fn is_here(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// Whether a socket listens to a stream.
    pub fn is_attached(&self, conn: &Conn, stream: StreamId) -> bool {
        lock(conn).as_ref().is_some_and(|streams| streams.contains(&stream))
    }

    /// Pushes an unnumbered frame of a stream to one socket, if it listens to that stream.
    pub(super) fn push_if_attached(&self, conn: ConnId, stream: StreamId, frame: &Frame) {
        let conn = self.conns.get(&conn).map(|conn| Arc::clone(conn.value()));
        if let Some(conn) = conn.filter(|conn| self.is_attached(conn, stream)) {
            conn.push(frame);
        }
    }

    /// Whether a stream has a listener, so that nobody encodes for nobody.
    pub fn listened(&self, stream: StreamId) -> bool {
        self.streams.contains_key(&stream)
    }

    /// Closes every listener that has not seen everything up to `head`, so that it resumes: used when it is not known
    /// which of a stream's numbers were handed out. One that is joining is closed when it goes live without them.
    pub fn lose_position(&self, stream: StreamId, head: u64) {
        if let Some(mut attached) = self.streams.get_mut(&stream) {
            for entry in attached.iter_mut() {
                match &mut entry.mode {
                    Mode::Live { next } if *next <= head => entry.conn.close(Close::PositionLost),
                    Mode::Live { .. } => {}
                    Mode::Buffering(buffer) => buffer.known = buffer.known.max(head),
                }
            }
        }
    }

    /// The numbers expected next by one socket, where it is live: of its person's own stream, of the chats in `first`, and
    /// of at most `limit` others after leaving out `skip`. With them, how many to leave out the next time, so that all have
    /// their turn.
    pub fn positions(&self, conn: &Conn, first: &[ChatId], skip: usize, limit: usize) -> (Vec<(StreamId, u64)>, usize) {
        let own = conn.identity().map(|identity| StreamId::User(identity.user));
        let held = lock(conn);
        let is_held = |stream: &StreamId| held.as_ref().is_some_and(|held| held.contains(stream));
        let always = own.into_iter().chain(first.iter().copied().map(StreamId::Chat)).filter(is_held);
        let mut streams: Vec<StreamId> = always.collect();
        let others = held.as_ref().map_or(0, HashSet::len).saturating_sub(streams.len());
        let in_turn = held.iter().flatten().copied().filter(|stream| match stream {
            StreamId::Chat(chat) => !first.contains(chat),
            StreamId::User(_) => Some(*stream) != own,
        });
        streams.extend(in_turn.skip(skip).take(limit));
        drop(held);
        let next = if skip + limit < others { skip + limit } else { 0 };
        let positions = streams
            .into_iter()
            .filter_map(|stream| {
                let attached = self.streams.get(&stream)?;
                attached.iter().find(|entry| entry.conn.id == conn.id).and_then(|entry| match entry.mode {
                    Mode::Live { next } => Some((stream, next)),
                    Mode::Buffering(_) => None,
                })
            })
            .collect();
        (positions, next)
    }

    /// Closes every socket of a session.
    pub fn close_session(&self, session: SessionId, close: Close) {
        let held = self.sessions.get(&session).map(|held| held.clone()).unwrap_or_default();
        for conn in held {
            conn.close(close);
        }
    }

    /// Closes every socket of a person.
    pub fn close_user(&self, user: UserId, close: Close) {
        for conn in self.conns_of(user) {
            conn.close(close);
        }
    }

    /// Every socket there is.
    pub fn all(&self) -> Vec<Arc<Conn>> {
        self.conns.iter().map(|entry| Arc::clone(entry.value())).collect()
    }

    /// How much the hub holds.
    pub fn counts(&self) -> HubCounts {
        HubCounts {
            conns: self.conns.len(),
            users: self.users.len(),
            sessions: self.sessions.len(),
            streams: self.streams.len(),
        }
    }

    /// The sockets that listen to a stream.
    pub fn listeners(&self, stream: StreamId) -> Vec<Arc<Conn>> {
        let attached = self.streams.get(&stream);
        attached.map(|attached| attached.iter().map(|entry| Arc::clone(&entry.conn)).collect()).unwrap_or_default()
    }

    /// The sockets of a person.
    pub fn conns_of(&self, user: UserId) -> Vec<Arc<Conn>> {
        self.users.get(&user).map(|held| held.clone()).unwrap_or_default()
    }
}

impl Attached {
    fn offer(&mut self, seq: Option<u64>, frame: &Frame, waiting_max: usize) {
        match (&mut self.mode, seq) {
            (Mode::Buffering(buffer), _) if buffer.waiting.len() >= waiting_max => {
                self.conn.close(Close::PositionLost);
            }
            (Mode::Buffering(buffer), seq) => buffer.waiting.push((seq, frame.clone())),
            (Mode::Live { .. }, Some(seq)) => self.deliver(seq, frame),
            (Mode::Live { .. }, None) => {
                self.conn.push(frame);
            }
        }
    }

    fn go_live(&mut self, next: u64) {
        if matches!(self.mode, Mode::Live { .. }) {
            return;
        }
        let Mode::Buffering(buffer) = std::mem::replace(&mut self.mode, Mode::Live { next }) else { return };
        for (seq, frame) in buffer.waiting {
            match seq {
                Some(seq) => self.deliver(seq, &frame),
                None => {
                    self.conn.push(&frame);
                }
            }
        }
        if matches!(self.mode, Mode::Live { next } if next <= buffer.known) {
            self.conn.close(Close::PositionLost);
        }
    }

    fn deliver(&mut self, seq: u64, frame: &Frame) {
        let Mode::Live { next } = &mut self.mode else { return };
        if seq < *next {
            return;
        }
        if seq > *next {
            self.conn.close(Close::PositionLost);
            return;
        }
        *next = seq + 1;
        self.conn.push(frame);
    }
}

fn lock(conn: &Conn) -> MutexGuard<'_, Option<HashSet<StreamId>>> {
    conn.streams.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forget<K: std::hash::Hash + Eq>(index: &DashMap<K, Vec<Arc<Conn>>>, key: &K, conn: ConnId) {
    if let Some(mut held) = index.get_mut(key) {
        held.retain(|other| other.id != conn);
    }
    index.remove_if(key, |_, held| held.is_empty());
}

#[cfg(test)]
mod tests;
