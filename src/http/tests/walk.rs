//! Walks the table of routes: what the gate promises holds for every row, also for rows that are added later.

use http::Method;

use super::{Answer, TestServer};
use crate::doors::CsrfSubject;
use crate::http::routes::{ROUTES, RouteSpec, Who};

const ID: &str = "0198c0de-0000-7000-8000-000000000001";

fn path(route: &RouteSpec) -> String {
    route.path.replace("{id}", ID).replace("{name}", "retention").replace("{file}", "app.js")
}

/// The type of the body that a change carries.
fn kind(route: &RouteSpec) -> &'static str {
    route.file().and_then(|kinds| kinds.first().copied()).unwrap_or("application/json")
}

/// A browser that is signed in and does everything right.
struct Browser<'s> {
    server: &'s TestServer,
    origin: String,
    cookie: String,
    csrf: String,
}

impl<'s> Browser<'s> {
    fn new(server: &'s TestServer, session: &str) -> Self {
        let csrf = server.csrf(&CsrfSubject::Session(session.to_owned().into()));
        Self {
            server,
            origin: format!("http://{}", server.address),
            cookie: format!("__Host-session={session}; csrf-token={csrf}"),
            csrf,
        }
    }

    /// Does the request as a browser would, with some headers replaced (or left out, by an empty value).
    async fn ask(&self, route: &RouteSpec, method: &str, replace: &[(&str, &str)]) -> Answer {
        let mut headers = vec![("cookie", self.cookie.as_str())];
        if !route.method.is_safe() {
            headers.extend([
                ("origin", self.origin.as_str()),
                ("sec-fetch-site", "same-origin"),
                ("content-type", kind(route)),
                ("x-csrf-token", self.csrf.as_str()),
            ]);
        }
        for (name, value) in replace {
            headers.retain(|(known, _)| known != name);
            if !value.is_empty() {
                headers.push((name, value));
            }
        }
        let body = if route.method.is_safe() || method == "HEAD" { "" } else { "{}" };
        let answer = self.server.ask(method, &path(route), &headers, body).await;
        answer.check_headers();
        answer
    }
}

/// Routes that the test router answers in a way of its own.
fn answers_ok(route: &RouteSpec) -> bool {
    route.who != Who::Cron && !matches!(route.path, "/api/health/live" | "/api/health/ready" | "/confirm" | "/chats")
}

#[tokio::test]
async fn whoever_does_everything_right_passes() {
    let server = TestServer::start().await;
    let browser = Browser::new(&server, "live-1");
    for route in ROUTES.iter().filter(|route| answers_ok(route)) {
        let answer = browser.ask(route, route.method.as_str(), &[]).await;
        assert_eq!(answer.status, 200, "{} {}: {answer:?}", route.method, route.path);
    }
}

#[tokio::test]
async fn no_session_or_a_dead_one_gets_nowhere_private() {
    let server = TestServer::start().await;
    for route in ROUTES.iter().filter(|route| route.who.is_personal()) {
        for session in ["dead-1", "x"] {
            let answer = Browser::new(&server, session).ask(route, route.method.as_str(), &[]).await;
            assert_eq!(answer.status, 401, "{} {}", route.method, route.path);
            assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"domu\"");
        }
        let answer = Browser::new(&server, "live-1").ask(route, route.method.as_str(), &[("cookie", "")]).await;
        assert_eq!((answer.status, answer.name().as_str()), (401, "unauthorized"), "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn no_change_happens_without_the_csrf_token_of_its_session() {
    let server = TestServer::start().await;
    let browser = Browser::new(&server, "live-1");
    let of_other = server.csrf(&CsrfSubject::Session("live-2".to_owned().into()));
    let of_anon = server.csrf(&CsrfSubject::Anon("live-1".into()));
    let with_cookie = |csrf: &str| format!("__Host-session=live-1; csrf-token={csrf}");
    let (other_pair, anon_pair, twice) =
        (with_cookie(&of_other), with_cookie(&of_anon), format!("{}; csrf-token={}", browser.cookie, browser.csrf));
    let mut wrong = browser.csrf.clone();
    wrong.replace_range(0..1, if wrong.starts_with('A') { "B" } else { "A" });
    let wrong_pair = with_cookie(&wrong);
    for route in ROUTES.iter().filter(|route| !route.method.is_safe()) {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("missing", &[("x-csrf-token", "")]),
            ("wrong", &[("x-csrf-token", &wrong)]),
            ("wrong pair", &[("x-csrf-token", &wrong), ("cookie", &wrong_pair)]),
            ("another session's", &[("x-csrf-token", &of_other)]),
            ("another session's pair", &[("x-csrf-token", &of_other), ("cookie", &other_pair)]),
            ("an anonymous pair", &[("x-csrf-token", &of_anon), ("cookie", &anon_pair)]),
            ("header without cookie", &[("cookie", "__Host-session=live-1")]),
            ("two cookies of its name", &[("cookie", &twice)]),
            ("only in the cookie", &[("x-csrf-token", ""), ("origin", ""), ("sec-fetch-site", "")]),
        ];
        for (case, replace) in cases {
            let answer = browser.ask(route, route.method.as_str(), replace).await;
            assert_eq!(answer.status, 403, "{case}: {} {} {answer:?}", route.method, route.path);
            assert_eq!(answer.json()["error"], "Invalid CSRF token", "{case}");
        }
    }
}

#[tokio::test]
async fn a_client_without_cookies_needs_a_token_only_where_a_form_acts() {
    let server = TestServer::start().await;
    for route in ROUTES.iter().filter(|route| !route.method.is_safe() && route.who != Who::Cron) {
        let plain = server.ask(route.method.as_str(), &path(route), &[("content-type", kind(route))], "{}").await;
        let expected = match (route.csrf, route.who) {
            (false, _) => 200,
            (true, who) if who.is_personal() => 401,
            (true, _) => 403,
        };
        assert_eq!(plain.status, expected, "{} {}: {plain:?}", route.method, route.path);
        let bearer = server
            .ask(
                route.method.as_str(),
                &path(route),
                &[("content-type", kind(route)), ("authorization", "Bearer live-1")],
                "{}",
            )
            .await;
        assert_eq!(bearer.status, 200, "{} {}: {bearer:?}", route.method, route.path);
        let both = server
            .ask(
                route.method.as_str(),
                &path(route),
                &[
                    ("content-type", kind(route)),
                    ("authorization", "Bearer live-1"),
                    ("cookie", "__Host-session=live-1"),
                ],
                "{}",
            )
            .await;
        assert_eq!(both.status, 400, "two identities: {}", route.path);
    }
}

#[tokio::test]
async fn another_sites_page_changes_nothing() {
    let server = TestServer::start().await;
    let browser = Browser::new(&server, "live-1");
    let other_port = format!("http://127.0.0.1:{}", server.address.port() ^ 1);
    let https = format!("https://{}", server.address);
    let suffix = format!("http://{}.evil.nl", server.address);
    for route in ROUTES.iter().filter(|route| !route.method.is_safe()) {
        for origin in ["https://evil.nl", "null", &other_port, &https, &suffix] {
            let answer = browser.ask(route, route.method.as_str(), &[("origin", origin)]).await;
            assert_eq!((answer.status, answer.name().as_str()), (403, "foreign_origin"), "{origin}: {}", route.path);
        }
        for site in ["cross-site", "same-site"] {
            let answer = browser.ask(route, route.method.as_str(), &[("origin", ""), ("sec-fetch-site", site)]).await;
            assert_eq!((answer.status, answer.name().as_str()), (403, "foreign_origin"), "{site}: {}", route.path);
        }
        let answer = browser.ask(route, route.method.as_str(), &[("origin", ""), ("sec-fetch-site", "")]).await;
        assert!(!answers_ok(route) || answer.status == 200, "the token alone is enough: {}", route.path);
    }
}

#[tokio::test]
async fn another_sites_page_reads_nothing_private() {
    let server = TestServer::start().await;
    let browser = Browser::new(&server, "live-1");
    for route in ROUTES.iter().filter(|route| route.method.is_safe() && route.who.is_personal()) {
        let answer = browser.ask(route, "GET", &[("sec-fetch-site", "cross-site")]).await;
        assert_eq!(answer.status, 403, "{}", route.path);
    }
}

#[tokio::test]
async fn forms_are_not_json() {
    let server = TestServer::start().await;
    let browser = Browser::new(&server, "live-1");
    for route in ROUTES.iter().filter(|route| !route.method.is_safe() && route.who != Who::Cron) {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
            // The one form that is taken is a mail program's, which needs nothing but the proof in the address.
            if route.path == "/unsubscribe" && kind.contains("form") {
                continue;
            }
            let answer = browser.ask(route, route.method.as_str(), &[("content-type", kind)]).await;
            assert_eq!(
                (answer.status, answer.name().as_str()),
                (415, "unsupported_media_type"),
                "{kind:?}: {}",
                route.path
            );
        }
    }
}

#[tokio::test]
async fn a_path_takes_its_methods_and_says_which() {
    let server = TestServer::start().await;
    for route in ROUTES {
        let taken: Vec<&Method> =
            ROUTES.iter().filter(|other| other.path == route.path).map(|other| &other.method).collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if taken.iter().any(|taken| taken.as_str() == method) {
                continue;
            }
            let answer = Browser::new(&server, "live-1").ask(route, method, &[("x-csrf-token", "")]).await;
            assert_eq!((answer.status, answer.name().as_str()), (405, "method_not_allowed"), "{method} {}", route.path);
            let allow = answer.headers["allow"].to_str().unwrap().to_owned();
            for taken in &taken {
                assert!(allow.split(", ").any(|allowed| allowed == taken.as_str()), "{allow}");
            }
        }
        if taken.contains(&&Method::GET) && answers_ok(route) {
            let answer = Browser::new(&server, "live-1").ask(route, "HEAD", &[]).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, ""), "HEAD {}", route.path);
        }
    }
}

#[tokio::test]
async fn jobs_are_for_whoever_shows_the_cron_secret() {
    let routes = || ROUTES.iter().filter(|route| route.who == Who::Cron);
    assert_eq!(routes().count(), 2);
    let server = TestServer::start_with(|config| {
        config.cron_secret = Some("the-secret-of-today".to_owned().into());
        config.cron_secret_previous = Some("the-one-of-yesterday".to_owned().into());
    })
    .await;
    for route in routes() {
        let ask = async |headers: &[(&str, &str)]| server.ask(route.method.as_str(), &path(route), headers, "").await;
        for good in ["Bearer the-secret-of-today", "Bearer the-one-of-yesterday"] {
            assert_eq!(ask(&[("authorization", good)]).await.status, 200, "{good}");
        }
        for bad in ["Bearer the-secret-of-todaY", "Bearer the", "Bearer live-1", "Basic the-secret-of-today"] {
            let answer = ask(&[("authorization", bad)]).await;
            assert_eq!((answer.status, answer.name().as_str()), (401, "unauthorized"), "{bad}");
        }
        assert_eq!(ask(&[]).await.status, 401);
        assert_eq!(ask(&[("x-cron-secret", "the-secret-of-today")]).await.status, 401);
        let in_url = format!("{}?secret=the-secret-of-today", path(route));
        assert_eq!(server.ask(route.method.as_str(), &in_url, &[], "").await.status, 401);
    }
    // Without a secret nobody gets in, whatever is shown.
    let server =
        TestServer::start_with(|config| config.cron_secret_previous = Some("the-one-of-yesterday".to_owned().into()))
            .await;
    for route in routes() {
        for shown in ["Bearer the-one-of-yesterday", "Bearer "] {
            let answer = server.ask(route.method.as_str(), &path(route), &[("authorization", shown)], "").await;
            assert_eq!((answer.status, answer.name().as_str()), (404, "not_found"));
        }
    }
}

#[tokio::test]
async fn without_demo_mode_there_is_no_demo() {
    let server = TestServer::start_with(|config| config.demo = false).await;
    let browser = Browser::new(&server, "live-1");
    for route in ROUTES.iter().filter(|route| route.who == Who::Demo) {
        for method in ["GET", "POST", "PUT"] {
            let answer = browser.ask(route, method, &[]).await;
            assert_eq!((answer.status, answer.name().as_str()), (404, "not_found"), "{method} {}", route.path);
        }
    }
}

#[tokio::test]
async fn metrics_are_for_this_machine_or_the_token() {
    let server = TestServer::start_with(|config| config.metrics_token = Some("scrape-me".to_owned().into())).await;
    let status = |headers: &'static [(&'static str, &'static str)]| {
        let server = &server;
        async move { server.ask("GET", "/metrics", headers, "").await.status }
    };
    assert_eq!(status(&[]).await, 200);
    assert_eq!(status(&[("x-forwarded-for", "1.2.3.4")]).await, 404);
    assert_eq!(status(&[("forwarded", "for=1.2.3.4")]).await, 404);
    assert_eq!(status(&[("via", "1.1 x")]).await, 404);
    assert_eq!(status(&[("x-forwarded-for", "1.2.3.4"), ("authorization", "Bearer scrape-me")]).await, 200);
    assert_eq!(status(&[("x-forwarded-for", "1.2.3.4"), ("authorization", "Bearer scrape-mE")]).await, 404);
}
