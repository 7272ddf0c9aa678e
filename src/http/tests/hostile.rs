//! What strangers send: half requests, contradictions, giants, floods. Each ends safely and nobody else notices.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Answer, Duration, TestServer, read_all};

/// A stranger's doing never keeps others waiting; the bound is generous because machines are busy.
async fn others_are_served(server: &TestServer) {
    let started = Instant::now();
    assert_eq!(server.ask("GET", "/api/health", &[], "").await.status, 200);
    assert!(started.elapsed() < Duration::from_secs(5), "took {:?}", started.elapsed());
}

#[tokio::test]
async fn slow_heads_are_closed_in_time() {
    let server = TestServer::start().await;
    for start in ["", "G", "GET /api/he", "GET /api/health HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let started = Instant::now();
        stream.write_all(start.as_bytes()).await.unwrap();
        // A byte now and then does not buy more time.
        let (mut reading, mut writing) = stream.into_split();
        let drip = async {
            while !start.is_empty() && writing.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            std::future::pending::<()>().await;
        };
        let closed = async {
            let mut byte = [0_u8; 1024];
            while let Ok(1..) = tokio::io::AsyncReadExt::read(&mut reading, &mut byte).await {}
        };
        tokio::select! { () = drip => {}, () = closed => {} }
        let took = started.elapsed();
        assert!(took > Duration::from_millis(400) && took < Duration::from_secs(15), "{start:?} took {took:?}");
        others_are_served(&server).await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_answer() {
    let server = TestServer::start().await;
    let text = server.raw(format!("GET /api/health HTTP/1.1\r\nhost: {}\r\n\r\n", server.address)).await;
    assert_eq!(Answer::parse(&text).status, 200, "answered, then closed by the same timer");
}

#[tokio::test]
async fn a_head_is_bounded_to_the_byte() {
    let server = TestServer::start().await;
    let most = server.config.limits.head_bytes_max;
    let head = |bytes: usize| {
        let start = format!("GET /api/health HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nx-a: ", server.address);
        let rest = bytes - start.len() - 4;
        format!("{start}{}\r\n\r\n", "x".repeat(rest))
    };
    for (bytes, status) in [(most, 200), (most + 1, 431), (40 * 1024, 431)] {
        assert_eq!(Answer::parse(&server.raw(head(bytes)).await).status, status, "{bytes}");
    }
}

#[tokio::test]
async fn contradictions_in_framing_are_refused() {
    let server = TestServer::start().await;
    let host = server.address;
    for (what, head) in [
        ("length and chunked", "content-length: 2\r\ntransfer-encoding: chunked\r\n"),
        ("two lengths", "content-length: 2\r\ncontent-length: 3\r\n"),
        ("signed length", "content-length: +2\r\n"),
        ("hex length", "content-length: 0x2\r\n"),
        ("unknown coding", "transfer-encoding: gzip\r\n"),
        ("chunked twice", "transfer-encoding: chunked, identity\r\n"),
        ("folded header", "x-a: b\r\n c\r\n"),
        ("space before colon", "x-a : b\r\n"),
        ("nul", "x-a: b\0c\r\n"),
        ("negative", "content-length: -1\r\n"),
        ("huge", "content-length: 99999999999999999999999\r\n"),
    ] {
        let text = server.raw(format!("POST /api/auth/token HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n{head}\r\n{{}}")).await;
        let status = Answer::parse(&text).status;
        assert!(matches!(status, 400 | 413), "{what}: {text}");
        others_are_served(&server).await;
    }
}

#[tokio::test]
async fn only_one_known_host_is_answered() {
    let server = TestServer::start().await;
    let host = server.address;
    for (what, request, expected) in [
        ("none", "GET / HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(), 400),
        ("two", format!("GET / HTTP/1.1\r\nconnection: close\r\nhost: {host}\r\nhost: {host}\r\n\r\n"), 400),
        ("absolute form", format!("GET http://{host}/ HTTP/1.1\r\nconnection: close\r\nhost: {host}\r\n\r\n"), 400),
        ("authority form", format!("CONNECT {host} HTTP/1.1\r\nconnection: close\r\nhost: {host}\r\n\r\n"), 400),
        ("foreign", "GET / HTTP/1.1\r\nconnection: close\r\nhost: evil.nl\r\n\r\n".to_owned(), 421),
        ("10 KB", format!("GET / HTTP/1.1\r\nconnection: close\r\nhost: {}\r\n\r\n", "a".repeat(10_000)), 400),
        ("old version without host", "GET / HTTP/1.0\r\n\r\n".to_owned(), 400),
    ] {
        let answer = Answer::parse(&server.raw(request).await);
        assert_eq!(answer.status, expected, "{what}: {answer:?}");
        answer.check_headers();
        assert!(!answer.headers["content-security-policy"].to_str().unwrap().contains("evil"));
    }
}

#[tokio::test]
async fn giants_are_refused() {
    let server = TestServer::start_with(|config| config.limits.body_bytes_max = 1000).await;
    let host = server.address;
    let long_header =
        format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nx-a: {}\r\n\r\n", "a".repeat(100_000));
    assert_eq!(Answer::parse(&server.raw(long_header).await).status, 431);
    let many_headers =
        format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{}\r\n", "x-a: b\r\n".repeat(500));
    assert_eq!(Answer::parse(&server.raw(many_headers).await).status, 431);
    let long_path =
        server.raw(format!("GET /{} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n", "a".repeat(70_000))).await;
    assert!(matches!(Answer::parse(&long_path).status, 414 | 431), "{long_path}");
    let said = server.ask("POST", "/api/auth/token", &[("content-type", "application/json")], &"x".repeat(1001)).await;
    assert_eq!((said.status, said.name().as_str()), (413, "too_large"));
    said.check_headers();
    let chunk = format!("{:x}\r\n{}\r\n", 600, "x".repeat(600));
    let text = server
        .raw(format!("POST /api/auth/token HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"))
        .await;
    assert_eq!(Answer::parse(&text).status, 413, "{text}");
    others_are_served(&server).await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let server = TestServer::start().await;
    let text = server
        .raw(format!("POST /api/auth/token HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{", server.address))
        .await;
    assert_eq!(Answer::parse(&text).status, 400, "{text}");
    others_are_served(&server).await;
}

#[tokio::test]
async fn a_body_where_none_belongs_is_refused() {
    let server = TestServer::start().await;
    let answer = server.ask("GET", "/api/health", &[], "{}").await;
    assert_eq!((answer.status, answer.name().as_str()), (400, "bad_request"));
}

#[tokio::test]
async fn paths_out_of_the_house_lead_nowhere() {
    let server = TestServer::start().await;
    for path in [
        "/static/../Cargo.toml",
        "/static/..%2fCargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "/static/..\\Cargo.toml",
        "/static/%00",
        "/static/app.js%00",
        "/static/.git/config",
        "/static/.env",
        "/static/~",
        "/static/",
        "/static",
        "/static//etc/passwd",
        "/static/domu.sqlite",
        "/../etc/passwd",
        "/.git/HEAD",
        "/.env",
        "/api/..",
        "/api/",
        "/api",
        "/ws/",
        "/%77s",
        "/ws/.",
        "//",
        "/metrics/",
        "/demo/",
        "/debug",
        "/openapi.json",
        "/api/me/../me",
    ] {
        let answer = server.ask("GET", path, &[], "").await;
        if path.starts_with("/static/") && answer.status == 200 {
            continue; // The test router answers every file; what is a file is the assets' own test.
        }
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        answer.check_headers();
        let page = !["/static", "/api", "/ws", "/metrics", "/demo"].iter().any(|prefix| path.starts_with(prefix));
        let kind = if page { "text/html; charset=utf-8" } else { "application/problem+json" };
        assert_eq!(answer.headers["content-type"], kind, "{path}");
    }
}

#[tokio::test]
async fn a_panic_is_one_neutral_answer() {
    let server = TestServer::start().await;
    for path in ["/api/health/live", "/chats"] {
        let answer = server.ask("GET", path, &[], "").await;
        assert_eq!((answer.status, answer.name().as_str()), (500, "internal"));
        assert!(!answer.body.contains("planted") && !answer.body.contains("hunter2"));
        answer.check_headers();
    }
    others_are_served(&server).await;
}

#[tokio::test]
async fn what_takes_too_long_is_given_up() {
    let server = TestServer::start().await;
    let answer = server.ask("GET", "/api/health/ready", &[], "").await;
    assert_eq!((answer.status, answer.name().as_str()), (503, "unavailable"));
    assert_eq!(answer.headers["retry-after"], "1");
    answer.check_headers();
}

#[tokio::test]
async fn library_texts_become_problems() {
    let server = TestServer::start().await;
    let answer = server.ask("GET", "/confirm", &[], "").await;
    assert_eq!((answer.status, answer.name().as_str()), (400, "bad_request"));
    answer.check_headers();
}

#[tokio::test]
async fn the_request_id_is_ours() {
    let server = TestServer::start().await;
    let answer = server.ask("GET", "/api/health", &[("x-request-id", "chosen")], "").await;
    let id = answer.headers["x-request-id"].to_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
    assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
}

#[tokio::test]
async fn large_answers_are_compressed_when_asked() {
    let server = TestServer::start().await;
    let encoding = |accept: &'static str| {
        let server = &server;
        async move {
            let answer = server
                .ask("GET", "/api/sessions", &[("accept-encoding", accept), ("authorization", "Bearer live-1")], "")
                .await;
            assert_eq!(answer.status, 200);
            answer.headers.get("content-encoding").map(|value| value.to_str().unwrap().to_owned())
        }
    };
    assert_eq!(encoding("gzip").await.as_deref(), Some("gzip"));
    assert_eq!(encoding("br, gzip").await.as_deref(), Some("br"));
    assert_eq!(encoding("identity").await, None);
    assert_eq!(
        server.ask("GET", "/api/health", &[("accept-encoding", "gzip")], "").await.headers.get("content-encoding"),
        None
    );
}

#[tokio::test]
async fn addresses_and_agents_are_taken_with_care() {
    let server = TestServer::start().await;
    let agent = format!("\u{1b}[31mx{}", "y".repeat(500));
    let answer = server
        .ask(
            "GET",
            "/api/health",
            &[("x-forwarded-for", "6.6.6.6"), ("user-agent", &agent.replace('\u{1b}', "\t"))],
            "",
        )
        .await;
    assert_eq!(answer.json()["address"], "127.0.0.1");
    assert_eq!(answer.json()["agent"].as_str().unwrap().len(), 200);

    let server = TestServer::start_with(|config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    let answer = server.ask("GET", "/api/health", &[("x-forwarded-for", "6.6.6.6, 203.0.113.9")], "").await;
    assert_eq!(answer.json()["address"], "203.0.113.9");
}

#[tokio::test]
async fn beyond_the_cap_clients_are_told_and_others_served() {
    let server = TestServer::start_with(|config| {
        config.limits.connections_max = 3;
        config.limits.header_timeout = Duration::from_secs(60);
    })
    .await;
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    let held = [TcpStream::connect(server.address).await.unwrap(), TcpStream::connect(server.address).await.unwrap()];
    kept.write_all(format!("GET /api/health HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).as_bytes()).await.unwrap();
    let mut first = [0_u8; 12];
    tokio::io::AsyncReadExt::read_exact(&mut kept, &mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    let told = Answer::parse(&server.raw("GET / HTTP/1.1\r\n\r\n").await);
    assert_eq!((told.status, told.name().as_str()), (503, "overloaded"));
    let mut flood = Vec::new();
    for _ in 0..1000 {
        flood.push(TcpStream::connect(server.address).await.unwrap());
    }
    // Whoever has a place keeps being served during the flood.
    kept.write_all(
        format!("GET /api/health HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", server.address).as_bytes(),
    )
    .await
    .unwrap();
    assert!(read_all(&mut kept).await.contains("HTTP/1.1 200"));
    drop((flood, held));
    let deadline = Instant::now() + super::PATIENCE;
    while server.ask("GET", "/api/health", &[], "").await.status != 200 {
        assert!(Instant::now() < deadline, "places come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_finishes_requests() {
    let server = TestServer::start_with(|config| config.limits.header_timeout = Duration::from_secs(60)).await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(format!("GET /api/health HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).as_bytes()).await.unwrap();
    let mut first = [0_u8; 12];
    tokio::io::AsyncReadExt::read_exact(&mut idle, &mut first).await.unwrap();
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    busy.write_all(format!("GET /api/health/ready HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).as_bytes())
        .await
        .unwrap();
    while server.stuck.load(std::sync::atomic::Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let left = server.supervisor.shut_down(super::PATIENCE).await;
    assert_eq!(left, 0);
    assert!(read_all(&mut busy).await.contains("HTTP/1.1 503"), "the request in progress had its answer");
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}
