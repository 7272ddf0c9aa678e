//! Stopping in order: everybody is told, everything acknowledged is stored, and all find their place again.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::herd::{Member, Scene, curve, rooms};
use crate::crash::world::{SETTINGS, chat_id_in};
use crate::support::chance::Chance;
use crate::support::client::{Ack, Gone, PATIENCE};
use crate::support::http::Http;
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

/// Whether the server says that it should get work, and if not, why.
async fn health(at: SocketAddr) -> Option<(u16, Value)> {
    let answer = tokio::time::timeout(PATIENCE, async {
        let stream = tokio::net::TcpStream::connect(at).await.ok()?;
        drop(stream);
        Some(Http::new(at).plain(reqwest::Method::GET, "/api/health", &[], None).await)
    });
    let answer = answer.await.expect("health is answered in time")?;
    Some((answer.status, answer.json()))
}

/// Hundreds of sockets are told before they are closed, find the next life of the server at their own moments, and
/// have lost nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_under_load_loses_nothing_and_makes_no_herd() {
    let count = 100;
    // A few hundred here come back as ten thousand do elsewhere: over some seconds.
    let rate = 100;
    let burst = rate / 5;
    let directory = tempfile::tempdir().expect("a directory");
    let settings = format!(
        "{SETTINGS}connects_per_second = {rate}\nconnects_burst = {burst}\nsockets_per_address_per_minute = 1000000\n\
         connections_per_address_max = 15000\ndrain_notice = 1\ndrain_spread = 3\nclose_timeout = 10\n"
    );
    let launch = Launch { settings, ..Launch::serve(&directory.path().join("data")) };
    std::fs::create_dir_all(&launch.data_dir).expect("a data directory");
    let rooms = rooms(&launch, count);
    let mut server = launch.start();
    let (scene, mut welcomed) = Scene::new(server.address);
    let (done, finished) = watch::channel(false);
    let seed = Chance::seed();
    println!("DOMU_TEST_SEED={seed}");
    let chance = Chance::new(seed);
    let mut members = Vec::new();
    for (number, room) in rooms.iter().enumerate() {
        for index in 0..2 {
            let chance = chance.branch(u64::try_from(number * 2 + index).expect("a number"));
            let writes = index == 0 && number % (count / 50) == 0;
            members.push(tokio::spawn(Member::new(&scene, room, index, writes, chance).live(finished.clone())));
        }
    }
    let sockets = count * 2;
    for _ in 0..sockets {
        tokio::time::timeout(PATIENCE * 6, welcomed.recv()).await.expect("everybody gets in").expect("a member");
    }
    println!("{sockets} sockets after {:?}", scene.began.elapsed());
    // Nobody writes before everybody is there: who comes later begins with the newest messages, not with all.
    scene.quiet.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(health(server.address).await.map(|(status, _)| status), Some(200));

    let stopped = Instant::now();
    server.terminate();
    // Not ready first: nobody has been sent away yet.
    loop {
        let (status, body) = health(server.address).await.expect("it still answers");
        if status == 503 {
            assert_eq!(body["missing"], json!(["draining"]));
            assert_eq!(scene.connected.load(Ordering::Relaxed), sockets, "sockets are served while it says so");
            break;
        }
        assert!(stopped.elapsed() < PATIENCE, "it never said that it stops");
    }
    // And no new sockets.
    let (status, body) =
        crate::support::client::Client::knock("late", server.address, &crate::support::client::Door::default())
            .await
            .err()
            .expect("refused");
    assert_eq!(status, 503, "{body}");
    let status = server.ended();
    assert!(status.success(), "{status}: {}", server.log());
    let ended = stopped.elapsed();
    let server = launch.start();
    scene.server.send_replace(server.address);
    let started = Instant::now();
    let mut back = Vec::new();
    while back.len() < sockets {
        let (at, full) =
            tokio::time::timeout(PATIENCE * 3, welcomed.recv()).await.expect("everybody comes back").expect("a member");
        assert!(full, "everything is recovered");
        back.push(at);
    }
    let away = back.iter().max().expect("somebody").saturating_duration_since(stopped);
    tokio::time::sleep(Duration::from_millis(500)).await;
    scene.quiet.store(true, Ordering::Relaxed);
    // Nobody leaves before what is still being said has been answered.
    let quiet = Instant::now();
    while scene.unanswered.load(Ordering::Relaxed) > 0 {
        assert!(quiet.elapsed() < PATIENCE, "what was said is never answered");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let curve = curve(&back, started);
    println!(
        "{sockets} sockets: stopped in {ended:?}, all back {away:?} after the signal, put off {} times, connects a second {curve:?}",
        scene.put_off.load(Ordering::Relaxed)
    );
    assert!(away < Duration::from_secs(60), "all are back after {away:?}");
    assert_eq!(scene.untold.load(Ordering::Relaxed), 0, "everybody was told before being closed");
    // As many as wait in the bucket, and then the rate.
    assert!(curve.iter().all(|count| *count <= rate * 2 + burst), "no herd: {curve:?}");
    done.send_replace(true);
    let mut said = 0;
    let mut told: std::collections::HashMap<String, (Option<u64>, Vec<Vec<String>>)> = Default::default();
    for member in members {
        let story = member.await.expect("a member");
        assert_eq!(story.snapshots, 1, "resumed, not taken anew");
        let chat = told.entry(story.chat).or_default();
        chat.0 = chat.0.max(story.acked);
        chat.1.push(story.texts);
    }
    for (chat, (acked, texts)) in told {
        let expected: Vec<String> = (0..acked.unwrap_or(0)).map(|number| format!("m{number}")).collect();
        said += expected.len();
        for texts in texts {
            assert_eq!(texts, expected, "{chat}");
        }
    }
    assert!(said > 50, "it was under load: {said}");
    println!("{said} acknowledged messages, all there, once and in order");
}

/// An operator who cannot wait sends the signal twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = format!("{SETTINGS}drain_notice = 100\ndrain_timeout = 200\n");
    let launch = Launch { settings, ..Launch::serve(&directory.path().join("data")) };
    std::fs::create_dir_all(&launch.data_dir).expect("a data directory");
    let rooms = rooms(&launch, 1);
    let mut server = launch.start();
    let mut one =
        crate::support::client::Client::knock("one", server.address, &crate::support::client::Door::default())
            .await
            .expect("an upgrade");
    one.connect(Some(&rooms[0].tokens[0])).await;
    server.terminate();
    while health(server.address).await.expect("it still answers").0 != 503 {}
    one.send(&rooms[0].chat, "nog even").await;
    let again = Instant::now();
    server.terminate();
    let status = server.ended();
    assert!(!status.success(), "it did not stop as it should: {status}");
    assert!(again.elapsed() < PATIENCE, "after {:?}", again.elapsed());
    // What was answered is there.
    let server = launch.start();
    let mut other =
        crate::support::client::Client::knock("other", server.address, &crate::support::client::Door::default())
            .await
            .expect("an upgrade");
    other.connect(Some(&rooms[0].tokens[1])).await;
    assert_eq!(other.chat(&rooms[0].chat).texts(), ["nog even"]);
}

/// `domu realtime restart`: those who are meant come back at once, with everything; the others notice nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sends_sockets_away_and_they_resume() {
    use crate::support::client::{Client, Door};
    let directory = tempfile::tempdir().expect("a directory");
    let launch = Launch { settings: SETTINGS.into(), ..Launch::serve(&directory.path().join("data")) };
    std::fs::create_dir_all(&launch.data_dir).expect("a data directory");
    let rooms = rooms(&launch, 2);
    let server = launch.start();
    let mut clients = Vec::new();
    for token in rooms.iter().flat_map(|room| &room.tokens) {
        let mut client = Client::knock("one", server.address, &Door::default()).await.expect("an upgrade");
        client.connect(Some(token)).await;
        clients.push((client, token.clone()));
    }
    let me = clients[0].0.mirror.me.clone();
    let restart = |arguments: &[&str]| {
        let said = launch.run(&[&["--json", "realtime", "restart", "--within", "0"], arguments].concat());
        serde_json::from_str::<Value>(&said).expect("JSON")["sent_away"]["sockets"].as_u64().expect("a count")
    };
    let mut said = 0;
    for (arguments, whom) in [
        (vec!["--user", &me], vec![0]),
        (vec!["--chat", &rooms[1].chat], vec![2, 3]),
        (vec!["--all"], vec![0, 1, 2, 3]),
    ] {
        // Requests are on their way while it happens: what is answered is there, what is not is said again.
        let mut asked = Vec::new();
        for index in [0, 2] {
            let cid = uuid::Uuid::new_v4().to_string();
            let id = clients[index].0.begin_publish(&rooms[index / 2].chat, &cid, &format!("m{said}")).await;
            asked.push((index, cid, id));
        }
        assert_eq!(restart(&arguments), u64::try_from(whom.len()).expect("few"), "{arguments:?}");
        for (index, (client, token)) in clients.iter_mut().enumerate() {
            let publish = asked.iter().find(|(asker, ..)| *asker == index);
            if let Some((_, _, id)) = publish {
                assert!(client.reply(*id).await.get("ok").is_some(), "answered before it is closed");
            }
            if whom.contains(&index) {
                client.expect_close(4200).await;
                let mut back = Client::knock("back", server.address, &Door::default()).await.expect("an upgrade");
                back.mirror = std::mem::take(&mut client.mirror);
                assert_eq!(back.connect(Some(token)).await["recovered"], "full");
                *client = back;
            } else {
                client.settle().await;
            }
        }
        said += 1;
        for (index, (client, _)) in clients.iter_mut().enumerate() {
            let chat = &rooms[index / 2].chat;
            let expected: Vec<String> = (0..said).map(|number| format!("m{number}")).collect();
            client.reach(chat, said + 1).await;
            assert_eq!(client.chat(chat).texts(), expected, "{index} after {arguments:?}");
        }
    }
    assert_eq!(restart(&["--chat", "0193b6a0-0000-7000-8000-000000000000"]), 0, "nobody is in it");
}
