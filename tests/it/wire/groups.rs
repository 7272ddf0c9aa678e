//! Groups: who may be asked, what each step tells whom, and that nothing is seen from before one joined.

use serde_json::{Value, json};

use crate::support::client::{Client, Door};
use crate::support::on_both;
use crate::support::people::Person;
use crate::support::server::TestServer;

/// Anna, who shares a chat with each of the others.
async fn friends(server: &TestServer, names: &[&str]) -> (Person, Vec<Person>) {
    let anna = server.person("Anna").await;
    let mut others = Vec::new();
    for name in names {
        let other = server.person(name).await;
        server.open_chat(&anna, &other).await;
        others.push(other);
    }
    (anna, others)
}

async fn create(anna: &mut Client, title: &str, members: &[&Person]) -> String {
    let members: Vec<_> = members.iter().map(|member| member.id.as_str()).collect();
    let made = anna.ask("group.create", None, json!({"title": title, "members": members})).await;
    made["chat_id"].as_str().expect("a chat").to_owned()
}

fn of(group: &str) -> String {
    format!("chat:{group}")
}

fn change<'a>(frame: &'a Value, op: &str) -> Option<&'a str> {
    (frame["op"] == op).then(|| frame["d"]["change"].as_str()).flatten()
}

async fn member(client: &mut Client, what: &str) -> Value {
    client.expect_where(what, |frame| change(frame, "member") == Some(what)).await
}

async fn join(client: &mut Client, group: &str) {
    client.ask("invite.accept", Some(&of(group)), json!({})).await;
    client.expect_where("the opening", |frame| frame["op"] == "chat.opened" && frame["d"]["chat_id"] == group).await;
}

/// A client that has followed everything knows what one knows that comes fresh.
async fn agrees(server: &TestServer, person: &Person, client: &Client) {
    let fresh = server.connect(person).await;
    let chats = |client: &Client| -> Vec<(String, u64, Value)> {
        client.mirror.chats.iter().map(|(id, chat)| (id.clone(), chat.seq, chat.membership())).collect()
    };
    assert_eq!(chats(client), chats(&fresh), "{}", person.id);
    assert_eq!(client.mirror.invites, fresh.mirror.invites, "{}", person.id);
}

on_both!(a_group_asked_for_again_with_its_client_id_is_the_same_group, |server: TestServer| async move {
    let (anna, others) = friends(&server, &["Bram"]).await;
    let [bram] = others.as_slice() else { panic!("one") };
    let (mut a, mut b, mut again) =
        (server.connect(&anna).await, server.connect(bram).await, server.connect(&anna).await);
    let wish = json!({"cid": uuid::Uuid::new_v4(), "title": "Huis", "members": [bram.id]});
    // At once from two devices, as a retry that overtakes; then once more, and with somebody else's id for it.
    let ids =
        [a.begin("group.create", None, wish.clone()).await, again.begin("group.create", None, wish.clone()).await];
    let first = a.reply(ids[0]).await["ok"]["chat_id"].clone();
    assert!(first.is_string());
    assert_eq!(again.reply(ids[1]).await["ok"]["chat_id"], first);
    assert_eq!(a.ask("group.create", None, wish.clone()).await["chat_id"], first);
    let body = json!({"cid": wish["cid"], "title": "Huis", "members": [anna.id]});
    assert_ne!(b.ask("group.create", None, body).await["chat_id"], first, "an id is its owner's own");
    for client in [&mut a, &mut b] {
        client.settle().await;
    }
    let fresh = server.connect(&anna).await;
    assert_eq!(fresh.mirror.chats.values().filter(|chat| chat.facts["group"] == true).count(), 1);
    assert_eq!(fresh.mirror.invites.len(), 2, "one from her, one to her");
});

on_both!(a_group_is_made_joined_named_passed_on_and_left, |server: TestServer| async move {
    let (anna, others) = friends(&server, &["Bram", "Cas"]).await;
    let [bram, cas] = others.as_slice() else { panic!("two") };
    let (mut a, mut b, mut c) = (server.connect(&anna).await, server.connect(bram).await, server.connect(cas).await);
    let group = create(&mut a, " Huis ", &[bram, cas]).await;
    a.expect("chat.opened").await;
    let asked = b.expect("invite").await;
    assert_eq!(asked["d"]["invite"]["title"], "Huis");
    assert_eq!(asked["d"]["invite"]["by"], *anna.id);
    assert_eq!(
        b.refused("publish", Some(&of(&group)), json!({"cid": uuid::Uuid::new_v4(), "text": "x"}), 40301).await["name"],
        "not_member"
    );
    a.send(&group, "nog alleen").await;
    join(&mut b, &group).await;
    let joined = member(&mut a, "joined").await;
    assert_eq!((&joined["d"]["u"], &joined["d"]["first_name"]), (&json!(bram.id), &json!("Bram")));
    // From before one joined nothing is told, by no way.
    let known = b.chat(&group).facts.clone();
    assert_eq!((&known["base"], &known["unread"], &known["last"]), (&json!(2), &json!(0), &json!(null)));
    let page =
        b.ask("history", Some(&of(&group)), json!({"before": known["head"].as_u64().expect("a head") + 1})).await;
    assert_eq!(page["events"].as_array().expect("events").len(), 1, "{page}");
    assert_eq!(page["more_before"], false);
    b.refused("history", Some(&of(&group)), json!({"after": 1}), 41000).await;
    b.refused("history", Some(&of(&group)), json!({"around": 2}), 41000).await;
    let listed = server.ask(bram, "GET", "/api/chats?q=huis", None).await.expect(200);
    assert_eq!(listed["chats"][0]["last"], json!(null));
    let first = a.send(&group, "welkom").await;
    assert_eq!(b.expect_text("welkom").await["seq"], first.seq);
    join(&mut c, &group).await;
    a.ask("group.rename", Some(&of(&group)), json!({"title": "Thuis"})).await;
    let renamed = c.expect_where("the name", |frame| change(frame, "chat") == Some("renamed")).await;
    assert_eq!(renamed["d"]["title"], "Thuis");
    b.refused("group.rename", Some(&of(&group)), json!({"title": "Mijn"}), 40300).await;
    b.refused("group.remove", Some(&of(&group)), json!({"user": cas.id}), 40300).await;
    a.ask("group.transfer", Some(&of(&group)), json!({"user": cas.id})).await;
    c.ask("group.remove", Some(&of(&group)), json!({"user": anna.id})).await;
    let gone = a.expect("chat.left").await;
    assert_eq!(gone["d"], json!({"chat_id": group, "change": "removed"}));
    c.send(&group, "zonder haar").await;
    a.settle().await;
    a.refused("history", Some(&of(&group)), json!({"before": 2}), 40301).await;
    agrees(&server, &anna, &a).await;
    // Its owner leaves: who is left leads it.
    c.ask("group.leave", Some(&of(&group)), json!({})).await;
    let heir = b.expect_where("the heir", |frame| frame["d"]["role"] == "owner" && frame["d"]["u"] == *bram.id).await;
    assert_eq!(heir["d"]["change"], "role");
    agrees(&server, bram, &b).await;
    b.ask("group.leave", Some(&of(&group)), json!({})).await;
    agrees(&server, bram, &b).await;
    c.settle().await;
    agrees(&server, cas, &c).await;
});

on_both!(bad_input_makes_no_group, |server: TestServer| async move {
    let (anna, others) = friends(&server, &["Bram", "Cas", "Dirk", "Eva"]).await;
    let stranger = server.person("Finn").await;
    let [bram, cas, dirk, eva] = others.as_slice() else { panic!("four") };
    let mut a = server.connect(&anna).await;
    let nobody = "0198c0de-0000-7000-8000-000000000001";
    for (members, code) in [
        (json!([]), 40000),
        (json!([anna.id]), 40000),
        (json!([bram.id, bram.id]), 40000),
        (json!([bram.id, cas.id, dirk.id, eva.id]), 40000),
        (json!([bram.id, stranger.id]), 40400),
        (json!([nobody]), 40400),
        (json!("bram"), 40000),
    ] {
        a.refused("group.create", None, json!({"title": "Huis", "members": members}), code).await;
    }
    for title in ["", " \u{200b} ", "a\nb", &"x".repeat(61)] {
        a.refused("group.create", None, json!({"title": title, "members": [bram.id]}), 40000).await;
    }
    // Whom one has blocked is refused like a stranger.
    server.ask(&anna, "PUT", &format!("/api/blocks/{}", eva.id), None).await.expect(204);
    a.refused("group.create", None, json!({"title": "Huis", "members": [eva.id]}), 40400).await;
    let answer = server.ask(&anna, "GET", "/api/invites", None).await.expect(200);
    assert_eq!(answer, json!({"invites": []}));
    let group = create(&mut a, "Huis", &[bram]).await;
    let channel = of(&group);
    for (user, code) in
        [(&*anna.id, 40000), (&*bram.id, 40903), (&*stranger.id, 40400), (&*eva.id, 40400), (nobody, 40400)]
    {
        a.refused("group.invite", Some(&channel), json!({"user": user}), code).await;
    }
    for (op, user) in [("group.remove", &*bram.id), ("group.transfer", &*bram.id), ("group.revoke", &*cas.id)] {
        a.refused(op, Some(&channel), json!({"user": user}), 40400).await;
    }
    let mut finn = server.connect(&stranger).await;
    for op in ["invite.accept", "invite.decline"] {
        finn.refused(op, Some(&channel), json!({}), 40400).await;
    }
    finn.refused("group.leave", Some(&channel), json!({}), 40301).await;
    finn.refused("group.invite", Some(&channel), json!({"user": bram.id}), 40301).await;
    // Nobody can say what only the server says.
    for op in ["member", "chat", "invite", "chat.left"] {
        a.refused(op, Some(&channel), json!({"u": bram.id, "change": "joined"}), 40001).await;
    }
    // Over HTTP it is the same.
    let body = json!({"title": "Huis", "members": [stranger.id]});
    assert_eq!(server.ask(&anna, "POST", "/api/groups", Some(&body)).await.status, 404);
    let leave = server.ask(&stranger, "POST", &format!("/api/groups/{group}/leave"), None).await;
    assert_eq!(leave.status, 403);
});

on_both!(whoever_was_blocked_cannot_tell, |server: TestServer| async move {
    let (anna, others) = friends(&server, &["Bram"]).await;
    let bram = &others[0];
    server.ask(bram, "PUT", &format!("/api/blocks/{}", anna.id), None).await.expect(204);
    let (mut a, mut b) = (server.connect(&anna).await, server.connect(bram).await);
    let group = create(&mut a, "Huis", &[bram]).await;
    let seen = a.expect("invite").await;
    assert_eq!((&seen["d"]["change"], &seen["d"]["u"]), (&json!("opened"), &json!(bram.id)));
    b.refute("invite").await;
    assert_eq!(server.ask(bram, "GET", "/api/invites", None).await.expect(200), json!({"invites": []}));
    b.refused("invite.accept", Some(&of(&group)), json!({}), 40400).await;
    a.refused("group.invite", Some(&of(&group)), json!({"user": bram.id}), 40903).await;
    a.ask("group.revoke", Some(&of(&group)), json!({"user": bram.id})).await;
    b.refute("invite").await;
    agrees(&server, &anna, &a).await;
});

on_both!(the_last_place_is_given_once, |server: TestServer| async move {
    let (anna, others) = friends(&server, &["Bram", "Cas"]).await;
    let [bram, cas] = others.as_slice() else { panic!("two") };
    let (mut a, mut b, mut c) = (server.connect(&anna).await, server.connect(bram).await, server.connect(cas).await);
    let group = create(&mut a, "Huis", &[bram, cas]).await;
    let channel = of(&group);
    let (one, other) = tokio::join!(
        b.request("invite.accept", Some(&channel), json!({})),
        c.request("invite.accept", Some(&channel), json!({}))
    );
    assert!(one.get("ok").is_some() && other.get("ok").is_some(), "{one} {other}");
    // Said again because its answer got lost, it changes nothing.
    b.ask("invite.accept", Some(&channel), json!({})).await;
    // While some are sent, their author is removed: what was acknowledged is there, and no more.
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(b.begin_publish(&group, &uuid::Uuid::new_v4().to_string(), &number.to_string()).await);
    }
    a.ask("group.remove", Some(&channel), json!({"user": bram.id})).await;
    let mut acked = Vec::new();
    for (number, id) in ids.into_iter().enumerate() {
        let reply = b.reply(id).await;
        match reply.get("ok") {
            Some(_) => acked.push(number.to_string()),
            None => assert_eq!(reply["err"]["code"], 40301, "{reply}"),
        }
    }
    a.settle().await;
    let page = a.ask("history", Some(&channel), json!({"after": 0, "limit": 100})).await;
    let stored: Vec<_> =
        page["events"].as_array().expect("events").iter().filter(|event| event["op"] == "message").collect();
    let texts: Vec<_> = stored.iter().map(|event| event["d"]["text"].as_str().expect("a text")).collect();
    assert_eq!(texts, acked);
    // An invitation ends with the lead of whoever asked.
    a.ask("group.invite", Some(&channel), json!({"user": bram.id})).await;
    a.ask("group.leave", Some(&channel), json!({})).await;
    b.expect_where("the end", |frame| change(frame, "invite") == Some("withdrawn")).await;
    b.refused("invite.accept", Some(&channel), json!({}), 40400).await;
    agrees(&server, bram, &b).await;
    agrees(&server, &anna, &a).await;
});

on_both!(who_comes_back_sees_what_comes_from_then_on, |server: TestServer| async move {
    let (anna, others) = friends(&server, &["Bram"]).await;
    let bram = &others[0];
    let (mut a, mut b) = (server.connect(&anna).await, server.connect(bram).await);
    let group = create(&mut a, "Huis", &[bram]).await;
    join(&mut b, &group).await;
    a.send(&group, "voor").await;
    b.expect_text("voor").await;
    let held = b.mirror.clone();
    b.leave().await;
    a.ask("group.remove", Some(&of(&group)), json!({"user": bram.id})).await;
    a.send(&group, "zonder hem").await;
    a.ask("group.invite", Some(&of(&group)), json!({"user": bram.id})).await;
    server.ask(bram, "POST", &format!("/api/invites/{group}/accept"), None).await.expect(204);
    let last = a.send(&group, "weer samen").await;
    let mut b = server.connect(bram).await;
    assert_eq!(b.chat(&group).texts(), ["weer samen"]);
    let page = b.ask("history", Some(&of(&group)), json!({"before": last.seq + 1, "limit": 100})).await;
    assert_eq!(page["events"].as_array().expect("events").len(), 2, "{page}");
    let state = b.ask("sync", None, json!({"chats": {(group.clone()): held.chats[&group].seq}})).await;
    assert_eq!((&state["chats"][0]["initial"], &state["chats"][0]["reason"]), (&json!(true), &json!("trimmed")));
});

on_both!(a_block_ends_what_an_invitation_tells, |server: TestServer| async move {
    let (anna, others) = friends(&server, &["Bram", "Cas"]).await;
    let [bram, cas] = others.as_slice() else { panic!("two") };
    let (mut a, mut b) = (server.connect(&anna).await, server.connect(bram).await);
    let group = create(&mut a, "Huis", &[bram, cas]).await;
    b.expect("invite").await;
    server.ask(bram, "PUT", &format!("/api/blocks/{}", anna.id), None).await.expect(204);
    b.expect_where("the end", |frame| change(frame, "invite") == Some("withdrawn")).await;
    a.ask("group.rename", Some(&of(&group)), json!({"title": "ik weet waar je woont"})).await;
    b.settle().await;
    assert!(!json!(b.mirror.user_events).to_string().contains("ik weet"), "nothing of what she writes reaches him");
    assert_eq!(server.ask(bram, "GET", "/api/invites", None).await.expect(200)["invites"], json!([]));
    b.refused("invite.accept", Some(&of(&group)), json!({}), 40400).await;
    b.refused("invite.decline", Some(&of(&group)), json!({}), 40400).await;
    agrees(&server, bram, &b).await;
    // She cannot tell.
    assert_eq!(a.mirror.invites.len(), 2);
    agrees(&server, &anna, &a).await;
});

on_both!(who_may_lead_follows_the_owner, |server: TestServer| async move {
    let (anna, others) = friends(&server, &["Bram", "Cas"]).await;
    let [bram, cas] = others.as_slice() else { panic!("two") };
    let (mut a, mut b, mut c) = (server.connect(&anna).await, server.connect(bram).await, server.connect(cas).await);
    let group = create(&mut a, "Huis", &[bram, cas]).await;
    join(&mut b, &group).await;
    join(&mut c, &group).await;
    server.suspend(bram).await;
    a.ask("group.leave", Some(&of(&group)), json!({})).await;
    let role = c.expect_where("the owner", |frame| change(frame, "member") == Some("role")).await;
    assert_eq!(role["d"]["u"], *cas.id, "he was there before, and may not lead");
});

async fn focus(client: &mut Client, group: &str) -> Value {
    client.ask("focus", None, json!({ "chats": [group] })).await["chats"][0].clone()
}

on_both!(who_types_and_is_here_is_told_in_a_group_to_those_in_it, |server: TestServer| async move {
    let (anna, others) = friends(&server, &["Bram", "Cas"]).await;
    let [bram, cas] = others.as_slice() else { panic!("two") };
    let (mut a, mut b, mut c) = (server.connect(&anna).await, server.connect(bram).await, server.connect(cas).await);
    let group = create(&mut a, "Huis", &[bram, cas]).await;
    join(&mut b, &group).await;
    // Cas is asked but not in it: they hear nothing and say nothing.
    c.refused("focus", None, json!({"chats": [group]}), 40301).await;
    c.refused("typing", Some(&of(&group)), json!({"on": true}), 40301).await;
    focus(&mut a, &group).await;
    b.ask("visible", None, json!({"on": true})).await;
    let here = a.expect("presence").await;
    assert_eq!((&here["d"]["u"], &here["d"]["state"]), (&json!(bram.id), &json!("online")));
    b.ask("typing", Some(&of(&group)), json!({"on": true})).await;
    let types = a.expect("typing").await;
    assert_eq!((&types["ch"], &types["d"]), (&json!(of(&group)), &json!({"u": bram.id, "on": true})));
    // Somebody joined: who looks asks again, and so is told of them; who goes on typing says so again.
    join(&mut c, &group).await;
    focus(&mut a, &group).await;
    b.ask("typing", Some(&of(&group)), json!({"on": true})).await;
    a.expect("typing").await;
    let seen = focus(&mut c, &group).await;
    assert_eq!(seen["typing"], json!([bram.id]));
    let states = |seen: &Value| -> Vec<(Value, Value)> {
        let all = seen["presence"].as_array().expect("a list");
        let mut all: Vec<_> = all.iter().map(|one| (one["u"].clone(), one["state"].clone())).collect();
        all.sort_by_key(|one| one.0.to_string());
        all
    };
    let mut expected = vec![(json!(anna.id), json!("away")), (json!(bram.id), json!("online"))];
    expected.sort_by_key(|one| one.0.to_string());
    assert_eq!(states(&seen), expected);
    c.ask("typing", Some(&of(&group)), json!({"on": true})).await;
    a.expect_where("that Cas types", |frame| frame["op"] == "typing" && frame["d"]["u"] == *cas.id).await;
    // Leaving ends it, and what one sees of the others.
    b.ask("group.leave", Some(&of(&group)), json!({})).await;
    member(&mut a, "left").await;
    for client in [&mut a, &mut c] {
        let ends = |frame: &Value| frame["op"] == "typing" && frame["d"]["u"] == *bram.id && frame["d"]["on"] == false;
        client.expect_where("that he types no more", ends).await;
        client.forget();
    }
    server.until("only Cas types", || server.live().typing == 1).await;
    b.refused("typing", Some(&of(&group)), json!({"on": true}), 40301).await;
    let now = focus(&mut a, &group).await;
    assert_eq!((states(&now), &now["typing"]), (vec![(json!(cas.id), json!("away"))], &json!([cas.id])));
    b.settle().await;
    b.forget();
    c.send(&group, "zonder hem").await;
    a.expect_text("zonder hem").await;
    b.settle().await;
    assert_eq!(b.unclaimed().count(), 0, "who has left hears nothing");
});

on_both!(a_join_whose_line_broke_before_its_answer_is_whole_after_a_resume, |server: TestServer| async move {
    let (anna, others) = friends(&server, &["Bram"]).await;
    let [bram] = others.as_slice() else { panic!("one") };
    let mut a = server.connect(&anna).await;
    for round in 0..6 {
        let mut b = server.connect(bram).await;
        let group = create(&mut a, &format!("Huis {round}"), &[bram]).await;
        b.expect("invite").await;
        // The wish may have got there or not: saying it again is no mistake either way.
        b.begin("invite.accept", Some(&of(&group)), json!({})).await;
        if round % 2 == 0 {
            member(&mut a, "joined").await;
        }
        let mirror = b.mirror.clone();
        b.cut();
        a.send(&group, "terwijl hij weg is").await;
        let mut b = Client::knock("Bram", server.address, &Door::default()).await.expect("an upgrade");
        b.mirror = mirror;
        b.connect(Some(&bram.token)).await;
        b.ask("invite.accept", Some(&of(&group)), json!({})).await;
        let after = a.send(&group, "en nu").await;
        b.reach(&group, after.seq).await;
        a.settle().await;
        agrees(&server, bram, &b).await;
        agrees(&server, &anna, &a).await;
    }
});
