//! What a person shows of themselves; one row for each user.

use sea_orm::entity::prelude::*;

use crate::ids::{PictureId, UserId};

/// A row of `profiles`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "profiles")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    #[sea_orm(column_type = "Text")]
    pub first_name: String,
    #[sea_orm(column_type = "Text")]
    pub last_name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub program: Option<String>,
    pub study_year: Option<i32>,
    #[sea_orm(column_type = "Text", nullable)]
    pub bio: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub pronouns: Option<String>,
    /// A list of ISO 639-1 codes, the best spoken first.
    #[sea_orm(column_type = "Json", nullable)]
    pub languages: Option<Json>,
    /// The uploaded picture; without one the avatar is generated.
    pub picture_id: Option<PictureId>,
    /// Degrees, 0 to 359.
    pub avatar_hue: Option<i32>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
