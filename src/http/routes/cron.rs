//! `/api/cron/{name}`: jobs, run by schedulers elsewhere.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::doc::{Doc, doc};
use super::table::get;
use super::{RouteSpec, Who, query, with};
use crate::error::{Error, Result};
use crate::http::query::Query;
use crate::http::reply::{Reply, answer};
use crate::jobs::{RunLine, Trigger};
use crate::protocol::codes::Code;
use crate::services::Services;

/// What a run came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CronAnswer {
    /// It is over, and did what it is for.
    success: bool,
    /// The run.
    #[serde(flatten)]
    run: RunLine,
}

const DOC: Doc = doc("Run a job now and wait a while for its end; 202 when it goes on by itself")
    .gives::<CronAnswer>()
    .or_gives::<CronAnswer>(202)
    .errors(&[Code::NotFound, Code::Conflict]);

pub(super) const GET_CRON: RouteSpec = get("/api/cron/{name}", Who::Cron, DOC);

pub(super) const POST_CRON: RouteSpec =
    RouteSpec { method: Method::POST, path: "/api/cron/{name}", who: Who::Cron, csrf: false, rate: None, doc: DOC };

pub(super) fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "cron" / String)
        .and(warp::get().or(warp::post()).unify())
        .and(with(services))
        .and(query())
        .then(|name: String, services: Arc<Services>, raw: String| async move { answer(run(&services, &name, &raw).await) })
        .boxed()
}

async fn run(services: &Services, name: &str, raw: &str) -> Result<Reply> {
    Query::new(raw).end()?;
    let run = services.jobs.run(name, Trigger::Cron).await?;
    match run.outcome.as_str() {
        "ok" => Reply::json(&CronAnswer { success: true, run }),
        "running" => Ok(Reply::json(&CronAnswer { success: false, run })?.status(StatusCode::ACCEPTED)),
        outcome => Err(Error::internal(anyhow::anyhow!("the job {} ended as {outcome}", run.job))),
    }
}
