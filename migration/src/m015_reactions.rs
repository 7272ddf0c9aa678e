//! What is said to a message without words, messages that somebody wants to see no more, and where an answered message stands.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{Clustered, key, refers};

/// Reactions, events withheld from members, and the place of what a message answers.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("reactions")
                    .col(uuid("chat_id"))
                    .col(big_integer("n"))
                    .col(uuid("user_id"))
                    .col(text("emoji"))
                    .col(big_integer("seq"))
                    .primary_key(&mut key("reactions", &["chat_id", "n", "user_id", "emoji"]))
                    .foreign_key(&mut refers("reactions", "chat_id", "chats"))
                    .foreign_key(&mut refers("reactions", "user_id", "users"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("withheld_events")
                    .col(uuid("chat_id"))
                    .col(uuid("user_id"))
                    .col(big_integer("seq"))
                    .primary_key(&mut key("withheld_events", &["chat_id", "user_id", "seq"]))
                    .foreign_key(&mut refers("withheld_events", "chat_id", "chats"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        let add = [
            ("messages", integer("reaction_count").default(0).take()),
            ("messages", big_integer_null("reply_seq").take()),
            ("chat_members", boolean("has_erased").default(false).take()),
        ];
        for (table, mut column) in add {
            manager.alter_table(Table::alter().table(table).add_column(&mut column).take()).await?;
        }
        let places = "UPDATE messages SET reply_seq = (SELECT r.seq FROM messages r WHERE r.id = messages.reply_to_id) \
             WHERE reply_to_id IS NOT NULL";
        manager.get_connection().execute_unprepared(places).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in
            [("chat_members", "has_erased"), ("messages", "reply_seq"), ("messages", "reaction_count")]
        {
            manager.alter_table(Table::alter().table(table).drop_column(column).take()).await?;
        }
        manager.drop_table(Table::drop().table("withheld_events").take()).await?;
        manager.drop_table(Table::drop().table("reactions").take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
