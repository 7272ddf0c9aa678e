//! `/api/admin/me`, the second factor, and unlocking a session.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{Call, acts, at, looks};
use crate::admin::{AdminSelf, Audited, Confirmed, Enrolment, Permission};
use crate::error::Result;
use crate::http::body;
use crate::http::query::Query;
use crate::http::reply::Reply;
use crate::http::routes::doc::doc;
use crate::http::routes::table::{change, get};
use crate::http::routes::{RouteSpec, Who};
use crate::protocol::codes::Code;
use crate::services::Services;

const ONESELF: Who = Who::Admin(Permission::Oneself);

/// A code of an app.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeForm {
    /// The six digits that it shows now.
    #[schema(min_length = 6, max_length = 6)]
    code: String,
}

/// The admin secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretForm {
    /// As the operator told it.
    #[serde(deserialize_with = "crate::accounts::secret")]
    #[schema(value_type = String, format = Password)]
    secret: SecretString,
}

pub(in crate::http::routes) const ME: RouteSpec =
    get("/api/admin/me", ONESELF, doc("Oneself as an admin, and what one may do").gives::<AdminSelf>());

pub(in crate::http::routes) const TOTP: RouteSpec = change(
    Method::POST,
    "/api/admin/totp",
    ONESELF,
    doc("Begin a second factor; the first code shown confirms it").gives::<Enrolment>(),
);

pub(in crate::http::routes) const STEP_UP: RouteSpec = change(
    Method::POST,
    "/api/admin/step-up",
    ONESELF,
    doc("Show the second factor, to do for a while what is dangerous")
        .takes::<CodeForm>()
        .gives::<Confirmed>()
        .errors(&[Code::RateLimited]),
);

pub(in crate::http::routes) const UNLOCK: RouteSpec = change(
    Method::POST,
    "/api/admin/unlock",
    ONESELF,
    doc("Unlock this session with the admin secret for a while")
        .takes::<SecretForm>()
        .errors(&[Code::Conflict, Code::RateLimited]),
);

pub(super) fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    looks(services, at(&["me"]), me)
        .or(acts(services, at(&["totp"]), totp))
        .unify()
        .or(acts(services, at(&["step-up"]), step_up))
        .unify()
        .or(acts(services, at(&["unlock"]), unlock))
        .unify()
        .boxed()
}

async fn me(call: Call, raw: String) -> Result<Reply> {
    Query::new(&raw).end()?;
    Reply::json(&call.services.admin.oneself(&call.actor)?)
}

async fn totp(call: Call, _body: Bytes) -> Result<Audited<Enrolment>> {
    call.services.admin.enrol(&call.actor).await
}

async fn step_up(call: Call, body: Bytes) -> Result<Audited<Confirmed>> {
    let CodeForm { code } = body::parse(&body)?;
    call.services.admin.step_up(&call.actor, code).await
}

async fn unlock(call: Call, body: Bytes) -> Result<Audited<()>> {
    let SecretForm { secret } = body::parse(&body)?;
    call.services.admin.unlock(&call.actor, secret).await
}
