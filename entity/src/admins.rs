//! Who is an admin, and of what; nothing else makes one.

use sea_orm::entity::prelude::*;

use crate::ids::{UniversityId, UserId};

/// A row of `admins`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "admins")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// `super_admin`, `university_admin` or `moderator`.
    #[sea_orm(column_type = "Text")]
    pub role: String,
    /// None for super admins only.
    pub university_id: Option<UniversityId>,
    /// None: an operator on the host.
    pub invited_by: Option<UserId>,
    pub created_at: DateTimeUtc,
    /// Set: an admin no more.
    pub removed_at: Option<DateTimeUtc>,
    /// Sealed; the secret of the second factor, once it is asked for.
    pub totp_secret_enc: Option<Vec<u8>>,
    /// When a first code proved the second factor.
    pub totp_confirmed_at: Option<DateTimeUtc>,
    /// The time step of the newest code that was used: each works once.
    pub totp_step: Option<i64>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
