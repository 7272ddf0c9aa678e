//! PURE. Roles, the one table of permissions, who acts, and what the audit log says of an act.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::ids::{AdminTokenId, SessionId, UniversityId, UserId};

/// What an admin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, everywhere.
    SuperAdmin,
    /// The people of one university.
    UniversityAdmin,
    /// What people of one university say to each other.
    Moderator,
}

impl Role {
    /// Every role, the mightiest first.
    pub const ALL: [Self; 3] = [Self::SuperAdmin, Self::UniversityAdmin, Self::Moderator];

    /// The column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::UniversityAdmin => "university_admin",
            Self::Moderator => "moderator",
        }
    }

    /// What a column says; none for a word that is no role: whoever has it is no admin.
    pub fn stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// How far a permission of a role goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
    Nothing,
    /// To what the admin did.
    Mine,
    /// To the admin's own university.
    University,
    /// Everywhere.
    All,
}

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// How far it goes.
    pub reach: Reach,
    /// Whether the second factor must have been shown a short while ago.
    pub step_up: bool,
}

const NO: Grant = Grant { reach: Reach::Nothing, step_up: false };
const MINE: Grant = Grant { reach: Reach::Mine, step_up: false };
const OWN: Grant = Grant { reach: Reach::University, step_up: false };
const OWN_NOW: Grant = Grant { reach: Reach::University, step_up: true };
const ALL: Grant = Grant { reach: Reach::All, step_up: false };
const ALL_NOW: Grant = Grant { reach: Reach::All, step_up: true };

macro_rules! permissions {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal: $super_admin:ident, $university_admin:ident, $moderator:ident;)*) => {
        /// What an admin may be allowed to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Permission { $($(#[doc = $doc])* $variant,)* }

        impl Permission {
            /// Every permission, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name, in tokens and on the command line.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $name,)* } }

            /// What it is, in the words of the table.
            pub const fn about(self) -> &'static str { match self { $(Self::$variant => concat!($($doc),*),)* } }

            /// How far it goes for a role.
            pub const fn grant(self, role: Role) -> Grant {
                match (self, role) {
                    $(
                        (Self::$variant, Role::SuperAdmin) => $super_admin,
                        (Self::$variant, Role::UniversityAdmin) => $university_admin,
                        (Self::$variant, Role::Moderator) => $moderator,
                    )*
                }
            }
        }
    };
}

// `ALL_NOW` and `OWN_NOW` need the second factor a short while ago.
permissions! {
    /// Look after one's own second factor and unlock one's session.
    Oneself = "oneself": ALL, OWN, OWN;
    /// See the dashboard.
    Dashboard = "dashboard": ALL, OWN, OWN;
    /// List, search and view people.
    ViewUsers = "view_users": ALL, OWN, OWN;
    /// Suspend people.
    SuspendUsers = "suspend_users": ALL, OWN, OWN;
    /// Lift suspensions.
    ActivateUsers = "activate_users": ALL, OWN, NO;
    /// End people's sessions.
    EndSessions = "end_sessions": ALL, OWN, OWN;
    /// Delete people.
    DeleteUsers = "delete_users": ALL_NOW, NO, NO;
    /// Export people.
    ExportUsers = "export_users": ALL_NOW, OWN_NOW, NO;
    /// See verifications and check how they are set up.
    ViewVerifications = "view_verifications": ALL, OWN, OWN;
    /// Override verifications.
    OverrideVerification = "override_verification": ALL, OWN, NO;
    /// Process webhooks again.
    ReprocessWebhooks = "reprocess_webhooks": ALL, OWN, NO;
    /// Read the webhooks of verification.
    ReadWebhooks = "read_webhooks": ALL, NO, NO;
    /// See, triage and dismiss reports, and warn people.
    HandleReports = "handle_reports": ALL, OWN, OWN;
    /// Ban people for good.
    BanUsers = "ban_users": ALL, OWN, NO;
    /// Approve and delete messages that were flagged.
    HandleFlagged = "handle_flagged": ALL, OWN, OWN;
    /// List chats, without what is said in them.
    ListChats = "list_chats": ALL, OWN, OWN;
    /// Read a chat that a case is about.
    ReadChats = "read_chats": ALL, OWN, OWN;
    /// Export a chat that a case is about.
    ExportChats = "export_chats": ALL, OWN, NO;
    /// Close chats.
    CloseChats = "close_chats": ALL, OWN, NO;
    /// See matches.
    ViewMatches = "view_matches": ALL, OWN, NO;
    /// Run matching and its backfills.
    RunMatching = "run_matching": ALL, NO, NO;
    /// Decide appeals.
    DecideAppeals = "decide_appeals": ALL, OWN, NO;
    /// Handle requests about personal data.
    HandleDsar = "handle_dsar": ALL, OWN, NO;
    /// Announce, and answer tickets.
    Support = "support": ALL, OWN, OWN;
    /// Read the audit log.
    ReadAudit = "read_audit": ALL, OWN, MINE;
    /// Export the audit log.
    ExportAudit = "export_audit": ALL_NOW, OWN_NOW, NO;
    /// See who is an admin.
    ViewAdmins = "view_admins": ALL, OWN, NO;
    /// Make and remove admins, invitations and tokens.
    ManageAdmins = "manage_admins": ALL_NOW, NO, NO;
    /// Change settings, and the maintenance mode.
    ChangeSettings = "change_settings": ALL_NOW, NO, NO;
    /// See jobs, logs, health and sockets.
    ViewSystem = "view_system": ALL, NO, NO;
    /// Run jobs, and restart sockets.
    RunSystem = "run_system": ALL, NO, NO;
    /// Backups, statements of one's own, rate limits.
    ChangeSystem = "change_system": ALL_NOW, NO, NO;
    /// Incidents and notices to everybody.
    HandleIncidents = "handle_incidents": ALL_NOW, NO, NO;
    /// See the numbers of a university.
    ViewInstitution = "view_institution": ALL, OWN, NO;
}

impl Permission {
    /// The permission of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == name)
    }
}

/// How an actor has proven to be it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// A session, of a browser or a program.
    Session(SessionId),
    /// A token of an admin.
    Token(AdminTokenId),
    /// The command line on the host.
    Cli,
    /// Nobody: the program itself.
    System,
}

impl Via {
    /// The column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Token(_) => "token",
            Self::Cli => "cli",
            Self::System => "system",
        }
    }
}

/// Who acts: an admin, an operator on the host, or the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The admin; none for an operator and the system.
    pub user: Option<UserId>,
    /// The admin's role.
    pub role: Option<Role>,
    /// The admin's university; none for super admins.
    pub university: Option<UniversityId>,
    /// How they have proven to be it.
    pub via: Via,
    /// What their token may be used for; none without a token.
    pub scopes: Option<Vec<Permission>>,
    /// They have a second factor.
    pub enrolled: bool,
    /// They have shown it a short while ago.
    pub stepped_up: bool,
    /// The truncated address they ask from.
    pub address: Option<String>,
    /// The request they ask with.
    pub request_id: Option<String>,
}

impl Actor {
    /// An operator at the command line of the host.
    pub const fn operator() -> Self {
        Self::nobody(Via::Cli)
    }

    /// The program itself, such as a job.
    pub const fn system() -> Self {
        Self::nobody(Via::System)
    }

    const fn nobody(via: Via) -> Self {
        Self {
            user: None,
            role: None,
            university: None,
            via,
            scopes: None,
            enrolled: false,
            stepped_up: false,
            address: None,
            request_id: None,
        }
    }
}

/// Which part of a list an actor sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    All,
    /// That of one university.
    University(UniversityId),
    /// What they did themselves.
    Mine(UserId),
}

impl Scope {
    /// Whether something is in it whose parties are at these universities, or at none.
    pub fn sees(self, parties: &[Option<UniversityId>]) -> bool {
        match self {
            Self::All => true,
            Self::University(university) => parties.contains(&Some(university)),
            Self::Mine(_) => false,
        }
    }
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was not allowed.
    Denied,
    /// It went wrong.
    Error,
}

impl Outcome {
    /// The column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Error => "error",
        }
    }
}

/// What a row of the audit log says of an act, besides who did it and when. It holds no text of people but the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What was done, such as `suspend_users`.
    pub action: &'static str,
    /// To what sort of thing, such as `user`.
    pub entity_type: &'static str,
    /// To which.
    pub entity_id: Option<String>,
    /// Whose admins may read it; the actor's own when none is said.
    pub university: Option<UniversityId>,
    /// Why.
    pub reason: Option<String>,
    /// The report, request or incident that it was done for: its sort and its id.
    pub case: Option<(String, String)>,
    /// What else matters.
    pub metadata: Value,
    /// What changed, as it was.
    pub before: Option<Value>,
    /// What changed, as it is.
    pub after: Option<Value>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Entry {
    /// An act on no thing in particular that was done.
    pub fn new(action: &'static str, entity_type: &'static str) -> Self {
        Self {
            action,
            entity_type,
            entity_id: None,
            university: None,
            reason: None,
            case: None,
            metadata: Value::Object(serde_json::Map::new()),
            before: None,
            after: None,
            outcome: Outcome::Ok,
        }
    }

    /// On this thing.
    #[must_use]
    pub fn on(mut self, id: impl std::fmt::Display) -> Self {
        self.entity_id = Some(id.to_string());
        self
    }

    /// At this university, if at any.
    #[must_use]
    pub const fn at(mut self, university: Option<UniversityId>) -> Self {
        self.university = university;
        self
    }

    /// For this reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// For this report, request or incident.
    #[must_use]
    pub fn of_case(mut self, kind: impl Into<String>, id: impl std::fmt::Display) -> Self {
        self.case = Some((kind.into(), id.to_string()));
        self
    }

    /// With what else matters: a JSON object.
    #[must_use]
    pub fn with(mut self, metadata: Value) -> Self {
        self.metadata = metadata;
        self
    }

    /// With what changed: JSON objects of the changed fields.
    #[must_use]
    pub fn changing(mut self, before: Value, after: Value) -> Self {
        (self.before, self.after) = (Some(before), Some(after));
        self
    }

    /// With another outcome.
    #[must_use]
    pub const fn ended(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }
}

/// Shortest reason an admin may give, in Unicode scalars.
pub const REASON_CHARS_MIN: usize = 10;

/// Longest reason an admin may give, in Unicode scalars.
pub const REASON_CHARS_MAX: usize = 500;

/// Why an admin does something: words, not a keystroke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Reads a reason.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text: String = text.trim().chars().filter(|character| !crate::text::is_hidden(*character)).collect();
        if !(REASON_CHARS_MIN..=REASON_CHARS_MAX).contains(&text.chars().count()) || crate::text::is_blank(&text) {
            return Err(format!("must be a text of {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters"));
        }
        Ok(Self(text))
    }

    /// The reason of an act that explains itself, such as showing one's second factor.
    pub(super) fn evident(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_told_apart_and_found_again() {
        let names: HashSet<_> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        assert_eq!(names.len(), Permission::ALL.len());
        for permission in Permission::ALL {
            assert_eq!(Permission::named(permission.as_str()), Some(*permission));
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.as_str());
        }
        for role in Role::ALL {
            assert_eq!(Role::stored(role.as_str()), Some(role));
        }
        assert_eq!((Permission::named("root"), Role::stored("admin")), (None, None));
    }

    #[test]
    fn no_role_reaches_further_than_the_one_above() {
        let far = |grant: Grant| match grant.reach {
            Reach::Nothing => 0,
            Reach::Mine => 1,
            Reach::University => 2,
            Reach::All => 3,
        };
        for permission in Permission::ALL {
            let [most, middle, least] = Role::ALL.map(|role| far(permission.grant(role)));
            assert!(most >= middle && middle >= least && most == 3 && middle < 3, "{permission:?}");
        }
    }

    #[test]
    fn a_reason_is_words() {
        for bad in ["", "short", "         \u{200b}\u{200b}\u{200b}\u{200b}", &"x".repeat(501)] {
            assert!(Reason::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Reason::parse("  reported by two people\n").unwrap().as_str(), "reported by two people");
    }
}
