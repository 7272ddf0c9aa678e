//! Signing in. A wrong password and an unknown address cost the same and are told apart by nobody.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::SecretString;

use super::confirm::random_secret;
use super::model::{self, Email};
use super::{Accounts, Device, Inner, RateSubject, SessionKind, SignedIn, sessions, to_the_end};
use crate::error::{Error, Result};
use crate::ids::{SessionId, UserId, new_id};
use crate::protocol::codes::Code;
use crate::ratelimit::{RateKey, RateKind};
use crate::store::NewSession;
use crate::telemetry::names;

/// Bytes of a session token: 256 bits.
const TOKEN_BYTES: usize = 32;
/// The longest text that is looked up as an address; longer is unknown without a look.
const EMAIL_BYTES_MAX: usize = 320;

impl Accounts {
    /// Begins a cookie session for the holder of a password.
    ///
    /// # Errors
    /// `bad_credentials` for an unknown address and a wrong password alike; only after the right password `suspended`
    /// or `email_not_confirmed`; `rate_limited` by account and by address; `overloaded`.
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
        Ok(SignedIn { token: SecretString::from(token), session, user, expires_at })
    }
}

impl Inner {
    /// Who holds this password. One hash, whatever the answer.
    async fn credentials(&self, email: &str, password: &SecretString, device: &Device) -> Result<UserId> {
        self.rates.allows(RateKind::SignInAddress, &model::network(device.address))?;
        let email =
            Some(email).filter(|email| email.len() <= EMAIL_BYTES_MAX).and_then(|email| Email::parse(email).ok());
        let account = match &email {
            Some(email) => self.store.account_by_email(email.normalized()).await?.filter(|account| !account.deleted),
            None => None,
        };
        let stored = account.as_ref().map(|account| account.password_hash.clone());
        let right = self.prove(email.as_ref(), stored, password, device.address).await?;
        let Some(account) = account.filter(|_| right) else { return Err(wrong()) };
        if !account.active {
            return Err(sessions::suspended());
        }
        if !account.email_confirmed {
            let detail = "Confirm your e-mail address first: open the mail we sent, or ask for a new one.";
            return Err(Error::new(Code::EmailNotConfirmed, detail));
        }
        Ok(account.id)
    }

    /// Whether this is the password of `stored`: one hash, within the limits of guessing.
    pub(super) async fn prove(
        &self,
        email: Option<&Email>,
        stored: Option<String>,
        password: &SecretString,
        address: IpAddr,
    ) -> Result<bool> {
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
            self.rates.spend(RateKind::SignInAddress, &model::network(address));
        }
        Ok(right)
    }
}

fn wrong() -> Error {
    Error::new(Code::BadCredentials, "The e-mail address or the password is wrong. Check both and try again.")
}
