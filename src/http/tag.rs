//! Entity tags: naming what was answered, so that asking again for the same costs a line.

use http::HeaderMap;
use http::header::IF_NONE_MATCH;
use sha2::{Digest, Sha256};

/// The name of these bytes, without quotes.
pub fn of(bytes: &[u8]) -> String {
    let mut hash = hex::encode(Sha256::digest(bytes));
    hash.truncate(32);
    hash
}

/// Whether `If-None-Match` names this tag, weak or strong.
pub fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|sent| sent == "*" || opaque(sent) == opaque(tag))
}
