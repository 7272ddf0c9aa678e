//! Coming back: what was missed arrives once and in order, or the server says plainly that it must be taken anew.

use serde_json::{Value, json};

use crate::support::client::{Client, Door};
use crate::support::on_both;
use crate::support::people::Person;
use crate::support::server::TestServer;

/// Anna's connect reply on a new socket that says where it is.
async fn resume(server: &TestServer, person: &Person, position: Value) -> (Client, Value) {
    let mut client = Client::knock(&person.first_name, server.address, &Door::default()).await.expect("an upgrade");
    // Positions here are made up, so the mirror has nothing to compare them with.
    client.follows = false;
    let reply = client.ask("connect", None, json!({"v": 1, "token": person.token, "resume": position})).await;
    (client, reply)
}

fn seqs(chat: &Value) -> Vec<u64> {
    chat["events"].as_array().expect("events").iter().map(|event| event["seq"].as_u64().expect("a position")).collect()
}

/// A chat with `messages` messages, and where its members are after them.
struct Past {
    server: TestServer,
    anna: Person,
    chat: String,
    head: u64,
    epoch: String,
    user_seq: u64,
}

impl Past {
    async fn of(server: TestServer, messages: u32) -> Self {
        let (mut hers, bram, chat) = server.pair("Anna", "Bram").await;
        let mut head = hers.chat(&chat).seq;
        for number in 0..messages {
            head = hers.send(&chat, &format!("m{number}")).await.seq;
        }
        let (epoch, user_seq) = (hers.mirror.epoch.clone(), hers.mirror.user_seq);
        hers.leave().await;
        bram.leave().await;
        Self { anna: server.known("Anna"), server, chat, head, epoch, user_seq }
    }

    /// The verdict over the one chat for a client at `seq`.
    async fn verdict(&self, seq: u64) -> (Value, Value) {
        self.verdict_at(json!({"epoch": self.epoch, "user": self.user_seq, "chats": {self.chat.as_str(): seq}})).await
    }

    async fn verdict_at(&self, position: Value) -> (Value, Value) {
        let (client, reply) = resume(&self.server, &self.anna, position).await;
        client.leave().await;
        (reply["chats"][0].clone(), reply)
    }
}

on_both!(at_the_head_nothing_was_missed, |server: TestServer| async move {
    let past = Past::of(server, 3).await;
    let (chat, reply) = past.verdict(past.head).await;
    assert_eq!((&chat["recovered"], &chat["initial"], seqs(&chat)), (&json!("full"), &json!(false), vec![]));
    assert_eq!((&reply["recovered"], &reply["user"]["recovered"]), (&json!("full"), &json!("full")));
});

on_both!(what_was_missed_comes_once_and_in_order, |server: TestServer| async move {
    let past = Past::of(server, 9).await;
    let (chat, reply) = past.verdict(4).await;
    assert_eq!((&chat["recovered"], &chat["initial"]), (&json!("full"), &json!(false)));
    assert_eq!(seqs(&chat), (5..=past.head).collect::<Vec<_>>());
    assert_eq!(reply["recovered"], "full");
    let (chat, _) = past.verdict(0).await;
    assert!(
        chat["initial"] == true || seqs(&chat) == (1..=past.head).collect::<Vec<_>>(),
        "position 0 is before everything: {chat}"
    );
});

on_both!(ahead_of_the_head_is_not_believed, |server: TestServer| async move {
    let past = Past::of(server, 3).await;
    let (chat, reply) = past.verdict(past.head + 1).await;
    assert_eq!(
        (&chat["recovered"], &chat["initial"], &chat["reason"]),
        (&json!("none"), &json!(true), &json!("ahead"))
    );
    assert_eq!(seqs(&chat).last(), Some(&past.head), "and gets the newest state instead");
    assert_ne!(reply["recovered"], "full");
});

on_both!(another_life_of_the_store_is_not_believed, |server: TestServer| async move {
    let past = Past::of(server, 3).await;
    let (chat, reply) = past.verdict_at(json!({"epoch": "0190a0b0-0000-7000-8000-000000000000", "user": past.user_seq, "chats": {past.chat.as_str(): 2}})).await;
    assert_eq!(
        (&chat["recovered"], &chat["initial"], &chat["reason"]),
        (&json!("none"), &json!(true), &json!("epoch"))
    );
    assert_eq!((&reply["recovered"], &reply["user"]["recovered"]), (&json!("none"), &json!("none")));
});

on_both!(without_a_position_it_is_a_fresh_start, |server: TestServer| async move {
    let past = Past::of(server, 40).await;
    let mut client = past.server.connect(&past.anna).await;
    let chat = client.chat(&past.chat).clone();
    assert_eq!((chat.seq, chat.snapshots), (past.head, 1));
    assert!(chat.events.len() < 40, "the newest ones come at once, older ones when they are asked for");
    client.settle().await;
    let (chat, reply) = past.verdict_at(json!({"epoch": past.epoch, "user": past.user_seq, "chats": {}})).await;
    assert_eq!((&chat["initial"], &chat["reason"], &chat["limited"]), (&json!(true), &json!("fresh"), &json!(true)));
    assert_ne!(reply["recovered"], "full");
});

on_both!(too_much_was_missed, |server: TestServer| async move {
    let server = server.again_with(|config| config.limits.resume_events_max = 10).await;
    let past = Past::of(server, 15).await;
    let (chat, reply) = past.verdict(past.head - 10).await;
    assert_eq!((&chat["recovered"], seqs(&chat).len()), (&json!("full"), 10));
    assert_eq!(reply["recovered"], "full");
    let (chat, reply) = past.verdict(past.head - 11).await;
    assert_eq!(
        (&chat["recovered"], &chat["initial"], &chat["reason"]),
        (&json!("none"), &json!(true), &json!("too_long"))
    );
    assert_eq!(seqs(&chat).last(), Some(&past.head));
    assert_ne!(reply["recovered"], "full");
});

on_both!(what_was_trimmed_is_said_to_be_gone, |server: TestServer| async move {
    let past = Past::of(server, 9).await;
    // Retention cuts the stream: numbers up to the base are no longer kept.
    past.server.sql(&format!("UPDATE chats SET base_seq = 5 WHERE head_seq = {}", past.head)).await;
    let (chat, reply) = past.verdict(3).await;
    assert_eq!(
        (&chat["recovered"], &chat["initial"], &chat["reason"], &chat["base"]),
        (&json!("none"), &json!(true), &json!("trimmed"), &json!(5))
    );
    assert!(seqs(&chat).first() > Some(&5));
    assert_ne!(reply["recovered"], "full");
    let (chat, _) = past.verdict(5).await;
    assert_eq!((&chat["recovered"], seqs(&chat)), (&json!("full"), (6..=past.head).collect::<Vec<_>>()));
});

on_both!(a_chat_that_opened_meanwhile_is_there, |server: TestServer| async move {
    let past = Past::of(server, 2).await;
    let emma = past.server.person("Emma").await;
    let new = past.server.open_chat(&past.anna, &emma).await;
    let mut hers = past.server.connect(&emma).await;
    hers.send(&new, "ben jij er nog?").await;
    let (_, reply) = past.verdict(past.head).await;
    let chats = reply["chats"].as_array().expect("chats");
    assert_eq!(chats.len(), 2);
    assert_eq!(
        (&chats[0]["id"], &chats[0]["initial"], &chats[0]["unread"]),
        (&json!(new), &json!(true), &json!(1)),
        "the liveliest first"
    );
    assert_eq!((&chats[1]["id"], &chats[1]["recovered"]), (&json!(past.chat), &json!("full")));
    let opened: Vec<&Value> = reply["user"]["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter(|event| event["op"] == "chat.opened")
        .collect();
    assert_eq!(opened.len(), 1);
    // Replayed, it names the chat; what the chat is now stands above.
    assert_eq!((&opened[0]["d"]["chat_id"], opened[0]["seq"].as_u64()), (&json!(new), Some(past.user_seq + 1)));
});

on_both!(a_chat_that_i_have_left_is_not_shown, |server: TestServer| async move {
    let past = Past::of(server, 2).await;
    past.server.sql("UPDATE chat_members SET status = 'left', left_at = joined_at").await;
    let (chat, _) = past.verdict(1).await;
    assert!(chat.is_null() || chat["status"] == "closed", "what is said after one has left is not for one: {chat}");
    let (mut client, _) =
        resume(&past.server, &past.anna, json!({"epoch": past.epoch, "chats": {past.chat.as_str(): 1}})).await;
    let channel = format!("chat:{}", past.chat);
    client.refused("publish", Some(&channel), json!({"cid": uuid::Uuid::new_v4(), "text": "toch"}), 40301).await;
    client.refused("history", Some(&channel), json!({"after": 0}), 40301).await;
});

on_both!(a_chat_that_was_closed_can_be_read_and_not_written, |server: TestServer| async move {
    let past = Past::of(server, 2).await;
    past.server.sql("UPDATE chats SET status = 'closed'").await;
    let (chat, _) = past.verdict(1).await;
    assert_eq!(chat["status"], "closed");
    let (mut client, _) =
        resume(&past.server, &past.anna, json!({"epoch": past.epoch, "chats": {past.chat.as_str(): past.head}})).await;
    let channel = format!("chat:{}", past.chat);
    client.refused("publish", Some(&channel), json!({"cid": uuid::Uuid::new_v4(), "text": "toch"}), 40304).await;
    assert_eq!(client.ask("history", Some(&channel), json!({"after": 0})).await["head"], past.head);
});

on_both!(a_position_in_a_foreign_chat_reveals_nothing, |server: TestServer| async move {
    let past = Past::of(server, 2).await;
    let fleur = past.server.person("Fleur").await;
    let (mut client, reply) =
        resume(&past.server, &fleur, json!({"epoch": past.epoch, "user": 0, "chats": {past.chat.as_str(): 1}})).await;
    assert_eq!(reply["chats"], json!([]));
    client.refused("history", Some(&format!("chat:{}", past.chat)), json!({"after": 0}), 40301).await;
});

on_both!(two_sockets_of_a_person_resume_at_once, |server: TestServer| async move {
    let past = Past::of(server, 30).await;
    let position = json!({"epoch": past.epoch, "user": past.user_seq, "chats": {past.chat.as_str(): 7}});
    let (one, other) =
        tokio::join!(resume(&past.server, &past.anna, position.clone()), resume(&past.server, &past.anna, position));
    assert_eq!(seqs(&one.1["chats"][0]), (8..=past.head).collect::<Vec<_>>());
    assert_eq!(one.1["chats"], other.1["chats"]);
});

on_both!(cut_again_and_again_while_the_other_talks, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Bram");
    let mut cuts = 0;
    for number in 0..120_u32 {
        anna.send(&chat, &format!("m{number}")).await;
        if number % 7 == 3 {
            let mirror = std::mem::take(&mut bram.mirror);
            bram.cut();
            cuts += 1;
            anna.send(&chat, &format!("tijdens snee {cuts}")).await;
            bram = Client::knock("Bram", server.address, &Door::default()).await.expect("an upgrade");
            bram.mirror = mirror;
            let reply = bram.connect(Some(&person.token)).await;
            assert_eq!(reply["recovered"], "full");
        }
    }
    bram.reach(&chat, anna.chat(&chat).seq).await;
    assert_eq!(bram.chat(&chat).events, anna.chat(&chat).events);
    assert_eq!(bram.chat(&chat).snapshots, 1, "only the first time was a fresh start");
});

on_both!(the_window_decides_which_chats_bring_events, |server: TestServer| async move {
    let anna = server.person("Anna").await;
    let mut chats = Vec::new();
    for name in ["Bo", "Cas", "Dex"] {
        let other = server.person(name).await;
        let chat = server.open_chat(&anna, &other).await;
        server.connect(&other).await.send(&chat, &format!("van {name}")).await;
        chats.push(chat);
    }
    let mut client = Client::knock("Anna", server.address, &Door::default()).await.expect("an upgrade");
    let reply = client.ask("connect", None, json!({"v": 1, "token": anna.token, "window": [0, 0]})).await;
    let shown = reply["chats"].as_array().expect("chats");
    let order: Vec<&str> = shown.iter().filter_map(|chat| chat["id"].as_str()).collect();
    assert_eq!(order, chats.iter().rev().map(String::as_str).collect::<Vec<_>>(), "the liveliest first");
    assert!(!seqs(&shown[0]).is_empty());
    for outside in &shown[1..] {
        assert_eq!((seqs(outside), &outside["limited"]), (vec![], &json!(true)));
        assert!(
            outside["last"]["d"]["text"].as_str().is_some_and(|text| text.starts_with("van ")),
            "the list can still show the last line: {outside}"
        );
        assert_eq!(outside["unread"], 1);
    }
    // Outside the window is not outside the conversation.
    let mut bo = server.connect(&server.known("Bo")).await;
    bo.send(&chats[0], "nog iets").await;
    client.expect_text("nog iets").await;
});
