//! The committer: the one place that orders events.
//!
//! Drafts of messages from all sockets share one transaction a batch (group commit); while one batch is being synced,
//! the next gathers in the queue. What was committed goes to the fan-out task in commit order, and only there are senders
//! answered: acknowledged means committed and synced.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fanout::{Batch, FanOut};
use crate::clock::Clock;
use crate::config::Limits;
use crate::error::Error;
use crate::protocol::codes::Code;
use crate::protocol::server::{Marked as MarkedReply, Sent};
use crate::realtime::{Conn, StreamId};
use crate::store::{Appended, Emitted, Lane, NewMarker, NewMessage, Store, StoreError, Tx};
use crate::telemetry::names;

/// Who waits for an answer.
#[derive(Debug)]
pub enum Answer<T> {
    /// A request of a socket.
    Socket {
        /// The socket.
        conn: Arc<Conn>,
        /// The request's id.
        request: u64,
    },
    /// A caller in this process.
    Caller(oneshot::Sender<Result<T, Error>>),
}

/// A message on its way.
#[derive(Debug)]
pub(super) struct Draft {
    pub message: NewMessage,
    pub answer: Answer<Sent>,
}

/// A marker on its way.
#[derive(Debug)]
pub(super) struct MarkerDraft {
    pub marker: NewMarker,
    pub answer: Answer<MarkedReply>,
}

type Job = Box<dyn FnOnce(Store) -> BoxFuture<'static, Ran> + Send>;

/// What a transaction emitted: for certain, or perhaps.
enum Ran {
    Emitted(Vec<Emitted>, Tell),
    Doubtful(Vec<Emitted>),
}

/// Answers whoever ran a transaction, once what it emitted is delivered.
pub(super) type Tell = Box<dyn FnOnce() + Send>;

enum Work {
    Message(Draft),
    Marker(MarkerDraft),
    Run(Job),
    Settle(oneshot::Sender<()>),
}

/// The way to the committer.
#[derive(Clone)]
pub struct Committer {
    queue: mpsc::Sender<Work>,
}

/// After a commit whose end is unknown, how often the store is asked what became of it.
const SUSPECT_INTERVAL: Duration = Duration::from_millis(500);

impl Committer {
    /// A committer and the task that does its work, which ends when stopped and empty.
    pub fn new(
        store: Store,
        fanout: mpsc::Sender<FanOut>,
        limits: Arc<Limits>,
        clock: Clock,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, work) = mpsc::channel(limits.commit_queue_max);
        let task = Task { store, fanout, limits, clock, work, suspects: HashSet::new(), check_at: Instant::now() };
        (Self { queue }, task.run(stop))
    }

    /// Hands over a message. The answer comes after the commit, at the event's own place in the chat's order.
    ///
    /// # Errors
    /// `overloaded`: the queue is full and nothing will be stored.
    pub(super) fn submit(&self, draft: Draft) -> Result<(), Error> {
        self.queue.try_send(Work::Message(draft)).map_err(|_full| overloaded())
    }

    /// Hands over a marker.
    ///
    /// # Errors
    /// `overloaded`: the queue is full and nothing will be stored.
    pub(super) fn mark(&self, draft: MarkerDraft) -> Result<(), Error> {
        self.queue.try_send(Work::Marker(draft)).map_err(|_full| overloaded())
    }

    /// Runs a transaction in the order of events; what it emits is delivered in that order, and before this returns: a
    /// socket that is closed because of it has been told why.
    ///
    /// # Errors
    /// What the transaction says; nothing is stored then.
    pub async fn run<T, W>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            Box::pin(async move {
                match store.write_or_doubt(Lane::Chat, work).await {
                    Ok(committed) => {
                        let value = committed.value;
                        Ran::Emitted(
                            committed.emitted,
                            Box::new(move || {
                                // Nobody waits any more: it is committed all the same.
                                let _gone = tell.send(Ok(value)).is_err();
                            }),
                        )
                    }
                    Err(failed) => {
                        let _gone = tell.send(Err(Error::from(failed.error))).is_err();
                        Ran::Doubtful(failed.doubtful)
                    }
                }
            })
        });
        self.queue.send(Work::Run(job)).await.map_err(|_closed| stopping())?;
        told.await.map_err(|_dropped| stopping())?
    }

    /// Waits until everything that was handed over before is committed and answered.
    pub(super) async fn settle(&self) {
        let (tell, told) = oneshot::channel();
        if self.queue.send(Work::Settle(tell)).await.is_ok() {
            let _settled_or_gone = told.await.is_ok();
        }
    }

    /// Whether the committer still takes work.
    pub fn alive(&self) -> bool {
        !self.queue.is_closed()
    }
}

fn overloaded() -> Error {
    Error::new(Code::Overloaded, "Too many messages are on their way at once. Try again in a moment.")
        .after(Duration::from_millis(500))
}

pub(super) fn stopping() -> Error {
    Error::new(Code::Unavailable, "This server is stopping. Connect again.").after(Duration::from_secs(1))
}

fn stream_of(emitted: &Emitted) -> StreamId {
    match emitted {
        Emitted::User { user, .. } => StreamId::User(*user),
        Emitted::Chat { chat, .. } => StreamId::Chat(*chat),
    }
}

struct Task {
    store: Store,
    fanout: mpsc::Sender<FanOut>,
    limits: Arc<Limits>,
    clock: Clock,
    work: mpsc::Receiver<Work>,
    /// Streams of transactions whose commit failed in a way that leaves open whether it happened.
    suspects: HashSet<StreamId>,
    /// When the store is asked next what became of them.
    check_at: Instant,
}

impl Task {
    async fn run(mut self, stop: CancellationToken) {
        let mut carried: Option<Work> = None;
        loop {
            let first = match carried.take() {
                Some(work) => work,
                None => tokio::select! {
                    biased;
                    // First, so that a busy queue cannot put it off for ever.
                    () = tokio::time::sleep_until(self.check_at), if !self.suspects.is_empty() => {
                        self.check_suspects().await;
                        continue;
                    }
                    work = self.work.recv() => match work {
                        Some(work) => work,
                        None => return,
                    },
                    // Sockets are gone by now, so what is queued is all there will be.
                    () = stop.cancelled() => {
                        self.work.close();
                        match self.work.recv().await {
                            Some(work) => work,
                            None => return,
                        }
                    }
                },
            };
            match first {
                Work::Run(job) => match job(self.store.clone()).await {
                    Ran::Emitted(emitted, tell) => self.hand_over(FanOut::Emitted(emitted, tell)).await,
                    Ran::Doubtful(doubtful) => self.suspect(doubtful.iter().map(stream_of)),
                },
                Work::Settle(tell) => self.hand_over(FanOut::Settle(tell)).await,
                first => carried = self.commit_from(first).await,
            }
        }
    }

    /// Gathers what waits behind `first` into one batch and commits it. Returns what ended the gathering.
    async fn commit_from(&mut self, first: Work) -> Option<Work> {
        let mut batch = Batch::default();
        let mut next = Some(first);
        let mut carried = None;
        while let Some(work) = next.take() {
            match work {
                Work::Message(draft) => batch.messages.push(draft),
                Work::Marker(draft) => batch.markers.push(draft),
                other => {
                    carried = Some(other);
                    break;
                }
            }
            if batch.messages.len() + batch.markers.len() < self.limits.commit_batch_max {
                next = self.work.try_recv().ok();
            }
        }
        self.commit(batch).await;
        carried
    }

    async fn commit(&mut self, batch: Batch) {
        let started = Instant::now();
        let size = batch.messages.len();
        match self.try_commit(&batch).await {
            Ok(outcome) => {
                names::commit(size, started.elapsed());
                self.hand_over(FanOut::Committed { batch, outcome }).await;
            }
            // One bad row must not take its neighbours down: each is tried alone.
            Err(StoreError::Fault(_) | StoreError::Conflict { .. }) if batch.len() > 1 => {
                for single in batch.split() {
                    match self.try_commit(&single).await {
                        Ok(outcome) => self.hand_over(FanOut::Committed { batch: single, outcome }).await,
                        Err(error) => self.fail(single, error).await,
                    }
                }
            }
            Err(error) => self.fail(batch, error).await,
        }
    }

    async fn try_commit(&self, batch: &Batch) -> Result<super::fanout::Outcomes, StoreError> {
        let now = self.clock.now();
        let messages: Vec<NewMessage> = batch.messages.iter().map(|draft| draft.message.clone()).collect();
        let markers: Vec<NewMarker> = batch.markers.iter().map(|draft| draft.marker).collect();
        let committed = self
            .store
            .write(Lane::Chat, move |tx| {
                Box::pin(async move {
                    let appended = if messages.is_empty() {
                        Appended::default()
                    } else {
                        tx.append_messages(&messages, now).await?
                    };
                    let markers = tx.move_markers(&markers, &appended.last, now).await?;
                    let Appended { outcomes: messages, withheld, answered, .. } = appended;
                    Ok(super::fanout::Outcomes { messages, withheld, answered, markers })
                })
            })
            .await?;
        Ok(committed.value)
    }

    async fn fail(&mut self, batch: Batch, error: StoreError) {
        tracing::error!(error = %error, messages = batch.messages.len(), "a batch was not committed");
        self.suspect(batch.messages.iter().map(|draft| StreamId::Chat(draft.message.chat)));
        self.hand_over(FanOut::Failed { batch, error }).await;
    }

    fn suspect(&mut self, streams: impl Iterator<Item = StreamId>) {
        self.suspects.extend(streams);
        self.check_at = Instant::now() + SUSPECT_INTERVAL;
    }

    /// Asks the store what became of commits whose end is unknown; who may have missed something is made to resume.
    async fn check_suspects(&mut self) {
        self.check_at = Instant::now() + SUSPECT_INTERVAL;
        let (mut chats, mut users) = (Vec::new(), Vec::new());
        for stream in &self.suspects {
            match stream {
                StreamId::Chat(chat) => chats.push(*chat),
                StreamId::User(user) => users.push(*user),
            }
        }
        match self.store.settled_heads(chats, users).await {
            Ok((chats, users)) => {
                self.suspects.clear();
                let chats = chats.into_iter().map(|(chat, head)| (StreamId::Chat(chat), head));
                let users = users.into_iter().map(|(user, head)| (StreamId::User(user), head));
                self.hand_over(FanOut::Suspects(chats.chain(users).collect())).await;
            }
            Err(error) => tracing::warn!(error = %error, "the store is still away"),
        }
    }

    async fn hand_over(&self, what: FanOut) {
        if self.fanout.send(what).await.is_err() {
            tracing::error!("the fan-out task is gone");
        }
    }
}
