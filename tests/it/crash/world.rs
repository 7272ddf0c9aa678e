//! The people and chats of the crash test, made through the front door of a running server.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use sea_orm::{Statement, TryGetable};
use serde_json::{Value, json};
use uuid::Uuid;

use super::checker::{Message, Stored};
use crate::support::client::Client;
use crate::support::people::{self, Person};
use crate::support::postgres;
use crate::support::process::Launch;

/// Twenty people in a ring: everybody talks with two neighbours.
pub const PEOPLE: u16 = 20;

/// Limits of rate are not what this test is about.
pub const SETTINGS: &str =
    "[limits]\nmessages_per_minute = 1000000\nsocket_ops_per_second = 100000\nsocket_ops_burst = 100000\n";

pub struct World {
    pub people: Vec<Person>,
    /// Ids of the chats; chat `i` is between person `i` and the next.
    pub chats: Vec<String>,
}

impl World {
    /// Signs everybody up at a running server, and verifies them and opens their chats as an operator does.
    pub async fn make(at: SocketAddr, launch: &Launch) -> Self {
        let mut people = Vec::new();
        for index in 0..PEOPLE {
            let name = name(index);
            people::sign_up(at, &launch.data_dir, &name).await;
            launch.run(&["verify", &people::email_of(&name)]);
            people.push(people::sign_in(at, &name).await);
        }
        let mut chats = Vec::new();
        for index in 0..PEOPLE {
            let next = (index + 1) % PEOPLE;
            let said = launch.run(&["chat", "open", &people::email_of(&name(index)), &people::email_of(&name(next))]);
            chats.push(chat_id_in(&said));
        }
        Self { people, chats }
    }

    /// The chats of a person: (index, id).
    pub fn chats_of(&self, person: u16) -> Vec<(u16, String)> {
        let before = (person + PEOPLE - 1) % PEOPLE;
        [before, person].into_iter().map(|chat| (chat, self.chats[usize::from(chat)].clone())).collect()
    }

    /// An event as the judge sees it.
    pub fn stored(&self, chat: u16, event: &Value) -> Stored {
        let seq = event["seq"].as_u64().expect("a position");
        if event["op"] != "message" || event["d"]["kind"] == "system" {
            return Stored { seq, message: None };
        }
        let data = &event["d"];
        let author = data["u"].as_str().unwrap_or_default();
        let sender =
            (0..).zip(&self.people).find(|(_, person)| person.id == author).map_or(u16::MAX, |(index, _)| index);
        let said = data["text"].as_str().unwrap_or_default();
        // The whole text follows from who says it, where and in which order; anything else is foreign.
        let order = said
            .split_whitespace()
            .nth(1)
            .and_then(|order| order.parse().ok())
            .filter(|order| text(sender, chat, *order) == said)
            .unwrap_or(u32::MAX);
        let id = |field: &str| data[field].as_str().and_then(|id| id.parse::<Uuid>().ok());
        let message = Message {
            n: data["n"].as_u64().unwrap_or(0),
            mid: id("mid").unwrap_or_default(),
            cid: id("cid"),
            sender,
            order,
        };
        Stored { seq, message: Some(message) }
    }

    /// The whole log of a chat through the protocol, from its first event to its head.
    pub async fn read_back(&self, client: &mut Client, chat: u16) -> Vec<Stored> {
        let channel = format!("chat:{}", self.chats[usize::from(chat)]);
        let mut log = Vec::new();
        let mut after = 0;
        loop {
            let page = client.ask("history", Some(&channel), json!({"after": after, "limit": 100})).await;
            let events = page["events"].as_array().expect("events");
            log.extend(events.iter().map(|event| self.stored(chat, event)));
            let head = page["head"].as_u64().expect("a head");
            match events.last() {
                Some(last) => after = last["seq"].as_u64().expect("a position"),
                None => {
                    assert_eq!(after, head, "history of {channel} ends before its head");
                    return log;
                }
            }
        }
    }

    /// The rows of the table of messages, without going through the server.
    pub async fn rows(&self, database_url: &str) -> Vec<(u16, u16, Uuid)> {
        let database = postgres::connect(database_url).await;
        let chats: HashMap<Uuid, u16> =
            (0..).zip(&self.chats).map(|(index, id)| (id.parse().expect("an id"), index)).collect();
        let people: HashMap<Uuid, u16> =
            (0..).zip(&self.people).map(|(index, person)| (person.id.parse().expect("an id"), index)).collect();
        let all = Statement::from_string(
            database.get_database_backend(),
            "SELECT chat_id, user_id, client_msg_id FROM messages WHERE user_id IS NOT NULL",
        );
        let found = sea_orm::ConnectionTrait::query_all_raw(&database, all).await.expect("the rows");
        let rows = found
            .iter()
            .map(|row| {
                let id = |index| Uuid::try_get_by_index(row, index).expect("an id");
                (chats.get(&id(0)).copied().unwrap_or(u16::MAX), people.get(&id(1)).copied().unwrap_or(u16::MAX), id(2))
            })
            .collect();
        database.close().await.expect("a closed connection");
        rows
    }

    /// Where the rows are when the server is on SQLite.
    pub fn sqlite_url(data_dir: &Path) -> String {
        format!("sqlite://{}", crate::support::sqlite_file(data_dir).display())
    }
}

/// What a person is called.
pub fn name(index: u16) -> String {
    format!("Writer{index:02}")
}

/// What writer `sender` says as message number `order` of a chat: recognisable, and of changing length.
pub fn text(sender: u16, chat: u16, order: u32) -> String {
    let length = usize::try_from((order.wrapping_mul(2_654_435_761) ^ u32::from(sender)) % 97).unwrap_or_default();
    format!(
        "w{sender} {order} in {chat} {}",
        "woorden over kamers, huur en sleutels; ".repeat(3).chars().take(length).collect::<String>().trim_end()
    )
    .trim_end()
    .to_owned()
}

/// The id that `domu chat open` prints.
pub fn chat_id_in(said: &str) -> String {
    said.split(|letter: char| !(letter.is_ascii_hexdigit() || letter == '-'))
        .find(|word| word.parse::<Uuid>().is_ok() && word.len() == 36)
        .unwrap_or_else(|| panic!("no chat id in {said:?}"))
        .to_owned()
}
