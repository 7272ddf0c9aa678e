//! Bodies: read with a bound on size and time, then parsed strictly as JSON.

use std::collections::HashSet;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::json;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::protocol::codes::Code;

/// Deepest nesting of a JSON body. Ours have one level; this leaves room and keeps recursion short.
const DEPTH_MAX: usize = 16;

/// How long a body may take to arrive.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For any body.
    pub any: Duration,
    /// In addition for the largest; for a part of it the same part of this time.
    pub largest: Duration,
}

/// Reads a whole body of at most `bytes_max` bytes within `patience`.
///
/// # Errors
/// `too_large`; `bad_request` when it stops half-way, and with `fields` naming `body` when it is too slow.
pub async fn read<B>(body: B, bytes_max: usize, patience: Patience) -> Result<Bytes>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(too_large(bytes_max));
    }
    let started = Instant::now();
    let mut body = pin!(Limited::new(body, bytes_max));
    let mut read = BytesMut::new();
    loop {
        let earned = patience.largest.saturating_mul(count(read.len())) / count(bytes_max).max(1);
        match tokio::time::timeout_at(started + patience.any + earned, body.frame()).await {
            Ok(Some(Ok(frame))) => read.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Ok(Some(Err(error))) if error.is::<LengthLimitError>() => return Err(too_large(bytes_max)),
            Ok(Some(Err(_))) => return Err(Error::bad_request("The body broke off. Send it again.")),
            Ok(None) => return Ok(read.freeze()),
            Err(_) => return Err(too_slow()),
        }
    }
}

fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn too_slow() -> Error {
    Error::bad_request("The body arrived too slowly. Send it again over a better connection, or send less.")
        .with(json!({ "fields": [{ "field": "body", "detail": "arrived too slowly" }] }))
}

fn too_large(bytes_max: usize) -> Error {
    Error::new(Code::TooLarge, format!("The body is larger than {bytes_max} bytes. Send less."))
}

/// Refuses a body that is not declared as what the route carries; no body at all needs no declaration.
///
/// # Errors
/// `unsupported_media_type`. A form of another site can send only types that are refused here.
pub fn check_type(headers: &HeaderMap, has_body: bool, file: Option<&[&str]>) -> Result<()> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (value, more) = (values.next(), values.next());
    let text = value.and_then(|value| value.to_str().ok());
    let is_json = text.is_some_and(|text| {
        let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
        let parameters = parameters.trim();
        kind.trim().eq_ignore_ascii_case("application/json")
            && (parameters.is_empty() || parameters.eq_ignore_ascii_case("charset=utf-8"))
    });
    let (meant, detail) = match file {
        None => (is_json, "Send the body as content-type: application/json.".to_owned()),
        Some(kinds) => (
            text.is_some_and(|text| kinds.iter().any(|kind| is_kind(text, kind))),
            format!("Send the file as one of these content types: {}.", kinds.join(", ")),
        ),
    };
    match (value, more) {
        (Some(_), None) if meant => Ok(()),
        (None, None) if !has_body => Ok(()),
        _ => Err(Error::new(Code::UnsupportedMediaType, detail)),
    }
}

/// Whether a declaration names a media type; those of forms come with parameters.
fn is_kind(text: &str, kind: &str) -> bool {
    let bare = if kind.contains("form") { text.split(';').next().unwrap_or(text) } else { text };
    bare.trim().eq_ignore_ascii_case(kind)
}

/// A typed JSON body: an object. Keys twice, wrong types and deep nesting are refused, and fields that are not known when
/// the type says so, as those of all our routes do.
///
/// # Errors
/// `bad_request` with `fields` naming the place, never echoing what was sent.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut shape = serde_json::Deserializer::from_slice(body);
    let sound = Shape { depth: 0 }.deserialize(&mut shape).and_then(|()| shape.end());
    sound.map_err(|error| {
        let what = if error.is_data() { "holds a key twice or is nested too deeply" } else { "is not JSON" };
        Error::bad_request(format!("The body {what} (line {}, column {}).", error.line(), error.column()))
    })?;
    // A derived struct would take a list of its fields for an object.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(field_error(".", "is not an object"));
    }
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body)).map_err(|error| {
        let path = error.path().to_string();
        let text = error.inner().to_string();
        let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        match missing {
            Some(field) if path == "." => field_error(field, "is missing"),
            Some(field) => field_error(&format!("{path}.{field}"), "is missing"),
            None if text.starts_with("unknown field") => field_error(&path, "is not known here"),
            None if text.starts_with("give ") => field_error(&path, &format!("is not of a documented form: {text}")),
            None => field_error(&path, "is not of the documented type"),
        }
    })
}

/// A `bad_request` about one field.
pub fn field_error(field: &str, what: &str) -> Error {
    let detail = if field == "." { format!("The body {what}.") } else { format!("The field {field} {what}.") };
    Error::bad_request(detail).with(json!({ "fields": [{ "field": field, "detail": what }] }))
}

/// Walks a document and keeps nothing: only its shape is judged.
#[derive(Clone, Copy)]
struct Shape {
    depth: usize,
}

impl Shape {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            Err(E::custom("too deep"))
        } else {
            Ok(Self { depth: self.depth.saturating_add(1) })
        }
    }
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !keys.insert(key) {
                return Err(A::Error::custom("a key twice"));
            }
            entries.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        n: u8,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Sample {
        email: String,
        inner: Option<Inner>,
    }

    fn refused(body: &str) -> (String, String) {
        let error = parse::<Sample>(body.as_bytes()).unwrap_err();
        assert_eq!(error.code, Code::BadRequest);
        let field = error.data.as_ref().map(|data| data["fields"][0]["field"].as_str().unwrap().to_owned());
        (field.unwrap_or_default(), error.detail)
    }

    #[test]
    fn a_list_is_no_object() {
        assert_eq!(refused(r#"["a",null]"#), (".".into(), "The body is not an object.".into()));
    }

    #[test]
    fn unknown_fields_are_ignored_by_a_type_that_says_nothing() {
        let sample: Sample = parse(br#"{"email":"a","role":"admin","x":[1,{"y":null}]}"#).unwrap();
        assert_eq!(sample, Sample { email: "a".into(), inner: None });
    }

    #[test]
    fn a_wrong_type_names_its_field_and_echoes_nothing() {
        assert_eq!(refused(r#"{"email":1}"#).0, "email");
        assert_eq!(refused(r#"{"email":"a","inner":{"n":300}}"#).0, "inner.n");
        assert_eq!(refused(r#"{"email":"a","inner":{}}"#).0, "inner.n");
        assert_eq!(refused("{}"), ("email".into(), "The field email is missing.".into()));
        let (field, detail) = refused(r#"{"email":"a","inner":"hunter2"}"#);
        assert_eq!(field, "inner");
        assert!(!detail.contains("hunter2"));
    }

    #[test]
    fn a_type_may_refuse_what_it_does_not_know() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Strict {}
        let error = parse::<Strict>(br#"{"role":"admin"}"#).unwrap_err();
        assert_eq!(error.detail, "The field role is not known here.");
    }

    #[test]
    fn two_parsers_could_not_disagree() {
        for body in [
            r#"{"email":"a","email":"b"}"#,
            r#"{"email":"a","x":1,"x":2}"#,
            r#"{"email":"a","x":{"y":1,"y":1}}"#,
            r#"{"email":"a"} {}"#,
            r#"{"email":"a",}"#,
            "",
            "null",
            "[]",
            "\u{feff}{}",
            "{'email':'a'}",
            r#"{"email":"\ud800"}"#,
            "{\"email\":\"a\u{0}\"}",
        ] {
            refused(body);
        }
        assert!(parse::<Sample>(b"{\"email\":\"\xff\"}").is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| format!(r#"{{"email":"a","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(parse::<Sample>(nested(DEPTH_MAX - 1).as_bytes()).is_ok());
        refused(&nested(DEPTH_MAX));
        refused(&nested(100_000));
    }

    #[test]
    fn only_json_is_json() {
        let check = |value: &'static str, has_body| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
            check_type(&headers, has_body, None).is_ok()
        };
        assert!(check("application/json", true) && check("Application/JSON; Charset=UTF-8", true));
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json, text/plain",
            "text/plain; application/json",
            "application/jsonp",
            "application/json; charset=utf-16",
            "",
        ] {
            assert!(!check(bad, true) && !check(bad, false), "{bad:?}");
        }
        assert!(check_type(&HeaderMap::new(), false, None).is_ok());
        assert!(check_type(&HeaderMap::new(), true, None).is_err());
        let twice = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let mut twice = twice;
        twice.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(check_type(&twice, true, None).is_err());
    }

    #[tokio::test]
    async fn a_body_is_bounded_in_size() {
        let body = |bytes: usize| http_body_util::Full::new(Bytes::from(vec![b'x'; bytes]));
        let patience = Patience { any: Duration::from_secs(1), largest: Duration::ZERO };
        assert_eq!(read(body(10), 10, patience).await.unwrap().len(), 10);
        assert_eq!(read(body(11), 10, patience).await.unwrap_err().code, Code::TooLarge);
    }

    /// Ten bytes in as many pieces, one each `pause`.
    async fn drip(pause: Duration, patience: Patience) -> Result<usize> {
        let pieces = futures_util::stream::unfold(0, move |sent| async move {
            tokio::time::sleep(pause).await;
            let piece = http_body::Frame::data(Bytes::from_static(b"x"));
            (sent < 10).then_some((Ok::<_, std::convert::Infallible>(piece), sent + 1))
        });
        let body = http_body_util::StreamBody::new(Box::pin(pieces));
        read(body, 100, patience).await.map(|body| body.len())
    }

    #[tokio::test(start_paused = true)]
    async fn what_arrives_earns_time_and_what_is_slower_than_its_pace_is_told_so() {
        let (second, any) = (Duration::from_secs(1), Duration::from_secs(5));
        // A second for each of the hundred bytes, and five before.
        let large = Patience { any, largest: second * 100 };
        assert_eq!(drip(second, large).await.unwrap(), 10);
        let slow = drip(second * 2, large).await.unwrap_err();
        assert_eq!(slow.data.unwrap()["fields"][0], json!({ "field": "body", "detail": "arrived too slowly" }));
        assert!(drip(second, Patience { any, largest: Duration::ZERO }).await.is_err(), "no time is earned");
    }
}
