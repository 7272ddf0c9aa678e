//! Seals columns such as the birth date, and makes keyed fingerprints of short secrets.
//!
//! # Why
//! A copied database file alone must not tell birth dates, nor let six-digit codes be guessed from their hashes.
//! Both keys are derived from the one data key, which lives beside the database or in the environment.

use anyhow::{Context, anyhow, ensure};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use uuid::Uuid;

/// First byte of everything sealed, so that another construction can follow one day.
const VERSION: u8 = 1;
/// Bytes of a nonce: long enough to be random.
const NONCE_BYTES: usize = 24;

/// Seals and opens values that belong to one row, and fingerprints secrets under a key.
#[derive(Clone)]
pub struct Seal {
    cipher: XChaCha20Poly1305,
    fingerprints: Hmac<Sha256>,
}

impl Seal {
    /// The seal under `data_key`, 32 bytes in hex.
    ///
    /// # Errors
    /// When the key is not 32 bytes in hex. The key is not part of the error.
    pub fn new(data_key: &SecretString) -> anyhow::Result<Self> {
        let mut root = [0_u8; 32];
        hex::decode_to_slice(data_key.expose_secret(), &mut root)
            .map_err(|_| anyhow!("the data key must be 32 bytes in hex (64 digits)"))?;
        let sealing = derive(&root, b"domu seal v1")?;
        let fingerprinting = derive(&root, b"domu fingerprint v1")?;
        Ok(Self {
            cipher: XChaCha20Poly1305::new(&sealing.into()),
            fingerprints: <Hmac<Sha256> as KeyInit>::new_from_slice(&fingerprinting)
                .map_err(|_| anyhow!("a fingerprint key of the wrong length"))?,
        })
    }

    /// Seals `plain` for the column `place` of the row `row`: it opens nowhere else.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, place: &str, row: Uuid, plain: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| anyhow!("no randomness: {error}"))?;
        let aad = associated(place, row);
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| anyhow!("sealing {place} failed"))?;
        let mut out = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`Seal::seal`] made for the same column and row.
    ///
    /// # Errors
    /// When it was made for another place, under another key, or was changed.
    pub fn open(&self, place: &str, row: Uuid, sealed: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (version, rest) = sealed.split_first().context("nothing is sealed here")?;
        ensure!(*version == VERSION, "sealed in an unknown way");
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().context("sealed value is cut short")?;
        let aad = associated(place, row);
        self.cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &aad })
            .map_err(|_| anyhow!("{place} does not open: wrong key, wrong row, or changed"))
    }

    /// A keyed hash of `secret` for the purpose `place` and the row or person `row`.
    pub fn fingerprint(&self, place: &str, row: Uuid, secret: &[u8]) -> [u8; 32] {
        let mut mac = self.fingerprints.clone();
        mac.update(&associated(place, row));
        mac.update(secret);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(..)")
    }
}

/// One key for one purpose.
fn derive(root: &[u8; 32], purpose: &[u8]) -> anyhow::Result<[u8; 32]> {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(root).map_err(|_| anyhow!("a root key of the wrong length"))?;
    mac.update(purpose);
    Ok(mac.finalize().into_bytes().into())
}

/// Where a value belongs. The row's bytes have a fixed length and come last, so no two places collide.
fn associated(place: &str, row: Uuid) -> Vec<u8> {
    let mut aad = Vec::with_capacity(place.len() + 17);
    aad.extend_from_slice(place.as_bytes());
    aad.push(0);
    aad.extend_from_slice(row.as_bytes());
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(digit: &str) -> Seal {
        Seal::new(&SecretString::from(digit.repeat(64))).unwrap()
    }

    #[test]
    fn opens_only_where_it_was_sealed() {
        let (row, other) = (crate::ids::new_id(), crate::ids::new_id());
        let sealed = seal("a").seal("users.date_of_birth", row, b"2004-05-31").unwrap();
        assert_eq!(seal("a").open("users.date_of_birth", row, &sealed).unwrap(), b"2004-05-31");
        assert!(seal("a").open("users.date_of_birth", other, &sealed).is_err(), "another row");
        assert!(seal("a").open("outbox.params", row, &sealed).is_err(), "another column");
        assert!(seal("b").open("users.date_of_birth", row, &sealed).is_err(), "another key");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(seal("a").open("users.date_of_birth", row, &changed).is_err(), "byte {at}");
        }
        for length in 0..sealed.len() {
            assert!(seal("a").open("users.date_of_birth", row, &sealed[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn the_same_value_is_never_sealed_the_same_way() {
        let row = crate::ids::new_id();
        let twice = [seal("a").seal("p", row, b"x").unwrap(), seal("a").seal("p", row, b"x").unwrap()];
        assert_ne!(twice[0], twice[1]);
    }

    #[test]
    fn fingerprints_depend_on_key_place_and_row() {
        let (row, other) = (crate::ids::new_id(), crate::ids::new_id());
        let print = seal("a").fingerprint("code", row, b"123456");
        assert_eq!(print, seal("a").fingerprint("code", row, b"123456"));
        assert_ne!(print, seal("b").fingerprint("code", row, b"123456"));
        assert_ne!(print, seal("a").fingerprint("link", row, b"123456"));
        assert_ne!(print, seal("a").fingerprint("code", other, b"123456"));
        assert_ne!(print, seal("a").fingerprint("code", row, b"123457"));
    }

    #[test]
    fn a_bad_key_is_refused_without_being_told() {
        for key in ["", "zz", &"g".repeat(64), &"a".repeat(63)] {
            let error = Seal::new(&SecretString::from(key.to_owned())).unwrap_err().to_string();
            assert!(key.is_empty() || !error.contains(&format!("{key} ")), "{error}");
        }
    }
}
