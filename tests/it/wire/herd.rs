//! Many sockets that lose their server under load and come back as clients shall: at their own moments, with a resume.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::support::chance::Chance;
use crate::support::client::{Ack, Client, Door, Gone, PATIENCE};
use crate::support::process::Launch;
use crate::support::server::Room;

/// Rooms of two, in an empty data directory without a server.
pub fn rooms(launch: &Launch, rooms: usize) -> Vec<Room> {
    // A socket is a descriptor, and a large crowd is one long transaction.
    let _raised = rlimit::increase_nofile_limit(u64::MAX).is_ok();
    let patience = ["--set", "limits.store_timeout=60", "--set", "limits.request_timeout=70"];
    let said = launch
        .run(&[&["bench-part", "crowd", "--rooms", &rooms.to_string(), "--members", "2"], &patience[..]].concat());
    let people: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("a person")).collect();
    let token = |person: &Value| {
        let cookie = person["cookie"].as_str().expect("a cookie");
        cookie.split_once('=').expect("name and value").1.to_owned()
    };
    let room = |two: &[Value]| Room {
        chat: two[0]["chats"][0].as_str().expect("a chat").to_owned(),
        tokens: two.iter().map(token).collect(),
    };
    people.chunks(2).map(room).collect()
}

/// What all members of the herd look at.
pub struct Scene {
    /// Where the server is now.
    pub server: watch::Sender<SocketAddr>,
    pub began: Instant,
    /// Sockets that are connected.
    pub connected: AtomicUsize,
    /// Nobody says anything new.
    pub quiet: AtomicBool,
    /// Messages that were said and not answered yet.
    pub unanswered: AtomicUsize,
    /// When somebody was welcomed, and whether everything was recovered.
    pub welcomes: mpsc::Sender<(Instant, bool)>,
    /// Sockets that were closed without having been told before.
    pub untold: AtomicUsize,
    /// Tries that were put off with a moment.
    pub put_off: AtomicUsize,
}

impl Scene {
    pub fn new(server: SocketAddr) -> (Arc<Self>, mpsc::Receiver<(Instant, bool)>) {
        let (welcomes, welcomed) = mpsc::channel(100_000);
        let scene = Self {
            server: watch::Sender::new(server),
            began: Instant::now(),
            connected: AtomicUsize::new(0),
            quiet: AtomicBool::new(true),
            unanswered: AtomicUsize::new(0),
            welcomes,
            untold: AtomicUsize::new(0),
            put_off: AtomicUsize::new(0),
        };
        (Arc::new(scene), welcomed)
    }
}

/// One member: writes, unless it only reads, and comes back whenever its socket ends.
pub struct Member {
    scene: Arc<Scene>,
    chat: String,
    token: String,
    chance: Chance,
    writes: bool,
    client: Option<Client>,
    mirror: crate::support::mirror::Mirror,
    /// What was said, acknowledged or not.
    said: u64,
    /// What is not acknowledged yet.
    open: Option<(String, String)>,
}

/// What a member knows at the end.
pub struct Story {
    pub chat: String,
    /// As many messages were said and acknowledged.
    pub acked: Option<u64>,
    /// The texts as this member has them, in order.
    pub texts: Vec<String>,
    pub snapshots: u32,
}

impl Member {
    pub fn new(scene: &Arc<Scene>, room: &Room, index: usize, writes: bool, chance: Chance) -> Self {
        Self {
            scene: Arc::clone(scene),
            chat: room.chat.clone(),
            token: room.tokens[index].clone(),
            chance,
            writes,
            client: None,
            mirror: Default::default(),
            said: 0,
            open: None,
        }
    }

    /// Lives until `done`, then tells what it knows.
    pub async fn live(mut self, done: watch::Receiver<bool>) -> Story {
        self.come_back(Duration::ZERO).await;
        loop {
            if *done.borrow() && self.open.is_none() {
                break;
            }
            let client = self.client.as_mut().expect("a socket");
            let ended = if self.writes && (self.open.is_some() || !self.scene.quiet.load(Ordering::Relaxed)) {
                let (cid, text) = self.open.get_or_insert_with(|| {
                    self.scene.unanswered.fetch_add(1, Ordering::Relaxed);
                    (Uuid::new_v4().to_string(), format!("m{}", self.said))
                });
                let id = client.begin_publish(&self.chat, cid, text).await;
                match client.try_reply(id).await {
                    Ok(reply) if reply.get("ok").is_some() => {
                        assert_eq!(Ack::of(&reply["ok"]).n, self.said + 1, "in order: {reply}");
                        self.open = None;
                        self.scene.unanswered.fetch_sub(1, Ordering::Relaxed);
                        self.said += 1;
                        tokio::time::sleep(Duration::from_millis(self.chance.within(20, 200))).await;
                        None
                    }
                    Ok(reply) => {
                        assert_eq!(reply["err"]["retry"], true, "{reply}");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        None
                    }
                    Err(gone) => Some(gone),
                }
            } else {
                match client.pump(Duration::from_millis(100)).await {
                    Ok(()) | Err(Gone::Silent) => None,
                    Err(gone) => Some(gone),
                }
            };
            // Leaving at the announced moment is left to the server here: it closes within the same time.
            if let Some(gone) = ended {
                self.scene.connected.fetch_sub(1, Ordering::Relaxed);
                let announced = client.unclaimed().filter(|frame| frame["op"] == "reconnect").last().cloned();
                let within = announced.as_ref().and_then(|signal| signal["d"]["within_ms"].as_u64());
                match gone {
                    Gone::Closed(4200, _) => {}
                    other => panic!("{} should be sent away with 4200, but: {other}", self.chat),
                }
                if within.is_none() {
                    self.scene.untold.fetch_add(1, Ordering::Relaxed);
                }
                self.mirror = std::mem::take(&mut client.mirror);
                let wait = self.chance.within(0, within.unwrap_or(0) + 1);
                self.come_back(Duration::from_millis(wait)).await;
            }
        }
        let mut client = self.client.take().expect("a socket");
        client.settle().await;
        let known = client.chat(&self.chat);
        let story = Story {
            acked: self.writes.then_some(self.said),
            texts: known.texts(),
            snapshots: known.snapshots,
            chat: self.chat,
        };
        client.leave().await;
        story
    }

    /// Tries until it is connected: at the moment that was told, else after a full-jitter back-off.
    async fn come_back(&mut self, mut wait: Duration) {
        let began = Instant::now();
        for attempt in 0_u32.. {
            tokio::time::sleep(wait).await;
            assert!(began.elapsed() < PATIENCE * 4, "did not get in again");
            let at = *self.scene.server.borrow();
            match Client::knock(&self.chat, at, &Door::default()).await {
                Ok(mut client) => {
                    client.mirror = std::mem::take(&mut self.mirror);
                    let mut data = json!({"v": 1, "token": self.token});
                    let resumes = !client.mirror.epoch.is_empty();
                    if resumes {
                        data["resume"] = client.mirror.position();
                    }
                    let id = client.begin("connect", None, data).await;
                    match client.try_reply(id).await {
                        Ok(reply) => {
                            let full = !resumes || reply["ok"]["recovered"] == "full";
                            assert!(reply.get("ok").is_some(), "{reply}");
                            self.client = Some(client);
                            self.scene.connected.fetch_add(1, Ordering::Relaxed);
                            self.scene.welcomes.try_send((Instant::now(), full)).expect("the judge");
                            return;
                        }
                        Err(_) => self.mirror = std::mem::take(&mut client.mirror),
                    }
                    wait = self.backoff(attempt);
                }
                Err((503, body)) => {
                    self.scene.put_off.fetch_add(1, Ordering::Relaxed);
                    let told = serde_json::from_str::<Value>(&body).ok().and_then(|told| told["after_ms"].as_u64());
                    let told = told.expect("whoever is put off is told when to come");
                    wait = Duration::from_millis(told + self.chance.within(0, 1000));
                }
                Err(_) => wait = self.backoff(attempt),
            }
        }
    }

    fn backoff(&mut self, attempt: u32) -> Duration {
        let most = (300 << attempt.min(6)).min(20_000);
        Duration::from_millis(self.chance.within(0, most))
    }
}

/// How many welcomes fell into each second, counted from a moment.
pub fn curve(welcomes: &[Instant], from: Instant) -> Vec<usize> {
    let mut seconds = Vec::new();
    for at in welcomes {
        let second = usize::try_from(at.saturating_duration_since(from).as_secs()).expect("a short test");
        if seconds.len() <= second {
            seconds.resize(second + 1, 0);
        }
        seconds[second] += 1;
    }
    seconds
}
