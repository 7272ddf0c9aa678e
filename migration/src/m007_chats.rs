//! Chats and who belongs to them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{Clustered, index, key, refers, unique};

/// Chats and who belongs to them.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("chats")
                    .col(uuid("id").primary_key())
                    .col(boolean("is_group"))
                    .col(text_null("name"))
                    .col(text_null("pair_key"))
                    .col(uuid_null("created_by"))
                    .col(text("status").default("open"))
                    .col(big_integer("head_seq").default(0))
                    .col(big_integer("head_n").default(0))
                    .col(big_integer("base_seq").default(0))
                    .col(timestamp_with_time_zone_null("last_message_at"))
                    .col(timestamp_with_time_zone_null("closed_at"))
                    .col(text_null("closed_reason"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(&mut refers("chats", "created_by", "users"))
                    .take(),
            )
            .await?;
        manager.create_index(unique("chats", &["pair_key"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("chat_members")
                    .col(uuid("chat_id"))
                    .col(uuid("user_id"))
                    .col(text("role"))
                    .col(text("status").default("active"))
                    .col(timestamp_with_time_zone("joined_at"))
                    .col(big_integer("joined_seq").default(0))
                    .col(timestamp_with_time_zone_null("left_at"))
                    .col(big_integer("read_seq").default(0))
                    .col(big_integer("read_n").default(0))
                    .col(big_integer("recv_seq").default(0))
                    .col(timestamp_with_time_zone("updated_at"))
                    .primary_key(&mut key("chat_members", &["chat_id", "user_id"]))
                    .foreign_key(&mut refers("chat_members", "chat_id", "chats"))
                    .foreign_key(&mut refers("chat_members", "user_id", "users"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        manager.create_index(index("chat_members", &["user_id", "status"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("chat_members").take()).await?;
        manager.drop_table(Table::drop().table("chats").take()).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
