//! Connections: how a database is opened, what is asserted about it, and who keeps a second server away.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{self, ConnectOptions, Connection, Postgres, Sqlite};
use sea_orm::{DatabaseConnection, DbBackend, SqlxPostgresConnector, SqlxSqliteConnector};
use secrecy::ExposeSecret;

use crate::config::{Config, Environment};

use super::StoreError;

/// Writing connections on PostgreSQL: one for chat, one for bulk, the rest for small writes.
const PG_WRITERS: u32 = 6;
/// Reading connections on PostgreSQL; apart, so that a flood of reads never stands before a write.
const PG_READERS: u32 = 10;
/// Reading connections on SQLite; each has a thread and a page cache of its own.
const SQLITE_READERS: u32 = 4;
/// Key of the advisory lock that keeps a second server away: "domu" in ASCII.
const PG_LOCK: i64 = 0x646f_6d75;
/// Statements slower than this are logged, in milliseconds (operations row R83).
const SLOW_STATEMENT_MS: u64 = 200;

/// What [`open`] opened.
pub(super) struct Opened {
    pub(super) backend: DbBackend,
    pub(super) readers: DatabaseConnection,
    pub(super) writer: Writer,
    pub(super) locks: Vec<DirectoryLock>,
}

/// Who writes.
#[derive(Debug)]
pub(super) enum Writer {
    Sqlite(SqliteWriter),
    Postgres(PgWriter),
}

impl Writer {
    /// Whether this server may still write: the file is the one that was opened, the lock is still ours.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(writer) => writer.check(),
            Self::Postgres(writer) => writer.prove().await,
        }
    }

    /// Why only PostgreSQL is waited for so long and no longer: everything is stored there already, and one that fell silent would
    /// keep us for good; SQLite tidies its own file here.
    pub(super) async fn close(&self, patience: Duration) {
        let closed = match self {
            Self::Sqlite(writer) => match writer.slot.lock().await.take() {
                Some(conn) => {
                    let tidy = sea_orm::ConnectionTrait::execute_unprepared(
                        &conn,
                        "PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);",
                    );
                    let tidied = tidy.await;
                    conn.close().await.and(tidied.map(|_| ()))
                }
                None => Ok(()),
            },
            Self::Postgres(writer) => {
                let goodbye = async {
                    if let Some(lock) = writer.lock.lock().await.take() {
                        let _gone = lock.close().await.is_err();
                    }
                    writer.pool.close_by_ref().await
                };
                tokio::time::timeout(patience, goodbye).await.unwrap_or_else(|_| {
                    tracing::warn!("PostgreSQL does not answer the goodbye");
                    Ok(())
                })
            }
        };
        if let Err(error) = closed {
            tracing::warn!(%error, "the store's writer did not close cleanly");
        }
    }
}

/// Opens what the configuration names.
pub(super) async fn open(config: &Config) -> Result<Opened, StoreError> {
    let mut locks = vec![DirectoryLock::take(&config.data_dir)?];
    tighten(&config.data_dir);
    let url = config.database_url.as_ref().map(ExposeSecret::expose_secret);
    match url {
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            let (readers, writer) = open_postgres(url, config).await?;
            Ok(Opened { backend: DbBackend::Postgres, readers, writer: Writer::Postgres(writer), locks })
        }
        _ => {
            let options = match url {
                Some(url) => SqliteConnectOptions::from_str(url)?,
                None => SqliteConnectOptions::new().filename(config.data_dir.join("domu.db")),
            };
            let path = options.get_filename().to_path_buf();
            let beside = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let same = std::fs::canonicalize(beside).ok() == std::fs::canonicalize(&config.data_dir).ok();
            if !same {
                locks.push(DirectoryLock::take(beside)?);
            }
            let busy = config.limits.store_timeout / 2;
            let mut writer = SqliteWriter::new(sqlite_options(options.clone(), busy), path);
            let conn = writer.connect().await?;
            writer.opened = writer.identity()?;
            writer.slot = tokio::sync::Mutex::new(Some(conn));
            let readers = sqlite_readers(sqlite_options(options, busy), config.limits.store_timeout).await?;
            Ok(Opened { backend: DbBackend::Sqlite, readers, writer: Writer::Sqlite(writer), locks })
        }
    }
}

/// A connection whose statements tests can hear.
#[cfg_attr(not(test), expect(unused_mut, reason = "only tests change it"))]
fn listened(mut conn: DatabaseConnection) -> DatabaseConnection {
    #[cfg(test)]
    super::testing::listen(&mut conn);
    conn
}

/// Where statements are logged: nowhere, but slow ones as warnings (without values).
fn quiet<O: ConnectOptions>(options: O) -> O {
    let options = options.disable_statement_logging();
    match "warn".parse() {
        Ok(level) => options.log_slow_statements(level, Duration::from_millis(SLOW_STATEMENT_MS)),
        Err(_) => options,
    }
}

fn sqlite_options(options: SqliteConnectOptions, busy: Duration) -> SqliteConnectOptions {
    quiet(options)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(busy)
        .pragma("temp_store", "memory")
        .pragma("cache_size", "-16000")
        .pragma("journal_size_limit", "67108864")
}

async fn sqlite_readers(options: SqliteConnectOptions, patience: Duration) -> Result<DatabaseConnection, StoreError> {
    let pool = PoolOptions::<Sqlite>::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(patience)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options.pragma("query_only", "on"))
        .await?;
    Ok(listened(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)))
}

/// The one writing connection of SQLite, which is thrown away whenever its state is in doubt.
#[derive(Debug)]
pub(super) struct SqliteWriter {
    /// Empty while a transaction runs, and after one that did not end cleanly.
    pub(super) slot: tokio::sync::Mutex<Option<DatabaseConnection>>,
    options: SqliteConnectOptions,
    path: PathBuf,
    /// Identity of the file when it was opened.
    opened: String,
}

impl SqliteWriter {
    fn new(options: SqliteConnectOptions, path: PathBuf) -> Self {
        Self { slot: tokio::sync::Mutex::new(None), options, path, opened: String::new() }
    }

    /// Opens a writing connection and asserts that a commit on it survives a power cut.
    pub(super) async fn connect(&self) -> Result<DatabaseConnection, StoreError> {
        if !self.opened.is_empty() {
            self.check()?;
        }
        let pool = PoolOptions::<Sqlite>::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_connect(|conn, _| {
                Box::pin(async move {
                    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *conn).await?;
                    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *conn).await?;
                    let foreign_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&mut *conn).await?;
                    // 2 is FULL, 3 is EXTRA.
                    if journal == "wal" && synchronous >= 2 && foreign_keys == 1 {
                        Ok(())
                    } else {
                        Err(refused(format!(
                            "SQLite must run with journal_mode=wal, synchronous=full and foreign_keys=on; it says {journal}, {synchronous} and {foreign_keys}"
                        )))
                    }
                })
            })
            .connect_with(self.options.clone())
            .await?;
        Ok(listened(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)))
    }

    /// Device and inode of the database file.
    pub(super) fn identity(&self) -> Result<String, StoreError> {
        let away = |error| {
            StoreError::Unavailable(
                anyhow::Error::new(error).context(format!("no database at {}", self.path.display())),
            )
        };
        let file = std::fs::metadata(&self.path).map_err(away)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Ok(format!("{}/{}", file.dev(), file.ino()))
        }
        #[cfg(not(unix))]
        {
            Ok(format!("{:?}", file.created().map_err(away)?))
        }
    }

    /// Why: SQLite goes on writing to a file that was deleted or replaced, and everything acknowledged would be lost.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.identity()? == self.opened {
            return Ok(());
        }
        Err(StoreError::Unavailable(anyhow::anyhow!(
            "{} was replaced while the server runs; restart the server",
            self.path.display()
        )))
    }
}

/// The writing pool of PostgreSQL, and the connection that holds the lock.
#[derive(Debug)]
pub(super) struct PgWriter {
    pub(super) pool: DatabaseConnection,
    options: PgConnectOptions,
    lock: tokio::sync::Mutex<Option<PgConnection>>,
    /// How many connections the pool has made. A new one may mean that the server was restarted, and the lock gone.
    made: Arc<AtomicU64>,
    /// The value of `made` for which the lock was last proven to be ours; written under `lock`.
    proven: AtomicU64,
    /// How long a sign of life may take: a connection that fell silent is no connection.
    silence: Duration,
    /// The database as it was last seen.
    life: std::sync::Mutex<Option<Life>>,
}

/// What tells a database from one that took its place.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// See [`PG_IDENTITY`].
    pub(super) database: String,
    /// The epoch it holds.
    pub(super) epoch: String,
    /// The generation it has reached at least.
    pub(super) generation: u64,
}

/// Which database this is, as one text: a copy has another identity.
pub(super) const PG_IDENTITY: &str = "(SELECT system_identifier::text FROM pg_control_system()) || '/' || \
     (SELECT oid::text FROM pg_database WHERE datname = current_database()) || '/' || \
     (SELECT timeline_id::text FROM pg_control_checkpoint())";

impl PgWriter {
    /// Proves that the lock is still ours, or takes it again, when connections were made since the last time.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        if self.proven.load(Ordering::Acquire) == self.made.load(Ordering::Acquire) {
            return Ok(());
        }
        self.prove().await
    }

    async fn prove(&self) -> Result<(), StoreError> {
        let mut lock = self.lock.lock().await;
        let made = self.made.load(Ordering::Acquire);
        // Taken out: whoever gives up in the middle leaves no connection in an unknown state.
        let kept = match lock.take() {
            Some(mut conn) => {
                let answered = tokio::time::timeout(self.silence, conn.ping()).await;
                matches!(answered, Ok(Ok(()))).then_some(conn)
            }
            None => None,
        };
        let conn = match kept {
            Some(conn) => conn,
            None => {
                let again = async {
                    let mut conn = take_pg_lock(&self.options).await?;
                    self.recognise(&mut conn).await?;
                    Ok::<_, StoreError>(conn)
                };
                tokio::time::timeout(self.silence, again).await.map_err(|_| StoreError::late(self.silence))??
            }
        };
        *lock = Some(conn);
        self.proven.store(made, Ordering::Release);
        Ok(())
    }

    /// Remembers the database as it is now.
    pub(super) fn knows(&self, life: Life) {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = Some(life);
    }

    /// Refuses a database that took the place of the one that was here.
    ///
    /// # Why
    /// Clients hold positions in the streams of the old one; only a start settles a new epoch.
    async fn recognise(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let known = self.life.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(known) = known else { return Ok(()) };
        let sql = format!(
            "SELECT {PG_IDENTITY}, (SELECT value FROM store_meta WHERE key = 'epoch'), \
             (SELECT value FROM store_meta WHERE key = 'generation')"
        );
        let found: (String, Option<String>, Option<String>) =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(conn).await.map_err(away)?;
        let generation = found.2.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        if found.0 == known.database && found.1.as_ref() == Some(&known.epoch) && generation >= known.generation {
            return Ok(());
        }
        Err(StoreError::Unavailable(anyhow::anyhow!(
            "the PostgreSQL database was replaced while the server runs (it is {}, was {}); restart the server",
            found.0,
            known.database
        )))
    }

    /// One connection without time limits, for migrations.
    pub(super) async fn patient(&self) -> Result<DatabaseConnection, StoreError> {
        let pool =
            PoolOptions::<Postgres>::new().max_connections(1).connect_with(self.options.clone()).await.map_err(away)?;
        Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
    }
}

async fn take_pg_lock(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let mut conn = options.connect().await.map_err(away)?;
    let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(PG_LOCK).fetch_one(&mut conn).await?;
    if taken {
        return Ok(conn);
    }
    Err(StoreError::Unavailable(anyhow::anyhow!(
        "another domu server holds this database (advisory lock {PG_LOCK}); stop it first, two cannot share one database yet"
    )))
}

/// How often the lock of a server that was here before is asked for.
const FORMER_PAUSE: Duration = Duration::from_millis(100);

/// Takes the lock, waiting for what a server that was killed leaves behind: PostgreSQL notices a dead client only when it
/// next listens to it, and until then its lock is held and its last commit may still be under way.
///
/// # Errors
/// `Unavailable` when the lock is still held after `patience`: then the other server lives.
async fn take_over_pg_lock(options: &PgConnectOptions, patience: Duration) -> Result<PgConnection, StoreError> {
    let until = tokio::time::Instant::now() + patience;
    let late = || tokio::time::Instant::now() >= until;
    let mut conn = loop {
        match tokio::time::timeout(patience, take_pg_lock(options)).await {
            Ok(Ok(conn)) => break conn,
            Ok(Err(error)) if late() => return Err(error),
            Ok(Err(_)) => tokio::time::sleep(FORMER_PAUSE).await,
            Err(_) => return Err(StoreError::late(patience)),
        }
    };
    let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND application_name = 'domu' AND pid <> pg_backend_pid()";
    loop {
        let left: i64 = sqlx::query_scalar(others).fetch_one(&mut conn).await?;
        if left == 0 {
            return Ok(conn);
        }
        if late() {
            tracing::warn!(connections = left, "connections of a former server are still there");
            return Ok(conn);
        }
        tokio::time::sleep(FORMER_PAUSE).await;
    }
}

async fn open_postgres(url: &str, config: &Config) -> Result<(DatabaseConnection, PgWriter), StoreError> {
    let patience = config.limits.store_timeout;
    let timeout = format!("{}ms", patience.as_millis());
    let base = quiet(PgConnectOptions::from_str(url)?).application_name("domu").options([
        ("synchronous_commit", "on"),
        ("timezone", "UTC"),
        // The server notices in about half a minute that we are gone, and frees the lock.
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "4"),
    ]);
    let options = base.clone().options([
        ("statement_timeout", timeout.as_str()),
        ("lock_timeout", timeout.as_str()),
        ("idle_in_transaction_session_timeout", timeout.as_str()),
    ]);
    let lock = take_over_pg_lock(&base, patience).await?;
    let made = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&made);
    let production = config.environment == Environment::Production;
    let readers = PoolOptions::<Postgres>::new()
        .max_connections(PG_READERS)
        .acquire_timeout(patience / 4)
        .after_release(move |conn, _| Box::pin(answers(conn, patience / 4)))
        .connect_with(options.clone().options([("default_transaction_read_only", "on")]))
        .await
        .map_err(away)?;
    let pool = PoolOptions::<Postgres>::new()
        .max_connections(PG_WRITERS)
        // Why a quarter: while the server is away the pool tries again in ever longer steps, until this is over.
        .acquire_timeout(patience / 4)
        .after_release(move |conn, _| Box::pin(answers(conn, patience / 4)))
        .after_connect(move |conn, _| {
            counter.fetch_add(1, Ordering::AcqRel);
            Box::pin(async move {
                let commit: String = sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&mut *conn).await?;
                let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(&mut *conn).await?;
                if commit == "on" && (fsync == "on" || !production) {
                    return Ok(());
                }
                Err(refused(format!(
                    "PostgreSQL must run with synchronous_commit=on and fsync=on; it says {commit} and {fsync}"
                )))
            })
        })
        .connect_with(options)
        .await
        .map_err(away)?;
    let writer = PgWriter {
        pool: listened(SqlxPostgresConnector::from_sqlx_postgres_pool(pool)),
        options: base,
        lock: tokio::sync::Mutex::new(Some(lock)),
        made,
        proven: AtomicU64::new(0),
        silence: patience / 4,
        life: std::sync::Mutex::new(None),
    };
    Ok((listened(SqlxPostgresConnector::from_sqlx_postgres_pool(readers)), writer))
}

/// Why: the pool itself waits for an answer without a limit when a connection comes back, and keeps its place meanwhile.
async fn answers(conn: &mut PgConnection, silence: Duration) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(silence, conn.ping()).await {
        Ok(answer) => answer.map(|()| true),
        // An error, not `false`: there is nobody to say goodbye to.
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Whatever a server says instead of letting us in, it is not our statement that is wrong.
fn away(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(_) => StoreError::Unavailable(anyhow::Error::new(error)),
        other => other.into(),
    }
}

fn refused(why: String) -> sqlx::Error {
    sqlx::Error::Configuration(why.into())
}

/// The lock of a directory, free again when dropped.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, making the directory when it is not there.
    fn take(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("domu.lock");
        let failed = |what: &str, error: std::io::Error| {
            StoreError::Unavailable(anyhow::Error::new(error).context(format!("cannot {what} {}", path.display())))
        };
        make_private(directory).map_err(|error| failed("make the directory of", error))?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| failed("open", error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _unreadable = file.read_to_string(&mut holder).is_err();
                return Err(StoreError::Unavailable(anyhow::anyhow!(
                    "another domu (process {}) holds {}; stop it first, or give this one another data directory",
                    holder.trim(),
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| failed("write", error))?;
        Ok(Self { _file: file })
    }
}

/// Why: the directory holds secrets and everybody's messages.
fn make_private(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// The bits of a mode that let others in.
const OTHERS: u32 = 0o077;
/// The bit of directories that many share, such as /tmp.
const SHARED: u32 = 0o1000;

/// Closes a data directory that was made by somebody else, and open to others; one that many share is left as it is.
fn tighten(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = std::fs::metadata(directory) else { return };
    let mode = found.permissions().mode();
    if mode & OTHERS == 0 {
        return;
    }
    let path = directory.display();
    if mode & SHARED != 0 {
        tracing::warn!(%path, "the data directory is shared with others: what it holds is closed file by file only");
        return;
    }
    match std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700)) {
        Ok(()) => {
            tracing::warn!(%path, was = format!("{:o}", mode & 0o777), "the data directory was open to others: it is 0700 now");
        }
        Err(error) => tracing::warn!(%path, %error, "the data directory is open to others and cannot be closed"),
    }
}
