//! The protocol as it is spoken: each reply, event, error and problem, as a named snapshot.
//!
//! These files are the protocol's documentation. Ids are numbered by first appearance, times and waits are blanked.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::client::{Client, Door};
use crate::support::server::TestServer;

/// Ids and times made equal for every run.
#[derive(Default)]
struct Tidy {
    ids: BTreeMap<String, usize>,
}

impl Tidy {
    fn of(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => json!(self.text(text)),
            Value::Array(list) => list.iter().map(|value| self.of(value)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| {
                    let blank = matches!(
                        key.as_str(),
                        "ts" | "time"
                            | "at"
                            | "expires_at"
                            | "edited"
                            | "edited_at"
                            | "after_ms"
                            | "socket"
                            | "hue"
                            | "request_id"
                    ) && !value.is_null();
                    (self.text(key), if blank { json!(format!("<{key}>")) } else { self.of(value) })
                })
                .collect(),
            other => other.clone(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        let (prefix, id) = text.rsplit_once(':').map_or(("", text), |(prefix, id)| (prefix, id));
        if id.parse::<Uuid>().is_err() {
            return text.to_owned();
        }
        let next = self.ids.len() + 1;
        let number = *self.ids.entry(id.to_owned()).or_insert(next);
        if prefix.is_empty() { format!("<id {number}>") } else { format!("{prefix}:<id {number}>") }
    }
}

fn names() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("protocol");
    settings.set_sort_maps(false);
    settings.set_omit_expression(true);
    settings
}

macro_rules! documented {
    ($tidy:expr, $name:expr, $value:expr) => {{
        let value = $tidy.of(&$value);
        names().bind(|| insta::assert_json_snapshot!($name, value));
    }};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_and_events() {
    let server = TestServer::start().await;
    let mut tidy = Tidy::default();
    let (anna, bram) = (server.person("Anna").await, server.person("Bram").await);
    let mut hers = Client::knock("Anna", server.address, &Door::default()).await.expect("an upgrade");
    let data = json!({"v": 1, "client": "docs/1", "token": anna.token});
    documented!(tidy, "reply to connect, first time, no chats", hers.ask("connect", None, data).await);
    let chat = server.open_chat(&anna, &bram).await;
    let channel = format!("chat:{chat}");
    documented!(tidy, "event chat.opened", hers.expect("chat.opened").await);
    let mut his = server.connect(&bram).await;
    let first = hers.ask("publish", Some(&channel), json!({"cid": Uuid::new_v4(), "text": "Hoi Bram"})).await;
    documented!(tidy, "reply to publish", first);
    documented!(tidy, "event message", his.expect("message").await);
    let answer = json!({"cid": Uuid::new_v4(), "text": "Hoi Anna", "reply_to": first["mid"]});
    his.ask("publish", Some(&channel), answer.clone()).await;
    documented!(tidy, "event message with reply_to", hers.expect("message").await);
    documented!(tidy, "reply to publish, repeated", his.ask("publish", Some(&channel), answer).await);
    documented!(tidy, "reply to ack", hers.ask("ack", Some(&channel), json!({"seq": 2})).await);
    documented!(tidy, "reply to read", hers.ask("read", Some(&channel), json!({"seq": 3})).await);
    documented!(
        tidy,
        "state marker",
        his.expect_where("the read marker", |frame| frame["op"] == "marker" && frame["d"]["read"] == 3).await
    );
    documented!(tidy, "reply to history", hers.ask("history", Some(&channel), json!({"after": 0, "limit": 2})).await);
    let focus = json!({"chats": [chat.as_str()]});
    documented!(tidy, "reply to focus", hers.ask("focus", None, focus).await);
    documented!(tidy, "reply to visible", his.ask("visible", None, json!({"on": true})).await);
    documented!(tidy, "signal presence", hers.expect("presence").await);
    documented!(tidy, "reply to typing", his.ask("typing", Some(&channel), json!({"on": true})).await);
    documented!(tidy, "signal typing", hers.expect("typing").await);
    let held = json!({"chats": {chat.as_str(): 2, bram.id.as_str(): null}});
    documented!(tidy, "reply to sync", hers.ask("sync", None, held).await);
    documented!(tidy, "reply to refresh", hers.ask("refresh", None, json!({"token": anna.token})).await);
    let foreign = json!({"token": bram.token});
    documented!(tidy, "error 40300 forbidden", hers.refused("refresh", None, foreign, 40300).await);
    documented!(tidy, "reply to ping", hers.ask("ping", None, json!({})).await);
    let mut resumed = Client::knock("Bram", server.address, &Door::default()).await.expect("an upgrade");
    resumed.follows = false;
    let position = json!({"epoch": his.mirror.epoch, "user": his.mirror.user_seq, "chats": {chat.as_str(): 2}});
    documented!(
        tidy,
        "reply to connect, resumed in full",
        resumed.ask("connect", None, json!({"v": 1, "token": bram.token, "resume": position})).await
    );
    let mut strange = Client::knock("Bram", server.address, &Door::default()).await.expect("an upgrade");
    strange.follows = false;
    let position = json!({"epoch": "another", "user": 9, "chats": {chat.as_str(): 2}});
    documented!(
        tidy,
        "reply to connect, nothing recovered",
        strange.ask("connect", None, json!({"v": 1, "token": bram.token, "resume": position})).await
    );
    let edit = json!({"mid": first["mid"], "rev": 1, "text": "Hoi Bram!"});
    documented!(tidy, "reply to edit", hers.ask("edit", Some(&channel), edit.clone()).await);
    documented!(tidy, "event message.edited", his.expect("message.edited").await);
    documented!(tidy, "error 40902 stale_rev", hers.refused("edit", Some(&channel), edit, 40902).await);
    let delete = json!({"mid": first["mid"], "scope": "all"});
    documented!(tidy, "reply to delete", hers.ask("delete", Some(&channel), delete).await);
    documented!(tidy, "event message.deleted", his.expect("message.deleted").await);
    let person = format!("/api/people/{}", bram.id);
    documented!(tidy, "answer to GET a person", server.ask(&anna, "GET", &person, None).await.expect(200));
    let block = format!("/api/blocks/{}", bram.id);
    server.ask(&anna, "PUT", &block, None).await.expect(204);
    documented!(tidy, "event block", hers.expect("block").await);
    his.send(&chat, "Hoor je me nog?").await;
    documented!(tidy, "event hidden", hers.expect("hidden").await);
    documented!(tidy, "answer to GET blocks", server.ask(&anna, "GET", "/api/blocks", None).await.expect(200));
    let nothing = json!({"cid": Uuid::new_v4(), "text": "nee"});
    documented!(
        tidy,
        "error 40302 pair_blocked",
        hers.refused("publish", Some(&channel), nothing.clone(), 40302).await
    );
    server.ask(&anna, "DELETE", &block, None).await.expect(204);
    server.sql("UPDATE users SET who_may_message = 'nobody' WHERE email LIKE 'bram%'").await;
    documented!(tidy, "error 40303 privacy_off", hers.refused("publish", Some(&channel), nothing, 40303).await);
    // Last, because it ends his sockets.
    server.suspend(&bram).await;
    his.expect_close(4003).await;
    server.activate(&bram).await;
    let again = server.sign_in_again("Bram").await;
    let mut back = Client::knock("Bram", server.address, &Door::default()).await.expect("an upgrade");
    back.follows = false;
    let position = json!({"epoch": his.mirror.epoch, "user": 0, "chats": {}});
    let data = json!({"v": 1, "token": again.token, "resume": position});
    let reply = back.ask("connect", None, data).await;
    documented!(tidy, "events of a person's own stream, replayed", reply["user"]["events"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_on_the_socket() {
    let server = TestServer::with(|config| config.limits.messages_per_minute = 3).await;
    let mut tidy = Tidy::default();
    let (mut anna, _bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let mut newcomer = Client::knock("newcomer", server.address, &Door::default()).await.expect("an upgrade");
    documented!(tidy, "error 40002 not_ready", newcomer.request("ping", None, json!({})).await);
    newcomer.say("nonsense").await;
    documented!(
        tidy,
        "error 40000 bad_request, id unknown",
        newcomer.expect_where("an error", |frame| frame.get("err").is_some()).await
    );
    let mut anna_asks = async |op: &str, channel: Option<&str>, data: Value| {
        let mut reply = anna.request(op, channel, data).await;
        reply["id"] = json!(7);
        reply
    };
    documented!(
        tidy,
        "error 40000 bad_request",
        anna_asks("publish", Some(&channel), json!({"text": "zonder id"})).await
    );
    documented!(tidy, "error 40001 unknown_op", anna_asks("dance", None, json!({})).await);
    documented!(tidy, "error 40003 already_connected", anna_asks("connect", None, json!({"v": 1})).await);
    documented!(
        tidy,
        "error 40301 not_member",
        anna_asks("history", Some(&format!("chat:{}", Uuid::new_v4())), json!({"after": 0})).await
    );
    documented!(
        tidy,
        "error 41000 unrecoverable_position",
        anna_asks("history", Some(&channel), json!({"after": 99})).await
    );
    documented!(
        tidy,
        "error 41300 too_large",
        anna_asks("publish", Some(&channel), json!({"cid": Uuid::new_v4(), "text": "x".repeat(4001)})).await
    );
    documented!(
        tidy,
        "error 42200 rejected_by_rule",
        anna_asks("publish", Some(&channel), json!({"cid": Uuid::new_v4(), "text": "Bel 06 12 34 56 78"})).await
    );
    let cid = Uuid::new_v4();
    anna_asks("publish", Some(&channel), json!({"cid": cid, "text": "een"})).await;
    documented!(
        tidy,
        "error 40901 cid_reused",
        anna_asks("publish", Some(&channel), json!({"cid": cid, "text": "twee"})).await
    );
    let limited = loop {
        let reply = anna_asks("publish", Some(&channel), json!({"cid": Uuid::new_v4(), "text": "drie"})).await;
        if reply.get("err").is_some() {
            break reply;
        }
    };
    documented!(tidy, "error 42900 rate_limited", limited);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_that_need_another_state() {
    let server = TestServer::start().await;
    let mut tidy = Tidy::default();
    let (mut anna, _bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let publish = || json!({"cid": Uuid::new_v4(), "text": "mag dit?"});
    server.sql("UPDATE users SET identity_verified_at = NULL").await;
    let mut reply = anna.request("publish", Some(&channel), publish()).await;
    documented!(tidy, "error 40305 not_verified", reply["err"].take());
    server.sql("UPDATE users SET identity_verified_at = created_at").await;
    server.sql("UPDATE chats SET status = 'closed'").await;
    let mut reply = anna.request("publish", Some(&channel), publish()).await;
    documented!(tidy, "error 40304 chat_locked", reply["err"].take());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn problem_documents() {
    use reqwest::Method;
    let server = TestServer::start().await;
    let mut tidy = Tidy::default();
    server.person("Anna").await;
    let mut browser = server.browser("Anna").await;
    let mut stranger = crate::support::http::Http::new(server.address);
    let mut document = |name: &str, answer: crate::support::http::Answer| {
        assert_eq!(
            answer.headers.get("content-type").and_then(|kind| kind.to_str().ok()),
            Some("application/problem+json"),
            "{name}: {}",
            answer.body
        );
        documented!(tidy, name, answer.json());
    };
    document("problem 401 unauthorized", stranger.get("/api/me").await);
    document("problem 404 not_found", stranger.get("/api/nothing-here").await);
    document("problem 405 method_not_allowed", browser.unsafe_request(Method::PUT, "/api/me", Some(&json!({}))).await);
    document(
        "problem 403 invalid_csrf",
        browser.plain(Method::POST, "/api/auth/sign-out", &[("x-csrf-token", "wrong")], Some(&json!({}))).await,
    );
    let token = browser.get("/api/csrf-token").await.json()["token"].as_str().expect("a token").to_owned();
    document(
        "problem 415 unsupported_media_type",
        browser
            .plain(
                Method::POST,
                "/api/auth/sign-out",
                &[("x-csrf-token", &token), ("content-type", "text/plain")],
                Some(&json!({})),
            )
            .await,
    );
    document("problem 400 bad_request with fields", stranger.post("/api/auth/sign-up", &json!({"email": "nonsense", "password": "kort", "first_name": "", "last_name": "", "date_of_birth": "2020-01-01", "accept_terms": false, "locale": "nl"})).await);
    document(
        "problem 401 bad_credentials",
        stranger
            .post("/api/auth/sign-in", &json!({"email": "anna@student.tudelft.nl", "password": "niet dit wachtwoord"}))
            .await,
    );
    document("problem 426 upgrade_required", stranger.get("/ws").await);
}
