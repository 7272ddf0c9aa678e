//! Muting: a member is not told of a chat, on any device, until a moment or for ever. Nobody else hears of it.

use chrono::DateTime;

use super::{Chat, fanout};
use crate::error::{Error, Result};
use crate::ids::{ChatId, UserId};
use crate::protocol::notify::{FOR_EVER, Mute, Muted};
use crate::ratelimit::RateKind;

impl Chat {
    /// Begins or ends that `user` is not told of a chat; all their devices hear when that changes anything.
    ///
    /// # Errors
    /// `bad_request` for a moment that is past; `not_member`; `rate_limited`. Nothing changes then.
    pub async fn mute(&self, user: UserId, chat: ChatId, asked: Mute) -> Result<Muted> {
        let now = self.clock.now();
        let until = asked.on.then(|| asked.until.unwrap_or(FOR_EVER));
        let told = asked.until.is_none_or(|until| (0..=FOR_EVER).contains(&until));
        if !told || until.is_some_and(|until| until <= now.timestamp_millis()) {
            return Err(Error::bad_request("A chat is muted until a moment to come, or without `until` for ever."));
        }
        self.rates.check(RateKind::Mute, &user.to_string())?;
        let moment = until.and_then(DateTime::from_timestamp_millis);
        let known =
            self.committer.run(move |tx| Box::pin(async move { tx.set_mute((user, chat), moment, now).await })).await?;
        if known { Ok(Muted { muted: until }) } else { Err(fanout::not_member()) }
    }
}
