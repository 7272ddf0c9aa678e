//! An invitation to be an admin, for whoever proves to own the address.

use sea_orm::entity::prelude::*;

use crate::ids::{AdminInviteId, UniversityId, UserId};

/// A row of `admin_invites`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "admin_invites")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AdminInviteId,
    #[sea_orm(column_type = "Text")]
    pub email_normalized: String,
    #[sea_orm(column_type = "Text")]
    pub role: String,
    pub university_id: Option<UniversityId>,
    /// None: an operator on the host.
    pub invited_by: Option<UserId>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    /// Accepted, or taken back.
    pub closed_at: Option<DateTimeUtc>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
