//! The durable streams: every chat and every person has one, numbered 1, 2, 3 and so on without a hole.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use serde_json::Value;

use crate::ids::{ChatId, MessageId, UserId};
use crate::protocol::notify::Noticed;

use super::messages::signed;
use super::notify::noticed;
use super::{Lane, Store, StoreError, Tx};

/// A durable event that a transaction has stored; fanned out once it is committed.
#[derive(Clone, Debug, PartialEq)]
pub enum Emitted {
    /// An event of a person's own stream.
    User {
        /// Whose stream.
        user: UserId,
        /// Its number.
        seq: u64,
        /// What happened.
        kind: &'static str,
        /// When.
        ts: DateTime<Utc>,
        /// What the kind needs besides.
        data: Value,
    },
    /// An event of a chat's stream.
    Chat {
        /// Which chat.
        chat: ChatId,
        /// Its number.
        seq: u64,
        /// What happened.
        kind: &'static str,
        /// When.
        ts: DateTime<Utc>,
        /// What the kind needs besides.
        data: Value,
        /// The message that it changes, if any.
        about: Option<About>,
    },
}

/// A message that an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Which.
    pub id: MessageId,
    /// Its place among the messages.
    pub n: u64,
    /// Who acts.
    pub actor: UserId,
    /// Whether the event's details are its own: else the message's row has them.
    pub own_details: bool,
    /// Who does not see it.
    pub withheld: Vec<UserId>,
}

impl Tx {
    /// Stores the next event of a person's own stream and returns its number.
    ///
    /// # Errors
    /// `Fault` when there is no such user.
    /// # Ordering
    /// The person's row is locked until the transaction ends, so numbers are given in commit order.
    pub async fn emit_user(
        &mut self,
        user: UserId,
        kind: &'static str,
        data: Value,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let next = Statement::from_sql_and_values(
            self.backend(),
            "UPDATE users SET head_seq = head_seq + 1 WHERE id = $1 RETURNING head_seq",
            [user.into()],
        );
        let row = self.conn().query_one_raw(next).await?;
        let row = row.ok_or_else(|| StoreError::fault(format!("no user {user} to emit {kind} to")))?;
        let seq: i64 = row.try_get_by_index(0)?;
        let event = Statement::from_sql_and_values(
            self.backend(),
            "INSERT INTO user_events (user_id, seq, kind, data, created_at) VALUES ($1, $2, $3, $4, $5)",
            [user.into(), seq.into(), kind.into(), data.clone().into(), now.into()],
        );
        self.conn().execute_raw(event).await?;
        let seq = u64::try_from(seq).map_err(|_| StoreError::fault(format!("user {user} has head {seq}")))?;
        self.emitted.push(Emitted::User { user, seq, kind, ts: now, data });
        Ok(seq)
    }
}

impl Tx {
    /// Stores the next event of a chat's stream (not a message) and returns its number.
    ///
    /// # Errors
    /// `Fault` when there is no such chat.
    /// # Ordering
    /// The chat's row is locked until the transaction ends, so numbers are given in commit order.
    pub async fn emit_chat(
        &mut self,
        chat: ChatId,
        kind: &'static str,
        data: Value,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.emit_in_chat(chat, kind, data, None, now).await
    }

    /// The same for an event that may be about a message.
    pub(super) async fn emit_in_chat(
        &mut self,
        chat: ChatId,
        kind: &'static str,
        data: Value,
        about: Option<About>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let next = Statement::from_sql_and_values(
            self.backend(),
            "UPDATE chats SET head_seq = head_seq + 1, updated_at = $2 WHERE id = $1 RETURNING head_seq, head_n",
            [chat.into(), now.into()],
        );
        let row = self.conn().query_one_raw(next).await?;
        let row = row.ok_or_else(|| StoreError::fault(format!("no chat {chat} to emit {kind} to")))?;
        let (seq, n): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let event = Statement::from_sql_and_values(
            self.backend(),
            "INSERT INTO chat_events (chat_id, seq, n, kind, data, created_at, actor_id, message_id, about_n) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            [
                chat.into(),
                seq.into(),
                n.into(),
                kind.into(),
                about.as_ref().is_none_or(|about| about.own_details).then(|| data.clone()).into(),
                now.into(),
                about.as_ref().map(|about| about.actor).into(),
                about.as_ref().map(|about| about.id).into(),
                about.as_ref().map(|about| signed(about.n)).into(),
            ],
        );
        self.conn().execute_raw(event).await?;
        let seq = u64::try_from(seq).map_err(|_| StoreError::fault(format!("chat {chat} has head {seq}")))?;
        self.emitted.push(Emitted::Chat { chat, seq, kind, ts: now, data, about });
        Ok(seq)
    }
}

/// A range of a person's stream, ascending. Parameters: person, after, up to.
pub(super) const USER_EVENTS: &str = "SELECT seq, kind, data, created_at FROM user_events \
     WHERE user_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq";

/// The events of a range that are news to the person. Parameters: person, after, up to.
pub(super) const NEWS: &str = "SELECT seq, kind, data, created_at FROM user_events \
     WHERE user_id = $1 AND seq > $2 AND seq <= $3 \
     AND kind IN ('chat.opened', 'chat.left', 'invite', 'match', 'verification', 'sanction') ORDER BY seq";

/// Where a person's stream stands, and the settings that hold there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserHead {
    /// The newest number.
    pub head: u64,
    /// The number up to which nothing is kept.
    pub base: u64,
    /// Whether the person shows others what they have read, and is shown it.
    pub receipts: bool,
    /// Whether the person hides.
    pub ghost: bool,
    /// What of it the person has seen.
    pub noticed: Noticed,
}

/// An event of a person's own stream.
#[derive(Clone, Debug)]
pub struct UserEventRow {
    /// Its number.
    pub seq: u64,
    /// What happened.
    pub kind: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What the kind needs besides.
    pub data: Value,
}

/// Where the streams of the next people stand, by id. Parameters: after whom, how many.
pub(super) const USER_STREAMS: &str = "SELECT id, head_seq, base_seq FROM users WHERE id > $1 ORDER BY id LIMIT $2";

impl Store {
    /// Removes what the streams of up to `people` people after this one keep beyond their newest `keep` events, at most
    /// `limit` events of each, and says where to go on; none when nobody is left.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn trim_user_events(
        &self,
        after: UserId,
        people: u64,
        keep: u64,
        limit: u64,
    ) -> Result<Option<UserId>, StoreError> {
        let values = [after.into(), signed(people).into()];
        let query = Statement::from_sql_and_values(self.backend(), USER_STREAMS, values);
        let rows = self.timed(self.reader().query_all_raw(query)).await?;
        let mut last = None;
        for row in rows {
            let (user, head, base): (UserId, i64, i64) =
                (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            last = Some(user);
            let to = head.saturating_sub(signed(keep)).min(base.saturating_add(signed(limit)));
            if to <= base {
                continue;
            }
            let trim = self.write(Lane::Bulk, move |tx| {
                Box::pin(async move {
                    for sql in [
                        "UPDATE users SET base_seq = $2 WHERE id = $1 AND base_seq < $2",
                        "DELETE FROM user_events WHERE user_id = $1 AND seq <= $2",
                    ] {
                        let trim = Statement::from_sql_and_values(tx.backend(), sql, [user.into(), to.into()]);
                        tx.conn().execute_raw(trim).await?;
                    }
                    Ok(())
                })
            });
            trim.await?;
        }
        Ok(last)
    }

    /// Where a person's stream stands.
    ///
    /// # Errors
    /// The store cannot be read, or there is no such person.
    pub async fn user_head(&self, user: UserId) -> Result<UserHead, StoreError> {
        let sql = "SELECT head_seq, base_seq, read_receipts, visibility, noticed_seq, noticed FROM users WHERE id = $1";
        let statement = Statement::from_sql_and_values(self.backend(), sql, [user.into()]);
        let row = self.reader().query_one_raw(statement).await?;
        let row = row.ok_or_else(|| StoreError::fault(format!("no user {user}")))?;
        let (head, base): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        Ok(UserHead {
            head: u64::try_from(head).unwrap_or_default(),
            base: u64::try_from(base).unwrap_or_default(),
            receipts: row.try_get_by_index(2)?,
            ghost: row.try_get_by_index::<String>(3)? == "ghost",
            noticed: noticed(row.try_get_by_index(4)?, row.try_get_by_index(5)?),
        })
    }

    /// The events of these ways of telling news after one number up to another, ascending.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn news(&self, user: UserId, after: u64, to: u64) -> Result<Vec<UserEventRow>, StoreError> {
        let values = [user.into(), signed(after).into(), signed(to).into()];
        let rows = self.reader().query_all_raw(Statement::from_sql_and_values(self.backend(), NEWS, values)).await?;
        rows.iter().map(user_event_row).collect()
    }

    /// The events of a person's stream after one number up to another, ascending.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn user_events(&self, user: UserId, after: u64, to: u64) -> Result<Vec<UserEventRow>, StoreError> {
        let values = [user.into(), signed(after).into(), signed(to).into()];
        let rows =
            self.reader().query_all_raw(Statement::from_sql_and_values(self.backend(), USER_EVENTS, values)).await?;
        rows.iter().map(user_event_row).collect()
    }
}

fn user_event_row(row: &QueryResult) -> Result<UserEventRow, StoreError> {
    Ok(UserEventRow {
        seq: u64::try_from(row.try_get::<i64>("", "seq")?).unwrap_or_default(),
        kind: row.try_get("", "kind")?,
        at: row.try_get("", "created_at")?,
        data: row.try_get::<Option<Value>>("", "data")?.unwrap_or_default(),
    })
}
