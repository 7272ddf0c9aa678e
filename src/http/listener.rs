//! The accept loop: connections in, capped and timed, each served by hyper on a task of its own.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use crate::config::Limits;
use crate::doors::{self, Addresses, ConnectionPermit, PeerAddr};
use crate::supervise::Supervisor;
use crate::telemetry::names;

/// Longest time the kernel waits for a peer to take what was sent, so that a reader that stopped does not hold a place.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(60);
/// First and longest pause after an accept error that is not about one connection, such as no free descriptor.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// Connections beyond the cap that are told so at the same time; further ones are closed without a word.
const REFUSALS_AT_ONCE: usize = 64;
/// How long a refused client may take to read that it was refused.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(500);
/// What a client beyond the cap is told. A literal, because nothing may be spent on it.
const REFUSAL: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: 164\r\n\
    retry-after: 1\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n\
    {\"type\":\"urn:domu:error:overloaded\",\"title\":\"Overloaded\",\"status\":503,\"code\":50301,\"name\":\"overloaded\",\
    \"retry\":true,\"detail\":\"Too many connections. Wait a second.\"}";

/// Accepts connections until the supervisor stops, and hands each to `service`.
///
/// # Errors
/// None: an accept error is counted, waited out and tried again, because a server that stops accepting is down.
pub async fn accept_loop<S, B>(
    listener: TcpListener,
    (limits, proxies): (&Limits, &[IpAddr]),
    supervisor: Supervisor,
    service: S,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let places = Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS)));
    let addresses = Arc::new(Addresses::default());
    let refusals = Arc::new(Semaphore::new(REFUSALS_AT_ONCE));
    let desk = Desk { http: builder(limits), supervisor: supervisor.clone(), drain: limits.drain_timeout, service };
    let mut pause = ACCEPT_PAUSE.0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = supervisor.stopping().cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if concerns_one_connection(&error) => continue,
            Err(error) => {
                names::http_accept_error();
                tracing::error!(%error, pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), "cannot accept connections");
                tokio::select! {
                    () = supervisor.stopping().cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = pause.saturating_mul(2).min(ACCEPT_PAUSE.1);
                continue;
            }
        };
        pause = ACCEPT_PAUSE.0;
        let address = peer.ip().to_canonical();
        // A trusted proxy is many clients; it has to count them itself.
        let counted = !proxies.iter().any(|proxy| proxy.to_canonical() == address);
        let by_address = counted.then(|| addresses.take(doors::network(address), limits.connections_per_address_max));
        let (Ok(place), None | Some(Some(_))) = (Arc::clone(&places).try_acquire_owned(), &by_address) else {
            names::http_refused();
            if let Ok(turn) = Arc::clone(&refusals).try_acquire_owned() {
                supervisor.spawn_connection(refuse(stream, turn));
            }
            continue;
        };
        set_options(&stream);
        let permit = ConnectionPermit::new(place, by_address.flatten());
        supervisor.spawn_connection(serve(desk.clone(), stream, PeerAddr(peer), permit));
    }
}

/// hyper's HTTP/1 with a timer on heads: it runs from the moment a connection waits for a request, so silence, half a
/// request line and one header a second all end the same way.
fn builder(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(limits.head_bytes_max)
        // Without the line above a head could fill the buffer twice: it is asked for its size only between two reads.
        .max_buf_size(limits.head_bytes_max)
        .half_close(false);
    http
}

/// What every connection is served with.
#[derive(Clone)]
struct Desk<S> {
    http: http1::Builder,
    supervisor: Supervisor,
    /// How long requests in progress may take after the stop.
    drain: Duration,
    service: S,
}

async fn serve<S, B>(desk: Desk<S>, stream: TcpStream, peer: PeerAddr, permit: ConnectionPermit)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Desk { http, supervisor, drain, service } = desk;
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    let held = permit.clone();
    let on_request = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        seen.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(held.clone());
        service.clone().call(request)
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), on_request).with_upgrades());
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = supervisor.stopping().cancelled() => {
            if !asked.load(Ordering::Relaxed) {
                return; // Nothing was asked yet: hyper would wait for a head that need not come.
            }
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(drain, connection.as_mut()).await {
                Ok(outcome) => outcome,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = outcome {
        // A client that goes away or sends rubbish is its own affair: worth counting, not worth a line.
        let reason = if error.is_timeout() {
            "timeout"
        } else if error.is_parse() {
            "parse"
        } else {
            "io"
        };
        names::http_connection_error(reason);
        tracing::debug!(%error, reason, "connection ended");
    }
    drop(permit);
}

fn set_options(stream: &TcpStream) {
    let outcome = stream
        .set_nodelay(true)
        .and_then(|()| socket2::SockRef::from(stream).set_tcp_user_timeout(Some(UNREAD_TIMEOUT)));
    if let Err(error) = outcome {
        tracing::debug!(%error, "socket options");
    }
}

/// Tells one client that there is no room. What it sent is read and thrown away: closing over unread bytes would reset
/// the connection before the client has read the answer.
async fn refuse(mut stream: TcpStream, turn: OwnedSemaphorePermit) {
    let polite = async {
        stream.write_all(REFUSAL.as_bytes()).await?;
        stream.shutdown().await?;
        let mut sink = [0_u8; 1024];
        while stream.read(&mut sink).await? > 0 {}
        io::Result::Ok(())
    };
    if let Ok(Err(error)) = tokio::time::timeout(REFUSAL_PATIENCE, polite).await {
        tracing::debug!(%error, "refused client went away");
    }
    drop(turn);
}

/// Errors of `accept` that are about the connection that was to be accepted, not about this process.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_refusal_says_its_length() {
        let (head, body) = super::REFUSAL.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
        assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["code"], 50301);
    }
}
