//! The audit log: what admins, operators and the system did, each row bound to the one before by its hash.

use sea_orm::entity::prelude::*;

use crate::ids::{AdminActionId, UniversityId, UserId};

/// A row of `admin_actions`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "admin_actions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AdminActionId,
    /// Unique; 1, 2, 3 and so on without a hole.
    pub seq: i64,
    /// None: an operator on the host, or the system itself.
    pub admin_user_id: Option<UserId>,
    #[sea_orm(column_type = "Text", nullable)]
    pub actor_role: Option<String>,
    /// `session`, `token`, `cli` or `system`.
    #[sea_orm(column_type = "Text")]
    pub auth_method: String,
    #[sea_orm(column_type = "Text")]
    pub action: String,
    #[sea_orm(column_type = "Text")]
    pub entity_type: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub entity_id: Option<String>,
    /// Whose admins may read the row.
    pub university_id: Option<UniversityId>,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub case_type: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub case_id: Option<String>,
    pub metadata: Json,
    /// What changed, as it was.
    pub before: Option<Json>,
    /// What changed, as it is.
    pub after: Option<Json>,
    /// `ok`, `denied` or `error`.
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub request_id: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub ip_truncated: Option<String>,
    pub created_at: DateTimeUtc,
    pub prev_hash: Vec<u8>,
    /// SHA-256 of the hash before and everything above.
    pub hash: Vec<u8>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
