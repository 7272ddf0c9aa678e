//! Reports with the evidence they were filed with, what happened to each, and who may not write meanwhile.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{Clustered, index, key, refers, unique};

/// Reports, their feed, and mutes of people.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// What users have more of.
const ADDED: [&str; 3] = ["muted_at", "muted_until", "hidden_at"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ADDED {
            let mut column = timestamp_with_time_zone_null(name).take();
            manager.alter_table(Table::alter().table("users").add_column(&mut column).take()).await?;
        }
        manager.create_index(index("users", &["muted_until"])).await?;
        manager.create_table(reports()).await?;
        manager.create_index(unique("reports", &["reporter_id", "client_id"])).await?;
        for columns in [
            &["status", "severity", "id"][..],
            &["target_user_id", "id"][..],
            &["reporter_id", "id"][..],
            &["message_id"][..],
        ] {
            manager.create_index(index("reports", columns)).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("report_events")
                    .col(big_integer("seq"))
                    .col(uuid("report_id"))
                    .col(text("kind"))
                    .col(uuid_null("actor_id"))
                    .col(json("data"))
                    .col(timestamp_with_time_zone("created_at"))
                    .primary_key(&mut key("report_events", &["seq"]))
                    .foreign_key(&mut refers("report_events", "report_id", "reports"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        manager.create_index(index("report_events", &["report_id", "seq"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["report_events", "reports"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        manager.drop_index(Index::drop().name("ix_users_muted_until").table("users").to_owned()).await?;
        for name in ADDED {
            manager.alter_table(Table::alter().table("users").drop_column(name).take()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn reports() -> TableCreateStatement {
    Table::create()
        .table("reports")
        .col(uuid("id").primary_key())
        .col(text("source"))
        .col(uuid_null("reporter_id"))
        .col(uuid("client_id"))
        .col(blob("digest"))
        .col(text("kind"))
        .col(uuid_null("target_user_id"))
        .col(uuid_null("chat_id"))
        .col(uuid_null("message_id"))
        .col(uuid_null("reporter_university_id"))
        .col(uuid_null("target_university_id"))
        .col(text("category"))
        .col(text_null("details"))
        .col(integer("severity"))
        .col(text("status"))
        .col(integer("rev"))
        .col(boolean("auto_blocked"))
        .col(uuid_null("claimed_by"))
        .col(timestamp_with_time_zone_null("claimed_until"))
        .col(uuid_null("admin_id"))
        .col(text_null("action_taken"))
        .col(text_null("policy"))
        .col(text_null("decision_reason"))
        .col(timestamp_with_time_zone_null("resolved_at"))
        .col(json("evidence"))
        .col(blob("evidence_hash"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut refers("reports", "reporter_id", "users"))
        .foreign_key(&mut refers("reports", "target_user_id", "users"))
        .take()
}
