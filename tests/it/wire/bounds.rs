//! What people may have and do, each bound met and named, and nothing of what is beyond it done.

use std::time::Duration;

use domu::clock::Clock;
use serde_json::json;

use crate::support::client::Client;
use crate::support::people::Person;
use crate::support::server::TestServer;

/// Asks until it is refused for the pace; how often it was not.
async fn paced(client: &mut Client, op: &str, channel: &str, data: impl Fn(u64) -> serde_json::Value) -> u64 {
    for count in 0.. {
        let reply = client.request(op, Some(channel), data(count)).await;
        if let Some(refused) = reply.get("err") {
            assert_eq!(refused["code"], 42900, "{refused}");
            assert!(refused["after_ms"].as_u64().is_some_and(|wait| wait > 0), "{refused}");
            return count;
        }
    }
    unreachable!("a bound")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_changes_reactions_and_searches_a_minute() {
    let server = TestServer::with(|config| {
        config.limits.edits_per_minute = 3;
        config.limits.reactions_per_minute = 4;
        config.limits.searches_per_minute = 5;
    })
    .await;
    let (mut anna, _bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let sent = anna.send(&chat, "hoi").await;
    let edit = |count| json!({"mid": sent.mid, "rev": count + 1, "text": format!("hoi {count}")});
    assert_eq!(paced(&mut anna, "edit", &channel, edit).await, 3);
    // Deleting is changing, for whomever; and each bound is its own.
    for scope in ["me", "all"] {
        anna.refused("delete", Some(&channel), json!({"mid": sent.mid, "scope": scope}), 42900).await;
    }
    let react = |count| json!({"mid": sent.mid, "emoji": "👍", "on": count % 2 == 0});
    assert_eq!(paced(&mut anna, "react", &channel, react).await, 4);
    let person = server.known("Anna");
    for count in 0..6 {
        let answer = server.ask(&person, "GET", "/api/search?q=hoi", None).await;
        assert_eq!(answer.status, if count < 5 { 200 } else { 429 }, "search {count}");
    }
}

/// Anna, and people she shares a chat with.
async fn friends(server: &TestServer, names: &[&str]) -> (Client, Vec<Person>) {
    let anna = server.person("Anna").await;
    let mut others = Vec::new();
    for name in names {
        let other = server.person(name).await;
        server.open_chat(&anna, &other).await;
        others.push(other);
    }
    (server.connect(&anna).await, others)
}

fn group(title: &str, members: &[&Person]) -> serde_json::Value {
    json!({"title": title, "members": members.iter().map(|member| member.id.as_str()).collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_groups_members_invitations_and_changes() {
    let server = TestServer::with(|config| {
        config.limits.groups_per_user_max = 2;
        config.limits.group_members_max = 2;
        config.limits.group_invites_per_user_max = 2;
        config.limits.group_changes_per_hour = 12;
    })
    .await;
    let (mut anna, others) = friends(&server, &["Bram", "Cas"]).await;
    let [bram, cas] = others.as_slice() else { panic!("two") };
    let full = anna.refused("group.create", None, group("Te groot", &[bram, cas]), 40000).await;
    assert!(full["detail"].as_str().is_some_and(|detail| detail.contains("at most 2 people")), "{full}");
    for bidi in ["Huis\u{202E}siuH", "Hu\u{200B}is", "Huis\tHuis", "Huis\nHuis", "\u{FE0F}\u{200D}", " \u{3164} "] {
        anna.refused("group.create", None, group(bidi, &[bram]), 40000).await;
    }
    let one = anna.ask("group.create", None, group("Een ❤️", &[bram])).await["chat_id"].as_str().unwrap().to_owned();
    anna.refused("group.invite", Some(&format!("chat:{one}")), json!({"user": cas.id}), 40903).await;
    let two = anna.ask("group.create", None, group("Twee", &[bram])).await["chat_id"].as_str().unwrap().to_owned();
    let too_many = anna.refused("group.create", None, group("Drie", &[cas]), 40903).await;
    assert!(too_many["detail"].as_str().is_some_and(|detail| detail.contains("at most 2 groups")), "{too_many}");
    // He has as many open invitations as he may have.
    let mut c = server.connect(cas).await;
    server.open_chat(cas, bram).await;
    c.refused("group.create", None, group("Vier", &[bram]), 40903).await;
    anna.ask("group.revoke", Some(&format!("chat:{two}")), json!({"user": bram.id})).await;
    c.ask("group.create", None, group("Vier", &[bram])).await;
    let paced =
        paced(&mut anna, "group.rename", &format!("chat:{one}"), |count| json!({"title": count.to_string()})).await;
    assert!(paced < 12, "what was refused counts as well");
    assert_eq!(server.connect(&server.known("Anna")).await.chat(&one).facts["name"], (paced - 1).to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_ends_by_itself() {
    let clock = Clock::manual(chrono::Utc::now());
    let server = TestServer::with_clock(clock.clone(), |config| {
        config.limits.group_invite_ttl = Duration::from_secs(3600);
    })
    .await;
    let (mut anna, others) = friends(&server, &["Bram"]).await;
    let [bram] = others.as_slice() else { panic!("one") };
    let made = anna.ask("group.create", None, group("Huis", &[bram])).await["chat_id"].as_str().unwrap().to_owned();
    assert_eq!(server.connect(bram).await.mirror.invites.len(), 1);
    clock.advance(chrono::TimeDelta::minutes(61));
    let mut b = server.connect(bram).await;
    assert_eq!(b.mirror.invites.len(), 0);
    b.refused("invite.accept", Some(&format!("chat:{made}")), json!({}), 40400).await;
    assert_eq!(server.ask(bram, "GET", "/api/invites", None).await.expect(200)["invites"], json!([]));
    // The place is free again.
    anna.ask("group.invite", Some(&format!("chat:{made}")), json!({"user": bram.id})).await;
    b.expect("invite").await;
    b.ask("invite.accept", Some(&format!("chat:{made}")), json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_gone_before_one_came_is_nobody_one_knows() {
    let server = TestServer::start().await;
    let (mut anna, others) = friends(&server, &["Bram", "Cas"]).await;
    let [bram, cas] = others.as_slice() else { panic!("two") };
    let made = anna.ask("group.create", None, group("Huis", &[bram])).await["chat_id"].as_str().unwrap().to_owned();
    let channel = format!("chat:{made}");
    let (mut b, mut c) = (server.connect(bram).await, server.connect(cas).await);
    b.ask("invite.accept", Some(&channel), json!({})).await;
    b.ask("group.leave", Some(&channel), json!({})).await;
    anna.ask("group.invite", Some(&channel), json!({"user": cas.id})).await;
    c.ask("invite.accept", Some(&channel), json!({})).await;
    server.ask(cas, "GET", &format!("/api/people/{}", bram.id), None).await.expect(404);
    server.ask(bram, "GET", &format!("/api/people/{}", cas.id), None).await.expect(404);
    server.ask(cas, "PUT", &format!("/api/blocks/{}", bram.id), None).await.expect(404);
    server.ask(cas, "GET", &format!("/api/people/{}", server.known("Anna").id), None).await.expect(200);
    // And who was there together knows one another for good.
    let mut b = server.connect(bram).await;
    b.settle().await;
    server.ask(bram, "GET", &format!("/api/people/{}", server.known("Anna").id), None).await.expect(200);
}
