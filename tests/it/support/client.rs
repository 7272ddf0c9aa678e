//! A chat client over a real socket, in the words tests are written in: `send`, `expect`, `refute`, `expect_close`.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use uuid::Uuid;

use super::mirror::{Complaint, Mirror};

/// How long a test waits for what must come. Generous: the machine may be busy, and bars on time are the bench's.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Why nothing more comes from a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The server closed it, with this code and reason. 1006: the connection broke without a close frame.
    Closed(u16, String),
    /// Nothing came in time.
    Silent,
    /// The server broke a promise of the protocol.
    Broken(Complaint),
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(code, reason) => write!(f, "the socket was closed with {code} {reason:?}"),
            Self::Silent => write!(f, "nothing came within {PATIENCE:?}"),
            Self::Broken(complaint) => write!(f, "a promise was broken: {complaint}"),
        }
    }
}

/// How a client stands at the door: what its upgrade request says.
#[derive(Clone, Debug)]
pub struct Door {
    pub path: String,
    pub host: Option<String>,
    pub origin: Option<String>,
    pub cookie: Option<String>,
    pub protocol: Option<String>,
}

impl Default for Door {
    fn default() -> Self {
        Self { path: "/ws".into(), host: None, origin: None, cookie: None, protocol: Some("domu.v1.json".into()) }
    }
}

/// The answer to a publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    pub mid: String,
    pub seq: u64,
    pub n: u64,
    pub ts: u64,
    pub cid: String,
    pub dup: bool,
}

impl Ack {
    /// Reads the `ok` of a publish.
    pub fn of(ok: &Value) -> Self {
        let count =
            |field: &str| ok[field].as_u64().unwrap_or_else(|| panic!("{field} should be a count in the answer {ok}"));
        let text = |field: &str| {
            ok[field].as_str().unwrap_or_else(|| panic!("{field} should be a text in the answer {ok}")).to_owned()
        };
        Self {
            mid: text("mid"),
            seq: count("seq"),
            n: count("n"),
            ts: count("ts"),
            cid: text("cid"),
            dup: ok["dup"].as_bool().unwrap_or_else(|| panic!("dup is missing in {ok}")),
        }
    }
}

/// One socket of one person.
pub struct Client {
    name: String,
    socket: WebSocketStream<TcpStream>,
    next_id: u64,
    replies: BTreeMap<u64, Value>,
    frames: VecDeque<Value>,
    publishes: BTreeMap<u64, (String, Value)>,
    connects: Vec<u64>,
    syncs: Vec<u64>,
    ended: Option<Gone>,
    /// What this client knows; follows every frame.
    pub mirror: Mirror,
    /// Whether what arrives is checked against the mirror. Off only where a test speaks nonsense on purpose.
    pub follows: bool,
}

impl Client {
    /// Upgrades, without `connect`. The error is the HTTP answer that came instead: status and body.
    pub async fn knock(name: &str, at: SocketAddr, door: &Door) -> Result<Self, (u16, String)> {
        let stream = TcpStream::connect(at).await.map_err(|error| (0, format!("no connection: {error}")))?;
        stream.set_nodelay(true).expect("nodelay");
        Self::knock_on(name, stream, at, door).await
    }

    /// Upgrades a connection that the test made itself.
    pub async fn knock_on(name: &str, stream: TcpStream, at: SocketAddr, door: &Door) -> Result<Self, (u16, String)> {
        use tokio_tungstenite::tungstenite::Error;
        use tokio_tungstenite::tungstenite::http::Request;
        let host = door.host.clone().unwrap_or_else(|| at.to_string());
        let mut request = Request::get(format!("ws://{host}{}", door.path))
            .header("host", &host)
            .header("upgrade", "websocket")
            .header("connection", "upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", tokio_tungstenite::tungstenite::handshake::client::generate_key());
        for (field, value) in
            [("origin", &door.origin), ("cookie", &door.cookie), ("sec-websocket-protocol", &door.protocol)]
        {
            if let Some(value) = value {
                request = request.header(field, value);
            }
        }
        let request = request.body(()).expect("an upgrade request");
        let upgraded = tokio::time::timeout(PATIENCE, tokio_tungstenite::client_async(request, stream)).await;
        match upgraded {
            Err(_) => Err((0, "no answer to the upgrade".into())),
            Ok(Ok((socket, _))) => Ok(Self {
                name: name.into(),
                socket,
                next_id: 0,
                replies: BTreeMap::new(),
                frames: VecDeque::new(),
                publishes: BTreeMap::new(),
                connects: Vec::new(),
                syncs: Vec::new(),
                ended: None,
                mirror: Mirror::default(),
                follows: true,
            }),
            Ok(Err(Error::Http(response))) => {
                let body = response
                    .body()
                    .as_deref()
                    .map(|body| String::from_utf8_lossy(body).into_owned())
                    .unwrap_or_default();
                Err((response.status().as_u16(), body))
            }
            Ok(Err(error)) => Err((0, error.to_string())),
        }
    }

    // ------------------------------------------------------------ saying

    /// Sends a text frame as it is.
    pub async fn say(&mut self, text: impl Into<String>) {
        let _broken_shows_on_reading = self.socket.send(Message::text(text.into())).await;
    }

    /// Sends a frame of any kind as it is.
    pub async fn say_frame(&mut self, message: Message) {
        let _broken_shows_on_reading = self.socket.send(message).await;
    }

    /// Sends a request and does not wait for its answer. Returns its id.
    pub async fn begin(&mut self, op: &str, channel: Option<&str>, data: Value) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        if op == "publish"
            && let Some(chat) = channel.and_then(|channel| channel.strip_prefix("chat:"))
        {
            self.publishes.insert(id, (chat.to_owned(), data.clone()));
        }
        if op == "connect" {
            self.connects.push(id);
        }
        if op == "sync" {
            self.syncs.push(id);
        }
        let mut frame = json!({"id": id, "op": op, "d": data});
        if let Some(channel) = channel {
            frame["ch"] = json!(channel);
        }
        self.say(frame.to_string()).await;
        id
    }

    /// Begins a publish under a client id of the caller's.
    pub async fn begin_publish(&mut self, chat: &str, cid: &str, text: &str) -> u64 {
        self.begin("publish", Some(&format!("chat:{chat}")), json!({"cid": cid, "text": text})).await
    }

    /// Says goodbye and waits until the server has answered it.
    pub async fn leave(mut self) {
        let _already_gone = self.socket.close(Some(CloseFrame { code: 1000.into(), reason: "".into() })).await;
        while self.pump(PATIENCE).await.is_ok() {}
    }

    /// Resets the connection: what a pulled plug looks like to the server.
    pub fn cut(self) {
        let stream = self.socket.into_inner();
        let _as_good_as_closed = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }

    // ------------------------------------------------------------ hearing

    /// Takes in one frame and files it.
    pub async fn pump(&mut self, patience: Duration) -> Result<(), Gone> {
        if let Some(gone) = &self.ended {
            return Err(gone.clone());
        }
        let Ok(next) = tokio::time::timeout(patience, self.socket.next()).await else { return Err(Gone::Silent) };
        let gone = match next {
            Some(Ok(Message::Text(text))) => match self.file(text.as_str()).await {
                Ok(()) => return Ok(()),
                Err(complaint) => Gone::Broken(complaint),
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Close(Some(frame)))) => Gone::Closed(frame.code.into(), frame.reason.to_string()),
            Some(Ok(Message::Close(None))) => Gone::Closed(1005, String::new()),
            Some(Ok(other)) => Gone::Broken(format!("a frame that is not text: {other:?}")),
            Some(Err(error)) => Gone::Closed(1006, error.to_string()),
            None => Gone::Closed(1006, "end of stream".into()),
        };
        self.ended = Some(gone.clone());
        Err(gone)
    }

    async fn file(&mut self, text: &str) -> Result<(), Complaint> {
        let frame: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error} in {text}"))?;
        // `id: null` answers a frame whose id could not be read; it is expected like an event.
        if let Some(id) = frame.get("id").filter(|id| !id.is_null()) {
            let id = id.as_u64().ok_or_else(|| format!("an answer without a usable id: {text}"))?;
            let publish = self.publishes.remove(&id);
            let connect = self.connects.iter().position(|one| *one == id).map(|index| self.connects.remove(index));
            let sync = self.syncs.iter().position(|one| *one == id).map(|index| self.syncs.remove(index));
            if self.follows
                && let Some(ok) = frame.get("ok")
            {
                if sync.is_some() {
                    self.mirror.synced(ok)?;
                }
                if let Some((chat, sent)) = publish {
                    self.mirror.acked(&chat, &sent, ok)?;
                }
                if connect.is_some() {
                    self.mirror.connected(ok)?;
                }
            }
            if self.replies.insert(id, frame).is_some() {
                return Err(format!("request {id} was answered twice"));
            }
            return Ok(());
        }
        if self.follows {
            self.mirror.frame(&frame)?;
        }
        if frame["op"] == "ping" {
            self.say(r#"{"op":"pong"}"#).await;
        }
        self.frames.push_back(frame);
        Ok(())
    }

    /// The answer to a request begun earlier.
    pub async fn try_reply(&mut self, id: u64) -> Result<Value, Gone> {
        let began = Instant::now();
        loop {
            if let Some(reply) = self.replies.remove(&id) {
                return Ok(reply);
            }
            self.pump(PATIENCE.saturating_sub(began.elapsed())).await?;
        }
    }

    /// Any answer that has come and was not taken yet, without waiting.
    pub fn take_reply(&mut self) -> Option<(u64, Value)> {
        self.replies.pop_first()
    }

    /// The answer to a request begun earlier.
    pub async fn reply(&mut self, id: u64) -> Value {
        match self.try_reply(id).await {
            Ok(reply) => reply,
            Err(gone) => panic!("{} waited for the answer to request {id}: {gone}", self.name),
        }
    }

    /// Like [`Client::settle`], for a socket that the server may be closing.
    pub async fn settled(&mut self) -> Result<(), Gone> {
        let id = self.begin("ping", None, json!({})).await;
        self.try_reply(id).await.map(drop)
    }

    /// Asks and waits for the answer, whatever it is.
    pub async fn request(&mut self, op: &str, channel: Option<&str>, data: Value) -> Value {
        let id = self.begin(op, channel, data).await;
        self.reply(id).await
    }

    /// Asks and expects to get it.
    pub async fn ask(&mut self, op: &str, channel: Option<&str>, data: Value) -> Value {
        let reply = self.request(op, channel, data).await;
        reply.get("ok").cloned().unwrap_or_else(|| panic!("{} asked for {op} and was refused: {reply}", self.name))
    }

    /// Asks and expects to be refused with this code. Returns the error.
    pub async fn refused(&mut self, op: &str, channel: Option<&str>, data: Value, code: u32) -> Value {
        let reply = self.request(op, channel, data.clone()).await;
        let error = reply
            .get("err")
            .cloned()
            .unwrap_or_else(|| panic!("{op} with {data} should be refused with {code}, but: {reply}"));
        assert_eq!(error["code"], code, "{op} with {data} was refused otherwise: {error}");
        error
    }

    // ------------------------------------------------------------ the words of a conversation

    /// Signs in on the socket with a token, or with the cookie of the upgrade, and resumes from what the mirror knows.
    pub async fn connect(&mut self, token: Option<&str>) -> Value {
        let mut data = json!({"v": 1, "client": "test/1"});
        if let Some(token) = token {
            data["token"] = json!(token);
        }
        if !self.mirror.epoch.is_empty() {
            data["resume"] = self.mirror.position();
        }
        self.ask("connect", None, data).await
    }

    /// Says something in a chat and waits until it is stored.
    pub async fn send(&mut self, chat: &str, text: &str) -> Ack {
        self.publish(chat, &Uuid::new_v4().to_string(), text).await
    }

    /// Says something in a chat under a client id of the caller's.
    pub async fn publish(&mut self, chat: &str, cid: &str, text: &str) -> Ack {
        Ack::of(&self.ask("publish", Some(&format!("chat:{chat}")), json!({"cid": cid, "text": text})).await)
    }

    /// The next frame of this kind that was not expected before. Frames of other kinds stay to be expected.
    pub async fn expect(&mut self, op: &str) -> Value {
        self.expect_where(op, |frame| frame["op"] == op).await
    }

    /// The next message with this text.
    pub async fn expect_text(&mut self, text: &str) -> Value {
        self.expect_where(&format!("the message {text:?}"), |frame| {
            frame["op"] == "message" && frame["d"]["text"] == text
        })
        .await
    }

    /// The next frame that `is` recognises.
    pub async fn expect_where(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            if let Some(found) = self.frames.iter().position(&is).and_then(|index| self.frames.remove(index)) {
                return found;
            }
            if let Err(gone) = self.pump(PATIENCE.saturating_sub(began.elapsed())).await {
                panic!("{} waited for {what}: {gone}; these had come: {:?}", self.name, self.frames);
            }
        }
    }

    /// Waits until the server has dealt with everything said so far on this socket, and its frames have arrived.
    pub async fn settle(&mut self) {
        self.ask("ping", None, json!({})).await;
    }

    /// Waits until this client has been told everything of a chat up to this position.
    pub async fn reach(&mut self, chat: &str, seq: u64) {
        let began = Instant::now();
        while self.mirror.chats.get(chat).is_none_or(|known| known.seq < seq) {
            if let Err(gone) = self.pump(PATIENCE.saturating_sub(began.elapsed())).await {
                panic!("{} waited for position {seq} of {chat}: {gone}", self.name);
            }
        }
    }

    /// No frame of this kind has come, up to now. Settle what would cause it first.
    pub async fn refute(&mut self, op: &str) {
        self.settle().await;
        if let Some(frame) = self.frames.iter().find(|frame| frame["op"] == op) {
            panic!("{} should not get a {op}, but got {frame}", self.name);
        }
    }

    /// The server closes this socket with this code. Returns the reason.
    pub async fn expect_close(&mut self, code: u16) -> String {
        let began = Instant::now();
        loop {
            match self.pump(PATIENCE.saturating_sub(began.elapsed())).await {
                Ok(()) => {}
                Err(Gone::Closed(found, reason)) if found == code => return reason,
                Err(other) => panic!("{} should be closed with {code}, but: {other}", self.name),
            }
        }
    }

    /// The server ends this socket with a close of this code, or by resetting the connection.
    pub async fn expect_end(&mut self, code: u16) {
        let began = Instant::now();
        loop {
            match self.pump(PATIENCE.saturating_sub(began.elapsed())).await {
                Ok(()) => {}
                Err(Gone::Closed(found, _)) if found == code || found == 1006 => return,
                Err(other) => panic!("{} should be closed with {code} or reset, but: {other}", self.name),
            }
        }
    }

    /// The frames that came and were not expected.
    pub fn unclaimed(&self) -> impl Iterator<Item = &Value> {
        self.frames.iter()
    }

    /// Forgets the frames that came.
    pub fn forget(&mut self) {
        self.frames.clear();
    }

    /// The chat as this client knows it.
    pub fn chat(&self, id: &str) -> &super::mirror::ChatMirror {
        self.mirror.chats.get(id).unwrap_or_else(|| panic!("{} knows no chat {id}", self.name))
    }
}
