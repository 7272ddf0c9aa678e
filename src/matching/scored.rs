//! A score as it is written for other programs.

use serde_json::{Value, json};

use super::explain::{explain, parts};
use super::gates::ids;
use super::person::{Person, Wrong};
use super::v3::{Directed, Row, fuse, percent};
use super::vector::Vector;
use super::{v2, v3};

/// Which score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// That of the platform before this one.
    V2,
    /// That of this platform.
    V3,
}

/// The score of two people.
///
/// # Errors
/// What `v3` does not take: a city that the bank does not know, or people of two cohorts.
pub fn scored(algorithm: Algorithm, a: &Person, b: &Person) -> Result<Value, Wrong> {
    match algorithm {
        Algorithm::V2 => Ok(second(a, b)),
        Algorithm::V3 => third(a, b),
    }
}

fn dimensions([logistics, environment, cleanliness, communication, social]: [f64; 5]) -> Value {
    json!({
        "environment": environment, "cleanliness": cleanliness, "communication": communication, "social": social,
        "logistics": logistics,
    })
}

fn second(a: &Person, b: &Person) -> Value {
    let score = v2::score(a, b);
    json!({
        "algorithm": "v2",
        "overall": score.overall.to_f64(),
        "harmony": score.harmony.to_f64(),
        "context": score.context.to_f64(),
        "academic": score.academic.to_f64(),
        "dimensions": dimensions(score.modules.map(super::ratio::Ratio::to_f64)),
        "gates": score.gates,
        "soft_override": score.soft_override(),
        "blocked": score.blocked(),
        "fit": score.overall.percent(),
    })
}

fn third(a: &Person, b: &Person) -> Result<Value, Wrong> {
    if a.cohort != b.cohort {
        return Err(Wrong::Part("cohort: a and b are of two cohorts, which are never matched".into()));
    }
    let (a, b) = (Row::of(&Vector::of(a)?), Row::of(&Vector::of(b)?));
    let (ab, ba) = (a.sees(&b), b.sees(&a));
    let both = |part: fn(&Directed) -> f64| fuse(part(&ab), part(&ba));
    let mut modules = [0.0; super::bank::MODULES];
    for (held, (mine, yours)) in modules.iter_mut().zip(ab.modules.iter().zip(&ba.modules)) {
        *held = fuse(*mine, *yours);
    }
    let conflicts = ab.gates.conflicts | ba.gates.conflicts;
    let blocked = a.stance.apart(b.stance);
    let overall = both(|side| side.overall);
    Ok(json!({
        "algorithm": v3::ALGORITHM,
        "overall": overall,
        "harmony": both(|side| side.harmony),
        "context": both(|side| side.context),
        "academic": both(|side| side.background),
        "dimensions": dimensions(modules),
        "gates": ids(conflicts),
        "gates_unknown": ids((ab.gates.unknown | ba.gates.unknown) & !conflicts),
        "soft_override": conflicts != 0 && !blocked,
        "blocked": blocked,
        "fit": percent(overall),
        "directed": { "a_to_b": ab.overall, "b_to_a": ba.overall },
        "parts": parts(&a, &b),
        "explanation": explain(&a, &b),
    }))
}
