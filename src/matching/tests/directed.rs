//! `v3` in worked numbers. Every number is written out here, so that no constant can change unseen.

use serde_json::{Value, json};

use super::super::explain::explain;
use super::super::person::Person;
use super::super::v3::{Row, fuse, mutual, percent};
use super::super::vector::Vector;
use super::{Sheet, person, sheet, with};

fn row(person: &Person) -> Row {
    Row::of(&Vector::of(person).unwrap())
}

/// Answers that suit their own giver in everything: does what needs doing, tolerates what there is.
fn easy() -> Sheet {
    let does = json!({ "M4_Q12": 5, "M8_Q5": 5, "M1_Q19": 5, "M3_Q25": 5, "M4_Q14": 5, "M1_Q18": 5 });
    let tolerates = json!({ "M3_Q2": 1, "M2_Q6": 1, "M2_Q19": 5, "M5_Q5": 5 });
    let own = json!({ "OWN_SMOKES": false, "OWN_PETS": false, "OWN_REGISTRATION": true, "OWN_SUBLETS": false });
    with(with(with(sheet(3, 0), does), tolerates), own)
}

fn student() -> Value {
    json!({
        "academic": { "university": "U1", "programme": "P1", "study_year": 2 }, "cities": ["Utrecht"],
        "budget": { "min": 401, "max": 800 }, "move_in": { "from": "2026-09-01", "to": "2026-09-10" },
    })
}

fn professional(pattern: &str, age: u8) -> Value {
    let mut parts = student();
    parts["cohort"] = "professional".into();
    parts["work"] = json!({ "pattern": pattern, "age": age });
    parts
}

fn plain(changes: Value) -> Row {
    row(&person(&with(easy(), changes), student()))
}

fn other(path: &str, value: Value) -> Row {
    let mut parts = student();
    *parts.pointer_mut(path).unwrap() = value;
    row(&person(&easy(), parts))
}

#[track_caller]
fn near(found: f64, want: f64) {
    assert!((found - want).abs() < 1e-12, "{found} is not {want}");
}

/// Both see a loss of `lost` points of a module that weighs `module` in the average: it is the weakest as well.
fn living(module: f64, lost: f64) -> f64 {
    1.0 - 0.75 * (0.70 * module * lost + 0.30 * lost / 2.0)
}

#[test]
fn a_pair_that_fits_in_everything_scores_one() {
    let me = plain(json!({}));
    near(mutual(&me, &me), 1.0);
    let other = row(&person(&easy(), professional("hybrid", 30)));
    near(mutual(&other, &other), 1.0);
}

#[test]
fn modules_weigh_as_written() {
    let me = plain(json!({}));
    for (changes, module, lost) in [
        (json!({ "M1_Q6": 5 }), 0.24, 0.08 / 2.0),
        (json!({ "M4_Q7": 5 }), 0.28, 0.08 / 2.0),
        (json!({ "M6_Q9": 1 }), 0.24, 0.16 / 2.0),
        (json!({ "M1_Q13": 1 }), 0.24, 0.09 / 2.0),
    ] {
        near(mutual(&me, &plain(changes)), living(module, lost));
    }
    // Logistics are 0.60 of the context.
    near(mutual(&me, &plain(json!({ "M1_Q10": 5 }))), 1.0 - 0.25 * 0.60 * 0.18 / 2.0);
    // The second weakest counts like the weakest; the third only in the average.
    let found = mutual(&me, &plain(json!({ "M1_Q6": 5, "M4_Q7": 5, "M6_Q9": 1 })));
    let average = 0.24 * 0.04 + 0.28 * 0.04 + 0.24 * 0.08;
    near(found, 1.0 - 0.75 * (0.70 * average + 0.30 * (0.08 + 0.04) / 2.0));
}

#[test]
fn quiet_hours_over_midnight_overlap() {
    let night = |start: &str, end: &str| plain(json!({ "M2_Q13": { "start": start, "end": end } }));
    for (a, b, want) in [
        (night("22:30", "07:30"), night("23:00", "08:00"), 510.0 / 570.0),
        (night("22:00", "07:00"), night("23:00", "08:00"), 0.8),
        (night("00:00", "07:00"), night("22:00", "07:00"), 420.0 / 540.0),
        (night("20:00", "06:00"), night("20:00", "06:00"), 1.0),
    ] {
        near(mutual(&a, &b), living(0.24, 0.16 * (1.0 - want)));
    }
}

#[test]
fn options_of_one_scale_are_steps_and_languages_are_not() {
    let me = plain(json!({}));
    for (changes, module, lost) in [
        (json!({ "M4_Q1": "clean_medium" }), 0.28, 0.18 / 2.0),
        (json!({ "M4_Q1": "clean_high" }), 0.28, 0.18),
        (json!({ "M5_Q2": "notice_day_before" }), 0.24, 0.10 / 3.0),
        (json!({ "M6_Q16": "reply_6h" }), 0.24, 0.05 / 2.0),
        (json!({ "M6_Q16": "reply_12h" }), 0.24, 0.05),
        (json!({ "M5_Q12": "lang_dutch" }), 0.24, 0.08),
        (json!({ "M5_Q12": "lang_either" }), 0.24, 0.0),
    ] {
        near(mutual(&me, &plain(changes)), living(module, lost));
    }
    // Who does not mind is content; who cares is three quarters content with somebody who does not mind.
    let any = plain(json!({ "M6_Q16": "reply_any" }));
    near(any.sees(&me).overall, 1.0);
    near(me.sees(&any).overall, living(0.24, 0.05 * 0.25));
}

#[test]
fn tolerance_is_held_against_behaviour_and_only_one_way() {
    let hosts = plain(json!({ "M5_Q1": "host_few_weekly" }));
    let strict = plain(json!({ "M5_Q1": "host_few_weekly", "M5_Q5": 2 }));
    near(strict.item(&hosts, 53 - 4), 0.25);
    near(hosts.item(&strict, 49), 1.0);
    near(strict.sees(&hosts).overall, living(0.24, 0.16 * 0.75));
    near(hosts.sees(&strict).overall, 1.0);
    // Sensitive to noise, and the other plays loud.
    let (sensitive, loud) = (plain(json!({ "M3_Q2": 5, "M3_Q4": 5 })), plain(json!({ "M3_Q4": 5 })));
    near(sensitive.sees(&loud).modules[1], 1.0 - 0.12);
    near(loud.sees(&sensitive).modules[1], 1.0);
    // Wakes easily; the other is a night owl.
    let (light, owl) = (plain(json!({ "M2_Q6": 5, "M2_Q1": 1 })), plain(json!({ "M2_Q1": 1 })));
    near(light.sees(&owl).modules[1], 1.0 - 0.10);
}

#[test]
fn one_who_does_it_is_enough_or_it_takes_both() {
    let (does, leaves) = (plain(json!({})), plain(json!({ "M4_Q12": 1 })));
    near(mutual(&does, &leaves), 1.0);
    near(mutual(&leaves, &leaves), living(0.28, 0.14));
    let keeps_no_rota = plain(json!({ "M4_Q14": 1 }));
    near(mutual(&does, &keeps_no_rota), living(0.28, 0.10));
    near(mutual(&keeps_no_rota, &keeps_no_rota), living(0.28, 0.10));
}

#[test]
fn an_important_item_weighs_double_to_the_one_who_ticked_it() {
    let mut parts = student();
    parts["important"] = json!(["M4_Q7"]);
    let ticked = row(&person(&easy(), parts));
    let far = plain(json!({ "M4_Q7": 5 }));
    near(ticked.sees(&far).overall, living(0.28, 0.16 / 1.08 / 2.0));
    near(far.sees(&ticked).overall, living(0.28, 0.08 / 2.0));
    near(mutual(&ticked, &far), fuse(ticked.sees(&far).overall, far.sees(&ticked).overall));
    near(fuse(0.36, 0.64), 0.48);
}

#[test]
fn plan_and_background_weigh_as_written() {
    let me = plain(json!({}));
    for (path, value, lost) in [
        ("/cities", json!(["Delft"]), 0.25 * 0.50),
        ("/cities", json!([]), 0.25 * 0.50),
        ("/cities", json!(["Delft", "utrecht"]), 0.0),
        ("/academic/university", json!("U2"), 0.15 * 0.40),
        ("/academic/programme", json!("P2"), 0.15 * 0.30),
        ("/academic/study_year", json!(3), 0.15 * 0.30 / 4.0),
        ("/academic/study_year", json!(7), 0.15 * 0.30),
        ("/academic/undecided", json!(true), 0.15 * 0.30),
    ] {
        let mut parts = student();
        parts["academic"]["undecided"] = json!(false);
        *parts.pointer_mut(path).unwrap() = value;
        near(mutual(&me, &row(&person(&easy(), parts))), 1.0 - 0.25 * lost);
    }
    // Half of my budget and a fifth of my days suit the other, whose own are all inside mine.
    let thrifty = other("/budget", json!({ "min": 401, "max": 600 }));
    near(me.sees(&thrifty).overall, 1.0 - 0.25 * 0.25 * 0.25 / 2.0);
    near(thrifty.sees(&me).overall, 1.0);
    let early = other("/move_in", json!({ "from": "2026-09-01", "to": "2026-09-02" }));
    near(me.sees(&early).overall, 1.0 - 0.25 * 0.25 * 0.25 * 0.8);
}

#[test]
fn professionals_have_work_and_age_in_the_place_of_studies() {
    let at = |pattern, age| row(&person(&easy(), professional(pattern, age)));
    let me = at("hybrid", 30);
    for (yours, lost) in [
        (at("hybrid", 33), 0.0),
        (at("fully_remote", 30), 0.60 * 0.50),
        (at("hybrid", 34), 0.40 * 0.20),
        (at("hybrid", 38), 0.40),
        (at("hybrid", 60), 0.40),
    ] {
        near(mutual(&me, &yours), 1.0 - 0.15 * 0.15 * lost);
    }
    near(mutual(&at("fully_office", 30), &at("fully_remote", 30)), 1.0 - 0.15 * 0.15 * 0.60);
    let messy = row(&person(&with(easy(), json!({ "M4_Q7": 5 })), professional("hybrid", 30)));
    near(mutual(&me, &messy), 1.0 - 0.85 * (0.70 * 0.28 * 0.04 + 0.30 * 0.04 / 2.0));
}

#[test]
fn a_gate_costs_the_one_who_minds_and_a_deal_breaker_parts() {
    let me = plain(json!({}));
    let smokes = plain(json!({ "OWN_SMOKES": true }));
    near(me.sees(&smokes).overall, 0.9);
    near(smokes.sees(&me).overall, 1.0);
    assert!(!me.stance.apart(smokes.stance));
    // Who does not insist does not smoke by that, and a smoker may tolerate smoke.
    let tolerant = plain(json!({ "M5_Q17": false }));
    near(mutual(&tolerant, &smokes), 1.0);
    near(mutual(&tolerant, &me), 1.0);
    // Two conflicts, or one deal-breaker, and they are not shown.
    assert!(me.stance.apart(plain(json!({ "OWN_SMOKES": true, "OWN_SUBLETS": true })).stance));
    let mut parts = student();
    parts["dealbreakers"] = json!(["M5_Q17"]);
    let strict = row(&person(&easy(), parts));
    assert!(strict.stance.apart(smokes.stance) && smokes.stance.apart(strict.stance));
    assert!(!strict.stance.apart(tolerant.stance));
    // Not said: costs as much; kept apart only by a deal-breaker.
    let mut silent = easy();
    silent.remove("OWN_SMOKES");
    let silent = row(&person(&silent, student()));
    near(me.sees(&silent).overall, 0.9);
    assert!(!me.stance.apart(silent.stance) && strict.stance.apart(silent.stance));
    // Pets and registration.
    let bringing = plain(json!({ "M8_Q14": "pet_bringing" }));
    near(me.sees(&bringing).overall, 0.9);
    near(bringing.sees(&me).overall, 1.0);
    near(me.sees(&plain(json!({ "OWN_REGISTRATION": false }))).overall, 0.9);
}

#[test]
fn nothing_known_is_no_fit() {
    let nobody = row(&Person::default());
    assert_eq!(mutual(&nobody, &nobody), 0.0);
    assert_eq!(mutual(&nobody, &plain(json!({}))), 0.0);
    assert_eq!([0.0, 0.004, 0.005, 0.794_999, 0.795, 1.0].map(percent), [0, 0, 1, 79, 80, 100]);
}

#[test]
fn reasons_come_from_the_answers() {
    let a = plain(json!({ "M4_Q1": "clean_high", "M6_Q9": 5, "M1_Q13": 5 }));
    let b = plain(json!({ "M4_Q1": "clean_low", "M6_Q9": 5, "M1_Q13": 4, "OWN_SMOKES": true }));
    let told = explain(&a, &b);
    assert_eq!(told.discuss[0].item, "M4_Q1");
    assert!(told.discuss[0].house_rule.as_ref().unwrap().nl.contains("keuken"));
    assert_eq!(told.discuss.len(), 1);
    assert_eq!(told.questions[0].en, "When is a kitchen clean for you?");
    assert_eq!((told.aligned.len(), told.questions.len()), (3, 3));
    assert_eq!(told.gates, ["M5_Q17"]);
    let items: Vec<_> = told.aligned.iter().map(|reason| reason.item).collect();
    assert!(items.contains(&"M5_Q1"), "{items:?}");
    // A neutral answer is no reason, and neither is a silence.
    assert!(!items.contains(&"M4_Q7"));
    assert_eq!(explain(&row(&Person::default()), &a).aligned, []);
}
