//! PURE. One engine for every text that goes to another person: what in it is contact data, and what needs a look.
//!
//! A text is folded once (`fold`), cut into tokens once (`lex`), and read by rules that each look at a bounded
//! number of tokens around an anchor; so the time is linear whatever is written. The terms are files in `terms/`.

mod address;
mod flags;
mod fold;
mod handle;
mod lex;
mod phone;
mod plan;
pub mod policy;
pub mod score;
mod spaced;
mod window;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use fold::Folded;
use lex::{Lexed, is};
pub use policy::Policy;
pub use window::{HISTORY_MAX, tail};

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// An address of a page, an invitation to another service.
    Links,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// A name on another service.
    Handle,
    /// A trick for money.
    Scam,
    /// Violence that is announced.
    Threat,
    /// Contempt for a group of people.
    Hate,
    /// Sexual harassment.
    Sexual,
    /// Somebody may be in danger from themselves: help, no sanction.
    SelfHarm,
    /// Abuse of a person.
    Profanity,
    /// Repetition and shouting.
    Spam,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 11] = [
        Self::Links,
        Self::Email,
        Self::Phone,
        Self::Handle,
        Self::Scam,
        Self::Threat,
        Self::Hate,
        Self::Sexual,
        Self::SelfHarm,
        Self::Profanity,
        Self::Spam,
    ];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Handle => "handle",
            Self::Scam => "scam",
            Self::Threat => "threat",
            Self::Hate => "hate",
            Self::Sexual => "sexual",
            Self::SelfHarm => "self_harm",
            Self::Profanity => "profanity",
            Self::Spam => "spam",
        }
    }
}

/// What is done with a text, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Delivered.
    Allow,
    /// Delivered, and a moderator may look; for self-harm the person is shown help.
    Flag,
    /// The sender is asked whether it should really be sent.
    Nudge,
    /// Not delivered.
    Reject,
}

/// One rule that applies, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The rule's name, such as `phone.nl_mobile`.
    pub id: &'static str,
    /// What it is about.
    pub category: Category,
    /// Where it applies.
    ///
    /// # Units
    /// Unicode scalars of the original text, half open.
    pub span: [usize; 2],
}

/// What the engine says of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What is done with it: the strictest of its rules.
    pub action: Action,
    /// The categories of its rules, each once.
    pub violations: Vec<Category>,
    /// What applies, by place.
    pub rules: Vec<Rule>,
}

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strictness {
    /// By itself.
    Text,
    /// As the last of several messages.
    Window,
}

/// What a rule found, in bytes of the folded text.
#[derive(Clone, Copy, Debug)]
struct Finding {
    id: &'static str,
    category: Category,
    from: usize,
    to: usize,
}

/// Reads a text. `history` holds earlier messages of the same sender in the same chat, oldest first; only the end of
/// it is looked at, for what was split over several messages.
pub fn screen<S: AsRef<str>>(text: &str, history: &[S], policy: &Policy) -> Verdict {
    let lexed = Lexed::new(Folded::new(text, false));
    let mut rules = contacts(&lexed, Strictness::Text, policy);
    if let Some(apart) = spaced::close_up(&lexed) {
        let close = Lexed::new(apart);
        let mut found = Vec::new();
        address::find(&close, policy, &mut found);
        rules.extend(found.iter().map(|finding| rule(&close, finding)));
    }
    let mut found = Vec::new();
    flags::find(&lexed, &mut found);
    rules.extend(found.iter().map(|finding| rule(&lexed, finding)));
    if !history.is_empty() && rules.iter().all(|rule| policy.action(rule.category) < Action::Nudge) {
        rules.extend(window::find(text, history, policy));
    }
    verdict(rules, policy)
}

/// Whether a message may be a part of something that is split over several.
pub fn may_be_part(text: &str) -> bool {
    let lexed = Lexed::new(Folded::new(text, false));
    let few = lexed.tokens.iter().filter(|token| token.is_chunk()).count() <= PART_WORDS_MAX;
    let telling = is::NUMBER | is::AT_STRONG | is::DOT | is::PROVIDER | is::PLATFORM | is::SHORT_PLATFORM | is::CALL;
    few || lexed.digits > 0 || lexed.bits & telling != 0 || text.contains('@')
}

/// Words of a message that may be part of anything.
const PART_WORDS_MAX: usize = 3;

/// What passes people's contact data on.
fn contacts(lexed: &Lexed, mode: Strictness, policy: &Policy) -> Vec<Rule> {
    let mut found = Vec::new();
    phone::find(lexed, mode, &mut found);
    address::find(lexed, policy, &mut found);
    handle::find(lexed, &mut found);
    found.iter().map(|finding| rule(lexed, finding)).collect()
}

fn rule(lexed: &Lexed, finding: &Finding) -> Rule {
    Rule { id: finding.id, category: finding.category, span: lexed.folded.span(finding.from, finding.to) }
}

fn verdict(mut rules: Vec<Rule>, policy: &Policy) -> Verdict {
    rules.sort_by_key(|rule| (rule.span, rule.category));
    rules.dedup();
    // A handle inside an address is the address.
    let outer: Vec<Rule> = rules.iter().filter(|rule| rule.category != Category::Handle).copied().collect();
    rules.retain(|rule| {
        rule.category != Category::Handle
            || !outer.iter().any(|other| {
                matches!(other.category, Category::Links | Category::Email)
                    && other.span[0] < rule.span[1]
                    && rule.span[0] < other.span[1]
            })
    });
    rules.truncate(policy::RULES_MAX);
    let mut violations: Vec<Category> = Vec::new();
    for rule in &rules {
        if !violations.contains(&rule.category) {
            violations.push(rule.category);
        }
    }
    let action = rules.iter().map(|rule| policy.action(rule.category)).max().unwrap_or(Action::Allow);
    Verdict { action, violations, rules }
}
