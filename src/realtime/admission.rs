//! Admission: how many sockets are let in a second, and when those beyond it shall come.
//!
//! # Why
//! A restart sends ten thousand clients away at once, and they come back at once. Each is let in or told a moment of its
//! own, in the order in which they asked, so that the herd arrives as a queue and nobody has to guess.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

/// How long a place in the timetable is kept for a client that is late.
const LATE: Duration = Duration::from_secs(10);

/// How much is let in.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionLimits {
    /// Sockets a second, for long.
    pub per_second: u32,
    /// Sockets at once.
    pub burst: u32,
    /// Connects that are being answered at once.
    pub at_once: usize,
    /// Furthest moment a client is told.
    pub slot_max: Duration,
    /// Moments that clients of one address may hold at the same time.
    pub slots_per_address_max: usize,
}

/// The client shall come back after this time, a whole number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComeBack {
    /// Seconds, at least one.
    pub seconds: u32,
}

impl ComeBack {
    fn after(wait: Duration) -> Self {
        let whole = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        Self { seconds: u32::try_from(whole).unwrap_or(u32::MAX).max(1) }
    }

    /// The time to wait.
    pub fn wait(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}

#[derive(Debug)]
struct Timetable {
    /// The bucket is full again at this moment: each socket let in, or promised to be, moves it by one interval.
    full_at: Instant,
    /// Nobody is let in before.
    opens: Instant,
    /// Moments that were told, by the address they were told to; the earliest first.
    told: HashMap<IpAddr, VecDeque<Instant>>,
    swept: Instant,
}

/// Decides which sockets come in.
#[derive(Debug)]
pub struct Admission {
    limits: AdmissionLimits,
    interval: Duration,
    timetable: Mutex<Timetable>,
    turns: Semaphore,
}

impl Admission {
    /// A full bucket.
    pub fn new(limits: AdmissionLimits) -> Self {
        let now = Instant::now();
        Self {
            limits,
            interval: Duration::from_secs(1) / limits.per_second.max(1),
            timetable: Mutex::new(Timetable { full_at: now, opens: now, told: HashMap::new(), swept: now }),
            turns: Semaphore::new(limits.at_once.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Timetable> {
        self.timetable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one socket in, or says when it shall come back.
    ///
    /// # Ordering
    /// A moment that was told is paid for: who keeps it is let in, before anybody who comes anew. Clients are known by
    /// their address only, so those behind one address share their moments.
    /// # Errors
    /// The moment. Each client gets another one, until the furthest.
    pub fn admit(&self, from: IpAddr) -> Result<(), ComeBack> {
        let now = Instant::now();
        let mut table = self.lock();
        table.sweep(now);
        if table.opens <= now && table.claim(from, now) {
            return Ok(());
        }
        let begins = table.opens.max(now);
        let full_at = table.full_at.max(begins);
        // The bucket has room when it will be full within the time that filling it takes.
        let ahead = self.interval.saturating_mul(self.limits.burst.saturating_sub(1));
        let slot = full_at.checked_sub(ahead).map_or(begins, |slot| slot.max(begins));
        if slot <= now {
            table.full_at = full_at + self.interval;
            return Ok(());
        }
        let wait = slot.duration_since(now);
        if wait > self.limits.slot_max {
            return Err(ComeBack::after(self.limits.slot_max));
        }
        let told = table.told.entry(from).or_default();
        if told.len() < self.limits.slots_per_address_max {
            told.push_back(slot);
            table.full_at = full_at + self.interval;
        }
        Err(ComeBack::after(wait))
    }

    /// Lets nobody in for this time: who asks is told a moment after it.
    pub fn shut(&self, time: Duration) {
        let mut table = self.lock();
        table.opens = table.opens.max(Instant::now() + time);
    }

    /// A turn to be connected, in the order of asking; the turn ends when it is dropped.
    ///
    /// # Errors
    /// It did not come within `patience`.
    pub async fn turn(&self, patience: Duration) -> Result<SemaphorePermit<'_>, ComeBack> {
        match timeout(patience, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(ComeBack::after(patience)),
        }
    }
}

impl Timetable {
    /// Whether a moment told to this address has come; it is used up.
    fn claim(&mut self, from: IpAddr, now: Instant) -> bool {
        let Some(told) = self.told.get_mut(&from) else { return false };
        let due = told.front().is_some_and(|slot| *slot <= now);
        if due {
            told.pop_front();
        }
        if told.is_empty() {
            self.told.remove(&from);
        }
        due
    }

    /// Forgets moments that nobody came at; at most once a second.
    fn sweep(&mut self, now: Instant) {
        if now.duration_since(self.swept) < Duration::from_secs(1) {
            return;
        }
        self.swept = now;
        self.told.retain(|_, told| {
            while told.front().is_some_and(|slot| *slot + LATE < now) {
                told.pop_front();
            }
            !told.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const LIMITS: AdmissionLimits = AdmissionLimits {
        per_second: 100,
        burst: 50,
        at_once: 2,
        slot_max: Duration::from_secs(20),
        slots_per_address_max: 5_000,
    };

    fn address(number: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + number).to_be_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn a_herd_is_served_in_order_at_the_rate() {
        let admission = Admission::new(LIMITS);
        let mut at: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut let_in = 0;
        for client in 0..1000 {
            match admission.admit(address(client)) {
                Ok(()) => let_in += 1,
                Err(back) => at.entry(back.seconds).or_default().push(client),
            }
        }
        assert_eq!(let_in, 50, "the burst");
        let order: Vec<u32> = at.values().flatten().copied().collect();
        assert!(order.is_sorted(), "who asked first comes first");
        assert!(at.values().all(|clients| clients.len() <= 101), "as many in a second as the rate allows");
        assert_eq!(*at.keys().next_back().unwrap(), 10);
        for second in 1..=10 {
            tokio::time::advance(Duration::from_secs(1)).await;
            if second < 10 {
                // Newcomers take nothing from those whose moment has come.
                let newcomer = admission.admit(address(5_000 + second));
                assert!(newcomer.is_err_and(|back| back.seconds >= 10 - second), "{second}: {newcomer:?}");
            }
            for client in &at[&second] {
                assert_eq!(admission.admit(address(*client)), Ok(()), "client {client} in second {second}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_sent_further_than_the_furthest_and_nothing_is_kept() {
        let admission = Admission::new(LIMITS);
        for client in 0..10_000 {
            if let Err(back) = admission.admit(address(client)) {
                assert!(back.seconds <= 20, "{back:?}");
            }
        }
        let held: usize = admission.lock().told.values().map(VecDeque::len).sum();
        assert_eq!(held, 2_000, "as many moments as there are until the furthest");
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(admission.admit(address(20_000)), Ok(()));
        assert_eq!(admission.lock().told.len(), 0, "nobody came: forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_cannot_hold_all_moments() {
        let admission = Admission::new(AdmissionLimits { slots_per_address_max: 10, ..LIMITS });
        for _ in 0..5_000 {
            let _told = admission.admit(address(1)).is_err();
        }
        assert_eq!(admission.admit(address(2)).unwrap_err().seconds, 1, "others are not pushed back by it");
    }

    #[tokio::test(start_paused = true)]
    async fn while_shut_everybody_is_told_a_moment_after_it() {
        let admission = Admission::new(LIMITS);
        admission.shut(Duration::from_secs(5));
        let told: Vec<u32> = (0..300).map(|client| admission.admit(address(client)).unwrap_err().seconds).collect();
        assert!(told.is_sorted() && told.first() == Some(&5) && told.last() == Some(&8), "{told:?}");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(admission.admit(address(0)), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn connects_take_turns() {
        let admission = Admission::new(LIMITS);
        let patience = Duration::from_secs(3);
        let one = admission.turn(patience).await.unwrap();
        let _other = admission.turn(patience).await.unwrap();
        assert_eq!(admission.turn(patience).await.unwrap_err().seconds, 3);
        drop(one);
        assert!(admission.turn(patience).await.is_ok());
    }
}
