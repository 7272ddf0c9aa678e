//! A person's standing: verified, suspended, active again. Each change holds at once, everywhere.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::model::Email;
use super::sessions::cut_reason;
use super::{Accounts, Inner, no_account, to_the_end};
use crate::admin::model::{Actor, Entry};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::protocol::codes::Close;
use crate::protocol::events;
use crate::store::{StoreError, Tx};

/// Who vouched, when an operator did.
const BY_HAND: &str = "manual";

/// What a change of standing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is.
    pub user: UserId,
    /// False when it was so already: then nobody was told.
    pub changed: bool,
}

/// A change of standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandingChange {
    /// The identity is verified.
    Verify,
    /// The account is suspended: its sessions end with it.
    Suspend {
        /// Why.
        reason: String,
        /// Until when; none: without end.
        until: Option<DateTime<Utc>>,
    },
    /// The suspension is lifted.
    Activate,
}

/// Suspensions lifted at once.
const LIFTED_MAX: u64 = 100;

impl Accounts {
    /// Marks the identity behind an address as verified by hand.
    ///
    /// # Errors
    /// `bad_request` for what is no address; `not_found`; those of the store.
    pub async fn verify(&self, email: &str) -> Result<Standing> {
        self.change(email, StandingChange::Verify).await
    }

    /// Suspends an account without end: all its sessions end with it, in the same transaction, and its sockets close.
    ///
    /// # Errors
    /// `bad_request` for what is no address; `not_found`; those of the store.
    pub async fn suspend(&self, email: &str, reason: &str) -> Result<Standing> {
        self.change(email, StandingChange::suspension(reason, None)).await
    }

    /// Lifts a suspension. The person signs in anew: ended sessions stay ended.
    ///
    /// # Errors
    /// `bad_request` for what is no address; `not_found`; those of the store.
    pub async fn activate(&self, email: &str) -> Result<Standing> {
        self.change(email, StandingChange::Activate).await
    }

    /// Whose address this is; for operators, never for a public door.
    ///
    /// # Errors
    /// `bad_request` for what is no address; `not_found`; those of the store.
    pub async fn find(&self, email: &str) -> Result<UserId> {
        let email = Email::parse(email).map_err(Error::bad_request)?;
        let account = self.inner.store.account_by_email(email.normalized()).await?;
        let user = account.filter(|account| !account.deleted).map(|account| account.id);
        user.ok_or_else(|| no_account("There is no account with this e-mail address."))
    }

    /// Lifts the suspensions whose end has come, and says how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn lift_suspensions(&self) -> Result<usize> {
        let ended = self.inner.store.ended_suspensions(self.inner.clock.now(), LIFTED_MAX).await?;
        for user in &ended {
            self.settle(*user, StandingChange::Activate, Actor::system()).await?;
        }
        Ok(ended.len())
    }

    /// Lets people write again whose mute was to end by now, and says how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn lift_mutes(&self) -> Result<usize> {
        let now = self.inner.clock.now();
        let ended = self.inner.store.ended_mutes(now, LIFTED_MAX).await?;
        for user in &ended {
            let user = *user;
            let work = self.inner.committer.run(move |tx| {
                Box::pin(async move {
                    if tx.lift_mute(user, now).await? {
                        let told = events::Sanction { change: "unmuted", ..events::Sanction::default() };
                        tx.emit_user(user, "sanction", json!(told), now).await?;
                        let university = tx.university_of(user).await?.flatten();
                        let entry = Entry::new("unmute_user", "user").on(user).at(university);
                        tx.append_action(&Actor::system(), entry.because("the mute is over"), now).await?;
                    }
                    Ok(())
                })
            });
            work.await?;
        }
        Ok(ended.len())
    }

    /// Makes a change that is stored hold everywhere: nothing is believed any more of who it is about, and the sockets
    /// close that it ends.
    pub fn enforce(&self, user: UserId, change: &StandingChange) {
        self.inner.enforce(user, change);
    }

    async fn change(&self, email: &str, change: StandingChange) -> Result<Standing> {
        let user = self.find(email).await?;
        self.settle(user, change, Actor::operator()).await
    }

    async fn settle(&self, user: UserId, change: StandingChange, actor: Actor) -> Result<Standing> {
        let inner = Arc::clone(&self.inner);
        to_the_end(&self.inner.supervisor, "standing changed", async move {
            let now = inner.clock.now();
            let stored = change.clone();
            let work = inner.committer.run(move |tx| {
                Box::pin(async move {
                    let changed = stored.store(tx, user, now).await?;
                    let university = tx.university_of(user).await?.flatten();
                    tx.append_action(&actor, stored.entry(user, changed).at(university), now).await?;
                    Ok(changed)
                })
            });
            let changed = work.await?;
            // Even when it was so already: an operator who repeats a command wants it to hold.
            inner.enforce(user, &change);
            tracing::info!(user.id = %user, what = change.name(), changed, "standing of an account");
            Ok(Standing { user, changed })
        })
        .await
    }
}

impl Inner {
    fn enforce(&self, user: UserId, change: &StandingChange) {
        self.sessions.forget_user(user);
        if let StandingChange::Suspend { .. } = change {
            self.hub.close_user(user, Close::Suspended);
        }
    }
}

impl StandingChange {
    /// A suspension for this reason.
    pub fn suspension(reason: &str, until: Option<DateTime<Utc>>) -> Self {
        Self::Suspend { reason: cut_reason(reason), until }
    }

    /// Its name in the log.
    const fn name(&self) -> &'static str {
        match self {
            Self::Verify => "verified",
            Self::Suspend { .. } => "suspended",
            Self::Activate => "activated",
        }
    }

    /// What the audit log says of it.
    pub fn entry(&self, user: UserId, changed: bool) -> Entry {
        let (action, entry) = match self {
            Self::Verify => ("override_verification", json!({ "changed": changed })),
            Self::Suspend { until, .. } => ("suspend_users", json!({ "changed": changed, "until": until })),
            Self::Activate => ("activate_users", json!({ "changed": changed })),
        };
        let entry = Entry::new(action, "user").on(user).with(entry);
        match self {
            Self::Suspend { reason, .. } => entry.because(reason.clone()),
            _ => entry,
        }
    }

    /// Stores the change and its event; false when it was so already.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn store(&self, tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> std::result::Result<bool, StoreError> {
        let (changed, kind, data) = match self {
            Self::Verify => (
                tx.verify_identity(user, BY_HAND, now).await?,
                "verification",
                json!(events::Verification { verified: true }),
            ),
            Self::Suspend { reason, until } => {
                let changed = tx.suspend(user, (reason.clone(), *until), now).await?;
                tx.revoke_sessions_of(user, None, "suspended".to_owned(), now).await?;
                (changed, "sanction", json!(events::Sanction { change: "suspended", ..events::Sanction::default() }))
            }
            Self::Activate => (
                tx.activate(user, now).await?,
                "sanction",
                json!(events::Sanction { change: "activated", ..events::Sanction::default() }),
            ),
        };
        if changed {
            tx.emit_user(user, kind, data, now).await?;
        }
        Ok(changed)
    }
}
