//! Mails that wait to be sent.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::index;

/// Mails that wait to be sent.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("outbox")
                    .col(uuid("id").primary_key())
                    .col(text("channel"))
                    .col(text("recipient"))
                    .col(text("template"))
                    .col(json("params"))
                    .col(integer("attempts").default(0))
                    .col(timestamp_with_time_zone("next_at"))
                    .col(timestamp_with_time_zone_null("sent_at"))
                    .col(text_null("error"))
                    .col(timestamp_with_time_zone("created_at"))
                    .take(),
            )
            .await?;
        manager.create_index(index("outbox", &["sent_at", "next_at"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("outbox").take()).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
