//! Who is suggested to whom: a stable b-matching on the mutual score, and extra slots for those it leaves with little.
//!
//! Both people of a pair see the same score, so that going down all pairs from the best and keeping each whose people
//! both have room is stable, and no other set of pairs is. A *blocking pair* is one that is not suggested although each
//! of its people has room or would rather have it than their last suggestion.
//!
//! # Source
//! Abraham, Levavi, Manlove, O'Malley, "The stable roommates problem with globally-ranked pairs" (2007);
//! Cechlárová, Fleiner, "On a generalization of the stable roommates problem" (2005).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroUsize;

use super::person::Cohort;
use super::population::{Hurdle, Population, index, place};
use super::scan::{Candidate, Key, Scan, Shortlist};
use super::v3::mutual;
use super::vector::Vector;

/// What a run is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Suggestions for one person in a run.
    pub suggestions_max: u8,
    /// Suggestions one person may have open, those of earlier runs included.
    pub open_max: u8,
    /// The least mutual score that is suggested.
    pub score_min: f64,
    /// Below so many suggestions a person gets extra slots.
    pub covered: u8,
    /// Extra slots a person takes for the sake of others.
    pub extra_max: u8,
    /// Candidates held for each person: more cost memory, fewer cost rounds.
    pub shortlist: usize,
    /// Threads that share the work.
    pub threads: NonZeroUsize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            suggestions_max: 10,
            open_max: 20,
            score_min: 0.30,
            covered: 3,
            extra_max: 2,
            shortlist: 40,
            threads: NonZeroUsize::MIN,
        }
    }
}

/// One suggested pair; `a` comes before `b` in the population.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// One of the two.
    pub a: u32,
    /// The other.
    pub b: u32,
    /// Where it stands.
    pub key: Key,
    /// Given to somebody who would have had too few: outside the promise that nothing blocks.
    pub extra: bool,
}

/// The suggestions of a run, best first, and how they were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// The pairs.
    pub pairs: Vec<Pair>,
    /// Rounds until nothing blocked.
    pub rounds: usize,
}

/// A population with everybody's best candidates, kept while people change.
pub struct Matcher {
    /// Everybody.
    pub population: Population,
    /// What is asked for.
    pub rules: Rules,
    pub(super) lists: Vec<Shortlist>,
}

/// What the rounds of a run know of each other.
#[derive(Default)]
struct Search {
    /// Pairs found beside the lists.
    found: HashSet<(u32, u32)>,
    /// Everybody's last suggestion in the round before.
    last: Vec<Key>,
    /// People who missed more than could be kept.
    full: HashSet<u32>,
}

/// People whose whole pools are held at once while ranks are counted.
const VIEWERS_AT_ONCE: usize = 256;

/// Keeps every pair while both have room, from the best down.
struct Kept {
    room: Vec<u8>,
    pairs: Vec<(Key, u32, u32)>,
}

impl Kept {
    fn take(&mut self, (key, a, b): (Key, u32, u32)) -> bool {
        let room = |at: u32| self.room.get(index(at)).is_some_and(|room| *room > 0);
        if !room(a) || !room(b) {
            return false;
        }
        for at in [a, b] {
            if let Some(room) = self.room.get_mut(index(at)) {
                *room -= 1;
            }
        }
        self.pairs.push((key, a, b));
        true
    }
}

impl Matcher {
    /// Scores everybody against everybody.
    pub fn new(population: Population, rules: Rules) -> Self {
        let mut matcher = Self { population, rules, lists: Vec::new() };
        matcher.lists = vec![Shortlist::default(); matcher.population.len()];
        let low = matcher.lowest();
        for cohort in matcher.cohorts() {
            let lists = matcher.scan(&low, &low, rules.shortlist).among(&cohort, |_, _, _| true);
            matcher.put(&cohort, lists);
        }
        matcher
    }

    /// Puts another vector in the place of a person's: as if everybody had been scored anew, but only this person is.
    pub fn change(&mut self, at: u32, vector: &Vector) {
        self.population.change(at, vector);
        self.rescore(at);
    }

    /// Scores one person against everybody anew.
    fn rescore(&mut self, at: u32) {
        for list in &mut self.lists {
            list.best.retain(|held| held.other != at);
        }
        let cohort = self.cohort_of(at);
        let (keep, lowest) = (self.rules.shortlist, self.lowest());
        let own = self.scan(&lowest, &lowest, keep).run(&[at], &cohort, |_, _, _| true);
        self.put(&[at], own);
        // To others this person matters above the floor of their lists.
        let floors: Vec<Key> = self.lists.iter().map(|list| list.floor.unwrap_or(self.low())).collect();
        let all = self.scan(&lowest, &floors, usize::MAX).run(&[at], &cohort, |_, _, _| true);
        for Candidate { key, other } in all.into_iter().flat_map(|list| list.best) {
            if let Some(list) = self.lists.get_mut(index(other)) {
                list.add(Candidate { key, other: at }, keep);
            }
        }
        // Lists that lost too many to say anything are made anew.
        let short = |at: &u32| {
            self.lists.get(index(*at)).is_some_and(|list| list.floor.is_some() && list.best.len() < keep.div_ceil(2))
        };
        let short: Vec<u32> = cohort.iter().copied().filter(short).collect();
        let lists = self.scan(&lowest, &lowest, keep).run(&short, &cohort, |_, _, _| true);
        self.put(&short, lists);
    }

    /// Takes a person out.
    pub fn leave(&mut self, at: u32) {
        self.population.leave(at);
        self.rescore(at);
    }

    /// The suggestions.
    pub fn run(&self) -> Matching {
        let mut edges: Vec<(Key, u32, u32)> = Vec::new();
        for (at, list) in self.lists.iter().enumerate() {
            let pair = |held: &Candidate| (held.key, place(at).min(held.other), place(at).max(held.other));
            edges.extend(list.best.iter().map(pair));
        }
        let (mut rounds, mut search) = (0, Search::default());
        loop {
            rounds += 1;
            edges.sort_unstable_by(|a, b| b.cmp(a));
            edges.dedup();
            let mut kept = Kept { room: self.room(), pairs: Vec::new() };
            for edge in &edges {
                kept.take(*edge);
            }
            let missed = self.unseen(self.last(&kept.pairs), &mut search);
            if missed.is_empty() {
                return self.finish(kept, rounds);
            }
            edges.extend(missed);
        }
    }

    /// Pairs that block, and that nobody's list tells of: both people went below the floor of theirs.
    ///
    /// # Why
    /// Such a pair that is new since the last round has somebody whose last suggestion became worse, or whose missed pairs
    /// were more than could be kept: only they look around again.
    fn unseen(&self, last: Vec<Key>, search: &mut Search) -> Vec<(Key, u32, u32)> {
        let floor = |at: u32| self.lists.get(index(at)).and_then(|list| list.floor);
        let last_of = |last: &[Key], at: u32| last.get(index(at)).copied().unwrap_or(Key::TOP);
        let (mut missed, mut full) = (Vec::new(), HashSet::new());
        for cohort in self.cohorts() {
            let below = |at: &u32| floor(*at).is_some_and(|floor| last_of(&last, *at) < floor);
            let open: Vec<u32> = cohort.into_iter().filter(below).collect();
            let under = |at: u32, key: Key| floor(at).is_some_and(|floor| key < floor);
            let found = &search.found;
            let unlisted =
                |a: u32, b: u32, key: Key| under(a, key) && under(b, key) && !found.contains(&(a.min(b), a.max(b)));
            let scan = self.scan(&last, &last, self.rules.shortlist);
            let (viewers, lists) = if search.last.is_empty() {
                let lists = scan.among(&open, unlisted);
                (open, lists)
            } else {
                let worse = |at: &u32| last_of(&last, *at) < last_of(&search.last, *at) || search.full.contains(at);
                let viewers: Vec<u32> = open.iter().copied().filter(worse).collect();
                let lists = scan.run(&viewers, &open, unlisted);
                (viewers, lists)
            };
            for (at, list) in viewers.iter().zip(lists) {
                if list.floor.is_some() {
                    full.insert(*at);
                }
                missed.extend(list.best.iter().map(|held| (held.key, (*at).min(held.other), (*at).max(held.other))));
            }
        }
        search.found.extend(missed.iter().map(|(_, a, b)| (*a, *b)));
        (search.last, search.full) = (last, full);
        missed
    }

    /// What a pair must stand above for each person to want it: their last suggestion, or the least score with room left.
    fn last(&self, pairs: &[(Key, u32, u32)]) -> Vec<Key> {
        let mut room = self.room();
        let mut last: Vec<Key> = room.iter().map(|room| if *room == 0 { Key::TOP } else { self.low() }).collect();
        for (key, a, b) in pairs {
            for at in [a, b] {
                let Some(room) = room.get_mut(index(*at)) else { continue };
                *room -= 1;
                if *room == 0
                    && let Some(last) = last.get_mut(index(*at))
                {
                    *last = *key;
                }
            }
        }
        last
    }

    /// Adds extra slots: who has too few gets the best of those who still take one for others.
    fn finish(&self, kept: Kept, rounds: usize) -> Matching {
        let Rules { covered, extra_max, open_max, .. } = self.rules;
        let (pairs, room, lowest) = (kept.pairs, kept.room, self.lowest());
        let mut held: Vec<u8> = self.room().iter().zip(&room).map(|(all, left)| all - left).collect();
        let mut taken: HashSet<(u32, u32)> = pairs.iter().map(|(_, a, b)| (*a, *b)).collect();
        let free = |at: u32, held: &[u8]| {
            let open = self.population.open.get(index(at)).copied().unwrap_or(0);
            open_max.saturating_sub(open).saturating_sub(held.get(index(at)).copied().unwrap_or(0))
        };
        let mut spare: Vec<u8> = self.population.places().map(|at| free(at, &held).min(extra_max)).collect();
        let mut pairs: Vec<Pair> = pairs.into_iter().map(|(key, a, b)| Pair { a, b, key, extra: false }).collect();
        loop {
            let lacks = |at: u32, held: &[u8]| {
                let has = held.get(index(at)).copied().unwrap_or(0);
                covered.saturating_sub(has).min(free(at, held))
            };
            let spares = |at: u32, spare: &[u8]| spare.get(index(at)).is_some_and(|spare| *spare > 0);
            let mut wishes = Vec::new();
            for cohort in self.cohorts() {
                let needy: Vec<u32> = cohort.iter().copied().filter(|at| lacks(*at, &held) > 0).collect();
                let others: Vec<u32> =
                    cohort.iter().copied().filter(|at| spares(*at, &spare) || lacks(*at, &held) > 0).collect();
                let fresh = |a: u32, b: u32, _: Key| !taken.contains(&(a.min(b), a.max(b)));
                let lists = self.scan(&lowest, &lowest, covered.into()).run(&needy, &others, fresh);
                for (at, list) in needy.iter().zip(lists) {
                    wishes
                        .extend(list.best.iter().map(|wish| (wish.key, (*at).min(wish.other), (*at).max(wish.other))));
                }
            }
            wishes.sort_unstable_by(|a, b| b.cmp(a));
            wishes.dedup();
            let before = pairs.len();
            for (key, a, b) in wishes {
                let gives = |at: u32| lacks(at, &held) > 0 || spares(at, &spare) && free(at, &held) > 0;
                if !(gives(a) && gives(b) && (lacks(a, &held) > 0 || lacks(b, &held) > 0)) {
                    continue;
                }
                for at in [a, b] {
                    let lacked = lacks(at, &held) > 0;
                    if let (Some(held), Some(spare)) = (held.get_mut(index(at)), spare.get_mut(index(at))) {
                        *held += 1;
                        *spare -= u8::from(!lacked);
                    }
                }
                taken.insert((a, b));
                pairs.push(Pair { a, b, key, extra: true });
            }
            if pairs.len() == before {
                break;
            }
        }
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.key));
        Matching { pairs, rounds }
    }

    /// Pairs that are not suggested although both people want them: every pair is looked at again. There are none.
    pub fn blocking(&self, matching: &Matching) -> usize {
        let stable: Vec<_> = matching.pairs.iter().filter(|pair| !pair.extra).map(|p| (p.key, p.a, p.b)).collect();
        let last = self.last(&stable);
        let kept: HashSet<(u32, u32)> = stable.iter().map(|(_, a, b)| (*a, *b)).collect();
        let missed = |a: u32, b: u32, _: Key| !kept.contains(&(a.min(b), a.max(b)));
        let count = |cohort: Vec<u32>| {
            let lists = self.scan(&last, &last, usize::MAX).among(&cohort, missed);
            lists.iter().map(|list| list.best.len()).sum::<usize>() / 2
        };
        self.cohorts().into_iter().map(count).sum()
    }

    /// Where each pair stands among all that could be suggested to its `a`, and to its `b`, counted from 1.
    pub fn ranks(&self, matching: &Matching) -> Vec<(usize, usize)> {
        let mut worst = vec![Key::TOP; self.population.len()];
        for pair in &matching.pairs {
            for at in [pair.a, pair.b] {
                if let Some(worst) = worst.get_mut(index(at)) {
                    *worst = pair.key.min(*worst);
                }
            }
        }
        // Whoever has a suggestion below the floor of their list needs all that stand above it.
        let beyond = |at: &u32| {
            let floor = self.lists.get(index(*at)).and_then(|list| list.floor);
            floor.zip(worst.get(index(*at))).is_some_and(|(floor, worst)| *worst < floor)
        };
        let rank = |list: &Shortlist, key: Key| list.best.partition_point(|held| held.key > key) + 1;
        let mut own: BTreeMap<u32, Vec<Key>> = BTreeMap::new();
        for pair in &matching.pairs {
            for at in [pair.a, pair.b].into_iter().filter(beyond) {
                own.entry(at).or_default().push(pair.key);
            }
        }
        let (mut longer, lowest) = (HashMap::new(), self.lowest());
        for cohort in self.cohorts() {
            let viewers: Vec<u32> = cohort.iter().copied().filter(|at| own.contains_key(at)).collect();
            // Long lists are counted and dropped, some at a time.
            for viewers in viewers.chunks(VIEWERS_AT_ONCE) {
                let lists = self.scan(&worst, &lowest, usize::MAX).run(viewers, &cohort, |_, _, _| true);
                for (at, list) in viewers.iter().zip(lists) {
                    let keys = own.get(at).into_iter().flatten();
                    longer.extend(keys.map(|key| ((*at, key.score.to_bits(), key.tie), rank(&list, *key))));
                }
            }
        }
        let rank = |at: u32, key: Key| {
            let counted = longer.get(&(at, key.score.to_bits(), key.tie)).copied();
            counted.unwrap_or_else(|| self.lists.get(index(at)).map_or(0, |list| rank(list, key)))
        };
        matching.pairs.iter().map(|pair| (rank(pair.a, pair.key), rank(pair.b, pair.key))).collect()
    }

    /// What keeps a person from others of their cohort: how many each hurdle removes.
    pub fn hurdles(&self, at: u32) -> BTreeMap<Hurdle, usize> {
        let mut removed = BTreeMap::new();
        for other in self.cohort_of(at).into_iter().filter(|other| *other != at && self.population.is_here(*other)) {
            let rows = self.population.rows.get(index(at)).zip(self.population.rows.get(index(other)));
            let low = || rows.is_some_and(|(mine, yours)| mutual(mine, yours) < self.rules.score_min);
            let hurdle = self.population.hurdle(at, other).or_else(|| low().then_some(Hurdle::Score));
            if let Some(hurdle) = hurdle {
                *removed.entry(hurdle).or_insert(0) += 1;
            }
        }
        removed
    }

    fn scan<'a>(&'a self, low: &'a [Key], low_of_others: &'a [Key], keep: usize) -> Scan<'a> {
        Scan { population: &self.population, low, low_of_others, keep, threads: self.rules.threads }
    }

    fn put(&mut self, viewers: &[u32], lists: Vec<Shortlist>) {
        for (at, list) in viewers.iter().zip(lists) {
            if let Some(held) = self.lists.get_mut(index(*at)) {
                *held = list;
            }
        }
    }

    fn low(&self) -> Key {
        Key::below(self.rules.score_min)
    }

    fn lowest(&self) -> Vec<Key> {
        vec![self.low(); self.population.len()]
    }

    /// How many suggestions each person can take.
    fn room(&self) -> Vec<u8> {
        let Rules { suggestions_max, open_max, .. } = self.rules;
        self.population.open.iter().map(|open| suggestions_max.min(open_max.saturating_sub(*open))).collect()
    }

    fn cohorts(&self) -> [Vec<u32>; 2] {
        [Cohort::Student, Cohort::Professional].map(|cohort| self.members(cohort))
    }

    fn members(&self, cohort: Cohort) -> Vec<u32> {
        self.population
            .places()
            .zip(&self.population.rows)
            .filter(|(_, row)| row.cohort == cohort)
            .map(|(at, _)| at)
            .collect()
    }

    fn cohort_of(&self, at: u32) -> Vec<u32> {
        self.population.rows.get(index(at)).map(|row| self.members(row.cohort)).unwrap_or_default()
    }
}
