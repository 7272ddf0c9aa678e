//! `/api/auth`: sign up, confirm, sign in, sign out, and bearers for programs.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{json, visitor, with};
use crate::accounts::{Device, Me, SignUp, SignedIn, secret};
use crate::doors::{self, ANON_COOKIE, CSRF_COOKIE, SESSION_COOKIE};
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::protocol::codes::Code;
use crate::services::Services;

/// What proves that a mail was read: the token of its link, or the address with its code; and the password.
#[derive(Deserialize, ToSchema)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "give `token` and `password`, or `email`, `code` and `password`, and nothing else"
)]
pub enum Proven {
    /// By the link.
    #[schema(title = "ProvenByLink")]
    Link {
        /// What stands in the link.
        #[schema(max_length = 100)]
        token: String,
        /// The password.
        #[serde(deserialize_with = "secret")]
        #[schema(value_type = String, format = Password, max_length = 1024)]
        password: SecretString,
    },
    /// By the code.
    #[schema(title = "ProvenByCode")]
    Code {
        /// The address.
        #[schema(min_length = 3, max_length = 254)]
        email: String,
        /// Six digits.
        #[schema(max_length = 100)]
        code: String,
        /// The password.
        #[serde(deserialize_with = "secret")]
        #[schema(value_type = String, format = Password, max_length = 1024)]
        password: SecretString,
    },
}

/// Where to send it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resend {
    #[schema(min_length = 3, max_length = 254)]
    email: String,
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Who signs in, with a program.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mint {
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    device: Option<String>,
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub struct Done {
    /// What happens next, or has happened.
    pub(super) status: &'static str,
}

/// A mail is on its way.
#[derive(Serialize, ToSchema)]
pub struct Mailed {
    /// `confirm_email`.
    pub(super) status: &'static str,
    /// Where it goes.
    pub(super) email: String,
}

/// Who has signed in.
#[derive(Serialize, ToSchema)]
pub struct Welcome {
    /// The person.
    user: Me,
}

/// A session of a program.
#[derive(Serialize, ToSchema)]
pub struct Bearer {
    /// For the `authorization` header, or the first frame of a socket.
    token: String,
    /// When it ends at the latest.
    expires_at: DateTime<Utc>,
}

/// The routes of signing up, in and out.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let post = |name: &'static str| {
        warp::path!("api" / "auth" / ..)
            .and(warp::path(name))
            .and(warp::path::end())
            .and(warp::post())
            .and(with(services))
            .and(visitor())
            .boxed()
    };
    let sign_up = post("sign-up")
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(sign_up(&s, &v, body).await) });
    let confirm = post("confirm")
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(confirm(&s, &v, body).await) });
    let resend = post("resend-confirmation")
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(resend(&s, &v, body).await) });
    let sign_in = post("sign-in")
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(sign_in(&s, &v, body).await) });
    let token = post("token")
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(token(&s, &v, body).await) });
    let sign_out = post("sign-out").then(|s: Arc<Services>, v: Visitor| async move { answer(sign_out(&s, &v).await) });
    sign_up.or(confirm).unify().or(resend).unify().or(sign_in).unify().or(token).unify().or(sign_out).unify().boxed()
}

async fn sign_up(services: &Services, visitor: &Visitor, body: Result<SignUp>) -> Result<Reply> {
    let form = body?;
    let email = services.accounts.sign_up(form, visitor.address).await?;
    Reply::json(&Mailed { status: "confirm_email", email })
}

async fn confirm(services: &Services, visitor: &Visitor, body: Result<Proven>) -> Result<Reply> {
    match body? {
        Proven::Link { token, password } => {
            services.accounts.confirm_link(&token, &password, visitor.address).await?;
        }
        Proven::Code { email, code, password } => {
            services.accounts.confirm_code(&email, &code, &password, visitor.address).await?;
        }
    }
    Reply::json(&Done { status: "confirmed" })
}

async fn resend(services: &Services, visitor: &Visitor, body: Result<Resend>) -> Result<Reply> {
    services.accounts.resend_confirmation(&body?.email, visitor.address).await?;
    Reply::json(&Done { status: "confirm_email" })
}

async fn sign_in(services: &Services, visitor: &Visitor, body: Result<SignIn>) -> Result<Reply> {
    let form = body?;
    let signed_in = services.accounts.sign_in(&form.email, form.password, device(visitor)).await?;
    welcome(services, visitor, &signed_in).await
}

async fn token(services: &Services, visitor: &Visitor, body: Result<Mint>) -> Result<Reply> {
    let form = body?;
    let mut device = device(visitor);
    if let Some(name) = form.device {
        device.user_agent = name;
    }
    let signed_in = services.accounts.mint_bearer(&form.email, form.password, device).await?;
    Reply::json(&Bearer { token: signed_in.token.expose_secret().to_owned(), expires_at: signed_in.expires_at })
}

async fn sign_out(services: &Services, visitor: &Visitor) -> Result<Reply> {
    let Some(token) = &visitor.token else { return goodbye() };
    // A session that cannot be ended because it is no session any more is over all the same: the browser forgets it.
    let ended = match services.accounts.authenticate(token.expose_secret()).await {
        Ok(principal) => services.accounts.sign_out(principal.session).await,
        Err(error) => Err(error),
    };
    match ended {
        Err(error) if error.code == Code::Unavailable => Err(error),
        Ok(()) | Err(_) => goodbye(),
    }
}

/// The answer to a browser whose session is over: it forgets its cookies and what it cached.
///
/// # Errors
/// None that can happen: the names are constants.
pub fn goodbye() -> Result<Reply> {
    Ok(Reply::empty()
        .cookie(doors::clear_cookie(SESSION_COOKIE)?)
        .cookie(doors::clear_cookie(CSRF_COOKIE)?)
        .header(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\"")))
}

/// The device of a visitor, as a person sees it in the list of their sessions.
pub fn device(visitor: &Visitor) -> Device {
    Device {
        address: visitor.address,
        user_agent: visitor.user_agent.clone(),
        browser: visitor.cookies.browser.clone(),
    }
}

/// The answer to a successful sign-in: the person, and a session cookie that was never seen before.
///
/// The session that the browser had before ends, and its CSRF token and anonymous id go: nothing that was known before
/// signing in is worth anything after it.
///
/// # Errors
/// What the store says.
pub async fn welcome(services: &Services, visitor: &Visitor, signed_in: &SignedIn) -> Result<Reply> {
    if let Some(old) = &visitor.cookies.session
        && let Ok(old) = services.accounts.authenticate(old.expose_secret()).await
    {
        services.accounts.sign_out(old.session).await?;
    }
    let me = services.accounts.me(signed_in.user, signed_in.session).await?;
    let mut reply = Reply::json(&Welcome { user: me })?;
    if let Some(proof) = &signed_in.browser {
        reply = reply.cookie(doors::browser_cookie(proof)?);
    }
    let reply = reply
        .cookie(doors::session_cookie(&signed_in.token, services.config.limits.session_absolute)?)
        .cookie(doors::clear_cookie(CSRF_COOKIE)?)
        .cookie(doors::clear_cookie(ANON_COOKIE)?);
    Ok(reply)
}
