//! Blocking people, and what one sees of the people one shares a chat with.
//!
//! A block is one-sided and takes effect in commit order: what its subject sends afterwards is stored and acknowledged as
//! ever, and stands as `hidden` in the streams of whoever blocked them.

use super::Chat;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::protocol::codes::Code;
use crate::protocol::people::{Blocked, Person, University};
use crate::protocol::server::Picture;
use crate::store::{BlockRow, Blocking, PersonRow};

impl Chat {
    /// Begins or ends that `user` hears nothing from `other`, in any chat; all devices of `user` are told, nobody else is.
    ///
    /// # Errors
    /// `bad_request` for oneself; `not_found` for people one never shared a chat with; `conflict` beyond
    /// `blocks_per_user_max`.
    pub async fn set_block(&self, user: UserId, other: UserId, on: bool) -> Result<()> {
        if user == other {
            return Err(Error::bad_request("You cannot block yourself."));
        }
        let now = self.clock.now();
        let blocks_max = self.limits.blocks_per_user_max;
        let blocking = self
            .committer
            .run(move |tx| Box::pin(async move { tx.set_block((user, other), on, blocks_max, now).await }))
            .await?;
        match blocking {
            Blocking::Done => Ok(()),
            Blocking::Unknown => Err(nobody()),
            Blocking::TooMany => Err(Error::new(
                Code::Conflict,
                format!("You have blocked {blocks_max} people, which is as many as one can. Unblock somebody first."),
            )),
        }
    }

    /// Whom a person has blocked, the latest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn blocks(&self, user: UserId) -> Result<Vec<Blocked>> {
        let limit = u64::try_from(self.limits.blocks_per_user_max).unwrap_or(u64::MAX);
        Ok(self.store.blocks_of(user, limit).await?.into_iter().map(blocked).collect())
    }

    /// What `viewer` may see of a person.
    ///
    /// # Errors
    /// `not_found` for people one never shared a chat with.
    pub async fn person(&self, viewer: UserId, id: UserId) -> Result<Person> {
        self.store.person(viewer, id).await?.map(person).ok_or_else(nobody)
    }
}

fn nobody() -> Error {
    Error::new(Code::NotFound, "There is no such person in your chats.")
}

fn blocked(row: BlockRow) -> Blocked {
    Blocked {
        id: row.user,
        first_name: row.first_name,
        last_name: row.last_name,
        hue: row.hue,
        picture: row.picture.map(Picture),
        at: row.at.timestamp_millis(),
    }
}

fn person(row: PersonRow) -> Person {
    Person {
        id: row.id,
        first_name: row.first_name,
        last_name: row.last_name,
        pronouns: row.pronouns,
        program: row.program,
        study_year: row.study_year,
        about: row.about,
        languages: row.languages,
        university: row.university.map(|(name, slug)| University { name, slug }),
        verified: row.verified,
        hue: row.hue,
        picture: row.picture.map(Picture),
        blocked: row.blocked,
    }
}
