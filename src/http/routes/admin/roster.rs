//! `/api/admin/admins`, `/invites` and `/api-tokens`.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{Call, acts, at, looks, of, reason, told};
use crate::admin::{
    Admin, AdminList, Audited, InviteList, InviteSummary, MadeToken, NewToken, Permission, Role, TokenList,
};
use crate::error::Result;
use crate::http::body;
use crate::http::gate::Visitor;
use crate::http::query::Query;
use crate::http::reply::{Reply, answer};
use crate::http::routes::doc::doc;
use crate::http::routes::table::{change, get};
use crate::http::routes::{RouteSpec, Who, visitor, with};
use crate::ids::{AdminTokenId, UserId};
use crate::protocol::codes::Code;
use crate::services::Services;

const SEE: Who = Who::Admin(Permission::ViewAdmins);
const MANAGE: Who = Who::Admin(Permission::ManageAdmins);

/// Why an admin does it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonForm {
    /// For the audit log.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
}

/// Somebody to be invited as an admin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteForm {
    /// Their address.
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    /// To be what.
    role: Role,
    /// At which university, by its name in addresses; not for super admins.
    university: Option<String>,
    /// Why, for the audit log.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
}

/// A token to be made for one's own programs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenForm {
    /// What it is for.
    #[schema(min_length = 1, max_length = 60)]
    name: String,
    /// What it may be used for, of what one may oneself.
    #[schema(min_items = 1)]
    scopes: Vec<Permission>,
    /// For how many days.
    #[schema(minimum = 1, maximum = 90)]
    days: u32,
    /// Why, for the audit log.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
}

pub(in crate::http::routes) const ADMINS: RouteSpec =
    get("/api/admin/admins", SEE, doc("Who is an admin, in one's scope").gives::<AdminList>());

pub(in crate::http::routes) const REMOVE_ADMIN: RouteSpec = change(
    Method::POST,
    "/api/admin/admins/{id}/remove",
    MANAGE,
    doc("End somebody's being an admin at once, with their sessions and tokens")
        .takes::<ReasonForm>()
        .errors(&[Code::Conflict]),
);

pub(in crate::http::routes) const INVITES: RouteSpec =
    get("/api/admin/invites", SEE, doc("Open invitations to be an admin").gives::<InviteList>());

pub(in crate::http::routes) const INVITE: RouteSpec = change(
    Method::POST,
    "/api/admin/invites",
    MANAGE,
    doc("Invite whoever owns an address to be an admin").takes::<InviteForm>().gives::<InviteSummary>(),
);

pub(in crate::http::routes) const ACCEPT_INVITE: RouteSpec = change(
    Method::POST,
    "/api/admin/invites/accept",
    Who::SignedIn,
    doc("Become what one's confirmed address is invited to be")
        .gives::<InviteSummary>()
        .errors(&[Code::NotFound, Code::Conflict]),
);

pub(in crate::http::routes) const TOKENS: RouteSpec =
    get("/api/admin/api-tokens", SEE, doc("Live tokens of admins' programs").gives::<TokenList>());

pub(in crate::http::routes) const MAKE_TOKEN: RouteSpec = change(
    Method::POST,
    "/api/admin/api-tokens",
    MANAGE,
    doc("Make a token for one's own programs; it is told once").takes::<TokenForm>().gives::<MadeToken>(),
);

pub(in crate::http::routes) const REVOKE_TOKEN: RouteSpec =
    change(Method::POST, "/api/admin/api-tokens/{id}/revoke", MANAGE, doc("End a token at once").takes::<ReasonForm>());

pub(super) fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let accept = at(&["invites", "accept"]).and(warp::post()).and(with(services)).and(visitor()).then(
        |_nil, services: Arc<Services>, visitor: Visitor| async move { answer(accept(&services, &visitor).await) },
    );
    looks(services, at(&["admins"]), admins)
        .or(acts(services, of(&["admins"], &["remove"]), remove))
        .unify()
        .or(looks(services, at(&["invites"]), invites))
        .unify()
        .or(acts(services, at(&["invites"]), invite))
        .unify()
        .or(accept)
        .unify()
        .or(looks(services, at(&["api-tokens"]), tokens))
        .unify()
        .or(acts(services, at(&["api-tokens"]), make_token))
        .unify()
        .or(acts(services, of(&["api-tokens"], &["revoke"]), revoke_token))
        .unify()
        .boxed()
}

async fn admins(call: Call, raw: String) -> Result<Reply> {
    Query::new(&raw).end()?;
    Reply::json(&call.services.admin.admins(&call.actor).await?)
}

async fn remove(call: Call, body: Bytes) -> Result<Audited<()>> {
    let ReasonForm { reason: why } = body::parse(&body)?;
    call.services.admin.remove(&call.actor, UserId(call.id), reason(&why)?).await
}

async fn invites(call: Call, raw: String) -> Result<Reply> {
    Query::new(&raw).end()?;
    Reply::json(&call.services.admin.invites(&call.actor).await?)
}

async fn invite(call: Call, body: Bytes) -> Result<Audited<InviteSummary>> {
    let InviteForm { email, role, university, reason: why } = body::parse(&body)?;
    call.services.admin.invite(&call.actor, &email, (role, university), reason(&why)?).await
}

/// Whoever accepts is no admin yet: the invitation of their own confirmed address is what lets them.
async fn accept(services: &Services, visitor: &Visitor) -> Result<Reply> {
    let guest = Admin::guest(visitor.principal()?, visitor.address, visitor.request_id.clone());
    let done: Audited<InviteSummary> = services.admin.accept(&guest).await?;
    told(&done.value())
}

async fn tokens(call: Call, raw: String) -> Result<Reply> {
    Query::new(&raw).end()?;
    Reply::json(&call.services.admin.tokens(&call.actor).await?)
}

async fn make_token(call: Call, body: Bytes) -> Result<Audited<MadeToken>> {
    let TokenForm { name, scopes, days, reason: why } = body::parse(&body)?;
    let owner = call.actor.user.unwrap_or(UserId(call.id));
    call.services.admin.make_token(&call.actor, owner, NewToken { name, scopes, days }, reason(&why)?).await
}

async fn revoke_token(call: Call, body: Bytes) -> Result<Audited<()>> {
    let ReasonForm { reason: why } = body::parse(&body)?;
    call.services.admin.revoke_token(&call.actor, AdminTokenId(call.id), reason(&why)?).await
}
