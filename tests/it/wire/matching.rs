//! From suggestions to chats: what two people decide makes a match, and nothing else does.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domu::clock::Clock;
use domu::matching::matcher::{Matcher, Rules};
use domu::matching::person::{Cohort, Person as Sheet};
use domu::matching::population::{Population, index};
use domu::matching::sheet::{self, Section};
use serde_json::{Value, json};

use crate::support::on_both;
use crate::support::people::Person;
use crate::support::server::TestServer;
use crate::support::students::{save, section, student};

async fn list(server: &TestServer, person: &Person) -> Vec<Value> {
    let page = server.ask(person, "GET", "/api/match/suggestions/my", None).await.expect(200);
    page["suggestions"].as_array().expect("suggestions").clone()
}

/// What somebody's suggestion of another is to them.
async fn status(server: &TestServer, person: &Person, other: &Person) -> Option<String> {
    let found = list(server, person).await.into_iter().find(|one| one["person"]["id"] == other.id.as_str())?;
    Some(found["status"].as_str().expect("a status").to_owned())
}

async fn suggestion(server: &TestServer, person: &Person, other: &Person) -> String {
    let found = list(server, person).await.into_iter().find(|one| one["person"]["id"] == other.id.as_str());
    found.expect("a suggestion")["id"].as_str().expect("an id").to_owned()
}

async fn respond(server: &TestServer, person: &Person, id: &str, action: &str, status: u16) -> Value {
    let body = json!({ "suggestionId": id, "action": action });
    server.ask(person, "POST", "/api/match/suggestions/respond", Some(&body)).await.expect(status)
}

async fn run(server: &TestServer) -> domu::matchmaking::RunReport {
    server.matchmaking().run().await.expect("a run")
}

async fn count(server: &TestServer, of: &str) -> String {
    server.texts(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {of}")).await.remove(0)
}

/// Everything that is offered, to the bit.
async fn offered(server: &TestServer) -> BTreeSet<String> {
    let column = |name: &str| format!("CAST({name} AS TEXT)");
    let ids = if server.id_text("").starts_with('X') {
        ["hex(low_id)", "hex(high_id)"]
    } else {
        ["low_id::text", "high_id::text"]
    };
    let parts = [
        ids[0].to_owned(),
        ids[1].to_owned(),
        column("score_bits"),
        column("low_rank"),
        column("high_rank"),
        column("is_extra"),
    ];
    let query = format!("SELECT {} FROM match_suggestions WHERE is_offered", parts.join(" || ' ' || "));
    server.texts(&query).await.into_iter().collect()
}

on_both!(r59_two_accepts_open_one_chat_however_often_they_are_said, |server: TestServer| async move {
    let (anna, bram) = (student(&server, "Anna", 1).await, student(&server, "Bram", 1).await);
    let report = run(&server).await;
    assert_eq!((report.people, report.considered, report.suggested), (2, 1, 1));
    assert_eq!(report.quality["blocking_pairs"], 0);
    let (mut a, mut b) = (server.connect(&anna).await, server.connect(&bram).await);
    let id = suggestion(&server, &anna, &bram).await;
    let card = list(&server, &bram).await.remove(0);
    assert_eq!(
        (&card["status"], &card["rank"], &card["person"]["first_name"]),
        (&json!("new"), &json!(1), &json!("Anna"))
    );
    assert!(card["person"].get("last_name").is_none() && card["explanation"]["aligned"].is_array());
    let said = respond(&server, &anna, &id, "accept", 200).await;
    assert_eq!(said["status"], "waiting");
    let told = b.expect("match").await;
    assert_eq!((&told["d"]["change"], &told["d"]["suggestion_id"]), (&json!("interested"), &json!(id)));
    b.expect("suggestions").await;
    assert_eq!(status(&server, &bram, &anna).await.as_deref(), Some("interested"));
    assert_eq!(count(&server, "chats").await, "0", "one of two is no match");
    // Double clicks and retries of both, at once.
    let all = (0..6).map(|n| respond(&server, if n % 3 == 0 { &anna } else { &bram }, &id, "accept", 200));
    let answers = futures_util::future::join_all(all).await;
    let last = respond(&server, &anna, &id, "accept", 200).await;
    assert_eq!(last["status"], "confirmed");
    let chat = last["chat_id"].as_str().expect("a chat").to_owned();
    assert!(answers.iter().any(|answer| answer["chat_id"] == chat.as_str()));
    for client in [&mut a, &mut b] {
        let opened = client.expect("chat.opened").await;
        assert_eq!(opened["d"]["chat_id"], chat.as_str());
        let told = client.expect_where("the match", |frame| frame["d"]["change"] == "confirmed").await;
        assert_eq!(told["d"]["chat_id"], chat.as_str());
    }
    a.send(&chat, "Hoi Bram").await;
    b.expect_text("Hoi Bram").await;
    let counts = [count(&server, "chats").await, count(&server, "matches").await, count(&server, "chat_members").await];
    assert_eq!(counts, ["1", "1", "2"]);
    assert_eq!(count(&server, "match_decisions").await, "2");
    let notices = server.ask(&bram, "GET", "/api/notifications", None).await.expect(200);
    let kinds: Vec<_> = notices["items"].as_array().expect("news").iter().map(|item| item["kind"].clone()).collect();
    assert_eq!(kinds, ["matches", "chats", "matches", "account"]);
    let again = run(&server).await;
    assert_eq!((again.suggested, again.created, again.withdrawn), (0, 0, 0), "r20: nothing is reset");
    assert_eq!(status(&server, &anna, &bram).await.as_deref(), Some("confirmed"));
});

on_both!(both_accept_at_the_same_moment_and_meet_in_one_chat, |server: TestServer| async move {
    let (anna, bram) = (student(&server, "Anna", 1).await, student(&server, "Bram", 1).await);
    run(&server).await;
    let id = suggestion(&server, &anna, &bram).await;
    let both = [&anna, &bram].map(|person| respond(&server, person, &id, "accept", 200));
    let answers = futures_util::future::join_all(both).await;
    assert_eq!(answers.iter().filter(|answer| answer["status"] == "confirmed").count(), 1, "{answers:?}");
    assert_eq!(count(&server, "chats WHERE status = 'open'").await, "1");
    assert_eq!(count(&server, "matches m JOIN chats c ON c.id = m.chat_id").await, "1");
    let cas = student(&server, "Cas", 2).await;
    let foreign = respond(&server, &cas, &id, "accept", 404).await;
    let unknown = respond(&server, &cas, "0198c0de-0000-7000-8000-000000000001", "accept", 404).await;
    assert_eq!(foreign["detail"], unknown["detail"], "a foreign one is like none");
    respond(&server, &anna, &id, "decline", 409).await;
    respond(&server, &anna, &id, "undo", 409).await;
});

on_both!(unmatching_closes_the_chat_for_both_for_good, |server: TestServer| async move {
    let (anna, bram) = (student(&server, "Anna", 1).await, student(&server, "Bram", 1).await);
    run(&server).await;
    let id = suggestion(&server, &anna, &bram).await;
    respond(&server, &anna, &id, "accept", 200).await;
    let chat = respond(&server, &bram, &id, "accept", 200).await["chat_id"].as_str().expect("a chat").to_owned();
    let (mut a, mut b) = (server.connect(&anna).await, server.connect(&bram).await);
    a.send(&chat, "Tot morgen").await;
    let unsaid = json!({ "targetUserId": bram.id, "reason_category": "other" });
    server.ask(&anna, "POST", "/api/match/unmatch", Some(&unsaid)).await.expect(400);
    let body = json!({ "targetUserId": bram.id, "reason_category": "no_house" });
    for _ in 0..2 {
        server.ask(&anna, "POST", "/api/match/unmatch", Some(&body)).await.expect(204);
    }
    let closed = b.expect_where("the end", |frame| frame["op"] == "chat" && frame["d"]["change"] == "closed").await;
    assert_eq!(closed["d"]["cause"], "unmatched");
    b.refused("publish", Some(&format!("chat:{chat}")), json!({"cid": uuid::Uuid::new_v4(), "text": "Nee"}), 40304)
        .await;
    assert_eq!(count(&server, "messages").await, "1", "what was said stays");
    assert_eq!(run(&server).await.suggested, 0);
    assert!(list(&server, &anna).await.is_empty() && list(&server, &bram).await.is_empty());
    respond(&server, &bram, &id, "accept", 404).await;
    server
        .ask(
            &anna,
            "POST",
            "/api/match/unmatch",
            Some(&json!({ "targetUserId": anna.id, "reason_category": "no_house" })),
        )
        .await
        .expect(404);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_is_taken_back_within_ten_seconds_and_ends_after_thirty_days_or_with_other_answers() {
    let server = TestServer::with_clock(Clock::manual(chrono::Utc::now()), |config| {
        config.limits.session_idle = std::time::Duration::from_secs(200 * 86_400);
        config.limits.session_absolute = std::time::Duration::from_secs(200 * 86_400);
    })
    .await;
    let (anna, bram) = (student(&server, "Anna", 1).await, student(&server, "Bram", 1).await);
    run(&server).await;
    let id = suggestion(&server, &anna, &bram).await;
    respond(&server, &anna, &id, "decline", 200).await;
    assert_eq!((status(&server, &anna, &bram).await, status(&server, &bram, &anna).await), (None, None));
    server.matchmaking().settled().await;
    server.advance(TimeDelta::seconds(10));
    assert_eq!(respond(&server, &anna, &id, "undo", 200).await["status"], "new");
    respond(&server, &anna, &id, "decline", 200).await;
    server.advance(TimeDelta::seconds(11));
    respond(&server, &anna, &id, "undo", 409).await;
    respond(&server, &bram, &id, "accept", 404).await;
    assert_eq!(run(&server).await.suggested, 0);
    server.advance(TimeDelta::days(30));
    assert_eq!(run(&server).await.suggested, 1, "thirty days later");
    respond(&server, &anna, &id, "decline", 200).await;
    assert_eq!(run(&server).await.suggested, 0);
    server.advance(TimeDelta::seconds(1));
    save(&server, &bram, Section::Module(1), &section(Section::Module(1), 3)).await;
    assert_eq!(run(&server).await.suggested, 1, "other answers");
    // A run renews what nobody answers; what expired in between cannot be accepted.
    server.advance(TimeDelta::days(7));
    respond(&server, &anna, &id, "accept", 404).await;
    assert_eq!(run(&server).await.created, 0);
    respond(&server, &anna, &id, "accept", 200).await;
}

on_both!(who_waits_cannot_tell_a_block_and_nothing_is_open_across_one, |server: TestServer| async move {
    let (anna, bram) = (student(&server, "Anna", 1).await, student(&server, "Bram", 1).await);
    run(&server).await;
    let id = suggestion(&server, &anna, &bram).await;
    respond(&server, &anna, &id, "accept", 200).await;
    let body = json!({ "blocked_user_id": anna.id });
    server.ask(&bram, "POST", "/api/match/block", Some(&body)).await.expect(204);
    assert_eq!(status(&server, &anna, &bram).await.as_deref(), Some("waiting"));
    assert_eq!(status(&server, &bram, &anna).await, None);
    respond(&server, &bram, &id, "accept", 404).await;
    assert_eq!(respond(&server, &anna, &id, "accept", 200).await["status"], "waiting", "nor by trying again");
    assert_eq!(run(&server).await.suggested, 0);
    assert_eq!(status(&server, &anna, &bram).await.as_deref(), Some("waiting"));
    assert_eq!(count(&server, "chats").await, "0");
    server.ask(&bram, "POST", "/api/match/unblock", Some(&body)).await.expect(204);
    assert_eq!(status(&server, &bram, &anna).await.as_deref(), Some("interested"), "the decision was never lost");
    respond(&server, &bram, &id, "accept", 200).await;
    assert_eq!(count(&server, "chats").await, "1");
});

/// Twelve people who answer differently, and a thirteenth without an account that can be suggested.
async fn town(server: &TestServer) -> Vec<Person> {
    let mut people = Vec::new();
    for (look, name) in (1..).zip(["Anna", "Bram", "Cas", "Daan", "Eva", "Finn", "Gijs", "Hugo", "Iris", "Jet"]) {
        people.push(student(server, name, look).await);
    }
    server.person("Koen").await;
    people
}

on_both!(what_is_offered_is_what_rank_says_and_a_change_is_as_good_as_a_run, |server: TestServer| async move {
    let people = town(&server).await;
    let report = run(&server).await;
    assert_eq!((report.people, report.considered), (10, 45));
    assert_eq!(report.histogram.iter().sum::<u32>() as usize, report.suggested);
    // The same as `domu matching rank` on the same people.
    let person = |(look, person): (u32, &Person)| {
        let saved: Vec<_> = Section::of(Cohort::Student).map(|part| (part, section(part, look))).collect();
        Sheet::read(sheet::person(&person.id, Cohort::Student, &saved)).expect("a person")
    };
    let sheets: Vec<_> = (1..).zip(&people).map(person).collect();
    let matcher = Matcher::new(Population::of(&sheets).expect("a population"), Rules::default());
    let matching = matcher.run();
    let upper = server.id_text("").starts_with('X');
    let text = |id: &str| if upper { id.replace('-', "").to_uppercase() } else { id.to_owned() };
    let truth = if upper { ["0", "1"] } else { ["false", "true"] };
    let rank = matching.pairs.iter().zip(matcher.ranks(&matching)).map(|(pair, (rank_a, rank_b))| {
        let id = |at: u32| matcher.population.ids[index(at)].as_str();
        let mut ends = [(id(pair.a), rank_a), (id(pair.b), rank_b)];
        ends.sort_unstable();
        let [(low, low_rank), (high, high_rank)] = ends;
        let (score, extra) = (pair.key.score.to_bits().cast_signed(), truth[usize::from(pair.extra)]);
        format!("{} {} {score} {low_rank} {high_rank} {extra}", text(low), text(high))
    });
    assert_eq!(offered(&server).await, rank.collect());
    // Somebody answers otherwise, somebody hides: the lists follow, and a run finds nothing left to do.
    let mut client = server.connect(&people[3]).await;
    save(&server, &people[3], Section::Module(2), &section(Section::Module(2), 9)).await;
    let body = json!({ "visibility": "ghost" });
    server.ask(&people[5], "PATCH", "/api/me/settings", Some(&body)).await.expect(200);
    client.expect("suggestions").await;
    server.matchmaking().settled().await;
    let kept = offered(&server).await;
    assert!(list(&server, &people[5]).await.is_empty() && !kept.is_empty());
    let report = run(&server).await;
    assert_eq!((report.people, report.created, report.withdrawn), (9, 0, 0));
    assert_eq!(offered(&server).await, kept, "bit for bit");
});

on_both!(a_run_that_was_killed_or_meets_broken_rows_leaves_the_next_one_whole, |server: TestServer| async move {
    let people = town(&server).await;
    run(&server).await;
    let whole = offered(&server).await;
    let first = server.id_text(&people[0].id);
    // Killed in the middle: some of it written, some not, and nobody there to end it.
    server.sql(&format!("UPDATE match_suggestions SET is_offered = FALSE WHERE low_id = {first}")).await;
    server.sql("UPDATE match_suggestions SET score_bits = 0 WHERE low_rank = 1").await;
    server.sql("UPDATE match_runs SET running = 1, status = 'running', finished_at = NULL").await;
    assert!(server.matchmaking().run().await.is_err(), "one at a time: it might live");
    let server = server.again_with(|_| {}).await;
    run(&server).await;
    assert_eq!(offered(&server).await, whole);
    assert_eq!(count(&server, "match_runs WHERE status = 'abandoned'").await, "1");
    let broken = server.id_text(&people[1].id);
    server
        .sql(&format!(
            "UPDATE user_vectors SET vector = {} WHERE user_id = {broken}",
            if first.starts_with('X') { "X'00'" } else { r"'\x00'" }
        ))
        .await;
    let report = run(&server).await;
    assert_eq!((report.people, report.quarantined), (9, 1), "one broken row stops nobody else");
    assert_eq!(count(&server, "match_quarantine").await, "1");
    assert_eq!(server.onboarding().backfill(|_| ()).await.expect("a backfill").processed, 1);
    assert_eq!(run(&server).await.people, 10);
    assert_eq!(offered(&server).await, whole);
});

on_both!(a_list_comes_in_pages_and_is_not_sent_twice, |server: TestServer| async move {
    let people = town(&server).await;
    run(&server).await;
    let anna = &people[0];
    let all: Vec<_> = list(&server, anna).await.into_iter().map(|one| one["id"].clone()).collect();
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/match/suggestions/my?limit=2{cursor}");
        let page = server.ask(anna, "GET", &path, None).await.expect(200);
        paged.extend(page["suggestions"].as_array().expect("a page").iter().map(|one| one["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, all);
    for wrong in ["limit=0", "limit=51", "cursor=1", "offset=2"] {
        server.ask(anna, "GET", &format!("/api/match/suggestions/my?{wrong}"), None).await.expect(400);
    }
    let other = list(&server, anna).await[0]["person"]["id"].as_str().expect("an id").to_owned();
    let fit =
        server.ask(anna, "GET", &format!("/api/match/compatibility?other_user_id={other}"), None).await.expect(200);
    let sum: f64 = fit["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|part| part["contribution"].as_f64().expect("a number"))
        .sum();
    assert!((sum - fit["score"].as_f64().expect("a score")).abs() < 1e-9);
    let stranger = server.known("Koen").id;
    server.ask(anna, "GET", &format!("/api/match/compatibility?other_user_id={stranger}"), None).await.expect(404);
});
