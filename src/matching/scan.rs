//! All pairs, scored as far as they matter: for each person the best others, exactly.

use std::cmp::Ordering;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;

use super::bank::place;
use super::population::{Population, index};
use super::sketch::bound_of;
use super::v3::mutual;

/// Where a pair stands among all pairs: the greater the better. No two pairs stand alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The mutual score.
    pub score: f64,
    /// Lower goes first.
    pub tie: u64,
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.tie.cmp(&self.tie))
    }
}

impl Key {
    /// Below every pair with at least this score.
    pub fn below(score: f64) -> Self {
        Self { score, tie: u64::MAX }
    }

    /// Above every pair.
    pub const TOP: Self = Self { score: f64::INFINITY, tie: 0 };
}

/// Somebody who suits somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// How well.
    pub key: Key,
    /// Who.
    pub other: u32,
}

/// The best others of one person, best first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shortlist {
    /// They.
    pub best: Vec<Candidate>,
    /// Everybody who is not among them stands below this; nothing when all that count are among them.
    pub floor: Option<Key>,
}

impl Shortlist {
    /// Takes a candidate in, and drops the last above `keep`.
    pub fn add(&mut self, candidate: Candidate, keep: usize) {
        if self.best.len() >= keep && self.best.last().is_some_and(|last| last.key > candidate.key) {
            return;
        }
        let at = self.best.partition_point(|held| held.key > candidate.key);
        self.best.insert(at, candidate);
        self.best.truncate(keep);
        if self.best.len() == keep {
            self.floor = self.best.last().map(|last| last.key);
        }
    }
}

/// What a scan looks at.
pub struct Scan<'a> {
    /// Everybody.
    pub population: &'a Population,
    /// Only pairs above the viewer's key count.
    pub low: &'a [Key],
    /// And above the other's.
    pub low_of_others: &'a [Key],
    /// How many are kept for each viewer.
    pub keep: usize,
    /// Threads.
    pub threads: NonZeroUsize,
}

/// People that are looked at together, so that their sketches stay in the processor's first cache.
const TILE: usize = 48;

impl Scan<'_> {
    /// The best of `others` for each of `viewers`, in their order. `wanted` is asked last, with the exact key.
    pub fn run(
        &self,
        viewers: &[u32],
        others: &[u32],
        wanted: impl Fn(u32, u32, Key) -> bool + Sync,
    ) -> Vec<Shortlist> {
        let blocks: Vec<&[u32]> = viewers.chunks(TILE).collect();
        let found = self.share(blocks.len(), Vec::new, |done: &mut Vec<_>, at| {
            let Some(block) = blocks.get(at) else { return };
            let mut lists = vec![Shortlist::default(); block.len()];
            let mut near = [(0, 0); TILE];
            for tile in others.chunks(TILE) {
                for (viewer, list) in block.iter().zip(&mut lists) {
                    let many = self.near(*viewer, tile, &mut near);
                    for (_, other) in near.iter().take(many) {
                        let least = self.least(list, *viewer).max(low(self.low_of_others, *other));
                        if let Some(key) = self.key(*viewer, *other, least.score)
                            && key > least
                            && wanted(*viewer, *other, key)
                        {
                            list.add(Candidate { key, other: *other }, self.keep);
                        }
                    }
                }
            }
            done.push((at, lists));
        });
        let mut found: Vec<_> = found.into_iter().flatten().collect();
        found.sort_by_key(|(at, _)| *at);
        found.into_iter().flat_map(|(_, lists)| lists).collect()
    }

    /// The best of a group for each of its people, in their order: every pair is looked at once, for both.
    pub fn among(&self, group: &[u32], wanted: impl Fn(u32, u32, Key) -> bool + Sync) -> Vec<Shortlist> {
        let order = self.order(group);
        let sorted: Vec<u32> = order.iter().filter_map(|at| group.get(*at).copied()).collect();
        let reach = |tile: &[u32]| tile.iter().fold(0, |all, at| all | self.cities(*at));
        let tiles: Vec<(&[u32], u64)> = sorted.chunks(TILE).map(|tile| (tile, reach(tile))).collect();
        // The score that is needed to get onto each list: scores are positive, so that their bits are in their order.
        let bars: Vec<AtomicU64> = sorted.iter().map(|at| AtomicU64::new(low(self.low, *at).score.to_bits())).collect();
        let lists = || vec![Shortlist::default(); sorted.len()];
        // Neighbours first: they fill the lists with what others then have to be better than.
        let mut found = self.share(tiles.len(), lists, |lists, apart| {
            for (at, viewers) in tiles.iter().enumerate() {
                let to = at + apart;
                let Some((tile, cities)) = tiles.get(to) else { return };
                if viewers.1 & cities != 0 {
                    let places = (at * TILE, to * TILE);
                    self.tiles((viewers.0, tile), *cities, places, (lists, &bars), &wanted);
                }
            }
        });
        let mut lists = found.pop().unwrap_or_default();
        for more in found {
            for (list, other) in lists.iter_mut().zip(more) {
                other.best.into_iter().for_each(|candidate| list.add(candidate, self.keep));
            }
        }
        let mut back: Vec<_> = order.into_iter().zip(lists).collect();
        back.sort_unstable_by_key(|(at, _)| *at);
        back.into_iter().map(|(_, list)| list).collect()
    }

    /// The places of a group in an order that has those together who share a city and answer alike.
    fn order(&self, group: &[u32]) -> Vec<usize> {
        let heavy: Vec<usize> = ["M4_Q1", "M5_Q1", "M2_Q1", "M6_Q9"].into_iter().filter_map(place).collect();
        let codes = |at: u32| {
            let row = self.population.rows.get(index(at));
            heavy.iter().filter_map(move |item| row.and_then(|row| row.codes.get(*item).copied())).collect::<Vec<_>>()
        };
        let mut order: Vec<_> = group.iter().enumerate().map(|(nth, at)| (self.cities(*at), codes(*at), nth)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, _, nth)| nth).collect()
    }

    fn tiles(
        &self,
        (viewers, tile): (&[u32], &[u32]),
        cities: u64,
        (first, second): (usize, usize),
        (lists, bars): (&mut [Shortlist], &[AtomicU64]),
        wanted: &impl Fn(u32, u32, Key) -> bool,
    ) {
        let mut near = [(0, 0); TILE];
        let bar = |at: usize| bars.get(at).map_or(f64::INFINITY, |bar| f64::from_bits(bar.load(Relaxed)));
        for (nth, viewer) in viewers.iter().enumerate().filter(|(_, viewer)| self.cities(**viewer) & cities != 0) {
            // Within a tile, only those who come later.
            let from = if first == second { nth + 1 } else { 0 };
            let many = self.near(*viewer, tile.get(from..).unwrap_or_default(), &mut near);
            let mine = first + nth;
            let lowest = low(self.low, *viewer);
            for (slot, other) in near.iter().take(many) {
                let yours = second + from + slot;
                let lowest = lowest.max(low(self.low, *other));
                let needed = bar(mine).min(bar(yours)).max(lowest.score);
                let Some(key) = self.key(*viewer, *other, needed) else { continue };
                if key <= lowest || !wanted(*viewer, *other, key) {
                    continue;
                }
                for (at, other) in [(mine, *other), (yours, *viewer)] {
                    if let (Some(list), Some(bar)) = (lists.get_mut(at), bars.get(at))
                        && key.score >= f64::from_bits(bar.load(Relaxed))
                    {
                        list.add(Candidate { key, other }, self.keep);
                        if let Some(floor) = list.floor {
                            bar.fetch_max(floor.score.to_bits(), Relaxed);
                        }
                    }
                }
            }
        }
    }

    #[inline]
    fn cities(&self, at: u32) -> u64 {
        self.population.cities.get(index(at)).copied().unwrap_or(0)
    }

    /// Lets the threads take the numbers below `many` one after the other; each has a state of its own.
    fn share<T: Send>(&self, many: usize, state: impl Fn() -> T + Sync, take: impl Fn(&mut T, usize) + Sync) -> Vec<T> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut own = state();
            loop {
                let at = next.fetch_add(1, Relaxed);
                if at >= many {
                    return own;
                }
                take(&mut own, at);
            }
        };
        let threads = self.threads.get().min(many);
        if threads <= 1 {
            return vec![work()];
        }
        thread::scope(|scope| {
            let pool: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let joined = pool.into_iter().map(thread::ScopedJoinHandle::join);
            joined.map(|own| own.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    }

    /// Who of a tile shares a city, with their places in it, without a branch for each.
    #[inline]
    fn near(&self, viewer: u32, tile: &[u32], near: &mut [(usize, u32); TILE]) -> usize {
        let own = self.cities(viewer);
        let mut many = 0;
        for (slot, other) in tile.iter().enumerate() {
            let theirs = self.cities(*other);
            if let Some(held) = near.get_mut(many) {
                *held = (slot, *other);
            }
            many += usize::from(own & theirs != 0 && *other != viewer);
        }
        many
    }

    /// What a candidate must be above to be taken into a list.
    #[inline]
    fn least(&self, list: &Shortlist, at: u32) -> Key {
        match list.best.last() {
            Some(last) if list.best.len() >= self.keep => last.key,
            _ => low(self.low, at),
        }
    }

    /// The exact key of a pair that could be above a bar, and that nothing keeps apart.
    #[inline]
    fn key(&self, a: u32, b: u32, bar: f64) -> Option<Key> {
        let people = self.population;
        let loss = people.sketches.get(index(a))?.loss_within(people.sketches.get(index(b))?, bar)?;
        let (row, other) = (people.rows.get(index(a))?, people.rows.get(index(b))?);
        if bound_of(row, other, loss) < bar || people.hurdle(a, b).is_some() {
            return None;
        }
        Some(Key { score: mutual(row, other), tie: people.tie(a, b) })
    }
}

#[inline]
fn low(lows: &[Key], at: u32) -> Key {
    lows.get(index(at)).copied().unwrap_or(Key::TOP)
}
