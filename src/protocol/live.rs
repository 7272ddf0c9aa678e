//! What is live and forgotten: who looks, who types, who is here; and what keeps a socket in step without a new one.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::Token;
use super::server::ChatState;
use crate::ids::{ChatId, SessionId, UserId};

/// `focus`: the chats on screen now, in the place of those before.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Focus {
    /// Their ids, at most `limits.focus`; none when nothing is on screen.
    pub chats: Vec<ChatId>,
}

/// `typing` and `visible`: it begins, or it ends.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub struct Switch {
    /// Whether it is so now.
    pub on: bool,
}

/// `refresh`: another session of the same person in the place of the one the socket has.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Refresh {
    /// Its bearer token.
    pub token: Token,
}

/// `sync`: what some chats hold now, without a new socket.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Sync {
    /// First and last place in the chat list (newest first) of chats that are wanted.
    #[serde(default)]
    pub window: Option<(usize, usize)>,
    /// Chats that are wanted besides, each with the last number the client holds; null: nothing is held.
    #[serde(default)]
    pub chats: HashMap<ChatId, Option<u64>>,
}

/// The answer to an operation that has nothing to tell.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Noted {}

/// The answer to `focus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Focused {
    /// The chats that are on screen, in the order they were named.
    pub chats: Vec<FocusedChat>,
}

/// Who is in a chat that is on screen; what changes follows as `presence` and `typing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FocusedChat {
    /// The chat.
    pub id: ChatId,
    /// Its other members; nobody when I am hidden myself.
    pub presence: Vec<Presence>,
    /// Who types.
    pub typing: Vec<UserId>,
}

/// `presence`: whether somebody is here; the newest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Presence {
    /// Who.
    pub u: UserId,
    /// Whether they are here.
    pub state: Here,
    /// When they last were, for who is offline; null when that is not known.
    #[schema(required)]
    pub seen: Option<Seen>,
}

/// Whether somebody is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Here {
    /// No socket of theirs is open.
    Offline,
    /// A socket is open, but nobody looks.
    Away,
    /// They look.
    Online,
}

/// About when somebody was last here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Within ten minutes.
    JustNow,
    /// Within 24 hours.
    Today,
    /// Within seven days.
    ThisWeek,
    /// Before.
    LongAgo,
}

/// `typing`: somebody begins, goes on or stops. Who is told nothing for longer than `limits.typing_ms` lets it end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Typing {
    /// Who.
    pub u: UserId,
    /// Whether they type.
    pub on: bool,
}

/// The answer to `refresh`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Refreshed {
    /// The session the socket belongs to now.
    pub session: SessionId,
    /// When it ends whatever happens, in milliseconds since the epoch.
    pub expires_at: i64,
}

/// `token.expiring`: the session of this socket ends soon; `refresh` with another one keeps the socket.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Expiring {
    /// When, in milliseconds since the epoch.
    pub expires_at: i64,
}

/// The answer to `sync`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Synced {
    /// The chats that were asked for, the liveliest first, each with its verdict as in the answer to `connect`.
    pub chats: Vec<ChatState>,
    /// Those that were asked for and are not mine.
    pub not_member: Vec<ChatId>,
    /// How many chats there are, in the window and outside.
    pub total: usize,
}
