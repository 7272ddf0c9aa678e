//! `/api/admin`: everything an admin does over HTTP. A change answers with what the service has audited, and with nothing
//! else: `acts` takes no handler that could forget it.

mod jobs;
mod matching;
mod oneself;
mod people;
mod reports;
mod roster;
mod system;

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

pub(super) use self::jobs::{JOBS, RUN_JOB};
pub(super) use self::matching::{
    BACKFILL_CHATS, BACKFILL_VECTORS, CONFIRM_PENDING, EXPLAIN, PAIR, READINESS, RUNS, TRIGGER,
};
pub(super) use self::oneself::{ME, STEP_UP, TOTP, UNLOCK};
pub(super) use self::people::{CHANGE_USERS, USER, USERS};
pub(super) use self::reports::{CLAIM_REPORT, DECIDE_REPORT, RELEASE_REPORT, REPORT, REPORT_EVENTS, REPORTS};
pub(super) use self::roster::{ACCEPT_INVITE, ADMINS, INVITE, INVITES, MAKE_TOKEN, REMOVE_ADMIN, REVOKE_TOKEN, TOKENS};
pub(super) use self::system::{AUDIT_LOG, EXPORT_AUDIT_LOG, PROVE_AUDIT_LOG, REALTIME, RESTART_REALTIME};
use super::{query, visitor, with};
use crate::admin::{Actor, Audited, Reason};
use crate::error::{Error, Result};
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::services::Services;

/// A request of an admin on its way to its handler.
struct Call<Id = Uuid> {
    services: Arc<Services>,
    actor: Actor,
    /// The id in the path; nil when there is none.
    id: Id,
}

impl<Id> Call<Id> {
    fn new(services: Arc<Services>, visitor: &Visitor, id: Id) -> Result<Self> {
        Ok(Self { services, actor: visitor.admin()?.clone(), id })
    }
}

/// Why an admin does it, as it stands in a form.
///
/// # Errors
/// `bad_request` that names the field.
fn reason(text: &str) -> Result<Reason> {
    Reason::parse(text).map_err(|detail| wrong("reason", &detail))
}

fn wrong(field: &'static str, detail: &str) -> Error {
    Error::bad_request(format!("The field {field} {detail}."))
        .with(serde_json::json!({ "fields": [{ "field": field, "detail": detail }] }))
}

/// `/api/admin/{names}`.
fn at(names: &'static [&'static str]) -> BoxedFilter<(Uuid,)> {
    below(names).and(warp::path::end()).map(Uuid::nil).boxed()
}

/// `/api/admin/{name}/{id}/{rest}`.
fn of(name: &'static [&'static str], rest: &'static [&'static str]) -> BoxedFilter<(Uuid,)> {
    let tail = rest.iter().fold(warp::any().boxed(), |path, name| path.and(warp::path(*name)).boxed());
    below(name).and(warp::path::param::<Uuid>()).and(tail).and(warp::path::end()).boxed()
}

fn below(names: &'static [&'static str]) -> BoxedFilter<()> {
    let root = warp::path("api").and(warp::path("admin")).boxed();
    names.iter().fold(root, |path, name| path.and(warp::path(*name)).boxed())
}

/// A route by which an admin changes something.
fn acts<Id, T, F>(
    services: &Arc<Services>,
    path: BoxedFilter<(Id,)>,
    handler: fn(Call<Id>, Bytes) -> F,
) -> BoxedFilter<(Response,)>
where
    Id: Send + 'static,
    T: Serialize + Send + 'static,
    F: Future<Output = Result<Audited<T>>> + Send + 'static,
{
    path.and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(warp::body::bytes())
        .then(move |id: Id, services: Arc<Services>, visitor: Visitor, body: Bytes| async move {
            answer(
                async {
                    let done = handler(Call::new(services, &visitor, id)?, body).await?;
                    told(&done.value())
                }
                .await,
            )
        })
        .boxed()
}

/// 200 with what there is to tell, 204 when there is nothing.
fn told<T: Serialize>(value: &T) -> Result<Reply> {
    let value = serde_json::to_value(value).map_err(Error::internal)?;
    if value.is_null() { Ok(Reply::empty()) } else { Reply::json(&value) }
}

/// A route by which an admin sees something.
fn looks<F>(
    services: &Arc<Services>,
    path: BoxedFilter<(Uuid,)>,
    handler: fn(Call, String) -> F,
) -> BoxedFilter<(Response,)>
where
    F: Future<Output = Result<Reply>> + Send + 'static,
{
    path.and(warp::get())
        .and(with(services))
        .and(visitor())
        .and(query())
        .then(move |id: Uuid, services: Arc<Services>, visitor: Visitor, raw: String| async move {
            answer(async { handler(Call::new(services, &visitor, id)?, raw).await }.await)
        })
        .boxed()
}

/// The routes of admins.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    oneself::routes(services)
        .or(roster::routes(services))
        .unify()
        .or(people::routes(services))
        .unify()
        .or(reports::routes(services))
        .unify()
        .or(jobs::routes(services))
        .unify()
        .or(matching::routes(services))
        .unify()
        .or(system::routes(services))
        .unify()
        .boxed()
}
