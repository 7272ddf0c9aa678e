//! Bounds: refused with the time to wait, nothing lost, and what was stored is answered whatever the rate.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::bystander::Bystander;
use crate::support::client::{Ack, Client, Door};
use crate::support::on_both;
use crate::support::server::TestServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_requests_may_be_in_flight_and_no_more() {
    let server = TestServer::start().await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    // While somebody else holds the database, nothing is answered.
    let held = server.hold_writer().await;
    let mut asked = Vec::new();
    for number in 0..33 {
        asked.push(anna.begin_publish(&chat, &Uuid::new_v4().to_string(), &format!("m{number}")).await);
    }
    let last = asked.pop().expect("the thirty-third");
    let refused = anna.reply(last).await["err"].clone();
    assert_eq!(
        (&refused["code"], &refused["name"], &refused["retry"]),
        (&json!(42901), &json!("too_many_in_flight"), &json!(true))
    );
    assert!(refused["after_ms"].as_u64().is_some_and(|wait| wait > 0), "{refused}");
    held.release().await;
    for (number, id) in asked.into_iter().enumerate() {
        let reply = anna.reply(id).await;
        assert_eq!(Ack::of(&reply["ok"]).n, number as u64 + 1, "{reply}");
    }
    anna.send(&chat, "m32").await;
    bram.expect_text("m32").await;
    assert_eq!(bram.chat(&chat).texts().len(), 33);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_in_flight_is_not_given_twice() {
    let server = TestServer::start().await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let held = server.hold_writer().await;
    let publish = |text: &str| {
        json!({"id": 500, "op": "publish", "ch": format!("chat:{chat}"), "d": {"cid": Uuid::new_v4(), "text": text}})
            .to_string()
    };
    anna.follows = false;
    anna.say(publish("de eerste")).await;
    anna.say(publish("de tweede")).await;
    let refused = anna.reply(500).await;
    assert_eq!(refused["err"]["code"], 40004, "{refused}");
    // So is an id that is in flight for something of another kind.
    anna.say(r#"{"id":500,"op":"ping"}"#).await;
    assert_eq!(anna.reply(500).await["err"]["code"], 40004);
    held.release().await;
    let stored = anna.reply(500).await;
    assert_eq!(stored["ok"]["n"], 1, "{stored}");
    // Once answered, the id is free.
    anna.say(publish("de derde")).await;
    assert_eq!(anna.reply(500).await["ok"]["n"], 2);
    bram.expect_text("de derde").await;
    assert_eq!(bram.chat(&chat).texts(), ["de eerste", "de derde"]);
}

on_both!(messages_have_a_pace_and_repeats_of_stored_ones_do_not, |server: TestServer| async move {
    let server = server.again_with(|config| config.limits.messages_per_minute = 6).await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let mut first = None;
    let mut sent = 0;
    let refused = loop {
        let cid = Uuid::new_v4();
        let reply = anna.request("publish", Some(&channel), json!({"cid": cid, "text": format!("m{sent}")})).await;
        match reply.get("ok") {
            Some(ok) => {
                first.get_or_insert_with(|| (cid, Ack::of(ok)));
                sent += 1;
            }
            None => break reply["err"].clone(),
        }
        assert!(sent < 20, "no pace was kept");
    };
    assert_eq!((&refused["code"], &refused["retry"]), (&json!(42900), &json!(true)));
    assert!(refused["after_ms"].as_u64().is_some_and(|wait| wait > 0 && wait <= 60_000), "{refused}");
    let (cid, ack) = first.expect("one was stored");
    let again = Ack::of(&anna.ask("publish", Some(&channel), json!({"cid": cid, "text": "m0"})).await);
    assert_eq!(again, Ack { dup: true, ..ack }, "a repeat asks for nothing new");
    // The other person, and the bystanders, have a pace of their own.
    bram.send(&chat, "en ik?").await;
    anna.expect_text("en ik?").await;
    assert_eq!(bram.chat(&chat).texts().len(), sent + 1);
    let _ = &mut bystander;
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_on_a_socket_have_a_pace() {
    let server = TestServer::with(|config| {
        config.limits.socket_ops_per_second = 10;
        config.limits.socket_ops_burst = 20;
    })
    .await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let (mut anna, _bram, _) = server.pair("Anna", "Bram").await;
    let mut asked = Vec::new();
    for _ in 0..60 {
        asked.push(anna.begin("ping", None, json!({})).await);
    }
    let (mut answered, mut refused) = (0, 0);
    for id in asked {
        let reply = anna.reply(id).await;
        if reply.get("ok").is_some() {
            answered += 1;
        } else {
            assert_eq!(reply["err"]["code"], 42900, "{reply}");
            assert!(reply["err"]["after_ms"].as_u64().is_some_and(|wait| wait > 0), "{reply}");
            refused += 1;
        }
    }
    assert!(answered >= 15 && refused >= 10, "{answered} answered, {refused} refused");
    bystander.undisturbed().await;
    // Who goes on regardless is sent away for a while.
    for _ in 0..2000 {
        anna.begin("ping", None, json!({})).await;
    }
    anna.expect_end(4100).await;
    bystander.undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_holds_a_bounded_number_of_sockets() {
    let server = TestServer::with(|config| config.limits.sockets_per_user_max = 3).await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Anna");
    let mut others = vec![server.connect(&person).await, server.connect(&person).await];
    let mut fourth = Client::knock("Anna", server.address, &Door::default()).await.expect("an upgrade");
    fourth.begin("connect", None, json!({"v": 1, "token": person.token})).await;
    fourth.expect_close(4005).await;
    bram.send(&chat, "hallo").await;
    anna.expect_text("hallo").await;
    // One that leaves makes room.
    others.pop().expect("a socket").leave().await;
    server.until("the place is free", || server.sockets() == 3).await;
    server.connect(&person).await.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_come_and_go_leave_nothing_behind() {
    let server = TestServer::start().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let anna = server.person("Anna").await;
    let before = server.sockets();
    for round in 0..100 {
        match round % 4 {
            0 => server.connect(&anna).await.leave().await,
            1 => server.connect(&anna).await.cut(),
            2 => drop(Client::knock("Anna", server.address, &Door::default()).await.expect("an upgrade")),
            _ => drop(tokio::net::TcpStream::connect(server.address).await.expect("a connection")),
        }
    }
    server.until("all are gone", || server.sockets() == before).await;
    bystander.undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_of_the_websocket_do_not_pile_up() {
    use crate::support::raw::{Frame, Raw};
    let server = TestServer::start().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let anna = server.person("Anna").await;
    let mut raw = Raw::upgraded(server.address).await;
    raw.frame(&Frame::text(json!({"id": 1, "op": "connect", "d": {"v": 1, "token": anna.token}}).to_string())).await;
    raw.json().await;
    let pings = Frame::new(9, vec![b'p'; 125]).bytes().repeat(1000);
    // A hundred thousand pings from a peer that reads nothing; the server may answer, drop or hang up, but not grow.
    for _ in 0..100 {
        if tokio::time::timeout(Duration::from_millis(200), raw.write(&pings)).await.is_err() {
            break;
        }
    }
    bystander.undisturbed().await;
    drop(raw);
    server.until("it is gone", || server.sockets() == 2).await;
}
