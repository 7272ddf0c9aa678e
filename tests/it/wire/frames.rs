//! Below the text: bytes that break RFC 6455, announced sizes that nobody has, and sockets that say nothing.

use std::time::Duration;

use serde_json::json;

use super::bystander::Bystander;
use crate::support::client::{Client, Door};
use crate::support::raw::{End, Frame, Raw};
use crate::support::server::TestServer;

/// Frames that a well-behaved client never sends, and how the server ends the socket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_break_the_protocol_end_the_socket() {
    let server = TestServer::start().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let ping = r#"{"id":1,"op":"ping"}"#;
    let unmasked = Frame { masked: false, ..Frame::text(ping) };
    let mut broken: Vec<(String, Vec<Frame>, &[u16])> = vec![
        ("unmasked".into(), vec![unmasked], &[1002]),
        ("fragmented ping".into(), vec![Frame { fin: false, ..Frame::new(9, "") }], &[1002]),
        ("ping of 126 bytes".into(), vec![Frame::new(9, vec![b'x'; 126])], &[1002]),
        ("close of 126 bytes".into(), vec![Frame::close([&[0x03, 0xe8][..], &[b'x'; 124][..]].concat())], &[1002]),
        ("continuation of nothing".into(), vec![Frame::new(0, "x")], &[1002]),
        (
            "text inside a fragmented text".into(),
            vec![Frame { fin: false, ..Frame::text("a") }, Frame::text("b")],
            &[1002],
        ),
        ("not UTF-8".into(), vec![Frame::text(vec![0xff, 0xfe])], &[1007]),
        ("overlong UTF-8".into(), vec![Frame::text(vec![0xc0, 0xaf])], &[1007]),
        ("a surrogate in UTF-8".into(), vec![Frame::text(vec![0xed, 0xa0, 0x80])], &[1007]),
        (
            "UTF-8 that breaks off".into(),
            vec![Frame { fin: false, ..Frame::text(vec![0xe2, 0x82]) }, Frame::new(0, "x")],
            &[1007],
        ),
        ("a message of 64 KiB and a byte".into(), vec![Frame::text(vec![b' '; 64 * 1024 + 1])], &[1009]),
        (
            "the same in fragments".into(),
            vec![Frame { fin: false, ..Frame::text(vec![b' '; 40_000]) }, Frame::new(0, vec![b' '; 40_000])],
            &[1009],
        ),
    ];
    for bits in 1..=7 {
        broken.push((
            format!("reserved bits {bits:03b}"),
            vec![Frame { reserved: bits, ..Frame::text(ping) }],
            &[1002],
        ));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        broken.push((format!("opcode {opcode}"), vec![Frame::new(opcode, "x")], &[1002]));
    }
    for length in [64 * 1024 + 1, 1 << 40, 1 << 63, u64::MAX] {
        broken.push((
            format!("{length} bytes announced"),
            vec![Frame { announce: Some(length), ..Frame::text("x") }],
            &[1009, 1002],
        ));
    }
    for (what, frames, allowed) in broken {
        let mut raw = Raw::upgraded(server.address).await;
        for frame in &frames {
            raw.frame(frame).await;
        }
        let end = raw.end().await;
        let fine = matches!(&end, End::Closed(code) if allowed.contains(code));
        assert!(fine, "{what}: {end:?}, but should be closed with one of {allowed:?}");
        bystander.undisturbed().await;
    }
}

/// Close frames: a sound code comes back, an unsound one is a protocol error, and a reserved one is never echoed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_frames_are_answered_and_reserved_codes_are_not_echoed() {
    let server = TestServer::start().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let close = |code: u16, reason: &str| Frame::close([&code.to_be_bytes()[..], reason.as_bytes()].concat());
    for (what, frame) in [
        ("without a body", Frame::close("")),
        ("1000", close(1000, "")),
        ("1001 with a reason", close(1001, "navigating away")),
        ("3000", close(3000, "")),
        ("4999", close(4999, "")),
        ("a body of one byte", Frame::close([0x03])),
        ("code 0", close(0, "")),
        ("code 999", close(999, "")),
        ("code 1004", close(1004, "")),
        ("code 1005", close(1005, "")),
        ("code 1006", close(1006, "")),
        ("code 1015", close(1015, "")),
        ("code 5000", close(5000, "")),
        ("code 65535", close(65535, "")),
        ("a reason that is not UTF-8", Frame::close([0x03, 0xe8, 0xff, 0xfe])),
    ] {
        let mut raw = Raw::upgraded(server.address).await;
        raw.frame(&frame).await;
        // Whatever comes after a close is ignored.
        raw.frame(&Frame::text(r#"{"id":1,"op":"ping"}"#)).await;
        match raw.end().await {
            End::Dropped => {}
            End::Closed(code) => {
                assert!(!matches!(code, 0..1000 | 1004 | 1006 | 1015 | 5000..), "{what}: {code} came back")
            }
        }
    }
    bystander.undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_and_pings_in_between_are_one_message() {
    let server = TestServer::start().await;
    let anna = server.person("Anna").await;
    let mut raw = Raw::upgraded(server.address).await;
    let connect = json!({"id": 1, "op": "connect", "d": {"v": 1, "token": anna.token}}).to_string();
    let (first, second) = connect.split_at(9);
    raw.frame(&Frame { fin: false, ..Frame::text(first) }).await;
    raw.frame(&Frame::new(9, "are you there")).await;
    raw.frame(&Frame { fin: false, ..Frame::new(0, "") }).await;
    raw.frame(&Frame::new(10, "unasked")).await;
    raw.frame(&Frame::new(0, second)).await;
    let (opcode, payload) = raw.next().await.expect("an answer");
    assert_eq!(
        (opcode, payload.as_slice()),
        (10, &b"are you there"[..]),
        "a ping is answered before the message it interrupts is whole"
    );
    assert_eq!(raw.json().await["id"], 1);
    // Byte by byte is one message as well.
    for byte in Frame::text(r#"{"id":2,"op":"ping"}"#).bytes() {
        raw.write(&[byte]).await;
    }
    assert_eq!(raw.json().await["id"], 2);
    // And two messages in one packet are two.
    let both =
        [Frame::text(r#"{"id":3,"op":"ping"}"#).bytes(), Frame::text(r#"{"id":4,"op":"ping"}"#).bytes()].concat();
    raw.write(&both).await;
    assert_eq!((raw.json().await["id"].as_u64(), raw.json().await["id"].as_u64()), (Some(3), Some(4)));
    raw.frame(&Frame::close([0x03, 0xe8])).await;
    assert_eq!(raw.end().await, End::Closed(1000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_frame_may_ride_on_the_upgrade_request() {
    let server = TestServer::start().await;
    let anna = server.person("Anna").await;
    let mut raw = Raw::connect(server.address).await;
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat, domu.v1.json\r\n\r\n",
        server.address
    );
    let first = Frame::text(json!({"id": 1, "op": "connect", "d": {"v": 1, "token": anna.token}}).to_string()).bytes();
    raw.write(&[head.as_bytes(), &first].concat()).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101"));
    assert_eq!(raw.json().await["ok"]["me"]["id"], anna.id.as_str());
    raw.frame(&Frame::close([0x03, 0xe8])).await;
    raw.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrades_that_are_none_are_refused() {
    let server = TestServer::start().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let host = server.address;
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let protocol = "Sec-WebSocket-Protocol: domu.v1.json\r\n";
    for (what, request, allowed) in [
        ("a plain GET", format!("GET /ws HTTP/1.1\r\nHost: {host}\r\n\r\n"), &[400, 426][..]),
        (
            "version 8",
            format!(
                "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n{key}{protocol}\r\n"
            ),
            &[426],
        ),
        (
            "no version",
            format!(
                "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}{protocol}\r\n"
            ),
            &[400, 426],
        ),
        (
            "no key",
            format!(
                "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{protocol}\r\n"
            ),
            &[400, 426],
        ),
        (
            "another upgrade",
            format!(
                "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{key}{protocol}\r\n"
            ),
            &[400, 426],
        ),
        (
            "POST",
            format!(
                "POST /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\ncontent-length: 0\r\n{key}{protocol}\r\n"
            ),
            &[400, 403, 405],
        ),
        (
            "a slash at the end",
            format!(
                "GET /ws/ HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{key}{protocol}\r\n"
            ),
            &[404],
        ),
        (
            "percent-encoded",
            format!(
                "GET /%77s HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{key}{protocol}\r\n"
            ),
            &[404],
        ),
        (
            "HTTP/1.0",
            format!(
                "GET /ws HTTP/1.0\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{key}{protocol}\r\n"
            ),
            &[400, 426],
        ),
        (
            "another host",
            format!(
                "GET /ws HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{key}{protocol}\r\n"
            ),
            &[400, 421],
        ),
    ] {
        let mut raw = Raw::connect(server.address).await;
        raw.write(request.as_bytes()).await;
        let head = raw.head().await;
        let status: u16 = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        assert!(allowed.contains(&status), "{what}: {head}");
        if status == 426 {
            assert!(head.to_ascii_lowercase().contains("sec-websocket-version: 13"), "{what}: {head}");
        }
    }
    // Tokens of the upgrade are compared without regard to case.
    let mut raw = Raw::connect(server.address).await;
    raw.write(format!("GET /ws HTTP/1.1\r\nhost: {host}\r\nupgrade: WebSocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n{key}{protocol}\r\n").as_bytes()).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101"));
    drop(raw);
    bystander.undisturbed().await;
}

/// A page of another site must not open a socket with the visitor's cookie.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrades_from_another_origin_are_refused() {
    let server = TestServer::start().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    server.person("Anna").await;
    let browser = server.browser("Anna").await;
    let cookie = browser.cookie();
    let (host, port) = (server.address.ip(), server.address.port());
    let own = format!("http://{host}:{port}");
    for origin in [
        Some("https://evil.example".to_owned()),
        Some("null".into()),
        Some(String::new()),
        Some(format!("https://{host}:{port}")),
        Some(format!("http://{host}:{}", port ^ 1)),
        Some(format!("http://{host}")),
        Some(format!("http://{host}:{port}.evil.example")),
        Some(format!("http://evil.example/{host}:{port}")),
        Some(format!("{own} {own}")),
        None,
    ] {
        let door = Door { origin: origin.clone(), cookie: cookie.clone(), ..Door::default() };
        let (status, body) =
            Client::knock("Anna", server.address, &door).await.err().unwrap_or_else(|| panic!("{origin:?} was let in"));
        assert_eq!(status, 403, "{origin:?}: {body}");
    }
    let door = Door { origin: Some(own), cookie, ..Door::default() };
    let mut client = Client::knock("Anna", server.address, &door).await.expect("her own page");
    client.connect(None).await;
    bystander.undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_session_gets_no_further() {
    let server = TestServer::start().await;
    let mut nobody = Client::knock("nobody", server.address, &Door::default()).await.expect("an upgrade");
    nobody.begin("connect", None, json!({"v": 1})).await;
    nobody.expect_close(4001).await;
    for token in ["", "x", "' OR 1=1", &"a".repeat(43), &"a".repeat(10_000)] {
        let mut nobody = Client::knock("nobody", server.address, &Door::default()).await.expect("an upgrade");
        nobody.begin("connect", None, json!({"v": 1, "token": token})).await;
        nobody.expect_close(4001).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_get_to_the_point_is_hung_up_on() {
    let server = TestServer::with(|config| {
        config.limits.header_timeout = Duration::from_millis(700);
        config.limits.connect_timeout = Duration::from_millis(700);
    })
    .await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let bound = Duration::from_secs(15);
    // Half a request line, then silence, from many; and one that sends a byte now and then.
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut raw = Raw::connect(server.address).await;
        raw.write(b"GET /ws HT").await;
        slow.push(raw);
    }
    let mut dripping = Raw::connect(server.address).await;
    for byte in b"GET /ws HTTP/1.1\r\nHost: x\r\nX-Pad" {
        dripping.write(&[*byte]).await;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    dripping.hung_up_within(bound).await;
    for mut raw in slow {
        raw.hung_up_within(bound).await;
    }
    let mut silent = Raw::upgraded(server.address).await;
    assert_eq!(silent.end().await, End::Closed(4006));
    // Talking about other things is not connecting either.
    let mut chatty = Raw::upgraded(server.address).await;
    chatty.frame(&Frame::new(9, "hello")).await;
    assert_eq!(chatty.end().await, End::Closed(4006));
    bystander.undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_dead_is_found_and_let_go() {
    let server = TestServer::with(|config| {
        config.limits.ping_interval = Duration::from_millis(800);
        config.limits.pong_timeout = Duration::from_millis(400);
    })
    .await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Anna");
    let dead = async {
        let mut half_open = Raw::upgraded(server.address).await;
        half_open
            .frame(&Frame::text(json!({"id": 1, "op": "connect", "d": {"v": 1, "token": person.token}}).to_string()))
            .await;
        assert!(half_open.json().await.get("ok").is_some());
        let ping = half_open.json().await;
        assert_eq!(ping["op"], "ping");
        assert!(ping["h"]["user"].is_u64(), "a ping tells heads: {ping}");
        // It never answers.
        assert_eq!(half_open.end().await, End::Closed(4201));
    };
    // The others answer theirs all the while, and are still there afterwards.
    let (text, began) = ("nog steeds", std::time::Instant::now());
    let alive = async {
        while began.elapsed() < Duration::from_secs(3) {
            anna.settle().await;
            bram.settle().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::join!(dead, alive);
    anna.send(&chat, text).await;
    bram.expect_text(text).await;
    assert!(bram.unclaimed().any(|frame| frame["op"] == "ping"), "living sockets are pinged too");
}
