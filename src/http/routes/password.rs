//! Passwords and e-mail addresses: forgotten, reset, changed.

use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::auth::{Done, Mailed, Proven};
use super::{json, me, visitor, with};
use crate::accounts::{AddressProof, MailProof, PasswordForm, secret};
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::services::Services;

/// The form of a forgotten password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Forgot {
    #[schema(min_length = 3, max_length = 254)]
    email: String,
}

/// The form of a new address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEmail {
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// The routes of passwords and addresses.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let forgot = warp::path!("api" / "auth" / "forgot-password")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(forgot(&s, &v, body).await) });
    let reset = warp::path!("api" / "auth" / "reset-password")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(reset(&s, &v, body).await) });
    let password = warp::path!("api" / "me" / "password")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(password(&s, &v, body).await) });
    forgot.or(reset).unify().or(password).unify().or(addresses(services)).unify().boxed()
}

fn addresses(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let change = warp::path!("api" / "me" / "email")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(change(&s, &v, body).await) });
    let withdraw = warp::path!("api" / "me" / "email")
        .and(warp::delete())
        .and(with(services))
        .and(visitor())
        .then(|s: Arc<Services>, v: Visitor| async move { answer(withdraw(&s, &v).await) });
    let confirm = warp::path!("api" / "me" / "email" / "confirm")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(confirm(&s, &v, body).await) });
    change.or(withdraw).unify().or(confirm).unify().boxed()
}

async fn forgot(services: &Services, visitor: &Visitor, body: Result<Forgot>) -> Result<Reply> {
    services.accounts.forgot_password(&body?.email, visitor.address).await?;
    Reply::json(&Done { status: "reset_mail" })
}

async fn reset(services: &Services, visitor: &Visitor, body: Result<Proven>) -> Result<Reply> {
    let (proof, password) = match body? {
        Proven::Link { token, password } => (MailProof::Link(token), password),
        Proven::Code { email, code, password } => (MailProof::Code { email, code }, password),
    };
    services.accounts.reset_password(proof, &password, visitor.address).await?;
    Reply::json(&Done { status: "reset" })
}

async fn password(services: &Services, visitor: &Visitor, body: Result<PasswordForm>) -> Result<Reply> {
    services.accounts.change_password(visitor.principal()?, body?).await?;
    me::show(services, visitor).await
}

async fn change(services: &Services, visitor: &Visitor, body: Result<NewEmail>) -> Result<Reply> {
    let form = body?;
    let who = visitor.principal()?;
    let email = services.accounts.change_email(who, &form.email, &form.password, visitor.address).await?;
    Reply::json(&Mailed { status: "confirm_email", email })
}

async fn withdraw(services: &Services, visitor: &Visitor) -> Result<Reply> {
    services.accounts.withdraw_email(visitor.principal()?.user).await?;
    me::show(services, visitor).await
}

async fn confirm(services: &Services, visitor: &Visitor, body: Result<AddressProof>) -> Result<Reply> {
    services.accounts.confirm_email(visitor.principal()?, body?, visitor.address).await?;
    me::show(services, visitor).await
}
