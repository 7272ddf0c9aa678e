//! Who wants to hear nothing from whom; an ended block keeps its row.

use sea_orm::entity::prelude::*;

use crate::ids::UserId;

/// A row of `match_blocklist`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_blocklist")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub blocked_user_id: UserId,
    pub created_at: DateTimeUtc,
    /// None while it lasts.
    pub ended_at: Option<DateTimeUtc>,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
