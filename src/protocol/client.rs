//! Client frames: strict in what they must hold, tolerant of fields that are not known.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::NUMBER_MAX;
use crate::error::Error;
use crate::ids::{ChatId, ClientMessageId, MessageId};
use crate::protocol::codes::Code;
use crate::protocol::edits::{Delete, Edit, React};
use crate::protocol::groups::{NewGroup, Somebody, Step, Title};
use crate::protocol::live::{Focus, Refresh, Switch, Sync};
use crate::protocol::notify::{Mute, NoticeRead};

/// One request of a client.
#[derive(Debug)]
pub struct Request {
    /// Chosen by the client, unique while in flight; only `pong` has none.
    pub id: u64,
    /// What is asked.
    pub op: Op,
}

/// What a client can ask.
#[derive(Debug)]
pub enum Op {
    /// Start or resume.
    Connect(Box<Connect>),
    /// Send a message to a chat.
    Publish(ChatId, Publish),
    /// Put another text in the place of a message's.
    Edit(ChatId, Edit),
    /// Take a message back.
    Delete(ChatId, Delete),
    /// React to a message, or no longer.
    React(ChatId, React),
    /// Read a page of a chat.
    History(ChatId, History),
    /// What was received.
    Ack(ChatId, Position),
    /// What was read.
    Read(ChatId, Position),
    /// What is on screen.
    Focus(Focus),
    /// Somebody types in a chat, or stops.
    Typing(ChatId, Switch),
    /// Somebody looks at this socket, or no longer.
    Visible(Switch),
    /// Another session for this socket.
    Refresh(Refresh),
    /// What some chats hold now.
    Sync(Sync),
    /// Whether to be told of a chat.
    Mute(ChatId, Mute),
    /// What of the news was seen.
    NoticeRead(NoticeRead),
    /// Make a group.
    NewGroup(NewGroup),
    /// Do something with a group.
    Group(ChatId, Step),
    /// Are you there, and what time is it.
    Ping,
    /// The answer to the server's ping.
    Pong,
}

/// `connect`: who I am and what I know.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Connect {
    /// The bearer token of clients that are no browsers.
    pub token: Option<Token>,
    /// The protocol version.
    pub v: u32,
    /// Name and version of the client, for the log.
    pub client: Option<String>,
    /// What the client holds of each stream.
    pub resume: Option<Resume>,
    /// First and last place in the chat list (newest first) for which events are wanted.
    pub window: Option<(usize, usize)>,
    /// Somebody looks at this socket already; see `visible`.
    #[serde(default)]
    pub visible: bool,
}

/// A secret in a frame; it has no way into a log.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What the client holds.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Resume {
    /// The life of the store the numbers belong to.
    pub epoch: String,
    /// The last number of the user stream.
    #[serde(default)]
    pub user: Option<u64>,
    /// The last number of each chat.
    #[serde(default)]
    pub chats: HashMap<ChatId, u64>,
}

/// `publish`: a new message.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Publish {
    /// Made once for this message, the same on every retry.
    pub cid: ClientMessageId,
    /// The text, as typed.
    pub text: String,
    /// The message this one answers.
    pub reply_to: Option<MessageId>,
}

/// `history`: one page, by one of three anchors.
#[derive(Debug, Deserialize, ToSchema)]
pub struct History {
    /// Events before this number.
    pub before: Option<u64>,
    /// Events after this number.
    pub after: Option<u64>,
    /// Events around this number.
    pub around: Option<u64>,
    /// How many at most.
    pub limit: Option<u32>,
    /// The life of the store the numbers belong to, when the client wants it checked.
    pub epoch: Option<String>,
}

/// `ack` and `read`: a cumulative position.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Position {
    /// Everything up to this number.
    pub seq: u64,
}

/// Why a frame could not be taken, and which request it was, if that could be read.
#[derive(Debug)]
pub struct Refused {
    /// The request's id, when there was a readable one.
    pub id: Option<u64>,
    /// What to answer.
    pub error: Error,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    op: Option<&'a RawValue>,
    #[serde(borrow)]
    ch: Option<&'a RawValue>,
    #[serde(borrow)]
    d: Option<&'a RawValue>,
}

/// Reads one text frame.
///
/// # Errors
/// `bad_request` with what is wrong, or `unknown_op`; never a panic, whatever the text.
pub fn decode(text: &str) -> Result<Request, Refused> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| Refused {
        id: None,
        error: bad(format!("The frame is not one JSON object of the documented form: {error}.")),
    })?;
    let id = match envelope.id.map(|raw| serde_json::from_str::<u64>(raw.get())) {
        None => None,
        Some(Ok(id)) if id < NUMBER_MAX => Some(id),
        Some(_) => {
            return Err(Refused { id: None, error: bad("`id` must be a whole number from 0 to 2^53 - 1.") });
        }
    };
    let refuse = |error| Refused { id, error };
    let op: String = envelope
        .op
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .ok_or_else(|| refuse(bad("`op` must be a text: the name of an operation.")))?;
    let chat = || channel(envelope.ch).map_err(refuse);
    let op = match op.as_str() {
        "connect" => {
            let connect: Connect = data(envelope.d).map_err(refuse)?;
            let mut held = connect.resume.iter().flat_map(|resume| resume.user.iter().chain(resume.chats.values()));
            if held.any(|seq| *seq >= NUMBER_MAX) {
                return Err(refuse(bad("Positions must be below 2^53.")));
            }
            Op::Connect(Box::new(connect))
        }
        "publish" => Op::Publish(chat()?, data(envelope.d).map_err(refuse)?),
        "edit" => Op::Edit(chat()?, data(envelope.d).map_err(refuse)?),
        "delete" => Op::Delete(chat()?, data(envelope.d).map_err(refuse)?),
        "react" => Op::React(chat()?, data(envelope.d).map_err(refuse)?),
        "history" => Op::History(chat()?, data(envelope.d).map_err(refuse)?),
        "ack" => Op::Ack(chat()?, position(envelope.d).map_err(refuse)?),
        "read" => Op::Read(chat()?, position(envelope.d).map_err(refuse)?),
        "focus" => Op::Focus(data(envelope.d).map_err(refuse)?),
        "typing" => Op::Typing(chat()?, data(envelope.d).map_err(refuse)?),
        "visible" => Op::Visible(data(envelope.d).map_err(refuse)?),
        "refresh" => Op::Refresh(data(envelope.d).map_err(refuse)?),
        "sync" => {
            let sync: Sync = data(envelope.d).map_err(refuse)?;
            if sync.chats.values().flatten().any(|seq| *seq >= NUMBER_MAX) {
                return Err(refuse(bad("Positions must be below 2^53.")));
            }
            Op::Sync(sync)
        }
        "mute" => Op::Mute(chat()?, data(envelope.d).map_err(refuse)?),
        "notify.read" => Op::NoticeRead(data(envelope.d).map_err(refuse)?),
        "group.create" => Op::NewGroup(data(envelope.d).map_err(refuse)?),
        "group.rename" => {
            let Title { title } = data(envelope.d).map_err(refuse)?;
            Op::Group(chat()?, Step::Rename(title))
        }
        "group.leave" => Op::Group(chat()?, Step::Leave),
        "invite.accept" => Op::Group(chat()?, Step::Accept),
        "invite.decline" => Op::Group(chat()?, Step::Decline),
        "group.invite" | "group.revoke" | "group.remove" | "group.transfer" => {
            let Somebody { user } = data(envelope.d).map_err(refuse)?;
            let step = match op.as_str() {
                "group.invite" => Step::Invite(user),
                "group.revoke" => Step::Revoke(user),
                "group.remove" => Step::Remove(user),
                _ => Step::Transfer(user),
            };
            Op::Group(chat()?, step)
        }
        "ping" => Op::Ping,
        "pong" => return Ok(Request { id: id.unwrap_or_default(), op: Op::Pong }),
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err(refuse(Error::new(Code::UnknownOp, format!("There is no operation {shown:?}."))));
        }
    };
    match id {
        Some(id) => Ok(Request { id, op }),
        None => Err(refuse(bad("`id` is missing: every request but `pong` needs one, so that it can be answered."))),
    }
}

fn bad(detail: impl Into<String>) -> Error {
    Error::bad_request(detail)
}

fn data<T: DeserializeOwned>(raw: Option<&RawValue>) -> Result<T, Error> {
    let raw = raw.ok_or_else(|| bad("`d` is missing: this operation needs an object with its details."))?;
    // A derived struct would take an array for an object; the wire does not.
    if !raw.get().starts_with('{') {
        return Err(bad("`d` must be an object."));
    }
    serde_json::from_str(raw.get()).map_err(|error| bad(format!("`d` is not of the documented form: {error}.")))
}

fn position(raw: Option<&RawValue>) -> Result<Position, Error> {
    let position: Position = data(raw)?;
    if position.seq < NUMBER_MAX { Ok(position) } else { Err(bad("`seq` must be below 2^53.")) }
}

fn channel(raw: Option<&RawValue>) -> Result<ChatId, Error> {
    raw.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok())
        .and_then(|text| text.strip_prefix("chat:").and_then(|id| id.parse().ok()))
        .ok_or_else(|| bad("`ch` must be a chat: \"chat:\" and its id."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHAT: &str = "chat:0190a0b0-0000-7000-8000-000000000001";

    fn code(text: &str) -> (Option<u64>, Code) {
        let refused = decode(text).unwrap_err();
        (refused.id, refused.error.code)
    }

    #[test]
    fn bad_frames_are_refused_with_their_id_when_it_can_be_read() {
        assert_eq!(code("nonsense"), (None, Code::BadRequest));
        assert_eq!(code("[]"), (None, Code::BadRequest));
        assert_eq!(code(r#"{"id":3,"op":"dance"}"#), (Some(3), Code::UnknownOp));
        assert_eq!(code(r#"{"id":{},"op":"ping"}"#), (None, Code::BadRequest));
        assert_eq!(code(r#"{"id":9007199254740992,"op":"ping"}"#), (None, Code::BadRequest));
        assert_eq!(code(r#"{"op":"ping"}"#), (None, Code::BadRequest));
        assert_eq!(code(r#"{"id":3,"id":4,"op":"ping"}"#), (None, Code::BadRequest));
        assert_eq!(code(r#"{"id":3,"op":7}"#), (Some(3), Code::BadRequest));
        assert_eq!(code(r#"{"id":3,"op":"publish","ch":"user","d":{}}"#), (Some(3), Code::BadRequest));
        assert_eq!(code(&format!(r#"{{"id":3,"op":"publish","ch":"{CHAT}","d":["a"]}}"#)), (Some(3), Code::BadRequest));
        assert_eq!(
            code(&format!(r#"{{"id":3,"op":"read","ch":"{CHAT}","d":{{"seq":-1}}}}"#)),
            (Some(3), Code::BadRequest)
        );
        assert_eq!(
            code(&format!(
                r#"{{"id":3,"op":"publish","ch":"{CHAT}","d":{{"cid":"{}","text":"\ud800"}}}}"#,
                uuid::Uuid::nil()
            )),
            (Some(3), Code::BadRequest)
        );
        let deep = format!(r#"{{"id":3,"op":"connect","d":{{"v":1,"x":{}}}}}"#, "[".repeat(20_000));
        assert_eq!(code(&deep), (None, Code::BadRequest));
    }

    #[test]
    fn unknown_fields_are_ignored_and_server_fields_have_no_place() {
        let text = format!(
            r#"{{"id":3,"op":"publish","ch":"{CHAT}","x":1,"d":{{"cid":"{}","text":"hoi","seq":9,"u":"x","kind":"system"}}}}"#,
            uuid::Uuid::nil()
        );
        let Op::Publish(_, publish) = decode(&text).unwrap().op else { panic!() };
        assert_eq!(publish.text, "hoi");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            let _either = decode(&text);
        }

        #[test]
        fn never_panics_near_the_form(id in any::<i64>(), op in "[a-z]{0,9}", ch in "\\PC{0,50}", d in "[\\{\\}\\[\\]\":,a-z0-9]{0,40}") {
            let _either = decode(&format!(r#"{{"id":{id},"op":"{op}","ch":"{ch}","d":{d}}}"#));
        }
    }
}
