//! Why a score is what it is: its parts, which sum to it, and what two people should know before they meet.

use serde::Serialize;

use super::bank::{Item, Kind, MODULE_ITEMS, MODULES, Text, bank};
use super::v3::{AVERAGE, CONTEXT, Directed, LIVING, PLAN, Row, WEAKEST, fuse};

/// What a part belongs to, in the order of the bank and then of the context.
const MODULE_NAMES: [&str; MODULES] = ["logistics", "environment", "cleanliness", "communication", "social"];

/// One part of a mutual score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The dimension, or `plan`, `background`, `gates`.
    pub part: &'static str,
    /// The item, or what of the part.
    pub id: &'static str,
    /// How well it fits the first person, 0 to 1.
    pub fit_ab: f64,
    /// How well it fits the second.
    pub fit_ba: f64,
    /// The most it could add to the first person's score.
    pub weight_ab: f64,
    /// And to the second's.
    pub weight_ba: f64,
    /// What it adds to the mutual score; the contributions of all parts sum to it.
    pub contribution: f64,
}

/// One row of a directed score: how well it fits, and what it can add.
struct Side {
    part: &'static str,
    id: &'static str,
    fit: f64,
    weight: f64,
}

/// The rows of a directed score; fit times weight sums to it.
fn sides(viewer: &Row, other: &Row, score: &Directed) -> Vec<Side> {
    let (harmony, context) = viewer.balance();
    let [logistics, plan, background] = CONTEXT;
    let mut living: Vec<(usize, f64)> = score.modules.iter().copied().enumerate().skip(1).collect();
    living.sort_by(|a, b| a.1.total_cmp(&b.1));
    let weak: Vec<usize> = living.iter().take(2).map(|(module, _)| *module).collect();
    let module_weight = |module: usize| match module.checked_sub(1).and_then(|at| LIVING.get(at)) {
        None => context * logistics,
        Some(weight) => harmony * (AVERAGE * weight + if weak.contains(&module) { WEAKEST / 2.0 } else { 0.0 }),
    };
    let mut rows = Vec::new();
    for (at, (item, weight)) in bank().items().zip(viewer.weights).enumerate().filter(|(_, (item, _))| item.weight > 0)
    {
        let module = at / MODULE_ITEMS;
        rows.push(Side {
            part: MODULE_NAMES.get(module).copied().unwrap_or_default(),
            id: item.id.as_str(),
            fit: viewer.item(other, at),
            weight: module_weight(module) * weight,
        });
    }
    let mut add = |part, names: [&'static str; 3], fits: [f64; 3], weights: [f64; 3], whole: f64| {
        for ((id, fit), weight) in names.into_iter().zip(fits).zip(weights) {
            rows.push(Side { part, id, fit, weight: context * whole * weight });
        }
    };
    add("plan", ["city", "budget", "move_in"], viewer.plan(other), PLAN, plan);
    let names = match viewer.cohort {
        super::person::Cohort::Student => ["university", "programme", "study_year"],
        super::person::Cohort::Professional => ["work", "age", "other"],
    };
    add("background", names, viewer.background(other), viewer.background_weights(), background);
    rows.push(Side { part: "gates", id: "gates", fit: 1.0, weight: score.overall - score.before_gates });
    rows
}

/// The parts of a mutual score. Each directed score is split into its rows, and the mutual score is split as half of each.
pub fn parts(a: &Row, b: &Row) -> Vec<Part> {
    let (ab, ba) = (a.sees(b), b.sees(a));
    let mutual = fuse(ab.overall, ba.overall);
    let per = |score: f64| if score > 0.0 { mutual / score / 2.0 } else { 0.0 };
    let (per_ab, per_ba) = (per(ab.overall), per(ba.overall));
    let pairs = sides(a, b, &ab).into_iter().zip(sides(b, a, &ba));
    let part = |(mine, yours): (Side, Side)| Part {
        part: mine.part,
        id: mine.id,
        fit_ab: mine.fit,
        fit_ba: yours.fit,
        weight_ab: mine.weight,
        weight_ba: yours.weight,
        contribution: mine.fit * mine.weight * per_ab + yours.fit * yours.weight * per_ba,
    };
    pairs.map(part).collect()
}

/// Something to be said about one item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// The item.
    pub item: &'static str,
    /// What it is about.
    pub topic: &'static Text,
    /// A rule the two could agree on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub house_rule: Option<Text>,
}

/// What two people are told about their fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Where they fit best: at most three.
    pub aligned: Vec<Reason>,
    /// What they should talk about: at most three.
    pub discuss: Vec<Reason>,
    /// Gates in conflict or not known, as item ids.
    pub gates: Vec<&'static str>,
    /// Questions to begin a conversation with: at most three.
    pub questions: Vec<Text>,
}

/// How many of each are shown.
const REASONS_MAX: usize = 3;
/// From which fit on both sides an item counts as aligned.
const ALIGNED: f64 = 0.75;
/// Up to which fit of either side it is worth a talk.
const DISCUSS: f64 = 0.50;

/// Explains a pair.
pub fn explain(a: &Row, b: &Row) -> Explanation {
    let parts = parts(a, b);
    let mut aligned: Vec<(f64, usize, &'static Item)> = Vec::new();
    let mut discuss = aligned.clone();
    for (at, item) in bank().items().enumerate() {
        let Some(part) = parts.iter().find(|part| part.id == item.id) else { continue };
        let known = |row: &Row| row.codes.get(at).is_some_and(|code| *code < item.levels());
        if !known(a) || !known(b) {
            continue;
        }
        let (fit, weight) = (part.fit_ab.min(part.fit_ba), part.weight_ab + part.weight_ba);
        if fit >= ALIGNED && !neutral(item, a, at) && !neutral(item, b, at) {
            aligned.push((weight * fit, at, item));
        } else if fit <= DISCUSS {
            discuss.push((weight * (1.0 - fit), at, item));
        }
    }
    let (aligned, discuss) = (top(aligned), top(discuss));
    let (mine, yours) = (a.stance.against(b.stance), b.stance.against(a.stance));
    let asked = discuss.iter().chain(&aligned).take(REASONS_MAX).map(|item| question(item)).collect();
    let reason = |item: &&'static Item| Reason { item: &item.id, topic: &item.topic, house_rule: None };
    let with_rule = |item: &&'static Item| Reason { house_rule: Some(house_rule(item)), ..reason(item) };
    Explanation {
        aligned: aligned.iter().map(reason).collect(),
        discuss: discuss.iter().map(with_rule).collect(),
        gates: super::gates::ids(mine.conflicts | mine.unknown | yours.conflicts | yours.unknown),
        questions: asked,
    }
}

fn neutral(item: &Item, row: &Row, at: usize) -> bool {
    matches!(item.kind, Kind::Likert | Kind::Bipolar) && row.codes.get(at) == Some(&2)
}

/// The weightiest first; equal weights in the order of the bank.
fn top(mut found: Vec<(f64, usize, &'static Item)>) -> Vec<&'static Item> {
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    found.into_iter().take(REASONS_MAX).map(|(_, _, item)| item).collect()
}

fn house_rule(item: &Item) -> Text {
    let made = || Text {
        en: format!("Agree in the first week on {}, and write it down.", item.topic.en),
        nl: format!("Spreek in de eerste week iets af over {} en schrijf het op.", item.topic.nl),
    };
    item.house_rule.clone().unwrap_or_else(made)
}

fn question(item: &Item) -> Text {
    let made = || Text {
        en: format!("What matters to you about {}?", item.topic.en),
        nl: format!("Wat vind jij belangrijk als het gaat om {}?", item.topic.nl),
    };
    item.ask.clone().unwrap_or_else(made)
}
