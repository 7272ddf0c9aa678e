//! The documentation that is made from the types, and a page to explore it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::http::assets::Assets;
use crate::http::reply::{Reply, answer};

const OPENAPI: &str = include_str!("../../../docs/openapi.json");
const ASYNCAPI: &str = include_str!("../../../docs/asyncapi.json");

/// The routes of the documentation.
pub fn routes(assets: &Arc<Assets>) -> BoxedFilter<(Response,)> {
    let assets = Arc::clone(assets);
    let json = |text: &'static str| answer(Ok(Reply::bytes("application/json", Bytes::from_static(text.as_bytes()))));
    let open = warp::path!("api" / "openapi.json").and(warp::get()).map(move || json(OPENAPI));
    let asynchronous = warp::path!("api" / "asyncapi.json").and(warp::get()).map(move || json(ASYNCAPI));
    let page = warp::path!("docs")
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .map(move |headers: HeaderMap| assets.page("docs.html", StatusCode::OK, &headers));
    open.or(asynchronous).unify().or(page).unify().boxed()
}
