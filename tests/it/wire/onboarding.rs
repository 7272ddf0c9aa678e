//! The questionnaire over HTTP: saved by section, refused by field, complete when nothing is missing.

use domu::matching::person::Cohort;
use domu::matching::sheet::Section;
use serde_json::{Value, json};

use crate::support::on_both;
use crate::support::people::Person;
use crate::support::server::TestServer;
use crate::support::students::{save, section};

async fn refused(server: &TestServer, person: &Person, body: &Value) -> Vec<String> {
    let answer = server.ask(person, "POST", "/api/onboarding/save", Some(body)).await.expect(400);
    let fields = answer["fields"].as_array().expect("fields");
    fields.iter().map(|field| field["field"].as_str().expect("a field").to_owned()).collect()
}

on_both!(a_questionnaire_is_saved_by_section_and_handed_in_when_it_is_whole, |server: TestServer| async move {
    let anna = server.person("Anna").await;
    let fresh = server.ask(&anna, "GET", "/api/onboarding/progress", None).await.expect(200);
    assert_eq!(fresh["completed_sections"], 0);
    let asked = server.ask(&anna, "GET", "/api/onboarding/questions", None).await.expect(200);
    assert_eq!(
        (asked["bank"]["version"].as_str(), asked["bank"]["modules"][4]["items"].as_array().map(Vec::len)),
        (Some("rmq-v2"), Some(12))
    );
    assert!(asked["universities"].as_array().expect("universities").iter().any(|one| one["slug"] == "tudelft"));
    let missing = server.ask(&anna, "POST", "/api/onboarding/submit", None).await.expect(409);
    assert_eq!(missing["missing"].as_array().expect("gaps").len(), 8);
    for part in Section::of(Cohort::Student) {
        save(&server, &anna, part, &section(part, 1)).await;
    }
    let whole = server.ask(&anna, "GET", "/api/onboarding/progress", None).await.expect(200);
    assert_eq!((&whole["is_complete"], &whole["is_eligible"]), (&json!(true), &json!(false)), "not handed in");
    let done = server.ask(&anna, "POST", "/api/onboarding/submit", None).await.expect(200);
    assert_eq!(done["is_eligible"], true);
    let loaded = server.ask(&anna, "GET", "/api/onboarding/load", None).await.expect(200);
    assert_eq!(loaded["sections"].as_array().expect("sections").len(), 8);
    let plans = server.ask(&anna, "GET", "/api/onboarding/load?section=plans", None).await.expect(200);
    assert_eq!(
        plans["sections"],
        json!([{
            "section": "plans", "data": section(Section::Plans, 1), "saved_at": plans["sections"][0]["saved_at"],
        }])
    );
    assert_eq!(server.texts("SELECT CAST(COUNT(*) AS TEXT) FROM user_vectors").await, ["1"], "one row, however often");
    // Whoever takes an answer back is not eligible any more, at once.
    save(&server, &anna, Section::Habits, &json!({ "answers": {} })).await;
    let less = server.ask(&anna, "GET", "/api/onboarding/progress", None).await.expect(200);
    assert_eq!((&less["is_complete"], &less["is_eligible"]), (&json!(false), &json!(false)));
    assert_eq!(less["missing"][0]["section"], "habits");
});

on_both!(
    what_does_not_hold_against_the_bank_is_refused_by_field_and_changes_nothing,
    |server: TestServer| async move {
        let anna = server.person("Anna").await;
        let environment = "environment-rhythms";
        for (part, data, fields) in [
            ("gardening", json!({}), vec!["section"]),
            ("work", json!({}), vec!["section"]),
            (environment, json!({ "answers": { "M2_Q13": { "start": "22:00" } } }), vec!["M2_Q13"]),
            (environment, json!({ "answers": { "M2_Q13": { "start": "22:00", "end": "" } } }), vec!["M2_Q13"]),
            (environment, json!({ "answers": { "M2_Q1": 6, "M9_Q9": 1 } }), vec!["M2_Q1", "M9_Q9"]),
            (environment, json!({ "answers": { "M4_Q1": "clean_high" } }), vec!["M4_Q1"]),
            (environment, json!({ "answers": [], "important": ["M4_Q1"] }), vec!["answers", "important"]),
            ("habits", json!({ "dealbreakers": ["M2_Q1"] }), vec!["dealbreakers"]),
            ("studies", json!({ "university": "hogwarts", "study_year": 0 }), vec!["study_year", "university"]),
            ("studies", json!({ "university": "tudelft", "programme": "  " }), vec!["programme"]),
            ("plans", json!({ "cities": ["Atlantis"], "budget": { "min": 9, "max": 1 } }), vec!["budget", "cities"]),
            ("plans", json!({ "move_in": { "from": "2026-10-01", "to": "2026-09-01" } }), vec!["move_in"]),
        ] {
            assert_eq!(
                refused(&server, &anna, &json!({ "section": part, "data": data })).await,
                fields,
                "{part} {data}"
            );
        }
        let contact = json!({ "section": "studies", "data": { "programme": "mail anna at anna@example.org" } });
        server.ask(&anna, "POST", "/api/onboarding/save", Some(&contact)).await.expect(422);
        assert!(server.texts("SELECT section FROM onboarding_answers").await.is_empty());
    }
);

on_both!(r45_a_backfill_makes_what_is_missing_or_stale_and_leaves_the_rest, |server: TestServer| async move {
    for (name, look) in [("Anna", 1), ("Bram", 2), ("Cas", 3)] {
        crate::support::students::student(&server, name, look).await;
    }
    let onboarding = server.onboarding();
    let done = onboarding.backfill(|_| ()).await.expect("a backfill");
    assert_eq!((done.processed, done.skipped, done.total), (0, 3, 3));
    let anna = server.known("Anna").id;
    server.sql(&format!("DELETE FROM user_vectors WHERE user_id = {}", server.id_text(&anna))).await;
    let bram = server.id_text(&server.known("Bram").id);
    server.sql(&format!("UPDATE user_vectors SET layout = 0 WHERE user_id = {bram}")).await;
    let done = onboarding.backfill(|_| ()).await.expect("a backfill");
    assert_eq!((done.processed, done.skipped, done.total, done.malformed), (2, 1, 3, 0));
    let cas = server.id_text(&server.known("Cas").id);
    let broken = r#"{"answers": {"OWN_SMOKES": "perhaps"}}"#;
    server
        .sql(&format!(
            "UPDATE onboarding_answers SET answers = '{broken}' WHERE user_id = {cas} AND section = 'habits'"
        ))
        .await;
    let done = onboarding.backfill(|_| ()).await.expect("a backfill");
    assert_eq!((done.skipped, done.malformed), (2, 1), "one malformed answer stops nobody else");
    let problem = server.ask(&server.known("Cas"), "GET", "/api/onboarding/progress", None).await.expect(200);
    assert!(problem["problem"].as_str().expect("a problem").contains("OWN_SMOKES"));
    assert_eq!(problem["is_eligible"], false);
    save(&server, &server.known("Cas"), Section::Habits, &section(Section::Habits, 3)).await;
    let mended = server.ask(&server.known("Cas"), "GET", "/api/onboarding/progress", None).await.expect(200);
    assert_eq!(mended["is_eligible"], true);
});
