//! Searching one's chats: in two languages, and never more than the chats show.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::http::Answer;
use crate::support::on_both;
use crate::support::people::Person;
use crate::support::server::TestServer;

async fn get(server: &TestServer, person: &Person, path: &str) -> Answer {
    server.ask(person, "GET", path, None).await
}

/// What a refused request says.
async fn refused(server: &TestServer, person: &Person, query: &str) -> String {
    let answer = get(server, person, &format!("/api/search?{query}")).await;
    assert!(answer.status >= 400, "{query} should be refused");
    answer.json()["name"].as_str().expect("a name").to_owned()
}

async fn block(server: &TestServer, who: &Person, whom: &Person, on: bool) {
    let method = if on { "PUT" } else { "DELETE" };
    server.ask(who, method, &format!("/api/blocks/{}", whom.id), None).await.expect(204);
}

/// What a search finds.
async fn found(server: &TestServer, person: &Person, query: &str) -> Value {
    get(server, person, &format!("/api/search?{query}")).await.expect(200)
}

/// The texts of what a search finds, the newest first.
async fn texts(server: &TestServer, person: &Person, words: &str) -> Vec<String> {
    let found = found(server, person, &format!("q={}", words.replace(' ', "%20"))).await;
    let text = |hit: &Value| hit["event"]["d"]["text"].as_str().expect("a text").to_owned();
    found["hits"].as_array().expect("hits").iter().map(text).collect()
}

/// Waits until the index has caught up: this text can be found by its words.
async fn findable(server: &TestServer, person: &Person, words: &str) {
    let begun = Instant::now();
    while texts(server, person, words).await.is_empty() {
        assert!(begun.elapsed() < crate::support::client::PATIENCE, "{words:?} cannot be found");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

on_both!(messages_are_found_by_their_words, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let (her, his, cas) = (server.known("Anna"), server.known("Bram"), server.person("Cas").await);
    let foreign = server.open_chat(&cas, &his).await;
    bram.expect("chat.opened").await;
    for text in [
        "De fietsen staan in de Kelder",
        "I am cleaning the rooms tomorrow",
        "Wie heeft de sleutel van de fiets?",
        "Mijn kamer is 12 m², €\u{a0}650 per maand; één wasmachine 😀",
    ] {
        anna.send(&chat, text).await;
    }
    bram.send(&foreign, "De fiets is van Cas. Laatste woord: zeepbel").await;
    findable(&server, &cas, "zeepbel").await;
    findable(&server, &her, "wasmachine").await;
    // Other forms of a word, in both languages; the newest first; all words; beginnings of words; accents and case.
    assert_eq!(texts(&server, &her, "fiets").await.len(), 2);
    assert!(texts(&server, &his, "FIETSEN").await[0].starts_with("De fiets is van Cas"));
    assert_eq!(texts(&server, &his, "fiets").await.len(), 3);
    assert_eq!(texts(&server, &her, "room clean").await, ["I am cleaning the rooms tomorrow"]);
    assert_eq!(texts(&server, &her, "sleu fiets").await, ["Wie heeft de sleutel van de fiets?"]);
    assert_eq!(texts(&server, &her, "EEN wasm 650").await.len(), 1);
    assert!(texts(&server, &her, "sleutel kelder").await.is_empty());
    // Only one's own chats, and only the one that is asked for.
    assert!(texts(&server, &her, "zeepbel").await.is_empty());
    assert_eq!(texts(&server, &cas, "fiets").await.len(), 1);
    let one = found(&server, &his, &format!("q=fiets&chat={foreign}")).await;
    assert_eq!(one["hits"].as_array().unwrap().len(), 1);
    assert_eq!(refused(&server, &her, &format!("q=fiets&chat={foreign}")).await, "not_member");
    // Where the words stand, in scalars; and the message as its history has it.
    let hit = &found(&server, &her, "q=wasmachine%20kamer").await["hits"][0];
    assert_eq!(hit["spans"], json!([[5, 10], [42, 52]]));
    let seq = hit["event"]["seq"].as_u64().unwrap();
    let page = get(&server, &her, &format!("/api/chats/{chat}/messages?around={seq}&limit=1")).await.expect(200);
    assert_eq!(page["events"][0], hit["event"]);
    // Page by page it is the same list.
    let whole = found(&server, &his, "q=fiets").await;
    let (mut paged, mut query) = (Vec::new(), "q=fiets&limit=1".to_owned());
    loop {
        let page = found(&server, &his, &query).await;
        paged.extend(page["hits"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        query = format!("q=fiets&limit=1&before={next}");
    }
    assert_eq!(json!(paged), whole["hits"]);
});

on_both!(what_is_withheld_is_not_found, |server: TestServer| async move {
    let (_anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let (her, his) = (server.known("Anna"), server.known("Bram"));
    bram.send(&chat, "voor de ruzie").await;
    findable(&server, &her, "ruzie").await;
    block(&server, &her, &his, true).await;
    bram.send(&chat, "na de ruzie, dahlia").await;
    findable(&server, &his, "dahlia").await;
    assert!(texts(&server, &her, "ruzie").await.is_empty(), "the chat is not in the list either");
    block(&server, &her, &his, false).await;
    assert_eq!(texts(&server, &her, "ruzie").await, ["voor de ruzie"]);
    assert!(texts(&server, &her, "dahlia").await.is_empty());
});

on_both!(nonsense_is_refused_or_finds_nothing, |server: TestServer| async move {
    let (mut anna, _bram, chat) = server.pair("Anna", "Bram").await;
    let her = server.known("Anna");
    anna.send(&chat, "appeltaart OR 1=1").await;
    findable(&server, &her, "appeltaart").await;
    let long = "x".repeat(10_000);
    for query in [
        "",
        "q=",
        "q=%25",
        "q=*",
        "q=%22%22",
        "q=%00",
        "q=%F0%9F%98%80",
        "q=a&q=b",
        "q=a&limit=0",
        "q=a&limit=51",
        "q=a&limit=x",
        "q=a&chat=alles",
        "q=a&before=-1",
        "q=a&before=9223372036854775808",
        "q=a&wat=1",
        "q=1%202%203%204%205%206%207%208%209",
        &format!("q={long}"),
    ] {
        assert_eq!(refused(&server, &her, query).await, "bad_request", "{query}");
    }
    // What other languages would take for commands is words or nothing.
    for query in [
        "q=appel*",
        "q=%22appeltaart%22",
        "q=appeltaart%20OR",
        "q=appeltaart)%20--",
        "q=%27appeltaart",
        "q=terms:appeltaart",
    ] {
        let count = found(&server, &her, query).await["hits"].as_array().unwrap().len();
        assert_eq!(count, usize::from(!query.contains("terms")), "{query}");
    }
    for query in ["q=appeltaart%20NOT%20peer", "q=ppeltaart", "q=NEAR(appeltaart,3)", &format!("q={}", "y".repeat(200))]
    {
        assert_eq!(found(&server, &her, query).await["hits"], json!([]), "{query}");
    }
});

on_both!(the_index_goes_on_after_a_restart, |server: TestServer| async move {
    let (mut anna, _bram, chat) = server.pair("Anna", "Bram").await;
    for n in 0..120 {
        anna.send(&chat, &format!("regel {n} over bloemkool")).await;
    }
    // At once: the index has hardly begun.
    let server = server.again_with(|_| {}).await;
    let her = server.known("Anna");
    let begun = Instant::now();
    let count = async || {
        let mut query = "q=bloemkool&limit=50".to_owned();
        let mut count = 0;
        loop {
            let page = found(&server, &her, &query).await;
            count += page["hits"].as_array().unwrap().len();
            let Some(next) = page["next"].as_str() else { return count };
            query = format!("q=bloemkool&limit=50&before={next}");
        }
    };
    while count().await < 120 {
        assert!(begun.elapsed() < crate::support::client::PATIENCE, "not everything can be found");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(count().await, 120, "each once");
    println!("120 messages could be found {:?} after the restart", begun.elapsed());
});

on_both!(who_joins_later_finds_nothing_from_before, |server: TestServer| async move {
    let (mut anna, mut bram, _) = server.pair("Anna", "Bram").await;
    let cas = server.person("Cas").await;
    server.open_chat(&server.known("Anna"), &cas).await;
    let members = json!([server.known("Bram").id, server.known("Cas").id]);
    let made = anna.ask("group.create", None, json!({"title": "Huis", "members": members})).await;
    let group = made["chat_id"].as_str().unwrap().to_owned();
    let channel = format!("chat:{group}");
    bram.ask("invite.accept", Some(&channel), json!({})).await;
    for number in 0..3 {
        anna.send(&group, &format!("geheimwoord {number}")).await;
    }
    let mut c = server.connect(&cas).await;
    c.ask("invite.accept", Some(&channel), json!({})).await;
    anna.send(&group, "geheimwoord, voor allen").await;
    let texts = async |person: &crate::support::people::Person, more: &str| {
        let began = std::time::Instant::now();
        loop {
            let found = server.ask(person, "GET", &format!("/api/search?q=geheimwoord{more}"), None).await.expect(200);
            let hits = found["hits"].as_array().unwrap();
            // The index follows a moment later.
            if hits.iter().any(|hit| hit["event"]["d"]["text"] == "geheimwoord, voor allen") {
                return (hits.len(), found.get("next").cloned());
            }
            assert!(began.elapsed() < crate::support::client::PATIENCE, "{found}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    assert_eq!(texts(&server.known("Bram"), "").await.0, 4);
    assert_eq!(texts(&cas, "").await, (1, None));
    // Not even that there is something: what is told of where to go on is the place of what was shown.
    let (hits, next) = texts(&cas, "&limit=1").await;
    assert_eq!(hits, 1);
    let next = next.expect("a full page");
    let path = format!("/api/search?q=geheimwoord&limit=1&before={}", next.as_str().unwrap());
    assert_eq!(server.ask(&cas, "GET", &path, None).await.expect(200), json!({"hits": []}));
    let listed = server.ask(&cas, "GET", "/api/chats?q=Bram", None).await.expect(200);
    assert_eq!(listed["chats"].as_array().unwrap().len(), 1, "Bram is there still");
    bram.ask("group.leave", Some(&channel), json!({})).await;
    let dirk = server.person("Dirk").await;
    server.open_chat(&server.known("Anna"), &dirk).await;
    anna.ask("group.invite", Some(&channel), json!({"user": dirk.id})).await;
    let mut d = server.connect(&dirk).await;
    d.ask("invite.accept", Some(&channel), json!({})).await;
    let listed = server.ask(&dirk, "GET", "/api/chats?q=Bram", None).await.expect(200);
    assert_eq!(listed["chats"], json!([]), "who was gone before is found by nobody who came after");
});
