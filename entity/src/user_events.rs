//! One durable event of a person's own stream.

use sea_orm::entity::prelude::*;

use crate::ids::UserId;

/// A row of `user_events`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// From 1, gapless within the person's stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// `chat.opened`, `session`, `sanction` or `verification`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    pub data: Option<Json>,
    pub created_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
