//! What is measured, in which order.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value};

use crate::server::{Cores, Postgres, Server, copy, on_core, this_program};
use crate::stats::Series;
use crate::{Options, floor};

/// Limits that are lifted for the run, with the reason.
pub const LIFTED: &[(&str, &str, &str)] = &[
    ("messages_per_minute", "1000000", "one person writes as fast as a thousand"),
    ("socket_ops_per_second", "100000", "the same, for a socket"),
    ("socket_ops_burst", "100000", "the same"),
    ("commit_queue_max", "20000", "1000 rooms with 16 messages in flight each"),
    ("chats_per_user_max", "1001", "the person with a thousand chats"),
    ("sockets_per_user_max", "1000", "one person connects again and again"),
    ("connects_per_second", "1000000", "connections are made as fast as they go"),
];

/// One thing that is measured: a workload on a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Which table it belongs to.
    pub group: &'static str,
    /// Which row of it.
    pub shape: String,
    /// On which server.
    pub server: &'static str,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// What it was measured on and how.
    pub about: Vec<(String, String)>,
    /// What the generator said, one answer a repetition.
    pub cells: BTreeMap<Cell, Vec<Map<String, Value>>>,
    /// The order in which cells came first.
    pub order: Vec<Cell>,
}

/// Counts that must be nothing.
const FAULTS: &[&str] = &[
    "lost_tail",
    "gaps",
    "duplicates",
    "out_of_order",
    "bad",
    "refused_but_delivered",
    "seq_gaps",
    "seq_duplicates",
    "seq_out_of_order",
    "user_seq_gaps",
    "ack_event_mismatch",
    "unanswered",
    "stray_replies",
    "duplicate_acks",
    "garbled_frames",
    "no_subprotocol",
    "refused_total",
    "written_off",
    "not_ready",
    "failed",
    "dead",
];

impl Results {
    /// Notes an answer.
    pub fn add(&mut self, cell: Cell, answer: Map<String, Value>) {
        if !self.order.contains(&cell) {
            self.order.push(cell.clone());
        }
        self.cells.entry(cell).or_default().push(answer);
    }

    /// The cells of a group, in the order in which they came.
    pub fn group<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Cell> {
        self.order.iter().filter(move |cell| cell.group == group)
    }

    /// One figure of a cell.
    pub fn series(&self, group: &str, shape: &str, server: &str, figure: &str) -> Series {
        let found =
            self.cells.iter().find(|(cell, _)| cell.group == group && cell.shape == shape && cell.server == server);
        let answers = found.map(|(_, answers)| answers.as_slice()).unwrap_or_default();
        Series(answers.iter().filter_map(|answer| answer.get(figure)?.as_f64()).collect())
    }

    /// What was lost, doubled, reordered, refused or cut off, in words.
    pub fn faults(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (cell, answers) in &self.cells {
            for fault in FAULTS {
                let count: f64 = answers.iter().filter_map(|answer| answer.get(*fault)?.as_f64()).sum();
                if count > 0.0 {
                    let Cell { group, shape, server } = cell;
                    found.push(format!("{group} {shape} on {server}: {fault} {count}"));
                }
            }
        }
        found
    }

    /// Deliveries counted, on all servers.
    pub fn deliveries(&self) -> f64 {
        self.cells.values().flatten().filter_map(|answer| answer.get("deliveries")?.as_f64()).sum()
    }
}

/// Rooms, members, and how many of them write.
const SHAPES: &[(usize, usize, usize)] = &[(1000, 2, 2), (200, 10, 2), (1, 100, 8), (1, 1000, 8)];
const QUICK_SHAPES: &[(usize, usize, usize)] = &[(1000, 2, 2), (1, 100, 8)];

struct Run<'a> {
    options: &'a Options,
    cores: Cores,
    home: PathBuf,
    began: Instant,
    done: usize,
    of: usize,
    postgres: Option<Postgres>,
    crowds: BTreeMap<String, PathBuf>,
    results: Results,
}

/// Runs everything that is asked.
pub fn run(options: &Options) -> anyhow::Result<Results> {
    let home = tempfile::Builder::new().prefix("domu-bench.").tempdir()?;
    // PostgreSQL's user must be able to walk through.
    fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
    let mut run = Run {
        options,
        cores: Cores::find()?,
        home: home.path().to_owned(),
        began: Instant::now(),
        done: 0,
        of: 0,
        postgres: None,
        crowds: BTreeMap::new(),
        results: Results::default(),
    };
    run.about();
    let jobs: Vec<Job> = run.jobs().into_iter().filter(|job| job.wanted(&options.only)).collect();
    ensure!(!jobs.is_empty(), "nothing has {:?} in its name", options.only);
    run.of = jobs.len() * options.repeat as usize;
    if jobs.iter().any(|job| matches!(job.server, POSTGRES | BARE_POSTGRES)) {
        run.postgres = Postgres::start(home.path()).context("starting PostgreSQL")?;
        if run.postgres.is_none() {
            run.note("PostgreSQL", "not installed below /usr/lib/postgresql: not measured");
        }
    }
    for repetition in 0..options.repeat as usize {
        // Servers take turns at being first.
        let mut jobs: Vec<&Job> = jobs.iter().collect();
        if repetition % 2 == 1 {
            jobs.reverse();
        }
        for job in jobs {
            run.progress(job, repetition);
            run.job(job, repetition).with_context(|| format!("{} {} on {}", job.group, job.shape, job.server))?;
        }
    }
    eprintln!();
    run.note("took", &format!("{} s", run.began.elapsed().as_secs()));
    // Reversed repetitions must not reverse the tables.
    run.results.order.sort_by_key(|cell| {
        jobs.iter().position(|job| job.group == cell.group && job.shape == cell.shape && job.server == cell.server)
    });
    Ok(run.results)
}

/// The row that those with stalled readers are held against.
pub const CALM: &str = "everybody reads";
const SQLITE: &str = "domu, SQLite";
const POSTGRES: &str = "domu, PostgreSQL";
const MPSC: &str = "tt_mpsc";
const BATCH: &str = "tt_batch";
const KERNEL: &str = "kernel";
const BARE_SQLITE: &str = "bare SQLite";
const BARE_POSTGRES: &str = "bare PostgreSQL";

struct Job {
    group: &'static str,
    shape: String,
    server: &'static str,
    people: Crowd,
    line: Vec<String>,
}

/// The people a workload needs.
#[derive(Clone, Copy, Debug, Default)]
struct Crowd {
    rooms: usize,
    members: usize,
    groups: usize,
    history: usize,
}

impl Crowd {
    fn arguments(self) -> Vec<String> {
        let Self { rooms, members, groups, history } = self;
        [("--rooms", rooms), ("--members", members), ("--groups", groups), ("--history", history)]
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value.to_string()])
            .collect()
    }
}

impl Job {
    fn wanted(&self, only: &[String]) -> bool {
        let name = format!("{} {} {}", self.group, self.shape, self.server);
        only.is_empty() || only.iter().any(|part| name.contains(part.as_str()))
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

impl Run<'_> {
    fn note(&mut self, what: &str, text: &str) {
        self.results.about.push((what.to_owned(), text.trim().to_owned()));
    }

    fn about(&mut self) {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
        let model = model.trim_start_matches([' ', '\t', ':']);
        let memory = read("/proc/meminfo");
        let memory = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        let memory = memory.unwrap_or(0) / (1 << 20);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.note("machine", &format!("{model}, {cores} cores, {memory} GiB"));
        self.note("kernel", &format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()));
        self.note("congestion control", &read("/proc/sys/net/ipv4/tcp_congestion_control"));
        self.note("load before", &read("/proc/loadavg"));
        let Cores { server, client } = self.cores;
        self.note("cores", &format!("server on {server}, load generator on {client}, loopback, no TLS"));
        self.note("repetitions", &format!("{}, interleaved", self.options.repeat));
        self.note("texts", "Dutch and English words, log-normal lengths: median 78 bytes, a tenth above 145");
        let lifted: Vec<_> = LIFTED.iter().map(|(name, value, why)| format!("{name}={value} ({why})")).collect();
        self.note("lifted limits", &lifted.join("; "));
    }

    fn progress(&mut self, job: &Job, repetition: usize) {
        self.done += 1;
        let spent = self.began.elapsed().as_secs();
        let (done, of) = (self.done, self.of);
        let Job { group, shape, server, .. } = job;
        eprintln!("{spent:4} s  {done:3}/{of}  repetition {}: {group} {shape} on {server}", repetition + 1);
    }

    fn jobs(&self) -> Vec<Job> {
        let quick = self.options.quick;
        let (secs, warm) = if quick { (0.8, 0.4) } else { (1.5, 0.6) };
        let mut jobs = Vec::new();
        let mut add = |group, shape: String, server, people, line: String| {
            jobs.push(Job { group, shape, server, people, line: words(&line) });
        };
        if let Some(running) = &self.options.running {
            // Another's server: what its people can do.
            let lines = fs::read_to_string(&running.people).unwrap_or_default().lines().count();
            let rooms = lines / 2;
            for depth in [1, 16] {
                let line = format!(
                    "fanout --rooms {rooms} --members 2 --senders 2 --window {depth} --secs {secs} --warmup {warm}"
                );
                add("fan-out", format!("{rooms}x2, depth {depth}"), SQLITE, Crowd::default(), line);
            }
            let line = format!("pingpong --rooms {rooms} --secs {secs} --warmup {warm}");
            add("round trips", format!("{rooms} rooms"), SQLITE, Crowd::default(), line);
            let line = format!("connect --conns {lines} --hold 2");
            add("idle", lines.to_string(), SQLITE, Crowd::default(), line);
            return jobs;
        }
        for sockets in [100, 1000, 2000] {
            add("floor", format!("send, {sockets} sockets"), KERNEL, Crowd::default(), sockets.to_string());
        }
        add("floor", "sync of 4 KiB".to_owned(), KERNEL, Crowd::default(), String::new());
        for server in [BARE_SQLITE, BARE_POSTGRES] {
            add("floor", "100 rows, synced".to_owned(), server, Crowd::default(), String::new());
        }
        for (rooms, members, senders) in if quick { QUICK_SHAPES } else { SHAPES } {
            for depth in [1, 16] {
                let line = format!(
                    "fanout --rooms {rooms} --members {members} --senders {senders} --window {depth} --secs {secs} --warmup {warm}"
                );
                let people = Crowd { rooms: *rooms, members: *members, ..Crowd::default() };
                for server in [SQLITE, MPSC, BATCH] {
                    add("fan-out", format!("{rooms}x{members}, depth {depth}"), server, people, line.clone());
                }
            }
        }
        for (rate, servers) in [(1_000, &[SQLITE, MPSC, BATCH][..]), (5_000, &[SQLITE, BATCH])] {
            let line = format!(
                "fanout --rooms 1 --members 100 --senders 8 --rate {rate} --secs {secs} --warmup {warm} --patience 5000"
            );
            let people = Crowd { rooms: 1, members: 100, ..Crowd::default() };
            for server in servers {
                add("offered", format!("1x100, {rate}/s"), server, people, line.clone());
            }
        }
        for (stalled, shape) in [(0, CALM), (10, "10 of 100 stop reading")] {
            let line = format!(
                "fanout --rooms 1 --members 100 --senders 8 --rate 1000 --stalled {stalled} --secs {} --warmup {warm} --patience 5000",
                4.0 * secs
            );
            let people = Crowd { rooms: 1, members: 100, ..Crowd::default() };
            add("stalled", shape.to_owned(), SQLITE, people, line);
        }
        for rooms in if quick { &[1][..] } else { &[1, 500] } {
            let line = format!("pingpong --rooms {rooms} --secs {secs} --warmup {warm}");
            let people = Crowd { rooms: 1000, members: 2, ..Crowd::default() };
            for server in [SQLITE, MPSC, BATCH] {
                add("round trips", format!("{rooms} rooms"), server, people, line.clone());
            }
        }
        for (rooms, depth) in [(1, 1), (100, 1), (1000, 16)] {
            let line = format!(
                "fanout --rooms {rooms} --members 2 --senders 2 --window {depth} --secs {secs} --warmup {warm}"
            );
            let people = Crowd { rooms: 1000, members: 2, ..Crowd::default() };
            for server in [SQLITE, POSTGRES] {
                add("durable", format!("{} in flight", rooms * depth), server, people, line.clone());
            }
        }
        for sockets in if quick { &[1_000, 10_000][..] } else { &[1_000, 10_000, 18_000] } {
            // A ping goes out every 25 s: CPU of an idle socket is with it.
            let hold = if quick || *sockets != 10_000 { 3 } else { 26 };
            let line = format!("connect --conns {sockets} --inflight 256 --hold {hold}");
            let people = Crowd { rooms: sockets / 2, members: 2, ..Crowd::default() };
            let servers: &[_] = if *sockets == 10_000 { &[SQLITE, MPSC, BATCH] } else { &[SQLITE] };
            for server in servers {
                add("idle", sockets.to_string(), server, people, line.clone());
            }
        }
        for groups in [10, 100, 1_000] {
            let people = Crowd { rooms: 1, members: 2, groups, history: 20 };
            let line = "connect --conns 100 --inflight 4 --hold 1".to_owned();
            add("growth: connect", format!("{groups} chats"), SQLITE, people, line);
            let line = format!("fanout --rooms 1 --members 2 --senders 2 --window 1 --secs {secs} --warmup {warm}");
            add("growth: write", format!("{groups} chats"), SQLITE, people, line);
        }
        for history in [100, if quick { 10_000 } else { 100_000 }] {
            let people = Crowd { rooms: 1, members: 2, groups: 0, history };
            let line = "connect --conns 400 --inflight 4 --hold 1".to_owned();
            add("growth: connect", format!("{history} messages"), SQLITE, people, line);
            let line = format!("fanout --rooms 1 --members 2 --senders 2 --window 1 --secs {secs} --warmup {warm}");
            add("growth: write", format!("{history} messages"), SQLITE, people, line);
        }
        jobs
    }

    fn job(&mut self, job: &Job, repetition: usize) -> anyhow::Result<()> {
        let cell = Cell { group: job.group, shape: job.shape.clone(), server: job.server };
        let answer = match (job.server, &self.options.running) {
            (KERNEL, _) => self.floor(job)?,
            (_, Some(running)) => {
                let people = running.people.clone();
                self.load(job, running.address.port(), running.pid, Some(&people))?
            }
            (MPSC | BATCH, _) => {
                let style = if job.server == MPSC { "mpsc" } else { "batch" };
                let server = Server::start(&words(&format!("bench-part {style}")), self.cores.server)?;
                self.load(job, server.port, server.pid(), None)?
            }
            (POSTGRES | BARE_POSTGRES, _) if self.postgres.is_none() => return Ok(()),
            (BARE_SQLITE | BARE_POSTGRES, _) => self.bare(job.server, repetition)?,
            _ => {
                let template = self.crowd(job)?;
                let data = self.home.join(format!("data-{repetition}"));
                copy(&template, &data)?;
                let server = Server::start(&self.serve(&data, job), self.cores.server)?;
                let answer = self.load(job, server.port, server.pid(), Some(&template.join("people.jsonl")));
                drop(server);
                fs::remove_dir_all(&data)?;
                answer?
            }
        };
        self.results.add(cell, answer);
        Ok(())
    }

    fn floor(&self, job: &Job) -> anyhow::Result<Map<String, Value>> {
        let time = Duration::from_millis(if self.options.quick { 500 } else { 1_200 });
        let mut answer = Map::new();
        if let Some(sockets) = job.line.first() {
            let cost = floor::send_us(sockets.parse()?, self.cores.server, self.cores.client, time)?;
            answer.insert("us".to_owned(), cost.into());
        } else {
            let (median, p99) = floor::sync_us(&self.home, time)?;
            answer.insert("us".to_owned(), median.into());
            answer.insert("p99_us".to_owned(), p99.into());
        }
        Ok(answer)
    }

    fn bare(&self, server: &str, repetition: usize) -> anyhow::Result<Map<String, Value>> {
        let name = format!("bare_{repetition}");
        let url = match &self.postgres {
            Some(postgres) if server == BARE_POSTGRES => {
                postgres.database(&name)?;
                postgres.url(&name)
            }
            _ => format!("sqlite:{}?mode=rwc", self.home.join(name).display()),
        };
        let millis = if self.options.quick { "800" } else { "1500" };
        let mut command = this_program()?;
        command.args(["bench-part", "store", &url, millis]).stderr(Stdio::inherit());
        let output = on_core(&mut command, self.cores.server).output()?;
        ensure!(output.status.success(), "the bare store failed");
        serde_json::from_slice(&output.stdout).context("reading what the bare store said")
    }

    fn load(&self, job: &Job, port: u16, pid: u32, people: Option<&Path>) -> anyhow::Result<Map<String, Value>> {
        let Cores { server, client } = self.cores;
        let mut command = this_program()?;
        command.args(["bench-part", "load"]).args(&job.line);
        command.args(words(&format!("--port {port} --pid {pid} --cores {server},{client}")));
        if let Some(people) = people {
            command.args(words(&format!("--proto domu --origin http://127.0.0.1:{port}"))).arg("--creds").arg(people);
        }
        let output = command.stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "the load generator failed");
        serde_json::from_slice(&output.stdout).context("reading what the load generator said")
    }

    fn database(job: &Job) -> String {
        let Crowd { rooms, members, groups, history } = job.people;
        format!("crowd_{rooms}_{members}_{groups}_{history}")
    }

    /// The directory of a server whose people are made and signed in; made once.
    fn crowd(&mut self, job: &Job) -> anyhow::Result<PathBuf> {
        let name = format!("{}-{}", Self::database(job), if job.server == POSTGRES { "postgres" } else { "sqlite" });
        if let Some(made) = self.crowds.get(&name) {
            return Ok(made.clone());
        }
        let directory = self.home.join(&name);
        if let (POSTGRES, Some(postgres)) = (job.server, &self.postgres) {
            postgres.database(&Self::database(job))?;
        }
        let mut command = this_program()?;
        command.args(["bench-part", "crowd"]).args(job.people.arguments()).args(self.settings(&directory, job)?);
        // A crowd with a long past is one transaction.
        command.args(["--set", "limits.store_timeout=60", "--set", "limits.request_timeout=70"]);
        let output = command.stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "the people could not be made");
        fs::write(directory.join("people.jsonl"), output.stdout)?;
        self.crowds.insert(name, directory.clone());
        Ok(directory)
    }

    fn settings(&self, directory: &Path, job: &Job) -> anyhow::Result<Vec<String>> {
        let directory = directory.to_str().context("the temporary directory has no plain name")?;
        let mut settings = vec!["--data-dir".to_owned(), directory.to_owned()];
        if let (POSTGRES, Some(postgres)) = (job.server, &self.postgres) {
            let url = postgres.url(&Self::database(job));
            settings.extend(["--set".to_owned(), format!("database_url={url}")]);
            settings.extend(words("--set auto_migrate=true"));
        }
        Ok(settings)
    }

    fn serve(&self, data: &Path, job: &Job) -> Vec<String> {
        let mut line = words("serve --listen 127.0.0.1:0");
        line.extend(self.settings(data, job).unwrap_or_default());
        line.extend(LIFTED.iter().flat_map(|(name, value, _)| ["--set".to_owned(), format!("limits.{name}={value}")]));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_must_not_happen_is_named() {
        let cell = Cell { group: "fan-out", shape: "1x2".into(), server: SQLITE };
        let mut results = Results::default();
        results.add(cell.clone(), answer(r#"{"lost_tail":0,"deliveries":5,"x":1.5}"#));
        assert!(results.faults().is_empty());
        results.add(cell, answer(r#"{"lost_tail":2,"seq_gaps":1,"deliveries":6,"x":2.5}"#));
        assert_eq!(
            results.faults(),
            ["fan-out 1x2 on domu, SQLite: lost_tail 2", "fan-out 1x2 on domu, SQLite: seq_gaps 1"]
        );
        assert_eq!(results.series("fan-out", "1x2", SQLITE, "x"), Series(vec![1.5, 2.5]));
        assert_eq!(results.series("fan-out", "1x3", SQLITE, "x"), Series(vec![]));
        assert!((results.deliveries() - 11.0).abs() < f64::EPSILON);
    }
}
