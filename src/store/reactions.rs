//! Reactions: what people say to messages without words.
//!
//! Who does not see the message, or has blocked who reacts, sees nothing of it, and nothing of its end.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, Value};
use serde_json::json;

use super::chats::{EventRow, MessageRow};
use super::edits::{Erasure, is_final};
use super::messages::{signed, unsigned};
use super::streams::About;
use super::{ChangeOutcome, Store, StoreError, Tx, message_sql as sql};
use crate::ids::{ChatId, UserId};
use crate::protocol::edits::Emoji;
use crate::protocol::events;

/// A reaction that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Whose.
    pub user: UserId,
    /// With what.
    pub emoji: Emoji,
}

/// A wish to react, or to do so no longer.
#[derive(Clone, Copy, Debug)]
pub struct NewReaction {
    /// To what, and who.
    pub of: Erasure,
    /// With what.
    pub emoji: Emoji,
    /// Whether it is to be there.
    pub on: bool,
}

/// A reaction that is there. Parameters: chat, the message's place, whose, with what.
pub(super) const HELD: &str = "SELECT seq FROM reactions WHERE chat_id = $1 AND n = $2 AND user_id = $3 AND emoji = $4";
/// Who does not see an event. Parameters: chat, its number.
pub(super) const UNSEEN_EVENT: &str = "SELECT cm.user_id FROM chat_members cm WHERE cm.chat_id = $1 AND EXISTS \
     (SELECT 1 FROM withheld_events w WHERE w.chat_id = $1 AND w.user_id = cm.user_id AND w.seq = $2)";

impl Tx {
    /// Makes a reaction or takes it back. None when that changed nothing, else why not, if not.
    ///
    /// # Errors
    /// Nothing is changed.
    pub async fn react(&mut self, wish: &NewReaction, now: DateTime<Utc>) -> Result<Option<ChangeOutcome>, StoreError> {
        let Erasure { chat, message, user } = wish.of;
        // Whoever may not write any more may still take back what they said.
        let found = match self.found(wish.of, |refused| wish.on || is_final(refused)).await? {
            Ok(found) if found.deleted.is_some() => return Ok(Some(ChangeOutcome::Deleted)),
            Ok(found) => found,
            Err(refused) => return Ok(Some(refused)),
        };
        let place = signed(found.n);
        let key: [Value; 4] = [chat.into(), place.into(), user.into(), wish.emoji.text().into()];
        let held = self.conn().query_one_raw(self.statement(HELD, key.clone())).await?;
        let before: Option<i64> = held.map(|row| row.try_get_by_index(0)).transpose()?;
        if before.is_some() == wish.on {
            return Ok(None);
        }
        // Who saw it come sees it go, and nobody else.
        let mut withheld = self.unseen_by(chat, &found, wish.on.then_some(user)).await?;
        if let Some(before) = before {
            let rows = self.conn().query_all_raw(self.statement(UNSEEN_EVENT, [chat.into(), before.into()])).await?;
            for row in rows {
                withheld.push(row.try_get_by_index(0)?);
            }
            withheld.sort_unstable();
            withheld.dedup();
        }
        let data = json!(events::Reaction { mid: message, n: found.n, u: user, emoji: wish.emoji, on: wish.on });
        let about = About { id: message, n: found.n, actor: user, own_details: true, withheld: withheld.clone() };
        let seq = self.emit_in_chat(chat, "reaction", data, Some(about), now).await?;
        for unseen in withheld {
            let sql = "INSERT INTO withheld_events (chat_id, user_id, seq) VALUES ($1, $2, $3)";
            let values: [Value; 3] = [chat.into(), unseen.into(), signed(seq).into()];
            self.conn().execute_raw(self.statement(sql, values)).await?;
        }
        let (sql, change) = if wish.on {
            ("INSERT INTO reactions (chat_id, n, user_id, emoji, seq) VALUES ($1, $2, $3, $4, $5)", 1)
        } else {
            ("DELETE FROM reactions WHERE chat_id = $1 AND n = $2 AND user_id = $3 AND emoji = $4 AND seq < $5", -1)
        };
        let values = key.into_iter().chain([signed(seq).into()]);
        self.conn().execute_raw(self.statement(sql, values)).await?;
        let sql = "UPDATE messages SET reaction_count = reaction_count + $2 WHERE id = $1";
        self.conn().execute_raw(self.statement(sql, [message.into(), change.into()])).await?;
        Ok(None)
    }

    /// Removes the reactions to a message that is deleted.
    pub(super) async fn forget_reactions(&self, chat: ChatId, n: u64) -> Result<(), StoreError> {
        let sql = "DELETE FROM reactions WHERE chat_id = $1 AND n = $2";
        self.conn().execute_raw(self.statement(sql, [chat.into(), signed(n).into()])).await?;
        Ok(())
    }
}

impl Store {
    /// Puts `hidden` in the place of reactions that this person does not see.
    pub(super) async fn withhold_reactions(
        &self,
        viewer: UserId,
        events: impl Iterator<Item = &mut EventRow>,
    ) -> Result<(), StoreError> {
        let mut reactions: HashMap<(ChatId, u64), &mut EventRow> =
            events.filter(|event| event.kind == "reaction").map(|event| ((event.chat, event.seq), event)).collect();
        if reactions.is_empty() {
            return Ok(());
        }
        let wanted: Vec<_> =
            reactions.keys().map(|(chat, seq)| json!({"c": chat.0.simple().to_string(), "s": signed(*seq)})).collect();
        let sql = sql::withheld_events(self.backend());
        let values = [json!(wanted).to_string().into(), viewer.into()];
        for row in &self.reader().query_all_raw(self.chat_rows(&sql, values)).await? {
            let place = (row.try_get("", "chat_id")?, unsigned(row.try_get("", "seq")?));
            if let Some(event) = reactions.remove(&place) {
                let by = event.data.as_ref().and_then(|data| data.get("u")).cloned();
                event.hide();
                event.data = Some(json!({"n": 0, "u": by}));
            }
        }
        Ok(())
    }

    /// Adds to messages the reactions that this person sees.
    pub(super) async fn add_reactions(
        &self,
        viewer: UserId,
        events: impl Iterator<Item = &mut EventRow>,
    ) -> Result<(), StoreError> {
        let messages =
            events.filter(|event| event.kind == "message").filter_map(|EventRow { chat, message, .. }| {
                let message = message.as_mut().filter(|message| message.reaction_count > 0)?;
                Some(((*chat, message.n), message))
            });
        let mut messages: HashMap<(ChatId, u64), &mut MessageRow> = messages.collect();
        if messages.is_empty() {
            return Ok(());
        }
        let wanted: Vec<_> =
            messages.keys().map(|(chat, n)| json!({"c": chat.0.simple().to_string(), "p": signed(*n)})).collect();
        let sql = sql::reactions_to(self.backend());
        let values = [json!(wanted).to_string().into(), viewer.into()];
        let mut rows = Vec::new();
        for row in self.reader().query_all_raw(self.chat_rows(&sql, values)).await? {
            rows.push((row.try_get::<i64>("", "seq")?, row));
        }
        rows.sort_unstable_by_key(|(seq, _)| *seq);
        for (_, row) in rows {
            let place = (row.try_get("", "chat_id")?, unsigned(row.try_get("", "n")?));
            let emoji: String = row.try_get("", "emoji")?;
            if let (Some(message), Some(emoji)) = (messages.get_mut(&place), Emoji::of(&emoji)) {
                message.reactions.push(Reaction { user: row.try_get("", "user_id")?, emoji });
            }
        }
        Ok(())
    }
}
