//! What the engine is told: domains that pass, and what follows from each category.

use super::{Action, Category};

/// Rules of one verdict at most; the rest says nothing new.
pub const RULES_MAX: usize = 32;

/// Dutch universities and the platform's own pages.
const ALLOWED: &[&str] = &[
    "domumatch.com",
    "domumatch.nl",
    "uva.nl",
    "vu.nl",
    "tudelft.nl",
    "eur.nl",
    "leidenuniv.nl",
    "universiteitleiden.nl",
    "uu.nl",
    "rug.nl",
    "ru.nl",
    "tue.nl",
    "utwente.nl",
    "wur.nl",
    "maastrichtuniversity.nl",
    "tilburguniversity.edu",
    "ou.nl",
    "hva.nl",
    "hu.nl",
    "hr.nl",
    "fontys.nl",
    "saxion.nl",
    "hanze.nl",
    "han.nl",
    "inholland.nl",
    "hhs.nl",
    "avans.nl",
    "buas.nl",
    "duo.nl",
    "113.nl",
];

/// What the engine is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Links to these domains and everything under them pass.
    pub allowed_domains: Vec<String>,
    /// What a handle leads to.
    pub handles: Action,
}

impl Default for Policy {
    fn default() -> Self {
        Self { allowed_domains: ALLOWED.iter().map(|domain| (*domain).to_owned()).collect(), handles: Action::Nudge }
    }
}

impl Policy {
    /// What follows from a category.
    pub fn action(&self, category: Category) -> Action {
        match category {
            Category::Links | Category::Email | Category::Phone => Action::Reject,
            Category::Handle => self.handles,
            _ => Action::Flag,
        }
    }

    /// Whether links to this host pass.
    pub(super) fn allows(&self, host: &str) -> bool {
        self.allowed_domains.iter().any(|domain| {
            host.strip_suffix(domain.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    }
}
