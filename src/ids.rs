//! The only maker of ids. Types are owned by `entity::ids` and re-exported here.

pub use entity::ids::{
    AdminActionId, AdminInviteId, AdminTokenId, AuthTokenId, ChatId, ClientMessageId, JobRunId, MailId, MessageId,
    PictureId, ReportId, RunId, SessionId, SuggestionId, UniversityId, UserId,
};

/// A new id: UUID v7, monotonic in this process, so that rows made later sort later.
#[expect(clippy::disallowed_methods, reason = "the one maker of ids")]
pub fn new_id() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}
