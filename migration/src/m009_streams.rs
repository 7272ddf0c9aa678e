//! The durable streams of chats and of people.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{Clustered, key, refers};

/// The durable streams of chats and of people.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("chat_events")
                    .col(uuid("chat_id"))
                    .col(big_integer("seq"))
                    .col(big_integer("n"))
                    .col(text("kind"))
                    .col(uuid_null("actor_id"))
                    .col(uuid_null("message_id"))
                    .col(json_null("data"))
                    .col(timestamp_with_time_zone("created_at"))
                    .primary_key(&mut key("chat_events", &["chat_id", "seq"]))
                    .foreign_key(&mut refers("chat_events", "chat_id", "chats"))
                    .foreign_key(&mut refers("chat_events", "actor_id", "users"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("user_events")
                    .col(uuid("user_id"))
                    .col(big_integer("seq"))
                    .col(text("kind"))
                    .col(json_null("data"))
                    .col(timestamp_with_time_zone("created_at"))
                    .primary_key(&mut key("user_events", &["user_id", "seq"]))
                    .foreign_key(&mut refers("user_events", "user_id", "users"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("user_events").take()).await?;
        manager.drop_table(Table::drop().table("chat_events").take()).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
