//! Every page in all its states, at three widths, in both themes and languages: drawn, measured and kept to be looked at.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::chromium::{Driver, Look, Window};
use super::talk::Demo;

const WIDTHS: [(u32, u32); 3] = [(390, 844), (900, 800), (1440, 900)];

/// A field that was found wrong.
const WRONG: &str = "[aria-invalid=true]";

const CHOOSE_NO_PICTURE: &str = "
    const chosen = new DataTransfer();
    chosen.items.add(new File(['no picture at all'], 'room.png', { type: 'image/png' }));
    const input = document.querySelector('[data-testid=picture-file]');
    input.files = chosen.files;
    input.dispatchEvent(new Event('change'));";

const SEARCH_NOBODY: &str = "
    const input = document.querySelector('[data-testid=chat-search]');
    input.value = 'qqqq';
    input.dispatchEvent(new Event('input'));";

const SEARCH_WORD: &str = "
    const input = document.querySelector('[data-testid=chat-search]');
    input.value = 'taart';
    input.dispatchEvent(new Event('input'));";

const OPEN_MENU: &str = "[...document.querySelectorAll('.message .more')].at(-1).click();";

const EDIT_LAST: &str = "
    const area = document.querySelector('[data-testid=composer]');
    area.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true }));";

/// A page in one of its states.
struct State {
    name: &'static str,
    path: &'static str,
    /// What the server is said to answer.
    answers: Value,
    /// What must be on the page before anything else.
    ready: &'static str,
    /// What is done then, as the person's hands would.
    script: &'static str,
    /// What is clicked then, by name.
    clicks: &'static [&'static str],
    /// What must be there in the end.
    shows: &'static str,
}

fn state(name: &'static str, path: &'static str, ready: &'static str) -> State {
    State { name, path, answers: json!([]), ready, script: "", clicks: &[], shows: ready }
}

impl State {
    fn answered(mut self, answers: Value) -> Self {
        self.answers = answers;
        self
    }

    fn done(mut self, script: &'static str, shows: &'static str) -> Self {
        self.script = script;
        self.shows = shows;
        self
    }

    fn then(mut self, clicks: &'static [&'static str], shows: &'static str) -> Self {
        self.clicks = clicks;
        self.shows = shows;
        self
    }
}

fn broken(method: &str, path: &str) -> Value {
    let body = json!({"name": "internal", "code": 50000, "status": 500, "detail": "", "request_id": "01K9ZQ4T7M"});
    json!([{"method": method, "path": path, "status": 500, "body": body}])
}

fn refused(method: &str, path: &str, name: &str, field: &str) -> Value {
    let fields = json!([{"field": field, "detail": "Choose another."}]);
    let body = json!({"name": name, "code": 40000, "status": 400, "detail": "", "fields": fields});
    json!([{"method": method, "path": path, "status": 400, "body": body}])
}

fn doors() -> Vec<State> {
    vec![
        state("sign-in", "/sign-in", "sign-in-form"),
        state("sign-in-mistakes", "/sign-in", "sign-in-form").then(&["sign-in"], WRONG),
        state("sign-in-after-reset", "/sign-in?note=reset", "sign-in-note"),
        state("sign-up", "/sign-up", "sign-up-form"),
        state("sign-up-mistakes", "/sign-up", "sign-up-form").then(&["sign-up"], WRONG),
        state("confirm", "/confirm", "confirm-form"),
        state("forgot-password", "/forgot-password", "forgot-form"),
        state("forgot-password-mistake", "/forgot-password", "forgot-form").then(&["forgot"], WRONG),
        state("reset-password", "/reset-password", "reset-form"),
        state("reset-password-link", "/reset-password#token=abc", "reset-form"),
        state("reset-password-mistakes", "/reset-password", "reset-form").then(&["reset"], WRONG),
        state("not-found", "/nothing-here", "not-found"),
        state("docs", "/docs", "[id=main] details"),
        state("demo-bad", "/demo?as=nobody", "domu-demo h1"),
    ]
}

fn rooms() -> Vec<State> {
    let person = json!({"id": "0198c0de-0000-7000-8000-000000000001", "first_name": "Maximiliaan",
        "last_name": "van Hoogstraten-de Vries", "hue": 40, "picture": null, "at": 1_763_000_000_000_i64});
    let other = json!({"id": "0198c0de-0000-7000-8000-000000000002", "first_name": "Li", "last_name": "Wu", "hue": 200,
        "picture": null, "at": 1_762_000_000_000_i64});
    let about = json!({"id": "0198c0de-0000-7000-8000-000000000003", "first_name": "Noor", "last_name": "van den Heuvel",
        "pronouns": "zij/haar", "program": "Bouwkunde en stedelijke ontwikkeling", "study_year": 3,
        "about": "Ik kook graag voor veel mensen en ruim meteen op.\nVroege vogel, doordeweeks stil na elven.",
        "languages": ["nl", "en", "de"], "university": {"name": "Technische Universiteit Delft", "slug": "tud"},
        "verified": true, "hue": 120, "picture": null, "blocked": false});
    let mut blocked = about.clone();
    blocked["blocked"] = json!(true);
    let session = |id: &str, current: bool, kind: &str, agent: &str| {
        json!({"id": id, "current": current, "kind": kind, "created_at": "2026-03-01T12:00:00Z",
            "last_seen_at": "2026-03-02T12:00:00Z", "user_agent": agent, "address": "145.18.0.0/16"})
    };
    let sessions = json!({"sessions": [
        session("a", true, "cookie", "Mozilla/5.0 (X11; Linux x86_64) Chrome/140 Safari/537.36"),
        session("b", false, "cookie", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile Safari/605"),
        session("c", false, "bearer", ""),
    ]});
    let sessions = || json!([{"path": "/api/sessions$", "body": sessions.clone()}]);
    let none = json!({"chats": [], "total": 0, "epoch": "e"});
    let group = "0198c0de-0000-7000-8000-0000000000aa";
    let notice = |seq: u64, kind: &str| json!({"seq": seq, "ts": 1_763_000_000_000_i64 + seq as i64, "kind": kind});
    let mut invite = notice(9, "invites");
    invite["chat_id"] = json!(group);
    invite["title"] = json!("Ons studentenhuis aan de Oudegracht, derde verdieping");
    invite["by_name"] = json!("Maximiliaan");
    let mut verified = notice(2, "account");
    verified["change"] = json!("verified");
    let counts = json!({"messages": {"total": 0, "unread": 0}, "chats": {"total": 1, "unread": 0},
        "invites": {"total": 1, "unread": 1}, "account": {"total": 1, "unread": 1}});
    let news = json!({"head": 9, "counts": counts, "items": [invite, notice(4, "chats"), verified], "more": false,
        "noticed": {"upto": 1, "also": [4]}, "chats": []});
    let mut nothing = news.clone();
    nothing["items"] = json!([]);
    let people = |body: &Value| json!([{"path": "/api/people/", "body": body}]);
    vec![
        state("chats", "/chats", "chat-row"),
        state("chats-loading", "/chats", "[data-testid=chat-list] + .list-rest .skeletons")
            .answered(json!([{"socket": "hang"}, {"path": "/api/chats[?]", "hang": true}])),
        state("chats-empty", "/chats", "chats-empty")
            .answered(json!([{"socket": "fail"}, {"path": "/api/chats[?]", "body": &none}])),
        state("chats-failed", "/chats", "chats-failed")
            .answered(json!([{"socket": "fail"}, {"path": "/api/chats[?]", "status": 503, "body": {}}])),
        state("chats-refused", "/chats", "chats-failed").answered(json!([{"socket": 4005}])),
        state("line-slow", "/chats/{chat}", "[data-testid=connection][data-state=polling][data-shown]")
            .answered(json!([{"socket": "fail"}])),
        state("line-offline", "/chats/{chat}", "[data-testid=connection][data-shown]")
            .answered(json!([{"offline": true}])),
        state("suspended", "/chats", "obstacle-suspended").answered(
            json!([{"path": "/api/me$", "status": 403, "body": {"name": "suspended", "code": 40304, "status": 403}}]),
        ),
        state("search-empty", "/chats", "chat-row").done(SEARCH_NOBODY, "[data-testid=search-state][data-state=done]"),
        state("search-found", "/chats", "chat-row").done(SEARCH_WORD, "find"),
        state("group-new", "/chats", "chat-row").then(&["group-new"], "group-dialog"),
        state("chat", "/chats/{chat}", "message"),
        state("message-menu", "/chats/{chat}", "message").done(OPEN_MENU, "message-menu"),
        state("message-edit", "/chats/{chat}", "message").done(EDIT_LAST, "composer-mode"),
        state("person", "/chats/{chat}", "message").answered(people(&about)).then(&["about-chat"], "panel-block"),
        state("person-blocked", "/chats/{chat}", "message")
            .answered(people(&blocked))
            .then(&["about-chat"], "panel-unblock"),
        state("person-loading", "/chats/{chat}", "message")
            .answered(json!([{"path": "/api/people/", "hang": true}]))
            .then(&["about-chat"], "person-panel"),
        state("person-failed", "/chats/{chat}", "message")
            .answered(broken("GET", "/api/people/"))
            .then(&["about-chat"], "load-again"),
        state("block", "/chats/{chat}", "message")
            .answered(people(&about))
            .then(&["about-chat", "panel-block"], "block-yes"),
        state("news", "/notifications", "news-invites")
            .answered(json!([{"socket": "fail"}, {"path": "/api/notifications[?]", "body": news}])),
        state("news-empty", "/notifications", "news-empty").answered(
            json!([{"socket": "fail"}, {"path": "/api/chats[?]", "body": none}, {"path": "/api/notifications[?]", "body": nothing}]),
        ),
        state("news-failed", "/notifications", "load-again")
            .answered(json!([{"socket": "fail"}, {"path": "/api/notifications[?]", "status": 503, "body": {}}])),
        state("me", "/me", "to-profile"),
        state("profile", "/me/profile", "profile-form"),
        state("profile-failed", "/me/profile", "profile-form")
            .answered(broken("PATCH", "/api/me/profile"))
            .then(&["save-profile"], "form-problem"),
        state("profile-refused", "/me/profile", "profile-form")
            .answered(refused("PATCH", "/api/me/profile", "bad_request", "about"))
            .then(&["save-profile"], WRONG),
        state("picture-refused", "/me/profile", "picture-choose")
            .done(CHOOSE_NO_PICTURE, "picture-use")
            .then(&["picture-use"], "picture-refusal"),
        state("settings", "/me/settings", "setting-locale"),
        state("settings-failed", "/me/settings", "setting-locale")
            .answered(broken("PATCH", "/api/me/settings"))
            .then(&["visibility-ghost"], "problem"),
        state("security", "/me/security", "revoke").answered(sessions()),
        state("security-ask", "/me/security", "revoke")
            .answered(sessions())
            .then(&["revoke-others"], "revoke-others-yes"),
        state("security-failed", "/me/security", "load-again").answered(broken("GET", "/api/sessions$")),
        state("security-email", "/me/security", "change-email").then(&["change-email", "email-send"], WRONG),
        state("security-password", "/me/security", "change-password").then(&["change-password"], WRONG),
        state("email-nothing", "/confirm-email", "nothing-pending"),
        state("email-link", "/confirm-email#token=abc", "confirm-email-form"),
        state("blocked", "/me/blocked", "blocked-list")
            .answered(json!([{"path": "/api/blocks$", "body": {"blocks": [person, other]}}])),
        state("blocked-empty", "/me/blocked", "blocked-empty")
            .answered(json!([{"path": "/api/blocks$", "body": {"blocks": []}}])),
        state("blocked-loading", "/me/blocked", "to-me").answered(json!([{"path": "/api/blocks$", "hang": true}])),
        state("blocked-failed", "/me/blocked", "load-again").answered(broken("GET", "/api/blocks$")),
    ]
}

/// The pictures that the README shows: state, language, width, dark.
const SHOWN: [(&str, &str, u32, bool); 8] = [
    ("chat", "nl", 1440, false),
    ("chat", "nl", 390, true),
    ("chats", "en", 390, false),
    ("person", "en", 1440, true),
    ("block", "en", 390, false),
    ("profile", "nl", 900, false),
    ("settings", "en", 390, true),
    ("security", "nl", 390, false),
];

/// What is wrong with how a page is laid out: too wide, words cut off in buttons, targets too small for a thumb.
const MISFITS: &str = r"
    const wrong = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) wrong.push(`the page is ${root.scrollWidth - root.clientWidth} too wide`);
    const top = document.querySelector('dialog[open]:last-of-type') ?? document;
    for (const one of top.querySelectorAll('button, a.button, .nav-item, h1, h2, label, .notice, .problem')) {
      if (!one.checkVisibility() || one.closest('.sr-only, .chat-row, .conversation-head')) continue;
      if (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline') wrong.push(`cut off: ${one.outerHTML.slice(0, 120)}`);
    }
    for (const one of top.querySelectorAll('button, a.button, select, summary, input:not([type=radio], [type=checkbox], .sr-only)')) {
      if (!one.checkVisibility() || one.closest('.choices, .message, .with-button, .history-top')) continue;
      const box = one.getBoundingClientRect();
      if (box.height < 43.5 && one.getClientRects().length > 0 && !one.classList.contains('small')) wrong.push(`${box.height} high: ${one.outerHTML.slice(0, 120)}`);
    }
    return wrong;";

async fn draw(window: &Window, base: &url::Url, state: &State, language: &str, folder: &Path) -> Vec<String> {
    let pretence = window.pretend(&state.answers).await;
    window.look(1440, 900, false).await;
    window.go("about:blank").await;
    window.go(base.join(state.path).expect("an address").as_str()).await;
    window.find(state.ready).await;
    window.driver.execute(state.script, Vec::new()).await.expect("what was done");
    for name in state.clicks {
        window.click(name).await;
    }
    window.find(state.shows).await;
    let mut wrong = Vec::new();
    for (width, height) in WIDTHS {
        for dark in [false, true] {
            window.look(width, height, dark).await;
            let found = window.driver.execute(MISFITS, Vec::new()).await.expect("a measure").json().clone();
            let found = serde_json::from_value::<Vec<String>>(found).expect("a list");
            let place = format!("{} {language} {width} {}", state.name, if dark { "dark" } else { "light" });
            wrong.extend(found.into_iter().map(|one| format!("{place}: {one}")));
            if width == 390 || (width == 1440 && !dark) {
                wrong.extend(window.barriers().await.into_iter().map(|one| format!("{place}: {one}")));
            }
            window.shoot(&folder.join(format!("{}.webp", place.replace(' ', ".")))).await;
            if std::env::var_os("DOMU_PICTURES").is_some() && SHOWN.contains(&(state.name, language, width, dark)) {
                let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screenshots");
                window.shoot(&kept.join(format!("{}.webp", place.replace(' ', "-")))).await;
            }
        }
    }
    wrong.extend(window.complaints().await.into_iter().map(|one| format!("{}: {one}", state.name)));
    window.honest(pretence).await;
    wrong
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages")
}

async fn look_at_everything(language: &'static str) {
    let (driver, demo) = (Driver::start(), Demo::open());
    let window = driver.window("guest", Look { language, ..Look::default() }).await;
    let base = url::Url::parse(&demo.links[0]).expect("a link");
    let mut wrong = Vec::new();
    for state in doors() {
        wrong.extend(draw(&window, &base, &state, language, &folder()).await);
    }
    let link = url::Url::parse(&demo.links[0]).expect("a link");
    let mut door = state("demo", "", "demo-open");
    door.path = Box::leak(format!("{}?{}", link.path(), link.query().unwrap_or_default()).into_boxed_str());
    wrong.extend(draw(&window, &base, &door, language, &folder()).await);
    window.go(&demo.links[0]).await;
    window.click("demo-open").await;
    let row = window.find("chat-row").await;
    let chat = row.attr("data-chat-id").await.expect("an attribute").expect("an id");
    for mut state in rooms() {
        let path = state.path.replace("{chat}", &chat);
        state.path = Box::leak(path.into_boxed_str());
        wrong.extend(draw(&window, &base, &state, language, &folder()).await);
    }
    window.close().await;
    assert!(wrong.is_empty(), "{}\n(pictures in {})", wrong.join("\n"), folder().display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_in_dutch() {
    look_at_everything("nl").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_in_english() {
    look_at_everything("en").await;
}
