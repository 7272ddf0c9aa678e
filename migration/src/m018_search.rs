//! The index of what was said, for searching.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::tables::{Clustered, key, refers, unique};

/// What was said, by its words.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("search_docs")
                    .col(big_integer("doc"))
                    .col(uuid("chat_id"))
                    .col(big_integer("seq"))
                    .primary_key(&mut key("search_docs", &["doc"]))
                    .foreign_key(&mut refers("search_docs", "chat_id", "chats"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        manager.create_index(unique("search_docs", &["chat_id", "seq"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("search_places")
                    .col(uuid("chat_id"))
                    .col(big_integer("seq"))
                    .primary_key(&mut key("search_places", &["chat_id"]))
                    .foreign_key(&mut refers("search_places", "chat_id", "chats"))
                    .clustered(manager)
                    .take(),
            )
            .await?;
        let words: &[&str] = match manager.get_database_backend() {
            // The words alone: neither the text nor where in it they stand is kept a second time.
            DbBackend::Sqlite => {
                &["CREATE VIRTUAL TABLE search_terms USING fts5(terms, content='', contentless_delete=1, \
                 detail=none, tokenize='ascii')"]
            }
            _ => &[
                "ALTER TABLE search_docs ADD COLUMN terms tsvector",
                "CREATE INDEX ix_search_docs_terms ON search_docs USING gin (terms)",
            ],
        };
        for statement in words {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Sqlite {
            manager.get_connection().execute_unprepared("DROP TABLE search_terms").await?;
        }
        manager.drop_table(Table::drop().table("search_places").take()).await?;
        manager.drop_table(Table::drop().table("search_docs").take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
