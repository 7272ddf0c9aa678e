//! What a database error means for the caller: come back later, it is there already, or a fault of ours.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgDatabaseError;
use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::sqlx::{self};
use sea_orm::{DbErr, RuntimeErr};

use crate::error::Error;
use crate::protocol::codes::Code;
use crate::telemetry::names;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, busy, full or too slow. Nothing is half-stored. When it happens while a commit is under way on
    /// PostgreSQL the transaction may have been stored as a whole; repeat it only with an idempotency key.
    #[error("the store is unavailable: {0:#}")]
    Unavailable(anyhow::Error),
    /// A unique value is taken.
    #[error("{table} ({columns}) is taken")]
    Conflict {
        /// The table.
        table: &'static str,
        /// Its columns, as `a,b`.
        columns: &'static str,
    },
    /// The work itself refused: nothing is stored, and this is what its caller is told.
    #[error("refused: {0}")]
    Refused(Box<Error>),
    /// A fault of ours, such as a statement that the database does not understand.
    #[error("the store failed: {0:#}")]
    Fault(anyhow::Error),
}

impl StoreError {
    /// The time is over.
    pub(in crate::store) fn late(patience: Duration) -> Self {
        names::store_error("unavailable");
        Self::Unavailable(anyhow::anyhow!("no answer within {} ms", patience.as_millis()))
    }

    /// A broken promise of our own data.
    pub(in crate::store) fn fault(what: impl std::fmt::Display) -> Self {
        Self::Fault(anyhow::anyhow!("{what}"))
    }

    /// Whether the same request can succeed later without being changed.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Every unique key: its name on PostgreSQL, and what SQLite says instead.
pub(in crate::store) const UNIQUE_KEYS: &[(&str, &str, &str)] = &[
    ("store_meta_pkey", "store_meta", "key"),
    ("universities_pkey", "universities", "id"),
    ("uq_universities_slug", "universities", "slug"),
    ("users_pkey", "users", "id"),
    ("uq_users_email_normalized", "users", "email_normalized"),
    ("profiles_pkey", "profiles", "user_id"),
    ("sessions_pkey", "sessions", "id"),
    ("uq_sessions_token_hash", "sessions", "token_hash"),
    ("auth_tokens_pkey", "auth_tokens", "id"),
    ("uq_auth_tokens_link_hash", "auth_tokens", "link_hash"),
    ("outbox_pkey", "outbox", "id"),
    ("chats_pkey", "chats", "id"),
    ("uq_chats_pair_key", "chats", "pair_key"),
    ("pk_chat_members", "chat_members", "chat_id,user_id"),
    ("pk_group_invites", "group_invites", "chat_id,user_id"),
    ("messages_pkey", "messages", "id"),
    ("uq_messages_chat_id_user_id_client_msg_id", "messages", "chat_id,user_id,client_msg_id"),
    ("uq_messages_chat_id_n", "messages", "chat_id,n"),
    ("pk_chat_events", "chat_events", "chat_id,seq"),
    ("pk_user_events", "user_events", "user_id,seq"),
    ("pk_match_blocklist", "match_blocklist", "user_id,blocked_user_id"),
    ("pk_withheld_messages", "withheld_messages", "chat_id,user_id,seq"),
    ("pk_withheld_changes", "withheld_changes", "chat_id,user_id,n"),
    ("pk_withheld_events", "withheld_events", "chat_id,user_id,seq"),
    ("job_runs_pkey", "job_runs", "id"),
    ("job_locks_pkey", "job_locks", "job"),
    ("pk_reactions", "reactions", "chat_id,n,user_id,emoji"),
    ("pk_search_docs", "search_docs", "doc"),
    ("uq_search_docs_chat_id_seq", "search_docs", "chat_id,seq"),
    ("pk_search_places", "search_places", "chat_id"),
    ("pictures_pkey", "pictures", "id"),
    ("uq_pictures_user_id", "pictures", "user_id"),
    ("pk_onboarding_answers", "onboarding_answers", "user_id,section"),
    ("onboarding_submissions_pkey", "onboarding_submissions", "user_id"),
    ("match_quarantine_pkey", "match_quarantine", "user_id"),
    ("user_vectors_pkey", "user_vectors", "user_id"),
    ("match_suggestions_pkey", "match_suggestions", "id"),
    ("uq_match_suggestions_low_id_high_id", "match_suggestions", "low_id,high_id"),
    ("pk_match_decisions", "match_decisions", "suggestion_id,n"),
    ("matches_pkey", "matches", "suggestion_id"),
    ("uq_matches_low_id_high_id", "matches", "low_id,high_id"),
    ("match_runs_pkey", "match_runs", "id"),
    ("uq_match_runs_running", "match_runs", "running"),
    ("reports_pkey", "reports", "id"),
    ("uq_reports_reporter_id_client_id", "reports", "reporter_id,client_id"),
    ("pk_report_events", "report_events", "seq"),
    ("admins_pkey", "admins", "user_id"),
    ("admin_api_tokens_pkey", "admin_api_tokens", "id"),
    ("uq_admin_api_tokens_token_hash", "admin_api_tokens", "token_hash"),
    ("admin_invites_pkey", "admin_invites", "id"),
    ("admin_actions_pkey", "admin_actions", "id"),
    ("uq_admin_actions_seq", "admin_actions", "seq"),
];

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let kind = match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Kind::Unavailable,
            DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => kind(cause),
            _ => Kind::Fault,
        };
        kind.with(anyhow::Error::new(error))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        kind(&error).with(anyhow::Error::new(error))
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                Self::new(Code::Unavailable, "The server cannot store or read right now. Try again in a moment.")
                    .after(Duration::from_secs(1))
                    .caused_by(cause)
            }
            StoreError::Conflict { .. } => {
                Self::new(Code::Conflict, "This is there already. Reload and look before you try again.")
                    .caused_by(error)
            }
            StoreError::Refused(error) => *error,
            StoreError::Fault(cause) => Self::internal(cause),
        }
    }
}

enum Kind {
    Unavailable,
    Conflict { table: &'static str, columns: &'static str },
    Fault,
}

impl Kind {
    fn with(self, cause: anyhow::Error) -> StoreError {
        match self {
            Self::Unavailable => {
                names::store_error("unavailable");
                StoreError::Unavailable(cause)
            }
            Self::Conflict { table, columns } => {
                names::store_error("conflict");
                StoreError::Conflict { table, columns }
            }
            Self::Fault => {
                names::store_error("fault");
                StoreError::Fault(cause)
            }
        }
    }
}

fn kind(error: &sqlx::Error) -> Kind {
    use sqlx::Error as E;
    match error {
        E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::BeginFailed => {
            Kind::Unavailable
        }
        E::Database(answer) => {
            let code = answer.code().unwrap_or_default();
            if answer.try_downcast_ref::<SqliteError>().is_some() {
                sqlite(&code, answer.message())
            } else if let Some(answer) = answer.try_downcast_ref::<PgDatabaseError>() {
                postgres(&code, answer.constraint())
            } else {
                Kind::Fault
            }
        }
        _ => Kind::Fault,
    }
}

/// # Source
/// <https://sqlite.org/rescode.html>; the low byte of an extended code is the primary one.
fn sqlite(code: &str, message: &str) -> Kind {
    let code: u32 = code.parse().unwrap_or_default();
    match (code, code & 0xff) {
        // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE, _ROWID
        (1555 | 2067 | 2579, _) => taken(|table, columns| {
            let named = columns.split(',').map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ");
            message.strip_prefix("UNIQUE constraint failed: ").unwrap_or(message) == named
        }),
        // BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL
        (_, 5 | 6 | 7 | 8 | 9 | 10 | 13 | 14 | 15) => Kind::Unavailable,
        _ => Kind::Fault,
    }
}

/// # Source
/// PostgreSQL documentation, appendix A: classes 08 connection, 28 authorisation, 40 rollback, 53 resources, 57 operator intervention (57014:
/// statement timeout), 58 system; 25006 a standby, 25P03 idle in transaction, 3D000 no such database, 55P03 lock not available.
fn postgres(code: &str, constraint: Option<&str>) -> Kind {
    match code {
        "23505" => taken(|table, columns| {
            UNIQUE_KEYS.iter().any(|key| (Some(key.0), key.1, key.2) == (constraint, table, columns))
        }),
        "25006" | "25P03" | "3D000" | "55P03" => Kind::Unavailable,
        _ if ["08", "28", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => Kind::Unavailable,
        _ => Kind::Fault,
    }
}

fn taken(is: impl Fn(&str, &str) -> bool) -> Kind {
    UNIQUE_KEYS
        .iter()
        .find(|(_, table, columns)| is(table, columns))
        .map_or(Kind::Fault, |(_, table, columns)| Kind::Conflict { table, columns })
}
