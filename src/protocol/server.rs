//! Server frames: replies, numbered events, and unnumbered state.

use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use crate::error::Error;
use crate::ids::{ChatId, ClientMessageId, MessageId, PictureId, SessionId, UserId};
use crate::protocol::edits::Reacted;

pub use super::people::{Blocked, Person, University};

/// The channel a frame belongs to: `chat:<id>` or `user`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// One chat.
    Chat(ChatId),
    /// The person's own stream.
    User,
}

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Chat(chat) => serializer.collect_str(&format_args!("chat:{chat}")),
            Self::User => serializer.serialize_str("user"),
        }
    }
}

impl utoipa::PartialSchema for Channel {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(user|chat:[0-9a-f-]{36})$"))
            .description(Some("The channel a frame belongs to: `chat:<id>` or `user`."))
            .into()
    }
}

impl ToSchema for Channel {}

/// A numbered event of a stream.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    /// What happened.
    pub op: String,
    /// The stream.
    pub ch: Channel,
    /// Its number: 1, 2, 3 ... without a gap.
    pub seq: u64,
    /// When, in milliseconds since the epoch. Order never depends on it.
    pub ts: i64,
    /// The details.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub d: Body,
}

/// The details of an event.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Body {
    /// A message.
    Message(Message),
    /// Anything else.
    Other(Value),
}

/// Whose words a message is. Set by the server alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A member's.
    User,
    /// The server's.
    System,
}

/// A message as members see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    /// Its id.
    pub mid: MessageId,
    /// Its place among the messages of the chat: 1, 2, 3 ...
    pub n: u64,
    /// Its author; none for the system and for people who were erased.
    #[schema(required)]
    pub u: Option<UserId>,
    /// The id its author's client made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cid: Option<ClientMessageId>,
    /// The text; empty for typed system lines.
    pub text: String,
    /// The message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reply_to: Option<MessageId>,
    /// The number of that message's event: `history` around it tells what it says now, to who may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reply_seq: Option<u64>,
    /// Whose words it is.
    pub kind: MessageKind,
    /// Parameters of a typed system line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub params: Option<Value>,
    /// Its revision, once it was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rev: Option<u32>,
    /// When its text was last replaced, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub edited: Option<i64>,
    /// It was deleted for all: the text is gone, the place stays.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub deleted: bool,
    /// The reactions to it, in the order they were made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub reactions: Vec<Reacted>,
}

/// The answer to `publish`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema, PartialEq, Eq)]
pub struct Sent {
    /// The message's id.
    pub mid: MessageId,
    /// Its number in the chat's stream.
    pub seq: u64,
    /// Its place among the messages.
    pub n: u64,
    /// When it was stored, in milliseconds since the epoch.
    pub ts: i64,
    /// The client's own id for it.
    pub cid: ClientMessageId,
    /// Whether it had been stored before this request.
    pub dup: bool,
}

/// Where a member is in a chat. The numbers only grow: of two markers the greater holds.
#[derive(Clone, Copy, Debug, Serialize, ToSchema, PartialEq, Eq)]
pub struct Marker {
    /// The member.
    pub u: UserId,
    /// Read up to this number; not said when the member or who looks hides what they have read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub read: Option<u64>,
    /// Read up to this message ordinal; like `read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub read_n: Option<u64>,
    /// Received up to this number.
    pub recv: u64,
}

/// The address of an uploaded picture on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = "^/api/pictures/[0-9a-f-]{36}$")]
pub struct Picture(pub PictureId);

impl Serialize for Picture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("/api/pictures/{}", self.0))
    }
}

/// Whether somebody still belongs to a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// They do.
    Active,
    /// No longer.
    Left,
}

/// What somebody may do in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Invite, remove, name, and pass this on.
    Owner,
    /// Talk and leave.
    Member,
}

/// Whether a chat takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatStatus {
    /// It does.
    Open,
    /// No longer.
    Closed,
}

/// Whether what a client missed of a stream is in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recovered {
    /// Everything after its position.
    Full,
    /// It is not: the answer is a snapshot, see `reason`.
    None,
}

/// How many of a client's streams were recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveredStreams {
    /// Every one.
    Full,
    /// Some.
    Partial,
    /// None, or nothing was asked.
    None,
}

/// Why a stream is given as a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotReason {
    /// The client held nothing of it.
    Fresh,
    /// What the client held is of another life of the store.
    Epoch,
    /// What the client missed is no longer kept.
    Trimmed,
    /// The client's position is beyond the head.
    Ahead,
    /// The client missed more than fits.
    TooLong,
}

/// A member of a chat.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Member {
    /// Where they are in the chat.
    #[serde(flatten)]
    pub marker: Marker,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// Where the uploaded picture is; none: the avatar is generated.
    #[schema(required)]
    pub picture: Option<Picture>,
    /// They see what came after this number; 0: all that I see.
    pub joined: u64,
    /// What they may do in a group.
    pub role: MemberRole,
    /// Whether they still belong to it.
    pub status: MemberStatus,
}

/// One chat in the answer to `connect`, in `chat.opened`, and over HTTP.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChatState {
    /// Its id.
    pub id: ChatId,
    /// A group, or two people.
    pub group: bool,
    /// The group's name.
    #[schema(required)]
    pub name: Option<String>,
    /// Whether it takes messages.
    pub status: ChatStatus,
    /// A chat of two whose other member I have blocked.
    pub blocked: bool,
    /// The newest number.
    pub head: u64,
    /// How many messages there are.
    pub n: u64,
    /// Numbers up to this one are no longer kept, or came before I joined.
    pub base: u64,
    /// True: forget what you hold of this chat and take `events` as the state. False: append them.
    pub initial: bool,
    /// True: `events` do not reach back to `base`; ask `history` for older ones.
    pub limited: bool,
    /// Whether `events` are everything after your position.
    pub recovered: Recovered,
    /// Why this is a snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<SnapshotReason>,
    /// The events, ascending.
    pub events: Vec<Event>,
    /// Who is in it.
    pub members: Vec<Member>,
    /// I do not want to be told of it until then, in milliseconds since the epoch: a moment past is as good as none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub muted: Option<i64>,
    /// I have read up to this number.
    pub read: u64,
    /// I have read up to this message ordinal.
    pub read_n: u64,
    /// I have received up to this number.
    pub recv: u64,
    /// Messages I have not read.
    pub unread: u64,
    /// The last message, for the list.
    #[schema(required)]
    pub last: Option<Event>,
    /// When the chat last had a message, or was opened; milliseconds since the epoch.
    pub at: i64,
}

/// A window of the chat list, over HTTP.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChatList {
    /// The chats of the window without their events, the liveliest first.
    pub chats: Vec<ChatState>,
    /// How many chats there are, in the window and outside.
    pub total: usize,
    /// The life of the store that the numbers belong to.
    pub epoch: String,
}

/// The answer to `connect`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Connected {
    /// The session this socket belongs to.
    pub session: SessionId,
    /// Who is connected.
    pub me: Me,
    /// My own stream.
    pub user: UserState,
    /// The life of the store that the numbers belong to.
    pub epoch: String,
    /// The server's time, in milliseconds since the epoch.
    pub time: i64,
    /// How often the server pings, in milliseconds.
    pub ping_ms: u64,
    /// What the client has to keep to.
    pub limits: ClientLimits,
    /// How many of the streams were recovered.
    pub recovered: RecoveredStreams,
    /// My chats, the liveliest first.
    pub chats: Vec<ChatState>,
    /// Open invitations to groups, to me and from me.
    pub invites: Vec<Invite>,
    /// What is news to me.
    pub notices: super::notify::Notices,
}

/// An open invitation to a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Invite {
    /// The group.
    pub chat_id: ChatId,
    /// What it is called.
    pub title: String,
    /// Who is asked.
    pub u: UserId,
    /// Their first name.
    pub name: String,
    /// Who asks.
    pub by: UserId,
    /// Their first name.
    pub by_name: String,
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// It is over then, without a word.
    pub expires_at: i64,
}

/// Open invitations, over HTTP.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invites {
    /// To me and from me.
    pub invites: Vec<Invite>,
}

/// A group that was made.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct GroupMade {
    /// Its chat.
    pub chat_id: ChatId,
}

/// Who is connected.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ConnectedMe)]
pub struct Me {
    /// The person.
    pub id: UserId,
    /// First name.
    pub first_name: String,
    /// Whether their identity is verified.
    pub verified: bool,
}

/// My own stream in the answer to `connect`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UserState {
    /// The person.
    pub id: UserId,
    /// The newest number.
    pub seq: u64,
    /// Whether everything missed is in `events`; else start from what this answer says.
    pub recovered: Recovered,
    /// Why it was not recovered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<SnapshotReason>,
    /// What was missed, ascending.
    pub events: Vec<Event>,
}

/// What the client has to keep to.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ClientLimits {
    /// Unicode scalars in a message.
    pub message_chars: usize,
    /// Requests in flight on a socket.
    pub in_flight: usize,
    /// Events in a page of history.
    pub history: usize,
    /// Bytes in a frame.
    pub frame_bytes: usize,
    /// Chats on screen at once.
    pub focus: usize,
    /// Typing of which nothing more is said is over after so many milliseconds.
    pub typing_ms: u64,
    /// `visible` holds for so many milliseconds; say it again after half of them.
    pub visible_ms: u64,
    /// People in a group, with those who are invited.
    pub group_members: usize,
    /// A message can be edited for so many milliseconds.
    pub edit_ms: u64,
    /// A message can be deleted for all for so many milliseconds.
    pub delete_ms: u64,
}

/// A page of history.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page {
    /// The events, ascending.
    pub events: Vec<Event>,
    /// The newest number.
    pub head: u64,
    /// Numbers up to this one are no longer kept.
    pub base: u64,
    /// Whether there are older ones.
    pub more_before: bool,
    /// Whether there are newer ones.
    pub more_after: bool,
}

/// The answer to `ack` and `read`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema, PartialEq, Eq)]
pub struct Marked {
    /// Read up to this number.
    pub read: u64,
    /// Read up to this message ordinal.
    pub read_n: u64,
    /// Received up to this number.
    pub recv: u64,
    /// Messages not read.
    pub unread: u64,
}

/// A reply that worked.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reply<T> {
    /// The request's id.
    pub id: u64,
    /// The answer.
    pub ok: T,
}

/// A reply that did not.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorReply<'a> {
    /// The request's id, when it could be read.
    #[schema(required)]
    pub id: Option<u64>,
    /// What went wrong.
    pub err: ErrorBody<'a>,
}

/// What went wrong, from the one table.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody<'a> {
    /// Five digits.
    #[schema(schema_with = super::codes::number_schema)]
    pub code: u32,
    /// Stable name.
    #[schema(schema_with = super::codes::name_schema)]
    pub name: &'static str,
    /// Whether the same frame can succeed later.
    pub retry: bool,
    /// When to repeat it, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub after_ms: Option<u64>,
    /// A sentence for people.
    pub detail: &'a str,
    /// The socket this happened on, to find it in the log.
    pub socket: u64,
    /// The session the socket belongs to, once it is connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub session: Option<SessionId>,
    /// Details for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub d: Option<&'a Value>,
}

impl<'a> ErrorReply<'a> {
    /// The wire form of an error.
    pub fn new(id: Option<u64>, (socket, session): (u64, Option<SessionId>), error: &'a Error) -> Self {
        Self {
            id,
            err: ErrorBody {
                code: error.code.number(),
                name: error.code.name(),
                retry: error.code.retry(),
                after_ms: error.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)),
                detail: &error.detail,
                socket,
                session,
                d: error.data.as_ref(),
            },
        }
    }
}

/// An unnumbered frame.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Signal<T> {
    /// What it is.
    pub op: &'static str,
    /// The channel, if it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ch: Option<Channel>,
    /// The details.
    pub d: T,
}

/// The server's ping: heads of streams, so that a silent gap shows within one heartbeat.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Ping {
    /// Always `ping`.
    pub op: &'static str,
    /// The newest numbers sent on this socket: `user` and `chat:<id>`.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    pub h: serde_json::Map<String, Value>,
}
