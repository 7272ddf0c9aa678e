//! A server inside the test's own process, on a database of its own, that must leave nothing behind.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, UNIX_EPOCH};

use domu::accounts::HashCost;
use domu::app::{self, Report, Running, Setup};
use domu::clock::Clock;
use domu::config::Config;
use domu::demo::crowd::{self, Crowd};
use domu::ids::UserId;
use domu::realtime::LiveCounts;
use domu::store::Store;
use sea_orm::DatabaseConnection;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Db;
use super::client::{Client, PATIENCE};
use super::http::{Answer, Http};
use super::people::{self, Person};
use super::postgres::{self, PgDatabase, Shared};

/// Runs one test on both databases, as `name::on_sqlite` and `name::on_postgres`.
macro_rules! on_both {
    ($name:ident, |$server:ident: $type:ty| async move $body:block) => {
        async fn $name($server: $type) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name($crate::support::server::TestServer::on($crate::support::Db::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name($crate::support::server::TestServer::on($crate::support::Db::Postgres).await).await;
            }
        }
    };
}

pub(crate) use on_both;

/// People who share a chat, and the tokens of their sessions.
pub struct Room {
    pub chat: String,
    pub tokens: Vec<String>,
}

/// A running server. Dropping it stops it and fails the test if a task, a socket or a room is left.
pub struct TestServer {
    running: Option<Running>,
    pub address: SocketAddr,
    config: Config,
    clock: Clock,
    database: Option<PgDatabase>,
    directory: Option<TempDir>,
    people: Mutex<HashMap<String, Person>>,
}

impl TestServer {
    /// A server on SQLite.
    pub async fn start() -> Self {
        Self::on(Db::Sqlite).await
    }

    /// A server on this database.
    pub async fn on(db: Db) -> Self {
        Self::set_up(db, Clock::System, |_| {}).await
    }

    /// A server on SQLite with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::set_up(Db::Sqlite, Clock::System, change).await
    }

    /// A server on SQLite whose wall clock the test moves.
    pub async fn with_clock(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        Self::set_up(Db::Sqlite, clock, change).await
    }

    /// A server on this database with other settings.
    pub async fn on_with(db: Db, change: impl FnOnce(&mut Config)) -> Self {
        Self::set_up(db, Clock::System, change).await
    }

    async fn set_up(db: Db, clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = settings(directory.path());
        let database = match db {
            Db::Sqlite => {
                std::fs::copy(sqlite_template().await, super::sqlite_file(directory.path()))
                    .expect("a copy of the template");
                None
            }
            Db::Postgres => {
                let shared = Shared::find();
                let template = postgres_template(shared.url()).await;
                let database = PgDatabase::create(shared, Some(&template)).await;
                config.database_url = Some(database.url().into());
                Some(database)
            }
        };
        change(&mut config);
        let running = app::start(config.clone(), setup(&clock))
            .await
            .unwrap_or_else(|error| panic!("the server did not start: {error:#}"));
        Self {
            address: running.addr,
            running: Some(running),
            config,
            clock,
            database,
            directory: Some(directory),
            people: Mutex::default(),
        }
    }

    /// The same server on the same data, stopped and started with other settings.
    pub async fn again_with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        self.stop().await;
        change(&mut self.config);
        let running = app::start(self.config.clone(), setup(&self.clock))
            .await
            .unwrap_or_else(|error| panic!("the server did not start again: {error:#}"));
        self.address = running.addr;
        self.running = Some(running);
        self
    }

    async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            let report = running.house.stop().await;
            if !std::thread::panicking() {
                assert_eq!(report, Report::default(), "the server left something behind");
            }
        }
    }

    fn house(&self) -> &app::House {
        &self.running.as_ref().expect("a running server").house
    }

    /// What edges call.
    pub fn services(&self) -> &domu::services::Services {
        &self.house().services
    }

    pub fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }

    // ------------------------------------------------------------ people

    /// Someone new: signed up, address confirmed, identity verified.
    pub async fn person(&self, name: &str) -> Person {
        people::sign_up(self.address, self.data_dir(), name).await;
        self.house().services.accounts.verify(&people::email_of(name)).await.expect("a verified person");
        self.sign_in_again(name).await
    }

    /// A further session of somebody who is known; it becomes their latest.
    pub async fn sign_in_again(&self, name: &str) -> Person {
        let person = people::sign_in(self.address, name).await;
        self.people.lock().expect("people").entry(name.to_owned()).or_insert_with(|| person.clone());
        person
    }

    /// Somebody made earlier, with their first session.
    pub fn known(&self, name: &str) -> Person {
        self.people.lock().expect("people").get(name).cloned().unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// Two new people with a chat, each on a connected socket.
    pub async fn pair(&self, one: &str, other: &str) -> (Client, Client, String) {
        let (one, other) = (self.person(one).await, self.person(other).await);
        let chat = self.open_chat(&one, &other).await;
        (self.connect(&one).await, self.connect(&other).await, chat)
    }

    /// People without faces, signed in, in rooms of their own; on a server that nobody has signed up at.
    pub async fn crowd(&self, crowd: Crowd) -> Vec<Room> {
        let rooms = self.house().crowd(crowd).await.expect("a crowd");
        let room = |(room, tokens): (crowd::Room, Vec<SecretString>)| Room {
            chat: room.chats[0].to_string(),
            tokens: tokens.iter().map(|token| token.expose_secret().to_owned()).collect(),
        };
        rooms.into_iter().map(room).collect()
    }

    pub async fn open_chat(&self, one: &Person, other: &Person) -> String {
        let id = |person: &Person| person.id.parse::<UserId>().expect("an id");
        self.house().services.chat.open_pair(id(one), id(other), "match").await.expect("an open chat").to_string()
    }

    /// A new socket of a person, connected with their bearer session.
    pub async fn connect(&self, person: &Person) -> Client {
        people::connect(self.address, person).await
    }

    /// A browser in which a person has signed in.
    pub async fn browser(&self, name: &str) -> Http {
        let mut http = Http::new(self.address);
        http.post("/api/auth/sign-in", &json!({"email": people::email_of(name), "password": people::PASSWORD}))
            .await
            .expect(200);
        http.forget_csrf();
        http
    }

    /// What the server answers to a person's program over HTTP.
    pub async fn ask(&self, person: &Person, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let method = method.parse().expect("a method");
        let bearer = format!("Bearer {}", person.token);
        Http::new(self.address).plain(method, path, &[("authorization", &bearer)], body).await
    }

    pub async fn suspend(&self, person: &Person) {
        self.house().services.accounts.suspend(&person.email, "test").await.expect("a suspension");
    }

    pub async fn activate(&self, person: &Person) {
        self.house().services.accounts.activate(&person.email).await.expect("an activation");
    }

    /// Ends all sessions of a person but the one they ask with, as the page of devices does.
    pub async fn end_other_sessions(&self, person: &Person) {
        let mut http = Http::new(self.address);
        let bearer = format!("Bearer {}", person.token);
        let listed =
            http.plain(reqwest::Method::GET, "/api/sessions", &[("authorization", &bearer)], None).await.expect(200);
        for session in listed["sessions"].as_array().expect("sessions") {
            if session["current"] != true {
                let path = format!("/api/sessions/{}", session["id"].as_str().expect("an id"));
                http.plain(reqwest::Method::DELETE, &path, &[("authorization", &bearer)], None).await.expect(204);
            }
        }
    }

    // ------------------------------------------------------------ behind the scenes

    /// Moves the wall clock of a server that was started with one to move.
    pub fn advance(&self, by: chrono::TimeDelta) {
        self.clock.advance(by);
        self.house().services.live.tick();
    }

    /// How much is held of who looks, types and is here.
    pub fn live(&self) -> LiveCounts {
        self.house().services.live.counts()
    }

    /// How many sockets there are.
    pub fn sockets(&self) -> usize {
        self.house().services.hub.counts().conns
    }

    /// How many bytes wait in outboxes.
    pub fn waiting_bytes(&self) -> usize {
        self.house().services.hub.waiting_bytes()
    }

    /// Waits for a condition.
    pub async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let began = Instant::now();
        while !condition() {
            assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        println!("{what} after {:?}", began.elapsed());
    }

    fn database_url(&self) -> String {
        match &self.database {
            Some(database) => database.url(),
            None => format!("sqlite://{}", super::sqlite_file(self.data_dir()).display()),
        }
    }

    /// Runs a statement on the database, beside the server.
    pub async fn sql(&self, statement: &str) {
        let database = postgres::connect(&self.database_url()).await;
        postgres::run(&database, statement).await;
        database.close().await.expect("a closed connection");
    }

    /// The first column of every row of a query, as text, beside the server.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let database = postgres::connect(&self.database_url()).await;
        let texts = postgres::texts(&database, query).await;
        database.close().await.expect("a closed connection");
        texts
    }

    /// An id as this database writes it in a statement.
    pub fn id_text(&self, id: &str) -> String {
        if self.database.is_some() { format!("'{id}'") } else { format!("X'{}'", id.replace('-', "")) }
    }

    /// The questionnaire, behind the doors.
    pub fn onboarding(&self) -> domu::onboarding::Onboarding {
        self.house().services.onboarding.clone()
    }

    /// The first column of every row of a query, as ids.
    pub async fn ids(&self, query: &str) -> Vec<String> {
        let database = postgres::connect(&self.database_url()).await;
        let ids = postgres::ids(&database, query).await;
        database.close().await.expect("a closed connection");
        ids
    }

    /// Suggestions, behind the doors.
    pub fn matchmaking(&self) -> domu::matchmaking::Matchmaking {
        self.house().services.matchmaking.clone()
    }

    /// One number from the database, beside the server.
    pub async fn number(&self, query: &str) -> i64 {
        let database = postgres::connect(&self.database_url()).await;
        let statement =
            sea_orm::Statement::from_string(sea_orm::ConnectionTrait::get_database_backend(&database), query);
        let row = sea_orm::ConnectionTrait::query_one_raw(&database, statement).await.expect("an answer");
        let number = row.expect("a row").try_get_by_index(0).expect("a number");
        database.close().await.expect("a closed connection");
        number
    }

    /// Holds the SQLite database, so that the server cannot commit until it is released.
    pub async fn hold_writer(&self) -> Held {
        let database = postgres::connect(&self.database_url()).await;
        postgres::run(&database, "BEGIN IMMEDIATE").await;
        Held { database }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                self.stop().await;
                if let Some(database) = &self.database {
                    database.remove().await;
                }
            });
        });
        drop(self.directory.take());
    }
}

/// A hand on the database.
pub struct Held {
    database: DatabaseConnection,
}

impl Held {
    pub async fn release(self) {
        postgres::run(&self.database, "ROLLBACK").await;
        self.database.close().await.expect("a closed connection");
    }
}

/// Hashes cost next to nothing here; that they cost enough elsewhere is tested where they are made.
pub fn setup(clock: &Clock) -> Setup {
    Setup { clock: clock.clone(), hash_cost: HashCost::CHEAPEST, ..Setup::default() }
}

/// Settings of test servers: limits of rate are out of the way unless a test is about them.
pub fn settings(data_dir: &Path) -> Config {
    let mut config = Config::development(data_dir).expect("randomness");
    config.limits.messages_per_minute = 1_000_000;
    config.limits.socket_ops_per_second = 100_000;
    config.limits.socket_ops_burst = 100_000;
    config.limits.sign_up_per_address_per_hour = 100_000;
    config.limits.sign_in_per_address = 100_000;
    config.limits.sign_in_per_account = 1000;
    config
}

/// Names what was migrated by this very build of the tests.
fn build() -> String {
    let program =
        std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified()).expect("the test program");
    program.duration_since(UNIX_EPOCH).expect("a time after 1970").as_nanos().to_string()
}

/// A migrated SQLite file, made once for a build, by whichever test comes first.
pub async fn sqlite_template() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let template = directory.join(format!("template-{}.db", build()));
    let lock = std::fs::File::create(directory.join("template.lock")).expect("a lock");
    tokio::task::block_in_place(|| lock.lock().expect("the lock"));
    if !template.exists() {
        for stale in std::fs::read_dir(directory)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("template-"))
        {
            let _another_build_may_be_at_it = std::fs::remove_file(stale.path());
        }
        let fresh = tempfile::tempdir_in(directory).expect("a directory");
        migrate(&settings(fresh.path())).await;
        std::fs::rename(super::sqlite_file(fresh.path()), &template).expect("the template");
    }
    template
}

/// A migrated database on this PostgreSQL, made once for a build.
async fn postgres_template(url: &str) -> String {
    let name = format!("domu_template_{}", build());
    let admin = postgres::connect(url).await;
    postgres::run(&admin, "SELECT pg_advisory_lock(20260101)").await;
    let found = sea_orm::ConnectionTrait::query_one_raw(
        &admin,
        sea_orm::Statement::from_string(
            sea_orm::DbBackend::Postgres,
            format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"),
        ),
    )
    .await
    .expect("the list of databases");
    if found.is_none() {
        let making = format!("{name}_making");
        postgres::run(&admin, &format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)")).await;
        postgres::run(&admin, &format!("CREATE DATABASE {making}")).await;
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = settings(directory.path());
        config.database_url = Some(postgres::database_url(url, &making).into());
        migrate(&config).await;
        postgres::run(&admin, &format!("ALTER DATABASE {making} RENAME TO {name}")).await;
    }
    admin.close().await.expect("a closed connection");
    name
}

async fn migrate(config: &Config) {
    let store = Store::open(config).await.expect("an empty store");
    store.migrate().await.expect("a migrated store");
    store.close().await;
}
