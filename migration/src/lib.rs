//! The schema of Domu as migrations, one file each, never edited once released; SQLite and PostgreSQL.

#![allow(
    missing_docs,
    clippy::wildcard_imports,
    reason = "a migration is its name, in the words of the schema prelude"
)]

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod tables;

mod m001_store_meta;
mod m002_universities;
mod m003_users;
mod m004_sessions;
mod m005_auth_tokens;
mod m006_outbox;
mod m007_chats;
mod m008_messages;
mod m009_streams;
mod m010_settings;
mod m011_blocks;
mod m012_pictures;
mod m013_upkeep;
mod m014_edits;
mod m015_reactions;
mod m016_groups;
mod m017_notifications;
mod m018_search;
mod m019_jobs;
mod m021_admin_actions;
mod m022_reports_enhancement;
mod m023_onboarding;
mod m024_matching;

/// All migrations in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m001_store_meta::Migration),
            Box::new(m002_universities::Migration),
            Box::new(m003_users::Migration),
            Box::new(m004_sessions::Migration),
            Box::new(m005_auth_tokens::Migration),
            Box::new(m006_outbox::Migration),
            Box::new(m007_chats::Migration),
            Box::new(m008_messages::Migration),
            Box::new(m009_streams::Migration),
            Box::new(m010_settings::Migration),
            Box::new(m011_blocks::Migration),
            Box::new(m012_pictures::Migration),
            Box::new(m013_upkeep::Migration),
            Box::new(m014_edits::Migration),
            Box::new(m015_reactions::Migration),
            Box::new(m016_groups::Migration),
            Box::new(m017_notifications::Migration),
            Box::new(m018_search::Migration),
            Box::new(m019_jobs::Migration),
            Box::new(m021_admin_actions::Migration),
            Box::new(m022_reports_enhancement::Migration),
            Box::new(m023_onboarding::Migration),
            Box::new(m024_matching::Migration),
        ]
    }
}
