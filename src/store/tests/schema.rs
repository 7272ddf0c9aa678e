use std::collections::BTreeSet;

use sea_orm::sea_query::ColumnType;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, Iterable, Statement};

use crate::store::failure::UNIQUE_KEYS;
use crate::store::testing::{TestStore, on_each};

/// A column: name, whether it may be null, kind of type.
type Column = (String, bool, &'static str);

fn declared<E: EntityTrait>() -> (String, BTreeSet<Column>) {
    let columns = E::Column::iter().map(|column| {
        let definition = column.def();
        let kind = match definition.get_column_type() {
            ColumnType::Uuid => "uuid",
            ColumnType::Text | ColumnType::String(_) => "text",
            ColumnType::Boolean => "boolean",
            ColumnType::BigInteger => "bigint",
            ColumnType::Integer => "integer",
            ColumnType::TimestampWithTimeZone => "timestamp",
            ColumnType::Json | ColumnType::JsonBinary => "json",
            ColumnType::Blob | ColumnType::VarBinary(_) | ColumnType::Binary(_) => "blob",
            other => panic!("{other:?} of {column:?}"),
        };
        (sea_orm::IdenStatic::as_str(&column).to_owned(), definition.is_null(), kind)
    });
    (E::default().table_name().to_owned(), columns.collect())
}

async fn migrated(test: &TestStore, table: &str) -> BTreeSet<Column> {
    let sql = match test.store.backend() {
        DbBackend::Postgres => format!(
            "SELECT column_name::text, is_nullable = 'YES', udt_name::text FROM information_schema.columns WHERE table_name = '{table}' \
             AND udt_name <> 'tsvector'"
        ),
        _ => format!("SELECT name, \"notnull\" = 0, type FROM pragma_table_info('{table}')"),
    };
    let rows = test.store.reader().query_all_raw(Statement::from_string(test.store.backend(), sql)).await.unwrap();
    let column = |row: sea_orm::QueryResult| {
        let kind: String = row.try_get_by_index(2).unwrap();
        let kind = match kind.to_lowercase().as_str() {
            "uuid" | "uuid_text" => "uuid",
            "text" => "text",
            "bool" | "boolean" => "boolean",
            "int8" | "bigint" => "bigint",
            "int4" | "integer" => "integer",
            "timestamptz" | "timestamp_with_timezone_text" => "timestamp",
            "json" | "jsonb" | "json_text" => "json",
            "bytea" | "blob" => "blob",
            other => panic!("{other} in {table}"),
        };
        (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), kind)
    };
    rows.into_iter().map(column).collect()
}

#[tokio::test]
async fn the_entities_are_what_the_migrations_make() {
    on_each(async |test| {
        let tables = [
            declared::<entity::store_meta::Entity>(),
            declared::<entity::universities::Entity>(),
            declared::<entity::users::Entity>(),
            declared::<entity::profiles::Entity>(),
            declared::<entity::sessions::Entity>(),
            declared::<entity::auth_tokens::Entity>(),
            declared::<entity::outbox::Entity>(),
            declared::<entity::chats::Entity>(),
            declared::<entity::chat_members::Entity>(),
            declared::<entity::group_invites::Entity>(),
            declared::<entity::messages::Entity>(),
            declared::<entity::chat_events::Entity>(),
            declared::<entity::user_events::Entity>(),
            declared::<entity::match_blocklist::Entity>(),
            declared::<entity::withheld_changes::Entity>(),
            declared::<entity::withheld_events::Entity>(),
            declared::<entity::reactions::Entity>(),
            declared::<entity::withheld_messages::Entity>(),
            declared::<entity::pictures::Entity>(),
            declared::<entity::search_docs::Entity>(),
            declared::<entity::search_places::Entity>(),
            declared::<entity::onboarding_answers::Entity>(),
            declared::<entity::onboarding_submissions::Entity>(),
            declared::<entity::match_quarantine::Entity>(),
            declared::<entity::user_vectors::Entity>(),
            declared::<entity::match_suggestions::Entity>(),
            declared::<entity::match_decisions::Entity>(),
            declared::<entity::matches::Entity>(),
            declared::<entity::match_runs::Entity>(),
            declared::<entity::job_runs::Entity>(),
            declared::<entity::job_locks::Entity>(),
            declared::<entity::admins::Entity>(),
            declared::<entity::admin_api_tokens::Entity>(),
            declared::<entity::admin_invites::Entity>(),
            declared::<entity::admin_actions::Entity>(),
            declared::<entity::reports::Entity>(),
            declared::<entity::report_events::Entity>(),
        ];
        for (table, columns) in &tables {
            let mut columns = columns.clone();
            if test.store.backend() == DbBackend::Sqlite {
                // Every integer of SQLite has 64 bits.
                let plain = |(name, null, kind)| (name, null, if kind == "bigint" { "integer" } else { kind });
                columns = columns.into_iter().map(plain).collect();
            }
            assert_eq!(migrated(&test, table).await, columns, "{table}");
        }
        let all = match test.store.backend() {
            DbBackend::Postgres => "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
            _ => "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search_terms%'",
        };
        // And the migrations' own. The index of words is of another kind on each database, and read by its statements alone.
        assert_eq!(test.number(all).await, i64::try_from(tables.len()).unwrap() + 1);
    })
    .await;
}

#[tokio::test]
async fn every_unique_key_has_a_conflict() {
    on_each(async |test| {
        let sql = match test.store.backend() {
            DbBackend::Postgres => {
                "SELECT c.relname::text, t.relname::text, \
                 (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, n) \
                  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) \
                 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
                 JOIN pg_namespace s ON s.oid = t.relnamespace WHERE i.indisunique AND s.nspname = 'public'"
            }
            _ => {
                "SELECT i.name, t.name, (SELECT group_concat(c.name, ',') FROM pragma_index_info(i.name) c) \
                 FROM sqlite_schema t, pragma_index_list(t.name) i WHERE t.type = 'table' AND i.\"unique\" = 1 \
                 AND t.name NOT LIKE 'search_terms%'"
            }
        };
        let rows = test.store.reader().query_all_raw(Statement::from_string(test.store.backend(), sql)).await.unwrap();
        let mut found = BTreeSet::new();
        for row in rows {
            let name: String = row.try_get_by_index(0).unwrap();
            let key: (String, String) = (row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap());
            if key.0 == "seaql_migrations" {
                continue;
            }
            let known = UNIQUE_KEYS.iter().find(|(_, table, columns)| (*table, *columns) == (&key.0, &key.1));
            let known = known.unwrap_or_else(|| panic!("no conflict for {key:?}"));
            // SQLite names the indexes of primary keys itself.
            assert!(name == known.0 || name.starts_with("sqlite_autoindex_"), "{name} is {known:?}");
            found.insert(key);
        }
        assert_eq!(found.len(), UNIQUE_KEYS.len());
    })
    .await;
}
