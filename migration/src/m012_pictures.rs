//! Uploaded pictures, and changes of e-mail addresses.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{refers, unique};

/// Pictures, the address a token is for, and when an address was changed last.
#[derive(DeriveMigrationName)]
pub struct Migration;

fn columns() -> [(&'static str, ColumnDef); 2] {
    [
        ("auth_tokens", text_null("new_email").take()),
        ("users", timestamp_with_time_zone_null("email_changed_at").take()),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("pictures")
                    .col(uuid("id").primary_key())
                    .col(uuid("user_id"))
                    .col(blob("jpeg"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(&mut refers("pictures", "user_id", "users"))
                    .take(),
            )
            .await?;
        manager.create_index(unique("pictures", &["user_id"])).await?;
        for (table, mut column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(&mut column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
        }
        manager.drop_table(Table::drop().table("pictures").take()).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
