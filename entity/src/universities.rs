//! A university whose students may join.

use sea_orm::entity::prelude::*;

use crate::ids::UniversityId;

/// A row of `universities`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "universities")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UniversityId,
    /// Name as people write it.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Unique, for addresses and look-ups.
    #[sea_orm(column_type = "Text")]
    pub slug: String,
    #[sea_orm(column_type = "Text")]
    pub city: String,
    /// Array of e-mail domains whose owners count as its students.
    pub eligibility_domains: Json,
    /// Whether new people may sign up under it.
    pub is_active: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
