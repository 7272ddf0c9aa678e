//! The one place where an error becomes an HTTP answer: an RFC 9457 problem document with the protocol's code.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use warp::reply::Response;

use crate::accounts::model::Refusal;
use crate::error::{Error, Quota};
use crate::protocol::codes::{self, Code, Level};

/// Media type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error on its way out, carried in a response's extensions until the request id is at hand.
#[derive(Clone, Debug)]
pub struct Failure(pub Arc<Error>);

/// The methods a path takes, for the `Allow` header of a refusal.
#[derive(Clone, Debug)]
pub struct Allowed(pub HeaderValue);

/// An answer that stands for this error; middleware renders and logs it.
pub fn refuse(error: Error) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status_of(error.code);
    response.extensions_mut().insert(Failure(Arc::new(error)));
    response
}

/// An answer for a method that the path does not take.
pub fn refuse_method(allow: HeaderValue) -> Response {
    let mut response = refuse(Error::new(
        Code::MethodNotAllowed,
        "This path does not take that method. The Allow header names those it takes.",
    ));
    response.extensions_mut().insert(Allowed(allow));
    response
}

/// The status line of a code.
pub fn status_of(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A panic of a handler, as an error whose cause is for the log.
#[expect(clippy::needless_pass_by_value, reason = "the signature of a panic handler")]
pub fn panicked(panic: Box<dyn Any + Send>) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Error::internal(anyhow::anyhow!("a handler panicked: {}", text.unwrap_or("no text")))
}

/// What an error answer without a document of its own most likely means, so that no door answers in another form.
pub fn from_status(status: StatusCode) -> Option<Error> {
    let error = |code, detail: &str| Some(Error::new(code, detail));
    match status.as_u16() {
        401 => error(Code::Unauthorized, "Sign in first."),
        404 => error(Code::NotFound, "There is nothing here. Check the address."),
        405 => error(Code::MethodNotAllowed, "This path does not take that method."),
        411 | 413 => error(Code::TooLarge, "The body is too large, or its length is not said. Send less."),
        415 => error(Code::UnsupportedMediaType, "Send application/json."),
        421 => error(Code::Misdirected, "This server does not answer for that host. Check the address."),
        426 => error(Code::UpgradeRequired, "This path is a WebSocket of version 13 speaking domu.v1.json."),
        429 => error(Code::RateLimited, "Too often. Wait a moment."),
        503 => error(Code::Unavailable, "Not available now. Try again in a moment."),
        400..=499 => error(Code::BadRequest, "The request is not of the documented form."),
        500..=599 => Some(Error::internal(anyhow::anyhow!("an answer of status {status} without a document"))),
        _ => None,
    }
}

/// Logs an error at its code's level, with the cause that nobody outside sees.
pub fn log(error: &Error, request_id: &str) {
    let (code, number) = (error.code.name(), error.code.number());
    let cause = error.source.as_ref().map(|source| format!("{source:#}")).unwrap_or_default();
    match error.code.level() {
        Level::Debug => tracing::debug!(request.id = request_id, code, number, cause, "request refused"),
        Level::Info => tracing::info!(request.id = request_id, code, number, cause, "request refused"),
        Level::Error => tracing::error!(request.id = request_id, code, number, cause, "request failed"),
    }
}

/// Why a request was refused (RFC 9457). Members for one code may follow.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem<'a> {
    /// Before the members that every reader relies on: details never replace those.
    #[serde(flatten)]
    #[schema(ignore)]
    details: Map<String, Value>,
    /// The name as a URN.
    #[schema(pattern = "^urn:domu:error:[a-z_]+$")]
    r#type: String,
    /// The name as a heading.
    title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What to do, in a sentence.
    detail: &'a str,
    /// Five digits.
    #[schema(schema_with = codes::number_schema)]
    code: u32,
    /// Stable.
    #[schema(schema_with = codes::name_schema)]
    name: &'static str,
    /// Whether the same request can succeed later.
    retry: bool,
    /// To find it in the log.
    request_id: &'a str,
    /// When to repeat it, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    after_ms: Option<u64>,
    /// The fields of a form that were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Vec<Refusal>>)]
    fields: Option<Value>,
    /// A text that operators look for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<&'static str>,
}

/// The problem document of an error.
pub fn document(error: &Error, request_id: &str) -> Bytes {
    let code = error.code;
    let mut details = match &error.data {
        Some(Value::Object(data)) => data.clone(),
        Some(data) => Map::from_iter([("d".to_owned(), data.clone())]),
        None => Map::new(),
    };
    let problem = Problem {
        fields: details.remove("fields"),
        details,
        r#type: format!("urn:domu:error:{}", code.name()),
        title: title(code),
        status: code.status(),
        detail: &error.detail,
        code: code.number(),
        name: code.name(),
        retry: code.retry(),
        request_id,
        after_ms: error.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        error: runbook_text(code),
    };
    // By way of a value, in which the later of two members counts. All of it is text and numbers: this cannot fail.
    Bytes::from(serde_json::to_value(&problem).unwrap_or_default().to_string())
}

/// The headers that belong to a problem document.
pub fn write_headers(error: &Error, allowed: Option<&Allowed>, headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Some(wait) = error.retry_after {
        let seconds = wait.as_millis().div_ceil(1000).max(1).to_string();
        if let Ok(seconds) = HeaderValue::from_str(&seconds) {
            headers.insert(RETRY_AFTER, seconds);
        }
    }
    if let Some(quota) = &error.quota {
        write_quota(quota, headers);
    }
    if let Some(Allowed(allow)) = allowed {
        headers.insert(ALLOW, allow.clone());
    }
    match error.code {
        Code::Unauthorized | Code::TokenExpired | Code::BadCredentials => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"domu\""));
        }
        Code::UpgradeRequired => {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        }
        _ => {}
    }
}

/// The headers that say where a caller stands with a limit.
pub fn write_quota(quota: &Quota, headers: &mut HeaderMap) {
    let seconds = u64::try_from(quota.reset.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
    headers.insert("ratelimit-bucket", HeaderValue::from_static(quota.bucket));
    headers.insert("ratelimit-limit", HeaderValue::from(quota.limit));
    headers.insert("ratelimit-remaining", HeaderValue::from(quota.remaining));
    headers.insert("ratelimit-reset", HeaderValue::from(seconds));
}

/// The strings operators look for, which stay as they are.
fn runbook_text(code: Code) -> Option<&'static str> {
    match code {
        Code::InvalidCsrf => Some("Invalid CSRF token"),
        Code::NotVerified => Some("verification_required"),
        Code::StepUpRequired => Some("step_up_required"),
        Code::AdminSecretRequired => Some("Admin secret required"),
        Code::AdminSecretInvalid => Some("Invalid admin secret"),
        _ => None,
    }
}

/// The name as a heading: `not_found` is "Not found".
fn title(code: Code) -> String {
    let mut letters = code.name().chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn parsed(error: &Error) -> Value {
        serde_json::from_slice(&document(error, "r1")).unwrap()
    }

    #[test]
    fn every_code_has_a_whole_document() {
        for code in Code::ALL {
            let document = parsed(&Error::new(*code, "Do this."));
            assert_eq!(document["type"], format!("urn:domu:error:{}", code.name()));
            assert_eq!(document["status"], code.status());
            assert_eq!(document["code"], code.number());
            assert_eq!(document["name"], code.name());
            assert_eq!(document["retry"], code.retry());
            assert_eq!(document["detail"], "Do this.");
            assert_eq!(document["request_id"], "r1");
            assert!(document["title"].as_str().unwrap().starts_with(char::is_uppercase));
            assert_eq!(status_of(*code).as_u16(), code.status());
        }
        assert_eq!(parsed(&Error::new(Code::InvalidCsrf, ""))["error"], "Invalid CSRF token");
    }

    #[test]
    fn the_cause_stays_inside() {
        let error = Error::internal(anyhow::anyhow!("password=hunter2"));
        assert!(!String::from_utf8_lossy(&document(&error, "r1")).contains("hunter2"));
    }

    #[test]
    fn details_are_members_and_replace_none() {
        let error =
            Error::bad_request("No.").with(json!({"fields": [{"field": "a"}], "status": 200, "request_id": "x"}));
        let document = parsed(&error);
        assert_eq!(document["fields"][0]["field"], "a");
        assert_eq!(document["status"], 400);
        assert_eq!(document["request_id"], "r1");
    }

    #[test]
    fn waiting_is_said_twice_and_never_as_zero() {
        let error = Error::new(Code::RateLimited, "Wait.").after(Duration::from_millis(1200));
        assert_eq!(parsed(&error)["after_ms"], 1200);
        let mut headers = HeaderMap::new();
        write_headers(&error, None, &mut headers);
        assert_eq!(headers[RETRY_AFTER], "2");
    }

    #[test]
    fn any_error_status_has_a_meaning() {
        for status in 400..600 {
            let status = StatusCode::from_u16(status).unwrap();
            let error = from_status(status).unwrap();
            assert_eq!(status_of(error.code).is_server_error(), status.is_server_error());
        }
        assert!(from_status(StatusCode::OK).is_none() && from_status(StatusCode::SWITCHING_PROTOCOLS).is_none());
    }
}
