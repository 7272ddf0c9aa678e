//! The pages and files of the web client.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response;

use crate::error::Error;
use crate::http::assets::Assets;
use crate::http::problem;
use crate::protocol::codes::Code;

/// The files under `/static/`, and the shell at every other path that the gate let through to here.
pub fn routes(assets: &Arc<Assets>) -> BoxedFilter<(Response,)> {
    let (for_files, for_pages) = (Arc::clone(assets), Arc::clone(assets));
    let files = warp::path("static").and(warp::get()).and(warp::path::full()).and(warp::header::headers_cloned()).map(
        move |path: FullPath, headers: HeaderMap| {
            // The path as it was sent: nothing is decoded, so nothing can be decoded twice.
            let file = path.as_str().strip_prefix("/static/").and_then(|file| for_files.file(file, &headers));
            file.unwrap_or_else(|| {
                problem::refuse(Error::new(Code::NotFound, "There is no such file. Check the address."))
            })
        },
    );
    let pages = page_paths()
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .map(move |headers: HeaderMap| for_pages.page("index.html", StatusCode::OK, &headers));
    files.or(pages).unify().boxed()
}

/// The paths of the app, whose meaning its own router knows.
fn page_paths() -> BoxedFilter<()> {
    let one = |name: &'static str| warp::path(name).and(warp::path::end());
    let chat = warp::path!("chats" / String).map(|_| ()).untuple_one();
    let (a, b) = (warp::path::end().or(one("sign-in")).unify(), one("sign-up").or(one("confirm")).unify());
    a.or(b).unify().or(one("chats")).unify().or(one("me")).unify().or(chat).unify().boxed()
}
