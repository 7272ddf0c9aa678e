//! A signed-in session of a browser (cookie) or another client (bearer).

use sea_orm::entity::prelude::*;

use crate::ids::{SessionId, UserId};

/// A row of `sessions`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// SHA-256 of the token, 32 bytes; the token itself is stored nowhere.
    pub token_hash: Vec<u8>,
    pub user_id: UserId,
    /// `cookie` or `bearer`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    pub created_at: DateTimeUtc,
    pub last_seen_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    /// /24 of IPv4, /48 of IPv6.
    #[sea_orm(column_type = "Text")]
    pub address_truncated: String,
    /// At most 200 characters.
    #[sea_orm(column_type = "Text")]
    pub user_agent: String,
    pub revoked_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text", nullable)]
    pub revoked_reason: Option<String>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
