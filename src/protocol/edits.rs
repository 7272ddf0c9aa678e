//! What is asked of a message after it was sent, and answered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{MessageId, UserId};

/// `edit`: another text for a message of mine.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Edit {
    /// The message.
    pub mid: MessageId,
    /// The revision that is replaced: 1 unless the message says another.
    pub rev: u32,
    /// The text, as typed.
    pub text: String,
}

/// `delete`: a message goes.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Delete {
    /// The message.
    pub mid: MessageId,
    /// For whom.
    pub scope: Scope,
}

/// For whom a message is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeleteScope)]
pub enum Scope {
    /// For me: a message of anybody, at any time.
    Me,
    /// For everybody in the chat: a message of mine, for a while.
    All,
}

/// The answer to `edit` and `delete`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema, PartialEq, Eq)]
#[schema(as = MessageChanged)]
pub struct Changed {
    /// The message.
    pub mid: MessageId,
    /// Its revision now.
    pub rev: u32,
    /// The number of the event that says so; of my own stream when it is for me.
    pub seq: u64,
    /// When it was changed, in milliseconds since the epoch.
    pub ts: i64,
}

/// `react`: I react to a message, or no longer.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub struct React {
    /// The message.
    pub mid: MessageId,
    /// With what.
    pub emoji: Emoji,
    /// Whether it is to be there.
    pub on: bool,
}

/// A reaction to a message.
#[derive(Clone, Copy, Debug, Serialize, ToSchema, PartialEq, Eq)]
#[schema(as = Reaction)]
pub struct Reacted {
    /// Whose.
    pub u: UserId,
    /// With what.
    pub emoji: Emoji,
}

/// What people can react with: few, so that nothing can be written in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Emoji {
    /// Yes, good.
    #[serde(rename = "👍")]
    Thumb,
    /// I love it.
    #[serde(rename = "❤️")]
    Heart,
    /// Funny.
    #[serde(rename = "😂")]
    Laugh,
    /// Surprising.
    #[serde(rename = "😮")]
    Surprise,
    /// Sad.
    #[serde(rename = "😢")]
    Sad,
    /// Great.
    #[serde(rename = "🔥")]
    Fire,
    /// Home.
    #[serde(rename = "🏠")]
    House,
    /// An idea.
    #[serde(rename = "💡")]
    Idea,
}

impl Emoji {
    /// All of them, in the order they are offered.
    pub const ALL: [Self; 8] =
        [Self::Thumb, Self::Heart, Self::Laugh, Self::Surprise, Self::Sad, Self::Fire, Self::House, Self::Idea];

    /// As it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Thumb => "👍",
            Self::Heart => "❤️",
            Self::Laugh => "😂",
            Self::Surprise => "😮",
            Self::Sad => "😢",
            Self::Fire => "🔥",
            Self::House => "🏠",
            Self::Idea => "💡",
        }
    }

    /// The one that is written so.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|emoji| emoji.text() == text)
    }
}
