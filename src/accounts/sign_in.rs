//! Signing in. A wrong password and an unknown address cost the same and are told apart by nobody.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::confirm::random_secret;
use super::model::{self, Email};
use super::{Accounts, Device, Inner, RateSubject, SessionKind, SignedIn, sessions, to_the_end};
use crate::doors;
use crate::error::{Error, Result};
use crate::ids::{SessionId, UserId, new_id};
use crate::protocol::codes::Code;
use crate::ratelimit::{RateKey, RateKind};
use crate::store::NewSession;
use crate::telemetry::names;

/// Bytes of a session token: 256 bits.
const TOKEN_BYTES: usize = 32;
/// Random bytes of what a browser keeps: 128 bits.
const BROWSER_BYTES: usize = 16;
/// What the fingerprint of those bytes is for.
const BROWSER_PLACE: &str = "browsers";
/// The longest text that is looked up as an address; longer is unknown without a look.
const EMAIL_BYTES_MAX: usize = 320;

impl Accounts {
    /// Begins a cookie session for the holder of a password.
    ///
    /// # Errors
    /// `bad_credentials` for an unknown address, a wrong password and an address that was never confirmed alike: who
    /// signs up with somebody's address could else learn by the difference whether it has an account. Only after the right
    /// password `suspended`; `rate_limited` by account and by address; `overloaded`.
    pub async fn sign_in(&self, email: &str, password: SecretString, device: Device) -> Result<SignedIn> {
        self.open_with_password(email, &password, SessionKind::Cookie, &device).await
    }

    /// Begins a bearer session for the holder of a password.
    ///
    /// # Errors
    /// Those of [`Accounts::sign_in`].
    pub async fn mint_bearer(&self, email: &str, password: SecretString, device: Device) -> Result<SignedIn> {
        self.open_with_password(email, &password, SessionKind::Bearer, &device).await
    }

    async fn open_with_password(
        &self,
        email: &str,
        password: &SecretString,
        kind: SessionKind,
        device: &Device,
    ) -> Result<SignedIn> {
        let opened = match self.inner.credentials(email, password, device).await {
            Ok(user) => self.open_session(user, kind, device).await,
            Err(error) => Err(error),
        };
        names::sign_in(opened.as_ref().map_or_else(|error| error.code.name(), |_| "ok"));
        opened
    }

    /// Begins a cookie session for a person of the demo, whose right to it the demo has proven.
    ///
    /// # Errors
    /// `suspended`; those of the store.
    pub async fn sign_in_demo(&self, user: UserId, device: Device) -> Result<SignedIn> {
        self.open_session(user, SessionKind::Cookie, &device).await
    }

    async fn open_session(&self, user: UserId, kind: SessionKind, device: &Device) -> Result<SignedIn> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let (token, token_hash) = random_secret::<TOKEN_BYTES>().map_err(Error::internal)?;
        let session = SessionId(new_id());
        let expires_at = now + TimeDelta::from_std(inner.limits.session_absolute).map_err(Error::internal)?;
        let row = NewSession {
            id: session,
            token_hash,
            user,
            kind: kind.as_str(),
            expires_at,
            address: model::truncate_address(device.address),
            user_agent: model::cut_user_agent(&device.user_agent),
        };
        let sessions_max = inner.limits.sessions_per_user_max;
        let work = {
            let inner = Arc::clone(inner);
            async move {
                let surplus = inner
                    .committer
                    .run(move |tx| {
                        Box::pin(async move {
                            // A suspension may have come since the password was compared: a session that began
                            // after it would outlive it.
                            if !tx.may_begin_session(user).await? {
                                return Ok(None);
                            }
                            tx.add_session(row, now).await?;
                            let surplus = tx.surplus_sessions(user, sessions_max, now).await?;
                            for ended in &surplus {
                                sessions::end(tx, *ended, "surplus".to_owned(), now).await?;
                            }
                            sessions::announce(tx, user, session, "signed_in", now).await?;
                            Ok(Some(surplus))
                        })
                    })
                    .await?
                    .ok_or_else(sessions::suspended)?;
                for ended in surplus {
                    inner.dismiss(ended);
                }
                Ok(())
            }
        };
        to_the_end(&inner.supervisor, "session opened", work).await?;
        tracing::info!(user.id = %user, session.id = %session, kind = kind.as_str(), "signed in");
        let browser = match kind {
            SessionKind::Cookie => Some(inner.browser_proof(user, device)?),
            SessionKind::Bearer => None,
        };
        Ok(SignedIn { token: SecretString::from(token), browser, session, user, expires_at })
    }
}

impl Inner {
    /// Who holds this password. One hash, whatever the answer.
    async fn credentials(&self, email: &str, password: &SecretString, device: &Device) -> Result<UserId> {
        let stranger = self.rates.allows(RateKind::SignInAddress, &doors::network(device.address).to_string());
        if device.browser.is_none() {
            stranger?;
        }
        let email =
            Some(email).filter(|email| email.len() <= EMAIL_BYTES_MAX).and_then(|email| Email::parse(email).ok());
        let account = match &email {
            Some(email) => self.store.account_by_email(email.normalized()).await?.filter(|account| {
                // Like none at all, down to what is counted: see `Accounts::sign_in`.
                account.email_confirmed && !account.deleted
            }),
            None => None,
        };
        let guesser = match account.as_ref().and_then(|account| self.known_browser(account.id, device)) {
            Some(browser) => Guesser::Known(browser),
            None => {
                stranger?;
                Guesser::Stranger(email.as_ref(), device.address)
            }
        };
        let stored = account.as_ref().map(|account| account.password_hash.clone());
        let right = self.prove(guesser, stored, password).await?;
        let Some(account) = account.filter(|_| right) else { return Err(wrong()) };
        if !account.active {
            return Err(sessions::suspended());
        }
        Ok(account.id)
    }

    /// The key under which guesses of a browser count that has signed in to this account before; none for any other.
    fn known_browser(&self, user: UserId, device: &Device) -> Option<String> {
        let proof = BASE64.decode(device.browser.as_ref()?.expose_secret()).ok()?;
        let (random, print) = proof.split_at_checked(BROWSER_BYTES)?;
        let is_ours = bool::from(self.seal.fingerprint(BROWSER_PLACE, user.0, random).as_slice().ct_eq(print));
        is_ours.then(|| format!("{user}@{}", hex::encode(random)))
    }

    /// What a browser keeps to show later that it has signed in to this account; the one that it has stays.
    fn browser_proof(&self, user: UserId, device: &Device) -> Result<SecretString> {
        if let (Some(_), Some(held)) = (self.known_browser(user, device), &device.browser) {
            return Ok(held.clone());
        }
        let mut proof = vec![0_u8; BROWSER_BYTES];
        getrandom::fill(&mut proof).map_err(|error| Error::internal(anyhow::anyhow!("no randomness: {error}")))?;
        let print = self.seal.fingerprint(BROWSER_PLACE, user.0, &proof);
        proof.extend_from_slice(&print);
        Ok(SecretString::from(BASE64.encode(proof)))
    }

    /// Whether this is the password of `stored`: one hash, within the limits of guessing.
    pub(super) async fn prove(
        &self,
        guesser: Guesser<'_>,
        stored: Option<String>,
        password: &SecretString,
    ) -> Result<bool> {
        let (email, address) = match guesser {
            Guesser::Stranger(email, address) => (email, address),
            Guesser::Known(subject) => {
                self.rates.check(RateKind::SignInKnown, &subject)?;
                let right = self.passwords.verify(password, stored).await?;
                if right {
                    self.rates.clear(&RateKey::new(RateKind::SignInKnown, &subject).to_string());
                }
                return Ok(right);
            }
        };
        let subject = email.map(|email| RateSubject::new(email, address));
        if let Some(subject) = &subject {
            self.rates.allows(RateKind::SignInAnywhere, &subject.anywhere)?;
            // Counted before hashing, so that guesses at once cannot outrun the limit.
            self.rates.check(RateKind::SignInAccount, &subject.here)?;
        }
        let right = self.passwords.verify(password, stored).await?;
        // Only failures count: nobody is kept out by signing in often, nor by the many others of a campus.
        match &subject {
            Some(subject) if right => {
                self.rates.clear(&RateKey::new(RateKind::SignInAccount, &subject.here).to_string());
            }
            Some(subject) => self.rates.spend(RateKind::SignInAnywhere, &subject.anywhere),
            None => {}
        }
        if !right {
            self.rates.spend(RateKind::SignInAddress, &doors::network(address).to_string());
        }
        Ok(right)
    }
}

/// Who tries a password.
pub(super) enum Guesser<'a> {
    /// Anybody, at an address of the network: limited with all others who try this account or sit in this network.
    Stranger(Option<&'a Email>, IpAddr),
    /// Somebody who has proven more, under this key: a browser that has signed in before, or a live session.
    Known(String),
}

fn wrong() -> Error {
    Error::new(
        Code::BadCredentials,
        "The e-mail address or the password is wrong, or the address is not confirmed yet. Check them and try again.",
    )
}
