//! Rooms in which some write and all read.

use std::collections::VecDeque;

use super::hist::Hist;
use super::net::{Conn, Net, St};
use super::proto::{Proto, Rx, Who};
use super::{Args, Ctx, Out, Snap, die, open_all, sys};

#[derive(Default, Clone, Copy)]
struct Room {
    sent: u64,
    recv: u64,
}

/// What the receiving side of `fanout` keeps.
struct Tally {
    room: Vec<Room>,
    /// Closed loop: rooms that may have room in their window.
    cand: Vec<u32>,
    queued: Vec<bool>,
    /// Deliveries owed per message.
    fan: u64,
    h: Hist,
    hack: Hist,
    total: u64,
    ooo: u64,
    dup: u64,
    gaps: u64,
    bad: u64,
    acked: u64,
    /// (room, sender, sequence number) of refused messages.
    refused: Vec<(u32, u32, u32)>,
    /// Connections that may publish again.
    freed: Vec<usize>,
}

impl Tally {
    #[inline]
    fn take(&mut self, c: &mut Conn, i: usize, rx: Rx, now: u64, measuring: bool) {
        let r = c.room as usize;
        match rx {
            Rx::Msg { t, s, q } => self.delivered(c, (t, s, q), now, measuring),
            Rx::Ack { t, s, q } => {
                self.acked += 1;
                if measuring {
                    self.hack.record(now.saturating_sub(t));
                }
                self.freed.push(i);
                self.delivered(c, (t, s, q), now, measuring);
            }
            Rx::Err { s, q } => {
                self.room[r].sent -= 1;
                self.refused.push((c.room, s, q));
                self.freed.push(i);
                self.moved(r);
            }
            Rx::Bad => self.bad += 1,
        }
    }

    /// A message is with one member: as an event, or as the acknowledgement with its author.
    #[inline]
    fn delivered(&mut self, c: &mut Conn, (t, s, q): (u64, u32, u32), now: u64, measuring: bool) {
        let r = c.room as usize;
        let Some(l) = c.last.get_mut(s as usize) else {
            self.bad += 1;
            return;
        };
        if q == *l + 1 {
            *l = q;
        } else if q > *l {
            self.gaps += (q - *l - 1) as u64;
            *l = q;
        } else if q == *l {
            self.dup += 1;
        } else {
            self.ooo += 1;
        }
        c.got += 1;
        self.total += 1;
        if measuring {
            self.h.record(now.saturating_sub(t));
        }
        self.room[r].recv += 1;
        // A message has reached everyone (on balance): the window moves.
        if self.room[r].recv.is_multiple_of(self.fan) {
            self.moved(r);
        }
    }

    fn moved(&mut self, r: usize) {
        if !self.queued[r] {
            self.queued[r] = true;
            self.cand.push(r as u32);
        }
    }
}

/// What its sending side keeps.
struct Posts {
    members: usize,
    senders: usize,
    seqs: Vec<u32>,
    /// Messages that wait because their sender has too many requests in
    /// flight: the time they were due (0: whenever they go).
    held: Vec<VecDeque<u64>>,
    held_now: u64,
    held_total: u64,
    posted: u64,
    /// Really sent, refused ones included.
    gone: u64,
    pay: Vec<u8>,
    out: Vec<u8>,
}

impl Posts {
    /// Sends one message, or keeps it until the sender may.
    fn post(&mut self, net: &mut Net, p: &mut dyn Proto, room: usize, s: usize, due: u64) {
        let id = room * self.members + s;
        let k = room * self.senders + s;
        if !self.held[k].is_empty() || !p.may_publish(id) {
            self.held[k].push_back(due);
            self.held_now += 1;
            self.held_total += 1;
            return;
        }
        self.go(net, p, room, s, due);
    }

    fn go(&mut self, net: &mut Net, p: &mut dyn Proto, room: usize, s: usize, due: u64) {
        let id = room * self.members + s;
        let q = &mut self.seqs[room * self.senders + s];
        *q += 1;
        let t = if due == 0 { sys::now_ns() } else { due };
        p.stamp(&mut self.pay, t, s as u32, *q);
        self.out.clear();
        p.publish(&Who { room: room as u32, member: s as u32, id: id as u32 }, t, *q, &self.pay, &mut self.out);
        net.send(id, &self.out);
        self.gone += 1;
    }

    /// Sends what waited for this connection.
    fn release(&mut self, net: &mut Net, p: &mut dyn Proto, id: usize) {
        let (room, s) = (id / self.members, id % self.members);
        if s >= self.senders {
            return;
        }
        let k = room * self.senders + s;
        while !self.held[k].is_empty() && p.may_publish(id) {
            let due = self.held[k].pop_front().unwrap();
            self.held_now -= 1;
            self.go(net, p, room, s, due);
        }
    }
}

pub(super) fn fanout(a: &Args, ctx: &Ctx, net: &mut Net, p: &mut dyn Proto, o: &mut Out) {
    let rooms = a.n("rooms", 1.0) as usize;
    let members = a.n("members", 100.0) as usize;
    let senders = (a.n("senders", 1.0) as usize).clamp(1, members);
    let rate = a.n("rate", 0.0);
    let window = a.n("window", 4.0) as u64;
    let secs = a.n("secs", 5.0);
    let warm = a.n("warmup", 1.0);
    let count = a.n("count", 0.0) as u64;
    let count = if count == 0 { u64::MAX } else { count };
    let patience = a.n("patience", if p.acks() { 5000.0 } else { 0.0 }) as u64 * 1_000_000;
    let (stall_ns, quiet_ns) = if patience > 0 { (patience, patience) } else { (500_000_000, 700_000_000) };
    let stalled = (a.n("stalled", 0.0) as usize).min(members - senders);
    let fan = (members - stalled) as u64;
    if fan == 0 {
        die("nobody would receive anything");
    }
    let plan: Vec<_> = (0..rooms * members).map(|i| ((i / members) as u32, (i % members) as u32, senders)).collect();
    let (_, ready) = open_all(net, p, &plan, true, 128, 10.0);
    if ready < plan.len() as u64 {
        o.put("not_ready", plan.len() as u64 - ready);
    }
    for i in (0..plan.len()).filter(|i| i % members >= members - stalled) {
        net.stall(i);
    }
    let rss0 = ctx.rss();

    let mut y = Tally {
        room: vec![Room::default(); rooms],
        cand: (0..rooms as u32).collect(),
        queued: vec![true; rooms],
        fan,
        h: Hist::new(),
        hack: Hist::new(),
        total: 0,
        ooo: 0,
        dup: 0,
        gaps: 0,
        bad: 0,
        acked: 0,
        refused: vec![],
        freed: vec![],
    };
    let mut z = Posts {
        members,
        senders,
        seqs: vec![0; rooms * senders],
        held: vec![VecDeque::new(); rooms * senders],
        held_now: 0,
        held_total: 0,
        posted: 0,
        gone: 0,
        pay: vec![],
        out: Vec::with_capacity(4096),
    };
    let sent = |z: &Posts, y: &Tally| z.gone - y.refused.len() as u64;
    let mut next_sender = vec![0usize; rooms];
    let mut freed = vec![];
    let mut forgiven = 0u64;
    let mut snap0: Option<(Snap, u64, u64, u64, u64, u64)> = None;
    let mut rss_peak = rss0;
    let mut next_rss = 0u64;

    let t0 = sys::now_ns();
    let t1 = t0 + (warm * 1e9) as u64;
    let t2 = t1 + (secs * 1e9) as u64;
    let mut last_progress = t0;
    let gap_ns = if rate > 0.0 { 1e9 / rate } else { 0.0 };
    let mut late_max = 0u64;
    let end: Snap;
    let mut k = 0u64;
    loop {
        let now = sys::now_ns();
        if snap0.is_none() && now >= t1 {
            snap0 = Some((ctx.snap(), y.total, sent(&z, &y), y.acked, net.reads, net.writes));
        }
        // With a count, the last answers belong to the run.
        let counted = z.posted >= count
            && z.held_now == 0
            && (y.total - y.dup >= sent(&z, &y) * fan || now - last_progress > stall_ns);
        if now >= t2 || counted || net.ready == 0 {
            end = ctx.snap();
            break;
        }
        if now >= next_rss {
            next_rss = now + 100_000_000;
            rss_peak = rss_peak.max(ctx.rss());
        }
        let mut wait = 5;
        if rate > 0.0 {
            // Open loop: the stamp is the scheduled time, so a late sender
            // counts as latency.
            while z.posted < count && t0 + (k as f64 * gap_ns) as u64 <= now {
                let due = t0 + (k as f64 * gap_ns) as u64;
                late_max = late_max.max(now - due);
                let r = (k % rooms as u64) as usize;
                let s = ((k / rooms as u64) % senders as u64) as usize;
                z.posted += 1;
                y.room[r].sent += 1;
                z.post(net, p, r, s, due);
                k += 1;
                if k.is_multiple_of(64) {
                    break;
                }
            }
            let due = t0 + (k as f64 * gap_ns) as u64;
            wait = (due.saturating_sub(sys::now_ns()) / 1_000_000).min(5) as i32;
        } else {
            let mut cand = std::mem::take(&mut y.cand);
            for r in cand.drain(..) {
                let ri = r as usize;
                y.queued[ri] = false;
                while z.posted < count && y.room[ri].sent * fan < y.room[ri].recv + window * fan {
                    let s = next_sender[ri];
                    next_sender[ri] = (s + 1) % senders;
                    z.posted += 1;
                    y.room[ri].sent += 1;
                    z.post(net, p, ri, s, 0);
                }
            }
            cand.append(&mut y.cand);
            y.cand = cand;
        }
        let before = (y.total, y.acked, y.refused.len());
        let measuring = snap0.is_some();
        net.poll(p, wait, |c, i, rx, now| y.take(c, i, rx, now, measuring));
        std::mem::swap(&mut freed, &mut y.freed);
        for id in freed.drain(..) {
            z.release(net, p, id);
        }
        if (y.total, y.acked, y.refused.len()) != before {
            last_progress = sys::now_ns();
        } else if rate == 0.0 && count == u64::MAX && sys::now_ns() - last_progress > stall_ns {
            // Lost deliveries would stall a closed loop: write them off.
            for r in 0..rooms {
                let owed = (y.room[r].sent * fan).saturating_sub(y.room[r].recv);
                forgiven += owed;
                y.room[r].recv += owed;
                y.moved(r);
            }
            last_progress = sys::now_ns();
        }
    }
    let at_end = (y.total, sent(&z, &y), y.acked);
    // Drain: everything sent should still be answered and arrive.
    let answers = p.acks();
    let mut quiet = sys::now_ns();
    let drain0 = quiet;
    while (y.total - y.dup < sent(&z, &y) * fan || answers && y.acked < sent(&z, &y))
        && net.ready > 0
        && sys::now_ns() - quiet < quiet_ns
        && sys::now_ns() - drain0 < 15_000_000_000.max(3 * quiet_ns)
    {
        let b4 = (y.total, y.acked, y.refused.len());
        net.poll(p, 20, |c, i, rx, now| y.take(c, i, rx, now, true));
        y.freed.clear();
        if (y.total, y.acked, y.refused.len()) != b4 {
            quiet = sys::now_ns();
        }
        rss_peak = rss_peak.max(ctx.rss());
    }
    let drain_s = (sys::now_ns() - drain0) as f64 / 1e9;
    let (s0, tot0, sent0, ack0, rd0, wr0) = snap0.unwrap_or_else(|| (ctx.snap(), y.total, sent(&z, &y), y.acked, 0, 0));
    let dt = (end.t - s0.t) as f64 / 1e9;
    let del = at_end.0 - tot0;
    // Per-sender tails: what the last sequence numbers say is missing. What
    // was refused, or never answered, is not owed.
    let mut not_owed: Vec<(usize, usize, u32)> = y.refused.iter().map(|x| (x.0 as usize, x.1 as usize, x.2)).collect();
    let known = not_owed.len();
    let mut unanswered = 0u64;
    for r in 0..rooms {
        for s in 0..senders {
            p.in_flight(r * members + s, &mut |q| {
                not_owed.push((r, s, q));
                unanswered += 1;
            });
        }
    }
    let mut missing = 0i64;
    let mut gaps = y.gaps as i64;
    let live = |c: &Conn| !matches!(c.st, St::Dead | St::Stalled);
    for c in net.conns.iter().filter(|c| live(c)) {
        for s in 0..senders {
            missing += z.seqs[c.room as usize * senders + s].saturating_sub(c.last[s]) as i64;
        }
    }
    for (n, (r, s, q)) in not_owed.iter().enumerate() {
        for c in &net.conns[r * members..((r + 1) * members).min(net.conns.len())] {
            if c.last[*s] < *q {
                missing -= live(c) as i64;
            } else if n < known {
                gaps -= 1;
            }
        }
    }
    o.put("rooms", rooms);
    o.put("members", members);
    o.put("senders", senders);
    o.f("rate", rate, 0);
    o.put("window", if rate > 0.0 { 0 } else { window });
    o.f("secs", dt, 2);
    o.f("sent_per_s", (at_end.1 as f64 - sent0 as f64).max(0.0) / dt, 0);
    o.put("deliveries", del);
    o.f("deliveries_per_s", del as f64 / dt, 0);
    o.lat("lat", &y.h);
    if answers {
        o.put("acked", at_end.2 - ack0);
        o.f("acked_per_s", (at_end.2 - ack0) as f64 / dt, 0);
        o.lat("ack", &y.hack);
        o.f("server_cpu_s_per_M_acked", (end.run() - s0.run()) / (at_end.2 - ack0).max(1) as f64 * 1e6, 3);
        o.put("posted_total", z.gone);
        o.put("sent_total", sent(&z, &y));
        o.put("held_total", z.held_total);
        o.put("held_at_end", z.held_now);
    }
    o.cpu(&s0, &end, del);
    o.f("deliveries_per_read", del as f64 / (net.reads - rd0).max(1) as f64, 2);
    o.f("client_writes_per_s", (net.writes - wr0) as f64 / dt, 0);
    o.put("lost_tail", missing.max(0));
    o.put("gaps", gaps.max(0));
    // Fewer numbers missing than were refused: something refused was delivered.
    o.put("refused_but_delivered", (-gaps).max(0));
    o.put("duplicates", y.dup);
    o.put("out_of_order", y.ooo);
    o.put("bad", y.bad);
    o.put("written_off", forgiven);
    o.f("drain_s", drain_s, 2);
    o.f("send_late_max_us", late_max as f64 / 1e3, 0);
    o.put("rss_start_kib", rss0);
    o.put("rss_peak_kib", rss_peak);
    o.put("rss_growth_kib", rss_peak.saturating_sub(rss0));
    o.put("rss_end_kib", ctx.rss());
    o.put("stalled", rooms * stalled);
    o.put("dead", net.dead);
}
