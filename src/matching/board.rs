//! Everybody who can be suggested, kept while people come, change and go. Whatever happened before, its suggestions are
//! those of a board made anew of the people who are there now.

use std::collections::{BTreeMap, HashMap};

use super::matcher::{Matcher, Rules};
use super::population::{Hurdle, Population, index, place};
use super::quality::{self, Report};
use super::scan::Shortlist;
use super::vector::Vector;

/// Somebody as a board takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Their id.
    pub id: String,
    /// Their answers.
    pub vector: Vector,
    /// Whom they are not suggested to: blocked, passed, matched, or waiting for an answer.
    pub apart: Vec<String>,
    /// Suggestions they have open beside those of this board.
    pub open: u8,
}

impl Entry {
    /// The same in one form, so that two of them can be compared.
    #[must_use]
    pub fn tidy(mut self) -> Self {
        self.apart.sort_unstable();
        self.apart.dedup();
        self
    }
}

/// Two people who are suggested to each other, the lower id first.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggested {
    /// The one whose id is lower.
    pub low: String,
    /// The other.
    pub high: String,
    /// The mutual score.
    pub score: f64,
    /// Where the pair stands among all that could be suggested to the first.
    pub low_rank: usize,
    /// And to the second.
    pub high_rank: usize,
    /// Outside the promise that nothing blocks.
    pub extra: bool,
}

/// The people of a run, and their candidates.
pub struct Board {
    matcher: Matcher,
    places: HashMap<String, u32>,
    entries: HashMap<String, Entry>,
}

impl Board {
    /// A board of these people.
    pub fn new(people: &[Entry], rules: Rules) -> Self {
        let (mut population, mut places) = (Population::default(), HashMap::new());
        for entry in people {
            places.insert(entry.id.clone(), place(population.len()));
            population.push(&entry.id, &entry.vector, entry.open);
        }
        for entry in people {
            let Some(at) = places.get(&entry.id) else { continue };
            entry.apart.iter().filter_map(|id| places.get(id)).for_each(|other| population.exclude(*at, *other));
        }
        let entries = people.iter().map(|entry| (entry.id.clone(), entry.clone())).collect();
        Self { matcher: Matcher::new(population, rules), places, entries }
    }

    /// Puts somebody in, or in the place of what was known of them. Whether that is anything new.
    pub fn put(&mut self, entry: &Entry) -> bool {
        if self.entries.get(&entry.id) == Some(entry) {
            return false;
        }
        self.entries.insert(entry.id.clone(), entry.clone());
        let at = match self.places.get(&entry.id) {
            Some(at) => *at,
            None => {
                let at = place(self.matcher.population.len());
                self.matcher.population.push(&entry.id, &entry.vector, entry.open);
                self.matcher.lists.push(Shortlist::default());
                self.places.insert(entry.id.clone(), at);
                at
            }
        };
        let population = &mut self.matcher.population;
        population.include(at);
        entry.apart.iter().filter_map(|id| self.places.get(id)).for_each(|other| population.exclude(at, *other));
        if let Some(open) = population.open.get_mut(index(at)) {
            *open = entry.open;
        }
        self.matcher.change(at, &entry.vector);
        true
    }

    /// Takes somebody out. Whether they were there.
    pub fn leave(&mut self, id: &str) -> bool {
        if self.entries.remove(id).is_none() {
            return false;
        }
        if let Some(at) = self.places.get(id).copied() {
            self.matcher.leave(at);
        }
        true
    }

    /// What keeps others from somebody: how many each hurdle removes.
    pub fn hurdles(&self, id: &str) -> BTreeMap<Hurdle, usize> {
        let at = self.places.get(id).filter(|_| self.entries.contains_key(id));
        at.map(|at| self.matcher.hurdles(*at)).unwrap_or_default()
    }

    /// What keeps most others from somebody.
    pub fn hurdle(&self, id: &str) -> Option<Hurdle> {
        self.hurdles(id)
            .into_iter()
            .max_by_key(|(hurdle, many)| (*many, std::cmp::Reverse(*hurdle)))
            .map(|(hurdle, _)| hurdle)
    }

    /// The suggestions, and a report that looks at every pair again when one is asked for.
    pub fn run(&self, reported: bool) -> (Vec<Suggested>, Option<Report>) {
        let matching = self.matcher.run();
        let report = reported.then(|| quality::report(&self.matcher, &matching));
        let ids = &self.matcher.population.ids;
        let id = |at: u32| ids.get(index(at)).cloned().unwrap_or_default();
        let ranks = self.matcher.ranks(&matching);
        let suggested = matching.pairs.iter().zip(ranks).map(|(pair, (rank_a, rank_b))| {
            let (mut low, mut high) = ((id(pair.a), rank_a), (id(pair.b), rank_b));
            if low.0 > high.0 {
                std::mem::swap(&mut low, &mut high);
            }
            let ((low, low_rank), (high, high_rank)) = (low, high);
            Suggested { low, high, score: pair.key.score, low_rank, high_rank, extra: pair.extra }
        });
        (suggested.collect(), report)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::matching::crowd::{self, Chance};

    fn sorted(board: &Board) -> Vec<(String, String, u64, usize, usize, bool)> {
        let (suggested, report) = board.run(true);
        assert_eq!(report.unwrap().blocking_pairs, 0);
        let mut rows: Vec<_> = suggested
            .into_iter()
            .map(|s| (s.low, s.high, s.score.to_bits(), s.low_rank, s.high_rank, s.extra))
            .collect();
        rows.sort();
        rows
    }

    /// People, and who of them is kept from whom.
    #[derive(Default)]
    struct World {
        looks: BTreeMap<String, (u32, u8)>,
        apart: BTreeSet<(String, String)>,
    }

    impl World {
        fn entry(&self, seed: u64, id: &str) -> Entry {
            let (look, open) = self.looks[id];
            let other = |(a, b): &(String, String)| {
                if a == id { Some(b.clone()) } else { (b == id).then(|| a.clone()) }
            };
            let apart = self.apart.iter().filter_map(other).collect();
            Entry { id: id.to_owned(), vector: crowd::vector(seed, look), apart, open }.tidy()
        }
    }

    /// People come, change, go, fall out with each other and make up; each time the board is as if made anew.
    #[test]
    fn a_kept_board_is_a_new_one_bit_for_bit() {
        for seed in 0..6 {
            let mut chance = Chance::new(seed);
            let id = |n: u16| format!("person-{n:03}");
            let rules = Rules { suggestions_max: 4, open_max: 6, shortlist: 8, ..Rules::default() };
            let mut world = World::default();
            for n in 0..60 {
                world.looks.insert(id(n), (n.into(), 0));
            }
            let all = |world: &World| world.looks.keys().map(|id| world.entry(seed, id)).collect::<Vec<_>>();
            let mut board = Board::new(&all(&world), rules);
            for step in 0..40 {
                let (one, two) = (id(chance.below(80)), id(chance.below(80)));
                match chance.below(4) {
                    0 => assert_eq!(board.leave(&one), world.looks.remove(&one).is_some()),
                    1 if one != two => {
                        let pair = (one.clone().min(two.clone()), one.clone().max(two.clone()));
                        if !world.apart.remove(&pair) {
                            world.apart.insert(pair);
                        }
                        for id in [one, two] {
                            if let Some((_, open)) = world.looks.get_mut(&id) {
                                *open = u8::try_from(chance.below(4)).unwrap();
                                board.put(&world.entry(seed, &id));
                            }
                        }
                    }
                    _ => {
                        world.looks.insert(one.clone(), (1_000 + u32::from(chance.below(500)), 0));
                        assert!(board.put(&world.entry(seed, &one)));
                        assert!(!board.put(&world.entry(seed, &one)), "nothing new");
                    }
                }
                if step % 5 == 4 {
                    assert_eq!(sorted(&board), sorted(&Board::new(&all(&world), rules)), "seed {seed}, step {step}");
                }
            }
        }
    }
}
