//! The demo's world: seeded people who talk about rooms, and the links that sign in as one of them. Only `domu demo` has it.
//!
//! Everything here is a function of a seed (and, for the history, of the present): the same seed gives the same people,
//! universities, chats and words. `store::seed` writes it down.

mod cast;
pub mod crowd;
mod dice;
mod history;
mod large;
mod people;
mod talk;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::clock::Clock;
use crate::ids::UserId;
use crate::store::growth::Slice;
use crate::store::{Store, StoreError};

pub use large::Size;
pub use people::World;

/// Seeds the world of `seed` in a size, or gives the one that is there already; a large one that was cut off goes on.
///
/// # Errors
/// The store is away: call it again. The world that is there is a small one, and a larger one was asked for.
pub async fn seed_sized(
    store: &Store,
    clock: &Clock,
    seed: u64,
    size: Size,
    chats_max: usize,
) -> anyhow::Result<World> {
    if let (Some(growth), None, None) = (size.growth(clock), store.growth().await?, store.seeded().await?) {
        // Noted first: a start that is cut off goes on in this size.
        store.grow(&Slice::default(), growth).await?;
    }
    let world = self::seed(store, clock, seed).await?;
    match store.growth().await? {
        Some(growth) if growth.whole => {}
        Some(growth) => large::grow(store, &world, growth, chats_max).await?,
        None => anyhow::ensure!(size == Size::Small, "the demo in this directory is a small one: add --fresh"),
    }
    Ok(world)
}

/// Seeds the world of `seed`, or gives the one that is there already, whatever its seed.
///
/// # Errors
/// `Unavailable`: call it again, it goes on where it stopped.
pub async fn seed(store: &Store, clock: &Clock, seed: u64) -> Result<World, StoreError> {
    if let Some(seed) = store.seeded().await? {
        return Ok(World::new(seed));
    }
    let world = World::new(seed);
    let now = clock.now();
    store.seed_people(&world.universities, &world.people, now).await?;
    store.seed_chats(history::plan(&world, now), seed).await?;
    Ok(world)
}

/// A seeded person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub user: UserId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The university's name.
    pub university: String,
}

/// The seeded people and the key of their links, made anew at each start.
#[derive(Clone)]
pub struct Demo {
    people: Vec<Person>,
    /// As long as a block of SHA-256, so that it is used as it is.
    key: [u8; 64],
}

impl std::fmt::Debug for Demo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Demo").field("people", &self.people.len()).finish_non_exhaustive()
    }
}

impl Demo {
    /// A demo with these people; the first two are the ones whose links are printed.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn new(people: Vec<Person>) -> Result<Self, getrandom::Error> {
        let mut key = [0; 64];
        getrandom::fill(&mut key)?;
        Ok(Self { people, key })
    }

    /// The people, the two leads first.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// The token in a person's link: HMAC-SHA256 of the user id.
    pub fn token(&self, user: UserId) -> String {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(user.0.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// Whose link this is. Every person is compared, in constant time each.
    pub fn person(&self, token: &str) -> Option<Person> {
        let mut found = None;
        for person in &self.people {
            if bool::from(self.token(person.user).as_bytes().ct_eq(token.as_bytes())) {
                found = Some(person.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
