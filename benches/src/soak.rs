//! `domu bench soak`: many sockets for a long time, with people who come, go, break off and stop reading; the server's memory
//! must stay flat, and nothing may go wrong.
//!
//! # How to read it
//! A line every ten seconds. At the end a line is fitted through the server's memory over the second half, when every cache
//! has had its time to fill: what it rises by in a minute is the verdict, together with the number of errors.

mod member;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::load::hist::Hist;
use crate::load::sys;
use crate::load::words::{Lengths, Words};
use crate::server::{Cores, Server, this_program};
use member::Member;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Sockets; two share a chat.
    pub sockets: usize,
    /// How long.
    pub minutes: f64,
    /// Share of the sockets that end in each second, to come back.
    pub churn: f64,
    /// Seconds between two messages of one person.
    pub every: f64,
    /// What memory may rise by, in MiB a minute.
    pub slope_max: f64,
    /// Stop the server at the end and start it again: everybody must find their way back.
    pub restart: bool,
    /// Print the verdict as JSON.
    pub json: bool,
}

/// Limits that are other than in production, and why.
const LIFTED: &[(&str, &str)] = &[
    // All come from one address, and each comes again and again.
    ("connections_per_address_max", "100000"),
    ("sockets_per_address_per_minute", "1000000"),
    ("sockets_per_user_max", "100"),
];

/// Sockets opened in a second at the beginning.
const OPENED_A_SECOND: f64 = 500.0;
/// How often a line is printed and memory is looked at.
const LINE: Duration = Duration::from_secs(10);
/// Looks at memory in each half at least; shorter runs look more often.
const LOOKS: u32 = 12;
/// Everybody is back so soon after the server was asked to stop.
const BACK_MAX: Duration = Duration::from_secs(30);
/// How long everything may take to be answered at the end.
const LAST_PATIENCE: Duration = Duration::from_secs(60);

/// What all members write into.
struct Scene {
    port: u16,
    options: Options,
    began: Instant,
    words: Mutex<Words>,
    tally: Mutex<Tally>,
    /// Nothing new is said, and nobody leaves.
    quiet: tokio::sync::watch::Receiver<bool>,
    /// Members who have nothing more to say; of all there are.
    settled: AtomicUsize,
    members: usize,
}

#[derive(Default)]
struct Tally {
    here: usize,
    counts: BTreeMap<&'static str, u64>,
    errors: BTreeMap<String, u64>,
    latency: Option<Hist>,
    overall: Option<Hist>,
}

impl Scene {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, what: &'static str) {
        *self.tally().counts.entry(what).or_default() += 1;
    }

    fn error(&self, what: impl Into<String>) {
        *self.tally().errors.entry(what.into()).or_default() += 1;
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn delivered(&self, sent: u64) {
        let took = self.now().saturating_sub(sent);
        let mut tally = self.tally();
        *tally.counts.entry("delivered").or_default() += 1;
        tally.latency.get_or_insert_with(Hist::new).record(took);
        tally.overall.get_or_insert_with(Hist::new).record(took);
    }
}

/// Runs it and prints the verdict. False when memory rose or something went wrong.
///
/// # Errors
/// The server did not start, or ended.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    // A thread of its own: it is kept on one core, and has a runtime of its own.
    std::thread::scope(|scope| {
        let soak = scope.spawn(|| {
            let cores = Cores::find()?;
            sys::raise_nofile();
            sys::pin(cores.client);
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(soak(options, cores))
        });
        soak.join().map_err(|_| anyhow::anyhow!("the soak fell"))?
    })
}

async fn soak(options: &Options, cores: Cores) -> anyhow::Result<bool> {
    let home = tempfile::tempdir().context("making a temporary directory")?;
    let data = home.path().join("data");
    let data = data.to_str().context("the temporary directory has no plain name")?;
    let rooms = options.sockets.div_ceil(2).max(1);
    let mut crowd = this_program()?;
    crowd.args(["bench-part", "crowd", "--members", "2", "--rooms", &rooms.to_string(), "--data-dir", data]);
    crowd.args(["--set", "limits.store_timeout=60", "--set", "limits.request_timeout=70"]);
    let people = crowd.stderr(Stdio::inherit()).output()?;
    ensure!(people.status.success(), "the people could not be made");
    let people: Vec<Value> =
        String::from_utf8(people.stdout)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;

    let mut line: Vec<String> = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data].map(str::to_owned).into();
    line.extend(LIFTED.iter().flat_map(|(name, value)| ["--set".to_owned(), format!("limits.{name}={value}")]));
    let mut server = Server::start(&line, cores.server)?;
    let (quiet, hushed) = tokio::sync::watch::channel(false);
    let scene = Arc::new(Scene {
        port: server.port,
        options: *options,
        began: Instant::now(),
        words: Mutex::new(Words::new(1, Lengths::new(0))),
        tally: Mutex::default(),
        quiet: hushed,
        settled: AtomicUsize::new(0),
        members: people.len(),
    });
    let mut members = Vec::new();
    for (number, person) in people.iter().enumerate() {
        let member = Member::new(number, person, Arc::clone(&scene)).context("reading who there is")?;
        let begins = Duration::from_secs_f64(number as f64 / OPENED_A_SECOND);
        members.push(tokio::spawn(member.live(begins)));
    }

    let length = Duration::from_secs_f64(options.minutes * 60.0);
    let looks = watch(&scene, server.pid(), length).await?;
    if options.restart {
        line[2] = format!("127.0.0.1:{}", server.port);
        server = restart(&scene, server, line, cores).await?;
    }
    quiet.send_replace(true);
    let mut heads: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let last = tokio::time::Instant::now() + LAST_PATIENCE;
    for member in members {
        match tokio::time::timeout_at(last, member).await {
            Ok(Ok((chat, head))) => heads.entry(chat).or_default().push(head),
            Ok(Err(_)) => scene.error("a member fell"),
            Err(_) => scene.error("a member came to no end"),
        }
    }
    for heads in heads.values().filter(|heads| heads.windows(2).any(|two| two[0] != two[1])) {
        scene.error(format!("two who share a chat know different heads, such as {heads:?}"));
    }
    drop(server);
    Ok(verdict(&scene, &looks))
}

/// Prints a line now and then, and looks at the server's memory: seconds and KiB.
async fn watch(scene: &Scene, pid: u32, length: Duration) -> anyhow::Result<Vec<(f64, f64)>> {
    let pause = LINE.min(length / (2 * LOOKS));
    let mut looks = Vec::new();
    let (mut said, mut before) = (Instant::now(), 0);
    println!("   time      RSS  sockets  msgs/s  p50 ms  p99 ms  lives  errors");
    while scene.began.elapsed() < length {
        tokio::time::sleep(pause).await;
        let rss = sys::rss_kib(pid);
        ensure!(rss > 0, "the server has ended");
        looks.push((scene.began.elapsed().as_secs_f64(), rss as f64));
        if said.elapsed() + pause / 2 >= LINE || scene.began.elapsed() >= length {
            let mut tally = scene.tally();
            let delivered = tally.counts.get("delivered").copied().unwrap_or(0);
            let latency = tally.latency.take().unwrap_or_else(Hist::new);
            let ms = |quantile| latency.quantile(quantile) as f64 / 1e6;
            println!(
                "{:5.0} s {:5.1} MB {:8} {:7.0} {:7.1} {:7.1} {:6} {:7}",
                scene.began.elapsed().as_secs_f64(),
                rss as f64 / 1024.0,
                tally.here,
                (delivered - before) as f64 / said.elapsed().as_secs_f64(),
                ms(0.5),
                ms(0.99),
                tally.counts.get("lives").copied().unwrap_or(0),
                tally.errors.values().sum::<u64>(),
            );
            (said, before) = (Instant::now(), delivered);
        }
    }
    Ok(looks)
}

/// Stops the server and starts it again in its place, while everybody goes on; tells how long they were away.
async fn restart(scene: &Arc<Scene>, server: Server, line: Vec<String>, cores: Cores) -> anyhow::Result<Server> {
    // Whoever is away by themself is not waited for.
    let here = scene.tally().here;
    let lives = scene.tally().counts.get("lives").copied().unwrap_or(0);
    let asked = Instant::now();
    tokio::task::spawn_blocking(|| server.stop()).await??;
    let stopped = asked.elapsed();
    let server = tokio::task::spawn_blocking(move || Server::start(&line, cores.server)).await??;
    let mut second = Instant::now();
    let mut welcomed = Vec::new();
    let mut before = lives;
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (back, now) = {
            let tally = scene.tally();
            (tally.here, tally.counts.get("lives").copied().unwrap_or(0))
        };
        if second.elapsed() >= Duration::from_secs(1) || back >= here {
            welcomed.push(now - before);
            (before, second) = (now, Instant::now());
        }
        if back >= here || asked.elapsed() > BACK_MAX * 2 {
            break;
        }
    }
    let back = asked.elapsed();
    if back > BACK_MAX {
        scene.error(format!("not everybody was back after {BACK_MAX:?}"));
    }
    println!(
        "{here} sockets: the server had stopped after {:.1} s, and all were back {:.1} s after it was asked; welcomed each \
         second: {welcomed:?}",
        stopped.as_secs_f64(),
        back.as_secs_f64()
    );
    Ok(server)
}

/// The rise of a straight line through some points (least squares), in units of the second for each of the first.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0 / count, sum.1 + point.1 / count));
    let (mut over, mut under) = (0.0, 0.0);
    for point in points {
        over += (point.0 - x) * (point.1 - y);
        under += (point.0 - x) * (point.0 - x);
    }
    if under > 0.0 { over / under } else { 0.0 }
}

fn verdict(scene: &Scene, looks: &[(f64, f64)]) -> bool {
    let tally = scene.tally();
    let half = &looks[looks.len() / 2..];
    // KiB a second are MiB a minute times 60 / 1024.
    let rises = slope(half) * 60.0 / 1024.0;
    let flat = rises <= scene.options.slope_max;
    let count = |what| tally.counts.get(what).copied().unwrap_or(0);
    let met = count("delivered") > 0 && (scene.options.churn == 0.0 || count("resumed") > 0);
    let clean = tally.errors.is_empty();
    let overall = |quantile| tally.overall.as_ref().map_or(0.0, |hist| hist.quantile(quantile) as f64 / 1e6);
    if scene.options.json {
        let answer = json!({
            "sockets": scene.options.sockets, "seconds": scene.began.elapsed().as_secs(), "counts": tally.counts,
            "errors": tally.errors, "rss_slope_mib_per_min": rises, "slope_max": scene.options.slope_max,
            "p50_ms": overall(0.5), "p99_ms": overall(0.99), "flat": flat, "clean": clean, "met": met,
        });
        println!("{answer}");
    } else {
        for (what, times) in &tally.counts {
            println!("{times:10}  {what}");
        }
        for (what, times) in &tally.errors {
            println!("{times:10}  ERROR: {what}");
        }
        println!("p50 {:.1} ms, p99 {:.1} ms from being said to being heard", overall(0.5), overall(0.99));
        println!(
            "memory rises by {rises:.2} MiB a minute over the second half, at most {:.2} may be: {}",
            scene.options.slope_max,
            if flat { "flat" } else { "NOT FLAT" }
        );
        println!(
            "{}",
            if clean && met {
                "no error"
            } else if met {
                "THERE WERE ERRORS"
            } else {
                "TOO LITTLE HAPPENED"
            }
        );
    }
    flat && clean && met
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn a_line_is_fitted() {
        assert!((slope(&[(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)]) - 2.0).abs() < 1e-9);
        assert!(slope(&[(0.0, 5.0), (1.0, 6.0), (2.0, 5.0)]).abs() < 1e-9);
        assert!(slope(&[(3.0, 5.0)]).abs() < 1e-9);
    }
}
