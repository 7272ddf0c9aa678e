//! People whose stored answers could not be read, so that they are left out until they are mended.

use sea_orm::entity::prelude::*;

use crate::ids::UserId;

/// A row of `match_quarantine`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_quarantine")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    #[sea_orm(column_type = "Text")]
    pub problem: String,
    pub found_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
