//! The socket: upgrade, session, heartbeat, close.

mod close;
mod session;
mod stream;
pub mod upgrade;
