//! Blocking is one-sided, takes effect at once, and cannot be noticed by who is blocked. Reading is hidden both ways.

use serde_json::{Value, json};

use crate::support::on_both;
use crate::support::server::TestServer;

async fn block(server: &TestServer, who: &str, whom: &str, on: bool) {
    let path = format!("/api/blocks/{}", server.known(whom).id);
    server.ask(&server.known(who), if on { "PUT" } else { "DELETE" }, &path, None).await.expect(204);
}

on_both!(a_blocked_person_is_not_heard_and_cannot_tell, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let mut laptop = server.connect(&server.known("Anna")).await;
    bram.send(&chat, "hoi").await;
    anna.expect_text("hoi").await;
    laptop.expect_text("hoi").await;
    block(&server, "Anna", "Bram", true).await;
    for device in [&mut anna, &mut laptop] {
        let event = device.expect("block").await;
        assert_eq!(event["d"], json!({"user": bram.mirror.me, "on": true}));
    }
    let before: Vec<Value> = bram.unclaimed().cloned().collect();
    let sent = bram.send(&chat, "lees je dit nog").await;
    assert!(!sent.dup, "answered as ever");
    for device in [&mut anna, &mut laptop] {
        let hidden = device.expect("hidden").await;
        assert_eq!((&hidden["seq"], &hidden["d"]), (&json!(sent.seq), &json!({"n": sent.n, "u": bram.mirror.me})));
        device.refute("message").await;
    }
    // Her devices confirm what they got, and she reads on: he sees the one and nothing at all of the other.
    let channel = format!("chat:{chat}");
    anna.ask("ack", Some(&channel), json!({"seq": sent.seq})).await;
    let of_hers = |frame: &Value, me: &str| frame["op"] == "marker" && frame["d"]["u"] == *me;
    let me = anna.mirror.me.clone();
    let marker = bram.expect_where("her marker", |frame| of_hers(frame, &me)).await;
    assert_eq!((&marker["d"]["recv"], &marker["d"]["read"]), (&json!(sent.seq), &json!(0)));
    let read = anna.ask("read", Some(&channel), json!({"seq": sent.seq})).await;
    assert_eq!(read["unread"], 0);
    bram.settle().await;
    assert!(bram.unclaimed().all(|frame| before.contains(frame)), "{:?}", bram.unclaimed().collect::<Vec<_>>());
    anna.refused("publish", Some(&format!("chat:{chat}")), json!({"cid": uuid::Uuid::new_v4(), "text": "nee"}), 40302)
        .await;

    let again = server.connect(&server.known("Anna")).await;
    let facts = &again.chat(&chat).facts;
    assert_eq!((&facts["blocked"], &facts["unread"]), (&json!(true), &json!(0)), "nothing of it waits to be read");
    assert_eq!(facts["last"]["d"]["text"], "hoi", "a preview never shows what is withheld");
    assert_eq!(again.chat(&chat).texts(), ["hoi"]);
    let his = server.connect(&server.known("Bram")).await;
    assert_eq!(his.chat(&chat).facts["blocked"], false);
    assert_eq!(his.chat(&chat).texts(), ["hoi", "lees je dit nog"]);
    let person =
        server.ask(&server.known("Bram"), "GET", &format!("/api/people/{}", anna.mirror.me), None).await.expect(200);
    assert_eq!(person["blocked"], false);

    block(&server, "Anna", "Bram", false).await;
    bram.send(&chat, "en nu").await;
    anna.expect_text("en nu").await;
    let page = anna.ask("history", Some(&format!("chat:{chat}")), json!({"after": 0, "limit": 100})).await;
    let kinds: Vec<_> = page["events"].as_array().unwrap().iter().map(|event| event["op"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["chat", "message", "hidden", "message"], "what was withheld stays so");
    let listed = server.ask(&server.known("Anna"), "GET", "/api/blocks", None).await.expect(200);
    assert_eq!(listed["blocks"], json!([]));
});

on_both!(in_a_group_only_the_blocker_hears_nothing, |server: TestServer| async move {
    let (anna, bram, chat) = server.pair("Anna", "Bram").await;
    let cas = server.person("Cas").await;
    drop((anna, bram));
    server.sql("UPDATE chats SET is_group = TRUE, name = 'Huis'").await;
    server
        .sql(&format!(
            "INSERT INTO chat_members (chat_id, user_id, role, status, joined_at, joined_seq, read_seq, read_n, recv_seq, \
             withheld_n, updated_at) SELECT c.id, u.id, 'member', 'active', c.created_at, 0, 0, 0, 0, 0, c.created_at \
             FROM chats c, users u WHERE u.email = '{}'",
            cas.email
        ))
        .await;
    let mut anna = server.connect(&server.known("Anna")).await;
    let mut bram = server.connect(&server.known("Bram")).await;
    let mut cas = server.connect(&cas).await;
    block(&server, "Anna", "Bram", true).await;
    let sent = bram.send(&chat, "iemand thuis?").await;
    assert_eq!(cas.expect_text("iemand thuis?").await["seq"], sent.seq);
    assert_eq!(anna.expect("hidden").await["seq"], sent.seq);
    let answer = anna.send(&chat, "ik ben er").await;
    assert_eq!(bram.expect_text("ik ben er").await["seq"], answer.seq, "a block has one side");
    cas.expect_text("ik ben er").await;
    assert_eq!(anna.chat(&chat).texts(), ["ik ben er"]);
    assert_eq!(
        server.connect(&server.known("Anna")).await.chat(&chat).facts["blocked"],
        false,
        "a group is not blocked"
    );
});

on_both!(only_people_one_knows_can_be_blocked, |server: TestServer| async move {
    let (anna, _bram, _chat) = server.pair("Anna", "Bram").await;
    let stranger = server.person("Dirk").await;
    let me = server.known("Anna");
    for (id, status) in
        [(stranger.id.as_str(), 404), ("0198c0de-0000-7000-8000-000000000001", 404), (&*anna.mirror.me, 400)]
    {
        assert_eq!(server.ask(&me, "PUT", &format!("/api/blocks/{id}"), None).await.status, status, "{id}");
    }
    for id in [stranger.id.as_str(), "0198c0de-0000-7000-8000-000000000001"] {
        assert_eq!(server.ask(&me, "GET", &format!("/api/people/{id}"), None).await.status, 404, "{id}");
    }
});

on_both!(who_hides_what_they_read_is_not_shown_it_either, |server: TestServer| async move {
    let (anna, bram, chat) = server.pair("Anna", "Bram").await;
    drop((anna, bram));
    server.sql("UPDATE users SET read_receipts = FALSE WHERE email LIKE 'anna%'").await;
    let mut anna = server.connect(&server.known("Anna")).await;
    let mut laptop = server.connect(&server.known("Anna")).await;
    let mut bram = server.connect(&server.known("Bram")).await;
    let channel = format!("chat:{chat}");
    let sent = bram.send(&chat, "gezien?").await;
    anna.expect_text("gezien?").await;
    anna.ask("read", Some(&channel), json!({"seq": sent.seq})).await;
    let shown = laptop.expect("marker").await;
    assert_eq!(shown["d"]["read"], sent.seq, "her own devices are in step");
    bram.refute("marker").await;
    anna.ask("ack", Some(&channel), json!({"seq": sent.seq})).await;
    let shown = bram.expect("marker").await;
    assert_eq!(shown["d"], json!({"u": anna.mirror.me, "recv": sent.seq}));
    let answer = anna.send(&chat, "ja").await;
    bram.expect_text("ja").await;
    bram.ask("read", Some(&channel), json!({"seq": answer.seq})).await;
    anna.settle().await;
    let shown =
        anna.expect_where("his marker", |frame| frame["op"] == "marker" && frame["d"]["u"] == bram.mirror.me).await;
    assert_eq!(shown["d"], json!({"u": bram.mirror.me, "recv": answer.seq}));
    for (viewer, other) in [("Anna", &bram.mirror.me), ("Bram", &anna.mirror.me)] {
        let seen = server.connect(&server.known(viewer)).await;
        let members = seen.chat(&chat).facts["members"].as_array().unwrap().clone();
        let member = members.iter().find(|member| member["u"] == **other).unwrap();
        assert!(member.get("read").is_none() && member["recv"].is_u64(), "{viewer} sees {member}");
        let own = members.iter().find(|member| member["u"] == *seen.mirror.me).unwrap();
        assert!(own["read"].is_u64(), "{own}");
    }
});
