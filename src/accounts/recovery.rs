//! A new password: for who reads the mail of an account and forgot the old one, and for who knows it.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::confirm::{ANSWER_MIN, link_subject, secret_hash};
use super::email::{MAILED_KINDS, UNDO};
use super::model::{Email, Locale, Refusal};
use super::sign_in::Guesser;
use super::{Accounts, Inner, Principal, RateSubject, no_account, refused, secret, sessions, to_the_end};
use crate::error::{Error, Result};
use crate::ids::{AuthTokenId, SessionId, UserId};
use crate::mail::Letter;
use crate::protocol::codes::Code;
use crate::protocol::events;
use crate::ratelimit::RateKind;
use crate::store::{Lane, MeRow, NewAuthToken, NewMail, UsedToken};

/// What these codes and links are for.
pub(super) const KIND: &str = "password_reset";
/// How long a code stays when another one is asked for.
const FRESH: TimeDelta = TimeDelta::minutes(2);

/// What proves that a person reads the mail of an account.
#[derive(Clone)]
pub enum MailProof {
    /// The secret of a mailed link.
    Link(String),
    /// The digits that were mailed to an address.
    Code {
        /// The address.
        email: String,
        /// The digits.
        code: String,
    },
}

/// Who proved it, and by what.
#[derive(Clone, Copy)]
enum Proven {
    Link([u8; 32]),
    Undo([u8; 32]),
    Code(AuthTokenId),
}

/// A form that changes a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordForm {
    /// The one that holds.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    pub current_password: SecretString,
    /// The one that is to hold.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1024)]
    pub new_password: SecretString,
    /// End all other sessions.
    pub end_others: bool,
}

impl Accounts {
    /// Mails a code and a link that set a new password. Says the same for every address, for the same time.
    ///
    /// # Errors
    /// `bad_request` for what is no address; `rate_limited` by the network. Enough mail for this person is no error:
    /// whoever asked is answered all the same.
    pub async fn forgot_password(&self, email: &str, address: IpAddr) -> Result<()> {
        let email = Email::parse(email).map_err(|detail| refused(&[Refusal::new("email", detail)]))?;
        self.inner.check_address(address)?;
        let started = Instant::now();
        let sent = match self.inner.may_mail(&RateSubject::new(&email, address)) {
            Ok(()) => self.inner.mail_reset(&email).await,
            Err(_enough) => Ok(()),
        };
        tokio::time::sleep_until(started + ANSWER_MIN).await;
        sent
    }

    /// Sets a new password for who reads the mail of an account: the address is confirmed by it, all sessions end, and
    /// every other code and link is void. The link of a notice to an old address also puts that address back.
    ///
    /// # Errors
    /// `bad_request` with `fields` for a password that may not be; `bad_request` for a code or link that is wrong, over,
    /// void or used, and for an unknown address alike, each at the price of one hash; `rate_limited`; `overloaded`.
    pub async fn reset_password(&self, proof: MailProof, password: &SecretString, address: IpAddr) -> Result<()> {
        let inner = &self.inner;
        inner.check_address(address)?;
        let email = if let MailProof::Code { email, .. } = &proof { Email::parse(email).ok() } else { None };
        let known: Vec<&str> = email.iter().flat_map(|email| [email.local(), email.domain()]).collect();
        inner.passwords.accept(password, &known).map_err(|refusal| refused(&[refusal]))?;
        let started = Instant::now();
        let reset = inner.reset(proof, password, address).await;
        if reset.is_err() {
            tokio::time::sleep_until(started + ANSWER_MIN).await;
        }
        reset
    }

    /// Changes the password of somebody who knows the old one, and ends their other sessions when they ask for it.
    ///
    /// # Errors
    /// `bad_request` with `fields`; `rate_limited` as for signing in; `overloaded`.
    pub async fn change_password(&self, who: &Principal, form: PasswordForm) -> Result<()> {
        let (user, current) = (who.user, who.session);
        let me = self.inner.account_of(user).await?;
        let refuse = |field, detail: &str| refused(&[Refusal::new(field, detail)]);
        self.inner
            .accept_for(&me, &form.new_password)
            .map_err(|refusal| refused(&[Refusal { field: "new_password", ..refusal }]))?;
        if form.new_password.expose_secret() == form.current_password.expose_secret() {
            return Err(refuse("new_password", "Choose another password than the one you have."));
        }
        let wrong = || refuse("current_password", NOT_YOURS);
        let old = self.inner.own_password(&me, current, &form.current_password).await?.ok_or_else(wrong)?;
        let new = self.inner.passwords.hash(&form.new_password).await?;
        let mail = self.inner.password_changed(&me)?;
        let inner = Arc::clone(&self.inner);
        to_the_end(&self.inner.supervisor, "password changed", async move {
            let now = inner.clock.now();
            let ended = inner
                .committer
                .run(move |tx| {
                    Box::pin(async move {
                        if !tx.replace_password(user, (old, new), now).await? {
                            return Ok(None);
                        }
                        if tx.void_auth_tokens(user, MAILED_KINDS, now).await? {
                            tx.emit_user(user, "profile", serde_json::json!(events::Profile {}), now).await?;
                        }
                        tx.add_mail(mail, now).await?;
                        if !form.end_others {
                            return Ok(Some(Vec::new()));
                        }
                        sessions::end_all(tx, user, Some(current), "password_changed", now).await.map(Some)
                    })
                })
                .await?
                .ok_or_else(|| refuse("current_password", NOT_YOURS))?;
            for session in &ended {
                inner.dismiss(*session);
            }
            inner.post.wake();
            tracing::info!(user.id = %user, ended = ended.len(), "password changed");
            Ok(())
        })
        .await
    }
}

impl Inner {
    async fn mail_reset(&self, email: &Email) -> Result<()> {
        let known = self.store.account_by_email(email.normalized()).await?;
        let Some(known) = known.filter(|known| known.active && !known.deleted) else { return Ok(()) };
        let now = self.clock.now();
        let (token, mail) =
            self.reset_mail(known.id, &known.email, Locale::stored(&known.locale), now).map_err(Error::internal)?;
        let tries_max = self.limits.confirm_attempts_max;
        self.store
            .write(Lane::Small, move |tx| {
                Box::pin(async move {
                    // Asked for by somebody else, a newer mail would take away the code that its owner is typing.
                    if tx.has_code_since(known.id, KIND, (now - FRESH, now), tries_max).await? {
                        return Ok(());
                    }
                    tx.renew_auth_token(token, now).await?;
                    tx.add_mail(mail, now).await
                })
            })
            .await?;
        self.post.wake();
        Ok(())
    }

    fn reset_mail(
        &self,
        user: UserId,
        email: &str,
        locale: Locale,
        now: DateTime<Utc>,
    ) -> anyhow::Result<(NewAuthToken, NewMail)> {
        let (token, code, secret) = self.token(user, KIND, self.limits.reset_link_ttl, now)?;
        let letter = Letter::ResetPassword {
            code,
            token: secret,
            code_minutes: self.limits.confirm_code_ttl.as_secs() / 60,
            link_minutes: self.limits.reset_link_ttl.as_secs() / 60,
        };
        Ok((token, self.post.write(email, locale, letter)?))
    }

    async fn reset(self: &Arc<Self>, proof: MailProof, password: &SecretString, address: IpAddr) -> Result<()> {
        let (hash, proven) = self.owner_of(proof, password, address).await?;
        let (token, by) = proven.ok_or_else(wrong)?;
        let owner = token.user;
        let mut me = self.account_of(owner).await?;
        let way_back = match token.new_email {
            Some(old) => Some(self.way_back(&me, &old).await?),
            None => None,
        };
        if let Some(way_back) = &way_back {
            way_back.old.typed().clone_into(&mut me.email);
        }
        // Only now: a refusal that knows the name must not answer who knows nothing but the address.
        self.accept_for(&me, password).map_err(|refusal| refused(&[refusal]))?;
        let mail = self.password_changed(&me)?;
        let inner = Arc::clone(self);
        let ended = to_the_end(&self.supervisor, "password reset", async move {
            let now = inner.clock.now();
            let ended = inner
                .committer
                .run(move |tx| {
                    Box::pin(async move {
                        let used = match by {
                            Proven::Link(link) => tx.use_link(link, KIND, now).await?,
                            Proven::Undo(link) => tx.use_link(link, UNDO, now).await?,
                            Proven::Code(token) => tx.use_auth_token(token, now).await?,
                        };
                        let Some(used) = used.filter(|used| used.user == owner) else { return Ok(None) };
                        if !tx.reset_password(used.user, hash, now).await? {
                            return Ok(None);
                        }
                        tx.void_auth_tokens(owner, MAILED_KINDS, now).await?;
                        if let Some(way_back) = way_back {
                            way_back.go(tx, &used, now).await?;
                        }
                        tx.add_mail(mail, now).await?;
                        sessions::end_all(tx, owner, None, "password_reset", now).await.map(Some)
                    })
                })
                .await
                .map_err(|error| if error.code == Code::Conflict { Error::bad_request(TAKEN) } else { error })?;
            for session in ended.iter().flatten() {
                inner.dismiss(*session);
            }
            inner.sessions.forget_user(owner);
            inner.post.wake();
            Ok(ended)
        })
        .await?;
        let ended = ended.ok_or_else(wrong)?;
        tracing::info!(user.id = %owner, ended = ended.len(), "password reset");
        Ok(())
    }

    /// The hash of the new password, which is computed in any case, and whose mail the proof proves, if anybody's.
    async fn owner_of(
        &self,
        proof: MailProof,
        password: &SecretString,
        address: IpAddr,
    ) -> Result<(String, Option<(UsedToken, Proven)>)> {
        match proof {
            MailProof::Link(token) => {
                let link = secret_hash(&token).ok_or_else(wrong)?;
                self.rates.check(RateKind::Reset, &link_subject(&link))?;
                let now = self.clock.now();
                let proven = match self.store.link_owner(link, KIND, now).await? {
                    Some(reset) => Some((reset, Proven::Link(link))),
                    None => self.store.link_owner(link, UNDO, now).await?.map(|undo| (undo, Proven::Undo(link))),
                };
                Ok((self.passwords.hash(password).await?, proven))
            }
            MailProof::Code { email, code } => {
                let email = Email::parse(&email).map_err(|detail| refused(&[Refusal::new("email", detail)]))?;
                let subject = RateSubject::new(&email, address);
                self.rates.check(RateKind::Reset, &subject.here)?;
                self.rates.check(RateKind::ResetAnywhere, &subject.anywhere)?;
                let hash = self.passwords.hash(password).await?;
                let tried = self.try_mailed(&email, KIND, &code).await?;
                Ok((
                    hash,
                    tried.map(|tried| {
                        (
                            UsedToken { user: tried.user, new_email: None, created_at: self.clock.now() },
                            Proven::Code(tried.id),
                        )
                    }),
                ))
            }
        }
    }

    /// Whether a password may become this person's.
    fn accept_for(&self, me: &MeRow, password: &SecretString) -> std::result::Result<(), Refusal> {
        self.passwords.accept(password, &[&me.email, &me.first_name, &me.last_name])
    }

    /// A person's own account.
    pub(super) async fn account_of(&self, user: UserId) -> Result<MeRow> {
        let me = self.store.me(user, self.clock.now()).await?;
        me.ok_or_else(|| no_account("There is no such person."))
    }

    /// The stored password of a signed-in person who typed it right; guessing is bounded as at the door.
    pub(super) async fn own_password(
        &self,
        me: &MeRow,
        session: SessionId,
        password: &SecretString,
    ) -> Result<Option<String>> {
        let email = Email::parse(&me.email).ok();
        let account = match &email {
            Some(email) => self.store.account_by_email(email.normalized()).await?.filter(|account| account.id == me.id),
            None => None,
        };
        let stored = account.map(|account| account.password_hash);
        let right = self.prove(Guesser::Known(session.to_string()), stored.clone(), password).await?;
        Ok(stored.filter(|_| right))
    }

    fn password_changed(&self, me: &MeRow) -> Result<NewMail> {
        let locale = Locale::stored(&me.settings.locale);
        self.post.write(&me.email, locale, Letter::PasswordChanged).map_err(Error::internal)
    }
}

/// What somebody signed in is told who typed another password than their own.
pub(super) const NOT_YOURS: &str = "This is not your password. Type the one you sign in with.";
/// Says the same for a wrong code or link, a void one, somebody else's, and an address that nobody has.
const WRONG: &str = "This code or link does not work, or not any more. Use the newest mail, or ask for a new one.";

/// Says that the way back is closed.
const TAKEN: &str = "This address cannot be put back: another account has it by now. Write to support.";

pub(super) fn wrong() -> Error {
    Error::bad_request(WRONG)
}
