//! Tests of the store's base, each on both databases where that says anything.

mod account_plans;
mod audit;
mod base;
mod chat_plans;
mod chats;
mod epoch;
mod failure;
mod lists;
mod live;
mod plans;
mod schema;

use chrono::{DateTime, Utc};
use sea_orm::{ActiveModelTrait, Set};

use crate::ids::{UserId, new_id};

use super::{Lane, Store, StoreError, Tx};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_123).unwrap()
}

async fn insert_user(tx: &Tx, email: &str) -> Result<UserId, StoreError> {
    let id = UserId(new_id());
    let user = entity::users::ActiveModel {
        id: Set(id),
        email: Set(email.to_owned()),
        email_normalized: Set(email.to_owned()),
        password_hash: Set("!".to_owned()),
        locale: Set("nl".to_owned()),
        user_type: Set("student".to_owned()),
        is_active: Set(true),
        date_of_birth_enc: Set(Vec::new()),
        head_seq: Set(0),
        base_seq: Set(0),
        created_at: Set(now()),
        updated_at: Set(now()),
        ..Default::default()
    };
    user.insert(tx.conn()).await?;
    Ok(id)
}

async fn add_user(store: &Store, email: &str) -> Result<UserId, StoreError> {
    let email = email.to_owned();
    let added = store.write(Lane::Small, move |tx| Box::pin(async move { insert_user(tx, &email).await }));
    Ok(added.await?.value)
}
