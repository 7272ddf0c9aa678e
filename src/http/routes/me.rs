//! `/api/me`: the person who is signed in.

use std::sync::Arc;

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{json, visitor, with};
use crate::accounts::{ProfileForm, SettingsForm};
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::services::Services;

/// The routes of the person who is signed in.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let show = warp::path!("api" / "me")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .then(|s: Arc<Services>, v: Visitor| async move { answer(show(&s, &v).await) });
    let profile = warp::path!("api" / "me" / "profile")
        .and(warp::patch())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(profile(&s, &v, body).await) });
    let settings = warp::path!("api" / "me" / "settings")
        .and(warp::patch())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(settings(&s, &v, body).await) });
    show.or(profile).unify().or(settings).unify().boxed()
}

/// The person who is signed in, as they see themselves.
///
/// # Errors
/// What the store says.
pub async fn show(services: &Services, visitor: &Visitor) -> Result<Reply> {
    let principal = visitor.principal()?;
    Reply::json(&services.accounts.me(principal.user, principal.session).await?)
}

async fn profile(services: &Services, visitor: &Visitor, body: Result<ProfileForm>) -> Result<Reply> {
    services.accounts.change_profile(visitor.principal()?.user, body?).await?;
    show(services, visitor).await
}

async fn settings(services: &Services, visitor: &Visitor, body: Result<SettingsForm>) -> Result<Reply> {
    services.accounts.change_settings(visitor.principal()?.user, body?).await?;
    show(services, visitor).await
}
