//! The least a store charges for keeping messages: a row of four columns and one index each, a hundred a commit, a full sync,
//! one writer, and no server around it.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use sqlx::{Connection as _, PgConnection, Postgres, QueryBuilder, Sqlite, SqliteConnection};

/// Messages of a commit.
const BATCH: usize = 100;
const TABLE: &str = "CREATE TABLE bare (room BIGINT NOT NULL, n BIGINT NOT NULL, author BIGINT NOT NULL, body TEXT NOT NULL, \
    PRIMARY KEY (room, n))";
const BODY: &str = "Zullen we zaterdag samen naar dat huis bij het park kijken? Ik kan vanaf twee uur.";

/// The same for both databases, whose types share no bounds that could be named shortly.
macro_rules! fill {
    ($database:ty, $connection:expr, $time:expr) => {{
        let mut connection = $connection;
        sqlx::query(TABLE).execute(&mut connection).await?;
        let mut took = Vec::new();
        let (mut n, began) = (0i64, Instant::now());
        while began.elapsed() < $time || took.len() < 20 {
            let one = Instant::now();
            let mut rows = QueryBuilder::<$database>::new("INSERT INTO bare (room, n, author, body) ");
            rows.push_values(0..BATCH, |mut row, _| {
                n += 1;
                row.push_bind(n % 1_000).push_bind(n).push_bind(n % 2_000).push_bind(BODY);
            });
            rows.build().execute(&mut connection).await?;
            took.push(one.elapsed().as_secs_f64() * 1e6);
        }
        let seconds = began.elapsed().as_secs_f64();
        connection.close().await?;
        (took, seconds)
    }};
}

/// Fills a new table of this database for so long, and prints what it took.
///
/// # Errors
/// The database does not answer.
pub async fn fill(url: &str, time: Duration) -> anyhow::Result<()> {
    let (mut took, seconds) = if url.starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(url).await.context("opening the file")?;
        for pragma in ["PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"] {
            sqlx::query(pragma).execute(&mut connection).await?;
        }
        fill!(Sqlite, connection, time)
    } else {
        fill!(Postgres, PgConnection::connect(url).await.context("connecting")?, time)
    };
    let rows_per_s = (took.len() * BATCH) as f64 / seconds;
    took.sort_unstable_by(f64::total_cmp);
    println!(
        "{}",
        json!({ "us": took[took.len() / 2], "p99_us": took[took.len() * 99 / 100], "rows_per_s": rows_per_s })
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_filled() {
        let home = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}?mode=rwc", home.path().join("bare").display());
        fill(&url, Duration::ZERO).await.unwrap();
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM bare").fetch_one(&mut connection).await.unwrap();
        assert_eq!(rows, 20 * 100);
    }
}
