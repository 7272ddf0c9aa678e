//! Joins, acknowledgements and indexes of the hub.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::ids::new_id;
use crate::realtime::OutboxLimits;

fn flusher() -> Arc<Flusher> {
    let limits = OutboxLimits { frames_max: 100, bytes_max: 10_000, age_max: Duration::from_secs(10) };
    Flusher::new(limits, 1_000_000)
}

fn hub() -> Hub {
    Hub::new(flusher(), 2, 100)
}

async fn socket(hub: &Hub) -> (Arc<Conn>, TcpStream, tokio::net::tcp::OwnedReadHalf) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), async { listener.accept().await.unwrap().0 });
    let (read, write) = server.into_split();
    (hub.open(write), client.unwrap(), read)
}

fn identity() -> Identity {
    Identity { user: UserId(new_id()), session: SessionId(new_id()) }
}

fn frame(text: &str) -> Frame {
    Frame::durable(Bytes::from(text.to_owned()))
}

async fn received(conn: &Conn, client: &mut TcpStream) -> String {
    tokio::time::timeout(Duration::from_secs(5), conn.writable()).await.unwrap().unwrap();
    conn.flush();
    let mut buffer = [0; 4096];
    match tokio::time::timeout(Duration::from_millis(50), client.read(&mut buffer)).await {
        Ok(read) => String::from_utf8_lossy(&buffer[..read.unwrap()]).into_owned(),
        Err(_) => String::new(),
    }
}

#[tokio::test]
async fn what_arrives_while_joining_is_neither_lost_nor_doubled() {
    let hub = hub();
    let (conn, mut client, _read) = socket(&hub).await;
    let stream = StreamId::Chat(ChatId(new_id()));
    let generation = hub.attach(&conn, stream).unwrap();
    for seq in 5..9 {
        hub.deliver(Delivery::new(stream, seq, &frame(&seq.to_string())));
    }
    // The reading found everything up to 6.
    hub.go_live(&conn, stream, Some(generation), 7);
    hub.deliver(Delivery::new(stream, 9, &frame("9")));
    assert_eq!(received(&conn, &mut client).await, "789");
    // A number that is not the next one is a lost position, said by a close.
    hub.deliver(Delivery::new(stream, 11, &frame("11")));
    assert_eq!(conn.closing(), Some(Close::PositionLost));
    hub.remove(&conn);
    assert_eq!(hub.counts(), HubCounts::default());
}

#[tokio::test]
async fn going_live_does_not_revive_an_attachment_that_ended() {
    let hub = hub();
    let (conn, mut client, _read) = socket(&hub).await;
    let who = identity();
    hub.register(&conn, who).unwrap();
    let own = hub.attach(&conn, StreamId::User(who.user)).unwrap();
    hub.go_live(&conn, StreamId::User(who.user), Some(own), 1);
    let stream = StreamId::Chat(ChatId(new_id()));
    let generation = hub.attach(&conn, stream).unwrap();
    hub.detach_user(who.user, stream);
    assert!(!hub.listened(stream), "an empty room leaves no trace");
    // Joined anew by the committer, from 4 on: the old reading must not move it.
    hub.attach_user(who.user, stream, 4);
    hub.go_live(&conn, stream, Some(generation), 9);
    hub.deliver(Delivery::new(stream, 4, &frame("4")));
    assert_eq!(received(&conn, &mut client).await, "4");
    hub.remove(&conn);
    hub.attach_user(who.user, stream, 5);
    assert!(hub.attach(&conn, stream).is_none(), "a socket that has left joins nothing");
    assert_eq!(hub.counts(), HubCounts::default());
}

#[tokio::test]
async fn a_chat_that_opens_while_a_socket_joins_does_not_overtake_its_answer() {
    let hub = hub();
    let (conn, mut client, _read) = socket(&hub).await;
    let who = identity();
    hub.register(&conn, who).unwrap();
    let own = hub.attach(&conn, StreamId::User(who.user)).unwrap();
    let stream = StreamId::Chat(ChatId(new_id()));
    hub.attach_user(who.user, stream, 3);
    hub.deliver(Delivery::new(stream, 3, &frame("m3")));
    conn.push(&frame("answer"));
    hub.go_live(&conn, StreamId::User(who.user), Some(own), 1);
    hub.go_live_rest(&conn);
    hub.deliver(Delivery::new(stream, 4, &frame("m4")));
    assert_eq!(received(&conn, &mut client).await, "answerm3m4");
    assert_eq!(conn.closing(), None);
}

#[tokio::test]
async fn a_joining_socket_that_read_too_little_loses_its_position() {
    let hub = hub();
    let (conn, _client, _read) = socket(&hub).await;
    let stream = StreamId::Chat(ChatId(new_id()));
    let generation = hub.attach(&conn, stream).unwrap();
    hub.lose_position(stream, 5);
    assert_eq!(conn.closing(), None);
    hub.go_live(&conn, stream, Some(generation), 5);
    assert_eq!(conn.closing(), Some(Close::PositionLost));
}

#[tokio::test]
async fn the_sender_gets_the_ack_at_the_events_place() {
    let hub = hub();
    let (a, mut a_client, _a) = socket(&hub).await;
    let (b, mut b_client, _b) = socket(&hub).await;
    let stream = StreamId::Chat(ChatId(new_id()));
    for conn in [&a, &b] {
        let generation = hub.attach(conn, stream).unwrap();
        hub.go_live(conn, stream, Some(generation), 1);
    }
    hub.deliver(Delivery::new(stream, 1, &frame("e1")));
    hub.deliver(Delivery { ack: Some((&a, &frame("a2"))), ..Delivery::new(stream, 2, &frame("e2")) });
    hub.deliver(Delivery::new(stream, 3, &frame("e3")));
    assert_eq!(received(&a, &mut a_client).await, "e1a2e3");
    assert_eq!(received(&b, &mut b_client).await, "e1e2e3");
    hub.detach(&a, stream);
    hub.deliver(Delivery { ack: Some((&a, &frame("a4"))), ..Delivery::new(stream, 4, &frame("e4")) });
    assert_eq!(received(&a, &mut a_client).await, "a4", "who has left meanwhile is answered all the same");
    hub.lose_position(stream, 4);
    assert_eq!(b.closing(), None);
    hub.lose_position(stream, 5);
    assert_eq!(b.closing(), Some(Close::PositionLost));
}

#[tokio::test]
async fn a_person_holds_so_many_sockets_and_a_session_is_closed_as_a_whole() {
    let hub = hub();
    let who = identity();
    let (a, _a, _ar) = socket(&hub).await;
    let (b, _b, _br) = socket(&hub).await;
    let (c, _c, _cr) = socket(&hub).await;
    hub.register(&a, who).unwrap();
    hub.register(&b, Identity { session: SessionId(new_id()), ..who }).unwrap();
    assert_eq!(hub.register(&c, who), Err(TooManySockets));
    hub.close_session(who.session, Close::SessionRevoked);
    assert_eq!((a.closing(), b.closing()), (Some(Close::SessionRevoked), None));
    hub.close_user(who.user, Close::Suspended);
    assert_eq!(b.closing(), Some(Close::Suspended));
    for conn in [&a, &b, &c] {
        hub.remove(conn);
        hub.remove(conn);
    }
    assert_eq!(hub.counts(), HubCounts::default());
}

#[derive(Clone, Debug)]
enum Step {
    Attach(usize, usize),
    GoLive(usize, usize),
    Detach(usize, usize),
    AttachUser(usize),
    DetachUser(usize),
    Deliver(usize),
    Remove(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_usize, 0..2_usize).prop_map(|(c, s)| Step::Attach(c, s)),
        (0..3_usize, 0..2_usize).prop_map(|(c, s)| Step::GoLive(c, s)),
        (0..3_usize, 0..2_usize).prop_map(|(c, s)| Step::Detach(c, s)),
        (0..2_usize).prop_map(Step::AttachUser),
        (0..2_usize).prop_map(Step::DetachUser),
        (0..2_usize).prop_map(Step::Deliver),
        (0..3_usize).prop_map(Step::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the interleaving: when all sockets have left, the hub is empty.
    #[test]
    fn indexes_agree_after_any_interleaving(steps in proptest::collection::vec(step(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let hub = Hub::new(flusher(), 10, 100);
            let who = identity();
            let streams = [StreamId::Chat(ChatId(new_id())), StreamId::Chat(ChatId(new_id()))];
            let mut heads = [0_u64; 2];
            let mut sockets = Vec::new();
            for _ in 0..3 {
                let socket = socket(&hub).await;
                hub.register(&socket.0, who).unwrap();
                sockets.push(socket);
            }
            let mut generations = std::collections::HashMap::new();
            for step in steps {
                match step {
                    Step::Attach(c, s) => {
                        if let Some(generation) = hub.attach(&sockets[c].0, streams[s]) {
                            generations.insert((c, s), generation);
                        }
                    }
                    Step::GoLive(c, s) => {
                        if let Some(generation) = generations.get(&(c, s)) {
                            hub.go_live(&sockets[c].0, streams[s], Some(*generation), heads[s] + 1);
                        }
                    }
                    Step::Detach(c, s) => hub.detach(&sockets[c].0, streams[s]),
                    Step::AttachUser(s) => hub.attach_user(who.user, streams[s], heads[s] + 1),
                    Step::DetachUser(s) => hub.detach_user(who.user, streams[s]),
                    Step::Deliver(s) => {
                        heads[s] += 1;
                        hub.deliver(Delivery::new(streams[s], heads[s], &frame("x")));
                    }
                    Step::Remove(c) => hub.remove(&sockets[c].0),
                }
                for (conn, ..) in &sockets {
                    prop_assert_ne!(conn.closing(), Some(Close::PositionLost));
                }
            }
            for (conn, ..) in &sockets {
                hub.remove(conn);
                conn.abandon();
            }
            prop_assert_eq!(hub.counts(), HubCounts::default());
            Ok(())
        })?;
    }
}
