//! The questionnaire, over HTTP.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::matching::bank::Bank;

/// A section to be saved, whole: what it held before is gone.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SectionForm {
    /// Its id: `studies` or `work`, `plans`, a module of the bank, or `habits`.
    #[schema(max_length = 40)]
    pub section: String,
    /// Modules and habits: `answers` by question, and the ids of those that are `important`, or `dealbreakers`. Others: their
    /// fields.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// A section as it was saved.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SectionState {
    /// Its id.
    pub section: &'static str,
    /// What was saved.
    #[schema(value_type = Object)]
    pub data: Value,
    /// When, in milliseconds since the epoch.
    pub saved_at: i64,
}

/// What a section still lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SectionGap {
    /// Its id.
    pub section: &'static str,
    /// Questions and fields without an answer.
    pub fields: Vec<String>,
}

/// How far somebody is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OnboardingProgress {
    /// All sections, in the order they are asked.
    pub sections: Vec<&'static str>,
    /// How many lack nothing.
    pub completed_sections: usize,
    /// What the others lack, in order.
    pub missing: Vec<SectionGap>,
    /// Nothing is missing.
    pub is_complete: bool,
    /// When the answers were handed in, in milliseconds since the epoch.
    #[schema(required)]
    pub submitted_at: Option<i64>,
    /// Complete, handed in, and the account can be suggested to others.
    pub is_eligible: bool,
    /// A stored answer that cannot be read: saved anew, it counts again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub problem: Option<String>,
}

/// Everything somebody answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Sheet {
    /// The version of the questions.
    pub bank_version: &'static str,
    /// `student` or `professional`.
    pub cohort: &'static str,
    /// The slug of the university that they signed up under.
    #[schema(required)]
    pub university: Option<String>,
    /// What was saved, in the order it is asked.
    pub sections: Vec<SectionState>,
    /// How far they are.
    pub progress: OnboardingProgress,
}

/// A university that one can name.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = KnownUniversity)]
pub struct University {
    /// What is saved.
    pub slug: &'static str,
    /// What it is called.
    pub name: &'static str,
}

/// What is asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Questionnaire {
    /// The question bank: its version, the cities, one's own behaviour, and the modules.
    #[schema(value_type = Object)]
    pub bank: &'static Bank,
    /// Universities, by slug.
    pub universities: Vec<University>,
}
