//! A person's own account over HTTP: forms, pictures, and how often they may be sent.

use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::flow::{Browser, EMAIL, PASSWORD, confirmed, mailed, start, start_with};
use super::{Answer, raw, read_all};
use crate::store::testing::TestStore;

/// A picture of one colour, as a PNG file.
fn png(side: u32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image::RgbImage::from_pixel(side, side, image::Rgb([200, 30, 30]))
        .write_to(&mut file, image::ImageFormat::Png)
        .unwrap();
    file.into_inner()
}

async fn upload(browser: &mut Browser, kind: &str, file: &[u8]) -> Answer {
    let request = upload_request(browser, kind, file).await;
    let answer = Answer::parse(&raw(browser.address, request).await);
    answer.check_headers();
    answer
}

async fn upload_request(browser: &mut Browser, kind: &str, file: &[u8]) -> Vec<u8> {
    let token = browser.get("/api/csrf-token").await.json()["token"].as_str().unwrap().to_owned();
    let mut request = format!(
        "PUT /api/me/picture HTTP/1.1\r\nhost: {0}\r\norigin: http://{0}\r\nsec-fetch-site: same-origin\r\nconnection: close\r\n\
         cookie: {1}\r\nx-csrf-token: {token}\r\ncontent-type: {kind}\r\ncontent-length: {2}\r\n\r\n",
        browser.address,
        browser.cookie(),
        file.len()
    )
    .into_bytes();
    request.extend_from_slice(file);
    request
}

#[tokio::test]
async fn one_person_uploads_one_picture_at_a_time_and_may_be_slow() {
    let directory = tempfile::tempdir().unwrap();
    let running = start_with(directory.path(), |config| {
        config.limits.request_timeout = Duration::from_secs(2);
        config.limits.picture_bytes_max = 16 * 1024;
    })
    .await;
    let mut browser = confirmed(&running, directory.path()).await;
    assert_eq!(browser.sign_in().await.status, 200);
    let mut request = upload_request(&mut browser, "image/png", &png(40)).await;
    let last = request.pop().unwrap();
    let mut slow = TcpStream::connect(browser.address).await.unwrap();
    slow.write_all(&request).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = upload(&mut browser, "image/png", &png(20)).await;
    assert_eq!((second.status, second.name().as_str()), (429, "rate_limited"), "{second:?}");
    assert!(second.json()["after_ms"].is_u64() && second.headers.contains_key("retry-after"));
    slow.write_all(&[last]).await.unwrap();
    assert_eq!(Answer::parse(&read_all(&mut slow).await).status, 200);

    // Slower than its pace, which is told as what it is.
    let mut stalled = TcpStream::connect(browser.address).await.unwrap();
    let request = upload_request(&mut browser, "image/png", &png(40)).await;
    stalled.write_all(&request[..request.len() - 1]).await.unwrap();
    let answer = Answer::parse(&read_all(&mut stalled).await);
    assert_eq!((answer.status, &answer.json()["fields"][0]["field"]), (400, &json!("body")), "{answer:?}");
    let next = upload(&mut browser, "image/png", &png(20)).await;
    assert_eq!(next.status, 200, "the place is free again: {next:?}");
    assert_eq!(running.house.stop().await.tasks_left, 0);
}

/// Asks for another address and proves it by what `proof` makes of the code and the token.
async fn change_address(browser: &mut Browser, directory: &Path, email: &str, proof: impl Fn(String, String) -> Value) {
    let asked = browser.change("POST", "/api/me/email", json!({ "email": email, "password": PASSWORD })).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    assert_eq!(browser.get("/api/me").await.json()["pending_email"], email);
    let (code, token) = mailed(directory, email).await;
    let answer = browser.change("POST", "/api/me/email/confirm", proof(code, token)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for me in [answer.json(), browser.get("/api/me").await.json()] {
        assert_eq!((&me["email"], &me["pending_email"]), (&json!(email), &Value::Null), "{me}");
    }
}

#[tokio::test]
async fn a_confirmed_address_waits_no_more() {
    let postgres = TestStore::postgres(|_| {}).await;
    if let Some(held) = &postgres {
        held.store.close().await; // One server holds a database.
    }
    for url in [None, postgres.as_ref().and_then(|held| held.config.database_url.clone())] {
        let directory = tempfile::tempdir().unwrap();
        let running = start_with(directory.path(), |config| {
            config.database_url = url;
            config.limits.email_change_cooldown = Duration::ZERO;
        })
        .await;
        let mut browser = confirmed(&running, directory.path()).await;
        assert_eq!(browser.sign_in().await.status, 200);
        change_address(&mut browser, directory.path(), "isa@uva.nl", |code, _| json!({ "code": code })).await;
        change_address(&mut browser, directory.path(), "isa@vu.nl", |_, token| json!({ "token": token })).await;
        assert_eq!(running.house.stop().await.tasks_left, 0);
    }
}

#[tokio::test]
async fn forms_are_told_the_bounds_that_the_server_checks() {
    let directory = tempfile::tempdir().unwrap();
    let running = start_with(directory.path(), |config| config.limits.age_years_min = 16).await;
    let mut browser = confirmed(&running, directory.path()).await;
    assert_eq!(browser.sign_in().await.status, 200);
    let answer = browser.get("/api/limits").await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=60");
    let limits = answer.json();
    assert_eq!((&limits["age_years_min"], &limits["email_change_cooldown"]), (&json!(16), &json!(86_400)));
    assert_eq!(limits["message_chars_max"], crate::config::Limits::default().message_chars_max);
    for (field, bound) in [
        ("first_name", "name_chars_max"),
        ("pronouns", "pronouns_chars_max"),
        ("program", "program_chars_max"),
        ("about", "about_chars_max"),
    ] {
        let most = usize::try_from(limits[bound].as_u64().unwrap()).unwrap();
        for (chars, status) in [(most, 200), (most + 1, 400)] {
            let answer = browser.change("PATCH", "/api/me/profile", json!({ field: "é".repeat(chars) })).await;
            assert_eq!(answer.status, status, "{field}: {answer:?}");
        }
    }
    let languages: Vec<&str> = "nl en de fr es it pt pl tr ar".split(' ').collect();
    let most = usize::try_from(limits["languages_max"].as_u64().unwrap()).unwrap();
    for (form, status) in [
        (json!({ "languages": languages[..most] }), 200),
        (json!({ "languages": languages[..=most] }), 400),
        (json!({ "study_year": limits["study_year_max"] }), 200),
        (json!({ "study_year": limits["study_year_max"].as_u64().unwrap() + 1 }), 400),
    ] {
        let answer = browser.change("PATCH", "/api/me/profile", form.clone()).await;
        assert_eq!(answer.status, status, "{form}: {answer:?}");
    }
    assert_eq!(running.house.stop().await.tasks_left, 0);
}

#[tokio::test]
async fn a_picture_is_uploaded_served_safely_and_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path()).await;
    let mut browser = confirmed(&running, directory.path()).await;
    assert_eq!(browser.sign_in().await.status, 200);

    let large = png(3000);
    assert!(large.len() > 16 * 1024, "larger than any other body may be");
    let answer = upload(&mut browser, "image/jpeg", &large).await;
    assert_eq!(answer.status, 200, "the first bytes decide, not the header: {answer:?}");
    let path = answer.json()["profile"]["picture"].as_str().unwrap().to_owned();
    let shown = browser.get(&path).await;
    assert_eq!((shown.status, &shown.headers["content-type"]), (200, &"image/jpeg".parse().unwrap()));
    assert_eq!(shown.headers["cache-control"], "private, max-age=31536000, immutable");
    assert_eq!(shown.headers["x-content-type-options"], "nosniff");
    assert!(shown.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    let tag = shown.headers["etag"].to_str().unwrap().to_owned();
    let again = browser.ask("GET", &path, &[("if-none-match", &tag)], "").await;
    assert_eq!((again.status, again.body.as_str(), again.headers["etag"].to_str().unwrap()), (304, "", tag.as_str()));
    let mut stranger = Browser::new(running.addr);
    let without = stranger.ask("GET", &path, &[("if-none-match", &tag)], "").await;
    assert_eq!(without.status, 401, "a tag is no key");

    let newer = upload(&mut browser, "image/png", &png(20)).await.json()["profile"]["picture"].clone();
    assert_ne!(newer, json!(path));
    assert_eq!(browser.get(&path).await.status, 404, "the former one is gone");
    for (kind, file, status) in [
        ("image/svg+xml", &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], 415),
        ("image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400),
        ("image/png", b"", 400),
        ("application/json", b"{}", 415),
    ] {
        let answer = upload(&mut browser, kind, file).await;
        assert_eq!(answer.status, status, "{kind}: {answer:?}");
        if status == 400 {
            assert_eq!(answer.json()["fields"][0]["field"], "picture", "{answer:?}");
        }
    }
    let none = browser.change("DELETE", "/api/me/picture", Value::Null).await;
    assert_eq!((none.status, &none.json()["profile"]["picture"]), (200, &Value::Null));
    assert_eq!(running.house.stop().await.tasks_left, 0);
}

#[tokio::test]
async fn a_person_changes_their_account_and_ends_their_other_sessions() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path()).await;
    let mut browser = confirmed(&running, directory.path()).await;
    let mut other = Browser { address: running.addr, jar: browser.jar.clone() };
    assert_eq!(browser.sign_in().await.status, 200);
    assert_eq!(other.sign_in().await.status, 200);
    let sessions = browser.get("/api/sessions").await.json();
    assert!(sessions["sessions"].as_array().unwrap().iter().all(|session| session["kind"] == "cookie"), "{sessions}");

    let form = json!({ "pronouns": "she/her", "languages": ["nl"], "about": null });
    let changed = browser.change("PATCH", "/api/me/profile", form).await;
    assert_eq!(changed.json()["profile"]["pronouns"], "she/her", "{changed:?}");
    for (path, form, field) in [
        ("/api/me/profile", json!({ "study_year": 9 }), "study_year"),
        ("/api/me/profile", json!({ "study_year": "3" }), "study_year"),
        ("/api/me/profile", json!({ "verified": true }), "verified"),
        ("/api/me/settings", json!({ "visibility": "invisible" }), "visibility"),
        ("/api/me/settings", json!({ "role": "admin" }), "role"),
        (
            "/api/me/password",
            json!({ "current_password": "x", "new_password": "a new long phrase", "end_others": true }),
            "current_password",
        ),
        ("/api/me/email", json!({ "email": "isa@uva.nl", "password": "x" }), "password"),
        ("/api/me/email", json!({ "email": EMAIL, "password": PASSWORD }), "email"),
        ("/api/auth/forgot-password", json!({ "email": "x" }), "email"),
        ("/api/auth/reset-password", json!({ "token": "x", "password": "short" }), "password"),
    ] {
        let method = if path.starts_with("/api/me/p") && !path.ends_with("password") || path.ends_with("settings") {
            "PATCH"
        } else {
            "POST"
        };
        let refused = browser.change(method, path, form).await;
        assert_eq!(
            (refused.status, &refused.json()["fields"][0]["field"]),
            (400, &json!(field)),
            "{path}: {refused:?}"
        );
    }
    for form in [
        json!({ "password": "a long enough phrase" }),
        json!({ "token": "x", "code": "000000", "password": "a long enough phrase" }),
    ] {
        assert_eq!(browser.change("POST", "/api/auth/reset-password", form).await.status, 400);
    }
    let asked = browser.change("POST", "/api/auth/forgot-password", json!({ "email": "nobody@uva.nl" })).await;
    assert_eq!((asked.status, asked.json()), (200, json!({ "status": "reset_mail" })));
    let asked = browser.change("POST", "/api/me/email", json!({ "email": "isa@uva.nl", "password": PASSWORD })).await;
    assert_eq!(asked.json(), json!({ "status": "confirm_email", "email": "isa@uva.nl" }));
    assert_eq!(browser.get("/api/me").await.json()["pending_email"], "isa@uva.nl");
    let withdrawn = browser.change("DELETE", "/api/me/email", Value::Null).await;
    assert_eq!((withdrawn.status, &withdrawn.json()["pending_email"]), (200, &Value::Null));

    assert_eq!(other.get("/api/me").await.status, 200);
    assert_eq!(browser.change("DELETE", "/api/sessions", Value::Null).await.status, 204);
    assert_eq!((browser.get("/api/me").await.status, other.get("/api/me").await.status), (200, 401));
    assert_eq!(running.house.stop().await.tasks_left, 0);
}

#[tokio::test]
async fn a_persons_changes_are_counted_once_for_all_routes() {
    let directory = tempfile::tempdir().unwrap();
    let running = start_with(directory.path(), |config| config.limits.user_changes_per_minute = 3).await;
    let mut browser = confirmed(&running, directory.path()).await;
    assert_eq!(browser.sign_in().await.status, 200);
    for (method, path, form) in [
        ("PATCH", "/api/me/settings", json!({})),
        ("PATCH", "/api/me/profile", json!({ "study_year": 99 })),
        ("DELETE", "/api/me/picture", Value::Null),
    ] {
        assert_ne!(browser.change(method, path, form).await.status, 429);
    }
    let answer = browser.change("PATCH", "/api/me/settings", json!({})).await;
    assert_eq!((answer.status, answer.name().as_str()), (429, "rate_limited"), "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(browser.get("/api/me").await.status, 200, "reading goes on");
    assert_eq!(running.house.stop().await.tasks_left, 0);
}
