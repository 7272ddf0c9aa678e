//! What a pair is to each of its people. It follows from what both decided, and when: never from a score.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What one person decided about the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nothing yet.
    #[default]
    Undecided,
    /// Wants to talk.
    Accepted,
    /// Not now.
    Passed,
}

impl Decision {
    /// As it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Accepted => "accepted",
            Self::Passed => "passed",
        }
    }

    /// What is stored under this name.
    pub fn named(name: &str) -> Self {
        match name {
            "accepted" => Self::Accepted,
            "passed" => Self::Passed,
            _ => Self::Undecided,
        }
    }
}

/// One person's side of a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Side {
    /// What they decided last.
    pub decision: Decision,
    /// When.
    pub at: Option<DateTime<Utc>>,
    /// When their answers last changed.
    pub answers_at: Option<DateTime<Utc>>,
    /// They have blocked the other.
    pub blocks: bool,
    /// They may be suggested to others.
    pub eligible: bool,
}

/// A pair as it is stored, with what is known of its people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Who looks.
    pub mine: Side,
    /// The other.
    pub yours: Side,
    /// The newest run suggests it.
    pub offered: bool,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// One of them ended the match.
    pub ended: bool,
}

/// What a pair is to one of its people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SuggestionStatus)]
pub enum Status {
    /// Neither has decided.
    New,
    /// The other wants to talk.
    Interested,
    /// I want to talk, the other has not decided: whatever the other does but accept, it stays so until it expires.
    Waiting,
    /// Both want to talk.
    Confirmed,
}

/// For how long a pass holds, unless one of the two changes their answers before.
pub const PASS: TimeDelta = TimeDelta::days(30);

impl Facts {
    fn passed(&self, side: &Side, now: DateTime<Utc>) -> bool {
        let since = |at: DateTime<Utc>| {
            let changed = |answers_at: Option<DateTime<Utc>>| answers_at.is_some_and(|changed| changed > at);
            now < at + PASS && !changed(self.mine.answers_at) && !changed(self.yours.answers_at)
        };
        side.decision == Decision::Passed && side.at.is_some_and(since)
    }

    /// Both want to talk.
    pub fn both(&self) -> bool {
        [self.mine, self.yours].iter().all(|side| side.decision == Decision::Accepted)
    }

    /// Whether both are there and nothing keeps them from deciding.
    pub fn open(&self, now: DateTime<Utc>) -> bool {
        let there = |side: &Side| side.eligible && !side.blocks && !self.passed(side, now);
        self.offered && now < self.expires_at && !self.both() && there(&self.mine) && there(&self.yours)
    }

    /// What it is to the one who looks; none: they do not see it.
    pub fn status(&self, now: DateTime<Utc>) -> Option<Status> {
        if self.both() {
            return (!self.ended && !self.mine.blocks).then_some(Status::Confirmed);
        }
        // Whoever waits must not be able to tell a block, a pass or a farewell from silence.
        let silent = self.mine.decision == Decision::Accepted && !self.mine.blocks;
        if silent && self.offered && now < self.expires_at {
            return Some(Status::Waiting);
        }
        let interested = self.yours.decision == Decision::Accepted;
        self.open(now).then_some(if interested { Status::Interested } else { Status::New })
    }

    /// Whether a run leaves the two apart: matched once, passed, or waiting for an answer.
    pub fn apart(&self, now: DateTime<Utc>) -> bool {
        self.both() || self.passed(&self.mine, now) || self.passed(&self.yours, now) || self.held(now)
    }

    /// Whether it takes an open place of both: somebody waits for an answer.
    pub fn held(&self, now: DateTime<Utc>) -> bool {
        let accepted = [self.mine, self.yours].iter().any(|side| side.decision == Decision::Accepted);
        accepted && !self.both() && self.offered && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_790_000_000_123).unwrap()
    }

    fn facts() -> Facts {
        let side = Side { eligible: true, ..Side::default() };
        Facts { mine: side, yours: side, offered: true, expires_at: now() + TimeDelta::days(7), ended: false }
    }

    fn decided(decision: Decision) -> Side {
        Side { decision, at: Some(now()), eligible: true, ..Side::default() }
    }

    #[test]
    fn decisions_alone_say_what_a_pair_is() {
        let pair = facts();
        assert_eq!(pair.status(now()), Some(Status::New));
        let (accepted, passed) = (decided(Decision::Accepted), decided(Decision::Passed));
        assert_eq!(Facts { yours: accepted, ..pair }.status(now()), Some(Status::Interested));
        assert_eq!(Facts { mine: accepted, ..pair }.status(now()), Some(Status::Waiting));
        let both = Facts { mine: accepted, yours: accepted, ..pair };
        assert_eq!(both.status(now()), Some(Status::Confirmed));
        assert_eq!(both.status(pair.expires_at), Some(Status::Confirmed), "a match does not expire");
        assert_eq!(Facts { ended: true, ..both }.status(now()), None);
        assert_eq!(Facts { mine: passed, ..pair }.status(now()), None);
        assert_eq!(Facts { yours: passed, ..pair }.status(now()), None);
        assert_eq!(pair.status(pair.expires_at), None);
        assert_eq!(Facts { offered: false, ..pair }.status(now()), None);
    }

    /// Whoever waits sees the same, whether the other is silent, has passed, has blocked them or is gone.
    #[test]
    fn who_waits_cannot_tell_a_block_from_silence() {
        let pair = Facts { mine: decided(Decision::Accepted), ..facts() };
        let blocked = Side { blocks: true, ..pair.yours };
        let gone = Side { eligible: false, ..pair.yours };
        for yours in [pair.yours, blocked, gone, decided(Decision::Passed)] {
            let pair = Facts { yours, ..pair };
            assert_eq!(pair.status(now()), Some(Status::Waiting));
            assert_eq!(pair.status(pair.expires_at), None);
        }
        for yours in [blocked, gone] {
            assert_eq!(Facts { yours, ..facts() }.status(now()), None, "nor is anything offered across it");
            assert!(!Facts { yours, ..facts() }.open(now()));
        }
    }

    #[test]
    fn a_pass_holds_for_thirty_days_or_until_answers_change() {
        let pair = Facts { yours: decided(Decision::Passed), expires_at: now() + TimeDelta::days(90), ..facts() };
        let end = now() + TimeDelta::days(30);
        assert!(pair.apart(end - TimeDelta::milliseconds(1)) && !pair.open(end - TimeDelta::milliseconds(1)));
        assert!(!pair.apart(end) && pair.open(end));
        let changed = |at| Some(now() + TimeDelta::milliseconds(at));
        for at in [-1, 0] {
            assert!(Facts { mine: Side { answers_at: changed(at), ..pair.mine }, ..pair }.apart(now()), "before it");
        }
        assert!(!Facts { mine: Side { answers_at: changed(1), ..pair.mine }, ..pair }.apart(now()));
        assert!(!Facts { yours: Side { answers_at: changed(1), ..pair.yours }, ..pair }.apart(now()));
    }

    #[test]
    fn who_waits_holds_a_place_until_it_expires() {
        let pair = Facts { mine: decided(Decision::Accepted), ..facts() };
        assert!(pair.held(now()) && pair.apart(now()));
        assert!(!pair.held(pair.expires_at) && !pair.apart(pair.expires_at));
        let both = Facts { yours: decided(Decision::Accepted), ..pair };
        assert!(!both.held(now()) && both.apart(pair.expires_at), "matched once is matched for good");
    }
}
