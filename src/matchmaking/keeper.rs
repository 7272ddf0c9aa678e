//! Keeps everybody's suggestions as they should be: anew for all on a run, and for whom it concerns when somebody changes.
//!
//! The board in memory is what a run leaves and changes are put into. It decides nothing: pairs are offered and withdrawn
//! in the store, by the difference, and decisions stay what they are. A run that is killed leaves some of its offers
//! written; the next one makes the rest of the difference.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Parts, nice};
use crate::error::{Error, Result};
use crate::ids::{RunId, SuggestionId, UserId, new_id};
use crate::matching::board::{Board, Entry, Suggested};
use crate::matching::matcher::Rules;
use crate::matching::population::Hurdle;
use crate::protocol::codes::Code;
use crate::protocol::frame;
use crate::protocol::matching::SuggestionsChanged;
use crate::protocol::server::Signal;
use crate::realtime::{Frame, StreamId};
use crate::store::{Offer, Offered, Standing};

/// Rows that are read at once.
const PAGE: u64 = 2_000;
/// Pairs that are written in one transaction: a few milliseconds.
const CHUNK: usize = 200;
/// Threads that score: never all that serve people.
const THREADS_MAX: usize = 2;
/// How long after a failure the same is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// People whose every pair is looked at for what removes it: for all it would cost as much as the run.
const SAMPLES: usize = 200;

/// Two people, the lower id first.
type Pair = (UserId, UserId);

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// Its id.
    pub run: RunId,
    /// People who could be suggested.
    pub people: usize,
    /// Pairs of one cohort: all of them are considered.
    pub considered: u64,
    /// Pairs that are suggested now.
    pub suggested: usize,
    /// Of these, pairs that were not before.
    pub created: usize,
    /// Pairs that are suggested no more.
    pub withdrawn: usize,
    /// People who were told that their list changed.
    pub told: usize,
    /// What keeps pairs apart: how many of those of up to `SAMPLES` people each reason removes; `score` is below the least
    /// that is suggested. `looked_at` is how many people that were.
    pub removed: BTreeMap<String, usize>,
    /// People who were put aside in this run, because what is stored of them is broken.
    pub quarantined: usize,
    /// Suggested pairs by fit: below 10 percent, below 20, and so on.
    pub histogram: [u32; 10],
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How good the suggestions are.
    pub quality: serde_json::Value,
}

#[derive(Default)]
struct State {
    board: Option<Board>,
    /// What the store offers.
    offered: HashMap<Pair, Offered>,
    /// The last run.
    run: Option<RunId>,
}

/// The keeper; cheap to clone. Its state is written by runs and by changes, one at a time.
#[derive(Clone)]
pub struct Keeper {
    parts: Parts,
    state: Arc<Mutex<State>>,
    running: Arc<AtomicBool>,
}

/// What is loaded of everybody.
struct Everybody {
    entries: Vec<Entry>,
    offered: HashMap<Pair, Offered>,
    quarantined: usize,
}

/// What a difference came to.
#[derive(Default)]
struct Written {
    created: usize,
    withdrawn: usize,
    people: HashSet<UserId>,
}

impl Keeper {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, state: Arc::default(), running: Arc::default() }
    }

    /// Puts changes into the suggestions as they happen, until the stop.
    ///
    /// # Cancel safety
    /// Whatever is lost is made up for by the next run, or the next change.
    pub async fn follow(self, stop: CancellationToken) {
        let _stopped = stop
            .run_until_cancelled(async {
                loop {
                    self.parts.touched.wait().await;
                    // Who saves one section saves another soon.
                    tokio::time::sleep(self.parts.limits.match_lag).await;
                    if let Err(error) = self.refresh().await {
                        tracing::warn!(error = %error, "suggestions could not be brought up to date");
                        tokio::time::sleep(RETRY).await;
                        // The board may lack what failed: it is made anew.
                        self.state.lock().await.board = None;
                        self.parts.touched.mark(UserId(Uuid::nil()));
                    }
                }
            })
            .await;
    }

    /// Runs over everybody.
    pub(super) async fn run(&self) -> Result<RunReport> {
        struct Running<'a>(&'a AtomicBool);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Release);
            }
        }
        let under_way = || Error::new(Code::Conflict, "A run is under way. Wait until it is done.");
        if self.running.swap(true, Ordering::AcqRel) {
            return Err(under_way());
        }
        let _running = Running(&self.running);
        let mut state = self.state.lock().await;
        let (run, store) = (RunId(new_id()), &self.parts.store);
        if !store.begin_run(run, state.run.is_none(), self.parts.clock.now()).await? {
            return Err(under_way());
        }
        tracing::info!(target: "matching.orchestrator", run = %run, "a run began");
        let done = self.run_over_all(run, &mut state).await;
        let (status, diagnostic) = match &done {
            Ok(report) => ("done", json!(report)),
            Err(error) => ("failed", json!({ "error": error.detail })),
        };
        tracing::info!(target: "matching.orchestrator", run = %run, status, "a run ended");
        store.end_run(run, (status, diagnostic), self.parts.clock.now()).await?;
        if done.is_err() {
            state.board = None;
        }
        done
    }

    async fn run_over_all(&self, run: RunId, state: &mut State) -> Result<RunReport> {
        let begun = Instant::now();
        // What changes from here on is looked at again.
        drop(self.parts.touched.take());
        let Everybody { entries, offered, quarantined } = self.everybody().await?;
        let (people, considered) = (entries.len(), considered(&entries));
        let rules = self.rules();
        let (board, removed, (suggested, report)) = nice::work(move || {
            let board = Board::new(&entries, rules);
            let (removed, done) = (removed(&board, &entries), board.run(true));
            (board, removed, done)
        })
        .await?;
        state.run = Some(run);
        state.offered = offered;
        state.board = Some(board);
        let mut histogram = [0; 10];
        for one in &suggested {
            let tenth = usize::from(crate::matching::v3::percent(one.score) / 10).min(9);
            histogram.iter_mut().skip(tenth).take(1).for_each(|many| *many += 1);
        }
        let many = suggested.len();
        let written = self.write(state, suggested).await?;
        self.tell(&written.people);
        Ok(RunReport {
            run,
            people,
            considered,
            suggested: many,
            told: written.people.len(),
            created: written.created,
            withdrawn: written.withdrawn,
            removed,
            quarantined,
            histogram,
            duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            quality: json!(report),
        })
    }

    /// Puts what changed into the suggestions.
    async fn refresh(&self) -> Result<()> {
        let mut state = self.state.lock().await;
        let touched = self.parts.touched.take();
        let Some(mut board) = state.board.take() else {
            let everybody = self.everybody().await?;
            let rules = self.rules();
            let (board, (suggested, _)) = nice::work(move || {
                let board = Board::new(&everybody.entries, rules);
                let done = board.run(false);
                (board, done)
            })
            .await?;
            (state.board, state.offered) = (Some(board), everybody.offered);
            let written = self.write(&mut state, suggested).await?;
            self.tell(&written.people);
            return Ok(());
        };
        let mut changes = Vec::new();
        for user in touched {
            let now = self.parts.clock.now();
            let pairs = self.parts.store.pairs_with(user).await?;
            let entry = match self.parts.store.standing_of(user, now).await? {
                Some(Standing { vector: Some(vector), .. }) => {
                    let mut entry = Entry { id: user.to_string(), vector, apart: Vec::new(), open: 0 };
                    for pair in &pairs {
                        note(&mut entry, user, pair, now);
                    }
                    let blocks = self.parts.store.blocks_around(user).await?;
                    entry.apart.extend(blocks.into_iter().map(|other| other.to_string()));
                    Some(entry.tidy())
                }
                Some(Standing { vector: None, .. }) => {
                    self.put_aside(user, now).await?;
                    None
                }
                None => None,
            };
            for pair in pairs {
                if pair.facts.offered {
                    state.offered.insert(pair.pair, pair);
                } else {
                    state.offered.remove(&pair.pair);
                }
            }
            changes.push((user, entry));
        }
        let (board, suggested) = nice::work(move || {
            let mut changed = false;
            for (user, entry) in changes {
                changed |= match entry {
                    Some(entry) => board.put(&entry),
                    None => board.leave(&user.to_string()),
                };
            }
            let suggested = changed.then(|| board.run(false).0);
            (board, suggested)
        })
        .await?;
        state.board = Some(board);
        if let Some(suggested) = suggested {
            let written = self.write(&mut state, suggested).await?;
            self.tell(&written.people);
        }
        Ok(())
    }

    /// Waits until what has changed so far is in the suggestions.
    pub(super) async fn settled(&self) {
        while !self.parts.touched.is_empty() {
            tokio::time::sleep(self.parts.limits.match_lag).await;
        }
        // Whoever took it has the state until it is written.
        drop(self.state.lock().await);
    }

    async fn put_aside(&self, user: UserId, now: DateTime<Utc>) -> Result<()> {
        let problem = "The stored vector cannot be read: `domu backfill vectors` makes it anew.".to_owned();
        tracing::warn!(target: "matching.orchestrator", user = %user, "a person's vector cannot be read");
        Ok(self.parts.store.quarantine(user, problem, now).await?)
    }

    /// Reads everybody who may be suggested, whom not to whom, and what is offered.
    async fn everybody(&self) -> Result<Everybody> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let (mut entries, mut quarantined) = (Vec::new(), 0);
        let mut places: HashMap<UserId, usize> = HashMap::new();
        let mut after = UserId(Uuid::nil());
        loop {
            let page = store.eligible(after, now, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.user;
            for Standing { user, vector, .. } in page {
                let Some(vector) = vector else {
                    self.put_aside(user, now).await?;
                    quarantined += 1;
                    continue;
                };
                places.insert(user, entries.len());
                entries.push(Entry { id: user.to_string(), vector, apart: Vec::new(), open: 0 });
            }
        }
        let mut offered = HashMap::new();
        let mut after = SuggestionId(Uuid::nil());
        loop {
            let (page, last) = store.pairs(after, PAGE).await?;
            let Some(last) = last else { break };
            after = last;
            for pair in page {
                for user in [pair.pair.0, pair.pair.1] {
                    if let Some(entry) = places.get(&user).and_then(|at| entries.get_mut(*at)) {
                        note(entry, user, &pair, now);
                    }
                }
                if pair.facts.offered {
                    offered.insert(pair.pair, pair);
                }
            }
        }
        let mut after = (UserId(Uuid::nil()), UserId(Uuid::nil()));
        loop {
            let page = store.blocks_after(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = *last;
            for (user, other) in page {
                for (user, other) in [(user, other), (other, user)] {
                    if let Some(entry) = places.get(&user).and_then(|at| entries.get_mut(*at)) {
                        entry.apart.push(other.to_string());
                    }
                }
            }
        }
        let entries = entries.into_iter().map(Entry::tidy).collect();
        Ok(Everybody { entries, offered, quarantined })
    }

    /// Offers and withdraws what is different from what the store offers.
    async fn write(&self, state: &mut State, suggested: Vec<Suggested>) -> Result<Written> {
        let now = self.parts.clock.now();
        let expires_at = now + TimeDelta::from_std(self.parts.limits.match_ttl).unwrap_or(TimeDelta::MAX);
        let run = *state.run.get_or_insert_with(|| RunId(new_id()));
        let rank = |rank: usize| u32::try_from(rank).unwrap_or(u32::MAX);
        let mut wanted: HashMap<Pair, Offer> = HashMap::new();
        for Suggested { low, high, score, low_rank, high_rank, extra } in suggested {
            let (Ok(low), Ok(high)) = (low.parse(), high.parse()) else { continue };
            let offer = Offer { score, low_rank: rank(low_rank), high_rank: rank(high_rank), extra };
            wanted.insert((low, high), offer);
        }
        let mut written = Written::default();
        // What somebody passed is not seen anyway, and is there again at once when they take that back.
        let gone =
            |(pair, held): (&Pair, &Offered)| (!wanted.contains_key(pair) && !held.facts.apart(now)).then_some(*pair);
        let mut withdrawn: Vec<Pair> = state.offered.iter().filter_map(gone).collect();
        withdrawn.sort_unstable();
        for chunk in withdrawn.chunks(CHUNK) {
            self.parts.store.withdraw(chunk, now).await?;
            for pair in chunk {
                state.offered.remove(pair);
                written.people.extend([pair.0, pair.1]);
            }
            self.breathe(run).await?;
        }
        written.withdrawn = withdrawn.len();
        let fresh = |pair: &Pair, offer: &Offer| {
            state.offered.get(pair).is_none_or(|held| held.offer != *offer || held.facts.expires_at <= now)
        };
        let mut offers: Vec<(Pair, Offer)> = wanted.into_iter().filter(|(pair, offer)| fresh(pair, offer)).collect();
        offers.sort_unstable_by_key(|(pair, _)| *pair);
        for chunk in offers.chunks(CHUNK) {
            self.parts.store.offer(run, chunk, (now, expires_at)).await?;
            for (pair, offer) in chunk {
                let held = state.offered.entry(*pair).or_insert_with(|| {
                    written.created += 1;
                    Offered::new(*pair, *offer, expires_at)
                });
                held.offer = *offer;
                if held.facts.expires_at <= now {
                    held.facts.expires_at = expires_at;
                }
                written.people.extend([pair.0, pair.1]);
            }
            self.breathe(run).await?;
        }
        Ok(written)
    }

    /// Lets others write, and says that the run goes on.
    async fn breathe(&self, run: RunId) -> Result<()> {
        tokio::task::yield_now().await;
        Ok(self.parts.store.run_lives(run, self.parts.clock.now()).await?)
    }

    /// Tells sockets that a list changed.
    pub(super) fn tell<'a>(&self, people: impl IntoIterator<Item = &'a UserId>) {
        let changed =
            Frame::state("suggestions", frame::text(&Signal { op: "suggestions", ch: None, d: SuggestionsChanged {} }));
        for user in people {
            self.parts.hub.signal(StreamId::User(*user), None, |_| Some(&changed));
        }
    }

    /// What keeps most people from somebody, as far as it is known right now.
    pub(super) fn hurdle(&self, user: UserId) -> Option<Hurdle> {
        let state = self.state.try_lock().ok()?;
        state.board.as_ref()?.hurdle(&user.to_string())
    }

    /// What keeps others from somebody: how many each reason removes. None: nothing is known yet, or a run is under way.
    pub(super) fn hurdles(&self, user: UserId) -> Option<BTreeMap<Hurdle, usize>> {
        let state = self.state.try_lock().ok()?;
        Some(state.board.as_ref()?.hurdles(&user.to_string()))
    }

    fn rules(&self) -> Rules {
        let limits = &self.parts.limits;
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Rules {
            suggestions_max: limits.match_suggestions_max,
            open_max: limits.match_open_max,
            score_min: f64::from(limits.match_fit_min) / 100.0,
            threads: NonZeroUsize::new(cores.min(THREADS_MAX)).unwrap_or(NonZeroUsize::MIN),
            ..Rules::default()
        }
    }
}

/// Notes in somebody's entry what a pair of theirs means to it.
fn note(entry: &mut Entry, user: UserId, pair: &Offered, now: DateTime<Utc>) {
    let other = if pair.pair.0 == user { pair.pair.1 } else { pair.pair.0 };
    if pair.facts.apart(now) {
        entry.apart.push(other.to_string());
    }
    if pair.facts.held(now) {
        entry.open = entry.open.saturating_add(1);
    }
}

/// Everything that is removed around people spread over all of them, by reason.
fn removed(board: &Board, entries: &[Entry]) -> BTreeMap<String, usize> {
    let mut removed = BTreeMap::new();
    let step = entries.len().div_ceil(SAMPLES).max(1);
    for entry in entries.iter().step_by(step) {
        *removed.entry("looked_at".to_owned()).or_default() += 1;
        for (hurdle, many) in board.hurdles(&entry.id) {
            *removed.entry(hurdle.name().to_owned()).or_default() += many;
        }
    }
    removed
}

/// Pairs of one cohort.
fn considered(entries: &[Entry]) -> u64 {
    let mut cohorts: HashMap<_, u64> = HashMap::new();
    for entry in entries {
        *cohorts.entry(entry.vector.cohort).or_default() += 1;
    }
    let cohorts: BTreeSet<_> = cohorts.into_iter().collect();
    cohorts.into_iter().map(|(_, people)| people * people.saturating_sub(1) / 2).sum()
}
