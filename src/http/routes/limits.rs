//! `GET /api/limits`: the bounds that forms tell people before the server has to.

use std::sync::Arc;

use http::HeaderValue;
use http::header::CACHE_CONTROL;
use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::with;
use crate::accounts::model::NAME_CHARS_MAX;
use crate::accounts::profile::{ABOUT_CHARS_MAX, LANGUAGES_MAX, PROGRAM_CHARS_MAX, PRONOUNS_CHARS_MAX, STUDY_YEAR_MAX};
use crate::error::Result;
use crate::http::reply::{Reply, answer};
use crate::services::Services;

/// They change when the server is started anew with others.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// What forms say of their fields.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormLimits {
    /// Shortest password, in Unicode scalars.
    password_chars_min: usize,
    /// Longest password, in bytes.
    password_bytes_max: usize,
    /// Youngest age at sign-up, in years.
    age_years_min: u32,
    /// Longest first and last name, in Unicode scalars.
    name_chars_max: usize,
    /// Longest pronouns, in Unicode scalars.
    pronouns_chars_max: usize,
    /// Longest name of a study, in Unicode scalars.
    program_chars_max: usize,
    /// Longest text about oneself, in Unicode scalars.
    about_chars_max: usize,
    /// Languages one person may name.
    languages_max: usize,
    /// The last year of a study that is believed.
    study_year_max: u8,
    /// How long an e-mail address stays after a change, in seconds.
    email_change_cooldown: u64,
    /// Longest message, in Unicode scalars.
    message_chars_max: usize,
    /// Largest picture file, in bytes.
    picture_bytes_max: usize,
    /// Most pixels of a picture.
    picture_pixels_max: u32,
    /// Pictures one person may upload in an hour.
    picture_uploads_per_hour: u32,
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
    let form = FormLimits {
        password_chars_min: limits.password_chars_min,
        password_bytes_max: limits.password_bytes_max,
        age_years_min: limits.age_years_min,
        name_chars_max: NAME_CHARS_MAX,
        pronouns_chars_max: PRONOUNS_CHARS_MAX,
        program_chars_max: PROGRAM_CHARS_MAX,
        about_chars_max: ABOUT_CHARS_MAX,
        languages_max: LANGUAGES_MAX,
        study_year_max: STUDY_YEAR_MAX,
        email_change_cooldown: limits.email_change_cooldown.as_secs(),
        message_chars_max: limits.message_chars_max,
        picture_bytes_max: limits.picture_bytes_max,
        picture_pixels_max: limits.picture_pixels_max,
        picture_uploads_per_hour: limits.picture_uploads_per_hour,
    };
    Ok(Reply::json(&form)?.header(CACHE_CONTROL, KEPT))
}
