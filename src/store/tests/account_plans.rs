//! The statements behind every request of a signed-in person find their rows by an index, on both databases.

use chrono::{DateTime, Utc};
use sea_orm::{QueryTrait, Statement, Value};

use crate::ids::{UserId, new_id};
use crate::store::testing::on_each;
use crate::store::{accounts, leftovers, mails, pictures, profiles, sessions, streams, tokens};

#[tokio::test]
async fn nothing_is_scanned_and_nothing_sorted() {
    on_each(async |held| {
        let backend = held.store.backend();
        let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        let raw = |sql: &str, values: Vec<Value>| Statement::from_sql_and_values(backend, sql, values);
        let hash = || Value::from(vec![0_u8; 32]);
        let user = UserId(new_id());
        let statements = [
            raw(&format!("{}s.token_hash = $1", sessions::STATE), vec![hash()]),
            raw(&format!("{}s.id = $1", sessions::STATE), vec![new_id().into()]),
            raw(streams::USER_STREAMS, vec![user.into(), 500_i64.into()]),
            raw(accounts::ACCOUNT, vec!["a@b.nl".into()]),
            raw(tokens::TRY_CODE, vec!["email_confirm".into(), 5.into(), "a@b.nl".into()]),
            raw(leftovers::NEVER_CONFIRMED, vec![now.into(), 500_i64.into()]),
            raw(tokens::PASSWORD_OF_LINK, vec![hash(), "email_confirm".into(), now.into()]),
            raw(profiles::ME, vec![user.into(), now.into()]),
            raw(pictures::PICTURE, vec![new_id().into(), user.into()]),
            raw(tokens::LINK_OWNER, vec![hash(), "password_reset".into(), now.into()]),
            raw(tokens::USE_LINK, vec![now.into(), hash(), "email_confirm".into()]),
            sessions::live(user, now, now, 100).build(backend),
            mails::due(now, 16).build(backend),
            mails::next_due().build(backend),
        ];
        for statement in statements {
            held.assert_indexed(&statement, &[]).await;
        }
    })
    .await;
}
