//! `/api/sessions`: see where one is signed in, and sign out elsewhere.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::auth::goodbye;
use super::{visitor, with};
use crate::accounts::SessionInfo;
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::ids::SessionId;
use crate::services::Services;

/// Where a person is signed in.
#[derive(Serialize, ToSchema)]
pub struct Sessions {
    /// The latest used first.
    sessions: Vec<SessionInfo>,
}

/// The routes of a person's sessions.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "sessions")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .then(|services: Arc<Services>, visitor: Visitor| async move { answer(list(&services, &visitor).await) });
    let end =
        warp::path!("api" / "sessions" / SessionId).and(warp::delete()).and(with(services)).and(visitor()).then(
            |id: SessionId, services: Arc<Services>, visitor: Visitor| async move {
                answer(end(&services, &visitor, id).await)
            },
        );
    let end_others =
        warp::path!("api" / "sessions").and(warp::delete()).and(with(services)).and(visitor()).then(
            |services: Arc<Services>, visitor: Visitor| async move { answer(end_others(&services, &visitor).await) },
        );
    list.or(end).unify().or(end_others).unify().boxed()
}

async fn list(services: &Services, visitor: &Visitor) -> Result<Reply> {
    let principal = visitor.principal()?;
    let sessions = services.accounts.sessions(principal.user, principal.session).await?;
    Reply::json(&Sessions { sessions })
}

async fn end(services: &Services, visitor: &Visitor, id: SessionId) -> Result<Reply> {
    let principal = visitor.principal()?;
    services.accounts.end_own_session(principal.user, id).await?;
    if id == principal.session { goodbye() } else { Ok(Reply::empty()) }
}

async fn end_others(services: &Services, visitor: &Visitor) -> Result<Reply> {
    let principal = visitor.principal()?;
    services.accounts.revoke_others(principal.user, principal.session).await?;
    Ok(Reply::empty())
}
