//! What the database holds, read beside the server, without any of its code.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use serde_json::Value;
use uuid::Uuid;

/// A row of `chat_events`.
#[derive(Clone, Debug)]
pub struct Event {
    pub seq: u64,
    pub n: u64,
    pub kind: String,
    pub message: Option<String>,
    pub about: Option<u64>,
    pub data: Value,
}

/// A row of `messages`.
#[derive(Clone, Debug)]
pub struct Message {
    pub mid: String,
    pub seq: u64,
    pub n: u64,
    pub user: Option<String>,
    pub cid: Option<String>,
    pub text: String,
    pub rev: u64,
    pub deleted: bool,
}

/// A row of `chat_members`, and what is withheld from them.
#[derive(Clone, Debug, Default)]
pub struct Member {
    pub active: bool,
    pub role: String,
    pub joined_seq: u64,
    pub joined_n: u64,
    pub left_seq: Option<u64>,
    pub read_seq: u64,
    pub read_n: u64,
    pub recv_seq: u64,
    /// Numbers of the messages they do not see: never, or not any more.
    pub withheld: BTreeSet<u64>,
    pub withdrawn: BTreeSet<u64>,
    /// Numbers of the events they do not see.
    pub unseen: BTreeSet<u64>,
}

impl Member {
    /// Whether they see what the message of this number says.
    pub fn sees(&self, n: u64) -> bool {
        n > self.joined_n && !self.withheld.contains(&n) && !self.withdrawn.contains(&n)
    }
}

/// One chat.
#[derive(Clone, Debug, Default)]
pub struct Chat {
    pub group: bool,
    pub name: Option<String>,
    pub open: bool,
    pub head_seq: u64,
    pub head_n: u64,
    pub base_seq: u64,
    pub events: Vec<Event>,
    /// By their numbers.
    pub messages: BTreeMap<u64, Message>,
    /// By their ids.
    pub members: BTreeMap<String, Member>,
}

/// Everything that matters.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub chats: BTreeMap<String, Chat>,
    /// Heads of people's own streams, and the numbers that are there.
    pub users: BTreeMap<String, (u64, Vec<u64>)>,
    /// Who has blocked whom.
    pub blocks: BTreeSet<(String, String)>,
}

fn id(row: &QueryResult, column: &str) -> String {
    row.try_get::<Uuid>("", column).expect("an id").to_string()
}

fn optional(row: &QueryResult, column: &str) -> Option<String> {
    row.try_get::<Option<Uuid>>("", column).expect("an id").map(|id| id.to_string())
}

fn number(row: &QueryResult, column: &str) -> u64 {
    u64::try_from(row.try_get::<i64>("", column).expect("a number")).expect("no negative number")
}

fn text(row: &QueryResult, column: &str) -> String {
    row.try_get("", column).expect("a text")
}

async fn rows(database: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let all = Statement::from_string(database.get_database_backend(), sql);
    database.query_all_raw(all).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

impl Truth {
    pub async fn read(database: &DatabaseConnection) -> Self {
        let mut truth = Self::default();
        let sql = "SELECT id, is_group, name, status, head_seq, head_n, base_seq FROM chats";
        for row in rows(database, sql).await {
            let chat = Chat {
                group: row.try_get("", "is_group").expect("yes or no"),
                name: row.try_get("", "name").expect("a name or none"),
                open: text(&row, "status") == "open",
                head_seq: number(&row, "head_seq"),
                head_n: number(&row, "head_n"),
                base_seq: number(&row, "base_seq"),
                ..Chat::default()
            };
            truth.chats.insert(id(&row, "id"), chat);
        }
        let sql = "SELECT chat_id, seq, n, kind, message_id, about_n, data FROM chat_events ORDER BY chat_id, seq";
        for row in rows(database, sql).await {
            let event = Event {
                seq: number(&row, "seq"),
                n: number(&row, "n"),
                kind: text(&row, "kind"),
                message: optional(&row, "message_id"),
                about: row
                    .try_get::<Option<i64>>("", "about_n")
                    .expect("a number")
                    .map(|n| u64::try_from(n).unwrap_or(0)),
                data: row.try_get::<Option<Value>>("", "data").expect("JSON").unwrap_or_default(),
            };
            truth.chat(&row).events.push(event);
        }
        let sql = "SELECT chat_id, id, seq, n, user_id, client_msg_id, content, rev, deleted_at IS NOT NULL AS gone FROM messages";
        for row in rows(database, sql).await {
            let message = Message {
                mid: id(&row, "id"),
                seq: number(&row, "seq"),
                n: number(&row, "n"),
                user: optional(&row, "user_id"),
                cid: optional(&row, "client_msg_id"),
                text: text(&row, "content"),
                rev: u64::try_from(row.try_get::<i32>("", "rev").expect("a revision")).expect("a revision"),
                deleted: row.try_get("", "gone").expect("yes or no"),
            };
            truth.chat(&row).messages.insert(message.n, message);
        }
        let sql = "SELECT chat_id, user_id, status, role, joined_seq, joined_n, left_seq, read_seq, read_n, recv_seq FROM chat_members";
        for row in rows(database, sql).await {
            let member = Member {
                active: text(&row, "status") == "active",
                role: text(&row, "role"),
                joined_seq: number(&row, "joined_seq"),
                joined_n: number(&row, "joined_n"),
                left_seq: row
                    .try_get::<Option<i64>>("", "left_seq")
                    .expect("a number")
                    .map(|n| u64::try_from(n).unwrap_or(0)),
                read_seq: number(&row, "read_seq"),
                read_n: number(&row, "read_n"),
                recv_seq: number(&row, "recv_seq"),
                ..Member::default()
            };
            let user = id(&row, "user_id");
            truth.chat(&row).members.insert(user, member);
        }
        for row in rows(database, "SELECT chat_id, user_id, n FROM withheld_messages").await {
            truth.member(&row).withheld.insert(number(&row, "n"));
        }
        for row in rows(database, "SELECT chat_id, user_id, n FROM withheld_changes").await {
            truth.member(&row).withdrawn.insert(number(&row, "n"));
        }
        for row in rows(database, "SELECT chat_id, user_id, seq FROM withheld_events").await {
            truth.member(&row).unseen.insert(number(&row, "seq"));
        }
        for row in rows(database, "SELECT id, head_seq FROM users").await {
            truth.users.insert(id(&row, "id"), (number(&row, "head_seq"), Vec::new()));
        }
        for row in rows(database, "SELECT user_id, seq FROM user_events ORDER BY user_id, seq").await {
            let (user, seq) = (id(&row, "user_id"), number(&row, "seq"));
            truth.users.get_mut(&user).expect("a user").1.push(seq);
        }
        for row in rows(database, "SELECT user_id, blocked_user_id FROM match_blocklist WHERE ended_at IS NULL").await {
            truth.blocks.insert((id(&row, "user_id"), id(&row, "blocked_user_id")));
        }
        truth
    }

    fn chat(&mut self, row: &QueryResult) -> &mut Chat {
        self.chats.get_mut(&id(row, "chat_id")).expect("a chat")
    }

    fn member(&mut self, row: &QueryResult) -> &mut Member {
        let user = id(row, "user_id");
        self.chat(row).members.get_mut(&user).expect("a member")
    }

    /// The heads of all chats.
    pub fn heads(&self) -> BTreeMap<String, u64> {
        self.chats.iter().map(|(id, chat)| (id.clone(), chat.head_seq)).collect()
    }
}
