//! The law of resuming: what a client was told, frame by frame over all its sockets, equals what a fresh client is shown.

use std::collections::HashSet;

use serde_json::json;

use crate::support::chance::Chance;
use crate::support::client::{Client, Door};
use crate::support::on_both;
use crate::support::server::TestServer;

/// A number as letters: digits of several messages add up to telephone numbers, and are refused.
fn in_words(number: u64) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

on_both!(snapshot_and_events_are_a_fresh_snapshot, |server: TestServer| async move {
    let seed = Chance::seed();
    println!("seed {seed}");
    let mut chance = Chance::new(seed);
    let server = server
        .again_with(|config| {
            // Small bounds, so that every verdict is met within a short plan.
            config.limits.resume_events_max = 6;
            config.limits.window_messages = 4;
        })
        .await;
    let people = [server.person("Anna").await, server.person("Bram").await, server.person("Cas").await];
    let mut clients = Vec::new();
    for person in &people {
        clients.push(server.connect(person).await);
    }
    let mut chats: Vec<(usize, usize, String)> = Vec::new();
    let rounds = if crate::support::full_run() { 3000 } else { 300 };
    let mut blocks: HashSet<(usize, usize)> = HashSet::new();
    let (mut sent, mut resumed, mut fresh, mut withheld) = (0, 0, 0, 0);
    for round in 0..rounds {
        match chance.within(0, 11) {
            0 if chats.len() < 3 => {
                let (one, other) = [(0, 1), (1, 2), (0, 2)][chats.len()];
                let chat = server.open_chat(&people[one], &people[other]).await;
                clients[one].expect("chat.opened").await;
                clients[other].expect("chat.opened").await;
                chats.push((one, other, chat));
            }
            0..=5 if !chats.is_empty() => {
                let (one, other, chat) = chance.pick(&chats).clone();
                let (who, peer) = if chance.once_in(2) { (one, other) } else { (other, one) };
                let text = format!("ronde {}", in_words(round));
                if blocks.contains(&(who, peer)) {
                    let message = json!({"cid": uuid::Uuid::new_v4(), "text": text});
                    clients[who].refused("publish", Some(&format!("chat:{chat}")), message, 40302).await;
                } else {
                    clients[who].send(&chat, &text).await;
                    sent += 1;
                }
            }
            10 if !chats.is_empty() => {
                let (one, other, _) = chance.pick(&chats).clone();
                let pair = if chance.once_in(2) { (one, other) } else { (other, one) };
                let path = format!("/api/blocks/{}", people[pair.1].id);
                let ends = blocks.remove(&pair);
                let method = if ends { "DELETE" } else { "PUT" };
                server.ask(&people[pair.0], method, &path, None).await.expect(204);
                if !ends {
                    blocks.insert(pair);
                    withheld += 1;
                }
            }
            6 if !chats.is_empty() => {
                let (one, other, chat) = chance.pick(&chats).clone();
                let who = if chance.once_in(2) { one } else { other };
                let seq = chance.within(0, clients[who].chat(&chat).seq + 2);
                let op = *chance.pick(&["read", "ack"]);
                clients[who].ask(op, Some(&format!("chat:{chat}")), json!({"seq": seq})).await;
            }
            7 | 8 => {
                // Gone, and back later, sometimes after so much that it cannot be made up for.
                let who = usize::try_from(chance.within(0, 3)).expect("small");
                let name = people[who].first_name.clone();
                let gone = std::mem::replace(
                    &mut clients[who],
                    Client::knock(&name, server.address, &Door::default()).await.expect("an upgrade"),
                );
                let mirror = gone.mirror.clone();
                gone.cut();
                for extra in 0..chance.within(0, 10) {
                    let Some((one, other, chat)) =
                        chats.iter().find(|(one, other, _)| *one == who || *other == who).cloned()
                    else {
                        break;
                    };
                    let peer = if one == who { other } else { one };
                    if blocks.contains(&(peer, who)) {
                        break;
                    }
                    clients[peer]
                        .send(&chat, &format!("ronde {}, {} terwijl {name} weg was", in_words(round), in_words(extra)))
                        .await;
                    sent += 1;
                }
                clients[who].mirror = mirror;
                match clients[who].connect(Some(&people[who].token)).await["recovered"].as_str() {
                    Some("full") => resumed += 1,
                    _ => fresh += 1,
                }
            }
            _ => {
                let who = usize::try_from(chance.within(0, 3)).expect("small");
                clients[who].settle().await;
            }
        }
    }
    println!("{sent} messages, {resumed} full recoveries, {fresh} others, {withheld} blocks, {} chats", chats.len());
    for (client, person) in clients.iter_mut().zip(&people) {
        let newcomer = server.connect(person).await;
        for (id, shown) in &newcomer.mirror.chats {
            client.reach(id, shown.seq).await;
        }
        client.settle().await;
        assert_eq!(client.mirror.user_seq, newcomer.mirror.user_seq, "seed {seed}");
        assert_eq!(
            client.mirror.chats.keys().collect::<Vec<_>>(),
            newcomer.mirror.chats.keys().collect::<Vec<_>>(),
            "seed {seed}"
        );
        for (id, shown) in &newcomer.mirror.chats {
            let told = client.chat(id);
            assert_eq!(told.seq, shown.seq, "seed {seed}, {} in {id}", person.first_name);
            for (seq, event) in &shown.events {
                // A client that was away too long has thrown older ones away; what both hold is equal.
                if let Some(held) = told.events.get(seq) {
                    assert_eq!(held, event, "seed {seed}");
                } else {
                    assert!(
                        told.events.first_key_value().is_none_or(|(first, _)| first > seq),
                        "seed {seed}: {} misses event {seq} of {id}",
                        person.first_name
                    );
                }
            }
            let mine = &person.id;
            let others = |mirror: &crate::support::mirror::ChatMirror| {
                mirror
                    .markers
                    .iter()
                    .filter(|(user, _)| *user != mine)
                    .map(|(user, at)| (user.clone(), *at))
                    .collect::<Vec<_>>()
            };
            assert_eq!(others(told), others(shown), "seed {seed}: markers of {id}");
        }
    }
});
