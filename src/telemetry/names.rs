//! Every metric of the program: name, unit, meaning, and the one function that counts it.
//!
//! Names carry their unit; `_total` counts up. Labels have few values: never an id, an address or a text of a person.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

use crate::error::Error;
use crate::protocol::codes::Level;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Counter,
    Gauge,
    /// Upper bounds of its buckets.
    Histogram(&'static [f64]),
}

use Kind::{Counter, Gauge, Histogram};

/// From half a millisecond to ten seconds: a fast page and a stuck one.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// One draft alone up to `commit_batch_max`.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

macro_rules! metrics_table {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $kind:expr, $unit:ident, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $text;)*

        /// Every metric, in the table's order.
        const ALL: &[(&str, Kind, Unit, &str)] = &[$(($name, $kind, Unit::$unit, $meaning),)*];
    };
}

metrics_table! {
    CONNECTIONS = "realtime_connections", Gauge, Count, "Open sockets.";
    DISCONNECTS = "realtime_disconnects_total", Counter, Count, "Sockets that ended, by reason.";
    PUT_OFF = "realtime_connects_put_off_total", Counter, Count, "Sockets not let in but told when to come back.";
    FRAMES_IN = "realtime_frames_received_total", Counter, Count, "Frames read from sockets.";
    FRAMES_OUT = "realtime_frames_sent_total", Counter, Count, "Frames written to sockets.";
    OUTBOX_OVERFLOW = "realtime_outbox_overflow_total", Counter, Count, "Sockets closed because their reader was too slow.";
    SOCKET_ERRORS = "realtime_errors_total", Counter, Count, "Requests on sockets answered with an error, by its name.";
    MESSAGES_COMMITTED = "chat_messages_committed_total", Counter, Count, "Messages stored.";
    COMMIT_BATCH = "chat_commit_batch_messages", Histogram(SIZES), Count, "Messages that shared one commit.";
    COMMIT_SECONDS = "chat_commit_duration_seconds", Histogram(SECONDS), Seconds, "One commit of the committer.";
    STORE_ERRORS = "store_errors_total", Counter, Count, "Transactions and reads that failed, by kind.";
    HTTP_REQUESTS = "http_requests_total", Counter, Count, "Answered HTTP requests, by method, route and status.";
    HTTP_SECONDS = "http_request_duration_seconds", Histogram(SECONDS), Seconds, "Time to answer an HTTP request, by route.";
    HTTP_ACCEPT_ERRORS = "http_accept_errors_total", Counter, Count, "Connections that could not be accepted.";
    HTTP_REFUSED = "http_connections_refused_total", Counter, Count, "Connections refused because there were too many.";
    HTTP_CONNECTION_ERRORS = "http_connection_errors_total", Counter, Count, "Connections that ended badly, by reason.";
    CSRF_REJECTED = "csrf_rejected_total", Counter, Count, "Requests with a missing or wrong CSRF token, by route.";
    RATE_LIMITED = "rate_limited_total", Counter, Count, "Checks refused by a rate limit, by type.";
    SCREENED = "moderation_findings_total", Counter, Count, "What the moderation engine found in texts, by category.";
    RATE_KEYS = "rate_limit_keys", Gauge, Count, "Rate limit keys held.";
    SIGN_INS = "accounts_sign_ins_total", Counter, Count, "Sign-ins, by outcome.";
    SIGN_UPS = "accounts_sign_ups_total", Counter, Count, "Sign-ups that made an account.";
    MAILS_SENT = "mails_sent_total", Counter, Count, "Mails handed to the mail server.";
    MAILS_FAILED = "mails_failed_total", Counter, Count, "Tries to send a mail that failed.";
    JOB_RUNS = "job_runs_total", Counter, Count, "Runs of jobs that ended here, by job and outcome.";
    JOB_SUCCESS = "job_last_success_seconds", Gauge, Seconds, "When a job last succeeded here, in seconds since 1970, by job.";
    PANICS = "panics_total", Counter, Count, "Panics; each is a defect.";
}

/// Gives histograms their buckets.
pub(super) fn buckets(builder: PrometheusBuilder) -> PrometheusBuilder {
    ALL.iter().fold(builder, |builder, (name, kind, ..)| match kind {
        // Fails for empty buckets only; the builder is gone then, and a new one has no buckets.
        Histogram(buckets) => {
            builder.set_buckets_for_metric(Matcher::Full((*name).into()), buckets).unwrap_or_default()
        }
        Counter | Gauge => builder,
    })
}

/// Describes every metric to the recorder, and shows the counters without labels at zero: an alert on a metric that
/// is not there yet never fires.
pub(super) fn describe() {
    for (name, kind, unit, meaning) in ALL.iter().copied() {
        match kind {
            Counter => describe_counter!(name, unit, meaning),
            Gauge => describe_gauge!(name, unit, meaning),
            Histogram(_) => describe_histogram!(name, unit, meaning),
        }
    }
    gauge!(CONNECTIONS).increment(0);
    for name in [
        PUT_OFF,
        FRAMES_IN,
        FRAMES_OUT,
        OUTBOX_OVERFLOW,
        MESSAGES_COMMITTED,
        MAILS_SENT,
        MAILS_FAILED,
        SIGN_UPS,
        PANICS,
    ] {
        counter!(name).increment(0);
    }
}

/// A socket was opened.
pub fn socket_opened() {
    gauge!(CONNECTIONS).increment(1);
}

/// A socket left the hub. Goes with [`socket_opened`], one for one.
pub fn socket_left() {
    gauge!(CONNECTIONS).decrement(1);
}

/// A socket ended for this reason: the name of a close code, or `left` when the client went by itself.
pub fn socket_closed(reason: &'static str) {
    counter!(DISCONNECTS, "reason" => reason).increment(1);
}

/// A socket was not let in, but told when to come back.
pub fn socket_put_off() {
    counter!(PUT_OFF).increment(1);
}

/// A frame was read from a socket.
pub fn frame_in() {
    counter!(FRAMES_IN).increment(1);
}

/// Frames were written to a socket.
pub fn frames_out(frames: u64) {
    counter!(FRAMES_OUT).increment(frames);
}

/// A reader was too slow.
pub fn outbox_overflow() {
    counter!(OUTBOX_OVERFLOW).increment(1);
}

/// The committer committed so many messages in this time.
pub fn commit(messages: usize, took: Duration) {
    let messages = u32::try_from(messages).unwrap_or(u32::MAX);
    counter!(MESSAGES_COMMITTED).increment(messages.into());
    histogram!(COMMIT_BATCH).record(messages);
    histogram!(COMMIT_SECONDS).record(took);
}

/// The store failed: `unavailable`, `conflict` or `fault`.
pub fn store_error(kind: &'static str) {
    counter!(STORE_ERRORS, "kind" => kind).increment(1);
}

/// An HTTP request was answered.
pub fn http_request(method: &'static str, route: &'static str, status: u16, took: Duration) {
    counter!(HTTP_REQUESTS, "method" => method, "route" => route, "status" => status.to_string()).increment(1);
    histogram!(HTTP_SECONDS, "route" => route).record(took);
}

/// A connection could not be accepted.
pub fn http_accept_error() {
    counter!(HTTP_ACCEPT_ERRORS).increment(1);
}

/// A connection was refused because there were too many.
pub fn http_refused() {
    counter!(HTTP_REFUSED).increment(1);
}

/// A connection ended badly.
pub fn http_connection_error(reason: &'static str) {
    counter!(HTTP_CONNECTION_ERRORS, "reason" => reason).increment(1);
}

/// A CSRF token was missing or wrong.
pub fn csrf_rejected(route: &'static str) {
    counter!(CSRF_REJECTED, "route" => route).increment(1);
}

/// A rate limit refused; `kind` is the `{type}` of its key.
pub fn rate_limited(kind: &'static str) {
    counter!(RATE_LIMITED, "type" => kind).increment(1);
}

/// A run of a job ended, at this many seconds since 1970.
pub fn job_ended(job: &'static str, outcome: &'static str, at: i64) {
    counter!(JOB_RUNS, "job" => job, "outcome" => outcome).increment(1);
    if outcome == "ok" {
        gauge!(JOB_SUCCESS, "job" => job).set(i32::try_from(at / 60).map_or(f64::INFINITY, f64::from) * 60.0);
    }
}

/// The moderation engine found something of this category.
pub fn screened(category: &'static str) {
    counter!(SCREENED, "category" => category).increment(1);
}

/// So many rate limit keys are held.
pub fn rate_keys(count: usize) {
    gauge!(RATE_KEYS).set(u32::try_from(count).unwrap_or(u32::MAX));
}

/// A sign-in ended: `ok`, or the name of the error's code.
pub fn sign_in(outcome: &'static str) {
    counter!(SIGN_INS, "outcome" => outcome).increment(1);
}

/// An account was made.
pub fn sign_up() {
    counter!(SIGN_UPS).increment(1);
}

/// A mail was handed over, or not.
pub fn mail(sent: bool) {
    counter!(if sent { MAILS_SENT } else { MAILS_FAILED }).increment(1);
}

/// Something panicked.
pub(super) fn panicked() {
    counter!(PANICS).increment(1);
}

/// Counts and logs an error that a socket is answered with, as loudly as its code says.
pub fn log_error(error: &Error, socket: u64) {
    counter!(SOCKET_ERRORS, "name" => error.code.name()).increment(1);
    log(error, Some(socket));
}

/// Logs an error as loudly as its code says; the cause goes here and nowhere else.
pub fn log(error: &Error, socket: Option<u64>) {
    let Error { code, detail, source, .. } = error;
    let (name, code, source) = (code.name(), code.number(), source.as_ref().map(|cause| format!("{cause:#}")));
    match error.code.level() {
        Level::Debug => tracing::debug!(code, error = name, detail, source, socket.id = socket, "refused"),
        Level::Info => tracing::info!(code, error = name, detail, source, socket.id = socket, "refused"),
        Level::Error => tracing::error!(code, error = name, detail, source, socket.id = socket, "failed"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_end_as_their_kind_does() {
        let mut seen = HashSet::new();
        for (name, kind, unit, meaning) in ALL {
            assert!(seen.insert(name), "{name} twice");
            assert_eq!(name.ends_with("_total"), *kind == Counter, "{name}");
            assert_eq!(name.ends_with("_seconds"), *unit == Unit::Seconds, "{name}");
            assert!(meaning.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn what_is_counted_is_rendered_with_its_meaning() {
        let telemetry = super::super::Telemetry::install();
        commit(7, Duration::from_millis(3));
        socket_closed("slow_consumer");
        http_request("GET", "/api/health", 200, Duration::from_millis(1));
        let text = telemetry.render();
        for line in [
            "# HELP realtime_connections Open sockets.",
            "# TYPE chat_commit_duration_seconds histogram",
            "chat_commit_batch_messages_bucket{le=\"10\"}",
            "realtime_disconnects_total{reason=\"slow_consumer\"}",
            "http_requests_total{method=\"GET\",route=\"/api/health\",status=\"200\"}",
            "panics_total 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
