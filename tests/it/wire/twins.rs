//! The conversation over HTTP: the same service as on the socket, so whoever sends and reads either way sees the same.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::client::Ack;
use crate::support::http::Answer;
use crate::support::on_both;
use crate::support::people::Person;
use crate::support::server::TestServer;

async fn get(server: &TestServer, person: &Person, path: &str) -> Answer {
    server.ask(person, "GET", path, None).await
}

async fn post(server: &TestServer, person: &Person, cid: Uuid, chat: &str, text: &str) -> Answer {
    let body = json!({"chat_id": chat, "cid": cid, "text": text});
    server.ask(person, "POST", "/api/chat/send", Some(&body)).await
}

fn numbers(page: &Value) -> Vec<u64> {
    page["events"].as_array().expect("events").iter().map(|event| event["seq"].as_u64().expect("a number")).collect()
}

on_both!(both_ways_of_sending_make_one_order, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Anna");
    let mut said = Vec::new();
    for number in 0..10 {
        let text = format!("bericht {number}");
        let ack = if number % 2 == 0 {
            anna.send(&chat, &text).await
        } else {
            Ack::of(&post(&server, &person, Uuid::new_v4(), &chat, &text).await.expect(200))
        };
        assert!(!ack.dup);
        said.push((ack.seq, text));
    }
    assert!(said.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "{said:?}");
    let last = said.last().expect("messages").0;
    bram.reach(&chat, last).await;
    anna.reach(&chat, last).await;
    let texts: Vec<_> = said.iter().map(|(_, text)| text.clone()).collect();
    assert_eq!(bram.chat(&chat).texts(), texts);
    assert_eq!(anna.chat(&chat).texts(), texts, "the sender's own socket hears what they sent over HTTP");
    assert_eq!(anna.chat(&chat).events, bram.chat(&chat).events, "nothing tells how a message was sent");

    let page =
        get(&server, &server.known("Bram"), &format!("/api/chats/{chat}/messages?after=0&limit=100")).await.expect(200);
    let by_socket = bram.ask("history", Some(&format!("chat:{chat}")), json!({"after": 0, "limit": 100})).await;
    assert_eq!(page, by_socket);
});

on_both!(a_lost_answer_is_asked_for_again, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let (person, cid) = (server.known("Anna"), Uuid::new_v4());
    let first = Ack::of(&post(&server, &person, cid, &chat, "een keer").await.expect(200));
    let (again, twice) =
        tokio::join!(post(&server, &person, cid, &chat, "een keer"), post(&server, &person, cid, &chat, "een keer"));
    for answer in [again, twice] {
        let ack = Ack::of(&answer.expect(200));
        assert_eq!((ack.dup, &ack.mid, ack.seq), (true, &first.mid, first.seq));
    }
    assert!(anna.publish(&chat, &cid.to_string(), "een keer").await.dup, "also on the socket");
    let other = post(&server, &person, cid, &chat, "iets anders").await.expect(409);
    assert_eq!(other["name"], "cid_reused");
    bram.expect_text("een keer").await;
    bram.refute("message").await;
});

on_both!(polling_sees_every_number_once, |server: TestServer| async move {
    let (mut anna, bram, chat) = server.pair("Anna", "Bram").await;
    drop(bram);
    let person = server.known("Bram");
    let (mut seen, mut at) = (Vec::new(), 0);
    for round in 0..6 {
        for number in 0..round * 3 {
            anna.send(&chat, &format!("{round}.{number}")).await;
        }
        loop {
            let page =
                get(&server, &person, &format!("/api/chats/{chat}/messages?after={at}&limit=4")).await.expect(200);
            seen.extend(numbers(&page));
            at = seen.last().copied().unwrap_or(at);
            if page["more_after"] == false {
                assert_eq!(page["head"], at);
                break;
            }
        }
    }
    assert_eq!(seen, (1..=at).collect::<Vec<_>>());
    let list = get(&server, &person, "/api/chats").await.expect(200);
    assert_eq!((&list["chats"][0]["head"], &list["chats"][0]["unread"]), (&json!(at), &json!(45)));
    let read =
        server.ask(&person, "POST", &format!("/api/chats/{chat}/read"), Some(&json!({"seq": at}))).await.expect(200);
    assert_eq!((&read["read"], &read["unread"]), (&json!(at), &json!(0)));
    let marker = anna.expect_where("his marker", |frame| frame["op"] == "marker" && frame["d"]["read"] == at).await;
    assert_eq!(marker["d"]["u"], json!(person.id));
    let behind = get(&server, &person, &format!("/api/chats/{chat}/messages?before=3&limit=100")).await.expect(200);
    assert_eq!(numbers(&behind), [1, 2]);
});

on_both!(who_may_not_send_is_told_as_on_the_socket, |server: TestServer| async move {
    let (anna, bram, chat) = server.pair("Anna", "Bram").await;
    let stranger = server.person("Cas").await;
    let person = server.known("Anna");
    let refused = post(&server, &stranger, Uuid::new_v4(), &chat, "hoi").await;
    assert_eq!((refused.status, &refused.json()["name"]), (403, &json!("not_member")));
    let nowhere = post(&server, &person, Uuid::new_v4(), &Uuid::new_v4().to_string(), "hoi").await;
    assert_eq!((nowhere.status, &nowhere.json()["name"]), (403, &json!("not_member")), "no telling which chats exist");
    for path in
        [format!("/api/chats/{chat}/messages?after=0"), format!("/api/chats/{}/messages?after=0", Uuid::new_v4())]
    {
        assert_eq!(get(&server, &stranger, &path).await.expect(403)["name"], "not_member");
    }
    let marked = server.ask(&stranger, "POST", &format!("/api/chats/{chat}/read"), Some(&json!({"seq": 1}))).await;
    assert_eq!(marked.expect(403)["name"], "not_member");
    let long = post(&server, &person, Uuid::new_v4(), &chat, &"x".repeat(4001)).await;
    assert_eq!((long.status, &long.json()["name"]), (413, &json!("too_large")));
    assert_eq!(post(&server, &person, Uuid::new_v4(), &chat, " \n ").await.expect(400)["name"], "bad_request");
    server.sql("UPDATE chats SET status = 'closed'").await;
    assert_eq!(post(&server, &person, Uuid::new_v4(), &chat, "hoi").await.expect(403)["name"], "chat_locked");
    let page = get(&server, &person, &format!("/api/chats/{chat}/messages?after=0")).await.expect(200);
    assert_eq!(page["head"], 1, "nothing was stored: {page}");
    drop((anna, bram));
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_limit_counts_both_ways_and_is_told() {
    let server = TestServer::with(|config| config.limits.messages_per_minute = 4).await;
    let (mut anna, _bram, chat) = server.pair("Anna", "Bram").await;
    let (person, cid) = (server.known("Anna"), Uuid::new_v4());
    let header =
        |answer: &Answer, name: &str| answer.headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    let first = post(&server, &person, cid, &chat, "1").await;
    assert_eq!(first.status, 200);
    for (name, value) in [
        ("ratelimit-bucket", "message"),
        ("ratelimit-limit", "4"),
        ("ratelimit-remaining", "3"),
        ("ratelimit-reset", "15"),
    ] {
        assert_eq!(header(&first, name).as_deref(), Some(value), "{name}");
    }
    for text in ["2", "3", "4"] {
        anna.send(&chat, text).await;
    }
    let refused = post(&server, &person, Uuid::new_v4(), &chat, "5").await;
    assert_eq!((refused.status, &refused.json()["name"]), (429, &json!("rate_limited")));
    assert_eq!(header(&refused, "ratelimit-remaining").as_deref(), Some("0"));
    let wait: u64 = header(&refused, "retry-after").expect("a time to wait").parse().expect("seconds");
    assert!((1..=15).contains(&wait), "{wait}");
    assert!(
        Ack::of(&post(&server, &person, cid, &chat, "1").await.expect(200)).dup,
        "what is stored is told at any pace"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_is_searched_windowed_and_kept_by_its_tag() {
    let server = TestServer::start().await;
    let me = server.person("Isa").await;
    let mut chats = Vec::new();
    for name in ["Zoe", "Anouk", "Annemiek"] {
        let other = server.person(name).await;
        chats.push(server.open_chat(&me, &other).await);
    }
    server.sql("UPDATE profiles SET first_name = 'Zoë' WHERE first_name = 'Zoe'").await;
    let list = |query: &'static str| {
        let (server, me) = (&server, &me);
        async move { get(server, me, &format!("/api/chats{query}")).await }
    };
    let ids = |answer: &Value| -> Vec<String> {
        answer["chats"]
            .as_array()
            .expect("chats")
            .iter()
            .map(|chat| chat["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let all = list("").await.expect(200);
    let newest: Vec<String> = chats.iter().rev().cloned().collect();
    assert_eq!((ids(&all), &all["total"]), (newest.clone(), &json!(3)));
    assert!(all["epoch"].is_string() && all["chats"][0]["events"] == json!([]) && all["chats"][0]["initial"] == true);
    let second = list("?first=1&limit=1").await.expect(200);
    assert_eq!((ids(&second), &second["total"]), (newest[1..2].to_vec(), &json!(3)));
    assert_eq!(ids(&list("?first=1000000000").await.expect(200)), Vec::<String>::new());
    for (query, found) in [
        ("?q=zoe", 1),
        ("?q=ZO%C3%8B", 1),
        ("?q=an", 2),
        ("?q=isa", 0),
        ("?q=%20", 3),
        ("?q=%25", 3),
        ("?q=nouk", 0),
        ("?q=anouk%20x", 0),
    ] {
        assert_eq!(list(query).await.expect(200)["total"], found, "{query}");
    }

    let first = list("").await;
    assert_eq!(first.headers["cache-control"], "no-store");
    let tag = first.headers["etag"].to_str().expect("a tag").to_owned();
    let bearer = format!("Bearer {}", me.token);
    let again = |method: &'static str, path: String| {
        let (tag, bearer, at) = (tag.clone(), bearer.clone(), server.address);
        async move {
            let headers = [("authorization", bearer.as_str()), ("if-none-match", tag.as_str())];
            crate::support::http::Http::new(at).plain(method.parse().expect("a method"), &path, &headers, None).await
        }
    };
    for method in ["GET", "HEAD"] {
        let same = again(method, "/api/chats".into()).await;
        assert_eq!((same.status, same.body.as_str()), (304, ""), "{method}");
    }
    assert_eq!(again("GET", "/api/chats?limit=1".into()).await.status, 200, "another list has another name");
    assert_eq!(post(&server, &me, Uuid::new_v4(), &chats[0], "hoi").await.status, 200);
    assert_eq!(again("GET", "/api/chats".into()).await.status, 200);
    assert_eq!(ids(&list("").await.expect(200))[0], chats[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_that_cannot_be_are_refused_by_name() {
    let server = TestServer::start().await;
    let (_anna, _bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Anna");
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=-1", "limit"),
        ("?limit=1000000000", "limit"),
        ("?limit=51", "limit"),
        ("?first=-1", "first"),
        ("?first=x", "first"),
        ("?limit=1&limit=2", "limit"),
        ("?page=2", "page"),
        ("?q=%ff", "q"),
    ] {
        let refused = get(&server, &person, &format!("/api/chats{query}")).await.expect(400);
        assert_eq!(refused["fields"][0]["field"], field, "{query}: {refused}");
    }
    let long = get(&server, &person, &format!("/api/chats?q={}", "x".repeat(101))).await.expect(400);
    assert_eq!(long["fields"][0]["field"], "q");
    for (query, field) in [
        ("?after=0&limit=0", "limit"),
        ("?after=0&limit=-1", "limit"),
        ("?after=0&limit=101", "limit"),
        ("?after=0&limit=1000000000", "limit"),
        ("?after=-1", "after"),
        ("?before=9007199254740992", "before"),
        ("?around=1.5", "around"),
        ("?after=1&after=1", "after"),
        ("?after=0&x=1", "x"),
    ] {
        let refused = get(&server, &person, &format!("/api/chats/{chat}/messages{query}")).await.expect(400);
        assert_eq!(refused["fields"][0]["field"], field, "{query}: {refused}");
    }
    for query in ["", "?limit=5", "?before=1&after=1"] {
        assert_eq!(
            get(&server, &person, &format!("/api/chats/{chat}/messages{query}")).await.expect(400)["name"],
            "bad_request",
            "{query}"
        );
    }
    for query in ["?after=2", "?before=3", "?around=2", "?after=1000000000", "?after=0&epoch=other"] {
        let refused = get(&server, &person, &format!("/api/chats/{chat}/messages{query}")).await.expect(410);
        assert_eq!((&refused["name"], &refused["head"]), (&json!("unrecoverable_position"), &json!(1)), "{query}");
    }
    assert_eq!(
        get(&server, &person, &format!("/api/chats/{chat}/messages?after=1")).await.expect(200)["events"],
        json!([])
    );
}
