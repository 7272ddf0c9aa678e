//! A person's own account over HTTP: forms, pictures, and how often they may be sent.

use std::io::Cursor;

use serde_json::{Value, json};

use super::flow::{Browser, EMAIL, PASSWORD, confirmed, start, start_with};
use super::{Answer, raw};

/// A picture of one colour, as a PNG file.
fn png(side: u32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image::RgbImage::from_pixel(side, side, image::Rgb([200, 30, 30]))
        .write_to(&mut file, image::ImageFormat::Png)
        .unwrap();
    file.into_inner()
}

async fn upload(browser: &mut Browser, kind: &str, file: &[u8]) -> Answer {
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
    let answer = Answer::parse(&raw(browser.address, request).await);
    answer.check_headers();
    answer
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
