//! The matcher against the plainest way to say what it does.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::super::crowd;
use super::super::matcher::{Matcher, Matching, Rules};
use super::super::population::{Hurdle, Population};
use super::super::quality::report;
use super::super::scan::Key;
use super::super::sketch::{bound, bound_of};
use super::super::v3::mutual;
use super::super::vector::Vector;
use super::laws::vectors;

fn population(people: &[Vector]) -> Population {
    let mut population = Population::default();
    for (at, vector) in people.iter().enumerate() {
        population.push(&format!("p{at}"), vector, (at % 4) as u8);
    }
    population
}

fn crowd(seed: u64, people: u32) -> Vec<Vector> {
    (0..people).map(|at| Vector { anywhere: true, ..crowd::vector(seed, at) }).collect()
}

fn rules(suggestions_max: u8, shortlist: usize, threads: usize) -> Rules {
    let threads = NonZeroUsize::new(threads).unwrap();
    Rules { suggestions_max, shortlist, threads, open_max: 5, covered: 0, ..Rules::default() }
}

/// Every eligible pair, best first, kept while both have room.
fn plain(people: &Population, rules: Rules) -> Vec<(Key, u32, u32)> {
    let mut pairs = Vec::new();
    for a in people.places() {
        for b in a + 1..people.len() as u32 {
            let (mine, yours) = (&people.rows[a as usize], &people.rows[b as usize]);
            let key = Key { score: mutual(mine, yours), tie: people.tie(a, b) };
            if mine.cohort == yours.cohort && people.hurdle(a, b).is_none() && key.score >= rules.score_min {
                pairs.push((key, a, b));
            }
        }
    }
    pairs.sort_by(|a, b| b.cmp(a));
    let mut room: Vec<u8> =
        people.open.iter().map(|open| rules.suggestions_max.min(rules.open_max.saturating_sub(*open))).collect();
    pairs.retain(|(_, a, b)| {
        let free = room[*a as usize] > 0 && room[*b as usize] > 0;
        if free {
            room[*a as usize] -= 1;
            room[*b as usize] -= 1;
        }
        free
    });
    pairs
}

fn found(matching: &Matching) -> Vec<(Key, u32, u32)> {
    matching.pairs.iter().map(|pair| (pair.key, pair.a, pair.b)).collect()
}

/// Blocking pairs by the definition alone.
fn blocking(people: &Population, rules: Rules, kept: &[(Key, u32, u32)]) -> usize {
    let wants = |at: u32, key: Key| {
        let own: Vec<Key> = kept.iter().filter(|(_, a, b)| *a == at || *b == at).map(|(key, _, _)| *key).collect();
        let room = rules.suggestions_max.min(rules.open_max.saturating_sub(people.open[at as usize]));
        room > 0 && (own.len() < usize::from(room) || own.iter().any(|held| *held < key))
    };
    let all = plain(people, Rules { suggestions_max: u8::MAX, open_max: u8::MAX, ..rules });
    all.iter().filter(|(key, a, b)| !kept.contains(&(*key, *a, *b)) && wants(*a, *key) && wants(*b, *key)).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn suggestions_are_those_of_the_plain_way_and_nothing_blocks(
        people in prop::collection::vec(vectors(), 0..24), most in 1u8..4, shortlist in 4usize..9, threads in 1usize..3,
    ) {
        let rules = Rules { score_min: 0.05, ..rules(most, shortlist, threads) };
        let matcher = Matcher::new(population(&people), rules);
        let matching = matcher.run();
        prop_assert_eq!(found(&matching), plain(&matcher.population, rules));
        prop_assert_eq!(blocking(&matcher.population, rules, &found(&matching)), 0);
        prop_assert_eq!(matcher.blocking(&matching), 0);
    }

    #[test]
    fn a_bound_is_never_below_the_score(a in vectors(), b in vectors()) {
        let people = population(&[a.clone(), Vector { cohort: a.cohort, ..b }]);
        let loss = people.sketches[0].loss(&people.sketches[1]);
        let score = mutual(&people.rows[0], &people.rows[1]);
        prop_assert!(bound(loss) >= score && bound_of(&people.rows[0], &people.rows[1], loss) >= score);
        prop_assert_eq!(loss, people.sketches[1].loss(&people.sketches[0]));
    }
}

#[test]
fn a_crowd_that_needs_many_rounds_is_stable_and_threads_do_not_matter() {
    let people = crowd(7, 300);
    let of = |shortlist, threads| Matcher::new(population(&people), rules(5, shortlist, threads)).run();
    let matching = of(6, 2);
    assert!(matching.rounds > 1);
    let plainly = plain(&population(&people), rules(5, 6, 1));
    assert_eq!(found(&matching), plainly);
    assert_eq!(found(&of(40, 1)), plainly);
}

/// A check that nothing can fail is none: a pair taken away is seen to block.
#[test]
fn a_blocking_pair_is_seen() {
    let matcher = Matcher::new(population(&crowd(3, 60)), rules(3, 10, 1));
    let mut matching = matcher.run();
    assert_eq!(matcher.blocking(&matching), 0);
    matching.pairs.remove(0);
    assert!(matcher.blocking(&matching) > 0);
}

#[test]
fn one_changed_person_is_as_good_as_a_full_run() {
    let mut people = crowd(11, 160);
    let rules = rules(4, 12, 2);
    let mut matcher = Matcher::new(population(&people), rules);
    for step in 0..40u32 {
        let at = step * 7 % 160;
        people[at as usize] = Vector { cohort: people[at as usize].cohort, ..crowd::vector(500 + u64::from(step), at) };
        matcher.change(at, &people[at as usize]);
        if step % 8 == 7 {
            let full = Matcher::new(population(&people), rules);
            assert_eq!(matcher.run().pairs, full.run().pairs, "after step {step}");
            let matching = matcher.run();
            assert_eq!(matcher.ranks(&matching), full.ranks(&matching));
        }
    }
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    let people = crowd(5, 80);
    let named = |order: &mut dyn Iterator<Item = usize>| {
        let mut population = Population::default();
        order.for_each(|at| population.push(&format!("p{at}"), &people[at], 0));
        let matcher = Matcher::new(population, Rules::default());
        let ids = &matcher.population.ids;
        let name = |pair: &super::super::matcher::Pair| {
            let (a, b) = (&ids[pair.a as usize], &ids[pair.b as usize]);
            (a.min(b).clone(), a.max(b).clone(), pair.extra)
        };
        matcher.run().pairs.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(named(&mut (0..80)), named(&mut (0..80).rev()));
}

/// Equal scores, and the draw decides, not the place.
#[test]
fn ties_are_broken_by_the_published_draw() {
    let same = vec![crowd::vector(1, 1); 4];
    let people = population(&same);
    let mut pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
    pairs.sort_by_key(|(a, b)| people.tie(*a, *b));
    let matching = Matcher::new(people, rules(1, 10, 1)).run();
    assert_eq!((matching.pairs[0].a, matching.pairs[0].b), pairs[0]);
    assert_eq!(matching.pairs.len(), 2);
}

#[test]
fn ranks_count_from_one_in_the_own_pool() {
    let matcher = Matcher::new(population(&crowd(9, 120)), rules(3, 4, 1));
    let matching = matcher.run();
    let people = &matcher.population;
    let all = plain(people, Rules { suggestions_max: u8::MAX, open_max: u8::MAX, ..matcher.rules });
    for (pair, ranks) in matching.pairs.iter().zip(matcher.ranks(&matching)) {
        let rank = |at: u32| 1 + all.iter().filter(|(key, a, b)| (*a == at || *b == at) && *key > pair.key).count();
        assert_eq!(ranks, (rank(pair.a), rank(pair.b)));
    }
}

#[test]
fn nobody_who_could_be_seen_is_invisible_and_extra_slots_are_marked() {
    let few = Rules { suggestions_max: 3, shortlist: 8, covered: 3, ..Rules::default() };
    let matcher = Matcher::new(population(&crowd(2, 150)), few);
    let matching = matcher.run();
    let mut held: BTreeMap<u32, (u8, u8)> = BTreeMap::new();
    for pair in &matching.pairs {
        for at in [pair.a, pair.b] {
            let (all, extra) = held.entry(at).or_default();
            *all += 1;
            *extra += u8::from(pair.extra);
        }
    }
    assert!(matching.pairs.iter().any(|pair| pair.extra));
    assert!(held.values().all(|(all, extra)| *all - *extra <= 3 && *all <= 3 + few.extra_max));
    let told = report(&matcher, &matching);
    assert_eq!((told.blocking_pairs, told.people), (0, 150));
    assert!(told.share_with_three > 0.95, "{told:?}");
    assert!(told.gini < 0.35, "{told:?}");
    for empty in &told.empties {
        assert!(empty.hurdle.is_some(), "{empty:?}");
    }
}

#[test]
fn who_is_left_with_nobody_learns_why() {
    let mut people = crowd(4, 30);
    for person in &mut people {
        person.anywhere = false;
        person.cities = 1;
    }
    people[0].cities = 2;
    let mut all = population(&people);
    for other in 2..30 {
        all.exclude(1, other);
    }
    let matcher = Matcher::new(all, Rules::default());
    let matching = matcher.run();
    assert!(matching.pairs.iter().all(|pair| ![pair.a, pair.b].contains(&0) && ![pair.a, pair.b].contains(&1)));
    let told = report(&matcher, &matching);
    let why = |id: &str| told.empties.iter().find(|empty| empty.id == id).unwrap().hurdle;
    assert_eq!(why("p0"), Some(Hurdle::City));
    assert!(matcher.hurdles(1).contains_key(&Hurdle::Excluded));
    assert!(Hurdle::ALL.is_sorted());
}
