//! The only place that prints. Answers go to stdout, complaints to stderr.

use std::io::{self, Write};

use serde::Serialize;

/// Prints lines to stdout. A reader that is gone (`domu ... | head`) is no error.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _reader_gone = writeln!(out, "{text}").and_then(|()| out.flush()).is_err();
}

/// Prints a value as JSON, for machines.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => say(&text),
        Err(cause) => error(&format!("domu: the answer cannot be written as JSON: {cause}")),
    }
}

/// Prints rows under headings, in columns as wide as their widest cell.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) {
    say(&columns(headings, rows));
}

/// Prints a complaint to stderr.
pub fn error(text: &str) {
    let mut err = io::stderr().lock();
    let _reader_gone = writeln!(err, "{text}").is_err();
}

fn columns<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(widths).map(|(cell, width)| format!("{}{cell:width$}", ""));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut headings.into_iter())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["é".into(), "x".into()], ["long".into(), "y".into()]];
        assert_eq!(columns(["a", "b"], &rows), "a     b\né     x\nlong  y");
    }
}
