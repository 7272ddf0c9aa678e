//! Nonsense over HTTP on a whole server: a clear answer, nothing changed, and nobody else notices.

use domu::http::routes::{ROUTES, Who};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::bystander::Bystander;
use crate::support::admins;
use crate::support::people::Person;
use crate::support::raw::{End, Frame, Raw};
use crate::support::server::TestServer;

const ID: &str = "0198c0de-0000-7000-8000-000000000001";

/// What a changing route takes.
pub(super) enum Takes {
    Nothing,
    /// A picture or a form, not JSON.
    Bytes,
    /// An object; the fields that may be left out, and `*` for all.
    Json(Value, &'static [&'static str]),
}

/// A valid body for each changing route there is, or is to be.
pub(super) fn example(method: &str, path: &str) -> Option<Takes> {
    let (email, password) = ("nobody@student.uva.nl", "correct horse battery");
    Some(match (method, path) {
        ("DELETE", _) | ("PUT", "/api/blocks/{id}") | ("POST", "/api/auth/sign-out") => Takes::Nothing,
        ("PUT", "/api/me/picture") | ("POST", "/unsubscribe") => Takes::Bytes,
        ("POST", "/api/auth/sign-up") => Takes::Json(
            json!({"email": email, "password": password, "first_name": "A", "last_name": "B", "date_of_birth": "2004-05-31", "accept_terms": true, "locale": "nl"}),
            &["locale"],
        ),
        ("POST", "/api/auth/confirm") => {
            Takes::Json(json!({"email": email, "code": "123456", "password": password}), &["email", "code"])
        }
        ("POST", "/api/auth/resend-confirmation" | "/api/auth/forgot-password") => {
            Takes::Json(json!({"email": email}), &[])
        }
        ("POST", "/api/auth/sign-in") => Takes::Json(json!({"email": email, "password": password}), &[]),
        ("POST", "/api/auth/token") => {
            Takes::Json(json!({"email": email, "password": password, "device": "x"}), &["device"])
        }
        ("POST", "/api/auth/reset-password") => {
            Takes::Json(json!({"email": email, "code": "123456", "password": password}), &["email", "code"])
        }
        ("PATCH", "/api/me/profile") => Takes::Json(
            json!({"first_name": "A", "last_name": "B", "pronouns": "zij", "program": "x", "study_year": 2, "about": "y", "languages": ["nl"]}),
            &["*"],
        ),
        ("PATCH", "/api/me/settings") => Takes::Json(
            json!({"locale": "nl", "visibility": "ghost", "who_may_message": "nobody", "read_receipts": false, "notify_messages": false, "notify_chats": false, "notify_invites": false, "mail_messages": false}),
            &["*"],
        ),
        ("POST", "/api/me/password") => Takes::Json(
            json!({"current_password": password, "new_password": "another long phrase", "end_others": true}),
            &["end_others"],
        ),
        ("POST", "/api/me/email") => Takes::Json(json!({"email": email, "password": password}), &[]),
        ("POST", "/api/me/email/confirm") => Takes::Json(json!({"code": "123456"}), &["code"]),
        ("POST", "/api/chat/send") => {
            Takes::Json(json!({"chat_id": ID, "cid": ID, "text": "hoi", "reply_to": ID}), &["reply_to"])
        }
        ("POST", "/api/chat/edit") => Takes::Json(json!({"chat_id": ID, "mid": ID, "rev": 1, "text": "hoi"}), &[]),
        ("POST", "/api/chat/delete") => Takes::Json(json!({"chat_id": ID, "mid": ID, "scope": "me"}), &[]),
        ("POST", "/api/chat/react") => Takes::Json(json!({"chat_id": ID, "mid": ID, "emoji": "🏠", "on": true}), &[]),
        ("POST", "/api/notifications/read") => Takes::Json(json!({"seq": 1, "upto": 1}), &["*"]),
        ("POST", "/api/chats/{id}/mute") => Takes::Json(json!({"on": true, "until": 1}), &["until"]),
        ("POST", "/api/chats/{id}/read") => Takes::Json(json!({"seq": 1}), &[]),
        ("POST", "/api/reports") => Takes::Json(
            json!({"cid": ID, "kind": "user", "user_id": ID, "chat_id": ID, "category": "spam", "details": "x", "consent": true, "context": 3}),
            &["user_id", "chat_id", "details", "context"],
        ),
        ("POST", "/api/onboarding/save") => Takes::Json(json!({"section": "habits", "data": {}}), &[]),
        ("POST", "/api/onboarding/submit" | "/api/match/suggestions/refresh") => Takes::Nothing,
        ("POST", "/api/match/suggestions/respond") => Takes::Json(json!({"suggestionId": ID, "action": "accept"}), &[]),
        ("POST", "/api/match/block" | "/api/match/unblock") => Takes::Json(json!({"blocked_user_id": ID}), &[]),
        ("POST", "/api/match/unmatch") => Takes::Json(
            json!({"targetUserId": ID, "reason_category": "no_house", "reason_text": "x"}),
            &["reason_text"],
        ),
        ("POST", "/api/groups") => Takes::Json(json!({"title": "Huis", "members": [ID], "cid": ID}), &["cid"]),
        ("POST", "/api/groups/{id}/rename") => Takes::Json(json!({"title": "Huis"}), &[]),
        ("POST", "/api/groups/{id}/leave" | "/api/invites/{id}/accept" | "/api/invites/{id}/decline") => Takes::Nothing,
        ("POST", "/api/cron/{name}") => Takes::Nothing,
        ("POST", "/api/admin/totp" | "/api/admin/invites/accept") => Takes::Nothing,
        ("POST", "/api/admin/step-up") => Takes::Json(json!({"code": "123456"}), &[]),
        ("POST", "/api/admin/unlock") => Takes::Json(json!({"secret": "a secret of admins"}), &[]),
        ("POST", "/api/admin/admins/{id}/remove" | "/api/admin/api-tokens/{id}/revoke") => {
            Takes::Json(json!({"reason": "nobody needs it"}), &[])
        }
        ("POST", "/api/admin/invites") => Takes::Json(
            json!({"email": email, "role": "moderator", "university": "tudelft", "reason": "we need more hands"}),
            &["university"],
        ),
        ("POST", "/api/admin/api-tokens") => Takes::Json(
            json!({"name": "nightly", "scopes": ["run_system"], "days": 7, "reason": "for the nightly job"}),
            &[],
        ),
        ("POST", "/api/admin/users") => Takes::Json(
            json!({"action": "suspend", "user_ids": [ID], "days": 3, "reason": "reported by two people"}),
            &["days"],
        ),
        ("POST", "/api/admin/trigger-matches" | "/api/admin/backfill-vectors" | "/api/admin/backfill-chats") => {
            Takes::Json(json!({"reason": "people ask for it"}), &[])
        }
        ("POST", "/api/admin/confirm-pending-matches") => {
            Takes::Json(json!({"dryRun": true, "reason": "people ask for it"}), &["dryRun"])
        }
        ("POST", "/api/admin/reports/{id}/claim") => Takes::Json(json!({"rev": 1, "steal": false}), &["steal"]),
        ("POST", "/api/admin/reports/{id}/release") => Takes::Json(json!({"rev": 1}), &[]),
        ("POST", "/api/admin/reports/{id}/decide") => Takes::Json(
            json!({"rev": 1, "action": "dismiss", "policy": "spam", "message": "x", "reason": "nothing is wrong with it"}),
            &["policy", "message"],
        ),
        ("POST", "/api/admin/jobs/{name}/run") => Takes::Json(json!({"reason": "to see it work"}), &[]),
        ("POST", "/api/admin/realtime/restart") => Takes::Json(
            json!({"scope": "user", "id": ID, "within": 1, "reason": "sockets are stuck"}),
            &["id", "within"],
        ),
        ("POST", path) if path.starts_with("/api/groups/") => Takes::Json(json!({"user": ID}), &[]),
        _ => return None,
    })
}

/// Bodies that differ from a valid one in one thing, each with a name, none of them acceptable.
fn spoiled(body: &Map<String, Value>, optional: &[&str]) -> Vec<(String, Vec<u8>)> {
    let text = |body: &Map<String, Value>| Value::from(body.clone()).to_string();
    let whole = text(body);
    let inner = whole.trim_start_matches('{').to_owned();
    let mut bodies: Vec<(String, Vec<u8>)> = [
        ("extra", format!(r#"{{"role":"admin",{inner}"#)),
        ("prototype", format!(r#"{{"__proto__":{{"verified":true}},{inner}"#)),
        ("nothing", String::new()),
        ("null", "null".into()),
        ("a list of its values", Value::from(body.values().cloned().collect::<Vec<_>>()).to_string()),
        ("cut off", whole[..whole.len() - 1].to_owned()),
        ("twice", whole.repeat(2)),
        ("a tail", format!("{whole}x")),
        ("a mark of order", format!("\u{feff}{whole}")),
        ("a NUL behind", format!("{whole}\0")),
        ("a comment", format!("/* */{whole}")),
        ("deep lists", format!(r#"{{"x":{}{},{inner}"#, "[".repeat(5000), "]".repeat(5000))),
        ("deep objects", format!("{}1{}", r#"{"x":"#.repeat(2500), "}".repeat(2500))),
        ("UTF-16", "{\0\"\0}\0".into()),
    ]
    .into_iter()
    .map(|(name, body)| (name.to_owned(), body.into_bytes()))
    .collect();
    for (field, value) in body {
        let mut without = body.clone();
        without.remove(field);
        if !optional.contains(&"*") && !optional.contains(&field.as_str()) {
            bodies.push((format!("{field} missing"), text(&without).into_bytes()));
        }
        let rest = text(&without).trim_start_matches('{').to_owned();
        let joint = if without.is_empty() { "" } else { "," };
        let with = |raw: &str| format!(r#"{{"{field}":{raw}{joint}{rest}"#);
        bodies
            .push((format!("{field} doubled"), format!(r#"{{"{field}":{value},{inner}"#, inner = inner).into_bytes()));
        let escaped = format!("\\u{:04x}{}", u32::from(field.as_bytes()[0]), &field[1..]);
        bodies.push((format!("{field} doubled in disguise"), format!(r#"{{"{escaped}":{value},{inner}"#).into_bytes()));
        let wrong: &[&str] = match value {
            Value::String(_) => {
                &["7", "{}", "[]", "true", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"a\u{1}b\"", "1e400", "NaN"]
            }
            Value::Number(_) => {
                &["\"1\"", "{}", "[]", "true", "-1", "1.5", "1e400", "18446744073709551616", "01", "0x1", "- 1"]
            }
            Value::Bool(_) => &["\"true\"", "1", "{}", "[]", "TRUE"],
            Value::Object(_) => &["\"x\"", "7", "[]", "true", "[{}]", "null", r#"{"a":1,"a":2"#],
            _ => &["\"x\"", "7", "{}", "true", "[7]", "[[]]", "[null]"],
        };
        bodies.extend(wrong.iter().map(|raw| (format!("{field} is {raw}"), with(raw).into_bytes())));
        let mut bytes = with("\"a?b\"").into_bytes();
        if let Some(byte) = bytes.iter_mut().find(|byte| **byte == b'?') {
            *byte = 0xff;
        }
        bodies.push((format!("{field} is no UTF-8"), bytes));
    }
    bodies
}

/// One request on a connection of its own: the status and what follows the head.
async fn ask(server: &TestServer, person: &Person, line: &str, body: &[u8]) -> (u16, Value) {
    let mut raw = Raw::connect(server.address).await;
    let head = format!(
        "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        server.address,
        person.token,
        body.len()
    );
    raw.write(&[head.as_bytes(), body].concat()).await;
    let head = raw.head().await;
    (status(&head), serde_json::from_str(&raw.rest().await).unwrap_or_default())
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {head:?}"))
}

/// All a person can see of themselves.
async fn world(server: &TestServer, person: &Person) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in ["/api/me", "/api/chats", "/api/blocks"] {
        seen.push(server.ask(person, "GET", path, None).await.expect(200));
    }
    let sessions = server.ask(person, "GET", "/api/sessions", None).await.expect(200);
    seen.push(json!(sessions["sessions"].as_array().map(Vec::len)));
    seen
}

#[test]
fn every_changing_route_has_an_example() {
    for route in ROUTES.iter().filter(|route| !route.method.is_safe() && route.who != Who::Demo) {
        assert!(example(route.method.as_str(), route.path).is_some(), "{} {}", route.method, route.path);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spoiled_body_changes_nothing_on_any_route() {
    let server = TestServer::with(|config| config.limits.user_changes_per_minute = 100_000).await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let person = admins::super_admin(&server, "Anna").await;
    let other = server.person("Bram").await;
    let chat = server.open_chat(&person, &other).await;
    let before = world(&server, &person).await;
    let mut tried = 0;
    for route in ROUTES.iter().filter(|route| !route.method.is_safe()) {
        let Some(Takes::Json(body, optional)) = example(route.method.as_str(), route.path) else { continue };
        let line = format!("{} {}", route.method, route.path.replace("{id}", &chat).replace("{name}", "retention"));
        for (what, body) in spoiled(body.as_object().expect("an object"), optional) {
            let (status, document) = ask(&server, &person, &line, &body).await;
            assert_eq!((status, &document["code"]), (400, &json!(40000)), "{line}, {what}: {document}");
            let detail = document["detail"].as_str().unwrap_or_default();
            assert!(
                !detail.is_empty() && detail.len() < 300 && !detail.contains("correct horse"),
                "{line}, {what}: {detail}"
            );
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
    assert_eq!(world(&server, &person).await, before);
    bystander.undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_with_nul_never_reach_the_store() {
    let server = TestServer::start().await;
    let (_anna, _bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Anna");
    let before = world(&server, &person).await;
    let body = json!({"chat_id": chat, "cid": Uuid::new_v4(), "text": "a\0b"});
    let (status, document) = ask(&server, &person, "POST /api/chat/send", body.to_string().as_bytes()).await;
    assert_eq!((status, &document["name"]), (400, &json!("bad_request")));
    for (route, field) in
        [("PATCH /api/me/profile", "about"), ("PATCH /api/me/profile", "program"), ("POST /api/auth/sign-in", "email")]
    {
        let mut body = json!({field: "a\0b"});
        if field == "email" {
            body["password"] = json!("x\0y");
        }
        let (status, document) = ask(&server, &person, route, body.to_string().as_bytes()).await;
        assert!(matches!(status, 400 | 401), "{route} {field}: {status} {document}");
    }
    assert_eq!(world(&server, &person).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_cookies_are_refused_or_ignored_but_never_mixed_up() {
    let server = TestServer::start().await;
    let person = server.person("Anna").await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let many: String = (0..2000).map(|number| format!("c{number}=x; ")).collect();
    for (what, cookies, expected) in [
        ("many foreign ones", format!("cookie: {many}z=1\r\n"), &[200_u16, 400][..]),
        ("a long foreign one", format!("cookie: a={}\r\n", "x".repeat(10_000)), &[200]),
        ("too long for any head", format!("cookie: a={}\r\n", "x".repeat(100_000)), &[431]),
        ("many lines", "cookie: a=b\r\n".repeat(90), &[200, 400]),
        ("more lines than a head has", "cookie: a=b\r\n".repeat(500), &[431]),
        ("two sessions", "cookie: __Host-session=a; __Host-session=b\r\n".into(), &[400, 401]),
        ("a session and a bearer", "cookie: __Host-session=a\r\n".into(), &[400, 401]),
        (
            "a session that is too long to be one of ours",
            format!("cookie: __Host-session={}\r\n", "x".repeat(9000)),
            &[200],
        ),
    ] {
        let mut raw = Raw::connect(server.address).await;
        raw.write(
            format!(
                "GET /api/me HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {}\r\n{cookies}\r\n",
                server.address, person.token
            )
            .as_bytes(),
        )
        .await;
        let head = raw.head().await;
        assert!(expected.contains(&status(&head)), "{what}: {head}");
        bystander.undisturbed().await;
    }
}

fn upgrade(server: &TestServer, more: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: domu.v1.json\r\n{more}\r\n",
        server.address
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_before_the_upgrade_is_answered_belongs_to_the_socket() {
    let server = TestServer::start().await;
    let person = server.person("Anna").await;
    let mut bystander = Bystander::in_conversation(&server).await;

    // Frames right behind the request are the socket's first.
    let connect = json!({"id": 1, "op": "connect", "d": {"v": 1, "token": person.token}}).to_string();
    let mut raw = Raw::connect(server.address).await;
    raw.write(&[upgrade(&server, "").into_bytes(), Frame::text(connect).bytes()].concat()).await;
    assert_eq!(status(&raw.head().await), 101);
    assert_eq!(raw.json().await["ok"]["me"]["id"], json!(person.id));
    bystander.undisturbed().await;

    // A request behind it is no request any more: as frames it is nonsense, and no route ever sees it.
    let mut raw = Raw::connect(server.address).await;
    let second =
        format!("GET /api/me HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n", server.address, person.token);
    raw.write(format!("{}{second}", upgrade(&server, "")).as_bytes()).await;
    assert_eq!(status(&raw.head().await), 101);
    assert!(matches!(raw.end().await, End::Closed(1002) | End::Dropped));
    bystander.undisturbed().await;

    // A request before it, on the same connection, is answered first.
    let mut raw = Raw::connect(server.address).await;
    let first = format!("HEAD /api/health/live HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    raw.write(format!("{first}{}", upgrade(&server, "")).as_bytes()).await;
    assert_eq!(status(&raw.head().await), 200);
    assert_eq!(status(&raw.head().await), 101);
    bystander.undisturbed().await;

    // An upgrade with a body is refused, and what was its body is not taken for a request.
    let mut raw = Raw::connect(server.address).await;
    raw.write(format!("{}{second}", upgrade(&server, &format!("Content-Length: {}\r\n", second.len()))).as_bytes())
        .await;
    let head = raw.head().await;
    assert_eq!(status(&head), 400, "{head}");
    assert!(!raw.rest().await.contains(&person.id));
    bystander.undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_inside_another_is_never_answered() {
    let server = TestServer::start().await;
    let person = server.person("Anna").await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let inner =
        format!("GET /api/me HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n", server.address, person.token);
    for (what, framing, body) in [
        ("length and chunks", "content-length: 5\r\ntransfer-encoding: chunked\r\n", format!("0\r\n\r\n{inner}")),
        ("chunks and length", "transfer-encoding: chunked\r\ncontent-length: 5\r\n", format!("0\r\n\r\n{inner}")),
        ("two lengths", "content-length: 0\r\ncontent-length: 5\r\n", inner.clone()),
        ("lengths in one line", "content-length: 0, 5\r\n", inner.clone()),
        ("a folded coding", "transfer-encoding:\r\n chunked\r\n", format!("0\r\n\r\n{inner}")),
        ("a coding in disguise", "transfer-encoding: xchunked\r\n", format!("0\r\n\r\n{inner}")),
        ("a bad chunk", "transfer-encoding: chunked\r\n", format!("g\r\n{inner}")),
        ("a huge chunk", "transfer-encoding: chunked\r\n", format!("ffffffffffffffffff\r\n{inner}")),
    ] {
        let mut raw = Raw::connect(server.address).await;
        raw.write(
            format!(
                "POST /api/auth/token HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{framing}\r\n{body}",
                server.address
            )
            .as_bytes(),
        )
        .await;
        let head = raw.head().await;
        assert!(matches!(status(&head), 400 | 413), "{what}: {head}");
        assert!(!raw.rest().await.contains(&person.id), "{what}");
        bystander.undisturbed().await;
    }
}
