//! The heads in pings: a frame that was lost on the way shows within one heartbeat, without a question.

use std::collections::BTreeSet;
use std::time::Duration;

use domu::demo::crowd::Crowd;
use serde_json::{Value, json};

use crate::support::raw::{Frame, Raw};
use crate::support::server::TestServer;

async fn server() -> TestServer {
    TestServer::with(|config| {
        config.limits.ping_interval = Duration::from_millis(400);
        config.limits.pong_timeout = Duration::from_millis(300);
    })
    .await
}

async fn connected(server: &TestServer, token: &str) -> (Raw, Value) {
    let mut raw = Raw::upgraded(server.address).await;
    raw.frame(&Frame::text(json!({"id": 1, "op": "connect", "d": {"v": 1, "token": token}}).to_string())).await;
    let reply = raw.json().await["ok"].clone();
    (raw, reply)
}

/// The heads in the next ping, which is answered. Every other frame is lost.
async fn next_heads(raw: &mut Raw) -> serde_json::Map<String, Value> {
    loop {
        let frame = raw.json().await;
        if frame["op"] == "ping" {
            raw.frame(&Frame::text(r#"{"op":"pong"}"#)).await;
            return frame["h"].as_object().expect("heads").clone();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_tell_all_heads_in_turns_and_ones_own_always() {
    let server = server().await;
    let crowd = server.crowd(Crowd { rooms: 1, members: 2, groups: 40, history: 0 }).await;
    let (mut raw, connected) = connected(&server, &crowd[0].tokens[0]).await;
    let chats: BTreeSet<String> = connected["chats"]
        .as_array()
        .expect("chats")
        .iter()
        .map(|chat| format!("chat:{}", chat["id"].as_str().expect("an id")))
        .collect();
    assert_eq!(chats.len(), 41);
    for _round in 0..2 {
        let mut told = BTreeSet::new();
        for _ in 0..3 {
            let heads = next_heads(&mut raw).await;
            assert_eq!(heads["user"], connected["user"]["seq"], "one's own stream is in every ping");
            assert!(heads.len() <= 17, "a ping is bounded: {}", heads.len());
            told.extend(heads.keys().filter(|name| *name != "user").cloned());
        }
        assert_eq!(told, chats, "three pings tell all");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_screen_is_in_every_ping() {
    let server = server().await;
    let crowd = server.crowd(Crowd { rooms: 1, members: 2, groups: 40, history: 0 }).await;
    let (mut raw, connected) = connected(&server, &crowd[0].tokens[0]).await;
    let last = connected["chats"].as_array().expect("chats").last().expect("a chat")["id"].clone();
    raw.frame(&Frame::text(json!({"id": 2, "op": "focus", "d": {"chats": [last]}}).to_string())).await;
    let channel = format!("chat:{}", last.as_str().expect("an id"));
    let mut others = BTreeSet::new();
    let mut counted = 0;
    // The first may have been on its way before.
    let _before = next_heads(&mut raw).await;
    for _ in 0..4 {
        let heads = next_heads(&mut raw).await;
        assert!(heads.contains_key(&channel), "{channel} is on screen: {heads:?}");
        assert!(heads.len() <= 18, "a ping is bounded: {}", heads.len());
        counted += heads.len() - 2;
        others.extend(heads.keys().filter(|name| **name != channel && *name != "user").cloned());
    }
    assert!(others.len() == 40 && counted > 40, "and the others still have their turn: {}", others.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_was_lost_shows_within_one_heartbeat() {
    let server = server().await;
    let crowd = server.crowd(Crowd { rooms: 1, members: 2, groups: 0, history: 0 }).await;
    let room = &crowd[0];
    let (mut writer, _) = connected(&server, &room.tokens[0]).await;
    let (mut reader, reply) = connected(&server, &room.tokens[1]).await;
    let known = reply["chats"][0]["head"].as_u64().expect("a head");
    let channel = format!("chat:{}", room.chat);
    let before = next_heads(&mut reader).await;
    assert_eq!(before[&channel], known);
    let publish = json!({"id": 2, "op": "publish", "ch": channel, "d": {"cid": uuid::Uuid::new_v4(), "text": "hoi"}});
    writer.frame(&Frame::text(publish.to_string())).await;
    loop {
        let frame = writer.json().await;
        if frame["id"] == 2 {
            assert_eq!(frame["ok"]["seq"], known + 1, "{frame}");
            break;
        }
    }
    // The message is swallowed on its way to the reader; the very next ping shows that it is missing.
    let after = next_heads(&mut reader).await;
    assert_eq!(after[&channel], known + 1, "the silent hole shows");
}
