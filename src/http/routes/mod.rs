//! The one table of routes, and the router that is checked against it.

mod auth;
mod chats;
mod csrf;
mod demo;
pub mod doc;
mod docs;
mod health;
mod limits;
mod me;
mod pages;
mod password;
mod people;
mod pictures;
mod sessions;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Rejection};

use self::doc::{Doc, doc, page};
use super::assets::Assets;
use super::gate::Visitor;
use super::{body, problem};
use crate::accounts::{AddressProof, Me, PasswordForm, ProfileForm, SettingsForm, SignUp};
use crate::error::{Error, Result};
use crate::ops::health::Report;
use crate::protocol::codes::Code;
use crate::protocol::server::{ChatList, Marked, Page, Person, Sent};
use crate::ratelimit::RateKind;
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
    /// The limit of rate whose state every answer tells, and for whom it counts.
    pub rate: Option<(RateKind, Subject)>,
    /// What the documentation says of it.
    pub doc: Doc,
}

/// For whom a limit of rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The person who is signed in.
    User,
    /// The network of the client: an IPv4 address or an IPv6 /64.
    Network,
}

impl RouteSpec {
    /// The media types of the file that it takes in the place of a JSON document.
    pub fn file(&self) -> Option<&'static [&'static str]> {
        self.doc.body.filter(|body| body.shape.is_none()).map(|body| body.media)
    }

    /// The same row with a limit that its answers tell.
    const fn tells(mut self, kind: RateKind, of: Subject) -> Self {
        self.rate = Some((kind, of));
        self
    }
}

const fn get(path: &'static str, who: Who, doc: Doc) -> RouteSpec {
    RouteSpec { method: Method::GET, path, who, csrf: false, rate: None, doc }
}

const fn change(method: Method, path: &'static str, who: Who, doc: Doc) -> RouteSpec {
    RouteSpec { method, path, who, csrf: true, rate: None, doc }
}

/// What signing in can be refused with.
const SIGN_IN: &[Code] = &[Code::BadCredentials, Code::Suspended, Code::RateLimited];

/// What sending can be refused with.
const SENDING: &[Code] = &[
    Code::NotMember,
    Code::PairBlocked,
    Code::PrivacyOff,
    Code::ChatLocked,
    Code::NotVerified,
    Code::Suspended,
    Code::CidReused,
    Code::TooLarge,
    Code::RateLimited,
];

/// Every route there is. The gate lets nothing through that has no row here.
pub static ROUTES: &[RouteSpec] = &[
    get("/", Who::Anyone, page("The app")),
    get("/sign-in", Who::Anyone, page("The app: signing in")),
    get("/sign-up", Who::Anyone, page("The app: signing up")),
    get("/confirm", Who::Anyone, page("The app: confirming an address")),
    get("/chats", Who::Anyone, page("The app: the chats")),
    get("/chats/{id}", Who::Anyone, page("The app: one chat")),
    get("/forgot-password", Who::Anyone, page("The app: a forgotten password")),
    get("/reset-password", Who::Anyone, page("The app: a new password")),
    get("/confirm-email", Who::Anyone, page("The app: confirming another address")),
    get("/me", Who::Anyone, page("The app: oneself")),
    get("/me/profile", Who::Anyone, page("The app: one's profile")),
    get("/me/settings", Who::Anyone, page("The app: one's settings")),
    get("/me/security", Who::Anyone, page("The app: password, address and devices")),
    get("/me/blocked", Who::Anyone, page("The app: whom one has blocked")),
    get(
        "/static/{file}",
        Who::Anyone,
        doc("A file of the app").bytes(200, &["*/*"]).or_unchanged().errors(&[Code::NotFound]),
    ),
    get(
        "/ws",
        Who::Anyone,
        doc("The socket: an upgrade to WebSocket, see the AsyncAPI document").empty(101).errors(&[
            Code::UpgradeRequired,
            Code::ForeignOrigin,
            Code::Unauthorized,
            Code::TokenExpired,
            Code::RateLimited,
        ]),
    ),
    get("/metrics", Who::Metrics, doc("Numbers for a scraper").bytes(200, &["text/plain"])),
    get(
        "/api/health",
        Who::Anyone,
        doc("Whether this server can do its work").gives::<Report>().or_gives::<Report>(503),
    ),
    get("/api/health/live", Who::Anyone, doc("Whether it answers").gives::<health::Live>()),
    get(
        "/api/health/ready",
        Who::Anyone,
        doc("Whether it should get work").gives::<health::Ready>().or_gives::<health::Ready>(503),
    ),
    get("/api/limits", Who::Anyone, doc("What forms say of their fields").gives::<limits::FormLimits>()),
    get(
        "/api/csrf-token",
        Who::Anyone,
        doc("The token that every change from a browser needs").gives::<csrf::Token>().errors(&[Code::RateLimited]),
    )
    .tells(RateKind::CsrfToken, Subject::Network),
    change(
        Method::POST,
        "/api/auth/sign-up",
        Who::Anyone,
        doc("Make an account; a mail confirms the address")
            .takes::<SignUp>()
            .gives::<auth::Mailed>()
            .errors(&[Code::RateLimited]),
    )
    .tells(RateKind::SignUpAddress, Subject::Network),
    change(
        Method::POST,
        "/api/auth/confirm",
        Who::Anyone,
        doc("Confirm an address, with the code or the link of the mail")
            .takes::<auth::Proven>()
            .gives::<auth::Done>()
            .errors(&[Code::BadCredentials, Code::RateLimited]),
    )
    .tells(RateKind::ConfirmAddress, Subject::Network),
    change(
        Method::POST,
        "/api/auth/resend-confirmation",
        Who::Anyone,
        doc("Send the confirmation once more")
            .takes::<auth::Resend>()
            .gives::<auth::Done>()
            .errors(&[Code::RateLimited]),
    )
    .tells(RateKind::ConfirmAddress, Subject::Network),
    change(
        Method::POST,
        "/api/auth/sign-in",
        Who::Anyone,
        doc("Begin a session in a cookie").takes::<auth::SignIn>().gives::<auth::Welcome>().errors(SIGN_IN),
    )
    .tells(RateKind::SignInAddress, Subject::Network),
    // Also for a session that is over: the browser is to forget it.
    change(Method::POST, "/api/auth/sign-out", Who::Anyone, doc("End this session")),
    change(
        Method::POST,
        "/api/auth/forgot-password",
        Who::Anyone,
        doc("Have a mail sent with which a forgotten password can be replaced")
            .takes::<password::Forgot>()
            .gives::<auth::Done>()
            .errors(&[Code::RateLimited]),
    ),
    change(
        Method::POST,
        "/api/auth/reset-password",
        Who::Anyone,
        doc("Replace a forgotten password, with the code or the link of the mail; ends all sessions")
            .takes::<auth::Proven>()
            .gives::<auth::Done>()
            .errors(&[Code::RateLimited]),
    ),
    // Gives a bearer to a program that has no cookies and wants none.
    RouteSpec {
        method: Method::POST,
        path: "/api/auth/token",
        who: Who::Anyone,
        csrf: false,
        rate: Some((RateKind::SignInAddress, Subject::Network)),
        doc: doc("Begin a session of a program without cookies")
            .takes::<auth::Mint>()
            .gives::<auth::Bearer>()
            .errors(SIGN_IN),
    },
    get("/api/me", Who::SignedIn, doc("Oneself").gives::<Me>()),
    change(
        Method::PATCH,
        "/api/me/profile",
        Who::SignedIn,
        doc("Change what one says of oneself").takes::<ProfileForm>().gives::<Me>(),
    ),
    change(
        Method::PATCH,
        "/api/me/settings",
        Who::SignedIn,
        doc("Change how one wants to be met").takes::<SettingsForm>().gives::<Me>(),
    ),
    change(
        Method::POST,
        "/api/me/password",
        Who::SignedIn,
        doc("Change the password; the other sessions may be ended with it")
            .takes::<PasswordForm>()
            .gives::<Me>()
            .errors(&[Code::RateLimited]),
    ),
    change(
        Method::POST,
        "/api/me/email",
        Who::SignedIn,
        doc("Ask for another address; a mail to it confirms it")
            .takes::<password::NewEmail>()
            .gives::<auth::Mailed>()
            .errors(&[Code::RateLimited]),
    ),
    change(Method::DELETE, "/api/me/email", Who::SignedIn, doc("Keep the address one has").gives::<Me>()),
    change(
        Method::POST,
        "/api/me/email/confirm",
        Who::SignedIn,
        doc("Confirm another address, with the code or the link of the mail")
            .takes::<AddressProof>()
            .gives::<Me>()
            .errors(&[Code::RateLimited]),
    ),
    change(
        Method::PUT,
        "/api/me/picture",
        Who::SignedIn,
        doc("Show a picture of oneself; it is made anew, square and small, without what the file tells besides")
            .takes_bytes(&["image/jpeg", "image/png", "image/webp"])
            .gives::<Me>()
            .errors(&[Code::TooLarge, Code::UnsupportedMediaType, Code::RateLimited, Code::Overloaded]),
    ),
    change(Method::DELETE, "/api/me/picture", Who::SignedIn, doc("Show no picture of oneself").gives::<Me>()),
    get(
        "/api/pictures/{id}",
        Who::SignedIn,
        doc("The picture of somebody one shares a chat with, or one's own")
            .bytes(200, &["image/jpeg"])
            .or_unchanged()
            .errors(&[Code::NotFound]),
    ),
    get("/api/sessions", Who::SignedIn, doc("Where one is signed in").gives::<sessions::Sessions>()),
    change(Method::DELETE, "/api/sessions", Who::SignedIn, doc("End all of one's other sessions")),
    change(
        Method::DELETE,
        "/api/sessions/{id}",
        Who::SignedIn,
        doc("End one of one's own sessions").errors(&[Code::NotFound]),
    ),
    get(
        "/api/people/{id}",
        Who::SignedIn,
        doc("Somebody one shares a chat with").gives::<Person>().errors(&[Code::NotFound]),
    ),
    get("/api/blocks", Who::SignedIn, doc("Whom one has blocked").gives::<people::Blocks>()),
    change(
        Method::PUT,
        "/api/blocks/{id}",
        Who::SignedIn,
        doc("Hear nothing more from somebody").errors(&[Code::NotFound, Code::Conflict, Code::RateLimited]),
    ),
    change(
        Method::DELETE,
        "/api/blocks/{id}",
        Who::SignedIn,
        doc("Hear from somebody again").errors(&[Code::NotFound, Code::RateLimited]),
    ),
    get(
        "/api/chats",
        Who::SignedIn,
        doc("A window of one's chats, the latest first; or those of a name")
            .query::<chats::ListQuery>()
            .gives::<ChatList>()
            .or_unchanged()
            .errors(&[Code::RateLimited]),
    )
    .tells(RateKind::ChatList, Subject::User),
    get(
        "/api/chats/{id}/messages",
        Who::SignedIn,
        doc("A page of a chat's events before, after or around a number")
            .query::<chats::PageQuery>()
            .gives::<Page>()
            .or_unchanged()
            .errors(&[Code::NotMember, Code::UnrecoverablePosition]),
    ),
    change(
        Method::POST,
        "/api/chats/{id}/read",
        Who::SignedIn,
        doc("Note how far one has read").takes::<chats::Read>().gives::<Marked>().errors(&[Code::NotMember]),
    ),
    change(
        Method::POST,
        "/api/chat/send",
        Who::SignedIn,
        doc("Send a message; the same `cid` again is the same message")
            .takes::<chats::Send>()
            .gives::<Sent>()
            .errors(SENDING),
    )
    .tells(RateKind::Message, Subject::User),
    get("/docs", Who::Anyone, page("Explore this documentation")),
    get("/api/openapi.json", Who::Anyone, doc("This document").bytes(200, &["application/json"])),
    get("/api/asyncapi.json", Who::Anyone, doc("The document of the socket").bytes(200, &["application/json"])),
    get("/demo", Who::Demo, page("The demo's door")),
    get(
        "/api/demo/people",
        Who::Demo,
        doc("Whom a demo link stands for").query::<demo::Link>().gives::<demo::People>().errors(&[Code::NotFound]),
    ),
    change(
        Method::POST,
        "/api/demo/sign-in",
        Who::Demo,
        doc("Sign in as one of the demo's people")
            .takes::<demo::Link>()
            .gives::<auth::Welcome>()
            .errors(&[Code::NotFound]),
    ),
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
        .or(password::routes(services))
        .unify()
        .or(pictures::routes(services))
        .unify()
        .or(sessions::routes(services))
        .unify()
        .or(people::routes(services))
        .unify()
        .or(limits::routes(services))
        .unify()
        .or(chats::routes(services))
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
            assert_eq!(route.csrf, route.path != "/api/auth/token", "{}", route.path);
        }
        for route in ROUTES.iter().filter(|route| route.method.is_safe()) {
            assert_eq!(route.method, Method::GET);
        }
    }
}
