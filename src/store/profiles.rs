//! What people say of themselves, and how they want to be met.

use chrono::{DateTime, Utc};
use entity::{profiles, users};
use sea_orm::prelude::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryResult, Statement, Value};

use super::{Store, StoreError, Tx};
use crate::ids::{PictureId, UserId};

/// An account as its owner sees it.
#[derive(Clone, Debug)]
pub struct MeRow {
    /// Its id.
    pub id: UserId,
    /// The address.
    pub email: String,
    /// The address that waits to take its place.
    pub pending_email: Option<String>,
    /// When it was changed last.
    pub email_changed_at: Option<DateTime<Utc>>,
    /// `student` or `professional`.
    pub user_type: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Name and slug.
    pub university: Option<(String, String)>,
    /// The identity is verified, and that was not taken back.
    pub verified: bool,
    /// The address is confirmed.
    pub email_confirmed: bool,
    /// What the person says of themselves.
    pub profile: ProfileRow,
    /// How they want to be met.
    pub settings: SettingsRow,
}

/// What a person says of themselves.
#[derive(Clone, Debug)]
pub struct ProfileRow {
    /// Pronouns.
    pub pronouns: Option<String>,
    /// What they study.
    pub program: Option<String>,
    /// In which year.
    pub study_year: Option<i32>,
    /// A few sentences.
    pub about: Option<String>,
    /// ISO 639-1 codes, the best spoken first.
    pub languages: Vec<String>,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// The uploaded picture.
    pub picture: Option<PictureId>,
}

/// How a person wants to be met, in the words of the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
pub struct SettingsRow {
    /// `nl` or `en`.
    pub locale: String,
    /// `visible` or `ghost`.
    pub visibility: String,
    /// `matches` or `nobody`.
    pub who_may_message: String,
    /// Reading is shown.
    pub read_receipts: bool,
    /// Unread messages count as new.
    pub notify_messages: bool,
    /// So do chats that were opened.
    pub notify_chats: bool,
    /// So do invitations to groups.
    pub notify_invites: bool,
    /// Unread messages are mailed about.
    pub mail_messages: bool,
}

/// A change of a profile: what is none stays.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Pronouns, or their removal.
    pub pronouns: Option<Option<String>>,
    /// What they study.
    pub program: Option<Option<String>>,
    /// In which year.
    pub study_year: Option<Option<i32>>,
    /// A few sentences.
    pub about: Option<Option<String>>,
    /// ISO 639-1 codes.
    pub languages: Option<Vec<String>>,
}

impl ProfileChange {
    /// Whether anything of a person would become different.
    pub fn differs_from(&self, me: &MeRow) -> bool {
        fn differs<T: PartialEq>(new: Option<&T>, old: &T) -> bool {
            new.is_some_and(|new| new != old)
        }
        let held = &me.profile;
        differs(self.first_name.as_ref(), &me.first_name)
            || differs(self.last_name.as_ref(), &me.last_name)
            || differs(self.pronouns.as_ref(), &held.pronouns)
            || differs(self.program.as_ref(), &held.program)
            || differs(self.study_year.as_ref(), &held.study_year)
            || differs(self.about.as_ref(), &held.about)
            || differs(self.languages.as_ref(), &held.languages)
    }
}

/// A change of settings: what is none stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct SettingsChange {
    /// `nl` or `en`.
    pub locale: Option<&'static str>,
    /// `visible` or `ghost`.
    pub visibility: Option<&'static str>,
    /// `matches` or `nobody`.
    pub who_may_message: Option<&'static str>,
    /// Reading is shown.
    pub read_receipts: Option<bool>,
    /// Unread messages count as new.
    pub notify_messages: Option<bool>,
    /// So do chats that were opened.
    pub notify_chats: Option<bool>,
    /// So do invitations to groups.
    pub notify_invites: Option<bool>,
    /// Unread messages are mailed about.
    pub mail_messages: Option<bool>,
}

pub(super) const ME: &str = "SELECT u.id, u.email, u.user_type, u.email_confirmed_at, u.email_changed_at, u.identity_verified_at, \
     u.identity_revoked_at, u.locale, u.visibility, u.who_may_message, u.read_receipts, \
     u.notify_messages, u.notify_chats, u.notify_invites, u.mail_messages, \
     p.first_name, p.last_name, p.pronouns, p.program, p.study_year, p.bio, p.languages, p.avatar_hue, p.picture_id, \
     v.name AS university_name, v.slug AS university_slug, \
     (SELECT t.new_email FROM auth_tokens t WHERE t.user_id = u.id AND t.kind = 'email_change' AND t.used_at IS NULL \
     AND t.expires_at_link > $2 LIMIT 1) AS pending_email \
     FROM users u LEFT JOIN profiles p ON p.user_id = u.id LEFT JOIN universities v ON v.id = u.university_id \
     WHERE u.id = $1 AND u.deleted_at IS NULL";

fn me(row: &QueryResult) -> Result<MeRow, sea_orm::DbErr> {
    let is_set = |column: &str| row.try_get::<Option<DateTime<Utc>>>("", column).map(|at| at.is_some());
    let name: Option<String> = row.try_get("", "university_name")?;
    let slug: Option<String> = row.try_get("", "university_slug")?;
    let languages: Option<serde_json::Value> = row.try_get("", "languages")?;
    Ok(MeRow {
        id: row.try_get("", "id")?,
        email: row.try_get("", "email")?,
        pending_email: row.try_get("", "pending_email")?,
        email_changed_at: row.try_get("", "email_changed_at")?,
        user_type: row.try_get("", "user_type")?,
        first_name: row.try_get::<Option<String>>("", "first_name")?.unwrap_or_default(),
        last_name: row.try_get::<Option<String>>("", "last_name")?.unwrap_or_default(),
        university: name.zip(slug),
        verified: is_set("identity_verified_at")? && !is_set("identity_revoked_at")?,
        email_confirmed: is_set("email_confirmed_at")?,
        profile: ProfileRow {
            pronouns: row.try_get("", "pronouns")?,
            program: row.try_get("", "program")?,
            study_year: row.try_get("", "study_year")?,
            about: row.try_get("", "bio")?,
            languages: languages.and_then(|codes| serde_json::from_value(codes).ok()).unwrap_or_default(),
            hue: row.try_get::<Option<i32>>("", "avatar_hue")?.unwrap_or_default(),
            picture: row.try_get("", "picture_id")?,
        },
        settings: SettingsRow {
            locale: row.try_get("", "locale")?,
            visibility: row.try_get("", "visibility")?,
            who_may_message: row.try_get("", "who_may_message")?,
            read_receipts: row.try_get("", "read_receipts")?,
            notify_messages: row.try_get("", "notify_messages")?,
            notify_chats: row.try_get("", "notify_chats")?,
            notify_invites: row.try_get("", "notify_invites")?,
            mail_messages: row.try_get("", "mail_messages")?,
        },
    })
}

impl Store {
    /// An account as its owner sees it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn me(&self, user: UserId, now: DateTime<Utc>) -> Result<Option<MeRow>, StoreError> {
        let query = Statement::from_sql_and_values(self.backend(), ME, [user.into(), now.into()]);
        self.timed(async { self.reader().query_one_raw(query).await?.as_ref().map(me).transpose() }).await
    }
}

impl Tx {
    /// An account as its owner sees it, kept as it is until this transaction ends.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn hold_me(&mut self, user: UserId, now: DateTime<Utc>) -> Result<Option<MeRow>, StoreError> {
        let lock = if self.backend() == DbBackend::Postgres { " FOR UPDATE OF u" } else { "" };
        let query = Statement::from_sql_and_values(self.backend(), format!("{ME}{lock}"), [user.into(), now.into()]);
        Ok(self.conn().query_one_raw(query).await?.as_ref().map(me).transpose()?)
    }

    /// Changes a profile.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn change_profile(
        &mut self,
        user: UserId,
        change: ProfileChange,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        use profiles::Column;
        let languages = change.languages.map(|codes| serde_json::json!(codes));
        let columns: [(Column, Option<Value>); 7] = [
            (Column::FirstName, change.first_name.map(Value::from)),
            (Column::LastName, change.last_name.map(Value::from)),
            (Column::Pronouns, change.pronouns.map(Value::from)),
            (Column::Program, change.program.map(Value::from)),
            (Column::StudyYear, change.study_year.map(Value::from)),
            (Column::Bio, change.about.map(Value::from)),
            (Column::Languages, languages.map(Value::from)),
        ];
        let mut update = profiles::Entity::update_many().col_expr(Column::UpdatedAt, Expr::value(now));
        for (column, value) in columns {
            if let Some(value) = value {
                update = update.col_expr(column, Expr::value(value));
            }
        }
        update.filter(Column::UserId.eq(user)).exec(self.conn()).await?;
        Ok(())
    }

    /// Changes settings.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn change_settings(
        &mut self,
        user: UserId,
        change: SettingsChange,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        use users::Column;
        let columns: [(Column, Option<Value>); 8] = [
            (Column::Locale, change.locale.map(Value::from)),
            (Column::Visibility, change.visibility.map(Value::from)),
            (Column::WhoMayMessage, change.who_may_message.map(Value::from)),
            (Column::ReadReceipts, change.read_receipts.map(Value::from)),
            (Column::NotifyMessages, change.notify_messages.map(Value::from)),
            (Column::NotifyChats, change.notify_chats.map(Value::from)),
            (Column::NotifyInvites, change.notify_invites.map(Value::from)),
            (Column::MailMessages, change.mail_messages.map(Value::from)),
        ];
        let mut update = users::Entity::update_many().col_expr(Column::UpdatedAt, Expr::value(now));
        for (column, value) in columns {
            if let Some(value) = value {
                update = update.col_expr(column, Expr::value(value));
            }
        }
        update.filter(Column::Id.eq(user)).exec(self.conn()).await?;
        Ok(())
    }
}
