//! One write transaction at a time in a lane: chat goes first, small writes and bulk writes take turns behind it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait, Value,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::anchor::{Anchor, Hash};
use super::connect::Writer;
use super::{Emitted, Store, StoreError};

/// Which queue a write stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The committer: waits for at most one small and one bulk transaction.
    Chat,
    /// Single rows, such as a session or a mail.
    Small,
    /// Slices of long work, each of a few milliseconds.
    Bulk,
}

/// Small transactions at once on PostgreSQL, of its six writing connections; one each is left for chat and bulk.
const PG_SMALL: usize = 4;

#[derive(Debug)]
pub(super) struct Lanes {
    small: Arc<Semaphore>,
    bulk: Arc<Semaphore>,
}

impl Lanes {
    pub(super) fn new(backend: DbBackend) -> Self {
        let small = if backend == DbBackend::Postgres { PG_SMALL } else { 1 };
        Self { small: Arc::new(Semaphore::new(small)), bulk: Arc::new(Semaphore::new(1)) }
    }

    async fn turn(&self, lane: Lane) -> Option<OwnedSemaphorePermit> {
        let queue = match lane {
            Lane::Chat => return None,
            Lane::Small => &self.small,
            Lane::Bulk => &self.bulk,
        };
        // Never closed.
        Arc::clone(queue).acquire_owned().await.ok()
    }
}

/// One open write transaction, and the events it has stored so far.
pub struct Tx {
    txn: DatabaseTransaction,
    backend: DbBackend,
    pub(in crate::store) emitted: Vec<Emitted>,
    anchor: Arc<Anchor>,
    /// Rows of the audit log that it has added.
    actions: Vec<(i64, Hash)>,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("emitted", &self.emitted.len()).finish_non_exhaustive()
    }
}

impl Tx {
    /// The open transaction.
    pub(in crate::store) fn conn(&self) -> &DatabaseTransaction {
        &self.txn
    }

    /// Which database this is.
    pub(in crate::store) fn backend(&self) -> DbBackend {
        self.backend
    }

    /// Says in the anchor that a row of the audit log is about to be stored.
    pub(in crate::store) fn begin_action(&mut self, seq: i64, hash: Hash) -> Result<(), StoreError> {
        let unavailable =
            |error| StoreError::Unavailable(anyhow::Error::new(error).context("cannot write the audit log's anchor"));
        self.anchor.begin(seq, &hash).map_err(unavailable)?;
        self.actions.push((seq, hash));
        Ok(())
    }

    /// A statement for this database.
    pub(in crate::store) fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.backend, sql, values)
    }
}

/// What a committed transaction gave back.
#[derive(Debug)]
pub struct Committed<T> {
    /// What the work returned.
    pub value: T,
    /// The events it stored, in the order it emitted them.
    pub emitted: Vec<Emitted>,
}

/// A transaction that failed.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: StoreError,
    /// Events that are stored if the commit happened although its answer never came.
    pub doubtful: Vec<Emitted>,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self { error, doubtful: Vec::new() }
    }
}

impl Store {
    /// Runs one write transaction in a lane: all of it is stored, or nothing.
    ///
    /// # Errors
    /// What `work` returned, after a roll-back; `Unavailable` when the database is away or `limits.store_timeout` is over, waiting
    /// for the turn included. On SQLite a commit that has begun is awaited without a limit, so its outcome is always known; on
    /// PostgreSQL a commit whose answer never came may have happened.
    ///
    /// `work` must return the error of a statement that failed, never go on after it: SQLite may have rolled back already, PostgreSQL
    /// refuses everything until it has. Where a row may be there already, say `ON CONFLICT`.
    /// # Ordering
    /// SQLite has one writer: transactions run one after another. On PostgreSQL row locks order them.
    /// # Cancel safety
    /// When this future is dropped the transaction is rolled back before the next one starts, unless its commit had begun: that
    /// one is stored as a whole or not at all.
    pub async fn write<T: Send>(
        &self,
        lane: Lane,
        work: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send,
    ) -> Result<Committed<T>, StoreError> {
        self.write_or_doubt(lane, work).await.map_err(|failed| failed.error)
    }

    /// Like [`Store::write`], and says which events may have been stored all the same.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub async fn write_or_doubt<T: Send>(
        &self,
        lane: Lane,
        work: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send,
    ) -> Result<Committed<T>, Failed> {
        let inner = &*self.inner;
        let deadline = Instant::now() + inner.patience;
        let late = |_| StoreError::late(inner.patience);
        let _turn = timeout_at(deadline, inner.lanes.turn(lane)).await.map_err(late)?;
        let committed = match &inner.writer {
            Writer::Sqlite(writer) => {
                // The connection is taken out and put back only after a clean end. Whatever else happens, cancellation included,
                // drops it, and the next transaction opens another one: nobody inherits a transaction in doubt.
                let mut slot = timeout_at(deadline, writer.slot.lock()).await.map_err(late)?;
                let conn = match slot.take() {
                    Some(conn) => {
                        // SQLite goes on writing to a file that was deleted or replaced: look before anything is acknowledged.
                        writer.check()?;
                        conn
                    }
                    None => timeout_at(deadline, writer.connect()).await.map_err(late)??,
                };
                let (result, clean) = self.transaction(&conn, deadline, work).await;
                if clean {
                    *slot = Some(conn);
                }
                result?
            }
            Writer::Postgres(writer) => {
                timeout_at(deadline, writer.check()).await.map_err(late)??;
                self.transaction(&writer.pool, deadline, work).await.0?
            }
        };
        inner.commits.fetch_add(1, Ordering::Relaxed);
        Ok(committed)
    }

    /// The result, and whether the connection is certainly outside of any transaction.
    async fn transaction<T: Send>(
        &self,
        conn: &DatabaseConnection,
        deadline: Instant,
        work: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send,
    ) -> (Result<Committed<T>, Failed>, bool) {
        let inner = &*self.inner;
        let backend = inner.backend;
        let options = TransactionOptions {
            sqlite_transaction_mode: (backend == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let txn = match timeout_at(deadline, conn.begin_with_options(options)).await {
            Ok(Ok(txn)) => txn,
            Ok(Err(error)) => return (Err(StoreError::from(error).into()), false),
            Err(_) => return (Err(StoreError::late(inner.patience).into()), false),
        };
        let anchor = Arc::clone(&inner.anchor);
        let mut tx = Tx { txn, backend, emitted: Vec::new(), anchor, actions: Vec::new() };
        match timeout_at(deadline, work(&mut tx)).await {
            Ok(Ok(value)) => {
                let Tx { txn, emitted, anchor, actions, .. } = tx;
                let result = match backend {
                    DbBackend::Postgres => {
                        match timeout_at(Instant::now() + inner.patience, commit_proven(txn)).await {
                            Ok(result) => result.map_err(StoreError::from),
                            Err(_) => Err(StoreError::late(inner.patience)),
                        }
                    }
                    _ => txn.commit().await.map_err(StoreError::from),
                };
                match result {
                    Ok(()) => {
                        if !actions.is_empty()
                            && let Err(error) = anchor.keep(&actions)
                        {
                            tracing::error!(%error, "the audit log's anchor could not be written");
                        }
                        (Ok(Committed { value, emitted }), true)
                    }
                    Err(error) => (Err(Failed { error, doubtful: emitted }), false),
                }
            }
            Ok(Err(error)) => {
                let rolled_back = timeout_at(deadline, tx.txn.rollback()).await;
                (Err(error.into()), matches!(rolled_back, Ok(Ok(()))))
            }
            Err(_) => (Err(StoreError::late(inner.patience).into()), false),
        }
    }
}

/// PostgreSQL answers the commit of a failed transaction with a silent roll-back; a statement before it fails instead.
async fn commit_proven(txn: DatabaseTransaction) -> Result<(), DbErr> {
    txn.execute_unprepared("SELECT 1").await?;
    txn.commit().await
}
