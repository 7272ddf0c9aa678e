//! What is told to whom and when, on a clock that the tests turn.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::ids::new_id;

const TERMS: Terms = Terms { typing_ttl: 6_000, typing_pause: 2_000, lease: 60_000, linger: 45_000 };
/// A moment, in milliseconds since the epoch.
const EPOCH: i64 = 1_790_000_000_000;

/// A chat of some people, and who holds a socket.
struct World {
    state: State,
    ms: u64,
    here: HashSet<UserId>,
    people: Vec<UserId>,
    sessions: Vec<SessionId>,
    chat: ChatId,
}

impl World {
    fn of(people: usize) -> Self {
        Self {
            state: State::new(TERMS),
            ms: 1_000_000,
            here: HashSet::new(),
            people: (0..people).map(|_| UserId(new_id())).collect(),
            sessions: (0..people).map(|_| SessionId(new_id())).collect(),
            chat: ChatId(new_id()),
        }
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut State, &Now<'_>) -> T) -> T {
        let here = |user| self.here.contains(&user);
        let wall = EPOCH + i64::try_from(self.ms).unwrap();
        let now = Now { ms: self.ms, wall, here: &here };
        work(&mut self.state, &now)
    }

    /// Socket `conn` of a person; by custom its tens are the person's place.
    fn who(&self, conn: u64) -> Who {
        let place = usize::try_from(conn / 10).unwrap();
        Who { conn: ConnId(conn), user: self.people[place], session: self.sessions[place] }
    }

    fn facts(&self, ghosts: &[usize]) -> RoomFacts {
        let seen = Some(EPOCH - 3 * 24 * 3_600_000);
        let member = |(place, user): (usize, &UserId)| MemberFacts {
            user: *user,
            ghost: ghosts.contains(&place),
            verified: true,
            seen,
        };
        RoomFacts {
            chat: self.chat,
            open: true,
            members: self.people.iter().enumerate().map(member).collect(),
            blocks: vec![],
        }
    }

    fn focus(&mut self, conn: u64) -> FocusedChatWords {
        self.focus_with(conn, &[])
    }

    fn focus_with(&mut self, conn: u64, ghosts: &[usize]) -> FocusedChatWords {
        let (who, facts, chat) = (self.who(conn), self.facts(ghosts), self.chat);
        self.here.insert(who.user);
        let focused = self.with(|state, now| {
            state.enter(facts, now);
            state.focus(who, vec![chat], now).unwrap()
        });
        let focused = focused.chats.into_iter().next().unwrap();
        let words = |presence: &Presence| {
            (self.place(presence.u), serde_json::json!({"s": presence.state, "t": presence.seen}).to_string())
        };
        FocusedChatWords { presence: focused.presence.iter().map(words).collect(), typing: focused.typing.len() }
    }

    fn place(&self, user: UserId) -> usize {
        self.people.iter().position(|held| *held == user).unwrap()
    }

    fn arrive(&mut self, conn: u64, visible: bool) {
        let who = self.who(conn);
        self.here.insert(who.user);
        self.with(|state, now| if visible { state.visible(who, true, now) } else { state.review(who.user, now) });
    }

    fn visible(&mut self, conn: u64, on: bool) {
        let who = self.who(conn);
        self.with(|state, now| state.visible(who, on, now));
    }

    /// A socket ends; `rest` tells whether its person holds another.
    fn end(&mut self, conn: u64, end: End, rest: bool) {
        let who = self.who(conn);
        if !rest {
            self.here.remove(&who.user);
        }
        self.with(|state, now| state.gone(who, end, now));
    }

    fn typing(&mut self, conn: u64, on: bool) -> bool {
        let (who, chat) = (self.who(conn), self.chat);
        self.with(|state, now| state.typing(who, chat, on, now))
    }

    fn change(&mut self, change: Change) {
        self.with(|state, now| state.change(change, now));
    }

    fn pass(&mut self, ms: u64) {
        // Second by second, as the task does it.
        let end = self.ms + ms;
        while self.ms < end {
            self.ms = (self.ms + 1_000).min(end);
            self.with(State::tick);
        }
    }

    /// What was told since the last time: socket, and what of whom.
    fn told(&mut self) -> Vec<(u64, String)> {
        let tells = std::mem::take(&mut self.state.tells);
        let mut told = Vec::new();
        for tell in tells {
            let words = match tell.what {
                What::Typing(d) => format!("{} types {}", self.place(d.u), d.on),
                What::Presence(d) => {
                    format!(
                        "{} is {:?}{}",
                        self.place(d.u),
                        d.state,
                        d.seen.map(|seen| format!(" {seen:?}")).unwrap_or_default()
                    )
                }
            };
            told.extend(tell.to.iter().map(|conn| (conn.0, words.clone())));
        }
        told
    }

    fn block(&mut self, by: usize, of: usize, on: bool) {
        let at = EPOCH + i64::try_from(self.ms).unwrap();
        let (by, of) = (self.people[by], self.people[of]);
        self.change(Change::Block { by, of, on, at });
    }

    fn ghost(&mut self, of: usize, on: bool) {
        let user = self.people[of];
        self.change(Change::Ghost { user, on });
    }
}

#[derive(Debug, PartialEq, Eq)]
struct FocusedChatWords {
    presence: Vec<(usize, String)>,
    typing: usize,
}

fn told(words: &[(u64, &str)]) -> Vec<(u64, String)> {
    words.iter().map(|(conn, words)| (*conn, (*words).to_owned())).collect()
}

#[test]
fn typing_is_told_to_others_who_look_and_ends_by_itself() {
    let mut world = World::of(3);
    assert!(world.typing(10, true), "nobody looks: nothing is held of it");
    assert_eq!(world.state.typists, 0);
    for conn in [0, 1, 10, 20] {
        world.focus(conn);
    }
    world.told();
    world.typing(0, true);
    assert_eq!(world.told(), told(&[(10, "0 types true"), (20, "0 types true")]), "not to one's own other socket");
    assert_eq!(world.focus(11).typing, 1, "whoever comes now is told in the answer");
    world.pass(1_000);
    world.typing(0, true);
    assert_eq!(world.told(), [], "said again too soon");
    world.pass(5_500);
    assert_eq!(world.told(), [], "but it counts");
    world.typing(0, true);
    assert_eq!(world.told().len(), 3);
    world.pass(6_000);
    assert_eq!(world.told(), told(&[(10, "0 types false"), (20, "0 types false"), (11, "0 types false")]));
    assert_eq!((world.state.typists, world.state.deadlines.len()), (0, 0));
}

#[test]
fn typing_ends_with_the_message_the_socket_the_membership_and_the_chat() {
    let mut world = World::of(2);
    world.focus(0);
    world.focus(10);
    let (chat, user) = (world.chat, world.people[0]);
    let ends: [fn(&mut World, ChatId, UserId); 5] = [
        |world, chat, user| world.state.stop_typing(chat, user),
        |world, _, _| assert!(world.typing(0, false)),
        |world, _, user| world.change(Change::Verified { user, on: false }),
        |world, chat, _| world.change(Change::Open { chat, on: false }),
        |world, _, _| world.end(0, End::Lost { ago: 0 }, true),
    ];
    for (at, end) in ends.iter().enumerate() {
        world.change(Change::Verified { user, on: true });
        world.change(Change::Open { chat, on: true });
        assert!(world.typing(0, true));
        world.told();
        end(&mut world, chat, user);
        assert_eq!(world.told(), told(&[(10, "0 types false")]), "{at}");
        assert_eq!(world.state.typists, 0);
    }
    world.change(Change::Open { chat, on: false });
    assert!(!world.typing(0, true), "a closed chat takes no typing");
    world.change(Change::Open { chat, on: true });
    assert!(world.typing(0, true));
    world.told();
    world.change(Change::Left { chat, user });
    assert_eq!(world.told(), told(&[(10, "0 types false")]));
    world.typing(0, true);
    assert_eq!(world.told(), []);
}

#[test]
fn a_lease_runs_out_and_a_renewed_one_does_not() {
    let mut world = World::of(2);
    world.focus(10);
    world.arrive(0, true);
    assert_eq!(world.told(), told(&[(10, "0 is Online")]));
    for _ in 0..4 {
        world.pass(30_000);
        world.visible(0, true);
    }
    assert_eq!(world.told(), []);
    world.pass(60_000);
    assert_eq!(world.told(), told(&[(10, "0 is Away")]));
    world.end(0, End::Left, false);
    assert_eq!(world.told(), told(&[(10, "0 is Offline JustNow")]), "a goodbye ends it at once");
    world.pass(600_000);
    assert_eq!(world.told(), []);
}

#[test]
fn the_best_of_several_devices_counts_and_a_quick_return_is_not_seen() {
    let mut world = World::of(2);
    world.focus(10);
    world.arrive(0, true);
    world.arrive(1, false);
    assert_eq!(world.told(), told(&[(10, "0 is Online")]));
    world.arrive(2, true);
    world.end(0, End::Left, true);
    assert_eq!(world.told(), [], "another device still looks");
    world.visible(2, false);
    assert_eq!(world.told(), told(&[(10, "0 is Away")]));
    world.visible(2, true);
    world.end(1, End::Left, true);
    world.told();
    // The line is cut, and back after half a minute, ten times.
    for conn in [2, 0, 2, 0, 2, 0, 2, 0, 2, 0] {
        world.end(conn, End::Lost { ago: 0 }, false);
        world.pass(30_000);
        world.arrive(2 - conn, true);
    }
    assert_eq!(world.told(), []);
    // Who says goodbye after a return is gone at once: nothing lingers of the lost line.
    world.end(2, End::Left, false);
    assert_eq!(world.told(), told(&[(10, "0 is Offline JustNow")]));
}

#[test]
fn a_lost_line_lingers_from_its_last_sign_of_life() {
    let mut world = World::of(2);
    world.focus(10);
    world.arrive(0, true);
    world.told();
    world.end(0, End::Lost { ago: 25_000 }, false);
    world.pass(19_000);
    assert_eq!(world.told(), []);
    world.pass(1_000);
    assert_eq!(world.told(), told(&[(10, "0 is Offline JustNow")]));
    // A lease that ends before the patience does shows first.
    world.arrive(0, true);
    world.pass(30_000);
    world.told();
    world.end(0, End::Lost { ago: 0 }, false);
    world.pass(30_000);
    assert_eq!(world.told(), told(&[(10, "0 is Away")]));
    world.pass(15_000);
    assert_eq!(world.told(), told(&[(10, "0 is Offline JustNow")]));
}

/// One person turns invisible, the other loses every line: what is told of them is the same, word by word and in time.
#[test]
fn hiding_looks_like_being_lost() {
    for (before, devices) in [(0, 1), (20_000, 1), (40_000, 2), (70_000, 1)] {
        let mut traces = Vec::new();
        for hides in [true, false] {
            let mut world = World::of(2);
            world.focus(10);
            for conn in 0..devices {
                world.arrive(conn, conn == 0);
            }
            world.pass(before);
            let mut trace = vec![world.told()];
            if hides {
                world.ghost(0, true);
            } else {
                for conn in 0..devices {
                    world.end(conn, End::Lost { ago: 0 }, conn + 1 < devices);
                }
            }
            for second in 0..120 {
                if hides && second % 10 == 3 {
                    // Whatever a hidden person does is seen by nobody.
                    world.visible(0, true);
                    world.typing(0, true);
                    world.end(1, End::Lost { ago: 0 }, true);
                    world.arrive(1, true);
                }
                trace.push(world.told());
                world.pass(1_000);
            }
            // Whoever looks anew sees the same, too.
            world.end(10, End::Left, false);
            let seen = world.focus_with(11, if hides { &[0] } else { &[] });
            traces.push((trace, seen));
        }
        assert_eq!(traces[0], traces[1], "{before} ms, {devices} devices");
    }
}

#[test]
fn who_hides_sees_nobody_and_sees_again_afterwards() {
    let mut world = World::of(3);
    world.focus(0);
    world.arrive(10, true);
    world.focus(10);
    world.typing(10, true);
    world.told();
    world.ghost(0, true);
    let mut now = world.told();
    now.retain(|(conn, _)| *conn == 0);
    assert_eq!(now, told(&[(0, "1 types false"), (0, "1 is Offline"), (0, "2 is Offline")]));
    world.typing(10, false);
    world.typing(10, true);
    world.visible(10, false);
    world.end(10, End::Left, false);
    world.told().iter().for_each(|(conn, words)| assert_ne!(*conn, 0, "{words}"));
    assert_eq!(world.focus(1).presence, []);
    world.arrive(10, true);
    world.ghost(0, false);
    let mut now = world.told();
    now.retain(|(conn, _)| *conn == 0);
    assert_eq!(now, told(&[(0, "1 is Online"), (0, "2 is Offline ThisWeek")]));
}

#[test]
fn across_a_block_nobody_hears_of_the_other_and_unblocking_shows_what_is() {
    for blocker in [0, 1] {
        let mut world = World::of(3);
        for conn in [0, 10, 20] {
            world.focus(conn);
            world.arrive(conn, true);
        }
        world.typing(0, true);
        world.typing(10, true);
        world.told();
        world.block(blocker, 1 - blocker, true);
        let mut now = world.told();
        now.sort();
        let both =
            [(0, "1 is Offline JustNow"), (0, "1 types false"), (10, "0 is Offline JustNow"), (10, "0 types false")];
        assert_eq!(now, told(&both));
        // Only the third one is told anything of either.
        world.pass(6_000);
        world.typing(0, true);
        world.typing(10, true);
        world.visible(0, false);
        world.end(10, End::Lost { ago: 0 }, false);
        world.pass(30_000);
        world.focus(10);
        world.visible(10, true);
        for (conn, words) in world.told() {
            assert_eq!(conn, 20, "{words}");
        }
        // Time stands still where the block began: nothing of what came later shows.
        world.pass(20 * 60_000);
        world.visible(0, true);
        world.visible(10, true);
        world.told();
        let of_zero = world.focus(11).presence.into_iter().find(|(place, _)| *place == 0).unwrap().1;
        assert_eq!(of_zero, r#"{"s":"offline","t":"today"}"#);
        world.block(blocker, 1 - blocker, false);
        let mut now = world.told();
        now.sort();
        assert_eq!(now, told(&[(0, "1 is Online"), (10, "0 is Online"), (11, "0 is Online")]));
    }
}

#[test]
fn words_for_times() {
    let ago = |ms| presence::bucket(EPOCH - ms, EPOCH);
    let (minute, day) = (60_000, 24 * 3_600_000);
    assert_eq!([ago(-5), ago(0), ago(10 * minute)], [crate::protocol::live::Seen::JustNow; 3]);
    assert_eq!([ago(10 * minute + 1), ago(day - 1)], [crate::protocol::live::Seen::Today; 2]);
    assert_eq!([ago(day), ago(7 * day - 1)], [crate::protocol::live::Seen::ThisWeek; 2]);
    assert_eq!(ago(7 * day), crate::protocol::live::Seen::LongAgo);
}

proptest! {
    /// Whatever happens in whatever order: when everybody is gone, nothing is left.
    #[test]
    fn nothing_is_left_in_the_end(steps in proptest::collection::vec((0_u8..10, 0_u64..3, 0_u64..3), 0..60)) {
        let mut world = World::of(3);
        let mut open: HashSet<u64> = HashSet::new();
        for (step, person, device) in steps {
            let conn = person * 10 + device;
            let place = usize::try_from(person).unwrap();
            if !open.contains(&conn) {
                world.arrive(conn, step % 2 == 0);
                open.insert(conn);
                continue;
            }
            match step {
                0 => drop(world.focus(conn)),
                1 => {
                    let who = world.who(conn);
                    prop_assert!(world.with(|state, now| state.focus(who, Vec::new(), now)).is_some());
                }
                2 => assert!(world.typing(conn, true)),
                3 => world.visible(conn, device % 2 == 0),
                4 => world.block(place, (place + 1) % 3, device % 2 == 0),
                5 => world.ghost(place, device % 2 == 0),
                6 => world.pass(7_000 * (device + 1)),
                7 => {
                    let (chat, user) = (world.chat, world.people[place]);
                    world.change(Change::Left { chat, user });
                }
                _ => {
                    open.remove(&conn);
                    let rest = open.iter().any(|other| other / 10 == person);
                    world.end(conn, if step == 8 { End::Left } else { End::Lost { ago: device * 20_000 } }, rest);
                }
            }
        }
        for conn in open.clone() {
            open.remove(&conn);
            let rest = open.iter().any(|other| other / 10 == conn / 10);
            world.end(conn, End::Lost { ago: 0 }, rest);
        }
        prop_assert_eq!((world.state.sockets.len(), world.state.rooms.len(), world.state.typists), (0, 0, 0));
        world.pass(45_000);
        prop_assert_eq!((world.state.people.len(), world.state.deadlines.len()), (0, 0));
    }
}
