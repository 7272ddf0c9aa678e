//! How stored chats look on the wire.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::config::Limits;
use crate::error::Error;
use crate::ids::{ChatId, UserId};
use crate::protocol::edits::Reacted;
use crate::protocol::events;
use crate::protocol::server::{
    Body, Channel, ChatState, ChatStatus, Event, Marker, Member, MemberRole, MemberStatus, Message, MessageKind,
    Picture, Recovered, SnapshotReason,
};
use crate::store::{ChatRow, EventRow, MemberRow, MessageRow, Store};

/// Reads chats and shows them as they are on the wire.
#[derive(Clone, Debug)]
pub struct View {
    /// Where they are.
    pub store: Store,
    /// How much of them.
    pub limits: Arc<Limits>,
}

impl View {
    /// One chat with its newest events, as one of its members sees it; None for anybody else.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn chat(&self, user: UserId, chat: ChatId) -> Result<Option<ChatState>, Error> {
        let Some(row) = self.store.chat_of(user, chat).await? else { return Ok(None) };
        let after = row.base.max(row.head.saturating_sub(window(&self.limits)));
        let mut events = self.store.events_in(user, &[row.range(after, row.head)]).await?;
        let mut members = self.store.members_of(&[chat]).await?;
        let mut last = self.store.messages_at(user, std::iter::once(&row)).await?;
        let viewer = Viewer { user, blocked: self.store.blocked_by(user).await? };
        let mut state = state(&viewer, &row, members.remove(&chat).unwrap_or_default(), last.remove(&chat));
        state.events = events.remove(&chat).unwrap_or_default().into_iter().map(event).collect();
        state.limited = after > row.base;
        Ok(Some(state))
    }
}

/// Events of a chat in a snapshot.
pub(super) fn window(limits: &Limits) -> u64 {
    u64::try_from(limits.window_messages).unwrap_or(u64::MAX)
}

/// Who looks, and whom they have blocked.
#[derive(Debug)]
pub(super) struct Viewer {
    pub user: UserId,
    pub blocked: HashSet<UserId>,
}

/// A chat without events: a snapshot that says `fresh` until told otherwise.
pub(super) fn state(viewer: &Viewer, row: &ChatRow, members: Vec<MemberRow>, last: Option<EventRow>) -> ChatState {
    let receipts = members.iter().any(|member| member.user == viewer.user && member.receipts);
    let blocked = !row.is_group && members.iter().any(|member| viewer.blocked.contains(&member.user));
    // Nothing more is read in a chat that is blocked, so nothing of it waits to be.
    let unread = if blocked { 0 } else { row.head_n.saturating_sub(row.read_n).saturating_sub(row.withheld_unread) };
    // A message that is withheld does not move the chat.
    let at = match &last {
        Some(last) if row.last_n < row.head_n => last.at,
        _ => row.at,
    };
    ChatState {
        id: row.id,
        group: row.is_group,
        name: row.name.clone(),
        status: if row.status == "open" { ChatStatus::Open } else { ChatStatus::Closed },
        blocked,
        head: row.head,
        n: row.head_n,
        base: row.base,
        initial: true,
        limited: row.head > row.base,
        recovered: Recovered::None,
        reason: Some(SnapshotReason::Fresh),
        events: Vec::new(),
        members: members
            .into_iter()
            // Who was gone before one came is nobody one knows of.
            .filter(|member| member.left.is_none_or(|left| left > row.joined))
            .map(|member| shown((viewer.user, row.joined), receipts, member))
            .collect(),
        muted: row.muted.map(|until| until.timestamp_millis()),
        read: row.read,
        read_n: row.read_n,
        recv: row.recv,
        unread,
        last: last.map(preview),
        at: at.timestamp_millis(),
    }
}

/// A member as shown to `viewer`, who sees what came after a number, and whose own `receipts` decide with the member's
/// whether reading is shown.
fn shown((viewer, since): (UserId, u64), receipts: bool, row: MemberRow) -> Member {
    let reading = row.user == viewer || (receipts && row.receipts);
    Member {
        marker: Marker {
            u: row.user,
            read: reading.then_some(row.read),
            read_n: reading.then_some(row.read_n),
            recv: row.recv,
        },
        first_name: row.first_name,
        last_name: row.last_name,
        hue: row.hue,
        picture: row.picture.map(Picture),
        joined: if row.joined > since { row.joined } else { 0 },
        role: if row.role == "owner" { MemberRole::Owner } else { MemberRole::Member },
        status: if row.status == "active" { MemberStatus::Active } else { MemberStatus::Left },
    }
}

/// A stored event as it goes over the wire.
pub(super) fn event(row: EventRow) -> Event {
    let mut op = row.kind;
    let body = match row.message {
        Some(_) if op == "reaction" => Body::Other(row.data.unwrap_or_else(|| serde_json::json!({}))),
        // What is deleted by now is all there is to say of what was done to it before.
        Some(MessageRow { id: mid, n, rev, deleted: true, .. }) if op != "message" => {
            op = "message.deleted".into();
            Body::Other(serde_json::json!(events::Deleted { mid, n, rev }))
        }
        Some(MessageRow { id: mid, n, rev, text, edited_at, .. }) if op != "message" => {
            let edited_at = edited_at.unwrap_or(row.at).timestamp_millis();
            Body::Other(serde_json::json!(events::Edited { mid, n, rev, text, edited_at }))
        }
        Some(message) => Body::Message(Message {
            mid: message.id,
            n: message.n,
            u: message.user,
            cid: message.cid,
            text: message.text,
            reply_to: message.reply_to,
            reply_seq: message.reply_seq,
            kind: if message.kind == "user" { MessageKind::User } else { MessageKind::System },
            params: message.params,
            rev: (message.rev > 1).then_some(message.rev),
            edited: message.edited_at.map(|at| at.timestamp_millis()),
            deleted: message.deleted,
            reactions: message.reactions.into_iter().map(|it| Reacted { u: it.user, emoji: it.emoji }).collect(),
        }),
        None => Body::Other(row.data.unwrap_or_else(|| serde_json::json!({}))),
    };
    Event { op, ch: Channel::Chat(row.chat), seq: row.seq, ts: row.at.timestamp_millis(), d: body }
}

/// An event of a person's own stream as it goes over the wire.
pub(super) fn user_event(seq: u64, kind: String, at: DateTime<Utc>, data: serde_json::Value) -> Event {
    Event { op: kind, ch: Channel::User, seq, ts: at.timestamp_millis(), d: Body::Other(data) }
}

/// Characters of the last message that a list shows.
const PREVIEW_CHARS: usize = 160;

fn preview(mut row: EventRow) -> Event {
    if let Some(message) = &mut row.message
        && let Some((end, _)) = message.text.char_indices().nth(PREVIEW_CHARS)
    {
        message.text.truncate(end);
        message.text.push('…');
    }
    event(row)
}

/// Bytes of a text inside JSON: what is escaped takes more.
fn written(text: &str) -> usize {
    text.len()
        + text
            .bytes()
            .map(|byte| if byte < 0x20 { 5 } else { usize::from(matches!(byte, b'"' | b'\\')) })
            .sum::<usize>()
}

/// Bytes of a reaction inside JSON.
const REACTION_BYTES: usize = 72;

/// About how many bytes an event takes on the wire.
pub(super) fn weight(event: &EventRow) -> usize {
    200 + event.message.as_ref().map_or(0, |message| written(&message.text) + message.reactions.len() * REACTION_BYTES)
}
