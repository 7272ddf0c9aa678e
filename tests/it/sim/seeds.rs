//! Many seeds: in two halves, because a test is a process and the machine has more than one core.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::plan::{KINDS, Plan};
use super::run::{self, Ran};
use super::{shrink, world};

/// Seeds of a usual run, both halves together, and of a full one.
const SEEDS: (u64, u64) = (200, 2_000);
/// Enough seeds for everything to have happened.
const ENOUGH: u64 = 100;

/// What must have been met besides the steps themselves, or nothing was tried by them.
const MET: &[&str] = &[
    "connects",
    "replays",
    "snapshots: fresh",
    "snapshots: too_long",
    "snapshots: epoch",
    "snapshots: ahead",
    "user stream recovered: full",
    "user stream recovered: none",
    "close 1006",
    "close 4200",
    "close 4202",
    "answered as known",
    "unavailable with a held database",
];

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

fn plans(folder: &str) -> Vec<(PathBuf, Plan)> {
    let mut found: Vec<_> = std::fs::read_dir(folder).expect(folder).flatten().map(|entry| entry.path()).collect();
    found.sort();
    found.into_iter().filter(|path| path.extension().is_some_and(|end| end == "json")).map(read).collect()
}

fn read(path: PathBuf) -> (PathBuf, Plan) {
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let plan = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (path, plan)
}

/// Does a plan once. What hangs is a fault as well.
async fn once(plan: &Plan) -> Ran {
    const LONGEST: Duration = Duration::from_secs(150);
    match tokio::time::timeout(LONGEST, run::run(plan)).await {
        Ok(ran) => ran,
        Err(_) => Ran { faults: vec![format!("it did not end within {LONGEST:?}")], ..Ran::default() },
    }
}

/// Writes a plan down where it outlives the test.
fn keep(plan: &Plan, name: &str) -> PathBuf {
    let path = world::plans().join(format!("sim-{}{name}.json", plan.seed));
    std::fs::write(&path, serde_json::to_string_pretty(plan).expect("JSON")).expect("a file for a plan");
    path
}

/// Writes the plan down, makes it shorter, and says how to do it again.
async fn fail(plan: &Plan, faults: &[String]) -> ! {
    let whole = keep(plan, "");
    let shown = faults[..faults.len().min(12)].join("\n  ");
    println!("seed {} fails with {} faults, the first of them:\n  {shown}", plan.seed, faults.len());
    println!("its plan is {}; making it shorter", whole.display());
    let (short, faults) = shrink::shrink(plan, Duration::from_secs(setting("DOMU_SIM_SHRINK").unwrap_or(120))).await;
    let path = if short == *plan { whole } else { keep(&short, "-short") };
    let shown = if faults.is_empty() { shown } else { faults[..faults.len().min(12)].join("\n  ") };
    panic!(
        "seed {}: {} of {} steps still fail:\n  {shown}\nagain: DOMU_SIM_PLAN={} DOMU_SIM_TIMES=20 cargo nextest run --config-file \
         tests/nextest.toml --no-capture sim::seeds::a_plan",
        plan.seed,
        short.steps.len(),
        plan.steps.len(),
        path.display()
    );
}

async fn half(which: u64) {
    let usual = if crate::support::full_run() { SEEDS.1 } else { SEEDS.0 };
    let (count, from) = (setting("DOMU_SIM_SEEDS").unwrap_or(usual), setting("DOMU_SIM_FROM").unwrap_or(0));
    let began = Instant::now();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let (mut done, mut slowest) = (0, (Duration::ZERO, 0));
    for seed in (from..from + count).filter(|seed| seed % 2 == which) {
        let plan = Plan::grow(seed);
        // A panic that ends the process leaves at least this behind.
        let running = keep(&plan, "-running");
        let started = Instant::now();
        let ran = once(&plan).await;
        slowest = slowest.max((started.elapsed(), seed));
        if setting("DOMU_SIM_TALK").is_some() {
            println!("seed {seed} with {} steps took {:?}: {:?}", plan.steps.len(), started.elapsed(), ran.times);
        }
        if !ran.faults.is_empty() {
            fail(&plan, &ran.faults).await;
        }
        std::fs::remove_file(running).expect("the plan of a seed that is done");
        for (what, times) in ran.counts {
            *counts.entry(what).or_default() += times;
        }
        done += 1;
    }
    let took = began.elapsed();
    println!(
        "{done} seeds from {from} in {took:.1?}, {:.0?} each, slowest {:?} with seed {}",
        took / done.max(1),
        slowest.0,
        slowest.1
    );
    for (what, times) in &counts {
        println!("{times:8}  {what}");
    }
    if u64::from(done) * 2 >= ENOUGH {
        let full = world::alone().then_some("unavailable with a full disk");
        let never: Vec<_> =
            KINDS.iter().chain(MET).copied().chain(full).filter(|what| !counts.contains_key(*what)).collect();
        assert!(never.is_empty(), "these never happened, so nothing was tried by them: {never:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn even() {
    half(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd() {
    half(1).await;
}

/// Plans that have found something once find it no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_that_failed_once() {
    for (path, plan) in plans(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/sim/plans")) {
        for _ in 0..3 {
            let ran = once(&plan).await;
            assert!(ran.faults.is_empty(), "{}: {:#?}", path.display(), ran.faults);
        }
        println!("{} holds", path.display());
    }
}

/// `DOMU_SIM_PLAN=FILE` does one plan again, `DOMU_SIM_TIMES` times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan() {
    let Some(path) = std::env::var_os("DOMU_SIM_PLAN") else { return };
    let (path, plan) = read(path.into());
    for time in 1..=setting("DOMU_SIM_TIMES").unwrap_or(1) {
        let ran = once(&plan).await;
        assert!(ran.faults.is_empty(), "{}, time {time}: {:#?}", path.display(), ran.faults);
    }
    println!("{} holds", path.display());
}
