//! How often something may happen: one GCRA state for each key, in one bounded map for each kind.
//!
//! Keys print as `rate_limit:{type}:{userId or address}`, the form operators know. The arithmetic is governor's;
//! what governor's own stores cannot do (show one key, clear one key, refuse to grow) is `Cells`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use governor::clock::Clock as GovernorClock;
use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use sha2::{Digest, Sha256};

use crate::clock::{Clock, Since};
use crate::config::Limits;
use crate::error::{Error, Quota as Standing};
use crate::protocol::codes::Code;
use crate::telemetry::names;

/// What every printed key starts with.
const PREFIX: &str = "rate_limit";

/// Longest subject kept as it is, in bytes; a longer one is replaced by its SHA-256, so that no caller's text
/// decides how much a key weighs. 254 is the longest mail address.
const SUBJECT_BYTES_MAX: usize = 254;

/// At most one sweep in this time while the map is full: a flood of new keys must not become a flood of sweeps.
const FORCED_SWEEP_EVERY: Duration = Duration::from_secs(1);

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, |$limits:ident| $quota:expr;)*) => {
        /// What is counted. Each kind has its own quota, from [`Limits`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RateKind { $($(#[$doc])* $variant,)* }

        impl RateKind {
            /// Every kind, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The `{type}` of a key.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }

            /// How many at once, and in which time they come back.
            fn quota(self, limits: &Limits) -> (u32, Duration) {
                match self { $(Self::$variant => { let $limits = limits; $quota })* }
            }
        }
    };
}

const MINUTE: Duration = Duration::from_mins(1);
const QUARTER: Duration = Duration::from_mins(15);
const HOUR: Duration = Duration::from_hours(1);

/// Networks whose failed sign-ins to one account together keep everybody out of it: with 5 a network, 100 a window.
const SIGN_IN_ANYWHERE: u32 = 20;
/// The same for tries of a code; each code is void after `confirm_attempts_max` anyway.
const CONFIRM_ANYWHERE: u32 = 5;
/// The same for mails: with 5 a network, 20 an hour are what one person can be sent against their will.
const RESEND_ANYWHERE: u32 = 4;
/// Tries and requests for mail that a network has for each sign-up it may send: a typing error, a lost mail.
const CONFIRMS_PER_SIGN_UP: u32 = 4;

kinds! {
    /// Messages of one person, over all their sockets. Key: user id.
    Message = "message", |limits| (limits.messages_per_minute, MINUTE);
    /// Messages edited and deleted by one person, over all their sockets. Key: user id.
    Edit = "edit", |limits| (limits.edits_per_minute, MINUTE);
    /// Reactions to messages. Key: user id.
    Reaction = "reaction", |limits| (limits.reactions_per_minute, MINUTE);
    /// Changes of what is on screen. Key: user id.
    Focus = "focus", |limits| (limits.focus_per_minute, MINUTE);
    /// Words about typing and looking. Key: user id.
    Signal = "signal", |limits| (limits.signals_per_minute, MINUTE);
    /// Looks at chats on a socket that is there. Key: user id.
    Sync = "sync", |limits| (limits.syncs_per_minute, MINUTE);
    /// Changes of the session of a socket. Key: user id.
    Refresh = "refresh", |limits| (limits.refreshes_per_minute, MINUTE);
    /// Changes to groups. Key: user id.
    Group = "group", |limits| (limits.group_changes_per_hour, HOUR);
    /// Mutes of chats. Key: user id.
    Mute = "mute", |limits| (limits.mutes_per_minute, MINUTE);
    /// Reports. Key: user id.
    Report = "report", |limits| (limits.reports_per_hour, HOUR);
    /// Words about what of the news was seen. Key: user id.
    Notice = "notice", |limits| (limits.notices_per_minute, MINUTE);
    /// Saves of the questionnaire. Key: user id.
    Onboarding = "onboarding", |limits| (limits.onboarding_saves_per_minute, MINUTE);
    /// Answers to suggestions. Key: user id.
    MatchReply = "match_reply", |limits| (limits.match_replies_per_hour, HOUR);
    /// Refreshes of suggestions. Key: user id.
    MatchRefresh = "match_refresh", |limits| (limits.match_refreshes_per_hour, HOUR);
    /// Lists and searches of chats over HTTP. Key: user id.
    ChatList = "chat_list", |limits| (limits.chat_lists_per_minute, MINUTE);
    /// Searches for messages. Key: user id.
    Search = "search", |limits| (limits.searches_per_minute, MINUTE);
    /// Codes of a second factor. Key: user id of the admin.
    AdminCode = "admin_code", |limits| (limits.admin_codes_per_window, QUARTER);
    /// Wrong admin secrets. Key: user id of the admin.
    AdminSecret = "admin_secret", |limits| (limits.admin_secrets_per_hour, HOUR);
    /// Failed sign-ins to one account from one network. Key: hash of the e-mail and the network, known account or not.
    SignInAccount = "sign_in_account", |limits| (limits.sign_in_per_account, limits.sign_in_window);
    /// Failed sign-ins to one account from anywhere: so many more that a few guesses do not keep its owner out. Key: hash
    /// of the e-mail, known account or not.
    SignInAnywhere = "sign_in_anywhere", |limits|
        (limits.sign_in_per_account.saturating_mul(SIGN_IN_ANYWHERE), limits.sign_in_window);
    /// Wrong passwords from a browser that has signed in to the account before, or in a live session: apart from those
    /// above, so that nobody else's guesses keep its holder out. Key: user id and what the browser proves, or session id.
    SignInKnown = "sign_in_known", |limits| (limits.sign_in_per_account, limits.sign_in_window);
    /// Failed sign-ins from one network. Key: the network, an IPv4 address or an IPv6 /64.
    SignInAddress = "sign_in_address", |limits| (limits.sign_in_per_address, limits.sign_in_window);
    /// Sign-ups from one network. Key: the network.
    SignUpAddress = "sign_up_address", |limits| (limits.sign_up_per_address_per_hour, HOUR);
    /// Tries of a confirmation code from one network, or of a link. Key: hash of the e-mail and the network, known or not;
    /// hash of the link.
    Confirm = "confirm", |limits| (limits.confirm_per_account_per_hour, HOUR);
    /// Tries of a confirmation code from anywhere. Key: hash of the e-mail, known or not.
    ConfirmAnywhere = "confirm_anywhere", |limits|
        (limits.confirm_per_account_per_hour.saturating_mul(CONFIRM_ANYWHERE), HOUR);
    /// Tries of a code for a new password from one network, or of a link: apart from those above, or what is left would
    /// tell who signed up a short while ago. Key: hash of the e-mail and the network, known or not; hash of the link.
    Reset = "reset", |limits| (limits.confirm_per_account_per_hour, HOUR);
    /// Tries of a code for a new password from anywhere. Key: hash of the e-mail, known or not.
    ResetAnywhere = "reset_anywhere", |limits|
        (limits.confirm_per_account_per_hour.saturating_mul(CONFIRM_ANYWHERE), HOUR);
    /// Confirmations and requests for mail from one network. Key: the network.
    ConfirmAddress = "confirm_address", |limits|
        (limits.sign_up_per_address_per_hour.saturating_mul(CONFIRMS_PER_SIGN_UP), HOUR);
    /// Mails to one person that one network asks for, by a sign-up or again. Key: hash of the e-mail and the network,
    /// known or not.
    Resend = "resend", |limits| (limits.resend_per_account_per_hour, HOUR);
    /// Mails to one person that anybody asks for. Key: hash of the e-mail, known or not.
    ResendAnywhere = "resend_anywhere", |limits|
        (limits.resend_per_account_per_hour.saturating_mul(RESEND_ANYWHERE), HOUR);
    /// CSRF tokens handed out. Key: the network.
    CsrfToken = "csrf_token", |limits| (limits.csrf_tokens_per_address_per_minute, MINUTE);
    /// Changes of one signed-in person over HTTP. Key: user id.
    UserChange = "user_change", |limits| (limits.user_changes_per_minute, MINUTE);
    /// Pictures of one person. Key: user id.
    Picture = "picture", |limits| (limits.picture_uploads_per_hour, HOUR);
    /// Socket upgrades from one network. Key: the network.
    SocketAddress = "socket_address", |limits| (limits.sockets_per_address_per_minute, MINUTE);
}

impl FromStr for RateKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text).ok_or(())
    }
}

/// One counted thing: a kind and whom it is counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RateKey {
    /// What is counted.
    pub kind: RateKind,
    /// A user id, an address, or a hash of what must not be shown.
    pub subject: Arc<str>,
}

impl RateKey {
    /// The key of a subject; a subject of more than 254 bytes is replaced by its SHA-256.
    pub fn new(kind: RateKind, subject: &str) -> Self {
        if subject.len() <= SUBJECT_BYTES_MAX {
            return Self { kind, subject: subject.into() };
        }
        Self { kind, subject: format!("sha256-{}", hex::encode(Sha256::digest(subject))).into() }
    }
}

impl fmt::Display for RateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}:{}:{}", self.kind.name(), self.subject)
    }
}

impl FromStr for RateKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.splitn(3, ':');
        if let (Some(PREFIX), Some(kind), Some(subject)) = (parts.next(), parts.next(), parts.next())
            && let Ok(kind) = kind.parse()
            && !subject.is_empty()
        {
            return Ok(Self::new(kind, subject));
        }
        let kinds = RateKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        Err(Error::bad_request(format!(
            "Write a key as {PREFIX}:{{type}}:{{userId or address}}; the types are {kinds}."
        )))
    }
}

/// What is left after a check that passed; enough for rate-limit headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// How many fit at once when nothing was used.
    pub limit: u32,
    /// How many more pass right now.
    pub remaining: u32,
    /// When all of `limit` is available again, if nothing more is asked.
    pub reset: Duration,
}

/// A check that did not pass. Turns into `rate_limited` or `overloaded` with `?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What was counted.
    pub kind: RateKind,
    /// After this time the same check passes, if nothing else uses the key up.
    pub after: Duration,
    /// How many fit at once.
    pub limit: u32,
    /// The map of keys is full and this key is new: refused without counting (fails closed).
    pub overload: bool,
}

impl From<Wait> for Error {
    fn from(wait: Wait) -> Self {
        let standing = Standing { bucket: wait.kind.name(), limit: wait.limit, remaining: 0, reset: wait.after };
        if wait.overload {
            return Self::new(Code::Overloaded, "Too much is going on right now. Try again in a moment.")
                .after(wait.after);
        }
        Self::new(Code::RateLimited, "That was too often. Wait a moment before you try again.")
            .after(wait.after)
            .over(standing)
    }
}

/// What one key looks like, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyState {
    /// The key.
    pub key: RateKey,
    /// What is left of its quota.
    pub left: Remaining,
    /// How long until one more passes; zero when one passes now.
    pub wait: Duration,
}

/// The states of all keys: nanoseconds of the theoretical arrival time, 0 while a key is being made.
///
/// Written by checks, by `clear` and by sweeps; the map's shard locks are held for one entry only, never over an await.
#[derive(Debug)]
struct Cells {
    map: DashMap<RateKey, AtomicU64>,
    /// Kept beside the map because `DashMap::len` takes every shard's lock.
    count: AtomicUsize,
    max: usize,
}

impl Cells {
    /// Makes sure the key has a cell. False: it is new and there is no room.
    fn reserve(&self, key: &RateKey) -> bool {
        if self.map.contains_key(key) {
            return true;
        }
        match self.map.entry(key.clone()) {
            Entry::Occupied(_) => true,
            Entry::Vacant(place) => {
                let room = |count: usize| (count < self.max).then(|| count.saturating_add(1));
                if self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err() {
                    return false;
                }
                place.insert(AtomicU64::new(0));
                true
            }
        }
    }

    fn remove_if(&self, drop: impl Fn(&RateKey, u64) -> bool) -> usize {
        let mut removed = 0_usize;
        self.map.retain(|key, tat| {
            let goes = drop(key, tat.load(Ordering::Relaxed));
            removed += usize::from(goes);
            !goes
        });
        self.count.fetch_sub(removed, Ordering::Relaxed);
        removed
    }
}

/// The store handed to governor.
#[derive(Clone, Debug)]
struct SharedCells(Arc<Cells>);

impl StateStore for SharedCells {
    type Key = RateKey;

    fn measure_and_replace<T, F, E>(&self, key: &RateKey, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Some(cell) = self.0.map.get(key) else {
            // Cleared by an operator since it was reserved: judged as new, kept by the next check.
            return decide(None).map(|(outcome, _)| outcome);
        };
        let mut held = cell.load(Ordering::Acquire);
        loop {
            let (outcome, next) = decide((held != 0).then(|| Nanos::from(held)))?;
            match cell.compare_exchange_weak(held, next.as_u64(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(outcome),
                Err(now_held) => held = now_held,
            }
        }
    }
}

impl GovernorClock for Since {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.nanos().into()
    }
}

/// The pace of one socket.
///
/// # Why
/// The clock that the crate makes for a limiter asks the processor what it is: a trap for each socket where the machine is
/// a guest.
#[derive(Debug)]
pub struct Pace(RateLimiter<NotKeyed, InMemoryState, Since, NoOpMiddleware<Nanos>>);

impl Pace {
    /// So many a second for long, and so many at once.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        Self(RateLimiter::direct_with_clock(quota, Since::start(Clock::System)))
    }

    /// Counts one.
    ///
    /// # Errors
    /// How long to wait; nothing was counted.
    pub fn check(&self) -> Result<(), Duration> {
        self.0.check().map_err(|not_until| not_until.wait_time_from(self.0.clock().now()))
    }
}

type Limiter = RateLimiter<RateKey, SharedCells, Since, StateInformationMiddleware>;

/// One kind and its keys.
struct Counter {
    kind: RateKind,
    quota: Quota,
    limiter: Limiter,
    cells: Arc<Cells>,
    swept_at: AtomicU64,
}

/// Every rate limit of the program.
///
/// # Why
/// Each kind has a bounded map of its own: a key that is new when the map is full is refused (`overload`) after a sweep
/// found nothing to drop. A limit that fails open when its store is full is no limit; and one map for all would let
/// strangers who fill it keep those who are signed in from writing.
pub struct RateLimits {
    since: Since,
    counters: Vec<Counter>,
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimits").field("keys", &self.len()).finish_non_exhaustive()
    }
}

impl RateLimits {
    /// Limits with the quotas of `limits`. With a manual clock, time moves when the clock is moved.
    pub fn new(limits: &Limits, clock: Clock) -> Self {
        let since = Since::start(clock);
        let counters = RateKind::ALL
            .iter()
            .map(|&kind| {
                let quota = quota(kind.quota(limits));
                let cells =
                    Arc::new(Cells { map: DashMap::new(), count: AtomicUsize::new(0), max: limits.rate_keys_max });
                let limiter = Limiter::new(quota, SharedCells(Arc::clone(&cells)), since.clone());
                Counter { kind, quota, limiter, cells, swept_at: AtomicU64::new(0) }
            })
            .collect();
        Self { since, counters }
    }

    fn counter(&self, kind: RateKind) -> Option<&Counter> {
        self.counters.iter().find(|counter| counter.kind == kind)
    }

    /// Counts one event of `kind` for `subject`.
    ///
    /// # Errors
    /// [`Wait`]: nothing was counted; it becomes `rate_limited` or, when the map of keys is full, `overloaded`.
    pub fn check(&self, kind: RateKind, subject: &str) -> Result<Remaining, Wait> {
        self.check_key(&RateKey::new(kind, subject)).inspect_err(|_| names::rate_limited(kind.name()))
    }

    /// Whether one event of `kind` for `subject` would pass; counts nothing. For what is counted when it fails, with
    /// [`RateLimits::spend`]: then those who begin at once may exceed the quota by as many as they are.
    ///
    /// # Errors
    /// [`Wait`], as [`RateLimits::check`].
    pub fn allows(&self, kind: RateKind, subject: &str) -> Result<(), Wait> {
        match self.peek(&RateKey::new(kind, subject)) {
            Some(state) if !state.wait.is_zero() => {
                names::rate_limited(kind.name());
                Err(Wait { kind, after: state.wait, limit: state.left.limit, overload: false })
            }
            _ => Ok(()),
        }
    }

    /// Counts one event that has happened, as far as there is something left to count.
    pub fn spend(&self, kind: RateKind, subject: &str) {
        if let Err(wait) = self.check_key(&RateKey::new(kind, subject)) {
            tracing::debug!(kind = kind.name(), overload = wait.overload, "a limit had nothing left to spend");
        }
    }

    fn check_key(&self, key: &RateKey) -> Result<Remaining, Wait> {
        let Some(counter) = self.counter(key.kind) else {
            return Err(Wait { kind: key.kind, after: FORCED_SWEEP_EVERY, limit: 0, overload: true });
        };
        let Counter { quota, limiter, cells, .. } = counter;
        let limit = quota.burst_size().get();
        let room = cells.reserve(key) || (self.sweep_when_full(counter) && cells.reserve(key));
        if !room {
            return Err(Wait { kind: key.kind, after: FORCED_SWEEP_EVERY, limit, overload: true });
        }
        match limiter.check_key(key) {
            Ok(passed) => {
                let remaining = passed.remaining_burst_capacity();
                let used = limit.saturating_sub(remaining);
                let reset = quota.replenish_interval().saturating_mul(used);
                Ok(Remaining { limit, remaining, reset })
            }
            Err(not_until) => {
                let after = not_until.wait_time_from(self.since.now());
                Err(Wait { kind: key.kind, after, limit, overload: false })
            }
        }
    }

    /// Where a subject stands with a limit now; counts nothing.
    pub fn standing(&self, kind: RateKind, subject: &str) -> Option<Standing> {
        let limit = self.counter(kind)?.quota.burst_size().get();
        let fresh = Remaining { limit, remaining: limit, reset: Duration::ZERO };
        let left = self.peek(&RateKey::new(kind, subject)).map_or(fresh, |state| state.left);
        Some(Standing { bucket: kind.name(), limit, remaining: left.remaining, reset: left.reset })
    }

    /// The state of a key; None when it is fresh.
    pub fn peek(&self, key: &RateKey) -> Option<KeyState> {
        let tat = self.counter(key.kind)?.cells.map.get(key)?.load(Ordering::Relaxed);
        self.state_of(key, tat)
    }

    fn state_of(&self, key: &RateKey, tat: u64) -> Option<KeyState> {
        let quota = self.counter(key.kind)?.quota;
        let limit = quota.burst_size().get();
        let interval = quota.replenish_interval();
        let reset = Duration::from_nanos(tat.saturating_sub(self.since.nanos()));
        let used = u32::try_from(reset.as_nanos().div_ceil(interval.as_nanos().max(1))).unwrap_or(u32::MAX);
        let wait = (reset + interval).saturating_sub(interval.saturating_mul(limit));
        (!reset.is_zero()).then(|| KeyState {
            key: key.clone(),
            left: Remaining { limit, remaining: limit.saturating_sub(used), reset },
            wait,
        })
    }

    /// Keys that are not fresh, sorted by key, at most `max`.
    pub fn list(&self, max: usize) -> Vec<KeyState> {
        let mut states: Vec<KeyState> = Vec::new();
        for entry in self.counters.iter().flat_map(|counter| counter.cells.map.iter()) {
            if let Some(state) = self.state_of(entry.key(), entry.value().load(Ordering::Relaxed)) {
                states.push(state);
            }
        }
        states.sort_by(|a, b| a.key.cmp(&b.key));
        states.truncate(max);
        states
    }

    /// Keys that match `pattern` and are not fresh, sorted by key, at most `max`; see [`RateLimits::clear`].
    pub fn find(&self, pattern: &str, max: usize) -> Vec<KeyState> {
        let mut found = self.list(usize::MAX);
        found.retain(|state| matches(pattern, &state.key.to_string()));
        found.truncate(max);
        found
    }

    /// Makes keys fresh again and says how many. `pattern` is a key in which `*` stands for any text:
    /// `rate_limit:message:{userId}`, `rate_limit:*:{userId}`, `rate_limit:sign_in_address:*`.
    pub fn clear(&self, pattern: &str) -> usize {
        if let (false, Ok(key)) = (pattern.contains('*'), pattern.parse::<RateKey>()) {
            return self.counter(key.kind).map_or(0, |counter| counter.cells.remove_if(|held, _| *held == key));
        }
        self.counters.iter().map(|counter| counter.cells.remove_if(|key, _| matches(pattern, &key.to_string()))).sum()
    }

    /// Drops keys that are fresh again and says how many. Call it on a timer.
    pub fn sweep(&self) -> usize {
        let dropped = self.counters.iter().map(|counter| self.sweep_one(counter)).sum();
        names::rate_keys(self.len());
        dropped
    }

    fn sweep_one(&self, counter: &Counter) -> usize {
        let now = self.since.nanos();
        counter.swept_at.store(now, Ordering::Relaxed);
        counter.cells.remove_if(|_, tat| tat != 0 && tat <= now)
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.counters.iter().map(|counter| counter.cells.count.load(Ordering::Relaxed)).sum()
    }

    /// Whether no key is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sweeps, unless that was done less than a second ago. Says whether it swept.
    fn sweep_when_full(&self, counter: &Counter) -> bool {
        let now = self.since.nanos();
        let last = counter.swept_at.load(Ordering::Relaxed);
        let pause = u64::try_from(FORCED_SWEEP_EVERY.as_nanos()).unwrap_or(u64::MAX);
        let due = last == 0 || now.saturating_sub(last) >= pause;
        if !due || counter.swept_at.compare_exchange(last, now.max(1), Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return false;
        }
        self.sweep_one(counter) > 0
    }
}

fn quota((burst, period): (u32, Duration)) -> Quota {
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    let interval = (period / burst.get()).max(Duration::from_nanos(1));
    Quota::with_period(interval).unwrap_or(Quota::per_minute(NonZeroU32::MIN)).allow_burst(burst)
}

/// Whether `text` is `pattern`, where `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;
