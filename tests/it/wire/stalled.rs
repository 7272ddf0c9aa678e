//! Readers that stop reading: what waits for them is bounded, they are reset, nobody else waits, and nothing is lost.

use std::time::{Duration, Instant};

use super::bystander::Bystander;
use crate::support::client::{Client, Door, Gone, PATIENCE};
use crate::support::people::Person;
use crate::support::server::TestServer;
use crate::support::tcp_states;

/// A connected socket with little room on the way, and its port.
async fn narrow(server: &TestServer, person: &Person) -> (Client, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.connect(&server.address.into()).expect("a connection");
    socket.set_nonblocking(true).expect("nonblocking");
    let stream = tokio::net::TcpStream::from_std(socket.into()).expect("a stream");
    let port = stream.local_addr().expect("an address").port();
    let mut client = Client::knock_on("stalled", stream, server.address, &Door::default()).await.expect("an upgrade");
    client.connect(Some(&person.token)).await;
    (client, port)
}

/// Sixteen messages of 4 KB at once, all stored.
async fn say_much(from: &mut Client, chat: &str, said: &mut u64) {
    let text = "x".repeat(3900);
    let mut asked = Vec::new();
    for _ in 0..16 {
        asked.push(from.begin_publish(chat, &uuid::Uuid::new_v4().to_string(), &format!("{said} {text}")).await);
        *said += 1;
    }
    for id in asked {
        assert!(from.reply(id).await.get("ok").is_some());
    }
}

/// However many stall, what waits for all of them together stays within the budget of the process, and who reads is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_stalled_readers_share_one_budget() {
    const BUDGET: usize = 512 * 1024;
    const STALLED: usize = 60;
    let server = TestServer::with(|config| {
        config.limits.outbox_bytes_max = 256 * 1024;
        config.limits.outbox_total_bytes_max = BUDGET;
        config.limits.sockets_per_user_max = 100;
        config.limits.close_timeout = Duration::from_millis(100);
    })
    .await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Bram");
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(narrow(&server, &person).await);
    }
    let (mut said, mut most, began) = (0, 0, Instant::now());
    while server.sockets() > 4 {
        say_much(&mut anna, &chat, &mut said).await;
        most = most.max(server.waiting_bytes());
        bram.reach(&chat, anna.chat(&chat).seq).await;
        bystander.undisturbed().await;
        assert!(began.elapsed() < PATIENCE * 3, "{} stalled readers were never cut", server.sockets() - 4);
    }
    println!("{STALLED} stalled readers were cut after {said} messages; at most {most} bytes waited");
    // What a batch of messages adds at once may be over it; one bound for each of them would be sixty times as much.
    assert!(most <= BUDGET + STALLED * 16 * 4096, "{most} bytes waited");
    server.until("nothing waits", || server.waiting_bytes() == 0).await;
    // One of them comes back and has everything.
    let (mut one, _) = stalled.swap_remove(0);
    let gone = loop {
        if let Err(gone) = one.pump(PATIENCE).await {
            break gone;
        }
    };
    assert!(matches!(gone, Gone::Closed(4202 | 1006, _)), "{gone}");
    let mut back = Client::knock("Bram", server.address, &Door::default()).await.expect("an upgrade");
    back.mirror = std::mem::take(&mut one.mirror);
    back.connect(Some(&person.token)).await;
    assert_eq!(back.chat(&chat).seq, anna.chat(&chat).seq);
    assert_eq!(back.chat(&chat).texts().last(), anna.chat(&chat).texts().last());
}

/// The chat has fallen silent, so no push finds out: the reader is cut when its time is over all the same, and by a reset,
/// so that no window stays closed in the kernel.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_reader_in_a_silent_chat_is_reset() {
    let server = TestServer::with(|config| {
        config.limits.outbox_bytes_max = 64 * 1024 * 1024;
        config.limits.outbox_frames_max = 65_536;
        config.limits.outbox_age_max = Duration::from_secs(1);
        config.limits.ping_interval = Duration::from_secs(600);
        config.limits.close_timeout = Duration::from_millis(200);
    })
    .await;
    let (mut anna, bram, chat) = server.pair("Anna", "Bram").await;
    bram.leave().await;
    let (mut slow, port) = narrow(&server, &server.known("Bram")).await;
    let mut said = 0;
    while server.waiting_bytes() < 100_000 {
        say_much(&mut anna, &chat, &mut said).await;
        assert!(said < 8000, "everything went into the kernel's buffers");
    }
    server.until("it is cut", || server.sockets() == 1).await;
    let began = Instant::now();
    while !tcp_states(server.address.port(), port).is_empty() {
        assert!(began.elapsed() < PATIENCE, "states {:?}", tcp_states(server.address.port(), port));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{said} messages; nothing of the connection is left in the kernel after {:?}", began.elapsed());
    assert_eq!(server.waiting_bytes(), 0);
    let gone = loop {
        if let Err(gone) = slow.pump(PATIENCE).await {
            break gone;
        }
    };
    assert!(matches!(gone, Gone::Closed(1006, _)), "{gone}");
}

/// What the others wait for a message, with and without readers that stall. The honest figure is the bench's; here a
/// server that waits for readers would show by orders of magnitude.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_others_do_not_wait_for_stalled_readers() {
    const ROUNDS: usize = 300;
    let server = TestServer::with(|config| {
        config.limits.sockets_per_user_max = 100;
        config.limits.outbox_bytes_max = 64 * 1024 * 1024;
        config.limits.outbox_frames_max = 65_536;
        config.limits.close_timeout = Duration::from_millis(200);
    })
    .await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let text = "y".repeat(3900);
    let mut measure = async |what: &str| {
        let mut took = Vec::new();
        for round in 0..ROUNDS {
            let said = format!("{what} {round} {text}");
            let began = Instant::now();
            let cid = uuid::Uuid::new_v4().to_string();
            let id = anna.begin_publish(&chat, &cid, &said).await;
            bram.expect_text(&said).await;
            took.push(began.elapsed());
            anna.reply(id).await;
        }
        took.sort();
        (took[ROUNDS / 2], took[ROUNDS * 99 / 100])
    };
    let without = measure("without").await;
    let mut stalled = Vec::new();
    for _ in 0..30 {
        stalled.push(narrow(&server, &server.known("Bram")).await);
    }
    let with = measure("with").await;
    println!(
        "p50 {:?} and p99 {:?} without, {:?} and {:?} with 30 stalled readers: x{:.2} and x{:.2}; {} bytes wait for them",
        without.0,
        without.1,
        with.0,
        with.1,
        with.0.as_secs_f64() / without.0.as_secs_f64(),
        with.1.as_secs_f64() / without.1.as_secs_f64(),
        server.waiting_bytes()
    );
    assert!(with.1 < without.1 * 5 + Duration::from_millis(100), "{without:?} without, {with:?} with");
}
