//! What operators see and do while the server runs.

pub mod control;
pub mod health;
