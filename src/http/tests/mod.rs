//! The HTTP door on real sockets, with a router that answers everything the gate lets through.

mod account;
mod flow;
mod hostile;
mod walk;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use warp::Filter;

use super::reply::Reply;
use super::{assets, edge, gate, listener, problem};
use crate::accounts::Principal;
use crate::admin::{Actor, Role, Via};
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::doors::tests_config::config;
use crate::error::Error;
use crate::ids::{SessionId, UserId, new_id};
use crate::protocol::codes::Code;
use crate::ratelimit::RateLimits;
use crate::supervise::Supervisor;

/// How long a test waits for what must come; generous, because machines are busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server whose routes all answer `{"ok":true}`, with sessions named `live-...`.
pub struct TestServer {
    pub address: SocketAddr,
    pub config: Arc<Config>,
    pub supervisor: Supervisor,
    /// Requests that are waiting in the route that never answers.
    pub stuck: Arc<AtomicUsize>,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits {
            header_timeout: Duration::from_millis(600),
            request_timeout: Duration::from_secs(2),
            ..Limits::default()
        };
        let mut config = Config { listen: address, demo: true, limits, ..config() };
        change(&mut config);
        let config = Arc::new(config);
        let supervisor = Supervisor::default();
        let authenticate: gate::Authenticate = Arc::new(|token: SecretString| {
            let live = token.expose_secret().starts_with("live-");
            let principal = Principal {
                user: UserId(new_id()),
                session: SessionId(new_id()),
                expires_at: chrono::DateTime::default(),
                first_name: "Isa".to_owned(),
                email_confirmed: true,
                verified: true,
            };
            async move { if live { Ok(principal) } else { Err(Error::new(Code::Unauthorized, "Sign in first.")) } }
                .boxed()
        });
        let known = Arc::clone(&authenticate);
        let identify: gate::Identify = Arc::new(move |asked, _permission| {
            let known = Arc::clone(&known);
            async move {
                let principal = known(asked.token).await?;
                let via = Via::Session(principal.session);
                let actor = Actor { user: Some(principal.user), role: Some(Role::SuperAdmin), via, ..Actor::system() };
                Ok((actor, Some(principal)))
            }
            .boxed()
        });
        let stuck = Arc::new(AtomicUsize::new(0));
        let service = edge::stack(
            Arc::clone(&config),
            gate::Front::new(
                Arc::clone(&config),
                Arc::new(RateLimits::new(&config.limits, Clock::System)),
                gate::Ask { authenticate, identify },
                Arc::new(assets::Assets::default()),
                router(Arc::clone(&stuck)),
            ),
        );

        let (limits, tasks) = (config.limits.clone(), supervisor.clone());
        supervisor
            .spawn("test-http", async move { listener::accept_loop(listener, (&limits, &[]), tasks, service).await });
        Self { address, config, supervisor, stuck }
    }

    /// Sends bytes as they are and reads what comes until the server closes.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        raw(self.address, bytes).await
    }

    /// One request on a connection of its own.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(self.address, method, path, headers, body).await
    }

    pub fn csrf(&self, subject: &crate::doors::CsrfSubject) -> String {
        crate::doors::make_csrf_token(&self.config.csrf_secret, subject).unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.supervisor.stopping().cancel();
    }
}

fn router(stuck: Arc<AtomicUsize>) -> warp::filters::BoxedFilter<(warp::reply::Response,)> {
    let panics = warp::path!("api" / "health" / "live").map(|| -> warp::reply::Response { panic!("planted") });
    let slow = warp::path!("api" / "health" / "ready").then(move || {
        stuck.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<warp::reply::Response>()
    });
    let large = warp::path!("api" / "sessions")
        .and(warp::get())
        .map(|| Reply::json(&"x".repeat(50_000)).unwrap().into_response());
    let tiny = warp::path!("metrics").map(|| warp::reply::Response::new("secret=1".into()));
    let plain = warp::path!("confirm").map(|| {
        let mut response = warp::reply::Response::new("library text".into());
        *response.status_mut() = StatusCode::FORBIDDEN;
        response
    });
    let whoami = warp::path!("api" / "health").and(warp::ext::get::<gate::Visitor>()).map(|visitor: gate::Visitor| {
        Reply::json(&serde_json::json!({ "address": visitor.address, "agent": visitor.user_agent }))
            .unwrap()
            .into_response()
    });
    let fails = warp::path!("chats").map(|| problem::refuse(Error::internal(anyhow::anyhow!("hunter2"))));
    let rest = warp::any().map(|| Reply::json(&serde_json::json!({ "ok": true })).unwrap().into_response());
    panics
        .or(slow)
        .unify()
        .or(large)
        .unify()
        .or(tiny)
        .unify()
        .or(plain)
        .unify()
        .or(whoami)
        .unify()
        .or(fails)
        .unify()
        .or(rest)
        .unify()
        .boxed()
}

/// Sends bytes as they are and reads what comes until the server closes.
pub async fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    read_all(&mut stream).await
}

/// One request on a connection of its own.
pub async fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&[name, ": ", value, "\r\n"].concat());
    }
    if !body.is_empty() {
        text.push_str(&["content-length: ", &body.len().to_string(), "\r\n"].concat());
    }
    text.push_str("\r\n");
    text.push_str(body);
    Answer::parse(&raw(address, text).await)
}

/// Reads until the server closes; a reset ends the text too.
pub async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0_u8; 4096];
    let read = async {
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            bytes.extend_from_slice(&chunk[..count]);
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A parsed answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.split("\r\n");
        let status =
            lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            headers.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        Self { status, headers, body: body.to_owned() }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub fn name(&self) -> String {
        self.json()["name"].as_str().unwrap_or_default().to_owned()
    }

    /// Every answer has these, whatever it is.
    pub fn check_headers(&self) {
        for name in [
            "content-security-policy",
            "x-content-type-options",
            "referrer-policy",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
            "cache-control",
            "x-request-id",
            "x-frame-options",
        ] {
            assert!(self.headers.contains_key(name), "{name} is missing: {self:?}");
        }
        for name in ["server", "x-powered-by", "access-control-allow-origin", "access-control-allow-credentials"] {
            assert!(!self.headers.contains_key(name), "{name} is there: {self:?}");
        }
        if self.status >= 400 && self.headers.get("content-type").is_some_and(|kind| kind != "text/html; charset=utf-8")
        {
            assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        }
        if self.headers.get("content-type").is_some_and(|kind| kind == "application/problem+json")
            && !self.body.is_empty()
        {
            let document = self.json();
            assert_eq!(document["status"], self.status);
            assert_eq!(document["request_id"], self.headers["x-request-id"].to_str().unwrap());
        }
    }
}
