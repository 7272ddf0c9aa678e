//! The server of a run, with everything that can happen to it: it stops, dies, and its disk and database fail.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domu::app::{self, Report, Running};
use domu::clock::Clock;
use domu::config::Config;
use domu::demo::crowd::Crowd;
use domu::ids::{ChatId, UserId};
use domu::realtime::{HubCounts, LiveCounts};
use domu::services::Services;
use sea_orm::DatabaseConnection;
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, watch};

use super::plan::Bounds;
use crate::support::client::PATIENCE;
use crate::support::{postgres, server, sqlite_file};

/// People in every world; plans use the first of them.
pub const PEOPLE: usize = 6;

/// The people, their sessions and chats: made once for a process, and copied for each run.
pub struct Cast {
    pub ids: Vec<UserId>,
    pub tokens: Vec<String>,
    pub room: ChatId,
    pub pairs: BTreeMap<(usize, usize), ChatId>,
    config: Config,
    directory: TempDir,
}

static CAST: OnceCell<Cast> = OnceCell::const_new();

impl Cast {
    /// The one of this process.
    pub async fn find() -> &'static Self {
        CAST.get_or_init(Self::make).await
    }

    async fn make() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::copy(server::sqlite_template().await, sqlite_file(directory.path())).expect("a copy of the template");
        let config = server::settings(directory.path());
        let house = app::start(config.clone(), server::setup(&Clock::System)).await.expect("a server").house;
        let crowd = Crowd { rooms: 1, members: PEOPLE, groups: 0, history: 5 };
        let (room, tokens) = house.crowd(crowd).await.expect("a crowd").remove(0);
        let mut pairs = BTreeMap::new();
        for one in 0..PEOPLE {
            for other in one + 1..PEOPLE {
                let opened = house.services.chat.open_pair(room.people[one], room.people[other], "match").await;
                pairs.insert((one, other), opened.expect("a chat"));
            }
        }
        assert_eq!(house.stop().await, Report::default());
        Self {
            tokens: tokens.iter().map(|token| token.expose_secret().to_owned()).collect(),
            room: room.chats[0],
            ids: room.people,
            pairs,
            config,
            directory,
        }
    }
}

/// What went wrong in any task of any server of this process; a run takes what is its own.
pub fn panics() -> Vec<String> {
    static HEARD: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() == Some(THREADS) {
                HEARD.lock().expect("panics").push(panic.to_string());
            }
            before(panic);
        }));
    });
    std::mem::take(&mut *HEARD.lock().expect("panics"))
}

/// What threads of servers are called.
const THREADS: &str = "sim-server";

struct Alive {
    runtime: Runtime,
    running: Running,
    /// Tasks of the doors when nobody is there.
    tasks: usize,
}

/// The server of one run.
pub struct World {
    pub cast: &'static Cast,
    /// Where the server is; none while there is none.
    pub address: watch::Sender<Option<SocketAddr>>,
    /// How often it has died.
    pub deaths: watch::Sender<u64>,
    /// Which fault there is: 0 none, 1 the disk is full, 2 the database is held.
    pub fault: Arc<AtomicU64>,
    config: Config,
    alive: Option<Alive>,
    held: Option<DatabaseConnection>,
    _directory: TempDir,
}

impl World {
    /// A running server on a fresh copy of the world.
    pub async fn make(bounds: &Bounds) -> Result<Self, String> {
        let cast = Cast::find().await;
        let directory = tempfile::tempdir().expect("a directory");
        for entry in std::fs::read_dir(cast.directory.path()).expect("the world").flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                std::fs::copy(entry.path(), directory.path().join(entry.file_name())).expect("a copy");
            }
        }
        let mut config = cast.config.clone();
        config.data_dir = directory.path().to_owned();
        bounds.apply(&mut config);
        let mut world = Self {
            cast,
            address: watch::Sender::new(None),
            deaths: watch::Sender::new(0),
            fault: Arc::default(),
            config,
            alive: None,
            held: None,
            _directory: directory,
        };
        world.start().await?;
        Ok(world)
    }

    /// The services of the server, if there is one, and the runtime they live in.
    pub fn services(&self) -> Option<(tokio::runtime::Handle, Arc<Services>)> {
        let alive = self.alive.as_ref()?;
        Some((alive.runtime.handle().clone(), Arc::clone(&alive.running.house.services)))
    }

    /// Starts it. A fault that keeps it from starting is mended first, as an operator would.
    pub async fn start(&mut self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name(THREADS)
                .enable_all()
                .build()
                .expect("a runtime");
            let starting = app::start(self.config.clone(), server::setup(&Clock::System));
            match runtime.spawn(Box::pin(starting)).await {
                Ok(Ok(running)) => {
                    let tasks = running.house.services.supervisor.alive();
                    self.address.send_replace(Some(running.addr));
                    self.alive = Some(Alive { runtime, running, tasks });
                    return Ok(());
                }
                Ok(Err(error)) => {
                    end(runtime, ()).await;
                    if self.fault.load(Ordering::Relaxed) == 0 && began.elapsed() > PATIENCE {
                        return Err(format!("the server did not start again: {error:#}"));
                    }
                    self.mend().await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(error) => return Err(format!("starting the server panicked: {error}")),
            }
        }
    }

    /// Stops it in order.
    pub async fn stop(&mut self) -> Result<(), String> {
        let Some(Alive { runtime, running, .. }) = self.alive.take() else { return Ok(()) };
        self.address.send_replace(None);
        let stopped = runtime.spawn(running.house.stop()).await;
        end(runtime, ()).await;
        match stopped {
            Ok(report) if report == Report::default() => Ok(()),
            Ok(report) => Err(format!("the server left something behind: {report:?}")),
            Err(error) => Err(format!("stopping the server panicked: {error}")),
        }
    }

    /// Ends it in the middle of everything: its tasks are dropped where they are, and its sockets with them.
    pub async fn kill(&mut self) {
        let Some(Alive { runtime, running, .. }) = self.alive.take() else { return };
        self.address.send_replace(None);
        end(runtime, running).await;
        self.deaths.send_modify(|deaths| *deaths += 1);
        // A commit that SQLite's thread had begun is over before anybody starts again, as it is when a process has died.
        if self.held.is_none() {
            let database = self.database().await;
            postgres::run(&database, "PRAGMA busy_timeout = 20000").await;
            postgres::run(&database, "BEGIN IMMEDIATE").await;
            postgres::run(&database, "ROLLBACK").await;
            database.close().await.expect("a closed connection");
        }
    }

    // ------------------------------------------------------------ faults

    /// No file grows any more. A limit on the size of files stands in for a full disk, for this whole process.
    pub async fn fill_disk(&mut self) {
        self.mend().await;
        let mut log = sqlite_file(&self.config.data_dir).into_os_string();
        log.push("-wal");
        let length = std::fs::metadata(log).map_or(0, |file| file.len());
        limit_files(length.max(4096));
        self.fault.store(1, Ordering::Relaxed);
    }

    /// Somebody's tool holds the database.
    pub async fn lock(&mut self) {
        self.mend().await;
        let database = self.database().await;
        postgres::run(&database, "PRAGMA busy_timeout = 20000").await;
        postgres::run(&database, "BEGIN IMMEDIATE").await;
        self.held = Some(database);
        self.fault.store(2, Ordering::Relaxed);
    }

    /// There is no fault any more.
    pub async fn mend(&mut self) {
        limit_files(u64::MAX);
        if let Some(database) = self.held.take() {
            postgres::run(&database, "ROLLBACK").await;
            database.close().await.expect("a closed connection");
        }
        self.fault.store(0, Ordering::Relaxed);
    }

    /// The database, beside the server.
    pub async fn database(&self) -> DatabaseConnection {
        postgres::connect(&format!("sqlite://{}", sqlite_file(&self.config.data_dir).display())).await
    }

    /// What is left when everybody has gone: nothing.
    pub async fn empties(&self, patience: Duration) -> Vec<String> {
        let Some(alive) = &self.alive else { return vec!["there is no server".into()] };
        let services = &alive.running.house.services;
        let left = || {
            let mut left = Vec::new();
            let (hub, live) = (services.hub.counts(), services.live.counts());
            if hub != HubCounts::default() {
                left.push(format!("the hub still holds {hub:?}"));
            }
            if live != LiveCounts::default() {
                left.push(format!("of what is live there is still {live:?}"));
            }
            if services.hub.waiting_bytes() != 0 {
                left.push(format!("{} bytes still wait in outboxes", services.hub.waiting_bytes()));
            }
            if services.supervisor.alive() != alive.tasks {
                left.push(format!("{} tasks where there were {}", services.supervisor.alive(), alive.tasks));
            }
            left
        };
        let began = Instant::now();
        while !left().is_empty() && began.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        left()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        limit_files(u64::MAX);
        if let Some(Alive { runtime, running, .. }) = self.alive.take() {
            runtime.shutdown_background();
            drop(running);
        }
    }
}

/// Ends a runtime with everything in it, and what lived in it after that.
async fn end<T: Send + 'static>(runtime: Runtime, lived: T) {
    let ended = tokio::task::spawn_blocking(move || {
        runtime.shutdown_timeout(PATIENCE);
        drop(lived);
    });
    ended.await.expect("the end of a runtime");
}

/// Limits how large files of this process can grow. The signal that comes with it is taken and means nothing.
fn limit_files(bytes: u64) {
    static SIGNAL: std::sync::Once = std::sync::Once::new();
    const SIGXFSZ: i32 = 25;
    SIGNAL.call_once(|| {
        let kind = tokio::signal::unix::SignalKind::from_raw(SIGXFSZ);
        let _taken_for_good = tokio::signal::unix::signal(kind).expect("a signal that can be taken");
    });
    let (_, most) = rlimit::getrlimit(rlimit::Resource::FSIZE).expect("the limit of files");
    rlimit::setrlimit(rlimit::Resource::FSIZE, bytes.min(most), most).expect("a limit of files");
}

impl Bounds {
    fn apply(&self, config: &mut Config) {
        let limits = &mut config.limits;
        limits.window_messages = self.window_messages;
        limits.window_chats_max = self.window_chats;
        limits.resume_events_max = self.resume_events;
        limits.resume_total_max = self.resume_total;
        limits.history_page_max = self.history_page;
        limits.user_events_max = self.user_events;
        limits.joining_frames_max = self.joining_frames;
        limits.outbox_frames_max = self.outbox_frames;
        limits.outbox_bytes_max = self.outbox_bytes;
        limits.commit_batch_max = self.commit_batch;
        limits.commit_queue_max = self.commit_queue;
        limits.fanout_queue_max = self.fanout_queue;
        limits.requests_in_flight_max = self.in_flight;
        limits.store_timeout = Duration::from_millis(self.store_timeout_ms);
        limits.sockets_per_user_max = 1_000;
        limits.socket_errors_max = 10_000;
        limits.socket_refusals_max = 10_000;
        for rate in [
            &mut limits.focus_per_minute,
            &mut limits.signals_per_minute,
            &mut limits.syncs_per_minute,
            &mut limits.group_changes_per_hour,
            &mut limits.edits_per_minute,
            &mut limits.connects_per_second,
            &mut limits.connects_burst,
            &mut limits.sockets_per_address_per_minute,
        ] {
            *rate = 1_000_000;
        }
        // Nobody waits for what is over.
        limits.presence_linger = Duration::from_millis(20);
        limits.typing_ttl = Duration::from_millis(50);
        limits.visible_lease = Duration::from_millis(200);
        limits.search_lag = Duration::from_millis(5);
        limits.close_timeout = Duration::from_millis(100);
    }
}

/// Whether a limit on files meets this process alone, which is so where every test has its own.
pub fn alone() -> bool {
    std::env::var_os("NEXTEST").is_some() || std::env::var_os("DOMU_SIM_SEEDS").is_some()
}

/// Where failing plans are written.
pub fn plans() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}
