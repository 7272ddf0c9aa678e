//! Health for load balancers, numbers for scrapers.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::with;
use crate::error::Result;
use crate::http::reply::{Reply, answer};
use crate::ops::health;
use crate::services::Services;
use crate::telemetry::Telemetry;

/// It answers.
#[derive(Serialize, ToSchema)]
pub struct Live {
    /// Always true.
    live: bool,
}

/// Whether it should get work.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    /// It should.
    ready: bool,
}

/// The routes of health and metrics.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let whole = warp::path!("api" / "health")
        .and(warp::get())
        .and(with(services))
        .then(|services: Arc<Services>| async move { answer(whole(&services).await) });
    let live =
        warp::path!("api" / "health" / "live").and(warp::get()).map(|| answer(Reply::json(&Live { live: true })));
    let ready = warp::path!("api" / "health" / "ready")
        .and(warp::get())
        .and(with(services))
        .then(|services: Arc<Services>| async move { answer(ready(&services).await) });
    let telemetry = services.telemetry.clone();
    let metrics = warp::path!("metrics").and(warp::get()).map(move || answer(Ok(metrics(&telemetry))));
    whole.or(live).unify().or(ready).unify().or(metrics).unify().boxed()
}

async fn whole(services: &Services) -> Result<Reply> {
    let report = health::report(services).await;
    Ok(Reply::json(&report)?.status(status(report.ready)))
}

async fn ready(services: &Services) -> Result<Reply> {
    let ready = health::ready(services).await;
    Ok(Reply::json(&Ready { ready })?.status(status(ready)))
}

/// What a load balancer reads.
fn status(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn metrics(telemetry: &Telemetry) -> Reply {
    Reply::bytes("text/plain; version=0.0.4; charset=utf-8", Bytes::from(telemetry.render()))
}
