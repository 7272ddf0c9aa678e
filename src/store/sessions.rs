//! Sessions: found by the hash of their token, ended in place, never reused.

use chrono::{DateTime, Utc};
use entity::sessions;
use sea_orm::prelude::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryResult,
    QuerySelect, Select, Statement, Value,
};

use super::{Lane, Store, StoreError, Tx};
use crate::ids::{SessionId, UserId};

/// A session as it is made.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// Whose it is.
    pub user: UserId,
    /// `cookie` or `bearer`.
    pub kind: &'static str,
    /// When it ends whatever happens.
    pub expires_at: DateTime<Utc>,
    /// The truncated address it began from.
    pub address: String,
    /// What the client calls itself.
    pub user_agent: String,
}

/// What decides whether a session may act, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The person's first name.
    pub first_name: String,
    /// When it was last used, up to a minute ago.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends whatever happens.
    pub expires_at: DateTime<Utc>,
    /// It was ended.
    pub revoked: bool,
    /// The account is not suspended.
    pub active: bool,
    /// The account is a tombstone.
    pub deleted: bool,
    /// The e-mail address is confirmed.
    pub email_confirmed: bool,
    /// The identity is verified, and that was not taken back.
    pub verified: bool,
}

/// A session as its owner sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// `cookie` or `bearer`.
    pub kind: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, up to a minute ago.
    pub last_seen_at: DateTime<Utc>,
    /// The truncated address it began from.
    pub address: String,
    /// What the client called itself.
    pub user_agent: String,
}

/// Live sessions looked at when a new one may be too many: each new one ends what is above, so there are never so many.
const SURPLUS_LOOK_MAX: u64 = 500;

pub(super) const STATE: &str = "SELECT s.id, s.user_id, s.last_seen_at, s.expires_at, s.revoked_at, u.is_active, u.deleted_at, \
     u.email_confirmed_at, u.identity_verified_at, u.identity_revoked_at, p.first_name \
     FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN profiles p ON p.user_id = s.user_id WHERE ";

fn state(row: &QueryResult) -> Result<SessionState, sea_orm::DbErr> {
    let is_set = |column: &str| row.try_get::<Option<DateTime<Utc>>>("", column).map(|at| at.is_some());
    Ok(SessionState {
        id: row.try_get("", "id")?,
        user: row.try_get("", "user_id")?,
        first_name: row.try_get::<Option<String>>("", "first_name")?.unwrap_or_default(),
        last_seen_at: row.try_get("", "last_seen_at")?,
        expires_at: row.try_get("", "expires_at")?,
        revoked: is_set("revoked_at")?,
        active: row.try_get("", "is_active")?,
        deleted: is_set("deleted_at")?,
        email_confirmed: is_set("email_confirmed_at")?,
        verified: is_set("identity_verified_at")? && !is_set("identity_revoked_at")?,
    })
}

/// Sessions of `user` that have not ended at `now` and were used after `idle_since`, in no order.
pub(super) fn live(
    user: UserId,
    now: DateTime<Utc>,
    idle_since: DateTime<Utc>,
    limit: u64,
) -> Select<sessions::Entity> {
    sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::RevokedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(now))
        .filter(sessions::Column::LastSeenAt.gt(idle_since))
        .limit(limit)
}

impl Store {
    /// The session of a token, by the token's hash.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn session_by_token(&self, token_hash: &[u8; 32]) -> Result<Option<SessionState>, StoreError> {
        self.session_where("s.token_hash = $1", token_hash.to_vec().into()).await
    }

    /// The session of an id, in one look-up by primary keys: sockets ask it before they trust a session anew.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn recheck(&self, session: SessionId) -> Result<Option<SessionState>, StoreError> {
        self.session_where("s.id = $1", session.into()).await
    }

    async fn session_where(&self, condition: &str, value: Value) -> Result<Option<SessionState>, StoreError> {
        let query = Statement::from_sql_and_values(self.backend(), format!("{STATE}{condition}"), [value]);
        self.timed(async { self.reader().query_one_raw(query).await?.as_ref().map(state).transpose() }).await
    }

    /// A person's live sessions, the last used first; `limit` must be above the number one person may have.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sessions_of(
        &self,
        user: UserId,
        now: DateTime<Utc>,
        idle_since: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let mut rows = self.timed(live(user, now, idle_since, limit).all(self.reader())).await?;
        // Sorted here: so few rows need no index of their own.
        rows.sort_by_key(|row| std::cmp::Reverse((row.last_seen_at, row.id)));
        let shown = rows.into_iter().map(|row| SessionRow {
            id: row.id,
            kind: row.kind,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            address: row.address_truncated,
            user_agent: row.user_agent,
        });
        Ok(shown.collect())
    }

    /// Notes when sessions were last used. Never moves a time back.
    ///
    /// # Errors
    /// Those of the store; nothing is noted then.
    pub async fn touch_sessions(&self, seen: Vec<(SessionId, DateTime<Utc>)>) -> Result<(), StoreError> {
        self.write(Lane::Bulk, move |tx| {
            Box::pin(async move {
                for (session, at) in seen {
                    sessions::Entity::update_many()
                        .col_expr(sessions::Column::LastSeenAt, Expr::value(at))
                        .filter(sessions::Column::Id.eq(session))
                        .filter(sessions::Column::LastSeenAt.lt(at))
                        .exec(tx.conn())
                        .await?;
                }
                Ok(())
            })
        })
        .await?;
        Ok(())
    }

    /// Removes up to `limit` sessions that were over before `before`, and says how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge_sessions(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let old = sessions::Entity::find()
            .select_only()
            .column(sessions::Column::Id)
            .filter(sessions::Column::ExpiresAt.lt(before))
            .limit(limit)
            .into_tuple::<SessionId>()
            .all(self.reader());
        let old = self.timed(old).await?;
        if old.is_empty() {
            return Ok(0);
        }
        let removed = self
            .write(Lane::Bulk, move |tx| {
                Box::pin(async move {
                    let delete = sessions::Entity::delete_many().filter(sessions::Column::Id.is_in(old));
                    Ok(delete.exec(tx.conn()).await?.rows_affected)
                })
            })
            .await?;
        Ok(removed.value)
    }
}

impl Tx {
    /// Whether a person may begin a session: the account is neither suspended nor deleted. On PostgreSQL that holds until
    /// this transaction ends; on `SQLite` nobody else writes meanwhile.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn may_begin_session(&mut self, user: UserId) -> Result<bool, StoreError> {
        let lock = if self.backend() == DbBackend::Postgres { " FOR SHARE" } else { "" };
        let query = Statement::from_sql_and_values(
            self.backend(),
            format!("SELECT id FROM users WHERE id = $1 AND is_active = TRUE AND deleted_at IS NULL{lock}"),
            [user.into()],
        );
        Ok(self.conn().query_one_raw(query).await?.is_some())
    }

    /// Stores a new session.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn add_session(&mut self, session: NewSession, now: DateTime<Utc>) -> Result<(), StoreError> {
        let row = sessions::ActiveModel {
            id: ActiveValue::Set(session.id),
            token_hash: ActiveValue::Set(session.token_hash.to_vec()),
            user_id: ActiveValue::Set(session.user),
            kind: ActiveValue::Set(session.kind.to_owned()),
            created_at: ActiveValue::Set(now),
            last_seen_at: ActiveValue::Set(now),
            expires_at: ActiveValue::Set(session.expires_at),
            address_truncated: ActiveValue::Set(session.address),
            user_agent: ActiveValue::Set(session.user_agent),
            revoked_at: ActiveValue::Set(None),
            revoked_reason: ActiveValue::Set(None),
        };
        sessions::Entity::insert(row).exec_without_returning(self.conn()).await?;
        Ok(())
    }

    /// Ends a session and says whose it was; none when there is no such live session.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn revoke_session(
        &mut self,
        session: SessionId,
        reason: String,
        now: DateTime<Utc>,
    ) -> Result<Option<UserId>, StoreError> {
        let end = Statement::from_sql_and_values(
            self.backend(),
            "UPDATE sessions SET revoked_at = $1, revoked_reason = $2 WHERE id = $3 AND revoked_at IS NULL \
             RETURNING user_id",
            [now.into(), reason.into(), session.into()],
        );
        let row = self.conn().query_one_raw(end).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Ends all sessions of a person but `keep`, and says which.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn revoke_sessions_of(
        &mut self,
        user: UserId,
        keep: Option<SessionId>,
        reason: String,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut mine =
            Condition::all().add(sessions::Column::UserId.eq(user)).add(sessions::Column::RevokedAt.is_null());
        if let Some(keep) = keep {
            mine = mine.add(sessions::Column::Id.ne(keep));
        }
        let ended = sessions::Entity::find()
            .select_only()
            .column(sessions::Column::Id)
            .filter(mine)
            .into_tuple::<SessionId>()
            .all(self.conn())
            .await?;
        sessions::Entity::update_many()
            .col_expr(sessions::Column::RevokedAt, Expr::value(now))
            .col_expr(sessions::Column::RevokedReason, Expr::value(reason))
            .filter(sessions::Column::Id.is_in(ended.clone()))
            .exec(self.conn())
            .await?;
        Ok(ended)
    }

    /// The live sessions of a person beyond the `keep` last used ones.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn surplus_sessions(
        &mut self,
        user: UserId,
        keep: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut held = sessions::Entity::find()
            .select_only()
            .column(sessions::Column::LastSeenAt)
            .column(sessions::Column::Id)
            .filter(sessions::Column::UserId.eq(user))
            .filter(sessions::Column::RevokedAt.is_null())
            .filter(sessions::Column::ExpiresAt.gt(now))
            .limit(SURPLUS_LOOK_MAX)
            .into_tuple::<(DateTime<Utc>, SessionId)>()
            .all(self.conn())
            .await?;
        held.sort_by_key(|used| std::cmp::Reverse(*used));
        Ok(held.into_iter().skip(keep).map(|(_, session)| session).collect())
    }
}
