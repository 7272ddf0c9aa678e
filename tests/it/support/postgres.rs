//! One PostgreSQL for the run, a database of its own for each test.

use std::path::{Path, PathBuf};
use std::process::Command;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement};
use tempfile::TempDir;
use uuid::Uuid;

/// A PostgreSQL that this test started for itself, to stop and start as it likes.
pub struct OwnPostgres {
    dir: PathBuf,
    _parent: TempDir,
    pub url: String,
}

fn script(command: &str, dir: &Path) -> String {
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres"))
        .arg(command)
        .arg(dir)
        .output()
        .expect("tests/postgres");
    assert!(
        output.status.success(),
        "tests/postgres {command} failed; tests/run installs what it needs and starts one for all tests:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("a URL").trim().to_owned()
}

impl OwnPostgres {
    pub fn start() -> Self {
        let parent = tempfile::Builder::new().prefix("domu-pg.").tempdir().expect("a directory");
        std::fs::set_permissions(parent.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))
            .expect("permissions");
        let dir = parent.path().join("cluster");
        let url = script("start", &dir);
        Self { dir, _parent: parent, url }
    }

    /// Ends it as a power cut would.
    pub fn crash(&self) {
        script("crash", &self.dir);
    }

    /// Starts it again on the same port.
    pub fn again(&self) {
        script("again", &self.dir);
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        script("remove", &self.dir);
    }
}

/// The run's PostgreSQL: given by tests/run, else one started for this test.
pub enum Shared {
    Given(String),
    Own(OwnPostgres),
}

impl Shared {
    pub fn find() -> Self {
        match std::env::var("DOMU_TEST_PG_URL") {
            Ok(url) if !url.is_empty() => Self::Given(url),
            _ => Self::Own(OwnPostgres::start()),
        }
    }

    pub fn url(&self) -> &str {
        match self {
            Self::Given(url) => url,
            Self::Own(own) => &own.url,
        }
    }
}

/// A database of one test; dropped with it.
pub struct PgDatabase {
    shared: Shared,
    name: String,
}

impl PgDatabase {
    /// A new database: a copy of `template`, or empty.
    pub async fn create(shared: Shared, template: Option<&str>) -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        let admin = connect(shared.url()).await;
        let template = template.unwrap_or("template1");
        run(&admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        admin.close().await.expect("a closed pool");
        Self { shared, name }
    }

    pub fn url(&self) -> String {
        database_url(self.shared.url(), &self.name)
    }

    /// Removes it, also when somebody is still connected.
    pub async fn remove(&self) {
        if let Ok(admin) = Database::connect(options(self.shared.url())).await {
            run(&admin, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await;
            let _closed = admin.close().await;
        }
    }
}

/// The same server, another database.
pub fn database_url(url: &str, name: &str) -> String {
    let mut url = url::Url::parse(url).expect("a database URL");
    url.set_path(name);
    url.to_string()
}

fn options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    options
}

/// One plain connection, outside the server under test.
pub async fn connect(url: &str) -> DatabaseConnection {
    Database::connect(options(url)).await.unwrap_or_else(|error| panic!("cannot connect to {url}: {error}"))
}

/// The first column of every row of a query, as text.
pub async fn texts(database: &DatabaseConnection, sql: &str) -> Vec<String> {
    let query = Statement::from_string(database.get_database_backend(), sql);
    let rows = database.query_all_raw(query).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
}

/// The first column of every row of a query, as ids.
pub async fn ids(database: &DatabaseConnection, sql: &str) -> Vec<String> {
    let query = Statement::from_string(database.get_database_backend(), sql);
    let rows = database.query_all_raw(query).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.try_get_by_index::<uuid::Uuid>(0).expect("an id").to_string()).collect()
}

/// Runs one statement.
pub async fn run(database: &DatabaseConnection, sql: &str) {
    database
        .execute_raw(Statement::from_string(database.get_database_backend(), sql))
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}
