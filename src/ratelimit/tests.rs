//! Limits against a textbook bucket, many threads and a full map.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;

use super::*;

fn limits() -> (RateLimits, Clock) {
    limits_with(|_| ())
}

fn limits_with(change: impl FnOnce(&mut Limits)) -> (RateLimits, Clock) {
    let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
    let mut limits = Limits { messages_per_minute: 6, rate_keys_max: 100, ..Limits::default() };
    change(&mut limits);
    (RateLimits::new(&limits, clock.clone()), clock)
}

fn held(limits: &RateLimits) -> usize {
    limits.counters.iter().map(|counter| counter.cells.map.len()).sum()
}

#[test]
fn passes_a_burst_then_tells_how_long_to_wait() {
    let (limits, clock) = limits();
    for used in 1..=6 {
        let left = limits.check(RateKind::Message, "u").unwrap();
        let want = Remaining { limit: 6, remaining: 6 - used, reset: Duration::from_secs(10) * used };
        assert_eq!(left, want);
    }
    let wait = limits.check(RateKind::Message, "u").unwrap_err();
    assert_eq!(wait, Wait { kind: RateKind::Message, after: Duration::from_secs(10), limit: 6, overload: false });
    assert!(limits.check(RateKind::Message, "someone else").is_ok());
    clock.advance(TimeDelta::milliseconds(9_999));
    assert_eq!(limits.check(RateKind::Message, "u").unwrap_err().after, Duration::from_millis(1));
    clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(limits.check(RateKind::Message, "u").unwrap().remaining, 0);
}

#[test]
fn refusals_carry_code_and_wait_to_the_edge() {
    let limited =
        Error::from(Wait { kind: RateKind::Message, after: Duration::from_secs(3), limit: 1, overload: false });
    assert_eq!((limited.code, limited.retry_after), (Code::RateLimited, Some(Duration::from_secs(3))));
    let full = Error::from(Wait { kind: RateKind::Message, after: Duration::from_secs(1), limit: 1, overload: true });
    assert_eq!(full.code, Code::Overloaded);
}

#[test]
fn a_key_prints_and_parses_as_operators_write_it() {
    for text in ["rate_limit:message:0198c0de-0000-7000-8000-000000000001", "rate_limit:sign_in_address:2001:db8::"] {
        assert_eq!(text.parse::<RateKey>().unwrap().to_string(), text);
    }
    for text in ["message:u", "rate_limit:nonsense:u", "rate_limit:message", "rate_limit:message:"] {
        assert!(text.parse::<RateKey>().unwrap_err().detail.contains("sign_in_account"), "{text}");
    }
    let long = RateKey::new(RateKind::Confirm, &"x".repeat(10_000));
    assert_eq!(long.subject.len(), "sha256-".len() + 64);
}

#[test]
fn list_peek_and_clear_show_and_free_a_person() {
    let (limits, clock) = limits();
    for _ in 0..6 {
        limits.check(RateKind::Message, "u1").unwrap();
    }
    limits.check(RateKind::Confirm, "u1").unwrap();
    limits.check(RateKind::Message, "u10").unwrap();
    clock.advance(TimeDelta::seconds(5));
    let names: Vec<_> = limits.list(10).iter().map(|state| state.key.to_string()).collect();
    assert_eq!(names, ["rate_limit:message:u1", "rate_limit:message:u10", "rate_limit:confirm:u1"]);
    assert_eq!(limits.list(1).len(), 1);
    let state = limits.peek(&RateKey::new(RateKind::Message, "u1")).unwrap();
    let left = Remaining { limit: 6, remaining: 0, reset: Duration::from_secs(55) };
    assert_eq!((state.left, state.wait), (left, Duration::from_secs(5)));
    assert_eq!(limits.peek(&RateKey::new(RateKind::Message, "nobody")), None);

    assert_eq!(limits.clear("rate_limit:message:u1"), 1, "u10 is another person");
    assert_eq!(limits.check(RateKind::Message, "u1").unwrap().remaining, 5);
    assert_eq!(limits.clear("rate_limit:*:u1"), 2);
    assert_eq!(limits.clear("rate_limit:message:*"), 1);
    assert_eq!((limits.clear("rate_limit:*"), limits.len()), (0, 0));
}

#[test]
fn a_full_map_refuses_new_keys_keeps_known_ones_and_sweeps() {
    let (limits, clock) = limits_with(|limits| limits.rate_keys_max = 3);
    for subject in ["a", "b", "c"] {
        limits.check(RateKind::Message, subject).unwrap();
    }
    assert!(limits.check(RateKind::Message, "d").unwrap_err().overload);
    assert!(limits.check(RateKind::Message, "a").is_ok());
    assert_eq!(limits.len(), 3);
    clock.advance(TimeDelta::seconds(11));
    assert!(limits.check(RateKind::Message, "d").is_ok(), "b and c are fresh again and make room");
    assert_eq!(limits.len(), 2);
    clock.advance(TimeDelta::seconds(60));
    assert_eq!((limits.sweep(), limits.len()), (2, 0));
}

#[test]
fn many_threads_never_pass_more_than_the_quota_nor_grow_the_map() {
    let (limits, _clock) = limits_with(|limits| (limits.messages_per_minute, limits.rate_keys_max) = (50, 10));
    let passed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (limits, passed) = (&limits, &passed);
            scope.spawn(move || {
                for n in 0..500 {
                    passed.fetch_add(usize::from(limits.check(RateKind::Message, "one").is_ok()), Ordering::Relaxed);
                    let _refused = limits.check(RateKind::Confirm, &format!("{thread}-{n}")).is_err();
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 50);
    assert_eq!((limits.len(), held(&limits)), (11, 11), "ten of the one kind and one of the other");
}

#[test]
fn stars_stand_for_any_text() {
    for (pattern, text, want) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "", true),
        ("a*c", "abc", true),
        ("a*c", "abcd", false),
        ("a*b*c", "axxbyyc", true),
        ("a*b*c", "axxcyy", false),
        ("*:u1", "rate_limit:message:u1", true),
        ("*:u1", "rate_limit:message:u10", false),
    ] {
        assert_eq!(matches(pattern, text), want, "{pattern} {text}");
    }
}

/// The textbook: a bucket of `burst` that refills one every `interval` milliseconds.
struct Oracle {
    burst: u64,
    interval: u64,
    tat: HashMap<u8, u64>,
}

impl Oracle {
    /// Ok(remaining) or Err(wait), in milliseconds.
    fn check(&mut self, key: u8, now: u64) -> Result<u64, u64> {
        let tat = self.tat.get(&key).copied().unwrap_or(now).max(now);
        let earliest = (tat + self.interval).saturating_sub(self.burst * self.interval);
        if now < earliest {
            return Err(earliest - now);
        }
        self.tat.insert(key, tat + self.interval);
        Ok((now + self.burst * self.interval - (tat + self.interval)) / self.interval)
    }
}

proptest! {
    #[test]
    fn agrees_with_the_textbook(
        burst in 1_u32..20,
        steps in prop::collection::vec((0_u64..9_000, 0_u8..3, 0_u8..20), 1..200),
    ) {
        // 60 s split evenly keeps the oracle in whole milliseconds.
        let burst = (1..=burst).rev().find(|n| 60_000 % n == 0).unwrap();
        let (limits, clock) = limits_with(|limits| limits.messages_per_minute = burst);
        let mut oracle = Oracle { burst: burst.into(), interval: 60_000 / u64::from(burst), tat: HashMap::new() };
        let mut now = 0;
        for (advance, key, action) in steps {
            now += advance;
            clock.advance(TimeDelta::milliseconds(advance.try_into().unwrap()));
            match action {
                0 => { limits.sweep(); }
                1 => {
                    limits.clear(&format!("rate_limit:message:{key}"));
                    oracle.tat.remove(&key);
                }
                _ => {
                    let got = limits.check(RateKind::Message, &key.to_string());
                    let got = got.map(|left| u64::from(left.remaining)).map_err(|wait| wait.after.as_millis().try_into().unwrap());
                    prop_assert_eq!(got, oracle.check(key, now));
                }
            }
            prop_assert_eq!(limits.len(), held(&limits));
        }
    }
}

#[test]
fn keys_of_strangers_leave_room_for_those_of_members() {
    let (limits, _clock) = limits_with(|limits| limits.rate_keys_max = 3);
    for n in 0..3 {
        limits.check(RateKind::Resend, &format!("somebody {n}")).unwrap();
    }
    assert!(limits.check(RateKind::Resend, "somebody else").unwrap_err().overload);
    limits.check(RateKind::Message, "a member").unwrap();
}
