//! Uploaded pictures: one for each person, removed with its successor.

use chrono::{DateTime, Utc};
use entity::{pictures, profiles};
use sea_orm::prelude::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement};

use super::{Store, StoreError, Tx};
use crate::ids::{PictureId, UserId};

/// A picture, for its owner and for who is or was in a chat with them. Parameters: picture, viewer.
pub(super) const PICTURE: &str = "SELECT p.jpeg FROM pictures p WHERE p.id = $1 AND (p.user_id = $2 OR EXISTS \
     (SELECT 1 FROM chat_members mine JOIN chat_members theirs ON theirs.chat_id = mine.chat_id \
     AND theirs.user_id = p.user_id WHERE mine.user_id = $2))";

impl Store {
    /// A picture that this person may see.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn picture(&self, picture: PictureId, viewer: UserId) -> Result<Option<Vec<u8>>, StoreError> {
        let query = Statement::from_sql_and_values(self.backend(), PICTURE, [picture.into(), viewer.into()]);
        let row = self.timed(self.reader().query_one_raw(query)).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }
}

impl Tx {
    /// Puts a picture, or none, in the place of a person's former one; false when there was none and is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_picture(
        &mut self,
        user: UserId,
        picture: Option<(PictureId, Vec<u8>)>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let old = pictures::Entity::delete_many().filter(pictures::Column::UserId.eq(user)).exec(self.conn()).await?;
        let id = picture.as_ref().map(|(id, _)| *id);
        if old.rows_affected == 0 && id.is_none() {
            return Ok(false);
        }
        if let Some((id, jpeg)) = picture {
            let row = pictures::ActiveModel {
                id: ActiveValue::Set(id),
                user_id: ActiveValue::Set(user),
                jpeg: ActiveValue::Set(jpeg),
                created_at: ActiveValue::Set(now),
            };
            pictures::Entity::insert(row).exec_without_returning(self.conn()).await?;
        }
        profiles::Entity::update_many()
            .col_expr(profiles::Column::PictureId, Expr::value(id))
            .col_expr(profiles::Column::UpdatedAt, Expr::value(now))
            .filter(profiles::Column::UserId.eq(user))
            .exec(self.conn())
            .await?;
        Ok(true)
    }
}
