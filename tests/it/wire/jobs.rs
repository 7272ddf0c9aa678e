//! Jobs from outside: schedulers elsewhere, admins, and what is counted.

use domu::admin::Role;
use serde_json::{Value, json};

use crate::support::admins::{admin, super_admin, universities};
use crate::support::people::Person;
use crate::support::server::TestServer;

const SECRET: &str = "the-secret-of-schedulers";

async fn start() -> TestServer {
    TestServer::with(|config| {
        config.cron_secret = Some(SECRET.to_owned().into());
        config.metrics_token = Some("the-secret-of-scrapers".to_owned().into());
    })
    .await
}

/// Whoever shows this as a bearer token.
fn holder(person: &Person, token: &str) -> Person {
    Person { token: token.to_owned(), ..person.clone() }
}

/// R17: a scheduler elsewhere runs a job, with the secret only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r017_a_scheduler_elsewhere_runs_a_job() {
    let server = start().await;
    let sam = super_admin(&server, "Sam").await;
    let scheduler = holder(&sam, SECRET);
    for method in ["GET", "POST"] {
        let path = "/api/cron/retention";
        assert_eq!(server.ask(&sam, method, path, None).await.status, 401, "an admin's token is no secret");
        let ran = server.ask(&scheduler, method, path, None).await.expect(200);
        assert_eq!(
            (&ran["success"], &ran["outcome"], &ran["started_by"]),
            (&json!(true), &json!("ok"), &json!("cron"))
        );
        assert_eq!(ran["detail"]["sessions"], 0);
        assert_eq!(server.ask(&scheduler, method, "/api/cron/nothing", None).await.status, 404);
        assert_eq!(server.ask(&scheduler, method, &format!("{path}?secret={SECRET}"), None).await.status, 400);
    }
    assert_eq!(server.number("SELECT count(*) FROM job_runs").await, 2);
    // The secret is for jobs and opens nothing else.
    assert_eq!(server.ask(&scheduler, "GET", "/api/admin/jobs", None).await.status, 401);
    let scraper = holder(&sam, "the-secret-of-scrapers");
    let metrics = server.ask(&scraper, "GET", "/metrics", None).await.body;
    assert!(metrics.contains(r#"job_runs_total{job="retention",outcome="ok"}"#), "{metrics}");
    assert!(metrics.contains(r#"job_last_success_seconds{job="retention"}"#), "{metrics}");
}

/// R22: an admin sees the expression of `vercel.json` and the runs, and runs a job, which the audit log says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r022_an_admin_sees_jobs_and_runs_one() {
    let server = start().await;
    universities(&server).await;
    let sam = super_admin(&server, "Sam").await;
    let una = admin(&server, "Una", Role::UniversityAdmin, "uva").await;
    assert_eq!(server.ask(&una, "GET", "/api/admin/jobs", None).await.status, 403);
    let list = async || server.ask(&sam, "GET", "/api/admin/jobs", None).await.expect(200);
    let seen = list().await;
    let job = |seen: &Value| {
        seen["jobs"].as_array().unwrap().iter().find(|job| job["name"] == "audit-proof").unwrap().clone()
    };
    let before = job(&seen);
    assert_eq!((&seen["zone"], &before["expression"]), (&json!("UTC"), &json!("15 4 * * *")));
    assert_eq!((&before["path"], &before["runs"]), (&json!("/api/cron/audit-proof"), &json!([])));
    assert!(before["next_run"].as_str().unwrap().contains("T04:15:00"), "{before}");

    let form = json!({"reason": "to see that it works"});
    let path = "/api/admin/jobs/audit-proof/run";
    assert_eq!(server.ask(&una, "POST", path, Some(&form)).await.status, 403);
    assert_eq!(server.ask(&sam, "POST", "/api/admin/jobs/nothing/run", Some(&form)).await.status, 404);
    let begun = server.ask(&sam, "POST", path, Some(&form)).await.expect(200);
    let run = loop {
        let run = job(&list().await)["runs"][0].clone();
        if run["outcome"] != "running" {
            break run;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (&run["run_id"], &run["outcome"], &run["started_by"]),
        (&begun["run_id"], &json!("ok"), &json!("admin"))
    );
    assert!(run["duration_ms"].is_number() && run["detail"]["rows"].as_u64().unwrap() > 0, "{run}");
    let told = server.ask(&sam, "GET", "/api/admin/audit-log?action=run_job", None).await.expect(200);
    let told = &told["actions"][0];
    assert_eq!((&told["entity_id"], &told["metadata"]["run_id"]), (&json!("audit-proof"), &begun["run_id"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_secret_schedulers_elsewhere_find_nothing() {
    let server = TestServer::start().await;
    let sam = super_admin(&server, "Sam").await;
    for token in [SECRET, sam.token.as_str()] {
        assert_eq!(server.ask(&holder(&sam, token), "GET", "/api/cron/retention", None).await.status, 404);
    }
    assert_eq!(server.number("SELECT count(*) FROM job_runs").await, 0);
}
