//! Accounts against a real store, a real committer and a hub, with a clock that stands until it is moved.

mod addresses;
mod joining;
mod leaving;
mod pictures;
mod profile;
mod recovery;
mod signing_in;

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;

use super::model::{Locale, UserType};
use super::*;
use crate::chat::{Deliverer, View};
use crate::mail::{MailWorker, WorkerParts};
use crate::protocol::codes::Close;
use crate::realtime::{Conn, Flusher, Lifetimes, Live, OutboxLimits};
use crate::store::testing::{TestStore, on_each};

const PASSWORD: &str = "hazelnut tram window";
const EMAIL: &str = "isa@student.uva.nl";

/// Everything accounts need, and a person's way to use them.
struct World {
    accounts: Accounts,
    clock: Clock,
    hub: Arc<Hub>,
    limits: Arc<Limits>,
    worker: MailWorker,
    held: TestStore,
}

fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn secret_of(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn home() -> IpAddr {
    [203, 0, 113, 77].into()
}

fn device() -> Device {
    Device { address: home(), user_agent: "Firefox on Linux".into(), browser: None }
}

fn form(email: &str) -> SignUp {
    SignUp {
        email: email.into(),
        password: secret_of(PASSWORD),
        first_name: "Isa".into(),
        last_name: "de Vries".into(),
        date_of_birth: "2004-05-31".into(),
        accept_terms: true,
        locale: Locale::Nl,
        user_type: UserType::Student,
    }
}

/// Runs the same test on every database that is there.
async fn everywhere(test: impl AsyncFn(World)) {
    on_each(async |held| test(World::on(held)).await).await;
}

impl World {
    fn on(held: TestStore) -> Self {
        let limits = held.config.limits.clone();
        Self::with(held, limits)
    }

    fn with(held: TestStore, limits: Limits) -> Self {
        let clock = Clock::manual(noon());
        let limits = Arc::new(limits);
        let supervisor = Supervisor::default();
        let outboxes = OutboxLimits {
            frames_max: limits.outbox_frames_max,
            bytes_max: limits.outbox_bytes_max,
            age_max: limits.outbox_age_max,
        };
        let hub =
            Arc::new(Hub::new(Flusher::new(outboxes, limits.outbox_total_bytes_max), limits.sockets_per_user_max, 100));
        let (to_fanout, fanout) = mpsc::channel(8);
        let stop = supervisor.stopping().clone();
        let (committer, work) = Committer::new(held.store.clone(), to_fanout, Arc::clone(&limits), clock.clone(), stop);
        supervisor.spawn("committer", work);
        let live = Arc::new(Live::new(Arc::clone(&hub), clock.clone(), Lifetimes::of(&limits)));
        let view = View { store: held.store.clone(), limits: Arc::clone(&limits) };
        supervisor.spawn(
            "fan-out",
            Deliverer {
                hub: Arc::clone(&hub),
                live: Arc::clone(&live),
                view,
                behind: Arc::default(),
                touched: Arc::default(),
            }
            .run(fanout),
        );
        let seal = Seal::new(&held.config.data_key).unwrap();
        let post = Post::new(seal.clone());
        let parts = WorkerParts {
            store: held.store.clone(),
            post: post.clone(),
            clock: clock.clone(),
            here: Arc::new(|_| false),
            limits: Arc::clone(&limits),
            base_url: Some("https://domu.example".into()),
        };
        let worker = MailWorker::new(&held.config, parts).unwrap();
        let accounts = Accounts::new(Parts {
            store: held.store.clone(),
            limits: Arc::clone(&limits),
            clock: clock.clone(),
            supervisor,
            rates: Arc::new(RateLimits::new(&limits, clock.clone())),
            committer,
            hub: Arc::clone(&hub),
            seal,
            post,
            hash_cost: HashCost::CHEAPEST,
        })
        .unwrap();
        Self { accounts, clock, hub, limits, worker, held }
    }

    fn pass(&self, time: TimeDelta) {
        self.clock.advance(time);
    }

    /// Template and text of the mails that were sent to an address since the last look, oldest first.
    async fn mails(&self, email: &str) -> Vec<(String, String)> {
        while self.worker.batch().await.unwrap() > 0 {}
        let mut read = Vec::new();
        for (recipient, template, id, _) in self.held.store.all_mails().await {
            let file = self.held.config.data_dir.join("mail").join(format!("{id}.eml"));
            if recipient == email && file.exists() {
                read.push((template, std::fs::read_to_string(&file).unwrap()));
                std::fs::remove_file(file).unwrap();
            }
        }
        read
    }

    /// Code and link token of the one confirmation mail that came since the last look.
    async fn confirmation(&self, email: &str) -> (String, String) {
        let (code, link) = self.mailed(email, "confirm_email").await;
        (code.expect("a code"), link)
    }

    /// Code and link token of the one mail that came since the last look, which is of this template.
    async fn mailed(&self, email: &str, template: &str) -> (Option<String>, String) {
        let mails = self.mails(email).await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert_eq!(mails[0].0, template);
        let text = &mails[0].1;
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        let code = text.lines().find(is_code).map(str::to_owned);
        let link = text.lines().find_map(|line| line.split_once("#token=")).expect(text);
        (code, link.1.to_owned())
    }

    async fn join(&self, email: &str) {
        self.accounts.sign_up(form(email), home()).await.unwrap();
        let (code, _) = self.confirmation(email).await;
        self.accounts.confirm_code(email, &code, &secret_of(PASSWORD), home()).await.unwrap();
    }

    async fn sign_in(&self, email: &str) -> SignedIn {
        self.accounts.sign_in(email, secret_of(PASSWORD), device()).await.unwrap()
    }

    async fn who(&self, signed_in: &SignedIn) -> Result<Principal> {
        self.accounts.authenticate(signed_in.token.expose_secret()).await
    }

    /// A socket of a session, entered in the hub.
    async fn socket(&self, signed_in: &SignedIn) -> Arc<Conn> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, sink) = near.into_split();
        let conn = self.hub.open(sink);
        let identity = crate::realtime::Identity { user: signed_in.user, session: signed_in.session };
        self.hub.register(&conn, identity).unwrap();
        conn
    }

    /// Kinds and data of a person's own stream.
    async fn stream(&self, user: UserId) -> Vec<(String, serde_json::Value)> {
        let events = self.held.store.user_events(user, 0, 1000).await.unwrap();
        events.into_iter().map(|event| (event.kind, event.data)).collect()
    }
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> Code {
    result.expect_err("a refusal").code
}

fn fields<T: std::fmt::Debug>(result: Result<T>) -> Vec<String> {
    let data = result.expect_err("a refusal").data.unwrap_or_default();
    let fields = data["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().map(|field| field["field"].as_str().unwrap().to_owned()).collect()
}

/// A code that is not this one.
fn other(six: &str, step: u32) -> String {
    format!("{:06}", (six.parse::<u32>().unwrap() + step) % 1_000_000)
}
