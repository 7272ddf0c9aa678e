//! Attacks on the transport: each one stays within its bound, and while it goes on an honest person gets in and is heard.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpStream;

use super::bystander::Bystander;
use crate::support::client::{Client, Door, PATIENCE};
use crate::support::people::Person;
use crate::support::raw::{End, Frame, Raw};
use crate::support::server::TestServer;

/// Short times, so that what must end ends while the test looks.
async fn server(change: impl FnOnce(&mut domu::config::Config)) -> TestServer {
    TestServer::with(|config| {
        config.limits.header_timeout = Duration::from_secs(1);
        config.limits.connect_timeout = Duration::from_secs(1);
        config.limits.sockets_per_address_per_minute = 1_000_000;
        change(config);
    })
    .await
}

/// An honest person, who comes in anew again and again while an attack goes on, and a conversation that was there before.
struct Honest<'a> {
    server: &'a TestServer,
    bystander: Bystander,
    person: Person,
    rounds: u32,
    worst: Duration,
}

impl<'a> Honest<'a> {
    async fn on(server: &'a TestServer) -> Self {
        let bystander = Bystander::in_conversation(server).await;
        let person = server.person("Eva").await;
        Self { server, bystander, person, rounds: 0, worst: Duration::ZERO }
    }

    /// Connects, is answered, and hears the others.
    async fn is_served(&mut self) {
        let began = Instant::now();
        let mut client = Client::knock("Eva", self.server.address, &Door::default()).await.expect("an honest upgrade");
        client.connect(Some(&self.person.token)).await;
        client.settle().await;
        client.leave().await;
        self.bystander.undisturbed().await;
        self.rounds += 1;
        self.worst = self.worst.max(began.elapsed());
        assert!(self.worst < PATIENCE, "served, but late");
    }

    /// Is served for as long as the attack lasts, and once more.
    async fn during<T>(&mut self, what: &str, attack: impl Future<Output = T>) -> T {
        tokio::pin!(attack);
        let outcome = loop {
            let served = self.is_served();
            tokio::pin!(served);
            let over = tokio::select! {
                outcome = &mut attack => Some(outcome),
                () = &mut served => None,
            };
            if let Some(outcome) = over {
                served.await;
                break outcome;
            }
        };
        self.is_served().await;
        println!("{what}: served {} times meanwhile, the slowest in {:?}", self.rounds, self.worst);
        outcome
    }
}

/// Somebody with a session who is connected on a raw socket.
async fn connected(server: &TestServer, person: &Person) -> Raw {
    let mut raw = Raw::upgraded(server.address).await;
    raw.frame(&Frame::text(json!({"id": 1, "op": "connect", "d": {"v": 1, "token": person.token}}).to_string())).await;
    assert!(raw.json().await.get("ok").is_some());
    raw
}

/// Connections that come in a heap, do nothing and go: refused beyond the bound, and all places are free again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_connections() {
    let server = server(|config| config.limits.connections_max = 1_000).await;
    let mut honest = Honest::on(&server).await;
    let before = server.sockets();
    let flood = async {
        for _ in 0..10 {
            let mut held = Vec::new();
            for _ in 0..80 {
                held.extend(TcpStream::connect(server.address).await);
            }
        }
    };
    honest.during("connect and drop", flood).await;
    // Two thousand at once, twice as many as there are places; those who get one keep it until the timer of heads ends it.
    let heap = async {
        let mut held = Vec::new();
        for _ in 0..2_000 {
            held.extend(TcpStream::connect(server.address).await);
        }
        held
    };
    let began = Instant::now();
    let held = heap.await;
    println!("{} connections in {:?}", held.len(), began.elapsed());
    honest.bystander.undisturbed().await;
    // They say nothing, so they are hung up on, and an honest person finds a place.
    let mut tries = 0;
    while Client::knock("Eva", server.address, &Door::default()).await.is_err() {
        tries += 1;
        assert!(began.elapsed() < PATIENCE, "the places were never free again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("an honest person was in after {:?} and {tries} refusals", began.elapsed());
    honest.is_served().await;
    drop(held);
    server.until("all are gone", || server.sockets() == before).await;
}

/// Sockets that are upgraded and say nothing, in numbers: cut by the timer, and they hold nothing that others need.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_without_a_first_frame() {
    let server = server(|config| {
        config.limits.connects_at_once = 2;
        config.limits.connects_burst = 100_000;
    })
    .await;
    let mut honest = Honest::on(&server).await;
    let attack = async {
        let mut silent = Vec::new();
        for _ in 0..300 {
            silent.push(Raw::upgraded(server.address).await);
        }
        for mut raw in silent {
            assert_eq!(raw.end().await, End::Closed(4006));
        }
    };
    honest.during("300 silent sockets", attack).await;
}

/// Heads that drip in from many connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads() {
    let server = server(|_| {}).await;
    let mut honest = Honest::on(&server).await;
    let attack = async {
        let mut slow = Vec::new();
        for _ in 0..300 {
            let mut raw = Raw::connect(server.address).await;
            raw.write(b"GET /ws HTTP/1.1\r\nHost: x\r\n").await;
            slow.push(raw);
        }
        for letter in b"X-Pad: aaaaaaaaaaaa" {
            for raw in &mut slow {
                raw.write(&[*letter]).await;
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        for mut raw in slow {
            raw.hung_up_within(Duration::from_secs(15)).await;
        }
    };
    honest.during("300 slow heads", attack).await;
}

/// More sockets of one person than may be: the newest are refused, also when they come together, and their session is
/// not the worse for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_beyond_a_persons_bound() {
    let server = server(|config| config.limits.sockets_per_user_max = 4).await;
    let mut honest = Honest::on(&server).await;
    let anna = server.person("Anna").await;
    let before = server.sockets();
    let attack = async {
        let one = || async {
            let mut raw = Raw::upgraded(server.address).await;
            let connect = json!({"id": 1, "op": "connect", "d": {"v": 1, "token": anna.token}});
            raw.frame(&Frame::text(connect.to_string())).await;
            let reply = raw.json().await;
            (reply.get("ok").is_some(), raw)
        };
        let all = futures_util::future::join_all((0..60).map(|_| one())).await;
        let (inside, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(|(inside, _)| *inside);
        assert_eq!(inside.len(), 4, "as many as may be");
        for (_, mut raw) in refused {
            assert_eq!(raw.end().await, End::Closed(4005));
        }
        inside
    };
    let inside = honest.during("60 sockets of one person", attack).await;
    drop(inside);
    server.until("all are gone", || server.sockets() == before).await;
}

/// A message that never ends: in empty fragments, which have no size, and in fragments of a byte among pongs, which are
/// signs of life.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_without_end() {
    let server = server(|config| config.limits.frame_bytes_max = 16 * 1024).await;
    let mut honest = Honest::on(&server).await;
    let anna = server.person("Anna").await;
    let attack = async {
        for (what, piece) in [
            ("empty fragments", Frame { fin: false, ..Frame::new(0, "") }.bytes().repeat(1000)),
            ("fragments of a byte", Frame { fin: false, ..Frame::new(0, "x") }.bytes().repeat(1000)),
            (
                "fragments among pongs",
                [Frame::new(10, "").bytes(), Frame { fin: false, ..Frame::new(0, "") }.bytes().repeat(500)].concat(),
            ),
        ] {
            let mut raw = connected(&server, &anna).await;
            raw.frame(&Frame { fin: false, ..Frame::text("x") }).await;
            let mut sent = 0;
            while !raw.ended() {
                raw.write(&piece).await;
                sent += piece.len();
                assert!(sent < 64 * 1024 * 1024, "{what} go on for ever");
            }
            let end = raw.end().await;
            assert!(matches!(end, End::Closed(1009) | End::Dropped), "{what}: {end:?}");
            println!("{what}: ended with {end:?} within {sent} bytes");
        }
    };
    honest.during("fragments without end", attack).await;
}

/// A message that arrives too slowly holds its buffer no longer than a request may take, though pongs keep coming.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_never_becomes_whole() {
    let server = server(|config| {
        config.limits.ping_interval = Duration::from_millis(600);
        config.limits.pong_timeout = Duration::from_millis(300);
        config.limits.request_timeout = Duration::from_secs(1);
    })
    .await;
    let mut raw = connected(&server, &server.person("Anna").await).await;
    raw.write(&Frame::text(vec![b' '; 60_000]).bytes()[..50_000]).await;
    assert_eq!(raw.end().await, End::Closed(4201));
    let mut raw = connected(&server, &server.known("Anna")).await;
    raw.frame(&Frame { fin: false, ..Frame::text("{") }).await;
    let began = Instant::now();
    while !raw.ended() {
        raw.frame(&Frame::new(10, "still here")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(began.elapsed() < PATIENCE, "pongs keep an unfinished message for ever");
    }
    assert_eq!(raw.end().await, End::Closed(4201));
}

/// Frames of a byte, pings, unasked pongs and large frames, each from several sockets at once that read nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames() {
    let server = server(|config| {
        config.limits.socket_ops_per_second = 50;
        config.limits.socket_ops_burst = 200;
        config.limits.connect_timeout = Duration::from_secs(20);
    })
    .await;
    let mut honest = Honest::on(&server).await;
    let anna = server.person("Anna").await;
    let floods: [(&str, Vec<u8>, &[u16]); 5] = [
        ("texts of a byte", Frame::text("x").bytes().repeat(2000), &[4100, 4007]),
        ("pings", Frame::new(9, vec![b'p'; 125]).bytes().repeat(1000), &[4100]),
        ("unasked pongs", Frame::new(10, "").bytes().repeat(2000), &[4100]),
        ("frames of 1 MiB", Frame::text(vec![b' '; 1024 * 1024]).bytes(), &[1009]),
        ("pieces of rubbish", b"\xff\x00\xaa\x55".repeat(4000), &[1002]),
    ];
    let attack = async {
        for (what, bytes, codes) in floods {
            let mut attackers = Vec::new();
            for _ in 0..4 {
                attackers.push(connected(&server, &anna).await);
            }
            let flood = |mut raw: Raw| {
                let bytes = bytes.clone();
                async move {
                    for _ in 0..200 {
                        // The server may stop reading, hang up or answer, but not take in everything for ever.
                        if tokio::time::timeout(Duration::from_millis(300), raw.write(&bytes)).await.is_err()
                            || raw.ended()
                        {
                            break;
                        }
                    }
                    raw.end().await
                }
            };
            for end in futures_util::future::join_all(attackers.into_iter().map(flood)).await {
                let fine = match end {
                    End::Closed(code) => codes.contains(&code),
                    End::Dropped => true,
                };
                assert!(fine, "{what}: {end:?}");
            }
        }
    };
    honest.during("floods of frames", attack).await;
}

/// A peer that vanished without a word: no answer, no reset. It is found by the heartbeat and its connection is reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_vanished() {
    let server = server(|config| {
        config.limits.ping_interval = Duration::from_millis(800);
        config.limits.pong_timeout = Duration::from_millis(400);
        config.limits.close_timeout = Duration::from_millis(200);
    })
    .await;
    let anna = server.person("Anna").await;
    let before = server.sockets();
    let mut gone = Vec::new();
    for _ in 0..10 {
        gone.push(connected(&server, &anna).await);
    }
    // Nobody reads, answers or closes: to the server it is as if the cable were pulled.
    server.until("they are found", || server.sockets() == before).await;
    for raw in gone {
        raw.gone_from_the_kernel(server.address).await;
    }
}

/// Extensions are offered and not taken; bytes that ride on the upgrade are the first frames.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_of_compression_are_not_taken() {
    let server = server(|_| {}).await;
    let anna = server.person("Anna").await;
    let mut raw = Raw::connect(server.address).await;
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-webkit-deflate-frame\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: domu.v1.json\r\n\r\n",
        server.address
    );
    let connect = Frame::text(json!({"id": 1, "op": "connect", "d": {"v": 1, "token": anna.token}}).to_string());
    let pings: Vec<u8> =
        (2..200).flat_map(|id| Frame::text(json!({"id": id, "op": "ping"}).to_string()).bytes()).collect();
    raw.write(&[head.as_bytes(), &connect.bytes(), &pings].concat()).await;
    let head = raw.head().await.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101") && !head.contains("sec-websocket-extensions"), "{head}");
    for id in 1..200 {
        assert_eq!(raw.json().await["id"], id, "everything that rode on the upgrade is answered, in order");
    }
    // What was not agreed on breaks the protocol.
    raw.frame(&Frame { reserved: 4, ..Frame::text("x") }).await;
    assert_eq!(raw.end().await, End::Closed(1002));
}
