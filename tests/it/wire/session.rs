//! A socket outlives its session: another one of the same person takes its place.

use std::time::Duration;

use chrono::TimeDelta;
use domu::clock::Clock;
use serde_json::json;

use crate::support::on_both;
use crate::support::server::TestServer;

on_both!(a_refreshed_socket_belongs_to_the_new_session, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let (before, after) = (server.known("Anna"), server.sign_in_again("Anna").await);
    let error = anna.refused("refresh", None, json!({"token": server.known("Bram").token}), 40300).await;
    assert_eq!(error["name"], "forbidden");
    anna.refused("refresh", None, json!({"token": "niets"}), 40100).await;
    anna.refused("refresh", None, json!({}), 40000).await;
    anna.send(&chat, "nog steeds ik").await;
    bram.expect_text("nog steeds ik").await;
    let refreshed = anna.ask("refresh", None, json!({"token": after.token})).await;
    assert!(refreshed["expires_at"].is_u64() && refreshed["session"].is_string(), "{refreshed}");
    // The end of the former session is nothing to this socket any more ...
    server.end_other_sessions(&after).await;
    server.ask(&before, "GET", "/api/me", None).await.expect(401);
    anna.send(&chat, "en ik ben er nog").await;
    bram.expect_text("en ik ben er nog").await;
    // ... and the end of the new one is its end.
    server.ask(&after, "POST", "/api/auth/sign-out", Some(&json!({}))).await.expect(204);
    anna.expect_close(4002).await;
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_told_in_time_and_stays() {
    let server = TestServer::with_clock(Clock::manual(chrono::Utc::now()), |config| {
        config.limits.ping_interval = Duration::from_millis(600);
        config.limits.pong_timeout = Duration::from_millis(300);
    })
    .await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    server.advance(TimeDelta::days(30) - TimeDelta::minutes(4));
    let told = anna.expect("token.expiring").await;
    let fresh = server.sign_in_again("Anna").await;
    let refreshed = anna.ask("refresh", None, json!({"token": fresh.token})).await;
    assert!(refreshed["expires_at"].as_u64() > told["d"]["expires_at"].as_u64(), "{refreshed} after {told}");
    server.advance(TimeDelta::minutes(5));
    bram.expect_close(4204).await;
    anna.send(&chat, "ik bleef").await;
    anna.refute("token.expiring").await;
}
