//! The moderation of what people write to each other. What is refused never enters the chat; what is flagged is
//! delivered and counted.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::Chat;
use crate::error::{Error, Result};
use crate::ids::{ChatId, UserId};
use crate::moderation::{self, Action, Category, Verdict, screen};
use crate::protocol::codes::Code;
use crate::telemetry::names as metrics;

/// Whose messages, and where.
type Writer = (ChatId, UserId);

/// What people wrote lately that may be the beginning of something: written and read by `Chat::screen_message`, under
/// its own lock, never across an await.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    writers: HashMap<Writer, (DateTime<Utc>, VecDeque<String>)>,
    /// Oldest first; whoever is forgotten first is first.
    order: VecDeque<Writer>,
}

impl Chat {
    /// Whether a message may be sent by this person in this chat, after what they sent before.
    ///
    /// # Errors
    /// `rejected_by_rule` with the violations and the span of the first of them.
    pub(super) fn screen_message(&self, writer: Writer, text: &str) -> Result<()> {
        let now = self.clock.now();
        let history = self.recent.of(writer, now - self.limits.moderation_window);
        judge(&screen(text, &history, &self.policy))?;
        if moderation::may_be_part(text) {
            self.recent.add(writer, text, now, self.limits.moderation_writers_max);
        }
        Ok(())
    }

    /// Whether a text that stands alone may be shown to others.
    ///
    /// # Errors
    /// The same.
    pub fn screen_text(&self, text: &str) -> Result<()> {
        judge(&screen::<&str>(text, &[], &self.policy))
    }
}

impl Recent {
    fn of(&self, writer: Writer, since: DateTime<Utc>) -> Vec<String> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = held.writers.get(&writer).filter(|(at, _)| *at >= since);
        texts.map(|(_, texts)| texts.iter().cloned().collect()).unwrap_or_default()
    }

    fn add(&self, writer: Writer, text: &str, now: DateTime<Utc>, writers_max: usize) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = &mut *held;
        let (at, texts) = held.writers.entry(writer).or_insert_with(|| {
            held.order.push_back(writer);
            (now, VecDeque::new())
        });
        *at = now;
        texts.push_back(moderation::tail(text));
        while texts.len() > moderation::HISTORY_MAX {
            texts.pop_front();
        }
        while held.order.len() > writers_max {
            if let Some(oldest) = held.order.pop_front() {
                held.writers.remove(&oldest);
            }
        }
    }
}

/// Counts what was found, and refuses what is to be refused. A nudge is delivered.
fn judge(verdict: &Verdict) -> Result<()> {
    for category in &verdict.violations {
        metrics::screened(category.name());
    }
    if verdict.action < Action::Reject {
        return Ok(());
    }
    let what = verdict.violations.iter().find_map(|category| match category {
        Category::Links => Some("a link"),
        Category::Email => Some("an e-mail address"),
        Category::Phone => Some("a phone number"),
        _ => None,
    });
    let first = verdict.rules.iter().find(|rule| verdict.violations.contains(&rule.category));
    let detail = format!("The text holds {}, which cannot be sent here. Leave it out.", what.unwrap_or("a contact"));
    Err(Error::new(Code::RejectedByRule, detail).with(serde_json::json!({
        "violations": verdict.violations,
        "span": first.map(|rule| rule.span),
        "rules": verdict.rules,
    })))
}
