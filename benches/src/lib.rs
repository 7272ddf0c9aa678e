//! `domu bench`: what one delivery, one acknowledgement, one connection and one idle socket cost, and beside them, in the same
//! run, what the machine charges at least and what two textbook servers take.
//!
//! # Shape
//! [`run`] starts processes, one at a time: a server (`domu serve` on a copy of a seeded directory, or a textbook server),
//! pinned to the first core, and the load generator [`load`], pinned to the last. The generator shares no code with the
//! server; it is in the same program only so that one command builds and finds everything. Sockets, sessions, gates and
//! moderation are those of production; only the limits that are printed are lifted.
//!
//! # How to read it
//! Repetitions are interleaved over servers, so that a machine that grows slower does so for all. A cell is a median with the
//! least and the greatest; a ratio is the median of the ratios of each repetition. Within 20 % of 1, or when the interval
//! holds 1, it is called parity.

pub mod floor;
pub mod load;
mod plan;
mod report;
mod server;
pub mod soak;
mod stats;
pub mod store;
pub mod textbook;

use std::net::SocketAddrV4;
use std::path::PathBuf;

/// What is asked.
#[derive(Debug)]
pub struct Options {
    /// Fewer shapes and shorter.
    pub quick: bool,
    /// Repetitions.
    pub repeat: u32,
    /// Parts of the names of what is measured; empty: everything.
    pub only: Vec<String>,
    /// Where the report is written.
    pub report: Option<PathBuf>,
    /// Print JSON instead of tables.
    pub json: bool,
    /// A server that runs already.
    pub running: Option<Running>,
}

/// A server that somebody else started.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddrV4,
    /// Its people, a JSON line each.
    pub people: PathBuf,
    /// Its process.
    pub pid: u32,
}

/// Measures and prints. False when something was lost, doubled or reordered.
///
/// # Errors
/// A server did not start, or a file cannot be written.
pub fn run(options: &Options) -> anyhow::Result<bool> {
    let results = plan::run(options)?;
    let text = if options.json { report::json(&results)? } else { report::markdown(&results, false) };
    println!("{text}");
    if let Some(directory) = &options.report {
        std::fs::create_dir_all(directory)?;
        std::fs::write(directory.join("bench.json"), report::json(&results)?)?;
        std::fs::write(directory.join("bench.md"), report::markdown(&results, true))?;
        std::fs::write(directory.join("bench.svg"), report::chart(&results))?;
    }
    Ok(results.faults().is_empty())
}
