//! Stopping in order: everybody is told, everything acknowledged is stored, and all find their place again.

use serde_json::json;

use crate::crash::world::{SETTINGS, chat_id_in};
use crate::support::client::{Ack, Gone, PATIENCE};
use crate::support::people;
use crate::support::process::Launch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_tells_everybody_and_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let launch = Launch { settings: SETTINGS.into(), ..Launch::serve(&directory.path().join("data")) };
    let mut server = launch.start();
    for name in ["Anna", "Bram"] {
        people::sign_up(server.address, &launch.data_dir, name).await;
        launch.run(&["verify", &people::email_of(name)]);
    }
    let (anna, bram) = (people::sign_in(server.address, "Anna").await, people::sign_in(server.address, "Bram").await);
    let chat = chat_id_in(&launch.run(&["chat", "open", &anna.email, &bram.email]));
    let mut hers = people::connect(server.address, &anna).await;
    let mut his = people::connect(server.address, &bram).await;

    // She goes on writing while it stops; what is answered counts, the rest she repeats.
    let mut asked = Vec::new();
    for number in 0..10 {
        let cid = uuid::Uuid::new_v4().to_string();
        asked.push((hers.begin_publish(&chat, &cid, &format!("m{number}")).await, cid, number));
    }
    server.terminate();
    let mut unanswered = Vec::new();
    let mut stored = 0;
    for (id, cid, number) in asked {
        match hers.try_reply(id).await {
            Ok(reply) if reply.get("ok").is_some() => {
                assert!(unanswered.is_empty(), "an answer after an unanswered one");
                stored = Ack::of(&reply["ok"]).n;
            }
            Ok(reply) => {
                assert_eq!(reply["err"]["retry"], true, "{reply}");
                unanswered.push((cid, number));
            }
            Err(_) => unanswered.push((cid, number)),
        }
    }
    let signal = his.expect("reconnect").await;
    assert!(
        signal["d"]["within_ms"].as_u64().is_some_and(|within| within > 0),
        "told how long to spread over: {signal}"
    );
    his.expect_close(4200).await;
    loop {
        match hers.pump(PATIENCE).await {
            Ok(()) => {}
            Err(gone) => {
                assert!(matches!(gone, Gone::Closed(4200, _)), "{gone}");
                break;
            }
        }
    }
    let status = server.ended();
    assert!(status.success(), "{status}: {}", server.log());
    println!("{stored} of 10 were answered before the end");

    let server = launch.start();
    let mut back = people::connect(server.address, &anna).await;
    for (cid, number) in unanswered {
        back.publish(&chat, &cid, &format!("m{number}")).await;
    }
    let mut his_again =
        crate::support::client::Client::knock("Bram", server.address, &crate::support::client::Door::default())
            .await
            .expect("an upgrade");
    his_again.mirror = std::mem::take(&mut his.mirror);
    let reply = his_again.connect(Some(&bram.token)).await;
    assert_eq!(reply["recovered"], "full", "{}", json!(reply["chats"][0]["reason"]));
    let expected: Vec<String> = (0..10).map(|number| format!("m{number}")).collect();
    his_again.reach(&chat, back.chat(&chat).seq).await;
    assert_eq!(his_again.chat(&chat).texts(), expected);
}
