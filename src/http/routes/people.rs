//! `/api/people` and `/api/blocks`: people one shares a chat with, and whom one wants to hear nothing from.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{visitor, with};
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::ids::UserId;
use crate::protocol::people::Blocked;
use crate::services::Services;

/// Whom a person has blocked.
#[derive(Debug, Serialize, ToSchema)]
pub struct Blocks {
    /// The latest first.
    blocks: Vec<Blocked>,
}

/// The routes of other people.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let person =
        warp::path!("api" / "people" / UserId).and(warp::get()).and(with(services)).and(visitor()).then(
            |id: UserId, services: Arc<Services>, visitor: Visitor| async move {
                answer(person(&services, &visitor, id).await)
            },
        );
    let list = warp::path!("api" / "blocks")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .then(|services: Arc<Services>, visitor: Visitor| async move { answer(list(&services, &visitor).await) });
    let block = warp::path!("api" / "blocks" / UserId)
        .and(warp::put().map(|| true).or(warp::delete().map(|| false)).unify())
        .and(with(services))
        .and(visitor())
        .then(|id: UserId, on: bool, services: Arc<Services>, visitor: Visitor| async move {
            answer(block(&services, &visitor, id, on).await)
        });
    person.or(list).unify().or(block).unify().boxed()
}

async fn person(services: &Services, visitor: &Visitor, id: UserId) -> Result<Reply> {
    Reply::json(&services.chat.person(visitor.principal()?.user, id).await?)
}

async fn list(services: &Services, visitor: &Visitor) -> Result<Reply> {
    Reply::json(&Blocks { blocks: services.chat.blocks(visitor.principal()?.user).await? })
}

async fn block(services: &Services, visitor: &Visitor, id: UserId, on: bool) -> Result<Reply> {
    services.chat.set_block(visitor.principal()?.user, id, on).await?;
    Ok(Reply::empty())
}
