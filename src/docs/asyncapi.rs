//! The AsyncAPI document of the socket, from the protocol's types.

use serde_json::{Map, Value, json};

use super::schemas::{Schemas, reference};
use crate::accounts::Settings;
use crate::http::routes::doc::Shape;
use crate::ops::health::VERSION;
use crate::protocol::client::{Connect, History, Position, Publish};
use crate::protocol::codes::{Close, Code};
use crate::protocol::edits::{Changed, Delete, Edit, React};
use crate::protocol::events::{
    Block, Chat, ChatLeft, Deleted, Edited, Erased, Hidden, Invite, Match, Member, Pong, Profile, Reaction, Reconnect,
    ReportOutcome, Sanction, Session, Verification,
};
use crate::protocol::groups::{NewGroup, Somebody, Title};
use crate::protocol::live::{
    Expiring, Focus, Focused, Noted, Presence, Refresh, Refreshed, Switch, Sync, Synced, Typing,
};
use crate::protocol::matching::SuggestionsChanged;
use crate::protocol::notify::{Mute, MuteChange, Muted, NoticeRead, Noticed};
use crate::protocol::server::{
    ChatState, Connected, ErrorBody, Event, GroupMade, Marked, Marker, Message, Page, Ping, Sent,
};
use crate::protocol::{NUMBER_MAX, SUBPROTOCOL};

/// Something a client asks, and what it is answered.
struct Operation {
    op: &'static str,
    about: &'static str,
    /// Whether it belongs to a chat.
    chat: bool,
    asks: Option<Shape>,
    gives: Option<Shape>,
    errors: &'static [Code],
}

/// What a change of a group can be refused with.
const GROUP: &[Code] =
    &[Code::NotMember, Code::Forbidden, Code::ChatLocked, Code::NotVerified, Code::NotFound, Code::Conflict];

const OPERATIONS: &[Operation] = &[
    Operation {
        op: "connect",
        about: "Start, or go on where a lost socket stopped.",
        chat: false,
        asks: Some(Shape::of::<Connect>()),
        gives: Some(Shape::of::<Connected>()),
        errors: &[Code::Unauthorized, Code::TokenExpired, Code::Suspended, Code::Conflict],
    },
    Operation {
        op: "publish",
        about: "Send a message. The same `cid` never makes two.",
        chat: true,
        asks: Some(Shape::of::<Publish>()),
        gives: Some(Shape::of::<Sent>()),
        errors: &[
            Code::NotMember,
            Code::PairBlocked,
            Code::PrivacyOff,
            Code::ChatLocked,
            Code::NotVerified,
            Code::Muted,
            Code::CidReused,
            Code::TooLarge,
            Code::RejectedByRule,
        ],
    },
    Operation {
        op: "edit",
        about: "Put another text in the place of a message of mine, if it still has the revision I saw.",
        chat: true,
        asks: Some(Shape::of::<Edit>()),
        gives: Some(Shape::of::<Changed>()),
        errors: &[
            Code::NotMember,
            Code::PairBlocked,
            Code::PrivacyOff,
            Code::ChatLocked,
            Code::NotVerified,
            Code::Muted,
            Code::Suspended,
            Code::Forbidden,
            Code::NotFound,
            Code::StaleRev,
            Code::Conflict,
            Code::TooLarge,
            Code::RejectedByRule,
        ],
    },
    Operation {
        op: "delete",
        about: "Delete a message: for oneself, or one's own for all. Saying it again changes nothing.",
        chat: true,
        asks: Some(Shape::of::<Delete>()),
        gives: Some(Shape::of::<Changed>()),
        errors: &[Code::NotMember, Code::ChatLocked, Code::Suspended, Code::Forbidden, Code::NotFound],
    },
    Operation {
        op: "react",
        about: "React to a message, or take a reaction back. Saying it again changes nothing.",
        chat: true,
        asks: Some(Shape::of::<React>()),
        gives: Some(Shape::of::<Noted>()),
        errors: &[
            Code::NotMember,
            Code::PairBlocked,
            Code::PrivacyOff,
            Code::ChatLocked,
            Code::NotVerified,
            Code::Muted,
            Code::Suspended,
            Code::NotFound,
            Code::Conflict,
        ],
    },
    Operation {
        op: "history",
        about: "Read a page of a chat: before, after or around a number.",
        chat: true,
        asks: Some(Shape::of::<History>()),
        gives: Some(Shape::of::<Page>()),
        errors: &[Code::NotMember, Code::UnrecoverablePosition],
    },
    Operation {
        op: "ack",
        about: "Say what was received, up to a number.",
        chat: true,
        asks: Some(Shape::of::<Position>()),
        gives: Some(Shape::of::<Marked>()),
        errors: &[Code::NotMember],
    },
    Operation {
        op: "read",
        about: "Say what was read, up to a number.",
        chat: true,
        asks: Some(Shape::of::<Position>()),
        gives: Some(Shape::of::<Marked>()),
        errors: &[Code::NotMember],
    },
    Operation {
        op: "mute",
        about: "Say that a chat is not to be told of, for ever or until a moment, or that it is again. All my devices hear it.",
        chat: true,
        asks: Some(Shape::of::<Mute>()),
        gives: Some(Shape::of::<Muted>()),
        errors: &[Code::NotMember],
    },
    Operation {
        op: "notify.read",
        about: "Say what of the news I have seen: one event of my stream, or everything up to a number. All my devices hear it.",
        chat: false,
        asks: Some(Shape::of::<NoticeRead>()),
        gives: Some(Shape::of::<Noticed>()),
        errors: &[],
    },
    Operation {
        op: "focus",
        about: "Say which chats are on screen, in the place of those before. Who types and who is here is told for those only.",
        chat: false,
        asks: Some(Shape::of::<Focus>()),
        gives: Some(Shape::of::<Focused>()),
        errors: &[Code::NotMember],
    },
    Operation {
        op: "typing",
        about: "Say that somebody types, every three seconds while they do, and that they stopped. A message says that by itself.",
        chat: true,
        asks: Some(Shape::of::<Switch>()),
        gives: Some(Shape::of::<Noted>()),
        errors: &[Code::NotMember, Code::ChatLocked],
    },
    Operation {
        op: "visible",
        about: "Say that somebody looks at this client, again after half of `limits.visible_ms`, and that they do no longer.",
        chat: false,
        asks: Some(Shape::of::<Switch>()),
        gives: Some(Shape::of::<Noted>()),
        errors: &[],
    },
    Operation {
        op: "refresh",
        about: "Take another session of the same person in the place of the one this socket has.",
        chat: false,
        asks: Some(Shape::of::<Refresh>()),
        gives: Some(Shape::of::<Refreshed>()),
        errors: &[Code::Unauthorized, Code::TokenExpired, Code::Suspended, Code::Forbidden],
    },
    Operation {
        op: "sync",
        about: "Ask what some chats hold now, each with a verdict as in the answer to `connect`; what comes meanwhile follows it.",
        chat: false,
        asks: Some(Shape::of::<Sync>()),
        gives: Some(Shape::of::<Synced>()),
        errors: &[],
    },
    Operation {
        op: "group.create",
        about: "Make a group among people one shares an open chat with; they are invited.",
        chat: false,
        asks: Some(Shape::of::<NewGroup>()),
        gives: Some(Shape::of::<GroupMade>()),
        errors: &[Code::NotVerified, Code::NotFound, Code::Conflict],
    },
    Operation {
        op: "group.invite",
        about: "Invite somebody to one's group.",
        chat: true,
        asks: Some(Shape::of::<Somebody>()),
        gives: Some(Shape::of::<Noted>()),
        errors: GROUP,
    },
    Operation {
        op: "group.revoke",
        about: "Take an invitation back.",
        chat: true,
        asks: Some(Shape::of::<Somebody>()),
        gives: Some(Shape::of::<Noted>()),
        errors: GROUP,
    },
    Operation {
        op: "group.remove",
        about: "Remove somebody from one's group.",
        chat: true,
        asks: Some(Shape::of::<Somebody>()),
        gives: Some(Shape::of::<Noted>()),
        errors: GROUP,
    },
    Operation {
        op: "group.transfer",
        about: "Make somebody else the owner.",
        chat: true,
        asks: Some(Shape::of::<Somebody>()),
        gives: Some(Shape::of::<Noted>()),
        errors: GROUP,
    },
    Operation {
        op: "group.rename",
        about: "Name one's group otherwise.",
        chat: true,
        asks: Some(Shape::of::<Title>()),
        gives: Some(Shape::of::<Noted>()),
        errors: GROUP,
    },
    Operation {
        op: "group.leave",
        about: "Leave a group; its owner is followed by who has been in it for longest.",
        chat: true,
        asks: None,
        gives: Some(Shape::of::<Noted>()),
        errors: GROUP,
    },
    Operation {
        op: "invite.accept",
        about: "Join a group one is invited to; one sees what comes from then on.",
        chat: true,
        asks: None,
        gives: Some(Shape::of::<Noted>()),
        errors: GROUP,
    },
    Operation {
        op: "invite.decline",
        about: "Do not join a group one is invited to.",
        chat: true,
        asks: None,
        gives: Some(Shape::of::<Noted>()),
        errors: GROUP,
    },
    Operation {
        op: "ping",
        about: "Ask whether the server is there, and its time.",
        chat: false,
        asks: None,
        gives: Some(Shape::of::<Pong>()),
        errors: &[],
    },
    Operation {
        op: "pong",
        about: "Answer the server's ping; it is not answered itself.",
        chat: false,
        asks: None,
        gives: None,
        errors: &[],
    },
];

/// What every operation that is answered can be refused with.
const ALWAYS: &[Code] = &[Code::BadRequest, Code::RateLimited, Code::Internal, Code::Unavailable, Code::Overloaded];

/// Numbered events: name, whether of a chat's stream (else of the person's own), details.
const EVENTS: &[(&str, bool, Shape)] = &[
    ("message", true, Shape::of::<Message>()),
    ("message.edited", true, Shape::of::<Edited>()),
    ("message.deleted", true, Shape::of::<Deleted>()),
    ("reaction", true, Shape::of::<Reaction>()),
    ("hidden", true, Shape::of::<Hidden>()),
    ("chat", true, Shape::of::<Chat<'_>>()),
    ("member", true, Shape::of::<Member>()),
    ("invite", false, Shape::of::<Invite<'_>>()),
    ("match", false, Shape::of::<Match<'_>>()),
    ("chat.left", false, Shape::of::<ChatLeft>()),
    ("chat.opened", false, Shape::of::<ChatState>()),
    ("erased", false, Shape::of::<Erased>()),
    ("mute", false, Shape::of::<MuteChange>()),
    ("notify.read", false, Shape::of::<Noticed>()),
    ("block", false, Shape::of::<Block>()),
    ("settings", false, Shape::of::<Settings>()),
    ("profile", false, Shape::of::<Profile>()),
    ("session", false, Shape::of::<Session<'_>>()),
    ("verification", false, Shape::of::<Verification>()),
    ("sanction", false, Shape::of::<Sanction>()),
    ("report.outcome", false, Shape::of::<ReportOutcome>()),
];

/// Something unnumbered that is told.
struct Told {
    op: &'static str,
    /// Whether it belongs to a chat.
    chat: bool,
    d: Shape,
    about: &'static str,
}

const SIGNALS: &[Told] = &[
    Told {
        op: "marker",
        chat: true,
        d: Shape::of::<Marker>(),
        about: "Where a member is now: unnumbered, the newest counts.",
    },
    Told {
        op: "suggestions",
        chat: false,
        d: Shape::of::<SuggestionsChanged>(),
        about: "The list of suggestions changed: ask for it again.",
    },
    Told { op: "typing", chat: true, d: Shape::of::<Typing>(), about: "Somebody types in a chat on screen, or stops." },
    Told {
        op: "presence",
        chat: true,
        d: Shape::of::<Presence>(),
        about: "Whether a member of a chat on screen is here: the newest counts.",
    },
    Told {
        op: "token.expiring",
        chat: false,
        d: Shape::of::<Expiring>(),
        about: "The session of this socket ends soon: `refresh`, or sign in again.",
    },
    Told {
        op: "reconnect",
        chat: false,
        d: Shape::of::<Reconnect>(),
        about: "The server stops: come back within this time, at a random moment.",
    },
];

/// The operations of the socket that a code can answer beside those that answer all.
pub(super) fn operations_of(code: Code) -> Vec<&'static str> {
    if ALWAYS.contains(&code) {
        return vec!["every operation"];
    }
    OPERATIONS.iter().filter(|operation| operation.errors.contains(&code)).map(|operation| operation.op).collect()
}

/// The AsyncAPI 3.0 document of `/ws`.
pub(super) fn document() -> Value {
    let mut schemas = Schemas::default();
    let (mut messages, mut operations) = (Map::new(), Map::new());
    let mut add = |name: &str, about: &str, payload: Value| {
        let message = json!({ "name": name, "summary": about, "contentType": "application/json", "payload": payload });
        messages.insert(name.to_owned(), message);
        json!({ "$ref": format!("#/channels/socket/messages/{}", name.replace('~', "~0")) })
    };
    let error = schemas.take(Shape::of::<ErrorBody<'_>>());
    let payload = json!({
        "type": "object", "required": ["id", "err"], "additionalProperties": false,
        "properties": { "id": { "type": ["integer", "null"] }, "err": error },
    });
    let refused = add("error", "An operation did not work.", payload);
    for operation in OPERATIONS {
        let request = add(&format!("{}.ask", operation.op), operation.about, request(operation, &mut schemas));
        let mut entry = json!({
            "action": "receive", "channel": { "$ref": "#/channels/socket" },
            "summary": operation.about, "messages": [request],
        });
        if let Some(gives) = operation.gives {
            let ok = schemas.take(gives);
            let payload = json!({
                "type": "object", "required": ["id", "ok"], "additionalProperties": false,
                "properties": { "id": number(), "ok": ok },
            });
            let reply = add(&format!("{}.reply", operation.op), "It worked.", payload);
            entry["reply"] = json!({ "channel": { "$ref": "#/channels/socket" }, "messages": [reply, refused] });
            let codes: Vec<_> = operation.errors.iter().chain(ALWAYS).map(|code| code.name()).collect();
            entry["x-errors"] = json!(codes);
        }
        operations.insert(operation.op.to_owned(), entry);
    }
    let mut told = Vec::new();
    schemas.take(Shape::of::<Event>());
    for (op, of_chat, shape) in EVENTS {
        let d = schemas.take(*shape);
        let payload = json!({
            "allOf": [reference("Event"), { "properties": { "op": { "const": op }, "ch": channel(*of_chat), "d": d } }],
        });
        told.push(add(&format!("{op}.event"), "A numbered event.", payload));
    }
    for signal in SIGNALS {
        told.push(add(&format!("{}.signal", signal.op), signal.about, unnumbered(signal, &mut schemas)));
    }
    let ping = schemas.take(Shape::of::<Ping>());
    told.push(add("ping.signal", "Answer with `pong`; the heads show whether something was missed.", ping));
    operations.insert(
        "told".to_owned(),
        json!({
            "action": "send", "channel": { "$ref": "#/channels/socket" },
            "summary": "What happens, without being asked.", "messages": told,
        }),
    );
    let closes: Vec<_> = Close::ALL
        .iter()
        .map(|close| json!({ "code": close.number(), "reason": close.name(), "about": close.about().trim() }))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Domu Match, the socket",
            "version": VERSION,
            "description": "One WebSocket for everything live. The first frame is `connect`.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/ws",
                "title": SUBPROTOCOL,
                "description": "Text frames, each one JSON object. The cookie of the session, or the token in `connect`.",
                "messages": messages,
                "x-closes": closes,
            },
        },
        "operations": operations,
        "components": { "schemas": schemas.into_value() },
    })
}

fn request(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut properties = Map::from_iter([("op".to_owned(), json!({ "const": operation.op }))]);
    let mut required = vec!["op"];
    properties.insert("id".to_owned(), number());
    if operation.gives.is_some() {
        required.push("id");
    }
    if operation.chat {
        properties.insert("ch".to_owned(), channel(true));
        required.push("ch");
    }
    if let Some(asks) = operation.asks {
        properties.insert("d".to_owned(), schemas.take(asks));
        required.push("d");
    }
    json!({ "type": "object", "required": required, "properties": properties })
}

fn unnumbered(told: &Told, schemas: &mut Schemas) -> Value {
    let mut properties = Map::from_iter([("op".to_owned(), json!({ "const": told.op }))]);
    let mut required = vec!["op", "d"];
    if told.chat {
        properties.insert("ch".to_owned(), channel(true));
        required.push("ch");
    }
    properties.insert("d".to_owned(), schemas.take(told.d));
    json!({ "type": "object", "required": required, "additionalProperties": false, "properties": properties })
}

fn channel(of_chat: bool) -> Value {
    if of_chat { json!({ "type": "string", "pattern": "^chat:[0-9a-f-]{36}$" }) } else { json!({ "const": "user" }) }
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": NUMBER_MAX.saturating_sub(1) })
}
