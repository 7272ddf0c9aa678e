//! Who wants to hear nothing from whom, and who knows whom.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde_json::json;

use super::messages::signed;
use super::{Store, StoreError, Tx};
use crate::ids::{PictureId, UserId};
use crate::protocol::events;

/// Whom a person has blocked, with their names. Parameters: person, how many.
pub(super) const BLOCKS_OF: &str = "SELECT b.blocked_user_id, b.created_at, p.first_name, p.last_name, p.avatar_hue, \
     p.picture_id FROM match_blocklist b LEFT JOIN profiles p ON p.user_id = b.blocked_user_id \
     WHERE b.user_id = $1 AND b.ended_at IS NULL LIMIT $2";

/// Whom a person has blocked. Parameter: person.
pub(super) const BLOCKED_BY: &str =
    "SELECT blocked_user_id FROM match_blocklist WHERE user_id = $1 AND ended_at IS NULL";

/// Whether two people share a chat or once did. Parameters: one, the other.
pub(super) const KNOWN: &str = "SELECT 1 FROM chat_members a WHERE a.user_id = $1 AND EXISTS \
     (SELECT 1 FROM chat_members b WHERE b.chat_id = a.chat_id AND b.user_id = $2 \
     AND (a.left_seq IS NULL OR a.left_seq > b.joined_seq) AND (b.left_seq IS NULL OR b.left_seq > a.joined_seq)) LIMIT 1";

/// What a person shows to people they share a chat with. Parameters: person, who looks.
const PERSON: &str = "SELECT u.id, u.identity_verified_at, u.identity_revoked_at, p.first_name, p.last_name, p.pronouns, \
     p.program, p.study_year, p.bio, p.languages, p.avatar_hue, p.picture_id, v.name AS university_name, \
     v.slug AS university_slug, EXISTS (SELECT 1 FROM match_blocklist b WHERE b.user_id = $2 \
     AND b.blocked_user_id = u.id AND b.ended_at IS NULL) AS blocked \
     FROM users u JOIN profiles p ON p.user_id = u.id LEFT JOIN universities v ON v.id = u.university_id \
     WHERE u.id = $1";

/// Open invitations to a person from somebody are withheld. Parameters: person, who asks.
const WITHHOLD_INVITES: &str = "UPDATE group_invites SET is_withheld = TRUE WHERE user_id = $1 AND status = 'open' \
     AND inviter_id = $2 AND NOT is_withheld RETURNING chat_id";

/// Somebody who was blocked.
#[derive(Clone, Debug)]
pub struct BlockRow {
    /// Who.
    pub user: UserId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// The uploaded picture.
    pub picture: Option<PictureId>,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// A person as those see them who share a chat with them.
#[derive(Clone, Debug)]
pub struct PersonRow {
    /// Who.
    pub id: UserId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Pronouns.
    pub pronouns: Option<String>,
    /// What the person studies.
    pub program: Option<String>,
    /// In which year.
    pub study_year: Option<i32>,
    /// What they say of themselves.
    pub about: Option<String>,
    /// ISO 639-1 codes.
    pub languages: Vec<String>,
    /// Name and slug of the university.
    pub university: Option<(String, String)>,
    /// The identity is verified.
    pub verified: bool,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// The uploaded picture.
    pub picture: Option<PictureId>,
    /// Whether who looks has blocked them.
    pub blocked: bool,
}

/// What became of a wish to block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// It is so now.
    Done,
    /// The two share no chat, never did, and were never suggested to each other; or there is no such person.
    Unknown,
    /// The person has blocked as many as one may.
    TooMany,
}

impl Store {
    /// Whom a person has blocked, at most `limit`, the latest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn blocks_of(&self, user: UserId, limit: u64) -> Result<Vec<BlockRow>, StoreError> {
        let values = [user.into(), signed(limit).into()];
        let rows = self.reader().query_all_raw(self.statement(BLOCKS_OF, values)).await?;
        let mut blocks = rows
            .iter()
            .map(|row| {
                Ok(BlockRow {
                    user: row.try_get("", "blocked_user_id")?,
                    first_name: row.try_get::<Option<String>>("", "first_name")?.unwrap_or_default(),
                    last_name: row.try_get::<Option<String>>("", "last_name")?.unwrap_or_default(),
                    hue: row.try_get::<Option<i32>>("", "avatar_hue")?.unwrap_or_default(),
                    picture: row.try_get("", "picture_id")?,
                    at: row.try_get("", "created_at")?,
                })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        blocks.sort_unstable_by_key(|block| std::cmp::Reverse((block.at, block.user)));
        Ok(blocks)
    }

    /// Whom a person has blocked.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn blocked_by(&self, user: UserId) -> Result<HashSet<UserId>, StoreError> {
        let rows = self.reader().query_all_raw(self.statement(BLOCKED_BY, [user.into()])).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// A person as `viewer` sees them; None unless the two share a chat or once did, or are the same.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn person(&self, viewer: UserId, id: UserId) -> Result<Option<PersonRow>, StoreError> {
        if viewer != id
            && self.reader().query_one_raw(self.statement(KNOWN, [viewer.into(), id.into()])).await?.is_none()
        {
            return Ok(None);
        }
        let row = self.reader().query_one_raw(self.statement(PERSON, [id.into(), viewer.into()])).await?;
        row.map(|row| {
            let languages: Option<serde_json::Value> = row.try_get("", "languages")?;
            let university: Option<String> = row.try_get("", "university_name")?;
            let slug: Option<String> = row.try_get("", "university_slug")?;
            let verified: Option<DateTime<Utc>> = row.try_get("", "identity_verified_at")?;
            let revoked: Option<DateTime<Utc>> = row.try_get("", "identity_revoked_at")?;
            Ok(PersonRow {
                id: row.try_get("", "id")?,
                first_name: row.try_get("", "first_name")?,
                last_name: row.try_get("", "last_name")?,
                pronouns: row.try_get("", "pronouns")?,
                program: row.try_get("", "program")?,
                study_year: row.try_get("", "study_year")?,
                about: row.try_get("", "bio")?,
                languages: languages.and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default(),
                university: university.zip(slug),
                verified: verified.is_some() && revoked.is_none(),
                hue: row.try_get::<Option<i32>>("", "avatar_hue")?.unwrap_or_default(),
                picture: row.try_get("", "picture_id")?,
                blocked: row.try_get("", "blocked")?,
            })
        })
        .transpose()
    }

    fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }
}

impl Tx {
    /// Begins or ends that `user` hears nothing from `other`; every device of `user` is told when that changes anything.
    ///
    /// # Errors
    /// Nothing changes.
    pub async fn set_block(
        &mut self,
        (user, other): (UserId, UserId),
        on: bool,
        blocks_max: usize,
        now: DateTime<Utc>,
    ) -> Result<Blocking, StoreError> {
        let known = self.conn().query_one_raw(self.statement(KNOWN, [user.into(), other.into()])).await?.is_some();
        if !known && !self.is_pair((user, other)).await? {
            return Ok(Blocking::Unknown);
        }
        let held = self.conn().query_all_raw(self.statement(BLOCKED_BY, [user.into()])).await?;
        let held: HashSet<UserId> = held.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        if held.contains(&other) == on {
            return Ok(Blocking::Done);
        }
        if on && held.len() >= blocks_max {
            return Ok(Blocking::TooMany);
        }
        let sql = if on {
            "INSERT INTO match_blocklist (user_id, blocked_user_id, created_at, ended_at) VALUES ($1, $2, $3, NULL) \
             ON CONFLICT (user_id, blocked_user_id) DO UPDATE SET created_at = $3, ended_at = NULL"
        } else {
            "UPDATE match_blocklist SET ended_at = $3 WHERE user_id = $1 AND blocked_user_id = $2"
        };
        let values: [Value; 3] = [user.into(), other.into(), now.into()];
        self.conn().execute_raw(self.statement(sql, values)).await?;
        self.emit_user(user, "block", json!(events::Block { user: other, on }), now).await?;
        if on {
            // What they ask from now on is not seen; what they have asked would go on telling.
            let values = [user.into(), other.into()];
            for row in self.conn().query_all_raw(self.statement(WITHHOLD_INVITES, values)).await? {
                let chat_id = row.try_get_by_index(0)?;
                let gone = events::Invite { chat_id, u: user, change: "withdrawn", invite: None };
                self.emit_user(user, "invite", json!(gone), now).await?;
            }
        }
        Ok(Blocking::Done)
    }

    /// Whether one of two people has blocked the other.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn is_blocked_pair(&self, (a, b): (UserId, UserId)) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM match_blocklist WHERE ended_at IS NULL \
             AND (user_id = $1 AND blocked_user_id = $2 OR user_id = $2 AND blocked_user_id = $1) LIMIT 1";
        Ok(self.conn().query_one_raw(self.statement(sql, [a.into(), b.into()])).await?.is_some())
    }
}
