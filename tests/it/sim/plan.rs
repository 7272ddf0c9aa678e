//! What shall happen: a plan grows from its seed alone, can be written down, read again, and made shorter.

use serde::{Deserialize, Serialize};

use super::world::PEOPLE;
use crate::support::chance::Chance;

/// Everything that a run needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub seed: u64,
    pub devices: Vec<Owner>,
    pub bounds: Bounds,
    pub steps: Vec<Step>,
}

/// Whose a device is, and how it is connected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    pub person: usize,
    /// Little fits on the way to it.
    pub narrow: bool,
}

/// Bounds of the server, small where something is to happen at them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    pub window_messages: usize,
    pub window_chats: usize,
    pub resume_events: usize,
    pub resume_total: usize,
    pub history_page: usize,
    pub user_events: usize,
    pub joining_frames: usize,
    pub outbox_frames: usize,
    pub outbox_bytes: usize,
    pub commit_batch: usize,
    pub commit_queue: usize,
    pub fanout_queue: usize,
    pub in_flight: usize,
    pub store_timeout_ms: u64,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The device that does it; none: it happens to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<usize>,
    pub what: What,
    /// What follows waits until this is over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wait: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A chat, as whoever acts sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The one with everybody in it.
    Room,
    /// The one with this person.
    With(usize),
    /// The group that was made with this number.
    Group(usize),
}

/// What a client says it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// What it knows.
    True,
    /// So many events less than it knows, of every stream.
    Stale(u64),
    /// What it knows, of another life of the store.
    WrongEpoch,
    /// More than there is.
    Ahead,
    /// Nothing.
    Nothing,
}

/// Whose sockets are sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    All,
    Person(usize),
    Room,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    // ------------------------------ a device
    /// Ends its socket, if there is one, and comes back with this.
    Connect(Cursor),
    /// Says goodbye.
    Leave,
    /// Its line is cut.
    Cut,
    /// Reads nothing any more until it wakes or waits for something.
    Stall,
    Wake,
    /// Does nothing at all for so many milliseconds, then asks whether the server is there.
    Sleep(u64),
    Send {
        to: Place,
        size: usize,
        /// How many, one right after the other.
        count: usize,
    },
    /// Edits one of the person's own messages: the newest is 0.
    Edit {
        of: Place,
        back: usize,
    },
    Delete {
        of: Place,
        back: usize,
    },
    /// Reacts to a message of anybody, or does so no longer.
    React {
        of: Place,
        back: usize,
        on: bool,
    },
    /// Takes a message of anybody out of one's own sight.
    Erase {
        of: Place,
        back: usize,
    },
    Read {
        of: Place,
        back: u64,
    },
    Receive {
        of: Place,
    },
    /// Has seen the news that came so many events ago, or everything up to it.
    Notice {
        back: u64,
        all: bool,
    },
    Typing {
        of: Place,
        on: bool,
    },
    Focus {
        of: Place,
    },
    Sync {
        of: Place,
    },
    Block(usize),
    Unblock(usize),
    MakeGroup {
        group: usize,
        with: Vec<usize>,
    },
    Invite {
        group: usize,
        who: usize,
    },
    Accept(usize),
    Decline(usize),
    LeaveGroup(usize),
    Remove {
        group: usize,
        who: usize,
    },
    Transfer {
        group: usize,
        who: usize,
    },
    Rename(usize),
    // ------------------------------ the server
    /// Stops in order, and starts again.
    Stop,
    /// Ends in the middle of whatever it does, and starts again after so many milliseconds.
    Kill {
        down_ms: u64,
    },
    DiskFull,
    DiskFree,
    /// Somebody's tool holds the database.
    Lock,
    Unlock,
    SendAway(Whose),
    /// Nothing new happens for so many milliseconds.
    Pause(u64),
}

impl What {
    /// What it is called in the counts.
    pub fn name(&self) -> String {
        match self {
            Self::Connect(Cursor::Stale(_)) => "connect stale".into(),
            Self::Connect(cursor) => format!("connect {cursor:?}").to_lowercase(),
            Self::SendAway(Whose::Person(_)) => "send away person".into(),
            Self::SendAway(whose) => format!("send away {whose:?}").to_lowercase(),
            other => {
                let said = format!("{other:?}");
                let end = said.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(said.len());
                said[..end].to_lowercase()
            }
        }
    }
}

/// Every kind of step there is: a run in which one never happened has not tried what it is for.
pub const KINDS: &[&str] = &[
    "connect true",
    "connect stale",
    "connect wrongepoch",
    "connect ahead",
    "connect nothing",
    "leave",
    "cut",
    "stall",
    "wake",
    "sleep",
    "send",
    "edit",
    "delete",
    "react",
    "erase",
    "read",
    "notice",
    "receive",
    "typing",
    "focus",
    "sync",
    "block",
    "unblock",
    "makegroup",
    "invite",
    "accept",
    "decline",
    "leavegroup",
    "remove",
    "transfer",
    "rename",
    "stop",
    "kill",
    "diskfull",
    "diskfree",
    "lock",
    "unlock",
    "send away all",
    "send away person",
    "send away room",
    "pause",
];

/// Groups of one plan.
const GROUPS: u64 = 3;

impl Plan {
    /// The plan of a seed, always the same.
    pub fn grow(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let people = count(&mut chance, 2, PEOPLE + 1);
        let mut devices: Vec<Owner> = (0..people).map(|person| Owner { person, narrow: false }).collect();
        for _ in 0..chance.within(0, 4) {
            devices.push(Owner { person: count(&mut chance, 0, people), narrow: false });
        }
        let bounds = Bounds::grow(&mut chance);
        let mut grower = Grower { chance, people, devices, steps: Vec::new(), groups: 0, full: false, locked: false };
        let length = grower.chance.within(20, 90);
        // One plan in eighty is about a reader who does not keep up; it moves megabytes.
        if seed % 80 == 7 {
            grower.slow_reader();
        }
        for _ in 0..length {
            grower.grow();
        }
        Self { seed, devices: grower.devices, bounds, steps: grower.steps }
    }

    /// The same plan without some of its steps.
    pub fn without(&self, from: usize, to: usize) -> Self {
        let mut shorter = self.clone();
        shorter.steps.drain(from..to);
        shorter
    }
}

impl Bounds {
    fn grow(chance: &mut Chance) -> Self {
        let mut pick = |tight: &[usize], usual: usize| if chance.once_in(2) { *chance.pick(tight) } else { usual };
        Self {
            window_messages: pick(&[1, 3, 6], 20),
            window_chats: pick(&[1, 3], 50),
            resume_events: pick(&[1, 4, 10], 500),
            resume_total: pick(&[3, 15], 1_000),
            history_page: pick(&[1, 2, 7], 100),
            user_events: pick(&[1, 3], 200),
            joining_frames: pick(&[16, 32], 1_024),
            outbox_frames: pick(&[16, 24], 1_024),
            outbox_bytes: pick(&[16 * 1024], 256 * 1024),
            commit_batch: pick(&[1, 3], 500),
            commit_queue: pick(&[8, 32], 4_096),
            fanout_queue: pick(&[1, 2], 64),
            in_flight: pick(&[2, 8], 32),
            store_timeout_ms: pick(&[120], 400).try_into().expect("a small number"),
        }
    }
}

fn count(chance: &mut Chance, from: usize, to: usize) -> usize {
    let number = chance.within(from.try_into().expect("small"), to.try_into().expect("small"));
    number.try_into().expect("small")
}

/// A plan while it grows.
struct Grower {
    chance: Chance,
    people: usize,
    devices: Vec<Owner>,
    steps: Vec<Step>,
    groups: u64,
    full: bool,
    locked: bool,
}

impl Grower {
    fn step(&mut self, by: Option<usize>, what: What, wait: bool) {
        self.steps.push(Step { by, what, wait });
    }

    fn person_but(&mut self, not: usize) -> usize {
        let other = count(&mut self.chance, 0, self.people - 1);
        if other >= not { other + 1 } else { other }
    }

    fn place(&mut self, person: usize) -> Place {
        match self.chance.within(0, 10) {
            0..=3 => Place::Room,
            4..=6 => Place::With(self.person_but(person)),
            _ if self.groups > 0 => Place::Group(self.group()),
            _ => Place::Room,
        }
    }

    fn group(&mut self) -> usize {
        count(&mut self.chance, 0, usize::try_from(self.groups.max(1)).expect("small"))
    }

    fn grow(&mut self) {
        if self.chance.once_in(6) {
            self.happen();
        } else {
            let device = count(&mut self.chance, 0, self.devices.len());
            let what = self.act(self.devices[device].person);
            let wait = self.chance.once_in(4);
            self.step(Some(device), what, wait);
        }
    }

    fn act(&mut self, person: usize) -> What {
        match self.chance.within(0, 100) {
            0..=29 => {
                let to = self.place(person);
                let count = match self.chance.within(0, 10) {
                    0 => self.chance.within(10, 45),
                    1..=3 => self.chance.within(2, 8),
                    _ => 1,
                };
                let size = if self.chance.once_in(12) { 3_900 } else { self.chance.within(1, 80) };
                What::Send { to, size: size.try_into().expect("small"), count: count.try_into().expect("small") }
            }
            30..=32 => {
                What::React { of: self.place(person), back: count(&mut self.chance, 0, 5), on: !self.chance.once_in(3) }
            }
            33 => What::Erase { of: self.place(person), back: count(&mut self.chance, 0, 5) },
            34..=40 => What::Edit { of: self.place(person), back: count(&mut self.chance, 0, 6) },
            41..=45 => What::Delete { of: self.place(person), back: count(&mut self.chance, 0, 6) },
            46 => What::Notice { back: self.chance.within(0, 6), all: self.chance.once_in(3) },
            47..=51 => What::Read { of: self.place(person), back: self.chance.within(0, 4) },
            52..=53 => What::Receive { of: self.place(person) },
            54..=55 => What::Typing { of: self.place(person), on: self.chance.once_in(2) },
            56..=57 => What::Focus { of: self.place(person) },
            58..=59 => What::Sync { of: self.place(person) },
            60..=64 => What::Connect(Cursor::True),
            65..=67 => What::Connect(Cursor::Stale(self.chance.within(1, 12))),
            68 => What::Connect(Cursor::WrongEpoch),
            69 => What::Connect(Cursor::Ahead),
            70 => What::Connect(Cursor::Nothing),
            71..=72 => What::Leave,
            73..=75 => What::Cut,
            76..=77 => What::Stall,
            78 => What::Wake,
            79 => What::Sleep(self.chance.within(1, 15)),
            80..=82 => What::Block(self.person_but(person)),
            83..=84 => What::Unblock(self.person_but(person)),
            _ => self.together(person),
        }
    }

    /// Something with a group.
    fn together(&mut self, person: usize) -> What {
        if self.groups == 0 || (self.groups < GROUPS && self.chance.once_in(5)) {
            let group = usize::try_from(self.groups).expect("small");
            self.groups += 1;
            let mut with = vec![self.person_but(person)];
            let another = self.person_but(person);
            if self.chance.once_in(2) && !with.contains(&another) {
                with.push(another);
            }
            return What::MakeGroup { group, with };
        }
        let group = self.group();
        match self.chance.within(0, 15) {
            0..=1 => What::Invite { group, who: self.person_but(person) },
            2..=7 => What::Accept(group),
            8 => What::Decline(group),
            9..=10 => What::LeaveGroup(group),
            11 => What::Remove { group, who: self.person_but(person) },
            12 => What::Transfer { group, who: self.person_but(person) },
            _ => What::Rename(group),
        }
    }

    /// Something with the server.
    fn happen(&mut self) {
        let what = match self.chance.within(0, 20) {
            0..=3 => What::Kill { down_ms: self.chance.within(0, 8) },
            4..=5 => What::Stop,
            6..=8 => {
                self.full = !self.full;
                if self.full { What::DiskFull } else { What::DiskFree }
            }
            9..=11 => {
                self.locked = !self.locked;
                if self.locked { What::Lock } else { What::Unlock }
            }
            12 => What::SendAway(Whose::All),
            13 => What::SendAway(Whose::Person(count(&mut self.chance, 0, self.people))),
            14 => What::SendAway(Whose::Room),
            _ => What::Pause(self.chance.within(1, 6)),
        };
        let fault = matches!(what, What::DiskFull | What::Lock);
        self.step(None, what, false);
        if fault {
            // Nothing is tried by a fault that nobody meets.
            for _ in 0..self.chance.within(2, 6) {
                let device = count(&mut self.chance, 0, self.devices.len());
                let what = self.act(self.devices[device].person);
                self.step(Some(device), what, false);
            }
            // Sometimes longer than the store's patience.
            let lasts = if self.chance.once_in(5) { self.chance.within(130, 220) } else { self.chance.within(1, 25) };
            let over = if self.full { What::DiskFree } else { What::Unlock };
            self.step(None, What::Pause(lasts), false);
            self.step(None, over, false);
            (self.full, self.locked) = (false, false);
        }
    }

    /// Somebody reads nothing while others say more than fits on the way.
    fn slow_reader(&mut self) {
        let slow = self.devices.len();
        self.devices.push(Owner { person: 0, narrow: true });
        self.step(Some(slow), What::Connect(Cursor::True), true);
        self.step(Some(slow), What::Stall, false);
        for _ in 0..28 {
            self.step(Some(1), What::Send { to: Place::Room, size: 3_900, count: 30 }, true);
        }
    }
}

#[test]
fn a_seed_gives_the_same_plan_and_a_plan_can_be_read_again() {
    for seed in 0..50 {
        let plan = Plan::grow(seed);
        assert_eq!(plan, Plan::grow(seed));
        let written = serde_json::to_string(&plan).expect("JSON");
        assert_eq!(serde_json::from_str::<Plan>(&written).expect("a plan"), plan);
    }
    assert_ne!(Plan::grow(1).steps, Plan::grow(2).steps);
}

#[test]
fn every_kind_of_step_grows_and_is_named() {
    let grown: std::collections::BTreeSet<String> =
        (0..200).flat_map(|seed| Plan::grow(seed).steps).map(|step| step.what.name()).collect();
    assert_eq!(grown.iter().map(String::as_str).collect::<Vec<_>>(), {
        let mut kinds = KINDS.to_vec();
        kinds.sort_unstable();
        kinds
    });
}
