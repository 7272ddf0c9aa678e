//! Writes a whole seeded world: people, chats and their history, in slices of the bulk lane.
//!
//! A slice is a transaction of whole chats, so that a start that was cut off goes on where it stopped.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveValue, ConnectionTrait, EntityTrait, PaginatorTrait, Set, Statement};
use serde_json::json;

use crate::ids::{ChatId, ClientMessageId, MessageId, UniversityId, UserId};

use super::chats::pair_key;
use super::{Lane, Store, StoreError, Tx};

/// A university of a seeded world.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedUniversity {
    /// Its id.
    pub id: UniversityId,
    /// Its name.
    pub name: &'static str,
    /// Its short name.
    pub slug: &'static str,
    /// Where it is.
    pub city: &'static str,
    /// E-mail domains of its students and staff.
    pub domains: &'static [&'static str],
}

/// A person of a seeded world, confirmed and verified.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedUser {
    /// The account.
    pub id: UserId,
    /// Address, in normal form.
    pub email: String,
    /// First name.
    pub first_name: &'static str,
    /// Last name.
    pub last_name: &'static str,
    /// `nl` or `en`.
    pub locale: &'static str,
    /// Index of the university.
    pub university: usize,
    /// What the person studies.
    pub program: &'static str,
    /// In which year.
    pub study_year: i32,
    /// A sentence about the person.
    pub bio: &'static str,
    /// How the person is called by others.
    pub pronouns: Option<&'static str>,
    /// ISO 639-1 codes, the best spoken first.
    pub languages: &'static [&'static str],
    /// Colour of the avatar in degrees.
    pub avatar_hue: i32,
    /// How long before the seeding the person signed up.
    pub age: TimeDelta,
}

/// A message of a seeded chat.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedMessage {
    /// Its id, a UUID v7 of its time.
    pub id: MessageId,
    /// The client's id.
    pub client_id: ClientMessageId,
    /// Who wrote it.
    pub author: UserId,
    /// What.
    pub text: String,
    /// Its hash, as sending computes it.
    pub hash: Vec<u8>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A seeded chat with its history.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedChat {
    /// Its id.
    pub id: ChatId,
    /// The name of a group; none for a chat of two.
    pub name: Option<&'static str>,
    /// Who is in it, the creator first, and the ordinal of the last message each has read.
    pub members: Vec<(UserId, u64)>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// What was said, oldest first.
    pub messages: Vec<SeedMessage>,
}

/// Messages of one transaction, about; longer chats have one of their own.
const SLICE_MESSAGES: usize = 250;
/// Rows of one statement; the last of a list may have fewer. Bounded by SQLite's 32,766 parameters.
const STATEMENT_ROWS: usize = 200;
/// No password has this hash.
const NO_PASSWORD: &str = "!";

impl Store {
    /// The seed that this database was seeded with, if it was, completely.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn seeded(&self) -> Result<Option<u64>, StoreError> {
        let find = Statement::from_string(self.backend(), "SELECT value FROM store_meta WHERE key = 'demo_seed'");
        let row = self.timed(self.reader().query_one_raw(find)).await?;
        let value = row.map(|row| row.try_get_by_index::<String>(0)).transpose()?;
        Ok(value.and_then(|value| value.parse().ok()))
    }

    /// Writes the people of a world, unless they are there.
    ///
    /// # Errors
    /// `Conflict` when other people have their addresses.
    pub async fn seed_people(
        &self,
        universities: &[SeedUniversity],
        people: &[SeedUser],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(first) = people.first() else { return Ok(()) };
        if self.timed(entity::users::Entity::find_by_id(first.id).count(self.reader())).await? > 0 {
            return Ok(());
        }
        let (universities, people) = (universities.to_vec(), people.to_vec());
        self.write(Lane::Bulk, move |tx| Box::pin(async move { tx.seed_people(&universities, &people, now).await }))
            .await?;
        Ok(())
    }

    /// Writes chats with their history, in the order given, leaving out those that are there; then notes the seed.
    ///
    /// # Errors
    /// `Unavailable`: call it again, it goes on.
    pub async fn seed_chats(&self, chats: Vec<SeedChat>, seed: u64) -> Result<(), StoreError> {
        let mut slice = Vec::new();
        let mut messages = 0;
        for chat in chats {
            messages += chat.messages.len();
            slice.push(chat);
            if messages >= SLICE_MESSAGES {
                self.seed_slice(std::mem::take(&mut slice)).await?;
                messages = 0;
            }
        }
        self.seed_slice(slice).await?;
        self.write(Lane::Bulk, move |tx| {
            Box::pin(async move {
                let note = "INSERT INTO store_meta (key, value) VALUES ('demo_seed', $1) ON CONFLICT (key) DO NOTHING";
                let note = Statement::from_sql_and_values(tx.backend(), note, [seed.to_string().into()]);
                // Their past is no news to them.
                tx.conn().execute_unprepared("UPDATE users SET noticed_seq = head_seq").await?;
                Ok(tx.conn().execute_raw(note).await?)
            })
        })
        .await?;
        Ok(())
    }

    async fn seed_slice(&self, chats: Vec<SeedChat>) -> Result<(), StoreError> {
        self.write(Lane::Bulk, move |tx| {
            Box::pin(async move {
                for chat in &chats {
                    tx.seed_chat(chat).await?;
                }
                Ok(())
            })
        })
        .await?;
        Ok(())
    }
}

impl Tx {
    /// As if the seeding had been cut off before its end.
    #[cfg(test)]
    pub(crate) async fn forget_seed(&mut self) -> Result<(), StoreError> {
        self.conn().execute_unprepared("DELETE FROM store_meta WHERE key = 'demo_seed'").await?;
        Ok(())
    }

    async fn seed_people(
        &mut self,
        universities: &[SeedUniversity],
        people: &[SeedUser],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let rows = universities.iter().map(|university| entity::universities::ActiveModel {
            id: Set(university.id),
            name: Set(university.name.to_owned()),
            slug: Set(university.slug.to_owned()),
            city: Set(university.city.to_owned()),
            eligibility_domains: Set(json!(university.domains)),
            is_active: Set(true),
            created_at: Set(now),
            updated_at: Set(now),
        });
        entity::universities::Entity::insert_many(rows).exec_without_returning(self.conn()).await?;
        let rows = people.iter().map(|person| {
            let joined = now - person.age;
            entity::users::ActiveModel {
                id: Set(person.id),
                email: Set(person.email.clone()),
                email_normalized: Set(person.email.clone()),
                password_hash: Set(NO_PASSWORD.to_owned()),
                locale: Set(person.locale.to_owned()),
                user_type: Set("student".to_owned()),
                is_active: Set(true),
                email_confirmed_at: Set(Some(joined + TimeDelta::minutes(2))),
                date_of_birth_enc: Set(Vec::new()),
                identity_verified_at: Set(Some(joined + TimeDelta::minutes(25))),
                identity_verification_provider: Set(Some("mock".to_owned())),
                university_id: Set(universities.get(person.university).map(|university| university.id)),
                head_seq: Set(1),
                base_seq: Set(0),
                created_at: Set(joined),
                updated_at: Set(joined + TimeDelta::minutes(25)),
                ..Default::default()
            }
        });
        entity::users::Entity::insert_many(rows).exec_without_returning(self.conn()).await?;
        let rows = people.iter().map(|person| entity::profiles::ActiveModel {
            user_id: Set(person.id),
            first_name: Set(person.first_name.to_owned()),
            last_name: Set(person.last_name.to_owned()),
            program: Set(Some(person.program.to_owned())),
            study_year: Set(Some(person.study_year)),
            bio: Set(Some(person.bio.to_owned())),
            avatar_hue: Set(Some(person.avatar_hue)),
            pronouns: Set(person.pronouns.map(str::to_owned)),
            languages: Set(Some(json!(person.languages))),
            created_at: Set(now - person.age),
            updated_at: Set(now - person.age),
            ..Default::default()
        });
        entity::profiles::Entity::insert_many(rows).exec_without_returning(self.conn()).await?;
        let rows = people.iter().map(|person| entity::user_events::ActiveModel {
            user_id: Set(person.id),
            seq: Set(1),
            kind: Set("verification".to_owned()),
            data: Set(Some(json!({"verified": true}))),
            created_at: Set(now - person.age + TimeDelta::minutes(25)),
        });
        entity::user_events::Entity::insert_many(rows).exec_without_returning(self.conn()).await?;
        Ok(())
    }

    async fn seed_chat(&mut self, chat: &SeedChat) -> Result<(), StoreError> {
        if entity::chats::Entity::find_by_id(chat.id).count(self.conn()).await? > 0 {
            return Ok(());
        }
        let head_n = signed(chat.messages.len());
        let last = chat.messages.last().map(|message| message.at);
        let pair = match (chat.name, chat.members.as_slice()) {
            (None, [(a, _), (b, _)]) => Some(pair_key(*a, *b)),
            _ => None,
        };
        let group = chat.name.is_some();
        let row = entity::chats::ActiveModel {
            id: Set(chat.id),
            is_group: Set(group),
            name: Set(chat.name.map(str::to_owned)),
            pair_key: Set(pair),
            created_by: Set(chat.members.first().filter(|_| group).map(|(creator, _)| *creator)),
            status: Set("open".to_owned()),
            // The opening is event 1, message n is event n + 1.
            head_seq: Set(head_n + 1),
            head_n: Set(head_n),
            base_seq: Set(0),
            last_message_at: Set(last),
            closed_at: ActiveValue::NotSet,
            closed_reason: ActiveValue::NotSet,
            unread_at: ActiveValue::NotSet,
            created_at: Set(chat.opened_at),
            updated_at: Set(last.unwrap_or(chat.opened_at)),
        };
        entity::chats::Entity::insert(row).exec_without_returning(self.conn()).await?;
        let rows = chat.members.iter().enumerate().map(|(i, (user, read))| {
            let read = i64::try_from(*read).unwrap_or(head_n).min(head_n);
            entity::chat_members::ActiveModel {
                chat_id: Set(chat.id),
                user_id: Set(*user),
                role: Set(if group && i == 0 { "owner" } else { "member" }.to_owned()),
                status: Set("active".to_owned()),
                joined_at: Set(chat.opened_at),
                joined_seq: Set(0),
                joined_n: Set(0),
                has_erased: Set(false),
                left_seq: Set(None),
                left_at: ActiveValue::NotSet,
                read_seq: Set(read + 1),
                read_n: Set(read),
                recv_seq: Set(head_n + 1),
                withheld_n: Set(0),
                withheld_unread: Set(0),
                shown_n: Set(0),
                muted_until: Set(None),
                mailed_n: Set(None),
                updated_at: Set(last.unwrap_or(chat.opened_at)),
            }
        });
        entity::chat_members::Entity::insert_many(rows).exec_without_returning(self.conn()).await?;
        self.seed_messages(chat).await?;
        for (user, _) in &chat.members {
            self.emit_user(*user, "chat.opened", json!({"chat_id": chat.id}), chat.opened_at).await?;
        }
        Ok(())
    }

    async fn seed_messages(&mut self, chat: &SeedChat) -> Result<(), StoreError> {
        let cause = if chat.name.is_some() { "group" } else { "match" };
        let opened = entity::chat_events::ActiveModel {
            about_n: Set(None),
            chat_id: Set(chat.id),
            seq: Set(1),
            n: Set(0),
            kind: Set("chat".to_owned()),
            actor_id: Set(None),
            message_id: Set(None),
            data: Set(Some(json!({"change": "opened", "cause": cause}))),
            created_at: Set(chat.opened_at),
        };
        entity::chat_events::Entity::insert(opened).exec_without_returning(self.conn()).await?;
        let numbered: Vec<_> = chat.messages.iter().zip(1_i64..).collect();
        for part in numbered.chunks(STATEMENT_ROWS) {
            let rows = part.iter().map(|(message, n)| entity::messages::ActiveModel {
                id: Set(message.id),
                chat_id: Set(chat.id),
                seq: Set(n + 1),
                n: Set(*n),
                user_id: Set(Some(message.author)),
                kind: Set("user".to_owned()),
                client_msg_id: Set(Some(message.client_id)),
                content: Set(message.text.clone()),
                content_hash: Set(Some(message.hash.clone())),
                params: Set(None),
                reply_to_id: Set(None),
                reply_seq: Set(None),
                created_at: Set(message.at),
                edited_at: Set(None),
                deleted_at: Set(None),
                rev: Set(1),
                change_seq: Set(None),
                reaction_count: Set(0),
            });
            entity::messages::Entity::insert_many(rows).exec_without_returning(self.conn()).await?;
            let rows = part.iter().map(|(message, n)| entity::chat_events::ActiveModel {
                about_n: Set(None),
                chat_id: Set(chat.id),
                seq: Set(n + 1),
                n: Set(*n),
                kind: Set("message".to_owned()),
                actor_id: Set(Some(message.author)),
                message_id: Set(Some(message.id)),
                data: Set(None),
                created_at: Set(message.at),
            });
            entity::chat_events::Entity::insert_many(rows).exec_without_returning(self.conn()).await?;
        }
        Ok(())
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
