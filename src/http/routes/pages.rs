//! The pages and files of the web client.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use uuid::Uuid;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response;

use crate::error::Error;
use crate::http::assets::Assets;
use crate::http::problem;
use crate::protocol::codes::Code;

/// The files under `/static/`, the console, and the app at every other path that the gate let through to here.
pub fn routes(assets: &Arc<Assets>) -> BoxedFilter<(Response,)> {
    let (for_files, for_pages, for_console) = (Arc::clone(assets), Arc::clone(assets), Arc::clone(assets));
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
    let console = console_paths()
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .map(move |headers: HeaderMap| for_console.page("admin/index.html", StatusCode::OK, &headers));
    files.or(pages).unify().or(console).unify().boxed()
}

/// The paths of the console. Its page is the same for everybody: what it shows comes from the routes of admins.
fn console_paths() -> BoxedFilter<()> {
    let home = warp::path!("admin");
    let page = warp::path!("admin" / String).map(|_| ()).untuple_one();
    let thing = warp::path!("admin" / String / Uuid).map(|_, _| ()).untuple_one();
    home.or(page).unify().or(thing).unify().boxed()
}

/// The paths of the app, whose meaning its own router knows.
fn page_paths() -> BoxedFilter<()> {
    let doors =
        one_of(&["sign-in", "sign-up", "confirm", "forgot-password", "reset-password", "confirm-email", "unsubscribe"]);
    let rooms = warp::path::end().or(one_of(&["chats", "me", "notifications"])).unify();
    let chat = warp::path!("chats" / String).map(|_| ()).untuple_one();
    let me = warp::path("me").and(one_of(&["profile", "settings", "security", "blocked"]));
    doors.or(rooms).unify().or(chat).unify().or(me).unify().boxed()
}

/// One last segment with one of these names.
fn one_of(names: &'static [&'static str]) -> BoxedFilter<()> {
    warp::path::param::<String>()
        .and(warp::path::end())
        .and_then(move |name: String| async move {
            if names.contains(&name.as_str()) { Ok(()) } else { Err(warp::reject::not_found()) }
        })
        .untuple_one()
        .boxed()
}
