//! The one table of routes, and the router that is checked against it.

mod auth;
mod csrf;
mod demo;
mod health;
mod limits;
mod me;
mod pages;
mod people;
mod sessions;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::assets::Assets;
use super::gate::Visitor;
use super::{body, problem};
use crate::error::{Error, Result};
use crate::protocol::codes::Code;
use crate::services::Services;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everyone, signed in or not.
    Anyone,
    /// The holder of a live session, by cookie or bearer.
    SignedIn,
    /// Everyone, but only in demo mode: else there is no such route.
    Demo,
    /// A scraper on this machine, or one with the metrics token: for others there is no such route.
    Metrics,
}

/// One row of the table.
#[derive(Debug)]
pub struct RouteSpec {
    /// The method; `HEAD` comes with every `GET`.
    pub method: Method,
    /// The path; `{id}` stands for one segment that is an id, `{file}` for the rest of the path.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
    /// Whether it needs a CSRF token even from a client without cookies. With a cookie every change needs one.
    pub csrf: bool,
}

const fn get(path: &'static str, who: Who) -> RouteSpec {
    RouteSpec { method: Method::GET, path, who, csrf: false }
}

const fn change(method: Method, path: &'static str, who: Who) -> RouteSpec {
    RouteSpec { method, path, who, csrf: true }
}

/// Every route there is. The gate lets nothing through that has no row here.
pub static ROUTES: &[RouteSpec] = &[
    get("/", Who::Anyone),
    get("/sign-in", Who::Anyone),
    get("/sign-up", Who::Anyone),
    get("/confirm", Who::Anyone),
    get("/chats", Who::Anyone),
    get("/chats/{id}", Who::Anyone),
    get("/forgot-password", Who::Anyone),
    get("/reset-password", Who::Anyone),
    get("/confirm-email", Who::Anyone),
    get("/me", Who::Anyone),
    get("/me/profile", Who::Anyone),
    get("/me/settings", Who::Anyone),
    get("/me/security", Who::Anyone),
    get("/me/blocked", Who::Anyone),
    get("/static/{file}", Who::Anyone),
    get("/ws", Who::Anyone),
    get("/metrics", Who::Metrics),
    get("/api/health", Who::Anyone),
    get("/api/health/live", Who::Anyone),
    get("/api/health/ready", Who::Anyone),
    get("/api/limits", Who::Anyone),
    get("/api/csrf-token", Who::Anyone),
    change(Method::POST, "/api/auth/sign-up", Who::Anyone),
    change(Method::POST, "/api/auth/confirm", Who::Anyone),
    change(Method::POST, "/api/auth/resend-confirmation", Who::Anyone),
    change(Method::POST, "/api/auth/sign-in", Who::Anyone),
    change(Method::POST, "/api/auth/sign-out", Who::SignedIn),
    // Gives a bearer to a program that has no cookies and wants none.
    RouteSpec { method: Method::POST, path: "/api/auth/token", who: Who::Anyone, csrf: false },
    get("/api/me", Who::SignedIn),
    change(Method::PATCH, "/api/me/profile", Who::SignedIn),
    change(Method::PATCH, "/api/me/settings", Who::SignedIn),
    get("/api/sessions", Who::SignedIn),
    change(Method::DELETE, "/api/sessions/{id}", Who::SignedIn),
    get("/api/people/{id}", Who::SignedIn),
    get("/api/blocks", Who::SignedIn),
    change(Method::PUT, "/api/blocks/{id}", Who::SignedIn),
    change(Method::DELETE, "/api/blocks/{id}", Who::SignedIn),
    get("/demo", Who::Demo),
    get("/api/demo/people", Who::Demo),
    change(Method::POST, "/api/demo/sign-in", Who::Demo),
];

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

/// All routes. Groups are boxed one by one: that bounds compile time, and types that rustc cannot follow.
pub fn router(services: &Arc<Services>, assets: &Arc<Assets>) -> BoxedFilter<(Response,)> {
    auth::routes(services)
        .or(csrf::routes(services))
        .unify()
        .or(me::routes(services))
        .unify()
        .or(sessions::routes(services))
        .unify()
        .or(people::routes(services))
        .unify()
        .or(limits::routes(services))
        .unify()
        .or(health::routes(services))
        .unify()
        .or(demo::routes(services, assets))
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

/// One value of the query string, read strictly: once, and without any of the others mattering.
fn query_value(query: &str, name: &str) -> Option<String> {
    let mut values = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let value = values.next()?.1.into_owned();
    values.next().is_none().then_some(value)
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
            assert_eq!(route.csrf, route.path != "/api/auth/token", "{}", route.path);
        }
        for route in ROUTES.iter().filter(|route| route.method.is_safe()) {
            assert_eq!(route.method, Method::GET);
        }
    }

    #[test]
    fn a_query_value_is_taken_once() {
        assert_eq!(query_value("as=a%20b&x=1", "as").as_deref(), Some("a b"));
        assert_eq!(query_value("as=a&as=b", "as"), None);
        assert_eq!(query_value("", "as"), None);
    }
}
