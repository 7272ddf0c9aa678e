//! Writes a world of millions: rows as they come, thousands in one constant statement, and how far it has come.

use chrono::{DateTime, Utc};
use sea_orm::prelude::Uuid;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ids::UserId;

use super::chats::pair_key;
use super::table::{Col, blob, rows};
use super::{Lane, Store, StoreError, Tx};

/// How far a large world has come; kept with its rows, in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// People besides the small world's.
    pub people: u64,
    /// Messages besides the small world's.
    pub messages: u64,
    /// The present of this world, in milliseconds since 1970.
    pub now: i64,
    /// Slices that are stored.
    pub slices: u64,
    /// Nothing is left to be written.
    pub whole: bool,
}

/// A person of the crowd.
#[derive(Clone, Debug, Serialize)]
pub struct PersonRow {
    /// The account.
    #[serde(with = "uuid::serde::simple")]
    pub id: Uuid,
    /// The university.
    #[serde(with = "uuid::serde::simple")]
    pub university: Uuid,
    /// A session of the person.
    #[serde(with = "uuid::serde::simple")]
    pub session: Uuid,
    /// The hash of its token, hexadecimal.
    pub token: String,
    /// Address, in normal form.
    pub email: String,
    /// `nl` or `en`.
    pub locale: &'static str,
    /// First name.
    pub first_name: &'static str,
    /// Last name.
    pub last_name: &'static str,
    /// What the person studies.
    pub program: &'static str,
    /// A sentence about the person.
    pub about: &'static str,
    /// How the person is called by others.
    pub pronouns: Option<&'static str>,
    /// A JSON list of ISO 639-1 codes.
    pub languages: String,
    /// In which year.
    pub year: i64,
    /// Colour of the avatar in degrees.
    pub hue: i64,
    /// When the person signed up.
    pub joined: String,
    /// When the session was last used.
    pub seen: String,
    /// When the session ends.
    pub expires: String,
}

/// A chat, whole at once: its messages follow.
#[derive(Clone, Debug, Serialize)]
pub struct ChatRow {
    /// Its id.
    #[serde(with = "uuid::serde::simple")]
    pub id: Uuid,
    /// Who made it.
    #[serde(with = "uuid::serde::simple")]
    pub creator: Uuid,
    /// The name of a group.
    pub name: Option<&'static str>,
    /// Both people of a chat of two.
    pub pair: Option<String>,
    /// 1: a group.
    pub grouped: i64,
    /// How many messages it has.
    pub length: i64,
    /// When it was opened.
    pub opened: String,
    /// When its last message was written.
    pub last: String,
    /// The details of its first event.
    pub data: String,
}

/// A member of a chat.
#[derive(Clone, Debug, Serialize)]
pub struct MemberRow {
    /// The chat.
    #[serde(with = "uuid::serde::simple")]
    pub chat: Uuid,
    /// The person.
    #[serde(with = "uuid::serde::simple")]
    pub person: Uuid,
    /// `owner` or `member`.
    pub part: &'static str,
    /// The ordinal of the last message read.
    pub done: i64,
    /// How many messages the chat has.
    pub length: i64,
    /// The number of the event in the person's own stream.
    pub seq: i64,
    /// When it was opened.
    pub opened: String,
    /// The details of that event.
    pub data: String,
}

/// A message and its event.
#[derive(Clone, Debug, Serialize)]
pub struct MessageRow<'a> {
    /// Its id.
    #[serde(with = "uuid::serde::simple")]
    pub id: Uuid,
    /// The chat.
    #[serde(with = "uuid::serde::simple")]
    pub chat: Uuid,
    /// Who wrote it.
    #[serde(with = "uuid::serde::simple")]
    pub person: Uuid,
    /// The client's id.
    #[serde(with = "uuid::serde::simple")]
    pub client: Uuid,
    /// Its ordinal.
    pub n: i64,
    /// What.
    pub said: &'a str,
    /// Its hash, as sending computes it, hexadecimal.
    pub hash: &'a str,
    /// When.
    pub at: String,
}

/// What one transaction writes.
#[derive(Clone, Debug, Default)]
pub struct Slice<'a> {
    /// People first: chats refer to them.
    pub people: Vec<PersonRow>,
    /// Chats.
    pub chats: Vec<ChatRow>,
    /// Their members.
    pub members: Vec<MemberRow>,
    /// Messages, each after its chat.
    pub messages: Vec<MessageRow<'a>>,
}

/// How a moment is written: as the database driver does it.
pub fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)
}

/// The key of two people's chat.
pub fn pair(one: UserId, other: UserId) -> String {
    pair_key(one, other)
}

/// Rows of one statement: so many that the statement's own price disappears, so few that the array stays small.
const STATEMENT_ROWS: usize = 1000;
/// The key of [`Growth`].
const KEY: &str = "demo_growth";

impl Store {
    /// How far the large world of this database has come; none when it has none.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn growth(&self) -> Result<Option<Growth>, StoreError> {
        let find = "SELECT value FROM store_meta WHERE key = $1";
        let find = Statement::from_sql_and_values(self.backend(), find, [KEY.into()]);
        let Some(row) = self.timed(self.reader().query_one_raw(find)).await? else { return Ok(None) };
        let text: String = row.try_get_by_index(0)?;
        serde_json::from_str(&text).map(Some).map_err(StoreError::fault)
    }

    /// Writes a slice and how far the world is with it.
    ///
    /// # Errors
    /// `Unavailable`: nothing of the slice is stored, or all of it: ask [`Store::growth`].
    pub async fn grow(&self, slice: &Slice<'_>, growth: Growth) -> Result<(), StoreError> {
        let backend = self.backend();
        let mut work: Vec<(String, String)> = Vec::new();
        add(&mut work, &slice.people, &[users(backend), profiles(backend), sessions(backend), user_starts(backend)])?;
        add(&mut work, &slice.chats, &[chats(backend), openings(backend)])?;
        add(&mut work, &slice.members, &[members(backend), user_events(backend), user_heads(backend)])?;
        add(&mut work, &slice.messages, &[messages(backend), events(backend)])?;
        let note = json!(growth).to_string();
        self.write(Lane::Bulk, move |tx| {
            Box::pin(async move {
                for (sql, rows) in work {
                    let statement = Statement::from_sql_and_values(backend, sql, [rows.into()]);
                    tx.conn().execute_raw(statement).await?;
                }
                tx.note_growth(note).await
            })
        })
        .await?;
        Ok(())
    }
}

impl Tx {
    async fn note_growth(&self, note: String) -> Result<(), StoreError> {
        let sql = "INSERT INTO store_meta (key, value) VALUES ($1, $2) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let statement = Statement::from_sql_and_values(self.backend(), sql, [KEY.into(), note.into()]);
        self.conn().execute_raw(statement).await?;
        Ok(())
    }
}

/// Every statement over all rows, in parts.
fn add(work: &mut Vec<(String, String)>, all: &[impl Serialize], statements: &[String]) -> Result<(), StoreError> {
    for part in all.chunks(STATEMENT_ROWS) {
        let part = serde_json::to_string(part).map_err(StoreError::fault)?;
        work.extend(statements.iter().map(|sql| (sql.clone(), part.clone())));
    }
    Ok(())
}

/// A moment of the array as the column's own type.
fn time(backend: DbBackend, name: &str) -> String {
    if backend == DbBackend::Postgres { format!("j.{name}::timestamptz") } else { format!("j.{name}") }
}

fn json_of(backend: DbBackend, name: &str) -> String {
    if backend == DbBackend::Postgres { format!("j.{name}::json") } else { format!("j.{name}") }
}

fn users(backend: DbBackend) -> String {
    let joined = time(backend, "joined");
    format!(
        "INSERT INTO users (id, email, email_normalized, password_hash, locale, user_type, is_active, email_confirmed_at, \
         date_of_birth_enc, identity_verified_at, identity_verification_provider, university_id, head_seq, base_seq, \
         created_at, updated_at) SELECT j.id, j.email, j.email, '!', j.locale, 'student', TRUE, {joined}, {}, {joined}, \
         'mock', j.university, 1, 0, {joined}, {joined} FROM {}",
        if backend == DbBackend::Postgres { "''::bytea" } else { "x''" },
        rows(
            backend,
            &[
                ("id", Col::Id),
                ("university", Col::Id),
                ("email", Col::Text),
                ("locale", Col::Text),
                ("joined", Col::Text)
            ]
        )
    )
}

fn profiles(backend: DbBackend) -> String {
    let joined = time(backend, "joined");
    let columns = [
        ("id", Col::Id),
        ("first_name", Col::Text),
        ("last_name", Col::Text),
        ("program", Col::Text),
        ("about", Col::Text),
        ("pronouns", Col::Text),
        ("languages", Col::Text),
        ("year", Col::Int),
        ("hue", Col::Int),
        ("joined", Col::Text),
    ];
    format!(
        "INSERT INTO profiles (user_id, first_name, last_name, program, bio, pronouns, languages, study_year, avatar_hue, \
         created_at, updated_at) SELECT j.id, j.first_name, j.last_name, j.program, j.about, j.pronouns, {}, j.year, j.hue, \
         {joined}, {joined} FROM {}",
        json_of(backend, "languages"),
        rows(backend, &columns)
    )
}

fn sessions(backend: DbBackend) -> String {
    let seen = time(backend, "seen");
    format!(
        "INSERT INTO sessions (id, token_hash, user_id, kind, created_at, last_seen_at, expires_at, address_truncated, \
         user_agent) SELECT j.session, {}, j.id, 'cookie', {seen}, {seen}, {}, '192.0.2.0/24', 'Firefox' FROM {}",
        blob(backend, "token"),
        time(backend, "expires"),
        rows(
            backend,
            &[("id", Col::Id), ("session", Col::Id), ("token", Col::Blob), ("seen", Col::Text), ("expires", Col::Text)]
        )
    )
}

fn user_starts(backend: DbBackend) -> String {
    format!(
        "INSERT INTO user_events (user_id, seq, kind, data, created_at) SELECT j.id, 1, 'verification', '{{\"verified\":true}}', \
         {} FROM {}",
        time(backend, "joined"),
        rows(backend, &[("id", Col::Id), ("joined", Col::Text)])
    )
}

fn chats(backend: DbBackend) -> String {
    let columns = [
        ("id", Col::Id),
        ("creator", Col::Id),
        ("name", Col::Text),
        ("pair", Col::Text),
        ("grouped", Col::Int),
        ("length", Col::Int),
        ("opened", Col::Text),
        ("last", Col::Text),
    ];
    let (opened, last) = (time(backend, "opened"), time(backend, "last"));
    format!(
        "INSERT INTO chats (id, is_group, name, pair_key, created_by, status, head_seq, head_n, base_seq, last_message_at, \
         created_at, updated_at) SELECT j.id, j.grouped = 1, j.name, j.pair, CASE WHEN j.grouped = 1 THEN j.creator END, \
         'open', j.length + 1, j.length, 0, {last}, {opened}, {last} FROM {}",
        rows(backend, &columns)
    )
}

fn openings(backend: DbBackend) -> String {
    format!(
        "INSERT INTO chat_events (chat_id, seq, n, kind, data, created_at) SELECT j.id, 1, 0, 'chat', {}, {} FROM {}",
        json_of(backend, "data"),
        time(backend, "opened"),
        rows(backend, &[("id", Col::Id), ("data", Col::Text), ("opened", Col::Text)])
    )
}

fn members(backend: DbBackend) -> String {
    let opened = time(backend, "opened");
    let columns = [
        ("chat", Col::Id),
        ("person", Col::Id),
        ("part", Col::Text),
        ("done", Col::Int),
        ("length", Col::Int),
        ("opened", Col::Text),
    ];
    format!(
        "INSERT INTO chat_members (chat_id, user_id, role, status, joined_at, joined_seq, read_seq, read_n, recv_seq, \
         updated_at) SELECT j.chat, j.person, j.part, 'active', {opened}, 0, j.done + 1, j.done, j.length + 1, {opened} \
         FROM {}",
        rows(backend, &columns)
    )
}

fn user_events(backend: DbBackend) -> String {
    format!(
        "INSERT INTO user_events (user_id, seq, kind, data, created_at) SELECT j.person, j.seq, 'chat.opened', {}, {} FROM {}",
        json_of(backend, "data"),
        time(backend, "opened"),
        rows(backend, &[("person", Col::Id), ("seq", Col::Int), ("data", Col::Text), ("opened", Col::Text)])
    )
}

/// A person may be in several rows: the greatest number holds.
fn user_heads(backend: DbBackend) -> String {
    format!(
        "UPDATE users SET head_seq = h.seq FROM (SELECT j.person AS person, MAX(j.seq) AS seq FROM {} GROUP BY j.person) AS h \
         WHERE users.id = h.person",
        rows(backend, &[("person", Col::Id), ("seq", Col::Int)])
    )
}

fn messages(backend: DbBackend) -> String {
    let columns = [
        ("id", Col::Id),
        ("chat", Col::Id),
        ("person", Col::Id),
        ("client", Col::Id),
        ("n", Col::Int),
        ("said", Col::Text),
        ("hash", Col::Blob),
        ("at", Col::Text),
    ];
    format!(
        "INSERT INTO messages (id, chat_id, seq, n, user_id, kind, client_msg_id, content, content_hash, created_at, rev) \
         SELECT j.id, j.chat, j.n + 1, j.n, j.person, 'user', j.client, j.said, {}, {}, 1 FROM {}",
        blob(backend, "hash"),
        time(backend, "at"),
        rows(backend, &columns)
    )
}

fn events(backend: DbBackend) -> String {
    format!(
        "INSERT INTO chat_events (chat_id, seq, n, kind, actor_id, message_id, created_at) \
         SELECT j.chat, j.n + 1, j.n, 'message', j.person, j.id, {} FROM {}",
        time(backend, "at"),
        rows(backend, &[("id", Col::Id), ("chat", Col::Id), ("person", Col::Id), ("n", Col::Int), ("at", Col::Text)])
    )
}
