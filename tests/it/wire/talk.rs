//! People talk: the happy paths, on both databases.

use serde_json::json;

use crate::support::client::Ack;
use crate::support::on_both;
use crate::support::server::TestServer;

on_both!(two_people_hear_each_other, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let first = anna.send(&chat, "Hoi! Is de kamer nog vrij?").await;
    let heard = bram.expect_text("Hoi! Is de kamer nog vrij?").await;
    assert_eq!((heard["seq"].as_u64(), heard["d"]["n"].as_u64()), (Some(first.seq), Some(first.n)));
    assert_eq!(heard["d"]["mid"], first.mid.as_str());
    assert_eq!(heard["d"]["u"], anna.mirror.me.as_str());
    assert_eq!(heard["ts"], first.ts);
    let second = bram.send(&chat, "Ja, sinds gisteren").await;
    assert_eq!((second.seq, second.n), (first.seq + 1, first.n + 1));
    anna.expect_text("Ja, sinds gisteren").await;
    // The socket that sends is answered in the event's own place, and does not get the event as well.
    anna.refute("message").await;
    bram.refute("message").await;
    assert_eq!(anna.chat(&chat).events, bram.chat(&chat).events);
});

on_both!(all_devices_of_a_person_are_in_step, |server: TestServer| async move {
    let (mut phone, mut bram, chat) = server.pair("Anna", "Bram").await;
    let mut laptop = server.connect(&server.known("Anna")).await;
    let ack = phone.send(&chat, "van de telefoon").await;
    let shown = laptop.expect_text("van de telefoon").await;
    assert_eq!(
        shown["d"]["cid"],
        ack.cid.as_str(),
        "the other device can tell that this is the message the phone sent"
    );
    assert_eq!(bram.expect_text("van de telefoon").await["seq"], ack.seq);
    laptop.send(&chat, "van de laptop").await;
    phone.expect_text("van de laptop").await;
    bram.send(&chat, "voor allebei").await;
    phone.expect_text("voor allebei").await;
    laptop.expect_text("voor allebei").await;
    assert_eq!(phone.chat(&chat).events, laptop.chat(&chat).events);
});

on_both!(a_repeated_message_has_one_effect, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let cid = "0190a0b0-0000-4000-8000-00000000c1d1";
    let first = anna.publish(&chat, cid, "een keer").await;
    assert!(!first.dup);
    bram.expect_text("een keer").await;
    let again = anna.publish(&chat, cid, "een keer").await;
    assert_eq!(again, Ack { dup: true, ..first.clone() });
    // From another socket of hers, as after a reconnect.
    let mut laptop = server.connect(&server.known("Anna")).await;
    assert_eq!(laptop.publish(&chat, cid, "een keer").await, Ack { dup: true, ..first.clone() });
    laptop.refused("publish", Some(&format!("chat:{chat}")), json!({"cid": cid, "text": "iets anders"}), 40901).await;
    // A client id is its sender's own: the other one may use the same.
    let his = bram.publish(&chat, cid, "een keer").await;
    assert!(!his.dup && his.mid != first.mid);
    anna.expect_text("een keer").await;
    bram.refute("message").await;
    assert_eq!(bram.chat(&chat).texts(), ["een keer", "een keer"]);
});

on_both!(what_is_sent_in_one_breath_keeps_its_order, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let mut asked = Vec::new();
    for number in 0..30_u32 {
        asked.push(anna.begin_publish(&chat, &uuid::Uuid::new_v4().to_string(), &format!("regel {number}")).await);
    }
    let mut before = 0;
    for id in asked {
        let ack = Ack::of(&anna.reply(id).await["ok"]);
        assert!(ack.seq > before, "answers stand in the order of sending");
        before = ack.seq;
    }
    bram.expect_text("regel 29").await;
    let expected: Vec<String> = (0..30).map(|number| format!("regel {number}")).collect();
    assert_eq!(bram.chat(&chat).texts(), expected);
    assert_eq!(anna.chat(&chat).texts(), expected);
});

on_both!(both_at_once_are_heard_in_one_order, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    for number in 0..20 {
        let (hers, his) = (format!("anna {number}"), format!("bram {number}"));
        tokio::join!(anna.send(&chat, &hers), bram.send(&chat, &his));
    }
    anna.reach(&chat, 41).await;
    bram.reach(&chat, 41).await;
    assert_eq!(anna.chat(&chat).texts().len(), 40);
    assert_eq!(anna.chat(&chat).events, bram.chat(&chat).events);
});

on_both!(an_answer_names_the_message_it_answers, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let question = anna.send(&chat, "Huisdieren?").await;
    bram.expect_text("Huisdieren?").await;
    let reply = json!({"cid": uuid::Uuid::new_v4(), "text": "Een kat", "reply_to": question.mid});
    bram.ask("publish", Some(&channel), reply).await;
    assert_eq!(anna.expect_text("Een kat").await["d"]["reply_to"], question.mid.as_str());
    // A message of another chat, or of none, cannot be answered here.
    let stray = json!({"cid": uuid::Uuid::new_v4(), "text": "waarop?", "reply_to": uuid::Uuid::new_v4()});
    let refused = bram.request("publish", Some(&channel), stray).await;
    assert!(refused["err"]["code"] == 40000 || refused["err"]["code"] == 40400, "{refused}");
});

on_both!(texts_come_through_as_they_were_typed, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let texts = [
        "<script>alert(1)</script> <b>&amp;</b>",
        "'; DROP TABLE messages; --",
        "regel één\nregel twee\r\n\ttab",
        "emoji 👩‍👩‍👧‍👦 🏠, vlag 🇳🇱, accent é en e\u{301}",
        "rechts-naar-links \u{202e}omgekeerd\u{202c} שלום",
        "nul-breedte \u{200b}hier\u{feff}",
        "aanhalingstekens \" en \\ en \u{2028}",
        "%s %n {} ${jndi:x} $(id) `id`",
        "𝕌𝕟𝕚𝕔𝕠𝕕𝕖 \u{10ffff}",
    ];
    for text in texts {
        anna.send(&chat, text).await;
        bram.expect_text(text).await;
    }
    let longest: String = "ë".repeat(4000);
    anna.send(&chat, &longest).await;
    bram.expect_text(&longest).await;
    let page = bram.ask("history", Some(&format!("chat:{chat}")), json!({"after": 0, "limit": 100})).await;
    let stored: Vec<&str> = page["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter(|event| event["op"] == "message")
        .filter_map(|event| event["d"]["text"].as_str())
        .collect();
    assert_eq!(stored, texts.iter().copied().chain([longest.as_str()]).collect::<Vec<_>>());
});

on_both!(reading_is_seen_by_the_other_and_by_my_other_devices, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let mut tablet = server.connect(&server.known("Bram")).await;
    let mut last = 0;
    for number in 0..5 {
        last = anna.send(&chat, &format!("bericht {number}")).await.seq;
    }
    bram.expect_text("bericht 4").await;
    tablet.expect_text("bericht 4").await;
    let received = bram.ask("ack", Some(&channel), json!({"seq": last})).await;
    assert_eq!((received["recv"].as_u64(), received["unread"].as_u64()), (Some(last), Some(5)), "received is not read");
    let two_read = bram.ask("read", Some(&channel), json!({"seq": last - 3})).await;
    assert_eq!((two_read["read"].as_u64(), two_read["unread"].as_u64()), (Some(last - 3), Some(3)));
    let me = bram.mirror.me.clone();
    for other in [&mut anna, &mut tablet] {
        let marker =
            other.expect_where("his marker", |frame| frame["op"] == "marker" && frame["d"]["read"] == last - 3).await;
        assert_eq!((marker["ch"].as_str(), marker["d"]["u"].as_str()), (Some(channel.as_str()), Some(me.as_str())));
    }
    let back = bram.ask("read", Some(&channel), json!({"seq": 1})).await;
    assert_eq!(back["read"], last - 3, "a marker never goes back");
    let beyond = bram.ask("read", Some(&channel), json!({"seq": last + 1000})).await;
    assert_eq!((beyond["read"].as_u64(), beyond["unread"].as_u64()), (Some(last), Some(0)), "nor beyond the head");
    anna.expect_where("all read", |frame| frame["op"] == "marker" && frame["d"]["read"] == last).await;
    // A device that comes later is told the same.
    let later = server.connect(&server.known("Bram")).await;
    assert_eq!(later.chat(&chat).facts["unread"], 0);
    assert_eq!(later.chat(&chat).markers, anna.chat(&chat).markers);
});

on_both!(history_goes_before_after_and_around, |server: TestServer| async move {
    let (mut anna, _bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let mut head = 0;
    for number in 0..60 {
        head = anna.send(&chat, &format!("m{number}")).await.seq;
    }
    let seqs = |page: &serde_json::Value| {
        page["events"]
            .as_array()
            .expect("events")
            .iter()
            .map(|event| event["seq"].as_u64().expect("a position"))
            .collect::<Vec<_>>()
    };
    let before = anna.ask("history", Some(&channel), json!({"before": 31, "limit": 10})).await;
    assert_eq!(seqs(&before), (21..=30).collect::<Vec<_>>());
    assert_eq!(
        (before["more_before"].as_bool(), before["more_after"].as_bool(), before["head"].as_u64()),
        (Some(true), Some(true), Some(head))
    );
    let after = anna.ask("history", Some(&channel), json!({"after": 50, "limit": 100})).await;
    assert_eq!(seqs(&after), (51..=head).collect::<Vec<_>>());
    assert_eq!((after["more_before"].as_bool(), after["more_after"].as_bool()), (Some(true), Some(false)));
    let around = seqs(&anna.ask("history", Some(&channel), json!({"around": 30, "limit": 11})).await);
    assert!(
        around.contains(&30) && around.len() <= 11 && around.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{around:?}"
    );
    assert!(around.first() < Some(&30) && around.last() > Some(&30), "{around:?}");
    let first = anna.ask("history", Some(&channel), json!({"after": 0, "limit": 5})).await;
    assert_eq!(seqs(&first), [1, 2, 3, 4, 5]);
    assert_eq!(first["more_before"], false);
    assert_eq!(seqs(&anna.ask("history", Some(&channel), json!({"after": head, "limit": 5})).await), [0; 0]);
    anna.refused("history", Some(&channel), json!({"after": head + 1}), 41000).await;
    anna.refused("history", Some(&channel), json!({"after": 1, "epoch": "another life"}), 41000).await;
    anna.refused("history", Some(&channel), json!({"after": 1, "before": 9}), 40000).await;
    anna.refused("history", Some(&channel), json!({}), 40000).await;
    anna.refused("history", Some(&channel), json!({"after": 1, "limit": 0}), 40000).await;
    for number in 60..110 {
        anna.send(&chat, &format!("m{number}")).await;
    }
    let greedy = anna.ask("history", Some(&channel), json!({"after": 0, "limit": 1_000_000_000})).await;
    assert_eq!(seqs(&greedy), (1..=100).collect::<Vec<_>>(), "more than a page is a page");
});

on_both!(a_chat_that_opens_appears_at_once, |server: TestServer| async move {
    let (anna, bram) = (server.person("Anna").await, server.person("Bram").await);
    let (mut hers, mut his) = (server.connect(&anna).await, server.connect(&bram).await);
    assert!(hers.mirror.chats.is_empty());
    let chat = server.open_chat(&anna, &bram).await;
    for client in [&mut hers, &mut his] {
        let opened = client.expect("chat.opened").await;
        assert_eq!((opened["ch"].as_str(), opened["d"]["chat"]["id"].as_str()), (Some("user"), Some(chat.as_str())));
        assert_eq!(opened["d"]["chat"]["members"].as_array().map(Vec::len), Some(2));
    }
    hers.send(&chat, "daar zijn we").await;
    his.expect_text("daar zijn we").await;
    // Opening it again opens nothing new.
    assert_eq!(server.open_chat(&bram, &anna).await, chat);
    hers.refute("chat.opened").await;
});
