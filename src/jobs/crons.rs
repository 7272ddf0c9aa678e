//! PURE. `vercel.json`: which job is due when.

use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::schedule::Schedule;

/// The file that comes with the program.
pub const EMBEDDED: &str = include_str!("../../vercel.json");

/// What the addresses of jobs begin with.
pub const PATH: &str = "/api/cron/";

/// The part of the file that is ours; the rest is its own platform's.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    crons: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cron<'a> {
    #[serde(borrow)]
    path: &'a RawValue,
    schedule: &'a RawValue,
}

/// Reads the schedules of the jobs that the file names.
///
/// # Errors
/// What is wrong, with its line: no JSON, a path that is no job's, an expression that is none, a job named twice.
pub fn parse(text: &str, known: &[&'static str], zone: Tz) -> Result<Vec<(&'static str, Schedule)>, String> {
    let file: File<'_> = serde_json::from_str(text).map_err(|cause| cause.to_string())?;
    let mut planned: Vec<(&'static str, Schedule)> = Vec::new();
    for raw in file.crons {
        let wrong = |at: &str, problem: String| format!("line {}: {problem}", line(text, at));
        let Cron { path, schedule } =
            serde_json::from_str(raw.get()).map_err(|cause| wrong(raw.get(), cause.to_string()))?;
        let word = |raw: &RawValue| {
            serde_json::from_str::<String>(raw.get()).map_err(|cause| wrong(raw.get(), cause.to_string()))
        };
        let (name, expression) = (word(path)?, word(schedule)?);
        let job = known.iter().find(|job| name.strip_prefix(PATH) == Some(**job)).ok_or_else(|| {
            let jobs: Vec<_> = known.iter().map(|job| format!("{PATH}{job}")).collect();
            wrong(path.get(), format!("the path {name:?} is no job's; there are {}", jobs.join(", ")))
        })?;
        if planned.iter().any(|(other, _)| other == job) {
            return Err(wrong(path.get(), format!("the path {name:?} is there twice; give it one schedule")));
        }
        let schedule = Schedule::parse(&expression, zone)
            .map_err(|problem| wrong(schedule.get(), format!("the schedule {expression:?} of {name} {problem}")))?;
        planned.push((job, schedule));
    }
    Ok(planned)
}

/// The line that a part of a text stands in.
fn line(text: &str, part: &str) -> usize {
    let before = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    text.bytes().take(before).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["match", "retention", "audit-proof"];

    #[test]
    fn a_file_names_jobs_and_when_they_are_due() {
        let text = r#"{"headers": [], "crons": [{"path": "/api/cron/retention", "schedule": "0 */6 * * *"}]}"#;
        let planned = parse(text, KNOWN, Tz::UTC).unwrap();
        let planned: Vec<_> = planned.iter().map(|(job, schedule)| (*job, schedule.expression())).collect();
        assert_eq!(planned, [("retention", "0 */6 * * *")]);
        assert!(parse(r#"{"crons": []}"#, KNOWN, Tz::UTC).unwrap().is_empty());
        assert_eq!(parse(EMBEDDED, KNOWN, Tz::UTC).unwrap().len(), 3);
    }

    #[test]
    fn a_bad_file_says_what_and_where() {
        let entry = |fields: &str| format!("{{\n  \"crons\": [\n    {{ {fields} }}\n  ]\n}}");
        for (text, line, what) in [
            (String::new(), "line 1", "EOF"),
            ("{}".to_owned(), "line 1", "missing field `crons`"),
            ("[]".to_owned(), "line 1", "invalid"),
            ("{\n\"crons\": 5}".to_owned(), "line 2", "invalid type"),
            ("{\n\"crons\": [,]}".to_owned(), "line 2", "expected"),
            (entry(r#""path": "/api/cron/retention""#), "line 3", "missing field `schedule`"),
            (entry(r#""path": 5, "schedule": "* * * * *""#), "line 3", "invalid type"),
            (entry(r#""path": "/api/cron/retention", "schedule": "* * * * *", "zone": 1"#), "line 3", "unknown field"),
            (
                entry(r#""path": "/api/cron/nothing", "schedule": "* * * * *""#),
                "line 3",
                "\"/api/cron/nothing\" is no job's",
            ),
            (entry(r#""path": "retention", "schedule": "* * * * *""#), "line 3", "\"retention\" is no job's"),
            (
                entry("\"path\": \"/api/cron/retention\",\n\"schedule\": \"61 * * * *\""),
                "line 4",
                "\"61 * * * *\" of /api/cron/retention",
            ),
            (entry(r#""path": "/api/cron/retention", "schedule": "hourly""#), "line 3", "five fields"),
            (
                r#"{"crons": [{"path": "/api/cron/retention", "schedule": "* * * * *"},
                {"path": "/api/cron/retention", "schedule": "* * * * *"}]}"#
                    .to_owned(),
                "line 2",
                "twice",
            ),
        ] {
            let problem = parse(&text, KNOWN, Tz::UTC).unwrap_err();
            assert!(problem.contains(line) && problem.contains(what), "{text}: {problem}");
        }
    }
}
