//! The rules of the house, read from the sources: who may import whom, what has one place only, what may be shipped.
//! Every rule is shown to fail once on a planted breach.

mod limits;
mod rules;
mod supply;

use std::path::{Path, PathBuf};

/// The project's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
