//! A browser without a page: cookies, the CSRF token, and an `Origin` as a browser would send it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Once;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::Value;

use super::client::PATIENCE;

static TLS: Once = Once::new();

/// reqwest is built without a TLS provider of its own, so the tests' first client names one.
pub fn ready_tls() {
    TLS.call_once(|| {
        let _another_test_was_first = rustls::crypto::ring::default_provider().install_default();
    });
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("the body is not JSON ({error}): {} {}", self.status, self.body))
    }

    /// The body, when the status is as expected.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "the answer was {}", self.body);
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
}

/// One browser's worth of cookies.
pub struct Http {
    client: Client,
    pub base: String,
    pub cookies: BTreeMap<String, String>,
    csrf: Option<String>,
}

impl Http {
    pub fn new(at: SocketAddr) -> Self {
        ready_tls();
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .expect("an HTTP client");
        Self { client, base: format!("http://{at}"), cookies: BTreeMap::new(), csrf: None }
    }

    /// The `cookie` header this browser sends.
    pub fn cookie(&self) -> Option<String> {
        (!self.cookies.is_empty())
            .then(|| self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; "))
    }

    /// One request as told, nothing added but cookies and origin.
    pub async fn plain(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).header("origin", &self.base);
        if let Some(cookie) = self.cookie() {
            request = request.header("cookie", cookie);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request = request.header("content-type", "application/json");
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        for set in response.headers().get_all("set-cookie") {
            let set = set.to_str().expect("a cookie in ASCII");
            let (name, value) = set.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if value.is_empty() || set.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.expect("a body in UTF-8") }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.plain(Method::GET, path, &[], None).await
    }

    /// Does what the page does: fetches a CSRF token when it has none, and sends it along.
    pub async fn unsafe_request(&mut self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let token = match self.csrf.clone() {
            Some(token) => token,
            None => {
                let token =
                    self.get("/api/csrf-token").await.expect(200)["token"].as_str().expect("a token").to_owned();
                self.csrf = Some(token.clone());
                token
            }
        };
        self.plain(method, path, &[("x-csrf-token", &token)], body).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.unsafe_request(Method::POST, path, Some(body)).await
    }

    /// Forgets the CSRF token: it is bound to the session, so signing in or out needs a new one.
    pub fn forget_csrf(&mut self) {
        self.csrf = None;
    }
}
