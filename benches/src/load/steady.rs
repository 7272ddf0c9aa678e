//! Connections that only stay, and pairs that answer each other.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::hist::Hist;
use super::net::Net;
use super::proto::{Proto, Rx, Who};
use super::{Args, Ctx, Out, open_all, sys};

/// Lets the server give back what its start took: an allocator does that while it is used, and what is given back while
/// sockets are opened would count as less for each.
fn stir(a: &Args) {
    let to = format!("{}:{}", a.s("host", "127.0.0.1"), a.n("port", 0.0));
    // Threads that hashed go after ten seconds, and take what they hold with them.
    std::thread::sleep(Duration::from_secs(11));
    for _ in 0..200 {
        if let Ok(mut stream) = TcpStream::connect(&to) {
            // A textbook server knows no such page; it only has to be busy.
            let _sent =
                stream.write_all(b"GET /api/health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            let _set = stream.set_read_timeout(Some(Duration::from_millis(20)));
            let _answer = stream.read(&mut [0; 512]);
        }
    }
    std::thread::sleep(Duration::from_secs(2));
}

pub(super) fn connect(a: &Args, ctx: &Ctx, net: &mut Net, p: &mut dyn Proto, o: &mut Out, nofile: u64) {
    let n = a.n("conns", 1000.0) as usize;
    let n = n.min(nofile as usize - 32);
    let per_room = a.n("members", 2.0).max(1.0) as usize;
    stir(a);
    let rss0 = ctx.rss();
    let mem0 = sys::tcp_mem_kib();
    let plan: Vec<_> = (0..n).map(|i| ((i / per_room) as u32, (i % per_room) as u32, 0)).collect();
    let s0 = ctx.snap();
    let (secs, ready) = open_all(net, p, &plan, false, a.n("inflight", 128.0) as usize, 10.0);
    let s1 = ctx.snap();
    // Late work of connecting belongs to neither.
    let calm = sys::now_ns();
    while ((sys::now_ns() - calm) as f64) < 1e9 {
        net.poll(p, 50, |_, _, _, _| {});
    }
    let s2 = ctx.snap();
    let hold = a.n("hold", 2.0);
    let t = sys::now_ns();
    while ((sys::now_ns() - t) as f64) < hold * 1e9 {
        net.poll(p, 50, |_, _, _, _| {});
    }
    let s3 = ctx.snap();
    let rss1 = ctx.rss();
    let held = (s3.t - s2.t) as f64 / 1e9;
    o.f("idle_cpu_us_per_s", (s3.run() - s2.run()) * 1e6 / held / ready.max(1) as f64, 3);
    o.f("held_s", held, 1);
    o.put("conns", n);
    o.put("ready", ready);
    o.put("failed", net.dead);
    o.f("secs", secs, 3);
    o.f("connects_per_s", ready as f64 / secs, 0);
    o.lat("connect", &net.ready_ns);
    o.put("rss_before_kib", rss0);
    o.put("rss_after_kib", rss1);
    o.f("rss_per_conn_bytes", (rss1 as f64 - rss0 as f64) * 1024.0 / ready.max(1) as f64, 0);
    o.put("kernel_tcp_mem_kib", sys::tcp_mem_kib().saturating_sub(mem0));
    o.cpu(&s0, &s1, ready);
}

pub(super) fn pingpong(a: &Args, ctx: &Ctx, net: &mut Net, p: &mut dyn Proto, o: &mut Out) {
    let rooms = a.n("rooms", 1.0) as usize;
    let secs = a.n("secs", 5.0);
    let warm = a.n("warmup", 1.0);
    let plan: Vec<_> = (0..rooms * 2).map(|i| ((i / 2) as u32, (i % 2) as u32, 2)).collect();
    let (_, ready) = open_all(net, p, &plan, true, 128, 10.0);
    if ready < plan.len() as u64 {
        o.put("not_ready", plan.len() as u64 - ready);
    }
    let mut pay = vec![];
    let mut out = vec![];
    let mut todo: Vec<(usize, u64, u32)> = vec![];
    let mut leg = vec![0u64; rooms * 2];
    for r in 0..rooms {
        todo.push((r * 2, 0, 1));
    }
    let (mut h, mut hack) = (Hist::new(), Hist::new());
    let t0 = sys::now_ns();
    let t1 = t0 + (warm * 1e9) as u64;
    let t2 = t1 + (secs * 1e9) as u64;
    let mut s0 = None;
    let mut rounds = 0u64;
    loop {
        let now = sys::now_ns();
        if now >= t2 {
            break;
        }
        if s0.is_none() && now >= t1 {
            s0 = Some(ctx.snap());
        }
        let measuring = s0.is_some();
        for (c, t, seq) in todo.drain(..) {
            let t = if t == 0 { sys::now_ns() } else { t };
            let (room, member) = (net.conns[c].room, net.conns[c].member);
            p.stamp(&mut pay, t, member, seq);
            leg[c] = t;
            out.clear();
            // The acknowledgement's time starts here, the round trip's at the first leg.
            p.publish(&Who { room, member, id: c as u32 }, sys::now_ns(), seq, &pay, &mut out);
            net.send(c, &out);
        }
        net.poll(p, 20, |c, i, rx, now| match rx {
            Rx::Msg { t, s, q } => {
                if s == c.member || q != c.last[s as usize & 1] + 1 {
                    return;
                }
                c.last[s as usize & 1] = q;
                if c.member == 1 {
                    todo.push((i, t, q));
                } else {
                    if measuring {
                        h.record(now.saturating_sub(t));
                        rounds += 1;
                    }
                    todo.push((i, 0, q + 1));
                }
            }
            Rx::Ack { t, .. } => {
                if measuring {
                    hack.record(now.saturating_sub(t));
                }
            }
            // Refused: say it again in other words.
            Rx::Err { q, .. } => todo.push((i, leg[i], q)),
            Rx::Bad => {}
        });
    }
    let s1 = ctx.snap();
    // What is still out gets its answer, so that totals can be compared.
    let drain0 = sys::now_ns();
    loop {
        let mut open = 0;
        (0..rooms * 2).for_each(|i| p.in_flight(i, &mut |_| open += 1));
        if open == 0 || net.ready == 0 || (sys::now_ns() - drain0) as f64 > a.n("patience", 5000.0) * 1e6 {
            break;
        }
        net.poll(p, 20, |_, _, _, _| {});
    }
    let s0 = s0.unwrap_or_else(|| ctx.snap());
    let dt = (s1.t - s0.t) as f64 / 1e9;
    o.put("rooms", rooms);
    o.f("round_trips_per_s", rounds as f64 / dt, 0);
    o.lat("lat", &h);
    if p.acks() {
        o.f("acked_per_s", hack.count as f64 / dt, 0);
        o.lat("ack", &hack);
    }
    o.cpu(&s0, &s1, rounds);
    o.put("rss_kib", ctx.rss());
    o.put("dead", net.dead);
}
