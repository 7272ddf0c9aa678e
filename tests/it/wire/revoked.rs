//! Who may no longer be here is gone within a second, on every socket, and does not come back by resuming.

use std::time::{Duration, Instant};

use domu::clock::Clock;
use serde_json::json;
use uuid::Uuid;

use super::bystander::Bystander;
use crate::support::client::{Ack, Client, Door};
use crate::support::on_both;
use crate::support::server::TestServer;

/// The bar of the yardsticks: cut or refused within a second.
const BAR: Duration = Duration::from_secs(1);

async fn refused_with(server: &TestServer, token: &str, position: serde_json::Value, close: u16) {
    let mut client = Client::knock("refused", server.address, &Door::default()).await.expect("an upgrade");
    client.begin("connect", None, json!({"v": 1, "token": token, "resume": position})).await;
    client.expect_close(close).await;
}

on_both!(a_suspended_person_is_cut_and_cannot_resume, |server: TestServer| async move {
    let mut bystander = Bystander::in_conversation(&server).await;
    let (mut phone, mut bram, chat) = server.pair("Anna", "Bram").await;
    let anna = server.known("Anna");
    let mut laptop = server.connect(&anna).await;
    let position = phone.mirror.position();
    let began = Instant::now();
    server.suspend(&anna).await;
    phone.expect_close(4003).await;
    laptop.expect_close(4003).await;
    let took = began.elapsed();
    println!("cut after {took:?}");
    assert!(took < BAR, "{took:?}");
    refused_with(&server, &anna.token, position, 4003).await;
    bystander.undisturbed().await;
    // Set free, she signs in anew, and finds everything that was said meanwhile.
    bram.send(&chat, "waar ben je?").await;
    server.activate(&anna).await;
    let anna = server.sign_in_again("Anna").await;
    let mut back = server.connect(&anna).await;
    assert_eq!(back.chat(&chat).texts(), ["waar ben je?"]);
    back.send(&chat, "hier weer").await;
    bram.expect_text("hier weer").await;
});

on_both!(a_session_that_is_ended_elsewhere_takes_its_sockets_along, |server: TestServer| async move {
    let (mut phone, mut bram, chat) = server.pair("Anna", "Bram").await;
    let anna = server.known("Anna");
    let other_session = server.sign_in_again("Anna").await;
    let mut laptop = server.connect(&other_session).await;
    let position = laptop.mirror.position();
    // From the phone's session, over HTTP, as the page of devices does it.
    let began = Instant::now();
    server.end_other_sessions(&anna).await;
    laptop.expect_close(4002).await;
    let took = began.elapsed();
    assert!(took < BAR, "{took:?}");
    refused_with(&server, &other_session.token, position, 4001).await;
    phone.send(&chat, "deze telefoon blijft").await;
    bram.expect_text("deze telefoon blijft").await;
});

on_both!(signing_out_closes_the_sockets_of_that_browser, |server: TestServer| async move {
    server.person("Anna").await;
    let mut browser = server.browser("Anna").await;
    let door = Door { origin: Some(browser.base.clone()), cookie: browser.cookie(), ..Door::default() };
    let mut tab = Client::knock("tab", server.address, &door).await.expect("an upgrade");
    tab.connect(None).await;
    let mut other_tab = Client::knock("other tab", server.address, &door).await.expect("an upgrade");
    other_tab.connect(None).await;
    let position = tab.mirror.position();
    browser.post("/api/auth/sign-out", &json!({})).await.expect(204);
    tab.expect_close(4002).await;
    other_tab.expect_close(4002).await;
    let mut stale = Client::knock("stale", server.address, &door).await.expect("an upgrade");
    stale.begin("connect", None, json!({"v": 1, "resume": position})).await;
    stale.expect_close(4001).await;
});

/// A message on its way when its sender is cut is either stored and visible to all, or not there; never half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_revoked_in_the_middle_of_a_message() {
    let server = TestServer::start().await;
    let mut bystander = Bystander::in_conversation(&server).await;
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Anna");
    let held = server.hold_writer().await;
    let cid = Uuid::new_v4().to_string();
    anna.begin_publish(&chat, &cid, "net op tijd?").await;
    // Both wait for the database now; which of them is first is the server's to say.
    let suspended = server.suspend(&person);
    tokio::pin!(suspended);
    let _not_yet = tokio::time::timeout(Duration::from_millis(100), &mut suspended).await;
    held.release().await;
    suspended.await;
    anna.expect_close(4003).await;
    server.activate(&person).await;
    let again = server.sign_in_again("Anna").await;
    let mut back = server.connect(&again).await;
    let stored = back.chat(&chat).texts().len();
    assert!(stored <= 1);
    // Repeating it gives the same one message, whether or not it was stored the first time.
    let ack: Ack = back.publish(&chat, &cid, "net op tijd?").await;
    assert_eq!(ack.dup, stored == 1);
    bram.reach(&chat, ack.seq).await;
    assert_eq!(bram.chat(&chat).texts(), ["net op tijd?"]);
    bystander.undisturbed().await;
}

on_both!(who_is_not_verified_reads_but_does_not_write, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    server.sql("UPDATE users SET identity_verified_at = NULL WHERE email_normalized LIKE 'anna%'").await;
    anna.refused("publish", Some(&format!("chat:{chat}")), json!({"cid": Uuid::new_v4(), "text": "mag ik?"}), 40305)
        .await;
    bram.send(&chat, "lees je mee?").await;
    anna.expect_text("lees je mee?").await;
    bram.refute("message").await;
});

/// The wall clock runs on: a session past its end is let go within a heartbeat, and its token opens nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_time_is_over() {
    let clock = Clock::manual(chrono::Utc::now());
    let server = TestServer::with_clock(clock, |config| {
        config.limits.ping_interval = Duration::from_millis(600);
        config.limits.pong_timeout = Duration::from_millis(300);
    })
    .await;
    let (mut anna, _bram, chat) = server.pair("Anna", "Bram").await;
    let person = server.known("Anna");
    anna.send(&chat, "tot over een maand").await;
    let position = anna.mirror.position();
    server.advance(chrono::TimeDelta::days(31));
    anna.expect_close(4204).await;
    let mut late = Client::knock("late", server.address, &Door::default()).await.expect("an upgrade");
    let reply = late.request("connect", None, json!({"v": 1, "token": person.token, "resume": position})).await;
    assert!(reply["err"]["code"] == 40101 || reply["err"]["code"] == 40100, "{reply}");
    let again = server.sign_in_again("Anna").await;
    assert_eq!(server.connect(&again).await.chat(&chat).texts(), ["tot over een maand"]);
}
