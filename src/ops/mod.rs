//! What operators see and do while the server runs.

pub mod admin;
pub mod control;
pub mod health;
