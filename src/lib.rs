//! The real-time server of Domu Match.

pub mod clock;
pub mod config;
pub mod error;
pub mod ids;
pub mod protocol;
pub mod supervise;
