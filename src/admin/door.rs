//! Who asks: the holder of a session or of a token, what they are, and what they have shown besides.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dashmap::DashMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use super::act::{Aim, Change, Stored};
use super::model::{Actor, Entry, Permission, Reason, Role, Via};
use super::{Admin, Audited, Inner, authz};
use crate::accounts::Principal;
use crate::accounts::model::truncate_address;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::protocol::codes::Code;
use crate::ratelimit::{RateKey, RateKind};
use crate::store::Tx;

/// What every token of an admin begins with.
pub(super) const TOKEN_PREFIX: &str = "dma_";

/// Sessions that are unlocked or stepped up at once; there are few admins, and entries end within the hour.
const UNLOCKS_MAX: usize = 10_000;

/// What a request shows of who asks.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The token of a session, or of an admin.
    pub token: SecretString,
    /// What it says in `x-admin-secret`.
    pub secret: Option<SecretString>,
    /// Where it comes from.
    pub address: IpAddr,
    /// Its id.
    pub request_id: Option<String>,
}

/// Until when a session has shown what.
#[derive(Clone, Copy, Debug, Default)]
struct Unlock {
    /// The second factor.
    stepped_up: Option<DateTime<Utc>>,
    /// The admin secret.
    secret: Option<DateTime<Utc>>,
}

/// What sessions have shown, forgotten when the program ends.
///
/// Written by the two routes that show something, read by every request of an admin; locks are held for one entry.
#[derive(Debug, Default)]
pub(super) struct Unlocks {
    held: DashMap<Via, Unlock>,
}

impl Unlocks {
    fn keep(&self, via: Via, now: DateTime<Utc>, note: impl FnOnce(&mut Unlock)) {
        if self.held.len() >= UNLOCKS_MAX {
            let live = |until: Option<DateTime<Utc>>| until.is_some_and(|until| now < until);
            self.held.retain(|_, unlock| live(unlock.stepped_up) || live(unlock.secret));
        }
        if self.held.len() < UNLOCKS_MAX {
            note(&mut self.held.entry(via).or_default());
        }
    }

    pub(super) fn step_up(&self, via: Via, now: DateTime<Utc>, ttl: Duration) {
        self.keep(via, now, |unlock| unlock.stepped_up = end(now, ttl));
    }

    fn unlock(&self, via: Via, now: DateTime<Utc>, ttl: Duration) {
        self.keep(via, now, |unlock| unlock.secret = end(now, ttl));
    }

    fn of(&self, via: Via, now: DateTime<Utc>) -> (bool, bool) {
        let unlock = self.held.get(&via).map(|held| *held).unwrap_or_default();
        let live = |until: Option<DateTime<Utc>>| until.is_some_and(|until| now < until);
        (live(unlock.stepped_up), live(unlock.secret))
    }
}

fn end(now: DateTime<Utc>, ttl: Duration) -> Option<DateTime<Utc>> {
    TimeDelta::from_std(ttl).ok().map(|ttl| now + ttl)
}

/// What an admin is told of themselves.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminSelf {
    /// Who.
    user: UserId,
    /// What.
    role: Role,
    /// At which university; none for super admins.
    #[schema(value_type = Option<String>, format = Uuid)]
    university: Option<crate::ids::UniversityId>,
    /// What they may do somewhere.
    permissions: Vec<Permission>,
    /// They have a second factor.
    second_factor: bool,
    /// They have shown it a short while ago.
    stepped_up: bool,
    /// The session waits for the admin secret.
    locked: bool,
}

/// Whether somebody may, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// They may.
    pub allowed: bool,
    /// Every clause, and whether it holds.
    pub clauses: Vec<(authz::Clause, bool)>,
}

impl Admin {
    /// Who asks with these credentials for a route of this permission. A token of an admin must bring the admin secret,
    /// where there is one; a session must have been unlocked with it.
    ///
    /// # Errors
    /// `unauthorized`, `token_expired` and `suspended` as everywhere; `forbidden` for whoever is no admin, or never may;
    /// `admin_secret_required`, `admin_secret_invalid`.
    pub async fn identify(&self, asked: Credentials, permission: Permission) -> Result<(Actor, Option<Principal>)> {
        let token = asked.token.expose_secret();
        let (user, via, scopes, principal) = match token.strip_prefix(TOKEN_PREFIX) {
            Some(_) => {
                let now = self.inner.clock.now();
                let found = self.inner.store.admin_token(&Sha256::digest(token).into(), now).await?;
                let (id, user, scopes) = found.ok_or_else(unknown_token)?;
                (user, Via::Token(id), Some(scopes), None)
            }
            None => {
                let principal = self.inner.accounts.authenticate(token).await?;
                (principal.user, Via::Session(principal.session), None, Some(principal))
            }
        };
        let state = self.inner.store.admin(user).await?;
        if state.is_none() && scopes.is_some() {
            return Err(unknown_token());
        }
        let (stepped_up, _) = self.inner.unlocks.of(via, self.inner.clock.now());
        let actor = Actor {
            user: Some(user),
            role: state.as_ref().map(|state| state.role),
            university: state.as_ref().and_then(|state| state.university),
            via,
            scopes,
            enrolled: state.is_some_and(|state| state.totp_confirmed),
            stepped_up,
            address: Some(truncate_address(asked.address)),
            request_id: asked.request_id,
        };
        authz::may_somewhere(&actor, permission)?;
        self.ask_for_secret(&actor, permission, asked.secret).await?;
        Ok((actor, principal))
    }

    /// Somebody who is signed in and perhaps no admin yet, to accept an invitation.
    pub fn guest(principal: &Principal, address: IpAddr, request_id: Option<String>) -> Actor {
        Actor {
            user: Some(principal.user),
            via: Via::Session(principal.session),
            address: Some(truncate_address(address)),
            request_id,
            ..Actor::system()
        }
    }

    /// What an admin is told of themselves.
    ///
    /// # Errors
    /// `forbidden` for whoever is none.
    pub fn oneself(&self, actor: &Actor) -> Result<AdminSelf> {
        authz::may(actor, Permission::Oneself, authz::Target::System)?;
        let (user, role) = actor.user.zip(actor.role).ok_or_else(unknown_token)?;
        let all = Permission::ALL.iter().copied();
        Ok(AdminSelf {
            user,
            role,
            university: actor.university,
            permissions: all.filter(|permission| authz::may_somewhere(actor, *permission).is_ok()).collect(),
            second_factor: actor.enrolled,
            stepped_up: actor.stepped_up,
            locked: self.is_locked(actor),
        })
    }

    /// Whether somebody may do a thing to somebody, or to the whole system, clause by clause, as if they had shown
    /// their second factor just now.
    ///
    /// # Errors
    /// `not_found` when there is no such target; those of the store.
    pub async fn explain(&self, user: UserId, permission: Permission, target: Option<UserId>) -> Result<Explained> {
        let state = self.inner.store.admin(user).await?;
        let actor = Actor {
            user: Some(user),
            role: state.as_ref().map(|state| state.role),
            university: state.as_ref().and_then(|state| state.university),
            via: Via::Session(crate::ids::SessionId(uuid::Uuid::nil())),
            enrolled: state.is_some_and(|state| state.totp_confirmed),
            stepped_up: true,
            ..Actor::system()
        };
        let clauses = match target {
            None => authz::clauses(&actor, permission, authz::Target::System),
            Some(target) => {
                let university = self.inner.store.university_of_user(target).await?.ok_or_else(authz::hidden)?;
                authz::clauses(&actor, permission, authz::Target::At(&[university]))
            }
        };
        Ok(Explained { allowed: clauses.iter().all(|(_, holds)| *holds), clauses: clauses.to_vec() })
    }

    fn is_locked(&self, actor: &Actor) -> bool {
        let session = matches!(actor.via, Via::Session(_));
        session && self.inner.shared_secret.is_some() && !self.inner.unlocks.of(actor.via, self.inner.clock.now()).1
    }

    async fn ask_for_secret(&self, actor: &Actor, permission: Permission, sent: Option<SecretString>) -> Result<()> {
        let required = || {
            Error::new(
                Code::AdminSecretRequired,
                "Send the admin secret in x-admin-secret, or unlock the session with it.",
            )
        };
        match (&self.inner.shared_secret, actor.via) {
            (None, _) => Ok(()),
            (Some(_), Via::Session(_)) if permission == Permission::Oneself || !self.is_locked(actor) => Ok(()),
            (Some(_), Via::Token(_)) => match self.inner.judge_secret(actor, &sent.ok_or_else(required)?) {
                Err(error) if error.code == Code::AdminSecretInvalid => {
                    let entry = Entry::new("admin_secret_failed", "admin").ended(super::Outcome::Denied);
                    self.note(actor.clone(), entry).await?;
                    Err(error)
                }
                judged => judged,
            },
            _ => Err(required()),
        }
    }

    /// Unlocks a session with the admin secret for a while.
    ///
    /// # Errors
    /// `admin_secret_invalid`, `rate_limited` after too many wrong ones, `conflict` when none is asked for.
    pub async fn unlock(&self, actor: &Actor, secret: SecretString) -> Result<Audited<()>> {
        self.act(actor, Reason::evident("the session was unlocked"), Unlocking { secret, admin: self.clone() }).await
    }
}

impl Inner {
    /// Compares in the same time whatever was sent. Wrong ones are counted, and after some no more are looked at.
    fn judge_secret(&self, actor: &Actor, sent: &SecretString) -> Result<()> {
        let Some(secret) = &self.shared_secret else {
            return Err(Error::new(Code::Conflict, "This server asks for no admin secret."));
        };
        let subject = actor.user.map(|user| user.to_string()).unwrap_or_default();
        if let Err(wait) = self.rates.check(RateKind::AdminSecret, &subject) {
            tracing::error!(admin = subject, "an admin secret was guessed at too often");
            return Err(wait.into());
        }
        let digest = |text: &SecretString| Sha256::digest(text.expose_secret());
        if bool::from(digest(secret).ct_eq(&digest(sent))) {
            self.rates.clear(&RateKey::new(RateKind::AdminSecret, &subject).to_string());
            return Ok(());
        }
        Err(Error::new(Code::AdminSecretInvalid, "The admin secret is wrong."))
    }
}

struct Unlocking {
    secret: SecretString,
    admin: Admin,
}

impl Change for Unlocking {
    type Done = ();

    fn permission(&self) -> Option<Permission> {
        Some(Permission::Oneself)
    }

    fn refused_as(&self) -> &'static str {
        "admin_secret_failed"
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, _tx: &mut Tx, by: &Actor, _now: DateTime<Utc>) -> Stored<((), Vec<Entry>)> {
        self.admin.inner.judge_secret(by, &self.secret)?;
        Ok(((), vec![Entry::new("login_admin", "admin").on(by.user.map(|user| user.to_string()).unwrap_or_default())]))
    }

    fn after(&self, admin: &Inner, by: &Actor, (): &()) {
        admin.unlocks.unlock(by.via, admin.clock.now(), admin.limits.admin_unlock_ttl);
    }
}

fn unknown_token() -> Error {
    Error::new(
        Code::Unauthorized,
        "This token is not known, is over, or its owner is no admin any more. Make a new one.",
    )
}
