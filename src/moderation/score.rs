//! A labelled corpus held against the engine: what each class and tier reaches.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::{Action, Category, Policy, Verdict, screen};

/// A line of a corpus.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// What somebody writes.
    pub text: String,
    /// What the same person wrote before.
    #[serde(default)]
    pub history: Vec<String>,
    /// What is in it, the first of them above all; empty when it is harmless.
    #[serde(default)]
    pub classes: Vec<Category>,
    /// A family of lines, such as `plain`, `disguised`, `split`, `hard`, `ordinary`, `negation`, `quotation`.
    pub tier: String,
    /// `nl`, `en` or `mixed`.
    pub lang: String,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// So many.
    pub of: usize,
    /// Of them, so many.
    pub hit: usize,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.of += 1;
        self.hit += usize::from(hit);
    }

    /// Between 0 and 1; 1 of nothing.
    pub fn rate(self) -> f64 {
        let exact = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        if self.of == 0 { 1.0 } else { exact(self.hit) / exact(self.of) }
    }
}

/// What a corpus came to.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Lines with a class and a tier: found.
    pub recall: BTreeMap<(Category, String), Share>,
    /// The same by language.
    pub languages: BTreeMap<(Category, String), Share>,
    /// Lines on which a category was found: rightly.
    pub precision: BTreeMap<Category, Share>,
    /// Rejected lines: with something in them.
    pub rejected: Share,
    /// Harmless lines by tier: refused, nudged and flagged.
    pub alarms: BTreeMap<String, [Share; 3]>,
}

/// Whether a verdict does to a line what its first class asks for.
pub fn reaches(verdict: &Verdict, class: Category) -> bool {
    let found = verdict.violations.contains(&class);
    match class {
        Category::Links | Category::Email | Category::Phone => verdict.action == Action::Reject && found,
        Category::Handle => found && verdict.action >= Action::Nudge,
        _ => found,
    }
}

impl Score {
    /// Counts a line.
    pub fn count(&mut self, line: &Labelled, policy: &Policy) {
        let verdict = screen(&line.text, &line.history, policy);
        for found in &verdict.violations {
            self.precision.entry(*found).or_default().count(line.classes.contains(found));
        }
        let Some(class) = line.classes.first().copied() else {
            let alarms = self.alarms.entry(line.tier.clone()).or_default();
            for (share, action) in alarms.iter_mut().zip([Action::Reject, Action::Nudge, Action::Flag]) {
                share.count(verdict.action == action);
            }
            if verdict.action == Action::Reject {
                self.rejected.count(false);
            }
            return;
        };
        let hit = reaches(&verdict, class);
        self.recall.entry((class, line.tier.clone())).or_default().count(hit);
        self.languages.entry((class, line.lang.clone())).or_default().count(hit);
        if verdict.action == Action::Reject {
            self.rejected.count(line.classes.iter().any(|class| policy.action(*class) == Action::Reject));
        }
    }

    /// The recall of a tier over these classes.
    pub fn tier(&self, classes: &[Category], tier: &str) -> Share {
        let rows = self.recall.iter().filter(|((class, of), _)| of == tier && classes.contains(class));
        rows.fold(Share::default(), |sum, (_, share)| Share { of: sum.of + share.of, hit: sum.hit + share.hit })
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12}{:<14}{:>7}{:>7}{:>9}", "class", "tier", "lines", "found", "recall")?;
        for ((class, tier), share) in &self.recall {
            writeln!(f, "{:<12}{tier:<14}{:>7}{:>7}{:>9.4}", class.name(), share.of, share.hit, share.rate())?;
        }
        writeln!(f, "\n{:<12}{:<14}{:>7}{:>7}{:>9}", "class", "language", "lines", "found", "recall")?;
        for ((class, lang), share) in &self.languages {
            writeln!(f, "{:<12}{lang:<14}{:>7}{:>7}{:>9.4}", class.name(), share.of, share.hit, share.rate())?;
        }
        writeln!(f, "\n{:<26}{:>7}{:>7}{:>9}", "class", "found", "right", "precision")?;
        for (class, share) in &self.precision {
            writeln!(f, "{:<26}{:>7}{:>7}{:>9.4}", class.name(), share.of, share.hit, share.rate())?;
        }
        writeln!(f, "{:<26}{:>7}{:>7}{:>9.4}", "refused", self.rejected.of, self.rejected.hit, self.rejected.rate())?;
        writeln!(f, "\n{:<26}{:>7}{:>9}{:>9}{:>9}", "harmless", "lines", "refused", "nudged", "flagged")?;
        for (tier, [refused, nudged, flagged]) in &self.alarms {
            let [refused_rate, nudged_rate, flagged_rate] = [refused.rate(), nudged.rate(), flagged.rate()];
            writeln!(f, "{tier:<26}{:>7}{refused_rate:>9.4}{nudged_rate:>9.4}{flagged_rate:>9.4}", refused.of)?;
        }
        Ok(())
    }
}
