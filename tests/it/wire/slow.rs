//! A reader that does not keep up is cut, nobody waits for it, and resuming brings it everything.

use serde_json::json;

use super::bystander::Bystander;
use crate::support::client::{Client, Door, Gone, PATIENCE};
use crate::support::on_both;
use crate::support::server::TestServer;

on_both!(a_slow_reader_is_cut_and_resuming_heals_it, |server: TestServer| async move {
    let server = server
        .again_with(|config| {
            config.limits.outbox_bytes_max = 32 * 1024;
            config.limits.messages_per_minute = 1_000_000;
            config.limits.resume_events_max = 10_000;
        })
        .await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let (mut anna, bram, chat) = server.pair("Anna", "Bram").await;
    bram.leave().await;
    let person = server.known("Bram");
    // Little room on the way, as on a bad line.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.connect(&server.address.into()).expect("a connection");
    socket.set_nonblocking(true).expect("nonblocking");
    let stream = tokio::net::TcpStream::from_std(socket.into()).expect("a stream");
    let mut slow = Client::knock_on("slow Bram", stream, server.address, &Door::default()).await.expect("an upgrade");
    slow.connect(Some(&person.token)).await;
    server.until("he is here", || server.sockets() == 4).await;

    let text = "x".repeat(3900);
    let mut said = 0_u64;
    // Kernel buffers hold megabytes; what does not fit there waits in the outbox, until it is too much.
    while server.sockets() == 4 {
        let mut asked = Vec::new();
        for _ in 0..16 {
            asked.push(anna.begin_publish(&chat, &uuid::Uuid::new_v4().to_string(), &format!("{said} {text}")).await);
            said += 1;
        }
        for id in asked {
            assert!(anna.reply(id).await.get("ok").is_some());
        }
        assert!(said < 8000, "a reader that reads nothing was never cut");
    }
    println!("cut after {said} messages of 4 KB");
    bystander.undisturbed().await;
    // What he still reads is a gap-free beginning (the mirror checks), then the end.
    let gone = loop {
        if let Err(gone) = slow.pump(PATIENCE).await {
            break gone;
        }
    };
    assert!(matches!(gone, Gone::Closed(4202 | 1006, _)), "{gone}");
    let read = slow.chat(&chat).texts().len();
    println!("he had read {read} of them");
    assert!(u64::try_from(read).is_ok_and(|read| read < said));
    let mut back = Client::knock("Bram", server.address, &Door::default()).await.expect("an upgrade");
    back.mirror = std::mem::take(&mut slow.mirror);
    back.connect(Some(&person.token)).await;
    let newest = anna.chat(&chat).seq;
    back.reach(&chat, newest).await;
    // More than a page's worth of bytes is a snapshot and pages of history, the rest comes by itself.
    let known = back.chat(&chat);
    if known.snapshots == 1 {
        assert_eq!(known.events, anna.chat(&chat).events);
    } else {
        let channel = format!("chat:{chat}");
        let mut after = 0;
        let mut count = 0;
        while after < newest {
            let page = back.ask("history", Some(&channel), json!({"after": after, "limit": 100})).await;
            for event in page["events"].as_array().expect("events") {
                let seq = event["seq"].as_u64().expect("a position");
                assert_eq!(seq, after + 1);
                after = seq;
                count += u64::from(event["op"] == "message");
            }
        }
        assert_eq!(count, said);
    }
    bystander.undisturbed().await;
});
