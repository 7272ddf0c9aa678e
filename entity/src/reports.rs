//! What somebody, or the program, reported to those who look after the others.

use sea_orm::entity::prelude::*;

use crate::ids::{ChatId, MessageId, ReportId, UniversityId, UserId};

/// A row of `reports`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reports")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReportId,
    /// `user` or `auto`.
    #[sea_orm(column_type = "Text")]
    pub source: String,
    /// None: the program itself.
    pub reporter_id: Option<UserId>,
    /// Made by the client, the same on every retry.
    pub client_id: Uuid,
    /// SHA-256 of what was asked, to tell a retry from a reused client id.
    pub digest: Vec<u8>,
    /// `message`, `user` or `group`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// None: a group.
    pub target_user_id: Option<UserId>,
    /// No foreign key: a report outlives what it is about.
    pub chat_id: Option<ChatId>,
    /// Likewise.
    pub message_id: Option<MessageId>,
    /// As it was when the report was filed.
    pub reporter_university_id: Option<UniversityId>,
    /// Likewise.
    pub target_university_id: Option<UniversityId>,
    #[sea_orm(column_type = "Text")]
    pub category: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub details: Option<String>,
    /// 0 is the worst.
    pub severity: i32,
    /// `open`, `in_review`, `actioned` or `dismissed`.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// 1, and one more for each change.
    pub rev: i32,
    /// With this one the target was hidden until somebody decides.
    pub auto_blocked: bool,
    /// Who looks at it.
    pub claimed_by: Option<UserId>,
    pub claimed_until: Option<DateTimeUtc>,
    /// Who decided.
    pub admin_id: Option<UserId>,
    #[sea_orm(column_type = "Text", nullable)]
    pub action_taken: Option<String>,
    /// The rule that the decision rests on.
    #[sea_orm(column_type = "Text", nullable)]
    pub policy: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub decision_reason: Option<String>,
    pub resolved_at: Option<DateTimeUtc>,
    /// What it was about, as it was then; never changed.
    pub evidence: Json,
    /// SHA-256 of the evidence.
    pub evidence_hash: Vec<u8>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

/// Joins are written by hand in the store.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
