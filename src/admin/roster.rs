//! Who is an admin: granted, invited, removed; and the tokens of their programs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::act::{Aim, Change, Stored};
use super::authz::{self, hidden};
use super::door::TOKEN_PREFIX;
use super::model::{Actor, Entry, Permission, Reason, Role};
use super::people::spare_admins;
use super::{Admin, Audited, Inner};
use crate::accounts::end_all;
use crate::accounts::model::Email;
use crate::error::{Error, Result};
use crate::ids::{AdminInviteId, AdminTokenId, SessionId, UniversityId, UserId, new_id};
use crate::protocol::codes::Code;
use crate::store::{AdminInvite, AdminRow, AdminTokenRow, NewAdminToken, Tx};

/// Admins, invitations and tokens shown at once.
const LISTED_MAX: u64 = 1_000;

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// Admins.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminList {
    /// The longest serving first.
    pub admins: Vec<AdminSummary>,
}

/// An admin.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminSummary {
    /// Who.
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// What.
    pub role: Role,
    /// The university's name in addresses; none for super admins.
    pub university: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// They have a second factor.
    pub second_factor: bool,
}

impl From<AdminRow> for AdminSummary {
    fn from(row: AdminRow) -> Self {
        let AdminRow { user, email, name: (first_name, last_name), role, university, since, enrolled } = row;
        Self { user, email, first_name, last_name, role, university, since, second_factor: enrolled }
    }
}

/// Open invitations.
#[derive(Debug, Serialize, ToSchema)]
pub struct InviteList {
    /// The newest first.
    invites: Vec<InviteSummary>,
}

/// An invitation to be an admin, for whoever has confirmed that the address is theirs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InviteSummary {
    /// Its id.
    id: AdminInviteId,
    /// For which address.
    email: String,
    /// To be what.
    role: Role,
    /// At which university; none for super admins.
    #[schema(value_type = Option<String>, format = Uuid)]
    university: Option<UniversityId>,
    /// Until when.
    expires_at: DateTime<Utc>,
}

impl From<AdminInvite> for InviteSummary {
    fn from(invite: AdminInvite) -> Self {
        let AdminInvite { id, email_normalized: email, role, university, expires_at, .. } = invite;
        Self { id, email, role, university, expires_at }
    }
}

/// Live tokens of admins.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenList {
    /// The newest first.
    tokens: Vec<TokenSummary>,
}

/// A token that an admin's programs show.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenSummary {
    /// Its id.
    id: AdminTokenId,
    /// Whose it is.
    user: UserId,
    /// What it is for.
    name: String,
    /// What it may be used for.
    scopes: Vec<Permission>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it ends.
    expires_at: DateTime<Utc>,
}

impl From<AdminTokenRow> for TokenSummary {
    fn from(row: AdminTokenRow) -> Self {
        let AdminTokenRow { id, user, name, scopes, created_at, expires_at } = row;
        Self { id, user, name, scopes, created_at, expires_at }
    }
}

/// A token as it is asked for.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Permission>,
    /// For how many days.
    pub days: u32,
}

/// A token, told once.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeToken {
    /// Its id.
    pub id: AdminTokenId,
    /// The token itself: it is stored nowhere.
    pub token: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

impl Admin {
    /// Admins in scope.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn admins(&self, actor: &Actor) -> Result<AdminList> {
        let scope = authz::scope(actor, Permission::ViewAdmins)?;
        let rows = self.inner.store.admins(scope, LISTED_MAX).await?;
        Ok(AdminList { admins: rows.into_iter().map(AdminSummary::from).collect() })
    }

    /// Open invitations.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn invites(&self, actor: &Actor) -> Result<InviteList> {
        authz::may(actor, Permission::ViewAdmins, authz::Target::System)?;
        let invites = self.inner.store.admin_invites(self.inner.clock.now(), LISTED_MAX).await?;
        Ok(InviteList { invites: invites.into_iter().map(InviteSummary::from).collect() })
    }

    /// Live tokens of all admins.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn tokens(&self, actor: &Actor) -> Result<TokenList> {
        authz::may(actor, Permission::ViewAdmins, authz::Target::System)?;
        let tokens = self.inner.store.admin_tokens(self.inner.clock.now(), LISTED_MAX).await?;
        Ok(TokenList { tokens: tokens.into_iter().map(TokenSummary::from).collect() })
    }

    /// Makes somebody with an account an admin: for operators on the host, from whom the first one has it.
    ///
    /// # Errors
    /// `bad_request` for a role without its university; `not_found`; `conflict` for the last super admin; those of the store.
    pub async fn grant(
        &self,
        actor: &Actor,
        user: UserId,
        rank: (Role, Option<String>),
        reason: Reason,
    ) -> Result<Audited<()>> {
        let (role, university) = self.rank(rank).await?;
        self.act(actor, reason, Granting { user, role, university }).await.map(|done| done.map(drop))
    }

    /// Invites whoever owns an address to be an admin; another invitation of the address ends.
    ///
    /// # Errors
    /// `bad_request` for what is no address, or a role without its university; those of permissions and of the store.
    pub async fn invite(
        &self,
        actor: &Actor,
        email: &str,
        rank: (Role, Option<String>),
        reason: Reason,
    ) -> Result<Audited<InviteSummary>> {
        let email = Email::parse(email).map_err(Error::bad_request)?;
        let (role, university) = self.rank(rank).await?;
        let ttl = TimeDelta::from_std(self.inner.limits.admin_invite_ttl).map_err(Error::internal)?;
        let invite = AdminInvite {
            id: AdminInviteId(new_id()),
            email_normalized: email.normalized().to_owned(),
            role,
            university,
            invited_by: actor.user,
            expires_at: self.inner.clock.now() + ttl,
        };
        self.act(actor, reason, Inviting { invite }).await
    }

    /// Accepts the invitation of the confirmed address of who asks.
    ///
    /// # Errors
    /// `not_found` when there is none; `conflict` for the last super admin; those of the store.
    pub async fn accept(&self, guest: &Actor) -> Result<Audited<InviteSummary>> {
        self.act(guest, Reason::evident("the invitation was accepted"), Accepting).await
    }

    /// Ends somebody's being an admin, at once: with their tokens, and their sessions and sockets.
    ///
    /// # Errors
    /// `not_found`, `conflict` for the last super admin; those of permissions and of the store.
    pub async fn remove(&self, actor: &Actor, user: UserId, reason: Reason) -> Result<Audited<()>> {
        self.act(actor, reason, Removing { user }).await.map(|done| done.map(drop))
    }

    /// Makes a token for an admin's programs.
    ///
    /// # Errors
    /// `bad_request` for no scope or too many days; `not_found` for whoever is no admin; those of permissions and of the store.
    pub async fn make_token(
        &self,
        actor: &Actor,
        user: UserId,
        new: NewToken,
        reason: Reason,
    ) -> Result<Audited<MadeToken>> {
        let days_max = u32::try_from(self.inner.limits.admin_token_ttl_max.as_secs() / 86_400).unwrap_or(u32::MAX);
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(crate::text::is_hidden) {
            return Err(field("name", &format!("must be a text of 1 to {NAME_CHARS_MAX} characters")));
        }
        if !(1..=days_max).contains(&new.days) {
            return Err(field("days", &format!("must be from 1 to {days_max}")));
        }
        if new.scopes.is_empty() {
            return Err(field("scopes", "must name what the token may be used for"));
        }
        let mut bytes = [0_u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| Error::internal(anyhow::anyhow!("no randomness: {error}")))?;
        let token = format!("{TOKEN_PREFIX}{}", BASE64.encode(bytes));
        let row = NewAdminToken {
            id: AdminTokenId(new_id()),
            user,
            name: name.to_owned(),
            token_hash: Sha256::digest(&token).into(),
            scopes: new.scopes,
            expires_at: self.inner.clock.now() + TimeDelta::days(new.days.into()),
        };
        self.act(actor, reason, MakingToken { row, token }).await
    }

    /// Ends a token at once.
    ///
    /// # Errors
    /// `not_found`; those of permissions and of the store.
    pub async fn revoke_token(&self, actor: &Actor, token: AdminTokenId, reason: Reason) -> Result<Audited<()>> {
        self.act(actor, reason, RevokingToken { token }).await
    }

    /// A role with its university: super admins have none, all others one.
    async fn rank(&self, (role, university): (Role, Option<String>)) -> Result<(Role, Option<UniversityId>)> {
        match (role, university) {
            (Role::SuperAdmin, None) => Ok((role, None)),
            (Role::SuperAdmin, Some(_)) => Err(field("university", "is not for super admins")),
            (_, None) => Err(field("university", "is needed for this role")),
            (_, Some(slug)) => match self.inner.store.university(&slug).await? {
                Some(university) => Ok((role, Some(university))),
                None => Err(field("university", "is not known")),
            },
        }
    }
}

/// Longest name of a token, in Unicode scalars.
pub(super) const NAME_CHARS_MAX: usize = 60;

pub(super) fn field(field: &'static str, detail: &str) -> Error {
    Error::bad_request(format!("The field {field} {detail}."))
        .with(json!({ "fields": [{ "field": field, "detail": detail }] }))
}

/// Takes somebody's powers as an admin away before they get others or none.
async fn end_powers(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Stored<Vec<SessionId>> {
    end_all(tx, user, None, "role changed", now).await
}

struct Granting {
    user: UserId,
    role: Role,
    university: Option<UniversityId>,
}

impl Change for Granting {
    type Done = Vec<SessionId>;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::ManageAdmins)
    }

    async fn aim(&self, tx: &mut Tx) -> Stored<Aim> {
        tx.university_of(self.user).await?.ok_or_else(hidden)?;
        Ok(Aim::System)
    }

    async fn make(&self, tx: &mut Tx, by: &Actor, now: DateTime<Utc>) -> Stored<(Vec<SessionId>, Vec<Entry>)> {
        let (person, _) = tx.user_view(self.user, now).await?.ok_or_else(hidden)?;
        if !person.email_confirmed || !person.active {
            let detail = "Only an account whose address is confirmed and that is not suspended can be an admin.";
            return Err(Error::new(Code::Conflict, detail).into());
        }
        let entry = promote(tx, by, self.user, (self.role, self.university), now).await?;
        // Powers change with a new sign-in, never under an open session.
        Ok((end_powers(tx, self.user, now).await?, vec![entry]))
    }

    fn after(&self, admin: &Inner, _by: &Actor, done: &Vec<SessionId>) {
        admin.accounts.dismiss(done);
    }
}

/// Makes somebody an admin and says what the audit log is to say of it.
async fn promote(
    tx: &mut Tx,
    by: &Actor,
    user: UserId,
    (role, university): (Role, Option<UniversityId>),
    now: DateTime<Utc>,
) -> Stored<Entry> {
    let before = tx.admin(user).await?.map(|state| (state.role, state.university));
    if role != Role::SuperAdmin {
        spare_admins(tx, &Actor { role: None, ..by.clone() }, user, true).await?;
    }
    tx.set_admin(user, (role, university), by.user.filter(|by| *by != user), now).await?;
    let said = |rank: Option<(Role, Option<UniversityId>)>| {
        let (role, university) = rank.unzip();
        json!({ "role": role, "university_id": university.flatten() })
    };
    let entry = Entry::new("grant_role", "admin").on(user).at(university);
    Ok(entry.changing(said(before), said(Some((role, university)))))
}

struct Inviting {
    invite: AdminInvite,
}

impl Change for Inviting {
    type Done = InviteSummary;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::ManageAdmins)
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, tx: &mut Tx, _by: &Actor, now: DateTime<Utc>) -> Stored<(InviteSummary, Vec<Entry>)> {
        tx.add_admin_invite(self.invite.clone(), now).await?;
        let AdminInvite { id, role, university, .. } = &self.invite;
        let entry = Entry::new("create_invite", "admin_invite").on(id).at(*university).with(json!({ "role": role }));
        Ok((self.invite.clone().into(), vec![entry]))
    }
}

struct Accepting;

impl Change for Accepting {
    type Done = InviteSummary;

    fn permission(&self) -> Option<Permission> {
        None
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, tx: &mut Tx, by: &Actor, now: DateTime<Utc>) -> Stored<(InviteSummary, Vec<Entry>)> {
        let user = by.user.ok_or_else(hidden)?;
        let invite = tx
            .admin_invite_of(user, now)
            .await?
            .ok_or_else(|| Error::new(Code::NotFound, "There is no open invitation for your address. Ask for one."))?;
        tx.close_admin_invites(&invite.email_normalized, now).await?;
        let entry = promote(tx, by, user, (invite.role, invite.university), now).await?;
        let entry = entry.with(json!({ "invite": invite.id, "invited_by": invite.invited_by }));
        Ok((invite.into(), vec![entry]))
    }
}

struct Removing {
    user: UserId,
}

impl Change for Removing {
    type Done = Vec<SessionId>;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::ManageAdmins)
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, tx: &mut Tx, by: &Actor, now: DateTime<Utc>) -> Stored<(Vec<SessionId>, Vec<Entry>)> {
        let state = tx.admin(self.user).await?.ok_or_else(hidden)?;
        spare_admins(tx, by, self.user, true).await?;
        tx.remove_admin(self.user, now).await?;
        let before = json!({ "role": state.role, "university_id": state.university });
        let entry = Entry::new("revoke_role", "admin").on(self.user).at(state.university);
        let ended = end_powers(tx, self.user, now).await?;
        Ok((ended, vec![entry.changing(before, json!({ "role": null }))]))
    }

    fn after(&self, admin: &Inner, _by: &Actor, done: &Vec<SessionId>) {
        admin.accounts.dismiss(done);
    }
}

struct MakingToken {
    row: NewAdminToken,
    token: String,
}

impl Change for MakingToken {
    type Done = MadeToken;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::ManageAdmins)
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, tx: &mut Tx, _by: &Actor, now: DateTime<Utc>) -> Stored<(MadeToken, Vec<Entry>)> {
        let NewAdminToken { id, user, ref scopes, expires_at, .. } = self.row;
        let state = tx.admin(user).await?.ok_or_else(hidden)?;
        tx.add_admin_token(self.row.clone(), now).await?;
        let said = json!({ "user": user, "scopes": scopes, "expires_at": expires_at });
        let entry = Entry::new("create_api_token", "admin_api_token").on(id).at(state.university).with(said);
        Ok((MadeToken { id, token: self.token.clone(), expires_at }, vec![entry]))
    }
}

struct RevokingToken {
    token: AdminTokenId,
}

impl Change for RevokingToken {
    type Done = ();

    fn permission(&self) -> Option<Permission> {
        Some(Permission::ManageAdmins)
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, tx: &mut Tx, _by: &Actor, now: DateTime<Utc>) -> Stored<((), Vec<Entry>)> {
        let user = tx.revoke_admin_token(self.token, now).await?.ok_or_else(hidden)?;
        let entry = Entry::new("revoke_api_token", "admin_api_token").on(self.token).with(json!({ "user": user }));
        Ok(((), vec![entry]))
    }
}
