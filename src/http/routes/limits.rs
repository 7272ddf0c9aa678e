//! `GET /api/limits`: the bounds that forms tell people before the server has to.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::with;
use crate::error::Result;
use crate::http::reply::{Reply, answer};
use crate::services::Services;

/// What forms say of their fields.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormLimits {
    /// Shortest password, in Unicode scalars.
    password_chars_min: usize,
    /// Longest password, in bytes.
    password_bytes_max: usize,
    /// Largest picture file, in bytes.
    picture_bytes_max: usize,
    /// Most pixels of a picture.
    picture_pixels_max: u32,
}

/// The route of the bounds.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "limits")
        .and(warp::get())
        .and(with(services))
        .map(|services: Arc<Services>| answer(limits(&services)))
        .boxed()
}

fn limits(services: &Services) -> Result<Reply> {
    let limits = &services.config.limits;
    Reply::json(&FormLimits {
        password_chars_min: limits.password_chars_min,
        password_bytes_max: limits.password_bytes_max,
        picture_bytes_max: limits.picture_bytes_max,
        picture_pixels_max: limits.picture_pixels_max,
    })
}
