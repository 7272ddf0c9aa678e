//! Passwords: what is refused, and hashing with a bounded number at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::model::Refusal;
use super::pool::Pool;
use crate::config::Limits;
use crate::error::{Error, Result};

/// The 10,000 commonest leaked passwords of ten characters and more, lower case, one a line, with some Dutch ones.
///
/// *Source*: SecLists "common credentials" (MIT), cut to what the length rule lets through.
const COMMON: &str = include_str!("data/common-passwords.txt");
static COMMON_SET: LazyLock<HashSet<&'static str>> = LazyLock::new(|| COMMON.lines().collect());

/// Passwords of ten characters and more that were in public breaches: the first four bytes of the SHA-256 of each in lower
/// case, sorted, as differences in LEB128. Of other passwords one in 38,000 is refused by accident, and told to choose
/// another.
///
/// *Source*: `data/README.md`.
const BREACHED: &[u8] = include_bytes!("data/breached-passwords.bin");
static BREACHED_SET: LazyLock<Vec<u32>> = LazyLock::new(|| unpack(BREACHED));

/// Shortest context word that counts: a first name of two letters is in too many good passwords.
const CONTEXT_CHARS_MIN: usize = 3;
/// Scalars that must be left of a password when the context words are taken out of it.
const CHARS_BESIDE_CONTEXT_MIN: usize = 8;
/// Different scalars a password must have: below it is "aaaaaaaaaa" and "1212121212".
const DIFFERENT_CHARS_MIN: usize = 4;
/// Callers that may wait for a hash for each hash at once; with 2 at 50 ms each, the last waits about 1.6 s.
const WAITING_PER_HASH: usize = 32;

/// The price of one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl HashCost {
    /// 19 MiB, two passes, one lane. *Source*: OWASP Password Storage Cheat Sheet, Argon2id minimum.
    pub const STANDARD: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };
    /// The least the algorithm allows, for tests: it protects nothing.
    pub const CHEAPEST: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };
}

impl Default for HashCost {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// Hashes and checks passwords, a few at once, with a bounded line of waiting callers.
#[derive(Clone)]
pub struct Passwords {
    inner: Arc<Inner>,
}

struct Inner {
    argon2: Argon2<'static>,
    /// The hash that a sign-in with an unknown address is checked against, so that it costs the same.
    decoy: String,
    pool: Pool,
    hashed: AtomicU64,
    chars_min: usize,
    bytes_max: usize,
}

impl Passwords {
    /// A pool of `limits.password_hashes_at_once` hashes at `cost`.
    ///
    /// # Errors
    /// When the cost is not one the algorithm allows.
    pub fn new(limits: &Limits, cost: HashCost) -> anyhow::Result<Self> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
            .map_err(|error| anyhow::anyhow!("password hash cost: {error}"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash_now(&argon2, b"no account has this password")?;
        Ok(Self {
            inner: Arc::new(Inner {
                argon2,
                decoy,
                pool: Pool::new(limits.password_hashes_at_once, WAITING_PER_HASH),
                hashed: AtomicU64::new(0),
                chars_min: limits.password_chars_min,
                bytes_max: limits.password_bytes_max,
            }),
        })
    }

    /// How many hashes were computed since the start, whatever for: tests prove equal cost by it.
    pub fn hashed(&self) -> u64 {
        self.inner.hashed.load(Ordering::Relaxed)
    }

    /// Whether `password` may become somebody's, given words that a guesser knows about them.
    ///
    /// # Units
    /// The shortest length counts Unicode scalars after normalisation, the longest bytes as sent.
    /// # Errors
    /// One refusal for the field `password`.
    pub fn accept(&self, password: &SecretString, context: &[&str]) -> std::result::Result<(), Refusal> {
        let refuse = |detail: &str| Err(Refusal::new("password", detail));
        if password.expose_secret().len() > self.inner.bytes_max {
            return Err(Refusal::new("password", format!("Use at most {} bytes.", self.inner.bytes_max)));
        }
        let password = normalize(password.expose_secret());
        let password = password.expose_secret();
        if password.chars().count() < self.inner.chars_min {
            return Err(Refusal::new("password", format!("Use at least {} characters.", self.inner.chars_min)));
        }
        let lower = password.to_lowercase();
        if lower.chars().collect::<HashSet<_>>().len() < DIFFERENT_CHARS_MIN {
            return refuse("Use more different characters.");
        }
        let trimmed = lower.trim_matches(|character: char| !character.is_alphanumeric());
        if COMMON_SET.contains(lower.as_str()) || COMMON_SET.contains(trimmed) {
            return refuse("Choose another password: this one is among the most used.");
        }
        if is_breached(&lower) || is_breached(trimmed) {
            return refuse("Choose another password: this one was in a data breach and is known to guessers.");
        }
        let mut beside = lower;
        for word in words(context) {
            beside = beside.replace(&word, "");
        }
        if beside.chars().count() < CHARS_BESIDE_CONTEXT_MIN.min(self.inner.chars_min) {
            return refuse("Choose a password that is not made of your name, your e-mail address or our name.");
        }
        Ok(())
    }

    /// Hashes a password that was accepted.
    ///
    /// # Errors
    /// `overloaded` when too many wait; `internal` when hashing itself fails.
    /// # Cancel safety
    /// A hash that has begun runs to its end and keeps its place in the pool meanwhile.
    pub async fn hash(&self, password: &SecretString) -> Result<String> {
        let password = normalize(password.expose_secret());
        self.run(move |inner| hash_now(&inner.argon2, password.expose_secret().as_bytes())).await
    }

    /// Whether `password` is the one of `stored`. Without a stored hash, or with one that cannot be read, it costs the
    /// same and is false: accounts that nobody signs in to, such as the demo's, store no hash.
    ///
    /// # Errors
    /// `overloaded` when too many wait.
    pub async fn verify(&self, password: &SecretString, stored: Option<String>) -> Result<bool> {
        if password.expose_secret().len() > self.inner.bytes_max {
            return Ok(false);
        }
        let password = normalize(password.expose_secret());
        self.run(move |inner| {
            let stored = stored.as_deref().and_then(|text| PasswordHash::new(text).ok());
            let known = stored.is_some();
            let hash = match stored {
                Some(hash) => hash,
                None => PasswordHash::new(&inner.decoy).map_err(|error| anyhow::anyhow!("decoy hash: {error}"))?,
            };
            let same = inner.argon2.verify_password(password.expose_secret().as_bytes(), &hash).is_ok();
            Ok(same && known)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        let hash = move || {
            inner.hashed.fetch_add(1, Ordering::Relaxed);
            work(&inner)
        };
        self.inner
            .pool
            .run("Too many people are signing in. Try again in a moment.", hash)
            .await?
            .map_err(Error::internal)
    }
}

fn hash_now(argon2: &Argon2<'_>, password: &[u8]) -> anyhow::Result<String> {
    argon2
        .hash_password(password)
        .map(|hash| hash.to_string())
        .map_err(|error| anyhow::anyhow!("password hash: {error}"))
}

/// Whether a password in lower case was in a public breach.
fn is_breached(lower: &str) -> bool {
    let hash = Sha256::digest(lower);
    let start = hash.first_chunk().copied().map(u32::from_be_bytes);
    start.is_some_and(|start| BREACHED_SET.binary_search(&start).is_ok())
}

/// Sorted numbers from their differences, seven bits a byte, the lowest first.
fn unpack(bytes: &[u8]) -> Vec<u32> {
    let (mut numbers, mut last, mut difference, mut shift) = (Vec::new(), 0_u32, 0_u32, 0_u32);
    for byte in bytes {
        difference |= u32::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            last = last.wrapping_add(difference);
            numbers.push(last);
            (difference, shift) = (0, 0);
        }
    }
    numbers
}

/// The form of a password that is hashed.
///
/// # Why
/// Passwords count as typed: no case folding, no trimming, no cutting. Keyboards differ in how they compose letters
/// and which space they send, so text is put in NFC and every space separator becomes U+0020.
/// *Source*: the OpaqueString profile, RFC 8265 4.2.2, without its refusals.
fn normalize(password: &str) -> SecretString {
    let text: String =
        password.chars().map(|character| if is_space(character) { ' ' } else { character }).nfc().collect();
    SecretString::from(text)
}

/// The Unicode category Zs.
const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\u{00A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

/// The words of a context, longest first so that a part does not break a whole.
fn words(context: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = context
        .iter()
        .chain(&["domumatch", "domu"])
        .flat_map(|text| {
            let whole = text.to_lowercase().nfc().collect::<String>();
            let parts: Vec<String> =
                whole.split(|character: char| !character.is_alphanumeric()).map(str::to_owned).collect();
            std::iter::once(whole).chain(parts)
        })
        .filter(|word| word.chars().count() >= CONTEXT_CHARS_MIN)
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::codes::Code;

    fn passwords() -> Passwords {
        Passwords::new(&Limits::default(), HashCost::CHEAPEST).unwrap()
    }

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    fn refused(password: &str) -> bool {
        passwords().accept(&secret(password), &["Isabella", "de Vries", "isa.devries@student.uva.nl"]).is_err()
    }

    #[test]
    fn length_is_counted_in_characters_and_capped_in_bytes() {
        assert!(refused("kortwoord"));
        assert!(!refused("kortwoordé"), "ten characters");
        assert!(refused("wxéwxéwxé"), "nine characters of more than ten bytes");
        let long: String = ('a'..='z').cycle().take(1024).collect();
        assert!(!refused(&long));
        assert!(refused(&format!("{long}a")));
    }

    #[test]
    fn what_everybody_uses_is_refused() {
        for password in [
            "password123",
            "Password123",
            "1234567890",
            "qwertyuiop",
            "welkom12345",
            "Welkom12345!",
            "aaaaaaaaaaaa",
            "121212121212",
        ] {
            assert!(refused(password), "{password}");
        }
        assert!(!refused("hazelnut tram window"));
    }

    #[test]
    fn what_a_guesser_knows_is_refused() {
        for password in ["isabella2026", "DeVriesIsabella!", "domudomudomu", "student.uva.nl", "Isabella-Domu1"] {
            assert!(refused(password), "{password}");
        }
        assert!(!refused("isabella likes hazelnuts"));
    }

    #[test]
    fn the_list_is_in_the_form_it_is_looked_up_in() {
        assert!(COMMON_SET.len() >= 3000, "at least the top 3,000 that the length rule lets through");
        assert!(COMMON.lines().all(|line| line.to_lowercase() == line && line.len() >= 10));
    }

    #[test]
    fn what_was_in_a_breach_is_refused_and_little_else() {
        assert!(BREACHED_SET.len() > 100_000 && BREACHED_SET.is_sorted());
        for password in ["vjht123jltccf", "VJHT29061987", "vjhtgjrjktyj!!", "Vjhtghjlerns"] {
            let refusal = passwords().accept(&secret(password), &[]).unwrap_err();
            assert!(refusal.detail.contains("breach"), "{password}: {}", refusal.detail);
        }
        let refused =
            (0..2000).filter(|n| is_breached(&format!("a phrase nobody has used before, number {n}"))).count();
        assert!(refused <= 1, "{refused} of 2,000");
    }

    #[tokio::test]
    async fn the_right_password_is_the_whole_one() {
        let passwords = passwords();
        let first = "x".repeat(72) + "a";
        let stored = passwords.hash(&secret(&first)).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        assert!(passwords.verify(&secret(&first), Some(stored.clone())).await.unwrap());
        let twin = "x".repeat(72) + "b";
        assert!(!passwords.verify(&secret(&twin), Some(stored)).await.unwrap(), "twins up to byte 72 differ");
        let nul = passwords.hash(&secret("before\0after")).await.unwrap();
        assert!(!passwords.verify(&secret("before\0other"), Some(nul)).await.unwrap(), "nothing ends at NUL");
    }

    #[tokio::test]
    async fn composition_and_kind_of_space_do_not_matter_but_case_does() {
        let passwords = passwords();
        let stored = passwords.hash(&secret("Zoë\u{a0}hazelnut")).await.unwrap();
        assert!(passwords.verify(&secret("Zoe\u{308} hazelnut"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(&secret("zoë hazelnut"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(&secret("Zoë hazelnut "), Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_account_costs_one_hash_and_never_matches() {
        let passwords = passwords();
        assert!(!passwords.verify(&secret("no account has this password"), None).await.unwrap());
        assert_eq!(passwords.hashed(), 1);
        assert!(!passwords.verify(&secret(&"x".repeat(1025)), None).await.unwrap());
        assert_eq!(passwords.hashed(), 1, "too long is refused before hashing");
    }

    #[tokio::test]
    async fn a_stored_hash_that_cannot_be_read_is_nobodys_and_costs_the_same() {
        let passwords = Passwords::new(&Limits::default(), HashCost::CHEAPEST).unwrap();
        for stored in ["!", "", "$argon2id$"] {
            assert!(!passwords.verify(&secret("whatever it is"), Some(stored.into())).await.unwrap());
        }
        assert_eq!(passwords.hashed(), 3);
    }

    #[tokio::test]
    async fn a_crowd_is_turned_away_rather_than_kept_waiting() {
        let limits = Limits { password_hashes_at_once: 1, ..Limits::default() };
        let passwords = Passwords::new(&limits, HashCost::CHEAPEST).unwrap();
        // The pool is busy until all have come, however fast a hash is.
        let busy = Arc::clone(&passwords.inner.pool.running).acquire_owned().await.unwrap();
        let arrived = AtomicU64::new(0);
        let crowd = (0..200).map(|_| async {
            arrived.fetch_add(1, Ordering::Relaxed);
            passwords.verify(&secret("whatever it is"), None).await
        });
        let free = async {
            while arrived.load(Ordering::Relaxed) < 200 {
                tokio::task::yield_now().await;
            }
            drop(busy);
        };
        let (answers, ()) = tokio::join!(futures_util::future::join_all(crowd), free);
        let away = |answer: &&Result<bool>| answer.as_ref().is_err_and(|error| error.code == Code::Overloaded);
        assert_eq!(answers.iter().filter(away).count(), 200 - 33);
        assert_eq!(passwords.hashed(), 33);
    }
}
