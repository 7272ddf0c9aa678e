//! The index of what was said: which words stand in which message of which chat. It follows the chats' events a moment
//! later, so what it answers is looked up again before it is shown.
//!
//! A document's number begins with the moment its message was sent: the newest has the highest. Its words are kept under
//! its chat, so a search looks only at what belongs to the chats it names, however much there is besides.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use serde_json::json;

use super::messages::{hex, index, signed};
use super::table::{Col, rows};
use super::{Lane, Store, StoreError, Tx};
use crate::ids::{ChatId, MessageId};

/// Bits of a document's number that tell messages of one millisecond apart.
const WITHIN_BITS: u32 = 21;
/// How far a message moves on to find a free place: of one millisecond's messages each has one of two million.
const TRIES_MAX: i64 = 64;
/// Characters of a chat's id that its words are kept under.
const KEY_CHARS: usize = 10;

/// A message as the index must have it.
#[derive(Clone, Debug)]
pub struct SearchText {
    /// The message.
    pub id: MessageId,
    /// Its chat.
    pub chat: ChatId,
    /// Its number in the chat's stream.
    pub seq: u64,
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// Its text; empty once it is gone.
    pub text: String,
}

/// What the index lacks of a chat.
#[derive(Clone, Debug)]
pub struct SearchGap {
    /// The chat.
    pub chat: ChatId,
    /// Up to where it will have everything.
    pub to: u64,
    /// Whether there is more after that.
    pub more: bool,
    /// The messages that were written or changed.
    pub texts: Vec<SearchText>,
}

/// A message and its words.
#[derive(Clone, Debug)]
pub struct SearchDoc {
    /// The message.
    pub text: SearchText,
    /// Its words, folded; each once. Letters and digits only.
    pub words: Vec<String>,
    /// Their stems, each once.
    pub stems: Vec<String>,
}

/// A word that is looked for: as it is, or another one with the same stem.
#[derive(Clone, Debug)]
pub struct SearchWord {
    /// The word, folded. Letters and digits only.
    pub text: String,
    /// Words that begin with it are meant too.
    pub begins: bool,
    /// Its stems.
    pub stems: Vec<String>,
}

/// A message that may be what is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchHit {
    /// Its place in the index: the higher, the newer.
    pub doc: i64,
    /// Its chat.
    pub chat: ChatId,
    /// Its number in the chat's stream.
    pub seq: u64,
}

/// Chats by their ids, and how far the index is behind each. Parameters: after this one, how many.
pub(super) const SEARCH_PLACES: &str = "SELECT c.id, c.head_seq, COALESCE(s.seq, 0) AS place FROM chats c \
     LEFT JOIN search_places s ON s.chat_id = c.id WHERE c.id > $1 ORDER BY c.id LIMIT $2";

/// How far the index is behind a chat. Parameter: chat.
pub(super) const SEARCH_PLACE: &str = "SELECT c.head_seq, COALESCE(s.seq, 0) AS place FROM chats c \
     LEFT JOIN search_places s ON s.chat_id = c.id WHERE c.id = $1";

/// The messages that a range of a chat's events is about. Parameters: chat, after, up to.
pub(super) const SEARCH_TEXTS: &str = "SELECT m.id, m.seq, m.created_at, \
     CASE WHEN m.deleted_at IS NULL THEN m.content ELSE '' END AS content \
     FROM chat_events e JOIN messages m ON m.id = e.message_id \
     WHERE e.chat_id = $1 AND e.seq > $2 AND e.seq <= $3 AND m.kind = 'user'";

/// The numbers that messages have in the index.
pub(super) fn search_known(backend: DbBackend) -> String {
    format!(
        "SELECT j.i AS i, d.doc FROM {} CROSS JOIN search_docs d WHERE d.chat_id = j.c AND d.seq = j.s",
        rows(backend, &[("i", Col::Int), ("c", Col::Id), ("s", Col::Int)])
    )
}

/// Messages that fit. Parameters: words, before this document, how many.
pub(super) fn search_found(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres {
        // Found by the words first: walking down the numbers until enough have fitted could be a walk through everything.
        "WITH found AS MATERIALIZED (SELECT doc, chat_id, seq FROM search_docs WHERE terms @@ $1::tsquery) \
         SELECT doc, chat_id, seq FROM found WHERE doc < $2 ORDER BY doc DESC LIMIT $3"
    } else {
        "SELECT d.doc, d.chat_id, d.seq FROM search_terms CROSS JOIN search_docs d \
         WHERE search_terms MATCH $1 AND search_terms.rowid < $2 AND d.doc = search_terms.rowid \
         ORDER BY search_terms.rowid DESC LIMIT $3"
    }
}

/// Documents that are about to be written anew lose their words.
fn forget_terms() -> String {
    format!("DELETE FROM search_terms WHERE rowid IN (SELECT j.d FROM {})", rows(DbBackend::Sqlite, &[("d", Col::Int)]))
}

/// Messages that are new to the index, where there is room.
fn add_docs(backend: DbBackend) -> String {
    let rows = rows(backend, &[("d", Col::Int), ("c", Col::Id), ("s", Col::Int)]);
    format!(
        "INSERT INTO search_docs (doc, chat_id, seq) SELECT j.d, j.c, j.s FROM {rows} WHERE TRUE ON CONFLICT DO NOTHING"
    )
}

/// The words of messages.
fn put_terms(backend: DbBackend) -> String {
    let rows = rows(backend, &[("d", Col::Int), ("t", Col::Text)]);
    if backend == DbBackend::Postgres {
        return format!(
            "UPDATE search_docs SET terms = array_to_tsvector(string_to_array(j.t, ' ')) FROM {rows} WHERE doc = j.d"
        );
    }
    format!("INSERT INTO search_terms (rowid, terms) SELECT j.d, j.t FROM {rows} WHERE j.t <> ''")
}

/// How far the index has come in some chats.
fn put_places(backend: DbBackend) -> String {
    format!(
        "INSERT INTO search_places (chat_id, seq) SELECT j.c, j.s FROM {} WHERE TRUE \
         ON CONFLICT (chat_id) DO UPDATE SET seq = excluded.seq",
        rows(backend, &[("c", Col::Id), ("s", Col::Int)])
    )
}

/// Where a message stands in the index unless somebody else stands there.
fn place_of(text: &SearchText) -> i64 {
    let within = i64::try_from(text.id.0.as_u128() & ((1 << WITHIN_BITS) - 1)).unwrap_or_default();
    text.at.timestamp_millis().max(0).saturating_mul(1 << WITHIN_BITS).saturating_add(within)
}

impl Store {
    /// The next chats by their ids, and which of them the index is behind of.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn search_places(&self, after: ChatId, limit: u64) -> Result<Vec<(ChatId, bool)>, StoreError> {
        let values: [Value; 2] = [after.into(), signed(limit).into()];
        let query = Statement::from_sql_and_values(self.backend(), SEARCH_PLACES, values);
        let found = self.reader().query_all_raw(query).await?;
        let behind = |row: &sea_orm::QueryResult| -> Result<(ChatId, bool), StoreError> {
            let (head, place): (i64, i64) = (row.try_get("", "head_seq")?, row.try_get("", "place")?);
            Ok((row.try_get("", "id")?, place < head))
        };
        found.iter().map(behind).collect()
    }

    /// What the index lacks of a chat, of at most `events` events; None when it has everything.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn search_gap(&self, chat: ChatId, events: u64) -> Result<Option<SearchGap>, StoreError> {
        let query = Statement::from_sql_and_values(self.backend(), SEARCH_PLACE, [chat.into()]);
        let Some(row) = self.reader().query_one_raw(query).await? else { return Ok(None) };
        let (head, place): (i64, i64) = (row.try_get("", "head_seq")?, row.try_get("", "place")?);
        if place >= head {
            return Ok(None);
        }
        let to = head.min(place.saturating_add(signed(events)));
        let values: [Value; 3] = [chat.into(), place.into(), to.into()];
        let query = Statement::from_sql_and_values(self.backend(), SEARCH_TEXTS, values);
        let mut texts = Vec::new();
        for row in &self.reader().query_all_raw(query).await? {
            texts.push(SearchText {
                id: row.try_get("", "id")?,
                chat,
                seq: u64::try_from(row.try_get::<i64>("", "seq")?).unwrap_or_default(),
                at: row.try_get("", "created_at")?,
                text: row.try_get("", "content")?,
            });
        }
        // A message that was written and changed in one gap is there once.
        texts.sort_unstable_by_key(|text: &SearchText| text.seq);
        texts.dedup_by_key(|text| text.seq);
        let to = u64::try_from(to).unwrap_or_default();
        Ok(Some(SearchGap { chat, to, more: to < u64::try_from(head).unwrap_or_default(), texts }))
    }

    /// Puts messages into the index in the place of what it had of them, and notes how far it has come.
    ///
    /// # Errors
    /// Those of the store; nothing is changed then.
    pub async fn search_add(&self, docs: Vec<SearchDoc>, places: Vec<(ChatId, u64)>) -> Result<(), StoreError> {
        self.write(Lane::Bulk, move |tx| Box::pin(async move { tx.search_add(&docs, &places).await })).await?;
        Ok(())
    }

    /// Messages of these chats that have all of these words and stand before a place of the index, the newest first.
    /// Some may have changed since.
    ///
    /// # Errors
    /// The store cannot be read, or takes too long.
    pub async fn search(
        &self,
        chats: &[ChatId],
        words: &[SearchWord],
        before: i64,
        limit: u64,
    ) -> Result<Vec<SearchHit>, StoreError> {
        let wanted = wanted(self.backend(), chats, words);
        let values: [Value; 3] = [wanted.into(), before.into(), signed(limit).into()];
        let query = Statement::from_sql_and_values(self.backend(), search_found(self.backend()), values);
        let found = self.timed(self.reader().query_all_raw(query)).await?;
        let hit = |row: &sea_orm::QueryResult| -> Result<SearchHit, StoreError> {
            Ok(SearchHit {
                doc: row.try_get("", "doc")?,
                chat: row.try_get("", "chat_id")?,
                seq: u64::try_from(row.try_get::<i64>("", "seq")?).unwrap_or_default(),
            })
        };
        found.iter().map(hit).collect()
    }
}

impl Tx {
    async fn search_add(&mut self, docs: &[SearchDoc], places: &[(ChatId, u64)]) -> Result<(), StoreError> {
        let backend = self.backend();
        let run = async |sql: &str, rows: Vec<serde_json::Value>| -> Result<(), StoreError> {
            if !rows.is_empty() {
                let values = [Value::from(json!(rows).to_string())];
                self.conn().execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
            }
            Ok(())
        };
        let mut known = self.search_known(docs).await?;
        if backend == DbBackend::Sqlite {
            run(&forget_terms(), known.values().map(|doc| json!({"d": doc})).collect()).await?;
        }
        for attempt in 0..TRIES_MAX {
            let new: Vec<_> = docs
                .iter()
                .enumerate()
                .filter(|(i, _)| !known.contains_key(i))
                .map(|(_, doc)| {
                    let place = place_of(&doc.text).saturating_add(attempt);
                    json!({"d": place, "c": hex(doc.text.chat.0), "s": signed(doc.text.seq)})
                })
                .collect();
            if new.is_empty() {
                break;
            }
            // Whoever finds another message at its place takes the next one.
            run(&add_docs(backend), new).await?;
            known = self.search_known(docs).await?;
        }
        let terms = known.iter().filter_map(|(i, place)| Some((docs.get(*i)?, place)));
        let terms = terms.map(|(doc, place)| json!({"d": place, "t": terms_of(doc)})).collect();
        run(&put_terms(backend), terms).await?;
        let places = places.iter().map(|(chat, seq)| json!({"c": hex(chat.0), "s": signed(*seq)})).collect();
        run(&put_places(backend), places).await
    }

    async fn search_known(&self, docs: &[SearchDoc]) -> Result<HashMap<usize, i64>, StoreError> {
        let wanted: Vec<_> = docs
            .iter()
            .enumerate()
            .map(|(i, doc)| json!({"i": i, "c": hex(doc.text.chat.0), "s": signed(doc.text.seq)}))
            .collect();
        let values = [Value::from(json!(wanted).to_string())];
        let query = Statement::from_sql_and_values(self.backend(), search_known(self.backend()), values);
        let found = self.conn().query_all_raw(query).await?;
        found.iter().map(|row| Ok((index(row)?, row.try_get("", "doc")?))).collect()
    }
}

/// The part of a chat's id that its words are kept under. Chats that share it are told apart by the document.
fn key_of(chat: ChatId) -> String {
    let id = hex(chat.0);
    id.get(id.len().saturating_sub(KEY_CHARS)..).unwrap_or_default().to_owned()
}

/// The words of a message as the index keeps them. None without a text: then the message is not found by anything.
fn terms_of(doc: &SearchDoc) -> String {
    let key = key_of(doc.text.chat);
    let words = doc.words.iter().map(|word| format!("{key}w{word}"));
    words.chain(doc.stems.iter().map(|stem| format!("{key}s{stem}"))).collect::<Vec<_>>().join(" ")
}

/// What is looked for, in the words of the database. Everything in it is letters and digits, so nothing of it can be
/// taken for anything else.
fn wanted(backend: DbBackend, chats: &[ChatId], words: &[SearchWord]) -> String {
    let (quote, any, all, begins) =
        if backend == DbBackend::Postgres { ("'", " | ", " & ", ":*") } else { ("\"", " OR ", " AND ", "*") };
    let of_chat = |chat: &ChatId| {
        let key = key_of(*chat);
        let of_word = |word: &SearchWord| {
            let as_it_is = format!("{quote}{key}w{}{quote}{}", word.text, if word.begins { begins } else { "" });
            let forms = word.stems.iter().map(|stem| format!("{quote}{key}s{stem}{quote}"));
            format!("({})", std::iter::once(as_it_is).chain(forms).collect::<Vec<_>>().join(any))
        };
        format!("({})", words.iter().map(of_word).collect::<Vec<_>>().join(all))
    };
    chats.iter().map(of_chat).collect::<Vec<_>>().join(any)
}
