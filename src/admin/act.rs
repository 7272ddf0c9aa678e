//! The one way in which an admin changes anything.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::model::{Actor, Entry, Outcome, Permission, Reason};
use super::{Admin, Inner, audit, authz};
use crate::error::{Error, Result};
use crate::ids::UniversityId;
use crate::protocol::codes::Code;
use crate::store::{StoreError, Tx};

/// What a transaction gives.
pub(super) type Stored<T> = std::result::Result<T, StoreError>;

/// What a change is aimed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// The whole system.
    System,
    /// A list, which is cut to what the actor sees.
    List,
    /// People or things, each of which must be in scope, by their universities.
    Each(Vec<Option<UniversityId>>),
    /// Something with several parties, one of which must be in scope, by their universities.
    Any(Vec<Option<UniversityId>>),
}

/// A change that an admin makes.
pub(super) trait Change: Send + Sized + 'static {
    /// What it comes to.
    type Done: Send + 'static;

    /// What one must be allowed to do for it; none: the change itself finds out, as an invitation that is accepted does.
    fn permission(&self) -> Option<Permission>;

    /// What the audit log calls it when it is refused.
    fn refused_as(&self) -> &'static str {
        "access_denied"
    }

    /// At what it is aimed. What is not there is refused as `not_found`.
    fn aim(&self, tx: &mut Tx) -> impl Future<Output = Stored<Aim>> + Send;

    /// Makes the change, and says what the audit log is to say of it: at least one row, to which the reason is added.
    fn make(
        &self,
        tx: &mut Tx,
        by: &Actor,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Stored<(Self::Done, Vec<Entry>)>> + Send;

    /// What follows once it is stored.
    fn after(&self, _admin: &Inner, _by: &Actor, _done: &Self::Done) {}
}

/// What an act came to that was allowed, done, and added to the audit log. Nothing but `Admin::act` makes one, so that a
/// route which answers with it cannot forget any of that.
#[derive(Debug)]
pub struct Audited<T> {
    value: T,
}

impl<T> Audited<T> {
    /// What it came to.
    pub fn value(self) -> T {
        self.value
    }

    /// The same act, with something else to be told of it.
    pub fn map<U>(self, tell: impl FnOnce(T) -> U) -> Audited<U> {
        Audited { value: tell(self.value) }
    }
}

impl Admin {
    /// Makes a change for an actor: who they are, whether they may, the change and its rows in the audit log are one
    /// transaction. A refusal is added to the audit log too.
    ///
    /// # Errors
    /// `forbidden`, `not_found` for what is out of scope, `step_up_required`; those of the change; those of the store.
    /// Nothing is changed then.
    /// # Cancel safety
    /// Once begun it runs to its end, whether or not the caller waits.
    pub(super) async fn act<C>(&self, actor: &Actor, reason: Reason, change: C) -> Result<Audited<C::Done>>
    where
        C: Change + Sync,
    {
        if let Some(permission) = change.permission() {
            authz::may_somewhere(actor, permission)?;
        }
        let (admin, actor) = (self.clone(), actor.clone());
        let run = async move {
            let change = std::sync::Arc::new(change);
            let now = admin.inner.clock.now();
            let (work, by) = (std::sync::Arc::clone(&change), actor.clone());
            let ran = admin.inner.committer.run(move |tx| {
                Box::pin(async move {
                    let by = still(tx, by, work.permission()).await?;
                    let aim = work.aim(tx).await?;
                    if let Some(permission) = work.permission() {
                        may(&by, permission, &aim)?;
                    }
                    let (done, entries) = work.make(tx, &by, now).await?;
                    if entries.is_empty() {
                        return Err(Error::internal(anyhow::anyhow!("a change without a trace")).into());
                    }
                    for entry in entries {
                        let entry = if entry.reason.is_none() { entry.because(reason.as_str()) } else { entry };
                        audit::append(tx, &by, entry, now).await?;
                    }
                    Ok((done, by))
                })
            });
            match ran.await {
                Ok((done, by)) => {
                    change.after(&admin.inner, &by, &done);
                    Ok(Audited { value: done })
                }
                Err(refusal) => {
                    admin.note_refusal(&actor, &*change, &refusal).await?;
                    Err(refusal)
                }
            }
        };
        self.inner.supervisor.spawn("admin act", run).await.map_err(Error::internal)?
    }

    /// Adds a refusal to the audit log.
    async fn note_refusal(&self, actor: &Actor, change: &impl Change, refusal: &Error) -> Result<()> {
        let told = [Code::Forbidden, Code::NotFound, Code::StepUpRequired, Code::AdminSecretInvalid];
        if actor.role.is_none() || !told.contains(&refusal.code) {
            return Ok(());
        }
        let permission = change.permission().map(Permission::as_str);
        let entry = Entry::new(change.refused_as(), "permission")
            .on(permission.unwrap_or_default())
            .with(json!({ "code": refusal.code.name() }))
            .ended(Outcome::Denied);
        self.note(actor.clone(), entry).await
    }

    /// Adds a row to the audit log that goes with no change.
    pub(super) async fn note(&self, actor: Actor, entry: Entry) -> Result<()> {
        let now = self.inner.clock.now();
        let append =
            self.inner.committer.run(move |tx| Box::pin(async move { audit::append(tx, &actor, entry, now).await }));
        append.await.map(|_seq| ())
    }
}

fn may(by: &Actor, permission: Permission, aim: &Aim) -> Result<()> {
    match aim {
        Aim::System => authz::may(by, permission, authz::Target::System),
        Aim::List => authz::scope(by, permission).map(|_scope| ()),
        Aim::Any(universities) => authz::may(by, permission, authz::Target::At(universities)),
        Aim::Each(universities) => {
            universities.iter().try_for_each(|university| authz::may(by, permission, authz::Target::At(&[*university])))
        }
    }
}

/// The actor as the admins' table has them now: whoever was removed a moment ago acts no more.
async fn still(tx: &mut Tx, mut actor: Actor, permission: Option<Permission>) -> Stored<Actor> {
    let Some(user) = actor.user else { return Ok(actor) };
    let state = tx.admin(user).await?;
    if state.is_none() && permission.is_some() {
        return Err(Error::new(Code::Forbidden, "You are not an admin any more.").into());
    }
    actor.role = state.as_ref().map(|state| state.role);
    actor.university = state.as_ref().and_then(|state| state.university);
    actor.enrolled = state.is_some_and(|state| state.totp_confirmed);
    Ok(actor)
}
