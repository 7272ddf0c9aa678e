//! The one builder of answers.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use super::edge::AsIs;
use super::{problem, tag};
use crate::error::{Error, Result};

/// What a handler answers with when all went well.
#[derive(Debug)]
pub struct Reply(warp::reply::Response);

impl Reply {
    /// 200 with a JSON body.
    ///
    /// # Errors
    /// `internal` when the value has no JSON form.
    pub fn json<T: Serialize>(value: &T) -> Result<Self> {
        let body = serde_json::to_vec(value).map_err(Error::internal)?;
        Ok(Self::bytes("application/json", Bytes::from(body)))
    }

    /// 200 with a JSON body and its entity tag; 304 without one when these request headers name the tag.
    ///
    /// The tag is weak: it names the value, whatever compression makes of its bytes. Nobody may keep the answer, the tag
    /// is for a client that holds what it was told last.
    ///
    /// # Errors
    /// `internal` when the value has no JSON form.
    pub fn tagged_json<T: Serialize>(value: &T, asked: &HeaderMap) -> Result<Self> {
        let body = serde_json::to_vec(value).map_err(Error::internal)?;
        let name = format!("W/\"{}\"", tag::of(&body));
        let reply = if tag::matches(asked, &name) {
            Self(warp::reply::Response::default()).status(StatusCode::NOT_MODIFIED)
        } else {
            Self::bytes("application/json", Bytes::from(body))
        };
        let name = HeaderValue::from_str(&name).map_err(Error::internal)?;
        Ok(reply.header(ETAG, name).header(VARY, HeaderValue::from_static("cookie, authorization")))
    }

    /// The same answer, never compressed: for a body in which what strangers wrote stands beside what they may not learn.
    #[must_use]
    pub fn uncompressed(mut self) -> Self {
        self.0.extensions_mut().insert(AsIs);
        self
    }

    /// 200 with bytes of this media type.
    pub fn bytes(content_type: &'static str, body: Bytes) -> Self {
        let mut response = warp::reply::Response::new(body.into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self(response)
    }

    /// 204 and nothing else.
    pub fn empty() -> Self {
        Self(warp::reply::Response::default()).status(StatusCode::NO_CONTENT)
    }

    /// The same answer with another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        *self.0.status_mut() = status;
        self
    }

    /// The same answer with a header; one of that name is replaced.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().insert(name, value);
        self
    }

    /// The same answer with one more cookie.
    #[must_use]
    pub fn cookie(mut self, cookie: HeaderValue) -> Self {
        self.0.headers_mut().append(SET_COOKIE, cookie);
        self
    }

    /// The answer as warp carries it.
    pub fn into_response(self) -> warp::reply::Response {
        self.0
    }
}

/// A handler's outcome as warp carries it: errors are answers too, never rejections.
pub fn answer(outcome: Result<Reply>) -> warp::reply::Response {
    match outcome {
        Ok(reply) => reply.into_response(),
        Err(error) => problem::refuse(error),
    }
}
