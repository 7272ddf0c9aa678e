//! The HTTP door: an accept loop of our own, middleware around the router, one table of routes.
//!
//! A request passes `listener` (caps, timers, peer address), `edge` (request id, span, security headers), `gate` (host,
//! route table, origin, CSRF, who is asking, body) and reaches a handler in `routes`, which asks a service and answers
//! with `reply` or an [`Error`](crate::error::Error) that `problem` renders.

mod assets;
mod body;
mod edge;
mod gate;
mod headers;
mod listener;
pub mod problem;
mod query;
pub mod reply;
pub mod routes;
mod tag;
#[cfg(test)]
mod tests;
mod uploads;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;

pub use crate::doors::{ConnectionPermit, PeerAddr, RequestId};
pub use gate::Visitor;

use crate::services::Services;

/// Serves HTTP on this listener until the supervisor stops, then lets requests in progress finish.
pub async fn serve(services: Arc<Services>, listener: TcpListener) {
    let assets = Arc::new(assets::Assets::load());
    let router = routes::router(&services, &assets);
    let accounts = services.accounts.clone();
    let authenticate: gate::Authenticate = Arc::new(move |token: SecretString| {
        let accounts = accounts.clone();
        Box::pin(async move { accounts.authenticate(token.expose_secret()).await })
    });
    let admin = services.admin.clone();
    let identify: gate::Identify = Arc::new(move |asked, permission| {
        let admin = admin.clone();
        Box::pin(async move { admin.identify(asked, permission).await })
    });
    let ask = gate::Ask { authenticate, identify };
    let front = gate::Front::new(Arc::clone(&services.config), Arc::clone(&services.rates), ask, assets, router);
    let service = edge::stack(Arc::clone(&services.config), front);
    let bounds = (&services.config.limits, services.config.trusted_proxies.as_slice());
    listener::accept_loop(listener, bounds, services.supervisor.clone(), service).await;
}
