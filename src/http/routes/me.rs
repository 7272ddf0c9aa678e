//! `/api/me`: the person who is signed in.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{json, visitor, with};
use crate::accounts::{Me, model::Locale};
use crate::error::{Error, Result};
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::ids::SessionId;
use crate::services::Services;

/// What a person may change about themselves here.
#[derive(Debug, Deserialize)]
struct Change {
    locale: Locale,
}

/// The routes of the person who is signed in.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let path = warp::path!("api" / "me");
    let show = path
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .then(|services: Arc<Services>, visitor: Visitor| async move { answer(show(&services, &visitor).await) });
    let change = path
        .and(warp::patch())
        .and(with(services))
        .and(visitor())
        .and(json::<Change>())
        .then(|services: Arc<Services>, visitor: Visitor, body| async move { answer(change(&services, &visitor, body).await) });
    show.or(change).unify().boxed()
}

async fn show(services: &Services, visitor: &Visitor) -> Result<Reply> {
    let principal = visitor.principal()?;
    let me = services.accounts.me(principal.user).await?;
    Reply::json(&with_session(&me, principal.session)?)
}

async fn change(services: &Services, visitor: &Visitor, body: Result<Change>) -> Result<Reply> {
    let principal = visitor.principal()?;
    let me = services.accounts.set_locale(principal.user, body?.locale).await?;
    Reply::json(&with_session(&me, principal.session)?)
}

/// A person as the API shows them, with the session that is looking.
///
/// # Errors
/// `internal` when the person has no JSON form.
pub fn with_session(me: &Me, session: SessionId) -> Result<Value> {
    let mut me = serde_json::to_value(me).map_err(Error::internal)?;
    if let Some(members) = me.as_object_mut() {
        members.insert("session".to_owned(), json!(session));
    }
    Ok(me)
}
