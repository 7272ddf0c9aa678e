//! Whose standing, answers or decisions changed, so that suggestions that depend on them are made anew.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::ids::UserId;

/// People to look at again: marked by whoever delivers or saves, taken by the matcher. Bounded by how many people there are.
#[derive(Debug, Default)]
pub struct Touched {
    people: Mutex<HashSet<UserId>>,
    more: Notify,
}

impl Touched {
    /// Something of a person changed.
    pub fn mark(&self, user: UserId) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.insert(user) && people.len() == 1 {
            self.more.notify_one();
        }
    }

    /// Everybody since the last time.
    pub fn take(&self) -> HashSet<UserId> {
        std::mem::take(&mut *self.people.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether nobody is marked.
    pub fn is_empty(&self) -> bool {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Waits until somebody is marked.
    pub async fn wait(&self) {
        self.more.notified().await;
    }
}
