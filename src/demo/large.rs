//! The large world: a crowd around the sixty people, written as a stream, so that it never stands in memory.
//!
//! Every row is a function of the seed, the size and its place; a start that was cut off makes the same stream again and
//! leaves out the slices that are stored.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Clock;
use crate::ids::UserId;
use crate::store::growth::{ChatRow, Growth, MemberRow, MessageRow, PersonRow, Slice, moment, pair};
use crate::store::{Store, StoreError};

use super::cast::{BIOS, NAMES, PROGRAMMES};
use super::dice::Dice;
use super::history::{digest, plan};
use super::people::{BORN_MS, World, languages, plain, pronouns};
use super::talk::{Slots, corpus};

/// How large a demo's world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The sixty people.
    Small,
    /// So many people around them.
    People(u64),
}

/// People of the large world.
const LARGE: u64 = 100_000;
/// The smallest crowd in which nobody meets the same person twice.
const LEAST: u64 = 500;
/// Messages for each person.
const MESSAGES: u64 = 50;

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "small" => Ok(Self::Small),
            "large" => Ok(Self::People(LARGE)),
            _ => match text.parse() {
                Ok(people) if (LEAST..=LARGE * 10).contains(&people) => Ok(Self::People(people)),
                _ => Err(format!("write small, large, or a number of people from {LEAST} to {}", LARGE * 10)),
            },
        }
    }
}

impl Size {
    /// What a world of this size begins with; none for the small one.
    pub(super) fn growth(self, clock: &Clock) -> Option<Growth> {
        let Self::People(people) = self else { return None };
        let now = clock.now().timestamp_millis();
        Some(Growth { people, messages: people * MESSAGES, now, slices: 0, whole: false })
    }
}

/// Messages of one transaction: far within the store's patience, also on PostgreSQL and a busy machine.
const SLICE_MESSAGES: usize = 4000;
/// People of one transaction.
const SLICE_PEOPLE: usize = 1000;
/// The first person of the cast with a large circle, and how many there are.
const HUB: usize = 2;
const HUBS: usize = 20;
/// Chats of the first one that are longer than all others.
const LONG: usize = 5;
/// Chats a person of the crowd begins, at most.
const TIES: usize = 5;
/// One in so many people makes a group.
const GROUP_EVERY: usize = 30;
const GROUPS: [&str; 6] =
    ["Huizenjacht", "Verhuisweekend", "Huisgenoten", "House hunt", "Cooking rota", "Moving weekend"];
/// How long ago the first chat of the crowd was opened, and over how long the others follow.
const FIRST_DAYS: i64 = 300;
const SPREAD_DAYS: i64 = 290;
/// How often the progress is said.
const SAY: Duration = Duration::from_secs(5);

/// Writes what is missing of a large world.
pub(super) async fn grow(store: &Store, world: &World, growth: Growth, chats_max: usize) -> Result<(), StoreError> {
    let phrases = phrases(world);
    let mut crowd = Crowd::new(store, world, growth, &phrases);
    crowd.people().await?;
    crowd.chats(chats_max).await?;
    crowd.flush().await?;
    let mut growth = crowd.growth;
    growth.whole = true;
    store.grow(&Slice::default(), growth).await
}

/// How often a slice is tried.
const SLICE_TRIES: u32 = 5;

/// A text and its hash.
type Phrase = (String, String);

/// Everything the small world's dialogues say, in a few variants.
fn phrases(world: &World) -> Vec<Phrase> {
    let mut dice = Dice::new(world.seed, "phrases");
    let mut phrases = Vec::new();
    let names: Vec<&str> = NAMES.iter().map(|(first, ..)| *first).collect();
    for dialogue in corpus() {
        for university in &world.universities {
            let programme = PROGRAMMES.get(dice.index(PROGRAMMES.len())).map_or("", |(nl, _)| nl);
            let speakers = [dice.word(&names), dice.word(&names), dice.word(&names), dice.word(&names)];
            let programmes = [programme; 4];
            let slots = Slots::new(&mut dice, university.city, dialogue.tongue, &speakers, &programmes, &names);
            phrases.extend(dialogue.turns.iter().map(|(_, said)| {
                let text = slots.fill(said);
                let hash = hex::encode(digest(&text));
                (text, hash)
            }));
        }
    }
    phrases
}

/// A chat before its rows.
struct Casting {
    people: Vec<Place>,
    name: Option<&'static str>,
    /// How long it is, beside the others; none for the longest.
    weight: Option<i64>,
}

/// Somebody: of the cast, or of the crowd.
#[derive(Clone, Copy)]
enum Place {
    Cast(usize),
    Crowd(usize),
}

struct Crowd<'a> {
    store: &'a Store,
    world: &'a World,
    growth: Growth,
    phrases: &'a [Phrase],
    size: usize,
    now: DateTime<Utc>,
    slice: Slice<'a>,
    /// Slices made by this run, stored or left out.
    made: u64,
    /// Numbers of the last events of people's own streams.
    cast_heads: Vec<i64>,
    people_heads: Vec<i64>,
    /// Chats and messages so far.
    chats: i64,
    messages: u64,
    chats_expected: i64,
    began: Instant,
    said: Instant,
    /// Messages that were stored before this run.
    before: u64,
}

impl<'a> Crowd<'a> {
    fn new(store: &'a Store, world: &'a World, growth: Growth, phrases: &'a [Phrase]) -> Self {
        let now = DateTime::from_timestamp_millis(growth.now).unwrap_or_default();
        let size = usize::try_from(growth.people).unwrap_or(0);
        let mut cast = vec![1; world.people.len()];
        for chat in plan(world, now) {
            for (user, _) in chat.members {
                if let Some(i) = world.people.iter().position(|person| person.id == user)
                    && let Some(seq) = cast.get_mut(i)
                {
                    *seq += 1;
                }
            }
        }
        Self {
            store,
            world,
            growth,
            phrases,
            size,
            now,
            slice: Slice::default(),
            made: 0,
            cast_heads: cast,
            people_heads: vec![1; size],
            chats: 0,
            messages: 0,
            chats_expected: 1,
            began: Instant::now(),
            said: Instant::now(),
            before: 0,
        }
    }

    /// Stores the slice, unless an earlier run has.
    async fn flush(&mut self) -> Result<(), StoreError> {
        let slice = std::mem::take(&mut self.slice);
        self.made += 1;
        if self.made <= self.growth.slices {
            self.before = self.messages;
            self.began = Instant::now();
            return Ok(());
        }
        self.growth.slices = self.made;
        self.store_slice(&slice).await?;
        if self.said.elapsed() >= SAY && self.messages > self.before {
            self.said = Instant::now();
            let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
            let rate = (self.messages - self.before) * 1000 / millis;
            let left = self.growth.messages.saturating_sub(self.messages) / rate.max(1);
            tracing::info!(
                messages = self.messages,
                of = self.growth.messages,
                per_second = rate,
                left_s = left,
                "writing the demo's world; Ctrl-C interrupts, the next start goes on"
            );
        }
        Ok(())
    }

    /// Writes a slice; a database that is too busy for it gets it again, unless it has it by then.
    async fn store_slice(&self, slice: &Slice<'_>) -> Result<(), StoreError> {
        let mut left = SLICE_TRIES;
        loop {
            left -= 1;
            match self.store.grow(slice, self.growth).await {
                Err(error) if error.is_unavailable() && left > 0 => {
                    tracing::warn!(error = %error, "the database is too busy for a slice of the world; once more");
                    let stored = self.store.growth().await?.map_or(0, |growth| growth.slices);
                    if stored >= self.growth.slices {
                        return Ok(());
                    }
                }
                done => return done,
            }
        }
    }

    fn dice(&self, i: usize, purpose: &str) -> Dice {
        Dice::new(self.world.seed.wrapping_add(u64::try_from(i).unwrap_or(0)), purpose)
    }

    fn id(&self, who: Place) -> Uuid {
        match who {
            Place::Cast(i) => self.world.people.get(i).map_or(Uuid::nil(), |person| person.id.0),
            Place::Crowd(i) => self.dice(i, "crowd").id(BORN_MS + 1000 + signed(i)),
        }
    }

    async fn people(&mut self) -> Result<(), StoreError> {
        let (seen, expires) = (moment(self.now), moment(self.now + TimeDelta::days(30)));
        for i in 0..self.size {
            let mut dice = self.dice(i, "crowd");
            let id = dice.id(BORN_MS + 1000 + signed(i));
            let (first_name, _, locale) = NAMES.get(i % NAMES.len()).copied().unwrap_or_default();
            let (_, last_name, _) = NAMES.get(dice.index(NAMES.len())).copied().unwrap_or_default();
            let dutch = locale == "nl";
            let pick =
                |pair: Option<&(&'static str, &'static str)>| pair.map_or("", |(nl, en)| if dutch { nl } else { en });
            let Some(university) = self.world.universities.get(dice.index(self.world.universities.len())) else {
                continue;
            };
            self.slice.people.push(PersonRow {
                id,
                university: university.id.0,
                session: dice.id(self.growth.now),
                token: format!("{}{}", dice.id(0).simple(), dice.id(0).simple()),
                email: format!("{}.{}.{i}@{}.example", plain(first_name), plain(last_name), university.slug),
                locale,
                first_name,
                last_name,
                program: pick(PROGRAMMES.get(dice.index(PROGRAMMES.len()))),
                about: pick(BIOS.get(dice.index(BIOS.len()))),
                pronouns: pronouns(i, dutch),
                languages: serde_json::json!(languages(i, dutch)).to_string(),
                year: dice.range(1, 5),
                hue: dice.range(0, 359),
                joined: moment(self.now - TimeDelta::days(FIRST_DAYS + 10) + TimeDelta::seconds(dice.range(0, 86_400))),
                seen: seen.clone(),
                expires: expires.clone(),
            });
            if self.slice.people.len() >= SLICE_PEOPLE {
                self.flush().await?;
            }
        }
        self.flush().await
    }

    /// The chats that one person begins: first the hubs of the cast, then everybody of the crowd.
    fn circle(&self, part: usize, hub_chats: usize) -> Vec<Casting> {
        let mut dice = self.dice(part, "circle");
        let mut chats = Vec::new();
        if part < HUBS {
            // One person has all that one may have, the others a fifth to three fifths.
            let count = if part == 0 { hub_chats } else { hub_chats * (20 + dice.index(41)) / 100 };
            let count = count.min(self.size);
            let stride = (self.size / count.max(1)).max(1);
            for i in 0..count {
                let people = vec![Place::Cast(HUB + part), Place::Crowd(i * stride)];
                // The first few are the long ones of the world.
                let weight = (part > 0 || i >= LONG).then(|| weight(&mut dice));
                chats.push(Casting { people, name: None, weight });
            }
            return chats;
        }
        let i = part - HUBS;
        for tie in 0..=dice.index(TIES) {
            // Steps of less than half the round: no two people meet twice.
            let step = self.size * (tie + 2) / (3 * TIES) + tie + 1;
            let people = vec![Place::Crowd(i), Place::Crowd((i + step) % self.size)];
            chats.push(Casting { people, name: None, weight: Some(weight(&mut dice)) });
        }
        if i.is_multiple_of(GROUP_EVERY) {
            let members = 3 + dice.index(10);
            let people = (0..members).map(|next| Place::Crowd((i + next) % self.size)).collect();
            chats.push(Casting { people, name: Some(dice.word(&GROUPS)), weight: Some(4 * weight(&mut dice)) });
        }
        chats
    }

    async fn chats(&mut self, chats_max: usize) -> Result<(), StoreError> {
        let own = self.cast_heads.get(HUB).map_or(0, |seq| usize::try_from(seq - 1).unwrap_or(0));
        let hub_chats = chats_max.saturating_sub(own);
        let parts = HUBS + self.size;
        let (mut weights, mut chats) = (0, 0);
        for casting in (0..parts).flat_map(|part| self.circle(part, hub_chats)) {
            weights += casting.weight.unwrap_or(0);
            chats += 1;
        }
        self.chats_expected = chats;
        // One of 200,000 and four of 50,000 messages when the world is large.
        let messages = i64::try_from(self.growth.messages).unwrap_or(i64::MAX);
        let (longest, long) = (messages / 25, messages / 100);
        let rest = messages - longest - (signed(LONG) - 1) * long;
        // From the weights so far, so that the parts of messages that fall away in one chat appear in the next.
        let (mut weighed, mut given) = (0, 0);
        for part in 0..parts {
            for casting in self.circle(part, hub_chats) {
                let length = match casting.weight {
                    Some(weight) => {
                        weighed += weight;
                        let length = (weighed * rest / weights.max(1) - given).max(1);
                        given += length;
                        length
                    }
                    None if self.chats == 0 => longest,
                    None => long,
                };
                self.chat(&casting, length).await?;
            }
        }
        Ok(())
    }

    async fn chat(&mut self, casting: &Casting, length: i64) -> Result<(), StoreError> {
        let place = self.chats;
        self.chats += 1;
        let mut dice = self.dice(usize::try_from(place).unwrap_or(0), "talk");
        // Ids that grow: a chat's rows lie beside each other, as they do when a chat is new.
        let chat = dice.id(BORN_MS + 1000 + place);
        let begun = FIRST_DAYS * 86_400_000 - SPREAD_DAYS * 86_400_000 / self.chats_expected * place;
        let opened = self.now - TimeDelta::milliseconds(begun);
        let pause = (begun / (length + 2)).min(dice.range(20_000, 3_600_000)).max(1);
        let last = opened + TimeDelta::milliseconds(pause * length);
        let people: Vec<Uuid> = casting.people.iter().map(|who| self.id(*who)).collect();
        let Some(creator) = people.first().copied() else { return Ok(()) };
        let grouped = casting.name.is_some();
        let cause = if grouped { "group" } else { "match" };
        self.slice.chats.push(ChatRow {
            id: chat,
            creator,
            name: casting.name,
            pair: match people.as_slice() {
                [one, other] if !grouped => Some(pair(UserId(*one), UserId(*other))),
                _ => None,
            },
            grouped: i64::from(grouped),
            length,
            opened: moment(opened),
            last: moment(last),
            data: serde_json::json!({"change": "opened", "cause": cause}).to_string(),
        });
        for (i, (who, person)) in casting.people.iter().zip(&people).enumerate() {
            let seq = match who {
                Place::Cast(i) => self.cast_heads.get_mut(*i),
                Place::Crowd(i) => self.people_heads.get_mut(*i),
            };
            let Some(seq) = seq else { continue };
            *seq += 1;
            let behind = if dice.percent(20) { dice.range(1, 5) } else { 0 };
            self.slice.members.push(MemberRow {
                chat,
                person: *person,
                part: if grouped && i == 0 { "owner" } else { "member" },
                done: (length - behind).max(0),
                length,
                seq: *seq,
                opened: moment(opened),
                data: serde_json::json!({"chat_id": chat}).to_string(),
            });
        }
        for n in 1..=length {
            let at = opened + TimeDelta::milliseconds(pause * n);
            let (said, hash) = self.phrases.get(dice.index(self.phrases.len())).map_or(("", ""), |(a, b)| (a, b));
            self.slice.messages.push(MessageRow {
                id: dice.id(at.timestamp_millis()),
                chat,
                person: people.get(dice.index(people.len())).copied().unwrap_or(creator),
                client: dice.id(at.timestamp_millis()),
                n,
                said,
                hash,
                at: moment(at),
            });
            self.messages += 1;
            if self.slice.messages.len() >= SLICE_MESSAGES {
                self.flush().await?;
            }
        }
        Ok(())
    }
}

/// How long a chat is, beside the others: most are short.
fn weight(dice: &mut Dice) -> i64 {
    match dice.range(1, 100) {
        1..=35 => dice.range(1, 3),
        36..=80 => dice.range(4, 20),
        81..=98 => dice.range(20, 60),
        _ => dice.range(100, 400),
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
