//! Groups: made among people who share open chats with whoever makes them.
//!
//! Whoever is asked by somebody they have blocked never sees it, and who asked sees an invitation that stays open: a
//! refusal would tell them. Whom one has blocked oneself cannot be asked, and is refused like a stranger.

use chrono::Duration;

use super::{Chat, fanout};
use crate::error::{Error, Result};
use crate::ids::{ChatId, UserId, new_id};
use crate::protocol::codes::Code;
use crate::protocol::groups::{NewGroup, Step};
use crate::protocol::server::{GroupMade, Invites};
use crate::ratelimit::RateKind;
use crate::store::{GroupRefusal, GroupTerms};
use crate::text::{is_blank, is_hidden_in_words};

impl Chat {
    /// Makes a group and invites people to it.
    ///
    /// # Errors
    /// `bad_request` for a title or list that will not do; `not_verified`, `not_found`, `conflict`, `rate_limited`; nothing
    /// is made then.
    pub async fn create_group(&self, owner: UserId, asked: NewGroup) -> Result<GroupMade> {
        let NewGroup { cid, title, members } = asked;
        let title = self.title(&title)?;
        let most = self.limits.group_members_max;
        if members.is_empty() {
            return Err(Error::bad_request("A group needs at least one other person."));
        }
        if members.len() >= most {
            return Err(Error::bad_request(format!("A group has at most {most} people, with yourself.")));
        }
        if members.contains(&owner) {
            return Err(Error::bad_request("You are in it anyway: name the others only."));
        }
        let mut once = members.clone();
        once.sort_unstable();
        once.dedup();
        if once.len() < members.len() {
            return Err(Error::bad_request("Somebody is named twice. Name each once."));
        }
        self.rates.check(RateKind::Group, &owner.to_string())?;
        let (id, terms, now) = (ChatId(new_id()), self.group_terms(), self.clock.now());
        let made = self
            .committer
            .run(move |tx| {
                Box::pin(async move { tx.create_group((id, owner, cid), (title, members), terms, now).await })
            })
            .await?;
        made.map(|chat_id| GroupMade { chat_id }).map_err(|refusal| self.group_refusal(refusal))
    }

    /// Does something with a group that is there.
    ///
    /// # Errors
    /// What the group's rules say; nothing changes then.
    pub async fn change_group(&self, user: UserId, chat: ChatId, step: Step) -> Result<()> {
        let step = match step {
            Step::Rename(title) => Step::Rename(self.title(&title)?),
            step => step,
        };
        self.rates.check(RateKind::Group, &user.to_string())?;
        let (terms, now) = (self.group_terms(), self.clock.now());
        let done = self
            .committer
            .run(move |tx| Box::pin(async move { tx.change_group((chat, user), step, terms, now).await }))
            .await?;
        done.map_err(|refusal| self.group_refusal(refusal))
    }

    /// The open invitations to a person and from them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn invites(&self, user: UserId) -> Result<Invites> {
        let limit = self.limits.group_invites_per_user_max;
        Ok(Invites { invites: self.store.invites_of(user, self.clock.now(), limit).await? })
    }

    fn group_terms(&self) -> GroupTerms {
        GroupTerms {
            members_max: self.limits.group_members_max,
            groups_max: self.limits.groups_per_user_max,
            chats_max: self.limits.chats_per_user_max,
            invites_max: self.limits.group_invites_per_user_max,
            invite_ttl: Duration::from_std(self.limits.group_invite_ttl).unwrap_or(Duration::MAX),
        }
    }

    fn title(&self, text: &str) -> Result<String> {
        let title = text.trim();
        let most = self.limits.group_title_chars_max;
        if is_blank(title) {
            return Err(Error::bad_request("A group needs a name."));
        }
        if title.chars().count() > most {
            return Err(Error::bad_request(format!("A group's name has at most {most} characters.")));
        }
        if title.contains(|c| c == '\t' || is_hidden_in_words(c)) {
            return Err(Error::bad_request("A group's name is one line of plain text without invisible characters."));
        }
        self.screen_text(title)?;
        Ok(title.to_owned())
    }

    fn group_refusal(&self, refusal: GroupRefusal) -> Error {
        let conflict = |detail: &str| Error::new(Code::Conflict, detail.to_owned());
        match refusal {
            GroupRefusal::NotMember => fanout::not_member(),
            GroupRefusal::NotOwner => Error::new(Code::Forbidden, "Only the owner of the group can do this."),
            GroupRefusal::NotVerified => {
                Error::new(Code::NotVerified, "Verify your identity before you make or join groups.")
            }
            GroupRefusal::Closed => Error::new(Code::ChatLocked, "This group is closed."),
            GroupRefusal::Stranger(user) => {
                Error::new(Code::NotFound, "You can only invite verified people you share an open chat with.")
                    .with(serde_json::json!({ "user": user }))
            }
            GroupRefusal::AlreadyIn => conflict("This person is in the group already."),
            GroupRefusal::AlreadyInvited => conflict("This person is invited already."),
            GroupRefusal::Full => Error::new(
                Code::Conflict,
                format!("A group has at most {} people, with those invited.", self.limits.group_members_max),
            ),
            GroupRefusal::TooManyGroups => Error::new(
                Code::Conflict,
                format!(
                    "One can be in at most {} groups. Leave one first, then try again.",
                    self.limits.groups_per_user_max
                ),
            ),
            GroupRefusal::TooManyInvites => {
                conflict("There are too many open invitations. Wait until some are answered.")
            }
            GroupRefusal::NoInvite => Error::new(Code::NotFound, "There is no such open invitation."),
            GroupRefusal::NoSuchMember => Error::new(Code::NotFound, "This person is not in the group."),
            GroupRefusal::Yourself => Error::bad_request("This needs somebody else than yourself."),
        }
    }
}
