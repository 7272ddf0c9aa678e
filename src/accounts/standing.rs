//! A person's standing: verified, suspended, active again. Each change holds at once, everywhere.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::model::Email;
use super::sessions::cut_reason;
use super::{Accounts, no_account, to_the_end};
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

enum Change {
    Verify,
    Suspend { reason: String },
    Activate,
}

impl Accounts {
    /// Marks the identity behind an address as verified by hand.
    ///
    /// # Errors
    /// `bad_request` for what is no address; `not_found`; those of the store.
    pub async fn verify(&self, email: &str) -> Result<Standing> {
        self.change(email, Change::Verify).await
    }

    /// Suspends an account without end: all its sessions end with it, in the same transaction, and its sockets close.
    ///
    /// # Errors
    /// `bad_request` for what is no address; `not_found`; those of the store.
    pub async fn suspend(&self, email: &str, reason: &str) -> Result<Standing> {
        self.change(email, Change::Suspend { reason: cut_reason(reason) }).await
    }

    /// Lifts a suspension. The person signs in anew: ended sessions stay ended.
    ///
    /// # Errors
    /// `bad_request` for what is no address; `not_found`; those of the store.
    pub async fn activate(&self, email: &str) -> Result<Standing> {
        self.change(email, Change::Activate).await
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

    async fn change(&self, email: &str, change: Change) -> Result<Standing> {
        let user = self.find(email).await?;
        let inner = Arc::clone(&self.inner);
        to_the_end(&self.inner.supervisor, "standing changed", async move {
            let now = inner.clock.now();
            let (what, close) = change.outcome();
            let changed = inner.committer.run(move |tx| Box::pin(change.store(tx, user, now))).await?;
            // Even when it was so already: an operator who repeats a command wants it to hold.
            inner.sessions.forget_user(user);
            if let Some(close) = close {
                inner.hub.close_user(user, close);
            }
            tracing::info!(user.id = %user, what, changed, "standing of an account");
            Ok(Standing { user, changed })
        })
        .await
    }
}

impl Change {
    /// Its name in the log, and how it ends sockets.
    const fn outcome(&self) -> (&'static str, Option<Close>) {
        match self {
            Self::Verify => ("verified", None),
            Self::Suspend { .. } => ("suspended", Some(Close::Suspended)),
            Self::Activate => ("activated", None),
        }
    }

    /// Stores the change and its event; false when it was so already.
    async fn store(self, tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> std::result::Result<bool, StoreError> {
        let (changed, kind, data) = match self {
            Self::Verify => (
                tx.verify_identity(user, BY_HAND, now).await?,
                "verification",
                json!(events::Verification { verified: true }),
            ),
            Self::Suspend { reason } => {
                let changed = tx.suspend(user, reason, now).await?;
                tx.revoke_sessions_of(user, None, "suspended".to_owned(), now).await?;
                (changed, "sanction", json!(events::Sanction { change: "suspended" }))
            }
            Self::Activate => {
                (tx.activate(user, now).await?, "sanction", json!(events::Sanction { change: "activated" }))
            }
        };
        if changed {
            tx.emit_user(user, kind, data, now).await?;
        }
        Ok(changed)
    }
}
