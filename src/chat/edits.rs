//! What may be done to a message after it was sent.

use chrono::TimeDelta;

use super::{Chat, fanout};
use crate::error::Error;
use crate::ids::{ChatId, MessageId, UserId};
use crate::protocol::codes::Code;
use crate::protocol::edits::{Changed, Delete, Edit, React, Scope};
use crate::ratelimit::RateKind;
use crate::store::{Change, ChangeOutcome, Erasure, NewChange, NewReaction};

impl Chat {
    /// Puts another text in the place of a message's. It is delivered when this returns.
    ///
    /// # Errors
    /// Those of a new message; `not_found`, `forbidden` for what is somebody else's or too old, `conflict` for what was
    /// deleted, `stale_rev` with the revision it has. Nothing is changed then.
    pub async fn edit(&self, user: UserId, chat: ChatId, edit: Edit) -> Result<Changed, Error> {
        self.check_text(&edit.text)?;
        self.screen_text(&edit.text)?;
        let window = TimeDelta::from_std(self.limits.edit_window).unwrap_or(TimeDelta::MAX);
        let change = Change::Edit { rev: edit.rev, text: edit.text };
        self.change(NewChange { chat, message: edit.mid, user, change, window }).await
    }

    /// Takes a message back for everybody in the chat, or out of this person's own sight. It is told when this returns.
    ///
    /// # Errors
    /// `not_member`, `suspended`, `not_found`; for all: `chat_locked`, `forbidden` for what is somebody else's or too old.
    pub async fn delete(&self, user: UserId, chat: ChatId, delete: &Delete) -> Result<Changed, Error> {
        if delete.scope == Scope::Me {
            self.rates.check(RateKind::Edit, &user.to_string())?;
            let (now, of) = (self.clock.now(), Erasure { chat, message: delete.mid, user });
            let erased = self.committer.run(move |tx| Box::pin(async move { tx.erase_message(of, now).await })).await?;
            return changed(delete.mid, erased);
        }
        let window = TimeDelta::from_std(self.limits.delete_window).unwrap_or(TimeDelta::MAX);
        self.change(NewChange { chat, message: delete.mid, user, change: Change::Delete, window }).await
    }

    async fn change(&self, wish: NewChange) -> Result<Changed, Error> {
        self.rates.check(RateKind::Edit, &wish.user.to_string())?;
        let (now, mid) = (self.clock.now(), wish.message);
        let outcome =
            self.committer.run(move |tx| Box::pin(async move { tx.change_message(&wish, now).await })).await?;
        changed(mid, outcome)
    }

    /// Reacts to a message, or takes a reaction back. It is told when this returns; saying it again changes nothing.
    ///
    /// # Errors
    /// Those of a new message; `not_found`, `conflict` for what was deleted. Nothing is changed then.
    pub async fn react(&self, user: UserId, chat: ChatId, react: React) -> Result<(), Error> {
        self.rates.check(RateKind::Reaction, &user.to_string())?;
        let React { mid, emoji, on } = react;
        let (now, wish) = (self.clock.now(), NewReaction { of: Erasure { chat, message: mid, user }, emoji, on });
        match self.committer.run(move |tx| Box::pin(async move { tx.react(&wish, now).await })).await? {
            None => Ok(()),
            Some(refused) => changed(mid, refused).map(drop),
        }
    }
}

/// What became of a wish, as who asked is told.
fn changed(mid: MessageId, outcome: ChangeOutcome) -> Result<Changed, Error> {
    match outcome {
        ChangeOutcome::Changed(changed) => {
            Ok(Changed { mid, rev: changed.rev, seq: changed.seq, ts: changed.at.timestamp_millis() })
        }
        ChangeOutcome::Refused(refused) => Err(fanout::refusal(refused)),
        ChangeOutcome::NotFound => Err(Error::new(Code::NotFound, "There is no such message in this chat.")),
        ChangeOutcome::NotYours => {
            Err(Error::new(Code::Forbidden, "Only who wrote a message can change it, or delete it for all."))
        }
        ChangeOutcome::Deleted => Err(Error::new(Code::Conflict, "This message was deleted.")),
        ChangeOutcome::TooLate => {
            Err(Error::new(Code::Forbidden, "This message was sent too long ago to be changed, or deleted for all."))
        }
        ChangeOutcome::Stale(rev) => {
            Err(Error::new(Code::StaleRev, "This message was changed meanwhile. Look at it again first.")
                .with(serde_json::json!({ "rev": rev })))
        }
    }
}
