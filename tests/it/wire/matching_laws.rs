//! Laws of pairs, whatever people do, in whatever order, at the same time, while runs go over everybody.

use serde_json::{Value, json};

use crate::support::chance::Chance;
use crate::support::on_both;
use crate::support::people::Person;
use crate::support::server::TestServer;
use crate::support::students::student;

async fn listed(server: &TestServer, person: &Person) -> Vec<Value> {
    let page = server.ask(person, "GET", "/api/match/suggestions/my?limit=50", None).await.expect(200);
    page["suggestions"].as_array().expect("suggestions").clone()
}

/// Something that somebody does with what they see, or saw before.
async fn act(server: &TestServer, person: &Person, others: &[Person], seen: &str, roll: u64) {
    let other = &others[roll as usize / 16 % others.len()];
    let (path, body) = match roll % 16 {
        0 => ("/api/match/block", json!({ "blocked_user_id": other.id })),
        1 | 2 => ("/api/match/unblock", json!({ "blocked_user_id": other.id })),
        3 => ("/api/match/unmatch", json!({ "targetUserId": other.id, "reason_category": "unresponsive" })),
        4 => ("/api/match/suggestions/respond", json!({ "suggestionId": seen, "action": "undo" })),
        5 | 6 => ("/api/match/suggestions/respond", json!({ "suggestionId": seen, "action": "decline" })),
        7 => {
            // One run at a time: the other one is refused.
            let _refused = server.matchmaking().run().await.is_err();
            return;
        }
        _ => ("/api/match/suggestions/respond", json!({ "suggestionId": seen, "action": "accept" })),
    };
    let answer = server.ask(person, "POST", path, Some(&body)).await;
    assert!([200, 204, 400, 404, 409].contains(&answer.status), "{path} {body}: {answer:?}");
}

on_both!(no_match_without_one_chat_and_nothing_open_across_a_block, |server: TestServer| async move {
    let mut people = Vec::new();
    for (look, name) in (1..).zip(["Anna", "Bram", "Cas", "Daan"]) {
        people.push(student(&server, name, look).await);
    }
    server.matchmaking().run().await.expect("a run");
    let mut chance = Chance::new(7);
    let seen = server.ids("SELECT id FROM match_suggestions").await;
    assert_eq!(seen.len(), 6);
    for _ in 0..12 {
        let acts: Vec<_> =
            (0..8).map(|_| (chance.within(0, 4), chance.within(0, 6), chance.within(0, 1 << 20))).collect();
        let acts = acts
            .iter()
            .map(|(who, what, roll)| act(&server, &people[*who as usize], &people, &seen[*what as usize], *roll));
        futures_util::future::join_all(acts).await;
        for (law, sql) in [
            (
                "a match has a chat of exactly its two",
                "SELECT CAST(COUNT(*) AS TEXT) FROM matches m WHERE 2 <> (SELECT COUNT(*) FROM chat_members c WHERE c.chat_id = m.chat_id AND c.user_id IN (m.low_id, m.high_id))",
            ),
            (
                "two accepts are a match",
                "SELECT CAST(COUNT(*) AS TEXT) FROM match_suggestions s WHERE s.low_decision = 'accepted' AND s.high_decision = 'accepted' AND NOT EXISTS (SELECT 1 FROM matches m WHERE m.suggestion_id = s.id)",
            ),
            (
                "a match is two accepts",
                "SELECT CAST(COUNT(*) AS TEXT) FROM match_suggestions s JOIN matches m ON m.suggestion_id = s.id WHERE s.low_decision <> 'accepted' OR s.high_decision <> 'accepted'",
            ),
            (
                "a chat has a match",
                "SELECT CAST(COUNT(*) AS TEXT) FROM chats c WHERE NOT EXISTS (SELECT 1 FROM matches m WHERE m.chat_id = c.id)",
            ),
            (
                "a match that ended has a closed chat",
                "SELECT CAST(COUNT(*) AS TEXT) FROM matches m JOIN chats c ON c.id = m.chat_id WHERE (m.ended_at IS NULL) <> (c.status = 'open')",
            ),
            (
                "no decision is lost",
                "SELECT CAST(COUNT(*) AS TEXT) FROM match_suggestions s WHERE (s.low_decided_at IS NOT NULL AND s.low_decision <> (SELECT d.decision FROM match_decisions d WHERE d.suggestion_id = s.id AND d.user_id = s.low_id ORDER BY d.n DESC LIMIT 1)) OR (s.low_decided_at IS NULL AND EXISTS (SELECT 1 FROM match_decisions d WHERE d.suggestion_id = s.id AND d.user_id = s.low_id))",
            ),
        ] {
            assert_eq!(server.texts(sql).await, ["0"], "{law}");
        }
        for person in &people {
            let blocks = server.ask(person, "GET", "/api/blocks", None).await.expect(200);
            let blocked: Vec<_> =
                blocks["blocks"].as_array().expect("blocks").iter().map(|one| one["id"].clone()).collect();
            for one in listed(&server, person).await {
                assert!(!blocked.contains(&one["person"]["id"]), "{} sees somebody they blocked", person.first_name);
            }
        }
    }
    assert_ne!(server.texts("SELECT CAST(COUNT(*) AS TEXT) FROM matches").await, ["0"], "something was agreed on");
});

on_both!(r19_readiness_counts_what_the_tables_hold, |server: TestServer| async move {
    let (anna, _) = (student(&server, "Anna", 1).await, student(&server, "Bram", 2).await);
    server.person("Cas").await;
    let ready = server.matchmaking().readiness().await.expect("counts");
    assert_eq!((ready.active, ready.verified, ready.onboarded, ready.with_vector, ready.eligible), (3, 3, 2, 2, 2));
    server.suspend(&anna).await;
    let ready = server.matchmaking().readiness().await.expect("counts");
    assert_eq!((ready.active, ready.eligible, ready.quarantined), (2, 1, 0));
});

on_both!(r23_a_run_keeps_its_report, |server: TestServer| async move {
    for (look, name) in (1..).zip(["Anna", "Bram", "Cas"]) {
        student(&server, name, look).await;
    }
    let report = server.matchmaking().run().await.expect("a run");
    let kept = server.matchmaking().report(report.run).await.expect("a row");
    assert_eq!((kept.status.as_str(), kept.finished_at.is_some()), ("done", true));
    assert_eq!(kept.diagnostic, Some(json!(report)));
    assert_eq!((report.considered, report.quality["blocking_pairs"].as_u64()), (3, Some(0)));
    assert_eq!(report.removed["looked_at"], 3);

    let twice = "SELECT CAST(COUNT(*) AS TEXT) FROM (SELECT low_id, high_id FROM match_suggestions GROUP BY low_id, high_id HAVING COUNT(*) > 1) AS twice";
    assert_eq!(server.texts(twice).await, ["0"]);
});
