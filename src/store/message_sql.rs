//! The statements of the committer's transaction and of reading chats: constant for a database, whatever the number of rows.

use sea_orm::DbBackend;
use serde::Serialize;

use super::messages::{Head, NewMessage};
use super::table::{Col, Hex, HexBytes, blob, rows};

/// A message by its sender's own id. Parameters: chat, sender, client id.
pub(super) const BY_CLIENT_ID: &str = "SELECT id, seq, n, created_at, content_hash FROM messages \
     WHERE chat_id = $1 AND user_id = $2 AND client_msg_id = $3";

/// How many chats a person is in. Parameter: person.
pub(super) const CHATS_HELD: &str = "SELECT COUNT(*) FROM chat_members WHERE user_id = $1 AND status = 'active'";

/// Which drafts are stored already.
pub(super) fn known(backend: DbBackend) -> String {
    format!(
        "SELECT j.i AS i, m.id, m.seq, m.n, m.created_at, m.content_hash FROM {} CROSS JOIN messages m \
         WHERE m.chat_id = j.c AND m.user_id = j.u AND m.client_msg_id = j.k",
        rows(backend, &[("i", Col::Int), ("c", Col::Id), ("u", Col::Id), ("k", Col::Id)])
    )
}

/// What decides whether each draft may be stored, in the order of [`super::messages`]'s `gate`; PostgreSQL locks the chats
/// until the commit.
pub(super) fn gates(backend: DbBackend) -> String {
    let lock = if backend == DbBackend::Postgres { "FOR NO KEY UPDATE OF c" } else { "" };
    format!(
        "SELECT j.i, c.id, c.head_seq, c.head_n, cm.status = 'active', \
         u.is_active AND u.suspended_at IS NULL AND u.deleted_at IS NULL, \
         u.identity_verified_at IS NOT NULL AND u.identity_revoked_at IS NULL, c.status = 'open', \
         NOT c.is_group AND u.who_may_message = 'nobody', \
         EXISTS (SELECT 1 FROM match_blocklist b WHERE b.blocked_user_id = j.u AND b.ended_at IS NULL), \
         COALESCE((SELECT CASE WHEN b.user_id IS NOT NULL THEN 2 WHEN ou.who_may_message = 'nobody' THEN 1 ELSE 0 END \
         FROM chat_members o JOIN users ou ON ou.id = o.user_id LEFT JOIN match_blocklist b \
         ON b.user_id = j.u AND b.blocked_user_id = o.user_id AND b.ended_at IS NULL \
         WHERE NOT c.is_group AND o.chat_id = c.id AND o.user_id <> j.u LIMIT 1), 0), \
         (SELECT r.seq FROM messages r WHERE r.id = j.r AND r.chat_id = j.c AND r.n > cm.joined_n \
         AND NOT EXISTS (SELECT 1 FROM withheld_messages w WHERE w.chat_id = j.c AND w.user_id = j.u AND w.seq = r.seq) \
         AND NOT EXISTS (SELECT 1 FROM withheld_changes w WHERE w.chat_id = j.c AND w.user_id = j.u AND w.n = r.n)), \
         u.muted_at IS NOT NULL \
         FROM {} CROSS JOIN chats c CROSS JOIN chat_members cm CROSS JOIN users u \
         WHERE c.id = j.c AND cm.chat_id = j.c AND cm.user_id = j.u AND u.id = j.u {lock}",
        rows(backend, &[("i", Col::Int), ("c", Col::Id), ("u", Col::Id), ("r", Col::Id)])
    )
}

/// Who of a draft's chat has blocked its sender.
pub(super) fn blockers(backend: DbBackend) -> String {
    format!(
        "SELECT j.i AS i, b.user_id FROM {} CROSS JOIN match_blocklist b CROSS JOIN chat_members cm \
         WHERE b.blocked_user_id = j.u AND b.ended_at IS NULL \
         AND cm.chat_id = j.c AND cm.user_id = b.user_id AND cm.status = 'active'",
        rows(backend, &[("i", Col::Int), ("c", Col::Id), ("u", Col::Id)])
    )
}

/// Messages of a batch that some members will not see.
pub(super) fn insert_withheld(backend: DbBackend) -> String {
    format!(
        "INSERT INTO withheld_messages (chat_id, user_id, seq, n) SELECT j.c, j.u, j.s, j.n FROM {}",
        rows(backend, &[("c", Col::Id), ("u", Col::Id), ("s", Col::Int), ("n", Col::Int)])
    )
}

/// What members' rows say of withheld messages. One row for each member: `n` the newest, `s` where the unbroken run that
/// ends there begins, `k` how many.
pub(super) fn advance_withheld(backend: DbBackend) -> String {
    format!(
        "UPDATE chat_members SET withheld_n = j.n, withheld_unread = withheld_unread + j.k, \
         shown_n = CASE WHEN withheld_n > 0 AND withheld_n = j.s - 1 THEN shown_n ELSE j.s - 1 END \
         FROM {} WHERE chat_members.chat_id = j.c AND chat_members.user_id = j.u",
        rows(backend, &[("c", Col::Id), ("u", Col::Id), ("n", Col::Int), ("s", Col::Int), ("k", Col::Int)])
    )
}

/// What a person does not see of some ranges. Parameter 2: person.
pub(super) fn withheld_in(backend: DbBackend) -> String {
    format!(
        "SELECT w.chat_id, w.seq FROM {} CROSS JOIN withheld_messages w \
         WHERE w.chat_id = j.c AND w.user_id = $2 AND w.seq > j.a AND w.seq <= j.z",
        rows(backend, &[("c", Col::Id), ("a", Col::Int), ("z", Col::Int)])
    )
}

/// Which of some messages a person sees no more. Parameter 2: person.
pub(super) fn withheld_changes(backend: DbBackend) -> String {
    format!(
        "SELECT w.chat_id, w.n FROM {} CROSS JOIN withheld_changes w \
         WHERE w.chat_id = j.c AND w.user_id = $2 AND w.n = j.p",
        rows(backend, &[("c", Col::Id), ("p", Col::Int)])
    )
}

/// Which of some events a person does not see. Parameter 2: person.
pub(super) fn withheld_events(backend: DbBackend) -> String {
    format!(
        "SELECT w.chat_id, w.seq FROM {} CROSS JOIN withheld_events w \
         WHERE w.chat_id = j.c AND w.user_id = $2 AND w.seq = j.s",
        rows(backend, &[("c", Col::Id), ("s", Col::Int)])
    )
}

/// The reactions to some messages that a person sees, in no order. Parameter 2: person.
pub(super) fn reactions_to(backend: DbBackend) -> String {
    format!(
        "SELECT r.chat_id, r.n, r.user_id, r.emoji, r.seq FROM {} CROSS JOIN reactions r WHERE r.chat_id = j.c AND r.n = j.p \
         AND NOT EXISTS (SELECT 1 FROM withheld_events w WHERE w.chat_id = r.chat_id AND w.user_id = $2 AND w.seq = r.seq)",
        rows(backend, &[("c", Col::Id), ("p", Col::Int)])
    )
}

/// The messages of a batch. Parameter 2: now.
pub(super) fn insert_messages(backend: DbBackend) -> String {
    let columns = [
        ("m", Col::Id),
        ("c", Col::Id),
        ("s", Col::Int),
        ("n", Col::Int),
        ("u", Col::Id),
        ("k", Col::Id),
        ("t", Col::Text),
        ("h", Col::Blob),
        ("r", Col::Id),
        ("q", Col::Int),
    ];
    format!(
        "INSERT INTO messages (id, chat_id, seq, n, user_id, kind, client_msg_id, content, content_hash, reply_to_id, reply_seq, \
         created_at, rev) SELECT j.m, j.c, j.s, j.n, j.u, 'user', j.k, j.t, {}, j.r, j.q, $2, 1 FROM {}",
        blob(backend, "h"),
        rows(backend, &columns)
    )
}

/// The events of a batch. Parameter 2: now.
pub(super) fn insert_events(backend: DbBackend) -> String {
    format!(
        "INSERT INTO chat_events (chat_id, seq, n, kind, actor_id, message_id, created_at) \
         SELECT j.c, j.s, j.n, 'message', j.u, j.m, $2 FROM {}",
        rows(backend, &[("c", Col::Id), ("s", Col::Int), ("n", Col::Int), ("u", Col::Id), ("m", Col::Id)])
    )
}

/// The new heads of the chats of a batch. Parameter 2: now.
pub(super) fn advance_heads(backend: DbBackend) -> String {
    format!(
        "UPDATE chats SET head_seq = j.s, head_n = j.n, last_message_at = $2, updated_at = $2, \
         unread_at = COALESCE(chats.unread_at, $2) FROM {} WHERE chats.id = j.c",
        rows(backend, &[("c", Col::Id), ("s", Col::Int), ("n", Col::Int)])
    )
}

/// How many withheld messages of a row's chat and person come after a number. Counting has an end: who has more of them
/// unread than that is told a number that is too high, and nobody waits for the counting.
fn withheld_after(seq: &str) -> String {
    format!(
        "(SELECT COUNT(*) FROM (SELECT 1 FROM withheld_messages w WHERE w.chat_id = j.c AND w.user_id = j.u \
         AND w.seq > {seq} LIMIT 1000) AS counted)"
    )
}

/// Where members are, and the ordinal of the place they want to move to.
pub(super) fn markers(backend: DbBackend) -> String {
    let least = if backend == DbBackend::Postgres { "LEAST" } else { "MIN" };
    let withheld = withheld_after("j.r");
    format!(
        "SELECT j.i AS i, cm.read_seq, cm.read_n, cm.recv_seq, c.head_seq, c.head_n, u.read_receipts, \
         CASE WHEN cm.withheld_unread = 0 OR j.r <= cm.read_seq THEN cm.withheld_unread \
         WHEN j.r >= c.head_seq THEN 0 ELSE {withheld} END AS withheld_unread, \
         EXISTS (SELECT 1 FROM chat_members o JOIN match_blocklist b \
         ON b.user_id = j.u AND b.blocked_user_id = o.user_id AND b.ended_at IS NULL \
         WHERE NOT c.is_group AND o.chat_id = c.id AND o.user_id <> j.u) AS other_blocked, \
         COALESCE((SELECT e.n FROM chat_events e WHERE e.chat_id = c.id AND e.seq = {least}(j.r, c.head_seq)), 0) AS wanted_n \
         FROM {} CROSS JOIN chat_members cm CROSS JOIN chats c CROSS JOIN users u \
         WHERE cm.chat_id = j.c AND cm.user_id = j.u AND cm.status = 'active' AND c.id = j.c AND u.id = j.u",
        rows(backend, &[("i", Col::Int), ("c", Col::Id), ("u", Col::Id), ("r", Col::Int)])
    )
}

/// Where members are now. Parameter 2: now.
pub(super) fn move_members(backend: DbBackend) -> String {
    format!(
        "UPDATE chat_members SET read_seq = j.r, read_n = j.n, recv_seq = j.v, updated_at = $2, \
         withheld_unread = CASE WHEN withheld_n <= j.n THEN 0 WHEN j.r = read_seq THEN withheld_unread \
         ELSE {} END FROM {} WHERE chat_members.chat_id = j.c AND chat_members.user_id = j.u",
        withheld_after("j.r"),
        rows(backend, &[("c", Col::Id), ("u", Col::Id), ("r", Col::Int), ("n", Col::Int), ("v", Col::Int)])
    )
}

const CHAT_COLUMNS: &str = "c.id, c.is_group, c.name, c.status, c.head_seq, c.head_n, c.base_seq, c.last_message_at, \
     c.created_at, cm.read_seq, cm.read_n, cm.recv_seq, cm.withheld_n, cm.withheld_unread, cm.shown_n, \
     cm.joined_seq, cm.joined_n, cm.has_erased, cm.muted_until";

const EVENT_COLUMNS: &str = "e.chat_id, e.seq, e.kind, e.created_at, e.data, m.id AS message_id, m.n, m.user_id, \
     m.client_msg_id, m.content, m.kind AS message_kind, m.params, m.reply_to_id, m.reply_seq, m.rev, \
     m.edited_at, m.deleted_at, m.reaction_count";

/// The chats of a person, in no order. Parameters: person, how many.
pub(super) fn chats_of() -> String {
    format!(
        "SELECT {CHAT_COLUMNS} FROM chat_members cm JOIN chats c ON c.id = cm.chat_id \
         WHERE cm.user_id = $1 AND cm.status = 'active' LIMIT $2"
    )
}

/// One chat of a person. Parameters: chat, person.
pub(super) fn chat_of() -> String {
    format!(
        "SELECT {CHAT_COLUMNS} FROM chat_members cm JOIN chats c ON c.id = cm.chat_id \
         WHERE cm.chat_id = $1 AND cm.user_id = $2 AND cm.status = 'active'"
    )
}

/// Everybody who is or was in some chats.
pub(super) fn members_of(backend: DbBackend) -> String {
    format!(
        "SELECT cm.chat_id, cm.user_id, cm.role, cm.status, cm.joined_seq, cm.left_seq, cm.read_seq, cm.read_n, cm.recv_seq, \
         p.first_name, p.last_name, p.avatar_hue, p.picture_id, u.read_receipts \
         FROM {} CROSS JOIN chat_members cm CROSS JOIN users u \
         LEFT JOIN profiles p ON p.user_id = cm.user_id WHERE cm.chat_id = j.c AND u.id = cm.user_id",
        rows(backend, &[("c", Col::Id)])
    )
}

/// The events of some ranges, in no order. A message is found by its place in the chat, which the event
/// shares: neighbours lie side by side in that index, but anywhere in the index of ids.
pub(super) fn events_in(backend: DbBackend) -> String {
    format!(
        "SELECT {EVENT_COLUMNS} FROM {} CROSS JOIN chat_events e \
         LEFT JOIN messages m ON e.message_id IS NOT NULL AND m.chat_id = e.chat_id \
         AND m.n = COALESCE(e.about_n, e.n) \
         WHERE e.chat_id = j.c AND e.seq > j.a AND e.seq <= j.z",
        rows(backend, &[("c", Col::Id), ("a", Col::Int), ("z", Col::Int)])
    )
}

/// Messages by their ordinals.
pub(super) fn messages_at(backend: DbBackend) -> String {
    format!(
        "SELECT {EVENT_COLUMNS} FROM {} CROSS JOIN messages m CROSS JOIN chat_events e \
         WHERE m.chat_id = j.c AND m.n = j.p AND e.chat_id = m.chat_id AND e.seq = m.seq",
        rows(backend, &[("c", Col::Id), ("p", Col::Int)])
    )
}

/// The heads of some rows of `chats` or `users`; PostgreSQL waits for whoever still holds them.
pub(super) fn locked_heads(backend: DbBackend, table: &str) -> String {
    let lock = if backend == DbBackend::Postgres { "FOR UPDATE OF t" } else { "" };
    format!(
        "SELECT t.id, t.head_seq FROM {} CROSS JOIN {table} t WHERE t.id = j.c {lock}",
        rows(backend, &[("c", Col::Id)])
    )
}

/// A draft as the store looks for it.
#[derive(Serialize)]
pub(super) struct DraftRow {
    pub i: usize,
    pub c: Hex,
    pub u: Hex,
    pub k: Hex,
}

/// What a draft's place and sender are asked about.
#[derive(Serialize)]
pub(super) struct GateRow {
    pub i: usize,
    pub c: Hex,
    pub u: Hex,
    pub r: Option<Hex>,
}

/// A new message: id, chat, sender, client id, number, ordinal, text, digest, what it answers and where that is.
#[derive(Serialize)]
pub(super) struct MessageRow<'a> {
    pub m: Hex,
    pub c: Hex,
    pub u: Hex,
    pub k: Hex,
    pub s: i64,
    pub n: i64,
    pub t: &'a str,
    pub h: HexBytes<'a>,
    pub r: Option<Hex>,
    pub q: Option<i64>,
}

/// Its event.
#[derive(Serialize)]
pub(super) struct EventRow {
    pub m: Hex,
    pub c: Hex,
    pub u: Hex,
    pub s: i64,
    pub n: i64,
}

impl<'a> MessageRow<'a> {
    pub fn new(draft: &'a NewMessage, at: Head, reply_seq: Option<i64>) -> Self {
        Self {
            m: Hex(draft.id.0),
            c: Hex(draft.chat.0),
            u: Hex(draft.sender.0),
            k: Hex(draft.cid.0),
            s: at.seq,
            n: at.n,
            t: &draft.text,
            h: HexBytes(&draft.digest),
            r: draft.reply_to.map(|id| Hex(id.0)),
            q: reply_seq,
        }
    }
}

impl EventRow {
    pub fn new(draft: &NewMessage, at: Head) -> Self {
        Self { m: Hex(draft.id.0), c: Hex(draft.chat.0), u: Hex(draft.sender.0), s: at.seq, n: at.n }
    }
}

/// The new head of a chat.
#[derive(Serialize)]
pub(super) struct HeadRow {
    pub c: Hex,
    pub s: i64,
    pub n: i64,
}

/// Where a member is now.
#[derive(Serialize)]
pub(super) struct MovedRow {
    pub c: Hex,
    pub u: Hex,
    pub r: i64,
    pub n: i64,
    pub v: i64,
}
