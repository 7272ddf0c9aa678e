//! The socket: upgrade, session, heartbeat, close.

mod close;
#[cfg(feature = "echo")]
mod echo;
mod session;
mod stream;
pub mod upgrade;
