//! What operators on the host do with admins and the audit log: by the same service as admins themselves, as whoever owns
//! the machine.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::admin::{ActionFilter, Actor, Explained, NewToken, Permission, Reason, Role};
use crate::error::{Error, Result};
use crate::ids::{AdminTokenId, UserId};
use crate::jobs::{RunLine, Trigger};
use crate::services::Services;

/// What can be asked about admins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminCommand {
    /// Make somebody an admin.
    Grant {
        /// Whom.
        email: String,
        /// What.
        role: Role,
        /// Where, by its name in addresses.
        university: Option<String>,
        /// Why.
        reason: String,
    },
    /// Invite whoever owns an address.
    Invite {
        /// Which.
        email: String,
        /// To be what.
        role: Role,
        /// Where.
        university: Option<String>,
        /// Why.
        reason: String,
    },
    /// End somebody's being an admin.
    Revoke {
        /// Whose.
        email: String,
        /// Why.
        reason: String,
    },
    /// List admins.
    List,
    /// Make a token for an admin's programs.
    MakeToken {
        /// Whose.
        email: String,
        /// What for.
        name: String,
        /// What it may be used for.
        scopes: Vec<Permission>,
        /// For how many days.
        days: u32,
        /// Why.
        reason: String,
    },
    /// End a token.
    RevokeToken {
        /// Which.
        token: AdminTokenId,
        /// Why.
        reason: String,
    },
    /// A page of the audit log.
    Actions {
        /// Of this action.
        action: Option<String>,
        /// On this sort of thing.
        entity_type: Option<String>,
        /// On this thing.
        entity_id: Option<String>,
        /// By this admin.
        admin: Option<String>,
        /// From this moment on.
        from: Option<DateTime<Utc>>,
        /// Before this moment.
        to: Option<DateTime<Utc>>,
        /// Before this number.
        before: Option<i64>,
        /// How many.
        limit: usize,
    },
    /// Prove the audit log.
    Prove,
    /// Say whether somebody may do a thing, and why.
    Explain {
        /// Who.
        email: String,
        /// What.
        permission: Permission,
        /// To whom.
        target: Option<String>,
    },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminAnswer {
    /// It was done.
    Done,
    /// A token, told once.
    Token {
        /// Its id.
        id: AdminTokenId,
        /// Itself.
        token: String,
        /// Its end.
        expires_at: DateTime<Utc>,
    },
    /// Admins, actions, or a proof, as HTTP tells them.
    Told(Value),
    /// Whether somebody may, clause by clause.
    Explained {
        /// They may.
        allowed: bool,
        /// Each clause, and whether it holds.
        clauses: Vec<(String, bool)>,
    },
}

fn told(value: &impl Serialize) -> Result<AdminAnswer> {
    serde_json::to_value(value).map(AdminAnswer::Told).map_err(Error::internal)
}

fn reason(text: &str) -> Result<Reason> {
    Reason::parse(text).map_err(|detail| Error::bad_request(format!("The reason {detail}.")))
}

/// Does what was asked, by the service that HTTP uses.
///
/// # Errors
/// Those of the service.
pub async fn execute(services: &Services, command: AdminCommand) -> Result<AdminAnswer> {
    let (admin, operator) = (&services.admin, Actor::operator());
    match command {
        AdminCommand::Grant { email, role, university, reason: why } => {
            let user = find(services, &email).await?;
            admin.grant(&operator, user, (role, university), reason(&why)?).await?;
            Ok(AdminAnswer::Done)
        }
        AdminCommand::Invite { email, role, university, reason: why } => {
            admin.invite(&operator, &email, (role, university), reason(&why)?).await?;
            Ok(AdminAnswer::Done)
        }
        AdminCommand::Revoke { email, reason: why } => {
            let user = find(services, &email).await?;
            admin.remove(&operator, user, reason(&why)?).await?;
            Ok(AdminAnswer::Done)
        }
        AdminCommand::List => told(&admin.admins(&operator).await?),
        AdminCommand::MakeToken { email, name, scopes, days, reason: why } => {
            let user = find(services, &email).await?;
            let new = NewToken { name, scopes, days };
            let made = admin.make_token(&operator, user, new, reason(&why)?).await?.value();
            Ok(AdminAnswer::Token { id: made.id, token: made.token, expires_at: made.expires_at })
        }
        AdminCommand::RevokeToken { token, reason: why } => {
            admin.revoke_token(&operator, token, reason(&why)?).await?;
            Ok(AdminAnswer::Done)
        }
        AdminCommand::Actions { action, entity_type, entity_id, admin: by, from, to, before, limit } => {
            let by = match by {
                Some(by) => Some(find(services, &by).await?),
                None => None,
            };
            let filter = ActionFilter { action, entity_type, entity_id, admin: by, from, to, before };
            let limit = limit.min(services.limits.admin_page_max);
            told(&admin.actions(&operator, &filter, limit).await?)
        }
        AdminCommand::Prove => told(&admin.prove_actions(&operator).await?),
        AdminCommand::Explain { email, permission, target } => {
            let user = find(services, &email).await?;
            let target = match target {
                Some(target) => Some(find(services, &target).await?),
                None => None,
            };
            let Explained { allowed, clauses } = admin.explain(user, permission, target).await?;
            let clauses = clauses.into_iter().map(|(clause, holds)| (clause.about().to_owned(), holds)).collect();
            Ok(AdminAnswer::Explained { allowed, clauses })
        }
    }
}

/// Runs a job as an operator, and waits a while for its end.
///
/// # Errors
/// Those of the service.
pub async fn run_job(services: &Services, name: &str, why: &str) -> Result<RunLine> {
    let (jobs, reason) = (services.jobs.clone(), reason(why)?);
    let claim = jobs.claim(name, Trigger::Admin, None)?;
    let (run, begin) = (claim.run, jobs.clone());
    let begin = move |claim: &_| drop(begin.proceed(claim));
    services.admin.run_job(&Actor::operator(), (Permission::RunSystem, claim), begin, reason).await?;
    jobs.ended(run).await
}

/// Whom an address or an id names.
async fn find(services: &Services, who: &str) -> Result<UserId> {
    match who.parse() {
        Ok(user) => Ok(user),
        Err(_) => services.accounts.find(who).await,
    }
}
