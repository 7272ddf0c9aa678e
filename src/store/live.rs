//! What decides who may know of whom: read when a chat comes on screen. And when people last looked.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;

use super::growth::moment;
use super::table::{Col, rows};
use super::{Lane, Store, StoreError};
use crate::ids::{ChatId, UserId};

/// A member of a chat, and what decides who sees them.
#[derive(Clone, Copy, Debug)]
pub struct LiveMember {
    /// The person.
    pub user: UserId,
    /// They hide.
    pub ghost: bool,
    /// Their identity is verified.
    pub verified: bool,
    /// When they last looked.
    pub seen: Option<DateTime<Utc>>,
}

/// A chat and the active people in it.
#[derive(Clone, Debug, Default)]
pub struct LiveChat {
    /// It takes messages.
    pub open: bool,
    /// Its active members.
    pub members: Vec<LiveMember>,
    /// Who has blocked whom among them, and since when.
    pub blocks: Vec<(UserId, UserId, DateTime<Utc>)>,
}

/// The active members of some chats.
pub(super) fn live_members(backend: DbBackend) -> String {
    format!(
        "SELECT cm.chat_id, c.status, cm.user_id, u.visibility, u.identity_verified_at, u.identity_revoked_at, \
         u.last_activity_at FROM {} CROSS JOIN chats c CROSS JOIN chat_members cm CROSS JOIN users u \
         WHERE c.id = j.c AND cm.chat_id = j.c AND cm.status = 'active' AND u.id = cm.user_id",
        rows(backend, &[("c", Col::Id)])
    )
}

/// Who has blocked whom in some chats.
pub(super) fn live_blocks(backend: DbBackend) -> String {
    format!(
        "SELECT cm.chat_id, b.user_id, b.blocked_user_id, b.created_at FROM {} CROSS JOIN chat_members cm \
         CROSS JOIN match_blocklist b CROSS JOIN chat_members o \
         WHERE cm.chat_id = j.c AND b.user_id = cm.user_id AND b.ended_at IS NULL \
         AND o.chat_id = j.c AND o.user_id = b.blocked_user_id",
        rows(backend, &[("c", Col::Id)])
    )
}

/// When people last looked. PostgreSQL leaves out whoever is held by another transaction: nobody waits for this, and
/// it waits for nobody.
pub(super) fn touch_people(backend: DbBackend) -> String {
    let ids = rows(backend, &[("u", Col::Id), ("t", Col::Text)]);
    if backend == DbBackend::Postgres {
        return format!(
            "UPDATE users SET last_activity_at = free.at FROM (SELECT u.id, j.t::timestamptz AS at FROM {ids} \
             CROSS JOIN users u WHERE u.id = j.u AND (u.last_activity_at IS NULL OR u.last_activity_at < j.t::timestamptz) \
             FOR UPDATE OF u SKIP LOCKED) AS free WHERE users.id = free.id"
        );
    }
    format!(
        "UPDATE users SET last_activity_at = j.t FROM {ids} \
         WHERE users.id = j.u AND (users.last_activity_at IS NULL OR users.last_activity_at < j.t)"
    )
}

impl Store {
    /// The people in some chats, and what decides who of them sees whom. Chats that are not there are left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn live_chats(&self, chats: &[ChatId]) -> Result<HashMap<ChatId, LiveChat>, StoreError> {
        let wanted: Vec<_> = chats.iter().map(|chat| json!({"c": chat.0.simple().to_string()})).collect();
        let wanted = json!(wanted).to_string();
        let statement = |sql| Statement::from_sql_and_values(self.backend(), sql, [wanted.clone().into()]);
        let mut found: HashMap<ChatId, LiveChat> = HashMap::new();
        for row in &self.reader().query_all_raw(statement(live_members(self.backend()))).await? {
            let verified: Option<DateTime<Utc>> = row.try_get("", "identity_verified_at")?;
            let revoked: Option<DateTime<Utc>> = row.try_get("", "identity_revoked_at")?;
            let chat = found.entry(row.try_get("", "chat_id")?).or_default();
            chat.open = row.try_get::<String>("", "status")? == "open";
            chat.members.push(LiveMember {
                user: row.try_get("", "user_id")?,
                ghost: row.try_get::<String>("", "visibility")? == "ghost",
                verified: verified.is_some() && revoked.is_none(),
                seen: row.try_get("", "last_activity_at")?,
            });
        }
        for row in &self.reader().query_all_raw(statement(live_blocks(self.backend()))).await? {
            let block =
                (row.try_get("", "user_id")?, row.try_get("", "blocked_user_id")?, row.try_get("", "created_at")?);
            found.entry(row.try_get("", "chat_id")?).or_default().blocks.push(block);
        }
        Ok(found)
    }

    /// Notes when people last looked; an older time than is stored changes nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn touch_people(&self, seen: &[(UserId, DateTime<Utc>)]) -> Result<(), StoreError> {
        let values: Vec<_> =
            seen.iter().map(|(user, at)| json!({"u": user.0.simple().to_string(), "t": moment(*at)})).collect();
        let values = json!(values).to_string();
        self.write(Lane::Bulk, move |tx| {
            Box::pin(async move {
                let sql = touch_people(tx.backend());
                let statement = Statement::from_sql_and_values(tx.backend(), sql, [values.into()]);
                tx.conn().execute_raw(statement).await?;
                Ok(())
            })
        })
        .await?;
        Ok(())
    }
}
