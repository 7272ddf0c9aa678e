//! What people answer before they are matched, by section, and when they said that this is all.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::{Clustered, key, refers};

/// Answers, submissions, and what could not be read.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("onboarding_answers")
                    .col(uuid("user_id"))
                    .col(text("section"))
                    .col(json("answers"))
                    .col(text("bank_version"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .primary_key(&mut key("onboarding_answers", &["user_id", "section"]))
                    .foreign_key(&mut refers("onboarding_answers", "user_id", "users"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("onboarding_submissions")
                    .col(uuid("user_id").primary_key())
                    .col(text("bank_version"))
                    .col(timestamp_with_time_zone("submitted_at"))
                    .foreign_key(&mut refers("onboarding_submissions", "user_id", "users"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("match_quarantine")
                    .col(uuid("user_id").primary_key())
                    .col(text("problem"))
                    .col(timestamp_with_time_zone("found_at"))
                    .foreign_key(&mut refers("match_quarantine", "user_id", "users"))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["match_quarantine", "onboarding_submissions", "onboarding_answers"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
