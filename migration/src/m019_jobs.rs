//! Jobs: their runs, and who runs them now.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::index;

/// Jobs.
#[derive(DeriveMigrationName)]
pub struct Migration;

const RUNS: &str = "job_runs";
const LOCKS: &str = "job_locks";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let runs = Table::create()
            .table(RUNS)
            .col(uuid("id").primary_key())
            .col(text("job"))
            .col(text("started_by"))
            .col(text("node"))
            .col(timestamp_with_time_zone("started_at"))
            .col(timestamp_with_time_zone_null("ended_at"))
            .col(text("outcome"))
            .col(json_null("detail"))
            .take();
        let locks = Table::create()
            .table(LOCKS)
            .col(text("job").primary_key())
            .col(timestamp_with_time_zone("looked_at"))
            .col(uuid_null("run_id"))
            .col(timestamp_with_time_zone_null("leased_until"))
            .take();
        manager.create_table(runs).await?;
        manager.create_table(locks).await?;
        manager.create_index(index(RUNS, &["job", "id"])).await?;
        manager.create_index(index(RUNS, &["outcome"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [LOCKS, RUNS] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
