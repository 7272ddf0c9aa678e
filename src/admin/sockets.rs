//! Live sockets: who holds how many, and sending them away so that they come back.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::act::{Aim, Change, Stored};
use super::model::{Actor, Entry, Permission, Reason};
use super::{Admin, Audited, Inner, authz};
use crate::chat::Scope as Whose;
use crate::error::Result;
use crate::ids::{ChatId, UserId};
use crate::realtime::StreamId;
use crate::store::Tx;

/// People shown at once.
const PEOPLE_MAX: usize = 100;

/// Chats shown of a person.
const ROOMS_MAX: usize = 20;

/// What is live.
#[derive(Debug, Serialize, ToSchema)]
pub struct Realtime {
    /// Sockets, connected or not yet.
    sockets: usize,
    /// People with a socket.
    people: usize,
    /// Sessions with a socket.
    sessions: usize,
    /// Streams that somebody listens to.
    streams: usize,
    /// Bytes that wait for readers.
    waiting_bytes: usize,
    /// The link to other nodes: `none`, for there is one node.
    backplane: &'static str,
    /// Some people with a socket, at most 100.
    connected: Vec<SocketHolder>,
}

/// Somebody with a socket.
#[derive(Debug, Serialize, ToSchema)]
pub struct SocketHolder {
    /// Who.
    user: UserId,
    /// How many sockets.
    sockets: usize,
    /// Chats that they listen to, at most 20.
    chats: Vec<ChatId>,
}

/// Sockets that are sent away.
#[derive(Debug, Serialize, ToSchema)]
pub struct Restarted {
    /// How many.
    pub sockets: usize,
}

impl Admin {
    /// What is live, of everybody or of one person.
    ///
    /// # Errors
    /// Those of permissions.
    pub fn realtime(&self, actor: &Actor, user: Option<UserId>) -> Result<Realtime> {
        authz::may(actor, Permission::ViewSystem, authz::Target::System)?;
        let hub = &self.inner.hub;
        let counts = hub.counts();
        let conns = user.map_or_else(|| hub.all(), |user| hub.conns_of(user));
        let mut people: BTreeMap<UserId, SocketHolder> = BTreeMap::new();
        for conn in conns {
            let Some(user) = conn.identity().map(|identity| identity.user) else { continue };
            if people.len() >= PEOPLE_MAX && !people.contains_key(&user) {
                continue;
            }
            let person = people.entry(user).or_insert_with(|| {
                let (streams, _) = hub.positions(&conn, &[], 0, ROOMS_MAX);
                let chats = streams.into_iter().filter_map(|(stream, _)| match stream {
                    StreamId::Chat(chat) => Some(chat),
                    StreamId::User(_) => None,
                });
                SocketHolder { user, sockets: 0, chats: chats.collect() }
            });
            person.sockets += 1;
        }
        Ok(Realtime {
            sockets: counts.conns,
            people: counts.users,
            sessions: counts.sessions,
            streams: counts.streams,
            waiting_bytes: hub.waiting_bytes(),
            backplane: "none",
            connected: people.into_values().collect(),
        })
    }

    /// Closes sockets over a while, so that their clients come back and resume.
    ///
    /// # Errors
    /// Those of permissions and of the store.
    pub async fn restart_realtime(
        &self,
        actor: &Actor,
        whose: Whose,
        within: Duration,
        reason: Reason,
    ) -> Result<Audited<Restarted>> {
        self.act(actor, reason, Restarting { whose, within, admin: self.clone() }).await
    }
}

struct Restarting {
    whose: Whose,
    within: Duration,
    admin: Admin,
}

impl Change for Restarting {
    type Done = Restarted;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::RunSystem)
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, _tx: &mut Tx, _by: &Actor, _now: DateTime<Utc>) -> Stored<(Restarted, Vec<Entry>)> {
        let sockets = self.admin.inner.chat.sockets(self.whose).len();
        let entry = Entry::new("restart_realtime", "realtime");
        let entry = match self.whose {
            Whose::All => entry,
            Whose::User(user) => entry.on(user),
            Whose::Chat(chat) => entry.on(chat),
        };
        Ok((Restarted { sockets }, vec![entry.with(json!({ "sockets": sockets }))]))
    }

    fn after(&self, admin: &Inner, _by: &Actor, _done: &Restarted) {
        let (chat, within) = (admin.chat.clone(), self.within);
        let sockets = chat.sockets(self.whose);
        let _task = admin.supervisor.spawn("restart-realtime", async move { chat.send_away(sockets, within).await });
    }
}
