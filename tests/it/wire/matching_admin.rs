//! Matching as operators see, run and mend it: the runbook's rows, on the wire.

use domu::admin::Role;
use serde_json::{Value, json};

use crate::support::admins::{admin, super_admin, universities};
use crate::support::on_both;
use crate::support::people::Person;
use crate::support::server::TestServer;
use crate::support::students::student;

const SECRET: &str = "the-secret-of-schedulers";

fn because() -> Value {
    json!({ "reason": "people ask where their matches are" })
}

async fn explain(server: &TestServer, by: &Person, user: &Person) -> Value {
    let path = format!("/api/admin/matches/explain?user_id={}", user.id);
    server.ask(by, "GET", &path, None).await.expect(200)
}

fn gate<'a>(told: &'a Value, name: &str) -> &'a Value {
    told["gates"].as_array().expect("gates").iter().find(|gate| gate["gate"] == name).expect("the gate")
}

async fn suggestion(server: &TestServer, person: &Person) -> Option<Value> {
    let page = server.ask(person, "GET", "/api/match/suggestions/my", None).await.expect(200);
    page["suggestions"].as_array().expect("suggestions").first().cloned()
}

async fn accept(server: &TestServer, person: &Person) {
    let id = suggestion(server, person).await.expect("a suggestion")["id"].clone();
    let body = json!({ "suggestionId": id, "action": "accept" });
    server.ask(person, "POST", "/api/match/suggestions/respond", Some(&body)).await.expect(200);
}

/// Two people who have both accepted, and whose match somebody has lost by hand.
async fn lost(server: &TestServer, one: &Person, other: &Person) {
    let (a, b) = (server.id_text(&one.id), server.id_text(&other.id));
    server
        .sql(&format!(
            "UPDATE match_suggestions SET low_decision = 'accepted', high_decision = 'accepted' \
             WHERE (low_id = {a} AND high_id = {b}) OR (low_id = {b} AND high_id = {a})"
        ))
        .await;
}

on_both!(r015_who_has_no_suggestions_is_explained_gate_by_gate, |server: TestServer| async move {
    let sam = super_admin(&server, "Sam").await;
    let (anna, koen) = (student(&server, "Anna", 1).await, server.person("Koen").await);
    let told = explain(&server, &sam, &koen).await;
    assert_eq!((&told["vector"], &told["is_eligible"]), (&json!(false), &json!(false)));
    let vector = gate(&told, "vector");
    assert_eq!(vector["pass"], false);
    assert!(vector["fix"].as_str().expect("a fix").contains("backfill-vectors"), "{vector}");
    assert_eq!(gate(&told, "verified"), &json!({ "gate": "verified", "pass": true }));
    assert!(told["advice"].as_str().expect("advice").contains("ask them to finish"), "{told}");

    let told = explain(&server, &sam, &anna).await;
    assert_eq!((&told["is_eligible"], &told["open"]), (&json!(true), &json!(0)));
    assert!(told["gates"].as_array().expect("gates").iter().all(|gate| gate["pass"] == true), "{told}");
    server.ask(&sam, "POST", "/api/admin/trigger-matches", Some(&because())).await.expect(200);
    let alone = explain(&server, &sam, &anna).await;
    assert!(alone["advice"].as_str().expect("advice").contains("Nobody else"), "{alone}");
    let bram = student(&server, "Bram", 1).await;
    server.ask(&sam, "POST", "/api/admin/trigger-matches", Some(&because())).await.expect(200);
    let told = explain(&server, &sam, &anna).await;
    assert_eq!((&told["open"], &told["waiting"], &told["matches"]), (&json!(1), &json!(0), &json!(0)));

    // One condition after the other is taken away, and found.
    let id = server.id_text(&anna.id);
    for (change, back, name) in [
        ("suspended_at = created_at", "suspended_at = NULL", "not_suspended"),
        ("visibility = 'ghost'", "visibility = 'visible'", "visible"),
        ("identity_revoked_at = created_at", "identity_revoked_at = NULL", "verified"),
    ] {
        server.sql(&format!("UPDATE users SET {change} WHERE id = {id}")).await;
        let told = explain(&server, &sam, &anna).await;
        assert_eq!((&gate(&told, name)["pass"], &told["is_eligible"]), (&json!(false), &json!(false)), "{name}");
        let others = told["gates"].as_array().expect("gates").iter().filter(|gate| gate["gate"] != name);
        assert!(others.into_iter().all(|gate| gate["pass"] == true), "{name}: {told}");
        server.sql(&format!("UPDATE users SET {back} WHERE id = {id}")).await;
    }
    let path = "/api/admin/matches/explain";
    server.ask(&sam, "GET", path, None).await.expect(400);
    let nobody = format!("{path}?user_id=0198c0de-0000-7000-8000-000000000001");
    server.ask(&sam, "GET", &nobody, None).await.expect(404);
    server.ask(&bram, "GET", &format!("{path}?user_id={}", anna.id), None).await.expect(403);
    let seen = server.number("SELECT COUNT(*) FROM admin_actions WHERE action = 'explain_matches'").await;
    assert_eq!(seen, 7, "each look at somebody is in the audit log");
});

on_both!(r018_r023_the_pair_inspector_shows_every_part_and_every_decision, |server: TestServer| async move {
    let sam = super_admin(&server, "Sam").await;
    let (anna, bram) = (student(&server, "Anna", 1).await, student(&server, "Bram", 1).await);
    server.ask(&sam, "POST", "/api/admin/trigger-matches", Some(&because())).await.expect(200);
    accept(&server, &anna).await;
    let path = format!("/api/admin/matches/pair?a={}&b={}", anna.id, bram.id);
    let told = server.ask(&sam, "GET", &path, None).await.expect(200);
    assert_eq!((&told["status_a"], &told["status_b"]), (&json!("waiting"), &json!("interested")));
    let parts = told["parts"].as_array().expect("parts");
    let sum: f64 = parts.iter().map(|part| part["contribution"].as_f64().expect("a number")).sum();
    assert!((sum - told["score"].as_f64().expect("a score")).abs() < 1e-9, "the parts are the score");
    let decisions = told["decisions"].as_array().expect("decisions");
    assert_eq!(decisions.len(), 1);
    assert_eq!((&decisions[0]["user"], &decisions[0]["decision"]), (&json!(anna.id), &json!("accepted")));
    let koen = server.person("Koen").await;
    let strangers = format!("/api/admin/matches/pair?a={}&b={}", anna.id, koen.id);
    let told = server.ask(&sam, "GET", &strangers, None).await.expect(200);
    assert_eq!((&told["suggestion"], &told["fit"], &told["parts"]), (&Value::Null, &Value::Null, &json!([])));
    for wrong in ["", "?a=x&b=y", "?b=0198c0de-0000-7000-8000-000000000001"] {
        server.ask(&sam, "GET", &format!("/api/admin/matches/pair{wrong}"), None).await.expect(400);
    }
    let same = format!("/api/admin/matches/pair?a={0}&b={0}", anna.id);
    server.ask(&sam, "GET", &same, None).await.expect(400);
});

/// R17: a scheduler elsewhere runs the matcher for real.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r017_the_cron_endpoint_matches_for_real() {
    let server = TestServer::with(|config| config.cron_secret = Some(SECRET.to_owned().into())).await;
    let anna = student(&server, "Anna", 1).await;
    let _bram = student(&server, "Bram", 1).await;
    let scheduler = Person { token: SECRET.to_owned(), ..anna.clone() };
    for method in ["GET", "POST"] {
        assert_eq!(server.ask(&anna, method, "/api/cron/match", None).await.status, 401);
        let ran = server.ask(&scheduler, method, "/api/cron/match", None).await.expect(200);
        let detail = &ran["detail"];
        assert_eq!((&ran["success"], &detail["suggested"]), (&json!(true), &json!(1)), "{ran}");
        assert!(detail["runId"].is_string() && detail["notificationsSent"].is_u64(), "{ran}");
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM match_runs WHERE status = 'done'").await, 2);
    assert!(suggestion(&server, &anna).await.is_some());
}

on_both!(r019_r020_readiness_is_counted_and_a_run_is_triggered, |server: TestServer| async move {
    let sam = super_admin(&server, "Sam").await;
    let mut people = Vec::new();
    for (look, name) in (1..).zip(["Anna", "Bram", "Cas", "Daan", "Eva"]) {
        people.push(student(&server, name, look).await);
    }
    server.person("Koen").await;
    let cas = server.id_text(&people[2].id);
    server.sql(&format!("DELETE FROM user_vectors WHERE user_id = {cas}")).await;
    let ready = server.ask(&sam, "GET", "/api/admin/matching/readiness", None).await.expect(200);
    let counts = ["active", "verified", "onboarded", "with_vector", "eligible", "quarantined"];
    let counts: Vec<_> = counts.iter().map(|name| ready[name].as_i64().expect("a count")).collect();
    assert_eq!(counts, [7, 7, 5, 4, 4, 0]);
    assert_eq!(ready["missing_vector"], json!([people[2].id]));
    assert_eq!(counts[3], server.number("SELECT COUNT(*) FROM user_vectors").await);

    let path = "/api/admin/backfill-vectors";
    let made = server.ask(&sam, "POST", path, Some(&because())).await.expect(200);
    assert_eq!(
        (&made["success"], &made["processed"], &made["skipped"], &made["total"]),
        (&json!(true), &json!(1), &json!(4), &json!(5))
    );
    let again = server.ask(&sam, "POST", path, Some(&because())).await.expect(200);
    assert_eq!((&again["processed"], &again["skipped"]), (&json!(0), &json!(5)), "r45: twice is once");
    assert!(made["jobId"].is_string() && made["errors"] == json!([]), "{made}");

    let path = "/api/admin/trigger-matches";
    let ran = server.ask(&sam, "POST", path, Some(&because())).await.expect(200);
    assert_eq!((&ran["success"], &ran["processed"], &ran["outcome"]), (&json!(true), &json!(5), &json!("ok")));
    assert!(ran["suggested"].as_u64().expect("a count") > 0 && ran["created"].is_u64(), "{ran}");
    accept(&server, &people[0]).await;
    let again = server.ask(&sam, "POST", path, Some(&because())).await.expect(200);
    assert_eq!(again["created"], 0, "twice is once");
    let accepted = "match_suggestions WHERE low_decision = 'accepted' OR high_decision = 'accepted'";
    assert_eq!(server.number(&format!("SELECT COUNT(*) FROM {accepted}")).await, 1, "no decision is touched");
    let runs = server.ask(&sam, "GET", "/api/admin/matching/runs?limit=1", None).await.expect(200);
    assert_eq!((&runs["runs"][0]["id"], &runs["runs"][0]["status"]), (&again["runId"], &json!("done")));
    let report = &runs["runs"][0]["report"];
    assert_eq!((&report["considered"], report["histogram"].as_array().map(Vec::len)), (&json!(10), Some(10)));
    let next = format!("/api/admin/matching/runs?before={}", runs["next"].as_str().expect("a next page"));
    let before = server.ask(&sam, "GET", &next, None).await.expect(200);
    assert_eq!(before["runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(before["runs"][0]["id"], ran["runId"]);
    // Without a reason nothing runs.
    server.ask(&sam, "POST", path, Some(&json!({}))).await.expect(400);
    server.ask(&people[0], "POST", path, Some(&because())).await.expect(403);
    assert_eq!(server.number("SELECT COUNT(*) FROM match_runs").await, 2);
});

on_both!(r052_r059_who_has_accepted_gets_the_chat_that_was_lost, |server: TestServer| async move {
    let sam = super_admin(&server, "Sam").await;
    let (anna, bram) = (student(&server, "Anna", 1).await, student(&server, "Bram", 1).await);
    let (cas, daan) = (student(&server, "Cas", 1).await, student(&server, "Daan", 1).await);
    server.ask(&sam, "POST", "/api/admin/trigger-matches", Some(&because())).await.expect(200);
    lost(&server, &anna, &bram).await;
    lost(&server, &cas, &daan).await;
    let body = json!({ "blocked_user_id": cas.id });
    server.ask(&daan, "POST", "/api/match/block", Some(&body)).await.expect(204);

    let path = "/api/admin/confirm-pending-matches";
    let dry = json!({ "dryRun": true, "reason": "two people ask for their chat" });
    let told = server.ask(&sam, "POST", path, Some(&dry)).await.expect(200);
    assert_eq!((&told["processed"], &told["totalPairs"]), (&json!(2), &json!(2)));
    assert_eq!(told["errors"].as_array().map(Vec::len), Some(2), "r56: it lists them");
    assert_eq!(server.number("SELECT COUNT(*) FROM chats").await, 0, "and changes nothing");

    let (mut a, mut b) = (server.connect(&anna).await, server.connect(&bram).await);
    let real = json!({ "reason": "two people ask for their chat" });
    let told = server.ask(&sam, "POST", path, Some(&real)).await.expect(200);
    assert_eq!((&told["processed"], &told["skipped"], &told["totalPairs"]), (&json!(1), &json!(1), &json!(2)));
    assert!(told["errors"][0]["reason"].as_str().expect("a reason").contains("blocked"), "r58: {told}");
    let opened = a.expect("chat.opened").await;
    let chat = opened["d"]["chat_id"].as_str().expect("a chat").to_owned();
    assert_eq!(b.expect("chat.opened").await["d"]["chat_id"], chat.as_str());
    a.send(&chat, "Daar is ons gesprek").await;
    b.expect_text("Daar is ons gesprek").await;
    let counts = ["chats", "matches", "chat_members"];
    let mut found = Vec::new();
    for table in counts {
        found.push(server.number(&format!("SELECT COUNT(*) FROM {table}")).await);
    }
    assert_eq!(found, [1, 1, 2], "one chat, one match, two members");

    let path = "/api/admin/backfill-chats";
    let told = server.ask(&sam, "POST", path, Some(&real)).await.expect(200);
    assert_eq!((&told["processed"], &told["skipped"], &told["totalPairs"]), (&json!(0), &json!(2), &json!(2)));
    lost(&server, &anna, &cas).await;
    let told = server.ask(&sam, "POST", path, Some(&real)).await.expect(200);
    assert_eq!((&told["processed"], &told["totalPairs"], &told["more"]), (&json!(1), &json!(3), &json!(false)));
    assert_eq!(server.number("SELECT COUNT(*) FROM chats").await, 2, "r54: it grows by what was processed");
    server.ask(&anna, "POST", path, Some(&real)).await.expect(403);
    let actions = "SELECT COUNT(*) FROM admin_actions WHERE action = 'confirm_match'";
    assert_eq!(server.number(actions).await, 2);
});

/// Whoever looks after one university sees its people and runs nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_of_a_university_explains_its_people_only() {
    let server = TestServer::start().await;
    universities(&server).await;
    let una = admin(&server, "Una", Role::UniversityAdmin, "uva").await;
    let mod_ = admin(&server, "Mo", Role::Moderator, "uva").await;
    let anna = crate::support::admins::student(&server, "Anna", "uva").await;
    let bram = crate::support::admins::student(&server, "Bram", "tudelft").await;
    explain(&server, &una, &anna).await;
    for (who, whom, status) in [(&una, &bram, 404), (&mod_, &anna, 403)] {
        let path = format!("/api/admin/matches/explain?user_id={}", whom.id);
        server.ask(who, "GET", &path, None).await.expect(status);
    }
    let pair = format!("/api/admin/matches/pair?a={}&b={}", anna.id, bram.id);
    server.ask(&una, "GET", &pair, None).await.expect(404);
    for path in ["/api/admin/matching/readiness", "/api/admin/matching/runs"] {
        server.ask(&una, "GET", path, None).await.expect(403);
    }
    for name in ["trigger-matches", "backfill-vectors", "backfill-chats", "confirm-pending-matches"] {
        server.ask(&una, "POST", &format!("/api/admin/{name}"), Some(&because())).await.expect(403);
    }
}
