//! The outbox: the frames that wait for one socket, bounded in frames, bytes and age.
//!
//! A frame is encoded once and shared by all its recipients. A reader who is too slow is cut; nobody waits for it.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::config::Limits;
use crate::protocol::codes::Close;
use crate::protocol::frame;
use crate::telemetry::names;

/// One encoded server frame, header included; cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The bytes as they go to the socket.
    pub bytes: Bytes,
    /// What may happen to it when the reader is slow.
    pub class: Class,
    /// What it is the state of; 0 for nothing. A later frame of the same key says the same and more.
    pub key: u64,
}

/// What may happen to a frame when the reader is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Never dropped while the socket lives.
    Durable,
    /// Dropped only for a later one of its key, which says the same and more.
    State,
    /// Dropped first.
    Signal,
}

impl Frame {
    /// A frame that is never dropped while the socket lives.
    pub fn durable(bytes: Bytes) -> Self {
        Self { bytes, class: Class::Durable, key: 0 }
    }

    /// The state of `of`: when the reader is slow, only the latest waits.
    pub fn state(of: impl Hash, bytes: Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        of.hash(&mut hasher);
        Self { bytes, class: Class::State, key: hasher.finish().max(1) }
    }

    /// A frame that is dropped first.
    pub fn signal(bytes: Bytes) -> Self {
        Self { bytes, class: Class::Signal, key: 0 }
    }
}

/// What became of a pushed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// It waits; the caller must see to it that the outbox is flushed.
    Scheduled,
    /// It waits behind others that are being taken care of already.
    Queued,
    /// It was of a droppable class and the reader is slow.
    Dropped,
    /// This frame broke a bound: the socket is now closing with `slow_consumer`. Said once.
    Overflow,
    /// The socket is closing; nothing more is taken.
    Closed,
}

/// How a flush ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Everything is with the kernel.
    Empty,
    /// The kernel takes no more now: flush again when the socket is writable.
    Blocked,
    /// Everything is with the kernel and the close frame was the last: end the connection.
    Finished,
    /// The connection is broken.
    Broken,
}

/// The bounds of one outbox.
#[derive(Clone, Copy, Debug)]
pub struct OutboxLimits {
    /// Frames that may wait.
    pub frames_max: usize,
    /// Bytes that may wait.
    pub bytes_max: usize,
    /// How long the reader may take nothing at all while something waits.
    pub age_max: Duration,
}

impl OutboxLimits {
    /// What the configuration says.
    pub fn of(limits: &Limits) -> Self {
        Self {
            frames_max: limits.outbox_frames_max,
            bytes_max: limits.outbox_bytes_max,
            age_max: limits.outbox_age_max,
        }
    }
}

/// The bytes that wait in all outboxes of the process, and their bound.
#[derive(Debug)]
pub struct Budget {
    used: AtomicUsize,
    bytes_max: usize,
}

impl Budget {
    /// A budget of `bytes_max` for all outboxes together.
    pub fn new(bytes_max: usize) -> Self {
        Self { used: AtomicUsize::new(0), bytes_max }
    }

    /// Bytes that wait now in all outboxes (a shared frame counts once for each recipient).
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether more waits than may.
    pub fn exhausted(&self) -> bool {
        self.used() > self.bytes_max
    }

    /// Whether a quarter of it is free.
    pub fn mostly_free(&self) -> bool {
        self.used() <= self.bytes_max / 4 * 3
    }
}

/// A frame in the queue.
#[derive(Debug)]
struct Waiting {
    bytes: Bytes,
    key: u64,
}

impl Waiting {
    fn len(&self) -> usize {
        self.bytes.len()
    }
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Waiting>,
    /// Bytes of the first frame that are with the kernel already: a frame begun must be finished.
    begun: usize,
    bytes: usize,
    /// Since when something waits, or when the kernel last took something of it.
    since: Option<Instant>,
    /// Since when the first frame is the first: a reader that takes a byte now and then ends by this.
    first_since: Option<Instant>,
    /// The kernel took no more at the last flush. Written under the lock, so that a flush on another thread is not forgotten.
    blocked: bool,
    /// Somebody has promised to flush.
    scheduled: bool,
    closing: Option<Close>,
    broken: bool,
}

impl Queue {
    fn touch(&mut self) {
        if self.since.is_none() {
            let now = Instant::now();
            self.since = Some(now);
            self.first_since = Some(now);
        }
    }

    /// Lets go of earlier states of this key, except one that is under way.
    fn supersede(&mut self, key: u64, budget: &Budget) {
        let mut under_way = self.begun > 0;
        let mut freed = 0;
        self.frames.retain(|waiting| {
            let goes = waiting.key == key && !under_way;
            under_way = false;
            freed += if goes { waiting.len() } else { 0 };
            !goes
        });
        self.bytes -= freed;
        budget.used.fetch_sub(freed, Ordering::Relaxed);
    }

    fn stale(&self, age_max: Duration) -> bool {
        self.since.is_some_and(|since| since.elapsed() > age_max)
            || self.first_since.is_some_and(|since| since.elapsed() > age_max * 4)
    }
}

/// The frames that wait for one socket.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: Mutex<Queue>,
}

/// Frames joined into one buffer for one write; beyond it vectored writes take over.
const JOIN_BYTES_MAX: usize = 16 * 1024;
const VECTORS_MAX: usize = 64;
/// With the process's budget spent, a socket that holds more than this part of its own bound is cut ...
const FAIR_PARTS: usize = 4;
/// ... and so is one whose reader has taken nothing for so long.
pub(super) const FAIR_AGE: Duration = Duration::from_secs(1);

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a frame in the queue, never waiting.
    ///
    /// # Units
    /// The frame counts its length towards `bytes_max` and one towards `frames_max`.
    /// # Ordering
    /// Frames leave in push order; two callers are ordered by the committer, not by this queue.
    pub fn push(&self, frame: &Frame, limits: &OutboxLimits, budget: &Budget) -> Push {
        let mut queue = self.lock();
        if queue.closing.is_some() || queue.broken {
            return Push::Closed;
        }
        let backlog = !queue.frames.is_empty();
        let bytes = queue.bytes + frame.bytes.len();
        let half_full = queue.frames.len() * 2 > limits.frames_max || bytes * 2 > limits.bytes_max;
        if half_full {
            match frame.class {
                Class::Signal => return Push::Dropped,
                Class::State => queue.supersede(frame.key, budget),
                Class::Durable => {}
            }
        }
        let bytes = queue.bytes + frame.bytes.len();
        let stale = queue.stale(limits.age_max);
        let fat = bytes > limits.bytes_max / FAIR_PARTS || queue.since.is_some_and(|since| since.elapsed() > FAIR_AGE);
        let hog = queue.blocked && fat;
        // The frame that is under way may be larger than the whole bound (a snapshot): the bound is for what is behind it.
        let first = queue.frames.front().map_or(0, Waiting::len);
        let too_much = backlog && (queue.frames.len() >= limits.frames_max || bytes - first > limits.bytes_max);
        // When the process's budget is spent, those who hold it and do not read are cut, not whoever gets a frame just
        // now. But nobody gets a large one.
        let large = frame.bytes.len() > limits.bytes_max / FAIR_PARTS;
        if stale || too_much || ((hog || large) && budget.exhausted()) {
            Self::close_queue(&mut queue, Close::SlowConsumer, "", budget);
            queue.scheduled = true;
            return Push::Overflow;
        }
        queue.bytes = bytes;
        budget.used.fetch_add(frame.bytes.len(), Ordering::Relaxed);
        queue.frames.push_back(Waiting { bytes: frame.bytes.clone(), key: frame.key });
        queue.touch();
        if queue.scheduled {
            Push::Queued
        } else {
            queue.scheduled = true;
            Push::Scheduled
        }
    }

    /// Ends the queue with a close frame. Frames before it are still sent, except for a slow consumer, whose queue is
    /// dropped. True the first time: the caller must see to a flush.
    pub fn close(&self, close: Close, reason: &str, budget: &Budget) -> bool {
        let mut queue = self.lock();
        if queue.closing.is_some() || queue.broken {
            return false;
        }
        Self::close_queue(&mut queue, close, reason, budget);
        queue.scheduled = true;
        true
    }

    fn close_queue(queue: &mut Queue, close: Close, reason: &str, budget: &Budget) {
        if close == Close::SlowConsumer {
            let keep = usize::from(queue.begun > 0);
            let kept: usize = queue.frames.iter().take(keep).map(Waiting::len).sum();
            budget.used.fetch_sub(queue.bytes - kept, Ordering::Relaxed);
            queue.frames.truncate(keep);
            queue.bytes = kept;
        }
        let last = frame::close(close, reason);
        budget.used.fetch_add(last.len(), Ordering::Relaxed);
        queue.bytes += last.len();
        queue.frames.push_back(Waiting { bytes: last, key: 0 });
        queue.touch();
        queue.closing = Some(close);
    }

    /// Gives the kernel as much as it takes, through `write` (several buffers in, bytes taken out).
    pub fn flush(&self, budget: &Budget, mut write: impl FnMut(&[io::IoSlice<'_>]) -> io::Result<usize>) -> Flushed {
        let mut queue = self.lock();
        let mut joined = Vec::new();
        let mut sent = 0;
        let end = loop {
            if queue.broken {
                break Flushed::Broken;
            }
            if queue.frames.is_empty() {
                break if queue.closing.is_some() { Flushed::Finished } else { Flushed::Empty };
            }
            let taken = if queue.frames.len() > 1 && queue.bytes - queue.begun <= JOIN_BYTES_MAX {
                joined.clear();
                let mut skip = queue.begun;
                for waiting in &queue.frames {
                    joined.extend_from_slice(waiting.bytes.get(skip..).unwrap_or_default());
                    skip = 0;
                }
                write(&[io::IoSlice::new(&joined)])
            } else {
                let mut skip = queue.begun;
                let slices: Vec<io::IoSlice<'_>> = queue
                    .frames
                    .iter()
                    .take(VECTORS_MAX)
                    .map(|waiting| io::IoSlice::new(waiting.bytes.get(std::mem::take(&mut skip)..).unwrap_or_default()))
                    .collect();
                write(&slices)
            };
            match taken {
                Ok(0) => queue.broken = true,
                Ok(taken) => {
                    let gone = Self::advance(&mut queue, taken, budget);
                    let now = Instant::now();
                    queue.since = Some(now);
                    if gone > 0 {
                        queue.first_since = Some(now);
                    }
                    sent += gone;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Flushed::Blocked,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => queue.broken = true,
            }
        };
        if sent > 0 {
            names::frames_out(sent);
        }
        queue.blocked = end == Flushed::Blocked;
        match end {
            Flushed::Empty => {
                queue.scheduled = false;
                queue.since = None;
                queue.first_since = None;
                if queue.frames.capacity() > 8 {
                    queue.frames = VecDeque::new();
                }
            }
            // Blocked: the session's task has the duty to flush again, so it stays scheduled.
            Flushed::Blocked | Flushed::Finished => {}
            Flushed::Broken => Self::discard(&mut queue, budget),
        }
        end
    }

    /// Lets go of what the kernel has taken. Returns how many frames are with it as a whole.
    fn advance(queue: &mut Queue, mut taken: usize, budget: &Budget) -> u64 {
        let mut sent = 0;
        while let Some(first) = queue.frames.front() {
            let rest = first.len() - queue.begun;
            if taken < rest {
                queue.begun += taken;
                break;
            }
            taken -= rest;
            queue.begun = 0;
            queue.bytes -= first.len();
            budget.used.fetch_sub(first.len(), Ordering::Relaxed);
            queue.frames.pop_front();
            sent += 1;
        }
        sent
    }

    fn discard(queue: &mut Queue, budget: &Budget) {
        budget.used.fetch_sub(queue.bytes, Ordering::Relaxed);
        queue.frames = VecDeque::new();
        queue.bytes = 0;
        queue.begun = 0;
        queue.since = None;
        queue.first_since = None;
    }

    /// Takes nothing more and forgets what waits: the connection is gone.
    pub fn abandon(&self, budget: &Budget) {
        let mut queue = self.lock();
        queue.broken = true;
        Self::discard(&mut queue, budget);
    }

    /// Why the socket is being closed, if it is.
    pub fn closing(&self) -> Option<Close> {
        self.lock().closing
    }

    /// Whether the reader is too slow: it has taken nothing for longer than `age_max`, or is at one frame for
    /// four times as long.
    pub fn stale(&self, age_max: Duration) -> bool {
        self.lock().stale(age_max)
    }

    /// For how long the reader has taken nothing, when the kernel takes no more for it, and how many bytes wait.
    pub fn stalled(&self) -> Option<(Duration, usize)> {
        let queue = self.lock();
        queue.since.filter(|_| queue.blocked).map(|since| (since.elapsed(), queue.bytes))
    }

    /// Whether the kernel took no more at the last flush.
    pub fn blocked(&self) -> bool {
        self.lock().blocked
    }

    /// Whether nothing more will be taken: it is closing, or the connection is broken.
    pub fn over(&self) -> bool {
        let queue = self.lock();
        queue.closing.is_some() || queue.broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: OutboxLimits = OutboxLimits { frames_max: 4, bytes_max: 100, age_max: Duration::from_secs(5) };

    fn text(len: usize) -> Frame {
        Frame::durable(Bytes::from(vec![b'x'; len]))
    }

    #[test]
    fn frames_leave_in_order_and_a_frame_begun_is_finished_first() {
        let (outbox, budget) = (Outbox::default(), Budget::new(1000));
        assert_eq!(outbox.push(&Frame::durable(Bytes::from_static(b"abc")), &LIMITS, &budget), Push::Scheduled);
        assert_eq!(outbox.push(&Frame::durable(Bytes::from_static(b"defg")), &LIMITS, &budget), Push::Queued);
        assert_eq!(budget.used(), 7);
        let mut out = Vec::new();
        let mut room = 2;
        let mut write = |slices: &[io::IoSlice<'_>]| {
            if room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let mut taken = 0;
            for slice in slices {
                let n = slice.len().min(room);
                out.extend_from_slice(slice.get(..n).unwrap());
                room -= n;
                taken += n;
            }
            Ok(taken)
        };
        assert_eq!(outbox.flush(&budget, &mut write), Flushed::Blocked);
        // A slow consumer loses what waits, but never half a frame.
        assert!(outbox.close(Close::SlowConsumer, "", &budget));
        assert_eq!(
            outbox.flush(&budget, |slices| {
                let n = slices.iter().map(|s| s.len()).sum();
                for s in slices {
                    out.extend_from_slice(s);
                }
                Ok(n)
            }),
            Flushed::Finished
        );
        assert!(out.starts_with(b"abc\x88"));
        assert_eq!(budget.used(), 0);
        assert_eq!(outbox.push(&text(1), &LIMITS, &budget), Push::Closed);
    }

    #[test]
    fn each_bound_cuts_the_reader_once() {
        let budget = Budget::new(1000);
        let frames = Outbox::default();
        for _ in 0..4 {
            assert_ne!(frames.push(&text(1), &LIMITS, &budget), Push::Overflow);
        }
        assert_eq!(frames.push(&text(1), &LIMITS, &budget), Push::Overflow);
        assert_eq!(frames.push(&text(1), &LIMITS, &budget), Push::Closed);
        assert_eq!(frames.closing(), Some(Close::SlowConsumer));

        let bytes = Outbox::default();
        assert_eq!(bytes.push(&text(500), &LIMITS, &budget), Push::Scheduled, "one frame may be larger than the bound");
        assert_eq!(bytes.push(&text(100), &LIMITS, &budget), Push::Queued, "and leaves room for what comes behind it");
        assert_eq!(bytes.push(&text(1), &LIMITS, &budget), Push::Overflow);

        let (held, tight) = (Outbox::default(), Budget::new(10));
        assert_eq!(held.push(&text(20), &LIMITS, &tight), Push::Scheduled);
        assert_eq!(held.push(&text(1), &LIMITS, &tight), Push::Queued, "the budget is spent, but not by this one");
        assert_eq!(
            held.push(&text(9), &LIMITS, &tight),
            Push::Queued,
            "it has much, but nobody has asked it to read yet"
        );
        assert_eq!(held.flush(&tight, |_| Err(io::ErrorKind::WouldBlock.into())), Flushed::Blocked);
        assert_eq!(held.push(&text(1), &LIMITS, &tight), Push::Overflow, "this one holds its part of it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_that_waits_too_long_cuts_the_reader() {
        let (outbox, budget) = (Outbox::default(), Budget::new(1000));
        outbox.push(&text(1), &LIMITS, &budget);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert!(outbox.stale(LIMITS.age_max));
        assert_eq!(outbox.push(&text(1), &LIMITS, &budget), Push::Overflow);
    }

    #[test]
    fn what_the_kernel_did_not_take_is_remembered_until_it_does() {
        let (outbox, budget) = (Outbox::default(), Budget::new(1000));
        outbox.push(&text(5), &LIMITS, &budget);
        assert_eq!(outbox.flush(&budget, |_| Err(io::ErrorKind::WouldBlock.into())), Flushed::Blocked);
        assert!(outbox.blocked() && !outbox.over());
        assert_eq!(outbox.flush(&budget, |slices| Ok(slices[0].len())), Flushed::Empty);
        assert!(!outbox.blocked());
        outbox.push(&text(5), &LIMITS, &budget);
        assert_eq!(outbox.flush(&budget, |_| Err(io::ErrorKind::BrokenPipe.into())), Flushed::Broken);
        assert!(outbox.over(), "a broken connection is over, though nobody closed it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_a_byte_now_and_then_is_cut() {
        let (outbox, budget) = (Outbox::default(), Budget::new(1000));
        outbox.push(&text(50), &LIMITS, &budget);
        for _ in 0..5 {
            assert!(!outbox.stale(LIMITS.age_max));
            tokio::time::advance(Duration::from_millis(4_500)).await;
            let mut taken = false;
            outbox.flush(&budget, |_| {
                if std::mem::replace(&mut taken, true) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(1) }
            });
        }
        assert!(outbox.stale(LIMITS.age_max));
    }

    #[test]
    fn when_half_full_only_the_latest_state_of_a_key_waits() {
        let (outbox, budget) = (Outbox::default(), Budget::new(10_000));
        let limits = OutboxLimits { frames_max: 8, ..LIMITS };
        let state = |of: &str, text: &'static str| Frame::state(of, Bytes::from_static(text.as_bytes()));
        outbox.push(&state("anna", "1"), &limits, &budget);
        outbox.push(&state("anna", "2"), &limits, &budget);
        outbox.push(&state("bram", "3"), &limits, &budget);
        outbox.push(&Frame::durable(Bytes::from_static(b"m")), &limits, &budget);
        outbox.push(&state("anna", "4444"), &limits, &budget);
        assert_eq!(budget.used(), 8, "less than half full: everything waits");
        for _ in 0..19 {
            assert_eq!(outbox.push(&state("anna", "5"), &limits, &budget), Push::Queued, "never too many of them");
        }
        assert_eq!(budget.used(), 3);
        let mut out = Vec::new();
        outbox.flush(&budget, |slices| {
            for slice in slices {
                out.extend_from_slice(slice);
            }
            Ok(slices.iter().map(|slice| slice.len()).sum())
        });
        assert_eq!(String::from_utf8(out).unwrap(), "3m5");
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_state_that_is_under_way_is_finished() {
        let (outbox, budget) = (Outbox::default(), Budget::new(10_000));
        let limits = OutboxLimits { frames_max: 2, ..LIMITS };
        outbox.push(&Frame::state("anna", Bytes::from_static(b"first")), &limits, &budget);
        let mut room = 2;
        outbox.flush(&budget, |_| {
            if room == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(std::mem::take(&mut room)) }
        });
        outbox.push(&Frame::durable(Bytes::from_static(b"m")), &limits, &budget);
        outbox.push(&Frame::state("anna", Bytes::from_static(b"last")), &limits, &budget);
        assert_eq!(outbox.closing(), Some(Close::SlowConsumer), "nothing could make room");
        assert_eq!(budget.used(), 5 + frame::close(Close::SlowConsumer, "").len());
    }

    #[test]
    fn with_the_budget_spent_nobody_gets_a_large_frame() {
        let budget = Budget::new(10);
        let (small, large) = (Outbox::default(), Outbox::default());
        assert_eq!(small.push(&text(20), &LIMITS, &budget), Push::Scheduled);
        assert_eq!(small.push(&text(1), &LIMITS, &budget), Push::Queued);
        assert_eq!(large.push(&text(30), &LIMITS, &budget), Push::Overflow);
    }

    #[test]
    fn signals_are_dropped_when_half_full() {
        let (outbox, budget) = (Outbox::default(), Budget::new(1000));
        for _ in 0..3 {
            outbox.push(&text(1), &LIMITS, &budget);
        }
        let signal = Frame { bytes: Bytes::from_static(b"s"), class: Class::Signal, key: 0 };
        assert_eq!(outbox.push(&signal, &LIMITS, &budget), Push::Dropped);
        outbox.abandon(&budget);
        assert_eq!(budget.used(), 0);
    }
}
