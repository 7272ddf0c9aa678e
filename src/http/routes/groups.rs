//! `/api/groups` and `/api/invites`: groups without a socket; the same service answers as there.

use std::sync::Arc;

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{json, visitor, with};
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::ids::{ChatId, ClientMessageId, UserId};
use crate::protocol::groups::{NewGroup, Step};
use crate::services::Services;

/// A group to be made: who asks is its owner, the others are invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupForm {
    /// The client's own id of this group: asked again with the same one, the same group is answered and none is made.
    cid: Option<ClientMessageId>,
    /// What it is called.
    #[schema(min_length = 1, max_length = 60)]
    title: String,
    /// Who is invited: people one shares an open chat with.
    #[schema(min_items = 1, max_items = 9)]
    members: Vec<UserId>,
}

/// One person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonForm {
    /// Who.
    user: UserId,
}

/// Another name of a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TitleForm {
    /// What it is called from now on.
    #[schema(min_length = 1, max_length = 60)]
    title: String,
}

/// The routes of groups.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let create = warp::path!("api" / "groups").and(warp::post()).and(with(services)).and(visitor()).and(json()).then(
        |services: Arc<Services>, visitor: Visitor, body: Result<GroupForm>| async move {
            answer(create(&services, &visitor, body).await)
        },
    );
    let list = warp::path!("api" / "invites")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .then(|services: Arc<Services>, visitor: Visitor| async move { answer(list(&services, &visitor).await) });
    let rename = warp::path!("api" / "groups" / ChatId / "rename")
        .and(warp::post())
        .and(json())
        .map(|chat, body: Result<TitleForm>| (chat, body.map(|TitleForm { title }| Step::Rename(title))));
    let about = |name: &'static str, step: fn(PersonForm) -> Step| {
        warp::path!("api" / "groups" / ChatId / ..)
            .and(warp::path(name))
            .and(warp::path::end())
            .and(warp::post())
            .and(json())
            .map(move |chat: ChatId, body: Result<PersonForm>| (chat, body.map(step)))
            .boxed()
    };
    let own = |group: &'static str, name: &'static str, step: Step| {
        warp::path!("api" / ..)
            .and(warp::path(group))
            .and(warp::path::param::<ChatId>())
            .and(warp::path(name))
            .and(warp::path::end())
            .and(warp::post())
            .map(move |chat: ChatId| (chat, Ok(step.clone())))
            .boxed()
    };
    let step = rename
        .or(about("invite", |it| Step::Invite(it.user)))
        .unify()
        .or(about("revoke", |it| Step::Revoke(it.user)))
        .unify()
        .or(about("remove", |it| Step::Remove(it.user)))
        .unify()
        .or(about("transfer", |it| Step::Transfer(it.user)))
        .unify()
        .or(own("groups", "leave", Step::Leave))
        .unify()
        .or(own("invites", "accept", Step::Accept))
        .unify()
        .or(own("invites", "decline", Step::Decline))
        .unify()
        .and(with(services))
        .and(visitor())
        .then(|(chat, step): (ChatId, Result<Step>), services: Arc<Services>, visitor: Visitor| async move {
            answer(change(&services, &visitor, chat, step).await)
        });
    create.or(list).unify().or(step).unify().boxed()
}

async fn create(services: &Services, visitor: &Visitor, body: Result<GroupForm>) -> Result<Reply> {
    let GroupForm { cid, title, members } = body?;
    let asked = NewGroup { cid, title, members };
    Reply::json(&services.chat.create_group(visitor.principal()?.user, asked).await?)
}

async fn list(services: &Services, visitor: &Visitor) -> Result<Reply> {
    Reply::json(&services.chat.invites(visitor.principal()?.user).await?)
}

async fn change(services: &Services, visitor: &Visitor, chat: ChatId, step: Result<Step>) -> Result<Reply> {
    services.chat.change_group(visitor.principal()?.user, chat, step?).await?;
    Ok(Reply::empty())
}
