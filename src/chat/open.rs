//! Connecting: register before reading, then say plainly for every stream whether it was recovered.

use std::collections::HashMap;
use std::sync::Arc;

use super::view::Viewer;
use super::{Chat, view};
use crate::error::Error;
use crate::ids::{ChatId, UserId};
use crate::protocol::client::{Connect, Resume};
use crate::protocol::notify::Notices;
use crate::protocol::server::{ChatState, Invite, Recovered, RecoveredStreams, SnapshotReason, UserState};
use crate::realtime::{Conn, Identity, Shows, StreamId};
use crate::store::{ChatRow, EventRow, Range, UserHead};

/// A socket that is registered and buffering, before its snapshot is read.
#[derive(Debug)]
pub struct Joining {
    user: UserId,
    /// Where the person's own stream stands, read before anything it stands for.
    position: UserHead,
    generations: HashMap<StreamId, u64>,
}

/// What is known of a person's streams, and from which numbers each goes live.
#[derive(Debug)]
pub struct Snapshot {
    /// The person's own stream.
    pub user: UserState,
    /// The chats.
    pub chats: Vec<ChatState>,
    /// Open invitations.
    pub invites: Vec<Invite>,
    /// What is news.
    pub notices: Notices,
    /// `full`, `partial` or `none`, over all streams.
    pub recovered: RecoveredStreams,
    /// Stream, generation of our own attachment, and the number it goes live from.
    live: Vec<(StreamId, Option<u64>, u64)>,
}

/// What is asked of some chats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// First and last place of those whose newest events are wanted.
    pub window: (usize, usize),
    /// What is held of them.
    pub held: Option<&'a HashMap<ChatId, u64>>,
    /// The numbers held are of this life of the store.
    pub same_epoch: bool,
    /// What the person deleted for themself while they were away is not in the answer: it is told by their own stream.
    pub own_lost: bool,
}

impl Chat {
    /// Registers a socket and attaches it to all its streams in buffering mode.
    ///
    /// # Errors
    /// The store cannot be read. (Too many sockets is the hub's answer, before this.)
    pub async fn join(&self, conn: &Arc<Conn>, identity: Identity) -> Result<Joining, Error> {
        let user = identity.user;
        let mut generations = HashMap::new();
        let mut attach = |stream| {
            if let Some(generation) = self.hub.attach(conn, stream) {
                generations.insert(stream, generation);
            }
        };
        attach(StreamId::User(user));
        // The position first: what it stands for is read after it, and what comes later waits in the buffer.
        let position = self.store.user_head(user).await?;
        conn.set_shows(position.head, Shows { receipts: position.receipts, ghost: position.ghost });
        for row in self.store.chats_of(user, self.chats_max()).await? {
            attach(StreamId::Chat(row.id));
        }
        Ok(Joining { user, position, generations })
    }

    pub(super) fn chats_max(&self) -> u64 {
        u64::try_from(self.limits.chats_per_user_max).unwrap_or(u64::MAX)
    }

    /// Reads what the person's streams hold now: what was missed where that can be proven, the newest events elsewhere.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn snapshot(&self, conn: &Arc<Conn>, mut joining: Joining, asked: &Connect) -> Result<Snapshot, Error> {
        // What was joined since the first look has no attachment yet, or one that the committer made and keeps. After an
        // attachment there is another look: whoever leaves after that is detached by the committer.
        let mut rows = loop {
            let rows = self.store.chats_of(joining.user, self.chats_max()).await?;
            let mut settled = true;
            for row in &rows {
                let stream = StreamId::Chat(row.id);
                if let Some(generation) = self.hub.attach(conn, stream) {
                    joining.generations.insert(stream, generation);
                    settled = false;
                }
            }
            if settled {
                break rows;
            }
        };
        rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.at, row.id)));
        // What was left since then is let go.
        joining.generations.retain(|stream, _| {
            let kept = match stream {
                StreamId::User(_) => true,
                StreamId::Chat(chat) => rows.iter().any(|row| row.id == *chat),
            };
            if !kept {
                self.hub.detach(conn, *stream);
            }
            kept
        });
        let resume = asked.resume.as_ref();
        let same_epoch = resume.is_none_or(|resume| resume.epoch == self.store.epoch());
        let notices = self.notices(joining.user, &joining.position).await?;
        let user = self.user_state(joining.user, joining.position, resume, same_epoch).await?;
        let viewer = Viewer { user: joining.user, blocked: self.store.blocked_by(joining.user).await? };
        let wanted = Asked {
            window: asked.window.unwrap_or((0, 19)),
            held: resume.map(|resume| &resume.chats),
            same_epoch,
            own_lost: user.recovered != Recovered::Full,
        };
        let chats = self.chat_states(&viewer, &rows, wanted).await?;
        let invites = self.invites(joining.user).await?.invites;
        let heads = rows.iter().map(|row| (StreamId::Chat(row.id), row.head));
        // The person's own stream last: from then on the committer attaches new chats live.
        let live = heads
            .chain([(StreamId::User(joining.user), user.seq)])
            .map(|(stream, head)| (stream, joining.generations.get(&stream).copied(), head + 1))
            .collect();
        let recovered = chats.iter().map(|chat| chat.recovered).chain([user.recovered]);
        let full = recovered.clone().filter(|recovered| *recovered == Recovered::Full).count();
        let recovered = match (resume, full, recovered.count()) {
            (None, _, _) | (_, 0, _) => RecoveredStreams::None,
            (Some(_), full, all) if full == all => RecoveredStreams::Full,
            _ => RecoveredStreams::Partial,
        };
        Ok(Snapshot { user, chats, invites, notices, recovered, live })
    }

    /// Ends buffering, after the snapshot has been pushed to the socket.
    pub fn go_live(&self, conn: &Arc<Conn>, snapshot: &Snapshot) {
        for (stream, generation, next) in &snapshot.live {
            self.hub.go_live(conn, *stream, *generation, *next);
        }
        self.hub.go_live_rest(conn);
    }

    async fn user_state(
        &self,
        user: UserId,
        UserHead { head, base, .. }: UserHead,
        resume: Option<&Resume>,
        same_epoch: bool,
    ) -> Result<UserState, Error> {
        let verdict = match resume.and_then(|resume| resume.user) {
            None => Verdict::Snapshot(SnapshotReason::Fresh),
            Some(_) if !same_epoch => Verdict::Snapshot(SnapshotReason::Epoch),
            Some(seq) => place(seq, head, base, u64::try_from(self.limits.user_events_max).unwrap_or(u64::MAX)),
        };
        let (recovered, reason, events) = match verdict {
            Verdict::Replay(after) => {
                let events = self.store.user_events(user, after, head).await?;
                // Some may have been trimmed since the head was read.
                if events.iter().map(|event| event.seq).eq(after + 1..=head) {
                    (Recovered::Full, None, events)
                } else {
                    (Recovered::None, Some(SnapshotReason::Trimmed), Vec::new())
                }
            }
            Verdict::Snapshot(reason) => (Recovered::None, Some(reason), Vec::new()),
        };
        let events = events.into_iter().map(|row| view::user_event(row.seq, row.kind, row.at, row.data)).collect();
        Ok(UserState { id: user, seq: head, recovered, reason, events })
    }

    /// What these chats hold: what was missed where that can be proven, the newest events of those in the window.
    pub(super) async fn chat_states(
        &self,
        viewer: &Viewer,
        rows: &[ChatRow],
        asked: Asked<'_>,
    ) -> Result<Vec<ChatState>, Error> {
        let (first, last) = asked.window;
        let last = last.min(first.saturating_add(self.limits.window_chats_max.saturating_sub(1)));
        let each_max = u64::try_from(self.limits.resume_events_max).unwrap_or(u64::MAX);
        let mut left = u64::try_from(self.limits.resume_total_max).unwrap_or(u64::MAX);
        let mut plans = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            let held = asked.held.and_then(|held| held.get(&row.id));
            let mut verdict = match held {
                None => Verdict::Snapshot(SnapshotReason::Fresh),
                Some(_) if !asked.same_epoch => Verdict::Snapshot(SnapshotReason::Epoch),
                Some(_) if asked.own_lost && row.erases => Verdict::Snapshot(SnapshotReason::Trimmed),
                Some(seq) => place(*seq, row.head, row.base, each_max),
            };
            if let Verdict::Replay(after) = verdict {
                match left.checked_sub(row.head - after) {
                    Some(rest) => left = rest,
                    None => verdict = Verdict::Snapshot(SnapshotReason::TooLong),
                }
            }
            let after = match verdict {
                Verdict::Replay(after) => after,
                Verdict::Snapshot(_) if (first..=last).contains(&at) => {
                    row.base.max(row.head.saturating_sub(view::window(&self.limits)))
                }
                Verdict::Snapshot(_) => row.head,
            };
            plans.push((row, verdict, after));
        }
        let ranges: Vec<Range> = plans
            .iter()
            .filter(|(row, _, after)| *after < row.head)
            .map(|(row, _, after)| row.range(*after, row.head))
            .collect();
        let ids: Vec<ChatId> = rows.iter().map(|row| row.id).collect();
        let mut events = self.store.events_in(viewer.user, &ranges).await?;
        let mut members = self.store.members_of(&ids).await?;
        let mut lasts = self.store.messages_at(viewer.user, rows.iter()).await?;
        let mut bytes_left = self.limits.snapshot_bytes_max;
        let states = plans.into_iter().map(|(row, verdict, after)| {
            let found = events.remove(&row.id).unwrap_or_default();
            let weight: usize = found.iter().map(view::weight).sum();
            let members = members.remove(&row.id).unwrap_or_default();
            let mut state = view::state(viewer, row, members, lasts.remove(&row.id));
            let complete = complete(&found, after, row.head);
            match (verdict, bytes_left.checked_sub(weight)) {
                (Verdict::Replay(_), Some(rest)) if complete => {
                    bytes_left = rest;
                    state.initial = false;
                    state.limited = false;
                    state.recovered = Recovered::Full;
                    state.reason = None;
                    state.events = found.into_iter().map(view::event).collect();
                }
                (Verdict::Replay(_), _) => state.reason = Some(SnapshotReason::TooLong),
                (Verdict::Snapshot(reason), rest) => {
                    state.reason = Some(reason);
                    if let Some(rest) = rest {
                        bytes_left = rest;
                        state.limited = after > row.base;
                        state.events = found.into_iter().map(view::event).collect();
                    }
                }
            }
            state
        });
        Ok(states.collect())
    }
}

/// Whether the events are exactly the numbers after one up to another.
fn complete(events: &[EventRow], after: u64, to: u64) -> bool {
    events.iter().map(|event| event.seq).eq(after + 1..=to)
}

#[derive(Clone, Copy)]
enum Verdict {
    /// Everything after this number.
    Replay(u64),
    /// The newest events, and why.
    Snapshot(SnapshotReason),
}

/// What a held position is worth.
fn place(seq: u64, head: u64, base: u64, replay_max: u64) -> Verdict {
    if seq > head {
        Verdict::Snapshot(SnapshotReason::Ahead)
    } else if seq < base {
        Verdict::Snapshot(SnapshotReason::Trimmed)
    } else if head - seq > replay_max {
        Verdict::Snapshot(SnapshotReason::TooLong)
    } else {
        Verdict::Replay(seq)
    }
}
