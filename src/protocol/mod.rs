//! PURE. The wire protocol `domu.v1`: client frames, server frames, codec, and the table of codes.

pub mod client;
pub mod codes;
pub mod edits;
pub mod events;
pub mod frame;
pub mod groups;
pub mod live;
pub mod matching;
pub mod notify;
pub mod onboarding;
pub mod people;
pub mod reports;
pub mod search;
pub mod server;

/// The subprotocol both sides name in the handshake.
pub const SUBPROTOCOL: &str = "domu.v1.json";

/// The version in `connect`.
pub const VERSION: u32 = 1;

/// Numbers on the wire stay below this, so that every client can hold them exactly (2^53).
pub const NUMBER_MAX: u64 = 1 << 53;
