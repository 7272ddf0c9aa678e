//! Admins, their invitations and tokens, and the audit log, which takes rows and never changes or loses one.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::tables::{index, refers, unique};

/// Admins and the audit log.
#[derive(DeriveMigrationName)]
pub struct Migration;

const LOG: &str = "admin_actions";

const LOG_INDEXES: [&[&str]; 4] =
    [&["admin_user_id", "seq"], &["university_id", "seq"], &["action", "seq"], &["entity_type", "entity_id", "seq"]];

/// Rows are only ever added, whoever asks.
const INSERT_ONLY_SQLITE: [&str; 2] = [
    "CREATE TRIGGER admin_actions_no_update BEFORE UPDATE ON admin_actions \
     BEGIN SELECT RAISE(ABORT, 'admin_actions takes rows and changes none'); END",
    "CREATE TRIGGER admin_actions_no_delete BEFORE DELETE ON admin_actions \
     BEGIN SELECT RAISE(ABORT, 'admin_actions takes rows and loses none'); END",
];

const INSERT_ONLY_POSTGRES: [&str; 3] = [
    "CREATE FUNCTION admin_actions_insert_only() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN RAISE EXCEPTION 'admin_actions takes rows, changes none and loses none'; END $$",
    "CREATE TRIGGER admin_actions_no_change BEFORE UPDATE OR DELETE ON admin_actions \
     FOR EACH ROW EXECUTE FUNCTION admin_actions_insert_only()",
    "CREATE TRIGGER admin_actions_no_truncate BEFORE TRUNCATE ON admin_actions \
     FOR EACH STATEMENT EXECUTE FUNCTION admin_actions_insert_only()",
];

fn admins() -> TableCreateStatement {
    Table::create()
        .table("admins")
        .col(uuid("user_id").primary_key())
        .col(text("role"))
        .col(uuid_null("university_id"))
        .col(uuid_null("invited_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("removed_at"))
        .col(blob_null("totp_secret_enc"))
        .col(timestamp_with_time_zone_null("totp_confirmed_at"))
        .col(big_integer_null("totp_step"))
        .foreign_key(&mut refers("admins", "user_id", "users"))
        .foreign_key(&mut refers("admins", "university_id", "universities"))
        .foreign_key(&mut refers("admins", "invited_by", "users"))
        .take()
}

fn tokens() -> TableCreateStatement {
    Table::create()
        .table("admin_api_tokens")
        .col(uuid("id").primary_key())
        .col(uuid("user_id"))
        .col(text("name"))
        .col(blob("token_hash"))
        .col(json("scopes"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(timestamp_with_time_zone_null("revoked_at"))
        .foreign_key(&mut refers("admin_api_tokens", "user_id", "users"))
        .take()
}

fn invites() -> TableCreateStatement {
    Table::create()
        .table("admin_invites")
        .col(uuid("id").primary_key())
        .col(text("email_normalized"))
        .col(text("role"))
        .col(uuid_null("university_id"))
        .col(uuid_null("invited_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(timestamp_with_time_zone_null("closed_at"))
        .foreign_key(&mut refers("admin_invites", "university_id", "universities"))
        .foreign_key(&mut refers("admin_invites", "invited_by", "users"))
        .take()
}

fn actions() -> TableCreateStatement {
    Table::create()
        .table(LOG)
        .col(uuid("id").primary_key())
        .col(big_integer("seq"))
        .col(uuid_null("admin_user_id"))
        .col(text_null("actor_role"))
        .col(text("auth_method"))
        .col(text("action"))
        .col(text("entity_type"))
        .col(text_null("entity_id"))
        .col(uuid_null("university_id"))
        .col(text_null("reason"))
        .col(text_null("case_type"))
        .col(text_null("case_id"))
        .col(json("metadata"))
        .col(json_null("before"))
        .col(json_null("after"))
        .col(text("outcome"))
        .col(text_null("request_id"))
        .col(text_null("ip_truncated"))
        .col(timestamp_with_time_zone("created_at"))
        .col(blob("prev_hash"))
        .col(blob("hash"))
        .foreign_key(&mut refers(LOG, "admin_user_id", "users"))
        .foreign_key(&mut refers(LOG, "university_id", "universities"))
        .take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [admins(), tokens(), invites(), actions()] {
            manager.create_table(table).await?;
        }
        manager.create_index(index("admins", &["role"])).await?;
        manager.create_index(unique("admin_api_tokens", &["token_hash"])).await?;
        manager.create_index(index("admin_api_tokens", &["user_id"])).await?;
        manager.create_index(index("admin_invites", &["email_normalized"])).await?;
        manager.create_index(unique(LOG, &["seq"])).await?;
        for columns in LOG_INDEXES {
            manager.create_index(index(LOG, columns)).await?;
        }
        // Suspensions end in the order of their moments; lists of people are read by university.
        manager.create_index(index("users", &["suspended_until"])).await?;
        manager.create_index(index("users", &["university_id", "id"])).await?;
        let triggers = match manager.get_database_backend() {
            DbBackend::Postgres => &INSERT_ONLY_POSTGRES[..],
            _ => &INSERT_ONLY_SQLITE[..],
        };
        for trigger in triggers {
            manager.get_connection().execute_unprepared(trigger).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["ix_users_suspended_until", "ix_users_university_id_id"] {
            manager.drop_index(Index::drop().name(name).table("users").to_owned()).await?;
        }
        for table in [LOG, "admin_invites", "admin_api_tokens", "admins"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION admin_actions_insert_only()").await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
