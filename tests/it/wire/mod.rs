//! The protocol `domu.v1` on real sockets: what it promises, and what it answers to nonsense.

mod abuse;
mod admission;
mod bad_http;
mod bad_input;
mod blocks;
mod bystander;
mod drain;
mod faults;
mod frames;
mod heads;
mod herd;
mod limits;
mod live;
mod postgres;
mod property;
mod resume;
mod revoked;
mod session;
mod slow;
mod snapshots;
mod stalled;
mod sync;
mod talk;
mod twins;
