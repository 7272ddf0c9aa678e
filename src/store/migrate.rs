//! Brings the schema up to date.

use migration::{Migrator, MigratorTrait};
use sea_orm::DatabaseConnection;

use super::connect::Writer;
use super::{Store, StoreError};

impl Store {
    /// Runs every migration that has not run yet, each in a transaction of its own.
    ///
    /// # Errors
    /// `Unavailable` when the database is away; `Fault` when a migration fails: what ran before it stays.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.inner.writer {
            Writer::Sqlite(writer) => {
                let mut slot = writer.slot.lock().await;
                let conn = match slot.take() {
                    Some(conn) => conn,
                    None => writer.connect().await?,
                };
                up(&conn).await?;
                *slot = Some(conn);
            }
            Writer::Postgres(writer) => {
                let conn = writer.patient().await?;
                up(&conn).await?;
                conn.close().await?;
            }
        }
        self.settle_epoch().await
    }

    /// The names of the migrations that have not run yet, in order; reads only.
    ///
    /// # Errors
    /// `Fault` when the database has a migration that this program does not know: it belongs to a newer one.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        let known = self.timed(Migrator::get_pending_migrations_read_only(self.reader())).await?;
        Ok(known.iter().map(|migration| migration.name().to_owned()).collect())
    }
}

/// The name of the newest migration this program knows: the schema it works on.
pub fn newest_migration() -> String {
    Migrator::migrations().last().map(|migration| migration.name().to_owned()).unwrap_or_default()
}

async fn up(conn: &DatabaseConnection) -> Result<(), StoreError> {
    Ok(Box::pin(Migrator::up(conn, None)).await?)
}
