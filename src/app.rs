//! The composition root: builds store, hub, services and tasks, runs them, and takes them down in order.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::accounts::{self, Accounts, Device, HashCost};
use crate::admin::{self, Admin};
use crate::chat::{Behind, Chat, Committer, Deliverer, Indexer, Touched, View};
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::demo::crowd::{self, Crowd, Room};
use crate::demo::{Demo, Size, seed_sized};
use crate::jobs::{self, Job, Jobs, catalogue};
use crate::mail::{MailWorker, Post, WorkerParts};
use crate::matchmaking::{self, Matchmaking};
use crate::onboarding::Onboarding;
use crate::protocol::codes::Close;
use crate::ratelimit::RateLimits;
use crate::realtime::{Admission, AdmissionLimits, Flusher, Hub, HubCounts, Lifetimes, Live, LiveCounts, OutboxLimits};
use crate::seal::Seal;
use crate::services::{Services, StoreHealth};
use crate::store::{Here, Store};
use crate::supervise::Supervisor;
use crate::telemetry::Telemetry;

/// How often the epoch's watermark is mirrored beside the database.
const MIRROR_INTERVAL: Duration = Duration::from_secs(30);
/// How often rate limits that are fresh again are forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// A house with everything in it, whether or not its doors are open.
pub struct House {
    /// What edges call.
    pub services: Arc<Services>,
    store: Store,
    /// Ends the tasks behind the doors, after the doors are closed.
    inner: Supervisor,
}

/// A running server.
pub struct Running {
    /// The address it listens on.
    pub addr: SocketAddr,
    /// The house behind it.
    pub house: House,
}

/// What was left when a server had stopped; all zero when it stopped cleanly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Tasks that did not end in time.
    pub tasks_left: usize,
    /// What the hub still held.
    pub hub: HubCounts,
    /// What was still held of what is live.
    pub live: LiveCounts,
}

/// What the configuration does not say.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The time.
    pub clock: Clock,
    /// The price of a password hash: cheaper in tests only.
    pub hash_cost: HashCost,
    /// The address that links in mails begin with; None: the configuration's.
    pub base_url: Option<String>,
    /// What the demo's world grows from.
    pub demo_seed: u64,
    /// How large the demo's world is.
    pub demo_size: Size,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            clock: Clock::System,
            hash_cost: HashCost::STANDARD,
            base_url: None,
            demo_seed: 1,
            demo_size: Size::Small,
        }
    }
}

/// Builds everything but the doors.
///
/// # Errors
/// The store cannot be opened or migrated, with what to do about it.
pub async fn build(config: Config, setup: Setup) -> anyhow::Result<House> {
    let Setup { clock, hash_cost, base_url, demo_seed, demo_size } = setup;
    let config = Arc::new(config);
    let limits = Arc::new(config.limits.clone());
    let store = Store::open(&config).await.context("opening the store")?;
    prepare(&config, &store).await?;
    let (supervisor, inner) = (Supervisor::default(), Supervisor::default());
    let stop = inner.stopping().clone();
    let admission = admission(&limits);
    let (hub, live) = sockets(&limits, &clock, &inner);
    let (committer, behind, touched) = events((&store, &clock, &inner), &limits, (&hub, &live));
    inner.spawn("epoch-mirror", mirror(store.clone(), stop.clone()));
    let rates = Arc::new(RateLimits::new(&limits, clock.clone()));
    inner.spawn("rate-sweep", sweep(Arc::clone(&rates), stop.clone()));
    let seal = Seal::new(&config.data_key)?;
    let post = Post::new(seal.clone());
    let windows = Arc::clone(&hub);
    spawn_mail(&config, (&store, &clock, &inner), (&post, base_url), Arc::new(move |user| windows.is_here(user)))?;
    let accounts = Accounts::new(accounts::Parts {
        store: store.clone(),
        limits: Arc::clone(&limits),
        clock: clock.clone(),
        supervisor: inner.clone(),
        rates: Arc::clone(&rates),
        committer: committer.clone(),
        hub: Arc::clone(&hub),
        seal: seal.clone(),
        post,
        hash_cost,
    })?;
    accounts.spawn_upkeep();
    let (chat_store, chat_live, to_chat) = (store.clone(), Arc::clone(&live), committer.clone());
    let chat = Chat::new(chat_store, chat_live, to_chat, Arc::clone(&rates), Arc::clone(&limits), clock.clone());
    let parts = matchmaking::Parts {
        store: store.clone(),
        hub: Arc::clone(&hub),
        committer: committer.clone(),
        chat: chat.clone(),
        touched,
        rates: Arc::clone(&rates),
        limits: Arc::clone(&limits),
        clock: clock.clone(),
    };
    let (onboarding, matchmaking) = suggestions(parts, &inner);
    let admin = Admin::new(admin::Parts {
        store: store.clone(),
        limits: Arc::clone(&limits),
        clock: clock.clone(),
        supervisor: inner.clone(),
        rates: Arc::clone(&rates),
        committer,
        hub: Arc::clone(&hub),
        seal,
        accounts: accounts.clone(),
        chat: chat.clone(),
        matchmaking: matchmaking.clone(),
        shared_secret: config.admin_shared_secret.clone(),
    });
    let work = catalogue::jobs(&accounts, &admin, (&onboarding, &matchmaking));
    let jobs = scheduler(&config, (&store, &clock, &inner), work).await?;
    inner.spawn("last seen", note_seen(chat.clone(), limits.seen_interval, stop.clone()));
    let telemetry = Telemetry::install();
    telemetry.keep_up(&inner);
    let demo = demo(&config, &store, &clock, (demo_seed, demo_size)).await?;
    inner.spawn("search index", Indexer { store: store.clone(), behind, lag: limits.search_lag }.run(stop));
    let services = Services {
        demo,
        telemetry,
        limits,
        supervisor,
        rates,
        admission,
        hub,
        live,
        accounts,
        admin,
        chat,
        onboarding,
        matchmaking,
        jobs,
        store_health: StoreHealth::new(store.clone()),
        started_at: clock.now(),
        config,
        clock,
    };
    Ok(House { services: Arc::new(services), store, inner })
}

/// The questionnaire and the suggestions, which follow it until the stop.
fn suggestions(parts: matchmaking::Parts, inner: &Supervisor) -> (Onboarding, Matchmaking) {
    let onboarding = Onboarding {
        store: parts.store.clone(),
        chat: parts.chat.clone(),
        touched: Arc::clone(&parts.touched),
        rates: Arc::clone(&parts.rates),
        clock: parts.clock.clone(),
    };
    let matchmaking = Matchmaking::new(parts);
    inner.spawn("suggestions", matchmaking.keeper().follow(inner.stopping().clone()));
    (onboarding, matchmaking)
}

/// Who is let in, and how fast.
fn admission(limits: &Limits) -> Admission {
    Admission::new(AdmissionLimits {
        per_second: limits.connects_per_second,
        burst: limits.connects_burst,
        at_once: limits.connects_at_once,
        slot_max: limits.connect_slot_max,
        slots_per_address_max: limits.connections_per_address_max,
    })
}

/// What every task has.
type Base<'a> = (&'a Store, &'a Clock, &'a Supervisor);

/// Who puts events in order, and who delivers them: it notes which chats are behind in the search and whose answers were
/// touched.
fn events(
    (store, clock, inner): Base<'_>,
    limits: &Arc<Limits>,
    (hub, live): (&Arc<Hub>, &Arc<Live>),
) -> (Committer, Arc<Behind>, Arc<Touched>) {
    let (to_fanout, fanout) = mpsc::channel(limits.fanout_queue_max);
    let (behind, touched) = (Arc::new(Behind::default()), Arc::new(Touched::default()));
    let deliverer = Deliverer {
        hub: Arc::clone(hub),
        live: Arc::clone(live),
        view: View { store: store.clone(), limits: Arc::clone(limits) },
        behind: Arc::clone(&behind),
        touched: Arc::clone(&touched),
    };
    inner.spawn_vital("fan-out", deliverer.run(fanout));
    let stop = inner.stopping().clone();
    let (committer, work) = Committer::new(store.clone(), to_fanout, Arc::clone(limits), clock.clone(), stop);
    inner.spawn_vital("committer", work);
    (committer, behind, touched)
}

/// Begins to send mails; `here` says who needs none because they look.
fn spawn_mail(
    config: &Config,
    (store, clock, supervisor): Base<'_>,
    (post, base_url): (&Post, Option<String>),
    here: Here,
) -> anyhow::Result<()> {
    let worker = WorkerParts {
        store: store.clone(),
        post: post.clone(),
        clock: clock.clone(),
        here,
        limits: Arc::new(config.limits.clone()),
        base_url,
    };
    MailWorker::new(config, worker)?.spawn(supervisor);
    Ok(())
}

/// The scheduler, with what was cut short before noted.
async fn scheduler(config: &Config, (store, clock, supervisor): Base<'_>, scheduled: Vec<Job>) -> anyhow::Result<Jobs> {
    let parts = jobs::Parts {
        store: store.clone(),
        limits: Arc::new(config.limits.clone()),
        clock: clock.clone(),
        supervisor: supervisor.clone(),
    };
    let jobs = Jobs::new(config, parts, scheduled)?;
    jobs.recover().await.context("noting which runs of jobs were cut short")?;
    Ok(jobs)
}

/// The demo's world, seeded, where there is to be one.
async fn demo(
    config: &Config,
    store: &Store,
    clock: &Clock,
    (seed, size): (u64, Size),
) -> anyhow::Result<Option<Demo>> {
    if !config.demo {
        return Ok(None);
    }
    let world = seed_sized(store, clock, seed, size, config.limits.chats_per_user_max).await;
    Ok(Some(Demo::new(world.context("seeding the demo's world")?.people())?))
}

/// Who holds a socket, and who is here, with the tasks that keep both.
fn sockets(limits: &Limits, clock: &Clock, inner: &Supervisor) -> (Arc<Hub>, Arc<Live>) {
    let stop = inner.stopping();
    let flusher = Flusher::new(OutboxLimits::of(limits), limits.outbox_total_bytes_max);
    inner.spawn_vital("flusher", Arc::clone(&flusher).run(stop.clone()));
    let hub = Arc::new(Hub::new(flusher, limits.sockets_per_user_max, limits.joining_frames_max));
    inner.spawn("stalled-readers", Arc::clone(&hub).watch_stalled(stop.clone()));
    let live = Arc::new(Live::new(Arc::clone(&hub), clock.clone(), Lifetimes::of(limits)));
    inner.spawn("live", Arc::clone(&live).run(stop.clone()));
    (hub, live)
}

/// Brings the schema up to date, or says how.
async fn prepare(config: &Config, store: &Store) -> anyhow::Result<()> {
    let pending = store.pending_migrations().await.context("reading the schema")?;
    if pending.is_empty() {
        return Ok(());
    }
    anyhow::ensure!(
        store.is_embedded() || config.auto_migrate,
        "the database lacks {} migrations ({}): run `domu migrate up`, or set AUTO_MIGRATE=true",
        pending.len(),
        pending.join(", ")
    );
    store.migrate().await.context("migrating the schema")?;
    Ok(())
}

async fn mirror(store: Store, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep(MIRROR_INTERVAL) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = store.mirror_epoch().await {
            tracing::warn!(error = %error, "the epoch could not be mirrored");
        }
    }
}

async fn sweep(rates: Arc<RateLimits>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            () = stop.cancelled() => return,
        }
        rates.sweep();
    }
}

/// Patience with each last step of a stop when `drain_timeout` is over.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

async fn note_seen(chat: Chat, interval: Duration, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = stop.cancelled() => {}
        }
        if let Err(error) = chat.note_seen().await {
            tracing::warn!(error = %error, "when people last looked could not be noted");
        }
    }
}

/// Descriptors kept for the database, files and mail.
const DESCRIPTORS_KEPT: u64 = 256;

/// Lowers the cap of connections to what the process may open, and says how to raise it.
fn fit_descriptors(config: &mut Config) {
    let Ok((may, _)) = rlimit::getrlimit(rlimit::Resource::NOFILE) else { return };
    let fits = usize::try_from(may.saturating_sub(DESCRIPTORS_KEPT)).unwrap_or(usize::MAX).max(1);
    if fits < config.limits.connections_max {
        tracing::warn!(
            connections_max = fits,
            wanted = config.limits.connections_max,
            descriptors = may,
            "fewer connections than configured: raise the descriptor limit (LimitNOFILE in systemd, ulimit -n in a shell)"
        );
        config.limits.connections_max = fits;
    }
}

/// Builds the house and opens its doors.
///
/// # Errors
/// What [`build`] says, or the address cannot be listened on.
pub async fn start(mut config: Config, mut setup: Setup) -> anyhow::Result<Running> {
    fit_descriptors(&mut config);
    let listen = config.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening on {listen}: is another server running there? Choose with --listen"))?;
    let addr = listener.local_addr().context("reading the listening address")?;
    if setup.base_url.is_none() && config.public_url.is_none() {
        setup.base_url = Some(format!("http://{addr}"));
    }
    let house = build(config, setup).await?;
    let services = Arc::clone(&house.services);
    services.jobs.spawn();
    house.services.supervisor.spawn("http", crate::http::serve(services, listener));
    Ok(Running { addr, house })
}

impl House {
    /// Seeds people for `domu bench`, in an empty database, and signs each of them in; each gets a session of the kind
    /// browsers have.
    ///
    /// # Errors
    /// There are people already, or the store is away.
    pub async fn crowd(&self, crowd: Crowd) -> anyhow::Result<Vec<(Room, Vec<SecretString>)>> {
        let services = &self.services;
        let rooms = crowd::seed(&self.store, &services.clock, crowd).await.context("seeding a crowd")?;
        let mut signed_in = Vec::with_capacity(rooms.len());
        for room in rooms {
            let mut tokens = Vec::with_capacity(room.people.len());
            for person in &room.people {
                let device =
                    Device { address: Ipv4Addr::LOCALHOST.into(), user_agent: "bench".to_owned(), browser: None };
                tokens.push(services.accounts.sign_in_demo(*person, device).await?.token);
            }
            signed_in.push((room, tokens));
        }
        Ok(signed_in)
    }

    /// Reports itself as not ready, sends its sockets away, closes the doors, lets everything that was taken be finished,
    /// and closes the store; all of it in `drain_timeout`.
    ///
    /// # Ordering
    /// Sockets are told before any is closed, and each is answered before it is closed.
    pub async fn stop(self) -> Report {
        let (services, limits) = (&self.services, &self.services.limits);
        let deadline = Instant::now() + limits.drain_timeout;
        let left = || deadline.saturating_duration_since(Instant::now()).max(LAST_PATIENCE);
        let spread = services.chat.spread(services.hub.counts().conns);
        tracing::info!(sockets = services.hub.counts().conns, spread_ms = ms(spread), "stopping");
        // Not ready, and no new sockets, from here on.
        services.supervisor.draining().cancel();
        services.admission.shut(limits.drain_notice + spread);
        if services.hub.counts().conns > 0 {
            tokio::time::sleep(limits.drain_notice).await;
        }
        let told = services.chat.farewell(spread);
        let sockets = services.hub.all();
        for conn in &sockets {
            conn.push(&told);
        }
        services.chat.send_away(sockets, spread).await;
        // What was taken by other doors is committed and answered too.
        services.supervisor.stopping().cancel();
        services.chat.settle(left()).await;
        for conn in services.hub.all() {
            conn.close(Close::GoingAway);
        }
        let doors = services.supervisor.shut_down(left()).await;
        let (hub, live) = (services.hub.counts(), services.live.counts());
        let rooms = self.inner.shut_down(left()).await;
        self.store.close().await;
        tracing::info!(tasks_left = doors + rooms, "stopped");
        Report { tasks_left: doors + rooms, hub, live }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
