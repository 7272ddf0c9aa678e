//! What the clients asked and were answered, kept outside of the server: what the judge believes.

use std::collections::BTreeMap;

/// A moment: a number that only grows, the same for everybody in a run.
pub type Tick = u64;

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// No answer came, or one that leaves it open.
    Unknown,
    Done,
    Refused(u64),
}

/// A message that was to be sent, with all its repetitions.
#[derive(Clone, Debug)]
pub struct Send {
    pub person: usize,
    pub chat: String,
    pub cid: String,
    pub text: String,
    pub begun: Tick,
    pub ended: Option<Tick>,
    pub outcome: Outcome,
    pub stored: Option<Stored>,
}

/// What the answer to a message said, and on which socket it came.
#[derive(Clone, Debug)]
pub struct Stored {
    pub mid: String,
    pub seq: u64,
    pub n: u64,
    /// The socket and its request; none where a repetition was answered.
    pub asked: Option<(u64, u64)>,
}

/// A wish to edit (`text`) or delete a message.
#[derive(Clone, Debug)]
pub struct Change {
    pub chat: String,
    pub mid: String,
    pub rev: u64,
    pub text: Option<String>,
    pub outcome: Outcome,
    /// The revision it has been given.
    pub became: Option<u64>,
}

/// A wish to move a marker, and where it is by the answer.
#[derive(Clone, Debug)]
pub struct Mark {
    pub person: usize,
    pub chat: String,
    pub read: Option<u64>,
}

/// A wish to change a group, by the event that would tell of it.
#[derive(Clone, Debug)]
pub struct Grouping {
    pub chat: String,
    /// The event's kind, its change, and what else it says.
    pub event: (&'static str, &'static str, String),
    pub outcome: Outcome,
}

/// That one person is to hear nothing of another, or something again.
#[derive(Clone, Debug)]
pub struct Block {
    pub by: usize,
    pub of: usize,
    pub on: bool,
    pub begun: Tick,
    pub ended: Option<Tick>,
}

/// Everything that was asked and answered.
#[derive(Clone, Debug, Default)]
pub struct Diary {
    pub sends: Vec<Send>,
    pub changes: Vec<Change>,
    pub marks: Vec<Mark>,
    pub groupings: Vec<Grouping>,
    pub blocks: Vec<Block>,
    /// Promises that were broken while it went on.
    pub faults: Vec<String>,
    /// Every life of the store that was named.
    pub epochs: Vec<String>,
    /// What happened how often.
    pub counts: BTreeMap<String, u64>,
}

impl Diary {
    pub fn count(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }
}
