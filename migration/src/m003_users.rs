//! People and their profiles.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{index, refers, unique};

/// People and their profiles.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("users")
                    .col(uuid("id").primary_key())
                    .col(text("email"))
                    .col(text("email_normalized"))
                    .col(text("password_hash"))
                    .col(text("locale"))
                    .col(text("user_type"))
                    .col(boolean("is_active").default(true))
                    .col(timestamp_with_time_zone_null("email_confirmed_at"))
                    .col(blob("date_of_birth_enc"))
                    .col(timestamp_with_time_zone_null("identity_verified_at"))
                    .col(text_null("identity_verification_provider"))
                    .col(timestamp_with_time_zone_null("identity_revoked_at"))
                    .col(timestamp_with_time_zone_null("suspended_at"))
                    .col(timestamp_with_time_zone_null("suspended_until"))
                    .col(text_null("suspended_reason"))
                    .col(uuid_null("university_id"))
                    .col(timestamp_with_time_zone_null("last_activity_at"))
                    .col(big_integer("head_seq").default(0))
                    .col(big_integer("base_seq").default(0))
                    .col(timestamp_with_time_zone_null("deletion_scheduled_at"))
                    .col(timestamp_with_time_zone_null("deleted_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(&mut refers("users", "university_id", "universities"))
                    .take(),
            )
            .await?;
        manager.create_index(unique("users", &["email_normalized"])).await?;
        manager.create_index(index("users", &["email_confirmed_at", "updated_at"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("profiles")
                    .col(uuid("user_id").primary_key())
                    .col(text("first_name"))
                    .col(text("last_name"))
                    .col(text_null("program"))
                    .col(integer_null("study_year"))
                    .col(text_null("bio"))
                    .col(integer_null("avatar_hue"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(&mut refers("profiles", "user_id", "users"))
                    .take(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("profiles").take()).await?;
        manager.drop_table(Table::drop().table("users").take()).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
