//! Who talked with whom, about what and when: five weeks of chats that end at the present.

use chrono::{DateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Europe::Amsterdam;
use sha2::{Digest, Sha256};

use crate::ids::{ChatId, ClientMessageId, MessageId, UserId};
use crate::store::seed::{SeedChat, SeedMessage, SeedUser};

use super::dice::Dice;
use super::people::{BORN_MS, World};
use super::talk::{Dialogue, Kind, Slots, Tongue, corpus};

/// How far back the history goes.
const DAYS: i64 = 35;
/// Chats of two besides the leads' own.
const LEAD_CHATS: usize = 11;
const OTHER_CHATS: usize = 47;
/// Chats in which something waits for a lead to be read.
const LEAD_UNREAD: usize = 4;
/// Length of the long chat, at least.
const LONG_MESSAGES: usize = 440;

/// Groups: name, language, how many people, which leads are in it.
const GROUPS: [(&str, Tongue, usize, &[usize]); 8] = [
    ("Huis Javastraat 🏠", Tongue::Dutch, 5, &[0]),
    ("Huizenjacht Amsterdam", Tongue::Dutch, 4, &[0]),
    ("House hunt, Amsterdam or bust", Tongue::English, 4, &[1]),
    ("Verhuisweekend", Tongue::Dutch, 5, &[0]),
    ("Moving weekend", Tongue::English, 4, &[1]),
    ("Huisregels & huispot", Tongue::Dutch, 4, &[]),
    ("Cooking rota", Tongue::English, 7, &[]),
    ("Bezichtiging met z'n drieën", Tongue::Dutch, 4, &[]),
];

/// A chat before its words: who, in which language, and which kinds of dialogue.
struct Casting {
    name: Option<&'static str>,
    members: Vec<usize>,
    tongue: Tongue,
    shape: Shape,
    /// When the last message was written, before the present.
    quiet: TimeDelta,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Some dialogues, one for each stage.
    Dialogues(usize),
    /// The first lines of one.
    Opening(usize),
    /// The leads' own chat.
    Leads,
    /// The long chat of a house.
    House,
}

struct Planner<'a> {
    world: &'a World,
    now: DateTime<Utc>,
    dice: Dice,
    corpus: Vec<Dialogue>,
    /// How often each person has had each dialogue.
    had: Vec<Vec<u32>>,
}

/// The chats of a world that end at `now`, in the order they were opened.
pub(super) fn plan(world: &World, now: DateTime<Utc>) -> Vec<SeedChat> {
    let corpus = corpus();
    let had = vec![vec![0; world.people.len()]; corpus.len()];
    let mut planner = Planner { world, now, dice: Dice::new(world.seed, "history"), corpus, had };
    let castings = planner.cast();
    let mut chats = Vec::with_capacity(castings.len());
    for (i, casting) in castings.iter().enumerate() {
        // Dice of its own for each chat, its id first: a second start, at another time of day, finds the same chats.
        planner.dice = Dice::new(world.seed.wrapping_add(u64::try_from(i).unwrap_or(0)), "chat");
        chats.push(planner.write(casting));
    }
    chats.sort_by_key(|chat| (chat.opened_at, chat.id));
    chats
}

impl Planner<'_> {
    fn cast(&mut self) -> Vec<Casting> {
        let people = self.world.people.len();
        let mut castings = vec![Casting {
            name: None,
            members: vec![0, 1],
            tongue: Tongue::Mixed,
            shape: Shape::Leads,
            quiet: TimeDelta::minutes(7),
        }];
        for (i, (name, tongue, size, leads)) in GROUPS.iter().enumerate() {
            let mut members = leads.to_vec();
            while members.len() < *size {
                let other = self.dice.range(2, signed(people) - 1);
                let other = usize::try_from(other).unwrap_or(2);
                // A Dutch group is of people who write Dutch.
                if !members.contains(&other) && (*tongue == Tongue::English || self.dutch(other)) {
                    members.push(other);
                }
            }
            let shape = if i == 0 { Shape::House } else { Shape::Dialogues(2 + i % 2) };
            let quiet =
                if leads.is_empty() { self.quiet(i + 20) } else { TimeDelta::minutes(self.dice.range(25, 900)) };
            castings.push(Casting { name: Some(name), members, tongue: *tongue, shape, quiet });
        }
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for lead in 0..2 {
            let mut others: Vec<usize> = (2..people).collect();
            self.dice.shuffle(&mut others);
            pairs.extend(others.into_iter().take(LEAD_CHATS).map(|other| (lead, other)));
        }
        while pairs.len() < 2 * LEAD_CHATS + OTHER_CHATS {
            let (a, b) = (2 + self.dice.index(people - 2), 2 + self.dice.index(people - 2));
            if a != b && !pairs.contains(&(a, b)) && !pairs.contains(&(b, a)) {
                pairs.push((a, b));
            }
        }
        for (i, (a, b)) in pairs.into_iter().enumerate() {
            let tongue = match (self.dutch(a), self.dutch(b)) {
                (true, true) => Tongue::Dutch,
                (false, false) => Tongue::English,
                _ if self.dice.percent(30) => Tongue::Mixed,
                _ => Tongue::English,
            };
            let shape = match self.dice.range(1, 10) {
                1 => Shape::Opening(1),
                2 => Shape::Opening(usize::try_from(self.dice.range(2, 5)).unwrap_or(3)),
                3 | 4 => Shape::Dialogues(1),
                5..=7 => Shape::Dialogues(2),
                8 | 9 => Shape::Dialogues(3),
                _ => Shape::Dialogues(4),
            };
            let mut members = vec![a, b];
            self.dice.shuffle(&mut members);
            let quiet = self.quiet(i % LEAD_CHATS);
            castings.push(Casting { name: None, members, tongue, shape, quiet });
        }
        castings
    }

    /// How long ago a chat's last message was: the first of a list today, the others over the weeks.
    fn quiet(&mut self, place: usize) -> TimeDelta {
        let hours = match place {
            0 => self.dice.range(0, 1),
            1 | 2 => self.dice.range(1, 6),
            3 | 4 => self.dice.range(8, 40),
            _ => self.dice.range(36, 24 * 20),
        };
        TimeDelta::hours(hours) + TimeDelta::minutes(self.dice.range(9, 55))
    }

    fn person(&self, i: usize) -> Option<&SeedUser> {
        self.world.people.get(i)
    }

    fn dutch(&self, i: usize) -> bool {
        self.person(i).is_some_and(|person| person.locale == "nl")
    }

    /// The dialogues of a chat in the order they are had.
    fn script(&mut self, casting: &Casting) -> Vec<usize> {
        let mut script: Vec<usize> = match casting.shape {
            Shape::Leads => self.matching(|dialogue| dialogue.kind == Kind::Lead),
            Shape::House => {
                let all = self.matching(|dialogue| dialogue.kind == Kind::House);
                let mut script = Vec::new();
                let mut messages = 0;
                while messages < LONG_MESSAGES && !all.is_empty() {
                    let mut round = all.clone();
                    self.dice.shuffle(&mut round);
                    // Not every little thing happens every week.
                    round.truncate(all.len() * 2 / 3);
                    messages += round.iter().filter_map(|i| self.corpus.get(*i)).map(|d| d.turns.len()).sum::<usize>();
                    script.extend(round);
                }
                return script;
            }
            Shape::Opening(_) => {
                let first = self.choose(casting, 1, &[]);
                first.into_iter().collect()
            }
            Shape::Dialogues(wanted) => {
                let mut stages: Vec<u8> = (1..=4).collect();
                while stages.len() > wanted {
                    // The beginning stays more often than not.
                    let from = usize::from(self.dice.percent(75));
                    stages.remove(from + self.dice.index(stages.len() - from));
                }
                let mut script = Vec::new();
                for stage in stages {
                    script.extend(self.choose(casting, stage, &script));
                }
                script
            }
        };
        if script.is_empty() {
            script.extend(self.choose(casting, 1, &[]));
        }
        script
    }

    fn matching(&self, which: impl Fn(&Dialogue) -> bool) -> Vec<usize> {
        self.corpus.iter().enumerate().filter(|(_, dialogue)| which(dialogue)).map(|(i, _)| i).collect()
    }

    /// The dialogue of a stage that these people have had least.
    fn choose(&mut self, casting: &Casting, stage: u8, taken: &[usize]) -> Option<usize> {
        let group = casting.name.is_some();
        let tongue = casting.tongue;
        let fits = |dialogue: &Dialogue| {
            let kind = if group { Kind::Group } else { Kind::Pair };
            dialogue.kind == kind
                && (dialogue.tongue == tongue
                    || (!group && tongue == Tongue::Mixed && dialogue.tongue == Tongue::English))
        };
        let mut candidates = self.matching(|dialogue| fits(dialogue) && dialogue.stage == stage);
        candidates.retain(|i| !taken.contains(i));
        self.dice.shuffle(&mut candidates);
        let cost = |i: &usize| -> u32 {
            let had = self.had.get(*i);
            let own = had.map_or(0, |had| casting.members.iter().filter_map(|m| had.get(*m)).sum::<u32>());
            let all = had.map_or(0, |had| had.iter().sum::<u32>());
            // A dialogue in both languages is what mixed company is for.
            let strange = u32::from(self.corpus.get(*i).is_some_and(|dialogue| dialogue.tongue != tongue));
            own * 100 + all + strange * 3
        };
        let chosen = candidates.into_iter().min_by_key(cost)?;
        if let Some(had) = self.had.get_mut(chosen) {
            for member in &casting.members {
                if let Some(times) = had.get_mut(*member) {
                    *times += 1;
                }
            }
        }
        Some(chosen)
    }

    fn write(&mut self, casting: &Casting) -> SeedChat {
        let id = ChatId(self.dice.id(BORN_MS));
        let script = self.script(casting);
        let mut blocks: Vec<Vec<(UserId, String)>> = script.iter().map(|i| self.speak(*i, casting)).collect();
        if let Shape::Opening(lines) = casting.shape {
            for block in &mut blocks {
                block.truncate(lines);
            }
        }
        self.leave_waiting(casting, &mut blocks);
        let messages = self.place(casting, blocks);
        let opened_at = match messages.first() {
            Some(first) => first.at - TimeDelta::seconds(self.dice.range(50, 1900)),
            None => self.now - casting.quiet,
        };
        let members = casting.members.iter().filter_map(|member| Some((self.person(*member)?.id, *member)));
        let members: Vec<(UserId, usize)> = members.collect();
        let members = members.into_iter().map(|(user, i)| (user, self.read(i, user, casting, &messages))).collect();
        SeedChat { id, name: casting.name, members, opened_at, messages }
    }

    /// One dialogue, its slots filled and its speakers named.
    fn speak(&mut self, dialogue: usize, casting: &Casting) -> Vec<(UserId, String)> {
        let Some(dialogue) = self.corpus.get(dialogue).cloned() else { return Vec::new() };
        let mut speakers = casting.members.clone();
        if dialogue.kind != Kind::Lead && dialogue.tongue != Tongue::Mixed {
            self.dice.shuffle(&mut speakers);
        } else if dialogue.kind == Kind::Pair {
            // In mixed dialogues A is the one who learns Dutch, but for this one.
            let learner_first = dialogue.name != "taal-oefenen";
            speakers.sort_by_key(|speaker| self.dutch(*speaker) == learner_first);
        }
        let cast: Vec<&SeedUser> = speakers.iter().filter_map(|i| self.world.people.get(*i)).collect();
        let names: Vec<&str> = cast.iter().map(|person| person.first_name).collect();
        let programmes: Vec<&str> = cast.iter().map(|person| person.program).collect();
        let city =
            cast.first().and_then(|person| self.world.universities.get(person.university)).map_or("", |u| u.city);
        let others: Vec<&str> =
            self.world.people.iter().map(|person| person.first_name).filter(|name| !names.contains(name)).collect();
        let slots = Slots::new(&mut self.dice, city, dialogue.tongue, &names, &programmes, &others);
        let line = |(speaker, said): &(usize, &'static str)| {
            let person = cast.get(*speaker).or(cast.last())?;
            Some((person.id, slots.fill(said)))
        };
        dialogue.turns.iter().filter_map(line).collect()
    }

    /// Cuts the last dialogue so that it ends with somebody else's words, where a lead has something to read.
    fn leave_waiting(&mut self, casting: &Casting, blocks: &mut [Vec<(UserId, String)>]) {
        let Some(lead) = casting.members.iter().copied().filter(|member| *member < 2).min() else { return };
        let Some(lead) = self.person(lead).map(|person| person.id) else { return };
        if casting.quiet > TimeDelta::hours(41) || casting.shape == Shape::Leads {
            return;
        }
        if let Some(last) = blocks.last_mut() {
            while last.len() > 1 && last.last().is_some_and(|(author, _)| *author == lead) {
                last.pop();
            }
        }
    }

    /// Gives every line its moment, from the last one backwards.
    fn place(&mut self, casting: &Casting, blocks: Vec<Vec<(UserId, String)>>) -> Vec<SeedMessage> {
        let earliest = self.now - TimeDelta::days(DAYS);
        let mut end = self.now - casting.quiet;
        if casting.quiet > TimeDelta::hours(7) {
            end = self.awake(end);
        }
        let count = signed(blocks.len()).max(1);
        let span = (end - earliest).num_minutes().max(600);
        let mut placed: Vec<(UserId, String, DateTime<Utc>)> = Vec::new();
        for (age, block) in blocks.into_iter().rev().enumerate() {
            if age > 0 {
                let most = (span / count).max(40);
                let pause = TimeDelta::minutes(self.dice.range(most / 3, most));
                end = self.awake(end - pause);
            }
            let mut at = end;
            for (author, text) in block.into_iter().rev() {
                let seconds = if self.dice.percent(12) { self.dice.range(240, 1500) } else { self.dice.range(9, 110) };
                let typing = signed(text.len()) / 6;
                placed.push((author, text, at));
                at -= TimeDelta::milliseconds((seconds + typing) * 1000 + self.dice.range(0, 999));
            }
            end = at;
        }
        placed.reverse();
        placed
            .into_iter()
            .map(|(author, text, at)| SeedMessage {
                id: MessageId(self.dice.id(at.timestamp_millis())),
                client_id: ClientMessageId(self.dice.id(at.timestamp_millis())),
                author,
                hash: digest(&text),
                text,
                at,
            })
            .collect()
    }

    /// The latest moment not after this one at which people in the Netherlands are awake.
    fn awake(&mut self, at: DateTime<Utc>) -> DateTime<Utc> {
        let local = at.with_timezone(&Amsterdam);
        if (8..23).contains(&local.hour()) {
            return at;
        }
        let day = if local.hour() < 8 { local.date_naive().pred_opt() } else { Some(local.date_naive()) };
        let hour = u32::try_from(self.dice.range(18, 22)).unwrap_or(20);
        let minute = u32::try_from(self.dice.range(0, 59)).unwrap_or(0);
        let evening = day.and_then(|day| day.and_hms_opt(hour, minute, 17));
        let evening = evening.and_then(|evening| Amsterdam.from_local_datetime(&evening).earliest());
        evening.map_or(at, |evening| evening.with_timezone(&Utc))
    }

    /// The ordinal of the last message a member has read.
    fn read(&mut self, member: usize, user: UserId, casting: &Casting, messages: &[SeedMessage]) -> u64 {
        let all = messages.len();
        let own = messages.iter().rposition(|message| message.author == user).map_or(0, |i| i + 1);
        let waits = if member < 2 {
            casting.quiet < TimeDelta::hours(41) && casting.shape != Shape::Leads
        } else {
            self.dice.percent(25)
        };
        // The newest few at most: nobody in the demo has fallen weeks behind.
        let read = if waits { own.max(all.saturating_sub(LEAD_UNREAD)) } else { all };
        u64::try_from(read).unwrap_or(0)
    }
}

/// What sending computes for a message that answers none.
pub(super) fn digest(text: &str) -> Vec<u8> {
    Sha256::new().chain_update([0; 16]).chain_update(text).finalize().to_vec()
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
