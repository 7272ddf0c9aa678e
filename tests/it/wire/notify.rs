//! What one is told of: muted chats and choices, the same on every device, and nobody else's business.

use domu::clock::Clock;
use serde_json::{Value, json};

use crate::support::client::{Client, PATIENCE};
use crate::support::http::Http;
use crate::support::mail::mails_to;
use crate::support::on_both;
use crate::support::raw::Raw;
use crate::support::server::TestServer;

fn of(chat: &str) -> String {
    format!("chat:{chat}")
}

fn muted(client: &Client, chat: &str) -> Option<Value> {
    client.chat(chat).facts.get("muted").cloned()
}

on_both!(a_mute_is_the_same_on_all_devices_and_nobody_elses_business, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Anna");
    let mut laptop = server.connect(&person).await;
    let until = 4_000_000_000_000_i64;
    let answer = anna.ask("mute", Some(&of(&chat)), json!({"on": true, "until": until})).await;
    assert_eq!(answer, json!({"muted": until}));
    for device in [&mut anna, &mut laptop] {
        assert_eq!(device.expect("mute").await["d"], json!({"chat_id": chat, "muted": until}));
    }
    assert_eq!(muted(&anna, &chat), muted(&server.connect(&person).await, &chat), "as a fresh look says");
    // Said again it is no news.
    anna.ask("mute", Some(&of(&chat)), json!({"on": true, "until": until})).await;
    let path = format!("/api/chats/{chat}/mute");
    let answer = server.ask(&person, "POST", &path, Some(&json!({"on": true}))).await.expect(200);
    assert_eq!(answer, json!({"muted": 253_402_300_799_000_i64}), "for ever");
    assert_eq!(laptop.expect("mute").await["d"]["muted"], answer["muted"]);
    let listed = server.ask(&person, "GET", "/api/chats", None).await.expect(200);
    assert_eq!(listed["chats"][0]["muted"], answer["muted"]);
    // Messages come and count as ever.
    bram.send(&chat, "hoor je dit").await;
    anna.expect_text("hoor je dit").await;
    let fresh = server.connect(&person).await;
    assert_eq!(fresh.chat(&chat).facts["unread"], 1);
    assert_eq!(muted(&fresh, &chat), Some(answer["muted"].clone()));
    // Nonsense changes nothing.
    for d in [json!({}), json!({"on": true, "until": 1}), json!({"on": true, "until": 253_402_300_799_001_i64})] {
        anna.refused("mute", Some(&of(&chat)), d, 40000).await;
    }
    let stranger = server.person("Cas").await;
    server.connect(&stranger).await.refused("mute", Some(&of(&chat)), json!({"on": true}), 40301).await;
    assert_eq!(muted(&server.connect(&person).await, &chat), Some(answer["muted"].clone()));
    assert_eq!(anna.ask("mute", Some(&of(&chat)), json!({"on": false})).await, json!({}));
    assert_eq!(muted(&server.connect(&person).await, &chat), None);
    laptop.expect_where("the end", |frame| frame["op"] == "mute" && frame["d"].get("muted").is_none()).await;
    assert_eq!(muted(&laptop, &chat), None);
    bram.settle().await;
    assert!(bram.unclaimed().all(|frame| frame["op"] != "mute"), "he hears nothing of it");
    assert_eq!(muted(&bram, &chat), None);
});

on_both!(choices_are_told_to_all_devices, |server: TestServer| async move {
    let anna = server.person("Anna").await;
    let mut laptop = server.connect(&anna).await;
    let me = server.ask(&anna, "GET", "/api/me", None).await.expect(200);
    for name in ["notify_messages", "notify_chats", "notify_invites", "mail_messages"] {
        assert_eq!(me["settings"][name], true, "{name}");
        let me = server.ask(&anna, "PATCH", "/api/me/settings", Some(&json!({name: false}))).await.expect(200);
        assert_eq!(me["settings"][name], false);
        assert_eq!(laptop.expect("settings").await["d"], me["settings"]);
    }
});

/// Mails about unread messages that were sent to somebody.
fn unread_mails(server: &TestServer, email: &str) -> Vec<String> {
    let mails = mails_to(server.data_dir(), email);
    mails.into_iter().filter(|mail| mail.contains("List-Unsubscribe")).collect()
}

async fn mailed(server: &TestServer, email: &str, count: usize) -> Vec<String> {
    let began = std::time::Instant::now();
    loop {
        let mails = unread_mails(server, email);
        if mails.len() >= count {
            assert_eq!(mails.len(), count);
            return mails;
        }
        assert!(began.elapsed() < PATIENCE, "{} of {count} mails to {email}", mails.len());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// What a mail program sends for its reader; the status of the answer.
async fn one_click(server: &TestServer, path: &str, kind: &str) -> u16 {
    let body = "List-Unsubscribe=One-Click";
    let mut raw = Raw::connect(server.address).await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        server.address,
        body.len()
    );
    raw.write(head.as_bytes()).await;
    raw.head().await.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_away_is_mailed_and_one_click_ends_it() {
    let clock = Clock::manual(chrono::Utc::now());
    let server = TestServer::with_clock(clock.clone(), |config| {
        config.limits.mail_sleep = std::time::Duration::from_millis(20);
    })
    .await;
    let (anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Anna");
    bram.send(&chat, "de sleutel ligt onder de mat").await;
    clock.advance(chrono::TimeDelta::minutes(10));
    anna.leave().await;
    clock.advance(chrono::TimeDelta::minutes(10));
    let mail = mailed(&server, &person.email, 1).await.remove(0);
    assert!(!mail.contains("sleutel"), "{mail}");
    assert!(unread_mails(&server, &server.known("Bram").email).is_empty());
    let unfolded = mail.replace("\r\n ", "").replace("\n ", "");
    let (_, link) = unfolded.split_once("List-Unsubscribe: <http://").expect("a link");
    let (link, _) = link.split_once('>').expect("its end");
    let path = link.trim_start_matches(|letter| letter != '/').to_owned();
    let wants =
        async || server.ask(&person, "GET", "/api/me", None).await.expect(200)["settings"]["mail_messages"].clone();
    // Looking at the page changes nothing; a forged proof neither.
    let page = Http::new(server.address).get(&path).await;
    assert_eq!(page.status, 200);
    let proof = path.split_once('=').expect("a proof").1;
    let other = server.known("Bram");
    let forged = format!("{}{}", if proof.starts_with('A') { 'B' } else { 'A' }, &proof[1..]);
    for bad in [String::new(), "?token=".into(), format!("?token={forged}"), format!("?token={proof}&token={proof}")] {
        let status = one_click(&server, &format!("/unsubscribe{bad}"), "application/x-www-form-urlencoded").await;
        assert_eq!(status, 400, "{bad}");
    }
    assert_eq!(one_click(&server, &path, "application/json").await, 415);
    assert_eq!(wants().await, true);
    let mut laptop = server.connect(&person).await;
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        assert_eq!(one_click(&server, &path, kind).await, 204, "as often as one likes");
    }
    assert_eq!(wants().await, false);
    assert_eq!(laptop.expect("settings").await["d"]["mail_messages"], false);
    let me = server.ask(&other, "GET", "/api/me", None).await.expect(200);
    assert_eq!(me["settings"]["mail_messages"], true, "nobody else's");
    let head = laptop.chat(&chat).seq;
    laptop.ask("read", Some(&of(&chat)), json!({"seq": head})).await;
    laptop.leave().await;
    bram.send(&chat, "nog iets").await;
    clock.advance(chrono::TimeDelta::minutes(20));
    let caught_up = server.person("Cas").await;
    assert!(!mails_to(server.data_dir(), &caught_up.email).is_empty(), "the office works");
    assert_eq!(unread_mails(&server, &person.email).len(), 1);
}

on_both!(news_is_what_the_stream_says_and_seen_on_all_devices_at_once, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Anna");
    let mut laptop = server.connect(&person).await;
    let d = json!({"title": "Huis", "members": [person.id]});
    let group = bram.ask("group.create", None, d).await["chat_id"].as_str().expect("a group").to_owned();
    let asked = anna.expect("invite").await;
    laptop.expect("invite").await;
    bram.send(&chat, "hoi").await;
    anna.expect_text("hoi").await;
    let look = async || server.ask(&person, "GET", "/api/notifications", None).await.expect(200);
    let of_kind = |page: &Value, kind: &str| page["counts"][kind].clone();
    let page = look().await;
    for kind in ["messages", "chats", "invites", "account"] {
        assert_eq!(of_kind(&page, kind), json!({"total": 1, "unread": 1}), "{kind}");
    }
    assert_eq!((&page["chats"][0]["id"], &page["head"]), (&json!(chat), &asked["seq"]));
    let newest = &page["items"][0];
    assert_eq!(
        (&newest["kind"], &newest["title"], &newest["by_name"]),
        (&json!("invites"), &json!("Huis"), &json!("Bram"))
    );
    let fresh = server.connect(&person).await;
    let mut items = page["items"].as_array().expect("items").clone();
    items.reverse();
    assert_eq!(fresh.mirror.notices["items"], json!(items), "the same by both ways");
    assert_eq!((&anna.mirror.notices, &laptop.mirror.notices), (&fresh.mirror.notices, &fresh.mirror.notices));
    // Page by page.
    let first = server.ask(&person, "GET", "/api/notifications?limit=1", None).await.expect(200);
    assert_eq!((&first["items"], &first["more"]), (&json!([newest]), &json!(true)));
    let rest = format!("/api/notifications?limit=9&before={}", newest["seq"]);
    let rest = server.ask(&person, "GET", &rest, None).await.expect(200);
    assert_eq!(
        (rest["items"].as_array().map(Vec::len), &rest["more"], &rest["chats"]),
        (Some(2), &json!(false), &json!([]))
    );
    // A muted chat asks for nothing.
    anna.ask("mute", Some(&of(&chat)), json!({"on": true})).await;
    assert_eq!(of_kind(&look().await, "messages"), json!({"total": 1, "unread": 0}));
    // One, then another by the other way, then all.
    let seq = newest["seq"].as_u64().expect("a number");
    let noticed = anna.ask("notify.read", None, json!({"seq": seq})).await;
    assert_eq!(noticed, json!({"upto": 0, "also": [seq]}));
    assert_eq!(laptop.expect("notify.read").await["d"], noticed);
    assert_eq!(of_kind(&look().await, "invites"), json!({"total": 1, "unread": 0}));
    assert_eq!(of_kind(&look().await, "chats"), json!({"total": 1, "unread": 1}));
    anna.ask("notify.read", None, json!({"seq": seq})).await;
    let path = "/api/notifications/read";
    let all = server.ask(&person, "POST", path, Some(&json!({"upto": page["head"]}))).await.expect(200);
    assert_eq!(all, json!({"upto": seq, "also": []}));
    assert_eq!(laptop.expect("notify.read").await["d"], all, "what changed nothing was not told");
    let page = look().await;
    for kind in ["chats", "invites", "account"] {
        assert_eq!(of_kind(&page, kind), json!({"total": 1, "unread": 0}), "{kind}");
    }
    for d in [json!({}), json!({"seq": 1, "upto": 1}), json!({"upto": 9_999}), json!({"seq": 9_999})] {
        anna.refused("notify.read", None, d, 40000).await;
    }
    let fresh = server.connect(&person).await;
    assert_eq!(fresh.mirror.notices["noticed"], all);
    anna.settle().await;
    assert_eq!((&anna.mirror.notices, &laptop.mirror.notices), (&fresh.mirror.notices, &fresh.mirror.notices));
    // An invitation that was taken back is news no more.
    bram.ask("group.revoke", Some(&of(&group)), json!({"user": person.id})).await;
    anna.expect("invite").await;
    assert_eq!(of_kind(&look().await, "invites"), json!({"total": 0, "unread": 0}));
    anna.settle().await;
    assert_eq!(server.connect(&person).await.mirror.notices, anna.mirror.notices);
    bram.settle().await;
    assert!(bram.unclaimed().all(|frame| frame["op"] != "notify.read"), "nobody else's business");
});
