//! Groups: who is invited, who joins and leaves, and who leads. Every change is decided in its own transaction.

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use serde_json::json;

use super::chats::pair_key;
use super::message_sql as sql;
use super::messages::signed;
use super::{Store, StoreError, Tx};
use crate::ids::{ChatId, ClientMessageId, PictureId, UserId};
use crate::protocol::events;
use crate::protocol::groups::Step;
use crate::protocol::server::{Invite, MemberRole, Picture};

/// What groups are held to.
#[derive(Clone, Copy, Debug)]
pub struct GroupTerms {
    /// People in a group, with those who are invited.
    pub members_max: usize,
    /// Groups of one person.
    pub groups_max: usize,
    /// Chats of one person.
    pub chats_max: usize,
    /// Open invitations to one person, and from one.
    pub invites_max: usize,
    /// How long an invitation is open.
    pub invite_ttl: Duration,
}

/// Why a change of a group was refused; nothing of it is stored then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupRefusal {
    /// Who asks is not in this group, or it is none.
    NotMember,
    /// Only the owner may.
    NotOwner,
    /// Who asks is not verified, or suspended.
    NotVerified,
    /// The group is closed.
    Closed,
    /// No open chat is shared with this person, or they are not verified, or they are blocked: it is not said which.
    Stranger(UserId),
    /// They are in it already.
    AlreadyIn,
    /// They are invited already.
    AlreadyInvited,
    /// The group has no place left.
    Full,
    /// Who would be in it is in as many groups or chats as one may be.
    TooManyGroups,
    /// There are as many open invitations as may be.
    TooManyInvites,
    /// There is no such open invitation.
    NoInvite,
    /// This person is not in the group.
    NoSuchMember,
    /// One cannot do this to oneself.
    Yourself,
}

type Verdict<T> = Result<Result<T, GroupRefusal>, StoreError>;

/// Ends a change with a refusal.
macro_rules! refuse_if {
    ($($holds:expr => $refusal:expr),* $(,)?) => { $(if $holds { return Ok(Err($refusal)); })* };
}

/// Who may meet others: verified, and neither suspended nor gone. Deny by default.
const STANDING: &str = "u.is_active AND u.suspended_at IS NULL AND u.deleted_at IS NULL \
     AND u.identity_verified_at IS NOT NULL AND u.identity_revoked_at IS NULL";

/// How many open groups a person is in. Parameter: person.
pub(super) const GROUPS_HELD: &str = "SELECT COUNT(*) FROM chat_members cm JOIN chats c ON c.id = cm.chat_id \
     WHERE cm.user_id = $1 AND cm.status = 'active' AND c.is_group AND c.status = 'open'";

/// The chat with a key. Parameter: the key.
pub(super) const CHAT_KEYED: &str = "SELECT id FROM chats WHERE pair_key = $1";

/// The unique key of a group that a client has an id of its own for.
fn group_key(owner: UserId, cid: ClientMessageId) -> String {
    format!("group:{owner}:{cid}")
}

/// The active members of a group: person, role, since when. Parameter: chat.
pub(super) const ACTIVE: &str =
    "SELECT user_id, role, joined_at FROM chat_members WHERE chat_id = $1 AND status = 'active'";

/// Who leads a group next. Parameter: chat.
fn heir() -> String {
    format!(
        "SELECT cm.user_id FROM chat_members cm JOIN users u ON u.id = cm.user_id \
         WHERE cm.chat_id = $1 AND cm.status = 'active' \
         ORDER BY CASE WHEN {STANDING} THEN 0 ELSE 1 END, cm.joined_at, cm.user_id LIMIT 1"
    )
}

/// Whom a group has invited. Parameters: chat, now.
pub(super) const INVITED: &str =
    "SELECT user_id FROM group_invites WHERE chat_id = $1 AND status = 'open' AND expires_at > $2";

/// How many open invitations a person has and sees. Parameters: person, now.
pub(super) const INVITES_TO: &str =
    "SELECT COUNT(*) FROM group_invites WHERE user_id = $1 AND status = 'open' AND expires_at > $2 AND NOT is_withheld";

/// How many open invitations come from a person. Parameters: person, now.
pub(super) const INVITES_FROM: &str =
    "SELECT COUNT(*) FROM group_invites WHERE inviter_id = $1 AND status = 'open' AND expires_at > $2";

const INVITE_COLUMNS: &str = "SELECT i.chat_id, i.user_id, i.inviter_id, i.is_withheld, i.created_at, i.expires_at, \
     c.name AS title, pu.first_name AS name, pb.first_name AS by_name FROM group_invites i \
     JOIN chats c ON c.id = i.chat_id LEFT JOIN profiles pu ON pu.user_id = i.user_id \
     LEFT JOIN profiles pb ON pb.user_id = i.inviter_id";

/// Open invitations to a person. Parameters: person, now, how many.
pub(super) fn invites_to() -> String {
    format!(
        "{INVITE_COLUMNS} WHERE i.user_id = $1 AND i.status = 'open' AND i.expires_at > $2 AND NOT i.is_withheld LIMIT $3"
    )
}

/// Open invitations from a person. Parameters: person, now, how many.
pub(super) fn invites_from() -> String {
    format!("{INVITE_COLUMNS} WHERE i.inviter_id = $1 AND i.status = 'open' AND i.expires_at > $2 LIMIT $3")
}

/// One open invitation. Parameters: chat, person, now.
pub(super) fn invite_of() -> String {
    format!("{INVITE_COLUMNS} WHERE i.chat_id = $1 AND i.user_id = $2 AND i.status = 'open' AND i.expires_at > $3")
}

/// A person as somebody who asks may meet them, and who of the two has blocked the other. Parameters: who asks, person,
/// the key of their chat.
pub(super) fn reach() -> String {
    let blocks = |by: &str, of: &str| {
        format!(
            "EXISTS (SELECT 1 FROM match_blocklist b WHERE b.user_id = {by} AND b.blocked_user_id = {of} AND b.ended_at IS NULL)"
        )
    };
    format!(
        "SELECT {} AS mine, {} AS theirs FROM users u JOIN chats c ON c.pair_key = $3 \
         WHERE u.id = $2 AND c.status = 'open' AND {STANDING}",
        blocks("$1", "$2"),
        blocks("$2", "$1")
    )
}

/// A group and what one of its members may do; PostgreSQL locks it until the commit. Parameters: chat, person.
pub(super) fn gate(backend: DbBackend) -> String {
    let lock = if backend == DbBackend::Postgres { "FOR NO KEY UPDATE OF c" } else { "" };
    format!(
        "SELECT c.name, c.status, cm.role FROM chats c JOIN chat_members cm ON cm.chat_id = c.id \
         WHERE c.id = $1 AND c.is_group AND cm.user_id = $2 AND cm.status = 'active' {lock}"
    )
}

/// A group that somebody would join; PostgreSQL locks it until the commit. Parameter: chat.
fn group(backend: DbBackend) -> String {
    let lock = if backend == DbBackend::Postgres { "FOR NO KEY UPDATE OF c" } else { "" };
    format!("SELECT c.status, c.head_seq, c.head_n FROM chats c WHERE c.id = $1 AND c.is_group {lock}")
}

/// Who somebody is who joins. Parameter: person.
const NEWCOMER: &str = "SELECT p.first_name, p.last_name, p.avatar_hue, p.picture_id, u.read_receipts \
     FROM users u LEFT JOIN profiles p ON p.user_id = u.id WHERE u.id = $1";

const JOIN: &str = "INSERT INTO chat_members (chat_id, user_id, role, status, joined_at, joined_seq, joined_n, read_seq, \
     read_n, recv_seq, updated_at) VALUES ($1, $2, $3, 'active', $4, $5, $6, $5, $6, $5, $4) \
     ON CONFLICT (chat_id, user_id) DO UPDATE SET role = $3, status = 'active', joined_at = $4, joined_seq = $5, \
     joined_n = $6, read_seq = $5, read_n = $6, recv_seq = $5, withheld_unread = 0, left_at = NULL, left_seq = NULL, \
     updated_at = $4";

const INVITE: &str = "INSERT INTO group_invites (chat_id, user_id, inviter_id, status, is_withheld, created_at, expires_at) \
     VALUES ($1, $2, $3, 'open', $4, $5, $6) ON CONFLICT (chat_id, user_id) DO UPDATE SET inviter_id = $3, \
     status = 'open', is_withheld = $4, created_at = $5, expires_at = $6";

/// An invitation, and whether who is asked never sees it.
struct Open {
    invite: Invite,
    withheld: bool,
}

fn open(row: &QueryResult) -> Result<Open, StoreError> {
    let (at, end): (DateTime<Utc>, DateTime<Utc>) = (row.try_get("", "created_at")?, row.try_get("", "expires_at")?);
    let text = |column| row.try_get::<Option<String>>("", column).map(Option::unwrap_or_default);
    let invite = Invite {
        chat_id: row.try_get("", "chat_id")?,
        title: text("title")?,
        u: row.try_get("", "user_id")?,
        name: text("name")?,
        by: row.try_get("", "inviter_id")?,
        by_name: text("by_name")?,
        at: at.timestamp_millis(),
        expires_at: end.timestamp_millis(),
    };
    Ok(Open { invite, withheld: row.try_get("", "is_withheld")? })
}

impl Store {
    /// The open invitations to a person and from them, at most `limit` of each, the latest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn invites_of(&self, user: UserId, now: DateTime<Utc>, limit: usize) -> Result<Vec<Invite>, StoreError> {
        let limit = signed(u64::try_from(limit).unwrap_or(u64::MAX));
        let mut invites = Vec::new();
        for sql in [invites_to(), invites_from()] {
            let values: [Value; 3] = [user.into(), now.into(), limit.into()];
            let statement = Statement::from_sql_and_values(self.backend(), sql, values);
            for row in &self.reader().query_all_raw(statement).await? {
                invites.push(open(row)?.invite);
            }
        }
        invites.sort_unstable_by_key(|invite| std::cmp::Reverse((invite.at, invite.chat_id, invite.u)));
        Ok(invites)
    }
}

/// A group as who asks stands in it.
struct Gate {
    title: String,
    owner: bool,
    open: bool,
}

impl Tx {
    async fn count(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<usize, StoreError> {
        let row = self.conn().query_one_raw(self.statement(sql, values)).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    async fn write_row(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<(), StoreError> {
        self.conn().execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Whether somebody may meet others at all.
    async fn stands(&self, user: UserId) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM users u WHERE u.id = $1 AND {STANDING}");
        Ok(self.conn().query_one_raw(self.statement(&sql, [user.into()])).await?.is_some())
    }

    async fn holds_too_many(&self, user: UserId, terms: GroupTerms) -> Result<bool, StoreError> {
        Ok(self.count(GROUPS_HELD, [user.into()]).await? >= terms.groups_max
            || self.count(sql::CHATS_HELD, [user.into()]).await? >= terms.chats_max)
    }

    /// Whether one may ask the other; then whether the other never sees it, because they have blocked who asks: a refusal
    /// would tell.
    async fn may_ask(&self, by: UserId, user: UserId) -> Result<Option<bool>, StoreError> {
        let values: [Value; 3] = [by.into(), user.into(), pair_key(by, user).into()];
        let Some(row) = self.conn().query_one_raw(self.statement(&reach(), values)).await? else {
            return Ok(None);
        };
        let (mine, theirs): (bool, bool) = (row.try_get("", "mine")?, row.try_get("", "theirs")?);
        Ok((!mine).then_some(theirs))
    }

    /// The chat that is kept under this key.
    async fn chat_keyed(&self, key: Option<&str>) -> Result<Option<ChatId>, StoreError> {
        let Some(key) = key else { return Ok(None) };
        let found = self.conn().query_one_raw(self.statement(CHAT_KEYED, [key.into()])).await?;
        Ok(found.map(|row| row.try_get("", "id")).transpose()?)
    }

    /// Makes a group: who asks owns it, the others are invited. Nobody is invited twice or by themselves: see the caller.
    /// With the client's id of a group that was made before, it is that group, and nothing changes.
    ///
    /// # Errors
    /// Nothing is stored.
    pub async fn create_group(
        &mut self,
        (id, owner, cid): (ChatId, UserId, Option<ClientMessageId>),
        (title, members): (String, Vec<UserId>),
        terms: GroupTerms,
        now: DateTime<Utc>,
    ) -> Verdict<ChatId> {
        let key = cid.map(|cid| group_key(owner, cid));
        if let Some(made) = self.chat_keyed(key.as_deref()).await? {
            return Ok(Ok(made));
        }
        refuse_if! {
            !self.stands(owner).await? => GroupRefusal::NotVerified,
            self.holds_too_many(owner, terms).await? => GroupRefusal::TooManyGroups,
            members.len() >= terms.members_max => GroupRefusal::Full,
            self.count(INVITES_FROM, [owner.into(), now.into()]).await? + members.len() > terms.invites_max
                => GroupRefusal::TooManyInvites,
        }
        let mut asked = Vec::with_capacity(members.len());
        for user in members {
            let Some(withheld) = self.may_ask(owner, user).await? else {
                return Ok(Err(GroupRefusal::Stranger(user)));
            };
            refuse_if! {
                self.count(INVITES_TO, [user.into(), now.into()]).await? >= terms.invites_max
                    => GroupRefusal::TooManyInvites,
            }
            asked.push((user, withheld));
        }
        let insert = "INSERT INTO chats (id, is_group, name, pair_key, created_by, status, head_seq, head_n, base_seq, \
                      created_at, updated_at) VALUES ($1, TRUE, $2, $3, $4, 'open', 0, 0, 0, $5, $5) \
                      ON CONFLICT (pair_key) DO NOTHING";
        let values: [Value; 5] = [id.into(), title.into(), key.clone().into(), owner.into(), now.into()];
        if self.conn().execute_raw(self.statement(insert, values)).await?.rows_affected() == 0 {
            // The same request was ahead of this one by less than a transaction.
            return Ok(Ok(self.chat_keyed(key.as_deref()).await?.unwrap_or(id)));
        }
        self.write_row(JOIN, [id.into(), owner.into(), "owner".into(), now.into(), 0_i64.into(), 0_i64.into()]).await?;
        self.emit_chat(id, "chat", json!(events::Chat::opened("group")), now).await?;
        self.emit_user(owner, "chat.opened", json!({"chat_id": id}), now).await?;
        for (user, withheld) in asked {
            self.open_invite(id, (owner, user), withheld, terms, now).await?;
        }
        Ok(Ok(id))
    }

    /// Changes a group that is there.
    ///
    /// # Errors
    /// Nothing is stored.
    pub async fn change_group(
        &mut self,
        (chat, user): (ChatId, UserId),
        step: Step,
        terms: GroupTerms,
        now: DateTime<Utc>,
    ) -> Verdict<()> {
        match step {
            Step::Accept => return self.accept(chat, user, terms, now).await,
            Step::Decline => return self.end_open(chat, user, "declined", now).await,
            _ => {}
        }
        let gate = self.gate(chat, user).await?;
        let Some(Gate { title, owner, open }) = gate else { return Ok(Err(GroupRefusal::NotMember)) };
        refuse_if! {
            !owner && step != Step::Leave => GroupRefusal::NotOwner,
            !open && step != Step::Leave => GroupRefusal::Closed,
        }
        match step {
            Step::Invite(other) => self.invite(chat, (user, other), terms, now).await,
            Step::Revoke(other) => self.end_open(chat, other, "withdrawn", now).await,
            Step::Remove(other) => {
                refuse_if! {
                    other == user => GroupRefusal::Yourself,
                    self.gate(chat, other).await?.is_none() => GroupRefusal::NoSuchMember,
                }
                self.depart(chat, other, "removed", Some(user), now).await.map(Ok)
            }
            Step::Transfer(other) => {
                refuse_if! {
                    other == user => GroupRefusal::Yourself,
                    self.gate(chat, other).await?.is_none() => GroupRefusal::NoSuchMember,
                    !self.stands(other).await? => GroupRefusal::NoSuchMember,
                }
                self.withdraw_all(chat, now).await?;
                self.set_role(chat, user, MemberRole::Member, None, now).await?;
                self.set_role(chat, other, MemberRole::Owner, Some(user), now).await.map(Ok)
            }
            Step::Rename(name) if name == title => Ok(Ok(())),
            Step::Rename(name) => self.rename(chat, user, &name, now).await.map(Ok),
            Step::Leave => {
                self.depart(chat, user, "left", None, now).await?;
                if owner {
                    self.succeed(chat, now).await?;
                }
                Ok(Ok(()))
            }
            Step::Accept | Step::Decline => Ok(Err(GroupRefusal::NoInvite)),
        }
    }

    async fn gate(&self, chat: ChatId, user: UserId) -> Result<Option<Gate>, StoreError> {
        let statement = self.statement(&gate(self.backend()), [chat.into(), user.into()]);
        let row = self.conn().query_one_raw(statement).await?;
        row.map(|row| {
            Ok(Gate {
                title: row.try_get::<Option<String>>("", "name")?.unwrap_or_default(),
                owner: row.try_get::<String>("", "role")? == "owner",
                open: row.try_get::<String>("", "status")? == "open",
            })
        })
        .transpose()
    }

    async fn active(&self, chat: ChatId) -> Result<Vec<(DateTime<Utc>, UserId)>, StoreError> {
        let rows = self.conn().query_all_raw(self.statement(ACTIVE, [chat.into()])).await?;
        rows.iter().map(|row| Ok((row.try_get("", "joined_at")?, row.try_get("", "user_id")?))).collect()
    }

    async fn invited(&self, chat: ChatId, now: DateTime<Utc>) -> Result<Vec<UserId>, StoreError> {
        let rows = self.conn().query_all_raw(self.statement(INVITED, [chat.into(), now.into()])).await?;
        rows.iter().map(|row| Ok(row.try_get("", "user_id")?)).collect()
    }

    async fn invite(
        &mut self,
        chat: ChatId,
        (by, user): (UserId, UserId),
        terms: GroupTerms,
        now: DateTime<Utc>,
    ) -> Verdict<()> {
        let (active, invited) = (self.active(chat).await?, self.invited(chat, now).await?);
        refuse_if! {
            user == by => GroupRefusal::Yourself,
            !self.stands(by).await? => GroupRefusal::NotVerified,
            active.iter().any(|(_, member)| *member == user) => GroupRefusal::AlreadyIn,
            invited.contains(&user) => GroupRefusal::AlreadyInvited,
            active.len() + invited.len() >= terms.members_max => GroupRefusal::Full,
        }
        let Some(withheld) = self.may_ask(by, user).await? else { return Ok(Err(GroupRefusal::Stranger(user))) };
        refuse_if! {
            self.count(INVITES_TO, [user.into(), now.into()]).await? >= terms.invites_max => GroupRefusal::TooManyInvites,
            self.count(INVITES_FROM, [by.into(), now.into()]).await? >= terms.invites_max => GroupRefusal::TooManyInvites,
        }
        self.open_invite(chat, (by, user), withheld, terms, now).await.map(Ok)
    }

    async fn open_invite(
        &mut self,
        chat: ChatId,
        (by, user): (UserId, UserId),
        withheld: bool,
        terms: GroupTerms,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let end = now + terms.invite_ttl;
        let values: [Value; 6] = [chat.into(), user.into(), by.into(), withheld.into(), now.into(), end.into()];
        self.write_row(INVITE, values).await?;
        match self.open_of(chat, user, now).await? {
            Some(open) => self.tell_invite(&open, "opened", now).await,
            None => Ok(()),
        }
    }

    async fn open_of(&self, chat: ChatId, user: UserId, now: DateTime<Utc>) -> Result<Option<Open>, StoreError> {
        let values: [Value; 3] = [chat.into(), user.into(), now.into()];
        let row = self.conn().query_one_raw(self.statement(&invite_of(), values)).await?;
        row.as_ref().map(open).transpose()
    }

    /// Tells the two whom an invitation concerns; one of them perhaps never sees it.
    async fn tell_invite(&mut self, open: &Open, change: &'static str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Open { invite, withheld } = open;
        let shown = (change == "opened").then_some(invite);
        let data = json!(events::Invite { chat_id: invite.chat_id, u: invite.u, change, invite: shown });
        self.emit_user(invite.by, "invite", data.clone(), now).await?;
        if !withheld {
            self.emit_user(invite.u, "invite", data, now).await?;
        }
        Ok(())
    }

    async fn end_invite(&mut self, open: &Open, change: &'static str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let sql = "UPDATE group_invites SET status = $3 WHERE chat_id = $1 AND user_id = $2";
        self.write_row(sql, [open.invite.chat_id.into(), open.invite.u.into(), change.into()]).await?;
        self.tell_invite(open, change, now).await
    }

    /// Ends one open invitation: by who is asked, or by who asks.
    async fn end_open(&mut self, chat: ChatId, user: UserId, change: &'static str, now: DateTime<Utc>) -> Verdict<()> {
        match self.open_of(chat, user, now).await? {
            Some(open) if !(open.withheld && change == "declined") => self.end_invite(&open, change, now).await.map(Ok),
            _ => Ok(Err(GroupRefusal::NoInvite)),
        }
    }

    /// Takes back what is open: it was asked by somebody who leads no longer.
    async fn withdraw_all(&mut self, chat: ChatId, now: DateTime<Utc>) -> Result<(), StoreError> {
        for user in self.invited(chat, now).await? {
            if let Some(open) = self.open_of(chat, user, now).await? {
                self.end_invite(&open, "withdrawn", now).await?;
            }
        }
        Ok(())
    }

    async fn accept(&mut self, chat: ChatId, user: UserId, terms: GroupTerms, now: DateTime<Utc>) -> Verdict<()> {
        let statement = self.statement(&group(self.backend()), [chat.into()]);
        let Some(row) = self.conn().query_one_raw(statement).await? else { return Ok(Err(GroupRefusal::NoInvite)) };
        let (seq, n): (i64, i64) = (row.try_get("", "head_seq")?, row.try_get("", "head_n")?);
        let Some(open) = self.open_of(chat, user, now).await?.filter(|open| !open.withheld) else {
            // Whoever says it again because the answer got lost is in it.
            let joined = self.gate(chat, user).await?.is_some_and(|gate| !gate.owner);
            return Ok(if joined { Ok(()) } else { Err(GroupRefusal::NoInvite) });
        };
        refuse_if! {
            row.try_get::<String>("", "status")? != "open" => GroupRefusal::NoInvite,
            !self.stands(user).await? => GroupRefusal::NotVerified,
            self.holds_too_many(user, terms).await? => GroupRefusal::TooManyGroups,
            self.active(chat).await?.len() >= terms.members_max => GroupRefusal::Full,
        }
        self.write_row(JOIN, [chat.into(), user.into(), "member".into(), now.into(), seq.into(), n.into()]).await?;
        let who = self.newcomer(user, (seq, n)).await?;
        let joined =
            events::Member { u: user, change: "joined", by: None, role: Some(MemberRole::Member), who: Some(who) };
        self.emit_chat(chat, "member", json!(joined), now).await?;
        self.end_invite(&open, "accepted", now).await?;
        self.emit_user(user, "chat.opened", json!({"chat_id": chat}), now).await?;
        Ok(Ok(()))
    }

    async fn newcomer(&self, user: UserId, (seq, n): (i64, i64)) -> Result<events::Newcomer, StoreError> {
        let row = self.conn().query_one_raw(self.statement(NEWCOMER, [user.into()])).await?;
        let row = row.ok_or_else(|| StoreError::fault(format!("no user {user}")))?;
        let shows: bool = row.try_get("", "read_receipts")?;
        let (seq, n) = (u64::try_from(seq).unwrap_or_default(), u64::try_from(n).unwrap_or_default());
        Ok(events::Newcomer {
            first_name: row.try_get::<Option<String>>("", "first_name")?.unwrap_or_default(),
            last_name: row.try_get::<Option<String>>("", "last_name")?.unwrap_or_default(),
            hue: row.try_get::<Option<i32>>("", "avatar_hue")?.unwrap_or_default(),
            picture: row.try_get::<Option<PictureId>>("", "picture_id")?.map(Picture),
            joined: seq,
            recv: seq,
            read: shows.then_some(seq),
            read_n: shows.then_some(n),
        })
    }

    /// Takes somebody out. They are told first: what follows in the chat is not for them any more.
    async fn depart(
        &mut self,
        chat: ChatId,
        user: UserId,
        change: &'static str,
        by: Option<UserId>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.emit_user(user, "chat.left", json!(events::ChatLeft { chat_id: chat, change }), now).await?;
        let left = events::Member { u: user, change, by, role: None, who: None };
        let seq = self.emit_chat(chat, "member", json!(left), now).await?;
        let sql = "UPDATE chat_members SET status = 'left', role = 'member', left_at = $3, left_seq = $4, updated_at = $3 \
                   WHERE chat_id = $1 AND user_id = $2";
        self.write_row(sql, [chat.into(), user.into(), now.into(), signed(seq).into()]).await
    }

    /// After its owner has left, who has been in the group for longest leads it, of those who may; without anybody it is
    /// closed.
    async fn succeed(&mut self, chat: ChatId, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.withdraw_all(chat, now).await?;
        let heir = self.conn().query_one_raw(self.statement(&heir(), [chat.into()])).await?;
        if let Some(heir) = heir.map(|row| row.try_get_by_index(0)).transpose()? {
            return self.set_role(chat, heir, MemberRole::Owner, None, now).await;
        }
        let sql = "UPDATE chats SET status = 'closed', closed_at = $2, closed_reason = 'empty' WHERE id = $1";
        self.write_row(sql, [chat.into(), now.into()]).await?;
        let closed = events::Chat { change: "closed", cause: Some("empty"), title: None, by: None };
        self.emit_chat(chat, "chat", json!(closed), now).await.map(drop)
    }

    async fn set_role(
        &mut self,
        chat: ChatId,
        user: UserId,
        role: MemberRole,
        by: Option<UserId>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let name = if role == MemberRole::Owner { "owner" } else { "member" };
        let sql = "UPDATE chat_members SET role = $3, updated_at = $4 WHERE chat_id = $1 AND user_id = $2";
        self.write_row(sql, [chat.into(), user.into(), name.into(), now.into()]).await?;
        let change = events::Member { u: user, change: "role", by, role: Some(role), who: None };
        self.emit_chat(chat, "member", json!(change), now).await.map(drop)
    }

    async fn rename(&mut self, chat: ChatId, by: UserId, title: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write_row("UPDATE chats SET name = $2 WHERE id = $1", [chat.into(), title.into()]).await?;
        let renamed = events::Chat { change: "renamed", cause: None, title: Some(title), by: Some(by) };
        self.emit_chat(chat, "chat", json!(renamed), now).await?;
        for user in self.invited(chat, now).await? {
            if let Some(open) = self.open_of(chat, user, now).await? {
                self.tell_invite(&open, "opened", now).await?;
            }
        }
        Ok(())
    }
}
