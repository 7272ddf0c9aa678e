//! The details of events that are not messages, by their `op`.

use serde::Serialize;
use utoipa::ToSchema;

use crate::ids::{SessionId, UserId};

/// `hidden`: stands for a message of somebody the reader had blocked.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Hidden {
    /// Its place among the messages of the chat.
    pub n: u64,
    /// Who wrote it.
    pub u: UserId,
}

/// `chat`: what became of the chat itself.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ChatChange)]
pub struct Chat<'a> {
    /// What: `opened`.
    pub change: &'a str,
    /// Why, such as `match`.
    pub cause: &'a str,
}

/// `reconnect`: the server stops; whoever comes back at a random moment within this time finds the next one calm.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Reconnect {
    /// Milliseconds.
    pub within_ms: u32,
}

/// `block`: I have blocked somebody, or no longer.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = BlockChange)]
pub struct Block {
    /// Whom.
    pub user: UserId,
    /// Whether it holds now.
    pub on: bool,
}

/// `session`: one of my sessions began or ended.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = SessionChange)]
pub struct Session<'a> {
    /// Which.
    pub session: SessionId,
    /// What became of it.
    pub change: &'a str,
}

/// `verification`: whether my identity is verified.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = VerificationChange)]
pub struct Verification {
    /// It is.
    pub verified: bool,
}

/// `sanction`: my account was suspended, or no longer is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = SanctionChange)]
pub struct Sanction {
    /// `suspended` or `activated`.
    pub change: &'static str,
}

/// `profile`: what I say of myself changed; ask `GET /api/me` for it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ProfileChange)]
pub struct Profile {}

/// The answer to `ping`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Pong {
    /// The server's time, in milliseconds since the epoch.
    pub time: i64,
}
