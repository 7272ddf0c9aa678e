//! Integration tests: one crate, because each further one links everything again.

#![cfg(test)]
#![allow(
    missing_docs,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::pedantic,
    clippy::string_slice,
    reason = "tests may spawn, look at the clock and panic"
)]

mod browser;
mod cli;
mod config;
mod crash;
mod house;
mod scale;
mod sim;
mod support;
mod wire;
