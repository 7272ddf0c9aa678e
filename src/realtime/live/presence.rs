//! Who is here: leases, what lingers of a lost connection, and what each may see of whom.
//!
//! # Why
//! Somebody hidden, somebody who has blocked and somebody who is not there must look the same, in content and in time.
//! So there is one rule (`view`) that everything told passes, and a hidden person's sockets are treated as lost.

use uuid::Uuid;

use super::state::{Due, Linger, State};
use super::{Change, End, Now, What, Who};
use crate::ids::{ChatId, SessionId, UserId};
use crate::protocol::live::{Here, Presence, Seen, Typing};
use crate::realtime::ConnId;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// What a socket sees of somebody in a chat.
type Sight = (ConnId, ChatId, UserId, Option<Presence>);

/// The coarse word for a time.
pub(super) fn bucket(seen: i64, now: i64) -> Seen {
    match now.saturating_sub(seen) {
        ..=600_000 => Seen::JustNow,
        ago if ago < DAY_MS => Seen::Today,
        ago if ago < 7 * DAY_MS => Seen::ThisWeek,
        _ => Seen::LongAgo,
    }
}

impl State {
    /// What is so of somebody, if nothing hides it.
    pub fn present(&self, user: UserId, now: &Now<'_>) -> Here {
        let person = self.people.get(&user);
        // A hidden person's sockets count as lost: only what was shown before lingers.
        let ghost = self.ghost(user);
        let leased =
            |conn: &ConnId| self.sockets.get(conn).and_then(|socket| socket.lease).is_some_and(|until| until > now.ms);
        let lingers = || person.iter().flat_map(|person| &person.lingers).filter(|linger| linger.until > now.ms);
        if !ghost && person.is_some_and(|person| person.sockets.iter().any(leased))
            || lingers().any(|linger| linger.visible_until > now.ms)
        {
            Here::Online
        } else if !ghost && (now.here)(user) || lingers().next().is_some() {
            Here::Away
        } else {
            Here::Offline
        }
    }

    fn ghost(&self, user: UserId) -> bool {
        self.facts(user).is_some_and(|facts| facts.ghost)
    }

    /// Since when one of two people has blocked the other.
    fn apart(&self, a: UserId, b: UserId) -> Option<i64> {
        let since = |by, of| self.facts(by).and_then(|facts| facts.blocked.get(&of).copied());
        match (since(a, b), since(b, a)) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Whether two people hear of each other's doings.
    pub fn mutual(&self, a: UserId, b: UserId) -> bool {
        !self.ghost(a) && !self.ghost(b) && self.apart(a, b).is_none()
    }

    /// What one person may see of another; nothing for who hides.
    pub fn view(&self, viewer: UserId, other: UserId, now: &Now<'_>) -> Option<Presence> {
        if self.ghost(viewer) {
            return None;
        }
        let facts = self.facts(other)?;
        let apart = self.apart(viewer, other);
        let state = if apart.is_some() { Here::Offline } else { facts.shown };
        // Between two who are apart, time stands still where it stood.
        let seen = facts.seen.map(|seen| apart.map_or(seen, |since| seen.min(since)));
        let seen = seen.filter(|_| state == Here::Offline).map(|seen| bucket(seen, now.wall));
        Some(Presence { u: other, state, seen })
    }

    /// Tells who may know when somebody's presence is not what it was.
    pub fn review(&mut self, user: UserId, now: &Now<'_>) {
        let present = self.present(user, now);
        let Some(facts) = self.facts_mut(user).filter(|facts| facts.shown != present) else { return };
        facts.shown = present;
        let seen = facts.seen.filter(|_| present == Here::Offline).map(|seen| bucket(seen, now.wall));
        let rooms = self.people.get(&user).map(|person| person.rooms.clone()).unwrap_or_default();
        for chat in rooms {
            let to = self.audience(chat, user, |viewer| !self.ghost(viewer) && self.apart(viewer, user).is_none());
            self.tell(to, chat, What::Presence(Presence { u: user, state: present, seen }));
        }
    }

    /// Somebody looks at a socket, or no longer.
    pub fn visible(&mut self, who: Who, on: bool, now: &Now<'_>) {
        let until = on.then_some(now.ms + self.terms.lease);
        let before = std::mem::replace(&mut self.socket(who).lease, until);
        if let Some(before) = before {
            self.deadlines.remove(&(before, Due::Lease(who.conn)));
        }
        if let Some(until) = until {
            self.deadlines.insert((until, Due::Lease(who.conn)));
        } else if !self.ghost(who.user)
            && let Some(person) = self.people.get_mut(&who.user)
        {
            // Whoever looks away on a connection that came back does not look on the one that was lost.
            for linger in person.lingers.iter_mut().filter(|linger| linger.session == who.session) {
                linger.visible_until = 0;
            }
        }
        if (on || before.is_some())
            && let Some(facts) = self.facts_mut(who.user).filter(|facts| !facts.ghost)
        {
            facts.seen = facts.seen.max(Some(now.wall));
        }
        self.tidy_socket(who.conn);
        self.review(who.user, now);
    }

    /// What stays of a socket that is gone: nothing after a goodbye, its person for a while after a loss.
    pub fn linger(&mut self, who: Who, lease: Option<u64>, end: End, now: &Now<'_>) {
        if self.ghost(who.user) {
            return;
        }
        match end {
            End::Left => {
                if let Some(person) = self.people.get_mut(&who.user) {
                    person.lingers.retain(|linger| linger.session != who.session);
                }
                if lease.is_some()
                    && let Some(facts) = self.facts_mut(who.user)
                {
                    facts.seen = facts.seen.max(Some(now.wall));
                }
            }
            End::Lost { ago } => {
                let until = now.ms.saturating_add(self.terms.linger).saturating_sub(ago);
                // Who was not looking and is not looked at leaves nothing.
                if until > now.ms && (lease.is_some() || self.facts(who.user).is_some()) {
                    self.keep_linger(
                        who.user,
                        Linger { session: who.session, visible_until: lease.unwrap_or(0), until },
                    );
                }
            }
        }
        self.schedule_linger(who.user, now);
    }

    fn keep_linger(&mut self, user: UserId, linger: Linger) {
        let held = &mut self.people.entry(user).or_default().lingers;
        match held.iter_mut().find(|held| held.session == linger.session) {
            Some(held) => {
                held.until = held.until.max(linger.until);
                held.visible_until = held.visible_until.max(linger.visible_until);
            }
            None => held.push(linger),
        }
    }

    /// Sees to it that somebody is looked at again when what lingers of them changes.
    pub fn schedule_linger(&mut self, user: UserId, now: &Now<'_>) {
        let Some(person) = self.people.get_mut(&user) else { return };
        if let Some(due) = person.linger_due.take() {
            self.deadlines.remove(&(due, Due::Linger(user)));
        }
        let times = person.lingers.iter().flat_map(|linger| [linger.visible_until, linger.until]);
        if let Some(due) = times.filter(|at| *at > now.ms).min() {
            person.linger_due = Some(due);
            self.deadlines.insert((due, Due::Linger(user)));
        }
    }

    /// Takes in what was committed.
    pub fn change(&mut self, change: Change, now: &Now<'_>) {
        match change {
            Change::Ghost { user, on } => self.set_ghost(user, on, now),
            Change::Block { by, of, on, at } => self.set_block((by, of), on.then_some(at), now),
            Change::Verified { user, on } => {
                if let Some(facts) = self.facts_mut(user) {
                    facts.verified = on;
                }
                if !on {
                    self.stop_typing_on(user, None);
                }
            }
            Change::Joined { chat } => self.forget_room(chat),
            Change::Left { chat, user } => self.leave(chat, user),
            Change::Open { chat, on } => self.set_open(chat, on),
        }
    }

    fn set_ghost(&mut self, user: UserId, on: bool, now: &Now<'_>) {
        if self.facts(user).is_none_or(|facts| facts.ghost == on) {
            return;
        }
        let before = self.sights(user, None, now);
        self.hush(user, None);
        self.stop_typing_on(user, None);
        let sockets = self.people.get(&user).map(|person| person.sockets.clone()).unwrap_or_default();
        let lease = sockets.iter().filter_map(|conn| self.sockets.get(conn)?.lease).max();
        if on {
            // For others it is as if every connection were lost now.
            if (now.here)(user) {
                let until = now.ms + self.terms.linger;
                let session = SessionId(Uuid::nil());
                self.keep_linger(user, Linger { session, visible_until: lease.unwrap_or(0), until });
            }
        } else if let Some(person) = self.people.get_mut(&user) {
            person.lingers.clear();
        }
        if let Some(facts) = self.facts_mut(user) {
            facts.ghost = on;
            if !on && lease.is_some() {
                facts.seen = facts.seen.max(Some(now.wall));
            }
        }
        self.schedule_linger(user, now);
        self.review(user, now);
        self.compare(&before, now);
    }

    fn set_block(&mut self, (by, of): (UserId, UserId), since: Option<i64>, now: &Now<'_>) {
        if self.facts(by).is_none() {
            return;
        }
        let mut before = self.sights(by, Some(of), now);
        before.extend(self.sights(of, Some(by), now));
        if since.is_some() {
            self.hush(by, Some(of));
            self.hush(of, Some(by));
        }
        if let Some(facts) = self.facts_mut(by) {
            match since {
                Some(since) => facts.blocked.insert(of, since),
                None => facts.blocked.remove(&of),
            };
        }
        self.compare(&before, now);
    }

    /// Tells a person's sockets that nobody types, or that one of them does not: they will hear no more of it.
    fn hush(&mut self, viewer: UserId, of: Option<UserId>) {
        let sockets = self.people.get(&viewer).map(|person| person.sockets.clone()).unwrap_or_default();
        for conn in sockets {
            for (chat, typist) in self.typists_for(conn) {
                if of.is_none_or(|of| of == typist) {
                    self.tell(vec![conn], chat, What::Typing(Typing { u: typist, on: false }));
                }
            }
        }
    }

    /// What the sockets of a person see of others, or of one of them.
    fn sights(&self, viewer: UserId, of: Option<UserId>, now: &Now<'_>) -> Vec<Sight> {
        let mut seen = Vec::new();
        for conn in self.people.get(&viewer).iter().flat_map(|person| &person.sockets) {
            for chat in self.sockets.get(conn).iter().flat_map(|socket| &socket.chats) {
                let members = self.rooms.get(chat).map(|room| room.members.as_slice()).unwrap_or_default();
                for other in members.iter().filter(|other| **other != viewer && of.is_none_or(|of| of == **other)) {
                    seen.push((*conn, *chat, *other, self.view(viewer, *other, now)));
                }
            }
        }
        seen
    }

    /// Tells sockets what they see otherwise than before.
    fn compare(&mut self, before: &[Sight], now: &Now<'_>) {
        for (conn, chat, other, before) in before {
            let Some(viewer) = self.sockets.get(conn).map(|socket| socket.user) else { continue };
            let nothing = Presence { u: *other, state: Here::Offline, seen: None };
            let (was, is) = (before.unwrap_or(nothing), self.view(viewer, *other, now).unwrap_or(nothing));
            if was != is {
                self.tell(vec![*conn], *chat, What::Presence(is));
            }
        }
    }
}
