//! What upkeep looks for has an index: it comes by every few minutes, however large the tables are.

use sea_orm_migration::prelude::*;

use crate::tables::index;

/// Indexes of what runs out.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index("sessions", &["expires_at"])).await?;
        manager.create_index(index("auth_tokens", &["expires_at_link"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(Index::drop().name("ix_auth_tokens_expires_at_link").table("auth_tokens").to_owned())
            .await?;
        manager.drop_index(Index::drop().name("ix_sessions_expires_at").table("sessions").to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
