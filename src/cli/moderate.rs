//! `domu moderate`: the moderation engine on lines of standard input, and its score on a labelled corpus.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Done, Failure, out};
use crate::moderation::score::{Labelled, Score};
use crate::moderation::{Policy, screen};

/// Screen texts: one JSON object a line on standard input, one verdict a line on standard output
#[derive(Debug, Args)]
pub struct Moderate {
    /// Print precision and recall for each class and tier of a labelled corpus instead
    #[arg(long, value_name = "FILE")]
    score: Option<PathBuf>,
}

/// What is asked about a text.
#[derive(Debug, Deserialize)]
struct Asked {
    text: String,
    #[serde(default)]
    history: Vec<String>,
}

impl Moderate {
    pub(super) fn run(&self) -> Done {
        let policy = Policy::default();
        let Some(file) = &self.score else {
            for (place, line) in std::io::stdin().lock().lines().enumerate() {
                let asked: Asked = read(place, &line?)?;
                out::say(
                    &serde_json::to_string(&screen(&asked.text, &asked.history, &policy))
                        .map_err(anyhow::Error::from)?,
                );
            }
            return Ok(ExitCode::SUCCESS);
        };
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
        let mut score = Score::default();
        for (place, line) in text.lines().enumerate() {
            let line: Labelled = read(place, line)?;
            score.count(&line, &policy);
        }
        out::say(score.to_string().trim_end());
        Ok(ExitCode::SUCCESS)
    }
}

fn read<T: DeserializeOwned>(place: usize, line: &str) -> Result<T, Failure> {
    serde_json::from_str(line).map_err(|error| {
        let text = error.to_string();
        // Each line is a document of its own, so its own place in it says nothing.
        let cause = text.split(" at line ").next().unwrap_or_default();
        Failure::Usage(format!("line {}, column {}: {cause}", place + 1, error.column()))
    })
}
