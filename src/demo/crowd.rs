//! People without faces, as many as asked, in rooms of equal size: what `domu bench` talks through.

use chrono::{DateTime, TimeDelta, Utc};

use super::dice::Dice;
use super::history::digest;
use super::people::BORN_MS;
use crate::clock::Clock;
use crate::ids::{ChatId, ClientMessageId, MessageId, UniversityId, UserId};
use crate::store::seed::{SeedChat, SeedMessage, SeedUniversity, SeedUser};
use crate::store::{Store, StoreError};

/// How many of what.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Rooms; nobody is in two of them.
    pub rooms: usize,
    /// People in each.
    pub members: usize,
    /// Further groups that the people of each room share.
    pub groups: usize,
    /// Messages that each room has seen.
    pub history: usize,
}

/// Rows of one statement stay within what SQLite binds.
const PEOPLE_AT_ONCE: usize = 500;
/// What they have said.
const LINES: &str = include_str!("talk/mixed.txt");

/// The people of one room and the chats they share, the room first.
#[derive(Clone, Debug)]
pub struct Room {
    /// The people.
    pub people: Vec<UserId>,
    /// The chats.
    pub chats: Vec<ChatId>,
}

/// Seeds a crowd into an empty database.
///
/// # Errors
/// `Conflict` when there is a crowd already.
pub async fn seed(store: &Store, clock: &Clock, crowd: Crowd) -> Result<Vec<Room>, StoreError> {
    let now = clock.now();
    let mut dice = Dice::new(1, "crowd");
    let people: Vec<SeedUser> = (0..crowd.rooms.saturating_mul(crowd.members)).map(|i| person(&mut dice, i)).collect();
    let university = SeedUniversity {
        id: UniversityId(dice.id(BORN_MS)),
        name: "Bench",
        slug: "bench",
        city: "Delft",
        domains: &["bench.example"],
    };
    let mut universities = vec![university];
    for some in people.chunks(PEOPLE_AT_ONCE) {
        store.seed_people(&universities, some, now).await?;
        universities.clear();
    }
    let mut rooms = Vec::new();
    let mut chats = Vec::new();
    for some in people.chunks(crowd.members.max(1)) {
        let people: Vec<UserId> = some.iter().map(|person| person.id).collect();
        let mut ids = Vec::new();
        for chat in 0..=crowd.groups {
            let history = if chat == 0 { crowd.history } else { 1 };
            let name = (chat > 0 || people.len() != 2).then_some("Bench");
            let chat = spoken(&mut dice, name, &people, history, now);
            ids.push(chat.id);
            chats.push(chat);
        }
        rooms.push(Room { people, chats: ids });
    }
    store.seed_chats(chats, 1).await?;
    Ok(rooms)
}

fn person(dice: &mut Dice, number: usize) -> SeedUser {
    SeedUser {
        id: UserId(dice.id(BORN_MS)),
        email: format!("person{number}@bench.example"),
        first_name: "Bo",
        last_name: "Bench",
        locale: "nl",
        university: 0,
        program: "Bench",
        study_year: 1,
        bio: "",
        pronouns: None,
        languages: &["nl"],
        avatar_hue: 20,
        age: TimeDelta::days(60),
    }
}

fn spoken(
    dice: &mut Dice,
    name: Option<&'static str>,
    people: &[UserId],
    history: usize,
    now: DateTime<Utc>,
) -> SeedChat {
    let length = i64::try_from(history).unwrap_or(i64::MAX);
    let opened_at = now - TimeDelta::seconds(length.saturating_add(60));
    let lines = LINES.lines().filter(|line| !line.is_empty()).cycle();
    let messages = people.iter().cycle().zip(lines).zip(1..=length).map(|((author, text), second)| {
        let at = opened_at + TimeDelta::seconds(second);
        SeedMessage {
            id: MessageId(dice.id(at.timestamp_millis())),
            client_id: ClientMessageId(dice.id(at.timestamp_millis())),
            author: *author,
            text: text.to_owned(),
            hash: digest(text),
            at,
        }
    });
    let messages: Vec<_> = messages.collect();
    let read = u64::try_from(history).unwrap_or(u64::MAX);
    SeedChat {
        id: ChatId(dice.id(opened_at.timestamp_millis())),
        name,
        members: people.iter().map(|person| (*person, read)).collect(),
        opened_at,
        messages,
    }
}
