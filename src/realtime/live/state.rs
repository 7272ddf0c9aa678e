//! The state behind [`super::Live`], without locks, clocks and sockets: who looks at which chat, and who types there.

use std::collections::{BTreeSet, HashMap};

use super::{End, Now, RoomFacts, Tell, Terms, What, Who};
use crate::ids::{ChatId, SessionId, UserId};
use crate::protocol::live::{Focused, FocusedChat, Here, Typing};
use crate::realtime::ConnId;

/// What happens when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Typing(ChatId, UserId),
    Lease(ConnId),
    Linger(UserId),
}

/// A socket that looks at something, or whose person looks at it.
#[derive(Debug)]
pub(super) struct Socket {
    pub user: UserId,
    pub chats: Vec<ChatId>,
    /// Until when its person is believed to look.
    pub lease: Option<u64>,
}

/// A chat that somebody looks at.
#[derive(Debug)]
pub(super) struct Room {
    pub open: bool,
    pub members: Vec<UserId>,
    pub watchers: Vec<ConnId>,
    pub typists: Vec<Typist>,
}

#[derive(Debug)]
pub(super) struct Typist {
    user: UserId,
    conn: ConnId,
    until: u64,
    told: u64,
}

/// Somebody who is in a room, who looks, or who was here a moment ago.
#[derive(Debug, Default)]
pub(super) struct Person {
    pub rooms: Vec<ChatId>,
    pub sockets: Vec<ConnId>,
    pub lingers: Vec<Linger>,
    pub linger_due: Option<u64>,
    /// Known while the person is in a room.
    pub facts: Option<Facts>,
}

/// What stands for a connection that was lost, until it is back or given up.
#[derive(Debug)]
pub(super) struct Linger {
    pub session: SessionId,
    pub visible_until: u64,
    pub until: u64,
}

#[derive(Debug)]
pub(super) struct Facts {
    pub ghost: bool,
    pub verified: bool,
    /// Whom the person has blocked, and since when.
    pub blocked: HashMap<UserId, i64>,
    pub seen: Option<i64>,
    /// What others were told last.
    pub shown: Here,
}

/// See the module.
#[derive(Debug)]
pub(super) struct State {
    pub terms: Terms,
    pub sockets: HashMap<ConnId, Socket>,
    pub rooms: HashMap<ChatId, Room>,
    pub people: HashMap<UserId, Person>,
    pub deadlines: BTreeSet<(u64, Due)>,
    pub tells: Vec<Tell>,
    /// How many type.
    pub typists: usize,
}

impl State {
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            sockets: HashMap::new(),
            rooms: HashMap::new(),
            people: HashMap::new(),
            deadlines: BTreeSet::new(),
            tells: Vec::new(),
            typists: 0,
        }
    }

    /// Enters chats nobody looked at so far. Must be followed by [`State::focus`] with them.
    pub fn enter(&mut self, facts: RoomFacts, now: &Now<'_>) {
        let RoomFacts { chat, open, members, blocks } = facts;
        if self.rooms.contains_key(&chat) {
            return;
        }
        for member in &members {
            let person = self.people.entry(member.user).or_default();
            person.rooms.push(chat);
            let held = person.facts.get_or_insert_with(|| Facts {
                ghost: member.ghost,
                verified: member.verified,
                blocked: HashMap::new(),
                seen: None,
                shown: Here::Offline,
            });
            held.seen = held.seen.max(member.seen);
            if held.ghost {
                // What a hidden person left behind is nobody's business.
                person.lingers.clear();
            }
        }
        for (by, of, since) in blocks {
            if let Some(facts) = self.facts_mut(by) {
                facts.blocked.insert(of, since);
            }
        }
        let members: Vec<UserId> = members.into_iter().map(|member| member.user).collect();
        for user in &members {
            self.schedule_linger(*user, now);
            let present = self.present(*user, now);
            if let Some(facts) = self.facts_mut(*user) {
                facts.shown = present;
            }
        }
        self.rooms.insert(chat, Room { open, members, watchers: Vec::new(), typists: Vec::new() });
    }

    /// Makes these the chats a socket looks at. None when one of them was not entered.
    pub fn focus(&mut self, who: Who, chats: Vec<ChatId>, now: &Now<'_>) -> Option<Focused> {
        if chats.iter().any(|chat| !self.rooms.contains_key(chat)) {
            return None;
        }
        for chat in &chats {
            if let Some(room) = self.rooms.get_mut(chat)
                && !room.watchers.contains(&who.conn)
            {
                room.watchers.push(who.conn);
            }
        }
        let before = std::mem::replace(&mut self.socket(who).chats, chats.clone());
        for chat in before {
            if !chats.contains(&chat) {
                self.unwatch(chat, who.conn);
            }
        }
        self.tidy_socket(who.conn);
        let focused = chats.into_iter().map(|id| self.focused(who.user, id, now)).collect();
        Some(Focused { chats: focused })
    }

    fn focused(&self, viewer: UserId, id: ChatId, now: &Now<'_>) -> FocusedChat {
        let room = self.rooms.get(&id);
        let others = room.iter().flat_map(|room| &room.members).filter(|member| **member != viewer);
        let typists = room.iter().flat_map(|room| &room.typists).map(|typist| typist.user);
        let typists = typists.filter(|typist| *typist != viewer);
        FocusedChat {
            id,
            presence: others.filter_map(|other| self.view(viewer, *other, now)).collect(),
            typing: typists.filter(|typist| self.mutual(viewer, *typist)).collect(),
        }
    }

    /// The entry of a socket, made when there is none.
    pub fn socket(&mut self, who: Who) -> &mut Socket {
        let person = self.people.entry(who.user).or_default();
        if !person.sockets.contains(&who.conn) {
            person.sockets.push(who.conn);
        }
        let fresh = || Socket { user: who.user, chats: Vec::new(), lease: None };
        self.sockets.entry(who.conn).or_insert_with(fresh)
    }

    /// Lets go of a socket that looks at nothing and is not looked at.
    pub fn tidy_socket(&mut self, conn: ConnId) {
        let idle = |socket: &&Socket| socket.chats.is_empty() && socket.lease.is_none();
        let Some(user) = self.sockets.get(&conn).filter(idle).map(|socket| socket.user) else { return };
        self.sockets.remove(&conn);
        if let Some(person) = self.people.get_mut(&user) {
            person.sockets.retain(|held| *held != conn);
        }
        self.tidy(user);
    }

    /// Lets go of somebody of whom nothing needs to be known.
    pub fn tidy(&mut self, user: UserId) {
        let Some(person) = self.people.get_mut(&user) else { return };
        if person.rooms.is_empty() {
            person.facts = None;
            if person.sockets.is_empty() && person.lingers.is_empty() {
                self.people.remove(&user);
            }
        }
    }

    fn unwatch(&mut self, chat: ChatId, conn: ConnId) {
        let Some(room) = self.rooms.get_mut(&chat) else { return };
        room.watchers.retain(|held| *held != conn);
        if !room.watchers.is_empty() {
            return;
        }
        let Some(room) = self.rooms.remove(&chat) else { return };
        for typist in room.typists {
            self.typists = self.typists.saturating_sub(1);
            self.deadlines.remove(&(typist.until, Due::Typing(chat, typist.user)));
        }
        for user in room.members {
            if let Some(person) = self.people.get_mut(&user) {
                person.rooms.retain(|held| *held != chat);
            }
            self.tidy(user);
        }
    }

    /// Somebody types, or stops. False when the chat is closed.
    pub fn typing(&mut self, who: Who, chat: ChatId, on: bool, now: &Now<'_>) -> bool {
        let Some(room) = self.rooms.get_mut(&chat) else { return true };
        if !room.open {
            return false;
        }
        if !on {
            self.stop_typing(chat, who.user);
            return true;
        }
        let may = room.members.contains(&who.user)
            && self.people.get(&who.user).and_then(|person| person.facts.as_ref()).is_some_and(Facts::may_type);
        if !may {
            return true;
        }
        let until = now.ms + self.terms.typing_ttl;
        let due = Due::Typing(chat, who.user);
        let tell = match room.typists.iter_mut().find(|typist| typist.user == who.user) {
            Some(typist) => {
                self.deadlines.remove(&(typist.until, due));
                (typist.until, typist.conn) = (until, who.conn);
                let again = now.ms >= typist.told + self.terms.typing_pause;
                if again {
                    typist.told = now.ms;
                }
                again
            }
            None => {
                room.typists.push(Typist { user: who.user, conn: who.conn, until, told: now.ms });
                self.typists += 1;
                true
            }
        };
        self.deadlines.insert((until, due));
        if tell {
            self.tell_typing(chat, who.user, true);
        }
        true
    }

    /// Somebody types no more in a chat; whoever was told so is told.
    pub fn stop_typing(&mut self, chat: ChatId, user: UserId) {
        let Some(room) = self.rooms.get_mut(&chat) else { return };
        let Some(at) = room.typists.iter().position(|typist| typist.user == user) else { return };
        let typist = room.typists.swap_remove(at);
        self.typists = self.typists.saturating_sub(1);
        self.deadlines.remove(&(typist.until, Due::Typing(chat, user)));
        self.tell_typing(chat, user, false);
    }

    /// Somebody types no more anywhere, or nowhere on this socket.
    pub fn stop_typing_on(&mut self, user: UserId, conn: Option<ConnId>) {
        let rooms = self.people.get(&user).map(|person| person.rooms.clone()).unwrap_or_default();
        for chat in rooms {
            let typists = self.rooms.get(&chat).map(|room| room.typists.as_slice()).unwrap_or_default();
            if typists.iter().any(|it| it.user == user && conn.is_none_or(|conn| it.conn == conn)) {
                self.stop_typing(chat, user);
            }
        }
    }

    fn tell_typing(&mut self, chat: ChatId, user: UserId, on: bool) {
        let to = self.audience(chat, user, |viewer| self.mutual(viewer, user));
        self.tell(to, chat, What::Typing(Typing { u: user, on }));
    }

    /// The sockets of others that look at a chat.
    pub fn audience(&self, chat: ChatId, user: UserId, may: impl Fn(UserId) -> bool) -> Vec<ConnId> {
        let watchers = self.rooms.get(&chat).map(|room| room.watchers.as_slice()).unwrap_or_default();
        let hears =
            |conn: &&ConnId| self.sockets.get(conn).is_some_and(|socket| socket.user != user && may(socket.user));
        watchers.iter().filter(hears).copied().collect()
    }

    pub fn tell(&mut self, to: Vec<ConnId>, chat: ChatId, what: What) {
        if !to.is_empty() {
            self.tells.push(Tell { to, chat, what });
        }
    }

    /// A socket is gone.
    pub fn gone(&mut self, who: Who, end: End, now: &Now<'_>) {
        self.stop_typing_on(who.user, Some(who.conn));
        let lease = match self.sockets.remove(&who.conn) {
            Some(socket) => {
                for chat in socket.chats {
                    self.unwatch(chat, who.conn);
                }
                socket.lease
            }
            None => None,
        };
        if let Some(until) = lease {
            self.deadlines.remove(&(until, Due::Lease(who.conn)));
        }
        if let Some(person) = self.people.get_mut(&who.user) {
            person.sockets.retain(|held| *held != who.conn);
        }
        self.linger(who, lease, end, now);
        self.review(who.user, now);
        self.tidy(who.user);
    }

    /// Does everything whose time has come.
    pub fn tick(&mut self, now: &Now<'_>) {
        while let Some((at, due)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now.ms) {
            self.deadlines.remove(&(at, due));
            match due {
                Due::Typing(chat, user) => self.stop_typing(chat, user),
                Due::Lease(conn) => {
                    let Some(socket) = self.sockets.get_mut(&conn) else { continue };
                    socket.lease = None;
                    let user = socket.user;
                    self.tidy_socket(conn);
                    self.review(user, now);
                }
                Due::Linger(user) => {
                    if let Some(person) = self.people.get_mut(&user) {
                        person.linger_due = None;
                        person.lingers.retain(|linger| linger.until > now.ms);
                    }
                    self.schedule_linger(user, now);
                    self.review(user, now);
                    self.tidy(user);
                }
            }
        }
    }

    pub fn facts(&self, user: UserId) -> Option<&Facts> {
        self.people.get(&user)?.facts.as_ref()
    }

    pub fn facts_mut(&mut self, user: UserId) -> Option<&mut Facts> {
        self.people.get_mut(&user)?.facts.as_mut()
    }

    /// Somebody left a chat, or the chat was closed or opened again.
    pub fn leave(&mut self, chat: ChatId, user: UserId) {
        self.stop_typing(chat, user);
        let Some(room) = self.rooms.get_mut(&chat) else { return };
        room.members.retain(|member| *member != user);
        if let Some(person) = self.people.get_mut(&user) {
            person.rooms.retain(|held| *held != chat);
            for conn in person.sockets.clone() {
                if let Some(socket) = self.sockets.get_mut(&conn) {
                    socket.chats.retain(|held| *held != chat);
                }
                self.unwatch(chat, conn);
                self.tidy_socket(conn);
            }
        }
        self.tidy(user);
    }

    /// Nobody looks at a chat any more, as far as is known here: who does asks again.
    pub fn forget_room(&mut self, chat: ChatId) {
        let watchers = self.rooms.get(&chat).map(|room| room.watchers.clone()).unwrap_or_default();
        for conn in watchers {
            if let Some(socket) = self.sockets.get_mut(&conn) {
                socket.chats.retain(|held| *held != chat);
            }
            self.unwatch(chat, conn);
            self.tidy_socket(conn);
        }
    }

    /// A chat takes messages, or no longer.
    pub fn set_open(&mut self, chat: ChatId, open: bool) {
        let Some(room) = self.rooms.get_mut(&chat) else { return };
        room.open = open;
        let typists: Vec<UserId> = room.typists.iter().filter(|_| !open).map(|typist| typist.user).collect();
        for user in typists {
            self.stop_typing(chat, user);
        }
    }

    /// Who types in the chats a socket looks at, seen by its person.
    pub fn typists_for(&self, conn: ConnId) -> Vec<(ChatId, UserId)> {
        let Some(socket) = self.sockets.get(&conn) else { return Vec::new() };
        let rooms = socket.chats.iter().filter_map(|chat| Some((*chat, self.rooms.get(chat)?)));
        rooms
            .flat_map(|(chat, room)| room.typists.iter().map(move |typist| (chat, typist.user)))
            .filter(|(_, typist)| *typist != socket.user && self.mutual(socket.user, *typist))
            .collect()
    }
}

impl Facts {
    fn may_type(&self) -> bool {
        self.verified && !self.ghost
    }
}
