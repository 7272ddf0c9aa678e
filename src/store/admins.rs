//! Who is an admin, their second factor, their tokens, and who is invited to be one.

use chrono::{DateTime, Utc};
use entity::{admin_api_tokens, admin_invites, admins};
use sea_orm::prelude::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryResult, QuerySelect, Statement,
};
use serde_json::json;

use super::{Store, StoreError, Tx};
use crate::admin::model::{Permission, Role, Scope};
use crate::ids::{AdminInviteId, AdminTokenId, UniversityId, UserId};

/// An admin as every request of theirs needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminState {
    /// Who.
    pub user: UserId,
    /// What.
    pub role: Role,
    /// Where; none for super admins.
    pub university: Option<UniversityId>,
    /// The sealed secret of the second factor.
    pub totp_secret_enc: Option<Vec<u8>>,
    /// A first code has proven it.
    pub totp_confirmed: bool,
}

/// An admin in the list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminRow {
    /// Who.
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// First and last name.
    pub name: (String, String),
    /// What.
    pub role: Role,
    /// Where, as it stands in addresses.
    pub university: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// They have a second factor.
    pub enrolled: bool,
}

/// A token as it is made.
#[derive(Clone, Debug)]
pub struct NewAdminToken {
    /// Its id.
    pub id: AdminTokenId,
    /// The admin it acts for.
    pub user: UserId,
    /// What it is for.
    pub name: String,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// What it may be used for.
    pub scopes: Vec<Permission>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A token in the list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminTokenRow {
    /// Its id.
    pub id: AdminTokenId,
    /// The admin it acts for.
    pub user: UserId,
    /// What it is for.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Permission>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminInvite {
    /// Its id.
    pub id: AdminInviteId,
    /// Whose address it is for, in its unique form.
    pub email_normalized: String,
    /// To be what.
    pub role: Role,
    /// Where.
    pub university: Option<UniversityId>,
    /// By whom; none: an operator on the host.
    pub invited_by: Option<UserId>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Only a live account with a role that is known makes an admin.
const STATE: &str = "SELECT admins.user_id, admins.role, admins.university_id, admins.totp_secret_enc, admins.totp_confirmed_at \
     FROM admins JOIN users u ON u.id = admins.user_id \
     WHERE admins.user_id = $1 AND admins.removed_at IS NULL AND u.is_active = TRUE AND u.deleted_at IS NULL";

const BY_SLUG: &str = "SELECT id FROM universities WHERE slug = $1";

const CONFIRMED_ADDRESS: &str = "SELECT email_normalized FROM users WHERE id = $1 AND email_confirmed_at IS NOT NULL \
     AND is_active = TRUE AND deleted_at IS NULL";

const BY_TOKEN: &str = "SELECT id, user_id, scopes FROM admin_api_tokens \
     WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > $2";

const LIST: &str = "SELECT admins.user_id, admins.role, admins.created_at, admins.totp_confirmed_at, u.email, p.first_name, \
     p.last_name, v.slug FROM admins JOIN users u ON u.id = admins.user_id LEFT JOIN profiles p ON p.user_id = admins.user_id \
     LEFT JOIN universities v ON v.id = admins.university_id WHERE admins.removed_at IS NULL";

fn state(row: &QueryResult) -> Result<Option<AdminState>, sea_orm::DbErr> {
    let Some(role) = Role::stored(&row.try_get::<String>("", "role")?) else { return Ok(None) };
    Ok(Some(AdminState {
        user: row.try_get("", "user_id")?,
        role,
        university: row.try_get("", "university_id")?,
        totp_secret_enc: row.try_get("", "totp_secret_enc")?,
        totp_confirmed: row.try_get::<Option<DateTime<Utc>>>("", "totp_confirmed_at")?.is_some(),
    }))
}

fn scopes(stored: serde_json::Value) -> Vec<Permission> {
    let names: Vec<String> = serde_json::from_value(stored).unwrap_or_default();
    names.iter().filter_map(|name| Permission::named(name)).collect()
}

fn invite(row: admin_invites::Model) -> Option<AdminInvite> {
    Some(AdminInvite {
        id: row.id,
        role: Role::stored(&row.role)?,
        email_normalized: row.email_normalized,
        university: row.university_id,
        invited_by: row.invited_by,
        expires_at: row.expires_at,
    })
}

fn open_invites(now: DateTime<Utc>, limit: u64) -> sea_orm::Select<admin_invites::Entity> {
    admin_invites::Entity::find()
        .filter(admin_invites::Column::ClosedAt.is_null())
        .filter(admin_invites::Column::ExpiresAt.gt(now))
        .limit(limit)
}

impl Store {
    /// Whether somebody is an admin, and of what.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn admin(&self, user: UserId) -> Result<Option<AdminState>, StoreError> {
        let query = Statement::from_sql_and_values(self.backend(), STATE, [user.into()]);
        let row = self.timed(self.reader().query_one_raw(query)).await?;
        Ok(row.as_ref().map(state).transpose()?.flatten())
    }

    /// The university with this name in addresses.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn university(&self, slug: &str) -> Result<Option<UniversityId>, StoreError> {
        let query = Statement::from_sql_and_values(self.backend(), BY_SLUG, [slug.into()]);
        let row = self.timed(self.reader().query_one_raw(query)).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// A live token by its hash: its id, whose it is, and what it may be used for.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn admin_token(
        &self,
        token_hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<(AdminTokenId, UserId, Vec<Permission>)>, StoreError> {
        let values = [token_hash.to_vec().into(), now.into()];
        let query = Statement::from_sql_and_values(self.backend(), BY_TOKEN, values);
        let row = self.timed(self.reader().query_one_raw(query)).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((row.try_get("", "id")?, row.try_get("", "user_id")?, scopes(row.try_get("", "scopes")?))))
    }

    /// Admins, the longest serving first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn admins(&self, scope: Scope, limit: u64) -> Result<Vec<AdminRow>, StoreError> {
        let (condition, value) = match scope {
            Scope::All => ("", None),
            Scope::University(university) => (" AND admins.university_id = $2", Some(university.into())),
            Scope::Mine(user) => (" AND admins.user_id = $2", Some(user.into())),
        };
        let limit: sea_orm::Value = i64::try_from(limit).unwrap_or(i64::MAX).into();
        let values = std::iter::once(limit).chain(value);
        let query = Statement::from_sql_and_values(self.backend(), format!("{LIST}{condition} LIMIT $1"), values);
        let rows = self.timed(self.reader().query_all_raw(query)).await?;
        let row = |row: &QueryResult| -> Result<Option<AdminRow>, sea_orm::DbErr> {
            let Some(role) = Role::stored(&row.try_get::<String>("", "role")?) else { return Ok(None) };
            let name = |column| row.try_get::<Option<String>>("", column).map(Option::unwrap_or_default);
            Ok(Some(AdminRow {
                user: row.try_get("", "user_id")?,
                email: row.try_get("", "email")?,
                name: (name("first_name")?, name("last_name")?),
                role,
                university: row.try_get("", "slug")?,
                since: row.try_get("", "created_at")?,
                enrolled: row.try_get::<Option<DateTime<Utc>>>("", "totp_confirmed_at")?.is_some(),
            }))
        };
        let rows: Result<Vec<_>, _> = rows.iter().filter_map(|found| row(found).transpose()).collect();
        let mut rows = rows?;
        rows.sort_by_key(|admin| (admin.since, admin.user));
        Ok(rows)
    }

    /// Live tokens of all admins, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn admin_tokens(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<AdminTokenRow>, StoreError> {
        let rows = admin_api_tokens::Entity::find()
            .filter(admin_api_tokens::Column::RevokedAt.is_null())
            .filter(admin_api_tokens::Column::ExpiresAt.gt(now))
            .limit(limit)
            .all(self.reader());
        let mut rows = self.timed(rows).await?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.id));
        let shown = rows.into_iter().map(|row| AdminTokenRow {
            id: row.id,
            user: row.user_id,
            name: row.name,
            scopes: scopes(row.scopes),
            created_at: row.created_at,
            expires_at: row.expires_at,
        });
        Ok(shown.collect())
    }

    /// Open invitations, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn admin_invites(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<AdminInvite>, StoreError> {
        let mut rows = self.timed(open_invites(now, limit).all(self.reader())).await?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.id));
        Ok(rows.into_iter().filter_map(invite).collect())
    }
}

impl Tx {
    /// Whether somebody is an admin, and of what, as this transaction sees it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn admin(&mut self, user: UserId) -> Result<Option<AdminState>, StoreError> {
        let row = self.conn().query_one_raw(self.statement(STATE, [user.into()])).await?;
        Ok(row.as_ref().map(state).transpose()?.flatten())
    }

    /// Makes somebody an admin, or another one than before; the second factor of one who is stays.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_admin(
        &mut self,
        user: UserId,
        (role, university): (Role, Option<UniversityId>),
        invited_by: Option<UserId>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let set = self.statement(
            "INSERT INTO admins (user_id, role, university_id, invited_by, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (user_id) DO UPDATE SET role = excluded.role, university_id = excluded.university_id, \
             invited_by = excluded.invited_by, created_at = excluded.created_at, removed_at = NULL",
            [user.into(), role.as_str().into(), university.into(), invited_by.into(), now.into()],
        );
        self.conn().execute_raw(set).await?;
        Ok(())
    }

    /// Ends somebody's being an admin, with their second factor and their tokens.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remove_admin(&mut self, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let remove = self.statement(
            "UPDATE admins SET removed_at = $2, totp_secret_enc = NULL, totp_confirmed_at = NULL, totp_step = NULL \
             WHERE user_id = $1 AND removed_at IS NULL",
            [user.into(), now.into()],
        );
        self.conn().execute_raw(remove).await?;
        let revoke = self.statement(
            "UPDATE admin_api_tokens SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL",
            [user.into(), now.into()],
        );
        self.conn().execute_raw(revoke).await?;
        Ok(())
    }

    /// How many super admins there are who can act, besides this one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn super_admins_besides(&mut self, user: UserId) -> Result<i64, StoreError> {
        let count = self.statement(
            "SELECT count(*) FROM admins JOIN users u ON u.id = admins.user_id WHERE admins.role = $1 \
             AND admins.user_id <> $2 AND admins.removed_at IS NULL AND u.is_active = TRUE AND u.deleted_at IS NULL",
            [Role::SuperAdmin.as_str().into(), user.into()],
        );
        let row = self.conn().query_one_raw(count).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
    }

    /// Stores a token.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn add_admin_token(&mut self, token: NewAdminToken, now: DateTime<Utc>) -> Result<(), StoreError> {
        let row = admin_api_tokens::ActiveModel {
            id: Set(token.id),
            user_id: Set(token.user),
            name: Set(token.name),
            token_hash: Set(token.token_hash.to_vec()),
            scopes: Set(json!(token.scopes)),
            created_at: Set(now),
            expires_at: Set(token.expires_at),
            revoked_at: Set(None),
        };
        admin_api_tokens::Entity::insert(row).exec_without_returning(self.conn()).await?;
        Ok(())
    }

    /// Ends a token and says whose it was; none when there is no such live token.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn revoke_admin_token(
        &mut self,
        token: AdminTokenId,
        now: DateTime<Utc>,
    ) -> Result<Option<UserId>, StoreError> {
        let revoke = self.statement(
            "UPDATE admin_api_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING user_id",
            [token.into(), now.into()],
        );
        let row = self.conn().query_one_raw(revoke).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Stores an invitation in the place of those that the address has.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn add_admin_invite(&mut self, invite: AdminInvite, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.close_admin_invites(&invite.email_normalized, now).await?;
        let row = admin_invites::ActiveModel {
            id: Set(invite.id),
            email_normalized: Set(invite.email_normalized),
            role: Set(invite.role.as_str().to_owned()),
            university_id: Set(invite.university),
            invited_by: Set(invite.invited_by),
            created_at: Set(now),
            expires_at: Set(invite.expires_at),
            closed_at: Set(None),
        };
        admin_invites::Entity::insert(row).exec_without_returning(self.conn()).await?;
        Ok(())
    }

    /// The open invitation of whoever owns this address.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn admin_invite_of(
        &mut self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<AdminInvite>, StoreError> {
        let own = self.statement(CONFIRMED_ADDRESS, [user.into()]);
        let Some(own) = self.conn().query_one_raw(own).await? else { return Ok(None) };
        let address: String = own.try_get_by_index(0)?;
        let own = admin_invites::Column::EmailNormalized.eq(address);
        let row = open_invites(now, 1).filter(own).one(self.conn()).await?;
        Ok(row.and_then(invite))
    }

    /// Closes the open invitations of an address, and says whether there was one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn close_admin_invites(&mut self, normalized: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let closed = admin_invites::Entity::update_many()
            .col_expr(admin_invites::Column::ClosedAt, Expr::value(now))
            .filter(admin_invites::Column::EmailNormalized.eq(normalized))
            .filter(admin_invites::Column::ClosedAt.is_null())
            .exec(self.conn())
            .await?;
        Ok(closed.rows_affected > 0)
    }

    /// Keeps the sealed secret of a second factor that is not proven yet.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_totp(&mut self, user: UserId, secret_enc: Vec<u8>) -> Result<(), StoreError> {
        admins::Entity::update_many()
            .col_expr(admins::Column::TotpSecretEnc, Expr::value(secret_enc))
            .col_expr(admins::Column::TotpConfirmedAt, Expr::value(None::<DateTime<Utc>>))
            .col_expr(admins::Column::TotpStep, Expr::value(None::<i64>))
            .filter(admins::Column::UserId.eq(user))
            .exec(self.conn())
            .await?;
        Ok(())
    }

    /// Uses a code of this time step up, and with it confirms the second factor; false when it was used already.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn use_totp(&mut self, user: UserId, step: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let used = self.statement(
            "UPDATE admins SET totp_step = $2, totp_confirmed_at = COALESCE(totp_confirmed_at, $3) \
             WHERE user_id = $1 AND (totp_step IS NULL OR totp_step < $2)",
            [user.into(), step.into(), now.into()],
        );
        Ok(self.conn().execute_raw(used).await?.rows_affected() > 0)
    }
}
