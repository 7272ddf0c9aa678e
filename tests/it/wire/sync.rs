//! Looking at chats again on the same socket: plain verdicts, and never a step back.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::on_both;
use crate::support::server::TestServer;

fn verdict(chat: &Value) -> (bool, &str, &str, usize) {
    let word = |field: &str| chat[field].as_str().unwrap_or_default();
    (chat["initial"].as_bool().unwrap(), word("recovered"), word("reason"), chat["events"].as_array().unwrap().len())
}

on_both!(each_chat_has_its_verdict, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let cas = server.person("Cas").await;
    let other = server.open_chat(&server.known("Anna"), &cas).await;
    let foreign = server.open_chat(&cas, &server.known("Bram")).await;
    anna.expect("chat.opened").await;
    for n in 0..5 {
        bram.send(&chat, &format!("regel {n}")).await;
    }
    anna.expect_text("regel 4").await;
    let synced =
        anna.ask("sync", None, json!({"chats": {chat.as_str(): 2, other.as_str(): null, foreign.as_str(): 1}})).await;
    assert_eq!(synced["not_member"], json!([foreign]));
    assert_eq!(synced["total"], 2);
    let of = |id: &str| synced["chats"].as_array().unwrap().iter().find(|found| found["id"] == id).unwrap();
    assert_eq!(verdict(of(&chat)), (false, "full", "", 4));
    assert_eq!(verdict(of(&other)), (true, "none", "fresh", 1));
    let synced = anna.ask("sync", None, json!({"chats": {chat.as_str(): 99}})).await;
    assert_eq!(verdict(&synced["chats"][0]), (true, "none", "ahead", 6));
    // A window of the list, the liveliest first.
    let synced = anna.ask("sync", None, json!({"window": [0, 0]})).await;
    let ids: Vec<_> = synced["chats"].as_array().unwrap().iter().map(|chat| chat["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [chat.as_str()]);
    let synced = anna.ask("sync", None, json!({"window": [1, 40]})).await;
    assert_eq!(synced["chats"][0]["id"], other.as_str());
    assert_eq!(anna.ask("sync", None, json!({})).await["chats"], json!([]));
    anna.refused("sync", None, json!({"window": [0, 50]}), 40000).await;
    anna.refused("sync", None, json!({"chats": {"niets": 1}}), 40000).await;
    anna.refused("sync", None, json!({"chats": {chat.as_str(): 9_007_199_254_740_992_u64}}), 40000).await;
    // The stream goes on where it was.
    bram.send(&chat, "verder").await;
    anna.expect_text("verder").await;
    assert_eq!(anna.chat(&chat).texts().last().map(String::as_str), Some("verder"));
});

on_both!(under_fire_no_answer_is_behind_and_nothing_is_lost, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let writing = async {
        for n in 0..150 {
            bram.send(&chat, &format!("regel {n}")).await;
        }
    };
    let looking = async {
        for n in 0..50_u64 {
            // Sometimes from where it stands, sometimes from the beginning, sometimes afresh.
            let held = match n % 3 {
                0 => json!(anna.chat(&chat).seq),
                1 => json!(1),
                _ => Value::Null,
            };
            let asked = anna.begin("sync", None, json!({"chats": {chat.as_str(): held}})).await;
            let own = anna.send(&chat, &format!("ertussen {n}")).await;
            let reply = anna.reply(asked).await;
            assert!(reply.get("ok").is_some(), "{reply}");
            assert!(own.seq > 0);
        }
    };
    tokio::join!(writing, looking);
    anna.reach(&chat, 201).await;
    bram.reach(&chat, 201).await;
    assert_eq!(bram.chat(&chat).texts().len(), 200);
    let (hers, his) = (&anna.chat(&chat).events, &bram.chat(&chat).events);
    assert!(hers.iter().all(|(seq, event)| his.get(seq) == Some(event)), "what each holds is the same");
    assert!(hers.contains_key(&201));
});

on_both!(what_was_said_before_a_sync_is_answered, |server: TestServer| async move {
    // What was committed while the chat was read used to be known by the time it was delivered, and its answer with it.
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    for round in 0..60 {
        let mut asked = Vec::new();
        for number in 0..3 {
            asked.push(
                anna.begin_publish(
                    &chat,
                    &Uuid::new_v4().to_string(),
                    &format!("{} {}", "ja".repeat(round + 1), "nee".repeat(number)),
                )
                .await,
            );
        }
        asked.push(anna.begin("sync", None, json!({"chats": {chat.as_str(): anna.chat(&chat).seq}})).await);
        for id in asked {
            let reply = anna.reply(id).await;
            assert!(reply.get("ok").is_some(), "{reply}");
        }
    }
    bram.reach(&chat, anna.chat(&chat).seq).await;
    assert_eq!(anna.chat(&chat).events, bram.chat(&chat).events);
});
