//! `/api/admin/users`: people as admins find, see and change them.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{Call, acts, at, looks, of, reason, wrong};
use crate::admin::{Audited, PeopleAct, PeopleChanged, Permission, UserFilter, UserList, UserQuery, UserView};
use crate::error::Result;
use crate::http::body;
use crate::http::query::Query;
use crate::http::reply::Reply;
use crate::http::routes::doc::doc;
use crate::http::routes::table::{change, get};
use crate::http::routes::{RouteSpec, Who};
use crate::ids::UserId;
use crate::protocol::codes::Code;
use crate::services::Services;

/// Which people are listed.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the members are the parameters of the documentation")]
pub struct UsersQuery {
    /// A part of the address or the name.
    #[schema(max_length = 100)]
    search: Option<String>,
    /// Only at the university of this name in addresses.
    university: Option<String>,
    /// `active` or `suspended`.
    status: Option<String>,
    /// `verified` or `unverified`.
    verification: Option<String>,
    /// `newest` or `oldest` account first.
    #[schema(default = "newest")]
    sort: Option<String>,
    /// What came behind this person: `next` of the page before.
    after: Option<UserId>,
    /// How many.
    #[schema(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// What is to be done to people.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsersForm {
    /// What.
    action: PeopleAct,
    /// To whom: to all of them or, when one cannot be, to none.
    #[serde(alias = "userIds")]
    #[schema(min_items = 1, max_items = 100)]
    user_ids: Vec<UserId>,
    /// For how many days they are suspended; without it until that is lifted.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u32>,
    /// Why, for the audit log.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
}

/// Longest suspension that ends by itself, in days.
const DAYS_MAX: u32 = 3_650;

/// Longest search, in Unicode scalars.
const SEARCH_CHARS_MAX: usize = 100;

/// People on a page when the request does not say.
const PAGE: usize = 50;

pub(in crate::http::routes) const USERS: RouteSpec = get(
    "/api/admin/users",
    Who::Admin(Permission::ViewUsers),
    doc("People in one's scope").query::<UsersQuery>().gives::<UserList>(),
);

pub(in crate::http::routes) const USER: RouteSpec = get(
    "/api/admin/users/{id}",
    Who::Admin(Permission::ViewUsers),
    doc("Somebody, with what there is of them in numbers; the audit log is told").gives::<UserView>(),
);

pub(in crate::http::routes) const CHANGE_USERS: RouteSpec = change(
    Method::POST,
    "/api/admin/users",
    Who::Admin(Permission::SuspendUsers),
    doc("Suspend people, let them in again, or sign them out everywhere")
        .takes::<UsersForm>()
        .gives::<PeopleChanged>()
        .errors(&[Code::Conflict]),
);

pub(super) fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    looks(services, at(&["users"]), list)
        .or(looks(services, of(&["users"], &[]), view))
        .unify()
        .or(acts(services, at(&["users"]), change_users))
        .unify()
        .boxed()
}

async fn list(call: Call, raw: String) -> Result<Reply> {
    let limit_max = call.services.limits.admin_page_max;
    let mut query = Query::new(&raw);
    let filter = UserFilter {
        search: query.short_text("search", SEARCH_CHARS_MAX).filter(|text| !text.trim().is_empty()),
        university: None,
        active: query.word("status", &["active", "suspended"]).map(|word| word == "active"),
        verified: query.word("verification", &["verified", "unverified"]).map(|word| word == "verified"),
        oldest_first: query.word("sort", &["newest", "oldest"]) == Some("oldest"),
        after: query.id("after"),
    };
    let university = query.short_text("university", SEARCH_CHARS_MAX);
    let limit = query.number("limit", 1..=limit_max).unwrap_or(PAGE.min(limit_max));
    query.end()?;
    Reply::json(&call.services.admin.users(&call.actor, UserQuery { filter, university, limit }).await?)
}

async fn view(call: Call, raw: String) -> Result<Reply> {
    Query::new(&raw).end()?;
    let view = call.services.admin.user(&call.actor, UserId(call.id)).await?;
    Reply::json(&view.value())
}

async fn change_users(call: Call, body: Bytes) -> Result<Audited<PeopleChanged>> {
    let UsersForm { action, user_ids, days, reason: why } = body::parse(&body)?;
    let most = call.services.limits.admin_users_max;
    if user_ids.is_empty() || user_ids.len() > most {
        return Err(wrong("user_ids", &format!("must name 1 to {most} people")));
    }
    if days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days) || action != PeopleAct::Suspend) {
        return Err(wrong("days", &format!("must be from 1 to {DAYS_MAX}, and goes with suspend only")));
    }
    let reason = reason(&why)?;
    call.services.admin.change_people(&call.actor, (action, user_ids), days, reason).await
}
