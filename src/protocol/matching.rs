//! Suggestions and matches.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::server::Picture;
use crate::ids::{ChatId, SuggestionId, UserId};
use crate::matching::explain::{Explanation, Part};
use crate::matching::pair::Status;

/// What somebody says to a suggestion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SuggestionAction)]
pub enum Action {
    /// I want to talk.
    Accept,
    /// Not now: for thirty days, or until one of us changes their answers.
    Decline,
    /// I take that back: within ten seconds.
    Undo,
}

/// Why somebody ends a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UnmatchReason)]
pub enum Reason {
    /// No home was found.
    NoHouse,
    /// They live too differently.
    IncompatibleLifestyle,
    /// The other does not answer.
    Unresponsive,
    /// Something else, which is to be said.
    Other,
}

impl Reason {
    /// As it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoHouse => "no_house",
            Self::IncompatibleLifestyle => "incompatible_lifestyle",
            Self::Unresponsive => "unresponsive",
            Self::Other => "other",
        }
    }
}

/// What is shown of the other person before both want to talk, and after.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Candidate {
    /// Who.
    pub id: UserId,
    /// First name.
    pub first_name: String,
    /// Last name: of a match only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_name: Option<String>,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// Where the uploaded picture is: of a match only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub picture: Option<Picture>,
    /// The name of their university.
    #[schema(required)]
    pub university: Option<String>,
    /// What they study.
    #[schema(required)]
    pub program: Option<String>,
    /// In which year.
    #[schema(required)]
    pub study_year: Option<i32>,
    /// A few sentences of theirs.
    #[schema(required)]
    pub about: Option<String>,
    /// ISO 639-1 codes.
    pub languages: Vec<String>,
}

/// Somebody who is suggested to me, or whom I am matched with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Suggestion {
    /// Its id.
    pub id: SuggestionId,
    /// What it is to me.
    pub status: Status,
    /// The other.
    pub person: Candidate,
    /// How well we fit, in whole percent.
    pub fit: u8,
    /// Where that stands among all who could be suggested to me, from 1.
    pub rank: u32,
    /// Given so that somebody has enough to choose from.
    pub extra: bool,
    /// Until when, in milliseconds since the epoch; a match has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<i64>,
    /// The chat of a match.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub chat_id: Option<ChatId>,
    /// Where we fit, what to talk about, and what to ask first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    pub explanation: Option<Explanation>,
}

/// A page of my suggestions.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Suggestions {
    /// The best first; whoever is interested before those, matches last.
    pub suggestions: Vec<Suggestion>,
    /// How many there are in all.
    pub total: usize,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<SuggestionId>,
    /// Whether I am suggested to others; if not, my questionnaire or my account says why.
    pub is_eligible: bool,
    /// When I have none: what keeps most people from me.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub hurdle: Option<crate::matching::population::Hurdle>,
}

/// What became of an answer to a suggestion.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Responded {
    /// What the suggestion is to me now; none: I see it no more.
    #[schema(required)]
    pub status: Option<Status>,
    /// The chat, when both want to talk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub chat_id: Option<ChatId>,
}

/// How two people fit, item by item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Compatibility {
    /// In whole percent.
    pub fit: u8,
    /// The mutual score, 0 to 1.
    pub score: f64,
    /// The score's version.
    pub algorithm: &'static str,
    /// What the score is made of: the contributions sum to it.
    #[schema(value_type = Vec<Object>)]
    pub parts: Vec<Part>,
    /// Where we fit, what to talk about, and what to ask first.
    #[schema(value_type = Object)]
    pub explanation: Explanation,
}

/// `suggestions`: my list of suggestions changed; what it is now is at `/api/match/suggestions/my`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct SuggestionsChanged {}
