//! People, made as people make themselves: by the sign-up form, with the code from the mail.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::json;

use super::client::{Client, Door};
use super::http::Http;
use super::mail;

/// The password of everybody in the tests.
pub const PASSWORD: &str = "een lange zin over sleutels";

/// Someone with an account.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub first_name: String,
    pub email: String,
    /// A bearer session, for sockets that are not browsers.
    pub token: String,
}

/// The address of a person of this name; names are unique within a test.
pub fn email_of(name: &str) -> String {
    format!("{}@student.tudelft.nl", name.to_lowercase())
}

/// Signs up and confirms the address with the code from the mail.
pub async fn sign_up(at: SocketAddr, data_dir: &Path, name: &str) {
    let mut http = Http::new(at);
    let email = email_of(name);
    http.post(
        "/api/auth/sign-up",
        &json!({"email": email, "password": PASSWORD, "first_name": name, "last_name": "de Tester", "date_of_birth": "2003-04-05", "accept_terms": true, "locale": "nl"}),
    )
    .await
    .expect(200);
    let code = mail::code_for(data_dir, &email).await;
    http.post("/api/auth/confirm", &json!({"email": email, "code": code, "password": PASSWORD})).await.expect(200);
}

/// Signs in as a program does, and gets a bearer session.
pub async fn sign_in(at: SocketAddr, name: &str) -> Person {
    let mut http = Http::new(at);
    let email = email_of(name);
    let answer = http
        .plain(
            reqwest::Method::POST,
            "/api/auth/token",
            &[],
            Some(&json!({"email": email, "password": PASSWORD, "device": "test"})),
        )
        .await
        .expect(200);
    let token = answer["token"].as_str().expect("a token").to_owned();
    let bearer = format!("Bearer {token}");
    let me = http.plain(reqwest::Method::GET, "/api/me", &[("authorization", &bearer)], None).await.expect(200);
    Person { id: me["id"].as_str().expect("an id").to_owned(), first_name: name.to_owned(), email, token }
}

/// Opens a socket for a person and connects it with the bearer token.
pub async fn connect(at: SocketAddr, person: &Person) -> Client {
    let mut client = Client::knock(&person.first_name, at, &Door::default())
        .await
        .unwrap_or_else(|(status, body)| panic!("the upgrade was refused: {status} {body}"));
    client.connect(Some(&person.token)).await;
    client
}
