//! What one is told of, without a socket: the news, muting chats, and ending mails with the link that is in them.

use std::sync::Arc;

use http::{HeaderMap, Method};
use serde::Deserialize;
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
use crate::ids::ChatId;
use crate::protocol::NUMBER_MAX;
use crate::protocol::codes::Code;
use crate::protocol::notify::{Mute, Muted, NoticeRead, Noticed, Notifications};
use crate::ratelimit::RateKind;
use crate::services::Services;

/// Whether one wants to be told of a chat.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteForm {
    /// True: one does not.
    on: bool,
    /// Until when, in milliseconds since the epoch; without it for ever.
    #[schema(minimum = 0, maximum = 253_402_300_799_000_i64)]
    until: Option<i64>,
}

pub(super) const MUTE: RouteSpec = change(
    Method::POST,
    "/api/chats/{id}/mute",
    Who::SignedIn,
    doc("Not to be told of a chat, for ever or until a moment, or to be told again")
        .takes::<MuteForm>()
        .gives::<Muted>()
        .errors(&[Code::NotMember, Code::RateLimited]),
)
.tells(RateKind::Mute, Subject::User);

/// A page of the news.
#[derive(Debug, ToSchema)]
pub struct NewsQuery {
    /// What came before this number; without it the newest.
    before: Option<u64>,
    /// How many.
    #[schema(minimum = 1, maximum = 100, default = 50)]
    limit: Option<usize>,
}

/// News in a page when the request does not say.
const NEWS_DEFAULT: usize = 50;
/// News in a page at most.
const NEWS_MAX: usize = 100;

impl NewsQuery {
    fn parse(raw: &str) -> Result<Self> {
        let mut query = Query::new(raw);
        let before = query.number("before", 0..=NUMBER_MAX - 1);
        let parsed = Self { before, limit: query.number("limit", 1..=NEWS_MAX) };
        query.end().map(|()| parsed)
    }
}

/// What of the news one has seen: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeForm {
    /// This one.
    seq: Option<u64>,
    /// Everything up to this number.
    upto: Option<u64>,
}

pub(super) const NEWS: RouteSpec = get(
    "/api/notifications",
    Who::SignedIn,
    doc("What is news to oneself, the newest first, and how much there is of each kind")
        .query::<NewsQuery>()
        .gives::<Notifications>()
        .or_unchanged()
        .errors(&[Code::RateLimited]),
)
.tells(RateKind::ChatList, Subject::User);

pub(super) const NOTICED: RouteSpec = change(
    Method::POST,
    "/api/notifications/read",
    Who::SignedIn,
    doc("Note what of the news one has seen: one, or everything up to a number")
        .takes::<NoticeForm>()
        .gives::<Noticed>()
        .errors(&[Code::RateLimited]),
)
.tells(RateKind::Notice, Subject::User);

/// The link of a mail that ends such mails.
#[derive(Debug, ToSchema)]
pub struct UnsubscribeQuery {
    /// The proof in it.
    #[schema(max_length = 100)]
    token: Option<String>,
}

impl UnsubscribeQuery {
    fn parse(raw: &str) -> Result<Self> {
        let mut query = Query::new(raw);
        let parsed = Self { token: query.short_text("token", TOKEN_CHARS_MAX) };
        query.end().map(|()| parsed)
    }
}

/// Longest proof in a link, in characters: longer than ours.
const TOKEN_CHARS_MAX: usize = 100;

/// What mail programs send for their readers. *Source*: RFC 8058 3.2.
const ONE_CLICK: &[&str] = &["application/x-www-form-urlencoded", "multipart/form-data"];

/// Needs no CSRF token: the proof in the address is all that it goes by, and no cookie is looked at.
pub(super) const UNSUBSCRIBE: RouteSpec = RouteSpec {
    method: Method::POST,
    path: "/unsubscribe",
    who: Who::Anyone,
    csrf: false,
    rate: None,
    doc: doc("End the mails about unread messages, as mail programs do it for their readers")
        .query::<UnsubscribeQuery>()
        .takes_bytes(ONE_CLICK)
        .errors(&[Code::RateLimited]),
};

/// The routes of what one is told of.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let unsubscribe = warp::path!("unsubscribe")
        .and(warp::post())
        .and(with(services))
        .and(query())
        .then(|services: Arc<Services>, query: String| async move { answer(unsubscribe(&services, &query).await) });
    let mute = warp::path!("api" / "chats" / ChatId / "mute")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|chat, services: Arc<Services>, visitor: Visitor, body| async move {
            answer(mute(&services, &visitor, chat, body).await)
        });
    let news = warp::path!("api" / "notifications")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .and(query())
        .and(warp::header::headers_cloned())
        .then(|services: Arc<Services>, visitor: Visitor, query: String, headers: HeaderMap| async move {
            answer(news(&services, &visitor, &query, &headers).await)
        });
    let noticed = warp::path!("api" / "notifications" / "read")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|services: Arc<Services>, visitor: Visitor, body| async move {
            answer(noticed(&services, &visitor, body).await)
        });
    unsubscribe.or(mute).unify().or(news).unify().or(noticed).unify().boxed()
}

async fn news(services: &Services, visitor: &Visitor, query: &str, headers: &HeaderMap) -> Result<Reply> {
    let NewsQuery { before, limit } = NewsQuery::parse(query)?;
    let user = visitor.principal()?.user;
    let page = services.chat.notifications(user, before, limit.unwrap_or(NEWS_DEFAULT)).await?;
    // What strangers write in one chat must not tell by its size what is said in another.
    Ok(Reply::tagged_json(&page, headers)?.uncompressed())
}

async fn noticed(services: &Services, visitor: &Visitor, body: Result<NoticeForm>) -> Result<Reply> {
    let NoticeForm { seq, upto } = body?;
    Reply::json(&services.chat.notice(visitor.principal()?.user, NoticeRead { seq, upto }).await?)
}

async fn unsubscribe(services: &Services, query: &str) -> Result<Reply> {
    let UnsubscribeQuery { token } = UnsubscribeQuery::parse(query)?;
    services.accounts.unsubscribe(&token.unwrap_or_default()).await?;
    Ok(Reply::empty())
}

async fn mute(services: &Services, visitor: &Visitor, chat: ChatId, body: Result<MuteForm>) -> Result<Reply> {
    let MuteForm { on, until } = body?;
    Reply::json(&services.chat.mute(visitor.principal()?.user, chat, Mute { on, until }).await?)
}
