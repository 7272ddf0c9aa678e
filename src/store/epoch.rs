//! The epoch names the life of the store: it changes when the database is not the one this directory knew.
//!
//! The database holds the epoch and a generation that only grows; the side file `epoch.json` in the data directory mirrors both,
//! with the identity of the database (inode of the file; system, database and timeline on PostgreSQL). A copied, restored or
//! swapped database disagrees with its mirror, gets a new epoch, and every client takes snapshots instead of trusting its position.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use serde::{Deserialize, Serialize};

use super::{Lane, Store, StoreError};

/// The side file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mirror {
    epoch: String,
    /// The generation of the database when it was mirrored.
    generation: u64,
    /// Which database it was.
    database: String,
}

/// What the database says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    epoch: Option<String>,
    generation: u64,
}

impl Store {
    /// The name of the store's present life; empty until it is migrated.
    pub fn epoch(&self) -> &str {
        self.inner.epoch.get().map_or("", String::as_str)
    }

    /// Mirrors the epoch and a new generation to the side file, if anything was committed since the last time.
    ///
    /// # Why
    /// Called on a timer and at close, not at each commit: one small transaction and one small file. A database that is restored to a
    /// moment before the last call is noticed.
    /// # Errors
    /// `Unavailable` when the database or the data directory is.
    pub async fn mirror_epoch(&self) -> Result<(), StoreError> {
        let commits = self.commits();
        if self.epoch().is_empty() || self.inner.mirrored.load(Ordering::Relaxed) == commits {
            return Ok(());
        }
        let epoch = self.epoch().to_owned();
        let backend = self.backend();
        let generation = self
            .write(Lane::Small, move |tx| {
                Box::pin(async move {
                    let generation = known(tx.conn(), backend).await?.generation + 1;
                    keep(tx.conn(), backend, &epoch, generation).await?;
                    Ok(generation)
                })
            })
            .await?
            .value;
        self.save_mirror(generation).await?;
        // Its own commit is nothing to mirror.
        self.inner.mirrored.store(commits + 1, Ordering::Relaxed);
        Ok(())
    }

    /// Compares the database with its mirror and settles the epoch, once.
    pub(super) async fn settle_epoch(&self) -> Result<(), StoreError> {
        if self.inner.epoch.get().is_some() {
            return Ok(());
        }
        let database = self.identity().await?;
        let mirror = self.read_mirror();
        let backend = self.backend();
        let known = self.timed(known(self.reader(), backend)).await?;
        let proven = match (&known.epoch, &mirror) {
            (Some(epoch), Some(mirror)) => {
                *epoch == mirror.epoch && known.generation >= mirror.generation && database == mirror.database
            }
            _ => false,
        };
        let epoch = match known.epoch {
            Some(epoch) if proven => epoch,
            old => {
                let epoch = crate::ids::new_id().to_string();
                if old.is_some() {
                    tracing::warn!(
                        epoch.old = old,
                        epoch.new = epoch,
                        "this database is not the one the data directory knew (copied or restored?): clients will take snapshots"
                    );
                }
                epoch
            }
        };
        let generation = known.generation.max(mirror.map_or(0, |mirror| mirror.generation)) + 1;
        let kept = epoch.clone();
        self.write(Lane::Small, move |tx| {
            Box::pin(async move { Ok(keep(tx.conn(), backend, &kept, generation).await?) })
        })
        .await?;
        self.inner.mirrored.store(self.commits(), Ordering::Relaxed);
        // Another caller can only have settled the same database.
        self.inner.epoch.get_or_init(|| epoch);
        self.save_mirror(generation).await
    }

    fn mirror_path(&self) -> PathBuf {
        self.inner.data_dir.join("epoch.json")
    }

    fn read_mirror(&self) -> Option<Mirror> {
        let path = self.mirror_path();
        let text = std::fs::read(&path).ok()?;
        serde_json::from_slice(&text)
            .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "the epoch's side file cannot be read"))
            .ok()
    }

    /// Written beside and renamed, so that a crash leaves the old one or the new one.
    async fn save_mirror(&self, generation: u64) -> Result<(), StoreError> {
        let mirror = Mirror { epoch: self.epoch().to_owned(), generation, database: self.identity().await? };
        if let super::connect::Writer::Postgres(writer) = &self.inner.writer {
            let (database, epoch) = (mirror.database.clone(), mirror.epoch.clone());
            writer.knows(super::connect::Life { database, epoch, generation });
        }
        let path = self.mirror_path();
        let save = || -> std::io::Result<()> {
            let fresh = path.with_extension("json.new");
            let mut file =
                std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(&serde_json::to_vec_pretty(&mirror)?)?;
            file.sync_all()?;
            std::fs::rename(&fresh, &path)
        };
        save().map_err(|error| {
            StoreError::Unavailable(anyhow::Error::new(error).context(format!("cannot write {}", path.display())))
        })
    }

    /// Which database this is: a copy has another identity.
    async fn identity(&self) -> Result<String, StoreError> {
        match &self.inner.writer {
            super::connect::Writer::Sqlite(writer) => writer.identity(),
            super::connect::Writer::Postgres(_) => {
                let sql = format!("SELECT {}", super::connect::PG_IDENTITY);
                let query = Statement::from_string(self.backend(), sql);
                let row = self.timed(self.reader().query_one_raw(query)).await?;
                let row = row.ok_or_else(|| StoreError::fault("the database does not say which it is"))?;
                Ok(row.try_get_by_index(0)?)
            }
        }
    }
}

async fn known(conn: &impl ConnectionTrait, backend: DbBackend) -> Result<Known, DbErr> {
    let query =
        Statement::from_string(backend, "SELECT key, value FROM store_meta WHERE key IN ('epoch', 'generation')");
    let mut known = Known::default();
    for row in conn.query_all_raw(query).await? {
        let (key, value): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        match key.as_str() {
            "epoch" => known.epoch = Some(value),
            _ => known.generation = value.parse().unwrap_or_default(),
        }
    }
    Ok(known)
}

async fn keep(conn: &impl ConnectionTrait, backend: DbBackend, epoch: &str, generation: u64) -> Result<(), DbErr> {
    let both = Statement::from_sql_and_values(
        backend,
        "INSERT INTO store_meta (key, value) VALUES ('epoch', $1), ('generation', $2) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [epoch.into(), generation.to_string().into()],
    );
    conn.execute_raw(both).await.map(|_| ())
}
