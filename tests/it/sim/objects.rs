//! The judge objects: a sound history passes, and each way of spoiling it is found. A judge who never objects proves nothing.

use std::time::Duration;

use serde_json::json;

use super::check::{self, Evidence};
use super::diary::{Outcome, Send};
use super::plan::{Cursor, Owner, Place, Plan, Step, What};
use super::run;
use super::truth::Message;
use super::world::World;
use crate::support::client::{Client, Door};

/// Everything that the judge looks at happens here, one after the other.
fn plan() -> Plan {
    let say = |to, count| What::Send { to, size: 3, count };
    let steps = [
        (0, What::Connect(Cursor::True)),
        (1, What::Connect(Cursor::True)),
        (2, What::Connect(Cursor::True)),
        (0, say(Place::Room, 4)),
        (1, say(Place::Room, 2)),
        (0, What::Edit { of: Place::Room, back: 1 }),
        (0, What::Delete { of: Place::Room, back: 2 }),
        (1, What::React { of: Place::Room, back: 0, on: true }),
        (0, What::MakeGroup { group: 0, with: vec![1, 2] }),
        (1, What::Accept(0)),
        (0, What::Rename(0)),
        (1, What::Rename(0)),
        (1, say(Place::Group(0), 2)),
        (2, What::Block(0)),
        (0, say(Place::Room, 2)),
        (1, What::Read { of: Place::Room, back: 0 }),
    ];
    let mut plan = Plan::grow(2);
    plan.devices = (0..3).map(|person| Owner { person, narrow: false }).collect();
    plan.steps = steps.map(|(by, what)| Step { by: Some(by), what, wait: true }).into();
    for bound in [
        &mut plan.bounds.outbox_frames,
        &mut plan.bounds.window_messages,
        &mut plan.bounds.window_chats,
        &mut plan.bounds.in_flight,
    ] {
        *bound = 32;
    }
    plan.bounds.outbox_bytes = 256 * 1024;
    plan.bounds.store_timeout_ms = 5_000;
    plan
}

/// A history, the chats that are of interest in it, and how to spoil it.
struct History {
    evidence: Evidence,
    room: String,
    group: String,
}

impl History {
    fn messages(&mut self) -> &mut std::collections::BTreeMap<u64, Message> {
        &mut self.evidence.truth.chats.get_mut(&self.room).expect("the room").messages
    }

    /// Somebody's word in the room: the number of them that were acknowledged before it is `nth`.
    fn send(&mut self, nth: usize) -> &mut Send {
        let room = self.room.clone();
        self.evidence.diary.sends.iter_mut().filter(|send| send.chat == room).nth(nth).expect("a message")
    }

    fn stored(&mut self, nth: usize) -> &mut Message {
        let n = self.send(nth).stored.as_ref().expect("an answer").n;
        self.messages().get_mut(&n).expect("a row")
    }
}

type Spoil = fn(&mut History);

/// How it is spoilt, and a part of what the judge says of it.
const SPOILT: &[(&str, Spoil, &str)] = &[
    (
        "the newest message is gone, and the chat does not know it",
        |it| {
            let room = it.room.clone();
            let chat = it.evidence.truth.chats.get_mut(&room).expect("the room");
            chat.messages.pop_last();
            chat.events.pop();
            chat.head_seq -= 1;
            chat.head_n -= 1;
        },
        "is lost",
    ),
    (
        "a message is there twice",
        |it| {
            let twin = it.stored(0).clone();
            let n = it.messages().len() as u64 + 1;
            it.messages().insert(n, Message { n, ..twin });
        },
        "is stored 2 times",
    ),
    (
        "two messages have changed places",
        |it| {
            let (one, other) = (it.stored(0).mid.clone(), it.stored(3).mid.clone());
            it.stored(0).mid = other;
            it.stored(3).mid = one;
        },
        "was answered with",
    ),
    (
        "what one socket said stands in another order",
        |it| {
            let first = it.send(0).stored.as_ref().expect("an answer").asked;
            let last = it.send(3).stored.as_ref().expect("an answer").asked;
            it.send(0).stored.as_mut().expect("an answer").asked = last;
            it.send(3).stored.as_mut().expect("an answer").asked = first;
        },
        "another order",
    ),
    (
        "a number is skipped",
        |it| {
            let room = it.room.clone();
            it.evidence.truth.chats.get_mut(&room).expect("the room").events.remove(2);
        },
        "its events up to",
    ),
    (
        "a message was given another number",
        |it| {
            let (last, message) = it.messages().pop_last().expect("a message");
            it.messages().insert(last + 1, message);
        },
        "are not numbered",
    ),
    ("what was refused is stored", |it| it.send(1).outcome = Outcome::Refused(40301), "was refused"),
    ("a message says something else", |it| it.stored(3).text = "anders".into(), "is stored as"),
    ("a message is somebody else's", |it| it.stored(0).user = Some(it.evidence.people[2].clone()), "somebody else's"),
    (
        "somebody never said it",
        |it| {
            it.evidence.diary.sends.remove(0);
        },
        "nobody said",
    ),
    (
        "an answer never came",
        |it| {
            let room = it.room.clone();
            it.send(0).cid = room;
            it.send(0).outcome = Outcome::Unknown;
            it.send(0).ended = None;
        },
        "never answered",
    ),
    ("an edit was lost", |it| it.evidence.diary.changes[0].text = Some("nooit".into()), "no edit said"),
    (
        "two edits made the same revision",
        |it| {
            let twin = it.evidence.diary.changes[0].clone();
            it.evidence.diary.changes.push(twin);
        },
        "and edits",
    ),
    ("a deleted message is there", |it| it.stored(1).deleted = false, "was deleted and is there"),
    ("a message is deleted by nobody", |it| it.evidence.diary.changes.retain(|it| it.text.is_some()), "nobody wished"),
    (
        "a message is hidden from somebody who has blocked nobody",
        |it| {
            let (n, one) = (it.stored(0).n, it.evidence.people[1].clone());
            let room = it.room.clone();
            let chat = it.evidence.truth.chats.get_mut(&room).expect("the room");
            chat.members.get_mut(&one).expect("a member").withheld.insert(n);
        },
        "is hidden from person 1",
    ),
    (
        "a message is shown to somebody who has blocked its author",
        |it| {
            let (room, two) = (it.room.clone(), it.evidence.people[2].clone());
            let chat = it.evidence.truth.chats.get_mut(&room).expect("the room");
            chat.members.get_mut(&two).expect("a member").withheld.clear();
        },
        "is shown to person 2",
    ),
    ("a marker went back", |it| it.evidence.diary.marks[0].read = Some(1_000), "had read 1000"),
    (
        "a group was renamed, and its log does not say so",
        |it| {
            let group = it.group.clone();
            let chat = it.evidence.truth.chats.get_mut(&group).expect("the group");
            chat.events.iter_mut().for_each(|event| event.data["change"] = json!("nothing"));
        },
        "stands nowhere",
    ),
    (
        "a group has a name that was refused",
        |it| {
            let done = it.evidence.diary.groupings.iter_mut().find(|step| step.event.1 == "renamed");
            done.expect("a name").outcome = Outcome::Refused(40300);
        },
        "was refused and stands there",
    ),
    (
        "a device misses an event",
        |it| {
            let (room, view) = (it.room.clone(), &mut it.evidence.views[1]);
            let shown = view.known.chats.get_mut(&room).expect("the room");
            let middle = *shown.events.keys().nth(1).expect("an event");
            shown.events.remove(&middle);
        },
        "holds",
    ),
    (
        "a device has two events in another order",
        |it| {
            let (room, view) = (it.room.clone(), &mut it.evidence.views[1]);
            let shown = view.known.chats.get_mut(&room).expect("the room");
            let [one, other] = [0, 1].map(|nth| *shown.events.keys().rev().nth(nth).expect("an event"));
            let (first, last) = (shown.events[&one].clone(), shown.events[&other].clone());
            shown.events.insert(one, last);
            shown.events.insert(other, first);
        },
        "and should be",
    ),
    (
        "a device is behind",
        |it| {
            let room = it.room.clone();
            it.evidence.views[1].known.chats.get_mut(&room).expect("the room").seq -= 1;
        },
        "the chat at",
    ),
    (
        "a number of unread messages is wrong",
        |it| {
            let room = it.room.clone();
            let facts = &mut it.evidence.views[1].known.chats.get_mut(&room).expect("the room").facts;
            facts["unread"] = json!(facts["unread"].as_u64().expect("a number") + 1);
        },
        "unread are",
    ),
    (
        "a marker is told otherwise",
        |it| {
            let (room, one) = (it.room.clone(), it.evidence.people[0].clone());
            it.evidence.views[1].known.chats.get_mut(&room).expect("the room").markers.insert(one, (1, 1));
        },
        "was told as",
    ),
    (
        "the people of a group are told otherwise",
        |it| {
            let group = it.group.clone();
            let facts = &mut it.evidence.views[0].known.chats.get_mut(&group).expect("the group").facts;
            facts["members"][0]["role"] = json!("king");
        },
        "its people are",
    ),
    (
        "a reaction was not told",
        |it| {
            let (room, view) = (it.room.clone(), &mut it.evidence.views[1]);
            let events = view.known.chats.get_mut(&room).expect("the room").events.values_mut();
            events.for_each(|event| event["d"]["reactions"] = json!(null));
        },
        "were told as",
    ),
    (
        "a chat is not known",
        |it| {
            let room = it.room.clone();
            it.evidence.views[0].known.chats.remove(&room);
        },
        "does not know",
    ),
    (
        "a chat of others is known",
        |it| {
            let group = it.group.clone();
            let told = it.evidence.views[0].known.chats[&group].clone();
            it.evidence.views[2].known.chats.insert(group, told);
        },
        "still knows",
    ),
    ("an own stream ends elsewhere", |it| it.evidence.views[0].known.user_seq += 1, "their own stream"),
    ("an invitation is forgotten", |it| it.evidence.views[0].known.invites.clear(), "invitations"),
    (
        "an own stream has a hole",
        |it| {
            let two = it.evidence.people[0].clone();
            it.evidence.truth.users.get_mut(&two).expect("a person").1.remove(0);
            it.evidence.truth.users.get_mut(&two).expect("a person").0 += 1;
        },
        "their stream up to",
    ),
    ("the store has another life", |it| it.evidence.diary.epochs.push("another".into()), "had 2 lives"),
    ("a client has complained", |it| it.evidence.diary.faults.push("event 5 after 3".into()), "event 5 after 3"),
    ("a task is left", |it| it.evidence.left.push("1 task is left".into()), "1 task is left"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_every_way_of_spoiling_a_history() {
    let (evidence, _) = run::witness(&plan()).await;
    assert_eq!(check::check(&evidence), Vec::<String>::new(), "a sound history");
    let room = evidence.diary.sends[0].chat.clone();
    let made = evidence.diary.groupings.iter().find(|step| step.event.1 == "opened").expect("a group");
    let group = made.chat.clone();
    for (what, spoil, said) in SPOILT {
        let mut history = History { evidence: evidence.clone(), room: room.clone(), group: group.clone() };
        spoil(&mut history);
        let faults = check::check(&history.evidence);
        assert!(faults.iter().any(|fault| fault.contains(said)), "{what}: {faults:#?}");
    }
    println!("{} ways", SPOILT.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_a_socket_that_is_left() {
    let mut world = World::make(&plan().bounds).await.expect("a world");
    let at = world.address.borrow().expect("a server");
    let mut client = Client::knock("left", at, &Door::default()).await.expect("an upgrade");
    client.connect(Some(&world.cast.tokens[0])).await;
    let left = world.empties(Duration::from_millis(20)).await;
    assert!(left.iter().any(|left| left.contains("the hub still holds")), "{left:?}");
    assert!(left.iter().any(|left| left.contains("tasks where there were")), "{left:?}");
    client.leave().await;
    assert_eq!(world.empties(Duration::from_secs(20)).await, Vec::<String>::new());
    world.stop().await.expect("a clean stop");
}
