//! Nonsense in a well-formed text frame: a documented error, the socket lives, and nobody else notices.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::bystander::Bystander;
use crate::support::client::{Client, Door};
use crate::support::server::TestServer;

/// A server that does not mind how many errors one socket makes, so that a test can make them all.
async fn patient_server() -> TestServer {
    TestServer::with(|config| {
        config.limits.socket_errors_max = 100_000;
        config.limits.socket_ops_per_second = 100_000;
        config.limits.socket_ops_burst = 100_000;
    })
    .await
}

/// Says a frame as it is and returns the error it is answered with.
async fn error_of(client: &mut Client, frame: &str) -> Value {
    client.say(frame).await;
    let answer = client.expect_where(&format!("an error for {:.200}", frame), |frame| frame.get("err").is_some()).await;
    answer["err"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_whose_id_cannot_be_read_are_answered_without_one() {
    let server = patient_server().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let (mut anna, bram, chat) = server.pair("Anna", "Bram").await;
    let deep_list = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let deep_object = format!("{}1{}", r#"{"d":"#.repeat(10_000), "}".repeat(10_000));
    let frames = [
        "",
        " ",
        "nonsense",
        "{",
        "}",
        "[]",
        "null",
        "true",
        "7",
        "\"text\"",
        "{}{}",
        r#"{"id":1,"op":"ping"} trailing"#,
        r#"{"id":1,"id":2,"op":"ping"}"#,
        r#"{"id":{},"op":"ping"}"#,
        r#"{"id":"7","op":"ping"}"#,
        r#"{"id":-1,"op":"ping"}"#,
        r#"{"id":1.5,"op":"ping"}"#,
        r#"{"id":18446744073709551616,"op":"ping"}"#,
        r#"{"id":9007199254740992,"op":"ping"}"#,
        r#"{"op":"ping"}"#,
        r#"{"id":null,"op":"ping"}"#,
        r#"{'id':1}"#,
        r#"{"id":NaN,"op":"ping"}"#,
        "\u{feff}{\"id\":1,\"op\":\"ping\"}",
        &deep_list,
        &deep_object,
    ];
    for frame in frames {
        let error = error_of(&mut anna, frame).await;
        assert_eq!(
            (&error["code"], &error["name"], &error["retry"]),
            (&json!(40000), &json!("bad_request"), &json!(false)),
            "{frame:.100}"
        );
        assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty() && detail.len() < 500), "{error}");
    }
    anna.send(&chat, "en nu iets zinnigs").await;
    bystander.undisturbed().await;
    drop(bram);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_stand_twice_are_refused_wherever_they_stand() {
    let server = patient_server().await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let cid = Uuid::new_v4();
    for frame in [
        format!(r#"{{"id":901,"op":"publish","op":"ping","ch":"chat:{chat}","d":{{"cid":"{cid}","text":"a"}}}}"#),
        format!(
            r#"{{"id":902,"op":"publish","ch":"chat:{chat}","ch":"chat:{chat}","d":{{"cid":"{cid}","text":"a"}}}}"#
        ),
        format!(r#"{{"id":903,"op":"publish","ch":"chat:{chat}","d":{{"cid":"{cid}","text":"a","text":"b"}}}}"#),
        format!(r#"{{"id":904,"op":"publish","ch":"chat:{chat}","d":{{"cid":"{cid}","text":"a"}},"d":{{}}}}"#),
    ] {
        let id: u64 = frame[6..9].parse().expect("the id");
        anna.say(frame.clone()).await;
        // Whether the id could still be read depends on where the second key stands.
        loop {
            if let Some((answered, reply)) = anna.take_reply() {
                assert_eq!((answered, &reply["err"]["code"]), (id, &json!(40000)), "{frame}");
                break;
            }
            if anna.unclaimed().any(|frame| frame.get("err").is_some()) {
                assert_eq!(
                    anna.expect_where("the error", |frame| frame.get("err").is_some()).await["err"]["code"],
                    40000,
                    "{frame}"
                );
                break;
            }
            anna.pump(crate::support::client::PATIENCE).await.expect("an answer");
        }
    }
    anna.send(&chat, "alleen dit").await;
    bram.expect_text("alleen dit").await;
    assert_eq!(bram.chat(&chat).texts(), ["alleen dit"]);
}

/// What a field must be.
#[derive(Clone, Copy)]
enum Kind {
    Uuid,
    Text,
    Count { optional: bool },
    Object { optional: bool },
}

/// The fields of an operation.
type Fields = Vec<(&'static str, Kind)>;

impl Kind {
    /// Values that the field must not take.
    fn wrong(self) -> Vec<Value> {
        let everything = [
            json!(null),
            json!(true),
            json!(-1),
            json!(1),
            json!(1.5),
            json!(1e300),
            json!(9_007_199_254_740_992_u64),
            json!(u64::MAX),
            json!(""),
            json!("1"),
            json!("x"),
            json!("0190a0b0-0000-7000-8000"),
            json!([]),
            json!([1]),
            json!({}),
            json!({"a": 1}),
            json!("x".repeat(40_000)),
        ];
        let takes = |value: &Value| match self {
            Self::Uuid => false,
            // Whether a text may be empty or how long it may be is not a question of type.
            Self::Text => value.is_string(),
            Self::Count { optional } => (optional && value.is_null()) || value.as_u64().is_some_and(|count| count <= 1),
            Self::Object { optional } => value.is_object() || (optional && value.is_null()),
        };
        everything.into_iter().filter(|value| !takes(value)).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_every_operation_refuses_other_types() {
    let server = patient_server().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = json!(format!("chat:{chat}"));
    let history = |anchor: &str| json!({anchor: 1, "limit": 5});
    let optional = Kind::Count { optional: true };
    let needed = Kind::Count { optional: false };
    let operations: Vec<(&str, Value, Fields)> = vec![
        ("publish", json!({"cid": Uuid::new_v4(), "text": "t"}), vec![("cid", Kind::Uuid), ("text", Kind::Text)]),
        (
            "edit",
            json!({"mid": Uuid::new_v4(), "rev": 1, "text": "t"}),
            vec![("mid", Kind::Uuid), ("rev", needed), ("text", Kind::Text)],
        ),
        ("delete", json!({"mid": Uuid::new_v4(), "scope": "all"}), vec![("mid", Kind::Uuid), ("scope", Kind::Text)]),
        ("history", history("before"), vec![("before", optional), ("limit", optional)]),
        ("history", history("after"), vec![("after", optional), ("limit", optional)]),
        ("history", history("around"), vec![("around", optional), ("limit", optional)]),
        ("ack", json!({"seq": 1}), vec![("seq", needed)]),
        ("read", json!({"seq": 1}), vec![("seq", needed)]),
    ];
    let mut tried = 0;
    for (op, data, fields) in &operations {
        let frame = json!({"op": op, "ch": channel, "d": data});
        let mut wrong_frames = Vec::new();
        for (field, kind) in fields {
            for value in kind.wrong() {
                let mut wrong = frame.clone();
                wrong["d"][*field] = value;
                wrong_frames.push((format!("d.{field}"), wrong));
            }
        }
        for value in (Kind::Object { optional: false }).wrong() {
            let mut wrong = frame.clone();
            wrong["d"] = value;
            wrong_frames.push(("d".into(), wrong));
        }
        for value in Kind::Uuid.wrong() {
            let mut wrong = frame.clone();
            wrong["ch"] = value.clone();
            wrong_frames.push(("ch".into(), wrong));
            if let Some(text) = value.as_str() {
                let mut wrong = frame.clone();
                wrong["ch"] = json!(format!("chat:{text}"));
                wrong_frames.push(("ch".into(), wrong));
            }
        }
        for (field, mut wrong) in wrong_frames {
            tried += 1;
            let id = 1_000_000 + tried;
            wrong["id"] = json!(id);
            anna.say(wrong.to_string()).await;
            let reply = anna.reply(id).await;
            // A null anchor is an anchor that was not given: then exactly one is missing, which is refused as well.
            // A count that is too large for any chat is beyond this one's head.
            let beyond =
                *op == "history" && field != "d.limit" && wrong["d"][field.trim_start_matches("d.")].as_u64().is_some();
            assert!(
                reply["err"]["code"] == 40000 || (beyond && reply["err"]["code"] == 41000),
                "{op}, {field}: {:.300} was answered with {reply}",
                wrong.to_string()
            );
        }
    }
    assert!(tried > 150, "only {tried} were tried");
    for op in ["", "dance", "PUBLISH", "publish ", "subscribe", "__proto__", "connect\u{0}"] {
        anna.refused(op, Some(&format!("chat:{chat}")), json!({}), 40001).await;
    }
    println!("{tried} wrong frames");
    anna.refute("message").await;
    anna.send(&chat, "het enige bericht").await;
    bram.expect_text("het enige bericht").await;
    assert_eq!(bram.chat(&chat).texts(), ["het enige bericht"]);
    bystander.undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_connect_refuses_other_types() {
    let server = patient_server().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let anna = server.person("Anna").await;
    let sound = json!({"v": 1, "client": "test/1", "token": anna.token, "resume": {"epoch": "e", "user": 0, "chats": {}}, "window": [0, 19]});
    let mut client = Client::knock("Anna", server.address, &Door::default()).await.expect("an upgrade");
    let list = |wrong: &[Value]| wrong.to_vec();
    let fields: Vec<(&[&str], Vec<Value>)> = vec![
        (&["v"], list(&[json!(null), json!("1"), json!(-1), json!(1.5), json!([]), json!({}), json!(true)])),
        (&["token"], list(&[json!(1), json!(true), json!([]), json!({})])),
        (&["client"], list(&[json!(1), json!(true), json!([]), json!({})])),
        (
            &["window"],
            list(&[json!(1), json!("0-19"), json!([]), json!([1]), json!([1, 2, 3]), json!([-1, 2]), json!({"a": 1})]),
        ),
        (&["resume"], list(&[json!(1), json!("x"), json!([]), json!({}), json!(true)])),
        (&["resume", "epoch"], list(&[json!(null), json!(1), json!([]), json!({})])),
        (
            &["resume", "user"],
            list(&[json!(-1), json!(1.5), json!("1"), json!([]), json!({}), json!(9_007_199_254_740_992_u64)]),
        ),
        (
            &["resume", "chats"],
            list(&[
                json!(1),
                json!("x"),
                json!([1]),
                json!({"x": 1}),
                json!({"0190a0b0-0000-7000-8000-000000000001": "1"}),
                json!({"0190a0b0-0000-7000-8000-000000000001": -1}),
                json!({"0190a0b0-0000-7000-8000-000000000001": 9_007_199_254_740_992_u64}),
            ]),
        ),
    ];
    for (path, wrongs) in fields {
        for wrong in wrongs {
            let mut data = sound.clone();
            match path {
                [field] => data[*field] = wrong.clone(),
                [outer, field] => data[*outer][*field] = wrong.clone(),
                _ => unreachable!("paths have one or two steps"),
            }
            client.refused("connect", None, data, 40000).await;
        }
    }
    for op in ["publish", "edit", "delete", "history", "ack", "read"] {
        client
            .refused(
                op,
                Some(&format!("chat:{}", Uuid::new_v4())),
                json!({"cid": Uuid::new_v4(), "text": "te vroeg", "after": 0, "seq": 1, "mid": Uuid::new_v4(), "rev": 1, "scope": "all"}),
                40002,
            )
            .await;
    }
    client.refused("ping", None, json!({}), 40002).await;
    // None of that kept the socket from connecting, once.
    client.connect(Some(&anna.token)).await;
    client.refused("connect", None, sound, 40003).await;
    client.settle().await;
    bystander.undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_documented_version_is_spoken() {
    let server = patient_server().await;
    let anna = server.person("Anna").await;
    for version in [0, 2, 4_294_967_295_u32] {
        let mut client = Client::knock("Anna", server.address, &Door::default()).await.expect("an upgrade");
        client.begin("connect", None, json!({"v": version, "token": anna.token})).await;
        client.expect_close(4004).await;
    }
    for offered in [None, Some("domu.v2.json"), Some("chat"), Some("")] {
        let door = Door { protocol: offered.map(str::to_owned), ..Door::default() };
        let (status, body) = Client::knock("Anna", server.address, &door)
            .await
            .err()
            .unwrap_or_else(|| panic!("{offered:?} was accepted"));
        assert!(status == 426 || status == 400, "{offered:?}: {status} {body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_server_may_say_has_no_effect() {
    let server = patient_server().await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let forged = json!({
        "cid": Uuid::new_v4(), "text": "van mij", "seq": 900, "n": 900, "ts": 1, "mid": Uuid::nil(), "u": bram.mirror.me, "sender": bram.mirror.me,
        "kind": "system", "params": {"key": "banned"}, "dup": true, "flags": 255, "created_at": "1970-01-01",
    });
    let ok = anna.ask("publish", Some(&channel), forged).await;
    let event = bram.expect_text("van mij").await;
    assert_eq!(
        (&event["d"]["u"], &event["d"]["kind"], &event["d"]["n"]),
        (&json!(anna.mirror.me), &json!("user"), &json!(1))
    );
    assert_eq!((&ok["n"], &ok["dup"]), (&json!(1), &json!(false)));
    assert_ne!(event["d"]["mid"], json!(Uuid::nil()));
    assert!(event["d"].get("params").is_none_or(Value::is_null));
    assert!(event["ts"].as_i64().is_some_and(|ts| ts > 1));
    // Frames that only a server sends are no requests.
    for op in ["message", "member", "chat", "marker", "chat.opened", "session", "sanction", "reconnect"] {
        anna.refused(op, Some(&channel), json!({"text": "nagemaakt"}), 40001).await;
    }
    bram.refute("message").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_others_looks_like_what_does_not_exist() {
    let server = patient_server().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let (mut anna, _bram, _) = server.pair("Anna", "Bram").await;
    let (emma, _fleur, theirs) = server.pair("Emma", "Fleur").await;
    let nowhere = Uuid::new_v4().to_string();
    for (op, data) in [
        ("publish", json!({"cid": Uuid::new_v4(), "text": "hallo?"})),
        ("history", json!({"after": 0})),
        ("ack", json!({"seq": 1})),
        ("read", json!({"seq": 1})),
    ] {
        let foreign = anna.refused(op, Some(&format!("chat:{theirs}")), data.clone(), 40301).await;
        let absent = anna.refused(op, Some(&format!("chat:{nowhere}")), data, 40301).await;
        assert_eq!(foreign, absent, "{op} tells apart what one may not know");
    }
    assert_eq!(emma.chat(&theirs).texts(), [""; 0]);
    bystander.undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_have_bounds() {
    let server = patient_server().await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let publish = |text: String| json!({"cid": Uuid::new_v4(), "text": text});
    for length in [4001, 10_000] {
        anna.refused("publish", Some(&channel), publish("é".repeat(length)), 41300).await;
    }
    for empty in ["", " ", "\n\t ", "\u{a0}\u{2003}"] {
        anna.refused("publish", Some(&channel), publish(empty.into()), 40000).await;
    }
    for text in
        ["nul \u{0} erin", "esc \u{1b}[2J", "del \u{7f}", "csi \u{9b}2J", "\u{200b}\u{2060} \u{feff}", "\u{ad}\n"]
    {
        anna.refused("publish", Some(&channel), publish(text.into()), 40000).await;
    }
    // Half a pair of surrogates is not a character, however it is escaped.
    for escape in [r"\ud800", r"\udc00", r"\ud800\ud800", r"\ud83d"] {
        anna.say(format!(
            r#"{{"id":77,"op":"publish","ch":"{channel}","d":{{"cid":"{}","text":"{escape}"}}}}"#,
            Uuid::new_v4()
        ))
        .await;
        assert_eq!(anna.reply(77).await["err"]["code"], 40000, "{escape}");
    }
    // A whole pair is one.
    anna.say(format!(
        r#"{{"id":78,"op":"publish","ch":"{channel}","d":{{"cid":"{}","text":"\ud83c\udfe0"}}}}"#,
        Uuid::new_v4()
    ))
    .await;
    anna.follows = false;
    assert!(anna.reply(78).await.get("ok").is_some());
    bram.expect_text("🏠").await;
    bram.refute("message").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_errors_in_a_row_end_the_socket() {
    let server = TestServer::with(|config| config.limits.socket_errors_max = 5).await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    for _ in 0..4 {
        error_of(&mut anna, "nonsense").await;
    }
    // Something sensible in between starts the count anew.
    anna.settle().await;
    for _ in 0..4 {
        error_of(&mut anna, "nonsense").await;
    }
    anna.settle().await;
    for _ in 0..5 {
        anna.say("nonsense").await;
    }
    anna.expect_close(4007).await;
    // Only that socket: the same person comes back at once.
    let mut again = server.connect(&server.known("Anna")).await;
    again.send(&chat, "daar ben ik weer").await;
    bram.expect_text("daar ben ik weer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn binary_frames_are_not_spoken() {
    let server = patient_server().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let (mut anna, _bram, _) = server.pair("Anna", "Bram").await;
    anna.say_frame(Message::binary(br#"{"id":1,"op":"ping"}"#.to_vec())).await;
    anna.expect_close(4000).await;
    bystander.undisturbed().await;
}
