//! `/api/admin/audit-log` and `/api/admin/realtime`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{Call, acts, at, looks, reason, wrong};
use crate::admin::{ActionFilter, ActionList, AuditProof, Audited, Permission, Realtime, Restarted};
use crate::chat::Scope;
use crate::error::Result;
use crate::http::body;
use crate::http::query::Query;
use crate::http::reply::Reply;
use crate::http::routes::doc::doc;
use crate::http::routes::table::{change, get};
use crate::http::routes::{RouteSpec, Who};
use crate::ids::{ChatId, UserId};
use crate::services::Services;

/// Which rows of the audit log.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the members are the parameters of the documentation")]
pub struct AuditQuery {
    /// Of this action, such as `suspend_users`.
    #[schema(max_length = 100)]
    action: Option<String>,
    /// On this sort of thing, such as `user`.
    #[schema(max_length = 100)]
    entity_type: Option<String>,
    /// On this thing.
    #[schema(max_length = 100)]
    entity_id: Option<String>,
    /// By this admin.
    admin_user_id: Option<UserId>,
    /// From this moment on (RFC 3339).
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Before this moment (RFC 3339).
    #[schema(format = DateTime)]
    to: Option<String>,
    /// Before this number: `next` of the page before.
    before: Option<i64>,
    /// How many.
    #[schema(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// Which rows of the audit log are exported, and how.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the members are the parameters of the documentation")]
pub struct ExportQuery {
    /// `json` or `csv`.
    #[schema(default = "json")]
    format: Option<String>,
    /// Of this action.
    #[schema(max_length = 100)]
    action: Option<String>,
    /// On this sort of thing.
    #[schema(max_length = 100)]
    entity_type: Option<String>,
    /// On this thing.
    #[schema(max_length = 100)]
    entity_id: Option<String>,
    /// By this admin.
    admin_user_id: Option<UserId>,
    /// From this moment on (RFC 3339).
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Before this moment (RFC 3339).
    #[schema(format = DateTime)]
    to: Option<String>,
    /// Before this number.
    before: Option<i64>,
}

/// Of whom somebody wants to know what is live.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the members are the parameters of the documentation")]
pub struct RealtimeQuery {
    /// Only of this person.
    user: Option<UserId>,
}

/// Whose sockets.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestartScope {
    /// Everybody's.
    All,
    /// One person's.
    User,
    /// Those of the members of a chat.
    Chat,
}

/// Sockets to be closed, so that their clients come back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartForm {
    /// Whose.
    scope: RestartScope,
    /// Which person or chat.
    id: Option<Uuid>,
    /// Over how many seconds.
    #[schema(minimum = 0, maximum = 600, default = 5)]
    within: Option<u32>,
    /// Why, for the audit log.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
}

/// Rows on a page when the request does not say.
const PAGE: usize = 50;

/// Longest text of a filter, in Unicode scalars.
const FILTER_CHARS_MAX: usize = 100;

/// Longest time over which sockets are closed, in seconds.
const WITHIN_MAX: u32 = 600;

/// Time over which sockets are closed when the request does not say, in seconds.
const WITHIN: u32 = 5;

pub(in crate::http::routes) const AUDIT_LOG: RouteSpec = get(
    "/api/admin/audit-log",
    Who::Admin(Permission::ReadAudit),
    doc("The audit log in one's scope, the newest first").query::<AuditQuery>().gives::<ActionList>(),
);

pub(in crate::http::routes) const EXPORT_AUDIT_LOG: RouteSpec = get(
    "/api/admin/audit-log/export",
    Who::Admin(Permission::ExportAudit),
    doc("The audit log in one's scope as a file, which the audit log is told")
        .query::<ExportQuery>()
        .bytes(200, &["application/json", "text/csv"]),
);

pub(in crate::http::routes) const PROVE_AUDIT_LOG: RouteSpec = get(
    "/api/admin/audit-log/proof",
    Who::Admin(Permission::ViewSystem),
    doc("Whether the audit log is whole and unchanged, and where it is not").gives::<AuditProof>(),
);

pub(in crate::http::routes) const REALTIME: RouteSpec = get(
    "/api/admin/realtime",
    Who::Admin(Permission::ViewSystem),
    doc("Sockets, and who holds them").query::<RealtimeQuery>().gives::<Realtime>(),
);

pub(in crate::http::routes) const RESTART_REALTIME: RouteSpec = change(
    Method::POST,
    "/api/admin/realtime/restart",
    Who::Admin(Permission::RunSystem),
    doc("Close sockets, so that their clients come back and resume; nothing is lost by it")
        .takes::<RestartForm>()
        .gives::<Restarted>(),
);

pub(super) fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    looks(services, at(&["audit-log"]), audit_log)
        .or(looks(services, at(&["audit-log", "export"]), export))
        .unify()
        .or(looks(services, at(&["audit-log", "proof"]), proof))
        .unify()
        .or(looks(services, at(&["realtime"]), realtime))
        .unify()
        .or(acts(services, at(&["realtime", "restart"]), restart))
        .unify()
        .boxed()
}

fn filter(query: &mut Query) -> ActionFilter {
    ActionFilter {
        action: query.short_text("action", FILTER_CHARS_MAX),
        entity_type: query.short_text("entity_type", FILTER_CHARS_MAX),
        entity_id: query.short_text("entity_id", FILTER_CHARS_MAX),
        admin: query.id("admin_user_id"),
        from: query.moment("from"),
        to: query.moment("to"),
        before: query.number("before", 1..=i64::MAX),
    }
}

async fn audit_log(call: Call, raw: String) -> Result<Reply> {
    let limit_max = call.services.limits.admin_page_max;
    let mut query = Query::new(&raw);
    let filter = filter(&mut query);
    let limit = query.number("limit", 1..=limit_max).unwrap_or(PAGE.min(limit_max));
    query.end()?;
    Reply::json(&call.services.admin.actions(&call.actor, &filter, limit).await?)
}

async fn export(call: Call, raw: String) -> Result<Reply> {
    let mut query = Query::new(&raw);
    let csv = query.word("format", &["json", "csv"]) == Some("csv");
    let filter = filter(&mut query);
    query.end()?;
    let list = call.services.admin.export_actions(&call.actor, filter).await?.value();
    if csv { Ok(Reply::bytes("text/csv; charset=utf-8", Bytes::from(list.to_csv()))) } else { Reply::json(&list) }
}

async fn proof(call: Call, raw: String) -> Result<Reply> {
    Query::new(&raw).end()?;
    Reply::json(&call.services.admin.prove_actions(&call.actor).await?)
}

async fn realtime(call: Call, raw: String) -> Result<Reply> {
    let mut query = Query::new(&raw);
    let user = query.id("user");
    query.end()?;
    Reply::json(&call.services.admin.realtime(&call.actor, user)?)
}

async fn restart(call: Call, body: Bytes) -> Result<Audited<Restarted>> {
    let RestartForm { scope, id, within, reason: why } = body::parse(&body)?;
    let whose = match (scope, id) {
        (RestartScope::All, None) => Scope::All,
        (RestartScope::User, Some(id)) => Scope::User(UserId(id)),
        (RestartScope::Chat, Some(id)) => Scope::Chat(ChatId(id)),
        _ => return Err(wrong("id", "goes with user and chat, and not with all")),
    };
    let within = within.unwrap_or(WITHIN);
    if within > WITHIN_MAX {
        return Err(wrong("within", &format!("must be at most {WITHIN_MAX}")));
    }
    let reason = reason(&why)?;
    let within = Duration::from_secs(within.into());
    call.services.admin.restart_realtime(&call.actor, whose, within, reason).await
}
