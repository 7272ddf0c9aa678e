//! Admins over HTTP: who may do what to whom, and that nothing is done without a trace.

use domu::admin::model::Reach;
use domu::admin::{Actor, Permission, Role};
use domu::clock::Clock;
use domu::http::routes::{ROUTES, RouteSpec, Who};
use serde_json::{Value, json};

use super::bad_http::{Takes, example};
use crate::support::admins::{self, admin, code, enrol, grant, step_up, student, super_admin, universities};
use crate::support::people::Person;
use crate::support::server::TestServer;

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000001";

fn admin_routes() -> impl Iterator<Item = (&'static RouteSpec, Permission)> {
    ROUTES.iter().filter_map(|route| match route.who {
        Who::Admin(permission) => Some((route, permission)),
        _ => None,
    })
}

/// A request that is right in form, about somebody.
async fn call(server: &TestServer, person: &Person, route: &RouteSpec, about: &str) -> (u16, String) {
    let method = route.method.as_str();
    let body = match example(method, route.path) {
        Some(Takes::Json(body, _)) if !route.method.is_safe() => {
            Some(serde_json::from_str(&body.to_string().replace(NOBODY, about)).expect("a body"))
        }
        _ => None,
    };
    let query = match route.path {
        "/api/admin/matches/explain" => format!("?user_id={about}"),
        "/api/admin/matches/pair" => format!("?a={about}&b={}", person.id),
        _ => String::new(),
    };
    let path = route.path.replace("{id}", about).replace("{name}", "retention") + query.as_str();
    let answer = server.ask(person, method, &path, body.as_ref()).await;
    let name =
        serde_json::from_str::<Value>(&answer.body).unwrap_or_default()["name"].as_str().unwrap_or_default().to_owned();
    (answer.status, name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r121_every_route_by_every_role_as_the_table_says() {
    let server = TestServer::start().await;
    universities(&server).await;
    let user = student(&server, "Ugo", "tudelft").await;
    let walkers = [
        (Role::Moderator, admin(&server, "Mo", Role::Moderator, "tudelft").await, false),
        (Role::UniversityAdmin, admin(&server, "Una", Role::UniversityAdmin, "tudelft").await, false),
        (Role::SuperAdmin, super_admin(&server, "Sam").await, true),
    ];
    let mut walked = 0;
    for (route, permission) in admin_routes() {
        let name = format!("{} {}", route.method, route.path);
        assert_eq!(call(&server, &user, route, NOBODY).await, (403, "forbidden".to_owned()), "{name} by nobody");
        for (role, person, stepped_up) in &walkers {
            // One's own second factor would be another one after it.
            if permission == Permission::Oneself && !route.method.is_safe() {
                continue;
            }
            let grant = permission.grant(*role);
            let (status, code) = call(&server, person, route, NOBODY).await;
            let said = (status, code.as_str());
            match grant.reach {
                Reach::Nothing => assert_eq!(said, (403, "forbidden"), "{name} by {role:?}"),
                _ if grant.step_up && !stepped_up => assert_eq!(said, (403, "step_up_required"), "{name} by {role:?}"),
                _ => assert!(matches!(status, 200 | 204 | 404 | 409), "{name} by {role:?}: {said:?}"),
            }
            walked += 1;
        }
    }
    assert!(walked > 40, "{walked}");
    let proof = server.services().admin.prove_actions(&Actor::operator()).await.expect("a proof");
    assert!(proof.sound, "{proof:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_out_of_scope_is_not_there_and_nothing_of_it_changes() {
    let server = TestServer::start().await;
    universities(&server).await;
    let (own, foreign) = (student(&server, "Own", "tudelft").await, student(&server, "Foreign", "uva").await);
    for (name, role) in [("Mo", Role::Moderator), ("Una", Role::UniversityAdmin)] {
        let walker = admin(&server, name, role, "tudelft").await;
        let view = |person: &Person| format!("/api/admin/users/{}", person.id);
        assert_eq!(server.ask(&walker, "GET", &view(&own), None).await.status, 200);
        let answers = [&foreign.id, NOBODY].map(|id| (id.to_owned(), format!("/api/admin/users/{id}")));
        let mut said = Vec::new();
        for (_, path) in &answers {
            let mut told = server.ask(&walker, "GET", path, None).await.expect(404);
            told["request_id"] = Value::Null;
            said.push(told);
        }
        assert_eq!(said[0], said[1], "somebody out of scope looks like nobody");
        let body = json!({"action": "suspend", "user_ids": [own.id, foreign.id], "days": 3, "reason": "reported by two people"});
        assert_eq!(server.ask(&walker, "POST", "/api/admin/users", Some(&body)).await.status, 404);
        let listed =
            server.ask(&walker, "GET", "/api/admin/users?search=de%20tester", None).await.expect(200).to_string();
        assert!(listed.contains(&own.id) && !listed.contains(&foreign.id), "{listed}");
        assert_eq!(
            server.ask(&walker, "GET", "/api/admin/users?university=uva", None).await.expect(200)["users"],
            json!([])
        );
    }
    assert_eq!(server.number("SELECT count(*) FROM users WHERE is_active = FALSE").await, 0);
    assert!(server.number("SELECT count(*) FROM admin_actions WHERE action = 'access_denied'").await >= 6);
}

/// Everything that an admin can change, as numbers.
async fn world(server: &TestServer) -> Vec<i64> {
    let mut world = Vec::new();
    for query in [
        "SELECT count(*) FROM users WHERE is_active = TRUE",
        "SELECT sum(head_seq) FROM users",
        "SELECT count(*) FROM sessions WHERE revoked_at IS NULL",
        "SELECT count(*) FROM admins WHERE removed_at IS NULL",
        "SELECT coalesce(sum(totp_step), 0) FROM admins",
        "SELECT count(*) FROM admins WHERE totp_confirmed_at IS NOT NULL",
        "SELECT count(*) FROM admin_invites WHERE closed_at IS NULL",
        "SELECT count(*) FROM admin_api_tokens WHERE revoked_at IS NULL",
        "SELECT count(*) FROM admin_actions",
    ] {
        world.push(server.number(query).await);
    }
    world
}

/// R122: when the trace cannot be written, the deed is not done, on any route.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r122_without_a_trace_nothing_is_done() {
    let server =
        TestServer::with(|config| config.admin_shared_secret = Some("a secret of admins".to_owned().into())).await;
    universities(&server).await;
    let person = server.person("Sam").await;
    let sam = grant(&server, &person, Role::SuperAdmin, None).await;
    let unlock = json!({"secret": "a secret of admins"});
    server.ask(&sam, "POST", "/api/admin/unlock", Some(&unlock)).await.expect(204);
    let secret = enrol(&server, &sam).await;
    assert_eq!(step_up(&server, &sam, &code(&server, &secret, -1)).await, 200);
    let other = grant(&server, &server.person("Otto").await, Role::SuperAdmin, None).await;
    let victim = server.person("Vic").await;
    let guest = server.person("Guus").await;
    let invite =
        json!({"email": guest.email, "role": "moderator", "university": "uva", "reason": "we need more hands"});
    server.ask(&sam, "POST", "/api/admin/invites", Some(&invite)).await.expect(200);
    let token = json!({"name": "nightly", "scopes": ["run_system"], "days": 7, "reason": "for the nightly job"});
    let token = server.ask(&sam, "POST", "/api/admin/api-tokens", Some(&token)).await.expect(200);
    let socket = server.connect(&victim).await;
    let before = world(&server).await;
    server.sql("CREATE TRIGGER full BEFORE INSERT ON admin_actions BEGIN SELECT RAISE(ABORT, 'full'); END").await;

    let mut walked = 0;
    for (route, _) in admin_routes().filter(|(route, _)| !route.method.is_safe()) {
        let about = match route.path {
            "/api/admin/admins/{id}/remove" => &other.id,
            "/api/admin/api-tokens/{id}/revoke" => token["id"].as_str().expect("an id"),
            _ => &victim.id,
        };
        let (status, name) = match route.path {
            "/api/admin/step-up" => (step_up(&server, &sam, &code(&server, &secret, 0)).await, "internal".to_owned()),
            _ => call(&server, &sam, route, about).await,
        };
        assert_eq!((status, name.as_str()), (500, "internal"), "{} {}", route.method, route.path);
        walked += 1;
    }
    for (action, path) in [("activate", "/api/admin/users"), ("end_sessions", "/api/admin/users")] {
        let body = json!({"action": action, "user_ids": [victim.id], "reason": "reported by two people"});
        assert_eq!(server.ask(&sam, "POST", path, Some(&body)).await.status, 500, "{action}");
    }
    assert_eq!(server.ask(&guest, "POST", "/api/admin/invites/accept", None).await.status, 500);
    // What is only read is told to the log as well, or not told at all.
    assert_eq!(server.ask(&sam, "GET", &format!("/api/admin/users/{}", victim.id), None).await.status, 500);
    assert_eq!(server.ask(&sam, "GET", "/api/admin/audit-log/export", None).await.status, 500);
    assert!(walked >= 9, "{walked}");
    assert_eq!(world(&server).await, before);
    assert_eq!(server.sockets(), 1, "nobody was sent away");
    server.sql("DROP TRIGGER full").await;
    drop(socket);
    let proof = server.services().admin.prove_actions(&Actor::operator()).await.expect("a proof");
    assert!(proof.sound, "what was rolled back is no row that is missing: {proof:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r119_removal_holds_at_the_next_request_and_on_open_sockets() {
    let server = TestServer::start().await;
    universities(&server).await;
    let sam = super_admin(&server, "Sam").await;
    let una = admin(&server, "Una", Role::UniversityAdmin, "uva").await;
    let user = una.id.parse().expect("an id");
    let new = domu::admin::NewToken { name: "x".to_owned(), scopes: vec![Permission::ViewUsers], days: 7 };
    let made =
        server.services().admin.make_token(&Actor::operator(), user, new, admins::reason()).await.expect("a token");
    let program = Person { token: made.value().token, ..una.clone() };
    assert_eq!(server.ask(&program, "GET", "/api/admin/users", None).await.status, 200);
    assert_eq!(server.ask(&program, "GET", "/api/admin/audit-log", None).await.status, 403, "not what it was made for");
    let mut socket = server.connect(&una).await;

    let why = json!({"reason": "left the university"});
    let path = format!("/api/admin/admins/{}/remove", una.id);
    server.ask(&sam, "POST", &path, Some(&why)).await.expect(204);
    socket.expect_close(4002).await;
    assert_eq!(server.ask(&una, "GET", "/api/admin/me", None).await.status, 401, "the session is over");
    assert_eq!(server.ask(&program, "GET", "/api/admin/users", None).await.status, 401, "so is the token");
    let again = server.sign_in_again("Una").await;
    assert_eq!(server.ask(&again, "GET", "/api/admin/me", None).await.status, 403);
    assert_eq!(server.ask(&sam, "POST", &path, Some(&why)).await.status, 404, "once");

    // Behind the program's back too: nothing but the row makes an admin.
    let mo = admin(&server, "Mo", Role::Moderator, "uva").await;
    assert_eq!(server.ask(&mo, "GET", "/api/admin/me", None).await.status, 200);
    server.sql("DELETE FROM admins WHERE role = 'moderator'").await;
    assert_eq!(server.ask(&mo, "GET", "/api/admin/me", None).await.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_super_admin_stays() {
    let server = TestServer::start().await;
    universities(&server).await;
    let sam = super_admin(&server, "Sam").await;
    let why = json!({"reason": "nobody needs it"});
    let remove = format!("/api/admin/admins/{}/remove", sam.id);
    assert_eq!(server.ask(&sam, "POST", &remove, Some(&why)).await.status, 409);
    let suspend = json!({"action": "suspend", "user_ids": [sam.id], "reason": "nobody needs it"});
    assert_eq!(server.ask(&sam, "POST", "/api/admin/users", Some(&suspend)).await.status, 409);
    let user = sam.id.parse().expect("an id");
    let admin = &server.services().admin;
    admin.remove(&Actor::operator(), user, admins::reason()).await.expect_err("nor by an operator");
    let less = (Role::Moderator, Some("uva".to_owned()));
    admin.grant(&Actor::operator(), user, less, admins::reason()).await.expect_err("nor made less");
    assert_eq!(server.ask(&sam, "GET", "/api/admin/me", None).await.status, 200);
    grant(&server, &server.person("Otto").await, Role::SuperAdmin, None).await;
    server.ask(&sam, "POST", &remove, Some(&why)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_is_needed_and_each_code_works_once() {
    let server = TestServer::start().await;
    let person = server.person("Sam").await;
    let sam = grant(&server, &person, Role::SuperAdmin, None).await;
    let named = async |path: &str| {
        let answer = server.ask(&sam, "GET", path, None).await;
        (answer.status, serde_json::from_str::<Value>(&answer.body).unwrap_or_default()["error"].clone())
    };
    assert_eq!(named("/api/admin/users").await, (403, json!("step_up_required")), "no second factor yet");
    let secret = enrol(&server, &sam).await;
    assert_eq!(step_up(&server, &sam, "000000").await, 403);
    let now = code(&server, &secret, 0);
    assert_eq!(step_up(&server, &sam, &now).await, 200);
    assert_eq!(named("/api/admin/users").await.0, 200);
    assert_eq!(step_up(&server, &sam, &now).await, 403, "each works once");
    // A further session of theirs has shown nothing yet.
    let other = server.sign_in_again("Sam").await;
    let invite = json!({"email": "x@uva.nl", "role": "super_admin", "reason": "we need more hands"});
    assert_eq!(server.ask(&other, "POST", "/api/admin/invites", Some(&invite)).await.status, 403);
    assert_eq!(server.ask(&other, "POST", "/api/admin/totp", None).await.status, 403, "nor may it begin another");
    server.ask(&sam, "POST", "/api/admin/invites", Some(&invite)).await.expect(200);
    for _ in 0..5 {
        step_up(&server, &other, "000000").await;
    }
    assert_eq!(step_up(&server, &other, &code(&server, &secret, 1)).await, 429, "guesses run out");
    assert!(server.number("SELECT count(*) FROM admin_actions WHERE action = 'login_admin_failed'").await >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r120_the_admin_secret_where_one_is_configured() {
    let server =
        TestServer::with(|config| config.admin_shared_secret = Some("a secret of admins".to_owned().into())).await;
    universities(&server).await;
    let una = admin(&server, "Una", Role::UniversityAdmin, "uva").await;
    let said = async |person: &Person, secret: Option<&str>| {
        let bearer = format!("Bearer {}", person.token);
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(secret.map(|secret| ("x-admin-secret", secret)));
        let mut http = crate::support::http::Http::new(server.address);
        let answer = http.plain(reqwest::Method::GET, "/api/admin/users", &headers, None).await;
        (answer.status, serde_json::from_str::<Value>(&answer.body).unwrap_or_default()["error"].clone())
    };
    let new = domu::admin::NewToken { name: "x".to_owned(), scopes: vec![Permission::ViewUsers], days: 7 };
    let user = una.id.parse().expect("an id");
    let made =
        server.services().admin.make_token(&Actor::operator(), user, new, admins::reason()).await.expect("a token");
    let program = Person { token: made.value().token, ..una.clone() };
    assert_eq!(said(&program, None).await, (403, json!("Admin secret required")));
    assert_eq!(said(&program, Some("a secret of nobody")).await, (403, json!("Invalid admin secret")));
    assert_eq!(said(&program, Some("a secret of admins")).await.0, 200);

    assert_eq!(said(&una, None).await, (403, json!("Admin secret required")), "the session is locked");
    let unlock = async |secret: &str| {
        server.ask(&una, "POST", "/api/admin/unlock", Some(&json!({"secret": secret}))).await.status
    };
    assert_eq!(unlock("a secret of nobody").await, 403);
    assert_eq!(unlock("a secret of admins").await, 204);
    assert_eq!(said(&una, None).await.0, 200);
    for _ in 0..10 {
        said(&program, Some("a secret of nobody")).await;
    }
    assert_eq!(said(&program, Some("a secret of admins")).await.0, 429, "guesses run out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_and_suspensions_end_by_the_clock() {
    let clock = Clock::manual("2026-11-22T12:00:00Z".parse().expect("a time"));
    let server = TestServer::with_clock(clock, |_| {}).await;
    universities(&server).await;
    let mo = admin(&server, "Mo", Role::Moderator, "uva").await;
    let victim = student(&server, "Vic", "uva").await;
    let new = domu::admin::NewToken { name: "x".to_owned(), scopes: vec![Permission::ViewUsers], days: 1 };
    let user = mo.id.parse().expect("an id");
    let made =
        server.services().admin.make_token(&Actor::operator(), user, new, admins::reason()).await.expect("a token");
    let program = Person { token: made.value().token, ..mo.clone() };
    assert_eq!(server.ask(&program, "GET", "/api/admin/users", None).await.status, 200);

    let mut socket = server.connect(&victim).await;
    let suspend = async |days: Value| {
        let body =
            json!({"action": "suspend", "user_ids": [victim.id], "days": days, "reason": "reported by two people"});
        server.ask(&mo, "POST", "/api/admin/users", Some(&body)).await
    };
    assert_eq!(suspend(Value::Null).await.status, 400, "a moderator says for how long");
    assert_eq!(suspend(json!(8)).await.status, 400, "a week at most");
    let began = std::time::Instant::now();
    assert_eq!(suspend(json!(3)).await.expect(200)["changed"], 1);
    socket.expect_close(4003).await;
    println!("the socket was closed after {:?}", began.elapsed());
    assert_eq!(server.ask(&victim, "GET", "/api/me", None).await.status, 403);
    let activate = json!({"action": "activate", "user_ids": [victim.id], "reason": "it was a mistake"});
    assert_eq!(
        server.ask(&mo, "POST", "/api/admin/users", Some(&activate)).await.status,
        403,
        "not a moderator's to do"
    );

    server.advance(chrono::TimeDelta::days(2));
    assert_eq!(server.ask(&program, "GET", "/api/admin/users", None).await.status, 401, "the token's day is over");
    let accounts = &server.services().accounts;
    accounts.lift_suspensions().await.expect("a look");
    assert_eq!(server.number("SELECT count(*) FROM users WHERE is_active = FALSE").await, 1);
    server.advance(chrono::TimeDelta::days(2));
    accounts.lift_suspensions().await.expect("a look");
    assert_eq!(server.number("SELECT count(*) FROM users WHERE is_active = FALSE").await, 0);
    server.sign_in_again("Vic").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_for_its_address() {
    let server = TestServer::start().await;
    universities(&server).await;
    let sam = super_admin(&server, "Sam").await;
    let (guest, other) = (server.person("Guus").await, server.person("Otto").await);
    let bad = json!({"email": guest.email, "role": "moderator", "reason": "we need more hands"});
    assert_eq!(server.ask(&sam, "POST", "/api/admin/invites", Some(&bad)).await.status, 400, "of which university?");
    let invite =
        json!({"email": guest.email, "role": "moderator", "university": "uva", "reason": "we need more hands"});
    server.ask(&sam, "POST", "/api/admin/invites", Some(&invite)).await.expect(200);
    assert_eq!(server.ask(&other, "POST", "/api/admin/invites/accept", None).await.status, 404);
    server.ask(&guest, "POST", "/api/admin/invites/accept", None).await.expect(200);
    assert_eq!(server.ask(&guest, "GET", "/api/admin/me", None).await.expect(200)["role"], "moderator");
    assert_eq!(server.ask(&guest, "POST", "/api/admin/invites/accept", None).await.status, 404, "once");
    let admins = server.ask(&sam, "GET", "/api/admin/admins", None).await.expect(200);
    assert_eq!(admins["admins"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r123_the_log_has_who_what_whom_why_and_when() {
    let server = TestServer::start().await;
    universities(&server).await;
    let (sam, una) = (super_admin(&server, "Sam").await, admin(&server, "Una", Role::UniversityAdmin, "uva").await);
    let vic = student(&server, "Vic", "uva").await;
    let body = json!({"action": "end_sessions", "userIds": [vic.id], "reason": "=lost a phone"});
    server.ask(&una, "POST", "/api/admin/users", Some(&body)).await.expect(200);
    let rows = server.ask(&sam, "GET", "/api/admin/audit-log?action=revoke_sessions", None).await.expect(200);
    let row = &rows["actions"][0];
    for (name, value) in [
        ("admin_user_id", json!(una.id)),
        ("actor_role", json!("university_admin")),
        ("entity_type", json!("user")),
        ("entity_id", json!(vic.id)),
        ("reason", json!("=lost a phone")),
        ("auth_method", json!("session")),
        ("outcome", json!("ok")),
    ] {
        assert_eq!(row[name], value, "{name}: {row}");
    }
    assert!(
        row["created_at"].is_string() && row["request_id"].is_string() && row["metadata"]["sessions"] == 1,
        "{row}"
    );
    let page = server.ask(&sam, "GET", "/api/admin/audit-log?limit=2", None).await.expect(200);
    let next = page["next"].as_i64().expect("a further page");
    let rest =
        server.ask(&sam, "GET", &format!("/api/admin/audit-log?limit=200&before={next}"), None).await.expect(200);
    assert_eq!(rest["actions"][0]["seq"], json!(next - 1));
    let csv = server.ask(&sam, "GET", "/api/admin/audit-log/export?format=csv", None).await;
    assert!(csv.status == 200 && csv.body.contains("\"'=lost a phone\""), "{}", csv.body);
    let own = server.ask(&una, "GET", "/api/admin/audit-log", None).await.expect(200);
    assert!(
        own["actions"]
            .as_array()
            .is_some_and(|rows| rows.iter().all(|row| row["university_id"] == own["actions"][0]["university_id"]))
    );

    let parallel = (0..30).map(|_| server.ask(&una, "POST", "/api/admin/users", Some(&body)));
    for answer in futures_util::future::join_all(parallel).await {
        answer.expect(200);
    }
    let proof = server.ask(&sam, "GET", "/api/admin/audit-log/proof", None).await.expect(200);
    assert_eq!((&proof["sound"], &proof["findings"]), (&json!(true), &json!([])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r29_r34_sockets_are_seen_and_restarted() {
    let server = TestServer::start().await;
    let sam = super_admin(&server, "Sam").await;
    let (anna, bram) = (server.person("Anna").await, server.person("Bram").await);
    let chat = server.open_chat(&anna, &bram).await;
    let (mut one, mut other) = (server.connect(&anna).await, server.connect(&bram).await);
    let seen = server.ask(&sam, "GET", "/api/admin/realtime", None).await.expect(200);
    for person in [&anna, &bram] {
        let shown =
            seen["connected"].as_array().expect("people").iter().find(|shown| shown["user"] == json!(person.id));
        assert_eq!(shown.map(|shown| shown["chats"].clone()), Some(json!([chat])), "{seen}");
    }
    let restart = async |body: Value| server.ask(&sam, "POST", "/api/admin/realtime/restart", Some(&body)).await;
    let room = json!({"scope": "chat", "id": chat, "within": 0, "reason": "sockets are stuck"});
    assert_eq!(restart(room).await.expect(200)["sockets"], 2);
    one.expect_close(4200).await;
    other.expect_close(4200).await;
    server.until("all are gone", || server.sockets() == 0).await;
    let mut again = server.connect(&anna).await;
    let user = json!({"scope": "user", "id": anna.id, "within": 0, "reason": "sockets are stuck"});
    assert_eq!(restart(user).await.expect(200)["sockets"], 1);
    again.expect_close(4200).await;
    assert_eq!(restart(json!({"scope": "user", "reason": "sockets are stuck"})).await.status, 400);
}
