//! People as admins find and see them.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::{Store, StoreError, Tx};
use crate::admin::model::Scope;
use crate::ids::{UniversityId, UserId};

/// A person in an admin's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// Who.
    pub id: UserId,
    /// Their address.
    pub email: String,
    /// First and last name.
    pub name: (String, String),
    /// `student` or `professional`.
    pub user_type: String,
    /// Id and name in addresses of the university.
    pub university: Option<(UniversityId, String)>,
    /// Not suspended.
    pub active: bool,
    /// The address is confirmed.
    pub email_confirmed: bool,
    /// When the identity was verified and by whom, unless that was taken back.
    pub verified: Option<(DateTime<Utc>, String)>,
    /// Since when they are suspended, until when, and why.
    pub suspended: Option<(DateTime<Utc>, Option<DateTime<Utc>>, String)>,
    /// When they signed up.
    pub created_at: DateTime<Utc>,
    /// When they were last seen.
    pub last_activity_at: Option<DateTime<Utc>>,
}

/// What there is of a person, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// Chats of two.
    pub chats: i64,
    /// Groups they are in.
    pub groups: i64,
    /// Messages they sent.
    pub messages: i64,
    /// People they have blocked.
    pub blocked: i64,
    /// People who have blocked them.
    pub blocked_by: i64,
    /// Sessions that have not ended.
    pub sessions: i64,
    /// Rows of the audit log about them.
    pub actions: i64,
}

/// Which people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// A part of the address or of the name.
    pub search: Option<String>,
    /// At this university.
    pub university: Option<UniversityId>,
    /// Suspended or not.
    pub active: Option<bool>,
    /// Verified or not.
    pub verified: Option<bool>,
    /// The oldest account first.
    pub oldest_first: bool,
    /// Behind this one.
    pub after: Option<UserId>,
}

const COLUMNS: &str = "SELECT u.id, u.email, u.user_type, u.university_id, u.is_active, u.email_confirmed_at, \
     u.identity_verified_at, u.identity_verification_provider, u.identity_revoked_at, u.suspended_at, u.suspended_until, \
     u.suspended_reason, u.created_at, u.last_activity_at, p.first_name, p.last_name, v.slug \
     FROM users u LEFT JOIN profiles p ON p.user_id = u.id LEFT JOIN universities v ON v.id = u.university_id";

const COUNTS: &str = "SELECT \
     (SELECT count(*) FROM chat_members m JOIN chats c ON c.id = m.chat_id WHERE m.user_id = $1 AND c.is_group = FALSE) AS chats, \
     (SELECT count(*) FROM chat_members m JOIN chats c ON c.id = m.chat_id WHERE m.user_id = $1 AND c.is_group = TRUE) AS in_groups, \
     (SELECT count(*) FROM messages WHERE user_id = $1) AS messages, \
     (SELECT count(*) FROM match_blocklist WHERE user_id = $1 AND ended_at IS NULL) AS blocked, \
     (SELECT count(*) FROM match_blocklist WHERE blocked_user_id = $1 AND ended_at IS NULL) AS blocked_by, \
     (SELECT count(*) FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2) AS sessions, \
     (SELECT count(*) FROM admin_actions WHERE entity_type = 'user' AND entity_id = $3) AS actions";

const UNIVERSITY: &str = "SELECT university_id FROM users WHERE id = $1 AND deleted_at IS NULL";

fn user(row: &QueryResult) -> Result<UserRow, sea_orm::DbErr> {
    let text = |column| row.try_get::<Option<String>>("", column).map(Option::unwrap_or_default);
    let time = |column| row.try_get::<Option<DateTime<Utc>>>("", column);
    let university: Option<UniversityId> = row.try_get("", "university_id")?;
    let revoked = time("identity_revoked_at")?.is_some();
    let verified = time("identity_verified_at")?.filter(|_| !revoked);
    let suspended = time("suspended_at")?;
    Ok(UserRow {
        id: row.try_get("", "id")?,
        email: row.try_get("", "email")?,
        name: (text("first_name")?, text("last_name")?),
        user_type: row.try_get("", "user_type")?,
        university: university.zip(row.try_get::<Option<String>>("", "slug")?),
        active: row.try_get("", "is_active")?,
        email_confirmed: time("email_confirmed_at")?.is_some(),
        verified: verified.zip(Some(text("identity_verification_provider")?)),
        suspended: match suspended {
            Some(at) => Some((at, time("suspended_until")?, text("suspended_reason")?)),
            None => None,
        },
        created_at: row.try_get("", "created_at")?,
        last_activity_at: time("last_activity_at")?,
    })
}

/// A text as a part of a pattern of `LIKE`, in which nothing stands for anything else.
fn part(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

impl Store {
    /// People, in the order in which they signed up. A search looks at everybody in scope until the page is full.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn users(&self, filter: &UserFilter, scope: Scope, limit: u64) -> Result<Vec<UserRow>, StoreError> {
        let (than, order) = if filter.oldest_first { (">", "ASC") } else { ("<", "DESC") };
        let edge = if filter.oldest_first { uuid::Uuid::nil() } else { uuid::Uuid::max() };
        let mut sql = format!("{COLUMNS} WHERE u.id {than} $1 AND u.deleted_at IS NULL");
        let mut values: Vec<Value> = vec![filter.after.unwrap_or(UserId(edge)).into()];
        let mut add = |condition: &str, value: Value| {
            values.push(value);
            sql.push_str(&condition.replace('?', &format!("${}", values.len())));
        };
        match scope {
            Scope::All => {}
            Scope::University(university) => add(" AND u.university_id = ?", university.into()),
            Scope::Mine(user) => add(" AND u.id = ?", user.into()),
        }
        if let Some(university) = filter.university {
            add(" AND u.university_id = ?", university.into());
        }
        if let Some(active) = filter.active {
            add(" AND u.is_active = ?", active.into());
        }
        if let Some(verified) = filter.verified {
            add(" AND (u.identity_verified_at IS NOT NULL AND u.identity_revoked_at IS NULL) = ?", verified.into());
        }
        if let Some(search) = &filter.search {
            add(
                " AND (u.email_normalized LIKE ? ESCAPE '\\' OR lower(p.first_name || ' ' || p.last_name) LIKE ? ESCAPE '\\')",
                part(search).into(),
            );
        }
        add(&format!(" ORDER BY u.id {order} LIMIT ?"), i64::try_from(limit).unwrap_or(i64::MAX).into());
        let query = Statement::from_sql_and_values(self.backend(), sql, values);
        let rows = self.timed(self.reader().query_all_raw(query)).await?;
        Ok(rows.iter().map(user).collect::<Result<_, _>>()?)
    }

    /// At which university somebody is, if at any; none when there is no such account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn university_of_user(&self, user: UserId) -> Result<Option<Option<UniversityId>>, StoreError> {
        let query = Statement::from_sql_and_values(self.backend(), UNIVERSITY, [user.into()]);
        let row = self.timed(self.reader().query_one_raw(query)).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// People whose suspension was to end by now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ended_suspensions(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<UserId>, StoreError> {
        let query = Statement::from_sql_and_values(
            self.backend(),
            "SELECT id FROM users WHERE suspended_until <= $1 LIMIT $2",
            [now.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()],
        );
        let rows = self.timed(self.reader().query_all_raw(query)).await?;
        Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
    }
}

impl Tx {
    /// Somebody, with what there is of them; none when there is no such account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn user_view(
        &mut self,
        id: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<(UserRow, UserCounts)>, StoreError> {
        let query = self.statement(&format!("{COLUMNS} WHERE u.id = $1 AND u.deleted_at IS NULL"), [id.into()]);
        let Some(row) = self.conn().query_one_raw(query).await? else { return Ok(None) };
        let found = user(&row)?;
        let query = self.statement(COUNTS, [id.into(), now.into(), id.to_string().into()]);
        let Some(row) = self.conn().query_one_raw(query).await? else { return Ok(None) };
        let counts = UserCounts {
            chats: row.try_get("", "chats")?,
            groups: row.try_get("", "in_groups")?,
            messages: row.try_get("", "messages")?,
            blocked: row.try_get("", "blocked")?,
            blocked_by: row.try_get("", "blocked_by")?,
            sessions: row.try_get("", "sessions")?,
            actions: row.try_get("", "actions")?,
        };
        Ok(Some((found, counts)))
    }

    /// At which university somebody is, if at any; none when there is no such account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn university_of(&mut self, user: UserId) -> Result<Option<Option<UniversityId>>, StoreError> {
        let row = self.conn().query_one_raw(self.statement(UNIVERSITY, [user.into()])).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }
}
