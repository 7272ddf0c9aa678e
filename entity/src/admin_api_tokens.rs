//! A token that programs of an admin show in the place of a session.

use sea_orm::entity::prelude::*;

use crate::ids::{AdminTokenId, UserId};

/// A row of `admin_api_tokens`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "admin_api_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AdminTokenId,
    /// The admin it acts for.
    pub user_id: UserId,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Unique; SHA-256 of the token, which is stored nowhere.
    pub token_hash: Vec<u8>,
    /// Names of the permissions that it may use.
    pub scopes: Json,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
