//! What people say of themselves, and how they want to be met.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

/// More of a profile, and settings.
#[derive(DeriveMigrationName)]
pub struct Migration;

fn settings() -> Vec<ColumnDef> {
    vec![
        text("visibility").default("visible").take(),
        text("who_may_message").default("matches").take(),
        boolean("read_receipts").default(true).take(),
    ]
}

fn profile() -> Vec<ColumnDef> {
    vec![text_null("pronouns").take(), json_null("languages").take(), uuid_null("picture_id").take()]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in [("users", settings()), ("profiles", profile())] {
            for mut column in columns {
                manager.alter_table(Table::alter().table(table).add_column(&mut column).take()).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in [("users", settings()), ("profiles", profile())] {
            for column in columns {
                let name = column.get_column_name();
                manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
            }
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
