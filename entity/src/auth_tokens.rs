//! A one-time code and link sent by mail.

use sea_orm::entity::prelude::*;

use crate::ids::{AuthTokenId, UserId};

/// A row of `auth_tokens`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuthTokenId,
    pub user_id: UserId,
    /// `email_confirm`, `email_change`, `email_undo` or `password_reset`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    pub code_hash: Option<Vec<u8>>,
    /// Unique.
    pub link_hash: Option<Vec<u8>>,
    pub expires_at_code: DateTimeUtc,
    pub expires_at_link: DateTimeUtc,
    /// Wrong codes given so far.
    pub attempts: i32,
    /// The address that `email_change` is about.
    #[sea_orm(column_type = "Text", nullable)]
    pub new_email: Option<String>,
    pub used_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
