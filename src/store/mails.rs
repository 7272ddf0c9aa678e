//! The outbox of mails: written with their cause, claimed before each attempt, emptied when sent.

use chrono::{DateTime, Utc};
use entity::outbox;
use sea_orm::prelude::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde_json::{Value, json};

use super::{Here, Lane, Store, StoreError, Tx, UnreadMail};
use crate::ids::MailId;

/// A mail as it enters the outbox.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// Its id, and the left part of its Message-ID.
    pub id: MailId,
    /// Where it goes.
    pub recipient: String,
    /// The template's name, for operators.
    pub template: &'static str,
    /// The sealed letter.
    pub params: Value,
}

/// A mail whose time has come.
#[derive(Clone, Debug)]
pub struct DueMail {
    /// Its id.
    pub id: MailId,
    /// Where it goes.
    pub recipient: String,
    /// The template's name.
    pub template: String,
    /// The sealed letter.
    pub params: Value,
    /// What it says in the place of a letter, when it is about unread messages.
    pub unread: Option<UnreadMail>,
    /// Attempts with this one.
    pub attempts: u32,
    /// When its cause happened.
    pub created_at: DateTime<Utc>,
}

/// The next attempt of a mail that gets none: the last moment both databases write with four digits of year.
fn never() -> DateTime<Utc> {
    DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Mails whose time has come, the longest waiting first. Ordering names both columns of the index: PostgreSQL does not
/// see that the first one is always null.
pub(super) fn due(now: DateTime<Utc>, limit: u64) -> Select<outbox::Entity> {
    outbox::Entity::find()
        .filter(outbox::Column::SentAt.is_null())
        .filter(outbox::Column::NextAt.lte(now))
        .order_by_asc(outbox::Column::SentAt)
        .order_by_asc(outbox::Column::NextAt)
        .limit(limit)
}

/// When the first of the waiting mails is due.
pub(super) fn next_due() -> Select<outbox::Entity> {
    outbox::Entity::find()
        .select_only()
        .column(outbox::Column::NextAt)
        .filter(outbox::Column::SentAt.is_null())
        .order_by_asc(outbox::Column::SentAt)
        .order_by_asc(outbox::Column::NextAt)
        .limit(1)
}

impl Tx {
    /// Puts a mail into the outbox, due at once.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn add_mail(&mut self, mail: NewMail, now: DateTime<Utc>) -> Result<(), StoreError> {
        let row = outbox::ActiveModel {
            id: ActiveValue::Set(mail.id),
            channel: ActiveValue::Set("mail".to_owned()),
            recipient: ActiveValue::Set(mail.recipient),
            template: ActiveValue::Set(mail.template.to_owned()),
            params: ActiveValue::Set(mail.params),
            attempts: ActiveValue::Set(0),
            next_at: ActiveValue::Set(now),
            sent_at: ActiveValue::Set(None),
            error: ActiveValue::Set(None),
            user_id: ActiveValue::Set(None),
            chat_id: ActiveValue::Set(None),
            created_at: ActiveValue::Set(now),
        };
        outbox::Entity::insert(row).exec_without_returning(self.conn()).await?;
        Ok(())
    }
}

impl Store {
    /// Takes up to `limit` due mails for one attempt each. Their next attempt is already set, by
    /// `retry(attempts)` after `now`, so that a crash during the attempt delays the mail and loses nothing.
    /// Where `retry` gives none, this attempt is the last. A mail about messages that were read meanwhile, or of which
    /// nobody is to be told any more, is taken back.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn claim_mails(
        &self,
        now: DateTime<Utc>,
        limit: u64,
        retry: fn(u32) -> Option<chrono::TimeDelta>,
        here: Here,
    ) -> Result<Vec<DueMail>, StoreError> {
        // Most passes find nothing: they must not take the writer.
        if self.next_mail_at().await?.is_none_or(|at| at > now) {
            return Ok(Vec::new());
        }
        let claimed = self
            .write(Lane::Small, move |tx| {
                Box::pin(async move {
                    let due = due(now, limit).all(tx.conn()).await?;
                    let mut claimed = Vec::with_capacity(due.len());
                    for mail in due {
                        let (mut recipient, mut unread) = (mail.recipient.clone(), None);
                        if let (Some(user), Some(chat)) = (mail.user_id, mail.chat_id) {
                            let Some(said) = tx.unread_mail(&mail, (user, chat), &here, now).await? else { continue };
                            (recipient, unread) = (said.0, Some(said.1));
                        }
                        let attempts = mail.attempts.saturating_add(1);
                        let tried = u32::try_from(attempts).unwrap_or(u32::MAX);
                        let next_at = retry(tried).map_or_else(never, |wait| now + wait);
                        outbox::Entity::update_many()
                            .col_expr(outbox::Column::Attempts, Expr::value(attempts))
                            .col_expr(outbox::Column::NextAt, Expr::value(next_at))
                            .filter(outbox::Column::Id.eq(mail.id))
                            .exec(tx.conn())
                            .await?;
                        claimed.push(DueMail {
                            id: mail.id,
                            recipient,
                            template: mail.template,
                            params: mail.params,
                            unread,
                            attempts: tried,
                            created_at: mail.created_at,
                        });
                    }
                    Ok(claimed)
                })
            })
            .await?;
        Ok(claimed.value)
    }

    /// Notes that a mail was handed over, and forgets what it said.
    ///
    /// # Errors
    /// Those of the store; the mail is then sent once more.
    pub async fn mail_sent(&self, mail: MailId, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(Lane::Small, move |tx| {
            Box::pin(async move {
                outbox::Entity::update_many()
                    .col_expr(outbox::Column::SentAt, Expr::value(now))
                    .col_expr(outbox::Column::Error, Expr::value(None::<String>))
                    .col_expr(outbox::Column::Params, Expr::value(json!({})))
                    .filter(outbox::Column::Id.eq(mail))
                    .exec(tx.conn())
                    .await?;
                Ok(())
            })
        })
        .await?;
        Ok(())
    }

    /// Notes why an attempt failed; with `give_up` there is no further one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn mail_failed(&self, mail: MailId, error: String, give_up: bool) -> Result<(), StoreError> {
        self.write(Lane::Small, move |tx| {
            Box::pin(async move {
                let mut update = outbox::Entity::update_many()
                    .col_expr(outbox::Column::Error, Expr::value(error))
                    .filter(outbox::Column::Id.eq(mail));
                if give_up {
                    update = update
                        .col_expr(outbox::Column::NextAt, Expr::value(never()))
                        .col_expr(outbox::Column::Params, Expr::value(json!({})));
                }
                update.exec(tx.conn()).await?;
                Ok(())
            })
        })
        .await?;
        Ok(())
    }

    /// When the next attempt of any mail is due.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn next_mail_at(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let next = next_due().into_tuple::<DateTime<Utc>>().one(self.reader());
        let next = self.timed(next).await?;
        Ok(next.filter(|at| *at < never()))
    }

    /// Removes up to `limit` mails that were sent before `before`, and says how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge_mails(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        self.purge_mails_of(outbox::Entity::find().filter(outbox::Column::SentAt.lt(before)), limit).await
    }

    /// Removes up to `limit` mails that were written before `before` and given up, and says how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge_dead_mails(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let dead = outbox::Entity::find()
            .filter(outbox::Column::SentAt.is_null())
            .filter(outbox::Column::NextAt.eq(never()))
            .filter(outbox::Column::CreatedAt.lt(before));
        self.purge_mails_of(dead, limit).await
    }

    async fn purge_mails_of(&self, which: Select<outbox::Entity>, limit: u64) -> Result<u64, StoreError> {
        let old = which.select_only().column(outbox::Column::Id).limit(limit).into_tuple::<MailId>().all(self.reader());
        let old = self.timed(old).await?;
        if old.is_empty() {
            return Ok(0);
        }
        let removed = self
            .write(Lane::Bulk, move |tx| {
                Box::pin(async move {
                    let removed =
                        outbox::Entity::delete_many().filter(outbox::Column::Id.is_in(old)).exec(tx.conn()).await?;
                    Ok(removed.rows_affected)
                })
            })
            .await?;
        Ok(removed.value)
    }
}

#[cfg(test)]
impl Store {
    /// Attempts, whether sent, the error, and the parameters of the only mail there is.
    pub(crate) async fn only_mail(&self) -> (u32, bool, Option<String>, Value) {
        let mut all = outbox::Entity::find().all(self.reader()).await.unwrap();
        assert_eq!(all.len(), 1);
        let mail = all.remove(0);
        (u32::try_from(mail.attempts).unwrap(), mail.sent_at.is_some(), mail.error, mail.params)
    }

    /// Every mail: recipient, template, id and parameters, oldest first.
    pub(crate) async fn all_mails(&self) -> Vec<(String, String, MailId, Value)> {
        let all = outbox::Entity::find().order_by_asc(outbox::Column::Id).all(self.reader()).await.unwrap();
        all.into_iter().map(|mail| (mail.recipient, mail.template, mail.id, mail.params)).collect()
    }
}
