//! The `domu.v1` adapter (JSON): a person per connection, from a file of
//! credentials; publishes with an id each and is answered after the commit.

use super::json::Cur;
use super::proto::*;
use super::sys;
use super::words::{self, Lengths, Words};
use std::collections::{BTreeMap, VecDeque};

pub struct Opts {
    pub creds: String,
    pub target: String,
    pub origin: String,
    /// Members of the connect request besides the token and the version.
    pub hello: String,
    /// Bytes of a text; 0: as people write.
    pub payload: usize,
    /// Requests in flight per connection (the protocol allows 32).
    pub cap: usize,
}

struct Cred {
    token: String,
    headers: String,
    chats: Vec<String>,
}

struct Fly {
    id: u64,
    t: u64,
    q: u32,
    cid: [u8; 36],
}

#[derive(Default)]
struct C {
    cred: usize,
    /// `chat:<uuid>`; empty if the workload needs none.
    ch: Vec<u8>,
    next_id: u64,
    fly: VecDeque<Fly>,
    /// Last seq of the chat and of the user stream; None before the first.
    seq: Option<u64>,
    user: Option<u64>,
    /// (sequence number, seq) of own messages, from ack or event, whichever came first.
    own: Vec<(u32, u64)>,
}

#[derive(Default)]
struct Stats {
    acked: u64,
    dup_acks: u64,
    stray: u64,
    refused: u64,
    codes: BTreeMap<String, (u64, String)>,
    seq_gaps: u64,
    seq_dup: u64,
    seq_ooo: u64,
    user_gaps: u64,
    mismatch: u64,
    foreign: u64,
    other_chat: u64,
    pings: u64,
    garbled: u64,
    no_subprotocol: u64,
    ops: BTreeMap<String, u64>,
}

pub struct Domu {
    o: Opts,
    creds: Vec<Cred>,
    c: Vec<C>,
    words: Words,
    t0: u64,
    rng: u64,
    st: Stats,
}

fn text(b: Option<&[u8]>) -> String {
    String::from_utf8_lossy(b.unwrap_or(b"")).into_owned()
}

fn cred(line: &str) -> Result<Cred, String> {
    let mut c = Cred { token: String::new(), headers: String::new(), chats: vec![] };
    let mut j = Cur::new(line.as_bytes());
    if !j.enter(b'{') {
        return Err("not a JSON object".into());
    }
    let header = |h: &mut String, k: &str, v: &str| {
        if v.contains(['\\', '\r', '\n']) {
            return Err(format!("{k}: characters that a header cannot hold"));
        }
        *h += &format!("{k}: {v}\r\n");
        Ok(())
    };
    while let Some(k) = j.key() {
        match k {
            b"token" => c.token = text(j.str()),
            b"cookie" => {
                let v = text(j.str());
                header(&mut c.headers, "Cookie", &v)?;
            }
            b"headers" if j.enter(b'{') => {
                while let Some(k) = j.key() {
                    let (k, v) = (text(Some(k)), text(j.str()));
                    header(&mut c.headers, &k, &v)?;
                }
            }
            b"chats" if j.enter(b'[') => {
                while j.more() {
                    let v = text(j.str());
                    c.chats.push(v.strip_prefix("chat:").unwrap_or(&v).to_string());
                }
            }
            _ => j.skip(),
        }
    }
    if c.token.is_empty() && c.headers.is_empty() {
        return Err("neither token nor cookie nor headers".into());
    }
    Ok(c)
}

impl Domu {
    pub fn new(o: Opts) -> Result<Domu, String> {
        let all = std::fs::read_to_string(&o.creds).map_err(|e| format!("--creds {}: {e}", o.creds))?;
        let mut creds = vec![];
        for (i, l) in all.lines().filter(|l| !l.trim().is_empty()).enumerate() {
            creds.push(cred(l).map_err(|e| format!("credentials, line {}: {e}", i + 1))?);
        }
        let mut seed = [0u8; 8];
        if let Ok(mut f) = std::fs::File::open("/dev/urandom") {
            let _ = std::io::Read::read_exact(&mut f, &mut seed);
        }
        let rng = u64::from_le_bytes(seed) ^ sys::now_ns();
        let words = Words::new(rng as u8, Lengths::new(o.payload));
        Ok(Domu { o, creds, c: vec![], words, t0: sys::now_ns(), rng, st: Stats::default() })
    }

    /// A random (version 4) UUID, as browsers make them.
    fn cid(&mut self) -> [u8; 36] {
        const H: &[u8; 16] = b"0123456789abcdef";
        let v = (words::splitmix(&mut self.rng) as u128) << 64 | words::splitmix(&mut self.rng) as u128;
        let v = v & !(0xf000 << 64 | 0xc000 << 48) | 0x4000 << 64 | 0x8000 << 48;
        let mut out = [b'-'; 36];
        let mut bit = 128;
        for (i, x) in out.iter_mut().enumerate() {
            if !matches!(i, 8 | 13 | 18 | 23) {
                bit -= 4;
                *x = H[(v >> bit) as usize & 15];
            }
        }
        out
    }

    fn error(&mut self, j: &mut Cur, about: &str) -> (u64, String) {
        let (mut code, mut name, mut d) = (0, String::new(), String::new());
        if j.enter(b'{') {
            while let Some(k) = j.key() {
                match k {
                    b"code" => code = j.num().unwrap_or(0),
                    b"name" => name = text(j.str()),
                    b"d" => d = text(Some(j.raw())),
                    _ => j.skip(),
                }
            }
        } else {
            j.skip();
        }
        let e = self.st.codes.entry(code.to_string()).or_insert_with(|| (0, format!("{name} {d} {about}")));
        e.0 += 1;
        (code, name)
    }

    /// The reply to connect: where this connection's streams stand.
    fn connected(&mut self, i: usize, j: &mut Cur) {
        let c = &mut self.c[i];
        if !j.enter(b'{') {
            return j.skip();
        }
        while let Some(k) = j.key() {
            match k {
                b"user" if j.enter(b'{') => {
                    while let Some(k) = j.key() {
                        if k == b"seq" {
                            c.user = j.num();
                        } else {
                            j.skip();
                        }
                    }
                }
                b"chats" if !c.ch.is_empty() && j.enter(b'[') => {
                    while j.more() {
                        if !j.enter(b'{') {
                            j.skip();
                            continue;
                        }
                        let (mut mine, mut head) = (false, None);
                        while let Some(k) = j.key() {
                            match k {
                                b"id" => {
                                    let v = j.str().unwrap_or(b"");
                                    mine = v == &c.ch[5..] || v == &c.ch[..];
                                }
                                b"head" => head = j.num(),
                                _ => j.skip(),
                            }
                        }
                        if mine {
                            c.seq = head;
                        }
                    }
                }
                _ => j.skip(),
            }
        }
    }

    fn own(&mut self, i: usize, q: u32, seq: u64) {
        let o = &mut self.c[i].own;
        if o.is_empty() {
            o.resize(256, (0, 0));
        }
        let e = &mut o[q as usize & 255];
        if e.0 == q && e.1 != seq {
            self.st.mismatch += 1;
        }
        *e = (q, seq);
    }

    fn reply(&mut self, w: &Who, id: u64, ok: bool, j: &mut Cur) -> Ev {
        let i = w.id as usize;
        if id == 1 {
            if ok {
                self.connected(i, j);
                return Ev::Ready;
            }
            let (code, name) = self.error(j, "(connect)");
            return Ev::Fail(format!("connect refused: {code} {name}"));
        }
        let Some(at) = self.c[i].fly.iter().position(|f| f.id == id) else {
            self.st.stray += 1;
            j.skip();
            return Ev::Nothing;
        };
        let f = self.c[i].fly.remove(at).unwrap();
        if !ok {
            self.st.refused += 1;
            self.error(j, "(publish)");
            return Ev::Rx(Rx::Err { s: w.member, q: f.q });
        }
        let (mut seq, mut dup) = (0, false);
        if j.enter(b'{') {
            while let Some(k) = j.key() {
                match k {
                    b"seq" => seq = j.num().unwrap_or(0),
                    b"dup" => dup = j.raw() == b"true",
                    b"cid" => {
                        if j.str() != Some(&f.cid[..]) {
                            self.st.mismatch += 1;
                        }
                    }
                    _ => j.skip(),
                }
            }
        } else {
            j.skip();
        }
        self.st.acked += 1;
        self.st.dup_acks += dup as u64;
        self.own(i, f.q, seq);
        if !dup {
            let (c, st) = (&mut self.c[i], &mut self.st);
            step(&mut c.seq, seq, &mut st.seq_gaps, &mut st.seq_dup, &mut st.seq_ooo);
        }
        Ev::Rx(Rx::Ack { t: f.t, s: w.member, q: f.q })
    }
}

fn step(last: &mut Option<u64>, seq: u64, gaps: &mut u64, dup: &mut u64, ooo: &mut u64) {
    match *last {
        Some(l) if seq == l + 1 => *last = Some(seq),
        Some(l) if seq > l => {
            *gaps += seq - l - 1;
            *last = Some(seq);
        }
        Some(l) if seq == l => *dup += 1,
        Some(_) => *ooo += 1,
        None => *last = Some(seq),
    }
}

impl Proto for Domu {
    fn name(&self) -> &'static str {
        "domu"
    }
    fn target(&self, _w: &Who) -> String {
        self.o.target.clone()
    }
    fn headers(&self, w: &Who) -> String {
        let mut h = String::from("Sec-WebSocket-Protocol: domu.v1.json\r\n");
        if !self.o.origin.is_empty() {
            h += &format!("Origin: {}\r\n", self.o.origin);
        }
        h + &self.creds[self.c[w.id as usize].cred].headers
    }
    fn upgraded(&mut self, _w: &Who, head: &[u8]) {
        let h = String::from_utf8_lossy(head).to_ascii_lowercase();
        if !h.lines().any(|l| l.starts_with("sec-websocket-protocol:") && l.contains("domu.v1.json")) {
            self.st.no_subprotocol += 1;
        }
    }
    fn open(&mut self, w: &Who, out: &mut Vec<u8>) -> bool {
        let t = &self.creds[self.c[w.id as usize].cred].token;
        let mut s = String::from("{\"id\":1,\"op\":\"connect\",\"d\":{");
        if !t.is_empty() {
            s += &format!("\"token\":\"{t}\",");
        }
        s += "\"v\":1";
        if !self.o.hello.is_empty() {
            s.push(',');
            s += &self.o.hello;
        }
        s += "}}";
        put_frame(out, TEXT, &[s.as_bytes()]);
        false
    }

    fn assign(&mut self, plan: &[(u32, u32, usize)], rooms: bool) -> Result<(), String> {
        if self.creds.is_empty() || rooms && plan.len() > self.creds.len() {
            return Err(format!("{} connections, but credentials for {}", plan.len(), self.creds.len()));
        }
        self.c = (0..plan.len()).map(|i| C { cred: i % self.creds.len(), next_id: 2, ..C::default() }).collect();
        if !rooms {
            return Ok(());
        }
        // The chat of a room: the first that all its members have.
        let mut taken = BTreeMap::new();
        let mut a = 0;
        while a < plan.len() {
            let b = a + plan[a..].iter().take_while(|p| p.0 == plan[a].0).count();
            let m = &self.creds[a..b];
            let chat =
                m[0].chats.iter().find(|x| m.iter().all(|y| y.chats.contains(x)) && !taken.contains_key(*x)).cloned();
            let lines = format!("credential lines {} to {}", a + 1, b);
            let Some(chat) = chat else {
                return Err(format!("room {}: {lines} share no chat (or only one that another room uses)", plan[a].0));
            };
            for c in &mut self.c[a..b] {
                c.ch = format!("chat:{chat}").into_bytes();
            }
            taken.insert(chat, ());
            a = b;
        }
        Ok(())
    }
    fn stamp(&mut self, buf: &mut Vec<u8>, t: u64, s: u32, q: u32) {
        self.words.write(buf, t.saturating_sub(self.t0), s, q);
    }
    fn may_publish(&self, id: usize) -> bool {
        self.c[id].fly.len() < self.o.cap
    }
    fn acks(&self) -> bool {
        true
    }
    fn in_flight(&self, id: usize, f: &mut dyn FnMut(u32)) {
        if let Some(c) = self.c.get(id) {
            c.fly.iter().for_each(|x| f(x.q));
        }
    }

    fn publish(&mut self, w: &Who, t: u64, q: u32, payload: &[u8], out: &mut Vec<u8>) {
        let cid = self.cid();
        let c = &mut self.c[w.id as usize];
        let id = c.next_id;
        c.next_id += 1;
        c.fly.push_back(Fly { id, t, q, cid });
        let mut num = [0u8; 20];
        let mut at = 20;
        let mut v = id;
        while v > 0 {
            at -= 1;
            num[at] = b'0' + (v % 10) as u8;
            v /= 10;
        }
        put_frame(
            out,
            TEXT,
            &[
                b"{\"id\":",
                &num[at..],
                b",\"op\":\"publish\",\"ch\":\"",
                &c.ch,
                b"\",\"d\":{\"cid\":\"",
                &cid,
                b"\",\"text\":\"",
                payload,
                b"\"}}",
            ],
        );
    }

    fn frame(&mut self, w: &Who, _op: u8, p: &[u8], out: &mut Vec<u8>) -> Ev {
        let i = w.id as usize;
        let mut j = Cur::new(p);
        if !j.enter(b'{') {
            self.st.garbled += 1;
            return Ev::Nothing;
        }
        let (mut id, mut op, mut ch, mut seq, mut body) = (None, None, None, None, None);
        let mut verdict: Option<(bool, usize)> = None;
        while let Some(k) = j.key() {
            match k {
                b"op" => op = j.str(),
                b"ch" => ch = j.str(),
                b"seq" => seq = j.num(),
                b"id" => id = j.num(),
                b"ok" | b"err" => {
                    verdict = Some((k == b"ok", j.i));
                    // Nearly always id comes first and nothing comes after.
                    if id.is_some() {
                        break;
                    }
                    j.skip();
                }
                b"d" if j.enter(b'{') => {
                    while let Some(k) = j.key() {
                        if k == b"text" {
                            body = j.str();
                        } else {
                            j.skip();
                        }
                    }
                }
                _ => j.skip(),
            }
        }
        if let Some((ok, at)) = verdict {
            let mut j = Cur::new(p);
            j.i = at;
            return match id {
                Some(id) => self.reply(w, id, ok, &mut j),
                None => {
                    self.error(&mut j, "(no id)");
                    Ev::Nothing
                }
            };
        }
        let Some(op) = op else {
            self.st.garbled += 1;
            return Ev::Nothing;
        };
        if op == b"ping" {
            self.st.pings += 1;
            match id {
                Some(n) => put_frame(out, TEXT, &[format!("{{\"id\":{n},\"op\":\"pong\"}}").as_bytes()]),
                None => put_frame(out, TEXT, &[b"{\"op\":\"pong\"}"]),
            }
            return Ev::Nothing;
        }
        let st = &mut self.st;
        let c = &mut self.c[i];
        let mine = ch == Some(&c.ch[..]);
        if let Some(n) = seq {
            if mine {
                step(&mut c.seq, n, &mut st.seq_gaps, &mut st.seq_dup, &mut st.seq_ooo);
            } else if ch == Some(b"user") {
                step(&mut c.user, n, &mut st.user_gaps, &mut st.seq_dup, &mut st.seq_ooo);
            }
        }
        if op != b"message" {
            *st.ops.entry(text(Some(op))).or_default() += 1;
            return Ev::Nothing;
        }
        if !mine {
            st.other_chat += 1;
            return Ev::Nothing;
        }
        match body.and_then(|b| self.words.read(b)) {
            Some((t, s, q)) => {
                if s == w.member {
                    self.own(i, q, seq.unwrap_or(0));
                }
                Ev::Rx(Rx::Msg { t: t + self.t0, s, q })
            }
            None => {
                st.foreign += 1;
                Ev::Nothing
            }
        }
    }

    fn report(&mut self, put: &mut dyn FnMut(&str, String)) {
        let s = &self.st;
        let open: usize = self.c.iter().map(|c| c.fly.len()).sum();
        for (k, v) in [
            ("acked_total", s.acked),
            ("refused_total", s.refused),
            ("unanswered", open as u64),
            ("duplicate_acks", s.dup_acks),
            ("stray_replies", s.stray),
            ("seq_gaps", s.seq_gaps),
            ("seq_duplicates", s.seq_dup),
            ("seq_out_of_order", s.seq_ooo),
            ("user_seq_gaps", s.user_gaps),
            ("ack_event_mismatch", s.mismatch),
            ("foreign_messages", s.foreign),
            ("other_chat_messages", s.other_chat),
            ("app_pings", s.pings),
            ("garbled_frames", s.garbled),
            ("no_subprotocol", s.no_subprotocol),
        ] {
            put(k, v.to_string());
        }
        for (k, (n, first)) in &s.codes {
            put(&format!("err_{k}"), n.to_string());
            put(&format!("err_{k}_first"), first.trim().chars().take(200).collect());
        }
        for (k, n) in s.ops.iter().take(20) {
            put(&format!("op_{k}"), n.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Domu {
        let o = Opts {
            creds: String::new(),
            target: "/ws".into(),
            origin: String::new(),
            hello: String::new(),
            payload: 100,
            cap: 32,
        };
        let creds = vec![
            cred(r#"{"chats":["x","u-1"],"token":"t"}"#).unwrap(),
            cred(r#"{"cookie":"a=b","chats":["chat:u-1"]}"#).unwrap(),
        ];
        Domu { o, creds, c: vec![], words: Words::new(3, Lengths::new(100)), t0: 0, rng: 1, st: Stats::default() }
    }

    #[test]
    fn reads_replies_and_events() {
        let mut d = one();
        d.assign(&[(0, 0, 2), (0, 1, 2)], true).unwrap();
        let w = Who { room: 0, member: 0, id: 0 };
        assert!(d.headers(&Who { room: 0, member: 1, id: 1 }).ends_with("Cookie: a=b\r\n"));
        let mut out = vec![];
        let head =
            br#"{"id":1,"ok":{"user":{"seq":7},"chats":[{"events":[{"id":"u-1","head":1}],"head":41,"id":"u-1"}]}}"#;
        assert!(matches!(d.frame(&w, 1, head, &mut out), Ev::Ready));
        assert_eq!((d.c[0].seq, d.c[0].user), (Some(41), Some(7)));
        let mut text = vec![];
        for q in [1, 2] {
            d.stamp(&mut text, 16 * q as u64, 0, q);
            d.publish(&w, 16, q, &text, &mut out);
        }
        let t = String::from_utf8(text.clone()).unwrap();
        assert!(matches!(
            d.frame(&w, 1, br#"{"id":3,"ok":{"mid":"m","seq":43,"ts":1,"dup":false}}"#, &mut out),
            Ev::Rx(Rx::Ack { t: 16, s: 0, q: 2 })
        ));
        assert!(matches!(
            d.frame(&w, 1, br#"{"err":{"d":{"rule":"r"},"code":42200,"name":"n"},"id":2}"#, &mut out),
            Ev::Rx(Rx::Err { s: 0, q: 1 })
        ));
        assert_eq!((d.st.acked, d.st.refused, d.st.codes["42200"].0), (1, 1, 1));
        let ev = format!(r#"{{"ch":"chat:u-1","d":{{"u":{{"text":1}},"text":"{t}"}},"op":"message","seq":44}}"#);
        assert!(matches!(d.frame(&w, 1, ev.as_bytes(), &mut out), Ev::Rx(Rx::Msg { t: 32, s: 0, q: 2 })));
        // 42 never came; the acknowledgement said 43 and the event 44.
        assert_eq!((d.st.seq_gaps, d.st.mismatch), (1, 1));
        out.clear();
        d.frame(&w, 1, br#"{"op":"ping","h":{"user":7}}"#, &mut out);
        assert!(out.ends_with(br#"{"op":"pong"}"#));
        assert!(matches!(
            d.frame(&w, 1, br#"{"id":1,"err":{"code":40100,"name":"unauthorized"}}"#, &mut out),
            Ev::Fail(_)
        ));
    }
}
