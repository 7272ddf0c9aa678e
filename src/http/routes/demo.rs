//! The demo's own door: sign in as one of the seeded people, with the demo's token. Only in demo mode.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::auth::{device, welcome};
use super::{json, query, visitor, with};
use crate::accounts::Me;
use crate::demo::Person;
use crate::error::{Error, Result};
use crate::http::assets::Assets;
use crate::http::gate::Visitor;
use crate::http::query::Query;
use crate::http::reply::{Reply, answer};
use crate::protocol::codes::Code;
use crate::services::Services;

/// Longest token of a demo link, in characters; ours are shorter.
const TOKEN_CHARS_MAX: usize = 100;

/// A demo link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DemoLink)]
pub struct Link {
    /// What stands in the link.
    #[serde(rename = "as")]
    token: String,
}

/// Whom a demo link stands for, and who is signed in here already.
#[derive(Serialize, ToSchema)]
#[schema(as = DemoPeople)]
pub struct People {
    /// Whom the link stands for.
    person: Somebody,
    /// Who is signed in in this browser.
    #[schema(required)]
    current: Option<Me>,
}

/// One of the demo's people.
#[derive(Serialize, ToSchema)]
#[schema(as = DemoPerson)]
pub struct Somebody {
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// Where they study.
    university: String,
}

/// The routes of the demo.
pub fn routes(services: &Arc<Services>, assets: &Arc<Assets>) -> BoxedFilter<(Response,)> {
    let assets = Arc::clone(assets);
    let page = warp::path!("demo")
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .map(move |headers: HeaderMap| assets.page("demo.html", StatusCode::OK, &headers));
    let people = warp::path!("api" / "demo" / "people")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .and(query())
        .then(|s: Arc<Services>, v: Visitor, query: String| async move { answer(people(&s, &v, &query).await) });
    let sign_in = warp::path!("api" / "demo" / "sign-in")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|s: Arc<Services>, v: Visitor, body| async move { answer(sign_in(&s, &v, body).await) });
    page.or(people).unify().or(sign_in).unify().boxed()
}

async fn people(services: &Services, visitor: &Visitor, query: &str) -> Result<Reply> {
    let mut query = Query::new(query);
    let token = query.short_text("as", TOKEN_CHARS_MAX).unwrap_or_default();
    query.end()?;
    let person = person(services, &token)?;
    let current = match &visitor.cookies.session {
        Some(token) => match services.accounts.authenticate(token.expose_secret()).await {
            Ok(principal) => Some(services.accounts.me(principal.user, principal.session).await?),
            Err(_) => None,
        },
        None => None,
    };
    let Person { first_name, last_name, university, .. } = person;
    Reply::json(&People { person: Somebody { first_name, last_name, university }, current })
}

async fn sign_in(services: &Services, visitor: &Visitor, body: Result<Link>) -> Result<Reply> {
    let person = person(services, &body?.token)?;
    let signed_in = services.accounts.sign_in_demo(person.user, device(visitor)).await?;
    welcome(services, visitor, &signed_in).await
}

/// The seeded person that a token stands for.
fn person(services: &Services, token: &str) -> Result<Person> {
    let person = services.demo.as_ref().and_then(|demo| demo.person(token));
    person.ok_or_else(|| {
        Error::new(Code::NotFound, "This demo link is not known. Take one that the demo printed at its start.")
    })
}
