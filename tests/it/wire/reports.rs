//! Reports, from the member who files one to the admin who decides it.

use chrono::TimeDelta;
use domu::admin::Role;
use domu::clock::Clock;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::admins::{admin, grant, universities};
use crate::support::http::Answer;
use crate::support::on_both;
use crate::support::people::Person;
use crate::support::server::TestServer;

/// A report of a message, right in form.
fn of_message(chat: &str, mid: &str) -> Value {
    json!({"cid": Uuid::new_v4(), "kind": "message", "chat_id": chat, "mid": mid, "category": "threats", "consent": true})
}

fn of_user(user: &str, category: &str) -> Value {
    json!({"cid": Uuid::new_v4(), "kind": "user", "user_id": user, "category": category, "consent": true})
}

async fn file(server: &TestServer, who: &str, report: &Value) -> Answer {
    server.ask(&server.known(who), "POST", "/api/reports", Some(report)).await
}

fn with(report: &Value, field: &str, value: Value) -> Value {
    let mut report = report.clone();
    report[field] = value;
    report
}

on_both!(evidence_outlives_what_it_shows, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    bram.send(&chat, "hoi").await;
    let sent = bram.send(&chat, "ik weet waar je woont").await;
    bram.send(&chat, "en dat blijft zo").await;
    anna.expect_text("en dat blijft zo").await;
    let report = with(&of_message(&chat, &sent.mid), "context", json!(1));
    let receipt = file(&server, "Anna", &report).await.expect(200);
    assert_eq!(
        (&receipt["status"], &receipt["dup"], &receipt["emergency"]),
        (&json!("open"), &json!(false), &json!("112"))
    );
    bram.ask("delete", Some(&format!("chat:{chat}")), json!({"mid": sent.mid, "scope": "all"})).await;
    anna.expect("message.deleted").await;

    let again = file(&server, "Anna", &report).await.expect(200);
    assert_eq!((&again["report_id"], &again["dup"]), (&receipt["report_id"], &json!(true)), "a retry files nothing");
    let other = file(&server, "Anna", &with(&report, "category", json!("spam"))).await.expect(409);
    assert_eq!(other["name"], "cid_reused");
    assert_eq!(server.number("SELECT COUNT(*) FROM reports").await, 1);

    let evidence = server.texts("SELECT CAST(evidence AS TEXT) FROM reports").await;
    let evidence: Value = serde_json::from_str(&evidence[0]).unwrap();
    let texts: Vec<_> = evidence["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["hoi", "ik weet waar je woont", "en dat blijft zo"]);
    let reported: Vec<_> = evidence["messages"].as_array().unwrap().iter().map(|m| m["reported"] == true).collect();
    assert_eq!(reported, [false, true, false]);
    assert_eq!(evidence["profile"]["first_name"], "Bram");
});

on_both!(only_what_one_sees_can_be_reported, |server: TestServer| async move {
    let (_anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let cas = server.person("Cas").await;
    let sent = bram.send(&chat, "hoi").await;
    let message = of_message(&chat, &sent.mid);
    let mine = server.known("Bram").id;
    let nothing = Uuid::new_v4().to_string();
    for (who, report, status) in [
        ("Cas", message.clone(), 404),
        ("Cas", of_user(&mine, "spam"), 404),
        ("Anna", of_user(&cas.id, "spam"), 404),
        ("Anna", of_message(&nothing, &sent.mid), 404),
        ("Anna", of_message(&chat, &nothing), 404),
        ("Anna", with(&of_user(&mine, "spam"), "chat_id", json!(nothing)), 404),
        ("Bram", message.clone(), 400),
        ("Bram", of_user(&mine, "spam"), 400),
        ("Anna", with(&message, "consent", json!(false)), 400),
        ("Anna", with(&message, "context", json!(11)), 400),
        ("Anna", with(&message, "user_id", json!(mine)), 400),
        ("Anna", with(&message, "category", json!("other")), 400),
        ("Anna", with(&message, "category", json!("rude")), 400),
        ("Anna", with(&message, "details", json!("x".repeat(1_001))), 400),
        (
            "Anna",
            json!({"cid": Uuid::new_v4(), "kind": "group", "chat_id": chat, "category": "spam", "consent": true}),
            404,
        ),
    ] {
        // Whoever tries so much is not to meet the limit here.
        let user = server.known(who).id;
        server.services().rates.clear(&format!("rate_limit:report:{user}"));
        let answer = file(&server, who, &report).await;
        assert_eq!(answer.status, status, "{who} {report}: {}", answer.body);
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM reports").await, 0);
    assert_eq!(server.number("SELECT COUNT(*) FROM report_events").await, 0);
    // A block hides it from whoever was to see it, and so from their reports.
    let block = format!("/api/blocks/{mine}");
    server.ask(&server.known("Anna"), "PUT", &block, None).await.expect(204);
    let unseen = bram.send(&chat, "en dit?").await;
    assert_eq!(file(&server, "Anna", &of_message(&chat, &unseen.mid)).await.status, 404);
    file(&server, "Anna", &message).await.expect(200);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r43_the_sixth_report_in_an_hour_tells_whom_to_call() {
    let server = TestServer::start().await;
    let (_anna, _bram, _chat) = server.pair("Anna", "Bram").await;
    let bram = server.known("Bram").id;
    for _ in 0..5 {
        file(&server, "Anna", &of_user(&bram, "spam")).await.expect(200);
    }
    let refused = file(&server, "Anna", &of_user(&bram, "spam")).await;
    assert!(refused.headers.contains_key("retry-after"));
    let refused = refused.expect(429);
    assert!(refused["detail"].as_str().unwrap().contains("112"), "{refused}");
    assert_eq!(server.services().rates.clear(&format!("rate_limit:report:{}", server.known("Anna").id)), 1);
    file(&server, "Anna", &of_user(&bram, "spam")).await.expect(200);
}

/// Bram, whom three people know.
async fn known_to_three(server: &TestServer) -> (Person, Vec<Person>) {
    let bram = server.person("Bram").await;
    let mut others = Vec::new();
    for name in ["Anna", "Cas", "Dina"] {
        let person = server.person(name).await;
        server.open_chat(&person, &bram).await;
        others.push(person);
    }
    (bram, others)
}

on_both!(r44_three_people_hide_somebody_and_one_person_does_not, |server: TestServer| async move {
    let (bram, others) = known_to_three(&server).await;
    let chat = server.open_chat(&others[0], &bram).await;
    let mut writer = server.connect(&bram).await;
    let hidden = "SELECT COUNT(*) FROM users WHERE hidden_at IS NOT NULL AND muted_at IS NOT NULL";
    for _ in 0..3 {
        file(&server, "Anna", &of_user(&bram.id, "harassment")).await.expect(200);
    }
    assert_eq!(server.number(hidden).await, 0, "three reports of one person");
    server.sql(&format!("UPDATE users SET identity_revoked_at = created_at WHERE email = '{}'", others[1].email)).await;
    file(&server, "Cas", &of_user(&bram.id, "harassment")).await.expect(200);
    file(&server, "Dina", &of_user(&bram.id, "harassment")).await.expect(200);
    assert_eq!(server.number(hidden).await, 0, "one of the three is not verified");
    writer.send(&chat, "nog wel").await;
    server.sql("UPDATE users SET identity_revoked_at = NULL").await;
    file(&server, "Dina", &of_user(&bram.id, "spam")).await.expect(200);
    assert_eq!(server.number(hidden).await, 1);
    let told = writer.expect("sanction").await;
    assert_eq!(told["d"], json!({"change": "restricted"}));
    let publish = json!({"cid": Uuid::new_v4(), "text": "nu niet meer"});
    writer.refused("publish", Some(&format!("chat:{chat}")), publish, 40306).await;
    assert_eq!(server.number("SELECT COUNT(*) FROM reports WHERE auto_blocked").await, 1);
    assert_eq!(server.number("SELECT COUNT(*) FROM admin_actions WHERE action = 'auto_block_user'").await, 1);
});

on_both!(r44_reports_spread_over_more_than_a_day_hide_nobody, |server: TestServer| async move {
    let (bram, _) = known_to_three(&server).await;
    for name in ["Anna", "Cas", "Dina"] {
        file(&server, name, &of_user(&bram.id, "harassment")).await.expect(200);
        server.sql("UPDATE reports SET created_at = '2020-01-01 00:00:00+00:00'").await;
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM users WHERE hidden_at IS NOT NULL").await, 0);
});

/// Puts somebody who is there at `tudelft` (SQLite).
async fn enrolled(server: &TestServer, name: &str) {
    let email = server.known(name).email;
    let university = "(SELECT id FROM universities WHERE slug = 'tudelft')";
    server.sql(&format!("UPDATE users SET university_id = {university} WHERE email_normalized = '{email}'")).await;
}

/// A server with an admin of each sort at `tudelft`, one of `uva`, Anna and Bram of `tudelft`, and Anna's report of a message.
async fn reported() -> (TestServer, Value, [Person; 3]) {
    let server = TestServer::start().await;
    universities(&server).await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    for name in ["Anna", "Bram"] {
        enrolled(&server, name).await;
    }
    let sent = bram.send(&chat, "ik weet waar je woont").await;
    anna.expect_text("ik weet waar je woont").await;
    let receipt = file(&server, "Anna", &of_message(&chat, &sent.mid)).await.expect(200);
    let admins = [
        admin(&server, "Mo", Role::Moderator, "tudelft").await,
        admin(&server, "Una", Role::UniversityAdmin, "tudelft").await,
        admin(&server, "Uwe", Role::UniversityAdmin, "uva").await,
    ];
    (server, receipt["report_id"].clone(), admins)
}

fn path(report: &Value, act: &str) -> String {
    format!("/api/admin/reports/{}{act}", report.as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r35_the_queue_a_case_and_its_claim() {
    let (server, report, [mo, una, uwe]) = reported().await;
    let listed = server.ask(&mo, "GET", "/api/admin/reports?status=open", None).await.expect(200);
    assert_eq!((&listed["open"], &listed["in_review"]), (&json!(1), &json!(0)));
    let row = &listed["reports"][0];
    assert_eq!((&row["id"], &row["rev"], &row["severity"]), (&report, &json!(1), &json!(0)));
    assert_eq!((&row["reporter"]["first_name"], &row["target"]["first_name"]), (&json!("Anna"), &json!("Bram")));
    let elsewhere = server.ask(&uwe, "GET", "/api/admin/reports", None).await.expect(200);
    assert_eq!((&elsewhere["reports"], &elsewhere["open"]), (&json!([]), &json!(0)), "another university's");
    for (method, act, body) in [("GET", "", None), ("POST", "/claim", Some(json!({"rev": 1})))] {
        server.ask(&uwe, method, &path(&report, act), body.as_ref()).await.expect(404);
    }
    let case = server.ask(&mo, "GET", &path(&report, ""), None).await.expect(200);
    assert_eq!(case["intact"], true);
    assert_eq!(case["evidence"]["messages"][0]["text"], "ik weet waar je woont");
    assert_eq!((&case["target"]["reported_by"], &case["reporter"]["filed"]), (&json!(1), &json!(1)));
    assert_eq!(case["timeline"][0]["kind"], "created");

    let claimed = server.ask(&mo, "POST", &path(&report, "/claim"), Some(&json!({"rev": 1}))).await.expect(200);
    assert_eq!(
        (&claimed["status"], &claimed["rev"], &claimed["claimed_by"]),
        (&json!("in_review"), &json!(2), &json!(mo.id))
    );
    let stale = server.ask(&una, "POST", &path(&report, "/claim"), Some(&json!({"rev": 1}))).await.expect(409);
    assert_eq!((&stale["name"], &stale["rev"]), (&json!("stale_rev"), &json!(2)));
    let decision = json!({"rev": 2, "action": "dismiss", "reason": "nothing is wrong with it"});
    let taken = server.ask(&una, "POST", &path(&report, "/decide"), Some(&decision)).await.expect(409);
    assert_eq!(taken["name"], "conflict");
    let stolen = json!({"rev": 2, "steal": true});
    server.ask(&una, "POST", &path(&report, "/claim"), Some(&stolen)).await.expect(200);
    server.ask(&mo, "POST", &path(&report, "/claim"), Some(&json!({"rev": 3, "steal": true}))).await.expect(403);
    let released = server.ask(&una, "POST", &path(&report, "/release"), Some(&json!({"rev": 3}))).await.expect(200);
    assert_eq!((&released["status"], &released["claimed_by"]), (&json!("open"), &Value::Null));
    server.ask(&mo, "POST", &path(&report, "/decide"), Some(&with(&decision, "rev", json!(4)))).await.expect(200);
    let late =
        server.ask(&una, "POST", &path(&report, "/decide"), Some(&with(&decision, "rev", json!(5)))).await.expect(409);
    assert_eq!(late["name"], "conflict", "nothing is decided twice");

    let feed = server.ask(&mo, "GET", "/api/admin/reports/events?after=0", None).await.expect(200);
    let kinds: Vec<_> =
        feed["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["created", "claimed", "claimed", "released", "decided"]);
    let rest = server.ask(&mo, "GET", "/api/admin/reports/events?after=4", None).await.expect(200);
    assert_eq!((rest["events"].as_array().unwrap().len(), &rest["next"]), (1, &json!(5)));
    let hidden = server.ask(&uwe, "GET", "/api/admin/reports/events", None).await.expect(200);
    assert_eq!((&hidden["events"], &hidden["next"]), (&json!([]), &json!(5)));
    server.ask(&mo, "GET", "/api/admin/reports/events?after=99", None).await.expect(410);
    for (action, rows) in [("view_report", 1), ("claim_report", 2), ("release_report", 1), ("dismiss_report", 1)] {
        let sql = format!("SELECT COUNT(*) FROM admin_actions WHERE action = '{action}' AND case_type = 'report'");
        assert_eq!(server.number(&sql).await, rows, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_each_decision_has_its_effect_and_its_trace() {
    let (server, report, [mo, una, _]) = reported().await;
    let mut anna = server.connect(&server.known("Anna")).await;
    let mut bram = server.connect(&server.known("Bram")).await;
    let decide = |rev: i32, more: Value| {
        let mut body = json!({"rev": rev, "policy": "threats", "reason": "it is a threat, plainly"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, status) in [
        (json!({"rev": 1, "action": "warn", "reason": "it is a threat, plainly"}), 400),
        (decide(1, json!({"action": "mute"})), 400),
        (decide(1, json!({"action": "warn", "days": 3})), 400),
        (decide(1, json!({"action": "suspend", "days": 30})), 400),
        (decide(1, json!({"action": "ban"})), 403),
        (decide(1, json!({"action": "warn", "user_id": una.id})), 400),
    ] {
        server.ask(&mo, "POST", &path(&report, "/decide"), Some(&body)).await.expect(status);
    }
    let removal = decide(1, json!({"action": "remove_message", "message": "Dit was een dreigement."}));
    let done = server.ask(&mo, "POST", &path(&report, "/decide"), Some(&removal)).await.expect(200);
    assert_eq!(
        (&done["status"], &done["action"], &done["decided_by"]),
        (&json!("actioned"), &json!("remove_message"), &json!(mo.id))
    );
    anna.expect("message.deleted").await;
    let told = bram.expect("sanction").await;
    assert_eq!(
        told["d"],
        json!({"change": "message_removed", "policy": "threats", "message": "Dit was een dreigement."})
    );
    let outcome = anna.expect("report.outcome").await;
    assert_eq!(outcome["d"], json!({"report_id": report, "status": "actioned"}));

    let bram_id = server.known("Bram").id;
    for (action, more) in [
        ("warn", json!({"action": "warn"})),
        ("mute", json!({"action": "mute", "hours": 2})),
        ("block_pair", json!({"action": "block_pair"})),
        ("suspend", json!({"action": "suspend", "days": 3})),
    ] {
        let filed = file(&server, "Anna", &of_user(&bram_id, "harassment")).await.expect(200);
        let body = decide(1, more);
        let done = server.ask(&una, "POST", &path(&filed["report_id"], "/decide"), Some(&body)).await.expect(200);
        assert_eq!(done["action"], action);
        anna.expect("report.outcome").await;
        match action {
            "warn" => assert_eq!(bram.expect("sanction").await["d"]["change"], "warned"),
            "mute" => {
                assert_eq!(bram.expect("sanction").await["d"]["change"], "muted");
                assert_eq!(server.number("SELECT COUNT(*) FROM users WHERE muted_until IS NOT NULL").await, 1);
            }
            "block_pair" => assert_eq!(anna.expect("block").await["d"]["user"], json!(bram_id)),
            _ => {
                bram.expect_close(4003).await;
            }
        }
    }
    let traces =
        "SELECT COUNT(*) FROM admin_actions WHERE case_type = 'report' AND outcome = 'ok' AND reason IS NOT NULL";
    assert_eq!(server.number(traces).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mute_ends_by_itself_and_what_was_hidden_shows_when_it_is_decided() {
    let server = TestServer::with_clock(Clock::manual(chrono::Utc::now()), |_| {}).await;
    universities(&server).await;
    let (bram, others) = known_to_three(&server).await;
    let chat = server.open_chat(&others[0], &bram).await;
    let una = admin(&server, "Una", Role::UniversityAdmin, "tudelft").await;
    for name in ["Anna", "Bram", "Cas", "Dina"] {
        enrolled(&server, name).await;
    }
    let mut reports = Vec::new();
    for name in ["Anna", "Cas", "Dina"] {
        reports.push(file(&server, name, &of_user(&bram.id, "spam")).await.expect(200)["report_id"].clone());
    }
    let hidden = "SELECT COUNT(*) FROM users WHERE hidden_at IS NOT NULL";
    for (i, report) in reports.iter().enumerate() {
        assert_eq!(server.number(hidden).await, 1, "{i}");
        let body = json!({"rev": 1, "action": "dismiss", "reason": "they were friends of each other"});
        server.ask(&una, "POST", &path(report, "/decide"), Some(&body)).await.expect(200);
    }
    assert_eq!(
        server.number("SELECT COUNT(*) FROM users WHERE hidden_at IS NOT NULL OR muted_at IS NOT NULL").await,
        0
    );
    let filed = file(&server, "Anna", &of_user(&bram.id, "spam")).await.expect(200);
    let body = json!({"rev": 1, "action": "mute", "hours": 1, "policy": "spam", "reason": "it is spam after all"});
    server.ask(&una, "POST", &path(&filed["report_id"], "/decide"), Some(&body)).await.expect(200);
    let mut writer = server.connect(&server.known("Bram")).await;
    let publish = || json!({"cid": Uuid::new_v4(), "text": "hoi"});
    writer.refused("publish", Some(&format!("chat:{chat}")), publish(), 40306).await;
    server.advance(TimeDelta::minutes(61));
    server.services().accounts.lift_mutes().await.unwrap();
    assert_eq!(writer.expect_where("unmuted", |frame| frame["d"]["change"] == "unmuted").await["op"], "sanction");
    writer.send(&chat, "hoi").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_decides_their_own_case() {
    let (server, _, [mo, _, _]) = reported().await;
    let bram = server.known("Bram");
    server.open_chat(&mo, &bram).await;
    let report = of_user(&bram.id, "spam");
    let filed = server.ask(&mo, "POST", "/api/reports", Some(&report)).await.expect(200);
    let body = json!({"rev": 1, "action": "warn", "policy": "spam", "reason": "he bothers me, really"});
    server.ask(&mo, "POST", &path(&filed["report_id"], "/decide"), Some(&body)).await.expect(403);
    let bram = grant(&server, &bram, Role::Moderator, Some("tudelft")).await;
    let own = json!({"rev": 1, "action": "dismiss", "reason": "I did nothing wrong here"});
    server.ask(&bram, "POST", &path(&filed["report_id"], "/decide"), Some(&own)).await.expect(403);
}
