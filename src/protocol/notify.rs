//! What a person is told of, and what not.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::server::ChatState;
use crate::ids::ChatId;

/// The end of a mute that has none, in milliseconds since the epoch: the last second of the year 9999.
pub const FOR_EVER: i64 = 253_402_300_799_000;

/// `mute`: whether I want to be told of a chat.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[schema(as = MuteWish)]
pub struct Mute {
    /// True: I do not.
    pub on: bool,
    /// Until when, in milliseconds since the epoch; without it for ever.
    #[schema(minimum = 0, maximum = 253_402_300_799_000_i64)]
    pub until: Option<i64>,
}

/// The answer to `mute`, and the end of what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Muted {
    /// I am not told of the chat until then, in milliseconds since the epoch; none: I am.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub muted: Option<i64>,
}

/// `mute`: I want to be told of a chat, or no longer.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct MuteChange {
    /// Which.
    pub chat_id: ChatId,
    /// Until when not.
    #[serde(flatten)]
    pub until: Muted,
}

/// What kind of news something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A chat was opened.
    Chats,
    /// Somebody asks me to join a group.
    Invites,
    /// Somebody who is suggested to me wants to talk, or we both do.
    Matches,
    /// My account: whether it is verified, or suspended.
    Account,
}

/// Something of my own stream that is news to me, by the number of its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Notice {
    /// The number of the event.
    pub seq: u64,
    /// When, in milliseconds since the epoch.
    pub ts: i64,
    /// What kind of news.
    pub kind: NoticeKind,
    /// The chat it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub chat_id: Option<ChatId>,
    /// What the group is called that I am asked to join.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub title: Option<String>,
    /// The first name of who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub by_name: Option<String>,
    /// Of the account: `verified`, `unverified`, `suspended` or `activated`; of a match: `interested` or `confirmed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub change: Option<String>,
}

/// `notify.read`: what of my own stream I have seen. Said on all my devices, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Noticed {
    /// Everything up to this number.
    pub upto: u64,
    /// And these after it, ascending.
    pub also: Vec<u64>,
}

/// What is news to me, in the answer to `connect`. Which of it I have not seen follows from `noticed`, so nothing counts it
/// twice.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Notices {
    /// Only what stands among so many newest events of my stream is news; older news is forgotten.
    pub window: u64,
    /// Ascending.
    pub items: Vec<Notice>,
    /// What of it I have seen.
    pub noticed: Noticed,
}

/// `notify.read`: what I have seen; one of the two.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[schema(as = NoticeWish)]
pub struct NoticeRead {
    /// This one.
    pub seq: Option<u64>,
    /// Everything up to this number.
    pub upto: Option<u64>,
}

/// How much there is of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Count {
    /// In all.
    pub total: u64,
    /// Of it not seen.
    pub unread: u64,
}

/// How much there is of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    /// Unread messages; `unread` leaves out muted chats.
    pub messages: Count,
    /// Chats that were opened.
    pub chats: Count,
    /// Invitations.
    pub invites: Count,
    /// Suggestions that somebody wants to talk about, and matches.
    pub matches: Count,
    /// The account.
    pub account: Count,
}

/// What is news to me, over HTTP.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Notifications {
    /// The newest number of my stream: what to mark everything as seen with.
    pub head: u64,
    /// How much there is in all, on this page and elsewhere.
    pub counts: Counts,
    /// The newest first.
    pub items: Vec<Notice>,
    /// Whether there are older ones.
    pub more: bool,
    /// What of it I have seen.
    pub noticed: Noticed,
    /// Chats with unread messages, the liveliest first, without their events; on the first page only.
    pub chats: Vec<ChatState>,
}
