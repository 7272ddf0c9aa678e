//! What somebody answered, one row for each section of the questionnaire.

use sea_orm::entity::prelude::*;

use crate::ids::UserId;

/// A row of `onboarding_answers`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "onboarding_answers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub section: String,
    /// As it was saved: checked against the bank.
    pub answers: Json,
    #[sea_orm(column_type = "Text")]
    pub bank_version: String,
    pub updated_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
