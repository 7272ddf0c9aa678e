//! `GET /api/csrf-token`.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{visitor, with};
use crate::doors::{self, CsrfSubject};
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::ratelimit::RateKind;
use crate::services::Services;

/// A CSRF token.
#[derive(Serialize, ToSchema)]
#[schema(as = CsrfToken)]
pub struct Token {
    /// For the `x-csrf-token` header; the answer's cookie holds the same.
    token: String,
}

/// The route of CSRF tokens.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "csrf-token")
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .then(|services: Arc<Services>, visitor: Visitor| async move { answer(token(&services, &visitor)) })
        .boxed()
}

/// A token for this session, or for this browser, which gets an anonymous id when it has none yet.
fn token(services: &Services, visitor: &Visitor) -> Result<Reply> {
    let (subject, fresh) = match CsrfSubject::of(&visitor.cookies) {
        Some(subject) => (subject, None),
        None => {
            let id = doors::make_anon_id()?;
            (CsrfSubject::Anon(id.clone()), Some(id))
        }
    };
    let key = &services.config.csrf_secret;
    // A token that still holds stays: else each new tab would take away the token of the others.
    let known = visitor.cookies.csrf.as_ref().filter(|token| doors::verify_csrf_token(key, &subject, token));
    let token = match known {
        Some(token) => token.clone(),
        None => {
            services.rates.check(RateKind::CsrfToken, &doors::network(visitor.address).to_string())?;
            doors::make_csrf_token(key, &subject)?
        }
    };
    let mut reply = Reply::json(&Token { token: token.clone() })?.uncompressed().cookie(doors::csrf_cookie(&token)?);
    if let Some(id) = fresh {
        reply = reply.cookie(doors::anon_cookie(&id)?);
    }
    Ok(reply)
}
