//! The details of events that are not messages, by their `op`.

use serde::Serialize;
use utoipa::ToSchema;

use super::edits::Emoji;
use super::reports::Status;
use super::server::{MemberRole, Picture};
use crate::ids::{ChatId, MessageId, ReportId, SessionId, SuggestionId, UserId};

/// `hidden`: stands for a message of somebody the reader had blocked. With the place of a message that came before, it
/// stands for what was done to that message, which is hidden from then on. With place 0 it stands for a reaction.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Hidden {
    /// Its place among the messages of the chat.
    pub n: u64,
    /// Who wrote it, or reacted.
    pub u: UserId,
}

/// `message.edited`: a message has another text. Read later, it says what the message says then.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Edited {
    /// The message.
    pub mid: MessageId,
    /// Its place among the messages of the chat.
    pub n: u64,
    /// Its revision: one that is not higher than what is held says nothing new.
    pub rev: u32,
    /// The text.
    pub text: String,
    /// When it was written, in milliseconds since the epoch.
    pub edited_at: i64,
}

/// `message.deleted`: nothing is left of a message but its place.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// The message.
    pub mid: MessageId,
    /// Its place among the messages of the chat.
    pub n: u64,
    /// Its revision.
    pub rev: u32,
}

/// `reaction`: somebody reacts to a message, or no longer.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ReactionChange)]
pub struct Reaction {
    /// The message.
    pub mid: MessageId,
    /// Its place among the messages of the chat.
    pub n: u64,
    /// Who.
    pub u: UserId,
    /// With what.
    pub emoji: Emoji,
    /// Whether it is there now.
    pub on: bool,
}

/// `erased`: I have deleted a message for myself; I see it no more, and others do.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Erased {
    /// Its chat.
    pub chat_id: ChatId,
    /// The message.
    pub mid: MessageId,
    /// Its place among the messages of the chat.
    pub n: u64,
}

/// `chat`: what became of the chat itself.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ChatChange)]
pub struct Chat<'a> {
    /// What: `opened`, `renamed` or `closed`.
    pub change: &'a str,
    /// Why, such as `match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cause: Option<&'a str>,
    /// What a group is called now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub title: Option<&'a str>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub by: Option<UserId>,
}

impl<'a> Chat<'a> {
    /// A chat came to be.
    pub const fn opened(cause: &'a str) -> Self {
        Self { change: "opened", cause: Some(cause), title: None, by: None }
    }
}

/// `member`: who belongs to a group changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = MemberChange)]
pub struct Member {
    /// Who.
    pub u: UserId,
    /// `joined`, `left`, `removed` or `role`.
    pub change: &'static str,
    /// Who did it, when it was somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub by: Option<UserId>,
    /// What they may do now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<MemberRole>,
    /// Of somebody who joined: who they are.
    #[serde(flatten)]
    pub who: Option<Newcomer>,
}

/// Somebody who joined a group.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Newcomer {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// Where the uploaded picture is.
    #[schema(required)]
    pub picture: Option<Picture>,
    /// They see what comes after this number.
    pub joined: u64,
    /// They have received up to this number: nothing so far.
    pub recv: u64,
    /// The same of reading, unless they hide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub read: Option<u64>,
    /// The same as a message ordinal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub read_n: Option<u64>,
}

/// `invite`: an invitation to a group, to me or from me, is open or no longer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InviteChange)]
pub struct Invite<'a> {
    /// The group.
    pub chat_id: ChatId,
    /// Who is asked.
    pub u: UserId,
    /// `opened`, `accepted`, `declined` or `withdrawn`.
    pub change: &'static str,
    /// What was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub invite: Option<&'a super::server::Invite>,
}

/// `chat.left`: I am in this chat no longer.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ChatLeft {
    /// Which.
    pub chat_id: ChatId,
    /// `left` or `removed`.
    pub change: &'static str,
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

/// `sanction`: something was decided about my account or what I wrote, and why.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = SanctionChange)]
pub struct Sanction {
    /// `suspended`, `activated`, `warned`, `muted`, `unmuted`, `message_removed`, `restricted` (nobody is sent what I write,
    /// and I am suggested to nobody, until an admin has decided) or `unrestricted`.
    pub change: &'static str,
    /// Until when, in milliseconds since the epoch; without it until that is lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub until: Option<i64>,
    /// The rule that it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub policy: Option<String>,
    /// What the admins say of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub message: Option<String>,
}

/// `report.outcome`: what I reported was decided.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ReportOutcome)]
pub struct ReportOutcome {
    /// Which report.
    pub report_id: ReportId,
    /// `actioned` or `dismissed`.
    pub status: Status,
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

/// `match`: what became of a suggestion.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = MatchChange)]
pub struct Match<'a> {
    /// Which.
    pub suggestion_id: SuggestionId,
    /// What: `interested` (the other wants to talk), `confirmed` (both do), or `ended`.
    pub change: &'a str,
    /// The chat of the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub chat_id: Option<ChatId>,
}
