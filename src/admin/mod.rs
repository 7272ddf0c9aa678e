//! Admins: who may do what, and a trace of everything that was done.
//!
//! Whatever an admin changes is a `Change`, and goes through `Admin::act`: it looks up in the transaction itself what the
//! admin is, whether the permission reaches the target, does it, and adds it to the audit log, or nothing at all happens.

mod act;
pub mod audit;
pub mod authz;
mod door;
mod jobs;
mod log;
mod matching;
pub mod model;
mod people;
mod report_shapes;
mod reports;
mod roster;
mod second;
mod sockets;

use std::sync::Arc;

use secrecy::SecretString;

pub use act::Audited;
pub use door::{AdminSelf, Credentials, Explained};
pub use log::{ActionLine, ActionList, AuditProof};
pub use matching::{MatchRuns, MendReport, Mending, ReadinessView};
pub use model::{Actor, Entry, Outcome, Permission, Reason, Role, Via};
pub use people::{PeopleAct, PeopleChanged, UserList, UserQuery, UserSummary, UserView};
pub use report_shapes::{ReportEvents, ReportList, ReportSummary, ReportView};
pub use reports::{Claim, Decision, MUTE_HOURS_MAX, ReportAction};
pub use roster::{AdminList, AdminSummary, InviteList, InviteSummary, MadeToken, NewToken, TokenList};
pub use second::{Confirmed, Enrolment};
pub use sockets::{Realtime, Restarted};

use crate::accounts::Accounts;
use crate::chat::{Chat, Committer};
use crate::clock::Clock;
use crate::config::Limits;
use crate::matchmaking::Matchmaking;
use crate::ratelimit::RateLimits;
use crate::realtime::Hub;
use crate::seal::Seal;
use crate::store::Store;
pub use crate::store::{ActionFilter, ReportFilter, UserFilter};
use crate::supervise::Supervisor;

/// What the admin service is made of.
pub struct Parts {
    /// Where admins are.
    pub store: Store,
    /// Every bound.
    pub limits: Arc<Limits>,
    /// Time.
    pub clock: Clock,
    /// Spawner of what must not be cut short by a caller that goes away.
    pub supervisor: Supervisor,
    /// How often things may happen.
    pub rates: Arc<RateLimits>,
    /// The orderer of events.
    pub committer: Committer,
    /// Who holds a socket.
    pub hub: Arc<Hub>,
    /// Seals second factors.
    pub seal: Seal,
    /// People and their sessions.
    pub accounts: Accounts,
    /// Chats.
    pub chat: Chat,
    /// Suggestions and matches.
    pub matchmaking: Matchmaking,
    /// What admins show besides, if anything.
    pub shared_secret: Option<SecretString>,
}

/// The admin service; cheap to clone.
#[derive(Clone)]
pub struct Admin {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    unlocks: door::Unlocks,
}

impl std::ops::Deref for Inner {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Admin {
    /// The admin service.
    pub fn new(parts: Parts) -> Self {
        Self { inner: Arc::new(Inner { parts, unlocks: door::Unlocks::default() }) }
    }
}
