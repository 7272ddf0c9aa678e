//! A large database answers in the time class of a small one: the same questions of the same people, asked of both.
//!
//! `DOMU_SCALE_PEOPLE` says how large (a number of people, with fifty messages each), `DOMU_SCALE_DIR` where a world that is
//! already there lies; figures that mean something need a release build:
//! `DOMU_SCALE_PEOPLE=100000 cargo nextest run --release scale`.

use std::path::Path;
use std::time::{Duration, Instant};

use domu::app::{self, Running, Setup};
use domu::config::Config;
use domu::demo::Size;
use serde_json::{Value, json};

use crate::support::client::{Client, Door};
use crate::support::full_run;
use crate::support::http::Http;

/// Times of one kind of question, ascending.
struct Times(Vec<Duration>);

impl Times {
    fn at(&self, part: f64) -> f64 {
        let place = ((self.0.len() - 1) as f64 * part).round() as usize;
        self.0[place].as_secs_f64() * 1000.0
    }
}

/// A server over a demo's world.
struct World {
    running: Running,
    rounds: usize,
}

impl World {
    async fn at(directory: &Path, size: Size, rounds: usize) -> Self {
        let mut config = Config::development(directory).expect("randomness");
        config.demo = true;
        let limits = &mut config.limits;
        limits.messages_per_minute = 1_000_000;
        limits.chat_lists_per_minute = 1_000_000;
        limits.sessions_per_user_max = 10_000;
        limits.socket_ops_per_second = 100_000;
        limits.socket_ops_burst = 100_000;
        limits.sockets_per_address_per_minute = 1_000_000;
        limits.csrf_tokens_per_address_per_minute = 1_000_000;
        let began = Instant::now();
        let setup = Setup { demo_size: size, ..Setup::default() };
        let running = app::start(config, setup).await.unwrap_or_else(|error| panic!("no server: {error:#}"));
        println!("{size:?}: ready after {:.1?}", began.elapsed());
        Self { running, rounds }
    }

    /// The browser of one of the sixty, signed in.
    async fn browser(&self, i: usize) -> Http {
        let demo = self.running.house.services.demo.as_ref().expect("a demo");
        let mut http = Http::new(self.running.addr);
        let token = demo.token(demo.people()[i].user);
        http.post("/api/demo/sign-in", &json!({"as": token})).await.expect(200);
        http.forget_csrf();
        http
    }

    async fn socket(&self, http: &Http) -> Client {
        let door = Door { cookie: http.cookie(), origin: Some(http.base.clone()), ..Door::default() };
        let mut client = Client::knock("scale", self.running.addr, &door).await.expect("a socket");
        client.follows = false;
        client
    }

    async fn timed<T>(&self, mut ask: impl AsyncFnMut(usize) -> (T, Duration)) -> Times {
        let mut times = Vec::with_capacity(self.rounds);
        for round in 0..self.rounds {
            times.push(ask(round).await.1);
        }
        times.sort();
        Times(times)
    }

    /// Every question, with its times.
    async fn questions(&self) -> Vec<(&'static str, Times)> {
        let mut all = Vec::new();
        let (sanne, daan) = (self.browser(0).await, self.browser(2).await);
        let demo = self.running.house.services.demo.as_ref().expect("a demo");
        let token = demo.token(demo.people()[0].user);
        let mut fresh = Http::new(self.running.addr);
        let sign_in = self
            .timed(async |_| {
                fresh.cookies.clear();
                fresh.forget_csrf();
                fresh.get("/api/csrf-token").await;
                fresh.forget_csrf();
                let began = Instant::now();
                fresh.post("/api/demo/sign-in", &json!({"as": token})).await.expect(200);
                ((), began.elapsed())
            })
            .await;
        all.push(("sign-in", sign_in));

        let mut me = self.browser(0).await;
        let session = self
            .timed(async |_| {
                let began = Instant::now();
                (me.get("/api/me").await.expect(200), began.elapsed())
            })
            .await;
        all.push(("session of a request (GET /api/me)", session));

        for (name, http) in [("chat list of a lead (connect)", &sanne), ("chat list of the busiest (connect)", &daan)] {
            let list = self
                .timed(async |_| {
                    let mut socket = self.socket(http).await;
                    let began = Instant::now();
                    let ok = socket.ask("connect", None, json!({"v": 1, "client": "scale/1"})).await;
                    let took = began.elapsed();
                    socket.leave().await;
                    (ok, took)
                })
                .await;
            all.push((name, list));
        }

        let mut probe = self.socket(&sanne).await;
        let snapshot = probe.ask("connect", None, json!({"v": 1, "client": "scale/1"})).await;
        let house = longest(&snapshot);
        for (name, anchor) in [("history before", "before"), ("history after", "after"), ("history around", "around")] {
            all.push((name, self.pages(&mut probe, &house, anchor).await));
        }
        let mut busiest = self.socket(&daan).await;
        let theirs = busiest.ask("connect", None, json!({"v": 1, "client": "scale/1"})).await;
        let long = longest(&theirs);
        println!("the longest chat of the busiest has {} events", long.1);
        all.push(("history around, the longest chat", self.pages(&mut busiest, &long, "around").await));

        let position = json!({
            "epoch": snapshot["epoch"], "user": snapshot["user"]["seq"], "chats": heads(&snapshot, &house.0, 50),
        });
        let resume = self
            .timed(async |_| {
                let mut socket = self.socket(&sanne).await;
                let began = Instant::now();
                let ok =
                    socket.ask("connect", None, json!({"v": 1, "client": "scale/1", "resume": position.clone()})).await;
                let took = began.elapsed();
                let chat = chats(&ok).iter().find(|chat| chat["id"] == house.0.as_str()).expect("the chat");
                assert_eq!(chat["events"].as_array().expect("events").len(), 50, "{chat}");
                socket.leave().await;
                ((), took)
            })
            .await;
        all.push(("resume of 50 events", resume));

        for (name, socket, chat) in
            [("send a message", &mut probe, &house.0), ("send a message, the longest chat", &mut busiest, &long.0)]
        {
            let send = self
                .timed(async |round| {
                    let began = Instant::now();
                    (socket.send(chat, &format!("bericht {round}")).await, began.elapsed())
                })
                .await;
            all.push((name, send));
        }

        // The doors of the chat list over HTTP.
        let mut asking = self.browser(0).await;
        let listed = asking.get("/api/chats").await.expect(200);
        let me = asking.get("/api/me").await.expect(200)["id"].clone();
        let members = chats(&listed)[0]["members"].as_array().expect("members").clone();
        let other = members.iter().find(|member| member["u"] != me).expect("somebody else");
        let begin: String =
            other["last_name"].as_str().expect("a name").chars().take_while(|c| c.is_ascii_alphabetic()).collect();
        for (name, path) in
            [("GET /api/chats", "/api/chats".to_owned()), ("search for a chat", format!("/api/chats?q={begin}"))]
        {
            let search = self
                .timed(async |_| {
                    let began = Instant::now();
                    let found = asking.get(&path).await.expect(200);
                    let took = began.elapsed();
                    assert!(!chats(&found).is_empty(), "{path} found nothing");
                    (found, took)
                })
                .await;
            all.push((name, search));
        }
        all
    }

    async fn pages(&self, socket: &mut Client, (chat, head): &(String, u64), anchor: &str) -> Times {
        let channel = format!("chat:{chat}");
        self.timed(async |round| {
            let place = 1 + (round as u64 * 7919) % head;
            let began = Instant::now();
            (socket.ask("history", Some(&channel), json!({anchor: place, "limit": 50})).await, began.elapsed())
        })
        .await
    }

    async fn stop(self) {
        self.running.house.stop().await;
    }
}

fn chats(connected: &Value) -> &Vec<Value> {
    connected["chats"].as_array().expect("chats")
}

/// The chat with the highest number, and that number.
fn longest(connected: &Value) -> (String, u64) {
    let of = |chat: &Value| (chat["id"].as_str().expect("an id").to_owned(), chat["head"].as_u64().expect("a number"));
    chats(connected).iter().map(of).max_by_key(|(_, seq)| *seq).expect("a chat")
}

fn heads(connected: &Value, behind: &str, by: u64) -> Value {
    let head = |chat: &Value| {
        let (id, seq) = longest(&json!({"chats": [chat]}));
        let seq = if id == behind { seq - by } else { seq };
        (id, json!(seq))
    };
    Value::Object(chats(connected).iter().map(head).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_world_answers_like_a_small_one() {
    let people = std::env::var("DOMU_SCALE_PEOPLE").ok().map(|text| text.parse().expect("a number of people"));
    let people = people.unwrap_or(if full_run() { 100_000 } else { 500 });
    let rounds = if people > 10_000 { 500 } else { 20 };
    let directory = tempfile::tempdir().expect("a directory");
    let (small, large) = (directory.path().join("small"), directory.path().join("large"));
    let large = std::env::var("DOMU_SCALE_DIR").map_or(large, Into::into);
    let world = World::at(&small, Size::Small, rounds).await;
    let first = world.questions().await;
    world.stop().await;
    let world = World::at(&large, Size::People(people), rounds).await;
    let second = world.questions().await;
    world.stop().await;
    println!(
        "| question ({rounds} of each) | small p50 ms | small p99 | large p50 | large p99 | ratio p50 | ratio p99 |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for ((name, small), (_, large)) in first.iter().zip(&second) {
        let (a, b, c, d) = (small.at(0.5), small.at(0.99), large.at(0.5), large.at(0.99));
        println!("| {name} | {a:.2} | {b:.2} | {c:.2} | {d:.2} | {:.2} | {:.2} |", c / a, d / b);
    }
    // The busiest person's list is longer in the large world: that one costs by its length.
    for ((name, small), (_, large)) in first.iter().zip(&second).filter(|((name, _), _)| !name.contains("busiest")) {
        let (small, large) = (small.at(0.5), large.at(0.5));
        assert!(large <= 3.0 * small + 1.0, "{name}: {large:.2} ms in the large world, {small:.2} ms in the small one");
    }
}
