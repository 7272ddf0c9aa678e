//! An uploaded picture of a person, re-encoded; one person has one.

use sea_orm::entity::prelude::*;

use crate::ids::{PictureId, UserId};

/// A row of `pictures`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "pictures")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PictureId,
    /// Unique.
    pub user_id: UserId,
    pub jpeg: Vec<u8>,
    pub created_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
