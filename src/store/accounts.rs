//! People with an account: found by address, made, confirmed, verified, suspended.

use chrono::{DateTime, Utc};
use entity::{auth_tokens, profiles, universities, users};
use sea_orm::prelude::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryResult, QuerySelect, Statement,
};

use super::{Store, StoreError, Tx};
use crate::ids::{UniversityId, UserId};

/// What a person gives at sign-up, in the form it is stored.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its id; the birth date is sealed for it.
    pub id: UserId,
    /// The address mail goes to.
    pub email: String,
    /// The address's unique form.
    pub email_normalized: String,
    /// PHC string.
    pub password_hash: String,
    /// `nl` or `en`.
    pub locale: &'static str,
    /// `student` or `professional`.
    pub user_type: &'static str,
    /// Sealed for `id`.
    pub date_of_birth_enc: Vec<u8>,
    /// The institution whose address it is.
    pub university: Option<UniversityId>,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
}

/// An account as sign-in and confirmation see it.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// Its id.
    pub id: UserId,
    /// The address mail goes to.
    pub email: String,
    /// PHC string.
    pub password_hash: String,
    /// `nl` or `en`.
    pub locale: String,
    /// Not suspended.
    pub active: bool,
    /// A tombstone.
    pub deleted: bool,
    /// The address is confirmed.
    pub email_confirmed: bool,
}

impl AccountRow {
    /// It waits for its address to be confirmed.
    pub const fn is_pending(&self) -> bool {
        self.active && !self.deleted && !self.email_confirmed
    }
}

pub(super) const ACCOUNT: &str = "SELECT id, email, password_hash, locale, is_active, deleted_at, email_confirmed_at FROM users \
     WHERE email_normalized = $1";

fn account(row: &QueryResult) -> Result<AccountRow, sea_orm::DbErr> {
    let is_set = |column: &str| row.try_get::<Option<DateTime<Utc>>>("", column).map(|at| at.is_some());
    Ok(AccountRow {
        id: row.try_get("", "id")?,
        email: row.try_get("", "email")?,
        password_hash: row.try_get("", "password_hash")?,
        locale: row.try_get("", "locale")?,
        active: row.try_get("", "is_active")?,
        deleted: is_set("deleted_at")?,
        email_confirmed: is_set("email_confirmed_at")?,
    })
}

impl Store {
    /// The account of an address in its unique form.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn account_by_email(&self, normalized: &str) -> Result<Option<AccountRow>, StoreError> {
        let query = Statement::from_sql_and_values(self.backend(), ACCOUNT, [normalized.into()]);
        self.timed(async { self.reader().query_one_raw(query).await?.as_ref().map(account).transpose() }).await
    }

    /// The e-mail domains of every university that takes new people.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn university_domains(&self) -> Result<Vec<(UniversityId, Vec<String>)>, StoreError> {
        let rows = universities::Entity::find()
            .select_only()
            .column(universities::Column::Id)
            .column(universities::Column::EligibilityDomains)
            .filter(universities::Column::IsActive.eq(true))
            .into_tuple::<(UniversityId, serde_json::Value)>()
            .all(self.reader());
        let rows = self.timed(rows).await?;
        Ok(rows.into_iter().map(|(id, domains)| (id, serde_json::from_value(domains).unwrap_or_default())).collect())
    }
}

impl Tx {
    /// The account of an address in its unique form, as this transaction sees it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn account_by_email(&mut self, normalized: &str) -> Result<Option<AccountRow>, StoreError> {
        let query = Statement::from_sql_and_values(self.backend(), ACCOUNT, [normalized.into()]);
        Ok(self.conn().query_one_raw(query).await?.as_ref().map(account).transpose()?)
    }

    /// Makes an account whose address is not confirmed.
    ///
    /// # Errors
    /// `Conflict` when the address has one; the transaction must then end.
    pub async fn add_account(&mut self, new: NewAccount, now: DateTime<Utc>) -> Result<(), StoreError> {
        let id = new.id;
        let user = users::ActiveModel {
            id: ActiveValue::Set(id),
            email: ActiveValue::Set(new.email),
            email_normalized: ActiveValue::Set(new.email_normalized),
            password_hash: ActiveValue::Set(new.password_hash),
            locale: ActiveValue::Set(new.locale.to_owned()),
            user_type: ActiveValue::Set(new.user_type.to_owned()),
            is_active: ActiveValue::Set(true),
            date_of_birth_enc: ActiveValue::Set(new.date_of_birth_enc),
            university_id: ActiveValue::Set(new.university),
            head_seq: ActiveValue::Set(0),
            base_seq: ActiveValue::Set(0),
            created_at: ActiveValue::Set(now),
            updated_at: ActiveValue::Set(now),
            ..Default::default()
        };
        users::Entity::insert(user).exec_without_returning(self.conn()).await?;
        let profile = profiles::ActiveModel {
            user_id: ActiveValue::Set(id),
            first_name: ActiveValue::Set(new.first_name),
            last_name: ActiveValue::Set(new.last_name),
            // The end of an id is random; the start is the time.
            avatar_hue: ActiveValue::Set(i32::try_from(id.0.as_u128() % 360).ok()),
            created_at: ActiveValue::Set(now),
            updated_at: ActiveValue::Set(now),
            ..Default::default()
        };
        profiles::Entity::insert(profile).exec_without_returning(self.conn()).await?;
        Ok(())
    }

    /// Puts a newer sign-up in the place of one whose address was never confirmed; `new.id` names the account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn replace_unconfirmed(&mut self, new: NewAccount, now: DateTime<Utc>) -> Result<(), StoreError> {
        let replaced = users::Entity::update_many()
            .col_expr(users::Column::Email, Expr::value(new.email))
            .col_expr(users::Column::PasswordHash, Expr::value(new.password_hash))
            .col_expr(users::Column::Locale, Expr::value(new.locale))
            .col_expr(users::Column::UserType, Expr::value(new.user_type))
            .col_expr(users::Column::DateOfBirthEnc, Expr::value(new.date_of_birth_enc))
            .col_expr(users::Column::UniversityId, Expr::value(new.university))
            .col_expr(users::Column::UpdatedAt, Expr::value(now))
            .filter(users::Column::Id.eq(new.id))
            .filter(users::Column::EmailConfirmedAt.is_null())
            .filter(users::Column::IsActive.eq(true))
            .filter(users::Column::DeletedAt.is_null())
            .exec(self.conn())
            .await?;
        if replaced.rows_affected == 0 {
            return Err(StoreError::Conflict { table: "users", columns: "email_normalized" });
        }
        profiles::Entity::update_many()
            .col_expr(profiles::Column::FirstName, Expr::value(new.first_name))
            .col_expr(profiles::Column::LastName, Expr::value(new.last_name))
            .col_expr(profiles::Column::UpdatedAt, Expr::value(now))
            .filter(profiles::Column::UserId.eq(new.id))
            .exec(self.conn())
            .await?;
        Ok(())
    }

    /// Marks an address as confirmed, while the form with this stored password is the one that waits; false when it is
    /// not: it was replaced since the password was compared, or it is confirmed.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn confirm_address(
        &mut self,
        user: UserId,
        password_hash: String,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let confirmed = users::Entity::update_many()
            .col_expr(users::Column::EmailConfirmedAt, Expr::value(now))
            .col_expr(users::Column::UpdatedAt, Expr::value(now))
            .filter(users::Column::Id.eq(user))
            .filter(users::Column::PasswordHash.eq(password_hash))
            .filter(users::Column::EmailConfirmedAt.is_null())
            .exec(self.conn())
            .await?;
        Ok(confirmed.rows_affected > 0)
    }

    /// Gives an account whose mail is read by its owner a new password, and confirms the address; false when it is
    /// suspended or deleted.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reset_password(
        &mut self,
        user: UserId,
        password_hash: String,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let reset = Statement::from_sql_and_values(
            self.backend(),
            "UPDATE users SET password_hash = $1, email_confirmed_at = COALESCE(email_confirmed_at, $2), updated_at = $2 \
             WHERE id = $3 AND is_active = TRUE AND deleted_at IS NULL",
            [password_hash.into(), now.into(), user.into()],
        );
        Ok(self.conn().execute_raw(reset).await?.rows_affected() > 0)
    }

    /// Puts a password in the place of another; false when that is not the stored one any more.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn replace_password(
        &mut self,
        user: UserId,
        (old_hash, new_hash): (String, String),
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let replaced = users::Entity::update_many()
            .col_expr(users::Column::PasswordHash, Expr::value(new_hash))
            .col_expr(users::Column::UpdatedAt, Expr::value(now))
            .filter(users::Column::Id.eq(user))
            .filter(users::Column::PasswordHash.eq(old_hash))
            .exec(self.conn())
            .await?;
        Ok(replaced.rows_affected > 0)
    }

    /// Gives a person another, confirmed address, and the university whose address it is, if any. The identity stays as
    /// it is: it is the person's, not the address's.
    ///
    /// # Errors
    /// `Conflict` when the address has an account; the transaction must then end.
    pub async fn set_email(
        &mut self,
        user: UserId,
        (email, normalized): (String, String),
        university: Option<UniversityId>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let change = Statement::from_sql_and_values(
            self.backend(),
            "UPDATE users SET email = $1, email_normalized = $2, university_id = $3, \
             email_confirmed_at = $4, email_changed_at = $4, updated_at = $4 WHERE id = $5",
            [email.into(), normalized.into(), university.into(), now.into(), user.into()],
        );
        self.conn().execute_raw(change).await?;
        Ok(())
    }

    /// Removes an account whose address was never confirmed, with what belongs to it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remove_unconfirmed(&mut self, user: UserId) -> Result<(), StoreError> {
        auth_tokens::Entity::delete_many().filter(auth_tokens::Column::UserId.eq(user)).exec(self.conn()).await?;
        profiles::Entity::delete_many().filter(profiles::Column::UserId.eq(user)).exec(self.conn()).await?;
        users::Entity::delete_many()
            .filter(users::Column::Id.eq(user))
            .filter(users::Column::EmailConfirmedAt.is_null())
            .exec(self.conn())
            .await?;
        Ok(())
    }

    /// Marks an identity as verified; false when it already is.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn verify_identity(
        &mut self,
        user: UserId,
        provider: &'static str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let verified = Statement::from_sql_and_values(
            self.backend(),
            "UPDATE users SET identity_verified_at = $1, identity_verification_provider = $2, \
             identity_revoked_at = NULL, updated_at = $1 \
             WHERE id = $3 AND (identity_verified_at IS NULL OR identity_revoked_at IS NOT NULL)",
            [now.into(), provider.into(), user.into()],
        );
        Ok(self.conn().execute_raw(verified).await?.rows_affected() > 0)
    }

    /// Suspends an account until a moment or without end; false when it already is suspended.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn suspend(
        &mut self,
        user: UserId,
        (reason, until): (String, Option<DateTime<Utc>>),
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let suspended = users::Entity::update_many()
            .col_expr(users::Column::IsActive, Expr::value(false))
            .col_expr(users::Column::SuspendedAt, Expr::value(now))
            .col_expr(users::Column::SuspendedUntil, Expr::value(until))
            .col_expr(users::Column::SuspendedReason, Expr::value(reason))
            .col_expr(users::Column::UpdatedAt, Expr::value(now))
            .filter(users::Column::Id.eq(user))
            .filter(users::Column::IsActive.eq(true))
            .exec(self.conn())
            .await?;
        Ok(suspended.rows_affected > 0)
    }

    /// Lifts a suspension; false when there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn activate(&mut self, user: UserId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let activate = Statement::from_sql_and_values(
            self.backend(),
            "UPDATE users SET is_active = TRUE, suspended_at = NULL, suspended_until = NULL, suspended_reason = NULL, \
             updated_at = $1 WHERE id = $2 AND is_active = FALSE AND deleted_at IS NULL",
            [now.into(), user.into()],
        );
        Ok(self.conn().execute_raw(activate).await?.rows_affected() > 0)
    }
}

#[cfg(test)]
impl Store {
    /// A university that owns these e-mail domains.
    pub(crate) async fn add_university(&self, slug: &'static str, name: &'static str, domains: &[&str]) {
        let domains = serde_json::json!(domains);
        let now = DateTime::from_timestamp_millis(0).unwrap();
        self.write(super::Lane::Small, move |tx| {
            Box::pin(async move {
                let row = universities::ActiveModel {
                    id: ActiveValue::Set(UniversityId(crate::ids::new_id())),
                    name: ActiveValue::Set(name.to_owned()),
                    slug: ActiveValue::Set(slug.to_owned()),
                    city: ActiveValue::Set("Amsterdam".to_owned()),
                    eligibility_domains: ActiveValue::Set(domains),
                    is_active: ActiveValue::Set(true),
                    created_at: ActiveValue::Set(now),
                    updated_at: ActiveValue::Set(now),
                };
                universities::Entity::insert(row).exec_without_returning(tx.conn()).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    }

    /// Id and sealed birth date of the account of an address.
    pub(crate) async fn birth_date_of(&self, normalized: &str) -> (UserId, Vec<u8>) {
        let found =
            users::Entity::find().filter(users::Column::EmailNormalized.eq(normalized)).one(self.reader()).await;
        let user = found.unwrap().unwrap();
        (user.id, user.date_of_birth_enc)
    }
}
