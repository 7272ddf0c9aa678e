//! Who is to be mailed about messages they have not read, and whether that still holds when the mail is about to go.
//!
//! A chat remembers since when something may be unread (`unread_at`, set with its next message when it is empty), and a
//! member how far they had read when they were last mailed (`mailed_n`): until they read on there is no second mail. What
//! a mail says is read when it is sent, in the transaction that claims it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use entity::outbox;
use sea_orm::{ActiveValue, ConnectionTrait, DbBackend, EntityTrait, QueryResult, Statement, Value};
use serde_json::json;

use super::messages::signed;
use super::{Lane, Store, StoreError, Tx};
use crate::ids::{ChatId, MailId, UserId, new_id};

/// The template's name, for operators.
pub const UNREAD_TEMPLATE: &str = "unread_messages";

/// Unread messages that are looked through, and of which names are read: more say nothing more.
const LOOKED_AT_MAX: i64 = 100;

/// Chats in which something may have been unread for long, longest first. Parameters: since when, how many.
pub(super) const UNREAD_CHATS: &str = "SELECT id FROM chats WHERE unread_at <= $1 ORDER BY unread_at LIMIT $2";

/// Since when something may be unread in the chat that waits longest.
const UNREAD_SINCE: &str = "SELECT unread_at FROM chats WHERE unread_at IS NOT NULL ORDER BY unread_at LIMIT 1";

/// Who wrote what a member would see and has not read. Parameters: chat, member, read up to, looked at up to, how many.
pub(super) const UNREAD_MESSAGES: &str = "SELECT m.created_at, p.first_name FROM messages m \
     LEFT JOIN profiles p ON p.user_id = m.user_id \
     WHERE m.chat_id = $1 AND m.n > $3 AND m.n <= $4 AND m.kind = 'user' AND m.user_id <> $2 AND m.deleted_at IS NULL \
     AND NOT EXISTS (SELECT 1 FROM withheld_messages w WHERE w.chat_id = $1 AND w.user_id = $2 AND w.seq = m.seq) \
     ORDER BY m.n LIMIT $5";

/// Members of a chat who want mail and have not read everything. Parameters: chat, now.
const WANT_MAIL: &str = "FROM chat_members cm JOIN chats c ON c.id = cm.chat_id JOIN users u ON u.id = cm.user_id \
     WHERE cm.chat_id = $1 AND cm.status = 'active' AND c.status = 'open' AND cm.read_n < c.head_n \
     AND (cm.muted_until IS NULL OR cm.muted_until <= $2) \
     AND u.mail_messages AND u.is_active AND u.suspended_at IS NULL AND u.deleted_at IS NULL \
     AND u.email_confirmed_at IS NOT NULL AND u.identity_verified_at IS NOT NULL AND u.identity_revoked_at IS NULL \
     AND (c.is_group OR NOT EXISTS (SELECT 1 FROM chat_members o JOIN match_blocklist b \
     ON b.user_id = cm.user_id AND b.blocked_user_id = o.user_id AND b.ended_at IS NULL \
     WHERE o.chat_id = cm.chat_id AND o.user_id <> cm.user_id))";

/// Those of them who were not mailed about it. Parameters: chat, now.
pub(super) fn unread_members() -> String {
    format!("SELECT cm.user_id, cm.read_n, u.email {WANT_MAIL} AND (cm.mailed_n IS NULL OR cm.mailed_n <> cm.read_n)")
}

/// What a mail to one of them says. Parameters: chat, now, person.
pub(super) fn unread_mail() -> String {
    format!(
        "SELECT cm.read_n, c.head_n - cm.read_n - cm.withheld_unread AS unread, u.email, u.locale {WANT_MAIL} \
         AND cm.user_id = $3 AND cm.mailed_n = cm.read_n"
    )
}

/// When unread messages are mailed about.
#[derive(Clone, Copy, Debug)]
pub struct UnreadTerms {
    /// Unread for so long.
    pub after: TimeDelta,
    /// In a chat that had a message no longer ago than this.
    pub until: TimeDelta,
}

/// Whether somebody has a window open: asked inside transactions, so it must not wait.
pub type Here = Arc<dyn Fn(UserId) -> bool + Send + Sync>;

/// What a mail about unread messages tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadMail {
    /// Whom.
    pub user: UserId,
    /// Of which chat.
    pub chat: ChatId,
    /// In which language.
    pub locale: String,
    /// How many messages.
    pub count: u64,
    /// First names of who wrote them, each once.
    pub names: Vec<String>,
}

impl Store {
    /// Chats to look at, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn unread_chats(&self, before: DateTime<Utc>, limit: u64) -> Result<Vec<ChatId>, StoreError> {
        let values = [before.into(), signed(limit).into()];
        let query = Statement::from_sql_and_values(self.backend(), UNREAD_CHATS, values);
        let rows = self.timed(self.reader().query_all_raw(query)).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// Since when something may be unread in the chat that waits longest.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn unread_since(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let query = Statement::from_string(self.backend(), UNREAD_SINCE);
        let row = self.timed(self.reader().query_one_raw(query)).await?;
        row.map(|row| Ok(row.try_get_by_index(0)?)).transpose()
    }

    /// Puts a mail into the outbox for each member of a chat who has had messages unread for long and no window open, and
    /// notes when the chat is to be looked at again. Says how many.
    ///
    /// # Errors
    /// Those of the store; the chat is then looked at again.
    pub async fn mail_unread(
        &self,
        chat: ChatId,
        terms: UnreadTerms,
        here: Here,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let mailed =
            self.write(Lane::Small, move |tx| Box::pin(async move { tx.mail_unread(chat, terms, &here, now).await }));
        Ok(mailed.await?.value)
    }
}

impl Tx {
    async fn mail_unread(
        &mut self,
        chat: ChatId,
        terms: UnreadTerms,
        here: &Here,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        // The chat first, as the committer holds it: what is sent meanwhile is seen here or sets `unread_at` anew.
        let lock = if self.backend() == DbBackend::Postgres { " FOR UPDATE" } else { "" };
        let held = format!("SELECT last_message_at FROM chats WHERE id = $1{lock}");
        let held = self.conn().query_one_raw(self.statement(&held, [chat.into()])).await?;
        let last: Option<DateTime<Utc>> = held.map_or(Ok(None), |row| row.try_get_by_index(0))?;
        let mut next: Option<DateTime<Utc>> = None;
        let mut mailed = 0;
        if last.is_some_and(|last| last > now - terms.until) {
            let members =
                self.conn().query_all_raw(self.statement(&unread_members(), [chat.into(), now.into()])).await?;
            for member in members {
                let (user, read_n): (UserId, i64) = (member.try_get_by_index(0)?, member.try_get_by_index(1)?);
                let unread = self.unread_messages((chat, user), read_n, 1).await?;
                let Some(first) = unread.first() else { continue };
                let first: DateTime<Utc> = first.try_get_by_index(0)?;
                let again = if here(user) {
                    now
                } else if first > now - terms.after {
                    first
                } else {
                    self.add_unread_mail((chat, user), read_n, member.try_get_by_index(2)?, now).await?;
                    mailed += 1;
                    continue;
                };
                next = Some(next.map_or(again, |next| next.min(again)));
            }
        }
        let sql = "UPDATE chats SET unread_at = $2 WHERE id = $1";
        let values: [Value; 2] = [chat.into(), next.into()];
        self.conn().execute_raw(self.statement(sql, values)).await?;
        Ok(mailed)
    }

    async fn unread_messages(
        &self,
        (chat, user): (ChatId, UserId),
        read_n: i64,
        limit: i64,
    ) -> Result<Vec<QueryResult>, StoreError> {
        let to = read_n.saturating_add(LOOKED_AT_MAX);
        let values: [Value; 5] = [chat.into(), user.into(), read_n.into(), to.into(), limit.into()];
        Ok(self.conn().query_all_raw(self.statement(UNREAD_MESSAGES, values)).await?)
    }

    async fn add_unread_mail(
        &self,
        (chat, user): (ChatId, UserId),
        read_n: i64,
        recipient: String,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE chat_members SET mailed_n = read_n WHERE chat_id = $1 AND user_id = $2 AND read_n = $3";
        let values: [Value; 3] = [chat.into(), user.into(), read_n.into()];
        if self.conn().execute_raw(self.statement(sql, values)).await?.rows_affected() == 0 {
            // They read on in this very moment.
            return Ok(());
        }
        let row = outbox::ActiveModel {
            id: ActiveValue::Set(MailId(new_id())),
            channel: ActiveValue::Set("mail".to_owned()),
            recipient: ActiveValue::Set(recipient),
            template: ActiveValue::Set(UNREAD_TEMPLATE.to_owned()),
            params: ActiveValue::Set(json!({})),
            attempts: ActiveValue::Set(0),
            next_at: ActiveValue::Set(now),
            sent_at: ActiveValue::Set(None),
            error: ActiveValue::Set(None),
            user_id: ActiveValue::Set(Some(user)),
            chat_id: ActiveValue::Set(Some(chat)),
            created_at: ActiveValue::Set(now),
        };
        outbox::Entity::insert(row).exec_without_returning(self.conn()).await?;
        Ok(())
    }

    /// What a mail in the outbox says now, and to which address; none: it is no longer wanted, and gone.
    pub(super) async fn unread_mail(
        &mut self,
        mail: &outbox::Model,
        (user, chat): (UserId, ChatId),
        here: &Here,
        now: DateTime<Utc>,
    ) -> Result<Option<(String, UnreadMail)>, StoreError> {
        let values: [Value; 3] = [chat.into(), now.into(), user.into()];
        let wanted =
            if here(user) { None } else { self.conn().query_one_raw(self.statement(&unread_mail(), values)).await? };
        if let Some(row) = wanted {
            let unread = self.unread_messages((chat, user), row.try_get_by_index(0)?, LOOKED_AT_MAX).await?;
            let mut names = Vec::new();
            for message in &unread {
                let name: Option<String> = message.try_get_by_index(1)?;
                names.extend(name.filter(|name| !names.contains(name)));
            }
            if !unread.is_empty() {
                let count = u64::try_from(row.try_get_by_index::<i64>(1)?).unwrap_or_default().max(1);
                let said = UnreadMail { user, chat, locale: row.try_get_by_index(3)?, count, names };
                return Ok(Some((row.try_get_by_index(2)?, said)));
            }
        }
        outbox::Entity::delete_by_id(mail.id).exec(self.conn()).await?;
        // Whatever is unread after all is looked at again, unless an attempt may have arrived.
        if mail.attempts == 0 {
            let again = "UPDATE chats SET unread_at = COALESCE(unread_at, $2) WHERE id = $1";
            self.conn().execute_raw(self.statement(again, [Value::from(chat), now.into()])).await?;
            let again =
                "UPDATE chat_members SET mailed_n = NULL WHERE chat_id = $1 AND user_id = $2 AND mailed_n = read_n";
            self.conn().execute_raw(self.statement(again, [Value::from(chat), user.into()])).await?;
        }
        Ok(None)
    }
}
