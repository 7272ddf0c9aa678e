//! The outbox and its worker, against a store and a server that speaks just enough SMTP.

mod unread;

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::clock::Clock;
use crate::store::testing::TestStore;
use crate::store::{Here, Lane, Store};
use crate::supervise::Supervisor;

/// As long as a real one: lines of more than 76 characters are where mail programs begin to encode.
const TOKEN: &str = "0123456789012345678901234567890123456789-_A";

struct Office {
    held: TestStore,
    post: Post,
    clock: Clock,
    /// Who has a window open.
    windows: Arc<Mutex<HashSet<UserId>>>,
}

fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

impl Office {
    async fn open(smtp_url: Option<String>) -> Self {
        let held = TestStore::with(|config| {
            config.smtp_url = smtp_url.map(SecretString::from);
            config.mail_from = "Domu <post@domu.example>".into();
        })
        .await;
        Self::of(held, Clock::manual(noon()))
    }

    fn of(held: TestStore, clock: Clock) -> Self {
        let post = Post::new(Seal::new(&held.config.data_key).unwrap());
        Self { held, post, clock, windows: Arc::default() }
    }

    fn here(&self) -> Here {
        let windows = Arc::clone(&self.windows);
        Arc::new(move |user| windows.lock().unwrap().contains(&user))
    }

    fn store(&self) -> &Store {
        &self.held.store
    }

    fn worker(&self) -> MailWorker {
        let parts = WorkerParts {
            store: self.store().clone(),
            post: self.post.clone(),
            clock: self.clock.clone(),
            here: self.here(),
            limits: Arc::new(self.held.config.limits.clone()),
            base_url: Some("https://domu.example".into()),
        };
        MailWorker::new(&self.held.config, parts).unwrap()
    }

    async fn add(&self, recipient: &str) -> MailId {
        let letter =
            Letter::ConfirmEmail { code: "012345".into(), token: TOKEN.into(), code_minutes: 10, link_hours: 24 };
        let mail = self.post.write(recipient, Locale::Nl, letter).unwrap();
        let (id, now) = (mail.id, self.clock.now());
        self.store().write(Lane::Small, move |tx| Box::pin(async move { tx.add_mail(mail, now).await })).await.unwrap();
        self.post.wake();
        id
    }

    fn file(&self, id: MailId) -> std::path::PathBuf {
        self.held.config.data_dir.join("mail").join(format!("{id}.eml"))
    }

    /// Attempts, whether sent, the error, and the parameters of the one mail.
    async fn row(&self) -> (u32, bool, Option<String>, Value) {
        self.store().only_mail().await
    }
}

#[tokio::test]
async fn without_a_server_a_mail_becomes_a_private_file() {
    let office = Office::open(None).await;
    let id = office.add("isa@student.uva.nl").await;
    assert!(!office.row().await.3.to_string().contains("012345"), "what waits is sealed");
    assert_eq!(office.worker().batch().await.unwrap(), 1);
    let file = office.file(id);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("To: isa@student.uva.nl\r\n"), "{text}");
    assert!(text.contains(&format!("Message-ID: <{id}@domu.example>\r\n")), "{text}");
    assert!(text.contains("Auto-Submitted: auto-generated\r\n"), "{text}");
    assert!(text.lines().any(|line| line == "012345"), "{text}");
    assert!(text.lines().any(|line| line == format!("https://domu.example/confirm#token={TOKEN}")), "{text}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let (attempts, sent, error, params) = office.row().await;
    assert_eq!((attempts, sent, error, params), (1, true, None, json!({})), "what was sent is forgotten");
    assert_eq!(office.worker().batch().await.unwrap(), 0);
}

#[tokio::test]
async fn a_mail_that_fails_is_tried_again_later_and_given_up_in_the_end() {
    // A port that was just free: connections are refused.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let office = Office::open(Some(format!("smtp://127.0.0.1:{port}"))).await;
    office.add("isa@student.uva.nl").await;
    let worker = office.worker();
    for (attempt, minutes) in [(1, 1), (2, 5), (3, 30), (4, 120), (5, 360), (6, 360), (7, 360)] {
        assert_eq!(worker.batch().await.unwrap(), 1, "attempt {attempt}");
        let (attempts, sent, error, _) = office.row().await;
        assert_eq!((attempts, sent, error.as_deref()), (attempt, false, Some("smtp: no connection")));
        office.clock.advance(TimeDelta::minutes(minutes) - TimeDelta::milliseconds(1));
        assert_eq!(worker.batch().await.unwrap(), 0, "not before its time");
        office.clock.advance(TimeDelta::milliseconds(1));
    }
    assert_eq!(worker.batch().await.unwrap(), 1, "the eighth and last");
    office.clock.advance(TimeDelta::days(400));
    assert_eq!(worker.batch().await.unwrap(), 0, "dead");
    assert_eq!(office.store().next_mail_at().await.unwrap(), None);
}

#[tokio::test]
async fn a_crash_during_an_attempt_delays_a_mail_and_loses_nothing() {
    let office = Office::open(None).await;
    let id = office.add("isa@student.uva.nl").await;
    // Claimed, and then nothing: as after kill -9.
    let claimed = office.store().claim_mails(office.clock.now(), 10, |_| Some(TimeDelta::seconds(60)), office.here());
    let claimed = claimed.await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(office.worker().batch().await.unwrap(), 0);
    office.clock.advance(TimeDelta::seconds(60));
    assert_eq!(office.worker().batch().await.unwrap(), 1);
    assert!(office.file(id).exists());
}

#[tokio::test]
async fn nothing_a_recipient_can_contain_begins_a_header() {
    let office = Office::open(None).await;
    for recipient in ["a@b.nl\r\nBcc: c@d.nl", "a@b.nl, c@d.nl", "x <a@b.nl>", ""] {
        office.add(recipient).await;
    }
    assert_eq!(office.worker().batch().await.unwrap(), 4);
    assert!(!office.held.config.data_dir.join("mail").exists(), "none was written");
    assert_eq!(office.store().next_mail_at().await.unwrap(), None, "none will be tried again");
}

#[tokio::test]
async fn a_row_added_while_the_worker_sleeps_is_sent_at_once() {
    let office = Office::open(None).await;
    let supervisor = Supervisor::default();
    office.worker().spawn(&supervisor);
    let id = office.add("isa@student.uva.nl").await;
    let file = office.file(id);
    let written = async {
        while !file.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), written).await.expect("well before the next look");
    assert_eq!(supervisor.shut_down(std::time::Duration::from_secs(20)).await, 0);
}

/// A server that answers each command of one mail with the given line after MAIL FROM.
async fn server(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let talk = Supervisor::default().spawn("smtp server", async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut heard = String::new();
        let mut in_data = false;
        write.write_all(b"220 test\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            heard.push_str(&line);
            heard.push('\n');
            let reply = match line.split(' ').next().unwrap_or_default() {
                "." => {
                    in_data = false;
                    "250 stored"
                }
                _ if in_data => continue,
                "EHLO" => "250 test",
                "DATA" => {
                    in_data = true;
                    "354 go on"
                }
                "QUIT" => "221 bye",
                "RCPT" => answer,
                _ => "250 ok",
            };
            if write.write_all(format!("{reply}\r\n").as_bytes()).await.is_err() {
                break;
            }
        }
        heard
    });
    (url, talk)
}

#[tokio::test]
async fn with_a_server_a_mail_is_handed_over() {
    let (url, talk) = server("250 ok").await;
    let office = Office::open(Some(url)).await;
    let id = office.add("isa@student.uva.nl").await;
    let worker = office.worker();
    assert_eq!(worker.batch().await.unwrap(), 1);
    assert!(office.row().await.1, "sent: {:?}", office.row().await);
    drop(worker);
    let heard = talk.await.unwrap();
    assert!(heard.contains("MAIL FROM:<post@domu.example>"), "{heard}");
    assert!(heard.contains("RCPT TO:<isa@student.uva.nl>"), "{heard}");
    assert!(heard.contains(&format!("Message-ID: <{id}@domu.example>")), "{heard}");
}

#[tokio::test]
async fn a_recipient_that_the_server_does_not_know_is_given_up_at_once() {
    let (url, _talk) = server("550 no such person isa@student.uva.nl").await;
    let office = Office::open(Some(url)).await;
    office.add("isa@student.uva.nl").await;
    assert_eq!(office.worker().batch().await.unwrap(), 1);
    let (attempts, sent, error, params) = office.row().await;
    assert_eq!((attempts, sent, error.as_deref()), (1, false, Some("smtp: refused (550)")), "and says no address");
    assert_eq!(params, json!({}));
    assert_eq!(office.store().next_mail_at().await.unwrap(), None);
}

/// A server that did not answer held up every stop until its patience was over, and the store was closed under the worker.
#[tokio::test]
async fn a_server_that_does_not_answer_does_not_hold_up_the_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let office = Office::open(Some(format!("smtp://{}", listener.local_addr().unwrap()))).await;
    for n in 0..40 {
        office.add(&format!("p{n}@uva.nl")).await;
    }
    let supervisor = Supervisor::default();
    office.worker().spawn(&supervisor);
    let (_silent, _) = listener.accept().await.unwrap();
    supervisor.stopping().cancel();
    let stopped = async {
        while supervisor.alive() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), stopped).await.expect("at once, not after a minute");
    assert!(office.held.store.all_mails().await.len() == 40, "nothing is lost");
}
