//! Secrets that nobody gave: made once, kept in the data directory, never in production.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::load::{Loaded, Origin, Problem};
use super::{Config, Environment};

/// The file in the data directory.
const FILE_NAME: &str = "secrets.toml";

/// Whether missing secrets may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretsPolicy {
    /// Make and keep them.
    Make,
    /// Look, but leave no trace: a missing one stays empty.
    Look,
}

struct Kept {
    name: &'static str,
    field: fn(&mut Config) -> &mut SecretString,
}

const KEPT: &[Kept] = &[
    Kept { name: "csrf_secret", field: |config| &mut config.csrf_secret },
    Kept { name: "data_key", field: |config| &mut config.data_key },
];

/// 32 bytes of the system's randomness, in hex.
pub(super) fn make() -> Result<SecretString, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes).into())
}

/// Makes a directory for one person's eyes (0700), parents included. One that is there is left as it is.
///
/// # Errors
/// When it cannot be made, or is there and is no directory.
pub fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Fills in the secrets that were not given.
pub(super) fn complete(loaded: &mut Loaded, policy: SecretsPolicy, problems: &mut Vec<Problem>) {
    let missing =
        KEPT.iter().filter(|kept| (kept.field)(&mut loaded.config).expose_secret().is_empty()).collect::<Vec<_>>();
    if missing.is_empty() || loaded.config.environment == Environment::Production {
        return;
    }
    let path = loaded.config.data_dir.join(FILE_NAME);
    let table = match (read(&path), policy) {
        (Err(cause), SecretsPolicy::Look) if cause.kind() == io::ErrorKind::NotFound => return,
        (Err(cause), SecretsPolicy::Make) if cause.kind() == io::ErrorKind::NotFound => {
            make_directory(&loaded.config.data_dir).and_then(|()| make_file(&path)).and_then(|()| read(&path))
        }
        (read, _) => read,
    };
    let problem = |problem: String, hint: &str| Problem {
        key: "the secrets file".into(),
        origin: Origin::Made(path.clone()),
        found: None,
        problem,
        hint: Some(hint.into()),
    };
    let table = match table {
        Ok(table) => table,
        Err(cause) => {
            return problems.push(problem(format!("cannot be used: {cause}"), "Look at data_dir and its permissions."));
        }
    };
    for kept in missing {
        match table.get(kept.name).and_then(toml::Value::as_str) {
            Some(secret) => {
                *(kept.field)(&mut loaded.config) = secret.into();
                loaded.origins.insert(kept.name, Origin::Made(path.clone()));
            }
            None => problems.push(problem(
                format!("lacks {}", kept.name),
                "Put it back from a backup; a new data_key cannot open what the old one sealed.",
            )),
        }
    }
}

fn read(path: &Path) -> io::Result<toml::Table> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!("others may read it; run chmod 600 {}", path.display())));
    }
    std::fs::read_to_string(path)?.parse().map_err(|_| io::Error::other("it is not TOML"))
}

/// Writes new secrets. Two processes that start at once end with the same file: the link is made by one of them.
fn make_file(path: &Path) -> io::Result<()> {
    let mut text = String::from("# Made by domu. Keep it with the database: data_key opens its sealed columns.\n");
    for kept in KEPT {
        let secret = make().map_err(io::Error::other)?;
        text.extend([kept.name, " = \"", secret.expose_secret(), "\"\n"]);
    }
    let mut name = [0_u8; 8];
    getrandom::fill(&mut name).map_err(io::Error::other)?;
    let draft = path.with_extension(format!("{}.tmp", hex::encode(name)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = match std::fs::hard_link(&draft, path) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    std::fs::remove_file(&draft)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    linked
}
