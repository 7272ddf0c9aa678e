//! The only user of SeaORM: connections, transactions, queries by topic, and what a database error means.
//!
//! Reads go to `Store::reader`; everything that writes goes through [`Store::write`], which runs one transaction in a
//! [`Lane`]. SQLite has one writer, PostgreSQL a pool; statements are written once for both, with `$1` parameters.

mod accounts;
mod admins;
mod anchor;
mod audit;
mod blocks;
mod chats;
mod connect;
mod edits;
mod epoch;
mod failure;
mod groups;
pub mod growth;
mod jobs;
mod lanes;
mod leftovers;
mod live;
mod mails;
mod message_sql;
mod messages;
mod migrate;
mod notify;
mod onboarding;
mod pairs;
mod pictures;
mod profiles;
mod reactions;
mod report_queue;
mod reports;
mod runs;
mod search;
pub mod seed;
mod sessions;
mod streams;
mod table;
mod tokens;
mod unread;
mod users;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::config::Config;

pub use accounts::{AccountRow, NewAccount};
pub use admins::{AdminInvite, AdminRow, AdminState, AdminTokenRow, NewAdminToken};
pub use audit::{ActionFilter, ActionRow, Finding, Proof};
pub use blocks::{BlockRow, Blocking, PersonRow};
pub use chats::{ChatRow, EventRow, MemberRow, MessageRow, Opening, Range};
pub use edits::{Change, ChangeOutcome, Changed, Erasure, NewChange};
pub use failure::StoreError;
pub use groups::{GroupRefusal, GroupTerms};
pub use jobs::{JobClaim, JobOutcome, JobRun, JobState};
pub use lanes::{Committed, Failed, Lane, Tx};
pub use live::{LiveChat, LiveMember};
pub use mails::{DueMail, NewMail};
pub use messages::{Appended, Marked, NewMarker, NewMessage, Outcome, Stored};
pub use migrate::newest_migration;
pub use onboarding::{Refreshed, SavedSection, SheetRow, Submission};
pub use pairs::{CardRow, DecisionRow, Mended, PairRow, PendingPair, Replied, Reply, ReplyTerms};
pub use profiles::{MeRow, ProfileChange, ProfileRow, SettingsChange, SettingsRow};
pub use reactions::{NewReaction, Reaction};
pub use report_queue::{ReportChange, ReportEventRow, ReportFilter, ReportRow, ReportedPerson};
pub use reports::{AutoBlock, Filed, KnownReport, NewReport};
pub use runs::{Conditions, Offer, Offered, Readiness, RunRow, Standing};
pub use search::{SearchDoc, SearchGap, SearchHit, SearchText, SearchWord};
pub use sessions::{NewSession, SessionRow, SessionState};
pub use streams::{About, Emitted, UserEventRow, UserHead};
pub use tokens::{NewAuthToken, TriedCode, UsedToken};
pub use unread::{Here, UnreadMail, UnreadTerms};
pub use users::{UserCounts, UserFilter, UserRow};

/// The durable memory of the program; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    backend: DbBackend,
    readers: DatabaseConnection,
    writer: connect::Writer,
    lanes: lanes::Lanes,
    /// How long a transaction may take, waiting included.
    patience: Duration,
    data_dir: PathBuf,
    anchor: Arc<anchor::Anchor>,
    epoch: OnceLock<String>,
    /// Transactions committed by this process; tells whether there is anything new to mirror.
    commits: AtomicU64,
    mirrored: AtomicU64,
    /// Held for life: no second server may use the same directory.
    locks: Mutex<Vec<connect::DirectoryLock>>,
}

impl Store {
    /// Opens the database that the configuration names, creating an SQLite file that is not there, and takes the locks that keep
    /// a second server away. Does not migrate.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached or another server holds it; the message names the lock.
    pub async fn open(config: &Config) -> Result<Self, StoreError> {
        let connect::Opened { backend, readers, writer, locks } = connect::open(config).await?;
        let store = Self {
            inner: Arc::new(Inner {
                backend,
                readers,
                writer,
                lanes: lanes::Lanes::new(backend),
                patience: config.limits.store_timeout,
                data_dir: config.data_dir.clone(),
                anchor: Arc::new(anchor::Anchor::new(&config.data_dir)),
                epoch: OnceLock::new(),
                commits: AtomicU64::new(0),
                mirrored: AtomicU64::new(0),
                locks: Mutex::new(locks),
            }),
        };
        if store.pending_migrations().await?.is_empty() {
            store.settle_epoch().await?;
        }
        Ok(store)
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// `Unavailable` when it gives none in time, or when the file that was opened is no longer the one in the directory.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let patience = self.inner.patience;
        tokio::time::timeout(patience, self.inner.writer.check()).await.map_err(|_| StoreError::late(patience))??;
        self.timed(async {
            let one = Statement::from_string(self.backend(), "SELECT 1");
            self.reader().query_one_raw(one).await.map(|_| ())
        })
        .await
    }

    /// Mirrors the epoch, tidies up and closes all connections; the locks are free afterwards.
    ///
    /// # Cancel safety
    /// May be dropped; what is left is closed with the process.
    pub async fn close(&self) {
        if let Err(error) = self.mirror_epoch().await {
            tracing::warn!(%error, "the epoch could not be mirrored at close");
        }
        self.inner.writer.close(self.inner.patience).await;
        let readers = self.timed(self.inner.readers.close_by_ref());
        if let Err(error) = readers.await {
            tracing::warn!(%error, "the store's readers did not close cleanly");
        }
        self.inner.locks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What the audit log's anchor says.
    pub(in crate::store) fn read_anchor(&self) -> Result<anchor::Anchored, StoreError> {
        let unavailable =
            |error| StoreError::Unavailable(anyhow::Error::new(error).context("cannot read the audit log's anchor"));
        self.inner.anchor.read().map_err(unavailable)
    }

    /// Whether the database is the embedded one, which this program alone looks after.
    pub fn is_embedded(&self) -> bool {
        self.backend() == DbBackend::Sqlite
    }

    /// How many transactions this process has committed.
    pub fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::Relaxed)
    }

    /// A connection for reading only: on SQLite it refuses to write.
    pub(in crate::store) fn reader(&self) -> &DatabaseConnection {
        &self.inner.readers
    }

    /// Which database this is.
    pub(in crate::store) fn backend(&self) -> DbBackend {
        self.inner.backend
    }

    /// Runs a read with the store's patience.
    ///
    /// # Errors
    /// `Unavailable` when the time is over.
    pub(in crate::store) async fn timed<T>(
        &self,
        read: impl Future<Output = Result<T, sea_orm::DbErr>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.inner.patience, read).await {
            Ok(result) => result.map_err(StoreError::from),
            Err(_) => Err(StoreError::late(self.inner.patience)),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
