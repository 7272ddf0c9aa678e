//! `/api/match`: suggestions, what one says to them, and what became of them.

use std::sync::Arc;

use http::{HeaderMap, Method};
use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::doc::{Doc, doc};
use super::table::{change, get};
use super::{RouteSpec, Subject, Who, json, query, visitor, with};
use crate::error::{Error, Result};
use crate::http::gate::Visitor;
use crate::http::query::Query;
use crate::http::reply::{Reply, answer};
use crate::ids::{SuggestionId, UserId};
use crate::protocol::codes::Code;
use crate::protocol::matching::{Action, Compatibility, Reason, Responded, Suggestions};
use crate::ratelimit::RateKind;
use crate::services::Services;

/// A page of suggestions.
#[derive(Debug, ToSchema)]
pub struct SuggestionsQuery {
    /// What came after this one; without it from the first.
    #[schema(value_type = Option<String>, format = Uuid)]
    cursor: Option<SuggestionId>,
    /// How many.
    #[schema(minimum = 1, maximum = 50, default = 20)]
    limit: Option<usize>,
}

/// With whom.
#[derive(Debug, ToSchema)]
pub struct OtherQuery {
    /// Who.
    #[schema(value_type = String, format = Uuid)]
    other_user_id: Option<UserId>,
}

/// Longest id in a query, in characters.
const ID_CHARS_MAX: usize = 36;
/// Suggestions in a page when the request does not say.
const PAGE_DEFAULT: usize = 20;
/// Suggestions in a page at most.
const PAGE_MAX: usize = 50;

fn id<T: std::str::FromStr>(query: &mut Query, name: &str) -> Option<T> {
    let text = query.short_text(name, ID_CHARS_MAX)?;
    let id = text.parse().ok().filter(|_| text.len() == ID_CHARS_MAX);
    if id.is_none() {
        query.refuse(name, "must be an id");
    }
    id
}

impl SuggestionsQuery {
    fn parse(raw: &str) -> Result<Self> {
        let mut query = Query::new(raw);
        let parsed = Self { cursor: id(&mut query, "cursor"), limit: query.number("limit", 1..=PAGE_MAX) };
        query.end().map(|()| parsed)
    }
}

/// An answer to a suggestion.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RespondForm {
    /// Which.
    suggestion_id: SuggestionId,
    /// What one says to it.
    action: Action,
}

/// Somebody to hear nothing from, or again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockForm {
    /// Who.
    blocked_user_id: UserId,
}

/// A match to be ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnmatchForm {
    /// With whom.
    #[serde(rename = "targetUserId")]
    target_user_id: UserId,
    /// Why.
    reason_category: Reason,
    /// More of it; needed for `other`.
    #[schema(max_length = 500)]
    reason_text: Option<String>,
}

pub(super) const LIST: RouteSpec = get(
    "/api/match/suggestions/my",
    Who::SignedIn,
    doc("Who is suggested to oneself, and whom one is matched with")
        .query::<SuggestionsQuery>()
        .gives::<Suggestions>()
        .or_unchanged(),
);

pub(super) const COMPATIBILITY: RouteSpec = get(
    "/api/match/compatibility",
    Who::SignedIn,
    doc("How one fits with somebody who is suggested to oneself or matched, item by item")
        .query::<OtherQuery>()
        .gives::<Compatibility>()
        .errors(&[Code::NotFound]),
);

const fn answered(path: &'static str, doc: Doc) -> RouteSpec {
    change(Method::POST, path, Who::SignedIn, doc).tells(RateKind::MatchReply, Subject::User)
}

pub(super) const RESPOND: RouteSpec = answered(
    "/api/match/suggestions/respond",
    doc("Accept a suggestion, decline it, or take that back; when both accept, their chat is open")
        .takes::<RespondForm>()
        .gives::<Responded>()
        .errors(&[Code::NotFound, Code::Conflict, Code::NotVerified, Code::RateLimited]),
);

pub(super) const REFRESH: RouteSpec = change(
    Method::POST,
    "/api/match/suggestions/refresh",
    Who::SignedIn,
    doc("Have one's suggestions made anew; when that changes them, the socket says so")
        .gives::<Suggestions>()
        .errors(&[Code::RateLimited]),
)
.tells(RateKind::MatchRefresh, Subject::User);

pub(super) const BLOCK: RouteSpec = change(
    Method::POST,
    "/api/match/block",
    Who::SignedIn,
    doc("Hear nothing from somebody any more, and never be suggested to each other")
        .takes::<BlockForm>()
        .errors(&[Code::NotFound, Code::Conflict]),
);

pub(super) const UNBLOCK: RouteSpec = change(
    Method::POST,
    "/api/match/unblock",
    Who::SignedIn,
    doc("Hear from somebody again").takes::<BlockForm>().errors(&[Code::NotFound]),
);

pub(super) const UNMATCH: RouteSpec = answered(
    "/api/match/unmatch",
    doc("End a match: the chat is closed for both, and they are never suggested to each other again")
        .takes::<UnmatchForm>()
        .errors(&[Code::NotFound, Code::RejectedByRule, Code::RateLimited]),
);

/// The routes of suggestions.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "match" / "suggestions" / "my")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .and(query())
        .and(warp::header::headers_cloned())
        .then(|services: Arc<Services>, visitor: Visitor, query: String, headers: HeaderMap| async move {
            answer(list(&services, &visitor, &query, &headers).await)
        });
    let compatibility = warp::path!("api" / "match" / "compatibility")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .and(query())
        .then(|services: Arc<Services>, visitor: Visitor, query: String| async move {
            answer(compatibility(&services, &visitor, &query).await)
        });
    let respond = warp::path!("api" / "match" / "suggestions" / "respond")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|services: Arc<Services>, visitor: Visitor, body| async move {
            answer(respond(&services, &visitor, body).await)
        });
    let refresh = warp::path!("api" / "match" / "suggestions" / "refresh")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .then(|services: Arc<Services>, visitor: Visitor| async move { answer(refresh(&services, &visitor).await) });
    let block = |name: &'static str, on: bool| {
        warp::path!("api" / "match" / ..)
            .and(warp::path(name))
            .and(warp::path::end())
            .and(warp::post())
            .and(with(services))
            .and(visitor())
            .and(json())
            .then(move |services: Arc<Services>, visitor: Visitor, body| async move {
                answer(block(&services, &visitor, body, on).await)
            })
            .boxed()
    };
    let unmatch =
        warp::path!("api" / "match" / "unmatch").and(warp::post()).and(with(services)).and(visitor()).and(json()).then(
            |services: Arc<Services>, visitor: Visitor, body| async move {
                answer(unmatch(&services, &visitor, body).await)
            },
        );
    let changes = respond.or(refresh).unify().or(block("block", true)).unify().or(block("unblock", false)).unify();
    list.or(compatibility).unify().or(changes).unify().or(unmatch).unify().boxed()
}

async fn list(services: &Services, visitor: &Visitor, query: &str, headers: &HeaderMap) -> Result<Reply> {
    let SuggestionsQuery { cursor, limit } = SuggestionsQuery::parse(query)?;
    let user = visitor.principal()?.user;
    let page = services.matchmaking.suggestions(user, cursor, limit.unwrap_or(PAGE_DEFAULT)).await?;
    // What others write of themselves must not tell by its size what else is in the answer.
    Ok(Reply::tagged_json(&page, headers)?.uncompressed())
}

async fn compatibility(services: &Services, visitor: &Visitor, query: &str) -> Result<Reply> {
    let mut query = Query::new(query);
    let OtherQuery { other_user_id } = OtherQuery { other_user_id: id(&mut query, "other_user_id") };
    query.end()?;
    let other = other_user_id.ok_or_else(|| Error::bad_request("Say with whom, in `other_user_id`."))?;
    Reply::json(&services.matchmaking.compatibility(visitor.principal()?.user, other).await?)
}

async fn respond(services: &Services, visitor: &Visitor, body: Result<RespondForm>) -> Result<Reply> {
    let RespondForm { suggestion_id, action } = body?;
    Reply::json(&services.matchmaking.respond(visitor.principal()?.user, suggestion_id, action).await?)
}

async fn refresh(services: &Services, visitor: &Visitor) -> Result<Reply> {
    Reply::json(&services.matchmaking.refresh(visitor.principal()?.user).await?)
}

async fn block(services: &Services, visitor: &Visitor, body: Result<BlockForm>, on: bool) -> Result<Reply> {
    let BlockForm { blocked_user_id } = body?;
    services.chat.set_block(visitor.principal()?.user, blocked_user_id, on).await?;
    Ok(Reply::empty())
}

async fn unmatch(services: &Services, visitor: &Visitor, body: Result<UnmatchForm>) -> Result<Reply> {
    let UnmatchForm { target_user_id, reason_category, reason_text } = body?;
    let user = visitor.principal()?.user;
    services.matchmaking.unmatch(user, target_user_id, reason_category, reason_text).await?;
    Ok(Reply::empty())
}
