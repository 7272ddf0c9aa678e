//! PostgreSQL behind a bad line: an answer to COMMIT that never comes, and a silence without a reset.

use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use crate::support::client::{Client, PATIENCE};
use crate::support::postgres::Shared;
use crate::support::proxy::Proxy;
use crate::support::server::TestServer;

async fn behind() -> (TestServer, Proxy) {
    let url = url::Url::parse(Shared::find().url()).expect("a URL");
    let at = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432));
    let proxy = Proxy::to(at.parse().expect("an address")).await;
    let port = proxy.address.port();
    let server = TestServer::on_with(crate::support::Db::Postgres, |config| {
        let url = secrecy::ExposeSecret::expose_secret(config.database_url.as_ref().expect("a database")).to_owned();
        let mut url = url::Url::parse(&url).expect("a URL");
        url.set_port(Some(port)).expect("a port");
        url.set_host(Some("127.0.0.1")).expect("a host");
        config.database_url = Some(url.to_string().into());
        config.limits.store_timeout = Duration::from_secs(2);
    })
    .await;
    (server, proxy)
}

/// Waits until this client holds the text once: who was not told of what is stored is made to come back, and finds it then.
async fn finds(server: &TestServer, told: &mut Client, name: &str, chat: &str, text: &str) {
    let began = Instant::now();
    loop {
        if told.settled().await.is_err() {
            *told = server.connect(&server.known(name)).await;
        }
        match told.chat(chat).texts().iter().filter(|held| *held == text).count() {
            1 => return,
            0 if began.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
            held => panic!("{name} holds {text} {held} times after {:?}", began.elapsed()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_commit_doubles_and_loses_nothing() {
    let (server, proxy) = behind().await;
    let (mut sanne, mut daan, chat) = server.pair("Sanne", "Daan").await;
    let mut refused = 0;
    for round in 0..5 {
        let text = format!("bericht {round}");
        let cid = Uuid::new_v4().to_string();
        proxy.lose_next_commit();
        let began = Instant::now();
        // Refused for now, or acknowledged: never anything else, and the same message when it is sent again.
        loop {
            let channel = format!("chat:{chat}");
            let reply = sanne.request("publish", Some(&channel), json!({"cid": cid, "text": text})).await;
            if reply.get("ok").is_some() {
                break;
            }
            assert_eq!(reply["err"]["code"], 50300, "{reply}");
            refused += 1;
            assert!(began.elapsed() < PATIENCE, "{reply}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for (told, name) in [(&mut daan, "Daan"), (&mut sanne, "Sanne")] {
            finds(&server, told, name, &chat, &text).await;
        }
        assert_eq!(proxy.lost(), round + 1);
    }
    assert!(refused > 0, "the lost answers were those of messages");
    let page = daan.ask("history", Some(&format!("chat:{chat}")), json!({"after": 0, "limit": 100})).await;
    let texts: Vec<_> = page["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["d"]["text"].as_str())
        .map(str::to_owned)
        .collect();
    assert_eq!(texts, (0..5).map(|round| format!("bericht {round}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_postgres_is_given_up_and_found_again() {
    let (server, proxy) = behind().await;
    let (mut sanne, mut daan, chat) = server.pair("Sanne", "Daan").await;
    sanne.send(&chat, "voor de stilte").await;
    daan.expect_text("voor de stilte").await;
    proxy.fall_silent();
    let cid = Uuid::new_v4().to_string();
    let publish = json!({"cid": cid, "text": "in de stilte"});
    let reply = sanne.request("publish", Some(&format!("chat:{chat}")), publish.clone()).await;
    assert_eq!(reply["err"]["code"], 50300, "{reply}");
    proxy.mend();
    let began = Instant::now();
    loop {
        let reply = sanne.request("publish", Some(&format!("chat:{chat}")), publish.clone()).await;
        if reply.get("ok").is_some() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(15), "{reply}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    daan.expect_text("in de stilte").await;
    daan.settle().await;
    assert_eq!(daan.chat(&chat).texts(), ["voor de stilte", "in de stilte"]);
    // Connections that still hang in the silence keep nobody from stopping.
    let began = Instant::now();
    drop(server);
    assert!(began.elapsed() < Duration::from_secs(20), "stopped after {:?}", began.elapsed());
}
