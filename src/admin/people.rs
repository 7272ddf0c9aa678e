//! People, as admins find them, see them, suspend them and sign them out.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::act::{Aim, Change, Stored};
use super::authz::{self, hidden};
use super::model::{Actor, Entry, Permission, Reason, Role};
use super::{Admin, Audited, Inner};
use crate::accounts::{StandingChange, end_all};
use crate::error::{Error, Result};
use crate::ids::{SessionId, UserId};
use crate::protocol::codes::Code;
use crate::store::{Tx, UserCounts, UserFilter, UserRow};

/// Longest suspension by a moderator.
pub(super) const MODERATOR_DAYS_MAX: u32 = 7;

/// Which people are listed.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    /// Which.
    pub filter: UserFilter,
    /// Only at this university, by its name in addresses.
    pub university: Option<String>,
    /// How many.
    pub limit: usize,
}

/// A page of people.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserList {
    /// In the order in which they signed up.
    users: Vec<UserSummary>,
    /// What to send as `after` for the next page; none on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<UserId>,
}

/// A person in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserSummary {
    /// Who.
    id: UserId,
    /// Their address.
    email: String,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// `student` or `professional`.
    user_type: String,
    /// The university's name in addresses.
    university: Option<String>,
    /// Not suspended.
    active: bool,
    /// The address is confirmed.
    email_confirmed: bool,
    /// When the identity was verified, unless that was taken back.
    verified_at: Option<DateTime<Utc>>,
    /// By whom.
    verified_by: Option<String>,
    /// Since when they are suspended.
    suspended_at: Option<DateTime<Utc>>,
    /// Until when; none: without end.
    suspended_until: Option<DateTime<Utc>>,
    /// Why.
    suspended_reason: Option<String>,
    /// When they signed up.
    created_at: DateTime<Utc>,
    /// When they were last seen.
    last_activity_at: Option<DateTime<Utc>>,
}

impl From<UserRow> for UserSummary {
    fn from(row: UserRow) -> Self {
        let (verified_at, verified_by) = row.verified.unzip();
        let (suspended_at, suspended_until, suspended_reason) = match row.suspended {
            Some((at, until, reason)) => (Some(at), until, Some(reason)),
            None => (None, None, None),
        };
        Self {
            id: row.id,
            email: row.email,
            first_name: row.name.0,
            last_name: row.name.1,
            user_type: row.user_type,
            university: row.university.map(|(_, slug)| slug),
            active: row.active,
            email_confirmed: row.email_confirmed,
            verified_at,
            verified_by,
            suspended_at,
            suspended_until,
            suspended_reason,
            created_at: row.created_at,
            last_activity_at: row.last_activity_at,
        }
    }
}

/// A person with what there is of them, in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    /// Who.
    user: UserSummary,
    /// What they are as an admin.
    admin: Option<Role>,
    /// Chats of two.
    chats: i64,
    /// Groups they are in.
    groups: i64,
    /// Messages they sent.
    messages: i64,
    /// People they have blocked.
    blocked: i64,
    /// People who have blocked them.
    blocked_by: i64,
    /// Sessions that have not ended.
    sessions: i64,
    /// Rows of the audit log about them.
    actions: i64,
}

/// What is done to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeopleAct {
    /// Their sessions end and they cannot come back, for a while or until that is lifted.
    Suspend,
    /// They can sign in again.
    Activate,
    /// They are signed out everywhere.
    EndSessions,
}

/// What was done to people.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeopleChanged {
    /// People for whom it was not so already.
    pub changed: usize,
    #[serde(skip)]
    ended: Vec<SessionId>,
}

impl Admin {
    /// People in scope.
    ///
    /// # Errors
    /// Those of permissions and of the store; `not_found` for a university that is out of scope.
    pub async fn users(&self, actor: &Actor, query: UserQuery) -> Result<UserList> {
        let scope = authz::scope(actor, Permission::ViewUsers)?;
        let mut filter = query.filter;
        if let Some(slug) = query.university {
            filter.university = Some(self.inner.store.university(&slug).await?.ok_or_else(hidden)?);
        }
        let rows = self.inner.store.users(&filter, scope, u64::try_from(query.limit).unwrap_or(u64::MAX)).await?;
        let next = rows.last().filter(|_| rows.len() == query.limit).map(|row| row.id);
        Ok(UserList { users: rows.into_iter().map(UserSummary::from).collect(), next })
    }

    /// Somebody, which the audit log is told.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn user(&self, actor: &Actor, user: UserId) -> Result<Audited<UserView>> {
        self.act(actor, Reason::evident("viewed"), Viewing { user }).await
    }

    /// Does something to people, to all of them or to none.
    ///
    /// # Errors
    /// Those of permissions; `not_found` when one of them is not there or out of scope; `forbidden` for who is above the
    /// actor; `conflict` for the last super admin; `bad_request` for too many days; those of the store.
    pub async fn change_people(
        &self,
        actor: &Actor,
        (what, mut users): (PeopleAct, Vec<UserId>),
        days: Option<u32>,
        reason: Reason,
    ) -> Result<Audited<PeopleChanged>> {
        users.sort_unstable();
        users.dedup();
        let change = ChangingPeople { what, users, days, reason: reason.clone() };
        self.act(actor, reason, change).await
    }
}

/// At which universities people are; `not_found` when one of them is not there.
pub(super) async fn universities(tx: &mut Tx, users: &[UserId]) -> Stored<Aim> {
    let mut found = Vec::with_capacity(users.len());
    for user in users {
        found.push(tx.university_of(*user).await?.ok_or_else(hidden)?);
    }
    Ok(Aim::Each(found))
}

struct Viewing {
    user: UserId,
}

impl Change for Viewing {
    type Done = UserView;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::ViewUsers)
    }

    async fn aim(&self, tx: &mut Tx) -> Stored<Aim> {
        universities(tx, &[self.user]).await
    }

    async fn make(&self, tx: &mut Tx, _by: &Actor, now: DateTime<Utc>) -> Stored<(UserView, Vec<Entry>)> {
        let (row, counts) = tx.user_view(self.user, now).await?.ok_or_else(hidden)?;
        let admin = tx.admin(self.user).await?.map(|state| state.role);
        let university = row.university.as_ref().map(|(id, _)| *id);
        let UserCounts { chats, groups, messages, blocked, blocked_by, sessions, actions } = counts;
        let view =
            UserView { user: row.into(), admin, chats, groups, messages, blocked, blocked_by, sessions, actions };
        Ok((view, vec![Entry::new("view_user_detail", "user").on(self.user).at(university)]))
    }
}

struct ChangingPeople {
    what: PeopleAct,
    users: Vec<UserId>,
    days: Option<u32>,
    reason: Reason,
}

impl ChangingPeople {
    /// The change of standing that it is, if it is one.
    fn standing(&self, by: &Actor, now: DateTime<Utc>) -> Result<Option<StandingChange>> {
        match self.what {
            PeopleAct::Suspend => {
                let brief = by.role == Some(Role::Moderator);
                if brief && self.days.is_none_or(|days| days > MODERATOR_DAYS_MAX) {
                    let detail = format!("A moderator suspends for 1 to {MODERATOR_DAYS_MAX} days. Say for how many.");
                    return Err(Error::bad_request(detail)
                        .with(json!({ "fields": [{ "field": "days", "detail": "is missing or too many" }] })));
                }
                let until = self.days.map(|days| now + TimeDelta::days(days.into()));
                Ok(Some(StandingChange::suspension(self.reason.as_str(), until)))
            }
            PeopleAct::Activate => Ok(Some(StandingChange::Activate)),
            PeopleAct::EndSessions => Ok(None),
        }
    }
}

/// Only super admins act upon admins, and the last of them cannot be put out.
pub(super) async fn spare_admins(tx: &mut Tx, by: &Actor, user: UserId, out: bool) -> Stored<()> {
    let Some(state) = tx.admin(user).await? else { return Ok(()) };
    if !matches!(by.role, None | Some(Role::SuperAdmin)) && by.user != Some(user) {
        return Err(Error::new(Code::Forbidden, "Only a super admin acts upon an admin.").into());
    }
    if out && state.role == Role::SuperAdmin && tx.super_admins_besides(user).await? == 0 {
        let detail = "This is the last super admin. Make another one first.";
        return Err(Error::new(Code::Conflict, detail).into());
    }
    Ok(())
}

impl Change for ChangingPeople {
    type Done = PeopleChanged;

    fn permission(&self) -> Option<Permission> {
        Some(match self.what {
            PeopleAct::Suspend => Permission::SuspendUsers,
            PeopleAct::Activate => Permission::ActivateUsers,
            PeopleAct::EndSessions => Permission::EndSessions,
        })
    }

    async fn aim(&self, tx: &mut Tx) -> Stored<Aim> {
        universities(tx, &self.users).await
    }

    async fn make(&self, tx: &mut Tx, by: &Actor, now: DateTime<Utc>) -> Stored<(PeopleChanged, Vec<Entry>)> {
        let standing = self.standing(by, now)?;
        let mut done = PeopleChanged { changed: 0, ended: Vec::new() };
        let mut entries = Vec::with_capacity(self.users.len());
        for user in &self.users {
            spare_admins(tx, by, *user, self.what == PeopleAct::Suspend).await?;
            let university = tx.university_of(*user).await?.flatten();
            let entry = if let Some(standing) = &standing {
                let changed = standing.store(tx, *user, now).await?;
                done.changed += usize::from(changed);
                standing.entry(*user, changed)
            } else {
                let ended = end_all(tx, *user, None, "ended by an admin", now).await?;
                done.changed += usize::from(!ended.is_empty());
                let entry = Entry::new("revoke_sessions", "user").on(*user).with(json!({ "sessions": ended.len() }));
                done.ended.extend(ended);
                entry
            };
            entries.push(entry.at(university).because(self.reason.as_str()));
        }
        Ok((done, entries))
    }

    fn after(&self, admin: &Inner, by: &Actor, done: &PeopleChanged) {
        // Even when it was so already: who repeats it wants it to hold.
        if let Ok(Some(standing)) = self.standing(by, admin.clock.now()) {
            self.users.iter().for_each(|user| admin.accounts.enforce(*user, &standing));
        }
        admin.accounts.dismiss(&done.ended);
    }
}
