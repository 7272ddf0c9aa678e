//! Who types and who is here: told to those who look and may know, over in time, and never written down.

use chrono::TimeDelta;
use domu::clock::Clock;
use domu::realtime::LiveCounts;
use serde_json::{Value, json};

use crate::support::client::{Client, Door};
use crate::support::on_both;
use crate::support::server::TestServer;

async fn focus(client: &mut Client, chats: &[&str]) -> Value {
    client.ask("focus", None, json!({ "chats": chats })).await
}

async fn typing(client: &mut Client, chat: &str, on: bool) {
    assert_eq!(client.ask("typing", Some(&format!("chat:{chat}")), json!({ "on": on })).await, json!({}));
}

async fn visible(client: &mut Client, on: bool) {
    client.ask("visible", None, json!({ "on": on })).await;
}

async fn settings(server: &TestServer, who: &str, change: Value) {
    server.ask(&server.known(who), "PATCH", "/api/me/settings", Some(&change)).await;
}

async fn block(server: &TestServer, who: &str, whom: &str, on: bool) {
    let path = format!("/api/blocks/{}", server.known(whom).id);
    server.ask(&server.known(who), if on { "PUT" } else { "DELETE" }, &path, None).await.expect(204);
}

/// The signals of this kind that have come, in order, and not been claimed before.
async fn signals(client: &mut Client) -> Vec<Value> {
    client.settle().await;
    let of_live = |frame: &&Value| frame["op"] == "typing" || frame["op"] == "presence";
    let found: Vec<Value> = client.unclaimed().filter(of_live).cloned().collect();
    client.forget();
    found
}

/// The same as words without the names: what was told, and of whom.
fn words(signals: &[Value]) -> Vec<String> {
    let word = |frame: &Value| match frame["op"].as_str() {
        Some("typing") => format!("typing {}", frame["d"]["on"]),
        _ => format!("{} {}", frame["d"]["state"].as_str().unwrap(), frame["d"]["seen"]),
    };
    signals.iter().map(word).collect()
}

on_both!(typing_is_seen_and_gone_with_the_message, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let mut laptop = server.connect(&server.known("Anna")).await;
    typing(&mut bram, &chat, true).await;
    assert_eq!(signals(&mut anna).await, [] as [Value; 0], "who does not look is told nothing");
    for client in [&mut anna, &mut laptop] {
        let seen = focus(client, &[&chat]).await;
        assert_eq!(
            seen,
            json!({"chats": [{"id": chat, "presence": [{"u": bram.mirror.me, "state": "away", "seen": null}], "typing": []}]})
        );
    }
    typing(&mut bram, &chat, true).await;
    for client in [&mut anna, &mut laptop] {
        let told = signals(client).await;
        assert_eq!(
            told,
            [json!({"op": "typing", "ch": format!("chat:{chat}"), "d": {"u": bram.mirror.me, "on": true}})]
        );
    }
    assert_eq!(server.live(), LiveCounts { sockets: 2, rooms: 1, typing: 1 });
    assert_eq!(focus(&mut anna, &[&chat]).await["chats"][0]["typing"], json!([bram.mirror.me]));
    bram.send(&chat, "zo, af").await;
    anna.expect_text("zo, af").await;
    assert_eq!(words(&signals(&mut anna).await), ["typing false"]);
    typing(&mut bram, &chat, true).await;
    typing(&mut bram, &chat, false).await;
    assert_eq!(words(&signals(&mut anna).await), ["typing true", "typing false"]);
    // One's own typing is told to nobody of oneself.
    typing(&mut anna, &chat, true).await;
    signals(&mut laptop).await;
    assert_eq!(words(&signals(&mut laptop).await), [] as [String; 0]);
    focus(&mut anna, &[]).await;
    typing(&mut bram, &chat, true).await;
    assert_eq!(signals(&mut anna).await, [] as [Value; 0], "who looks elsewhere is told nothing");
    bram.cut();
    laptop.expect_where("that he stopped", |frame| frame["op"] == "typing" && frame["d"]["on"] == false).await;
    server.until("typing ended with the socket", || server.live().typing == 0).await;
});

on_both!(presence_follows_looking_and_leaving, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    focus(&mut anna, &[&chat]).await;
    visible(&mut bram, true).await;
    visible(&mut bram, true).await;
    assert_eq!(words(&signals(&mut anna).await), ["online null"]);
    visible(&mut bram, false).await;
    assert_eq!(words(&signals(&mut anna).await), ["away null"]);
    let mut phone = server.connect(&server.known("Bram")).await;
    visible(&mut phone, true).await;
    bram.leave().await;
    assert_eq!(words(&signals(&mut anna).await), ["online null"]);
    phone.leave().await;
    let told = anna.expect("presence").await;
    assert_eq!(told["d"], json!({"u": server.known("Bram").id, "state": "offline", "seen": "just_now"}));
    let seen = server.connect(&server.known("Bram")).await;
    assert_eq!(words(&signals(&mut anna).await), ["away null"]);
    seen.leave().await;
    anna.expect("presence").await;
    // A connection that begins with somebody looking.
    let mut bram = Client::knock("Bram", server.address, &Door::default()).await.expect("an upgrade");
    bram.ask("connect", None, json!({"v": 1, "token": server.known("Bram").token, "visible": true})).await;
    assert_eq!(words(&signals(&mut anna).await), ["online null"]);
    // Who is sent away by the server is gone.
    server.suspend(&server.known("Bram")).await;
    bram.expect_close(4003).await;
    anna.expect_where("that he is gone", |frame| frame["op"] == "presence" && frame["d"]["state"] == "offline").await;
});

on_both!(a_block_is_silent_in_both_directions, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    for (blocker, blocked) in [("Anna", "Bram"), ("Bram", "Anna")] {
        for client in [&mut anna, &mut bram] {
            focus(client, &[&chat]).await;
            visible(client, true).await;
        }
        typing(&mut anna, &chat, true).await;
        typing(&mut bram, &chat, true).await;
        signals(&mut anna).await;
        signals(&mut bram).await;
        block(&server, blocker, blocked, true).await;
        for client in [&mut anna, &mut bram] {
            let mut told = words(&signals(client).await);
            told.sort();
            assert_eq!(told, ["offline \"just_now\"", "typing false"]);
        }
        for client in [&mut anna, &mut bram] {
            typing(client, &chat, true).await;
            visible(client, false).await;
            visible(client, true).await;
            let again = focus(client, &[&chat]).await;
            assert_eq!(again["chats"][0]["presence"][0]["state"], "offline");
            assert_eq!(again["chats"][0]["typing"], json!([]));
        }
        assert_eq!((signals(&mut anna).await, signals(&mut bram).await), (vec![], vec![]));
        // Read from the store, it is the same.
        focus(&mut anna, &[]).await;
        focus(&mut bram, &[]).await;
        for client in [&mut anna, &mut bram] {
            let anew = focus(client, &[&chat]).await;
            assert_eq!(anew["chats"][0]["presence"][0]["state"], "offline");
        }
        typing(&mut anna, &chat, true).await;
        typing(&mut bram, &chat, true).await;
        assert_eq!((signals(&mut anna).await, signals(&mut bram).await), (vec![], vec![]));
        block(&server, blocker, blocked, false).await;
        assert_eq!(words(&signals(&mut anna).await), ["online null"]);
        assert_eq!(words(&signals(&mut bram).await), ["online null"]);
        typing(&mut anna, &chat, false).await;
        typing(&mut bram, &chat, false).await;
        for client in [&mut anna, &mut bram] {
            signals(client).await;
        }
    }
});

on_both!(a_stranger_learns_nothing, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let dirk = server.person("Dirk").await;
    let own = server.open_chat(&dirk, &server.known("Bram")).await;
    let mut dirk = server.connect(&dirk).await;
    let channel = format!("chat:{chat}");
    focus(&mut dirk, &[&own]).await;
    let nowhere = "0198c0de-0000-7000-8000-000000000001";
    for foreign in [chat.as_str(), nowhere] {
        let error = dirk.refused("focus", None, json!({"chats": [own, foreign]}), 40301).await;
        assert_eq!(error["detail"], "You are not a member of this chat.", "there or not, it says the same");
    }
    for on in [true, false] {
        dirk.refused("typing", Some(&channel), json!({ "on": on }), 40301).await;
    }
    let many: Vec<String> = (1..=5).map(|n| format!("0198c0de-0000-7000-8000-00000000000{n}")).collect();
    dirk.refused("focus", None, json!({ "chats": many }), 40000).await;
    dirk.refused("focus", None, json!({"chats": "alle"}), 40000).await;
    dirk.refused("typing", Some(&channel), json!({"on": 1}), 40000).await;
    dirk.refused("visible", None, json!({}), 40000).await;
    focus(&mut anna, &[&chat]).await;
    visible(&mut anna, true).await;
    typing(&mut anna, &chat, true).await;
    typing(&mut bram, &chat, true).await;
    assert_eq!(signals(&mut dirk).await, [] as [Value; 0]);
    // What was on screen before is still: he hears of the one he shares a chat with.
    visible(&mut bram, true).await;
    assert_eq!(words(&signals(&mut dirk).await), ["online null"]);
    typing(&mut bram, &chat, true).await;
    assert_eq!(signals(&mut dirk).await, [] as [Value; 0], "typing elsewhere is typing elsewhere");
});

on_both!(who_may_not_write_does_not_seem_to, |server: TestServer| async move {
    let (anna, bram, chat) = server.pair("Anna", "Bram").await;
    drop((anna, bram));
    server.sql("UPDATE users SET identity_verified_at = NULL WHERE email_normalized LIKE 'anna%'").await;
    let mut anna = server.connect(&server.known("Anna")).await;
    let mut bram = server.connect(&server.known("Bram")).await;
    focus(&mut bram, &[&chat]).await;
    typing(&mut anna, &chat, true).await;
    assert_eq!(words(&signals(&mut bram).await), [] as [String; 0]);
    focus(&mut bram, &[]).await;
    server.sql("UPDATE chats SET status = 'closed'").await;
    focus(&mut bram, &[&chat]).await;
    bram.refused("typing", Some(&format!("chat:{chat}")), json!({"on": true}), 40304).await;
});

async fn clocked() -> TestServer {
    TestServer::with_clock(Clock::manual(chrono::Utc::now()), |_| {}).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_live_runs_out() {
    let server = clocked().await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    focus(&mut anna, &[&chat]).await;
    visible(&mut bram, true).await;
    typing(&mut bram, &chat, true).await;
    signals(&mut anna).await;
    server.advance(TimeDelta::milliseconds(5_999));
    assert_eq!(words(&signals(&mut anna).await), [] as [String; 0]);
    server.advance(TimeDelta::milliseconds(1));
    assert_eq!(words(&signals(&mut anna).await), ["typing false"]);
    server.advance(TimeDelta::seconds(53));
    visible(&mut bram, true).await;
    server.advance(TimeDelta::seconds(59));
    assert_eq!(words(&signals(&mut anna).await), [] as [String; 0], "a renewed lease holds");
    server.advance(TimeDelta::seconds(1));
    assert_eq!(words(&signals(&mut anna).await), ["away null"]);
    visible(&mut bram, true).await;
    assert_eq!(words(&signals(&mut anna).await), ["online null"]);
    // The plug is pulled: for 45 seconds nobody can tell.
    bram.cut();
    server.until("the socket is gone", || server.live().sockets == 1).await;
    server.advance(TimeDelta::seconds(44));
    assert_eq!(words(&signals(&mut anna).await), [] as [String; 0]);
    // Back in time: nothing happened.
    let mut bram = server.connect(&server.known("Bram")).await;
    visible(&mut bram, true).await;
    server.advance(TimeDelta::seconds(30));
    assert_eq!(words(&signals(&mut anna).await), [] as [String; 0]);
    bram.cut();
    server.until("the socket is gone again", || server.live().sockets == 1).await;
    server.advance(TimeDelta::seconds(45));
    let told = words(&signals(&mut anna).await);
    assert_eq!(told.last().map(String::as_str), Some("offline \"just_now\""), "{told:?}");
    // What others were told last is stored, coarsely, and comes back after a restart.
    server.advance(TimeDelta::days(2));
    let seen = focus(&mut anna, &[&chat]).await;
    assert_eq!(seen["chats"][0]["presence"][0]["seen"], "this_week");
    anna.leave().await;
    let server = server.again_with(|_| {}).await;
    let mut anna = server.connect(&server.sign_in_again("Anna").await).await;
    let seen = focus(&mut anna, &[&chat]).await;
    assert_eq!(
        seen["chats"][0]["presence"][0],
        json!({"u": server.known("Bram").id, "state": "offline", "seen": "this_week"})
    );
}

/// What Anna is sent while Bram turns invisible and goes on as ever, and while his line is lost: the same bytes at the
/// same moments, whatever she asks in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hiding_is_being_lost_byte_by_byte() {
    let mut traces = Vec::new();
    for hides in [true, false] {
        let server = clocked().await;
        let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
        let me = bram.mirror.me.clone();
        focus(&mut anna, &[&chat]).await;
        visible(&mut bram, true).await;
        typing(&mut bram, &chat, true).await;
        signals(&mut anna).await;
        let mut trace = Vec::new();
        let mut bram = if hides {
            settings(&server, "Bram", json!({"visibility": "ghost"})).await;
            Some(bram)
        } else {
            bram.cut();
            server.until("the socket is gone", || server.live().sockets == 1).await;
            None
        };
        for second in 0..80 {
            if let Some(bram) = &mut bram
                && second % 9 == 4
            {
                visible(bram, true).await;
                typing(bram, &chat, true).await;
                focus(bram, &[&chat]).await;
                server.connect(&server.known("Bram")).await.leave().await;
            }
            let mut said: Vec<String> = signals(&mut anna).await.iter().map(Value::to_string).collect();
            if second % 20 == 10 {
                focus(&mut anna, &[]).await;
                said.push(focus(&mut anna, &[&chat]).await.to_string());
            }
            trace.push(said.join("\n").replace(&me, "bram").replace(&chat, "chat"));
            server.advance(TimeDelta::seconds(1));
        }
        assert!(trace.iter().any(|said| said.contains("offline")), "{trace:?}");
        assert!(trace[44].is_empty() && !trace[45].is_empty(), "it takes its time: {trace:?}");
        if let Some(bram) = &mut bram {
            assert_eq!(focus(bram, &[&chat]).await["chats"][0]["presence"], json!([]), "who hides sees nobody");
            let before = signals(bram).await;
            assert!(
                before.iter().all(|frame| frame["d"]["on"] != true && frame["d"]["state"] != "online"),
                "{before:?}"
            );
        }
        traces.push(trace);
    }
    assert_eq!(traces[0], traces[1]);
}

/// A flood of words about nothing: one is told, the rest is refused with when to come back, and nothing is held of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_signals_costs_little() {
    let server = TestServer::start().await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    focus(&mut anna, &[&chat]).await;
    let channel = format!("chat:{chat}");
    let mut asked = Vec::new();
    for n in 0..600 {
        asked.push(match n % 2 {
            0 => bram.begin("typing", Some(&channel), json!({"on": true})).await,
            _ => bram.begin("visible", None, json!({"on": true})).await,
        });
    }
    let mut refused = 0;
    for id in asked {
        let reply = bram.reply(id).await;
        if let Some(error) = reply.get("err") {
            assert_eq!((&error["code"], error["after_ms"].is_u64()), (&json!(42900), true), "{error}");
            refused += 1;
        }
    }
    assert!((300..=360).contains(&refused), "{refused}");
    let told = words(&signals(&mut anna).await);
    let of = |word: &str| told.iter().filter(|told| told.as_str() == word).count();
    // Said again every two seconds at most, however slow this machine is.
    assert!((1..=4).contains(&of("typing true")), "{told:?}");
    assert_eq!(of("online null"), 1);
    let mut limited = 0;
    for _ in 0..200 {
        limited += u32::from(anna.request("focus", None, json!({"chats": [chat]})).await.get("err").is_some());
    }
    assert!(limited > 0, "focus has its own pace");
    assert_eq!(server.live(), LiveCounts { sockets: 2, rooms: 1, typing: server.live().typing });
}
