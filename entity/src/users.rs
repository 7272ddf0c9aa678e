//! A person with an account, and the head of the person's own stream.

use sea_orm::entity::prelude::*;

use crate::ids::{UniversityId, UserId};

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// As typed.
    #[sea_orm(column_type = "Text")]
    pub email: String,
    /// Unique; what sign-in compares.
    #[sea_orm(column_type = "Text")]
    pub email_normalized: String,
    /// PHC string; one that no password matches for accounts without password sign-in.
    #[sea_orm(column_type = "Text")]
    pub password_hash: String,
    /// `nl` or `en`.
    #[sea_orm(column_type = "Text")]
    pub locale: String,
    /// `student` or `professional`.
    #[sea_orm(column_type = "Text")]
    pub user_type: String,
    pub is_active: bool,
    pub email_confirmed_at: Option<DateTimeUtc>,
    /// Sealed; empty when not known.
    pub date_of_birth_enc: Vec<u8>,
    pub identity_verified_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text", nullable)]
    pub identity_verification_provider: Option<String>,
    pub identity_revoked_at: Option<DateTimeUtc>,
    pub suspended_at: Option<DateTimeUtc>,
    /// None while suspended: without end.
    pub suspended_until: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text", nullable)]
    pub suspended_reason: Option<String>,
    /// `visible` or `ghost`.
    #[sea_orm(column_type = "Text")]
    pub visibility: String,
    /// `matches` or `nobody`: who may write in a chat of two.
    #[sea_orm(column_type = "Text")]
    pub who_may_message: String,
    /// Whether reading is shown to others, and theirs to this person.
    pub read_receipts: bool,
    /// Unread messages count in what the app says is new.
    pub notify_messages: bool,
    /// So do chats that were opened.
    pub notify_chats: bool,
    /// So do invitations to groups.
    pub notify_invites: bool,
    /// Unread messages are mailed about.
    pub mail_messages: bool,
    /// What is new was seen up to this event of the person's stream.
    pub noticed_seq: i64,
    /// Events after it that were seen too: a list of numbers.
    pub noticed: Option<Json>,
    /// Set: nobody is sent what this person writes.
    pub muted_at: Option<DateTimeUtc>,
    /// None while muted: until somebody decides.
    pub muted_until: Option<DateTimeUtc>,
    /// Set: nobody is suggested to this person, nor this person to anybody.
    pub hidden_at: Option<DateTimeUtc>,
    pub university_id: Option<UniversityId>,
    /// The last change of the address.
    pub email_changed_at: Option<DateTimeUtc>,
    pub last_activity_at: Option<DateTimeUtc>,
    /// Number of the newest event of this person's stream; 0: none yet.
    pub head_seq: i64,
    /// Events up to and including this number have been trimmed.
    pub base_seq: i64,
    pub deletion_scheduled_at: Option<DateTimeUtc>,
    /// Set: a tombstone; authors are never removed.
    pub deleted_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
