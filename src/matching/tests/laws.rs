//! What holds for all people.

use proptest::prelude::*;

use super::super::bank::{Fit, ITEMS, Item, NONE, QUESTIONS, bank};
use super::super::explain::parts;
use super::super::person::Cohort;
use super::super::v3::{Row, mutual};
use super::super::vector::{BYTES, Span, Vector};
use super::super::{person::Person, v2};

prop_compose! {
    /// Any vector; about one answer in seven is missing.
    pub(super) fn vectors()(
        raw in prop::collection::vec(any::<u8>(), QUESTIONS),
        important in any::<u64>(), ticked in any::<u64>(), dealbreakers in 0u8..16,
        cities in 0u64..8, anywhere in any::<bool>(), from in 300u16..900, width in 0u16..400, day in 0u16..90,
        university in 0u64..4, programme in 0u64..4, years in (0u8..8, 0u8..4, 0u8..40),
        cohort in prop_oneof![4 => Just(Cohort::Student), 1 => Just(Cohort::Professional)],
    ) -> Vector {
        let mut levels = [NONE; QUESTIONS];
        let many = bank().items().map(Item::levels).chain(std::iter::repeat(2));
        for ((held, raw), many) in levels.iter_mut().zip(raw).zip(many) {
            *held = if raw > 220 { NONE } else { raw % many };
        }
        Vector {
            cohort, levels, important: important & ticked & ((1 << ITEMS) - 1), dealbreakers, cities, anywhere,
            budget: if width > 350 { Span::UNKNOWN } else { Span { from, to: from + width } },
            move_in: if day > 80 { Span::UNKNOWN } else { Span { from: day, to: day + 30 } },
            housing: 1, languages: [0; 8], university, programme,
            study_year: years.0, pattern: years.1, age: years.2,
        }
    }
}

fn rows(a: &Vector, b: &Vector) -> (Row, Row) {
    (Row::of(a), Row::of(&Vector { cohort: a.cohort, ..b.clone() }))
}

proptest! {
    #[test]
    fn the_mutual_score_is_the_same_for_both_bounded_and_between_the_directed(a in vectors(), b in vectors()) {
        let (a, b) = rows(&a, &b);
        let (score, mine, yours) = (mutual(&a, &b), a.sees(&b).overall, b.sees(&a).overall);
        prop_assert_eq!(score.to_bits(), mutual(&b, &a).to_bits());
        prop_assert!((0.0..=1.0).contains(&mine) && (0.0..=1.0).contains(&score));
        prop_assert!(score >= mine.min(yours) - 1e-12 && score <= mine.max(yours) + 1e-12);
    }

    #[test]
    fn a_score_is_the_sum_of_its_parts(a in vectors(), b in vectors()) {
        let (a, b) = rows(&a, &b);
        let shown = parts(&a, &b);
        let sum: f64 = shown.iter().map(|part| part.contribution).sum();
        prop_assert!((sum - mutual(&a, &b)).abs() < 1e-9);
        let mine: f64 = shown.iter().map(|part| part.fit_ab * part.weight_ab).sum();
        prop_assert!((mine - a.sees(&b).overall).abs() < 1e-9);
    }

    #[test]
    fn an_answer_withheld_never_raises_a_score(a in vectors(), b in vectors(), at in 0..QUESTIONS) {
        let mut silent = a.clone();
        silent.levels[at] = NONE;
        let (a, b) = rows(&a, &b);
        prop_assert!(mutual(&Row::of(&silent), &b) <= mutual(&a, &b) + 1e-12);
    }

    #[test]
    fn a_step_towards_the_other_never_lowers_a_score(a in vectors(), b in vectors(), at in 0..ITEMS) {
        let item = bank().items().nth(at).unwrap();
        let (mine, yours) = (a.levels[at], b.levels[at]);
        let of_others = bank().items().any(|other| matches!(&other.fit, Fit::Limit(limit) if limit.of == item.id));
        prop_assume!(item.fit == Fit::Alike && item.weight > 0 && item.options.iter().all(|choice| !choice.covers && !choice.open));
        prop_assume!(item.times.is_none() && !of_others && mine != NONE && yours != NONE && mine != yours);
        let mut nearer = a.clone();
        nearer.levels[at] = if mine < yours { mine + 1 } else { mine - 1 };
        let (a, b) = rows(&a, &b);
        prop_assert!(mutual(&Row::of(&nearer), &b) >= mutual(&a, &b) - 1e-12);
    }

    #[test]
    fn nobody_is_shown_what_they_cannot_live_with(a in vectors(), b in vectors()) {
        let (a, b) = rows(&a, &b);
        let met = a.stance.dealbreaker & a.stance.insists & (b.stance.does | b.stance.unsaid);
        prop_assert!(met == 0 || (a.stance.apart(b.stance) && b.stance.apart(a.stance)));
    }

    #[test]
    fn a_vector_is_read_as_it_was_written(a in vectors(), cut in 0..BYTES) {
        let bytes = a.to_bytes();
        prop_assert_eq!(Vector::from_bytes(&bytes), Some(a.clone()));
        prop_assert_eq!(Vector::from_bytes(&bytes[..cut]), None);
        let mut stale = bytes;
        stale[0] += 1;
        prop_assert_eq!(Vector::from_bytes(&stale), None);
    }

    #[test]
    fn v2_is_symmetric_and_bounded(a in vectors(), b in vectors()) {
        let person = |vector: &Vector| Person { levels: vector.levels, ..Person::default() };
        let found = v2::score(&person(&a), &person(&b));
        prop_assert_eq!(&found, &v2::score(&person(&b), &person(&a)));
        prop_assert!((0.0..=1.0).contains(&found.overall.to_f64()));
    }
}

#[test]
fn everybody_is_like_themselves_in_what_is_a_matter_of_likeness() {
    for (at, item) in bank().items().enumerate().filter(|(_, item)| item.fit == Fit::Alike) {
        for level in 0..item.levels() {
            let mut levels = [NONE; QUESTIONS];
            levels[at] = level;
            let row = Row::of(&Vector { levels, ..Vector::of(&Person::default()).unwrap() });
            assert_eq!(row.item(&row, at), 1.0, "{} at {level}", item.id);
        }
    }
}

#[test]
fn a_changed_answer_changes_the_hash() {
    let empty = Vector::of(&Person::default()).unwrap();
    let mut hashes: Vec<_> = (0..QUESTIONS)
        .map(|at| {
            let mut changed = empty.clone();
            changed.levels[at] = 1;
            changed.inputs_hash()
        })
        .collect();
    hashes.push(empty.inputs_hash());
    hashes.push(Vector { anywhere: true, ..empty.clone() }.inputs_hash());
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), QUESTIONS + 2);
}
