//! `kill -9` at random instants while twenty people write and six read; then everything is read back and judged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::checker::{self, Evidence};
use super::crew::{self, Orders};
use super::world::{PEOPLE, SETTINGS, World};
use crate::support::Db;
use crate::support::chance::Chance;
use crate::support::people;
use crate::support::postgres::{PgDatabase, Shared};
use crate::support::process::Launch;

/// How much is enough.
struct Bar {
    kills: u64,
    acked: u64,
    /// The longest a life lasts before it is ended.
    life: Duration,
}

impl Bar {
    fn of_this_run() -> Self {
        if crate::support::full_run() {
            Self { kills: 200, acked: 3_000_000, life: Duration::from_secs(15) }
        } else {
            Self { kills: 50, acked: 0, life: Duration::from_millis(1200) }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lose_nothing_on_sqlite() {
    kill_again_and_again(Db::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lose_nothing_on_postgres() {
    kill_again_and_again(Db::Postgres).await;
}

async fn kill_again_and_again(db: Db) {
    let seed = Chance::seed();
    println!("seed {seed} (DOMU_TEST_SEED={seed} makes the same plan again)");
    let chance = Chance::new(seed);
    let directory = tempfile::tempdir().expect("a directory");
    let database = match db {
        Db::Sqlite => None,
        Db::Postgres => Some(PgDatabase::create(Shared::find(), None).await),
    };
    let mut launch = Launch::serve(&directory.path().join("data"));
    launch.settings = SETTINGS.into();
    launch.database_url = database.as_ref().map(PgDatabase::url);

    let began = Instant::now();
    let server = launch.start();
    let world = Arc::new(World::make(server.address, &launch).await);
    println!("{PEOPLE} people signed up, verified and in {} chats in {:?}", world.chats.len(), began.elapsed());

    let (tell_address, address) = watch::channel(Some(server.address));
    let (tell_heads, heads) = watch::channel(None);
    let orders = Arc::new(Orders { address, finish: AtomicBool::new(false), heads, acked: AtomicU64::new(0) });
    let writers: Vec<_> = (0..PEOPLE)
        .map(|index| {
            tokio::spawn(crew::write(index, Arc::clone(&world), Arc::clone(&orders), chance.branch(u64::from(index))))
        })
        .collect();
    let readers: Vec<_> = [0, 3, 6, 9, 12, 15]
        .map(|index| {
            tokio::spawn(crew::read(
                index,
                Arc::clone(&world),
                Arc::clone(&orders),
                chance.branch(100 + u64::from(index)),
            ))
        })
        .into();

    let bar = Bar::of_this_run();
    let began = Instant::now();
    let (killed, recovered_in) = reap(&bar, &launch, server, &tell_address, &orders, chance.branch(1000)).await;
    let wrote_for = began.elapsed();

    // The last life: everything is answered, everybody reads to the end.
    let mut server = launch.start();
    tell_address.send_replace(Some(server.address));
    orders.finish.store(true, Ordering::Relaxed);
    let mut evidence = Evidence::default();
    let (mut retried, mut dup_answers, mut lives) = (0, 0, 0);
    for writer in writers {
        let diary = writer.await.expect("a writer").unwrap_or_else(|fault| panic!("{fault}"));
        retried += diary.retried;
        dup_answers += diary.dup_answers;
        lives += diary.lives;
        evidence.submitted.extend(diary.submitted);
        evidence.acked.extend(diary.acked);
        evidence.epochs.extend(diary.epochs);
    }
    let mut heads = BTreeMap::new();
    for chat in 0..PEOPLE {
        let mut client = people::connect(server.address, &world.people[usize::from(chat)]).await;
        client.follows = false;
        let log = world.read_back(&mut client, chat).await;
        heads.insert(chat, log.last().map_or(0, |event| event.seq));
        evidence.logs.insert(chat, log);
        client.leave().await;
    }
    tell_heads.send_replace(Some(heads));
    for reader in readers {
        let (readings, epochs) = reader.await.expect("a reader").unwrap_or_else(|fault| panic!("{fault}"));
        evidence.readings.extend(readings);
        evidence.epochs.extend(epochs);
    }
    server.terminate();
    assert!(server.ended().success(), "the last life should end in order; it said:\n{}", server.log());
    evidence.rows =
        world.rows(&launch.database_url.clone().unwrap_or_else(|| World::sqlite_url(&launch.data_dir))).await;

    let acked = orders.acked.load(Ordering::Relaxed);
    println!(
        "{db:?}: {killed} kills, {acked} acknowledged, {} submitted, {retried} repeated, {dup_answers} answered as known, {lives} socket lives",
        evidence.submitted.len()
    );
    println!(
        "{:.0} acknowledged a second over {:.0} s of dying; from kill to the next answer: median {:?}, longest {:?}",
        f64::from(u32::try_from(acked).unwrap_or(u32::MAX)) / wrote_for.as_secs_f64(),
        wrote_for.as_secs_f64(),
        recovered_in[recovered_in.len() / 2],
        recovered_in[recovered_in.len() - 1]
    );
    println!(
        "judged: {} events of {} chats, {} rows, {} readings",
        evidence.logs.values().map(Vec::len).sum::<usize>(),
        evidence.logs.len(),
        evidence.rows.len(),
        evidence.readings.len()
    );

    assert!(killed >= bar.kills && acked >= bar.acked, "too little happened to prove anything");
    assert!(retried > 0, "no death ever met a message on its way, so nothing was tried");
    if let Some(database) = database {
        database.remove().await;
    }
    let faults = checker::check(&evidence);
    assert!(
        faults.is_empty(),
        "seed {seed}: {} broken promises, the first of them: {:#?}",
        faults.len(),
        &faults[..faults.len().min(20)]
    );
}

/// Kills and restarts until the bar is reached. Returns the kills, and how long each recovery took, sorted.
async fn reap(
    bar: &Bar,
    launch: &Launch,
    server: crate::support::process::ServerProcess,
    tell_address: &watch::Sender<Option<std::net::SocketAddr>>,
    orders: &Orders,
    mut chance: Chance,
) -> (u64, Vec<Duration>) {
    let mut killed = 0;
    let mut recovered_in = Vec::new();
    let mut server = Some(server);
    loop {
        let life =
            Duration::from_micros(chance.within(1000, u64::try_from(bar.life.as_micros()).expect("a short life")));
        tokio::time::sleep(life).await;
        let before = orders.acked.load(Ordering::Relaxed);
        if let Some(server) = server.take() {
            tell_address.send_replace(None);
            server.kill();
            killed += 1;
        }
        let died = Instant::now();
        let acked = orders.acked.load(Ordering::Relaxed);
        if killed >= bar.kills && acked >= bar.acked {
            recovered_in.sort();
            return (killed, recovered_in);
        }
        let mut seen = acked.max(before);
        if chance.once_in(8) {
            // Some deaths come while the server is still getting up.
            let moment = Duration::from_millis(chance.within(0, 150));
            launch.start_and_kill_after(moment);
            killed += 1;
        }
        let restarted = tokio::task::block_in_place(|| launch.start());
        tell_address.send_replace(Some(restarted.address));
        // Answers of the dead server that were still in a socket's buffer do not count as recovery.
        let listening = Instant::now();
        while orders.acked.load(Ordering::Relaxed) <= seen {
            assert!(
                listening.elapsed() < Duration::from_secs(60),
                "nobody was answered for a minute after a restart; the server said:\n{}",
                restarted.log()
            );
            if listening.elapsed() < Duration::from_millis(2) {
                seen = orders.acked.load(Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        recovered_in.push(died.elapsed());
        server = Some(restarted);
    }
}
