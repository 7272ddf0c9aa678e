//! Who is suggested to whom, what each decided, and what became of it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{Clustered, index, key, refers, unique};

/// Vectors, pairs, decisions, matches and runs.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("user_vectors")
                    .col(uuid("user_id").primary_key())
                    .col(integer("layout"))
                    .col(blob("vector"))
                    .col(blob("inputs_hash"))
                    .col(boolean("is_complete"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(&mut refers("user_vectors", "user_id", "users"))
                    .take(),
            )
            .await?;
        pairs(manager).await?;
        manager
            .create_table(
                Table::create()
                    .table("match_decisions")
                    .col(uuid("suggestion_id"))
                    .col(integer("n"))
                    .col(uuid("user_id"))
                    .col(text("decision"))
                    .col(timestamp_with_time_zone("decided_at"))
                    .primary_key(&mut key("match_decisions", &["suggestion_id", "n"]))
                    .foreign_key(&mut refers("match_decisions", "suggestion_id", "match_suggestions"))
                    .foreign_key(&mut refers("match_decisions", "user_id", "users"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("matches")
                    .col(uuid("suggestion_id").primary_key())
                    .col(uuid("low_id"))
                    .col(uuid("high_id"))
                    .col(uuid("chat_id"))
                    .col(timestamp_with_time_zone("matched_at"))
                    .col(timestamp_with_time_zone_null("ended_at"))
                    .col(uuid_null("ended_by"))
                    .col(text_null("reason"))
                    .col(text_null("note"))
                    .foreign_key(&mut refers("matches", "suggestion_id", "match_suggestions"))
                    .foreign_key(&mut refers("matches", "low_id", "users"))
                    .foreign_key(&mut refers("matches", "high_id", "users"))
                    .foreign_key(&mut refers("matches", "chat_id", "chats"))
                    .take(),
            )
            .await?;
        manager.create_index(unique("matches", &["low_id", "high_id"])).await?;
        manager.create_index(index("matches", &["high_id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("match_runs")
                    .col(uuid("id").primary_key())
                    .col(integer_null("running"))
                    .col(text("status"))
                    .col(timestamp_with_time_zone("started_at"))
                    .col(timestamp_with_time_zone("alive_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .col(json_null("diagnostic"))
                    .take(),
            )
            .await?;
        manager.create_index(unique("match_runs", &["running"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["match_runs", "matches", "match_decisions", "match_suggestions", "user_vectors"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn pairs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("match_suggestions")
                .col(uuid("id").primary_key())
                .col(uuid("low_id"))
                .col(uuid("high_id"))
                .col(uuid("run_id"))
                .col(boolean("is_offered"))
                .col(boolean("is_extra"))
                .col(text("algorithm"))
                .col(big_integer("score_bits"))
                .col(integer("fit_index"))
                .col(integer("low_rank"))
                .col(integer("high_rank"))
                .col(text("low_decision"))
                .col(timestamp_with_time_zone_null("low_decided_at"))
                .col(text("high_decision"))
                .col(timestamp_with_time_zone_null("high_decided_at"))
                .col(timestamp_with_time_zone("expires_at"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("updated_at"))
                .foreign_key(&mut refers("match_suggestions", "low_id", "users"))
                .foreign_key(&mut refers("match_suggestions", "high_id", "users"))
                .take(),
        )
        .await?;
    manager.create_index(unique("match_suggestions", &["low_id", "high_id"])).await?;
    manager.create_index(index("match_suggestions", &["low_id", "is_offered"])).await?;
    manager.create_index(index("match_suggestions", &["high_id", "is_offered"])).await
}
