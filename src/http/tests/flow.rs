//! A browser's life with the real house behind the door: sign up, confirm, sign in, look around, sign out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Answer, PATIENCE, ask};
use crate::accounts::HashCost;
use crate::app::{self, Running, Setup};
use crate::config::Config;
use crate::http::routes::{ROUTES, RouteSpec, Who};

const ID: &str = "0198c0de-0000-7000-8000-000000000001";
pub(super) const EMAIL: &str = "isa@student.uva.nl";
pub(super) const PASSWORD: &str = "a long enough phrase";

pub(super) async fn start(directory: &Path) -> Running {
    start_with(directory, |_| {}).await
}

pub(super) async fn start_with(directory: &Path, change: impl FnOnce(&mut Config)) -> Running {
    let setup = Setup { hash_cost: HashCost::CHEAPEST, ..Setup::default() };
    let mut config = Config::development(directory).unwrap();
    change(&mut config);
    app::start(config, setup).await.unwrap()
}

/// A browser: keeps cookies, names its origin, fetches a CSRF token before each change.
pub(super) struct Browser {
    pub(super) address: SocketAddr,
    pub(super) jar: BTreeMap<String, String>,
}

impl Browser {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, jar: BTreeMap::new() }
    }

    pub(super) fn cookie(&self) -> String {
        self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    pub(super) async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (cookie, origin) = (self.cookie(), format!("http://{}", self.address));
        let mut all = vec![("sec-fetch-site", "same-origin")];
        if !cookie.is_empty() {
            all.push(("cookie", &cookie));
        }
        if method != "GET" {
            all.push(("origin", &origin));
        }
        all.extend_from_slice(headers);
        let answer = ask(self.address, method, path, &all, body).await;
        answer.check_headers();
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(
                set.contains("; HttpOnly")
                    && set.contains("; Secure")
                    && set.contains("; Path=/")
                    && set.contains("SameSite=Lax")
            );
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if set.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub(super) async fn change(&mut self, method: &str, path: &str, body: Value) -> Answer {
        let token = self.get("/api/csrf-token").await.json()["token"].as_str().unwrap().to_owned();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask(method, path, &[("content-type", "application/json"), ("x-csrf-token", &token)], &body).await
    }

    pub(super) async fn sign_in(&mut self) -> Answer {
        self.change("POST", "/api/auth/sign-in", json!({ "email": EMAIL, "password": PASSWORD })).await
    }
}

/// The code in a mail that came.
async fn mailed_code(directory: &Path) -> String {
    mailed(directory, EMAIL).await.0
}

/// Code and link token of a mail to an address.
pub(super) async fn mailed(directory: &Path, email: &str) -> (String, String) {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < PATIENCE, "a mail comes");
        let files = std::fs::read_dir(directory.join("mail")).into_iter().flatten().flatten();
        for file in files.filter(|file| file.path().extension().is_some_and(|end| end == "eml")) {
            let text = std::fs::read_to_string(file.path()).unwrap_or_default();
            let code = text.lines().find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()));
            let token = text.lines().find_map(|line| line.split_once("#token="));
            if let (Some(code), Some((_, token))) = (code.filter(|_| text.contains(&format!("To: {email}"))), token) {
                return (code.to_owned(), token.to_owned());
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// A browser that has signed up and confirmed, but not signed in.
pub(super) async fn confirmed(running: &Running, directory: &Path) -> Browser {
    let mut browser = Browser::new(running.addr);
    let mut form = json!({
        "email": EMAIL, "password": PASSWORD, "first_name": "Isa", "last_name": "Visser", "date_of_birth": "2004-05-31",
        "accept_terms": true, "locale": "nl",
    });
    form["verified"] = json!(true);
    let refused = browser.change("POST", "/api/auth/sign-up", form.clone()).await;
    assert_eq!(refused.json()["fields"][0]["field"], "verified", "nothing is assigned by the client: {refused:?}");
    form.as_object_mut().unwrap().remove("verified");
    let answer = browser.change("POST", "/api/auth/sign-up", form).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("confirm_email")), "{answer:?}");
    let refused = browser.sign_in().await;
    assert_eq!((refused.status, refused.name().as_str()), (401, "bad_credentials"), "{refused:?}");
    let code = mailed_code(directory).await;
    let without = browser.change("POST", "/api/auth/confirm", json!({ "email": EMAIL, "code": code })).await;
    assert_eq!(without.status, 400, "confirming takes the password: {without:?}");
    let proof = json!({ "email": EMAIL, "code": code, "password": PASSWORD });
    let answer = browser.change("POST", "/api/auth/confirm", proof).await;
    assert_eq!(answer.json()["status"], "confirmed", "{answer:?}");
    browser
}

#[tokio::test]
async fn a_person_signs_up_in_and_out() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path()).await;
    let mut browser = confirmed(&running, directory.path()).await;

    let wrong =
        browser.change("POST", "/api/auth/sign-in", json!({ "email": EMAIL, "password": "another long phrase" })).await;
    assert_eq!((wrong.status, wrong.name().as_str()), (401, "bad_credentials"));
    let stale = browser.jar.clone();
    let answer = browser.sign_in().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["user"]["email"], EMAIL);
    assert_eq!(answer.json()["user"]["verified"], false);
    assert_eq!(
        browser.jar.keys().collect::<Vec<_>>(),
        ["__Host-browser", "__Host-session"],
        "what was known before is gone"
    );

    let me = browser.get("/api/me").await.json();
    assert_eq!((&me["first_name"], &me["settings"]["locale"]), (&json!("Isa"), &json!("nl")));
    let changed = browser.change("PATCH", "/api/me/settings", json!({ "locale": "en" })).await;
    assert_eq!(changed.json()["settings"]["locale"], "en", "{changed:?}");
    let refused = browser.change("PATCH", "/api/me/settings", json!({ "locale": "xx" })).await;
    assert_eq!((refused.status, &refused.json()["fields"][0]["field"]), (400, &json!("locale")));

    // The token of before signing in is worth nothing after it.
    let mut mixed = stale.clone();
    mixed.insert("__Host-session".into(), browser.jar["__Host-session"].clone());
    let mut thief = Browser { address: running.addr, jar: mixed };
    let csrf = stale["csrf-token"].clone();
    let answer = thief.ask("POST", "/api/auth/sign-out", &[("x-csrf-token", &csrf)], "").await;
    assert_eq!((answer.status, &answer.json()["error"]), (403, &json!("Invalid CSRF token")));

    let mut copy = Browser { address: running.addr, jar: browser.jar.clone() };
    let answer = browser.change("POST", "/api/auth/sign-out", Value::Null).await;
    assert_eq!((answer.status, &answer.headers["clear-site-data"]), (204, &"\"cache\"".parse().unwrap()), "{answer:?}");
    assert_eq!(browser.jar.keys().collect::<Vec<_>>(), ["__Host-browser"], "which proves nothing but that it was here");
    assert_eq!(copy.get("/api/me").await.status, 401, "a stolen cookie is dead at once");
    let over = copy.change("POST", "/api/auth/sign-out", Value::Null).await;
    assert_eq!(
        (over.status, copy.jar.len()),
        (204, 1),
        "a browser forgets a session that is over and keeps that it was here: {over:?}"
    );
    assert_eq!(running.house.stop().await.tasks_left, 0);
}

#[tokio::test]
async fn each_sign_in_is_a_new_session_and_ends_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path()).await;
    let mut browser = confirmed(&running, directory.path()).await;
    browser.jar.insert("__Host-session".into(), "chosen-by-someone".into());
    assert_eq!(browser.sign_in().await.status, 200);
    let first = browser.jar.clone();
    assert_ne!(first["__Host-session"], "chosen-by-someone");
    assert_eq!(browser.sign_in().await.status, 200);
    assert_ne!(first["__Host-session"], browser.jar["__Host-session"]);
    assert_eq!(Browser { address: running.addr, jar: first }.get("/api/me").await.status, 401);

    // A program mints a bearer without cookies; the person sees it and ends it.
    let body = json!({ "email": EMAIL, "password": PASSWORD, "device": "my script" }).to_string();
    let minted = ask(running.addr, "POST", "/api/auth/token", &[("content-type", "application/json")], &body).await;
    assert_eq!(minted.status, 200, "{minted:?}");
    assert!(!minted.headers.contains_key("set-cookie"));
    let bearer = format!("Bearer {}", minted.json()["token"].as_str().unwrap());
    let named = [("authorization", bearer.as_str())];
    let as_program = || ask(running.addr, "GET", "/api/me", &named, "");
    assert_eq!(as_program().await.status, 200);
    let sessions = browser.get("/api/sessions").await.json();
    let other = sessions["sessions"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    assert_eq!(other["user_agent"], "my script");
    let path = format!("/api/sessions/{}", other["id"].as_str().unwrap());
    assert_eq!(browser.change("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(as_program().await.status, 401);
    let foreign = browser.change("DELETE", &format!("/api/sessions/{ID}"), Value::Null).await;
    assert_eq!(foreign.status, 404);
    assert_eq!(running.house.stop().await.tasks_left, 0);
}

#[tokio::test]
async fn every_row_of_the_table_has_a_handler() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path()).await;
    let mut browser = confirmed(&running, directory.path()).await;
    assert_eq!(browser.sign_in().await.status, 200);
    // What ends the session comes last.
    let (ends, rest): (Vec<_>, Vec<_>) = ROUTES.iter().partition(|route| route.path == "/api/auth/sign-out");
    // Admins walk their own rows in every role, a scheduler its own with the secret: see `wire::admin` and `walk`.
    let others = |route: &&&RouteSpec| !matches!(route.who, Who::Demo | Who::Admin(_) | Who::Cron);
    let mut wrong = Vec::new();
    for route in rest.iter().chain(&ends).filter(others) {
        let path = route.path.replace("{id}", ID).replace("{file}", "no-such.js");
        let answer = if route.method.is_safe() {
            browser.get(&path).await
        } else {
            browser.change(route.method.as_str(), &path, json!({ "code": 7 })).await
        };
        let expected: &[u16] = match route.path {
            "/ws" => &[426],
            "/api/chats/{id}/messages" => &[403],
            // Without words there is nothing to search for, and nobody to compare with who is not named.
            "/api/search" | "/api/match/compatibility" => &[400],
            // Nothing is answered yet.
            "/api/onboarding/submit" => &[409],
            "/api/groups/{id}/leave" | "/api/invites/{id}/accept" | "/api/invites/{id}/decline" => &[400, 403, 404],
            "/static/{file}"
            | "/api/sessions/{id}"
            | "/api/people/{id}"
            | "/api/blocks/{id}"
            | "/api/pictures/{id}"
            | "/api/admin/invites/accept" => &[404],
            _ if route.file().is_some() => &[415],
            _ if route.method.is_safe() => &[200],
            _ => &[200, 204, 400],
        };
        if !expected.contains(&answer.status) {
            wrong.push(format!("{} {}: {answer:?}", route.method, route.path));
        }
        if route.path == "/static/{file}" {
            assert_eq!(answer.json()["detail"], "There is no such file. Check the address.");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let health = browser.get("/api/health").await.json();
    assert_eq!((&health["status"], &health["ready"]), (&json!("ok"), &json!(true)));
    assert!(health["schema"].as_str().unwrap().starts_with('m') && health["uptime_s"].is_u64());
    assert_eq!(running.house.stop().await.tasks_left, 0);
}

#[tokio::test]
async fn the_client_is_served_and_kept_by_its_tag() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path()).await;
    let mut browser = Browser::new(running.addr);
    let page = browser.get("/").await;
    assert_eq!((page.status, &page.headers["cache-control"]), (200, &"no-store".parse().unwrap()));
    let script = page.body.split('"').find(|text| text.starts_with("/static/js/")).unwrap();
    let first = browser.get(script).await;
    assert_eq!(first.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(first.headers["cache-control"], "no-cache");
    let tag = first.headers["etag"].to_str().unwrap();
    let again = browser.ask("GET", script, &[("if-none-match", tag)], "").await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let missing = browser.get("/no-such-page").await;
    assert_eq!((missing.status, missing.body), (404, page.body), "the client says so itself");
    for path in ["/static/../Cargo.toml", "/static/js/../../Cargo.toml", "/static/js/types.d.ts", "/static/js"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    assert_eq!(running.house.stop().await.tasks_left, 0);
}

#[tokio::test]
async fn an_upgrade_of_another_sites_page_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path()).await;
    let handshake = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "domu.v1.json"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for (origin, cookie) in [("https://evil.nl", ""), ("null", ""), ("", "__Host-session=x")] {
        let mut headers = handshake.to_vec();
        headers.remove(0);
        headers.push(("connection", "Upgrade, close"));
        for (name, value) in [("origin", origin), ("cookie", cookie)] {
            if !value.is_empty() {
                headers.push((name, value));
            }
        }
        let answer = ask(running.addr, "GET", "/ws", &headers, "").await;
        assert_eq!((answer.status, answer.name().as_str()), (403, "foreign_origin"), "{origin:?}");
        answer.check_headers();
    }
    assert_eq!(running.house.stop().await.tasks_left, 0);
}
