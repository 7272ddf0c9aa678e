//! One run: the plan is carried out against a real server over real sockets, then everything is judged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domu::chat::Scope;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::check::{self, Evidence, View};
use super::device::{Device, Order, Stage};
use super::diary::Block;
use super::plan::{Cursor, Plan, What, Whose};
use super::truth::Truth;
use super::world::{self, World};
use crate::support::client::{Client, Door, Gone, PATIENCE};
use crate::support::mirror::{Mirror, plain};

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    pub faults: Vec<String>,
    pub counts: BTreeMap<String, u64>,
    /// How long each part took.
    pub times: Vec<(&'static str, Duration)>,
}

/// The longest a plan waits for one of its steps: what holds it up may be a fault that the plan mends itself.
const STEP: Duration = Duration::from_millis(700);

/// Orders that follow the plan's own.
const LAST_ORDERS: usize = 16;

/// Carries out a plan and judges it.
pub async fn run(plan: &Plan) -> Ran {
    let (evidence, times) = witness(plan).await;
    let faults = check::check(&evidence);
    Ran { faults, counts: evidence.diary.counts, times }
}

/// Carries out a plan and says what there was to be seen, and how long each part took.
pub async fn witness(plan: &Plan) -> (Evidence, Vec<(&'static str, Duration)>) {
    let _from_other_runs = world::panics();
    let (mut evidence, times) = match World::make(&plan.bounds).await {
        Ok(world) => {
            let mut run = Run::begin(plan, world);
            let seen = run.carry_out(plan).await;
            run.end(seen).await
        }
        Err(fault) => (Evidence::ended(fault), Vec::new()),
    };
    evidence.left.extend(world::panics());
    (evidence, times)
}

struct Run {
    world: World,
    stage: Arc<Stage>,
    devices: Vec<mpsc::Sender<Order>>,
    lives: Vec<tokio::task::JoinHandle<()>>,
    others: Vec<tokio::task::JoinHandle<()>>,
    times: Vec<(&'static str, Duration)>,
    since: Instant,
}

impl Run {
    fn begin(plan: &Plan, world: World) -> Self {
        let stage = Arc::new(Stage {
            cast: world.cast,
            address: world.address.subscribe(),
            deaths: world.deaths.subscribe(),
            fault: Arc::clone(&world.fault),
            diary: Default::default(),
            ticks: Default::default(),
            groups: Default::default(),
        });
        let (mut devices, mut lives) = (Vec::new(), Vec::new());
        for (number, owner) in plan.devices.iter().enumerate() {
            let (orders, inbox) = mpsc::channel(plan.steps.len() + LAST_ORDERS);
            lives.push(tokio::spawn(Device::new(number, *owner, Arc::clone(&stage)).live(inbox)));
            devices.push(orders);
        }
        Self { world, stage, devices, lives, others: Vec::new(), times: Vec::new(), since: Instant::now() }
    }

    async fn carry_out(&mut self, plan: &Plan) -> Result<Evidence, String> {
        let before = self.read().await.chats.into_iter().map(|(id, chat)| (id, chat.head_n)).collect();
        for step in &plan.steps {
            self.stage.diary().count(step.what.name());
            let done = match step.by {
                Some(device) => self.device(plan, device, &step.what, step.wait)?,
                None => self.happen(&step.what).await.map(|()| None)?,
            };
            if let Some(done) = done {
                let _late = tokio::time::timeout(STEP, done).await;
            }
        }
        self.took("steps");
        self.world.mend().await;
        let mut evidence = Evidence { before, ..Evidence::default() };
        evidence.people = self.stage.cast.ids.iter().map(ToString::to_string).collect();
        for other in std::mem::take(&mut self.others) {
            if tokio::time::timeout(PATIENCE, other).await.is_err() {
                self.stage.diary().faults.push("somebody was never answered by the server itself".into());
            }
        }
        self.all(Order::Finish).await;
        self.took("answers");
        // First what the sockets that are there were told by themselves, then what they get by coming back.
        let heads = self.read().await.heads();
        self.all(|done| Order::Reach(heads.clone(), done)).await;
        self.took("reach");
        let again = |device: usize| if device % 3 == 2 { Cursor::Stale(3) } else { Cursor::True };
        for (number, device) in self.devices.iter().enumerate() {
            let (done, over) = oneshot::channel();
            let _fallen_shows_later = device.try_send(Order::Do(What::Connect(again(number)), Some(done)));
            let _late_shows_later = tokio::time::timeout(PATIENCE, over).await;
        }
        self.all(Order::Finish).await;
        evidence.truth = self.read().await;
        self.took("again");
        for (number, owner) in plan.devices.iter().enumerate() {
            let (show, shown) = oneshot::channel();
            let _fallen_shows_below = self.devices[number].try_send(Order::Show(show));
            match tokio::time::timeout(PATIENCE, shown).await {
                Ok(Ok(known)) => {
                    let who = format!("device {number} of person {}", owner.person);
                    evidence.views.push(View { who, person: owner.person, known, fresh: false });
                }
                _ => return Err(format!("device {number} has fallen")),
            }
        }
        let newcomers = futures_util::future::join_all((0..evidence.people.len()).map(|person| self.newcomer(person)));
        for (person, known) in newcomers.await.into_iter().enumerate() {
            match known {
                Ok(known) => {
                    evidence.views.push(View { who: format!("person {person} anew"), person, known, fresh: true });
                }
                Err(fault) => evidence.left.push(format!("person {person} anew: {fault}")),
            }
        }
        self.took("newcomers");
        evidence.left.extend(self.world.empties(PATIENCE).await);
        evidence.diary = self.stage.diary().clone();
        evidence.diary = self.stage.diary().clone();
        self.took("empty");
        Ok(evidence)
    }

    fn took(&mut self, what: &'static str) {
        self.times.push((what, self.since.elapsed()));
        self.since = Instant::now();
    }

    /// Takes everything down.
    async fn end(mut self, seen: Result<Evidence, String>) -> (Evidence, Vec<(&'static str, Duration)>) {
        let ended = seen.is_ok();
        let mut evidence = seen.unwrap_or_else(Evidence::ended);
        for (number, life) in self.lives.drain(..).enumerate() {
            if !ended {
                life.abort();
            } else if let Err(fallen) = life.await {
                evidence.left.push(format!("device {number} has fallen: {fallen}"));
            }
        }
        self.world.mend().await;
        if let Err(fault) = self.world.stop().await {
            evidence.left.push(fault);
        }
        self.took("stop");
        (evidence, self.times)
    }

    async fn read(&self) -> Truth {
        let database = self.world.database().await;
        let truth = Truth::read(&database).await;
        database.close().await.expect("a closed connection");
        truth
    }

    /// Tells all devices, and waits for all of them.
    async fn all(&self, order: impl Fn(oneshot::Sender<()>) -> Order) {
        let told: Vec<_> = self
            .devices
            .iter()
            .map(|device| {
                let (done, over) = oneshot::channel();
                let _fallen_shows_later = device.try_send(order(done));
                over
            })
            .collect();
        for over in told {
            let _late_shows_later = tokio::time::timeout(PATIENCE * 3, over).await;
        }
    }

    fn device(
        &mut self,
        plan: &Plan,
        device: usize,
        what: &What,
        wait: bool,
    ) -> Result<Option<oneshot::Receiver<()>>, String> {
        let owner = plan.devices.get(device).ok_or("a step of no device")?;
        let (done, over) = oneshot::channel();
        match what {
            What::Block(of) => self.block(owner.person, *of, true, done),
            What::Unblock(of) => self.block(owner.person, *of, false, done),
            what => {
                let sent = self.devices[device].try_send(Order::Do(what.clone(), wait.then_some(done)));
                sent.map_err(|_| format!("device {device} has fallen"))?;
            }
        }
        Ok(wait.then_some(over))
    }

    /// Asks the server itself, as the page of a person would.
    fn block(&mut self, by: usize, of: usize, on: bool, over: oneshot::Sender<()>) {
        let Some((runtime, services)) = self.world.services() else { return };
        let (stage, begun) = (Arc::clone(&self.stage), self.stage.tick());
        let index = {
            let mut diary = stage.diary();
            diary.blocks.push(Block { by, of, on, begun, ended: None });
            diary.blocks.len() - 1
        };
        let (user, other) = (stage.cast.ids[by], stage.cast.ids[of]);
        self.others.push(runtime.spawn(async move {
            let done = services.chat.set_block(user, other, on).await;
            let tick = stage.tick();
            if done.is_ok() {
                stage.diary().blocks[index].ended = Some(tick);
            }
            let _nobody_waits = over.send(());
        }));
    }

    async fn happen(&mut self, what: &What) -> Result<(), String> {
        match what {
            What::Stop => {
                self.world.stop().await?;
                self.world.start().await
            }
            What::Kill { down_ms } => {
                self.world.kill().await;
                tokio::time::sleep(Duration::from_millis(*down_ms)).await;
                self.world.start().await
            }
            What::DiskFull => {
                if world::alone() {
                    self.world.fill_disk().await;
                }
                Ok(())
            }
            What::Lock => {
                self.world.lock().await;
                Ok(())
            }
            What::DiskFree | What::Unlock => {
                self.world.mend().await;
                Ok(())
            }
            What::SendAway(whose) => {
                if let Some((runtime, services)) = self.world.services() {
                    let scope = match whose {
                        Whose::All => Scope::All,
                        Whose::Person(person) => Scope::User(self.stage.cast.ids[*person]),
                        Whose::Room => Scope::Chat(self.stage.cast.room),
                    };
                    self.others.push(runtime.spawn(async move {
                        let sockets = services.chat.sockets(scope);
                        services.chat.send_away(sockets, Duration::from_millis(1)).await;
                    }));
                }
                Ok(())
            }
            What::Pause(ms) => {
                tokio::time::sleep(Duration::from_millis(*ms)).await;
                Ok(())
            }
            what => Err(format!("{what:?} needs a device")),
        }
    }

    /// Somebody who knows nothing, and reads every chat from its beginning.
    async fn newcomer(&self, person: usize) -> Result<Mirror, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.looks(person).await {
                // A store that is slow to answer sends people away for a while: they come again.
                Err(fault) if fault.contains("4103") && Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                seen => return seen,
            }
        }
    }

    /// One look of somebody new at everything.
    async fn looks(&self, person: usize) -> Result<Mirror, String> {
        let at = self.world.address.borrow().ok_or("there is no server")?;
        let mut client =
            Client::knock("newcomer", at, &Door::default()).await.map_err(|refused| format!("{refused:?}"))?;
        let token = &self.stage.cast.tokens[person];
        let ok = asked(&mut client, "connect", None, json!({"v": 1, "token": token})).await?;
        self.stage.diary().epochs.push(ok["epoch"].as_str().unwrap_or_default().to_owned());
        let chats: Vec<(String, u64)> = client
            .mirror
            .chats
            .iter()
            .map(|(id, chat)| (id.clone(), chat.facts["base"].as_u64().unwrap_or(u64::MAX)))
            .collect();
        for (id, base) in chats {
            let channel = format!("chat:{id}");
            let (mut after, mut more) = (base, true);
            while more {
                let page = asked(&mut client, "history", Some(&channel), json!({"after": after, "limit": 100})).await?;
                more = page["more_after"] == true;
                for event in page["events"].as_array().into_iter().flatten() {
                    let seq = event["seq"].as_u64().unwrap_or(0);
                    if seq != after + 1 {
                        return Err(format!("history of {id} goes from {after} to {seq}"));
                    }
                    after = seq;
                    let known = client.mirror.chats.get_mut(&id).ok_or("a chat went away")?;
                    let read = plain(event);
                    if let Some(shown) = known.events.insert(seq, read.clone()).filter(|shown| *shown != read) {
                        return Err(format!("{id}: history says {read} where the snapshot said {shown}"));
                    }
                }
            }
        }
        let known = std::mem::take(&mut client.mirror);
        client.follows = false;
        client.leave().await;
        Ok(known)
    }
}

/// Asks until it is not put off.
async fn asked(
    client: &mut Client,
    op: &str,
    channel: Option<&str>,
    data: serde_json::Value,
) -> Result<serde_json::Value, String> {
    for _ in 0..100 {
        let id = client.begin(op, channel, data.clone()).await;
        let reply = client.try_reply(id).await.map_err(|gone: Gone| gone.to_string())?;
        match reply.get("ok") {
            Some(ok) => return Ok(ok.clone()),
            None if reply["err"]["retry"] == true => tokio::time::sleep(Duration::from_millis(10)).await,
            None => return Err(format!("{op} with {data}: {reply}")),
        }
    }
    Err(format!("{op} is put off for ever"))
}
