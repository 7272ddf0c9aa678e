//! The results as tables, as JSON and as a picture.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::plan::{CALM, Cell, Results};
use crate::stats::{Series, Verdict, short};

/// A column: its heading, and the figure in it as the results name it, multiplied.
type Column = (&'static str, &'static str, f64);

const FANOUT: &[Column] = &[
    ("CPU µs/delivery", "server_cpu_s_per_M", 1.0),
    ("deliveries/s", "deliveries_per_s", 1.0),
    ("p50 ms", "lat_p50_us", 0.001),
    ("p99 ms", "lat_p99_us", 0.001),
    ("max ms", "lat_max_us", 0.001),
];
const TRIPS: &[Column] = &[
    ("CPU µs/round trip", "server_cpu_s_per_M", 1.0),
    ("round trips/s", "round_trips_per_s", 1.0),
    ("p50 µs", "lat_p50_us", 1.0),
    ("p99 µs", "lat_p99_us", 1.0),
    ("max µs", "lat_max_us", 1.0),
];
const DURABLE: &[Column] = &[
    ("acknowledged/s", "acked_per_s", 1.0),
    ("CPU µs/message", "server_cpu_s_per_M_acked", 1.0),
    ("p50 ms", "ack_p50_us", 0.001),
    ("p99 ms", "ack_p99_us", 0.001),
    ("max ms", "ack_max_us", 0.001),
];
const IDLE: &[Column] = &[
    ("bytes/socket", "rss_per_conn_bytes", 1.0),
    ("CPU µs/s/socket", "idle_cpu_us_per_s", 1.0),
    ("connects/s", "connects_per_s", 1.0),
    ("CPU µs/connect", "server_cpu_s_per_M", 1.0),
    ("connect p99 ms", "connect_p99_us", 0.001),
];
const CONNECT: &[Column] = &[
    ("CPU µs/connect", "server_cpu_s_per_M", 1.0),
    ("connect p50 ms", "connect_p50_us", 0.001),
    ("connect p99 ms", "connect_p99_us", 0.001),
];
const FLOOR: &[Column] = &[("µs", "us", 1.0), ("p99 µs", "p99_us", 1.0), ("rows/s", "rows_per_s", 1.0)];
const OFFERED: &[Column] = &[
    ("cores of CPU", "server_cpu_share", 1.0),
    ("deliveries/s", "deliveries_per_s", 1.0),
    ("p50 ms", "lat_p50_us", 0.001),
    ("p99 ms", "lat_p99_us", 0.001),
    ("max ms", "lat_max_us", 0.001),
    ("generator late ms", "send_late_max_us", 0.001),
];
const STALLED: &[Column] = &[
    ("p99 ms", "lat_p99_us", 0.001),
    ("p50 ms", "lat_p50_us", 0.001),
    ("max ms", "lat_max_us", 0.001),
    ("CPU µs/delivery", "server_cpu_s_per_M", 1.0),
    ("memory grew MiB", "rss_growth_kib", 1.0 / 1024.0),
];

/// A table of the report.
struct Section {
    group: &'static str,
    title: &'static str,
    columns: &'static [Column],
    /// The first column, over another server or over the floor.
    ratios: &'static [Ratio],
}

/// What the first column is divided by.
enum Ratio {
    /// The same of another server.
    Server(&'static str),
    /// A bare `send` to as many sockets.
    Send,
    /// The same while everybody reads.
    Calm,
    /// The median acknowledgement by a sync.
    Sync,
    /// Messages a second by those of a bare table in the same database.
    Store,
}

const SECTIONS: &[Section] = &[
    Section { group: "floor", title: "The floor: what the machine charges", columns: FLOOR, ratios: &[] },
    Section {
        group: "fan-out",
        title: "Fan-out: closed loop, depth messages in flight in each room",
        columns: FANOUT,
        ratios: &[Ratio::Server("tt_mpsc"), Ratio::Server("tt_batch"), Ratio::Send],
    },
    Section {
        group: "offered",
        title: "Offered: open loop, so that whoever falls behind is late (p99 counts from when a message was due)",
        columns: OFFERED,
        ratios: &[Ratio::Server("tt_mpsc"), Ratio::Server("tt_batch")],
    },
    Section {
        group: "stalled",
        title: "Stalled readers: 1x100, 1000 messages a second; what the others notice",
        columns: STALLED,
        ratios: &[Ratio::Calm],
    },
    Section {
        group: "round trips",
        title: "Round trips: two messages in, four frames out (domu: two commits)",
        columns: TRIPS,
        ratios: &[Ratio::Server("tt_mpsc"), Ratio::Server("tt_batch")],
    },
    Section {
        group: "durable",
        title: "Acknowledged means stored: commits with a full sync (CPU is domu's own, PostgreSQL's is not in it)",
        columns: DURABLE,
        ratios: &[Ratio::Sync, Ratio::Store],
    },
    Section {
        group: "idle",
        title: "Connections: sign-in checked, joined, then silent",
        columns: IDLE,
        ratios: &[Ratio::Server("tt_mpsc"), Ratio::Server("tt_batch")],
    },
    Section { group: "growth: connect", title: "Connecting as chats and history grow", columns: CONNECT, ratios: &[] },
    Section { group: "growth: write", title: "Writing as chats and history grow", columns: DURABLE, ratios: &[] },
];

fn scaled(results: &Results, cell: &Cell, (_, figure, by): &Column) -> Series {
    let Series(values) = results.series(cell.group, &cell.shape, cell.server, figure);
    Series(values.into_iter().map(|value| value * by).collect())
}

fn ratio(results: &Results, section: &Section, cell: &Cell, to: &Ratio) -> (String, Series) {
    let figure = section.columns[0].1;
    let own = results.series(cell.group, &cell.shape, cell.server, figure);
    match to {
        Ratio::Server(other) => {
            let heading = format!("× {other}");
            if cell.server == *other {
                return (heading, Series::default());
            }
            (heading, own.over(&results.series(cell.group, &cell.shape, other, figure)))
        }
        Ratio::Send => {
            let sockets = sockets_of(&cell.shape);
            let nearest = [100, 1000, 2000].into_iter().min_by_key(|n: &usize| n.abs_diff(sockets)).unwrap_or(100);
            let floor = results.series("floor", &format!("send, {nearest} sockets"), "kernel", "us");
            ("× send".to_owned(), own.over(&floor))
        }
        Ratio::Calm => ("× calm".to_owned(), own.over(&results.series(cell.group, CALM, cell.server, figure))),
        Ratio::Sync => {
            let own = results.series(cell.group, &cell.shape, cell.server, "ack_p50_us");
            ("p50 × sync".to_owned(), own.over(&results.series("floor", "sync of 4 KiB", "kernel", "us")))
        }
        Ratio::Store => {
            let own = results.series(cell.group, &cell.shape, cell.server, "acked_per_s");
            let bare = if cell.server.ends_with("SQLite") { "bare SQLite" } else { "bare PostgreSQL" };
            ("of bare store".to_owned(), own.over(&results.series("floor", "100 rows, synced", bare, "rows_per_s")))
        }
    }
}

/// `1000x2, depth 1` has 2000 sockets.
fn sockets_of(shape: &str) -> usize {
    let numbers = shape.split(',').next().unwrap_or_default();
    numbers.split('x').filter_map(|number| number.trim().parse::<usize>().ok()).product()
}

fn said(series: &Series) -> String {
    match series.verdict() {
        Some(Verdict::Parity) => format!("{series} parity"),
        _ => series.to_string(),
    }
}

fn section(results: &Results, section: &Section) -> Option<String> {
    let cells: Vec<&Cell> = results.group(section.group).collect();
    if cells.is_empty() {
        return None;
    }
    let mut rows = vec![vec!["".to_owned(), "server".to_owned()]];
    rows[0].extend(section.columns.iter().map(|(heading, _, _)| (*heading).to_owned()));
    rows[0].extend(section.ratios.iter().map(|to| ratio(results, section, cells[0], to).0));
    for cell in cells {
        let mut row = vec![cell.shape.clone(), cell.server.to_owned()];
        row.extend(section.columns.iter().map(|column| scaled(results, cell, column).to_string()));
        row.extend(section.ratios.iter().map(|to| said(&ratio(results, section, cell, to).1)));
        rows.push(row);
    }
    Some(format!("## {}\n\n{}", section.title, table(&rows)))
}

/// Rows as a table that reads well in a terminal and in Markdown; the first is the heading.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let empty = String::new();
    let cell = |row: &[String], column: usize| row.get(column).unwrap_or(&empty).clone();
    let widths: Vec<usize> =
        (0..columns).map(|c| rows.iter().map(|row| cell(row, c).chars().count()).max().unwrap_or(0).max(3)).collect();
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (column, width) in widths.iter().enumerate() {
            let text = cell(row, column);
            let blank = " ".repeat(width - text.chars().count());
            let (before, after) = if column < 2 { ("", blank.as_str()) } else { (blank.as_str(), "") };
            let _infallible = write!(out, "| {before}{text}{after} ");
        }
        out.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let _infallible = write!(out, "|{}{}", "-".repeat(width + 1), if column < 2 { "-" } else { ":" });
            }
            out.push_str("|\n");
        }
    }
    out
}

/// The whole report; `picture` names the chart beside it.
pub fn markdown(results: &Results, picture: bool) -> String {
    let mut parts = vec!["# What it costs".to_owned()];
    parts.push(results.about.iter().map(|(what, text)| format!("- {what}: {text}")).collect::<Vec<_>>().join("\n"));
    parts.push(
        "Medians with [least–greatest]; a ratio is the median of the repetitions' ratios, and \"parity\" when it is within 20 % \
         of 1 or its interval holds 1. The textbook servers sign nobody in, check nothing and store nothing."
            .to_owned(),
    );
    if picture {
        parts.push("![Server CPU for each delivery](bench.svg)".to_owned());
    }
    parts.extend(SECTIONS.iter().filter_map(|each| section(results, each)));
    let faults = results.faults();
    let sum = short(results.deliveries());
    parts.push(if faults.is_empty() {
        format!("Lost, doubled, reordered, refused: none, in {sum} deliveries that were counted.")
    } else {
        format!("WRONG, in {sum} deliveries that were counted:\n\n- {}", faults.join("\n- "))
    });
    let mut text = parts.join("\n\n");
    text.push('\n');
    text.replace("\n\n\n", "\n\n")
}

/// Everything, as the generator said it.
pub fn json(results: &Results) -> anyhow::Result<String> {
    let about: serde_json::Map<String, Value> =
        results.about.iter().map(|(what, text)| (what.clone(), Value::from(text.as_str()))).collect();
    let cells: Vec<Value> = results
        .order
        .iter()
        .map(|cell| {
            let runs = results.cells.get(cell);
            json!({ "group": cell.group, "shape": cell.shape, "server": cell.server, "runs": runs })
        })
        .collect();
    let whole = json!({ "about": about, "cells": cells, "faults": results.faults() });
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}

const WIDTH: f64 = 900.0;
const LEFT: f64 = 250.0;
const BAR: f64 = 16.0;
const COLOURS: &[&str] = &["#3b6fd4", "#9aa3b2", "#c7ccd6"];

/// Bars of CPU for each delivery; the line through a bar's end is its interval.
pub fn chart(results: &Results) -> String {
    let column = &FANOUT[0];
    let bars: Vec<(&Cell, f64, (f64, f64))> = results
        .group("fan-out")
        .filter_map(|cell| {
            let series = scaled(results, cell, column);
            Some((cell, series.median()?, series.interval()?))
        })
        .collect();
    let most = bars.iter().map(|(_, _, (_, greatest))| *greatest).fold(1e-9, f64::max);
    let x = |value: f64| LEFT + value / most * (WIDTH - LEFT - 90.0);
    let mut servers: Vec<&str> = Vec::new();
    let mut body = String::new();
    let (mut y, mut shape) = (48.0, "");
    for (cell, median, (least, greatest)) in &bars {
        if cell.shape != shape {
            y += if shape.is_empty() { 0.0 } else { 10.0 };
            shape = &cell.shape;
        }
        let colour = servers.iter().position(|server| server == &cell.server).unwrap_or_else(|| {
            servers.push(cell.server);
            servers.len() - 1
        });
        let fill = COLOURS[colour % COLOURS.len()];
        let middle = y + BAR / 2.0;
        let _infallible = writeln!(
            body,
            "<text x='{:.0}' y='{:.0}' text-anchor='end'>{}, {}</text>\
             <rect x='{LEFT}' y='{y:.0}' width='{:.1}' height='{BAR}' fill='{fill}'/>\
             <path d='M{:.1} {middle:.0}H{:.1}' stroke='currentColor'/>\
             <text x='{:.1}' y='{:.0}'>{}</text>",
            LEFT - 8.0,
            y + BAR - 3.0,
            cell.shape,
            cell.server,
            x(*median) - LEFT,
            x(*least),
            x(*greatest),
            x(*greatest) + 6.0,
            y + BAR - 3.0,
            short(*median),
        );
        y += BAR + 4.0;
    }
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {:.0}' font-family='system-ui, sans-serif' \
         font-size='12' fill='currentColor' color='#556'>\n\
         <title>Server CPU for each delivery, in microseconds</title>\n\
         <text x='8' y='24' font-size='15'>Server CPU for each delivery, microseconds (less is better)</text>\n{body}</svg>\n",
        y + 12.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let mut results = Results::default();
        results.about.push(("machine".into(), "a test".into()));
        let mut add = |group, shape: &str, server, text: String| {
            let cell = Cell { group, shape: shape.into(), server };
            results.add(cell, serde_json::from_str(&text).unwrap());
        };
        for run in [1.0, 1.1, 0.9] {
            add("floor", "send, 2000 sockets", "kernel", format!(r#"{{"us":{}}}"#, 4.0 * run));
            for (server, cost) in [("domu, SQLite", 8.0), ("tt_mpsc", 16.0), ("tt_batch", 8.4)] {
                let cost = cost * run;
                let text = format!(r#"{{"server_cpu_s_per_M":{cost},"lat_p50_us":500,"deliveries":1000}}"#);
                add("fan-out", "1000x2, depth 1", server, text);
            }
        }
        results
    }

    #[test]
    fn the_tables_say_cost_ratio_and_parity() {
        let text = markdown(&results(), true);
        for want in [
            "- machine: a test",
            "| 1000x2, depth 1 | domu, SQLite |",
            "8.00 [7.20–8.80]",
            "0.50 [0.50–0.50]",
            "0.95 [0.95–0.95] parity",
            "2.00 [2.00–2.00]",
            "bench.svg",
            "none, in 9000 deliveries",
        ] {
            assert!(text.contains(want), "{want} is not in\n{text}");
        }
        assert!(!text.contains("Round trips"), "a table without rows");
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| 1000x2")).collect();
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row.chars().count() == rows[0].chars().count()), "{rows:#?}");
    }

    #[test]
    fn a_loss_is_the_first_thing_to_see_at_the_end() {
        let mut results = results();
        let cell = Cell { group: "fan-out", shape: "1x2".into(), server: "tt_mpsc" };
        results.add(cell, serde_json::from_str(r#"{"lost_tail":3}"#).unwrap());
        assert!(
            markdown(&results, false)
                .contains("WRONG, in 9000 deliveries that were counted:\n\n- fan-out 1x2 on tt_mpsc: lost_tail 3")
        );
    }

    #[test]
    fn json_has_every_run_and_the_chart_a_bar_for_each_server() {
        let results = results();
        let whole: Value = serde_json::from_str(&json(&results).unwrap()).unwrap();
        assert_eq!(whole["cells"][1]["runs"].as_array().unwrap().len(), 3);
        let chart = chart(&results);
        assert_eq!(chart.matches("<rect").count(), 3);
        assert!(chart.starts_with("<svg") && chart.trim_end().ends_with("</svg>"));
        assert_eq!(super::chart(&Results::default()).matches("<rect").count(), 0);
    }

    #[test]
    fn shapes_tell_their_sockets() {
        assert_eq!([sockets_of("1000x2, depth 16"), sockets_of("1x100, depth 1")], [2000, 100]);
    }
}
