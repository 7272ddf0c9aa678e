//! Who wants to hear nothing from whom, and what was withheld because of it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{Clustered, index, key, refers};

/// Blocks and withheld messages.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// What a member's row says of withheld messages, so that a list of chats need not count them.
const WITHHELD: [&str; 3] = ["withheld_n", "withheld_unread", "shown_n"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("match_blocklist")
                    .col(uuid("user_id"))
                    .col(uuid("blocked_user_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("ended_at"))
                    .primary_key(&mut key("match_blocklist", &["user_id", "blocked_user_id"]))
                    .foreign_key(&mut refers("match_blocklist", "user_id", "users"))
                    .foreign_key(&mut refers("match_blocklist", "blocked_user_id", "users"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        manager.create_index(index("match_blocklist", &["blocked_user_id", "ended_at"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("withheld_messages")
                    .col(uuid("chat_id"))
                    .col(uuid("user_id"))
                    .col(big_integer("seq"))
                    .col(big_integer("n"))
                    .primary_key(&mut key("withheld_messages", &["chat_id", "user_id", "seq"]))
                    // None to users: a person who was in a chat is never removed, and removing others would scan this.
                    .foreign_key(&mut refers("withheld_messages", "chat_id", "chats"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        for name in WITHHELD {
            let mut column = big_integer(name).default(0).take();
            manager.alter_table(Table::alter().table("chat_members").add_column(&mut column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in WITHHELD {
            manager.alter_table(Table::alter().table("chat_members").drop_column(name).take()).await?;
        }
        manager.drop_table(Table::drop().table("withheld_messages").take()).await?;
        manager.drop_table(Table::drop().table("match_blocklist").take()).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
