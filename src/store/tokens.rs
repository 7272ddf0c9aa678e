//! One-time codes and links: stored as hashes, tried so often, used once.

use chrono::{DateTime, Utc};
use entity::{auth_tokens, users};
use sea_orm::prelude::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryResult, Statement,
};

use super::{Store, StoreError, Tx};
use crate::ids::{AuthTokenId, UserId};

/// A one-time code and link, in the form they are stored.
#[derive(Clone, Debug)]
pub struct NewAuthToken {
    /// Its id; the code is fingerprinted for it.
    pub id: AuthTokenId,
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub kind: &'static str,
    /// Keyed hash of the code; none when there is only a link.
    pub code_hash: Option<[u8; 32]>,
    /// SHA-256 of the link's secret.
    pub link_hash: [u8; 32],
    /// The address that is to take the place of the person's own.
    pub new_email: Option<String>,
    /// When the code stops working.
    pub expires_at_code: DateTime<Utc>,
    /// When the link stops working.
    pub expires_at_link: DateTime<Utc>,
}

/// A code that one more try was just counted for.
#[derive(Clone, Debug)]
pub struct TriedCode {
    /// The token's id.
    pub id: AuthTokenId,
    /// Whose it is.
    pub user: UserId,
    /// Keyed hash of the code.
    pub code_hash: Vec<u8>,
    /// When the code stops working.
    pub expires_at: DateTime<Utc>,
}

/// Whose a code or link is, and what for.
#[derive(Clone, Debug)]
pub struct UsedToken {
    /// Whose it is.
    pub user: UserId,
    /// The address that is to take the place of the person's own.
    pub new_email: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

pub(super) const TRY_CODE: &str = "UPDATE auth_tokens SET attempts = attempts + 1 WHERE used_at IS NULL AND kind = $1 \
     AND attempts < $2 AND code_hash IS NOT NULL \
     AND user_id = (SELECT id FROM users WHERE email_normalized = $3) \
     RETURNING id, user_id, code_hash, expires_at_code";

pub(super) const PASSWORD_OF_LINK: &str = "SELECT u.password_hash FROM auth_tokens t JOIN users u ON u.id = t.user_id \
     WHERE t.link_hash = $1 AND t.kind = $2 AND t.used_at IS NULL AND t.expires_at_link > $3 \
     AND u.email_confirmed_at IS NULL AND u.is_active AND u.deleted_at IS NULL";

pub(super) const USE_LINK: &str = "UPDATE auth_tokens SET used_at = $1 WHERE link_hash = $2 AND kind = $3 \
     AND used_at IS NULL AND expires_at_link > $1 RETURNING user_id, new_email, created_at";

pub(super) const LINK_OWNER: &str = "SELECT user_id, new_email, created_at FROM auth_tokens \
     WHERE link_hash = $1 AND kind = $2 AND used_at IS NULL AND expires_at_link > $3";

fn used(row: &QueryResult) -> Result<UsedToken, sea_orm::DbErr> {
    Ok(UsedToken {
        user: row.try_get("", "user_id")?,
        new_email: row.try_get("", "new_email")?,
        created_at: row.try_get("", "created_at")?,
    })
}

impl Store {
    /// The stored password of the form that a link was mailed for; none when the link is unknown, used or over, or the
    /// account waits for nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn password_of_link(
        &self,
        link_hash: [u8; 32],
        kind: &'static str,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, StoreError> {
        let values = [link_hash.to_vec().into(), kind.into(), now.into()];
        let query = Statement::from_sql_and_values(self.backend(), PASSWORD_OF_LINK, values);
        let row = self.timed(self.reader().query_one_raw(query)).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Whose link this is and what for; none when it is unknown, used or over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn link_owner(
        &self,
        link_hash: [u8; 32],
        kind: &'static str,
        now: DateTime<Utc>,
    ) -> Result<Option<UsedToken>, StoreError> {
        let values = [link_hash.to_vec().into(), kind.into(), now.into()];
        let query = Statement::from_sql_and_values(self.backend(), LINK_OWNER, values);
        let row = self.timed(self.reader().query_one_raw(query)).await?;
        Ok(row.as_ref().map(used).transpose()?)
    }
}

impl Tx {
    /// Stores a code and link, and voids the person's former ones of the same kind.
    ///
    /// # Errors
    /// Those of the store.
    /// # Ordering
    /// The person's row is locked first, so that of two renewals at once only the later one's code works.
    pub async fn renew_auth_token(&mut self, new: NewAuthToken, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.hold_person(new.user, now).await?;
        self.void_auth_tokens(new.user, &[new.kind], now).await?;
        self.add_auth_token(new, now).await
    }

    async fn hold_person(&mut self, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        users::Entity::update_many()
            .col_expr(users::Column::UpdatedAt, Expr::value(now))
            .filter(users::Column::Id.eq(user))
            .exec(self.conn())
            .await?;
        Ok(())
    }

    /// Stores a code and link beside the person's former ones.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn add_auth_token(&mut self, new: NewAuthToken, now: DateTime<Utc>) -> Result<(), StoreError> {
        let row = auth_tokens::ActiveModel {
            id: ActiveValue::Set(new.id),
            user_id: ActiveValue::Set(new.user),
            kind: ActiveValue::Set(new.kind.to_owned()),
            code_hash: ActiveValue::Set(new.code_hash.map(|hash| hash.to_vec())),
            link_hash: ActiveValue::Set(Some(new.link_hash.to_vec())),
            expires_at_code: ActiveValue::Set(new.expires_at_code),
            expires_at_link: ActiveValue::Set(new.expires_at_link),
            attempts: ActiveValue::Set(0),
            new_email: ActiveValue::Set(new.new_email),
            used_at: ActiveValue::Set(None),
            created_at: ActiveValue::Set(now),
        };
        auth_tokens::Entity::insert(row).exec_without_returning(self.conn()).await?;
        Ok(())
    }

    /// Whether a person has a code of this kind that was made after `since` and can still be tried at `now`. The person's
    /// row is locked first, so that of two who ask at once only one is told that there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn has_code_since(
        &mut self,
        user: UserId,
        kind: &'static str,
        (since, now): (DateTime<Utc>, DateTime<Utc>),
        tries_max: u32,
    ) -> Result<bool, StoreError> {
        use auth_tokens::Column;
        self.hold_person(user, now).await?;
        let found = auth_tokens::Entity::find()
            .filter(Column::UserId.eq(user))
            .filter(Column::Kind.eq(kind))
            .filter(Column::UsedAt.is_null())
            .filter(Column::CreatedAt.gt(since))
            .filter(Column::ExpiresAtCode.gt(now))
            .filter(Column::Attempts.lt(i32::try_from(tries_max).unwrap_or(i32::MAX)));
        Ok(found.one(self.conn()).await?.is_some())
    }

    /// Counts one try of the code of an address and gives what the code must be compared with; none when there is no
    /// code, or it had its `tries_max`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn try_code(
        &mut self,
        email_normalized: &str,
        kind: &'static str,
        tries_max: u32,
    ) -> Result<Option<TriedCode>, StoreError> {
        let counted = Statement::from_sql_and_values(
            self.backend(),
            TRY_CODE,
            [kind.into(), i32::try_from(tries_max).unwrap_or(i32::MAX).into(), email_normalized.into()],
        );
        let Some(row) = self.conn().query_one_raw(counted).await? else { return Ok(None) };
        Ok(Some(TriedCode {
            id: row.try_get("", "id")?,
            user: row.try_get("", "user_id")?,
            code_hash: row.try_get("", "code_hash")?,
            expires_at: row.try_get("", "expires_at_code")?,
        }))
    }

    /// Voids a person's codes and links of these kinds; false when there were none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn void_auth_tokens(
        &mut self,
        user: UserId,
        kinds: &[&'static str],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let voided = auth_tokens::Entity::update_many()
            .col_expr(auth_tokens::Column::UsedAt, Expr::value(now))
            .filter(auth_tokens::Column::UserId.eq(user))
            .filter(auth_tokens::Column::Kind.is_in(kinds.iter().copied()))
            .filter(auth_tokens::Column::UsedAt.is_null())
            .exec(self.conn())
            .await?;
        Ok(voided.rows_affected > 0)
    }

    /// Voids what else was mailed to the address of a used link, and every later one of its kind. Earlier ones went to
    /// addresses that the person had before.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn void_later_tokens(
        &mut self,
        used: &UsedToken,
        kind: &'static str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let later = Condition::any()
            .add(auth_tokens::Column::CreatedAt.gte(used.created_at))
            .add(auth_tokens::Column::NewEmail.eq(used.new_email.clone()));
        auth_tokens::Entity::update_many()
            .col_expr(auth_tokens::Column::UsedAt, Expr::value(now))
            .filter(auth_tokens::Column::UserId.eq(used.user))
            .filter(auth_tokens::Column::Kind.eq(kind))
            .filter(auth_tokens::Column::UsedAt.is_null())
            .filter(later)
            .exec(self.conn())
            .await?;
        Ok(())
    }

    /// Uses a token up, once; none when it was used or voided meanwhile.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn use_auth_token(
        &mut self,
        token: AuthTokenId,
        now: DateTime<Utc>,
    ) -> Result<Option<UsedToken>, StoreError> {
        let sql = "UPDATE auth_tokens SET used_at = $1 WHERE id = $2 AND used_at IS NULL \
             RETURNING user_id, new_email, created_at";
        let row = self
            .conn()
            .query_one_raw(Statement::from_sql_and_values(self.backend(), sql, [now.into(), token.into()]))
            .await?;
        Ok(row.as_ref().map(used).transpose()?)
    }

    /// Uses the link up that has this hash, once, and says what it was for; none when it is unknown, used or over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn use_link(
        &mut self,
        link_hash: [u8; 32],
        kind: &'static str,
        now: DateTime<Utc>,
    ) -> Result<Option<UsedToken>, StoreError> {
        let use_up = Statement::from_sql_and_values(
            self.backend(),
            USE_LINK,
            [now.into(), link_hash.to_vec().into(), kind.into()],
        );
        let row = self.conn().query_one_raw(use_up).await?;
        Ok(row.as_ref().map(used).transpose()?)
    }

    /// Counts one try of the code that came with a link.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn count_link(&mut self, link_hash: [u8; 32], kind: &'static str) -> Result<(), StoreError> {
        auth_tokens::Entity::update_many()
            .col_expr(auth_tokens::Column::Attempts, Expr::col(auth_tokens::Column::Attempts).add(1))
            .filter(auth_tokens::Column::LinkHash.eq(link_hash.to_vec()))
            .filter(auth_tokens::Column::Kind.eq(kind))
            .filter(auth_tokens::Column::UsedAt.is_null())
            .exec(self.conn())
            .await?;
        Ok(())
    }
}
