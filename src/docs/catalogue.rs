//! The catalogue of codes: what each means, and what a client does about it.

use std::fmt::Write;

use serde_json::{Value, json};

use super::openapi;
use crate::http::routes::ROUTES;
use crate::protocol::codes::{Close, Code};

/// Where codes come up that no route of the table lists.
const SOCKET_ONLY: &[Code] =
    &[Code::UnknownOp, Code::NotReady, Code::AlreadyConnected, Code::DuplicateId, Code::TooManyInFlight];

/// What a client does about a code.
fn advice(code: Code) -> &'static str {
    match code {
        Code::Unauthorized | Code::TokenExpired => "Ask the person to sign in again.",
        Code::InvalidCsrf => "Get a new token from /api/csrf-token and repeat the request once.",
        Code::UnrecoverablePosition => "Forget what is held of the chat and connect without a position.",
        Code::RateLimited | Code::TooManyInFlight => "Wait `after_ms`, then repeat it.",
        Code::Internal | Code::Unavailable | Code::Overloaded => "Wait with a growing back-off, then repeat it.",
        Code::RejectedByRule => "Keep the text, and show the person the part in `d.span`.",
        Code::Misdirected => "Use the address people type.",
        Code::UpgradeRequired => "Open a WebSocket of version 13 that speaks domu.v1.json.",
        code if code.status() == 400 => "Do not repeat it: mend the request.",
        _ => "Do not repeat it: show `detail`.",
    }
}

/// What a client does about a close: the hundred says it.
fn close_advice(close: Close) -> &'static str {
    match close.number() {
        1000..=1999 => "Do not reconnect unchanged: the client is at fault.",
        4100..=4199 => "Reconnect after a back-off of at least a second, and resume.",
        4200..=4299 => "Reconnect at once, and resume.",
        _ => "Do not reconnect unchanged.",
    }
}

/// Where a code can come up, in the order of the table of routes.
fn places(code: Code) -> Vec<String> {
    let routes: Vec<_> = ROUTES.iter().filter(|route| route.path.starts_with("/api/") || route.path == "/ws").collect();
    if code == Code::MethodNotAllowed {
        return vec!["HTTP: every path".into()];
    }
    let here: Vec<_> = routes.iter().filter(|route| openapi::codes(route).contains(&code)).collect();
    let mut places: Vec<String> = if here.len() == routes.len() {
        vec!["HTTP: every route".into()]
    } else {
        here.into_iter().map(|route| format!("{} {}", route.method, route.path)).collect()
    };
    let operations = super::asyncapi::operations_of(code);
    if SOCKET_ONLY.contains(&code) {
        places.push("socket: every operation".into());
    }
    places.extend(operations.into_iter().map(|operation| format!("socket: {operation}")));
    places
}

/// The catalogue for programs.
pub(super) fn json() -> Value {
    let codes: Vec<_> = Code::ALL
        .iter()
        .map(|code| {
            json!({
                "code": code.number(), "name": code.name(), "status": code.status(), "retry": code.retry(),
                "about": code.about().trim(), "client": advice(*code), "where": places(*code),
            })
        })
        .collect();
    let closes: Vec<_> = Close::ALL
        .iter()
        .map(|close| {
            json!({
                "code": close.number(), "name": close.name(),
                "about": close.about().trim(), "client": close_advice(*close),
            })
        })
        .collect();
    json!({ "codes": codes, "closes": closes })
}

/// The catalogue for people.
pub(super) fn markdown() -> String {
    let mut text = String::from(
        "# Errors and closes\n\nMade by `domu docs` from `src/protocol/codes.rs`.\n\n## Errors\n\n\
         On the socket they are `err` of a reply, over HTTP a problem document with this status.\n\n\
         | code | name | status | retry | meaning | what a client does | where |\n|---|---|---|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let (retry, about) = (if code.retry() { "yes" } else { "no" }, code.about().trim());
        let (advice, places) = (advice(*code), places(*code).join("<br>"));
        let (number, name, status) = (code.number(), code.name(), code.status());
        // Writing to a text cannot fail.
        let _written =
            writeln!(text, "| {number} | `{name}` | {status} | {retry} | {about} | {advice} | {places} |").is_ok();
    }
    text.push_str("\n## Closes\n\n| code | name | meaning | what a client does |\n|---|---|---|---|\n");
    for close in Close::ALL {
        let (about, advice) = (close.about().trim(), close_advice(*close));
        let _written = writeln!(text, "| {} | `{}` | {about} | {advice} |", close.number(), close.name()).is_ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_up_somewhere() {
        let nowhere: Vec<_> = Code::ALL.iter().filter(|code| places(**code).is_empty()).collect();
        assert!(nowhere.is_empty(), "{nowhere:?}");
    }
}
