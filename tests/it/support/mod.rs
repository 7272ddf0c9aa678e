//! The vocabulary in which the tests are written.

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
