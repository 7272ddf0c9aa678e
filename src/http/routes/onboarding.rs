//! `/api/onboarding`: the questionnaire.

use std::sync::Arc;

use http::{HeaderMap, Method};
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::doc::doc;
use super::table::{change, get};
use super::{RouteSpec, Subject, Who, json, query, visitor, with};
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::query::Query;
use crate::http::reply::{Reply, answer};
use crate::protocol::codes::Code;
use crate::protocol::onboarding::{OnboardingProgress, Questionnaire, SectionForm, Sheet};
use crate::ratelimit::RateKind;
use crate::services::Services;

/// Which part of the questionnaire.
#[derive(Debug, ToSchema)]
pub struct SheetQuery {
    /// Only this section.
    #[schema(max_length = 40)]
    section: Option<String>,
}

/// Longest id of a section, in characters.
const SECTION_CHARS_MAX: usize = 40;

impl SheetQuery {
    fn parse(raw: &str) -> Result<Self> {
        let mut query = Query::new(raw);
        let parsed = Self { section: query.short_text("section", SECTION_CHARS_MAX) };
        query.end().map(|()| parsed)
    }
}

pub(super) const LOAD: RouteSpec = get(
    "/api/onboarding/load",
    Who::SignedIn,
    doc("What one has answered so far, all of it or one section").query::<SheetQuery>().gives::<Sheet>(),
);

pub(super) const QUESTIONS: RouteSpec = get(
    "/api/onboarding/questions",
    Who::SignedIn,
    doc("The questions, in the order they are asked, and the universities one can name")
        .gives::<Questionnaire>()
        .or_unchanged(),
);

pub(super) const PROGRESS: RouteSpec = get(
    "/api/onboarding/progress",
    Who::SignedIn,
    doc("How far one is with the questionnaire, and what is missing").gives::<OnboardingProgress>(),
);

pub(super) const SAVE: RouteSpec = change(
    Method::POST,
    "/api/onboarding/save",
    Who::SignedIn,
    doc("Save a section of the questionnaire, whole; suggestions follow it at once")
        .takes::<SectionForm>()
        .gives::<OnboardingProgress>()
        .errors(&[Code::RejectedByRule, Code::RateLimited]),
)
.tells(RateKind::Onboarding, Subject::User);

pub(super) const SUBMIT: RouteSpec = change(
    Method::POST,
    "/api/onboarding/submit",
    Who::SignedIn,
    doc("Hand the answers in: from then on one can be suggested to others")
        .gives::<OnboardingProgress>()
        .errors(&[Code::Conflict, Code::RateLimited]),
)
.tells(RateKind::Onboarding, Subject::User);

/// The routes of the questionnaire.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let load = warp::path!("api" / "onboarding" / "load")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .and(query())
        .then(|services: Arc<Services>, visitor: Visitor, query: String| async move {
            answer(load(&services, &visitor, &query).await)
        });
    let questions = warp::path!("api" / "onboarding" / "questions")
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .map(|headers: HeaderMap| answer(Reply::tagged_json(&crate::onboarding::questionnaire(), &headers)));
    let progress =
        warp::path!("api" / "onboarding" / "progress").and(warp::get()).and(with(services)).and(visitor()).then(
            |services: Arc<Services>, visitor: Visitor| async move { answer(progress(&services, &visitor).await) },
        );
    let save = warp::path!("api" / "onboarding" / "save")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|services: Arc<Services>, visitor: Visitor, body| async move {
            answer(save(&services, &visitor, body).await)
        });
    let submit = warp::path!("api" / "onboarding" / "submit")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .then(|services: Arc<Services>, visitor: Visitor| async move { answer(submit(&services, &visitor).await) });
    load.or(questions).unify().or(progress).unify().or(save).unify().or(submit).unify().boxed()
}

async fn load(services: &Services, visitor: &Visitor, query: &str) -> Result<Reply> {
    let SheetQuery { section } = SheetQuery::parse(query)?;
    Reply::json(&services.onboarding.load(visitor.principal()?.user, section.as_deref()).await?)
}

async fn progress(services: &Services, visitor: &Visitor) -> Result<Reply> {
    Reply::json(&services.onboarding.progress(visitor.principal()?.user).await?)
}

async fn save(services: &Services, visitor: &Visitor, body: Result<SectionForm>) -> Result<Reply> {
    Reply::json(&services.onboarding.save(visitor.principal()?.user, body?).await?)
}

async fn submit(services: &Services, visitor: &Visitor) -> Result<Reply> {
    Reply::json(&services.onboarding.submit(visitor.principal()?.user).await?)
}
