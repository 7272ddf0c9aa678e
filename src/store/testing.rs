//! Stores for tests: migrated, in a directory of their own, on SQLite and, when `DOMU_TEST_PG_URL` names a superuser, on PostgreSQL.

use std::path::Path;

use sea_orm::sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};
use secrecy::SecretString;
use tempfile::TempDir;
use url::Url;

use crate::config::{Config, Environment, Limits, LogFormat};

use chrono::DateTime;

use crate::ids::{UserId, new_id};

use super::{Lane, Store};

/// A configuration for a server that lives in `directory`.
pub(crate) fn config(directory: &Path) -> Config {
    Config {
        environment: Environment::Development,
        data_dir: directory.to_path_buf(),
        listen: ([127, 0, 0, 1], 0).into(),
        public_url: None,
        allowed_hosts: Vec::new(),
        trusted_proxies: Vec::new(),
        database_url: None,
        auto_migrate: true,
        smtp_url: None,
        mail_from: "domu@example.org".to_owned(),
        csrf_secret: SecretString::from("c".repeat(64)),
        data_key: SecretString::from("0".repeat(64)),
        metrics_token: None,
        admin_shared_secret: None,
        cron_secret: None,
        cron_secret_previous: None,
        jobs_file: None,
        jobs_zone: chrono_tz::Tz::UTC,
        log_format: LogFormat::Text,
        log_level: "info".to_owned(),
        demo: false,
        limits: Limits::default(),
    }
}

static HEARD: std::sync::Mutex<Vec<Statement>> = std::sync::Mutex::new(Vec::new());

/// Writes down every statement that goes over a connection.
pub(crate) fn listen(conn: &mut sea_orm::DatabaseConnection) {
    conn.set_metric_callback(|said| HEARD.lock().unwrap().push(said.statement.clone()));
}

/// What was said since the last time, by any store of this process.
pub(crate) fn hear() -> Vec<Statement> {
    std::mem::take(&mut HEARD.lock().unwrap())
}

/// A migrated store and the directory it lives in.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) directory: TempDir,
    database: Option<TestDatabase>,
}

/// A database on PostgreSQL, removed when dropped.
struct TestDatabase {
    name: String,
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let gone = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let remove = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { postgres_admin().await.unwrap().execute(AssertSqlSafe(gone)).await }).map(drop)
        });
        // A test that fails must not be hidden behind what its cleaning up says.
        let _left = remove.join().is_err();
    }
}

/// Runs a test on SQLite, and on PostgreSQL when there is one.
pub(crate) async fn on_each(test: impl AsyncFn(TestStore)) {
    test(TestStore::sqlite().await).await;
    if let Some(store) = TestStore::postgres(|_| ()).await {
        test(store).await;
    }
}

/// The superuser's URL of the PostgreSQL that tests may make databases on.
#[expect(clippy::disallowed_methods, reason = "only tests; the program reads the environment in config")]
pub(crate) fn postgres_url() -> Option<Url> {
    std::env::var("DOMU_TEST_PG_URL").ok().map(|url| Url::parse(&url).unwrap())
}

/// A connection of the superuser, to the database of the given name or to the one of the URL.
pub(crate) async fn postgres_admin() -> Option<PgConnection> {
    let url = postgres_url()?;
    Some(PgConnection::connect(url.as_str()).await.unwrap())
}

impl TestStore {
    /// A fresh store on SQLite.
    pub(crate) async fn sqlite() -> Self {
        Self::with(|_| ()).await
    }

    /// A fresh store on SQLite with a changed configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config(directory.path());
        change(&mut config);
        Self::at(directory, config, None).await
    }

    /// A fresh store in a database of its own on PostgreSQL; none without `DOMU_TEST_PG_URL`.
    pub(crate) async fn postgres(change: impl FnOnce(&mut Config)) -> Option<Self> {
        let mut url = postgres_url()?;
        let name = format!("domu_test_{}", crate::ids::new_id().simple());
        postgres_admin().await?.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        url.set_path(&name);
        let directory = tempfile::tempdir().unwrap();
        let mut config = config(directory.path());
        config.database_url = Some(SecretString::from(url.to_string()));
        change(&mut config);
        Some(Self::at(directory, config, Some(TestDatabase { name })).await)
    }

    async fn at(directory: TempDir, config: Config, database: Option<TestDatabase>) -> Self {
        let store = Store::open(&config).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, config, directory, database }
    }

    /// Closes the store and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        self.store.close().await;
        drop(self.store);
        Box::pin(Self::at(self.directory, self.config, self.database)).await
    }

    /// How the database would run a statement, one step a line; parameters are taken as they are in the program.
    pub(crate) async fn plan(&self, statement: &Statement) -> Vec<String> {
        let backend = self.store.backend();
        let (prefix, column) = match backend {
            DbBackend::Postgres => ("EXPLAIN (COSTS OFF) ", 0),
            _ => ("EXPLAIN QUERY PLAN ", 3),
        };
        let mut explain = statement.clone();
        explain.sql = format!("{prefix}{}", statement.sql);
        // PostgreSQL scans small tables whole, whatever their indexes: say that this costs much. One connection, one setting.
        let txn = self.store.reader().begin().await.unwrap();
        if backend == DbBackend::Postgres {
            for off in ["enable_seqscan", "enable_sort", "enable_bitmapscan"] {
                txn.execute_unprepared(&format!("SET LOCAL {off} = off")).await.unwrap();
            }
        }
        let rows = txn.query_all_raw(explain).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(column).unwrap()).collect()
    }

    /// Fails when the database would read a whole table for a list, or sort it in memory.
    ///
    /// Rows that come from a JSON parameter are no table. `but` names steps that are meant, by a part of their text.
    pub(crate) async fn assert_indexed(&self, statement: &Statement, but: &[&str]) {
        let plan = self.plan(statement).await;
        let bad = plan.iter().filter(|step| {
            let step = step.trim().trim_start_matches("->").trim_start();
            let scans =
                (step.starts_with("SCAN ") && !step.contains("VIRTUAL TABLE") && !step.contains("CONSTANT ROW"))
                    || step.starts_with("Seq Scan")
                    || step.starts_with("Parallel Seq Scan");
            let sorts =
                step.contains("USE TEMP B-TREE") || step.starts_with("Sort") || step.starts_with("Incremental Sort");
            (scans || sorts) && !but.iter().any(|meant| step.contains(meant))
        });
        let bad: Vec<_> = bad.collect();
        assert!(
            bad.is_empty(),
            "{}
{bad:#?}
in\n{}",
            statement.sql,
            plan.join("\n")
        );
    }

    /// A verified person.
    pub(crate) async fn person(&self) -> UserId {
        person(&self.store, true).await
    }

    /// Changes rows behind the program's back.
    pub(crate) async fn execute(&self, sql: &str) {
        let sql = sql.to_owned();
        self.store
            .write(Lane::Small, move |tx| {
                Box::pin(async move {
                    tx.conn().execute_unprepared(&sql).await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
    }

    /// One number from the database, such as a count.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let query = Statement::from_string(self.store.backend(), sql);
        let row = self.store.reader().query_one_raw(query).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }
}

/// A person with a profile, verified or not.
pub(crate) async fn person(store: &Store, verified: bool) -> UserId {
    let user = UserId(new_id());
    store
        .write(Lane::Small, move |tx| {
            Box::pin(async move {
                let at = DateTime::from_timestamp_millis(1_790_000_000_123).unwrap();
                let now: sea_orm::Value = at.into();
                let verified: sea_orm::Value = verified.then_some(at).into();
                let email = format!("{user}@student.example");
                let sql = "INSERT INTO users (id, email, email_normalized, password_hash, locale, user_type, is_active, \
                           email_confirmed_at, date_of_birth_enc, identity_verified_at, head_seq, base_seq, created_at, updated_at) \
                           VALUES ($1, $2, $2, 'x', 'nl', 'student', TRUE, $3, $4, $5, 0, 0, $3, $3)";
                let values = [user.into(), email.into(), now.clone(), vec![1_u8].into(), verified];
                tx.conn().execute_raw(Statement::from_sql_and_values(tx.backend(), sql, values)).await?;
                let sql = "INSERT INTO profiles (user_id, first_name, last_name, avatar_hue, created_at, updated_at) VALUES ($1, 'Sanne', 'de Vries', 20, $2, $2)";
                tx.conn().execute_raw(Statement::from_sql_and_values(tx.backend(), sql, [user.into(), now])).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    user
}
