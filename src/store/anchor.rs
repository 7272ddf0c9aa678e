//! The audit log's anchor: a file beside the database that says which rows there must be.
//!
//! A line `begun SEQ HASH` is synced before a row is committed, a line `kept SEQ HASH` after. A row that was never begun was
//! not written by this program; one that was kept and is not there was cut; one that was kept with another hash was
//! rewritten, however well the chain was computed anew. What was begun and is not there was rolled back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A hash of the chain.
pub(super) type Hash = [u8; 32];

/// The file in the data directory.
const FILE: &str = "audit.anchor";

/// The way to the file; one line at a time.
#[derive(Debug)]
pub(super) struct Anchor {
    path: PathBuf,
    writing: Mutex<()>,
}

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct Anchored {
    /// Every hash that a number was begun with.
    pub begun: BTreeMap<i64, BTreeSet<Hash>>,
    /// The hash that a number was kept with.
    pub kept: BTreeMap<i64, Hash>,
    /// Lines that say neither.
    pub unreadable: u64,
}

impl Anchor {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FILE), writing: Mutex::new(()) }
    }

    /// Says that a row is about to be stored.
    pub(super) fn begin(&self, seq: i64, hash: &Hash) -> io::Result<()> {
        self.write(&format!("begun {seq} {}\n", hex::encode(hash)))
    }

    /// Says that rows are stored.
    pub(super) fn keep(&self, rows: &[(i64, Hash)]) -> io::Result<()> {
        let lines: Vec<String> = rows.iter().map(|(seq, hash)| format!("kept {seq} {}\n", hex::encode(hash))).collect();
        self.write(&lines.concat())
    }

    fn write(&self, lines: &str) -> io::Result<()> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        file.write_all(lines.as_bytes())?;
        file.sync_data()
    }

    /// Everything the file says; nothing when it is not there.
    pub(super) fn read(&self) -> io::Result<Anchored> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let mut anchored = Anchored::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            let (what, seq, hash) = (words.next(), words.next(), words.next());
            let seq = seq.and_then(|seq| seq.parse::<i64>().ok());
            let mut bytes = [0_u8; 32];
            let hash = hash.filter(|hash| hex::decode_to_slice(hash, &mut bytes).is_ok()).map(|_| bytes);
            match (what, seq, hash) {
                (Some("begun"), Some(seq), Some(hash)) => drop(anchored.begun.entry(seq).or_default().insert(hash)),
                (Some("kept"), Some(seq), Some(hash)) => drop(anchored.kept.insert(seq, hash)),
                // The last line of a machine that lost its power.
                _ => anchored.unreadable += 1,
            }
        }
        Ok(anchored)
    }
}
