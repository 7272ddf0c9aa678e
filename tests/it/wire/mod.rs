//! The protocol `domu.v1` on real sockets: what it promises, and what it answers to nonsense.

mod bad_http;
mod bad_input;
mod blocks;
mod bystander;
mod drain;
mod faults;
mod frames;
mod limits;
mod live;
mod postgres;
mod property;
mod resume;
mod revoked;
mod session;
mod slow;
mod snapshots;
mod sync;
mod talk;
mod twins;
