//! Writers that repeat what was not answered, and readers that resume, across every death of the server.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use super::checker::{Acked, Reading, Stored, Submitted};
use super::world::{self, World};
use crate::support::chance::Chance;
use crate::support::client::{Ack, Client, Door, Gone};
use crate::support::mirror::Mirror;

/// What the killer tells the crew.
pub struct Orders {
    /// Where the living server is; None while it is dead.
    pub address: watch::Receiver<Option<SocketAddr>>,
    /// Writers: say nothing new, get everything answered, and come back.
    pub finish: AtomicBool,
    /// Readers: come back when every chat has reached this head.
    pub heads: watch::Receiver<Option<BTreeMap<u16, u64>>>,
    /// Answers so far, of all writers.
    pub acked: AtomicU64,
}

/// What a writer brings home. It was never in the server's hands.
#[derive(Debug, Default)]
pub struct Diary {
    pub submitted: Vec<Submitted>,
    pub acked: Vec<Acked>,
    pub retried: u64,
    pub dup_answers: u64,
    pub lives: u64,
    pub epochs: Vec<String>,
}

struct Pending {
    cid: Uuid,
    chat: u16,
    order: u32,
}

/// A socket at the living server, connected; waits while there is none.
async fn join(
    who: &str,
    token: &str,
    orders: &Orders,
    mirror: &mut Mirror,
) -> Result<(Client, serde_json::Value), Gone> {
    loop {
        let mut address = orders.address.clone();
        let Ok(at) = address.wait_for(Option::is_some).await.map(|at| at.expect("an address")) else {
            return Err(Gone::Silent);
        };
        if let Ok(mut client) = Client::knock(who, at, &Door::default()).await {
            client.mirror = std::mem::take(mirror);
            let mut data = json!({"v": 1, "client": "crash/1", "token": token});
            if !client.mirror.epoch.is_empty() {
                data["resume"] = client.mirror.position();
            }
            let id = client.begin("connect", None, data).await;
            match client.try_reply(id).await {
                Ok(reply) if reply.get("ok").is_some() => return Ok((client, reply["ok"].clone())),
                Ok(reply) => panic!("{who} could not connect: {reply}"),
                Err(gone) => {
                    *mirror = std::mem::take(&mut client.mirror);
                    if matches!(gone, Gone::Broken(_)) {
                        return Err(gone);
                    }
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Writes until told to finish, and returns when everything is answered.
pub async fn write(index: u16, world: Arc<World>, orders: Arc<Orders>, mut chance: Chance) -> Result<Diary, String> {
    let (person, chats) = (&world.people[usize::from(index)], world.chats_of(index));
    let mut diary = Diary::default();
    let mut next_order: HashMap<u16, u32> = HashMap::new();
    let mut unanswered: VecDeque<Pending> = VecDeque::new();
    let mut mirror = Mirror { forgets: true, ..Mirror::default() };
    loop {
        let (mut client, _) = join(&person.first_name, &person.token, &orders, &mut mirror)
            .await
            .map_err(|gone| format!("{}: {gone}", person.first_name))?;
        diary.lives += 1;
        let mut asked: HashMap<u64, Uuid> = HashMap::new();
        for pending in &unanswered {
            diary.retried += 1;
            let id = client
                .begin_publish(
                    &world.chats[usize::from(pending.chat)],
                    &pending.cid.to_string(),
                    &world::text(index, pending.chat, pending.order),
                )
                .await;
            asked.insert(id, pending.cid);
        }
        // A window below what a socket may have in flight; what is repeated after a death never exceeds it.
        let window = usize::try_from(chance.within(4, 25)).expect("a small number");
        let gone = loop {
            while unanswered.len() < window && !orders.finish.load(Ordering::Relaxed) {
                let chat = chance.pick(&chats).0;
                let order = next_order.entry(chat).or_default();
                let pending = Pending { cid: chance.uuid(), chat, order: *order };
                *order += 1;
                diary.submitted.push(Submitted { cid: pending.cid, chat, sender: index, order: pending.order });
                let id = client
                    .begin_publish(
                        &world.chats[usize::from(chat)],
                        &pending.cid.to_string(),
                        &world::text(index, chat, pending.order),
                    )
                    .await;
                asked.insert(id, pending.cid);
                unanswered.push_back(pending);
            }
            if unanswered.is_empty() && orders.finish.load(Ordering::Relaxed) {
                diary.epochs = std::mem::take(&mut client.mirror.epochs);
                client.leave().await;
                return Ok(diary);
            }
            let over = client.pump(Duration::from_secs(60)).await.err();
            client.forget();
            while let Some((id, reply)) = client.take_reply() {
                let Some(cid) = asked.remove(&id) else {
                    return Err(format!(
                        "{}: an answer to request {id} that was never made: {reply}",
                        person.first_name
                    ));
                };
                let Some(ok) = reply.get("ok") else { return Err(format!("{}: refused: {reply}", person.first_name)) };
                let ack = Ack::of(ok);
                if ack.cid != cid.to_string() {
                    return Err(format!("{}: the answer names another client id: {reply}", person.first_name));
                }
                diary.dup_answers += u64::from(ack.dup);
                diary.acked.push(Acked {
                    cid,
                    mid: ack.mid.parse().map_err(|_| format!("not an id: {reply}"))?,
                    seq: ack.seq,
                    n: ack.n,
                });
                orders.acked.fetch_add(1, Ordering::Relaxed);
                unanswered.retain(|pending| pending.cid != cid);
            }
            if let Some(gone) = over {
                break gone;
            }
        };
        mirror = std::mem::take(&mut client.mirror);
        if !matches!(gone, Gone::Closed(..)) {
            return Err(format!("{}: {gone}", person.first_name));
        }
    }
}

/// Reads until every chat has reached the head it is told, and says what it saw.
pub async fn read(
    index: u16,
    world: Arc<World>,
    orders: Arc<Orders>,
    mut chance: Chance,
) -> Result<(Vec<Reading>, Vec<String>), String> {
    let (person, chats) = (&world.people[usize::from(index)], world.chats_of(index));
    let reader = format!("reader of {}", person.first_name);
    let mut seen: BTreeMap<u16, Vec<Stored>> = chats.iter().map(|(chat, _)| (*chat, Vec::new())).collect();
    let mut mirror = Mirror::default();
    loop {
        // What this reader has written down is its position, whatever the socket had already taken in.
        for (chat, id) in &chats {
            if let (Some(known), Some(last)) = (mirror.chats.get_mut(id), seen[chat].last()) {
                known.seq = last.seq;
                known.events.clear();
            }
        }
        let (mut client, ok) =
            join(&reader, &person.token, &orders, &mut mirror).await.map_err(|gone| format!("{reader}: {gone}"))?;
        let fine = fill(&mut client, &ok, &world, &chats, &mut seen).await;
        let patience = chance.within(50, 4000);
        let mut frames = 0;
        let gone = loop {
            for (chat, id) in &chats {
                let Some(known) = client.mirror.chats.get_mut(id) else {
                    return Err(format!("{reader}: the chat {id} is gone"));
                };
                let new = std::mem::take(&mut known.events);
                seen.entry(*chat).or_default().extend(new.values().map(|event| world.stored(*chat, event)));
            }
            client.forget();
            if let Err(gone) = &fine {
                break gone.clone();
            }
            let there = orders.heads.borrow().as_ref().is_some_and(|heads| {
                chats.iter().all(|(chat, _)| seen[chat].last().map_or(0, |last| last.seq) >= heads[chat])
            });
            if there {
                let epochs = std::mem::take(&mut client.mirror.epochs);
                client.leave().await;
                let readings =
                    seen.into_iter().map(|(chat, events)| Reading { reader: reader.clone(), chat, events }).collect();
                return Ok((readings, epochs));
            }
            frames += 1;
            if frames > patience {
                // A phone in a tunnel: the connection goes without a word, in the middle of things.
                mirror = std::mem::take(&mut client.mirror);
                client.cut();
                break Gone::Closed(1006, "own cut".into());
            }
            match client.pump(Duration::from_millis(500)).await {
                Ok(()) | Err(Gone::Silent) => {}
                Err(gone) => {
                    mirror = std::mem::take(&mut client.mirror);
                    break gone;
                }
            }
        };
        if matches!(gone, Gone::Broken(_)) {
            return Err(format!("{reader}: {gone}"));
        }
    }
}

/// Reads, page by page, what a snapshot left out between this reader's position and the snapshot's first event.
async fn fill(
    client: &mut Client,
    ok: &serde_json::Value,
    world: &World,
    chats: &[(u16, String)],
    seen: &mut BTreeMap<u16, Vec<Stored>>,
) -> Result<(), Gone> {
    for (chat, id) in chats {
        let Some(state) = ok["chats"].as_array().into_iter().flatten().find(|state| state["id"] == id.as_str()) else {
            continue;
        };
        let held = seen.entry(*chat).or_default();
        let Some(mut after) = held.last().map(|last| last.seq) else { continue };
        if state["initial"] != true {
            continue;
        }
        let first = state["events"][0]["seq"].as_u64().unwrap_or_else(|| state["head"].as_u64().unwrap_or(0) + 1);
        while after + 1 < first {
            let request =
                client.begin("history", Some(&format!("chat:{id}")), json!({"after": after, "limit": 100})).await;
            let reply = client.try_reply(request).await?;
            let Some(events) = reply["ok"]["events"].as_array() else {
                return Err(Gone::Broken(format!("history was refused: {reply}")));
            };
            let before = after;
            for event in events.iter().filter(|event| event["seq"].as_u64().is_some_and(|seq| seq < first)) {
                let stored = world.stored(*chat, event);
                after = stored.seq;
                held.push(stored);
            }
            if after == before {
                return Err(Gone::Broken(format!(
                    "history after {after} brought nothing, but {first} exists: {reply}"
                )));
            }
        }
        // The snapshot may begin before what this reader holds.
        let last = held.last().map_or(0, |last| last.seq);
        if let Some(known) = client.mirror.chats.get_mut(id) {
            known.events.retain(|seq, _| *seq > last);
        }
    }
    Ok(())
}
