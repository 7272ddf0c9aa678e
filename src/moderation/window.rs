//! What was split over several messages of one sender.

use super::fold::{BREAK, Folded};
use super::lex::Lexed;
use super::policy::Policy;
use super::{Rule, Strictness, contacts};

/// Earlier messages that are looked at.
pub const HISTORY_MAX: usize = 10;
/// Characters of the end of each of them.
const CHARS_MAX: usize = 120;

/// The end of a message, as much of it as is looked at when later ones are read.
pub fn tail(message: &str) -> String {
    message.chars().skip(message.chars().count().saturating_sub(CHARS_MAX)).collect()
}

/// What the text completes, with spans in it.
pub(super) fn find<S: AsRef<str>>(text: &str, history: &[S], policy: &Policy) -> Vec<Rule> {
    let mut joined = String::new();
    let mut before = 0;
    for message in history.iter().skip(history.len().saturating_sub(HISTORY_MAX)) {
        for letter in tail(message.as_ref()).chars().filter(|letter| *letter != BREAK) {
            joined.push(letter);
            before += 1;
        }
        joined.push(BREAK);
        before += 1;
    }
    joined.extend(text.chars().map(|letter| if letter == BREAK { '\u{1F}' } else { letter }));
    let lexed = Lexed::new(Folded::new(&joined, true));
    let rules = contacts(&lexed, Strictness::Window, policy).into_iter();
    rules
        .filter(|rule| rule.span[0] < before && rule.span[1] > before)
        .map(|rule| Rule { span: [0, rule.span[1] - before], ..rule })
        .collect()
}
