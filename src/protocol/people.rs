//! People as others see them.

use serde::Serialize;
use utoipa::ToSchema;

use super::server::Picture;
use crate::ids::UserId;

/// The university of a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct University {
    /// Its name.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
}

/// A person as those see them who share a chat with them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Pronouns.
    #[schema(required)]
    pub pronouns: Option<String>,
    /// What they study.
    #[schema(required)]
    pub program: Option<String>,
    /// In which year.
    #[schema(required)]
    pub study_year: Option<i32>,
    /// What they say of themselves.
    #[schema(required)]
    pub about: Option<String>,
    /// ISO 639-1 codes of what they speak.
    pub languages: Vec<String>,
    /// Where they study.
    #[schema(required)]
    pub university: Option<University>,
    /// Their identity is verified.
    pub verified: bool,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// Where the uploaded picture is.
    #[schema(required)]
    pub picture: Option<Picture>,
    /// I have blocked them.
    pub blocked: bool,
}

/// Somebody I have blocked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Blocked {
    /// Who.
    pub id: UserId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// Where the uploaded picture is.
    #[schema(required)]
    pub picture: Option<Picture>,
    /// Since when, in milliseconds since the epoch.
    pub at: i64,
}
