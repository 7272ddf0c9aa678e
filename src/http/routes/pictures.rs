//! `/api/me/picture` and `/api/pictures`: pictures of people, uploaded and served.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{me, visitor, with};
use crate::error::{Error, Result};
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::http::tag;
use crate::ids::PictureId;
use crate::services::Services;

/// A picture never changes: another one has another id. Nobody but the browser keeps it.
const KEPT: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
/// Opened by itself, a picture may do nothing at all.
const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// The routes of pictures.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let put = warp::path!("api" / "me" / "picture")
        .and(warp::put())
        .and(with(services))
        .and(visitor())
        .and(warp::body::bytes())
        .then(|s: Arc<Services>, v: Visitor, file: Bytes| async move { answer(put(&s, &v, file).await) });
    let remove = warp::path!("api" / "me" / "picture")
        .and(warp::delete())
        .and(with(services))
        .and(visitor())
        .then(|s: Arc<Services>, v: Visitor| async move { answer(remove(&s, &v).await) });
    let show = warp::path!("api" / "pictures" / PictureId)
        .and(warp::get())
        .and(with(services))
        .and(visitor())
        .and(warp::header::headers_cloned())
        .then(|id: PictureId, s: Arc<Services>, v: Visitor, headers: HeaderMap| async move {
            answer(show(&s, &v, id, &headers).await)
        });
    put.or(remove).unify().or(show).unify().boxed()
}

async fn put(services: &Services, visitor: &Visitor, file: Bytes) -> Result<Reply> {
    services.accounts.set_picture(visitor.principal()?.user, file).await?;
    me::show(services, visitor).await
}

async fn remove(services: &Services, visitor: &Visitor) -> Result<Reply> {
    services.accounts.remove_picture(visitor.principal()?.user).await?;
    me::show(services, visitor).await
}

async fn show(services: &Services, visitor: &Visitor, id: PictureId, headers: &HeaderMap) -> Result<Reply> {
    // Whether it may be seen is asked in any case: a tag is no key.
    let jpeg = services.accounts.picture(visitor.principal()?.user, id).await?;
    let tag = format!("\"{id}\"");
    let known = tag::matches(headers, &tag);
    let reply = if known { Reply::empty().status(StatusCode::NOT_MODIFIED) } else { Reply::bytes("image/jpeg", jpeg) };
    let tag = HeaderValue::from_str(&tag).map_err(Error::internal)?;
    Ok(reply.header(ETAG, tag).header(CACHE_CONTROL, KEPT).header(CONTENT_SECURITY_POLICY, SANDBOX))
}
