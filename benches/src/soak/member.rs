//! One person with one socket: says something now and then, and comes back however the socket ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::http::Request;

use super::Scene;
use crate::load::words::splitmix;

/// Silence for so long is an error where an answer is due.
const PATIENCE: Duration = Duration::from_secs(30);
/// Tries after which somebody counts as shut out.
const TRIES: u32 = 50;

type Socket = WebSocketStream<TcpStream>;

/// How a socket ends.
enum End {
    /// With a goodbye.
    Leaves,
    /// With a reset.
    Breaks,
    /// Nothing is read for a while; the server may have ended it by then.
    Stalls,
}

/// How a life went on.
enum Next {
    Another,
    Done,
}

/// One person.
pub(super) struct Member {
    number: usize,
    cookie: String,
    chat: String,
    channel: String,
    scene: Arc<Scene>,
    rng: u64,
    /// What is known: the life of the store, and the last numbers.
    epoch: String,
    user: u64,
    seq: u64,
    said: u32,
    /// Said and not answered: client id and text.
    open: Option<(String, String)>,
    asked: u64,
    /// Everything that was said before has been heard.
    ponged: bool,
    /// The server stops: the time in which one shall come back.
    within: Option<Duration>,
}

impl Member {
    pub(super) fn new(number: usize, person: &Value, scene: Arc<Scene>) -> anyhow::Result<Self> {
        let cookie = person["cookie"].as_str().context("no cookie")?.to_owned();
        let chat = person["chats"][0].as_str().context("no chat")?.to_owned();
        Ok(Self {
            number,
            cookie,
            channel: format!("chat:{chat}"),
            chat,
            scene,
            rng: 0x5eed ^ (number as u64) << 17,
            epoch: String::new(),
            user: 0,
            seq: 0,
            said: 0,
            open: None,
            asked: 1,
            ponged: false,
            within: None,
        })
    }

    /// A number in 0..1.
    fn draw(&mut self) -> f64 {
        (splitmix(&mut self.rng) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time with this mean, as between things that do not know of each other.
    fn time(&mut self, mean: f64) -> Duration {
        Duration::from_secs_f64((-(1.0 - self.draw()).ln() * mean).min(1e6))
    }

    /// Lives until all is quiet. Gives the chat and its last number.
    pub(super) async fn live(mut self, begins: Duration) -> (String, u64) {
        sleep(begins).await;
        self.lives().await;
        (self.chat, self.seq)
    }

    async fn lives(&mut self) {
        let mut settled = false;
        let mut failed = 0;
        loop {
            match self.come().await {
                Ok(socket) => {
                    failed = 0;
                    self.scene.count("lives");
                    self.scene.tally().here += 1;
                    let next = self.life(socket, &mut settled).await;
                    self.scene.tally().here -= 1;
                    if let Some(within) = self.within.take() {
                        let part = self.draw();
                        sleep(within.mul_f64(part)).await;
                    }
                    if matches!(next, Next::Done) {
                        return;
                    }
                }
                Err(why) => {
                    failed += 1;
                    if failed > TRIES {
                        self.scene.error(format!("shut out: {why:#}"));
                        return self.settle(&mut settled);
                    }
                    self.scene.count("put off");
                    let wait = self.draw();
                    let told = told(&why).unwrap_or(Duration::from_millis(100));
                    sleep(told + Duration::from_millis((wait * 900.0) as u64)).await;
                }
            }
        }
    }

    /// Has nothing more to say.
    fn settle(&self, settled: &mut bool) {
        if !std::mem::replace(settled, true) {
            self.scene.settled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens a socket and connects, from where this person is.
    async fn come(&mut self) -> anyhow::Result<Socket> {
        let address = format!("127.0.0.1:{}", self.scene.port);
        let stream = TcpStream::connect(&address).await?;
        stream.set_nodelay(true)?;
        let request = Request::get(format!("ws://{address}/ws"))
            .header("host", &address)
            .header("upgrade", "websocket")
            .header("connection", "upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", tokio_tungstenite::tungstenite::handshake::client::generate_key())
            .header("sec-websocket-protocol", "domu.v1.json")
            .header("origin", format!("http://{address}"))
            .header("cookie", &self.cookie)
            .body(())?;
        let (mut socket, _) = timeout(PATIENCE, tokio_tungstenite::client_async(request, stream)).await??;
        let mut data = json!({"v": 1, "client": "soak", "window": [0, 0]});
        if !self.epoch.is_empty() {
            let chats = BTreeMap::from([(&self.chat, self.seq)]);
            data["resume"] = json!({"epoch": self.epoch, "user": self.user, "chats": chats});
        }
        socket.send(Message::text(json!({"id": 1, "op": "connect", "d": data}).to_string())).await?;
        let answer = timeout(PATIENCE, async {
            loop {
                match socket.next().await.context("the end of the stream")?? {
                    Message::Text(text) => break anyhow::Ok(serde_json::from_str::<Value>(text.as_str())?),
                    Message::Close(frame) => anyhow::bail!("closed: {frame:?}"),
                    _ => {}
                }
            }
        });
        let answer = answer.await??;
        let ok = answer.get("ok").with_context(|| format!("refused: {answer}"))?;
        self.welcomed(ok);
        Ok(socket)
    }

    fn welcomed(&mut self, ok: &Value) {
        let resumes = !self.epoch.is_empty();
        let epoch = ok["epoch"].as_str().unwrap_or_default();
        if resumes && epoch != self.epoch {
            self.scene.error("the store has another life");
        }
        self.epoch = epoch.to_owned();
        self.user = ok["user"]["seq"].as_u64().unwrap_or(0);
        let chats = ok["chats"].as_array();
        let Some(chat) = chats.into_iter().flatten().find(|chat| chat["id"] == *self.chat) else {
            return self.scene.error("a chat is gone");
        };
        let head = chat["head"].as_u64().unwrap_or(0);
        if chat["initial"] == true {
            self.scene.count(if resumes { "taken anew" } else { "first" });
            if resumes && head < self.seq {
                self.scene.error("a chat has gone back");
            }
            self.seq = head;
            return;
        }
        self.scene.count("resumed");
        for event in chat["events"].as_array().into_iter().flatten() {
            self.event(event);
        }
        if self.seq != head {
            self.scene.error(format!("resumed to another number than the head of {head}"));
        }
    }

    /// The next number of the chat.
    fn step(&mut self, seq: u64) {
        if seq != self.seq + 1 {
            self.scene.error(if seq > self.seq { "a hole in a chat" } else { "a number twice in a chat" });
        }
        self.seq = self.seq.max(seq);
    }

    fn event(&mut self, event: &Value) {
        if let Some(seq) = event["seq"].as_u64() {
            self.step(seq);
        }
    }

    /// One socket, from its welcome to its end.
    async fn life(&mut self, mut socket: Socket, settled: &mut bool) -> Next {
        let mut quiet = self.scene.quiet.clone();
        let churn = self.scene.options.churn;
        let ends = Instant::now() + if churn > 0.0 { self.time(1.0 / churn) } else { Duration::from_secs(1 << 20) };
        let mut speaks = Instant::now() + self.time(self.scene.options.every);
        let mut answer_due = None;
        if self.open.is_some() && !self.say(&mut socket, &mut answer_due).await {
            return Next::Another;
        }
        loop {
            let hushed = *quiet.borrow_and_update();
            if hushed && self.open.is_none() {
                self.settle(settled);
                return self.last_words(socket).await;
            }
            tokio::select! {
                heard = socket.next() => {
                    if !self.heard(heard, &mut socket, &mut answer_due).await {
                        return Next::Another;
                    }
                }
                () = sleep_until(ends), if !hushed => return self.end(socket).await,
                () = sleep_until(speaks), if !hushed && self.open.is_none() => {
                    speaks = Instant::now() + self.time(self.scene.options.every);
                    let (mut text, at) = (Vec::new(), self.scene.now());
                    self.said += 1;
                    let by = (self.number % 65_536) as u32;
                    self.scene.words.lock().unwrap_or_else(std::sync::PoisonError::into_inner).write(&mut text, at, by, self.said);
                    let cid = self.cid();
                    self.open = Some((cid, String::from_utf8_lossy(&text).into_owned()));
                    self.scene.count("said");
                    if !self.say(&mut socket, &mut answer_due).await {
                        return Next::Another;
                    }
                }
                () = sleep_until(answer_due.unwrap_or(ends)), if answer_due.is_some() => {
                    self.scene.error("a message was not answered in time");
                    return Next::Another;
                }
                _ = quiet.changed(), if !hushed => {}
            }
        }
    }

    /// A random (version 4) UUID.
    fn cid(&mut self) -> String {
        let (one, other) = (splitmix(&mut self.rng), splitmix(&mut self.rng));
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            one >> 32,
            one >> 16 & 0xffff,
            one & 0xfff,
            other >> 52,
            other & 0xffff_ffff_ffff
        )
    }

    /// Says what is not answered yet. Whether the socket took it.
    async fn say(&mut self, socket: &mut Socket, answer_due: &mut Option<Instant>) -> bool {
        let Some((cid, text)) = &self.open else { return true };
        self.asked += 1;
        let d = json!({"cid": cid, "text": text});
        let frame = json!({"id": self.asked, "op": "publish", "ch": self.channel, "d": d});
        *answer_due = Some(Instant::now() + PATIENCE);
        socket.send(Message::text(frame.to_string())).await.is_ok()
    }

    /// Takes in a frame. Whether the socket goes on.
    async fn heard(
        &mut self,
        heard: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
        socket: &mut Socket,
        answer_due: &mut Option<Instant>,
    ) -> bool {
        let text = match heard {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map_or(1005, |frame| u16::from(frame.code));
                if code == 4200 && self.within.is_some() {
                    self.scene.count("sent away");
                    return false;
                }
                self.scene.error(format!("closed with {code}"));
                return false;
            }
            Some(Ok(_)) => return true,
            Some(Err(error)) => {
                self.scene.error(format!("broken: {error}"));
                return false;
            }
            None => {
                self.scene.error("ended without a word");
                return false;
            }
        };
        let Ok(frame) = serde_json::from_str::<Value>(text.as_str()) else {
            self.scene.error("a frame that is no JSON");
            return true;
        };
        if frame["op"] == "reconnect" {
            self.within = frame["d"]["within_ms"].as_u64().map(Duration::from_millis);
            return true;
        }
        if frame["op"] == "ping" {
            return socket.send(Message::text(r#"{"op":"pong"}"#)).await.is_ok();
        }
        if let Some(ok) = frame.get("ok") {
            if ok.get("cid").is_none() {
                self.ponged = true;
                return true;
            }
            let dup = ok["dup"] == true;
            self.scene.count(if dup { "answered as known" } else { "answered" });
            if let Some(seq) = ok["seq"].as_u64().filter(|seq| !dup || *seq > self.seq) {
                self.step(seq);
            }
            self.open = None;
            *answer_due = None;
        } else if let Some(error) = frame.get("err") {
            self.scene.error(format!("refused: {}", error["name"].as_str().unwrap_or_default()));
            self.open = None;
            *answer_due = None;
        } else if frame["ch"] == *self.channel {
            self.event(&frame);
            let said = frame["d"]["text"].as_str().unwrap_or_default().as_bytes();
            let words = self.scene.words.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let read = words.read(said);
            drop(words);
            if let Some((at, _, _)) = read {
                self.scene.delivered(at);
            }
        }
        true
    }

    /// Ends a socket in one of the ways in which sockets end.
    async fn end(&mut self, mut socket: Socket) -> Next {
        let draw = self.draw();
        let end = if draw < 0.5 {
            End::Leaves
        } else if draw < 0.8 {
            End::Breaks
        } else {
            End::Stalls
        };
        match end {
            End::Leaves => {
                self.scene.count("left");
                let _gone = socket.close(None).await.is_err();
                let _late = timeout(PATIENCE, async { while let Some(Ok(_)) = socket.next().await {} }).await.is_err();
            }
            End::Breaks => {
                self.scene.count("broke off");
                drop(socket);
            }
            End::Stalls => {
                self.scene.count("stalled");
                // Up to a quarter of a minute; in a short soak a tenth of it.
                let long = self.draw() * (self.scene.options.minutes * 6.0).min(15.0);
                sleep(Duration::from_secs_f64(long)).await;
                drop(socket);
            }
        }
        let away = self.draw();
        sleep(Duration::from_secs_f64(away * 2.0)).await;
        Next::Another
    }

    /// Waits until everything said by anybody has come, then leaves.
    async fn last_words(&mut self, mut socket: Socket) -> Next {
        let mut due = None;
        while self.scene.settled.load(Ordering::Relaxed) < self.scene.members {
            if let Ok(heard) = timeout(Duration::from_millis(200), socket.next()).await
                && !self.heard(heard, &mut socket, &mut due).await
            {
                return Next::Another;
            }
        }
        self.asked += 1;
        self.ponged = false;
        let ping = json!({"id": self.asked, "op": "ping", "d": {}});
        if socket.send(Message::text(ping.to_string())).await.is_err() {
            return Next::Another;
        }
        while !self.ponged {
            let Ok(heard) = timeout(PATIENCE, socket.next()).await else {
                self.scene.error("a ping was not answered in time");
                return Next::Done;
            };
            if !self.heard(heard, &mut socket, &mut due).await {
                return Next::Another;
            }
        }
        let _gone = socket.close(None).await.is_err();
        let _late = timeout(PATIENCE, async { while let Some(Ok(_)) = socket.next().await {} }).await.is_err();
        Next::Done
    }
}

/// When somebody who was put off shall come again.
fn told(why: &anyhow::Error) -> Option<Duration> {
    let Some(tokio_tungstenite::tungstenite::Error::Http(answer)) = why.downcast_ref() else { return None };
    let body: Value = serde_json::from_slice(answer.body().as_deref()?).ok()?;
    body["after_ms"].as_u64().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::load::words::{Lengths, Words};
    use crate::soak::{Options, Tally};

    fn one() -> Member {
        let options =
            Options { sockets: 2, minutes: 1.0, churn: 0.1, every: 1.0, slope_max: 1.0, restart: false, json: false };
        let scene = Scene {
            port: 1,
            options,
            began: std::time::Instant::now(),
            words: Mutex::new(Words::new(1, Lengths::new(0))),
            tally: Mutex::new(Tally::default()),
            quiet: tokio::sync::watch::channel(false).1,
            settled: Default::default(),
            members: 2,
        };
        Member::new(0, &json!({"cookie": "a=b", "chats": ["c"]}), Arc::new(scene)).unwrap()
    }

    fn reply(head: u64, initial: bool, seqs: &[u64]) -> Value {
        let events: Vec<_> = seqs.iter().map(|seq| json!({"seq": seq})).collect();
        json!({"epoch": "e", "user": {"seq": 1}, "chats": [{"id": "c", "head": head, "initial": initial, "events": events}]})
    }

    fn errors(member: &Member) -> usize {
        member.scene.tally().errors.len()
    }

    #[test]
    fn what_is_as_promised_is_no_error() {
        let mut member = one();
        member.welcomed(&reply(4, true, &[]));
        member.event(&json!({"seq": 5}));
        member.welcomed(&reply(7, false, &[6, 7]));
        member.event(&json!({"op": "typing"}));
        assert_eq!((member.seq, errors(&member)), (7, 0));
    }

    #[test]
    fn holes_repetitions_and_false_recoveries_are_errors() {
        for seqs in [&[6][..], &[4]] {
            let mut member = one();
            member.welcomed(&reply(4, true, &[]));
            seqs.iter().for_each(|seq| member.event(&json!({"seq": seq})));
            assert_eq!(errors(&member), 1, "{seqs:?}");
        }
        for second in [reply(7, false, &[5, 7]), reply(7, false, &[]), reply(3, true, &[]), json!({"epoch": "f"})] {
            let mut member = one();
            member.welcomed(&reply(4, true, &[]));
            member.welcomed(&second);
            assert!(errors(&member) > 0, "{second}");
        }
    }
}
