//! How one value is written: the same forms in the file, in the environment and on the command line.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Environment, LogFormat};

/// A value as its source gives it: the file has types, the environment and the command line have text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    Text(&'a str),
    Toml(&'a toml::Value),
}

impl Raw<'_> {
    /// The value for a message: what was found, not what it means.
    pub(super) fn show(self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Toml(value) => value.to_string(),
        }
    }

    fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text.trim()),
            Self::Toml(toml::Value::String(text)) => Ok(text.trim()),
            Self::Toml(_) => Err("is not text".into()),
        }
    }

    /// A whole number, with `_` between digits where one likes.
    fn whole(&self) -> Result<u64, String> {
        match self {
            Self::Text(text) => digits(text.trim()).ok_or_else(|| "is not a whole number".into()),
            Self::Toml(toml::Value::Integer(n)) => u64::try_from(*n).map_err(|_| "is negative".into()),
            Self::Toml(_) => Err("is not a whole number".into()),
        }
    }
}

fn digits(text: &str) -> Option<u64> {
    let grouped = !text.starts_with('_') && !text.ends_with('_');
    grouped.then(|| text.replace('_', "").parse().ok()).flatten()
}

/// A type that a setting can have.
pub(super) trait Setting: Sized {
    /// Reads it, or says what is wrong in words that follow the value: "is not a whole number".
    fn read(raw: Raw<'_>) -> Result<Self, String>;
    /// Writes it as it may be written.
    fn show(&self) -> String;
}

/// Reads a value and checks its range.
pub(super) fn read_in<T: Setting + PartialOrd>(raw: Raw<'_>, range: RangeInclusive<T>) -> Result<T, String> {
    let value = T::read(raw)?;
    if value < *range.start() {
        return Err("is too small".into());
    }
    if value > *range.end() {
        return Err("is too large".into());
    }
    Ok(value)
}

/// `1 to 10`, in the form values are written.
pub(super) fn show_range<T: Setting>(range: &RangeInclusive<T>) -> String {
    format!("{} to {}", range.start().show(), range.end().show())
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            fn read(raw: Raw<'_>) -> Result<Self, String> {
                Self::try_from(raw.whole()?).map_err(|_| "is too large".into())
            }
            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
numbers!(u8, u32, usize);

impl Setting for Duration {
    /// `250ms`, `10s`, `5m`, `24h`, `30d`, or a plain number of seconds.
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        let problem = "is not a time such as 250ms, 10s, 5m, 24h, 30d, or a number of seconds";
        if let Raw::Toml(toml::Value::Integer(_)) = raw {
            return raw.whole().map(Self::from_secs);
        }
        let text = raw.text().map_err(|_| problem)?;
        let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(unit_at).unwrap_or((text, ""));
        let number = digits(number).ok_or(problem)?;
        let ms_each = match unit.trim() {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(problem.into()),
        };
        number.checked_mul(ms_each).map(Self::from_millis).ok_or_else(|| "is too large".into())
    }

    fn show(&self) -> String {
        let ms = self.as_millis();
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        match units.into_iter().find(|(each, _)| ms >= *each && ms.is_multiple_of(*each)) {
            Some((each, unit)) => format!("{}{unit}", ms / each),
            None if ms == 0 => "0s".into(),
            None => format!("{ms}ms"),
        }
    }
}

impl Setting for bool {
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        match raw {
            Raw::Toml(toml::Value::Boolean(value)) => Ok(*value),
            Raw::Text("true" | "1" | "yes" | "on") => Ok(true),
            Raw::Text("false" | "0" | "no" | "off") => Ok(false),
            _ => Err("is neither true nor false".into()),
        }
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for String {
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        raw.text().map(Into::into)
    }
    fn show(&self) -> String {
        self.clone()
    }
}

impl Setting for PathBuf {
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        let text = raw.text()?;
        if text.is_empty() { Err("is empty".into()) } else { Ok(text.into()) }
    }
    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for chrono_tz::Tz {
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        raw.text()?.parse().map_err(|_| "is not a time zone such as UTC or Europe/Amsterdam".into())
    }
    fn show(&self) -> String {
        self.name().into()
    }
}

impl Setting for SocketAddr {
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        let text = raw.text()?;
        let text = text.replace("localhost:", "127.0.0.1:");
        text.parse().map_err(|_| "is not an address with a port, such as 127.0.0.1:8080 or [::]:8080".into())
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for IpAddr {
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        raw.text()?.parse().map_err(|_| "is not an IP address such as 10.0.0.7 or ::1".into())
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Url {
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        Self::parse(raw.text()?).map_err(|cause| format!("is not a URL ({cause})"))
    }
    fn show(&self) -> String {
        self.as_str().trim_end_matches('/').into()
    }
}

/// The secret itself is never shown, not even its length.
impl Setting for SecretString {
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        let text = raw.text()?;
        if text.is_empty() { Err("is empty".into()) } else { Ok(text.into()) }
    }
    fn show(&self) -> String {
        if self.expose_secret().is_empty() { "(not made yet)".into() } else { "(hidden)".into() }
    }
}

impl<T: Setting> Setting for Option<T> {
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        T::read(raw).map(Some)
    }
    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "-".into(), T::show)
    }
}

impl<T: Setting> Setting for Vec<T> {
    /// A TOML array, or text with commas.
    fn read(raw: Raw<'_>) -> Result<Self, String> {
        match raw {
            Raw::Toml(toml::Value::Array(items)) => items.iter().map(|item| T::read(Raw::Toml(item))).collect(),
            Raw::Toml(_) => Err("is not an array of texts".into()),
            Raw::Text(text) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| T::read(Raw::Text(item)))
                .collect(),
        }
    }
    fn show(&self) -> String {
        if self.is_empty() { "-".into() } else { join(self.iter().map(T::show)) }
    }
}

fn join(items: impl Iterator<Item = impl Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

macro_rules! words {
    ($type:ty: $($word:literal = $variant:ident),* $(,)?) => {
        impl Setting for $type {
            fn read(raw: Raw<'_>) -> Result<Self, String> {
                match raw.text()? {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(concat!("is none of:", $(" ", $word),*).into()),
                }
            }
            fn show(&self) -> String {
                match self { $(Self::$variant => $word.into(),)* }
            }
        }
    };
}
words!(Environment: "development" = Development, "production" = Production);
words!(LogFormat: "text" = Text, "json" = Json);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> Option<Duration> {
        Duration::read(Raw::Text(text)).ok()
    }

    #[test]
    fn times_are_written_with_or_without_a_unit() {
        for (text, ms) in [
            ("10s", 10_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("30d", 2_592_000_000),
            ("250ms", 250),
            ("7", 7_000),
            (" 1_000 ms ", 1_000),
        ] {
            assert_eq!(time(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "-1s", "1.5s", "10 parsecs", "_1s", "99999999999999999999d", "18446744073709551615d"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn the_file_is_typed_strictly() {
        let read = |text: &str| text.parse::<toml::Table>().unwrap()["v"].clone();
        assert!(u32::read(Raw::Toml(&read("v = '5'"))).is_err(), "a number in quotes is text");
        assert!(u32::read(Raw::Toml(&read("v = -5"))).is_err());
        assert!(bool::read(Raw::Toml(&read("v = 'true'"))).is_err());
        assert!(String::read(Raw::Toml(&read("v = 5"))).is_err());
        assert_eq!(Vec::<IpAddr>::read(Raw::Toml(&read("v = ['::1', '10.0.0.1']"))).unwrap().len(), 2);
    }

    #[test]
    fn ranges_include_their_ends() {
        assert_eq!(read_in(Raw::Text("3"), 3..=4_u32), Ok(3));
        assert_eq!(read_in(Raw::Text("4"), 3..=4_u32), Ok(4));
        assert_eq!(read_in(Raw::Text("2"), 3..=4_u32), Err("is too small".into()));
        assert_eq!(read_in(Raw::Text("5"), 3..=4_u32), Err("is too large".into()));
    }

    proptest! {
        #[test]
        fn a_shown_time_reads_back(ms in 0_u64..10_000_000_000) {
            let shown = Duration::from_millis(ms).show();
            prop_assert_eq!(time(&shown), Some(Duration::from_millis(ms)));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let raw = Raw::Text(&text);
            let _read = (time(&text), SocketAddr::read(raw).is_ok(), Url::read(raw).is_ok(), u32::read(raw).is_ok());
        }
    }
}
