//! The judge: holds what clients asked, were answered and were shown against what the database holds, and trusts nobody.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;

use serde_json::{Value, json};

use super::diary::{Diary, Outcome, Send};
use super::truth::{self, Chat, Member, Truth};
use crate::support::mirror::{ChatMirror, Mirror};

/// What somebody knew at the end.
#[derive(Clone, Debug)]
pub struct View {
    pub who: String,
    pub person: usize,
    pub known: Mirror,
    /// Whether they came without knowing anything, and have seen each chat from its beginning.
    pub fresh: bool,
}

/// Everything that is judged.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Ids of the people, by their numbers.
    pub people: Vec<String>,
    /// How many messages of each chat were there before.
    pub before: BTreeMap<String, u64>,
    pub diary: Diary,
    pub truth: Truth,
    pub views: Vec<View>,
    /// What was left when everybody had gone.
    pub left: Vec<String>,
    /// It came to no end, so there is nothing else to judge.
    pub broken_off: bool,
}

impl Evidence {
    /// Of a run that this ended.
    pub fn ended(fault: String) -> Self {
        Self { left: vec![fault], broken_off: true, ..Self::default() }
    }
}

/// The promises that were broken; none when all is well.
pub fn check(evidence: &Evidence) -> Vec<String> {
    let mut judge = Judge { evidence, faults: evidence.diary.faults.clone() };
    judge.faults.extend(evidence.left.iter().cloned());
    if evidence.broken_off {
        return judge.faults;
    }
    judge.store();
    judge.sends();
    judge.changes();
    judge.blocks();
    judge.markers();
    judge.groups();
    for view in &evidence.views {
        judge.view(view);
    }
    let epochs: HashSet<_> = evidence.diary.epochs.iter().collect();
    if epochs.len() > 1 {
        judge.fault("the store", format_args!("had {} lives: {epochs:?}", epochs.len()));
    }
    judge.faults
}

struct Judge<'e> {
    evidence: &'e Evidence,
    faults: Vec<String>,
}

impl Judge<'_> {
    fn fault(&mut self, where_: impl Display, what: impl Display) {
        self.faults.push(format!("{where_}: {what}"));
    }

    /// Every stream is numbered without a hole, and says of itself where it ends.
    fn store(&mut self) {
        for (id, chat) in &self.evidence.truth.chats {
            let seqs = chat.events.iter().map(|event| event.seq);
            if !seqs.clone().eq(chat.base_seq + 1..=chat.head_seq) {
                let seqs: Vec<_> = seqs.collect();
                self.fault(id, format_args!("its events up to {} are {seqs:?}", chat.head_seq));
            }
            let mut n = chat.events.first().map_or(0, |first| first.n - u64::from(first.kind == "message"));
            for event in &chat.events {
                n += u64::from(event.kind == "message");
                let message = chat.messages.get(&n).filter(|message| message.seq == event.seq);
                if event.n != n {
                    self.fault(
                        id,
                        format_args!("event {} stands at message {}, which should be {n}", event.seq, event.n),
                    );
                }
                if event.kind == "message" && message.map(|message| &message.mid) != event.message.as_ref() {
                    self.fault(id, format_args!("event {} is not that of message {n}", event.seq));
                }
            }
            if !chat.messages.keys().copied().eq(1..=chat.head_n) {
                self.fault(
                    id,
                    format_args!("its {} messages are not numbered to {}", chat.messages.len(), chat.head_n),
                );
            }
        }
        for (user, (head, seqs)) in &self.evidence.truth.users {
            let kept = head.saturating_sub(u64::try_from(seqs.len()).expect("few")) + 1..=*head;
            if !seqs.iter().copied().eq(kept) {
                self.fault(user, format_args!("their stream up to {head} holds {seqs:?}"));
            }
        }
    }

    /// Acknowledged is stored, once and as it was said; refused and never said are not.
    fn sends(&mut self) {
        let evidence = self.evidence;
        let mut stored: HashMap<&str, Vec<(&str, &truth::Message)>> = HashMap::new();
        for (id, chat) in &evidence.truth.chats {
            let before = evidence.before.get(id).copied().unwrap_or(0);
            for message in chat.messages.values().filter(|message| message.n > before && message.user.is_some()) {
                stored.entry(message.cid.as_deref().unwrap_or_default()).or_default().push((id, message));
            }
        }
        let mut order: HashMap<(u64, &str), Vec<(u64, u64)>> = HashMap::new();
        for send in &evidence.diary.sends {
            let found = stored.remove(send.cid.as_str()).unwrap_or_default();
            let said = format!("{:?} of person {} in {}", send.text.trim_end_matches('o'), send.person, send.chat);
            match (&send.outcome, found.as_slice()) {
                (_, [_, _, ..]) => self.fault(said, format_args!("is stored {} times", found.len())),
                (Outcome::Done, []) => self.fault(said, "was acknowledged and is lost"),
                (Outcome::Refused(code), [_]) => {
                    self.fault(said, format_args!("was refused with {code} and is stored"))
                }
                (Outcome::Unknown, []) if send.ended.is_none() => self.fault(said, "was never answered"),
                (_, [(chat, message)]) => {
                    if *chat != send.chat || message.user.as_ref() != evidence.people.get(send.person) {
                        self.fault(&said, "is stored elsewhere, or as somebody else's");
                    }
                    if message.rev == 1 && message.text != send.text {
                        self.fault(&said, format_args!("is stored as {:?}", message.text));
                    }
                    if let Some(told) = &send.stored
                        && (&told.mid, told.seq, told.n) != (&message.mid, message.seq, message.n)
                    {
                        self.fault(
                            &said,
                            format_args!("was answered with {told:?} and stands at {} as {}", message.seq, message.n),
                        );
                    }
                }
                _ => {}
            }
            if let Some((asked, (life, request))) = send.stored.as_ref().and_then(|told| Some((told, told.asked?))) {
                order.entry((life, &send.chat)).or_default().push((request, asked.seq));
            }
        }
        for foreign in stored.into_values().flatten() {
            self.fault(foreign.0, format_args!("holds what nobody said: {:?}", foreign.1));
        }
        for ((_, chat), mut told) in order {
            told.sort_unstable();
            if !told.is_sorted_by_key(|(_, seq)| *seq) {
                self.fault(
                    chat,
                    format_args!("one socket's messages stand in another order than it said them: {told:?}"),
                );
            }
        }
    }

    /// What a message says in the end is what its last edit said, and only its author's wishes changed it.
    fn changes(&mut self) {
        let evidence = self.evidence;
        let mut wishes: HashMap<&str, Vec<_>> = HashMap::new();
        for change in &evidence.diary.changes {
            wishes.entry(&change.mid).or_default().push(change);
        }
        for (id, chat) in &evidence.truth.chats {
            for message in chat.messages.values() {
                let wishes = wishes.remove(message.mid.as_str()).unwrap_or_default();
                if wishes.iter().any(|wish| wish.chat != *id && wish.outcome == Outcome::Done) {
                    self.fault(id, format_args!("{} was changed from another chat", message.mid));
                }
                let open = || wishes.iter().filter(|wish| !matches!(wish.outcome, Outcome::Refused(_)));
                let done = || wishes.iter().filter(|wish| wish.outcome == Outcome::Done);
                let mut edits: Vec<_> = done().filter(|wish| wish.text.is_some()).map(|wish| wish.became).collect();
                edits.sort_unstable();
                if edits.windows(2).any(|two| two[0] == two[1]) || edits.iter().any(|rev| *rev > Some(message.rev)) {
                    self.fault(id, format_args!("{} has revision {} and edits {edits:?}", message.mid, message.rev));
                }
                if message.deleted {
                    if open().all(|wish| wish.text.is_some()) || !message.text.is_empty() {
                        self.fault(
                            id,
                            format_args!("{} is deleted, which nobody wished, or still says something", message.mid),
                        );
                    }
                } else if done().any(|wish| wish.text.is_none()) {
                    self.fault(id, format_args!("{} was deleted and is there", message.mid));
                } else if message.rev > 1 {
                    let fits = open().any(|wish| {
                        wish.text.as_ref() == Some(&message.text)
                            && wish.became.map_or(wish.rev + 1 == message.rev, |became| became == message.rev)
                    });
                    if !fits {
                        self.fault(id, format_args!("{} says {:?}, which no edit said", message.mid, message.text));
                    }
                }
            }
        }
        for (mid, wishes) in wishes {
            self.fault(mid, format_args!("was changed {} times and does not exist", wishes.len()));
        }
    }

    /// Who has blocked somebody sees nothing of what they say from then on, and everything otherwise.
    fn blocks(&mut self) {
        let evidence = self.evidence;
        let by_cid: HashMap<&str, &Send> = evidence.diary.sends.iter().map(|send| (send.cid.as_str(), send)).collect();
        for (id, chat) in &evidence.truth.chats {
            for (user, member) in &chat.members {
                let Some(viewer) = evidence.people.iter().position(|one| one == user) else { continue };
                for message in chat.messages.values().filter(|message| message.n > member.joined_n && member.active) {
                    let Some(send) = message.cid.as_deref().and_then(|cid| by_cid.get(cid)) else { continue };
                    let hidden = member.withheld.contains(&message.n);
                    if self.blocked(viewer, send).is_some_and(|blocked| blocked != hidden) {
                        let so = if hidden { "is hidden from" } else { "is shown to" };
                        self.fault(
                            id,
                            format_args!("message {} of person {} {so} person {viewer}", message.n, send.person),
                        );
                    }
                }
            }
        }
    }

    /// Whether somebody had blocked who said this while it was said; none where that cannot be known.
    fn blocked(&self, viewer: usize, send: &Send) -> Option<bool> {
        let ended = send.ended?;
        let mut state = Some(false);
        for block in self.evidence.diary.blocks.iter().filter(|block| (block.by, block.of) == (viewer, send.person)) {
            if block.ended.is_some_and(|over| over < send.begun) {
                state = Some(block.on);
            } else if block.begun < ended {
                return None;
            }
        }
        // Two words about the same that overlap leave it open.
        let mut mine = self.evidence.diary.blocks.iter().filter(|block| (block.by, block.of) == (viewer, send.person));
        let mut last = 0;
        let overlap = mine.any(|block| {
            let overlaps = block.begun < last || block.ended.is_none();
            last = block.ended.unwrap_or(u64::MAX);
            overlaps && block.begun < ended
        });
        if overlap { None } else { state }
    }

    /// Markers never go back.
    fn markers(&mut self) {
        for mark in &self.evidence.diary.marks {
            let member = self.evidence.truth.chats.get(&mark.chat);
            let member = member.and_then(|chat| chat.members.get(self.evidence.people.get(mark.person)?));
            if let (Some(read), Some(member)) = (mark.read, member)
                && member.read_seq < read
            {
                self.fault(
                    &mark.chat,
                    format_args!("person {} had read {read} and now {}", mark.person, member.read_seq),
                );
            }
        }
    }

    /// What was done with a group stands in it, and what was refused does not.
    fn groups(&mut self) {
        for step in &self.evidence.diary.groupings {
            let (kind, change, about) = &step.event;
            let Some(chat) = self.evidence.truth.chats.get(&step.chat).filter(|_| !kind.is_empty()) else { continue };
            let told = chat.events.iter().any(|event| {
                let said = if *kind == "member" { &event.data["u"] } else { &event.data["title"] };
                event.kind == *kind && event.data["change"] == *change && (about.is_empty() || said == about)
            });
            if step.outcome == Outcome::Done && !told {
                self.fault(&step.chat, format_args!("{kind} {change} {about} was done and stands nowhere"));
            }
            if matches!(step.outcome, Outcome::Refused(_)) && *change == "renamed" && told {
                self.fault(&step.chat, format_args!("{kind} {change} {about} was refused and stands there"));
            }
        }
    }

    /// What somebody was shown is what the database holds for them.
    fn view(&mut self, view: &View) {
        let evidence = self.evidence;
        let me = &evidence.people[view.person];
        let (mine, known) = (|chat: &&Chat| chat.members.get(me).is_some_and(|member| member.active), &view.known);
        for (id, chat) in evidence.truth.chats.iter().filter(|(_, chat)| mine(chat)) {
            let member = &chat.members[me];
            match known.chats.get(id) {
                None => self.fault(&view.who, format_args!("does not know {id}")),
                Some(shown) => {
                    let place = format!("{} in {id}", view.who);
                    self.shown(&place, chat, member, shown, view.fresh);
                    let blocked = !chat.group
                        && chat
                            .members
                            .keys()
                            .any(|other| evidence.truth.blocks.contains(&(me.clone(), other.clone())));
                    let unread = if blocked {
                        0
                    } else {
                        chat.messages.keys().filter(|n| **n > member.read_n && !member.withheld.contains(n)).count()
                    };
                    if shown.facts["unread"] != json!(unread) {
                        self.fault(&place, format_args!("{} unread are {unread}", shown.facts["unread"]));
                    }
                }
            }
        }
        for id in known.chats.keys() {
            if !evidence.truth.chats.get(id).is_some_and(|chat| mine(&chat)) {
                self.fault(&view.who, format_args!("still knows {id}"));
            }
        }
        let head = evidence.truth.users.get(me).map_or(0, |(head, _)| *head);
        if known.user_seq != head {
            self.fault(&view.who, format_args!("is at {} of their own stream, which is at {head}", known.user_seq));
        }
        let fresh = evidence.views.iter().find(|other| other.fresh && other.person == view.person);
        let Some(fresh) = fresh else { return };
        if fresh.known.invites != known.invites {
            let (known, shown) = (&known.invites, &fresh.known.invites);
            self.fault(&view.who, format_args!("knows the invitations {known:?}, not {shown:?}"));
        }
        for (id, chat) in &known.chats {
            for (seq, event) in &chat.events {
                let anew = fresh.known.chats.get(id).and_then(|chat| chat.events.get(seq));
                let (known, shown) = (reactions(event), anew.map(reactions).unwrap_or_default());
                if known != shown {
                    let place = format!("{} in {id}", view.who);
                    self.fault(place, format_args!("the reactions to {seq} are {shown:?} and were told as {known:?}"));
                }
            }
        }
    }

    fn shown(&mut self, place: &str, chat: &Chat, member: &Member, shown: &ChatMirror, fresh: bool) {
        if shown.seq != chat.head_seq {
            self.fault(place, format_args!("is at {}, the chat at {}", shown.seq, chat.head_seq));
        }
        let from = member.joined_seq.max(chat.base_seq);
        let wanted: BTreeMap<u64, Value> = chat
            .events
            .iter()
            .filter(|event| event.seq > from)
            .map(|event| (event.seq, expected(chat, member, event, fresh)))
            .collect();
        let first = if fresh { from + 1 } else { shown.events.keys().next().copied().unwrap_or(u64::MAX) };
        let seqs = wanted.keys().filter(|seq| **seq >= first);
        if !shown.events.keys().eq(seqs) {
            self.fault(place, format_args!("holds {:?} of {:?}", shown.events.keys(), wanted.keys()));
        }
        for (seq, event) in &shown.events {
            let found = reduced(event);
            // What was done to a message that is out of sight says so; who was there may have been shown it before that.
            let fits = |wanted: &Value| match (wanted["op"].as_str(), found["op"] == "hidden") {
                (Some("hidden"), true) => wanted["n"] == 0 || wanted["n"] == found["n"],
                (Some("change"), true) => !fresh && (found["n"] == 0 || wanted["n"] == found["n"]),
                _ => *wanted == found,
            };
            if let Some(wanted) = wanted.get(seq).filter(|wanted| !fits(wanted)) {
                self.fault(place, format_args!("event {seq} is {found} and should be {wanted}"));
            }
        }
        let people: BTreeMap<String, Value> = chat
            .members
            .iter()
            .filter(|(_, other)| other.left_seq.is_none_or(|left| other.active || left > member.joined_seq))
            .map(|(user, other)| {
                (json!(user).to_string(), json!([other.role, if other.active { "active" } else { "left" }]))
            })
            .collect();
        let status = if chat.open { "open" } else { "closed" };
        let wanted = json!({"name": chat.name, "status": status, "people": people});
        if shown.membership() != wanted {
            self.fault(place, format_args!("its people are {}, not {wanted}", shown.membership()));
        }
        for (user, other) in chat.members.iter().filter(|(_, other)| other.active) {
            let told = shown.markers.get(user).copied();
            if told != Some((other.read_seq, other.recv_seq)) {
                let is = (other.read_seq, other.recv_seq);
                self.fault(place, format_args!("the marker of {user} is {is:?} and was told as {told:?}"));
            }
        }
    }
}

/// An event as a member must be shown it. What is said of what was done to a message is the message's business: only who
/// comes fresh is held to it.
fn expected(chat: &Chat, member: &Member, event: &truth::Event, fresh: bool) -> Value {
    let hidden = |n: u64| json!({"op": "hidden", "n": n});
    match (event.kind.as_str(), event.about) {
        ("message", _) => {
            let Some(message) = chat.messages.get(&event.n) else { return Value::Null };
            if !member.sees(event.n) {
                return hidden(event.n);
            }
            json!({
                "op": "message", "n": message.n, "mid": message.mid, "u": message.user, "text": message.text,
                "rev": message.rev, "deleted": message.deleted,
            })
        }
        // Who saw a reaction come goes on being told of it, also when they have deleted the message for themself since.
        ("reaction", Some(_)) if fresh && member.unseen.contains(&event.seq) => hidden(0),
        (kind, Some(n)) if fresh && kind != "reaction" && !member.sees(n) => hidden(0),
        (_, Some(n)) => json!({"op": "change", "n": n}),
        (kind, None) => reduced(&json!({"op": kind, "d": event.data})),
    }
}

/// The reactions to a message, in any order.
fn reactions(event: &Value) -> Vec<String> {
    let list = event["d"]["reactions"].as_array().into_iter().flatten();
    let mut list: Vec<String> = list.map(ToString::to_string).collect();
    list.sort_unstable();
    list
}

/// An event reduced to what is compared.
fn reduced(event: &Value) -> Value {
    let d = &event["d"];
    match event["op"].as_str().unwrap_or_default() {
        "message" => json!({
            "op": "message", "n": d["n"], "mid": d["mid"], "u": d["u"], "text": d["text"],
            "rev": d["rev"].as_u64().unwrap_or(1), "deleted": d["deleted"] == true,
        }),
        "hidden" => json!({"op": "hidden", "n": d["n"]}),
        "message.edited" | "message.deleted" | "reaction" => json!({"op": "change", "n": d["n"]}),
        op => json!({"op": op, "change": d["change"], "u": d["u"], "title": d["title"]}),
    }
}
