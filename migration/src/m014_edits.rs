//! What happens to a message after it was sent.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{Clustered, key, refers};

/// Events about messages, and changes that were withheld.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(Table::alter().table("chat_events").add_column(big_integer_null("about_n").take()).take())
            .await?;
        manager
            .alter_table(Table::alter().table("messages").add_column(big_integer_null("change_seq").take()).take())
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("withheld_changes")
                    .col(uuid("chat_id"))
                    .col(uuid("user_id"))
                    .col(big_integer("n"))
                    .primary_key(&mut key("withheld_changes", &["chat_id", "user_id", "n"]))
                    .foreign_key(&mut refers("withheld_changes", "chat_id", "chats"))
                    .clustered(manager)
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("withheld_changes").take()).await?;
        manager.alter_table(Table::alter().table("messages").drop_column("change_seq").take()).await?;
        manager.alter_table(Table::alter().table("chat_events").drop_column("about_n").take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
