//! Acknowledged means stored: the server is killed again and again while people talk, and nothing may be missing.

mod checker;
mod crew;
mod kills;
pub mod world;
