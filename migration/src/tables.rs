//! How every migration names its keys and indexes; the store maps the names back to table and columns.

use sea_orm_migration::prelude::*;

/// The named primary key of several columns.
pub(crate) fn key(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    of(&format!("pk_{table}"), table, columns)
}

/// A unique index, named after its table and columns.
pub(crate) fn unique(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    of(&format!("uq_{table}_{}", columns.join("_")), table, columns).unique().take()
}

/// An index, named after its table and columns.
pub(crate) fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    of(&format!("ix_{table}_{}", columns.join("_")), table, columns)
}

/// A reference to the `id` of another table that keeps the row it refers to from being deleted.
pub(crate) fn refers(table: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(to, "id")
        .on_delete(ForeignKeyAction::Restrict)
        .on_update(ForeignKeyAction::Restrict)
        .take()
}

/// Tables that are read by ranges of their primary key.
pub(crate) trait Clustered {
    /// Keeps the rows in the primary key's own tree where the database can (SQLite): one page written for a row instead of two.
    fn clustered(&mut self, manager: &SchemaManager<'_>) -> &mut Self;
}

impl Clustered for TableCreateStatement {
    fn clustered(&mut self, manager: &SchemaManager<'_>) -> &mut Self {
        match manager.get_database_backend() {
            sea_orm_migration::sea_orm::DbBackend::Sqlite => self.extra("WITHOUT ROWID"),
            _ => self,
        }
    }
}

fn of(name: &str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}
