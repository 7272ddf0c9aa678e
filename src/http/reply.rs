//! The one builder of answers.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use super::problem;
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
