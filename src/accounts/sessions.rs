//! Sessions: proving who acts, cheaply, and ending that at once when it must end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::confirm::secret_hash;
use super::{Accounts, Inner, Principal, SessionKind, to_the_end};
use crate::error::{Error, Result};
use crate::ids::{SessionId, UserId};
use crate::protocol::codes::{Close, Code};
use crate::protocol::events;
use crate::store::{SessionState, StoreError, Tx};

/// How long a proof is believed without asking the store. Everything that ends a session takes the proof away at once,
/// so this bounds only what another program does to the database.
const PROOF_TTL: Duration = Duration::from_secs(30);
/// Proofs kept: each connection of `connections_max` may be another person's; one is about 200 bytes.
const PROOFS_MAX: usize = 32_768;
/// A session's last use is noted at most once in this time.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Uses are noted together, so often.
const SEEN_FLUSH_EVERY: Duration = Duration::from_secs(10);
/// Uses noted in one transaction: a slice of a few milliseconds.
const SEEN_BATCH: usize = 200;
/// Uses that may wait to be noted; beyond it the newest are forgotten, which costs accuracy only.
const SEEN_MAX: usize = PROOFS_MAX;
/// Rows that are removed in one transaction.
const PURGE_BATCH: u64 = 500;
/// How long what is over stays for questions: sessions, codes and mails, sent or given up.
const KEEP_OVER: TimeDelta = TimeDelta::days(30);
/// How long an account waits for its address to be confirmed; as long as a link works, where that is longer.
const KEEP_UNCONFIRMED: TimeDelta = TimeDelta::days(7);
/// Sessions shown in a list; one person has at most half as many.
const LISTED_MAX: u64 = 100;
/// Longest reason that is stored, in Unicode scalars.
const REASON_CHARS_MAX: usize = 200;

/// A session in its owner's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionInfo {
    /// Its id.
    pub id: SessionId,
    /// It is the one that asks.
    pub current: bool,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, up to a minute ago.
    pub last_seen_at: DateTime<Utc>,
    /// What its client called itself.
    pub user_agent: String,
    /// The truncated address it began from.
    pub address: String,
    /// How its token travels.
    pub kind: SessionKind,
}

/// Proofs by token hash, and uses that wait to be noted.
///
/// Written by [`Accounts::authenticate`] and by everything that ends sessions; locks are held for one entry, never over an
/// await.
pub(super) struct Cache {
    proofs: DashMap<[u8; 32], Proof>,
    /// Raised before proofs are taken away: a proof read from the store under an older number is not kept.
    generation: AtomicU64,
    seen: Mutex<HashMap<SessionId, DateTime<Utc>>>,
}

struct Proof {
    state: SessionState,
    until: Instant,
}

impl Default for Cache {
    fn default() -> Self {
        Self { proofs: DashMap::new(), generation: AtomicU64::new(0), seen: Mutex::new(HashMap::new()) }
    }
}

impl Cache {
    fn get(&self, hash: &[u8; 32]) -> Option<SessionState> {
        let proof = self.proofs.get(hash)?;
        (Instant::now() < proof.until).then(|| proof.state.clone())
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Keeps what the store said, unless something was taken away since `generation`.
    fn keep(&self, hash: [u8; 32], state: SessionState, generation: u64) {
        if self.proofs.len() >= PROOFS_MAX {
            let now = Instant::now();
            self.proofs.retain(|_, proof| now < proof.until);
            if self.proofs.len() >= PROOFS_MAX {
                return;
            }
        }
        // The entry's lock is held while the number is read: whoever raises it waits for this entry, then removes it.
        let entry = self.proofs.entry(hash);
        if self.generation() != generation {
            return;
        }
        let proof = Proof { state, until: Instant::now() + PROOF_TTL };
        match entry {
            Entry::Occupied(mut held) => drop(held.insert(proof)),
            Entry::Vacant(place) => drop(place.insert(proof)),
        }
    }

    /// The one point of invalidation: nothing is believed any more about the sessions that match.
    fn forget(&self, matches: impl Fn(&SessionState) -> bool) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.proofs.retain(|_, proof| !matches(&proof.state));
    }

    pub(super) fn forget_session(&self, session: SessionId) {
        self.forget(|state| state.id == session);
    }

    pub(super) fn forget_user(&self, user: UserId) {
        self.forget(|state| state.user == user);
    }

    /// Remembers that a session was used, to be noted soon.
    fn saw(&self, state: &SessionState, hash: Option<&[u8; 32]>, now: DateTime<Utc>) {
        if now - state.last_seen_at < SEEN_EVERY {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < SEEN_MAX || seen.contains_key(&state.id) {
            seen.insert(state.id, now);
        }
        drop(seen);
        if let Some(mut proof) = hash.and_then(|hash| self.proofs.get_mut(hash)) {
            proof.state.last_seen_at = now;
        }
    }

    fn take_seen(&self) -> Vec<(SessionId, DateTime<Utc>)> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let some: Vec<_> = seen.iter().take(SEEN_BATCH).map(|(session, at)| (*session, *at)).collect();
        for (session, _) in &some {
            seen.remove(session);
        }
        some
    }
}

impl Accounts {
    /// Who holds this token.
    ///
    /// # Errors
    /// `unauthorized` for a token that is unknown or whose session was ended; `token_expired` after its idle or
    /// absolute time; `suspended`; `unavailable`.
    pub async fn authenticate(&self, token: &str) -> Result<Principal> {
        let inner = &self.inner;
        let hash = secret_hash(token).ok_or_else(unauthorized)?;
        let now = inner.clock.now();
        if let Some(state) = inner.sessions.get(&hash) {
            let principal = inner.admit(&state, now)?;
            inner.sessions.saw(&state, Some(&hash), now);
            return Ok(principal);
        }
        let generation = inner.sessions.generation();
        let state = inner.store.session_by_token(&hash).await?.ok_or_else(unauthorized)?;
        let principal = inner.admit(&state, now)?;
        inner.sessions.keep(hash, state.clone(), generation);
        inner.sessions.saw(&state, Some(&hash), now);
        Ok(principal)
    }

    /// Whether a session still holds, asked of the store itself: a socket asks after it has entered itself in the hub,
    /// so that an end which came in between is not missed. A session in use does not become idle.
    ///
    /// # Errors
    /// Those of [`Accounts::authenticate`].
    pub async fn recheck(&self, session: SessionId) -> Result<Principal> {
        let inner = &self.inner;
        let state = inner.store.recheck(session).await?.ok_or_else(unauthorized)?;
        let now = inner.clock.now();
        let principal = inner.admit(&state, now)?;
        inner.sessions.saw(&state, None, now);
        Ok(principal)
    }

    /// A person's live sessions, the last used first, at most 100; `current` is marked.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sessions(&self, user: UserId, current: SessionId) -> Result<Vec<SessionInfo>> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let idle = TimeDelta::from_std(inner.limits.session_idle).map_err(Error::internal)?;
        let rows = inner.store.sessions_of(user, now, now - idle, LISTED_MAX).await?;
        let shown = rows.into_iter().map(|row| SessionInfo {
            id: row.id,
            current: row.id == current,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            user_agent: row.user_agent,
            address: row.address,
            kind: SessionKind::stored(&row.kind),
        });
        Ok(shown.collect())
    }

    /// Ends the session of somebody who signs out.
    ///
    /// # Errors
    /// Those of the store. A session that is over already is no error.
    pub async fn sign_out(&self, session: SessionId) -> Result<()> {
        self.revoke(session, "signed_out").await.map(|_ended| ())
    }

    /// Ends one of a person's own sessions.
    ///
    /// # Errors
    /// `not_found` when they have no such live session.
    pub async fn end_own_session(&self, user: UserId, session: SessionId) -> Result<()> {
        let missing = || Error::new(Code::NotFound, "There is no such session. Reload the list of sessions.");
        let state = self.inner.store.recheck(session).await?.filter(|state| state.user == user && !state.revoked);
        state.ok_or_else(missing)?;
        if self.revoke(session, "ended_by_owner").await? { Ok(()) } else { Err(missing()) }
    }

    /// Ends all of a person's sessions but `keep`, and says how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn revoke_others(&self, user: UserId, keep: SessionId) -> Result<usize> {
        let inner = Arc::clone(&self.inner);
        to_the_end(&self.inner.supervisor, "sessions ended", async move {
            let now = inner.clock.now();
            let ended = inner
                .committer
                .run(move |tx| Box::pin(async move { end_all(tx, user, Some(keep), "ended_by_owner", now).await }))
                .await?;
            for session in &ended {
                inner.dismiss(*session);
            }
            Ok(ended.len())
        })
        .await
    }

    /// Ends a session; false when there is no such live one. Its sockets close, its token is refused at once.
    ///
    /// # Errors
    /// Those of the store.
    /// # Cancel safety
    /// Once begun it runs to its end, whether or not the caller waits.
    pub async fn revoke(&self, session: SessionId, reason: &str) -> Result<bool> {
        let reason = cut_reason(reason);
        let inner = Arc::clone(&self.inner);
        to_the_end(&self.inner.supervisor, "session ended", async move {
            let now = inner.clock.now();
            let ended = inner.committer.run(move |tx| Box::pin(end(tx, session, reason, now))).await?;
            // Even when it was over already: whoever asks for an end gets one.
            inner.dismiss(session);
            if let Some(user) = ended {
                tracing::info!(user.id = %user, session.id = %session, "session ended");
            }
            Ok(ended.is_some())
        })
        .await
    }

    /// Makes the end of sessions hold that is stored: their tokens are refused and their sockets close.
    pub fn dismiss(&self, ended: &[SessionId]) {
        for session in ended {
            self.inner.dismiss(*session);
        }
    }

    /// Begins the upkeep: notes when sessions were used, and lifts suspensions that are over.
    pub fn spawn_upkeep(&self) {
        let accounts = self.clone();
        let stopping = self.inner.supervisor.stopping().clone();
        let _task = self.inner.supervisor.spawn("accounts upkeep", async move {
            loop {
                let stop = tokio::select! {
                    () = stopping.cancelled() => true,
                    () = tokio::time::sleep(SEEN_FLUSH_EVERY) => false,
                };
                if let Err(error) = accounts.flush_seen().await {
                    tracing::warn!(%error, "uses of sessions could not be noted");
                }
                if stop {
                    return;
                }
                if let Err(error) = accounts.lift_suspensions().await {
                    tracing::warn!(%error, "suspensions could not be lifted");
                }
                if let Err(error) = accounts.lift_mutes().await {
                    tracing::warn!(%error, "mutes could not be lifted");
                }
            }
        });
    }

    /// Notes the uses of sessions that wait for it.
    ///
    /// # Errors
    /// Those of the store; the batch at hand is then forgotten, which costs accuracy only.
    pub async fn flush_seen(&self) -> Result<()> {
        loop {
            let batch = self.inner.sessions.take_seen();
            if batch.is_empty() {
                return Ok(());
            }
            self.inner.store.touch_sessions(batch).await?;
        }
    }

    /// Removes sessions, codes and mails that are long over, and accounts whose address was never confirmed: batch by
    /// batch, until nothing is left or the program stops. Says how many of each went.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge(&self) -> Result<serde_json::Value> {
        let (store, now) = (&self.inner.store, self.inner.clock.now());
        let before = now - KEEP_OVER;
        let link = TimeDelta::from_std(self.inner.limits.confirm_link_ttl).map_err(Error::internal)?;
        let unconfirmed = now - KEEP_UNCONFIRMED.max(link);
        let sessions = self.in_batches(|| store.purge_sessions(before, PURGE_BATCH)).await?;
        let tokens = self.in_batches(|| store.purge_auth_tokens(before, PURGE_BATCH)).await?;
        let mails = self.in_batches(|| store.purge_mails(before, PURGE_BATCH)).await?;
        let dead_mails = self.in_batches(|| store.purge_dead_mails(before, PURGE_BATCH)).await?;
        let accounts = self.in_batches(|| store.purge_unconfirmed(unconfirmed, PURGE_BATCH)).await?;
        self.trim_streams().await?;
        Ok(serde_json::json!({
            "sessions": sessions, "tokens": tokens, "mails": mails, "dead_mails": dead_mails, "accounts": accounts,
        }))
    }

    /// Takes from everybody's stream what no resume sends any more; a longer absence begins afresh.
    async fn trim_streams(&self) -> Result<()> {
        let keep = u64::try_from(self.inner.limits.user_events_max).unwrap_or(u64::MAX);
        let mut after = Some(UserId(uuid::Uuid::nil()));
        while let Some(person) = after.filter(|_| !self.inner.supervisor.stopping().is_cancelled()) {
            after = self.inner.store.trim_user_events(person, PURGE_BATCH, keep, PURGE_BATCH).await?;
        }
        Ok(())
    }

    /// Repeats a removal until it finds less than a batch; says how many rows went.
    async fn in_batches<F>(&self, remove: impl Fn() -> F) -> Result<u64>
    where
        F: Future<Output = std::result::Result<u64, StoreError>>,
    {
        let mut removed = 0_u64;
        loop {
            let batch = remove().await?;
            removed = removed.saturating_add(batch);
            if batch < PURGE_BATCH || self.inner.supervisor.stopping().is_cancelled() {
                return Ok(removed);
            }
            // Others write in between.
            tokio::task::yield_now().await;
        }
    }
}

impl Inner {
    /// Whether a session in this state may act now.
    fn admit(&self, state: &SessionState, now: DateTime<Utc>) -> Result<Principal> {
        if state.deleted {
            return Err(unauthorized());
        }
        if !state.active {
            return Err(suspended());
        }
        if state.revoked {
            return Err(unauthorized());
        }
        let idle = TimeDelta::from_std(self.limits.session_idle).map_err(Error::internal)?;
        if state.expires_at <= now || state.last_seen_at + idle <= now {
            return Err(Error::new(Code::TokenExpired, "You were signed out after a while. Sign in again."));
        }
        Ok(Principal {
            user: state.user,
            session: state.id,
            first_name: state.first_name.clone(),
            expires_at: state.expires_at,
            email_confirmed: state.email_confirmed,
            verified: state.verified,
        })
    }

    /// Takes away the proof first, so that a socket that is closed cannot come back on it.
    pub(super) fn dismiss(&self, session: SessionId) {
        self.sessions.forget_session(session);
        self.hub.close_session(session, Close::SessionRevoked);
    }
}

/// Ends a session and tells its owner's stream; none when there is no such live one.
pub(super) async fn end(
    tx: &mut Tx,
    session: SessionId,
    reason: String,
    now: DateTime<Utc>,
) -> std::result::Result<Option<UserId>, StoreError> {
    let user = tx.revoke_session(session, reason, now).await?;
    if let Some(user) = user {
        announce(tx, user, session, "revoked", now).await?;
    }
    Ok(user)
}

/// Ends all sessions of a person but `keep`, and tells their stream. What is to follow the commit is [`Accounts::dismiss`].
///
/// # Errors
/// Those of the store.
pub async fn end_all(
    tx: &mut Tx,
    user: UserId,
    keep: Option<SessionId>,
    reason: &str,
    now: DateTime<Utc>,
) -> std::result::Result<Vec<SessionId>, StoreError> {
    let ended = tx.revoke_sessions_of(user, keep, reason.to_owned(), now).await?;
    for session in &ended {
        announce(tx, user, *session, "revoked", now).await?;
    }
    Ok(ended)
}

/// Tells a person's stream what became of a session.
pub(super) async fn announce(
    tx: &mut Tx,
    user: UserId,
    session: SessionId,
    change: &'static str,
    now: DateTime<Utc>,
) -> std::result::Result<(), StoreError> {
    tx.emit_user(user, "session", json!(events::Session { session, change }), now).await.map(|_seq| ())
}

/// A reason as it is stored: cut, without control characters.
pub(super) fn cut_reason(reason: &str) -> String {
    reason.chars().filter(|character| !character.is_control()).take(REASON_CHARS_MAX).collect()
}

/// What the holder of a suspended account is told.
pub(super) fn suspended() -> Error {
    Error::new(Code::Suspended, "This account is suspended. Write to support if you think it should not be.")
}

fn unauthorized() -> Error {
    Error::new(Code::Unauthorized, "You are not signed in. Sign in and try again.")
}
