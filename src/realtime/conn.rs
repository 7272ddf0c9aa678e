//! One socket as the rest of the program sees it.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

use super::flusher::Flusher;
use super::hub::StreamId;
use super::outbox::{Flushed, Frame, Outbox, Push};
use crate::ids::{SessionId, UserId};
use crate::protocol::codes::Close;
use crate::telemetry::names;

/// The number of a socket, unique in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// Whose socket it is: set by `connect`; `refresh` changes the session.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The person.
    pub user: UserId,
    /// The signed-in session.
    pub session: SessionId,
}

/// What a person shows others, and is shown of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shows {
    /// What they have read.
    pub receipts: bool,
    /// They hide: nobody sees whether they are here.
    pub ghost: bool,
}

/// Requests of one socket that wait for the committer.
#[derive(Debug, Default)]
struct InFlight {
    ids: Vec<u64>,
}

/// One socket: its outbox, its identity and the streams it is attached to.
#[derive(Debug)]
pub struct Conn {
    /// Its number.
    pub id: ConnId,
    identity: RwLock<Option<Identity>>,
    outbox: Outbox,
    sink: OwnedWriteHalf,
    flusher: Arc<Flusher>,
    in_flight: Mutex<InFlight>,
    /// What its person shows, and the number of the person's stream it was so at: four times the number, plus one for read
    /// markers, plus two for who hides, so that the later word is the greater number.
    shows: AtomicU64,
    /// Written by the hub under this lock; None once the socket has left the hub.
    pub(super) streams: Mutex<Option<HashSet<StreamId>>>,
    wake: Notify,
    /// It is about to be closed: what it asked is answered, and nothing more is read.
    parting: AtomicBool,
}

impl Conn {
    /// A socket that has been upgraded and has said nothing yet.
    pub fn new(id: ConnId, sink: OwnedWriteHalf, flusher: Arc<Flusher>) -> Arc<Self> {
        Arc::new(Self {
            id,
            identity: RwLock::new(None),
            outbox: Outbox::default(),
            sink,
            flusher,
            in_flight: Mutex::default(),
            shows: AtomicU64::new(0),
            streams: Mutex::new(Some(HashSet::new())),
            wake: Notify::new(),
            parting: AtomicBool::new(false),
        })
    }

    /// Whose socket it is, once connected.
    pub fn identity(&self) -> Option<Identity> {
        *self.identity.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What finds it in the log: its number, and its session once connected.
    pub fn marks(&self) -> (u64, Option<SessionId>) {
        (self.id.0, self.identity().map(|identity| identity.session))
    }

    pub(super) fn identify(&self, identity: Identity) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// Whether its person shows others what they have read, and is shown it.
    pub fn receipts(&self) -> bool {
        self.shows.load(Ordering::Relaxed) & 1 != 0
    }

    /// Whether its person hides: is shown to nobody, and is shown nobody.
    pub fn ghost(&self) -> bool {
        self.shows.load(Ordering::Relaxed) & 2 != 0
    }

    /// Notes what its person shows, as of event `seq` of the person's stream; an older word is ignored.
    pub fn set_shows(&self, seq: u64, shows: Shows) {
        let bits = u64::from(shows.receipts) + 2 * u64::from(shows.ghost);
        self.shows.fetch_max(seq.saturating_mul(4) + bits, Ordering::Relaxed);
    }

    /// Puts a frame in the outbox, never waiting; see [`Outbox::push`].
    pub fn push(self: &Arc<Self>, frame: &Frame) -> Push {
        let push = self.outbox.push(frame, self.flusher.limits(), self.flusher.budget());
        match push {
            Push::Scheduled => self.flusher.schedule(self),
            Push::Overflow => {
                names::outbox_overflow();
                self.wake.notify_one();
            }
            Push::Queued | Push::Dropped | Push::Closed => {}
        }
        push
    }

    /// Closes the socket after what waits has been sent; for a slow consumer, at once.
    pub fn close(&self, close: Close) {
        self.close_with(close, close.name());
    }

    /// Like [`Conn::close`], with a reason of its own.
    pub fn close_with(&self, close: Close, reason: &str) {
        if self.outbox.close(close, reason, self.flusher.budget()) {
            self.wake.notify_one();
        }
    }

    /// Takes no further requests; what it asked is still answered. A close is to follow.
    pub fn part(&self) {
        self.parting.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Whether it takes no further requests.
    pub fn parting(&self) -> bool {
        self.parting.load(Ordering::Relaxed)
    }

    /// Whether nothing that it asked waits for the committer.
    pub fn answered(&self) -> bool {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).ids.is_empty()
    }

    /// Why it is being closed, if it is.
    pub fn closing(&self) -> Option<Close> {
        self.outbox.closing()
    }

    /// Whether it takes nothing more: it is being closed, or the connection is broken.
    pub fn over(&self) -> bool {
        self.outbox.over()
    }

    /// Gives the kernel what waits. Called by the flusher, and by the session's task when the socket was blocked.
    pub fn flush(&self) -> Flushed {
        self.outbox.flush(self.flusher.budget(), |slices| match slices {
            [one] => self.sink.try_write(one),
            many => self.sink.try_write_vectored(many),
        })
    }

    /// Flushes for the flusher: what it cannot finish is handed to the session's task.
    pub(super) fn flush_pass(&self) {
        if self.flush() != Flushed::Empty {
            self.wake.notify_one();
        }
    }

    /// Whether the kernel took no more at the last flush.
    pub fn blocked(&self) -> bool {
        self.outbox.blocked()
    }

    /// Whether the oldest waiting frame is too old.
    pub fn stale(&self) -> bool {
        self.outbox.stale(self.flusher.limits().age_max)
    }

    /// For how long its reader has taken nothing, when the kernel takes no more for it, and how many bytes wait.
    pub fn stalled(&self) -> Option<(Duration, usize)> {
        self.outbox.stalled()
    }

    /// Resolves when the session's task has something to look at: a close, or a socket that takes no more.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Resolves when the kernel takes more.
    ///
    /// # Errors
    /// The socket is broken.
    pub async fn writable(&self) -> io::Result<()> {
        self.sink.writable().await
    }

    /// The raw socket, for its options.
    pub fn socket(&self) -> &TcpStream {
        self.sink.as_ref()
    }

    /// Forgets what waits: the connection is gone.
    pub fn abandon(&self) {
        self.outbox.abandon(self.flusher.budget());
    }

    /// Notes a request that will be answered later. False when its id is in flight already.
    pub fn begin(&self, request: u64, in_flight_max: usize) -> Begin {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if in_flight.ids.contains(&request) {
            return Begin::Duplicate;
        }
        if in_flight.ids.len() >= in_flight_max {
            return Begin::TooMany;
        }
        in_flight.ids.push(request);
        Begin::Begun
    }

    /// Whether a request with this id is still in flight.
    pub fn in_flight(&self, request: u64) -> bool {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).ids.contains(&request)
    }

    /// Notes that a request is being answered.
    pub fn finish(&self, request: u64) {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = in_flight.ids.iter().position(|id| *id == request) {
            in_flight.ids.swap_remove(at);
        }
        if in_flight.ids.is_empty() && in_flight.ids.capacity() > 8 {
            in_flight.ids = Vec::new();
        }
    }
}

/// What became of [`Conn::begin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Noted.
    Begun,
    /// The id is in flight already.
    Duplicate,
    /// As many as may be are in flight.
    TooMany,
}
