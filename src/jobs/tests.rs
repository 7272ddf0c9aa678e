use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::sync::Notify;

use super::*;
use crate::store::testing::{TestStore, on_each};

/// A job that waits until it is let go, and counts how often it began.
#[derive(Clone, Default)]
struct Counter {
    begun: Arc<AtomicUsize>,
    go: Arc<Notify>,
    /// It waits at all.
    waits: bool,
}

impl Counter {
    fn waiting() -> Self {
        Self { waits: true, ..Self::default() }
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    fn job(&self, name: &'static str) -> Job {
        let own = self.clone();
        let work: Work = Arc::new(move |_progress| {
            let own = own.clone();
            Box::pin(async move {
                own.begun.fetch_add(1, Ordering::SeqCst);
                if own.waits {
                    own.go.notified().await;
                }
                Ok(json!({ "rows": 3 }))
            })
        });
        Job { name, about: "Counts", timeout: Duration::from_secs(3_600), work }
    }
}

/// A process with the scheduler on a database.
struct Node {
    jobs: Jobs,
    supervisor: Supervisor,
}

impl Node {
    fn on(test: &TestStore, clock: &Clock, jobs: Vec<Job>, change: impl FnOnce(&mut Limits)) -> Self {
        let mut config = test.config.clone();
        config.data_dir = test.directory.path().join("node");
        std::fs::create_dir_all(&config.data_dir).unwrap();
        let crons: Vec<_> = jobs
            .iter()
            .map(|job| json!({ "path": format!("{}{}", crons::PATH, job.name), "schedule": "0 * * * *" }))
            .collect();
        std::fs::write(config.data_dir.join(FILE), json!({ "crons": crons }).to_string()).unwrap();
        let mut limits = Limits::default();
        change(&mut limits);
        let supervisor = Supervisor::default();
        let parts = Parts {
            store: test.store.clone(),
            limits: Arc::new(limits),
            clock: clock.clone(),
            supervisor: supervisor.clone(),
        };
        Self { jobs: Jobs::new(&config, parts, jobs).unwrap(), supervisor }
    }

    /// Waits until nothing runs here any more.
    async fn settled(&self) {
        while self.supervisor.alive() > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn outcomes(&self) -> Vec<(String, String)> {
        let list = self.jobs.list().await.unwrap();
        let runs = list.jobs.into_iter().flat_map(|job| job.runs);
        runs.map(|run| (run.started_by, run.outcome)).collect()
    }
}

fn said(outcomes: &[(&str, &str)]) -> Vec<(String, String)> {
    outcomes.iter().map(|(by, outcome)| ((*by).to_owned(), (*outcome).to_owned())).collect()
}

fn clock() -> Clock {
    Clock::manual("2026-05-04T10:20:00Z".parse().unwrap())
}

#[tokio::test]
async fn a_job_runs_when_it_is_due_and_what_was_missed_is_made_up_for_once() {
    on_each(async |test| {
        let (clock, work) = (clock(), Counter::default());
        let node = Node::on(&test, &clock, vec![work.job("retention")], |_| ());
        assert_eq!(node.jobs.tick().await.unwrap(), 0, "it was never looked at: from now on");
        clock.advance(TimeDelta::minutes(39));
        assert_eq!(node.jobs.tick().await.unwrap(), 0);
        clock.advance(TimeDelta::minutes(1));
        assert_eq!(node.jobs.tick().await.unwrap(), 1);
        node.settled().await;
        assert_eq!(node.jobs.tick().await.unwrap(), 0);
        // Nothing ran for five hours; whoever starts now runs it once.
        clock.advance(TimeDelta::minutes(5 * 60 + 7));
        let node = Node::on(&test, &clock, vec![work.job("retention")], |_| ());
        node.jobs.recover().await.unwrap();
        assert_eq!(node.jobs.tick().await.unwrap(), 1);
        node.settled().await;
        assert_eq!(node.jobs.tick().await.unwrap(), 0);
        assert_eq!(work.begun(), 2);
        let list = node.jobs.list().await.unwrap();
        let job = &list.jobs[0];
        assert_eq!((list.zone.as_str(), job.expression.as_deref()), ("UTC", Some("0 * * * *")));
        assert_eq!(job.next_run.unwrap().to_rfc3339(), "2026-05-04T17:00:00+00:00");
        assert_eq!((job.running, job.runs.len(), &job.runs[0].detail), (false, 2, &json!({ "rows": 3 })));
    })
    .await;
}

#[tokio::test]
async fn two_nodes_that_start_a_job_at_once_run_it_once() {
    on_each(async |test| {
        let (clock, work) = (clock(), Counter::default());
        let nodes: Vec<_> = (0..2).map(|_| Node::on(&test, &clock, vec![work.job("retention")], |_| ())).collect();
        nodes[0].jobs.tick().await.unwrap();
        for hour in 1..=8 {
            clock.advance(TimeDelta::hours(1));
            let (one, other) = tokio::join!(nodes[0].jobs.tick(), nodes[1].jobs.tick());
            assert_eq!(one.unwrap() + other.unwrap(), 1);
            for node in &nodes {
                node.settled().await;
                // The run may be over by the time the other looks.
                assert_eq!(node.jobs.tick().await.unwrap(), 0);
            }
            assert_eq!(work.begun(), hour);
        }
        assert_eq!(nodes[0].outcomes().await, vec![("schedule".to_owned(), "ok".to_owned()); 8]);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_runs_is_not_started_again() {
    on_each(async |test| {
        let (clock, work) = (clock(), Counter::waiting());
        let [one, other] = [0, 1]
            .map(|_| Node::on(&test, &clock, vec![work.job("retention")], |limits| limits.job_wait = Duration::ZERO));
        assert_eq!(one.jobs.run("retention", Trigger::Cron).await.unwrap().outcome, "running");
        for node in [&one, &other] {
            assert_eq!(node.jobs.run("retention", Trigger::Cron).await.unwrap_err().code, Code::Conflict);
            assert!(node.jobs.list().await.unwrap().jobs[0].running);
        }
        assert_eq!(one.jobs.run("nothing", Trigger::Cron).await.unwrap_err().code, Code::NotFound);
        work.go.notify_one();
        one.settled().await;
        assert_eq!(other.outcomes().await, said(&[("cron", "ok")]));
        assert!(!other.jobs.list().await.unwrap().jobs[0].running);
    })
    .await;
}

#[tokio::test]
async fn a_run_whose_process_was_killed_is_noted_and_the_job_runs_again() {
    on_each(async |test| {
        let (clock, work) = (clock(), Counter::default());
        let node = Node::on(&test, &clock, vec![work.job("retention")], |_| ());
        // A process that takes the job and is gone.
        let claim = node.jobs.claim("retention", Trigger::Schedule, None).unwrap();
        assert!(test.store.claim_job(claim.clone()).await.unwrap());
        let next = Node::on(&test, &clock, vec![work.job("retention")], |_| ());
        next.jobs.recover().await.unwrap();
        if !test.store.is_embedded() {
            // Another process may live: only the end of its lease tells.
            assert_eq!(next.outcomes().await, said(&[("schedule", "running")]));
            assert_eq!(next.jobs.run("retention", Trigger::Admin).await.unwrap_err().code, Code::Conflict);
            clock.advance(TimeDelta::seconds(61));
            next.jobs.tick().await.unwrap();
        }
        assert_eq!(next.outcomes().await, said(&[("schedule", "interrupted")]));
        assert_eq!(next.jobs.run("retention", Trigger::Admin).await.unwrap().outcome, "ok");
        // Should the first have been only slow, it changes nothing any more.
        let ended = (crate::store::JobOutcome::Ok, json!({}));
        assert!(!test.store.end_job((claim.job, claim.run), ended, clock.now(), 9).await.unwrap());
        assert!(!test.store.renew_job(claim.job, claim.run, clock.now()).await.unwrap());
        assert_eq!(next.outcomes().await, said(&[("admin", "ok"), ("schedule", "interrupted")]));
    })
    .await;
}

#[tokio::test]
async fn how_a_run_fails_is_noted_and_takes_nothing_from_the_next() {
    let test = TestStore::sqlite().await;
    let job = |name, timeout, work: fn() -> BoxFuture<'static, Result<Value>>| Job {
        name,
        about: "Fails",
        timeout,
        work: Arc::new(move |_progress| work()),
    };
    let jobs = vec![
        job("fails", Duration::from_secs(9), || Box::pin(async { Err(Error::bad_request("No.")) })),
        job("panics", Duration::from_secs(9), || Box::pin(async { panic!("as a job may") })),
        job("sleeps", Duration::from_millis(5), || Box::pin(std::future::pending())),
    ];
    let node = Node::on(&test, &clock(), jobs, |_| ());
    for (name, outcome) in [("fails", "failed"), ("panics", "failed"), ("sleeps", "timed_out"), ("fails", "failed")] {
        let run = node.jobs.run(name, Trigger::Admin).await.unwrap();
        assert_eq!(run.outcome, outcome, "{name}");
        assert!(run.detail["error"].is_string() && run.ended_at.is_some(), "{run:?}");
    }
}

#[tokio::test]
async fn a_server_that_stops_takes_its_runs_with_it_and_says_so() {
    let test = TestStore::sqlite().await;
    let (clock, work) = (clock(), Counter::waiting());
    let node = Node::on(&test, &clock, vec![work.job("retention")], |limits| limits.job_wait = Duration::ZERO);
    node.jobs.run("retention", Trigger::Cron).await.unwrap();
    assert_eq!(node.supervisor.shut_down(Duration::from_secs(5)).await, 0);
    assert_eq!(node.outcomes().await, said(&[("cron", "interrupted")]));
}

#[tokio::test]
async fn the_newest_runs_are_kept_and_fewer_are_shown() {
    on_each(async |test| {
        let work = Counter::default();
        let node = Node::on(&test, &clock(), vec![work.job("retention")], |limits| {
            limits.job_runs_kept = 4;
            limits.job_runs_shown = 3;
        });
        let mut runs = Vec::new();
        for _ in 0..7 {
            runs.push(node.jobs.run("retention", Trigger::Admin).await.unwrap().run_id);
        }
        let shown: Vec<_> = node.jobs.list().await.unwrap().jobs[0].runs.iter().map(|run| run.run_id).collect();
        let newest: Vec<_> = runs.iter().rev().take(3).copied().collect();
        assert_eq!(shown, newest);
        assert_eq!(test.number("SELECT count(*) FROM job_runs").await, 4);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_keeps_the_server_from_starting() {
    let test = TestStore::sqlite().await;
    let mut config = test.config.clone();
    let new = |config: &Config| {
        let parts = Parts {
            store: test.store.clone(),
            limits: Arc::default(),
            clock: clock(),
            supervisor: Supervisor::default(),
        };
        Jobs::new(config, parts, ["retention", "audit-proof", "match"].map(|job| Counter::default().job(job)).into())
    };
    let expression = |jobs: &Jobs| jobs.inner.jobs[0].1.as_ref().map(|due| due.expression().to_owned());
    assert_eq!(expression(&new(&config).unwrap()).as_deref(), Some("30 * * * *"), "the one in the program");
    let beside = config.data_dir.join(FILE);
    std::fs::write(&beside, r#"{"crons": [{"path": "/api/cron/retention", "schedule": "5 5 * * *"}]}"#).unwrap();
    assert_eq!(expression(&new(&config).unwrap()).as_deref(), Some("5 5 * * *"));
    std::fs::write(&beside, "{\n \"crons\": [{\"path\": \"/api/cron/retention\", \"schedule\": \"5 5 * *\"}]}")
        .unwrap();
    let problem = format!("{:#}", new(&config).err().unwrap());
    assert!(problem.contains(&format!("{}: line 2: ", beside.display())) && problem.contains("5 5 * *"), "{problem}");
    config.jobs_file = Some(config.data_dir.join("nowhere.json"));
    let problem = format!("{:#}", new(&config).err().unwrap());
    assert!(problem.contains("nowhere.json"), "{problem}");
}
