//! Typed ids, newtypes over UUID v7 down to the column.

use sea_orm::DeriveValueType;
use sea_orm::prelude::Uuid;
use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, DeriveValueType, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A person with an account.
    UserId,
    /// A chat, of two people or of a group.
    ChatId,
    /// A stored message.
    MessageId,
    /// A signed-in session (not a socket: one session may hold several sockets).
    SessionId,
    /// A university.
    UniversityId,
    /// A one-time token sent by mail.
    AuthTokenId,
    /// A mail waiting to be sent, or sent.
    MailId,
    /// An uploaded picture.
    PictureId,
    /// Two people who are suggested to each other.
    SuggestionId,
    /// A run of the matcher over everybody.
    RunId,
    /// A report that something is wrong.
    ReportId,
    /// A row of the audit log.
    AdminActionId,
    /// A token that programs of admins show.
    AdminTokenId,
    /// An invitation to be an admin.
    AdminInviteId,
    /// A run of a job.
    JobRunId,
    /// The id a client made for a message, the same on every retry.
    ClientMessageId,
}
