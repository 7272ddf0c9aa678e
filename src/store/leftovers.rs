//! What people who never joined leave behind, and what is long over.

use chrono::{DateTime, Utc};
use entity::{auth_tokens, profiles, users};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, Statement};

use super::{Lane, Store, StoreError};
use crate::ids::{AuthTokenId, UserId};

/// Accounts whose address was not confirmed since a time, and that nothing else hangs on.
pub(super) const NEVER_CONFIRMED: &str = "SELECT u.id FROM users u WHERE u.email_confirmed_at IS NULL AND u.updated_at < $1 \
     AND u.is_active = TRUE AND u.deleted_at IS NULL AND u.head_seq = 0 \
     AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id) \
     AND NOT EXISTS (SELECT 1 FROM chat_members m WHERE m.user_id = u.id) LIMIT $2";

impl Store {
    /// Removes up to `limit` accounts whose address was not confirmed, nor a mail for it asked for, since `before`, with
    /// their codes and links, and says how many. Whoever's address it was may never have heard of us.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge_unconfirmed(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = Statement::from_sql_and_values(self.backend(), NEVER_CONFIRMED, [before.into(), limit.into()]);
        // Most looks find nothing: they must not take the writer.
        if self.timed(self.reader().query_one_raw(query)).await?.is_none() {
            return Ok(0);
        }
        let removed = self
            .write(Lane::Bulk, move |tx| {
                Box::pin(async move {
                    // Found again and locked, so that none is removed that is confirmed in this moment.
                    let lock = if tx.backend() == DbBackend::Postgres { " FOR UPDATE OF u" } else { "" };
                    let sql = format!("{NEVER_CONFIRMED}{lock}");
                    let query = Statement::from_sql_and_values(tx.backend(), sql, [before.into(), limit.into()]);
                    let rows = tx.conn().query_all_raw(query).await?;
                    let old = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<UserId>, _>>()?;
                    let tokens = auth_tokens::Entity::delete_many()
                        .filter(auth_tokens::Column::UserId.is_in(old.iter().copied()));
                    tokens.exec(tx.conn()).await?;
                    let profiles =
                        profiles::Entity::delete_many().filter(profiles::Column::UserId.is_in(old.iter().copied()));
                    profiles.exec(tx.conn()).await?;
                    let users = users::Entity::delete_many().filter(users::Column::Id.is_in(old));
                    Ok(users.exec(tx.conn()).await?.rows_affected)
                })
            })
            .await?;
        Ok(removed.value)
    }

    /// Removes up to `limit` codes and links that stopped working before `before`, and says how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge_auth_tokens(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let old = auth_tokens::Entity::find()
            .select_only()
            .column(auth_tokens::Column::Id)
            .filter(auth_tokens::Column::ExpiresAtLink.lt(before))
            .limit(limit)
            .into_tuple::<AuthTokenId>()
            .all(self.reader());
        let old = self.timed(old).await?;
        if old.is_empty() {
            return Ok(0);
        }
        let removed = self
            .write(Lane::Bulk, move |tx| {
                Box::pin(async move {
                    let delete = auth_tokens::Entity::delete_many().filter(auth_tokens::Column::Id.is_in(old));
                    Ok(delete.exec(tx.conn()).await?.rows_affected)
                })
            })
            .await?;
        Ok(removed.value)
    }
}
