//! `/api/admin/jobs`.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{Call, acts, at, below, looks, reason};
use crate::admin::{Audited, Permission};
use crate::error::Result;
use crate::http::body;
use crate::http::query::Query;
use crate::http::reply::Reply;
use crate::http::routes::doc::doc;
use crate::http::routes::table::{change, get};
use crate::http::routes::{RouteSpec, Who};
use crate::ids::JobRunId;
use crate::jobs::{JobList, Trigger};
use crate::protocol::codes::Code;
use crate::services::Services;

/// A job to be run now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunForm {
    /// Why, for the audit log.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
}

/// A run that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunBegun {
    /// Its id.
    run_id: JobRunId,
}

pub(in crate::http::routes) const JOBS: RouteSpec = get(
    "/api/admin/jobs",
    Who::Admin(Permission::ViewSystem),
    doc("Jobs: when each is due, and its newest runs").gives::<JobList>(),
);

pub(in crate::http::routes) const RUN_JOB: RouteSpec = change(
    Method::POST,
    "/api/admin/jobs/{name}/run",
    Who::Admin(Permission::RunSystem),
    doc("Run a job now").takes::<RunForm>().gives::<RunBegun>().errors(&[Code::NotFound, Code::Conflict]),
);

pub(super) fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let path =
        below(&["jobs"]).and(warp::path::param::<String>()).and(warp::path("run")).and(warp::path::end()).boxed();
    looks(services, at(&["jobs"]), list).or(acts(services, path, run)).unify().boxed()
}

async fn list(call: Call, raw: String) -> Result<Reply> {
    Query::new(&raw).end()?;
    call.services.admin.may_see_jobs(&call.actor)?;
    Reply::json(&call.services.jobs.list().await?)
}

async fn run(call: Call<String>, body: Bytes) -> Result<Audited<RunBegun>> {
    let RunForm { reason: why } = body::parse(&body)?;
    let (reason, jobs) = (reason(&why)?, call.services.jobs.clone());
    let claim = jobs.claim(&call.id, Trigger::Admin, None)?;
    let run_id = claim.run;
    let begin = move |claim: &_| drop(jobs.proceed(claim));
    let begun = call.services.admin.run_job(&call.actor, (Permission::RunSystem, claim), begin, reason).await?;
    Ok(begun.map(|_claim| RunBegun { run_id }))
}
