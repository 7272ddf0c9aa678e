//! The OpenAPI document, from the table of routes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::schemas::{Schemas, plain, reference};
use crate::admin::model::{Grant, Permission, Reach, Role};
use crate::http::problem::{PROBLEM_JSON, Problem};
use crate::http::routes::doc::{Answer, Content, Shape};
use crate::http::routes::{ROUTES, RouteSpec, Who};
use crate::ops::health::VERSION;
use crate::protocol::codes::Code;

/// The OpenAPI 3.1 document of every route under `/api`, of the socket's upgrade and of the metrics.
pub(super) fn document() -> Value {
    let mut schemas = Schemas::default();
    let problem = schemas.take(Shape::of::<Problem<'_>>());
    let mut refusals = BTreeMap::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES.iter().filter(|route| documented(route)) {
        let operation = operation(route, &mut schemas, &mut refusals);
        paths.entry(route.path).or_default().insert(route.method.as_str().to_lowercase(), operation);
    }
    let refusals: Map<_, _> = refusals.into_iter().map(|(name, codes)| (name, refusal(&codes, &problem))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Domu Match",
            "version": VERSION,
            "description": "Everything a client can ask over HTTP. The socket at `/ws` is in the AsyncAPI document. \
                Every refusal is an RFC 9457 problem document whose `name` is stable. `HEAD` comes with every `GET`; to every \
                other method a path answers 405 `method_not_allowed` with `allow`.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.into_value(),
            "responses": refusals,
            "securitySchemes": {
                "cookie": { "type": "apiKey", "in": "cookie", "name": crate::doors::SESSION_COOKIE },
                "bearer": { "type": "http", "scheme": "bearer" },
                "csrf": {
                    "type": "apiKey", "in": "header", "name": crate::doors::CSRF_HEADER,
                    "description": "From GET /api/csrf-token. Needed with a cookie; a bearer alone needs none.",
                },
            },
        },
    })
}

/// Pages and files are for people.
fn documented(route: &RouteSpec) -> bool {
    route.path.starts_with("/api/") || matches!(route.path, "/ws" | "/metrics")
}

/// Refusals of several routes: their codes, by the name of the component.
type Refusals = BTreeMap<String, Vec<Code>>;

fn operation(route: &RouteSpec, schemas: &mut Schemas, refusals: &mut Refusals) -> Value {
    let doc = &route.doc;
    let mut operation = Map::from_iter([
        ("operationId".to_owned(), json!(operation_id(route))),
        ("summary".to_owned(), json!(doc.summary)),
        ("tags".to_owned(), json!([tag(route.path)])),
        ("security".to_owned(), security(route)),
        ("responses".to_owned(), responses(route, schemas, refusals)),
    ]);
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), Value::Array(parameters));
    }
    if let Some(body) = doc.body {
        let body = json!({ "required": true, "content": content(body, schemas) });
        operation.insert("requestBody".to_owned(), body);
    }
    if route.who == Who::Demo {
        operation.insert("description".to_owned(), json!("Only in demo mode: else there is no such route."));
    }
    if let Who::Admin(permission) = route.who {
        let reach = Role::ALL.map(|role| format!("{}: {}", role.as_str(), reach(permission.grant(role))));
        let about = format!("For admins with `{}` ({}).", permission.as_str(), reach.join(", "));
        operation.insert("description".to_owned(), json!(about));
    }
    Value::Object(operation)
}

/// How far a permission goes, in a word or two.
fn reach(grant: Grant) -> String {
    let far = match grant.reach {
        Reach::Nothing => "no",
        Reach::Mine => "own acts",
        Reach::University => "own university",
        Reach::All => "all",
    };
    if grant.step_up { format!("{far}, with step-up") } else { far.to_owned() }
}

/// `PATCH /api/me/settings` is `patch_me_settings`.
fn operation_id(route: &RouteSpec) -> String {
    let path = route.path.trim_start_matches("/api").replace(['{', '}'], "").replace(['/', '-'], "_");
    format!("{}{path}", route.method.as_str().to_lowercase())
}

fn tag(path: &str) -> &str {
    path.trim_start_matches("/api").trim_start_matches('/').split('/').next().unwrap_or(path)
}

fn security(route: &RouteSpec) -> Value {
    let changes = !route.method.is_safe();
    match (route.who, changes) {
        (Who::SignedIn | Who::Admin(_), true) => json!([{ "cookie": [], "csrf": [] }, { "bearer": [] }]),
        (Who::SignedIn | Who::Admin(_), false) => json!([{ "cookie": [] }, { "bearer": [] }]),
        (Who::Cron, _) => json!([{ "bearer": [] }]),
        (Who::Metrics, _) => json!([{ "bearer": [] }, {}]),
        (Who::Anyone | Who::Demo, _) if route.csrf => json!([{ "csrf": [] }]),
        (Who::Anyone | Who::Demo, _) => json!([]),
    }
}

fn parameters(route: &RouteSpec) -> Vec<Value> {
    let mut parameters = Vec::new();
    if route.path.contains("{id}") {
        let schema = json!({ "type": "string", "format": "uuid", "pattern": "^[0-9a-fA-F-]{36}$" });
        parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
    }
    if route.path.contains("{name}") {
        let schema = json!({ "type": "string", "pattern": "^[a-z][a-z-]{0,63}$" });
        parameters.push(json!({ "name": "name", "in": "path", "required": true, "schema": schema }));
    }
    if let Some(Shape { schema, .. }) = route.doc.query {
        let schema = plain(&schema());
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let mut schema = schema.clone();
            let about = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            // A query has no null: what is not there is not said.
            if let Some(kind) = schema["type"].as_array().and_then(|kinds| kinds.iter().find(|kind| *kind != "null")) {
                schema["type"] = kind.clone();
            }
            let required = required.contains(name.as_str());
            parameters.push(
                json!({ "name": name, "in": "query", "required": required, "description": about, "schema": schema }),
            );
        }
    }
    parameters
}

fn responses(route: &RouteSpec, schemas: &mut Schemas, refusals: &mut Refusals) -> Value {
    let doc = &route.doc;
    let mut responses = Map::new();
    for answer in [Some(doc.answer), doc.other].into_iter().flatten() {
        responses.insert(answer.status.to_string(), response(answer, route.rate.is_some(), schemas));
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes(route) {
        by_status.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in by_status {
        match responses.get_mut(&status.to_string()) {
            // Some refusals are no problem documents: health of a server that is not ready.
            Some(known) => {
                let refusal = refusal(&codes, &reference("Problem"));
                if let (Some(Value::Object(content)), Value::Object(more)) =
                    (known.get_mut("content"), refusal["content"].clone())
                {
                    content.extend(more);
                }
            }
            None => {
                let name = codes.iter().map(|code| code.name()).collect::<Vec<_>>().join("-");
                let reference = json!({ "$ref": format!("#/components/responses/{name}") });
                responses.insert(status.to_string(), reference);
                refusals.insert(name, codes);
            }
        }
    }
    Value::Object(responses)
}

fn response(answer: Answer, limited: bool, schemas: &mut Schemas) -> Value {
    let mut response = Map::from_iter([("description".to_owned(), json!(reason(answer.status)))]);
    if let Some(body) = answer.content {
        response.insert("content".to_owned(), content(body, schemas));
    }
    if limited {
        response.insert("headers".to_owned(), Value::Object(limit_headers()));
    }
    Value::Object(response)
}

fn content(content: Content, schemas: &mut Schemas) -> Value {
    let schema = match content.shape {
        Some(shape) => schemas.take(shape),
        None => json!({}),
    };
    content.media.iter().map(|media| ((*media).to_owned(), json!({ "schema": schema }))).collect()
}

/// Every code a route can give: its own, and those of the doors before it.
pub(super) fn codes(route: &RouteSpec) -> BTreeSet<Code> {
    let mut codes: BTreeSet<Code> = route.doc.errors.iter().copied().collect();
    codes.extend([Code::BadRequest, Code::Misdirected, Code::Internal, Code::Unavailable, Code::Overloaded]);
    if !route.method.is_safe() {
        codes.extend([Code::InvalidCsrf, Code::ForeignOrigin, Code::TooLarge, Code::UnsupportedMediaType]);
        if route.who.is_personal() {
            codes.insert(Code::RateLimited);
        }
    }
    match route.who {
        Who::SignedIn => codes.extend([Code::Unauthorized, Code::TokenExpired, Code::Suspended, Code::ForeignOrigin]),
        Who::Admin(permission) => {
            codes.extend([Code::Unauthorized, Code::TokenExpired, Code::Suspended, Code::ForeignOrigin]);
            codes.extend([Code::Forbidden, Code::StepUpRequired, Code::AdminSecretRequired, Code::AdminSecretInvalid]);
            if permission != Permission::Oneself {
                codes.insert(Code::NotFound);
            }
        }
        Who::Cron => codes.extend([Code::Unauthorized, Code::NotFound]),
        Who::Demo | Who::Metrics => codes.extend([Code::NotFound]),
        Who::Anyone => {}
    }
    if route.path.contains("{id}") {
        codes.insert(Code::NotFound);
    }
    codes
}

fn refusal(codes: &[Code], problem: &Value) -> Value {
    let lines: Vec<_> = codes.iter().map(|code| format!("`{}`:{}", code.name(), code.about())).collect();
    let examples: Map<String, Value> =
        codes.iter().map(|code| (code.name().to_owned(), json!({ "value": example(*code) }))).collect();
    let mut refusal = json!({
        "description": lines.join(" "),
        "content": { PROBLEM_JSON: { "schema": problem, "examples": examples } },
    });
    if codes.iter().any(|code| code.retry()) {
        let mut headers = if codes.contains(&Code::RateLimited) { limit_headers() } else { Map::new() };
        headers.insert("retry-after".to_owned(), number("Seconds to wait."));
        refusal["headers"] = Value::Object(headers);
    }
    refusal
}

/// Where a caller stands with the limit of rate that counts here.
fn limit_headers() -> Map<String, Value> {
    Map::from_iter([
        ("ratelimit-limit".to_owned(), number("How many at once.")),
        ("ratelimit-remaining".to_owned(), number("How many are left.")),
        ("ratelimit-reset".to_owned(), number("Seconds until all are there again.")),
        ("ratelimit-bucket".to_owned(), json!({ "description": "Which limit it is.", "schema": { "type": "string" } })),
    ])
}

fn number(about: &str) -> Value {
    json!({ "description": about, "schema": { "type": "integer", "minimum": 0 } })
}

fn example(code: Code) -> Value {
    let error = crate::error::Error::new(code, code.about().trim());
    let error = if code.retry() { error.after(std::time::Duration::from_secs(2)) } else { error };
    let bytes = crate::http::problem::document(&error, "01980000-0000-7000-8000-000000000001");
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Answer")
}
