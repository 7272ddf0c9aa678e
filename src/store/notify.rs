//! What a person is told of: muted chats, and what of their news they have seen.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Value};
use serde_json::json;

use super::messages::signed;
use super::{StoreError, Tx};
use crate::ids::{ChatId, UserId};
use crate::protocol::notify::{MuteChange, Muted, Noticed};

impl Tx {
    /// Sets until when `user` is not told of a chat; every device of theirs hears when that changes anything. False: they
    /// are no member.
    ///
    /// # Errors
    /// Nothing changes.
    pub async fn set_mute(
        &mut self,
        (user, chat): (UserId, ChatId),
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let held = "SELECT muted_until FROM chat_members WHERE chat_id = $1 AND user_id = $2 AND status = 'active'";
        let held = self.conn().query_one_raw(self.statement(held, [chat.into(), user.into()])).await?;
        let Some(held) = held else { return Ok(false) };
        if held.try_get_by_index::<Option<DateTime<Utc>>>(0)? == until {
            return Ok(true);
        }
        let sql = "UPDATE chat_members SET muted_until = $3, updated_at = $4 WHERE chat_id = $1 AND user_id = $2";
        let values: [Value; 4] = [chat.into(), user.into(), until.into(), now.into()];
        self.conn().execute_raw(self.statement(sql, values)).await?;
        let until = Muted { muted: until.map(|until| until.timestamp_millis()) };
        self.emit_user(user, "mute", json!(MuteChange { chat_id: chat, until }), now).await?;
        Ok(true)
    }

    /// Notes that a person has seen one event of their stream, or everything up to one (`all`), as far as it is among the
    /// newest `window`; every device of theirs hears what they have seen when that changes anything. None: their stream has
    /// no such number yet.
    ///
    /// # Errors
    /// Nothing changes.
    pub async fn set_noticed(
        &mut self,
        user: UserId,
        (seq, all): (u64, bool),
        window: u64,
        now: DateTime<Utc>,
    ) -> Result<Option<Noticed>, StoreError> {
        let lock = if self.backend() == DbBackend::Postgres { " FOR UPDATE" } else { "" };
        let held = format!("SELECT head_seq, noticed_seq, noticed FROM users WHERE id = $1{lock}");
        let held = self.conn().query_one_raw(self.statement(&held, [user.into()])).await?;
        let held = held.ok_or_else(|| StoreError::fault(format!("no user {user}")))?;
        let head = u64::try_from(held.try_get_by_index::<i64>(0)?).unwrap_or_default();
        if seq > head {
            return Ok(None);
        }
        let before = noticed(held.try_get_by_index(1)?, held.try_get_by_index(2)?);
        let after = seen(before.clone(), (seq, all), head.saturating_sub(window));
        if after != before {
            let sql = "UPDATE users SET noticed_seq = $2, noticed = $3 WHERE id = $1";
            let values: [Value; 3] = [user.into(), signed(after.upto).into(), json!(after.also).into()];
            self.conn().execute_raw(self.statement(sql, values)).await?;
            self.emit_user(user, "notify.read", json!(after), now).await?;
        }
        Ok(Some(after))
    }
}

/// What was seen, with one more event or everything up to it; what came before `oldest` is news no more.
fn seen(mut noticed: Noticed, (seq, all): (u64, bool), oldest: u64) -> Noticed {
    if all {
        noticed.upto = noticed.upto.max(seq);
    } else if seq > noticed.upto && seq > oldest && !noticed.also.contains(&seq) {
        noticed.also.push(seq);
        noticed.also.sort_unstable();
        noticed.also.retain(|seq| *seq > oldest);
    }
    noticed.also.retain(|seq| *seq > noticed.upto);
    noticed
}

/// What was seen, from its two columns.
pub(super) fn noticed(upto: i64, also: Option<serde_json::Value>) -> Noticed {
    Noticed {
        upto: u64::try_from(upto).unwrap_or_default(),
        also: also.and_then(|also| serde_json::from_value(also).ok()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_grows_and_stays_small() {
        let one = |noticed, seq| seen(noticed, (seq, false), 10);
        let some = one(one(one(Noticed { upto: 12, also: vec![] }, 15), 14), 15);
        assert_eq!(some, Noticed { upto: 12, also: vec![14, 15] });
        assert_eq!(one(some.clone(), 12), some, "seen already");
        assert_eq!(one(Noticed::default(), 10), Noticed::default(), "forgotten already");
        assert_eq!(seen(some.clone(), (14, true), 10), Noticed { upto: 14, also: vec![15] });
        assert_eq!(seen(some.clone(), (3, true), 10), some, "it never goes back");
        let many =
            (1..=500).fold(Noticed::default(), |noticed, seq| seen(noticed, (seq, false), seq.saturating_sub(20)));
        assert_eq!(many.also.len(), 20);
    }
}
