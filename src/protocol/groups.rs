//! What is asked of groups, on the socket and over HTTP.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::ids::{ClientMessageId, UserId};

/// A group to be made: who asks is its owner, the others are invited.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewGroup {
    /// The client's own id of this group: asked again with the same one, the same group is answered and none is made.
    pub cid: Option<ClientMessageId>,
    /// What it is called.
    #[schema(min_length = 1, max_length = 60)]
    pub title: String,
    /// Who is invited: people one shares an open chat with.
    #[schema(min_items = 1, max_items = 9)]
    pub members: Vec<UserId>,
}

/// One person.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub struct Somebody {
    /// Who.
    pub user: UserId,
}

/// Another name of a group.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Title {
    /// What it is called from now on.
    #[schema(min_length = 1, max_length = 60)]
    pub title: String,
}

/// What one can do with a group that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its owner invites somebody.
    Invite(UserId),
    /// Its owner takes an invitation back.
    Revoke(UserId),
    /// Its owner removes a member.
    Remove(UserId),
    /// Its owner makes a member the owner.
    Transfer(UserId),
    /// Its owner names it otherwise.
    Rename(String),
    /// A member leaves; an owner is followed by who has been in it for longest.
    Leave,
    /// Somebody invited joins.
    Accept,
    /// Somebody invited does not.
    Decline,
}
