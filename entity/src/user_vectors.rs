//! What the engine scores of a person, kept with every save.

use sea_orm::entity::prelude::*;

use crate::ids::UserId;

/// A row of `user_vectors`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user_vectors")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The version of the layout; another one is stale.
    pub layout: i32,
    pub vector: Vec<u8>,
    /// Of everything it was made from.
    pub inputs_hash: Vec<u8>,
    /// Every question is answered.
    pub is_complete: bool,
    /// The last change of the answers.
    pub updated_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
