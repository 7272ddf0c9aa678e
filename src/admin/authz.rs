//! PURE. Whether an actor may do a thing to a target: every clause that must hold, in order.

use super::model::{Actor, Permission, Reach, Role, Scope, Via};
use crate::error::{Error, Result};
use crate::ids::UniversityId;
use crate::protocol::codes::Code;

/// What an act is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The whole system.
    System,
    /// Something whose parties are at these universities, or at none; one in scope is enough.
    At(&'a [Option<UniversityId>]),
}

/// What must hold for an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clause {
    /// Who acts is an admin, or an operator on the host.
    IsAdmin,
    /// The role has the permission at all.
    RoleHasIt,
    /// The token was made for it.
    TokenHasIt,
    /// The target is in scope.
    InScope,
    /// A super admin has a second factor.
    SecondFactor,
    /// The second factor was shown a short while ago.
    SteppedUp,
}

impl Clause {
    /// What it says, for operators.
    pub const fn about(self) -> &'static str {
        match self {
            Self::IsAdmin => "is an admin",
            Self::RoleHasIt => "the role has the permission",
            Self::TokenHasIt => "the token was made for it",
            Self::InScope => "the target is in scope",
            Self::SecondFactor => "has a second factor where one is needed",
            Self::SteppedUp => "has shown the second factor a short while ago where that is needed",
        }
    }

    /// How an act is refused for which it does not hold.
    fn refusal(self, permission: Permission) -> Error {
        let name = permission.as_str();
        match self {
            Self::IsAdmin => Error::new(Code::Forbidden, "This is for admins. Ask a super admin for an invitation."),
            Self::RoleHasIt => Error::new(Code::Forbidden, format!("Your role does not include {name}.")),
            Self::TokenHasIt => Error::new(Code::Forbidden, format!("This token was not made for {name}.")),
            Self::InScope => hidden(),
            Self::SecondFactor => {
                Error::new(Code::StepUpRequired, "Set up a second factor first: POST /api/admin/totp.")
            }
            Self::SteppedUp => Error::new(
                Code::StepUpRequired,
                "Show your second factor again: POST /api/admin/step-up with a code of your app.",
            ),
        }
    }
}

/// What is out of scope looks like what is not there.
pub(super) fn hidden() -> Error {
    Error::new(Code::NotFound, "There is no such thing, or it is not yours to see.")
}

/// Every clause for this act, and whether it holds.
pub fn clauses(actor: &Actor, permission: Permission, target: Target<'_>) -> [(Clause, bool); 6] {
    // An operator on the host may do everything: the machine is theirs.
    let trusted = matches!(actor.via, Via::Cli | Via::System);
    let grant = actor.role.map(|role| permission.grant(role));
    let reach = grant.map_or(Reach::Nothing, |grant| grant.reach);
    let in_scope = match (reach, target) {
        (Reach::All, _) => true,
        (Reach::University, Target::At(parties)) => actor.university.is_some() && parties.contains(&actor.university),
        // What is one's own is never aimed at through its university.
        (Reach::University | Reach::Mine, Target::System) => permission == Permission::Oneself,
        (Reach::Mine, Target::At(_)) | (Reach::Nothing, _) => false,
    };
    let exempt = permission == Permission::Oneself || actor.role != Some(Role::SuperAdmin);
    let fresh = !grant.is_some_and(|grant| grant.step_up) || actor.stepped_up;
    [
        (Clause::IsAdmin, trusted || actor.role.is_some()),
        (Clause::RoleHasIt, trusted || reach != Reach::Nothing),
        (Clause::TokenHasIt, actor.scopes.as_ref().is_none_or(|scopes| scopes.contains(&permission))),
        (Clause::InScope, trusted || in_scope),
        (Clause::SecondFactor, trusted || exempt || actor.enrolled),
        (Clause::SteppedUp, trusted || fresh),
    ]
}

/// Whether an actor may do this to the target.
///
/// # Errors
/// `forbidden` for what the role or token never may, `not_found` out of scope, `step_up_required`.
pub fn may(actor: &Actor, permission: Permission, target: Target<'_>) -> Result<()> {
    let failed = clauses(actor, permission, target).into_iter().find(|(_, holds)| !holds);
    failed.map_or(Ok(()), |(clause, _)| Err(clause.refusal(permission)))
}

/// Whether an actor may do this to anything at all.
///
/// # Errors
/// `forbidden`.
pub fn may_somewhere(actor: &Actor, permission: Permission) -> Result<()> {
    let early = [Clause::IsAdmin, Clause::RoleHasIt, Clause::TokenHasIt];
    let failed =
        clauses(actor, permission, Target::System).into_iter().find(|(clause, holds)| early.contains(clause) && !holds);
    failed.map_or(Ok(()), |(clause, _)| Err(clause.refusal(permission)))
}

/// The part of a list that an actor sees.
///
/// # Errors
/// Those of [`may`], but for what is out of scope: that is not in the list.
pub fn scope(actor: &Actor, permission: Permission) -> Result<Scope> {
    let own = [actor.university];
    let failed = clauses(actor, permission, Target::At(&own))
        .into_iter()
        .find(|(clause, holds)| !holds && *clause != Clause::InScope);
    if let Some((clause, _)) = failed {
        return Err(clause.refusal(permission));
    }
    let reach = actor.role.map_or(Reach::All, |role| permission.grant(role).reach);
    match (reach, actor.university, actor.user) {
        (Reach::All, ..) => Ok(Scope::All),
        (Reach::University, Some(university), _) => Ok(Scope::University(university)),
        (Reach::Mine, _, Some(user)) => Ok(Scope::Mine(user)),
        _ => Err(Clause::RoleHasIt.refusal(permission)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AdminTokenId, SessionId, UserId, new_id};

    fn admin(role: Role, university: Option<UniversityId>) -> Actor {
        Actor {
            user: Some(UserId(new_id())),
            role: Some(role),
            university,
            via: Via::Session(SessionId(new_id())),
            enrolled: true,
            stepped_up: true,
            ..Actor::operator()
        }
    }

    fn code(outcome: Result<()>) -> Option<Code> {
        outcome.err().map(|error| error.code)
    }

    #[test]
    fn every_role_reaches_what_the_table_says_and_no_further() {
        let (mine, other) = (UniversityId(new_id()), UniversityId(new_id()));
        for role in Role::ALL {
            let actor = admin(role, (role != Role::SuperAdmin).then_some(mine));
            for &permission in Permission::ALL {
                let reach = permission.grant(role).reach;
                let at = |parties: &[Option<UniversityId>]| code(may(&actor, permission, Target::At(parties)));
                let (own, foreign) = match reach {
                    Reach::Nothing => (Some(Code::Forbidden), Some(Code::Forbidden)),
                    Reach::Mine => (Some(Code::NotFound), Some(Code::NotFound)),
                    Reach::University => (None, Some(Code::NotFound)),
                    Reach::All => (None, None),
                };
                assert_eq!(at(&[Some(mine)]), own, "{role:?} {permission:?}");
                assert_eq!(at(&[Some(other)]), foreign, "{role:?} {permission:?}");
                assert_eq!(at(&[None]), foreign, "{role:?} {permission:?}, of no university");
                assert_eq!(at(&[Some(other), Some(mine)]), own, "{role:?} {permission:?}, one party in scope");
            }
        }
    }

    #[test]
    fn an_admin_without_a_university_reaches_nobody_without_one() {
        let actor = admin(Role::UniversityAdmin, None);
        assert_eq!(code(may(&actor, Permission::ViewUsers, Target::At(&[None]))), Some(Code::NotFound));
        assert_eq!(scope(&actor, Permission::ViewUsers).err().map(|error| error.code), Some(Code::Forbidden));
    }

    #[test]
    fn danger_needs_the_second_factor_anew_and_super_admins_need_one_at_all() {
        let mut actor = admin(Role::SuperAdmin, None);
        actor.stepped_up = false;
        assert_eq!(code(may(&actor, Permission::DeleteUsers, Target::System)), Some(Code::StepUpRequired));
        assert_eq!(code(may(&actor, Permission::ViewUsers, Target::System)), None);
        actor.enrolled = false;
        assert_eq!(code(may(&actor, Permission::ViewUsers, Target::System)), Some(Code::StepUpRequired));
        assert_eq!(code(may(&actor, Permission::Oneself, Target::System)), None);
    }

    #[test]
    fn a_token_does_only_what_it_was_made_for() {
        let mut actor = admin(Role::SuperAdmin, None);
        actor.via = Via::Token(AdminTokenId(new_id()));
        actor.scopes = Some(vec![Permission::RunSystem]);
        assert_eq!(code(may(&actor, Permission::RunSystem, Target::System)), None);
        assert_eq!(code(may(&actor, Permission::ViewSystem, Target::System)), Some(Code::Forbidden));
        assert_eq!(code(may_somewhere(&actor, Permission::ViewSystem)), Some(Code::Forbidden));
    }

    #[test]
    fn lists_are_cut_to_the_scope() {
        let mine = UniversityId(new_id());
        let moderator = admin(Role::Moderator, Some(mine));
        assert_eq!(scope(&moderator, Permission::ViewUsers).unwrap(), Scope::University(mine));
        assert_eq!(scope(&moderator, Permission::ReadAudit).unwrap(), Scope::Mine(moderator.user.unwrap()));
        assert!(scope(&moderator, Permission::ViewAdmins).is_err());
        assert_eq!(scope(&admin(Role::SuperAdmin, None), Permission::ReadAudit).unwrap(), Scope::All);
        assert_eq!(scope(&Actor::operator(), Permission::ReadAudit).unwrap(), Scope::All);
    }
}
