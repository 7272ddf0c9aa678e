//! Confirming an address by a code or a link, with the password of the sign-up. Only hashes are stored; a refusal never
//! says why.
//!
//! A code and a link prove who reads the mail; the password proves whose form it was. Anybody may sign up with anybody's
//! address: without the password, the owner of the address would confirm a stranger's form, and the stranger could sign
//! in.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::model::{Email, Locale};
use super::{Accounts, Inner, RateSubject};
use crate::doors;
use crate::error::{Error, Result};
use crate::ids::{AuthTokenId, UserId, new_id};
use crate::mail::Letter;
use crate::protocol::codes::Code;
use crate::ratelimit::RateKind;
use crate::store::{AccountRow, Lane, NewAuthToken, NewMail, TriedCode};

/// What these codes and links are for.
const KIND: &str = "email_confirm";
/// Where code fingerprints belong, for `Seal`.
const CODE_PLACE: &str = "auth_tokens.code_hash";
/// Digits of a code: 20 bits, which five tries in ten minutes make enough.
const CODE_DIGITS: usize = 6;
/// Bytes of a link's secret.
const LINK_BYTES: usize = 32;
/// Answers that would else be quicker for unknown addresses take at least this long, several commits' worth.
pub(super) const ANSWER_MIN: Duration = Duration::from_millis(150);

impl Accounts {
    /// Confirms an address by the code that was mailed to it and the password of the form that the code was mailed for.
    ///
    /// # Errors
    /// `bad_request` for a code that is wrong, over, void or used, for a wrong password, and for an unknown address
    /// alike, each at the price of one hash; `rate_limited`; `overloaded`.
    pub async fn confirm_code(&self, email: &str, code: &str, password: &SecretString, address: IpAddr) -> Result<()> {
        self.inner.check_address(address)?;
        let started = Instant::now();
        let confirmed = self.inner.try_code(email, code, password, address).await;
        if confirmed.is_err() {
            tokio::time::sleep_until(started + ANSWER_MIN).await;
        }
        confirmed
    }

    /// Confirms an address by the link that was mailed to it and the password of the form that it was mailed for.
    ///
    /// A wrong password counts as a try of the code that came with the link; the link goes on working.
    ///
    /// # Errors
    /// `bad_request` for a link that is wrong, over, void or used, and for a wrong password alike; `rate_limited`;
    /// `overloaded`.
    pub async fn confirm_link(&self, token: &str, password: &SecretString, address: IpAddr) -> Result<()> {
        let inner = &self.inner;
        inner.check_address(address)?;
        let hash = secret_hash(token).ok_or_else(wrong_link)?;
        // Whoever holds a link may still guess at its password only so often.
        inner.rates.check(RateKind::Confirm, &link_subject(&hash))?;
        let now = inner.clock.now();
        let stored = inner.store.password_of_link(hash, KIND, now).await?;
        let right = inner.passwords.verify(password, stored.clone()).await?;
        let proven = stored.filter(|_| right);
        let confirmed = inner
            .store
            .write(Lane::Small, move |tx| {
                Box::pin(async move {
                    let Some(proven) = proven else {
                        tx.count_link(hash, KIND).await?;
                        return Ok(None);
                    };
                    let Some(used) = tx.use_link(hash, KIND, now).await? else { return Ok(None) };
                    Ok(tx.confirm_address(used.user, proven, now).await?.then_some(used.user))
                })
            })
            .await?;
        let user = confirmed.value.ok_or_else(wrong_link)?;
        inner.confirmed(user, "link");
        Ok(())
    }

    /// Mails a new code and link; the former ones are void. Says the same for every address.
    ///
    /// # Errors
    /// `bad_request` for what is no address; `rate_limited`.
    pub async fn resend_confirmation(&self, email: &str, address: IpAddr) -> Result<()> {
        let email = Email::parse(email).map_err(Error::bad_request)?;
        self.inner.check_address(address)?;
        let started = Instant::now();
        let sent = self.inner.resend(&email, address).await;
        tokio::time::sleep_until(started + ANSWER_MIN).await;
        sent
    }
}

impl Inner {
    /// Everything around confirming counts against one limit of the network, apart from the one of signing in.
    pub(super) fn check_address(&self, address: IpAddr) -> Result<()> {
        self.rates.check(RateKind::ConfirmAddress, &doors::network(address).to_string())?;
        Ok(())
    }

    /// Whether one more mail may go to an address, which counts it: by whom it is asked for, and over all.
    pub(super) fn may_mail(&self, subject: &RateSubject) -> Result<()> {
        self.rates.check(RateKind::Resend, &subject.here)?;
        self.rates.check(RateKind::ResendAnywhere, &subject.anywhere)?;
        Ok(())
    }

    async fn try_code(&self, email: &str, code: &str, password: &SecretString, address: IpAddr) -> Result<()> {
        let email = Email::parse(email).map_err(Error::bad_request)?;
        let subject = RateSubject::new(&email, address);
        self.rates.check(RateKind::Confirm, &subject.here)?;
        self.rates.check(RateKind::ConfirmAnywhere, &subject.anywhere)?;
        let known = self.store.account_by_email(email.normalized()).await?;
        let code = as_code(code).ok_or_else(wrong_code)?.to_owned();
        // One hash whatever is there, and before the try: what is pending is asked for, nobody else's password is tested.
        let pending = known.filter(AccountRow::is_pending).map(|known| known.password_hash);
        let right_password = self.passwords.verify(password, pending.clone()).await?;
        let proven = pending.filter(|_| right_password);
        let now = self.clock.now();
        let (seal, tries_max) = (self.seal.clone(), self.limits.confirm_attempts_max);
        let confirmed = self
            .store
            .write(Lane::Small, move |tx| {
                Box::pin(async move {
                    // The try is counted first and stays counted: a wrong code commits too.
                    let Some(tried) = tx.try_code(email.normalized(), KIND, tries_max).await? else { return Ok(None) };
                    let given = seal.fingerprint(CODE_PLACE, tried.id.0, code.as_bytes());
                    let right = bool::from(given.as_slice().ct_eq(&tried.code_hash)) && now < tried.expires_at;
                    let Some(proven) = proven.filter(|_| right) else { return Ok(None) };
                    if tx.use_auth_token(tried.id, now).await?.is_none() {
                        return Ok(None);
                    }
                    Ok(tx.confirm_address(tried.user, proven, now).await?.then_some(tried.user))
                })
            })
            .await?;
        let user = confirmed.value.ok_or_else(wrong_code)?;
        self.confirmed(user, "code");
        Ok(())
    }

    fn confirmed(&self, user: UserId, by: &'static str) {
        self.sessions.forget_user(user);
        tracing::info!(user.id = %user, by, "address confirmed");
    }

    async fn resend(&self, email: &Email, address: IpAddr) -> Result<()> {
        self.may_mail(&RateSubject::new(email, address))?;
        let known = self.store.account_by_email(email.normalized()).await?;
        let Some(known) = known.filter(AccountRow::is_pending) else {
            return Ok(());
        };
        let now = self.clock.now();
        let (token, mail) =
            self.confirmation(known.id, &known.email, Locale::stored(&known.locale), now).map_err(Error::internal)?;
        self.store
            .write(Lane::Small, move |tx| {
                Box::pin(async move {
                    tx.renew_auth_token(token, now).await?;
                    tx.add_mail(mail, now).await
                })
            })
            .await?;
        self.post.wake();
        Ok(())
    }

    /// A new code and link for a person: as they are stored, and as they are mailed.
    pub(super) fn token(
        &self,
        user: UserId,
        kind: &'static str,
        link_ttl: Duration,
        now: DateTime<Utc>,
    ) -> anyhow::Result<(NewAuthToken, String, String)> {
        let id = AuthTokenId(new_id());
        let code = random_code()?;
        let (secret, link_hash) = random_secret::<LINK_BYTES>()?;
        let token = NewAuthToken {
            id,
            user,
            kind,
            code_hash: Some(self.seal.fingerprint(CODE_PLACE, id.0, code.as_bytes())),
            link_hash,
            new_email: None,
            expires_at_code: now + TimeDelta::from_std(self.limits.confirm_code_ttl)?,
            expires_at_link: now + TimeDelta::from_std(link_ttl)?,
        };
        Ok((token, code, secret))
    }

    /// Counts one try of a code of the account with this address, and gives the code's token when the try was right. It
    /// is not used up yet.
    pub(super) async fn try_mailed(&self, email: &Email, kind: &'static str, code: &str) -> Result<Option<TriedCode>> {
        let Some(code) = as_code(code) else { return Ok(None) };
        let (normalized, tries_max) = (email.normalized().to_owned(), self.limits.confirm_attempts_max);
        let tried = self
            .store
            .write(Lane::Small, move |tx| Box::pin(async move { tx.try_code(&normalized, kind, tries_max).await }))
            .await?
            .value;
        let now = self.clock.now();
        Ok(tried.filter(|tried| {
            let given = self.seal.fingerprint(CODE_PLACE, tried.id.0, code.as_bytes());
            bool::from(given.as_slice().ct_eq(&tried.code_hash)) && now < tried.expires_at
        }))
    }

    /// A new code and link for a person, and the mail that tells them.
    pub(super) fn confirmation(
        &self,
        user: UserId,
        email: &str,
        locale: Locale,
        now: DateTime<Utc>,
    ) -> anyhow::Result<(NewAuthToken, NewMail)> {
        let (token, code, secret) = self.token(user, KIND, self.limits.confirm_link_ttl, now)?;
        let letter = Letter::ConfirmEmail {
            code,
            token: secret,
            code_minutes: self.limits.confirm_code_ttl.as_secs() / 60,
            link_hours: self.limits.confirm_link_ttl.as_secs() / 3600,
        };
        Ok((token, self.post.write(email, locale, letter)?))
    }
}

/// The digits of a code as they were typed; none for what cannot be one.
fn as_code(code: &str) -> Option<&str> {
    let code = code.trim();
    (code.len() == CODE_DIGITS && code.bytes().all(|byte| byte.is_ascii_digit())).then_some(code)
}

/// Six digits, each as likely as any other.
fn random_code() -> anyhow::Result<String> {
    // The largest multiple of a million below 2^32: what is above would favour small codes.
    const FAIR: u32 = u32::MAX - u32::MAX % 1_000_000;
    loop {
        let drawn = getrandom::u32().map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        if drawn < FAIR {
            return Ok(format!("{:06}", drawn % 1_000_000));
        }
    }
}

/// A random secret in base64url, and the hash that is stored in its place.
pub(super) fn random_secret<const BYTES: usize>() -> anyhow::Result<(String, [u8; 32])> {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let text = URL_SAFE_NO_PAD.encode(bytes);
    let hash = Sha256::digest(&text).into();
    Ok((text, hash))
}

/// The stored hash of a secret of 32 bytes in base64url; none for what cannot be one.
pub(super) fn secret_hash(text: &str) -> Option<[u8; 32]> {
    let well_formed =
        text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    well_formed.then(|| Sha256::digest(text).into())
}

/// Says the same for a wrong code, a void one, a wrong password, and an address that nobody has.
pub(super) const WRONG_CODE: &str = "This code does not work with this password. Use the newest mail and the password you \
    chose, or sign up again with this address.";

/// Whom the tries of a link are counted for.
pub(super) fn link_subject(hash: &[u8; 32]) -> String {
    format!("link-{}", hex::encode(hash.first_chunk::<12>().copied().unwrap_or_default()))
}

fn wrong_code() -> Error {
    Error::new(Code::BadRequest, WRONG_CODE)
}

fn wrong_link() -> Error {
    let detail = "This link does not work with this password, or not any more. Use the newest mail and the password you \
        chose, or sign up again with this address.";
    Error::new(Code::BadRequest, detail)
}
