//! `GET /ws`: the checks before the upgrade, the 101, and the take-over of the raw connection.
//!
//! # Why
//! hyper's `OnUpgrade` gives the raw stream back, so the socket has its own small buffers and write path. What only the
//! socket can know (whether its session is valid) is answered on the socket, because a browser sees no HTTP status there.

use std::sync::Arc;

use base64::Engine as _;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use warp::filters::BoxedFilter;
use warp::http::header::{
    CONNECTION, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use warp::http::{Response, StatusCode};
use warp::{Filter, Reply};

use super::session::{self, Hello};
use crate::doors;
use crate::error::Error;
use crate::protocol::SUBPROTOCOL;
use crate::protocol::codes::Code;
use crate::ratelimit::RateKind;
use crate::services::Services;

/// The route of the socket. Errors are left to the HTTP edge, which knows how a refusal looks.
pub fn route(services: Arc<Services>) -> BoxedFilter<(Result<warp::reply::Response, Error>,)> {
    warp::path!("ws")
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::optional::<doors::PeerAddr>())
        .and(warp::ext::optional::<doors::ConnectionPermit>())
        .map(move |headers: HeaderMap, upgrade, peer, permit| accept(&services, &headers, upgrade, peer, permit))
        .boxed()
}

fn accept(
    services: &Arc<Services>,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
    peer: Option<doors::PeerAddr>,
    permit: Option<doors::ConnectionPermit>,
) -> Result<warp::reply::Response, Error> {
    let key = handshake_key(headers)?;
    let Some(upgrade) = upgrade else {
        return Err(upgrade_required("This connection cannot be upgraded."));
    };
    doors::unsafe_origin_allowed(&services.config, headers)?;
    // A browser names its origin at every upgrade; a cookie without one comes from no browser of ours.
    if doors::Cookies::read(headers)?.session.is_some() && !headers.contains_key(ORIGIN) {
        return Err(Error::new(Code::ForeignOrigin, "An upgrade with a cookie needs an `Origin` header."));
    }
    if let Some(peer) = peer {
        let address = doors::client_address(headers, peer.0, &services.config.trusted_proxies);
        services.rates.check(RateKind::SocketAddress, &doors::network(address).to_string())?;
    }
    let token = doors::session_token(headers)?;
    if services.supervisor.stopping().is_cancelled() {
        return Err(Error::new(Code::Unavailable, "This server is stopping. Connect again.")
            .after(std::time::Duration::from_secs(1)));
    }
    let hello = Hello { token, peer, permit };
    let services = Arc::clone(services);
    services.supervisor.clone().spawn_connection(async move {
        match upgrade.await.map(Upgraded::downcast::<TokioIo<TcpStream>>) {
            Ok(Ok(parts)) => session::run(services, parts.io.into_inner(), parts.read_buf, hello).await,
            Ok(Err(_)) => tracing::error!("an upgraded connection was not a TCP stream"),
            Err(error) => tracing::debug!(error = %error, "an upgrade was not finished"),
        }
    });
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let fields = response.headers_mut();
    fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        fields.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(response.map(|()| "").into_response())
}

fn upgrade_required(detail: &str) -> Error {
    Error::new(Code::UpgradeRequired, detail)
        .with(serde_json::json!({ "sec-websocket-version": "13", "sec-websocket-protocol": SUBPROTOCOL }))
}

/// The key of a well-formed handshake (RFC 6455, 4.2.1).
fn handshake_key(headers: &HeaderMap) -> Result<String, Error> {
    let one = |name| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    let names = |value: Option<&str>, wanted: &str| {
        value.is_some_and(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case(wanted)))
    };
    if !one(UPGRADE).is_some_and(|value| value.trim().eq_ignore_ascii_case("websocket")) {
        return Err(upgrade_required("This address is a WebSocket: ask for an upgrade."));
    }
    let connection: Vec<&str> = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()).collect();
    if !names(Some(&connection.join(",")), "upgrade") {
        return Err(Error::bad_request("`Connection` must name `Upgrade`."));
    }
    if one(SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(upgrade_required("Only version 13 of the WebSocket protocol is spoken here."));
    }
    let protocols: Vec<&str> =
        headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok()).collect();
    if !protocols.join(",").split(',').any(|protocol| protocol.trim() == SUBPROTOCOL) {
        return Err(Error::bad_request(format!("Name the subprotocol {SUBPROTOCOL} in `Sec-WebSocket-Protocol`.")));
    }
    let key = one(SEC_WEBSOCKET_KEY).unwrap_or_default();
    match base64::engine::general_purpose::STANDARD.decode(key) {
        Ok(bytes) if bytes.len() == 16 => Ok(key.to_owned()),
        _ => Err(Error::bad_request("`Sec-WebSocket-Key` must be 16 bytes in base64.")),
    }
}
