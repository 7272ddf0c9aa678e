//! The router, checked against the one table of routes.

mod admin;
mod auth;
mod chats;
mod cron;
mod csrf;
mod demo;
pub mod doc;
mod docs;
mod groups;
mod health;
mod limits;
mod matches;
mod me;
mod messages;
mod notify;
mod onboarding;
mod pages;
mod password;
mod people;
mod pictures;
mod reports;
mod search;
mod sessions;
mod table;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Rejection};

pub use self::table::{ROUTES, RouteSpec, Subject, Who};
use super::assets::Assets;
use super::gate::Visitor;
use super::{body, problem};
use crate::error::{Error, Result};
use crate::protocol::codes::Code;
use crate::services::Services;

/// The rows of a path, one for each method it takes.
pub fn find(path: &str) -> impl Iterator<Item = &'static RouteSpec> {
    ROUTES.iter().filter(move |route| matches(route.path, path))
}

/// The pattern of a path, for logs and metrics: never the path itself.
pub fn pattern(path: &str) -> Option<&'static str> {
    find(path).next().map(|route| route.path)
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("{file}"), Some(first)) => return !first.is_empty(),
            (Some("{name}"), Some(segment)) if is_name(segment) => {}
            (Some("{id}"), Some(segment)) if is_id(segment) => {}
            (Some(segment), Some(same)) if segment == same => {}
            _ => return false,
        }
    }
}

/// Whether a segment is an id as we write them.
fn is_id(segment: &str) -> bool {
    segment.len() == 36 && uuid::Uuid::try_parse(segment).is_ok()
}

/// Whether a segment is a name as we write them: small letters and hyphens.
fn is_name(segment: &str) -> bool {
    (1..=40).contains(&segment.len()) && segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// All routes. Groups are boxed one by one: that bounds compile time, and types that rustc cannot follow.
pub fn router(services: &Arc<Services>, assets: &Arc<Assets>) -> BoxedFilter<(Response,)> {
    auth::routes(services)
        .or(cron::routes(services))
        .unify()
        .or(csrf::routes(services))
        .unify()
        .or(me::routes(services))
        .unify()
        .or(password::routes(services))
        .unify()
        .or(pictures::routes(services))
        .unify()
        .or(sessions::routes(services))
        .unify()
        .or(people::routes(services))
        .unify()
        .or(reports::routes(services))
        .unify()
        .or(limits::routes(services))
        .unify()
        .or(chats::routes(services))
        .unify()
        .or(search::routes(services))
        .unify()
        .or(messages::routes(services))
        .unify()
        .or(groups::routes(services))
        .unify()
        .or(notify::routes(services))
        .unify()
        .or(onboarding::routes(services))
        .unify()
        .or(matches::routes(services))
        .unify()
        .or(admin::routes(services))
        .unify()
        .or(health::routes(services))
        .unify()
        .or(demo::routes(services, assets))
        .unify()
        .or(docs::routes(assets))
        .unify()
        .or(pages::routes(assets))
        .unify()
        .or(crate::ws::upgrade::route(Arc::clone(services))
            .map(|outcome: Result<Response>| outcome.unwrap_or_else(problem::refuse))
            .boxed())
        .unify()
        .recover(recover)
        .unify()
        .boxed()
}

/// Turns what warp itself refuses into our form. The gate has refused almost all of it before.
async fn recover(rejection: Rejection) -> Result<Response, Infallible> {
    let error = if rejection.is_not_found() {
        Error::new(Code::NotFound, "There is nothing here. Check the address.")
    } else if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        Error::new(Code::MethodNotAllowed, "This path does not take that method.")
    } else if rejection.find::<warp::reject::PayloadTooLarge>().is_some() {
        Error::new(Code::TooLarge, "The body is too large. Send less.")
    } else if rejection.find::<warp::reject::UnsupportedMediaType>().is_some() {
        Error::new(Code::UnsupportedMediaType, "Send the body as content-type: application/json.")
    } else if rejection.find::<warp::ext::MissingExtension>().is_some() {
        Error::internal(anyhow::anyhow!("a route was reached around the gate: {rejection:?}"))
    } else {
        Error::bad_request("The request is not of the documented form.").caused_by(anyhow::anyhow!("{rejection:?}"))
    };
    Ok(problem::refuse(error))
}

/// Gives a handler the services.
fn with(services: &Arc<Services>) -> impl Filter<Extract = (Arc<Services>,), Error = Infallible> + Clone + use<> {
    let services = Arc::clone(services);
    warp::any().map(move || Arc::clone(&services))
}

/// Gives a handler who is asking.
fn visitor() -> impl Filter<Extract = (Visitor,), Error = Rejection> + Copy {
    warp::ext::get::<Visitor>()
}

/// Gives a handler the typed body, or why it is none.
fn json<T: DeserializeOwned + Send>() -> impl Filter<Extract = (Result<T>,), Error = Rejection> + Copy {
    warp::body::bytes().map(|bytes: Bytes| body::parse(&bytes))
}

/// The query string, empty when there is none.
fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_canonical_path() {
        assert_eq!(pattern("/ws"), Some("/ws"));
        assert_eq!(pattern("/chats/0198c0de-0000-7000-8000-000000000001"), Some("/chats/{id}"));
        assert_eq!(pattern("/static/js/app.js"), Some("/static/{file}"));
        for path in [
            "/ws/",
            "//ws",
            "/ws/.",
            "/%77s",
            "/WS",
            "/static",
            "/static/",
            "/chats/",
            "/chats/1",
            "/api/me/",
            "/api//me",
            "",
            "*",
            "/chats/0198c0de00007000800000000000000100",
        ] {
            assert_eq!(pattern(path), None, "{path}");
        }
    }

    #[test]
    fn every_change_in_the_table_needs_a_token_but_the_bearers() {
        for route in ROUTES.iter().filter(|route| !route.method.is_safe()) {
            let free = ["/api/auth/token", "/api/cron/{name}", "/unsubscribe"];
            assert_eq!(route.csrf, !free.contains(&route.path), "{}", route.path);
        }
        for route in ROUTES.iter().filter(|route| route.method.is_safe()) {
            assert_eq!(route.method, http::Method::GET);
        }
    }
}
