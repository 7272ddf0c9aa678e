//! `/api/admin/matching`, `/api/admin/matches`, and what the runbook runs: `trigger-matches` and its neighbours.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{Call, acts, at, looks, reason, wrong};
use crate::admin::{Audited, MatchRuns, MendReport, Mending, Permission, ReadinessView};
use crate::error::Result;
use crate::http::body;
use crate::http::query::Query;
use crate::http::reply::Reply;
use crate::http::routes::doc::{Doc, doc};
use crate::http::routes::table::{change, get};
use crate::http::routes::{RouteSpec, Who};
use crate::ids::{JobRunId, RunId, UserId};
use crate::jobs::{Trigger, catalogue};
use crate::matchmaking::{Inspected, Why};
use crate::protocol::codes::Code;
use crate::services::Services;

/// Runs on a page when the request does not say.
const PAGE: usize = 20;

/// Which runs are listed.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the members are the parameters of the documentation")]
pub struct RunsQuery {
    /// Before this run: `next` of the page before.
    before: Option<RunId>,
    /// How many.
    #[schema(minimum = 1, maximum = 200, default = 20)]
    limit: Option<usize>,
}

/// About whom.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the members are the parameters of the documentation")]
pub struct ExplainQuery {
    /// Who has no suggestions, or odd ones.
    user_id: UserId,
}

/// About which two.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the members are the parameters of the documentation")]
pub struct PairQuery {
    /// The first.
    a: UserId,
    /// The second.
    b: UserId,
}

/// Something to be run now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyForm {
    /// Why, for the audit log.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
}

/// Matches to be confirmed, or only to be listed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmForm {
    /// Only tell which pairs those are.
    #[serde(default, rename = "dryRun")]
    dry_run: bool,
    /// Why, for the audit log.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
}

/// What a run that was asked for came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Triggered {
    /// It is over, and did what it is for.
    success: bool,
    /// The same in words.
    message: String,
    /// The run of the job: see `GET /api/admin/jobs`.
    job_id: JobRunId,
    /// `ok`, `failed`, `timed_out`, `interrupted`; `running`: it goes on by itself.
    outcome: String,
    /// What it counted: of a run of the matcher `runId`, `processed`, `total`, `created`; of a backfill `processed`,
    /// `skipped`, `total`, `errors`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    counts: Value,
}

const RUN: Who = Who::Admin(Permission::RunMatching);

const fn triggered(path: &'static str, summary: &'static str) -> RouteSpec {
    let doc: Doc = doc(summary).takes::<WhyForm>().gives::<Triggered>().errors(&[Code::Conflict]);
    change(Method::POST, path, RUN, doc)
}

pub(in crate::http::routes) const READINESS: RouteSpec = get(
    "/api/admin/matching/readiness",
    RUN,
    doc("How many people are how far on their way to suggestions").gives::<ReadinessView>(),
);

pub(in crate::http::routes) const RUNS: RouteSpec = get(
    "/api/admin/matching/runs",
    RUN,
    doc("Runs of the matcher and their reports, the newest first").query::<RunsQuery>().gives::<MatchRuns>(),
);

pub(in crate::http::routes) const EXPLAIN: RouteSpec = get(
    "/api/admin/matches/explain",
    Who::Admin(Permission::ViewMatches),
    doc("Why somebody has the suggestions they have, which the audit log is told")
        .query::<ExplainQuery>()
        .gives::<Why>()
        .errors(&[Code::NotFound]),
);

pub(in crate::http::routes) const PAIR: RouteSpec = get(
    "/api/admin/matches/pair",
    Who::Admin(Permission::ViewMatches),
    doc("Two people as the engine sees them, item by item, and what they decided, which the audit log is told")
        .query::<PairQuery>()
        .gives::<Inspected>()
        .errors(&[Code::NotFound]),
);

pub(in crate::http::routes) const TRIGGER: RouteSpec = triggered(
    "/api/admin/trigger-matches",
    "Suggest people to each other now, and wait a while for the end; no decision is touched",
);

pub(in crate::http::routes) const BACKFILL_VECTORS: RouteSpec = triggered(
    "/api/admin/backfill-vectors",
    "Make the vectors that are missing or stale, and wait a while for the end",
);

pub(in crate::http::routes) const BACKFILL_CHATS: RouteSpec = change(
    Method::POST,
    "/api/admin/backfill-chats",
    RUN,
    doc("Give every pair that both have accepted its match and chat, at most 200 at once")
        .takes::<WhyForm>()
        .gives::<MendReport>(),
);

pub(in crate::http::routes) const CONFIRM_PENDING: RouteSpec = change(
    Method::POST,
    "/api/admin/confirm-pending-matches",
    RUN,
    doc("Confirm pairs that both have accepted and that have no match; `dryRun` only tells which those are")
        .takes::<ConfirmForm>()
        .gives::<MendReport>(),
);

pub(super) fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    looks(services, at(&["matching", "readiness"]), readiness)
        .or(looks(services, at(&["matching", "runs"]), runs))
        .unify()
        .or(looks(services, at(&["matches", "explain"]), explain))
        .unify()
        .or(looks(services, at(&["matches", "pair"]), pair))
        .unify()
        .or(acts(services, at(&["trigger-matches"]), trigger))
        .unify()
        .or(acts(services, at(&["backfill-vectors"]), backfill_vectors))
        .unify()
        .or(acts(services, at(&["backfill-chats"]), backfill_chats))
        .unify()
        .or(acts(services, at(&["confirm-pending-matches"]), confirm_pending))
        .unify()
        .boxed()
}

async fn readiness(call: Call, raw: String) -> Result<Reply> {
    Query::new(&raw).end()?;
    Reply::json(&call.services.admin.matching_readiness(&call.actor).await?)
}

async fn runs(call: Call, raw: String) -> Result<Reply> {
    let limit_max = call.services.limits.admin_page_max;
    let mut query = Query::new(&raw);
    let before = query.id("before");
    let limit = query.number("limit", 1..=limit_max).unwrap_or(PAGE.min(limit_max));
    query.end()?;
    Reply::json(&call.services.admin.match_runs(&call.actor, before, limit).await?)
}

async fn explain(call: Call, raw: String) -> Result<Reply> {
    let mut query = Query::new(&raw);
    let user = query.id("user_id");
    query.end()?;
    let user = user.ok_or_else(|| wrong("user_id", "is missing: say about whom"))?;
    Reply::json(&call.services.admin.explain_matches(&call.actor, user).await?)
}

async fn pair(call: Call, raw: String) -> Result<Reply> {
    let mut query = Query::new(&raw);
    let (a, b): (Option<UserId>, Option<UserId>) = (query.id("a"), query.id("b"));
    query.end()?;
    let (Some(a), Some(b)) = (a, b) else { return Err(wrong("a", "and b are two people: one is missing")) };
    if a == b {
        return Err(wrong("b", "must be somebody else than a"));
    }
    Reply::json(&call.services.admin.inspect_pair(&call.actor, (a, b)).await?)
}

/// Runs a job of the matcher now and waits a while for its end.
async fn run(call: Call, body: &Bytes, job: &str) -> Result<Audited<Triggered>> {
    let WhyForm { reason: why } = body::parse(body)?;
    let (reason, jobs) = (reason(&why)?, call.services.jobs.clone());
    let claim = jobs.claim(job, Trigger::Admin, None)?;
    let (run, ending) = (claim.run, jobs.clone());
    let begin = move |claim: &_| drop(jobs.proceed(claim));
    let begun = call.services.admin.run_job(&call.actor, (Permission::RunMatching, claim), begin, reason).await?;
    let line = ending.ended(run).await?;
    let message = match line.outcome.as_str() {
        "ok" => "Done.".to_owned(),
        "running" => "It goes on by itself: see GET /api/admin/jobs.".to_owned(),
        outcome => format!("It ended as {outcome}: see the log of that moment."),
    };
    Ok(begun.map(|_claim| Triggered {
        success: line.outcome == "ok",
        message,
        job_id: run,
        outcome: line.outcome,
        counts: line.detail,
    }))
}

async fn trigger(call: Call, body: Bytes) -> Result<Audited<Triggered>> {
    run(call, &body, catalogue::MATCH).await
}

async fn backfill_vectors(call: Call, body: Bytes) -> Result<Audited<Triggered>> {
    run(call, &body, catalogue::BACKFILL_VECTORS).await
}

async fn backfill_chats(call: Call, body: Bytes) -> Result<Audited<MendReport>> {
    let WhyForm { reason: why } = body::parse(&body)?;
    call.services.admin.mend_matches(&call.actor, (Mending::Chats, false), reason(&why)?).await
}

async fn confirm_pending(call: Call, body: Bytes) -> Result<Audited<MendReport>> {
    let ConfirmForm { dry_run, reason: why } = body::parse(&body)?;
    call.services.admin.mend_matches(&call.actor, (Mending::Pending, dry_run), reason(&why)?).await
}
