//! Accounts: signing up, confirming an address, signing in, sessions, and who may act at all.
//!
//! This service posts mail (`mail`), orders its events through `chat::Committer`, and tells the hub which sockets end.

mod confirm;
mod email;
pub mod model;
pub mod passwords;
mod pictures;
mod pool;
pub mod profile;
mod recovery;
mod register;
mod sessions;
mod sign_in;
mod standing;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

pub use email::AddressProof;
pub use passwords::HashCost;
pub use profile::{Me, Profile, ProfileForm, Settings, SettingsForm};
pub use recovery::{MailProof, PasswordForm};
pub use sessions::{SessionInfo, end_all};
pub use standing::{Standing, StandingChange};

use crate::chat::Committer;
use crate::clock::Clock;
use crate::config::Limits;
use crate::doors;
use crate::error::{Error, Result};
use crate::ids::{SessionId, UniversityId, UserId};
use crate::mail::Post;
use crate::protocol::codes::Code;
use crate::ratelimit::RateLimits;
use crate::realtime::Hub;
use crate::seal::Seal;
use crate::store::Store;
use crate::supervise::Supervisor;
use model::{Email, Locale, Refusal, UserType};
use passwords::Passwords;
use pool::Pool;

/// What accounts are made of.
pub struct Parts {
    /// Where accounts are.
    pub store: Store,
    /// Every bound.
    pub limits: Arc<Limits>,
    /// Time.
    pub clock: Clock,
    /// Spawner of what must not be cut short by a caller that goes away.
    pub supervisor: Supervisor,
    /// How often things may happen.
    pub rates: Arc<RateLimits>,
    /// The orderer of events.
    pub committer: Committer,
    /// Who holds a socket.
    pub hub: Arc<Hub>,
    /// Seals birth dates and fingerprints codes.
    pub seal: Seal,
    /// Where letters go.
    pub post: Post,
    /// The price of a password hash: [`HashCost::STANDARD`] but in tests.
    pub hash_cost: HashCost,
}

/// The accounts service; cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    limits: Arc<Limits>,
    clock: Clock,
    supervisor: Supervisor,
    rates: Arc<RateLimits>,
    committer: Committer,
    hub: Arc<Hub>,
    seal: Seal,
    post: Post,
    passwords: Passwords,
    decodes: Pool,
    sessions: sessions::Cache,
}

/// A form of sign-up, as it comes in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// Address.
    #[schema(min_length = 3, max_length = 254)]
    pub email: String,
    /// Password, as typed.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1024)]
    pub password: SecretString,
    /// First name.
    #[schema(min_length = 1, max_length = 60)]
    pub first_name: String,
    /// Last name.
    #[schema(min_length = 1, max_length = 60)]
    pub last_name: String,
    /// `YYYY-MM-DD`.
    #[schema(format = Date, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    pub date_of_birth: String,
    /// The terms were accepted.
    pub accept_terms: bool,
    /// The language to write in.
    #[serde(default)]
    pub locale: Locale,
    /// Student or professional.
    #[serde(default)]
    pub user_type: UserType,
}

/// Reads a secret text of a form.
///
/// # Errors
/// When it is not text.
pub fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

/// Where a session is begun from.
#[derive(Clone, Debug)]
pub struct Device {
    /// The client's address; it is kept truncated.
    pub address: IpAddr,
    /// What the client calls itself; it is kept cut.
    pub user_agent: String,
    /// What it was given when it signed in before.
    pub browser: Option<SecretString>,
}

/// How a session's token travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// In a browser's cookie.
    Cookie,
    /// In the `authorization` header, or in the first frame of a socket.
    Bearer,
}

impl SessionKind {
    /// The column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Bearer => "bearer",
        }
    }

    /// What a column says.
    fn stored(text: &str) -> Self {
        if text == Self::Bearer.as_str() { Self::Bearer } else { Self::Cookie }
    }
}

/// A session that has just begun.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The token: told once, stored nowhere.
    pub token: SecretString,
    /// What a browser shows the next time, so that the guesses of others do not keep it out.
    pub browser: Option<SecretString>,
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// When it ends whatever happens.
    pub expires_at: DateTime<Utc>,
}

/// Who acts, proven by a live session.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The person's first name.
    pub first_name: String,
    /// When the session ends whatever happens.
    pub expires_at: DateTime<Utc>,
    /// The e-mail address is confirmed.
    pub email_confirmed: bool,
    /// The identity is verified.
    pub verified: bool,
}

/// Names of people never reach a log by accident.
impl std::fmt::Debug for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Principal").field("user", &self.user).field("session", &self.session).finish_non_exhaustive()
    }
}

/// The university of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct University {
    /// Its name.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
}

impl Accounts {
    /// The accounts service. Its upkeep begins with [`Accounts::spawn_upkeep`].
    ///
    /// # Errors
    /// When passwords cannot be hashed at that cost.
    pub fn new(parts: Parts) -> anyhow::Result<Self> {
        let Parts { store, limits, clock, supervisor, rates, committer, hub, seal, post, hash_cost } = parts;
        let passwords = Passwords::new(&limits, hash_cost)?;
        let decodes = Pool::new(limits.picture_decodes_at_once, pictures::WAITING_PER_DECODE);
        let sessions = sessions::Cache::default();
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                limits,
                clock,
                supervisor,
                rates,
                committer,
                hub,
                seal,
                post,
                passwords,
                decodes,
                sessions,
            }),
        })
    }

    /// How many password hashes were computed since the start: tests prove by it that answers cost the same.
    pub fn hashes(&self) -> u64 {
        self.inner.passwords.hashed()
    }
}

impl Inner {
    /// The university whose address it is: the most specific domain wins.
    async fn university_of(&self, email: &Email) -> Result<Option<UniversityId>> {
        let mut found: Option<(usize, UniversityId)> = None;
        for (university, domains) in self.store.university_domains().await? {
            for domain in domains.iter().filter(|domain| model::domain_belongs(email.domain(), domain)) {
                if found.is_none_or(|(length, _)| domain.len() > length) {
                    found = Some((domain.len(), university));
                }
            }
        }
        Ok(found.map(|(_, university)| university))
    }
}

/// Runs `work` to its end even when the caller goes away: what follows a commit must not be forgotten.
async fn to_the_end<T: Send + 'static>(
    supervisor: &Supervisor,
    name: &'static str,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    supervisor.spawn(name, work).await.map_err(Error::internal)?
}

/// Whom the limits of an e-mail address are counted for: its hash, whether or not somebody has it, because a key that
/// changes when an account is made tells that it was made.
struct RateSubject {
    /// From anywhere.
    anywhere: String,
    /// From one network.
    here: String,
}

impl RateSubject {
    fn new(email: &Email, address: IpAddr) -> Self {
        let anywhere = mail_subject(email);
        Self { here: format!("{anywhere}@{}", doors::network(address)), anywhere }
    }
}

/// The hash of an address in rate limit keys: addresses of people are not shown.
fn mail_subject(email: &Email) -> String {
    let hash = Sha256::digest(email.normalized());
    format!("mail-{}", hex::encode(hash.first_chunk::<12>().copied().unwrap_or_default()))
}

fn no_account(detail: &str) -> Error {
    Error::new(Code::NotFound, detail)
}

/// Refused fields as one error: `d.fields` on the wire, `fields` in the problem document.
fn refused(fields: &[Refusal]) -> Error {
    let detail = match fields {
        [only] => only.detail.clone(),
        _ => "Correct the fields that are named here and send the form again.".to_owned(),
    };
    Error::bad_request(detail).with(json!({ "fields": fields }))
}
