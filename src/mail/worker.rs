//! The worker that empties the outbox: by SMTP, or into files when no server is configured.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt, StreamExt};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::templates::render;
use super::unread::{self, UNSUBSCRIBE_PATH};
use super::{Post, base_url};
use crate::accounts::model::Locale;
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::store::{DueMail, Here, Store, StoreError, UnreadTerms};
use crate::supervise::Supervisor;
use crate::telemetry::names;

/// Waits between attempts, in seconds: 1 min, 5 min, 30 min, 2 h, then 6 h each. After the eighth attempt a mail is
/// dead: most servers that come back do so within a day.
const RETRY_SECONDS: [i64; 7] = [60, 300, 1_800, 7_200, 21_600, 21_600, 21_600];
/// Mails claimed at once: a claim is one transaction of so many updates.
const BATCH: u64 = 16;
/// Mails handed over at once: a slow server holds up only so many.
const AT_ONCE: usize = 4;
/// The longest one handing over may take, connecting included.
const ATTEMPT_MAX: Duration = Duration::from_secs(60);
/// Chats looked at in one pass for messages that are unread for long, each in a transaction of its own.
const CHATS: u64 = 64;
/// The shortest pause between two such passes.
const UNREAD_PAUSE: Duration = Duration::from_millis(20);
/// The pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// What a worker is made of.
#[derive(Clone)]
pub struct WorkerParts {
    /// Where the outbox is.
    pub store: Store,
    /// Who seals the letters, and rings when there is one.
    pub post: Post,
    /// Time.
    pub clock: Clock,
    /// Who has a window open.
    pub here: Here,
    /// How often to look, and when unread messages are mailed about.
    pub limits: Arc<Limits>,
    /// The address links begin with, without a trailing slash; none: the configuration's, see [`base_url`].
    pub base_url: Option<String>,
}

/// Sends what is due, at least once each; the Message-ID is the row's id, so that doubles can be recognised.
pub struct MailWorker {
    parts: WorkerParts,
    base: String,
    from: Mailbox,
    transport: Transport,
    /// When it is cancelled no further mail is begun, and no answer of a server is waited for.
    stopping: CancellationToken,
}

enum Transport {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Files(PathBuf),
}

/// Why an attempt failed. The text has no address and no content: it is stored and logged.
struct Failure {
    text: String,
    for_good: bool,
}

impl std::fmt::Debug for MailWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailWorker(..)")
    }
}

impl MailWorker {
    /// A worker as the configuration wants it.
    ///
    /// # Errors
    /// When the sender's address or the SMTP address cannot be used.
    pub fn new(config: &Config, parts: WorkerParts) -> anyhow::Result<Self> {
        let from = config.mail_from.parse().context("mail_from is not an e-mail address")?;
        let transport = match &config.smtp_url {
            Some(url) => Transport::Smtp(smtp(url)?),
            None => Transport::Files(config.data_dir.join("mail")),
        };
        let base = parts.base_url.clone().unwrap_or_else(|| base_url(config));
        Ok(Self { parts, base, from, transport, stopping: CancellationToken::new() })
    }

    /// Runs until the supervisor stops: then it notes what was handed over and leaves the rest. What was claimed comes
    /// back by itself when its next attempt is due.
    pub fn spawn(mut self, supervisor: &Supervisor) {
        self.stopping = supervisor.stopping().clone();
        let _task = supervisor.spawn("mail", async move {
            loop {
                let pause = self.pass().await;
                tokio::select! {
                    () = self.stopping.cancelled() => return,
                    () = self.parts.post.woken() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Sends what is due and says how long there is nothing more to do.
    async fn pass(&self) -> Duration {
        if let Err(error) = self.mail_unread().await {
            tracing::warn!(%error, "unread messages wait: the store does not answer");
            return STORE_PAUSE;
        }
        while !self.stopping.is_cancelled() {
            match self.batch().await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "mails wait: the store does not answer");
                    return STORE_PAUSE;
                }
            }
        }
        let until = |at: DateTime<Utc>| (at - self.parts.clock.now()).to_std().unwrap_or_default();
        let mail = self.parts.store.next_mail_at().await.ok().flatten().map(until);
        let unread = self.parts.store.unread_since().await.ok().flatten();
        let unread = unread.map(|since| until(since + self.terms().after).max(UNREAD_PAUSE));
        mail.into_iter().chain(unread).fold(self.parts.limits.mail_sleep, Duration::min)
    }

    fn terms(&self) -> UnreadTerms {
        let limits = &self.parts.limits;
        let delta = |time| TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
        UnreadTerms { after: delta(limits.unread_mail_after), until: delta(limits.unread_mail_until) }
    }

    /// Writes the mails about what is unread for long, of as many chats as one pass looks at.
    pub(crate) async fn mail_unread(&self) -> Result<(), StoreError> {
        let WorkerParts { store, clock, here, .. } = &self.parts;
        let (terms, now) = (self.terms(), clock.now());
        for chat in store.unread_chats(now - terms.after, CHATS).await? {
            if let Err(error) = store.mail_unread(chat, terms, Arc::clone(here), now).await {
                tracing::warn!(%error, chat.id = %chat, "who has not read a chat could not be mailed; it is looked at again");
            }
        }
        Ok(())
    }

    /// Claims one batch, tries each mail of it, and says how many there were.
    pub(crate) async fn batch(&self) -> Result<usize, StoreError> {
        let WorkerParts { store, clock, here, .. } = &self.parts;
        let due = store.claim_mails(clock.now(), BATCH, retry_after, Arc::clone(here)).await?;
        let count = due.len();
        // One mail that trips over a fault of ours must not silence all others; it waits for its next attempt.
        let attempts = futures_util::stream::iter(due).for_each_concurrent(AT_ONCE, |mail| async {
            let id = mail.id;
            if AssertUnwindSafe(self.attempt(mail)).catch_unwind().await.is_err() {
                tracing::error!(mail.id = %id, "an attempt to send a mail panicked");
            }
        });
        attempts.await;
        Ok(count)
    }

    /// One attempt, and a note of how it went. A note that fails leaves the mail to be sent again.
    async fn attempt(&self, mail: DueMail) {
        if self.stopping.is_cancelled() {
            return;
        }
        let handed_over = tokio::select! {
            biased;
            handed_over = self.hand_over(&mail) => handed_over,
            () = self.stopping.cancelled() => {
                tracing::info!(mail.id = %mail.id, "a mail waits for the next start");
                return;
            }
        };
        let noted = match handed_over {
            Ok(file) => {
                names::mail(true);
                tracing::info!(mail.id = %mail.id, mail.template, mail.file = file, "mail sent");
                self.parts.store.mail_sent(mail.id, self.parts.clock.now()).await
            }
            Err(failure) => {
                let dead = failure.for_good || retry_after(mail.attempts).is_none();
                names::mail(false);
                tracing::warn!(
                    mail.id = %mail.id, mail.template, mail.attempts, mail.dead = dead, error = failure.text,
                    "mail not sent"
                );
                self.parts.store.mail_failed(mail.id, failure.text, dead).await
            }
        };
        if let Err(error) = noted {
            tracing::warn!(mail.id = %mail.id, %error, "the fate of a mail could not be noted; it will be tried again");
        }
    }

    /// Gives the mail away; the file's name where it became one.
    async fn hand_over(&self, mail: &DueMail) -> Result<Option<String>, Failure> {
        let message = self.message(mail).map_err(|error| Failure { text: format!("{error:#}"), for_good: true })?;
        match &self.transport {
            Transport::Smtp(smtp) => {
                let sent = tokio::time::timeout(ATTEMPT_MAX, smtp.send(message)).await;
                let sent = sent.map_err(|_| Failure { text: "smtp: no answer in time".into(), for_good: false })?;
                sent.map(|_| None).map_err(|error| smtp_failure(&error))
            }
            Transport::Files(directory) => {
                let name = format!("{}.eml", mail.id);
                let written = write_file(directory.clone(), name.clone(), message.formatted()).await;
                written.map_err(|error| Failure { text: format!("{error:#}"), for_good: false })?;
                Ok(Some(name))
            }
        }
    }

    /// The mail as bytes on the wire will be. Addresses and headers are typed: nothing in them can begin a new header.
    fn message(&self, mail: &DueMail) -> anyhow::Result<Message> {
        let (rendered, unsubscribe) = match &mail.unread {
            Some(said) => {
                let link =
                    format!("{}{UNSUBSCRIBE_PATH}?token={}", self.base, self.parts.post.unsubscribe_token(said.user));
                (unread::render(said, Locale::stored(&said.locale), &self.base, &link), Some(link))
            }
            None => {
                let addressed = self.parts.post.take_out(mail.id, &mail.params)?;
                (render(&addressed.letter, addressed.locale, &self.base), None)
            }
        };
        let to = mail.recipient.parse().map_err(|_| anyhow!("the recipient is not an e-mail address"))?;
        let header = |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(rendered.subject)
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .date(mail.created_at.into())
            .raw_header(header("Auto-Submitted", "auto-generated"));
        if let Some(link) = unsubscribe {
            // *Source*: RFC 8058.
            message = message
                .raw_header(header("List-Unsubscribe", &format!("<{link}>")))
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        message
            .multipart(
                MultiPart::alternative().singlepart(plain(rendered.text)).singlepart(SinglePart::html(rendered.html)),
            )
            .map_err(|error| anyhow!("the mail cannot be put together: {error}"))
    }
}

/// The text as it is where that is possible: people and programs read codes and links in raw files too, and lettre
/// would encode every line of more than 76 characters.
fn plain(text: String) -> SinglePart {
    // *Source*: RFC 5322 2.1.1 and RFC 2045 2.7: ASCII without NUL, at most 998 characters a line.
    if !text.is_ascii() || text.contains(['\0', '\r']) || text.lines().any(|line| line.len() > 998) {
        return SinglePart::plain(text);
    }
    let body = Body::dangerous_pre_encoded(text.replace('\n', "\r\n").into_bytes(), ContentTransferEncoding::SevenBit);
    SinglePart::builder().header(ContentType::TEXT_PLAIN).body(body)
}

/// When to try again after so many attempts; none: never.
fn retry_after(attempts: u32) -> Option<TimeDelta> {
    let at = usize::try_from(attempts).ok()?.checked_sub(1)?;
    RETRY_SECONDS.get(at).map(|seconds| TimeDelta::seconds(*seconds))
}

fn smtp(url: &SecretString) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    // The cause may quote the address, and the address has a password.
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
        .map_err(|_| anyhow!("smtp_url is not an address such as smtps://user:password@mail.example.org"))?;
    Ok(builder.timeout(Some(Duration::from_secs(20))).build())
}

/// Says what kind of failure it was; the server's own words may quote an address, so they stay out.
fn smtp_failure(error: &lettre::transport::smtp::Error) -> Failure {
    let kind = if error.is_permanent() {
        "refused"
    } else if error.is_transient() {
        "refused for now"
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_tls() {
        "tls"
    } else if error.is_client() {
        "misused"
    } else {
        "no connection"
    };
    let text = error.status().map_or_else(|| format!("smtp: {kind}"), |code| format!("smtp: {kind} ({code})"));
    Failure { text, for_good: error.is_permanent() && !is_about_us(error) }
}

/// 5xx answers that are about our own login or policy, not about this mail: an operator can repair them.
fn is_about_us(error: &lettre::transport::smtp::Error) -> bool {
    error.status().is_some_and(|code| matches!(u16::from(code), 500..=504 | 530 | 534 | 535 | 538))
}

/// Writes a file that only its owner reads, whole or not at all.
async fn write_file(directory: PathBuf, name: String, bytes: Vec<u8>) -> anyhow::Result<()> {
    let write = move || -> std::io::Result<()> {
        make_private_directory(&directory)?;
        let half = directory.join(format!(".{name}.half"));
        let mut file = private_file(&half)?;
        std::io::Write::write_all(&mut file, &bytes)?;
        file.sync_all()?;
        std::fs::rename(&half, directory.join(name))
    };
    let written = tokio::task::spawn_blocking(write).await.context("writing a mail file")?;
    written.map_err(|error| anyhow!("mail file: {}", error.kind()))
}

#[cfg(unix)]
fn make_private_directory(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(unix)]
fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn make_private_directory(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::create(path)
}
