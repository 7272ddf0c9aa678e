//! The hub: who holds a socket, which streams it listens to, and the bounded queue of frames that waits for it.
//!
//! Passive data in sharded maps; nothing here waits for a reader, and nothing here knows the store.

mod admission;
mod conn;
mod flusher;
mod hub;
mod live;
mod outbox;
mod stalled;

pub use admission::{Admission, AdmissionLimits, ComeBack};
pub use conn::{Begin, Conn, ConnId, Identity, Shows};
pub use flusher::Flusher;
pub use hub::{Delivery, Hub, HubCounts, StreamId, TooManySockets};
pub use live::{Change, End, Lifetimes, Live, LiveCounts, MemberFacts, Reading, RoomFacts, Stale};
pub use outbox::{Budget, Class, Flushed, Frame, Outbox, OutboxLimits, Push};
