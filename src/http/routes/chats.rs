//! `/api/chats` and `/api/chat/send`: the conversation without a socket, for programs, and for pages whose network lets
//! no socket through. The same service answers as on the socket; what is sent here shows there in the same order.

use std::sync::Arc;

use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{json, query, visitor, with};
use crate::chat::Listing;
use crate::config::Limits;
use crate::error::Result;
use crate::http::body::field_error;
use crate::http::gate::Visitor;
use crate::http::query::Query;
use crate::http::reply::{Reply, answer};
use crate::ids::{ChatId, ClientMessageId, MessageId};
use crate::protocol::NUMBER_MAX;
use crate::protocol::client::{History, Publish};
use crate::services::Services;

/// Chats in a window when the request does not say.
const CHATS_DEFAULT: usize = 20;
/// Farthest place in the list that can be asked for: far beyond any end.
const PLACE_MAX: usize = 1_000_000_000;
/// Longest search for a chat, in characters: longer than any name.
const SEARCH_CHARS_MAX: usize = 100;
/// Longest name of the store's life, in characters.
const EPOCH_CHARS_MAX: usize = 64;

/// A message to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Where to.
    chat_id: ChatId,
    /// Made once for this message, the same on every retry.
    cid: ClientMessageId,
    /// The text, as typed.
    #[schema(min_length = 1, max_length = 4000)]
    text: String,
    /// The message this one answers.
    reply_to: Option<MessageId>,
}

/// How far a person has read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// Everything up to this number.
    seq: u64,
}

/// Which chats of the list.
#[derive(Debug, ToSchema)]
pub struct ListQuery {
    /// The place of the first, from 0.
    #[schema(minimum = 0, maximum = 1_000_000_000, default = 0)]
    first: Option<usize>,
    /// How many.
    #[schema(minimum = 1, maximum = 50, default = 20)]
    limit: Option<usize>,
    /// Only chats with a name that has a word beginning like this.
    #[schema(max_length = 100)]
    q: Option<String>,
}

impl ListQuery {
    fn parse(raw: &str, limits: &Limits) -> Result<Self> {
        let mut query = Query::new(raw);
        let parsed = Self {
            first: query.number("first", 0..=PLACE_MAX),
            limit: query.number("limit", 1..=limits.window_chats_max),
            q: query.short_text("q", SEARCH_CHARS_MAX),
        };
        query.end().map(|()| parsed)
    }
}

/// Which events of a chat: exactly one of `before`, `after` and `around`.
#[derive(Debug, ToSchema)]
pub struct PageQuery {
    /// Those before this number.
    before: Option<u64>,
    /// Those after this number.
    after: Option<u64>,
    /// Those around this number.
    around: Option<u64>,
    /// How many.
    #[schema(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The life of the store that the number belongs to.
    #[schema(max_length = 64)]
    epoch: Option<String>,
}

impl PageQuery {
    fn parse(raw: &str, limits: &Limits) -> Result<Self> {
        let mut query = Query::new(raw);
        let page_max = u32::try_from(limits.history_page_max).unwrap_or(u32::MAX);
        let mut place = |name| query.number(name, 0..=NUMBER_MAX - 1);
        let (before, after, around) = (place("before"), place("after"), place("around"));
        let limit = query.number("limit", 1..=page_max);
        let epoch = query.short_text("epoch", EPOCH_CHARS_MAX);
        query.end().map(|()| Self { before, after, around, limit, epoch })
    }
}

/// The routes of conversations.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "chats")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .and(query())
        .and(warp::header::headers_cloned())
        .then(|services: Arc<Services>, visitor: Visitor, query: String, headers: HeaderMap| async move {
            answer(list(&services, &visitor, &query, &headers).await)
        });
    let messages = warp::path!("api" / "chats" / ChatId / "messages")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .and(query())
        .and(warp::header::headers_cloned())
        .then(|chat, services: Arc<Services>, visitor: Visitor, query: String, headers: HeaderMap| async move {
            answer(messages(&services, &visitor, chat, &query, &headers).await)
        });
    let send = warp::path!("api" / "chat" / "send")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|services: Arc<Services>, visitor: Visitor, body| async move {
            answer(send(&services, &visitor, body).await)
        });
    let read = warp::path!("api" / "chats" / ChatId / "read")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|chat, services: Arc<Services>, visitor: Visitor, body| async move {
            answer(read(&services, &visitor, chat, body).await)
        });
    list.or(messages).unify().or(send).unify().or(read).unify().boxed()
}

async fn list(services: &Services, visitor: &Visitor, query: &str, headers: &HeaderMap) -> Result<Reply> {
    let ListQuery { first, limit, q } = ListQuery::parse(query, &services.limits)?;
    let asked =
        Listing { first: first.unwrap_or(0), limit: limit.unwrap_or(CHATS_DEFAULT), search: q.unwrap_or_default() };
    let chats = services.chat.list(visitor.principal()?.user, &asked).await?;
    // What strangers write in one chat must not tell by its size what is said in another.
    Ok(Reply::tagged_json(&chats, headers)?.uncompressed())
}

async fn messages(
    services: &Services,
    visitor: &Visitor,
    chat: ChatId,
    query: &str,
    headers: &HeaderMap,
) -> Result<Reply> {
    let PageQuery { before, after, around, limit, epoch } = PageQuery::parse(query, &services.limits)?;
    let asked = History { before, after, around, limit, epoch };
    let page = services.chat.history(visitor.principal()?.user, chat, &asked).await?;
    Reply::tagged_json(&page, headers)
}

async fn send(services: &Services, visitor: &Visitor, body: Result<Send>) -> Result<Reply> {
    let Send { chat_id, cid, text, reply_to } = body?;
    let publish = Publish { cid, text, reply_to };
    Reply::json(&services.chat.send(visitor.principal()?.user, chat_id, publish).await?)
}

async fn read(services: &Services, visitor: &Visitor, chat: ChatId, body: Result<Read>) -> Result<Reply> {
    let Read { seq } = body?;
    if seq >= NUMBER_MAX {
        return Err(field_error("seq", "must be below 2^53"));
    }
    Reply::json(&services.chat.read(visitor.principal()?.user, chat, seq).await?)
}
