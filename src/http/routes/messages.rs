//! `/api/chat/edit`, `/api/chat/delete` and `/api/chat/react`: what is done to messages, without a socket.

use std::sync::Arc;

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{json, visitor, with};
use crate::error::Result;
use crate::http::gate::Visitor;
use crate::http::reply::{Reply, answer};
use crate::ids::{ChatId, MessageId};
use crate::protocol::edits::{Delete, Edit, Emoji, React, Scope};
use crate::services::Services;

/// Another text for a message of mine.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditForm {
    /// Where it is.
    chat_id: ChatId,
    /// The message.
    mid: MessageId,
    /// The revision that is replaced: 1 unless the message says another.
    rev: u32,
    /// The text, as typed.
    #[schema(min_length = 1, max_length = 4000)]
    text: String,
}

/// A message to be deleted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteForm {
    /// Where it is.
    chat_id: ChatId,
    /// The message.
    mid: MessageId,
    /// For whom.
    scope: Scope,
}

/// A reaction to a message, or its end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactForm {
    /// Where it is.
    chat_id: ChatId,
    /// The message.
    mid: MessageId,
    /// With what.
    emoji: Emoji,
    /// Whether it is to be there.
    on: bool,
}

/// The routes of messages that were sent.
pub fn routes(services: &Arc<Services>) -> BoxedFilter<(Response,)> {
    let edit = warp::path!("api" / "chat" / "edit")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|services: Arc<Services>, visitor: Visitor, body| async move {
            answer(edit(&services, &visitor, body).await)
        });
    let delete = warp::path!("api" / "chat" / "delete")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|services: Arc<Services>, visitor: Visitor, body| async move {
            answer(delete(&services, &visitor, body).await)
        });
    let react = warp::path!("api" / "chat" / "react")
        .and(warp::post())
        .and(with(services))
        .and(visitor())
        .and(json())
        .then(|services: Arc<Services>, visitor: Visitor, body| async move {
            answer(react(&services, &visitor, body).await)
        });
    edit.or(delete).unify().or(react).unify().boxed()
}

async fn edit(services: &Services, visitor: &Visitor, body: Result<EditForm>) -> Result<Reply> {
    let EditForm { chat_id, mid, rev, text } = body?;
    Reply::json(&services.chat.edit(visitor.principal()?.user, chat_id, Edit { mid, rev, text }).await?)
}

async fn delete(services: &Services, visitor: &Visitor, body: Result<DeleteForm>) -> Result<Reply> {
    let DeleteForm { chat_id, mid, scope } = body?;
    Reply::json(&services.chat.delete(visitor.principal()?.user, chat_id, &Delete { mid, scope }).await?)
}

async fn react(services: &Services, visitor: &Visitor, body: Result<ReactForm>) -> Result<Reply> {
    let ReactForm { chat_id, mid, emoji, on } = body?;
    services.chat.react(visitor.principal()?.user, chat_id, React { mid, emoji, on }).await?;
    Ok(Reply::empty())
}
