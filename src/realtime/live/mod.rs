//! What is live and forgotten: who looks at which chat, who types there, who is here. Nothing of it is stored.
//!
//! One lock around a state that knows neither clocks nor sockets; what it wants told is pushed under the lock, so that the
//! newest word is the last one. Sockets that look at nothing and are not looked at have no entry.

mod presence;
mod state;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::conn::{Conn, ConnId, Identity};
use super::hub::{Hub, StreamId};
use super::outbox::Frame;
use crate::clock::{Clock, Since};
use crate::config::Limits;
use crate::ids::{ChatId, SessionId, UserId};
use crate::protocol::frame;
use crate::protocol::live::{Focused, Presence, Typing};
use crate::protocol::server::{Channel, Signal};
use state::State;

/// Who goes on typing is told again at most so often, for those who missed the first word.
const TYPING_PAUSE: Duration = Duration::from_secs(2);
/// The least pause between two looks at what is over, so that many ends at about the same time are one.
const TICK_MIN: Duration = Duration::from_millis(20);
/// Changes kept while rooms are being read; beyond it what was read is not believed.
const CHANGES_MAX: usize = 4_096;
/// People whose last look waits to be noted; beyond it the newest are forgotten, which costs accuracy only.
const SEEN_MAX: usize = 32_768;

/// How long things last, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Terms {
    typing_ttl: u64,
    typing_pause: u64,
    lease: u64,
    linger: u64,
}

/// How long what is live lasts.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Typing, when nothing more is said.
    pub typing: Duration,
    /// Looking at a socket, when nothing more is said.
    pub lease: Duration,
    /// Somebody whose connection was lost.
    pub linger: Duration,
}

impl Lifetimes {
    /// Those of the configuration.
    pub fn of(limits: &Limits) -> Self {
        Self { typing: limits.typing_ttl, lease: limits.visible_lease, linger: limits.presence_linger }
    }
}

/// What the state is told of the world.
struct Now<'a> {
    /// Milliseconds since the start.
    ms: u64,
    /// Milliseconds since the epoch.
    wall: i64,
    /// Whether somebody holds a socket.
    here: &'a dyn Fn(UserId) -> bool,
}

/// A socket and whose it is.
#[derive(Clone, Copy, Debug)]
struct Who {
    conn: ConnId,
    user: UserId,
    session: SessionId,
}

/// How a socket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It said goodbye, or was sent away for good.
    Left,
    /// It was lost, and gave its last sign of life so long ago.
    Lost {
        /// Milliseconds.
        ago: u64,
    },
}

/// Somebody in a chat, as the store knows them.
#[derive(Clone, Copy, Debug)]
pub struct MemberFacts {
    /// Who.
    pub user: UserId,
    /// They are not to be seen.
    pub ghost: bool,
    /// They may write.
    pub verified: bool,
    /// When they last looked, in milliseconds since the epoch.
    pub seen: Option<i64>,
}

/// A chat as the store knows it.
#[derive(Clone, Debug)]
pub struct RoomFacts {
    /// Which.
    pub chat: ChatId,
    /// It takes messages.
    pub open: bool,
    /// Its active members.
    pub members: Vec<MemberFacts>,
    /// Who of them has blocked whom, and since when, in milliseconds since the epoch.
    pub blocks: Vec<(UserId, UserId, i64)>,
}

/// Something committed that decides what is told.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Somebody hides, or no longer.
    Ghost {
        /// Who.
        user: UserId,
        /// Whether they hide.
        on: bool,
    },
    /// Somebody has blocked somebody, or no longer.
    Block {
        /// Who did it.
        by: UserId,
        /// To whom.
        of: UserId,
        /// Whether it holds.
        on: bool,
        /// When, in milliseconds since the epoch.
        at: i64,
    },
    /// Somebody may write, or no longer.
    Verified {
        /// Who.
        user: UserId,
        /// Whether they may.
        on: bool,
    },
    /// Somebody joined a chat: whoever looks at it asks again who is there.
    Joined {
        /// Which chat.
        chat: ChatId,
    },
    /// Somebody left a chat.
    Left {
        /// Which chat.
        chat: ChatId,
        /// Who.
        user: UserId,
    },
    /// A chat takes messages, or no longer.
    Open {
        /// Which chat.
        chat: ChatId,
        /// Whether it does.
        on: bool,
    },
}

/// What is told to sockets.
#[derive(Debug, PartialEq, Eq)]
enum What {
    Typing(Typing),
    Presence(Presence),
}

#[derive(Debug)]
struct Tell {
    to: Vec<ConnId>,
    chat: ChatId,
    what: What,
}

/// How much is held of what is live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveCounts {
    /// Sockets that look at something or are looked at.
    pub sockets: usize,
    /// Chats that somebody looks at.
    pub rooms: usize,
    /// People who type.
    pub typing: usize,
}

#[derive(Debug)]
struct Held {
    state: State,
    /// What was committed since rooms began to be read.
    changes: Vec<Change>,
    /// Rooms that are being read.
    readers: usize,
    /// When people last looked, not noted in the store yet.
    seen: HashMap<UserId, i64>,
}

/// See the module.
#[derive(Debug)]
pub struct Live {
    hub: Arc<Hub>,
    clock: Clock,
    since: Since,
    held: Mutex<Held>,
    /// How many type: asked with every message, without the lock.
    typists: AtomicUsize,
    wake: Notify,
}

/// Rooms are being read; what is committed meanwhile is kept until this is dropped.
#[derive(Debug)]
pub struct Reading<'a> {
    live: &'a Live,
    from: usize,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut held = self.live.lock();
        held.readers = held.readers.saturating_sub(1);
        if held.readers == 0 {
            held.changes = Vec::new();
        }
    }
}

/// The chats could not be looked at: what was read of them is out of date. Read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

impl Live {
    /// Nobody looks, nobody types; sockets are those of `hub`.
    pub fn new(hub: Arc<Hub>, clock: Clock, lifetimes: Lifetimes) -> Self {
        let terms = Terms {
            typing_ttl: ms(lifetimes.typing),
            typing_pause: ms(TYPING_PAUSE),
            lease: ms(lifetimes.lease),
            linger: ms(lifetimes.linger),
        };
        let held = Held { state: State::new(terms), changes: Vec::new(), readers: 0, seen: HashMap::new() };
        Self {
            hub,
            since: Since::start(clock.clone()),
            clock,
            held: Mutex::new(held),
            typists: AtomicUsize::new(0),
            wake: Notify::new(),
        }
    }

    /// The sockets.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the state, pushes what it wants told, and sees to it that its next deadline is kept.
    fn with<T>(&self, work: impl FnOnce(&mut Held, &Now<'_>) -> T) -> T {
        let here = |user| self.hub.is_here(user);
        let now = Now { ms: ms(self.since.elapsed()), wall: self.clock.now().timestamp_millis(), here: &here };
        let mut held = self.lock();
        let before = held.state.deadlines.first().map(|(at, _)| *at);
        let made = work(&mut held, &now);
        for tell in std::mem::take(&mut held.state.tells) {
            self.say(&tell);
        }
        self.typists.store(held.state.typists, Ordering::Relaxed);
        let after = held.state.deadlines.first().map(|(at, _)| *at);
        drop(held);
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.wake.notify_one();
        }
        made
    }

    fn say(&self, tell: &Tell) {
        let ch = Some(Channel::Chat(tell.chat));
        let bytes = match &tell.what {
            What::Typing(d) => frame::text(&Signal { op: "typing", ch, d }),
            What::Presence(d) => frame::text(&Signal { op: "presence", ch, d }),
        };
        let frame = Frame::signal(bytes);
        for conn in &tell.to {
            self.hub.push_if_attached(*conn, StreamId::Chat(tell.chat), &frame);
        }
    }

    /// Those of the chats that nobody looks at so far: they must be read to be looked at.
    pub fn unknown(&self, chats: &[ChatId]) -> Vec<ChatId> {
        let held = self.lock();
        chats.iter().filter(|chat| !held.state.rooms.contains_key(chat)).copied().collect()
    }

    /// Begins to read rooms; to be held until [`Live::focus`] has what was read.
    pub fn reading(&self) -> Reading<'_> {
        let mut held = self.lock();
        held.readers += 1;
        Reading { live: self, from: held.changes.len() }
    }

    /// Makes these the chats a socket looks at, in the place of those before. `answer` pushes what is so now; whatever
    /// changes afterwards is pushed behind it.
    ///
    /// # Errors
    /// A chat is neither known nor in `read`, or too much happened since the reading began.
    pub fn focus(
        &self,
        conn: &Arc<Conn>,
        chats: Vec<ChatId>,
        read: Vec<RoomFacts>,
        reading: &Reading<'_>,
        answer: impl FnOnce(Focused),
    ) -> Result<(), Stale> {
        let Some(who) = who(conn) else { return Err(Stale) };
        self.with(|held, now| {
            if held.changes.len() >= CHANGES_MAX {
                return Err(Stale);
            }
            let known =
                |chat: &ChatId| held.state.rooms.contains_key(chat) || read.iter().any(|room| room.chat == *chat);
            if !chats.iter().all(known) {
                return Err(Stale);
            }
            for room in read {
                held.state.enter(room, now);
            }
            let focused = held.state.focus(who, chats, now);
            // What was read may be older than this; what was read already is only said once more.
            for change in held.changes.get(reading.from..).unwrap_or_default() {
                held.state.change(*change, now);
            }
            focused.map(answer).ok_or(Stale)
        })
    }

    /// Somebody types in a chat, or stops. False when the chat is closed.
    pub fn typing(&self, conn: &Conn, chat: ChatId, on: bool) -> bool {
        who(conn).is_none_or(|who| self.with(|held, now| held.state.typing(who, chat, on, now)))
    }

    /// A message of somebody is out: they type no more.
    pub fn spoke(&self, chat: ChatId, user: UserId) {
        if self.typists.load(Ordering::Relaxed) > 0 {
            self.with(|held, _| held.state.stop_typing(chat, user));
        }
    }

    /// Somebody looks at a socket, or no longer.
    pub fn visible(&self, conn: &Conn, on: bool) {
        let Some(who) = who(conn) else { return };
        self.with(|held, now| {
            let looked = held.state.sockets.get(&who.conn).is_some_and(|socket| socket.lease.is_some());
            if (on || looked) && !conn.ghost() {
                saw(&mut held.seen, who.user, now.wall);
            }
            held.state.visible(who, on, now);
        });
    }

    /// A socket is connected.
    pub fn here(&self, user: UserId) {
        self.with(|held, now| held.state.review(user, now));
    }

    /// A socket is gone, and out of the hub.
    pub fn gone(&self, conn: &Conn, end: End) {
        let Some(who) = who(conn) else { return };
        self.with(|held, now| {
            let looked = held.state.sockets.get(&who.conn).is_some_and(|socket| socket.lease.is_some());
            if looked && end == End::Left && !conn.ghost() {
                saw(&mut held.seen, who.user, now.wall);
            }
            held.state.gone(who, end, now);
        });
    }

    /// Takes in what was committed, in that order.
    pub fn change(&self, change: Change) {
        self.with(|held, now| {
            if held.readers > 0 && held.changes.len() < CHANGES_MAX {
                held.changes.push(change);
            }
            held.state.change(change, now);
        });
    }

    /// Up to `most` people and when they last looked, to be noted in the store.
    pub fn take_seen(&self, most: usize) -> Vec<(UserId, i64)> {
        let mut held = self.lock();
        let some: Vec<_> = held.seen.iter().take(most).map(|(user, at)| (*user, *at)).collect();
        for (user, _) in &some {
            held.seen.remove(user);
        }
        some
    }

    /// When somebody last looked, where that is not in the store yet.
    pub fn seen(&self, user: UserId) -> Option<i64> {
        self.lock().seen.get(&user).copied()
    }

    /// Does everything whose time has come.
    pub fn tick(&self) {
        self.with(|held, now| held.state.tick(now));
    }

    /// Keeps the deadlines until stopped.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let first = self.lock().state.deadlines.first().map(|(at, _)| *at);
            let rest = first.map(|at| Duration::from_millis(at.saturating_sub(ms(self.since.elapsed()))));
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => continue,
                () = tokio::time::sleep(rest.unwrap_or_default().max(TICK_MIN)), if rest.is_some() => {}
            }
            self.tick();
        }
    }

    /// How much is held.
    pub fn counts(&self) -> LiveCounts {
        let held = self.lock();
        LiveCounts { sockets: held.state.sockets.len(), rooms: held.state.rooms.len(), typing: held.state.typists }
    }
}

fn who(conn: &Conn) -> Option<Who> {
    conn.identity().map(|Identity { user, session }| Who { conn: conn.id, user, session })
}

fn saw(seen: &mut HashMap<UserId, i64>, user: UserId, at: i64) {
    if seen.len() < SEEN_MAX || seen.contains_key(&user) {
        seen.insert(user, at);
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
