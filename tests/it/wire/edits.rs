//! What its author does to a message after it was sent: told to everybody, once, in the chat's order.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::client::Client;
use crate::support::on_both;
use crate::support::server::TestServer;

fn edit(mid: &str, rev: u64, text: &str) -> Value {
    json!({"mid": mid, "rev": rev, "text": text})
}

fn delete(mid: &str) -> Value {
    json!({"mid": mid, "scope": "all"})
}

/// The messages a client holds: text, revision, whether deleted.
fn messages(client: &Client, chat: &str) -> Vec<(String, u64, bool)> {
    let held = client.chat(chat).events.values().filter(|event| event["op"] == "message").cloned();
    held.map(|event| {
        let d = &event["d"];
        (d["text"].as_str().unwrap().to_owned(), d["rev"].as_u64().unwrap_or(1), d["deleted"] == true)
    })
    .collect()
}

/// What somebody sees who looks for the first time.
async fn afresh(server: &TestServer, name: &str, chat: &str) -> Vec<(String, u64, bool)> {
    messages(&server.connect(&server.known(name)).await, chat)
}

on_both!(edits_and_deletions_reach_everybody, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let mut second = server.connect(&server.known("Anna")).await;
    let asleep = server.connect(&server.known("Bram")).await;
    let (one, two) = (anna.send(&chat, "eerste").await, anna.send(&chat, "tweede").await);
    bram.expect_text("tweede").await;
    let position = asleep.mirror.clone();
    asleep.cut();
    let changed = anna.ask("edit", Some(&channel), edit(&one.mid, 1, "eerste, beter")).await;
    assert_eq!((&changed["mid"], &changed["rev"], &changed["seq"]), (&json!(one.mid), &json!(2), &json!(two.seq + 1)));
    for device in [&mut bram, &mut second, &mut anna] {
        let event = device.expect("message.edited").await;
        assert_eq!(
            event["d"],
            json!({"mid": one.mid, "n": one.n, "rev": 2, "text": "eerste, beter", "edited_at": changed["ts"]})
        );
        assert_eq!(event["seq"], changed["seq"]);
    }
    let gone = second.ask("delete", Some(&channel), delete(&two.mid)).await;
    assert_eq!((&gone["rev"], &gone["seq"]), (&json!(2), &json!(two.seq + 2)));
    assert_eq!(bram.expect("message.deleted").await["d"], json!({"mid": two.mid, "n": two.n, "rev": 2}));
    // Again is the same answer and no event; and nothing is edited that is gone.
    assert_eq!(anna.ask("delete", Some(&channel), delete(&two.mid)).await, gone);
    anna.refused("edit", Some(&channel), edit(&two.mid, 2, "toch"), 40903).await;
    let third = anna.send(&chat, "derde").await;
    assert_eq!((third.seq, third.n), (two.seq + 3, two.n + 1), "changes count as events and not as messages");
    bram.expect_text("derde").await;
    let now = vec![("eerste, beter".to_owned(), 2, false), (String::new(), 2, true), ("derde".to_owned(), 1, false)];
    assert_eq!(messages(&bram, &chat), now);
    for name in ["Anna", "Bram"] {
        assert_eq!(afresh(&server, name, &chat).await, now, "{name}, at first sight");
    }
    // Whoever was away is told what happened, and never a text that is gone.
    let mut back =
        Client::knock("Bram", server.address, &crate::support::client::Door::default()).await.expect("a socket");
    back.mirror = position;
    let resume = back.mirror.position();
    let token = server.known("Bram").token;
    let ok = back.ask("connect", None, json!({"v": 1, "token": token, "resume": resume})).await;
    assert_eq!(ok["recovered"], "full");
    assert_eq!(messages(&back, &chat), now);
    assert_eq!(back.chat(&chat).snapshots, 1, "by what happened, not anew");
    let page = bram.ask("history", Some(&channel), json!({"after": 0})).await;
    let said: Vec<_> = page["events"].as_array().unwrap().iter().map(|event| event["op"].as_str().unwrap()).collect();
    assert_eq!(said, ["chat", "message", "message", "message.edited", "message.deleted", "message"]);
    assert!(!page.to_string().contains("tweede"), "a deleted text is nowhere");
});

on_both!(of_two_devices_one_wins, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let mut second = server.connect(&server.known("Anna")).await;
    let sent = anna.send(&chat, "0").await;
    for round in 1..=10_u64 {
        let (left, right) = tokio::join!(
            anna.request("edit", Some(&channel), edit(&sent.mid, round, "links")),
            second.request("edit", Some(&channel), edit(&sent.mid, round, "rechts")),
        );
        let won = [&left, &right].iter().filter(|reply| reply.get("ok").is_some()).count();
        assert_eq!(won, 1, "{left} {right}");
        let lost = if left.get("err").is_some() { &left["err"] } else { &right["err"] };
        assert_eq!((&lost["code"], &lost["d"]["rev"]), (&json!(40902), &json!(round + 1)), "{lost}");
    }
    bram.reach(&chat, sent.seq + 10).await;
    anna.reach(&chat, sent.seq + 10).await;
    assert_eq!(messages(&bram, &chat), messages(&anna, &chat));
    assert_eq!(messages(&bram, &chat), afresh(&server, "Bram", &chat).await);
});

on_both!(what_is_refused_changes_nothing, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let mut cas = server.connect(&server.person("Cas").await).await;
    let other = server.open_chat(&server.known("Anna"), &server.known("Cas")).await;
    anna.expect("chat.opened").await;
    let (channel, elsewhere) = (format!("chat:{chat}"), format!("chat:{other}"));
    let sent = anna.send(&chat, "blijft").await;
    bram.expect_text("blijft").await;
    for (op, of) in [("edit", edit(&sent.mid, 1, "anders")), ("delete", delete(&sent.mid))] {
        bram.refused(op, Some(&channel), of.clone(), 40300).await;
        cas.refused(op, Some(&channel), of.clone(), 40301).await;
        anna.refused(op, Some(&elsewhere), of, 40400).await;
    }
    anna.refused("edit", Some(&channel), edit(&Uuid::new_v4().to_string(), 1, "x"), 40400).await;
    anna.refused("delete", Some(&channel), delete(&Uuid::new_v4().to_string()), 40400).await;
    anna.refused("edit", Some(&channel), edit(&sent.mid, 2, "x"), 40902).await;
    anna.refused("edit", Some(&channel), edit(&sent.mid, 0, "x"), 40902).await;
    for empty in ["", "  \n"] {
        anna.refused("edit", Some(&channel), edit(&sent.mid, 1, empty), 40000).await;
    }
    anna.refused("edit", Some(&channel), edit(&sent.mid, 1, &"x".repeat(4_001)), 41300).await;
    anna.refused("delete", Some(&channel), json!({"mid": sent.mid, "scope": "everybody"}), 40000).await;
    assert_eq!(afresh(&server, "Bram", &chat).await, [("blijft".to_owned(), 1, false)]);
    assert_eq!(server.connect(&server.known("Bram")).await.chat(&chat).seq, sent.seq, "nothing happened");
});

on_both!(what_is_old_stays, |server: TestServer| async move {
    let (mut anna, bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let (one, two) = (anna.send(&chat, "een").await, anna.send(&chat, "twee").await);
    drop((anna, bram));
    let server = server.again_with(|config| config.limits.edit_window = std::time::Duration::ZERO).await;
    let mut anna = server.connect(&server.known("Anna")).await;
    anna.refused("edit", Some(&channel), edit(&one.mid, 1, "x"), 40300).await;
    anna.ask("delete", Some(&channel), delete(&one.mid)).await;
    drop(anna);
    let server = server.again_with(|config| config.limits.delete_window = std::time::Duration::ZERO).await;
    let mut anna = server.connect(&server.known("Anna")).await;
    anna.refused("delete", Some(&channel), delete(&two.mid), 40300).await;
    assert_eq!(messages(&anna, &chat), [(String::new(), 2, true), ("twee".to_owned(), 1, false)]);
});

on_both!(who_has_blocked_the_author_sees_nothing_new_of_them, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let (one, two) = (bram.send(&chat, "voor").await, bram.send(&chat, "ook voor").await);
    anna.expect_text("ook voor").await;
    let path = format!("/api/blocks/{}", server.known("Bram").id);
    server.ask(&server.known("Anna"), "PUT", &path, None).await.expect(204);
    anna.expect("block").await;
    // He cannot tell, and she is told nothing of it.
    let changed = bram.ask("edit", Some(&channel), edit(&one.mid, 1, "scheldwoord")).await;
    let stand_in = anna.expect("hidden").await;
    assert_eq!((&stand_in["seq"], &stand_in["d"]["n"]), (&changed["seq"], &json!(one.n)));
    bram.ask("delete", Some(&channel), delete(&two.mid)).await;
    anna.expect("message.deleted").await;
    let hers = vec![(String::new(), 2, true)];
    assert_eq!(messages(&anna, &chat), hers);
    assert_eq!(afresh(&server, "Anna", &chat).await, hers);
    assert_eq!(afresh(&server, "Bram", &chat).await[0], ("scheldwoord".to_owned(), 2, false));
    let page = anna.ask("history", Some(&channel), json!({"after": 0})).await;
    assert!(!page.to_string().contains("scheldwoord"), "{page}");
});

on_both!(who_joins_later_is_told_nothing_of_what_was_before, |server: TestServer| async move {
    let (mut anna, _bram, _) = server.pair("Anna", "Bram").await;
    let cas = server.person("Cas").await;
    server.open_chat(&server.known("Anna"), &cas).await;
    let mut cas = server.connect(&cas).await;
    let members = json!([server.known("Bram").id, server.known("Cas").id]);
    let made = anna.ask("group.create", None, json!({"title": "Huis", "members": members})).await;
    let group = made["chat_id"].as_str().unwrap().to_owned();
    let channel = format!("chat:{group}");
    let before = anna.send(&group, "van voor zijn tijd").await;
    let other = anna.send(&group, "ook van ervoor").await;
    cas.ask("invite.accept", Some(&channel), json!({})).await;
    cas.expect("chat.opened").await;
    anna.ask("edit", Some(&channel), edit(&before.mid, 1, "van voor zijn tijd, geheim")).await;
    anna.ask("delete", Some(&channel), delete(&other.mid)).await;
    let after = anna.send(&group, "welkom").await;
    cas.expect_text("welkom").await;
    assert_eq!(messages(&cas, &group), [("welkom".to_owned(), 1, false)]);
    let told = json!(cas.chat(&group).events).to_string();
    let page = cas.ask("history", Some(&channel), json!({"before": after.seq})).await.to_string();
    let fresh = server.connect(&server.known("Cas")).await;
    for (way, said) in [("live", told), ("history", page), ("afresh", json!(fresh.chat(&group).events).to_string())] {
        assert!(!said.contains("geheim") && !said.contains("message."), "{way}: {said}");
    }
    assert_eq!(cas.chat(&group).markers, fresh.chat(&group).markers);
});
