//! Large bodies under way: so many in all, and one of each person.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::protocol::codes::Code;

/// After so long a place may be free again.
const AFTER: Duration = Duration::from_secs(2);

/// The places.
pub struct Uploads {
    places: Arc<Semaphore>,
    /// Who holds one. Written when a place is taken and given back; as many people as there are places.
    people: Arc<Mutex<HashSet<UserId>>>,
}

/// A place, until it is dropped.
pub struct Place {
    user: UserId,
    people: Arc<Mutex<HashSet<UserId>>>,
    _permit: OwnedSemaphorePermit,
}

impl Uploads {
    /// As many places as `at_once`.
    pub fn new(at_once: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)), people: Arc::default() }
    }

    /// A place for a person who holds none.
    ///
    /// # Errors
    /// `rate_limited` for a person who holds one: with slow bodies one person could else hold all. `overloaded`.
    pub fn take(&self, user: UserId) -> Result<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_full| {
            Error::new(Code::Overloaded, "Too many pictures are being uploaded. Try again in a moment.").after(AFTER)
        })?;
        if !self.people.lock().unwrap_or_else(PoisonError::into_inner).insert(user) {
            let detail = "Another picture of yours is being uploaded. Wait until it has arrived.";
            return Err(Error::new(Code::RateLimited, detail).after(AFTER));
        }
        Ok(Place { user, people: Arc::clone(&self.people), _permit: place })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::new_id;

    #[test]
    fn one_person_holds_one_place() {
        let uploads = Uploads::new(2);
        let (isa, tom, eve) = (UserId(new_id()), UserId(new_id()), UserId(new_id()));
        let refused = |user| uploads.take(user).err().map(|error| (error.code, error.retry_after));
        let held = uploads.take(isa).unwrap();
        assert_eq!(refused(isa), Some((Code::RateLimited, Some(AFTER))));
        let other = uploads.take(tom).unwrap();
        assert_eq!(refused(eve), Some((Code::Overloaded, Some(AFTER))));
        drop(held);
        let _again = uploads.take(isa).unwrap();
        assert_eq!(refused(eve), Some((Code::Overloaded, Some(AFTER))), "a refusal gives nobody's place away");
        drop(other);
        uploads.take(eve).unwrap();
    }
}
