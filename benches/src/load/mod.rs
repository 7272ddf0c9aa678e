//! The load generator: one thread, raw sockets, epoll, frame headers parsed by hand. It shares no code with the server, runs
//! in a process of its own, and prints one line of JSON.
//!
//! - Closed loop: `--window` messages in flight in each room.
//! - Open loop (`--rate`): messages leave on a schedule and carry the scheduled time, so that whoever falls behind shows as
//!   latency; `send_late_max_us` is the generator's own share.
//! - Every text carries time, sender and sequence number in ordinary words: `lost_tail`, `gaps`, `duplicates` and
//!   `out_of_order` count what is wrong by our numbers, `seq_*` by the server's.

mod domu;
mod fanout;
pub(crate) mod hist;
mod json;
mod net;
mod proto;
mod steady;
pub(crate) mod sys;
pub(crate) mod words;

use std::collections::HashMap;

use hist::Hist;
use net::Net;
use proto::{Path, Proto};
use words::Lengths;

const USAGE: &str = "WORKLOAD --port P [--opt value ...]
workloads
  fanout    R rooms x M members, S senders a room; rate or closed loop
  connect   open N connections, hold them
  pingpong  R rooms x 2 members: member 0 sends, member 1 answers
options
  --host A           server address, dotted quad (127.0.0.1)
  --proto NAME       path | domu (path)
  --rooms R --members M --senders S
  --stalled N        members of each room that stop reading once they are in (0)
  --rate X           messages/s offered, all rooms together; 0 = closed loop (0)
  --window W         closed loop: messages in flight per room (4)
  --payload P        bytes; 0 = lengths as people write (0)
  --secs T --warmup T  measured and warm-up seconds (5, 1)
  --conns N --inflight C --hold T   connect: connections, attempts at once, seconds of silence
  --patience MS      silence after which a message counts as lost
  --pid A,B          server processes: CPU and memory
  --cores S,C        server core and client core: busy share of each; this process stays on the second
domu
  --creds FILE       a JSON line per connection: token, cookie or headers, and chats; too few are used again
  --origin URL       Origin header (none)
  --cap N            requests in flight per connection (32)";

struct Args(HashMap<String, String>);

impl Args {
    fn s(&self, k: &str, d: &str) -> String {
        self.0.get(k).cloned().unwrap_or_else(|| d.into())
    }
    fn n(&self, k: &str, d: f64) -> f64 {
        match self.0.get(k) {
            None => d,
            Some(v) => v.parse().unwrap_or_else(|_| die(&format!("--{k}: not a number: {v}"))),
        }
    }
    fn has(&self, k: &str) -> bool {
        self.0.contains_key(k)
    }
}

fn die(m: &str) -> ! {
    eprintln!("domu bench load: {m}");
    std::process::exit(2)
}

struct Snap {
    t: u64,
    ut: f64,
    st: f64,
    me: f64,
    sc: (f64, f64),
    cc: (f64, f64),
}

impl Snap {
    fn run(&self) -> f64 {
        self.ut + self.st
    }
}

struct Ctx {
    pids: Vec<u32>,
    cores: Option<(usize, usize)>,
}

impl Ctx {
    fn snap(&self) -> Snap {
        let (mut ut, mut st) = (0.0, 0.0);
        for p in &self.pids {
            let c = sys::cpu_secs(*p);
            ut += c.0;
            st += c.1;
        }
        let (sc, cc) = match self.cores {
            Some((a, b)) => (sys::core_times(a), sys::core_times(b)),
            None => ((0.0, 0.0), (0.0, 0.0)),
        };
        Snap { t: sys::now_ns(), ut, st, me: sys::self_cpu(), sc, cc }
    }
    fn rss(&self) -> u64 {
        self.pids.iter().map(|p| sys::rss_kib(*p)).sum()
    }
}

struct Out {
    rows: Vec<(String, String)>,
}

impl Out {
    fn put(&mut self, k: &str, v: impl std::fmt::Display) {
        self.rows.push((k.into(), v.to_string()));
    }
    fn f(&mut self, k: &str, v: f64, d: usize) {
        self.rows.push((k.into(), format!("{:.*}", d, v)));
    }
    fn cpu(&mut self, a: &Snap, b: &Snap, per: u64) {
        let dt = (b.t - a.t) as f64 / 1e9;
        self.f("server_cpu_s", b.run() - a.run(), 3);
        self.f("server_user_s", b.ut - a.ut, 2);
        self.f("server_sys_s", b.st - a.st, 2);
        self.f("server_cpu_share", (b.run() - a.run()) / dt, 3);
        if per > 0 {
            self.f("server_cpu_s_per_M", (b.run() - a.run()) / per as f64 * 1e6, 3);
            self.f("client_cpu_s_per_M", (b.me - a.me) / per as f64 * 1e6, 3);
        }
        self.f("client_cpu_share", (b.me - a.me) / dt, 3);
        let busy = |x: (f64, f64), y: (f64, f64)| {
            let (bu, id) = (y.0 - x.0, y.1 - x.1);
            if bu + id > 0.0 { bu / (bu + id) } else { 0.0 }
        };
        self.f("server_core_busy", busy(a.sc, b.sc), 3);
        self.f("client_core_busy", busy(a.cc, b.cc), 3);
    }
    fn lat(&mut self, what: &str, h: &Hist) {
        self.f(&format!("{what}_mean_us"), h.mean() / 1e3, 1);
        for (n, q) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)] {
            self.f(&format!("{what}_{n}_us"), h.quantile(q) as f64 / 1e3, 1);
        }
        self.f(&format!("{what}_max_us"), h.max as f64 / 1e3, 1);
    }
    fn print(self) {
        let value = |v: String| match v.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
            Some(number) => serde_json::Value::Number(number),
            None => serde_json::Value::String(v),
        };
        let rows: serde_json::Map<_, _> = self.rows.into_iter().map(|(k, v)| (k, value(v))).collect();
        println!("{}", serde_json::Value::Object(rows));
    }
}

fn open_all(
    net: &mut Net,
    p: &mut dyn Proto,
    plan: &[(u32, u32, usize)],
    rooms: bool,
    inflight: usize,
    limit_s: f64,
) -> (f64, u64) {
    if let Err(e) = p.assign(plan, rooms) {
        die(&e);
    }
    let t0 = sys::now_ns();
    let mut next = 0;
    let mut stuck = sys::now_ns();
    let mut last_ready = 0;
    while net.ready + net.dead < plan.len() {
        while next < plan.len() && next - net.ready - net.dead < inflight {
            let (r, m, s) = plan[next];
            if let Err(e) = net.connect(r, m, s) {
                die(&format!("connect {next}: {e}"));
            }
            next += 1;
        }
        net.poll(p, 50, |_, _, _, _| {});
        let now = sys::now_ns();
        if net.ready + net.dead != last_ready {
            last_ready = net.ready + net.dead;
            stuck = now;
        }
        if (now - stuck) as f64 / 1e9 > limit_s {
            break;
        }
    }
    ((sys::now_ns() - t0) as f64 / 1e9, net.ready as u64)
}

/// Runs one workload and prints what it measured.
pub fn run(line: &[String]) {
    let mut it = line.iter().cloned();
    let what = it.next().unwrap_or_else(|| die(USAGE));
    let mut m = HashMap::new();
    while let Some(k) = it.next() {
        let k = k.strip_prefix("--").unwrap_or_else(|| die(&format!("unexpected {k}"))).to_string();
        let v = it.next().unwrap_or_else(|| die(&format!("--{k} needs a value")));
        m.insert(k, v);
    }
    let a = Args(m);
    if !a.has("port") {
        die("--port is required");
    }
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let nofile = sys::raise_nofile();
    let host = a.s("host", "127.0.0.1");
    let ip: Vec<u8> = host.split('.').filter_map(|x| x.parse().ok()).collect();
    let &[i0, i1, i2, i3] = ip.as_slice() else { die("--host must be a dotted quad") };
    let mut net = Net::new([i0, i1, i2, i3], a.n("port", 0.0) as u16);
    let payload = a.n("payload", 0.0) as usize;
    let mut p: Box<dyn Proto> = match a.s("proto", "path").as_str() {
        "path" => Box::new(Path { prefix: a.s("prefix", "/r/"), lengths: Lengths::new(payload) }),
        "domu" => {
            let o = domu::Opts {
                creds: a.s("creds", ""),
                target: a.s("path", "/ws"),
                origin: a.s("origin", ""),
                hello: a.s("hello", "\"client\":\"bench\",\"window\":[0,19]"),
                payload,
                cap: a.n("cap", 32.0).max(1.0) as usize,
            };
            Box::new(domu::Domu::new(o).unwrap_or_else(|e| die(&e)))
        }
        x => die(&format!("unknown --proto {x}")),
    };
    let pids: Vec<u32> = a.s("pid", "").split(',').filter_map(|x| x.parse().ok()).collect();
    let cores: Vec<usize> = a.s("cores", "").split(',').filter_map(|x| x.parse().ok()).collect();
    let cores = match cores.as_slice() {
        &[server, client] => Some((server, client)),
        _ => None,
    };
    if let Some((_, client)) = cores {
        sys::pin(client);
    }
    let ctx = Ctx { pids, cores };
    let mut o = Out { rows: vec![] };
    o.put("workload", &what);
    o.put("proto", p.name());
    match what.as_str() {
        "connect" => steady::connect(&a, &ctx, &mut net, &mut *p, &mut o, nofile),
        "pingpong" => steady::pingpong(&a, &ctx, &mut net, &mut *p, &mut o),
        "fanout" => fanout::fanout(&a, &ctx, &mut net, &mut *p, &mut o),
        _ => die(USAGE),
    }
    p.report(&mut |k, v| o.put(k, v));
    for (k, n) in &net.closes {
        o.put(&format!("close_{k}"), n);
    }
    for (i, e) in net.errors.iter().enumerate() {
        o.put(&format!("error_{i}"), e);
    }
    o.print();
}
