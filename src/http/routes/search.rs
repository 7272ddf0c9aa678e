//! `/api/search`: what was said in one's chats.

use std::sync::Arc;

use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{query, visitor, with};
use crate::chat::Search;
use crate::config::Limits;
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::query::Query;
use crate::http::reply::{Reply, answer};
use crate::ids::ChatId;
use crate::services::Services;

/// Messages of a page when the request does not say.
const HITS_DEFAULT: usize = 20;
/// Longest search, in characters.
const SEARCH_CHARS_MAX: usize = 200;
/// Characters of an id.
const ID_CHARS: usize = 36;

/// What is looked for.
#[derive(Debug, ToSchema)]
pub struct SearchQuery {
    /// Words: a message has all of them, or words that begin with them, or other Dutch or English forms of them.
    #[schema(min_length = 1, max_length = 200)]
    q: String,
    /// Only in this chat.
    chat: Option<ChatId>,
    /// Only before this place: the `next` of the page before.
    before: Option<u64>,
    /// How many.
    #[schema(minimum = 1, maximum = 50, default = 20)]
    limit: Option<usize>,
}

impl SearchQuery {
    fn parse(raw: &str, limits: &Limits) -> Result<Self> {
        let mut query = Query::new(raw);
        let q = query.short_text("q", SEARCH_CHARS_MAX).unwrap_or_default();
        let chat = query.short_text("chat", ID_CHARS).and_then(|id| {
            let chat = id.parse().ok();
            if chat.is_none() {
                query.refuse("chat", "must be the id of a chat");
            }
            chat
        });
        let before = query.number("before", 0..=u64::MAX >> 1);
        let limit = query.number("limit", 1..=limits.search_page_max);
        query.end().map(|()| Self { q, chat, before, limit })
    }
}

/// The route of searching.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "search")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .and(query())
        .then(|services: Arc<Services>, visitor: Visitor, query: String| async move {
            answer(search(&services, &visitor, &query).await)
        })
        .boxed()
}

async fn search(services: &Services, visitor: &Visitor, query: &str) -> Result<Reply> {
    let SearchQuery { q, chat, before, limit } = SearchQuery::parse(query, &services.limits)?;
    let asked = Search { words: q, chat, before, limit: limit.unwrap_or(HITS_DEFAULT) };
    let found = services.chat.search(visitor.principal()?.user, &asked).await?;
    // As with the list: what others write must not show in the size of what they cannot see.
    Ok(Reply::json(&found)?.uncompressed())
}
