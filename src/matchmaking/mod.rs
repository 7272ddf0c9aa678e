//! Suggestions and what people say to them. Two people who want to talk get a chat, once; nothing but what they decided
//! makes it so.

mod cards;
mod inspect;
mod keeper;
mod nice;

use std::sync::Arc;

use chrono::TimeDelta;

pub use inspect::{Hurdles, Inspected, Why};
pub use keeper::{Keeper, RunReport};

use crate::chat::{Chat, Committer, Touched};
use crate::clock::Clock;
use crate::config::Limits;
use crate::error::{Error, Result};
use crate::ids::{ChatId, RunId, SuggestionId, UserId, new_id};
use crate::protocol::codes::Code;
use crate::protocol::matching::{Action, Reason, Responded};
use crate::ratelimit::{RateKind, RateLimits};
use crate::realtime::Hub;
use crate::store::{Readiness, Replied, Reply, ReplyTerms, RunRow, Store};
use crate::text::is_hidden_in_words;

/// How long a pass can be taken back.
const UNDO: TimeDelta = TimeDelta::seconds(10);
/// Longest note about an ended match, in Unicode scalars.
pub const NOTE_CHARS_MAX: usize = 500;

/// What the service is made of.
#[derive(Clone)]
pub struct Parts {
    /// Where pairs are kept.
    pub store: Store,
    /// Who holds a socket.
    pub hub: Arc<Hub>,
    /// What emits events.
    pub committer: Committer,
    /// Blocks, and the screening of notes.
    pub chat: Chat,
    /// Whose suggestions are to be made anew.
    pub touched: Arc<Touched>,
    /// How often a thing may happen.
    pub rates: Arc<RateLimits>,
    /// The bounds.
    pub limits: Arc<Limits>,
    /// The time.
    pub clock: Clock,
}

/// The service; cheap to clone.
#[derive(Clone)]
pub struct Matchmaking {
    parts: Parts,
    keeper: Keeper,
}

impl Matchmaking {
    /// The service, and the keeper of its suggestions.
    pub fn new(parts: Parts) -> Self {
        Self { keeper: Keeper::new(parts.clone()), parts }
    }

    /// Keeps the suggestions as they should be until the stop.
    pub fn keeper(&self) -> Keeper {
        self.keeper.clone()
    }

    /// Takes an answer to a suggestion. Saying the same again changes nothing.
    ///
    /// # Errors
    /// `not_found` for a suggestion that is none of theirs or is no longer open; `conflict`, `not_verified`, `rate_limited`.
    pub async fn respond(&self, user: UserId, id: SuggestionId, action: Action) -> Result<Responded> {
        self.parts.rates.check(RateKind::MatchReply, &user.to_string())?;
        let reply = match action {
            Action::Accept => Reply::Accept,
            Action::Decline => Reply::Pass,
            Action::Undo => Reply::Undo,
        };
        let terms = ReplyTerms { undo: UNDO, chats_max: self.parts.limits.chats_per_user_max };
        let (chat, now) = (ChatId(new_id()), self.parts.clock.now());
        let replied = self
            .parts
            .committer
            .run(move |tx| Box::pin(async move { tx.reply_to_pair((user, id), reply, terms, chat, now).await }))
            .await?;
        let conflict = |detail: &str| Err(Error::new(Code::Conflict, detail));
        match replied {
            Replied::Done { status, chat, other } => {
                // Both people's open places and lists depend on it.
                for one in [user, other] {
                    self.parts.touched.mark(one);
                }
                self.keeper.tell(&[user, other]);
                Ok(Responded { status, chat_id: chat })
            }
            Replied::Gone => Err(gone()),
            Replied::NotEligible => Err(Error::new(
                Code::NotVerified,
                "You can accept suggestions once your identity is verified, your answers are handed in and you are visible.",
            )),
            Replied::Matched => conflict("You two are matched already. Unmatch to end that."),
            Replied::TooLate => conflict("It is too late to take that back."),
            Replied::Full => conflict("One of you is in as many chats as one can be. Leave one first."),
        }
    }

    /// Ends a match for both: its chat is closed, what was said in it stays, and the two are never suggested to each other
    /// again.
    ///
    /// # Errors
    /// `not_found` for somebody one is not matched with; `bad_request` for a reason that is to be explained and is not.
    pub async fn unmatch(&self, user: UserId, other: UserId, reason: Reason, note: Option<String>) -> Result<()> {
        self.parts.rates.check(RateKind::MatchReply, &user.to_string())?;
        let note = note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
        if reason == Reason::Other && note.is_none() {
            return Err(Error::bad_request("Say what the reason is, in `reason_text`."));
        }
        if let Some(note) = &note {
            if note.chars().count() > NOTE_CHARS_MAX || note.contains(is_hidden_in_words) {
                return Err(Error::bad_request(format!(
                    "A reason is plain text of at most {NOTE_CHARS_MAX} characters."
                )));
            }
            self.parts.chat.screen_text(note)?;
        }
        let (now, reason) = (self.parts.clock.now(), reason.name());
        let ended = self
            .parts
            .committer
            .run(move |tx| Box::pin(async move { tx.end_match((user, other), (reason, note), now).await }))
            .await?;
        ended.map(drop).ok_or_else(|| Error::new(Code::NotFound, "You are not matched with this person."))
    }

    /// Runs over everybody.
    ///
    /// # Errors
    /// `conflict` while another run is under way; the store's.
    pub async fn run(&self) -> Result<RunReport> {
        self.keeper.run().await
    }

    /// Waits until what has changed so far is in the suggestions.
    pub async fn settled(&self) {
        self.keeper.settled().await;
    }

    /// How many people are how far.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn readiness(&self) -> Result<Readiness> {
        Ok(self.parts.store.readiness(self.parts.clock.now()).await?)
    }

    /// A run and its report.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn report(&self, run: RunId) -> Result<RunRow> {
        let row = self.parts.store.run(run).await?;
        row.ok_or_else(|| Error::new(Code::NotFound, "There is no such run."))
    }

    /// Runs, the newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn runs(&self, before: Option<RunId>, limit: u64) -> Result<Vec<RunRow>> {
        Ok(self.parts.store.runs(before, limit).await?)
    }

    /// Looks again at the suggestions of people who have become a match by somebody else's hand, and tells their sockets.
    pub fn matched(&self, people: &[UserId]) {
        for one in people {
            self.parts.touched.mark(*one);
        }
        self.keeper.tell(people);
    }
}

/// The same for a suggestion of others, one that is over, and one across a block.
fn gone() -> Error {
    Error::new(Code::NotFound, "This suggestion is no longer open. Look at your list again.")
}
