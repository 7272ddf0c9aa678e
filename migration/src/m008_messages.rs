//! Messages.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{index, refers, unique};

/// Messages.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("messages")
                    .col(uuid("id").primary_key())
                    .col(uuid("chat_id"))
                    .col(big_integer("seq"))
                    .col(big_integer("n"))
                    .col(uuid_null("user_id"))
                    .col(text("kind"))
                    .col(uuid_null("client_msg_id"))
                    .col(text("content"))
                    .col(blob_null("content_hash"))
                    .col(json_null("params"))
                    .col(uuid_null("reply_to_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("edited_at"))
                    .col(timestamp_with_time_zone_null("deleted_at"))
                    .col(integer("rev").default(1))
                    .foreign_key(&mut refers("messages", "chat_id", "chats"))
                    .foreign_key(&mut refers("messages", "user_id", "users"))
                    .take(),
            )
            .await?;
        manager.create_index(unique("messages", &["chat_id", "user_id", "client_msg_id"])).await?;
        manager.create_index(unique("messages", &["chat_id", "n"])).await?;
        manager.create_index(index("messages", &["user_id"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("messages").take()).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
