//! The store goes away: senders are told to try again, nothing acknowledged is lost, and it heals without a restart.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::crash::world::{SETTINGS, chat_id_in};
use crate::support::client::{Ack, Client, PATIENCE};
use crate::support::people::{self, Person};
use crate::support::postgres::OwnPostgres;
use crate::support::process::{Launch, ServerProcess};

struct Scene {
    anna: Person,
    bram: Person,
    hers: Client,
    his: Client,
    chat: String,
}

impl Scene {
    async fn set(server: &ServerProcess, launch: &Launch) -> Self {
        for name in ["Anna", "Bram"] {
            people::sign_up(server.address, &launch.data_dir, name).await;
            launch.run(&["verify", &people::email_of(name)]);
        }
        let (anna, bram) =
            (people::sign_in(server.address, "Anna").await, people::sign_in(server.address, "Bram").await);
        let chat = chat_id_in(&launch.run(&["chat", "open", &anna.email, &bram.email]));
        let hers = people::connect(server.address, &anna).await;
        let his = people::connect(server.address, &bram).await;
        Self { anna, bram, hers, his, chat }
    }

    /// Sends until it is refused; returns the client id and text of the refused one, and the error.
    async fn until_refused(&mut self, label: &str) -> (String, String, Value) {
        let began = Instant::now();
        for number in 0.. {
            let (cid, text) = (Uuid::new_v4().to_string(), format!("{label} {number} {}", "o".repeat(3000)));
            let id = self.hers.begin_publish(&self.chat, &cid, &text).await;
            let reply = self.hers.reply(id).await;
            if let Some(error) = reply.get("err") {
                return (cid, text, error.clone());
            }
            assert!(began.elapsed() < PATIENCE * 2, "it went on storing");
        }
        unreachable!("numbers do not end")
    }

    /// Repeats the refused message as the error says, until it is stored.
    async fn until_stored(&mut self, cid: &str, text: &str) -> (Ack, Duration) {
        let began = Instant::now();
        loop {
            let id = self.hers.begin_publish(&self.chat, cid, text).await;
            match self.hers.try_reply(id).await {
                Ok(reply) => match reply.get("ok") {
                    Some(ok) => return (Ack::of(ok), began.elapsed()),
                    None => {
                        is_unavailable(&reply["err"]);
                        tokio::time::sleep(Duration::from_millis(
                            reply["err"]["after_ms"].as_u64().unwrap_or(1000).min(1000),
                        ))
                        .await;
                    }
                },
                Err(gone) => panic!("the socket did not outlive the fault: {gone}"),
            }
            assert!(began.elapsed() < PATIENCE * 2, "it never healed");
        }
    }

    /// Both sides hold the same, and a fresh client is shown the same.
    async fn agree(&mut self, server: &ServerProcess) {
        let head = self.hers.chat(&self.chat).seq;
        self.his.reach(&self.chat, head).await;
        assert_eq!(self.his.chat(&self.chat).events, self.hers.chat(&self.chat).events);
        let fresh = people::connect(server.address, &self.bram).await;
        assert_eq!(fresh.chat(&self.chat).seq, head);
        let again = people::connect(server.address, &self.anna).await;
        assert_eq!(again.chat(&self.chat).events, fresh.chat(&self.chat).events);
    }
}

fn is_unavailable(error: &Value) {
    assert!(error["code"] == 50300 || error["code"] == 50301, "{error}");
    assert_eq!(error["retry"], true, "{error}");
    assert!(error["after_ms"].as_u64().is_some_and(|wait| wait > 0), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_dies_and_comes_back() {
    let postgres = OwnPostgres::start();
    let directory = tempfile::tempdir().expect("a directory");
    let launch = Launch {
        settings: SETTINGS.into(),
        database_url: Some(postgres.url.clone()),
        ..Launch::serve(&directory.path().join("data"))
    };
    let server = launch.start();
    let mut scene = Scene::set(&server, &launch).await;
    let before = scene.hers.send(&scene.chat, "voor de val").await;
    scene.his.expect_text("voor de val").await;

    postgres.crash();
    let (cid, text, error) = scene.until_refused("tijdens").await;
    is_unavailable(&error);
    // Reading says so as well; it does not say that there is nothing.
    let history = scene.his.request("history", Some(&format!("chat:{}", scene.chat)), json!({"after": 0})).await;
    is_unavailable(&history["err"]);
    let mut http = crate::support::http::Http::new(server.address);
    let began = Instant::now();
    while http.get("/api/health/ready").await.status != 503 {
        assert!(began.elapsed() < PATIENCE, "it still calls itself ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(http.get("/api/health/live").await.status, 200);

    postgres.again();
    let (ack, took) = scene.until_stored(&cid, &text).await;
    println!("stored again {took:?} after PostgreSQL was back");
    assert!(ack.seq > before.seq);
    assert!(took < Duration::from_secs(10), "the bar is ten seconds: {took:?}");
    scene.his.reach(&scene.chat, ack.seq).await;
    scene.hers.send(&scene.chat, "na de val").await;
    scene.his.expect_text("na de val").await;
    scene.agree(&server).await;
    // What asks for readiness often is told what was found a moment ago.
    let began = Instant::now();
    while http.get("/api/health/ready").await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "it never called itself ready again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A limit on the size of files stands in for a full disk: writing fails, reading goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_is_full_and_then_it_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let launch = Launch { settings: SETTINGS.into(), ..Launch::serve(&directory.path().join("data")) };
    let server = launch.start_tolerating_full_disks();
    let mut scene = Scene::set(&server, &launch).await;
    scene.hers.send(&scene.chat, "nog plaats").await;
    scene.his.expect_text("nog plaats").await;

    let limit = |bytes: &str| {
        let set = std::process::Command::new("prlimit")
            .args(["--pid", &server.id().to_string(), &format!("--fsize={bytes}:unlimited")])
            .status();
        assert!(set.expect("prlimit").success());
    };
    limit("300000");
    let (cid, text, error) = scene.until_refused("vol").await;
    is_unavailable(&error);
    // What is stored can still be read.
    let page = scene.his.ask("history", Some(&format!("chat:{}", scene.chat)), json!({"after": 0, "limit": 100})).await;
    assert!(page["events"].as_array().is_some_and(|events| events.len() > 1));
    limit("unlimited");
    let (ack, took) = scene.until_stored(&cid, &text).await;
    println!("stored again {took:?} after there was room");
    scene.his.reach(&scene.chat, ack.seq).await;
    scene.hers.send(&scene.chat, "weer plaats").await;
    scene.his.expect_text("weer plaats").await;
    scene.agree(&server).await;
}

/// Somebody's tool holds the database: the wait has an end, and what comes after is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_hand_holds_the_database() {
    let server =
        crate::support::server::TestServer::with(|config| config.limits.store_timeout = Duration::from_millis(1500))
            .await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let held = server.hold_writer().await;
    let cid = Uuid::new_v4().to_string();
    let id = anna.begin_publish(&chat, &cid, "wacht").await;
    let began = Instant::now();
    let reply = anna.reply(id).await;
    is_unavailable(&reply["err"]);
    println!("refused after {:?}", began.elapsed());
    held.release().await;
    let began = Instant::now();
    let ack = loop {
        let id = anna.begin_publish(&chat, &cid, "wacht").await;
        let reply = anna.reply(id).await;
        match reply.get("ok") {
            Some(ok) => break Ack::of(ok),
            None => is_unavailable(&reply["err"]),
        }
        assert!(began.elapsed() < PATIENCE, "it never healed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    bram.reach(&chat, ack.seq).await;
    assert_eq!(bram.chat(&chat).texts(), ["wacht"]);
}
