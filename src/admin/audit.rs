//! The audit log for every service: what was done is a part of the change itself.

use chrono::{DateTime, Utc};

use super::model::{Actor, Entry};
use crate::store::{StoreError, Tx};

/// Adds what was done to the audit log, as a part of the transaction that does it, and says its number: when it cannot be
/// added, nothing is done. Do it last in the transaction.
///
/// # Errors
/// Those of the store; the transaction must then end.
pub async fn append(tx: &mut Tx, actor: &Actor, entry: Entry, now: DateTime<Utc>) -> Result<i64, StoreError> {
    tx.append_action(actor, entry, now).await
}
