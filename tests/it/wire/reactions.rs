//! What people do with messages besides writing them: react, answer with a quote, and delete for themselves.

use serde_json::{Value, json};

use crate::support::client::{Client, Door};
use crate::support::mirror::plain;
use crate::support::on_both;
use crate::support::server::TestServer;

fn react(mid: &str, emoji: &str, on: bool) -> Value {
    json!({"mid": mid, "emoji": emoji, "on": on})
}

/// What a client holds of each message: its text and the reactions to it, without whose they are.
fn reactions(client: &Client, chat: &str) -> Vec<(String, Vec<String>)> {
    let held = client.chat(chat).events.values().filter(|event| event["op"] == "message");
    held.map(|event| {
        let list = event["d"]["reactions"].as_array().into_iter().flatten();
        let emojis = list.map(|reaction| reaction["emoji"].as_str().unwrap().to_owned()).collect();
        (event["d"]["text"].as_str().unwrap().to_owned(), emojis)
    })
    .collect()
}

async fn afresh(server: &TestServer, name: &str) -> Client {
    server.connect(&server.known(name)).await
}

async fn back(
    server: &TestServer,
    name: &str,
    mirror: crate::support::mirror::Mirror,
    resume: &Value,
) -> (Client, Value) {
    let mut client = Client::knock(name, server.address, &Door::default()).await.expect("a socket");
    client.mirror = mirror;
    let token = server.known(name).token;
    let ok = client.ask("connect", None, json!({"v": 1, "token": token, "resume": resume})).await;
    (client, ok)
}

on_both!(a_reaction_reaches_everybody_and_is_there_once, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let asleep = afresh(&server, "Bram").await;
    let (one, two) = (anna.send(&chat, "een huis").await, anna.send(&chat, "weg ermee").await);
    bram.expect_text("weg ermee").await;
    let position = asleep.mirror.clone();
    asleep.cut();
    for emoji in ["🏠", "🏠", "❤️"] {
        assert_eq!(bram.ask("react", Some(&channel), react(&one.mid, emoji, true)).await, json!({}));
    }
    anna.ask("react", Some(&channel), react(&one.mid, "👍", true)).await;
    let (anna_id, bram_id) = (server.known("Anna").id, server.known("Bram").id);
    let told = anna.expect("reaction").await;
    assert_eq!(told["d"], json!({"mid": one.mid, "n": one.n, "u": bram_id, "emoji": "🏠", "on": true}));
    assert_eq!(told["seq"], two.seq + 1);
    bram.ask("react", Some(&channel), react(&one.mid, "🏠", false)).await;
    bram.ask("react", Some(&channel), react(&one.mid, "🏠", false)).await;
    anna.reach(&chat, two.seq + 4).await;
    let now = vec![("een huis".to_owned(), vec!["❤️".to_owned(), "👍".to_owned()]), ("weg ermee".to_owned(), vec![])];
    assert_eq!(reactions(&anna, &chat), now);
    let fresh = afresh(&server, "Anna").await;
    assert_eq!(reactions(&fresh, &chat), now);
    assert_eq!(fresh.chat(&chat).events, anna.chat(&chat).events, "what was told is what is there");
    let resume = position.position();
    let (returned, ok) = back(&server, "Bram", position, &resume).await;
    assert_eq!(ok["recovered"], "full");
    assert_eq!(returned.chat(&chat).events, fresh.chat(&chat).events);
    let whose = &fresh.chat(&chat).events[&one.seq]["d"]["reactions"];
    assert_eq!(*whose, json!([{"u": bram_id, "emoji": "❤️"}, {"u": anna_id, "emoji": "👍"}]));
    // A reaction is no message: nothing is unread of it.
    assert_eq!(fresh.chat(&chat).facts["unread"], 0);
    // With the message everything goes that was said to it.
    anna.ask("delete", Some(&channel), json!({"mid": one.mid, "scope": "all"})).await;
    bram.refused("react", Some(&channel), react(&one.mid, "🔥", true), 40903).await;
    let fresh = afresh(&server, "Bram").await;
    bram.reach(&chat, two.seq + 5).await;
    assert_eq!(reactions(&bram, &chat)[0], (String::new(), vec![]));
    assert_eq!(fresh.chat(&chat).events, bram.chat(&chat).events);
});

on_both!(what_may_not_be_reacted_to, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let mut cas = server.connect(&server.person("Cas").await).await;
    let other = server.open_chat(&server.known("Anna"), &server.known("Cas")).await;
    anna.expect("chat.opened").await;
    let channel = format!("chat:{chat}");
    let sent = anna.send(&chat, "hoi").await;
    bram.expect_text("hoi").await;
    for bad in ["🦖", "👍👍", "", "bel me: 0612345678", ":thumbsup:", "👍🏽", "❤"] {
        bram.refused("react", Some(&channel), react(&sent.mid, bad, true), 40000).await;
    }
    cas.refused("react", Some(&channel), react(&sent.mid, "👍", true), 40301).await;
    anna.refused("react", Some(&format!("chat:{other}")), react(&sent.mid, "👍", true), 40400).await;
    bram.refused("react", Some(&channel), react(&uuid::Uuid::new_v4().to_string(), "👍", true), 40400).await;
    let path = format!("/api/blocks/{}", server.known("Anna").id);
    server.ask(&server.known("Bram"), "PUT", &path, None).await.expect(204);
    bram.refused("react", Some(&channel), react(&sent.mid, "👍", true), 40302).await;
    assert_eq!(afresh(&server, "Anna").await.chat(&chat).seq, sent.seq, "nothing happened");
    // As often as may be, and then not for a while.
    let most = domu::config::Limits::default().reactions_per_minute;
    let mut refused = None;
    for count in 0..=most {
        let reply = anna.request("react", Some(&channel), react(&sent.mid, "👍", count % 2 == 0)).await;
        if reply.get("err").is_some() {
            refused = Some((count, reply["err"]["code"].clone()));
            break;
        }
    }
    let (count, code) = refused.expect("a bound");
    assert!(code == 42900 && count + 2 >= most, "{count} of {most}, {code}");
});

on_both!(who_has_blocked_somebody_sees_no_reaction_of_them, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let sent = anna.send(&chat, "hoi").await;
    bram.expect_text("hoi").await;
    bram.ask("react", Some(&channel), react(&sent.mid, "👍", true)).await;
    anna.expect("reaction").await;
    let path = format!("/api/blocks/{}", server.known("Bram").id);
    server.ask(&server.known("Anna"), "PUT", &path, None).await.expect(204);
    anna.expect("block").await;
    // He cannot tell.
    bram.ask("react", Some(&channel), react(&sent.mid, "😢", true)).await;
    bram.ask("react", Some(&channel), react(&sent.mid, "😢", false)).await;
    bram.ask("react", Some(&channel), react(&sent.mid, "🔥", true)).await;
    assert_eq!(anna.expect("hidden").await["d"], json!({"n": 0, "u": server.known("Bram").id}));
    // What she saw come she sees go.
    bram.ask("react", Some(&channel), react(&sent.mid, "👍", false)).await;
    anna.expect("reaction").await;
    anna.reach(&chat, sent.seq + 5).await;
    assert_eq!(reactions(&anna, &chat), [("hoi".to_owned(), vec![])]);
    let fresh = afresh(&server, "Anna").await;
    assert_eq!(fresh.chat(&chat).events, anna.chat(&chat).events);
    assert_eq!(reactions(&afresh(&server, "Bram").await, &chat), [("hoi".to_owned(), vec!["🔥".to_owned()])]);
    let page = anna.ask("history", Some(&channel), json!({"after": 0})).await.to_string();
    assert!(!page.contains('😢') && !page.contains('🔥'), "{page}");
    // Also later: what was withheld stays so.
    server.ask(&server.known("Anna"), "DELETE", &path, None).await.expect(204);
    bram.ask("react", Some(&channel), react(&sent.mid, "🔥", false)).await;
    anna.reach(&chat, sent.seq + 6).await;
    assert_eq!(afresh(&server, "Anna").await.chat(&chat).events, anna.chat(&chat).events);
});

on_both!(who_joins_later_sees_no_reaction_to_what_was_before, |server: TestServer| async move {
    let (mut anna, mut bram, _) = server.pair("Anna", "Bram").await;
    let cas = server.person("Cas").await;
    server.open_chat(&server.known("Anna"), &cas).await;
    let mut cas = server.connect(&cas).await;
    let members = json!([server.known("Bram").id, server.known("Cas").id]);
    let made = anna.ask("group.create", None, json!({"title": "Huis", "members": members})).await;
    let group = made["chat_id"].as_str().unwrap().to_owned();
    let channel = format!("chat:{group}");
    bram.ask("invite.accept", Some(&channel), json!({})).await;
    let before = anna.send(&group, "van ervoor").await;
    cas.ask("invite.accept", Some(&channel), json!({})).await;
    cas.expect("chat.opened").await;
    bram.ask("react", Some(&channel), react(&before.mid, "🔥", true)).await;
    cas.refused("react", Some(&channel), react(&before.mid, "🔥", true), 40400).await;
    cas.refused("delete", Some(&channel), json!({"mid": before.mid, "scope": "me"}), 40400).await;
    cas.refused("delete", Some(&channel), json!({"mid": before.mid, "scope": "all"}), 40400).await;
    let after = anna.send(&group, "welkom").await;
    cas.expect_text("welkom").await;
    bram.ask("react", Some(&channel), react(&after.mid, "👍", true)).await;
    cas.expect("reaction").await;
    let fresh = afresh(&server, "Cas").await;
    assert_eq!(fresh.chat(&group).events, cas.chat(&group).events);
    assert!(!json!(cas.chat(&group).events).to_string().contains('🔥'));
});

on_both!(a_message_deleted_for_oneself_is_gone_on_all_devices_of_one, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let mut second = afresh(&server, "Anna").await;
    let asleep = afresh(&server, "Anna").await;
    let (one, two) = (bram.send(&chat, "blijft niet").await, bram.send(&chat, "blijft wel").await);
    for device in [&mut anna, &mut second] {
        device.expect_text("blijft wel").await;
    }
    let position = asleep.mirror.clone();
    asleep.cut();
    let own = anna.send(&chat, "van mij").await;
    let erased = anna.ask("delete", Some(&channel), json!({"mid": one.mid, "scope": "me"})).await;
    assert_eq!((&erased["mid"], &erased["rev"]), (&json!(one.mid), &json!(1)));
    let told = second.expect("erased").await;
    assert_eq!(told["d"], json!({"chat_id": chat, "mid": one.mid, "n": one.n}));
    assert_eq!((&told["ch"], &told["seq"]), (&json!("user"), &erased["seq"]));
    let again = anna.ask("delete", Some(&channel), json!({"mid": one.mid, "scope": "me"})).await;
    assert_eq!(again["seq"], erased["seq"], "again is the same");
    anna.ask("delete", Some(&channel), json!({"mid": own.mid, "scope": "me"})).await;
    // Nobody else is told anything, and the message goes on without her.
    bram.expect_text("van mij").await;
    bram.settle().await;
    assert_eq!(bram.chat(&chat).seq, own.seq);
    assert_eq!(bram.chat(&chat).texts(), ["blijft niet", "blijft wel", "van mij"]);
    bram.ask("edit", Some(&channel), json!({"mid": one.mid, "rev": 1, "text": "blijft geheim"})).await;
    bram.ask("react", Some(&channel), react(&one.mid, "😢", true)).await;
    bram.ask("react", Some(&channel), react(&two.mid, "👍", true)).await;
    anna.reach(&chat, own.seq + 3).await;
    second.reach(&chat, own.seq + 3).await;
    assert_eq!(anna.chat(&chat).texts(), ["blijft wel"]);
    let fresh = afresh(&server, "Anna").await;
    assert_eq!(fresh.chat(&chat).events, anna.chat(&chat).events);
    assert_eq!(fresh.chat(&chat).events, second.chat(&chat).events);
    let page = anna.ask("history", Some(&channel), json!({"after": 0})).await.to_string();
    assert!(!page.contains("blijft niet") && !page.contains("geheim") && !page.contains('😢'), "{page}");
    anna.refused("react", Some(&channel), react(&one.mid, "👍", true), 40400).await;
    let answer = json!({"cid": uuid::Uuid::new_v4(), "text": "toch", "reply_to": one.mid});
    anna.refused("publish", Some(&channel), answer, 40000).await;
    // Whoever comes back is told by the own stream, and without that gets the chat anew.
    let resume = position.position();
    let (returned, ok) = back(&server, "Anna", position.clone(), &resume).await;
    assert_eq!(ok["recovered"], "full");
    assert_eq!(returned.chat(&chat).events, fresh.chat(&chat).events);
    let mut partly = resume.clone();
    partly.as_object_mut().unwrap().remove("user");
    let (returned, ok) = back(&server, "Anna", position, &partly).await;
    assert_eq!((&ok["chats"][0]["initial"], &ok["chats"][0]["reason"]), (&json!(true), &json!("trimmed")));
    assert_eq!(returned.chat(&chat).events, fresh.chat(&chat).events);
    // What she wrote she can still take back from everybody.
    anna.ask("delete", Some(&channel), json!({"mid": own.mid, "scope": "all"})).await;
    bram.expect("message.deleted").await;
});

on_both!(an_answer_shows_what_it_answers_as_that_is_now, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let asked = anna.send(&chat, "Kom je kijken?").await;
    bram.expect_text("Kom je kijken?").await;
    let cid = uuid::Uuid::new_v4();
    let answer = json!({"cid": cid, "text": "Ja!", "reply_to": asked.mid});
    let ok = bram.ask("publish", Some(&channel), answer).await;
    let told = anna.expect("message").await;
    assert_eq!((&told["d"]["reply_to"], &told["d"]["reply_seq"]), (&json!(asked.mid), &json!(asked.seq)));
    assert_eq!(told["seq"], ok["seq"]);
    let around = json!({"around": asked.seq, "limit": 1});
    let quoted = async |who: &mut Client| who.ask("history", Some(&channel), around.clone()).await["events"].clone();
    assert_eq!(quoted(&mut bram).await[0]["d"]["text"], "Kom je kijken?");
    anna.ask("edit", Some(&channel), json!({"mid": asked.mid, "rev": 1, "text": "Kom je morgen kijken?"})).await;
    let now = quoted(&mut bram).await;
    assert_eq!((now.as_array().map(Vec::len), &now[0]["d"]["text"]), (Some(1), &json!("Kom je morgen kijken?")));
    bram.ask("delete", Some(&channel), json!({"mid": asked.mid, "scope": "me"})).await;
    assert_eq!(quoted(&mut bram).await[0]["op"], "hidden");
    anna.ask("delete", Some(&channel), json!({"mid": asked.mid, "scope": "all"})).await;
    assert_eq!(quoted(&mut anna).await[0]["d"]["deleted"], true);
    let fresh = afresh(&server, "Anna").await;
    anna.settle().await;
    assert_eq!(fresh.chat(&chat).events[&told["seq"].as_u64().unwrap()], plain(&told), "the answer stays an answer");
    // What somebody does not see they cannot answer, though they know its id.
    let path = format!("/api/blocks/{}", server.known("Bram").id);
    server.ask(&server.known("Anna"), "PUT", &path, None).await.expect(204);
    let unseen = bram.send(&chat, "ziet ze niet").await;
    server.ask(&server.known("Anna"), "DELETE", &path, None).await.expect(204);
    let sneaky = json!({"cid": uuid::Uuid::new_v4(), "text": "wat?", "reply_to": unseen.mid});
    anna.refused("publish", Some(&channel), sneaky, 40000).await;
});

on_both!(all_of_it_works_without_a_socket, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let sent = anna.send(&chat, "hoi").await;
    bram.expect_text("hoi").await;
    let (hers, his) = (server.known("Anna"), server.known("Bram"));
    let body = json!({"chat_id": chat, "mid": sent.mid, "rev": 1, "text": "dag"});
    let changed = server.ask(&hers, "POST", "/api/chat/edit", Some(&body)).await.expect(200);
    assert_eq!((&changed["rev"], &changed["seq"]), (&json!(2), &json!(sent.seq + 1)));
    bram.expect("message.edited").await;
    let stale = server.ask(&hers, "POST", "/api/chat/edit", Some(&body)).await.expect(409);
    assert_eq!((&stale["code"], &stale["rev"]), (&json!(40902), &json!(2)));
    let body = json!({"chat_id": chat, "mid": sent.mid, "emoji": "💡", "on": true});
    server.ask(&his, "POST", "/api/chat/react", Some(&body)).await.expect(204);
    anna.expect("reaction").await;
    let body = json!({"chat_id": chat, "mid": sent.mid, "scope": "me"});
    server.ask(&his, "POST", "/api/chat/delete", Some(&body)).await.expect(200);
    bram.expect("erased").await;
    let body = json!({"chat_id": chat, "mid": sent.mid, "scope": "all"});
    server.ask(&his, "POST", "/api/chat/delete", Some(&body)).await.expect(404);
    server.ask(&hers, "POST", "/api/chat/delete", Some(&body)).await.expect(200);
    anna.expect("message.deleted").await;
});
