//! A device: does what the plan says, repeats what was not answered, comes back when its socket ends, and keeps the diary.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};

use super::diary::{Diary, Outcome, Stored, Tick};
use super::plan::{Cursor, Owner, Place, What};
use super::world::Cast;
use crate::support::client::{Client, Door, Gone, PATIENCE};
use crate::support::mirror::Mirror;

/// What all devices of a run share.
pub struct Stage {
    pub cast: &'static Cast,
    pub address: watch::Receiver<Option<SocketAddr>>,
    /// How often the server has died.
    pub deaths: watch::Receiver<u64>,
    pub fault: Arc<AtomicU64>,
    pub diary: Mutex<Diary>,
    pub ticks: AtomicU64,
    /// The groups that were made, by their number in the plan.
    pub groups: Mutex<BTreeMap<usize, String>>,
}

impl Stage {
    pub fn diary(&self) -> MutexGuard<'_, Diary> {
        self.diary.lock().expect("the diary")
    }

    pub fn tick(&self) -> Tick {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn chat(&self, person: usize, place: Place) -> Option<String> {
        match place {
            Place::Room => Some(self.cast.room.to_string()),
            Place::With(other) => self.cast.pairs.get(&(person.min(other), person.max(other))).map(ToString::to_string),
            Place::Group(group) => self.groups.lock().expect("groups").get(&group).cloned(),
        }
    }
}

/// What a device is told.
pub enum Order {
    Do(What, Option<oneshot::Sender<()>>),
    /// Get everything answered.
    Finish(oneshot::Sender<()>),
    /// Say when everything up to these heads has come, without asking for it.
    Reach(BTreeMap<String, u64>, oneshot::Sender<()>),
    /// Say what is known, and leave.
    Show(oneshot::Sender<Mirror>),
}

/// What a request was about.
#[derive(Debug)]
pub(super) enum Asked {
    Send(usize, u64),
    Change(usize),
    Mark(usize),
    Group(usize, Option<usize>),
    Other,
}

pub struct Device {
    pub(super) number: usize,
    pub(super) owner: Owner,
    pub(super) stage: Arc<Stage>,
    pub(super) client: Option<Client>,
    mirror: Mirror,
    asked: HashMap<u64, Asked>,
    /// Messages that have no answer yet.
    pub(super) waiting: Vec<usize>,
    life: u64,
    pub(super) stalled: bool,
    pub(super) said: u64,
    deaths: watch::Receiver<u64>,
}

/// Unanswered messages that are said again at once.
const REPEATED: usize = 4;

/// What a kernel does when a process dies is not left to the memory of one that lives on: its sockets end.
async fn pump(client: &mut Client, deaths: &mut watch::Receiver<u64>) -> Result<(), Gone> {
    tokio::select! {
        biased;
        heard = client.pump(PATIENCE) => heard,
        _died = deaths.changed() => {
            while client.pump(Duration::from_millis(5)).await.is_ok() {}
            Err(Gone::Closed(1006, "the server has died".into()))
        }
    }
}

/// Ends when the server dies.
async fn died(mut deaths: watch::Receiver<u64>) {
    let _the_run_is_over = deaths.changed().await.is_err();
}

impl Device {
    pub fn new(number: usize, owner: Owner, stage: Arc<Stage>) -> Self {
        let deaths = stage.deaths.clone();
        Self {
            number,
            owner,
            stage,
            client: None,
            mirror: Mirror::default(),
            asked: HashMap::new(),
            waiting: Vec::new(),
            life: u64::try_from(number).expect("small") << 32,
            stalled: false,
            said: 0,
            deaths,
        }
    }

    pub async fn live(mut self, mut inbox: mpsc::Receiver<Order>) {
        loop {
            let order = match &mut self.client {
                Some(client) if !self.stalled => tokio::select! {
                    biased;
                    order = inbox.recv() => order,
                    heard = pump(client, &mut self.deaths) => {
                        if self.heard(heard) {
                            self.come_back(Cursor::True).await;
                        }
                        continue;
                    }
                },
                _ => inbox.recv().await,
            };
            match order {
                Some(Order::Do(what, done)) => {
                    self.act(what).await;
                    if let Some(done) = done {
                        self.answered().await;
                        let _nobody_waits = done.send(());
                    }
                }
                Some(Order::Finish(done)) => {
                    self.finish().await;
                    let _nobody_waits = done.send(());
                }
                Some(Order::Reach(heads, done)) => {
                    self.reach(&heads).await;
                    let _nobody_waits = done.send(());
                }
                Some(Order::Show(show)) => {
                    if let Some(mut client) = self.client.take() {
                        let _closing = client.settled().await;
                        self.mirror = std::mem::take(&mut client.mirror);
                        client.leave().await;
                    }
                    let _nobody_waits = show.send(self.mirror);
                    return;
                }
                None => return,
            }
        }
    }

    fn fault(&self, fault: impl std::fmt::Display) {
        self.stage.diary().faults.push(format!("device {}: {fault}", self.number));
    }

    // ------------------------------------------------------------ sockets

    /// Files what came. Whether the socket has ended.
    fn heard(&mut self, heard: Result<(), Gone>) -> bool {
        self.digest();
        match heard {
            Ok(()) | Err(Gone::Silent) => false,
            Err(gone) => {
                self.lost(&gone);
                true
            }
        }
    }

    fn lost(&mut self, gone: &Gone) {
        match gone {
            Gone::Closed(code, reason) => {
                self.stage.diary().count(format!("close {code}"));
                if !matches!(code, 1006 | 4200 | 4202 | 4203) {
                    self.fault(format_args!("closed with {code} {reason:?}"));
                }
            }
            other => self.fault(other),
        }
        self.part();
    }

    /// Takes what is known from a socket that is no more.
    pub(super) fn part(&mut self) -> Option<Client> {
        let mut client = self.client.take()?;
        self.mirror = std::mem::take(&mut client.mirror);
        self.asked.clear();
        self.life += 1;
        self.stalled = false;
        Some(client)
    }

    async fn knock(&self, at: SocketAddr) -> Result<Client, (u16, String)> {
        let name = format!("device {}", self.number);
        if !self.owner.narrow {
            return Client::knock(&name, at, &Door::default()).await;
        }
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        socket.connect(&at.into()).map_err(|error| (0, error.to_string()))?;
        socket.set_nonblocking(true).expect("nonblocking");
        let stream = TcpStream::from_std(socket.into()).expect("a stream");
        Client::knock_on(&name, stream, at, &Door::default()).await
    }

    /// Tries until it is connected, and repeats what was not answered.
    pub(super) async fn come_back(&mut self, cursor: Cursor) {
        let began = Instant::now();
        if let Cursor::Stale(events) = cursor {
            self.mirror.forget_last(events);
        }
        if cursor == Cursor::Nothing {
            self.mirror = Mirror::default();
        }
        while self.client.is_none() {
            if began.elapsed() > PATIENCE * 2 {
                return self.fault("never got in again");
            }
            let mut address = self.stage.address.clone();
            let up = tokio::time::timeout(PATIENCE, address.wait_for(Option::is_some)).await;
            let Some(at) = up.ok().and_then(Result::ok).and_then(|at| *at) else { continue };
            self.deaths.mark_unchanged();
            let knocked = tokio::select! {
                knocked = self.knock(at) => knocked.ok(),
                () = died(self.deaths.clone()) => None,
            };
            if let Some(client) = knocked {
                self.client = Some(client);
                self.connect(cursor).await;
            }
            if self.client.is_none() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        // As many as a client has in flight: whoever says everything again at once is cut again.
        for index in self.waiting.iter().copied().take(REPEATED).collect::<Vec<_>>() {
            self.say(index).await;
        }
    }

    /// One connect request on a new socket.
    async fn connect(&mut self, cursor: Cursor) {
        let Some(client) = &mut self.client else { return };
        client.mirror = std::mem::take(&mut self.mirror);
        let mut data = json!({"v": 1, "client": "sim/1", "token": self.stage.cast.tokens[self.owner.person]});
        let resumes = !client.mirror.epoch.is_empty();
        if resumes {
            data["resume"] = client.mirror.position();
            match cursor {
                Cursor::WrongEpoch => data["resume"]["epoch"] = json!("another life"),
                Cursor::Ahead => {
                    for (_, seq) in data["resume"]["chats"].as_object_mut().into_iter().flatten() {
                        *seq = json!(seq.as_u64().unwrap_or(0) + 1_000_000);
                    }
                }
                _ => {}
            }
        }
        let id = client.begin("connect", None, data).await;
        let reply = tokio::select! {
            biased;
            reply = client.try_reply(id) => reply,
            () = died(self.deaths.clone()) => Err(Gone::Closed(1006, "the server has died".into())),
        };
        match reply {
            Ok(reply) => match reply.get("ok") {
                Some(ok) => self.welcomed(ok, resumes, cursor),
                None if reply["err"]["retry"] == true => drop(self.part()),
                None => {
                    self.fault(format_args!("was not let in: {reply}"));
                    self.part();
                }
            },
            Err(gone) => self.lost(&gone),
        }
    }

    /// Counts what a connect gave, and sees that it does not claim what it cannot know.
    fn welcomed(&self, ok: &Value, resumes: bool, cursor: Cursor) {
        let mut diary = self.stage.diary();
        diary.epochs.push(ok["epoch"].as_str().unwrap_or_default().to_owned());
        diary.count("connects");
        for chat in ok["chats"].as_array().into_iter().flatten().filter(|_| resumes) {
            match chat["reason"].as_str() {
                None => diary.count(if chat["events"] == json!([]) { "replays of nothing" } else { "replays" }),
                Some(reason) => diary.count(format!("snapshots: {reason}")),
            }
            if chat["initial"] == false && matches!(cursor, Cursor::WrongEpoch | Cursor::Ahead) {
                let chat = chat["id"].as_str().unwrap_or_default();
                diary.faults.push(format!("device {}: {cursor:?} was resumed in {chat}", self.number));
            }
        }
        let user = ok["user"]["recovered"].as_str().unwrap_or_default();
        diary.count(format!("user stream recovered: {user}"));
    }

    /// Waits until everything asked on this socket is answered, or the socket is gone.
    pub(super) async fn answered(&mut self) {
        self.stalled = false;
        let began = Instant::now();
        while !self.asked.is_empty() && began.elapsed() < PATIENCE {
            let Some(client) = &mut self.client else { return };
            let heard = pump(client, &mut self.deaths).await;
            self.heard(heard);
        }
        if !self.asked.is_empty() {
            self.fault(format_args!("never answered: {:?}", self.asked));
            self.part();
        }
    }

    /// Files the answers that have come.
    fn digest(&mut self) {
        let Some(client) = &mut self.client else { return };
        client.forget();
        while let Some((id, reply)) = client.take_reply() {
            let tick = self.stage.tick();
            let mut diary = self.stage.diary.lock().expect("the diary");
            let outcome = match (reply.get("ok"), &reply["err"]) {
                (Some(_), _) => Outcome::Done,
                (None, error) => {
                    diary.count(format!("refused {}", error["code"]));
                    if error["code"] == 50300 {
                        let fault = ["no fault", "a full disk", "a held database"];
                        let now = usize::try_from(self.stage.fault.load(Ordering::Relaxed)).expect("small");
                        diary.count(format!("unavailable with {}", fault[now]));
                    }
                    let open = error["retry"] == true || error["code"] == 50000;
                    if open { Outcome::Unknown } else { Outcome::Refused(error["code"].as_u64().unwrap_or(0)) }
                }
            };
            let ok = &reply["ok"];
            match self.asked.remove(&id) {
                Some(Asked::Send(index, request)) => {
                    let send = &mut diary.sends[index];
                    if outcome != Outcome::Unknown {
                        self.waiting.retain(|one| *one != index);
                        send.ended = Some(tick);
                    }
                    if outcome == Outcome::Done {
                        send.stored = Some(Stored {
                            mid: ok["mid"].as_str().unwrap_or_default().to_owned(),
                            seq: ok["seq"].as_u64().unwrap_or(0),
                            n: ok["n"].as_u64().unwrap_or(0),
                            asked: (ok["dup"] == false).then_some((self.life, request)),
                        });
                        if ok["dup"] == true {
                            diary.count("answered as known");
                        }
                    }
                    diary.sends[index].outcome = outcome;
                }
                Some(Asked::Change(index)) => {
                    diary.changes[index].became = ok["rev"].as_u64();
                    diary.changes[index].outcome = outcome;
                }
                Some(Asked::Mark(index)) => diary.marks[index].read = ok["read"].as_u64(),
                Some(Asked::Group(index, made)) => {
                    if let (Some(made), Some(chat)) = (made, ok["chat_id"].as_str()) {
                        self.stage.groups.lock().expect("groups").insert(made, chat.to_owned());
                        diary.groupings[index].chat = chat.to_owned();
                    }
                    diary.groupings[index].outcome = outcome;
                }
                Some(Asked::Other) => {}
                None => diary.faults.push(format!("device {}: an answer to nothing: {reply}", self.number)),
            }
        }
    }

    pub(super) async fn ask(&mut self, op: &str, chat: Option<&str>, data: Value, asked: Asked) {
        let Some(client) = &mut self.client else { return };
        let channel = chat.map(|chat| format!("chat:{chat}"));
        let id = client.begin(op, channel.as_deref(), data).await;
        self.asked.insert(id, asked);
    }

    /// Says a message, for the first time or again.
    pub(super) async fn say(&mut self, index: usize) {
        let (chat, data) = {
            let diary = self.stage.diary();
            let send = &diary.sends[index];
            (send.chat.clone(), json!({"cid": send.cid, "text": send.text}))
        };
        self.said += 1;
        let asked = Asked::Send(index, self.said);
        self.ask("publish", Some(&chat), data, asked).await;
    }

    // ------------------------------------------------------------ the end

    /// Gets every message answered: one after the other, as patiently as it takes.
    async fn finish(&mut self) {
        let began = Instant::now();
        loop {
            if self.client.is_none() {
                self.come_back(Cursor::True).await;
            }
            self.answered().await;
            if self.client.is_some() && self.waiting.is_empty() {
                return;
            }
            if began.elapsed() > PATIENCE * 2 {
                return self.fault(format_args!("{} messages were never answered", self.waiting.len()));
            }
            if self.client.is_some() {
                for some in self.waiting.clone().chunks(REPEATED) {
                    for index in some {
                        self.say(*index).await;
                    }
                    self.answered().await;
                    if self.client.is_none() {
                        break;
                    }
                }
            }
        }
    }

    /// Waits until this socket has been told everything up to these heads; whoever is closed meanwhile comes back.
    async fn reach(&mut self, heads: &BTreeMap<String, u64>) {
        let began = Instant::now();
        loop {
            if self.client.is_none() {
                self.come_back(Cursor::True).await;
            }
            let Some(client) = &mut self.client else { return };
            let behind = heads.iter().find(|(id, head)| client.mirror.chats.get(*id).is_some_and(|it| it.seq < **head));
            let Some((id, head)) = behind else { return };
            if began.elapsed() > PATIENCE / 2 {
                let at = client.mirror.chats[id].seq;
                return self.fault(format_args!("was never told what is after {at} of {id}, whose head is {head}"));
            }
            let heard = client.pump(Duration::from_millis(500)).await;
            self.heard(heard);
        }
    }
}
