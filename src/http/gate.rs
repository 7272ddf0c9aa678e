//! Between the middleware and the router: decides, in one order for every route, whether a request may go on.
//!
//! The order: is there such a path, and does it take this method; was the request made by our own page; does it carry
//! the CSRF token of its session; who is asking, and may they; is the body JSON and small enough. Only then a handler runs.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT_ENCODING, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body;
use http_body_util::Full;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tower::Service;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::assets::Assets;
use super::routes::{self, RouteSpec, Subject, Who};
use super::uploads::{Place, Uploads};
use super::{body, problem};
use crate::accounts::Principal;
use crate::accounts::model::cut_user_agent;
use crate::admin::{Actor, Credentials, Permission};
use crate::config::{Config, Environment};
use crate::doors::{self, ADMIN_SECRET_HEADER, CSRF_HEADER, Cookies, CsrfSubject, PeerAddr, RequestId};
use crate::error::{Error, Result};
use crate::protocol::codes::Code;
use crate::ratelimit::{RateKind, RateLimits};
use crate::telemetry::names;

/// Finds out whose session a token names.
pub type Authenticate = Arc<dyn Fn(SecretString) -> BoxFuture<'static, Result<Principal>> + Send + Sync>;

/// Finds out which admin asks, for a route of this permission.
pub type Identify =
    Arc<dyn Fn(Credentials, Permission) -> BoxFuture<'static, Result<(Actor, Option<Principal>)>> + Send + Sync>;

/// What the gate asks services: whose a token is.
#[derive(Clone)]
pub struct Ask {
    /// Of everybody who is signed in.
    pub authenticate: Authenticate,
    /// Of admins.
    pub identify: Identify,
}

/// Who made a request, as far as it is known; every handler can ask for it.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The client's address, behind trusted proxies too.
    pub address: IpAddr,
    /// The client's user agent, cut and without control characters.
    pub user_agent: String,
    /// Our cookies.
    pub cookies: Cookies,
    /// The token of the session that the request names, whether it still lives or not.
    pub token: Option<SecretString>,
    /// The person, on routes for people who are signed in.
    pub principal: Option<Principal>,
    /// The admin, on routes for admins.
    pub admin: Option<Actor>,
    /// The request's id.
    pub request_id: Option<String>,
}

impl Visitor {
    /// The person who is signed in.
    ///
    /// # Errors
    /// `unauthorized` on a route that anyone may call.
    pub fn principal(&self) -> Result<&Principal> {
        self.principal.as_ref().ok_or_else(unauthorized)
    }

    /// The admin who asks.
    ///
    /// # Errors
    /// `unauthorized` on a route that is not for admins.
    pub fn admin(&self) -> Result<&Actor> {
        self.admin.as_ref().ok_or_else(unauthorized)
    }

    /// The name under which limits of this sort count them.
    fn counted_as(&self, of: Subject) -> Option<String> {
        match of {
            Subject::User => self.principal.as_ref().map(|principal| principal.user.to_string()),
            Subject::Network => Some(doors::network(self.address).to_string()),
        }
    }
}

/// The gate and the router behind it.
#[derive(Clone)]
pub struct Front {
    gate: Arc<Gate>,
    router: warp::filters::BoxedFilter<(Response,)>,
}

struct Gate {
    config: Arc<Config>,
    rates: Arc<RateLimits>,
    ask: Ask,
    assets: Arc<Assets>,
    /// Room for large bodies: a place is held until the request is answered.
    uploads: Uploads,
}

/// A request that may go on, and the limit whose state its answer tells.
type Admitted = (Request<Full<Bytes>>, Option<(RateKind, String)>);

/// Why a request goes no further.
enum Stop {
    Error(Error),
    /// No page of this name: the shell says so.
    NoPage,
    Method(http::HeaderValue),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Front {
    /// A gate before this router.
    pub fn new(
        config: Arc<Config>,
        rates: Arc<RateLimits>,
        ask: Ask,
        assets: Arc<Assets>,
        router: BoxedFilter<(Response,)>,
    ) -> Self {
        let uploads = Uploads::new(config.limits.picture_uploads_at_once);
        Self { gate: Arc::new(Gate { config, rates, ask, assets, uploads }), router }
    }
}

impl<B> Service<Request<B>> for Front
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let gate = Arc::clone(&self.gate);
        let mut router = warp::service(self.router.clone());
        Box::pin(async move {
            let encodings = request.headers().get(ACCEPT_ENCODING).cloned();
            match gate.admit(request).await {
                Ok((request, counted)) => {
                    let mut answer = Service::<Request<Full<Bytes>>>::call(&mut router, request).await?;
                    let standing = counted.and_then(|(kind, subject)| gate.rates.standing(kind, &subject));
                    if let Some(standing) = standing {
                        problem::write_quota(&standing, answer.headers_mut());
                    }
                    Ok(answer)
                }
                Err(Stop::Error(error)) => Ok(problem::refuse(error)),
                Err(Stop::Method(allow)) => Ok(problem::refuse_method(allow)),
                Err(Stop::NoPage) => {
                    let headers = encodings.map(|encodings| (ACCEPT_ENCODING, encodings)).into_iter().collect();
                    Ok(gate.assets.page("index.html", StatusCode::NOT_FOUND, &headers))
                }
            }
        })
    }
}

impl Gate {
    async fn admit<B>(&self, request: Request<B>) -> Result<Admitted, Stop>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (mut parts, body) = request.into_parts();
        let route = self.route(&parts.method, parts.uri.path())?;
        let PeerAddr(peer) =
            *parts.extensions.get().ok_or_else(|| Error::internal(anyhow::anyhow!("no peer address")))?;
        let cookies = Cookies::read(&parts.headers)?;
        let bearer = doors::bearer_token(&parts.headers)?;
        let token = doors::session_token(&parts.headers)?;

        let changes = !route.method.is_safe();
        if changes {
            doors::unsafe_origin_allowed(&self.config, &parts.headers)?;
            self.check_csrf(route, &parts.headers, &cookies, bearer.as_ref())?;
        }
        let address = doors::client_address(&parts.headers, peer, &self.config.trusted_proxies);
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        let (admin, principal) = match route.who {
            Who::Anyone => (None, None),
            Who::Demo if self.config.demo => (None, None),
            Who::Metrics if self.may_see_metrics(&parts.headers, peer.ip(), bearer.as_ref()) => (None, None),
            Who::Cron => (self.may_run_jobs(bearer.as_ref())?, None),
            Who::Demo | Who::Metrics => return Err(not_found().into()),
            Who::SignedIn | Who::Admin(_) => {
                let token = token.clone().ok_or_else(unauthorized)?;
                // Private answers are not for other sites' pages, whatever they would do with them.
                doors::unsafe_origin_allowed(&self.config, &parts.headers)?;
                match route.who {
                    Who::Admin(permission) => {
                        let secret = admin_secret(&parts.headers)?;
                        let shown = Credentials { token, secret, address, request_id: request_id.clone() };
                        let (actor, principal) = (self.ask.identify)(shown, permission).await?;
                        (Some(actor), principal)
                    }
                    _ => (None, Some((self.ask.authenticate)(token).await?)),
                }
            }
        };

        let actor = admin.as_ref().and_then(|actor| actor.user);
        if let Some(user) = actor.or(principal.as_ref().map(|principal| principal.user)).filter(|_| changes) {
            self.rates.check(RateKind::UserChange, &user.to_string()).map_err(Error::from)?;
        }

        let has_body = !body.is_end_stream();
        let body = if changes {
            body::check_type(&parts.headers, has_body, route.file())?;
            let limits = &self.config.limits;
            let (bytes_max, largest) = match principal.as_ref().filter(|_| route.file().is_some()) {
                Some(who) => {
                    parts.extensions.insert(self.place_for_upload(who)?);
                    (limits.picture_bytes_max, limits.picture_upload_timeout)
                }
                None => (limits.body_bytes_max, Duration::ZERO),
            };
            // Half of the request's time is for the body to arrive, half for the work on it.
            body::read(body, bytes_max, body::Patience { any: limits.request_timeout / 2, largest }).await?
        } else if has_body {
            return Err(Error::bad_request("A request of this method has no body. Send it without one.").into());
        } else {
            Bytes::new()
        };

        parts.method = route.method.clone();
        let visitor =
            Visitor { address, user_agent: user_agent(&parts.headers), cookies, token, principal, admin, request_id };
        let counted = route.rate.and_then(|(kind, of)| Some((kind, visitor.counted_as(of)?)));
        parts.extensions.insert(visitor);
        Ok((Request::from_parts(parts, Full::new(body)), counted))
    }

    /// A place among the few large bodies that may be under way.
    fn place_for_upload(&self, who: &Principal) -> Result<Arc<Place>> {
        let place = self.uploads.take(who.user)?;
        self.rates.check(RateKind::Picture, &who.user.to_string())?;
        Ok(Arc::new(place))
    }

    /// The route of a method and a path; `HEAD` is `GET` whose body hyper keeps to itself.
    fn route(&self, method: &Method, path: &str) -> Result<&'static RouteSpec, Stop> {
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let mut hidden = false;
        let mut allow = Vec::new();
        for route in routes::find(path) {
            hidden |= route.who == Who::Demo && !self.config.demo;
            if route.method == *wanted && !hidden {
                return Ok(route);
            }
            allow.push(route.method.as_str());
            if route.method == Method::GET {
                allow.push("HEAD");
            }
        }
        if !allow.is_empty() && !hidden {
            let allow = http::HeaderValue::from_str(&allow.join(", ")).map_err(Error::internal)?;
            return Err(Stop::Method(allow));
        }
        if *wanted == Method::GET && is_page(path) { Err(Stop::NoPage) } else { Err(not_found().into()) }
    }

    /// The signed double-submit check: header and cookie are equal, and made by us for this very session or browser.
    ///
    /// A request without any of our cookies cannot ride on somebody's session; it needs a token only on the routes
    /// that give out a session cookie or act on a form (a login can be forged too), unless it names its own bearer.
    fn check_csrf(
        &self,
        route: &RouteSpec,
        headers: &HeaderMap,
        cookies: &Cookies,
        bearer: Option<&SecretString>,
    ) -> Result<()> {
        if !cookies.any() {
            if bearer.is_some() || !route.csrf {
                return Ok(());
            }
            if route.who.is_personal() {
                return Err(unauthorized());
            }
        }
        let mut sent = headers.get_all(CSRF_HEADER).iter();
        let header = sent.next().filter(|_| sent.next().is_none()).and_then(|value| value.to_str().ok());
        let valid = match (header, &cookies.csrf, CsrfSubject::of(cookies)) {
            (Some(header), Some(cookie), Some(subject)) => {
                bool::from(header.as_bytes().ct_eq(cookie.as_bytes()))
                    && doors::verify_csrf_token(&self.config.csrf_secret, &subject, header)
            }
            _ => false,
        };
        if valid {
            return Ok(());
        }
        names::csrf_rejected(route.path);
        Err(Error::new(Code::InvalidCsrf, "Get a token from /api/csrf-token and send it in the x-csrf-token header."))
    }

    /// Numbers are for a scraper on this machine, or one that has the token.
    fn may_see_metrics(&self, headers: &HeaderMap, peer: IpAddr, bearer: Option<&SecretString>) -> bool {
        // In production a proxy on the same machine may pass requests on without a word: only the token counts there.
        let development = self.config.environment == Environment::Development;
        let local = development && peer.to_canonical().is_loopback() && !doors::is_proxied(headers);
        let known = match (&self.config.metrics_token, bearer) {
            (Some(token), Some(sent)) => {
                bool::from(token.expose_secret().as_bytes().ct_eq(sent.expose_secret().as_bytes()))
            }
            _ => false,
        };
        local || known
    }

    /// Jobs are for schedulers that show the secret; without one there are no such routes.
    fn may_run_jobs(&self, bearer: Option<&SecretString>) -> Result<Option<Actor>> {
        let Some(secret) = &self.config.cron_secret else { return Err(not_found()) };
        let sent = bearer.map(|sent| sent.expose_secret().as_bytes()).unwrap_or_default();
        let is = |secret: &SecretString| bool::from(secret.expose_secret().as_bytes().ct_eq(sent));
        // Both are compared whenever both are there.
        if is(secret) | self.config.cron_secret_previous.as_ref().is_some_and(is) {
            return Ok(None);
        }
        Err(Error::new(Code::Unauthorized, "Send the cron secret as a bearer token."))
    }
}

fn unauthorized() -> Error {
    Error::new(Code::Unauthorized, "Sign in first.")
}

fn not_found() -> Error {
    Error::new(Code::NotFound, "There is nothing here. Check the address.")
}

/// Whether a person may have typed this path: then a page answers, not a document for programs.
fn is_page(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    !matches!(first, "api" | "static" | "ws" | "metrics" | "demo")
}

/// What programs of admins show besides their token.
fn admin_secret(headers: &HeaderMap) -> Result<Option<SecretString>> {
    let mut sent = headers.get_all(ADMIN_SECRET_HEADER).iter();
    let (value, more) = (sent.next(), sent.next());
    if more.is_some() {
        return Err(Error::bad_request("Send one x-admin-secret header."));
    }
    Ok(value.and_then(|value| value.to_str().ok()).map(SecretString::from))
}

fn user_agent(headers: &HeaderMap) -> String {
    let text = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    cut_user_agent(&text)
}
