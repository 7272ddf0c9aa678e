//! Middleware around the router: the first to see a request and the last to touch its answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, TRANSFER_ENCODING};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::layer::layer_fn;
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tracing::Instrument;

use super::headers::SecurityHeaders;
use super::problem::{self, Allowed, Failure, PROBLEM_JSON};
use super::routes;
use crate::config::Config;
use crate::doors::{self, ADMIN_SECRET_HEADER, CSRF_HEADER, PeerAddr, RequestId};
use crate::error::{Error, Result};
use crate::ids;
use crate::protocol::codes::Code;
use crate::telemetry::names;

/// The header that names a request, in answers only.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Smallest body worth compressing, in bytes: below this a header costs more than is saved.
const COMPRESS_ABOVE: u64 = 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body on its way to hyper.
pub type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

/// A body that is sent as it is: compressed already, or of a kind whose compressed size would tell what is in it.
#[derive(Clone, Copy, Debug)]
pub struct AsIs;

/// Wraps the router with everything that holds for every request.
///
/// # Ordering
/// From outside in: request id, span, time-out, security headers and problem documents; secret headers hidden from
/// logs; compression; panics turned into problems; the gate and the routes.
pub fn stack<S, I, B>(
    config: Arc<Config>,
    inner: S,
) -> impl Service<Request<I>, Response = Response<AnswerBody>, Error = Infallible, Future: Send + 'static>
+ Clone
+ Send
+ 'static
where
    I: Send + 'static,
    S: Service<Request<I>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let shared = Arc::new(Shared { headers: SecurityHeaders::new(&config), config });
    ServiceBuilder::new()
        .layer(layer_fn(move |inner| Edge { inner, shared: Arc::clone(&shared) }))
        .layer(SetSensitiveRequestHeadersLayer::new([
            AUTHORIZATION,
            COOKIE,
            HeaderName::from_static(CSRF_HEADER),
            HeaderName::from_static(ADMIN_SECRET_HEADER),
        ]))
        .layer(
            CompressionLayer::new()
                .quality(CompressionLevel::Fastest)
                .compress_when(SizeAbove::new(COMPRESS_ABOVE).and(NotForContentType::IMAGES).and(is_dynamic_text)),
        )
        .layer(CatchPanicLayer::custom(|panic| problem::refuse(problem::panicked(panic))))
        .service(inner)
}

fn is_dynamic_text(status: StatusCode, _: Version, headers: &HeaderMap, extensions: &Extensions) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let text = kind.starts_with("text/") || kind.starts_with("application/json") || kind.starts_with(PROBLEM_JSON);
    text && status != StatusCode::SWITCHING_PROTOCOLS && extensions.get::<AsIs>().is_none()
}

struct Shared {
    config: Arc<Config>,
    headers: SecurityHeaders,
}

#[derive(Clone)]
struct Edge<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, I, B> Service<Request<I>> for Edge<S>
where
    I: Send + 'static,
    S: Service<Request<I>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        let mut inner = self.inner.clone();
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.handle(&mut inner, request).await) })
    }
}

impl Shared {
    async fn handle<S, I, B>(&self, inner: &mut S, mut request: Request<I>) -> Response<AnswerBody>
    where
        S: Service<Request<I>, Response = Response<B>, Error = Infallible>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let started = Instant::now();
        let id = ids::new_id().to_string();
        let method = method_label(request.method());
        let route = routes::pattern(request.uri().path()).unwrap_or("unknown");
        request.headers_mut().remove(&REQUEST_ID);
        request.extensions_mut().insert(RequestId(id.clone()));
        let host = self.check_host(&request);
        let limits = &self.config.limits;
        let is_upload =
            routes::find(request.uri().path()).any(|route| route.method == *request.method() && route.file().is_some());
        let arrival = if is_upload { limits.picture_upload_timeout } else { Duration::ZERO };
        let patience = (route != "/ws").then_some(limits.request_timeout + arrival);

        // Neither query strings (they may hold tokens) nor addresses nor unknown paths are written anywhere.
        let span = tracing::info_span!("request", request.id = %id, http.method = method, http.route = route);
        let (mut answer, host) = async {
            let (answer, host) = match host {
                Ok(host) => (within(patience, inner.call(request)).await, Some(host)),
                Err(error) => (Err(error), None),
            };
            let answer = match answer {
                Ok(answer) => render(answer, &id),
                Err(error) => render(problem::refuse(error), &id),
            };
            log_answer(method, route, answer.status(), started.elapsed());
            (answer, host)
        }
        .instrument(span)
        .await;

        if let Ok(id) = HeaderValue::from_str(&id) {
            answer.headers_mut().insert(REQUEST_ID, id);
        }
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            self.headers.add(host.as_deref(), answer.headers_mut());
        }
        answer
    }

    fn check_host<I>(&self, request: &Request<I>) -> Result<String> {
        let host = doors::request_host(request.uri(), request.headers())?;
        let PeerAddr(peer) =
            *request.extensions().get().ok_or_else(|| Error::internal(anyhow::anyhow!("no peer address")))?;
        doors::host_allowed(&self.config, &host, peer.ip())?;
        Ok(host)
    }
}

/// Waits for an answer, at most this long.
async fn within<B>(
    patience: Option<Duration>,
    answer: impl Future<Output = Result<Response<B>, Infallible>>,
) -> Result<Response<B>> {
    let answer = match patience {
        None => answer.await,
        Some(patience) => tokio::time::timeout(patience, answer).await.map_err(|elapsed| {
            Error::new(Code::Unavailable, "This took too long. Try again in a moment.")
                .after(Duration::from_secs(1))
                .caused_by(elapsed)
        })?,
    };
    Ok(match answer {
        Ok(answer) => answer,
        Err(never) => match never {},
    })
}

/// Gives error answers their document, and every body its final type.
fn render<B>(answer: Response<B>, id: &str) -> Response<AnswerBody>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = answer.into_parts();
    let failure = parts.extensions.remove::<Failure>().map(|failure| failure.0).or_else(|| {
        // Also an answer that some library made, in plain text or empty, gets our form.
        let plain = parts.headers.get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
        problem::from_status(parts.status).filter(|_| plain).map(Arc::new)
    });
    let Some(error) = failure else {
        return Response::from_parts(parts, body.map_err(Into::into).boxed_unsync());
    };
    problem::log(&error, id);
    for name in [CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    parts.status = problem::status_of(error.code);
    problem::write_headers(&error, parts.extensions.get::<Allowed>(), &mut parts.headers);
    let document = Full::new(problem::document(&error, id));
    Response::from_parts(parts, document.map_err(Into::into).boxed_unsync())
}

fn log_answer(method: &'static str, route: &'static str, status: StatusCode, took: Duration) {
    let status = status.as_u16();
    names::http_request(method, route, status, took);
    let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(http.status = status, duration_us, "request answered");
}

/// The method as a metric label: a stranger's inventions are one word.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
