//! CSRF tokens: random bytes and a keyed hash that binds them to one session, or to one browser that is not signed in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::Cookies;
use crate::error::{Error, Result};

/// The header that carries the token, as the runbook names it.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// Random bytes of a token: 128 bits.
const RANDOM_BYTES: usize = 16;
/// Bytes of the keyed hash.
const TAG_BYTES: usize = 32;

/// Whom a CSRF token belongs to.
///
/// # Why
/// The session's own secret is the best name of the session that needs no look-up: it is unique, it changes at each
/// sign-in, and only its keyed hash leaves this module.
#[derive(Clone, Debug)]
pub enum CsrfSubject {
    /// A session, named by its token.
    Session(SecretString),
    /// A browser that is not signed in, named by its anonymous id.
    Anon(String),
}

impl CsrfSubject {
    /// The subject of a request: its session, else its anonymous id, else nobody.
    pub fn of(cookies: &Cookies) -> Option<Self> {
        match (&cookies.session, &cookies.anon) {
            (Some(token), _) => Some(Self::Session(token.clone())),
            (None, Some(id)) => Some(Self::Anon(id.clone())),
            (None, None) => None,
        }
    }
}

/// A new anonymous id: 128 random bits, so that no browser can name another's.
///
/// # Errors
/// `internal` when the machine has no randomness.
pub fn make_anon_id() -> Result<String> {
    Ok(BASE64.encode(random()?))
}

/// A new token for this subject: 16 random bytes and HMAC-SHA256(key, subject || random), in URL-safe base64.
///
/// # Errors
/// `internal` when the machine has no randomness.
pub fn make_csrf_token(key: &SecretString, subject: &CsrfSubject) -> Result<String> {
    let random = random()?;
    let tag = mac(key, subject, &random)?.finalize().into_bytes();
    let mut token = random.to_vec();
    token.extend_from_slice(&tag);
    Ok(BASE64.encode(token))
}

/// Whether this token was made by us for this subject, compared in constant time.
pub fn verify_csrf_token(key: &SecretString, subject: &CsrfSubject, token: &str) -> bool {
    let Ok(bytes) = BASE64.decode(token) else { return false };
    let Some((random, tag)) = bytes.split_at_checked(RANDOM_BYTES) else { return false };
    tag.len() == TAG_BYTES && mac(key, subject, random).is_ok_and(|mac| mac.verify_slice(tag).is_ok())
}

fn random() -> Result<[u8; RANDOM_BYTES]> {
    let mut random = [0_u8; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|error| Error::internal(anyhow::anyhow!("no randomness: {error}")))?;
    Ok(random)
}

fn mac(key: &SecretString, subject: &CsrfSubject, random: &[u8]) -> Result<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).map_err(Error::internal)?;
    // The kind is part of what is hashed, so that an anonymous id can never stand for a session.
    let (kind, name): (&[u8], &[u8]) = match subject {
        CsrfSubject::Session(token) => (b"session\0", token.expose_secret().as_bytes()),
        CsrfSubject::Anon(id) => (b"anon\0", id.as_bytes()),
    };
    mac.update(kind);
    mac.update(name);
    mac.update(b"\0");
    mac.update(random);
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretString {
        SecretString::from("0123456789abcdef0123456789abcdef")
    }

    #[test]
    fn a_token_is_good_for_its_subject_and_key_only() {
        let (mine, other) =
            (CsrfSubject::Session("s1".to_owned().into()), CsrfSubject::Session("s2".to_owned().into()));
        let token = make_csrf_token(&key(), &mine).unwrap();
        assert!(verify_csrf_token(&key(), &mine, &token));
        assert!(!verify_csrf_token(&key(), &other, &token));
        assert!(!verify_csrf_token(&key(), &CsrfSubject::Anon("s1".into()), &token), "the kind is bound too");
        assert!(!verify_csrf_token(&SecretString::from("another"), &mine, &token));
    }

    #[test]
    fn two_tokens_differ_and_both_hold() {
        let mine = CsrfSubject::Anon("n".into());
        let (a, b) = (make_csrf_token(&key(), &mine).unwrap(), make_csrf_token(&key(), &mine).unwrap());
        assert_ne!(a, b);
        assert!(verify_csrf_token(&key(), &mine, &a) && verify_csrf_token(&key(), &mine, &b));
    }

    proptest::proptest! {
        #[test]
        fn no_other_text_passes(text in ".{0,100}") {
            proptest::prop_assert!(!verify_csrf_token(&key(), &CsrfSubject::Anon("n".into()), &text));
        }

        #[test]
        fn one_changed_character_fails(at in 0_usize..64, by in 1_u8..64) {
            let mine = CsrfSubject::Anon("n".into());
            let token = make_csrf_token(&key(), &mine).unwrap();
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let mut bytes = token.into_bytes();
            let old = alphabet.iter().position(|byte| *byte == bytes[at]).unwrap();
            bytes[at] = alphabet[(old + usize::from(by)) % 64];
            proptest::prop_assert!(!verify_csrf_token(&key(), &mine, &String::from_utf8(bytes).unwrap()));
        }
    }
}
