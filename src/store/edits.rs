//! What is done to a message after it was sent: by its author to it, and by everybody to what they see of it.
//!
//! A text lives in the message's row alone: the event of a change only says which message, and whoever reads it later is
//! shown the message as it is then.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Value};
use serde_json::json;

use super::messages::{signed, unsigned};
use super::streams::About;
use super::{Outcome, StoreError, Tx};
use crate::ids::{ChatId, MessageId, UserId};
use crate::protocol::events;

/// A message of a chat. Parameters: message, chat.
pub(super) const MESSAGE: &str =
    "SELECT n, seq, user_id, rev, created_at, deleted_at, change_seq FROM messages WHERE id = $1 AND chat_id = $2";

/// Whether a message is withheld from a person, who may have come later. Parameters: chat, person, the message's number,
/// its place.
pub(super) const IS_WITHHELD: &str = "SELECT 1 WHERE EXISTS (SELECT 1 FROM withheld_messages w \
     WHERE w.chat_id = $1 AND w.user_id = $2 AND w.seq = $3) OR EXISTS (SELECT 1 FROM withheld_changes w \
     WHERE w.chat_id = $1 AND w.user_id = $2 AND w.n = $4) OR EXISTS (SELECT 1 FROM chat_members cm \
     WHERE cm.chat_id = $1 AND cm.user_id = $2 AND cm.joined_n >= $4)";

/// The members who do not see what somebody does to a message: they joined after it, it is withheld from them, or they
/// have blocked who does it.
/// Parameters: chat, the message's number, its place, who does it or none.
pub(super) const UNSEEN_BY: &str = "SELECT cm.user_id FROM chat_members cm WHERE cm.chat_id = $1 \
     AND (cm.joined_n >= $3 OR EXISTS (SELECT 1 FROM withheld_messages w WHERE w.chat_id = $1 AND w.user_id = cm.user_id AND w.seq = $2) \
     OR EXISTS (SELECT 1 FROM withheld_changes w WHERE w.chat_id = $1 AND w.user_id = cm.user_id AND w.n = $3) \
     OR EXISTS (SELECT 1 FROM match_blocklist b WHERE b.user_id = cm.user_id AND b.blocked_user_id = $4 \
     AND b.ended_at IS NULL))";

/// A message that a person sees no more already, and where their own stream stands. Parameters: message, chat, person.
pub(super) const ERASED: &str = "SELECT m.rev, u.head_seq FROM messages m JOIN withheld_changes w \
     ON w.chat_id = m.chat_id AND w.n = m.n AND w.user_id = $3 JOIN users u ON u.id = $3 WHERE m.id = $1 AND m.chat_id = $2";

/// A wish to change a message.
#[derive(Clone, Debug)]
pub struct NewChange {
    /// The chat it must be in.
    pub chat: ChatId,
    /// The message.
    pub message: MessageId,
    /// Who asks.
    pub user: UserId,
    /// What is wanted.
    pub change: Change,
    /// How long after it was sent that may be.
    pub window: TimeDelta,
}

/// What is wanted of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another text in the place of this revision.
    Edit {
        /// The revision that whoever asks has seen.
        rev: u32,
        /// The new text.
        text: String,
    },
    /// Nothing of it left, for all.
    Delete,
}

/// Where a message stands after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its revision.
    pub rev: u32,
    /// The number of the event that says so.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
}

/// What became of a wish to change a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// It is so.
    Changed(Changed),
    /// Refused for what would refuse a new message too.
    Refused(Outcome),
    /// No such message in this chat, for who asks.
    NotFound,
    /// It is somebody else's, or the system's.
    NotYours,
    /// It was deleted.
    Deleted,
    /// It was sent too long ago.
    TooLate,
    /// It has another revision by now.
    Stale(u32),
}

/// A message that somebody sees.
pub(super) struct Found {
    pub(super) n: u64,
    seq: u64,
    author: Option<UserId>,
    rev: u32,
    sent: DateTime<Utc>,
    pub(super) deleted: Option<DateTime<Utc>>,
    change_seq: u64,
}

/// Who wants something of which message.
#[derive(Clone, Copy, Debug)]
pub struct Erasure {
    /// The chat it must be in.
    pub chat: ChatId,
    /// The message.
    pub message: MessageId,
    /// Who asks.
    pub user: UserId,
}

impl Tx {
    /// Changes a message, if it is its author who asks and in time. Deleting what is deleted changes nothing and is
    /// answered as before.
    ///
    /// # Errors
    /// Nothing is changed.
    /// # Ordering
    /// The chat's row is locked before the message is looked at, so of two changes to a revision one wins.
    pub async fn change_message(&mut self, wish: &NewChange, now: DateTime<Utc>) -> Result<ChangeOutcome, StoreError> {
        let of = Erasure { chat: wish.chat, message: wish.message, user: wish.user };
        // Whoever may not write any more may still take back what they wrote.
        let found = match self.found(of, |refused| wish.change != Change::Delete || is_final(refused)).await? {
            Ok(found) => found,
            // Also of what they have deleted for themself.
            Err(ChangeOutcome::NotFound) if wish.change == Change::Delete => {
                match self.message(wish.chat, wish.message).await? {
                    Some(found) if found.author == Some(wish.user) => found,
                    _ => return Ok(ChangeOutcome::NotFound),
                }
            }
            Err(refused) => return Ok(refused),
        };
        if found.author != Some(wish.user) {
            return Ok(ChangeOutcome::NotYours);
        }
        if let Some(at) = found.deleted {
            return Ok(if wish.change == Change::Delete {
                ChangeOutcome::Changed(Changed { rev: found.rev, seq: found.change_seq, at })
            } else {
                ChangeOutcome::Deleted
            });
        }
        if now.signed_duration_since(found.sent) > wish.window {
            return Ok(ChangeOutcome::TooLate);
        }
        if let Change::Edit { rev: seen, .. } = &wish.change
            && *seen != found.rev
        {
            return Ok(ChangeOutcome::Stale(found.rev));
        }
        self.store_change(wish, &found, now).await
    }

    /// Takes a message out of everybody's sight for an admin, whoever wrote it and whether or not they are still there;
    /// false when it is gone already.
    ///
    /// # Errors
    /// Nothing is changed.
    pub async fn remove_message(
        &mut self,
        chat: ChatId,
        message: MessageId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        // The chat's row is locked before the message is looked at.
        let lock = self.statement("UPDATE chats SET updated_at = updated_at WHERE id = $1", [chat.into()]);
        self.conn().execute_raw(lock).await?;
        let Some(found) = self.message(chat, message).await?.filter(|found| found.deleted.is_none()) else {
            return Ok(false);
        };
        let Some(author) = found.author else { return Ok(false) };
        let wish = NewChange { chat, message, user: author, change: Change::Delete, window: TimeDelta::zero() };
        self.store_change(&wish, &found, now).await?;
        Ok(true)
    }

    async fn store_change(
        &mut self,
        wish: &NewChange,
        found: &Found,
        now: DateTime<Utc>,
    ) -> Result<ChangeOutcome, StoreError> {
        let rev = found.rev.saturating_add(1);
        let (kind, data, sql, text, withheld) = match &wish.change {
            Change::Edit { text, .. } => {
                // What was seen of it is gone for those who have blocked its author since.
                let unseen = self.unseen_by(wish.chat, found, found.author).await?;
                let edited_at = now.timestamp_millis();
                let event = events::Edited { mid: wish.message, n: found.n, rev, text: text.clone(), edited_at };
                let sql = "UPDATE messages SET content = $3, content_hash = NULL, edited_at = $4, rev = $2, change_seq = $5 \
                     WHERE id = $1";
                ("message.edited", json!(event), sql, text.as_str(), unseen)
            }
            Change::Delete => {
                let event = events::Deleted { mid: wish.message, n: found.n, rev };
                let sql = "UPDATE messages SET content = $3, content_hash = NULL, params = NULL, edited_at = NULL, deleted_at = $4, rev = $2, \
                     change_seq = $5, reaction_count = 0 WHERE id = $1";
                self.forget_reactions(wish.chat, found.n).await?;
                ("message.deleted", json!(event), sql, "", self.unseen_by(wish.chat, found, None).await?)
            }
        };
        for user in &withheld {
            let sql = "INSERT INTO withheld_changes (chat_id, user_id, n) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            let values: [Value; 3] = [wish.chat.into(), (*user).into(), signed(found.n).into()];
            self.conn().execute_raw(self.statement(sql, values)).await?;
        }
        let about = About { id: wish.message, n: found.n, actor: wish.user, own_details: false, withheld };
        let seq = self.emit_in_chat(wish.chat, kind, data, Some(about), now).await?;
        let stored_rev = i32::try_from(rev).map_err(|_| StoreError::fault("a message was changed too often"))?;
        let values: [Value; 5] = [wish.message.into(), stored_rev.into(), text.into(), now.into(), signed(seq).into()];
        self.conn().execute_raw(self.statement(sql, values)).await?;
        Ok(ChangeOutcome::Changed(Changed { rev, seq, at: now }))
    }

    async fn message(&self, chat: ChatId, message: MessageId) -> Result<Option<Found>, StoreError> {
        let query = self.statement(MESSAGE, [message.into(), chat.into()]);
        let Some(row) = self.conn().query_one_raw(query).await? else { return Ok(None) };
        Ok(Some(Found {
            n: unsigned(row.try_get("", "n")?),
            seq: unsigned(row.try_get("", "seq")?),
            author: row.try_get("", "user_id")?,
            rev: u32::try_from(row.try_get::<i32>("", "rev")?).unwrap_or_default(),
            sent: row.try_get("", "created_at")?,
            deleted: row.try_get("", "deleted_at")?,
            change_seq: unsigned(row.try_get::<Option<i64>>("", "change_seq")?.unwrap_or_default()),
        }))
    }

    /// A message that somebody sees and may do something with, or why not.
    ///
    /// # Ordering
    /// The chat's row is locked from here on.
    pub(super) async fn found(
        &self,
        of: Erasure,
        refuses: impl Fn(Outcome) -> bool,
    ) -> Result<Result<Found, ChangeOutcome>, StoreError> {
        let (gates, _heads) = self.gates(&[(of.chat, of.user, None)]).await?;
        match gates.get(&0).map(|gate| gate.refused) {
            None => return Ok(Err(ChangeOutcome::Refused(Outcome::NotMember))),
            Some(Some(refused)) if refuses(refused) => return Ok(Err(ChangeOutcome::Refused(refused))),
            Some(_) => {}
        }
        let Some(found) = self.message(of.chat, of.message).await? else { return Ok(Err(ChangeOutcome::NotFound)) };
        let values: [Value; 4] = [of.chat.into(), of.user.into(), signed(found.seq).into(), signed(found.n).into()];
        let withheld = self.conn().query_one_raw(self.statement(IS_WITHHELD, values)).await?.is_some();
        Ok(if withheld { Err(ChangeOutcome::NotFound) } else { Ok(found) })
    }

    /// Who does not see what somebody does to a message. With who does it: those too who have blocked them.
    pub(super) async fn unseen_by(
        &self,
        chat: ChatId,
        found: &Found,
        actor: Option<UserId>,
    ) -> Result<Vec<UserId>, StoreError> {
        let values: [Value; 4] = [chat.into(), signed(found.seq).into(), signed(found.n).into(), actor.into()];
        let rows = self.conn().query_all_raw(self.statement(UNSEEN_BY, values)).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// Takes a message out of one person's sight, whoever wrote it; their own stream says so. Saying it again changes nothing.
    ///
    /// # Errors
    /// Nothing is changed.
    pub async fn erase_message(&mut self, of: Erasure, now: DateTime<Utc>) -> Result<ChangeOutcome, StoreError> {
        let refuses = |refused| matches!(refused, Outcome::NotMember | Outcome::SenderSuspended);
        let Erasure { chat, message, user } = of;
        let found = match self.found(of, refuses).await? {
            Ok(found) => found,
            Err(refused) => {
                let values = [message.into(), chat.into(), user.into()];
                let erased = self.conn().query_one_raw(self.statement(ERASED, values)).await?;
                let Some(row) = erased.filter(|_| refused == ChangeOutcome::NotFound) else { return Ok(refused) };
                let rev = u32::try_from(row.try_get::<i32>("", "rev")?).unwrap_or_default();
                let seq = unsigned(row.try_get("", "head_seq")?);
                return Ok(ChangeOutcome::Changed(Changed { rev, seq, at: now }));
            }
        };
        let sql = "INSERT INTO withheld_changes (chat_id, user_id, n) VALUES ($1, $2, $3)";
        self.conn().execute_raw(self.statement(sql, [chat.into(), user.into(), signed(found.n).into()])).await?;
        let sql = "UPDATE chat_members SET has_erased = TRUE WHERE chat_id = $1 AND user_id = $2";
        self.conn().execute_raw(self.statement(sql, [chat.into(), user.into()])).await?;
        let event = events::Erased { chat_id: chat, mid: message, n: found.n };
        let seq = self.emit_user(user, "erased", json!(event), now).await?;
        Ok(ChangeOutcome::Changed(Changed { rev: found.rev, seq, at: now }))
    }
}

/// What keeps a person from taking back a message, too.
pub(super) fn is_final(refused: Outcome) -> bool {
    matches!(refused, Outcome::NotMember | Outcome::SenderSuspended | Outcome::ChatClosed)
}
