//! The hot path in pieces, each done a given number of times, for `tests/instructions/run` to count under valgrind.
//!
//! The count of one is the difference of two runs, so that start, setting up and the ends of threads are in neither.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use domu::app::{self, Setup};
use domu::clock::Clock;
use domu::config::Config;
use domu::demo::crowd::{self, Crowd};
use domu::ids::{ChatId, ClientMessageId, MessageId, UserId, new_id};
use domu::protocol::server::{Body, Channel, Event, Message};
use domu::protocol::{client, frame};
use domu::realtime::{Delivery, Flusher, Frame, Hub, OutboxLimits, StreamId};
use domu::store::{Lane, NewMessage, Store};
use secrecy::ExposeSecret as _;

const TEXT: &str = "Zullen we zaterdag samen naar dat huis bij het park kijken? Ik kan vanaf twee uur.";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let piece = arguments.next().expect("a piece");
    let times: u64 = arguments.next().and_then(|times| times.parse().ok()).expect("how many times");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match piece.as_str() {
        "decode" => decode(times),
        "encode" => encode(times),
        "deliver" => runtime.block_on(deliver(times)),
        "append" => runtime.block_on(append(times)),
        "ping" => runtime.block_on(ping(times)),
        other => panic!("there is no piece {other}"),
    }
}

/// A publish frame as a client sends it.
fn decode(times: u64) {
    let (chat, cid) = (new_id(), new_id());
    let text = format!(r#"{{"id":7,"op":"publish","ch":"chat:{chat}","d":{{"cid":"{cid}","text":"{TEXT}"}}}}"#);
    for _ in 0..times {
        let request = client::decode(std::hint::black_box(&text));
        assert!(std::hint::black_box(request).is_ok());
    }
}

fn event(chat: ChatId, seq: u64) -> Event {
    Event {
        op: "message".to_owned(),
        ch: Channel::Chat(chat),
        seq,
        ts: 1_790_000_000_123,
        d: Body::Message(Message {
            mid: MessageId(new_id()),
            n: seq,
            u: Some(UserId(new_id())),
            cid: Some(ClientMessageId(new_id())),
            text: TEXT.to_owned(),
            reply_to: None,
            kind: domu::protocol::server::MessageKind::User,
            params: None,
            rev: None,
            edited: None,
            deleted: false,
            reactions: Vec::new(),
            reply_seq: None,
        }),
    }
}

/// The frame that all members get.
fn encode(times: u64) {
    let event = event(ChatId(new_id()), 7);
    for _ in 0..times {
        std::hint::black_box(frame::text(std::hint::black_box(&event)));
    }
}

/// One frame to a hundred sockets: into their outboxes, and out with a write each.
async fn deliver(times: u64) {
    let limits = OutboxLimits { frames_max: 1_024, bytes_max: 256 << 10, age_max: Duration::from_secs(60) };
    let flusher = Flusher::new(limits, 256 << 20);
    let hub = Hub::new(flusher, 16, 1_024);
    let stream = StreamId::Chat(ChatId(new_id()));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (mut sockets, mut readers, mut halves) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..100 {
        let reader = TcpStream::connect(address).expect("a connection");
        let (ours, _) = listener.accept().expect("a connection");
        ours.set_nonblocking(true).expect("a socket");
        let (half, sink) = tokio::net::TcpStream::from_std(ours).expect("a socket").into_split();
        let conn = hub.open(sink);
        let generation = hub.attach(&conn, stream);
        hub.go_live(&conn, stream, generation, 1);
        conn.writable().await.expect("a socket");
        sockets.push(conn);
        readers.push(reader);
        halves.push(half);
    }
    let bytes: Bytes = frame::text(&event(ChatId(new_id()), 1));
    let mut buffer = vec![0; bytes.len()];
    for seq in 1..=times {
        let frame = Frame::durable(bytes.clone());
        hub.deliver(Delivery::new(stream, seq, &frame));
        for conn in &sockets {
            conn.flush();
        }
        for reader in &mut readers {
            reader.read_exact(&mut buffer).expect("the frame");
        }
    }
}

fn settings(directory: &std::path::Path) -> Config {
    let mut config = Config::development(directory).expect("randomness");
    config.limits.socket_ops_per_second = 100_000;
    config.limits.socket_ops_burst = 100_000;
    config.limits.store_timeout = Duration::from_secs(60);
    config
}

/// A batch of a hundred messages of ten people in five chats, committed to SQLite.
async fn append(times: u64) {
    let home = tempfile::tempdir().expect("a directory");
    let store = Store::open(&settings(home.path())).await.expect("a store");
    store.migrate().await.expect("the schema");
    let crowd = Crowd { rooms: 5, members: 2, groups: 0, history: 1 };
    let rooms = crowd::seed(&store, &Clock::System, crowd).await.expect("a crowd");
    for _ in 0..times {
        let writers = rooms.iter().flat_map(|room| room.people.iter().map(|person| (room.chats[0], *person)));
        let batch: Vec<NewMessage> = writers
            .cycle()
            .take(100)
            .map(|(chat, sender)| NewMessage {
                id: MessageId(new_id()),
                chat,
                sender,
                cid: ClientMessageId(new_id()),
                text: TEXT.to_owned(),
                digest: [7; 32],
                reply_to: None,
            })
            .collect();
        let now = Clock::System.now();
        let committed = store
            .write(Lane::Chat, move |tx| Box::pin(async move { tx.append_messages(&batch, now).await.map(drop) }))
            .await;
        committed.expect("a commit");
    }
    store.close().await;
}

/// Application pings on a real session: upgraded, signed in by cookie, connected.
async fn ping(times: u64) {
    let home = tempfile::tempdir().expect("a directory");
    let running = app::start(settings(home.path()), Setup::default()).await.expect("a server");
    let crowd = Crowd { rooms: 1, members: 2, groups: 0, history: 1 };
    let people = running.house.crowd(crowd).await.expect("a crowd");
    let token = people[0].1[0].expose_secret().to_owned();
    let address = running.addr;
    let client = std::thread::spawn(move || talk(address, &token, times));
    while !client.is_finished() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    client.join().expect("the client");
    running.house.stop().await;
}

fn talk(address: SocketAddr, token: &str, times: u64) {
    let mut socket = TcpStream::connect(address).expect("a connection");
    let cookie = domu::doors::SESSION_COOKIE;
    let hello = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: domu.v1.json\r\nCookie: {cookie}={token}\r\n\r\n"
    );
    socket.write_all(hello.as_bytes()).expect("the upgrade");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).expect("the upgrade");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    ask(&mut socket, r#"{"id":1,"op":"connect","d":{"v":1}}"#);
    for id in 2..times + 2 {
        ask(&mut socket, &format!(r#"{{"id":{id},"op":"ping"}}"#));
    }
}

/// Sends a short text frame and reads frames until the answer, which says `ok`.
fn ask(socket: &mut TcpStream, text: &str) {
    let mut request = vec![0x81, 0x80 | u8::try_from(text.len()).expect("a short frame"), 0, 0, 0, 0];
    request.extend_from_slice(text.as_bytes());
    socket.write_all(&request).expect("a request");
    loop {
        let mut head = [0; 2];
        socket.read_exact(&mut head).expect("a frame");
        let length = match head[1] {
            126 => {
                let mut long = [0; 2];
                socket.read_exact(&mut long).expect("a length");
                usize::from(u16::from_be_bytes(long))
            }
            short => usize::from(short),
        };
        let mut body = vec![0; length];
        socket.read_exact(&mut body).expect("a body");
        let body = String::from_utf8_lossy(&body);
        assert!(!body.contains(r#""err""#), "{body}");
        if body.contains(r#""ok""#) {
            return;
        }
    }
}
