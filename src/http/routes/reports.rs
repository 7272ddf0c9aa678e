//! `/api/reports`: telling those who look after the others that something is wrong.

use std::sync::Arc;

use http::Method;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::doc::doc;
use super::table::change;
use super::{RouteSpec, Subject, Who, json, visitor, with};
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::protocol::codes::Code;
use crate::protocol::reports::{NewReport, Receipt};
use crate::ratelimit::RateKind;
use crate::services::Services;

pub(super) const REPORT: RouteSpec = change(
    Method::POST,
    "/api/reports",
    Who::SignedIn,
    doc("Report a message, a person or a group that one sees; what it is about is kept as it is now")
        .takes::<NewReport>()
        .gives::<Receipt>()
        .errors(&[Code::NotFound, Code::CidReused, Code::RateLimited]),
)
.tells(RateKind::Report, Subject::User);

/// The routes of reports.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "reports")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json::<NewReport>())
        .then(|services: Arc<Services>, visitor: Visitor, body: Result<NewReport>| async move {
            answer(report(&services, &visitor, body).await)
        })
        .boxed()
}

async fn report(services: &Services, visitor: &Visitor, body: Result<NewReport>) -> Result<Reply> {
    Reply::json(&services.chat.report(visitor.principal()?.user, body?).await?)
}
