//! Mail: a letter is written into the outbox in the transaction of its cause, and sent by one worker.

pub mod templates;
mod unread;
mod worker;

use std::sync::Arc;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

pub use templates::Letter;
pub use worker::{MailWorker, WorkerParts};

use crate::accounts::model::Locale;
use crate::config::Config;
use crate::ids::{MailId, UserId, new_id};
use crate::seal::Seal;
use crate::store::NewMail;

/// Where the sealed letter belongs, for [`Seal`].
const PLACE: &str = "outbox.params";

/// A letter with the language it is written in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Addressed {
    locale: Locale,
    letter: Letter,
}

/// Where services post letters.
///
/// # Why
/// Codes and links are secrets, and only their hashes are stored: so what a waiting mail says is sealed, and forgotten
/// once it is sent.
#[derive(Clone, Debug)]
pub struct Post {
    seal: Seal,
    wake: Arc<Notify>,
}

impl Post {
    /// A post whose letters are sealed by `seal`.
    pub fn new(seal: Seal) -> Self {
        Self { seal, wake: Arc::new(Notify::new()) }
    }

    /// A mail to put into the outbox by `Tx::add_mail`, in the same transaction as its cause.
    ///
    /// # Errors
    /// When the letter cannot be sealed.
    pub fn write(&self, recipient: &str, locale: Locale, letter: Letter) -> anyhow::Result<NewMail> {
        let id = MailId(new_id());
        let template = letter.template();
        let params = self.put_in(id, &Addressed { locale, letter })?;
        Ok(NewMail { id, recipient: recipient.to_owned(), template, params })
    }

    /// The proof in the links with which mails about unread messages are ended.
    pub fn unsubscribe_token(&self, user: UserId) -> String {
        unread::token(&self.seal, user)
    }

    /// Whose mails such a proof ends; none: we did not make it.
    pub fn unsubscriber(&self, token: &str) -> Option<UserId> {
        unread::open(&self.seal, token)
    }

    /// Tells the worker that the outbox has something new. Call it after the commit.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Completes at the next [`Post::wake`], or at once when there was one since the last wait.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    fn put_in(&self, id: MailId, addressed: &Addressed) -> anyhow::Result<Value> {
        let sealed = self.seal.seal(PLACE, id.0, &serde_json::to_vec(addressed)?)?;
        Ok(json!({ "sealed": BASE64.encode(sealed) }))
    }

    /// Opens what [`Post::write`] sealed.
    fn take_out(&self, id: MailId, params: &Value) -> anyhow::Result<Addressed> {
        let sealed = params.get("sealed").and_then(Value::as_str).context("the letter is gone")?;
        let plain = self.seal.open(PLACE, id.0, &BASE64.decode(sealed)?)?;
        Ok(serde_json::from_slice(&plain)?)
    }
}

/// The address links in mails begin with, without a trailing slash.
pub fn base_url(config: &Config) -> String {
    match &config.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{}", config.listen),
    }
}

#[cfg(test)]
mod tests;
