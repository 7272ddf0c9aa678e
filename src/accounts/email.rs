//! Another e-mail address: proven by its mail, told to the old one, once in a while.
//!
//! Whether the new address is somebody's is never told: its owner gets another letter, and the code nobody has.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::confirm::{ANSWER_MIN, link_subject, secret_hash};
use super::model::{Email, Locale, Refusal};
use super::recovery::{self, NOT_YOURS, wrong};
use super::{Accounts, Inner, Principal, RateSubject, refused, sessions, to_the_end};
use crate::error::{Error, Result};
use crate::ids::{AuthTokenId, UniversityId, UserId};
use crate::mail::Letter;
use crate::protocol::codes::Code;
use crate::protocol::events;
use crate::ratelimit::RateKind;
use crate::store::{AccountRow, MeRow, NewAuthToken, NewMail, StoreError, Tx, UsedToken};

/// What the codes and links of a change are for.
const KIND: &str = "email_change";
/// Every kind of code and link that was mailed to an account: all void once it changed hands or address.
pub(super) const MAILED_KINDS: &[&str] = &["email_confirm", KIND, recovery::KIND];
/// What the links of the notices to an old address are for. Nothing voids them but the use of an earlier one: whoever changed the
/// address could else take the way back from its owner.
pub(super) const UNDO: &str = "email_undo";

/// What proves that a signed-in person reads the mail of the new address.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(untagged, deny_unknown_fields, expecting = "give `token` or `code`")]
#[schema(as = Proof)]
pub enum AddressProof {
    /// By the link.
    #[schema(title = "ProofByLink")]
    Link {
        /// What stands in the link.
        #[schema(max_length = 100)]
        token: String,
    },
    /// By the code.
    #[schema(title = "ProofByCode")]
    Code {
        /// Six digits.
        #[schema(max_length = 100)]
        code: String,
    },
}

impl Accounts {
    /// Mails a code and a link to a new address, and a notice with a way to stop it to the old one. Returns the address
    /// as mail goes to it.
    ///
    /// # Why
    /// The way to stop it is a link that sets a new password: whoever did not ask for the change has somebody in their
    /// account; it ends every session and undoes the change, confirmed or not.
    /// # Errors
    /// `bad_request` with `fields`; `rate_limited` after a change in the last while, by guesses of the password, and by
    /// mails to the new address; `overloaded`.
    pub async fn change_email(
        &self,
        who: &Principal,
        email: &str,
        password: &SecretString,
        address: IpAddr,
    ) -> Result<String> {
        let inner = &self.inner;
        let refuse = |field, detail: &str| refused(&[Refusal::new(field, detail)]);
        let new = Email::parse(email).map_err(|detail| refuse("email", detail))?;
        inner.check_address(address)?;
        let me = inner.account_of(who.user).await?;
        if Email::parse(&me.email).is_ok_and(|old| old.normalized() == new.normalized()) {
            return Err(refuse("email", "This is your address already. Type the new one."));
        }
        if inner.own_password(&me, who.session, password).await?.is_none() {
            return Err(refuse("password", NOT_YOURS));
        }
        inner.check_cooldown(&me)?;
        inner.may_mail(&RateSubject::new(&new, address))?;
        let started = Instant::now();
        let mailed = inner.mail_change(&me, &new).await;
        tokio::time::sleep_until(started + ANSWER_MIN).await;
        mailed.map(|()| new.typed().to_owned())
    }

    /// Puts the new address in the place of the old one, for who reads its mail; all other sessions end.
    ///
    /// # Errors
    /// `bad_request` for a code or link that is wrong, over, void, used or somebody else's, and for an address that
    /// somebody took meanwhile, alike; `rate_limited`.
    pub async fn confirm_email(&self, who: &Principal, proof: AddressProof, address: IpAddr) -> Result<()> {
        let inner = &self.inner;
        inner.check_address(address)?;
        let started = Instant::now();
        let confirmed = inner.confirm_change(who, proof, address).await;
        if confirmed.is_err() {
            tokio::time::sleep_until(started + ANSWER_MIN).await;
        }
        confirmed
    }

    /// Takes back a change that was not confirmed yet. None is no error.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn withdraw_email(&self, user: UserId) -> Result<()> {
        let now = self.inner.clock.now();
        let withdrawn = self.inner.committer.run(move |tx| {
            Box::pin(async move {
                if tx.void_auth_tokens(user, &[KIND], now).await? {
                    tx.emit_user(user, "profile", serde_json::json!(events::Profile {}), now).await?;
                }
                Ok(())
            })
        });
        withdrawn.await
    }
}

impl Inner {
    fn check_cooldown(&self, me: &MeRow) -> Result<()> {
        let cooldown = TimeDelta::from_std(self.limits.email_change_cooldown).map_err(Error::internal)?;
        let left = me.email_changed_at.map_or(TimeDelta::zero(), |at| at + cooldown - self.clock.now());
        match left.to_std() {
            Ok(left) if !left.is_zero() => {
                let detail = "Your address was changed a short while ago. Wait before you change it again.";
                Err(Error::new(Code::RateLimited, detail).after(left))
            }
            _ => Ok(()),
        }
    }

    /// The same transaction whether the address is somebody's or nobody's.
    async fn mail_change(&self, me: &MeRow, new: &Email) -> Result<()> {
        let known = self.store.account_by_email(new.normalized()).await?;
        let (change, to_new) = self.change_mail(me, new, known.as_ref()).map_err(Error::internal)?;
        let changing = |token, link_hours| Letter::EmailChanging { token, link_hours };
        let (stop, to_old) = self.notice(me, changing).map_err(Error::internal)?;
        let (user, now) = (me.id, self.clock.now());
        self.committer
            .run(move |tx| {
                Box::pin(async move {
                    tx.renew_auth_token(change, now).await?;
                    tx.add_auth_token(stop, now).await?;
                    tx.add_mail(to_new, now).await?;
                    tx.add_mail(to_old, now).await?;
                    tx.emit_user(user, "profile", serde_json::json!(events::Profile {}), now).await.map(|_seq| ())
                })
            })
            .await?;
        self.post.wake();
        tracing::info!(user.id = %me.id, "a change of address was asked for");
        Ok(())
    }

    fn change_mail(
        &self,
        me: &MeRow,
        new: &Email,
        known: Option<&AccountRow>,
    ) -> anyhow::Result<(NewAuthToken, NewMail)> {
        let link_ttl = self.limits.confirm_link_ttl;
        let (mut token, code, secret) = self.token(me.id, KIND, link_ttl, self.clock.now())?;
        token.new_email = Some(new.typed().to_owned());
        // Who only signed up with an address has not proven that it is theirs.
        let mail = match known.filter(|known| !known.is_pending()) {
            Some(owner) => self.post.write(&owner.email, Locale::stored(&owner.locale), Letter::AddressTaken)?,
            None => {
                let letter = Letter::ChangeEmail {
                    code,
                    token: secret,
                    code_minutes: self.limits.confirm_code_ttl.as_secs() / 60,
                    link_hours: link_ttl.as_secs() / 3600,
                };
                self.post.write(new.typed(), Locale::stored(&me.settings.locale), letter)?
            }
        };
        Ok((token, mail))
    }

    /// A notice to the old address; its link sets a new password and puts this address back.
    fn notice(
        &self,
        me: &MeRow,
        letter: impl FnOnce(String, u64) -> Letter,
    ) -> anyhow::Result<(NewAuthToken, NewMail)> {
        // At least as long as the change itself can be confirmed, and as long as no other change can follow.
        let link_ttl = self.limits.email_change_cooldown.max(self.limits.confirm_link_ttl);
        let (token, _, secret) = self.token(me.id, UNDO, link_ttl, self.clock.now())?;
        let letter = letter(secret, link_ttl.as_secs() / 3600);
        let mail = self.post.write(&me.email, Locale::stored(&me.settings.locale), letter)?;
        Ok((NewAuthToken { code_hash: None, new_email: Some(me.email.clone()), ..token }, mail))
    }

    /// What puts an old address back.
    pub(super) async fn way_back(&self, me: &MeRow, old: &str) -> Result<WayBack> {
        let old = Email::parse(old).map_err(Error::bad_request)?;
        let university = self.university_of(&old).await?;
        let letter = Letter::EmailRestored;
        let told = self.post.write(&me.email, Locale::stored(&me.settings.locale), letter).map_err(Error::internal)?;
        Ok(WayBack { left: me.email.clone(), old, university, told })
    }

    async fn confirm_change(self: &Arc<Self>, who: &Principal, proof: AddressProof, address: IpAddr) -> Result<()> {
        let (user, current) = (who.user, who.session);
        let me = self.account_of(user).await?;
        let old = Email::parse(&me.email).map_err(Error::bad_request)?;
        let by = self.proven(user, &old, proof, address).await?.ok_or_else(wrong)?;
        let pending = me.pending_email.as_deref().and_then(|pending| Email::parse(pending).ok()).ok_or_else(wrong)?;
        let university = self.university_of(&pending).await?;
        let changed = |token, link_hours| Letter::EmailChanged { token, link_hours };
        let (undo, mail) = self.notice(&me, changed).map_err(Error::internal)?;
        let inner = Arc::clone(self);
        to_the_end(&self.supervisor, "address changed", async move {
            let now = inner.clock.now();
            let changed = inner
                .committer
                .run(move |tx| {
                    Box::pin(async move {
                        let used = match by {
                            By::Link(hash) => tx.use_link(hash, KIND, now).await?,
                            By::Code(token) => tx.use_auth_token(token, now).await?,
                        };
                        let is_this =
                            |used: &UsedToken| used.user == user && used.new_email.as_deref() == Some(pending.typed());
                        if !used.as_ref().is_some_and(is_this) {
                            return Ok(None);
                        }
                        match tx.account_by_email(pending.normalized()).await? {
                            // Somebody signed up with it and never proved that it is theirs.
                            Some(other) if other.is_pending() => tx.remove_unconfirmed(other.id).await?,
                            Some(_) => return Ok(None),
                            None => {}
                        }
                        let address = (pending.typed().to_owned(), pending.normalized().to_owned());
                        tx.set_email(user, address, university, now).await?;
                        tx.void_auth_tokens(user, MAILED_KINDS, now).await?;
                        tx.add_auth_token(undo, now).await?;
                        tx.add_mail(mail, now).await?;
                        tx.emit_user(user, "profile", serde_json::json!(events::Profile {}), now).await?;
                        sessions::end_all(tx, user, Some(current), "email_changed", now).await.map(Some)
                    })
                })
                .await;
            let ended = match changed {
                Ok(Some(ended)) => ended,
                Ok(None) => return Err(wrong()),
                // Taken in this very moment.
                Err(error) if error.code == Code::Conflict => return Err(wrong()),
                Err(error) => return Err(error),
            };
            for session in &ended {
                inner.dismiss(*session);
            }
            inner.sessions.forget_user(user);
            inner.post.wake();
            tracing::info!(user.id = %user, ended = ended.len(), "address changed");
            Ok(())
        })
        .await
    }

    /// By what a person proved to read the mail of the new address, if they did.
    async fn proven(&self, user: UserId, old: &Email, proof: AddressProof, address: IpAddr) -> Result<Option<By>> {
        match proof {
            AddressProof::Link { token } => {
                let Some(hash) = secret_hash(&token) else { return Ok(None) };
                self.rates.check(RateKind::Confirm, &link_subject(&hash))?;
                let owner = self.store.link_owner(hash, KIND, self.clock.now()).await?;
                Ok(owner.filter(|owner| owner.user == user).map(|_| By::Link(hash)))
            }
            AddressProof::Code { code } => {
                let subject = RateSubject::new(old, address);
                self.rates.check(RateKind::Confirm, &subject.here)?;
                self.rates.check(RateKind::ConfirmAnywhere, &subject.anywhere)?;
                let tried = self.try_mailed(old, KIND, &code).await?;
                Ok(tried.filter(|tried| tried.user == user).map(|tried| By::Code(tried.id)))
            }
        }
    }
}

/// What a proof names.
#[derive(Clone, Copy)]
enum By {
    Link([u8; 32]),
    Code(AuthTokenId),
}

/// What puts an old address back.
pub(super) struct WayBack {
    /// The address that the account has.
    left: String,
    /// The one it is to have again.
    pub(super) old: Email,
    university: Option<UniversityId>,
    /// To the address that the account has.
    told: NewMail,
}

impl WayBack {
    /// Puts the old address back, unless it was never left.
    ///
    /// # Errors
    /// `Conflict` when it is another account's, or the account has got yet another address meanwhile.
    pub(super) async fn go(
        self,
        tx: &mut Tx,
        used: &UsedToken,
        now: DateTime<Utc>,
    ) -> std::result::Result<(), StoreError> {
        let user = used.user;
        let taken = || StoreError::Conflict { table: "users", columns: "email_normalized" };
        tx.void_later_tokens(used, UNDO, now).await?;
        if tx.hold_me(user, now).await?.is_none_or(|me| me.email != self.left) {
            return Err(taken());
        }
        match tx.account_by_email(self.old.normalized()).await? {
            Some(own) if own.id == user => return Ok(()),
            Some(other) if other.is_pending() => tx.remove_unconfirmed(other.id).await?,
            Some(_) => return Err(taken()),
            None => {}
        }
        let address = (self.old.typed().to_owned(), self.old.normalized().to_owned());
        tx.set_email(user, address, self.university, now).await?;
        tx.add_mail(self.told, now).await
    }
}
