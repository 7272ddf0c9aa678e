//! More sockets than are let in at once: each is told its own moment and gets in then; who is connected notices nothing.

use std::time::Duration;

use super::bystander::Bystander;
use crate::support::client::{Client, Door};
use crate::support::raw::{End, Raw};
use crate::support::server::TestServer;

/// What the answer to an upgrade says: the status, and the seconds of `Retry-After`.
async fn knock(raw: &mut Raw, server: &TestServer, origin: bool) -> (u16, Option<u64>) {
    let origin = if origin { format!("Origin: http://{}\r\n", server.address) } else { String::new() };
    raw.write(
        format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             {origin}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: domu.v1.json\r\n\r\n",
            server.address
        )
        .as_bytes(),
    )
    .await;
    let head = raw.head().await.to_ascii_lowercase();
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let retry = head.lines().find_map(|line| line.strip_prefix("retry-after: ")?.trim().parse().ok());
    (status, retry)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_herd_is_told_moments_and_gets_in_by_them() {
    let server = TestServer::with(|config| {
        config.limits.connects_per_second = 10;
        config.limits.connects_burst = 6;
        config.limits.sockets_per_user_max = 100;
    })
    .await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let anna = server.person("Anna").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Thirty at once, when there is room for six.
    let (mut inside, mut told) = (Vec::new(), Vec::new());
    for _ in 0..30 {
        let mut raw = Raw::connect(server.address).await;
        match knock(&mut raw, &server, false).await {
            (101, None) => inside.push(raw),
            (503, Some(seconds)) => told.push(seconds),
            other => panic!("let in, or told a moment: {other:?}"),
        }
    }
    // A browser's script does not see the status, so it is told by the close of a socket.
    let mut browser = Raw::connect(server.address).await;
    assert_eq!(knock(&mut browser, &server, true).await.0, 101);
    // Moments are counted from when they are told: the last of them was told by now.
    let began = std::time::Instant::now();
    let (opcode, body) = browser.next().await.expect("a close");
    assert_eq!((opcode, &body[..2]), (8, &4101_u16.to_be_bytes()[..]));
    let seconds: u64 = String::from_utf8_lossy(&body[2..]).parse().expect("the reason is seconds and nothing else");
    assert!(seconds >= *told.last().expect("somebody"), "behind those who asked before");
    assert_eq!(browser.end().await, End::Dropped);
    bystander.undisturbed().await;
    assert!((5..=12).contains(&inside.len()), "{} were let in", inside.len());
    assert!(told.is_sorted(), "who asked first comes first: {told:?}");
    assert!(told.first() == Some(&1) && told.last() >= Some(&2), "the herd is spread: {told:?}");
    for second in 1..=*told.last().expect("somebody was put off") {
        let held = told.iter().filter(|told| **told == second).count();
        assert!(held <= 12, "as many in a second as the rate allows: {told:?}");
    }
    // Everybody keeps the moment that was told, and is let in; so does the browser, whose address is the same.
    for second in 1..=seconds {
        tokio::time::sleep(Duration::from_secs(second).saturating_sub(began.elapsed())).await;
        let coming = told.iter().chain([&seconds]).filter(|told| **told == second).count();
        let come = (0..coming).map(async |_| {
            let mut client = Client::knock("Anna", server.address, &Door::default()).await.expect("it is her turn");
            client.connect(Some(&anna.token)).await;
            client.leave().await;
        });
        futures_util::future::join_all(come).await;
        bystander.undisturbed().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connects_wait_for_their_turn_and_who_is_connected_does_not() {
    let server = TestServer::with(|config| {
        config.limits.connects_at_once = 1;
        config.limits.sockets_per_user_max = 1_000;
        config.limits.store_timeout = Duration::from_secs(20);
    })
    .await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let anna = server.person("Anna").await;
    let mut clients = Vec::new();
    for _ in 0..60 {
        let mut client = Client::knock("Anna", server.address, &Door::default()).await.expect("an upgrade");
        let data = serde_json::json!({"v": 1, "token": anna.token});
        let id = client.begin("connect", None, data).await;
        clients.push((client, id));
    }
    bystander.undisturbed().await;
    for (client, id) in &mut clients {
        assert!(client.reply(*id).await.get("ok").is_some(), "one after the other, and all of them");
    }
    bystander.undisturbed().await;
}
