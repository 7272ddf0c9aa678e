//! `domu docs`: writes what is made from the types, or says whether it is up to date.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Done, out};
use crate::docs;

#[derive(Debug, Args)]
pub(super) struct Docs {
    /// The root of the project
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Write nothing; exit code 1 when a file is not up to date
    #[arg(long)]
    check: bool,
}

impl Docs {
    pub(super) fn run(&self) -> Done {
        let mut stale = false;
        for file in docs::files() {
            let path = self.out.join(file.path);
            if std::fs::read_to_string(&path).is_ok_and(|held| held == file.text) {
                continue;
            }
            stale = true;
            if !self.check {
                if let Some(directory) = path.parent() {
                    std::fs::create_dir_all(directory)?;
                }
                std::fs::write(&path, file.text)?;
            }
            out::say(&format!("{} {}", if self.check { "is not up to date:" } else { "written:" }, file.path));
        }
        Ok(if stale && self.check { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
