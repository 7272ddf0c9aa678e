//! Groups: who was asked to join, and from where on a member sees the chat.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{Clustered, index, key, refers};

/// Invitations, and the horizon of members.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("group_invites")
                    .col(uuid("chat_id"))
                    .col(uuid("user_id"))
                    .col(uuid("inviter_id"))
                    .col(text("status"))
                    .col(boolean("is_withheld"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .primary_key(&mut key("group_invites", &["chat_id", "user_id"]))
                    .foreign_key(&mut refers("group_invites", "chat_id", "chats"))
                    .foreign_key(&mut refers("group_invites", "user_id", "users"))
                    .foreign_key(&mut refers("group_invites", "inviter_id", "users"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        manager.create_index(index("group_invites", &["user_id", "status"])).await?;
        manager.create_index(index("group_invites", &["inviter_id", "status"])).await?;
        let mut joined = big_integer("joined_n").default(0).take();
        manager.alter_table(Table::alter().table("chat_members").add_column(&mut joined).take()).await?;
        let mut left = big_integer_null("left_seq").take();
        manager.alter_table(Table::alter().table("chat_members").add_column(&mut left).take()).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["left_seq", "joined_n"] {
            manager.alter_table(Table::alter().table("chat_members").drop_column(name).take()).await?;
        }
        manager.drop_table(Table::drop().table("group_invites").take()).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
