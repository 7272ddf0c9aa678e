//! Being told: muted chats, what a person wants to hear of, what they have seen of it, and mails about unread messages.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::tables::index;

/// Mutes, choices, what was seen, and what a mail is about.
#[derive(DeriveMigrationName)]
pub struct Migration;

fn added() -> Vec<(&'static str, Vec<ColumnDef>)> {
    let on = |name: &'static str| boolean(name).default(true).take();
    vec![
        ("chats", vec![timestamp_with_time_zone_null("unread_at").take()]),
        (
            "chat_members",
            vec![timestamp_with_time_zone_null("muted_until").take(), big_integer_null("mailed_n").take()],
        ),
        (
            "users",
            vec![
                on("notify_messages"),
                on("notify_chats"),
                on("notify_invites"),
                on("mail_messages"),
                big_integer("noticed_seq").default(0).take(),
                json_null("noticed").take(),
            ],
        ),
        ("outbox", vec![uuid_null("user_id").take(), uuid_null("chat_id").take()]),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in added() {
            for mut column in columns {
                manager.alter_table(Table::alter().table(table).add_column(&mut column).take()).await?;
            }
        }
        // What happened before there was such a thing is no news.
        manager.get_connection().execute_unprepared("UPDATE users SET noticed_seq = head_seq").await?;
        manager.create_index(index("chats", &["unread_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("ix_chats_unread_at").table("chats").to_owned()).await?;
        for (table, columns) in added() {
            for column in columns {
                let name = column.get_column_name();
                manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
            }
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
