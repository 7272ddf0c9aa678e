//! `/api/admin/reports`: the queue, cases, claims, decisions, and what happened after a number.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{Call, acts, at, looks, of, reason, wrong};
use crate::admin::{
    Audited, Claim, Decision, MUTE_HOURS_MAX, Permission, ReportAction, ReportEvents, ReportFilter, ReportList,
    ReportSummary, ReportView,
};
use crate::error::Result;
use crate::http::body;
use crate::http::query::Query;
use crate::http::reply::Reply;
use crate::http::routes::doc::doc;
use crate::http::routes::table::{change, get};
use crate::http::routes::{RouteSpec, Who};
use crate::ids::{ReportId, UserId};
use crate::protocol::codes::Code;
use crate::protocol::reports::{Category, Status};
use crate::services::Services;
use crate::text::is_hidden_in_words;

/// Which reports are listed.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the members are the parameters of the documentation")]
pub struct ReportsQuery {
    /// Only those that stand there: the worst first, and of those the oldest. Without it, or with a person, the newest first.
    status: Option<Status>,
    /// Only of this category.
    category: Option<Category>,
    /// Only about this person.
    target_user_id: Option<UserId>,
    /// Only by this person.
    reporter_id: Option<UserId>,
    /// Only those that this admin has claimed or decided.
    admin_id: Option<UserId>,
    /// What came behind this report: `next` of the page before.
    after: Option<ReportId>,
    /// How many.
    #[schema(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// Which part of the feed is wanted.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the members are the parameters of the documentation")]
pub struct ReportEventsQuery {
    /// What came after this number: `next` of the answer before; 0 for everything.
    #[schema(minimum = 0, default = 0)]
    after: Option<i64>,
    /// How many numbers are looked at.
    #[schema(minimum = 1, maximum = 200, default = 100)]
    limit: Option<usize>,
}

/// A claim of a report.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimForm {
    /// The revision that one has seen.
    #[schema(minimum = 1)]
    rev: i32,
    /// Also when it is somebody else's; not for moderators.
    #[serde(default)]
    steal: bool,
}

/// The end of a claim.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseForm {
    /// The revision that one has seen.
    #[schema(minimum = 1)]
    rev: i32,
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideForm {
    /// The revision that one has seen.
    #[schema(minimum = 1)]
    rev: i32,
    /// What is done.
    action: ReportAction,
    /// The rule that was broken; only `dismiss` needs none.
    policy: Option<Category>,
    /// For how many hours; `mute` needs it.
    #[schema(minimum = 1, maximum = 720)]
    hours: Option<u32>,
    /// For how many days; `suspend` needs it, moderators at most 7.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u32>,
    /// What the person is told of it.
    #[schema(max_length = 1000)]
    message: Option<String>,
    /// Why, for the audit log.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
}

/// Longest suspension that ends by itself, in days.
const DAYS_MAX: u32 = 3_650;

/// Longest text to the person, in Unicode scalars.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// Reports on a page when the request does not say.
const PAGE: usize = 50;

/// Numbers of the feed that are looked at when the request does not say.
const EVENTS_PAGE: usize = 100;

/// What a change of a report can be refused with.
const CHANGING: &[Code] = &[Code::Conflict, Code::StaleRev];

pub(in crate::http::routes) const REPORTS: RouteSpec = get(
    "/api/admin/reports",
    Who::Admin(Permission::HandleReports),
    doc("Reports in one's scope").query::<ReportsQuery>().gives::<ReportList>(),
);

pub(in crate::http::routes) const REPORT_EVENTS: RouteSpec = get(
    "/api/admin/reports/events",
    Who::Admin(Permission::HandleReports),
    doc("What happened to reports in one's scope after a number of the feed")
        .query::<ReportEventsQuery>()
        .gives::<ReportEvents>()
        .errors(&[Code::UnrecoverablePosition]),
);

pub(in crate::http::routes) const REPORT: RouteSpec = get(
    "/api/admin/reports/{id}",
    Who::Admin(Permission::HandleReports),
    doc("A case: the evidence as it was, both histories, and what happened; the audit log is told")
        .gives::<ReportView>(),
);

pub(in crate::http::routes) const CLAIM_REPORT: RouteSpec = change(
    Method::POST,
    "/api/admin/reports/{id}/claim",
    Who::Admin(Permission::HandleReports),
    doc("Take a report, so that nobody else decides it for a while")
        .takes::<ClaimForm>()
        .gives::<ReportSummary>()
        .errors(CHANGING),
);

pub(in crate::http::routes) const RELEASE_REPORT: RouteSpec = change(
    Method::POST,
    "/api/admin/reports/{id}/release",
    Who::Admin(Permission::HandleReports),
    doc("Give a report back").takes::<ReleaseForm>().gives::<ReportSummary>().errors(CHANGING),
);

pub(in crate::http::routes) const DECIDE_REPORT: RouteSpec = change(
    Method::POST,
    "/api/admin/reports/{id}/decide",
    Who::Admin(Permission::HandleReports),
    doc("Decide a report, which has its effect at once; the person is told why, the reporter that it was decided")
        .takes::<DecideForm>()
        .gives::<ReportSummary>()
        .errors(CHANGING),
);

pub(super) fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    looks(services, at(&["reports"]), list)
        .or(looks(services, at(&["reports", "events"]), events))
        .unify()
        .or(looks(services, of(&["reports"], &[]), view))
        .unify()
        .or(acts(services, of(&["reports"], &["claim"]), claim))
        .unify()
        .or(acts(services, of(&["reports"], &["release"]), release))
        .unify()
        .or(acts(services, of(&["reports"], &["decide"]), decide))
        .unify()
        .boxed()
}

async fn list(call: Call, raw: String) -> Result<Reply> {
    let limit_max = call.services.limits.admin_page_max;
    let mut query = Query::new(&raw);
    let filter = ReportFilter {
        status: query.word("status", Status::WORDS).and_then(Status::named),
        category: query.word("category", Category::WORDS),
        target: query.id("target_user_id"),
        reporter: query.id("reporter_id"),
        admin: query.id("admin_id"),
        after: query.id("after"),
    };
    let limit = query.number("limit", 1..=limit_max).unwrap_or(PAGE.min(limit_max));
    query.end()?;
    Reply::json(&call.services.admin.reports(&call.actor, filter, limit).await?)
}

async fn events(call: Call, raw: String) -> Result<Reply> {
    let limit_max = call.services.limits.admin_page_max;
    let mut query = Query::new(&raw);
    let after = query.number("after", 0..=i64::MAX - 1).unwrap_or_default();
    let limit = query.number("limit", 1..=limit_max).unwrap_or(EVENTS_PAGE.min(limit_max));
    query.end()?;
    Reply::json(&call.services.admin.report_events(&call.actor, after, limit).await?)
}

async fn view(call: Call, raw: String) -> Result<Reply> {
    Query::new(&raw).end()?;
    let view = call.services.admin.report(&call.actor, ReportId(call.id)).await?;
    Reply::json(&view.value())
}

/// A revision that a report can have.
fn seen(rev: i32) -> Result<()> {
    if rev < 1 { Err(wrong("rev", "must be the revision of the report, 1 or more")) } else { Ok(()) }
}

async fn claim(call: Call, body: Bytes) -> Result<Audited<ReportSummary>> {
    let ClaimForm { rev, steal } = body::parse(&body)?;
    seen(rev)?;
    let claim = if steal { Claim::Steal } else { Claim::Take };
    call.services.admin.claim_report(&call.actor, (ReportId(call.id), rev), claim).await
}

async fn release(call: Call, body: Bytes) -> Result<Audited<ReportSummary>> {
    let ReleaseForm { rev } = body::parse(&body)?;
    seen(rev)?;
    call.services.admin.claim_report(&call.actor, (ReportId(call.id), rev), Claim::Release).await
}

async fn decide(call: Call, body: Bytes) -> Result<Audited<ReportSummary>> {
    let DecideForm { rev, action, policy, hours, days, message, reason: why } = body::parse(&body)?;
    seen(rev)?;
    if policy.is_none() && action != ReportAction::Dismiss {
        return Err(wrong("policy", "must name the rule that was broken"));
    }
    if hours.map(|hours| (1..=MUTE_HOURS_MAX).contains(&hours)) != (action == ReportAction::Mute).then_some(true) {
        return Err(wrong(
            "hours",
            &format!("must be from 1 to {MUTE_HOURS_MAX} with mute, and goes with nothing else"),
        ));
    }
    if days.map(|days| (1..=DAYS_MAX).contains(&days)) != (action == ReportAction::Suspend).then_some(true) {
        return Err(wrong("days", &format!("must be from 1 to {DAYS_MAX} with suspend, and goes with nothing else")));
    }
    let message = message.map(|message| message.trim().to_owned()).filter(|message| !message.is_empty());
    let bad = |message: &String| {
        let hidden = |character: char| is_hidden_in_words(character) && character != '\n';
        message.chars().count() > MESSAGE_CHARS_MAX || message.contains(hidden)
    };
    if message.as_ref().is_some_and(bad) {
        return Err(wrong(
            "message",
            &format!("must have at most {MESSAGE_CHARS_MAX} characters, all of them visible"),
        ));
    }
    let reason = reason(&why)?;
    let decision = Decision { rev, action, policy, hours, days, message };
    call.services.admin.decide_report(&call.actor, ReportId(call.id), decision, reason).await
}
