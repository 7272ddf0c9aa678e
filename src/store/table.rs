//! Many rows in one constant statement: the rows travel as one JSON array, on both databases.
//!
//! # Why
//! `insert_many` with a changing number of rows is a new statement each time: it is parsed, planned and cached anew.
//! One parameter keeps the hot path's statements constant.

use sea_orm::prelude::Uuid;
use sea_orm::{DbBackend, Value};
use serde::{Serialize, Serializer};

/// The type of a column of the array; ids and blobs travel as hexadecimal.
#[derive(Clone, Copy)]
pub(super) enum Col {
    Id,
    Blob,
    Int,
    Text,
}

/// The source of a `FROM` clause that reads parameter 1 as rows with these columns, named `j`.
pub(super) fn rows(backend: DbBackend, columns: &[(&str, Col)]) -> String {
    if backend == DbBackend::Postgres {
        let columns: Vec<String> = columns
            .iter()
            .map(|(name, col)| {
                let kind = match col {
                    Col::Id => "uuid",
                    Col::Blob | Col::Text => "text",
                    Col::Int => "bigint",
                };
                format!("{name} {kind}")
            })
            .collect();
        return format!("json_to_recordset($1::json) AS j({})", columns.join(", "));
    }
    let columns: Vec<String> = columns
        .iter()
        .map(|(name, col)| match col {
            Col::Id | Col::Blob => format!("unhex(value ->> '$.{name}') AS {name}"),
            Col::Int | Col::Text => format!("value ->> '$.{name}' AS {name}"),
        })
        .collect();
    format!("(SELECT {} FROM json_each($1)) AS j", columns.join(", "))
}

/// How a blob column of the array reads as bytes.
pub(super) fn blob(backend: DbBackend, name: &str) -> String {
    if backend == DbBackend::Postgres { format!("decode(j.{name}, 'hex')") } else { format!("j.{name}") }
}

/// Rows as the one parameter. Typed rows: maps of the JSON crate cost as much as the statement.
pub(super) fn packed<T: Serialize>(rows: &[T]) -> Value {
    // An array of plain rows can always be written; an empty text would be refused by the database.
    serde_json::to_string(rows).unwrap_or_default().into()
}

/// An id in a row.
#[derive(Clone, Copy)]
pub(super) struct Hex(pub Uuid);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.simple().encode_lower(&mut [0; 32]))
    }
}

/// Bytes in a row.
#[derive(Clone, Copy)]
pub(super) struct HexBytes<'a>(pub &'a [u8]);

impl Serialize for HexBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
        let text: String = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        serializer.serialize_str(&text)
    }
}
