//! Reading chats: what a person is in, who else is, and what happened.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::prelude::Uuid;
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use serde_json::json;

use super::message_sql as sql;
use super::messages::{signed, unsigned};
use super::reactions::Reaction;
use super::{Lane, Store, StoreError, Tx};
use crate::ids::{ChatId, ClientMessageId, MessageId, PictureId, UserId};
use crate::protocol::events;

/// A chat as one of its members sees it.
#[derive(Clone, Debug)]
pub struct ChatRow {
    /// Its id.
    pub id: ChatId,
    /// A group, or two people.
    pub is_group: bool,
    /// The group's name.
    pub name: Option<String>,
    /// `open` or `closed`.
    pub status: String,
    /// The newest number.
    pub head: u64,
    /// The newest message ordinal.
    pub head_n: u64,
    /// Numbers up to this one are no longer kept, or came before the member.
    pub base: u64,
    /// When it last had a message, or was opened.
    pub at: DateTime<Utc>,
    /// The member has read up to this number.
    pub read: u64,
    /// The member has read up to this message ordinal.
    pub read_n: u64,
    /// The member has received up to this number.
    pub recv: u64,
    /// Messages after the read one that the member will not see.
    pub withheld_unread: u64,
    /// Whether some of its messages are withheld from the member.
    pub withholds: bool,
    /// The ordinal of the newest message that the member sees; 0: none.
    pub last_n: u64,
    /// The member sees what comes after this number.
    pub joined: u64,
    /// Whether the member has deleted some of its messages for themself.
    pub erases: bool,
    /// The member does not want to be told of it until then.
    pub muted: Option<DateTime<Utc>>,
}

/// A member of a chat.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// The chat.
    pub chat: ChatId,
    /// The person.
    pub user: UserId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// The uploaded picture.
    pub picture: Option<PictureId>,
    /// Whether this person shows others what they have read, and is shown it.
    pub receipts: bool,
    /// `owner` or `member`.
    pub role: String,
    /// `active` or `left`.
    pub status: String,
    /// They see what comes after this number.
    pub joined: u64,
    /// The event with which they left.
    pub left: Option<u64>,
    /// Read up to this number.
    pub read: u64,
    /// Read up to this message ordinal.
    pub read_n: u64,
    /// Received up to this number.
    pub recv: u64,
}

/// An event of a chat, with its message when it is one or is about one.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// The chat.
    pub chat: ChatId,
    /// Its number.
    pub seq: u64,
    /// What happened.
    pub kind: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Details of events that are no messages.
    pub data: Option<serde_json::Value>,
    /// The message.
    pub message: Option<MessageRow>,
}

/// A stored message.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// Its id.
    pub id: MessageId,
    /// Its place among the messages.
    pub n: u64,
    /// Its author.
    pub user: Option<UserId>,
    /// The author's own id for it.
    pub cid: Option<ClientMessageId>,
    /// The text.
    pub text: String,
    /// `user` or `system`.
    pub kind: String,
    /// Parameters of a typed system line.
    pub params: Option<serde_json::Value>,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// The number of the message it answers.
    pub reply_seq: Option<u64>,
    /// 1, and one more for each change.
    pub rev: u32,
    /// When the text was last replaced.
    pub edited_at: Option<DateTime<Utc>>,
    /// It was deleted for all.
    pub deleted: bool,
    /// How many reactions it has, seen or not.
    pub reaction_count: i32,
    /// The reactions that who reads sees, in the order they were made.
    pub reactions: Vec<Reaction>,
}

/// Numbers of one chat: from (exclusive) and to (inclusive).
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The chat.
    pub chat: ChatId,
    /// Events after this number ...
    pub after: u64,
    /// ... up to this one.
    pub to: u64,
    /// Whether something of the chat may be withheld from who reads; see [`ChatRow::withholds`].
    pub withholds: bool,
    /// Whether who reads may have deleted something of it for themself.
    pub erases: bool,
}

impl ChatRow {
    /// Numbers of this chat, as its member sees them: none from before they joined.
    pub fn range(&self, after: u64, to: u64) -> Range {
        Range { chat: self.id, after: after.max(self.base), to, withholds: self.withholds, erases: self.erases }
    }
}

impl EventRow {
    /// Takes out what a member does not see; the place in the stream stays.
    pub(super) fn hide(&mut self) {
        if let Some(message) = self.message.take() {
            self.kind = "hidden".into();
            self.data = Some(json!({"n": message.n, "u": message.user}));
        }
    }
}

/// Ranges as rows of a statement; None without any.
fn range_rows<'a>(ranges: impl Iterator<Item = &'a Range>) -> Option<Value> {
    let rows: Vec<_> = ranges
        .map(|range| json!({"c": range.chat.0.simple().to_string(), "a": signed(range.after), "z": signed(range.to)}))
        .collect();
    (!rows.is_empty()).then(|| json!(rows).to_string().into())
}

fn number(row: &QueryResult, column: &str) -> Result<u64, StoreError> {
    Ok(u64::try_from(row.try_get::<i64>("", column)?).unwrap_or_default())
}

fn chat_row(row: &QueryResult) -> Result<ChatRow, StoreError> {
    let last: Option<DateTime<Utc>> = row.try_get("", "last_message_at")?;
    let (head_n, withheld) = (number(row, "head_n")?, number(row, "withheld_n")?);
    let (joined, joined_n) = (number(row, "joined_seq")?, number(row, "joined_n")?);
    let last_n = if withheld == head_n { number(row, "shown_n")? } else { head_n };
    Ok(ChatRow {
        id: row.try_get("", "id")?,
        is_group: row.try_get("", "is_group")?,
        name: row.try_get("", "name")?,
        status: row.try_get("", "status")?,
        head: number(row, "head_seq")?,
        head_n,
        base: number(row, "base_seq")?.max(joined),
        at: match last {
            Some(at) => at,
            None => row.try_get("", "created_at")?,
        },
        read: number(row, "read_seq")?,
        read_n: number(row, "read_n")?,
        recv: number(row, "recv_seq")?,
        withheld_unread: number(row, "withheld_unread")?,
        withholds: withheld > 0,
        last_n: if last_n > joined_n { last_n } else { 0 },
        joined,
        erases: row.try_get("", "has_erased")?,
        muted: row.try_get("", "muted_until")?,
    })
}

fn event_row(row: &QueryResult) -> Result<EventRow, StoreError> {
    let message: Option<MessageId> = row.try_get("", "message_id")?;
    let message = match message {
        None => None,
        Some(id) => Some(MessageRow {
            id,
            n: number(row, "n")?,
            user: row.try_get("", "user_id")?,
            cid: row.try_get("", "client_msg_id")?,
            text: row.try_get("", "content")?,
            kind: row.try_get("", "message_kind")?,
            params: row.try_get("", "params")?,
            reply_to: row.try_get("", "reply_to_id")?,
            reply_seq: row.try_get::<Option<i64>>("", "reply_seq")?.map(unsigned),
            rev: u32::try_from(row.try_get::<i32>("", "rev")?).unwrap_or_default(),
            edited_at: row.try_get("", "edited_at")?,
            deleted: row.try_get::<Option<DateTime<Utc>>>("", "deleted_at")?.is_some(),
            reaction_count: row.try_get("", "reaction_count")?,
            reactions: Vec::new(),
        }),
    };
    Ok(EventRow {
        chat: row.try_get("", "chat_id")?,
        seq: number(row, "seq")?,
        kind: row.try_get("", "kind")?,
        at: row.try_get("", "created_at")?,
        data: row.try_get("", "data")?,
        message,
    })
}

impl Store {
    pub(super) fn chat_rows(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }

    /// The chats a person is an active member of, at most `limit`, in no order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn chats_of(&self, user: UserId, limit: u64) -> Result<Vec<ChatRow>, StoreError> {
        let sql = sql::chats_of();
        let found = self.reader().query_all_raw(self.chat_rows(&sql, [user.into(), signed(limit).into()])).await?;
        found.iter().map(chat_row).collect()
    }

    /// One chat as an active member sees it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn chat_of(&self, user: UserId, chat: ChatId) -> Result<Option<ChatRow>, StoreError> {
        let sql = sql::chat_of();
        let found = self.reader().query_one_raw(self.chat_rows(&sql, [chat.into(), user.into()])).await?;
        found.as_ref().map(chat_row).transpose()
    }

    /// Everybody who is or was in these chats.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn members_of(&self, chats: &[ChatId]) -> Result<HashMap<ChatId, Vec<MemberRow>>, StoreError> {
        let wanted: Vec<_> = chats.iter().map(|chat| json!({"c": chat.0.simple().to_string()})).collect();
        let sql = sql::members_of(self.backend());
        let found = self.reader().query_all_raw(self.chat_rows(&sql, [json!(wanted).to_string().into()])).await?;
        let mut members: HashMap<ChatId, Vec<MemberRow>> = HashMap::new();
        for row in &found {
            let chat: ChatId = row.try_get("", "chat_id")?;
            members.entry(chat).or_default().push(MemberRow {
                chat,
                user: row.try_get("", "user_id")?,
                first_name: row.try_get::<Option<String>>("", "first_name")?.unwrap_or_default(),
                last_name: row.try_get::<Option<String>>("", "last_name")?.unwrap_or_default(),
                hue: row.try_get::<Option<i32>>("", "avatar_hue")?.unwrap_or_default(),
                picture: row.try_get("", "picture_id")?,
                receipts: row.try_get("", "read_receipts")?,
                role: row.try_get("", "role")?,
                status: row.try_get("", "status")?,
                joined: number(row, "joined_seq")?,
                left: row.try_get::<Option<i64>>("", "left_seq")?.and_then(|seq| u64::try_from(seq).ok()),
                read: number(row, "read_seq")?,
                read_n: number(row, "read_n")?,
                recv: number(row, "recv_seq")?,
            });
        }
        Ok(members)
    }

    /// The events of several ranges as a member sees them, each ascending.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn events_in(
        &self,
        viewer: UserId,
        ranges: &[Range],
    ) -> Result<HashMap<ChatId, Vec<EventRow>>, StoreError> {
        let sql = sql::events_in(self.backend());
        let Some(wanted) = range_rows(ranges.iter()) else { return Ok(HashMap::new()) };
        let found = self.reader().query_all_raw(self.chat_rows(&sql, [wanted])).await?;
        let mut events: HashMap<ChatId, Vec<EventRow>> = HashMap::new();
        for row in &found {
            let event = event_row(row)?;
            events.entry(event.chat).or_default().push(event);
        }
        for events in events.values_mut() {
            events.sort_unstable_by_key(|event| event.seq);
        }
        // After the events: what is written meanwhile is in neither.
        self.withhold_from(viewer, ranges, &mut events).await?;
        let erases: HashSet<ChatId> = ranges.iter().filter(|range| range.erases).map(|range| range.chat).collect();
        self.withhold_changes(viewer, &erases, events.values_mut().flatten()).await?;
        self.withhold_reactions(viewer, events.values_mut().flatten()).await?;
        self.add_reactions(viewer, events.values_mut().flatten()).await?;
        Ok(events)
    }

    /// Puts `hidden` in the place of what this person does not see.
    async fn withhold_from(
        &self,
        viewer: UserId,
        ranges: &[Range],
        events: &mut HashMap<ChatId, Vec<EventRow>>,
    ) -> Result<(), StoreError> {
        let ranges = range_rows(ranges.iter().filter(|range| range.withholds));
        let Some(ranges) = ranges else { return Ok(()) };
        let sql = sql::withheld_in(self.backend());
        for row in &self.reader().query_all_raw(self.chat_rows(&sql, [ranges, viewer.into()])).await? {
            let chat: ChatId = row.try_get("", "chat_id")?;
            let seq = number(row, "seq")?;
            let Some(events) = events.get_mut(&chat) else { continue };
            if let Ok(at) = events.binary_search_by_key(&seq, |event| event.seq)
                && let Some(event) = events.get_mut(at)
            {
                event.hide();
            }
        }
        Ok(())
    }

    /// Puts `hidden` in the place of messages that were changed while this person had their author blocked or that they
    /// have deleted for themself, and of what else happened to messages withheld from them.
    async fn withhold_changes(
        &self,
        viewer: UserId,
        erases: &HashSet<ChatId>,
        events: impl Iterator<Item = &mut EventRow>,
    ) -> Result<(), StoreError> {
        let mut changed: HashMap<(ChatId, u64), Vec<&mut EventRow>> = HashMap::new();
        for event in events.filter(|event| event.kind != "reaction") {
            let changed_or_erased = |message: &&MessageRow| message.rev > 1 || erases.contains(&event.chat);
            if let Some(message) = event.message.as_ref().filter(changed_or_erased) {
                changed.entry((event.chat, message.n)).or_default().push(event);
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let wanted: Vec<_> =
            changed.keys().map(|(chat, n)| json!({"c": chat.0.simple().to_string(), "p": signed(*n)})).collect();
        let sql = sql::withheld_changes(self.backend());
        let wanted = json!(wanted).to_string().into();
        for row in &self.reader().query_all_raw(self.chat_rows(&sql, [wanted, viewer.into()])).await? {
            let place = (row.try_get("", "chat_id")?, number(row, "n")?);
            changed.remove(&place).into_iter().flatten().for_each(EventRow::hide);
        }
        Ok(())
    }

    /// The last message of each of these chats as a member sees it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn messages_at(
        &self,
        viewer: UserId,
        chats: impl Iterator<Item = &ChatRow>,
    ) -> Result<HashMap<ChatId, EventRow>, StoreError> {
        let (mut wanted, mut erases) = (Vec::new(), HashSet::new());
        for chat in chats.filter(|chat| chat.last_n > 0) {
            wanted.push(json!({"c": chat.id.0.simple().to_string(), "p": signed(chat.last_n)}));
            if chat.erases {
                erases.insert(chat.id);
            }
        }
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = sql::messages_at(self.backend());
        let found = self.reader().query_all_raw(self.chat_rows(&sql, [json!(wanted).to_string().into()])).await?;
        let mut events = found
            .iter()
            .map(|row| event_row(row).map(|event| (event.chat, event)))
            .collect::<Result<HashMap<_, _>, StoreError>>()?;
        self.withhold_changes(viewer, &erases, events.values_mut()).await?;
        self.add_reactions(viewer, events.values_mut()).await?;
        Ok(events)
    }
}

/// Heads of chats, and of people's streams.
pub type Heads = (Vec<(ChatId, u64)>, Vec<(UserId, u64)>);

impl Store {
    /// The heads of chats and of people's streams, once no transaction can change them any more that was begun before:
    /// on PostgreSQL a commit that is still under way holds the rows and is waited for.
    ///
    /// # Errors
    /// The store cannot be read, or the rows are held for too long.
    pub async fn settled_heads(&self, chats: Vec<ChatId>, users: Vec<UserId>) -> Result<Heads, StoreError> {
        let committed = self
            .write(Lane::Chat, move |tx| {
                Box::pin(async move {
                    let chats: Vec<_> = chats.iter().map(|id| json!({"c": id.0.simple().to_string()})).collect();
                    let users: Vec<_> = users.iter().map(|id| json!({"c": id.0.simple().to_string()})).collect();
                    let mut heads = (Vec::new(), Vec::new());
                    for row in tx.locked_heads("chats", &json!(chats)).await? {
                        heads.0.push((row.try_get("", "id")?, number(&row, "head_seq")?));
                    }
                    for row in tx.locked_heads("users", &json!(users)).await? {
                        heads.1.push((row.try_get("", "id")?, number(&row, "head_seq")?));
                    }
                    Ok(heads)
                })
            })
            .await?;
        Ok(committed.value)
    }
}

impl Tx {
    async fn locked_heads(&self, table: &str, ids: &serde_json::Value) -> Result<Vec<QueryResult>, StoreError> {
        let sql = sql::locked_heads(self.backend(), table);
        let statement = Statement::from_sql_and_values(self.backend(), sql, [ids.to_string().into()]);
        Ok(self.conn().query_all_raw(statement).await?)
    }
}

/// What became of opening the chat of two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// This transaction made it.
    New(ChatId),
    /// It was there already.
    Known(ChatId),
    /// One of them is in as many chats as one may be.
    Full,
    /// One of them has blocked the other.
    Blocked,
}

/// The unordered pair of two people, as the unique key of their chat.
pub(super) fn pair_key(a: UserId, b: UserId) -> String {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    format!("{low}:{high}")
}

impl Tx {
    /// Opens the chat of two people, once for a pair whatever the order, and tells both. Nobody is in more than
    /// `chats_max` chats: a connect shows all of a person's chats, so there is an end to them.
    ///
    /// # Errors
    /// Nothing is opened.
    pub async fn open_pair(
        &mut self,
        id: ChatId,
        (a, b): (UserId, UserId),
        chats_max: usize,
        cause: &'static str,
        now: DateTime<Utc>,
    ) -> Result<Opening, StoreError> {
        let key = pair_key(a, b);
        let insert = "INSERT INTO chats (id, is_group, pair_key, created_by, status, head_seq, head_n, base_seq, created_at, updated_at) \
                      VALUES ($1, FALSE, $2, NULL, 'open', 0, 0, 0, $3, $3) ON CONFLICT (pair_key) DO NOTHING";
        let values: [Value; 3] = [id.into(), key.clone().into(), now.into()];
        let made = self
            .conn()
            .execute_raw(Statement::from_sql_and_values(self.backend(), insert, values))
            .await?
            .rows_affected();
        if made == 0 {
            let statement = Statement::from_sql_and_values(
                self.backend(),
                "SELECT id FROM chats WHERE pair_key = $1",
                [key.into()],
            );
            let found = self.conn().query_one_raw(statement).await?;
            let chat = match found {
                Some(row) => ChatId(row.try_get::<Uuid>("", "id")?),
                None => id,
            };
            return Ok(Opening::Known(chat));
        }
        if self.is_blocked_pair((a, b)).await? {
            self.take_back_chat(id).await?;
            return Ok(Opening::Blocked);
        }
        for user in [a, b] {
            let held = Statement::from_sql_and_values(self.backend(), sql::CHATS_HELD, [user.into()]);
            let row = self.conn().query_one_raw(held).await?;
            let held: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
            if usize::try_from(held).is_ok_and(|held| held >= chats_max) {
                self.take_back_chat(id).await?;
                return Ok(Opening::Full);
            }
        }
        for user in [a, b] {
            let member = "INSERT INTO chat_members (chat_id, user_id, role, status, joined_at, joined_seq, read_seq, read_n, recv_seq, updated_at) \
                          VALUES ($1, $2, 'member', 'active', $3, 0, 0, 0, 0, $3)";
            let values: [Value; 3] = [id.into(), user.into(), now.into()];
            self.conn().execute_raw(Statement::from_sql_and_values(self.backend(), member, values)).await?;
        }
        self.emit_chat(id, "chat", json!(events::Chat::opened(cause)), now).await?;
        for user in [a, b] {
            self.emit_user(user, "chat.opened", json!({"chat_id": id}), now).await?;
        }
        Ok(Opening::New(id))
    }

    /// Removes a chat that this transaction has made and nobody is in yet.
    async fn take_back_chat(&self, id: ChatId) -> Result<(), StoreError> {
        let sql = "DELETE FROM chats WHERE id = $1";
        self.conn().execute_raw(Statement::from_sql_and_values(self.backend(), sql, [id.into()])).await?;
        Ok(())
    }
}
