//! The query string, read strictly: each parameter once, of its type and in its range, and none that is not known.

use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::error::{Error, Result};

/// Characters of an unknown parameter's name that are told back.
const NAME_CHARS: usize = 40;

/// A query string on its way to types. What is wrong is gathered, and told at the end all at once.
#[derive(Debug)]
pub struct Query {
    pairs: Vec<(String, String)>,
    wrong: Vec<(String, String)>,
}

impl Query {
    /// Takes a query string apart.
    pub fn new(raw: &str) -> Self {
        Self { pairs: url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect(), wrong: Vec::new() }
    }

    /// A whole number in digits.
    pub fn number<T>(&mut self, name: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let text = self.text(name)?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && range.contains(number));
        if number.is_none() {
            self.refuse(name, format!("must be a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// A text of at most this many characters.
    pub fn short_text(&mut self, name: &str, chars_max: usize) -> Option<String> {
        let text = self.text(name)?;
        // A byte that is no UTF-8 has become this character; nobody has it in their name.
        if text.chars().count() > chars_max || text.contains(char::REPLACEMENT_CHARACTER) {
            self.refuse(name, format!("must be a text of at most {chars_max} characters"));
            return None;
        }
        Some(text)
    }

    /// One of these words.
    pub fn word(&mut self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name)?;
        let word = words.iter().copied().find(|word| *word == text);
        if word.is_none() {
            self.refuse(name, format!("must be one of {}", words.join(", ")));
        }
        word
    }

    /// An id.
    pub fn id<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        let id = text.parse().ok().filter(|_| text.len() == 36);
        if id.is_none() {
            self.refuse(name, "must be an id");
        }
        id
    }

    /// A moment.
    pub fn moment(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let text = self.text(name)?;
        let moment = DateTime::parse_from_rfc3339(&text).ok();
        if moment.is_none() {
            self.refuse(name, "must be a moment such as 2026-11-22T12:00:00Z");
        }
        moment.map(|moment| moment.to_utc())
    }

    /// The value of a parameter, when it stands there once.
    fn text(&mut self, name: &str) -> Option<String> {
        let mut values = self.pairs.extract_if(.., |(key, _)| key == name).map(|(_, value)| value);
        let value = values.next();
        let again = values.count() > 0;
        if again {
            self.refuse(name, "may stand there only once");
        }
        value.filter(|_| !again)
    }

    /// Notes that a parameter is wrong for a reason of the caller's.
    pub fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        self.wrong.push((name.to_owned(), detail.into()));
    }

    /// Tells everything that was wrong. Whatever was not asked for is not known.
    ///
    /// # Errors
    /// `bad_request` with `fields`.
    pub fn end(mut self) -> Result<()> {
        for (name, _) in self.pairs.drain(..) {
            let name: String = name.chars().take(NAME_CHARS).collect();
            if self.wrong.iter().all(|(known, _)| *known != name) {
                self.wrong.push((name, "is not known here".to_owned()));
            }
        }
        let Some((name, what)) = self.wrong.first() else { return Ok(()) };
        let detail = format!("The parameter {name:?} {what}.");
        let fields: Vec<_> =
            self.wrong.iter().map(|(field, detail)| json!({ "field": field, "detail": detail })).collect();
        Err(Error::bad_request(detail).with(json!({ "fields": fields })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(raw: &str) -> Vec<String> {
        let mut query = Query::new(raw);
        query.number("limit", 1..=100_u32);
        query.short_text("q", 5);
        let fields = query.end().map_or_else(|error| error.data.unwrap()["fields"].clone(), |()| json!([]));
        fields.as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_is_right_is_typed() {
        let mut query = Query::new("limit=7&q=a%20b");
        assert_eq!((query.number("limit", 1..=100_u32), query.number("first", 0..=9_u64)), (Some(7), None));
        assert_eq!(query.short_text("q", 5).as_deref(), Some("a b"));
        assert!(query.end().is_ok() && Query::new("").end().is_ok());
    }

    #[test]
    fn everything_wrong_is_named() {
        for limit in [
            "0",
            "-1",
            "101",
            "1000000000",
            "99999999999999999999999",
            "",
            "+5",
            "%2B5",
            "5.0",
            "1e1",
            "0x5",
            "٣",
            "5%00",
            " 5",
        ] {
            assert_eq!(wrong(&format!("limit={limit}")), ["limit"], "{limit:?}");
        }
        assert_eq!(wrong("limit=1&limit=1"), ["limit"]);
        assert_eq!(wrong("limit=1&x=1&x=2"), ["x"]);
        assert_eq!(wrong("limit"), ["limit"]);
        assert_eq!(wrong("q=123456"), ["q"]);
        assert_eq!(wrong("q=%FF"), ["q"]);
        assert_eq!(wrong("LIMIT=1&limit=0&q=%E4"), ["limit", "q", "LIMIT"]);
        assert_eq!(wrong(&"a".repeat(1000))[0].len(), NAME_CHARS);
    }
}
