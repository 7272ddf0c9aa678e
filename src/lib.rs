//! The real-time server of Domu Match: verified students who look for housemates talk over live sockets.
//!
//! # The house
//! A room imports only from rooms below it; `tests/it/house.rs` reads every `use crate::` line and fails on a breach.
//!
//! | level | rooms | what they know |
//! |---|---|---|
//! | pure | [`ids`] [`protocol`] [`error`] [`text`] [`matching`] [`moderation`] | values; no I/O, no clock |
//! | ground | [`config`] [`clock`] [`telemetry`] [`supervise`] [`ratelimit`] [`doors`] [`seal`] | the machine, and rules of every door |
//! | state | [`store`] [`realtime`] | the database; the sockets and who is at them; neither knows the other |
//! | services | [`chat`] [`accounts`] [`mail`] [`demo`] [`admin`] | what may happen, whichever door it comes through |
//! | edges | [`ws`] [`http`] [`ops`] [`docs`] [`cli`] | the doors: sockets, requests, operators |
//! | root | [`app`] | builds all of it and takes it down in order |
//!
//! # The walk of one message
//! 1. `ws/session.rs` reads a frame, `protocol/client.rs` decodes it.
//! 2. `chat/send.rs` checks what needs no transaction and hands a draft to the committer's queue.
//! 3. `chat/committer.rs` gathers what waits into one transaction: `store/messages.rs` answers retries from what is
//!    stored, checks who may write, numbers and stores the rest; the commit is synced.
//! 4. `chat/fanout.rs`, in commit order, encodes each event once and gives it to [`realtime::Hub`]; the sender's socket
//!    gets the acknowledgement at the event's own place.
//! 5. `realtime/outbox.rs` holds the frames that wait for a socket, `realtime/flusher.rs` writes them at the end of a pass.

#![cfg_attr(
    test,
    allow(
        clippy::as_conversions,
        clippy::disallowed_methods,
        clippy::string_slice,
        reason = "tests may spawn, make ids and look at the clock"
    )
)]

pub mod accounts;
pub mod admin;
pub mod app;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod docs;
pub mod doors;
pub mod error;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod mail;
pub mod matching;
pub mod matchmaking;
pub mod moderation;
pub mod onboarding;
pub mod ops;
pub mod protocol;
pub mod ratelimit;
pub mod realtime;
pub mod seal;
pub mod services;
pub mod store;
pub mod supervise;
pub mod telemetry;
pub mod text;
pub mod ws;
