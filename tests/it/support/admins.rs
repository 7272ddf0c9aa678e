//! Admins, made as operators and admins make themselves: granted on the host, with a second factor shown over HTTP.

use chrono::{DateTime, TimeDelta, Utc};
use domu::admin::{Actor, Reason, Role};
use serde_json::json;
use totp_rs::{Builder, Secret};

use super::people::Person;
use super::server::TestServer;

/// Two universities that are there in the tests of admins.
pub const UNIVERSITIES: [&str; 2] = ["tudelft", "uva"];

/// A reason as the audit log takes it.
pub fn reason() -> Reason {
    Reason::parse("as the test wants it").expect("a reason")
}

/// Puts the universities into the database (SQLite).
pub async fn universities(server: &TestServer) {
    for (number, slug) in UNIVERSITIES.iter().enumerate() {
        server
            .sql(&format!(
                "INSERT INTO universities (id, name, slug, city, eligibility_domains, is_active, created_at, updated_at) \
                 VALUES (X'0198c0de0000700080000000000000a{number}', '{slug}', '{slug}', 'x', '[]', TRUE, \
                 '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00')"
            ))
            .await;
    }
}

/// A person of a university.
pub async fn student(server: &TestServer, name: &str, university: &str) -> Person {
    let person = server.person(name).await;
    server
        .sql(&format!(
            "UPDATE users SET university_id = (SELECT id FROM universities WHERE slug = '{university}') \
             WHERE email_normalized = '{}'",
            person.email
        ))
        .await;
    person
}

/// Makes somebody an admin, and signs them in again: a new role ends what was open.
pub async fn grant(server: &TestServer, person: &Person, role: Role, university: Option<&str>) -> Person {
    let user = person.id.parse().expect("an id");
    let rank = (role, university.map(str::to_owned));
    server.services().admin.grant(&Actor::operator(), user, rank, reason()).await.expect("an admin");
    server.sign_in_again(&person.first_name).await
}

/// An admin of a university.
pub async fn admin(server: &TestServer, name: &str, role: Role, university: &str) -> Person {
    let person = student(server, name, university).await;
    grant(server, &person, role, Some(university)).await
}

/// The code that an app shows, some steps of 30 seconds from now.
pub fn code(server: &TestServer, secret: &str, steps: i32) -> String {
    code_at(secret, server.services().clock.now() + TimeDelta::seconds(30) * steps)
}

/// The code that an app shows at a moment.
pub fn code_at(secret: &str, at: DateTime<Utc>) -> String {
    let secret = Secret::try_from_base32(secret).expect("a secret");
    let totp = Builder::new().with_secret(secret).with_account_name("x").build().expect("an app");
    totp.generate(at.timestamp().unsigned_abs()).to_string()
}

/// Begins a second factor, and says its secret.
pub async fn enrol(server: &TestServer, person: &Person) -> String {
    let told = server.ask(person, "POST", "/api/admin/totp", None).await.expect(200);
    told["secret"].as_str().expect("a secret").to_owned()
}

/// Shows the second factor.
pub async fn step_up(server: &TestServer, person: &Person, code: &str) -> u16 {
    server.ask(person, "POST", "/api/admin/step-up", Some(&json!({ "code": code }))).await.status
}

/// A super admin who has just shown the second factor.
pub async fn super_admin(server: &TestServer, name: &str) -> Person {
    let person = server.person(name).await;
    let person = grant(server, &person, Role::SuperAdmin, None).await;
    let secret = enrol(server, &person).await;
    assert_eq!(step_up(server, &person, &code(server, &secret, 0)).await, 200);
    person
}
