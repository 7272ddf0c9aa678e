//! One-time codes and links.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{index, refers, unique};

/// One-time codes and links.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("auth_tokens")
                    .col(uuid("id").primary_key())
                    .col(uuid("user_id"))
                    .col(text("kind"))
                    .col(blob_null("code_hash"))
                    .col(blob_null("link_hash"))
                    .col(timestamp_with_time_zone("expires_at_code"))
                    .col(timestamp_with_time_zone("expires_at_link"))
                    .col(integer("attempts").default(0))
                    .col(timestamp_with_time_zone_null("used_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut refers("auth_tokens", "user_id", "users"))
                    .take(),
            )
            .await?;
        manager.create_index(unique("auth_tokens", &["link_hash"])).await?;
        manager.create_index(index("auth_tokens", &["user_id"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("auth_tokens").take()).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
