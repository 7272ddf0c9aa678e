//! PURE. When a job is due: a cron expression of five fields, read in a time zone.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// When a job is due.
///
/// # Source
/// The field's rules for clocks that change: a fixed time in the hour that is skipped comes right after it, one in the
/// hour that is there twice comes once; what repeats within the hour goes on by the minute.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: Tz,
}

impl Schedule {
    /// Reads `minute hour day month weekday`.
    ///
    /// # Errors
    /// What is wrong with it, in words that follow the expression.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self, String> {
        if expression.split_ascii_whitespace().count() != 5 {
            return Err("does not have the five fields minute, hour, day, month and weekday".to_owned());
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(expression).map_err(|cause| format!("is no cron expression ({cause})"))?;
        let schedule = Self { cron, zone };
        if schedule.next_after(DateTime::UNIX_EPOCH).is_none() {
            return Err("names a day that never comes".to_owned());
        }
        Ok(schedule)
    }

    /// The first time it is due after a moment; none when it never is again.
    pub fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.cron.find_next_occurrence(&moment.with_timezone(&self.zone), false).ok()?;
        Some(next.with_timezone(&Utc)).filter(|next| *next > moment)
    }

    /// As it was written.
    pub fn expression(&self) -> &str {
        self.cron.as_str()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The next times, as UTC.
    fn times(expression: &str, zone: Tz, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(expression, zone).unwrap();
        let next = |moment: &DateTime<Utc>| schedule.next_after(*moment);
        let first = schedule.next_after(at(after));
        std::iter::successors(first, next).take(count).map(|time| time.format("%m-%dT%H:%M").to_string()).collect()
    }

    #[test]
    fn expressions_are_due_when_they_say() {
        for (expression, after, due) in [
            ("0 */6 * * *", "2026-01-01T00:00:00Z", ["01-01T06:00", "01-01T12:00", "01-01T18:00"]),
            ("*/10 * * * *", "2026-01-01T00:09:59Z", ["01-01T00:10", "01-01T00:20", "01-01T00:30"]),
            ("30 3 * * 0", "2026-01-01T00:00:00Z", ["01-04T03:30", "01-11T03:30", "01-18T03:30"]),
            ("0 0 1 * *", "2026-01-01T00:00:00Z", ["02-01T00:00", "03-01T00:00", "04-01T00:00"]),
            ("0 0 29 2 *", "2026-01-01T00:00:00Z", ["02-29T00:00", "02-29T00:00", "02-29T00:00"]),
            ("15 4 * * 1-5", "2026-01-02T05:00:00Z", ["01-05T04:15", "01-06T04:15", "01-07T04:15"]),
            // A day of the month and a weekday: either of them.
            ("0 0 13 * 5", "2026-01-10T00:00:00Z", ["01-13T00:00", "01-16T00:00", "01-23T00:00"]),
        ] {
            assert_eq!(times(expression, Tz::UTC, after, 3), due, "{expression}");
        }
    }

    #[test]
    fn the_hour_that_is_skipped_or_there_twice_loses_and_doubles_no_run() {
        let zone = Tz::Europe__Amsterdam;
        // 2026-03-29: 02:00 becomes 03:00, which is 01:00 UTC. 02:30 is not there: the run comes when it is over.
        assert_eq!(times("30 2 * * *", zone, "2026-03-28T00:00:00Z", 3), ["03-28T01:30", "03-29T01:00", "03-30T00:30"]);
        // 2026-10-25: 03:00 becomes 02:00, so 02:30 is there at 00:30 and 01:30 UTC: the run comes once.
        assert_eq!(times("30 2 * * *", zone, "2026-10-24T00:00:00Z", 3), ["10-24T00:30", "10-25T00:30", "10-26T01:30"]);
        // What comes by every half an hour goes on through both.
        assert_eq!(times("*/30 * * * *", zone, "2026-03-29T00:30:00Z", 2), ["03-29T01:00", "03-29T01:30"]);
        let autumn = times("*/30 * * * *", zone, "2026-10-24T23:30:00Z", 5);
        assert_eq!(autumn, ["10-25T00:00", "10-25T00:30", "10-25T01:00", "10-25T01:30", "10-25T02:00"]);
    }

    #[test]
    fn what_is_no_expression_says_so() {
        for (bad, why) in [
            ("", "five fields"),
            ("* * * *", "five fields"),
            ("0 0 * * * *", "five fields"),
            ("@daily", "five fields"),
            ("60 * * * *", "no cron expression"),
            ("* 24 * * *", "no cron expression"),
            ("a b c d e", "no cron expression"),
            ("*/0 * * * *", "no cron expression"),
            ("5-1 * * * *", "no cron expression"),
            ("0 0 31 2 *", "never comes"),
        ] {
            let problem = Schedule::parse(bad, Tz::UTC).unwrap_err();
            assert!(problem.contains(why), "{bad:?}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9*/,@LW# -]{0,20}") {
            let _read = Schedule::parse(&text, Tz::Europe__Amsterdam).is_ok();
        }

        #[test]
        fn the_next_time_is_later_and_never_skips_a_day(seconds in 1_700_000_000_i64..2_000_000_000, hour in 0_u32..24) {
            let schedule = Schedule::parse(&format!("30 {hour} * * *"), Tz::Europe__Amsterdam).unwrap();
            let moment = DateTime::from_timestamp(seconds, 0).unwrap();
            let next = schedule.next_after(moment).unwrap();
            prop_assert!(next > moment && next - moment <= chrono::TimeDelta::hours(26));
        }
    }
}
