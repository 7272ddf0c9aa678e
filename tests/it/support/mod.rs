//! The vocabulary in which the tests are written.

pub mod admins;
pub mod chance;
pub mod client;
pub mod http;
pub mod line;
pub mod mail;
pub mod mirror;
pub mod people;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod server;
pub mod students;

use std::path::{Path, PathBuf};

pub(crate) use server::on_both;

/// The databases that everything must work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Db {
    Sqlite,
    Postgres,
}

/// Whether the long variants are wanted (`tests/run --full`).
pub fn full_run() -> bool {
    std::env::var("DOMU_TEST_FULL").is_ok_and(|value| !value.is_empty() && value != "0")
}

/// The SQLite file in a data directory.
pub fn sqlite_file(data_dir: &Path) -> PathBuf {
    data_dir.join("domu.db")
}

/// The kernel's states of connections over IPv4 from one local port to another one.
pub fn tcp_states(local: u16, remote: u16) -> Vec<u8> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table of connections");
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next().unwrap_or_default(), 16).ok();
    let row = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (from, to, state) = (words.next()?, words.next()?, words.next()?);
        let is_meant = port(from) == Some(local) && port(to) == Some(remote);
        is_meant.then(|| u8::from_str_radix(state, 16).ok()).flatten()
    };
    table.lines().skip(1).filter_map(row).collect()
}
