//! Admins at their console: from the command line to the audit log, and what a moderator is shown of it.

use std::path::Path;

use chrono::TimeDelta;
use domu::clock::Clock;
use thirtyfour::Key;

use super::chromium::{Driver, Look, Window};
use super::talk::Demo;
use crate::support::{admins, people};

/// The sizes at which the console is looked at.
const SIZES: [(u32, u32); 3] = [(390, 844), (900, 1000), (1440, 900)];

async fn sign_in(window: &Window, demo: &Demo, name: &str) {
    window.go(&format!("http://{}/admin", demo.server.address)).await;
    window.fill("email", &people::email_of(name)).await;
    window.fill("password", people::PASSWORD).await;
    window.click("sign-in").await;
}

/// Somebody with an account whom an operator has made an admin on the host.
async fn granted(demo: &Demo, name: &str, rank: &[&str]) {
    people::sign_up(demo.server.address, &demo.launch.data_dir, name).await;
    demo.launch.run(&[&["admin", "grant", &people::email_of(name)], rank].concat());
}

/// The code that an app shows, some steps of 30 seconds from now.
fn code(secret: &str, steps: i32) -> String {
    admins::code_at(secret, Clock::System.now() + TimeDelta::seconds(30) * steps)
}

/// Goes somewhere by an address, as a bookmark does.
async fn open(window: &Window, path: &str) {
    let address = window.url().await.join(path).expect("an address");
    window.go(address.as_str()).await;
}

/// No barrier, nothing that overflows, no target too small for a thumb, in light and dark, on a phone and on a desk.
async fn is_sound(window: &Window, page: &str) {
    let measure = "const wrong = []; const root = document.documentElement; \
        if (root.scrollWidth > root.clientWidth) wrong.push(`${root.scrollWidth - root.clientWidth} too wide`); \
        const top = document.querySelector('dialog[open]') ?? document; \
        for (const one of top.querySelectorAll('button, a, select, summary, input:not([type=checkbox])')) { \
          if (!one.checkVisibility() || one.closest('.choices, .with-button, .skip, .sr-only')) continue; \
          if (one.getBoundingClientRect().height < 43.5 && !one.classList.contains('skip') && !one.classList.contains('sr-only')) \
            wrong.push(`too small: ${one.outerHTML.slice(0, 160)}`); \
        } return wrong";
    let mut wrong = Vec::new();
    for (width, height) in SIZES {
        for dark in [false, true] {
            window.look(width, height, dark).await;
            let place = format!("console-{page}.{width}.{}", if dark { "dark" } else { "light" });
            let found = window.driver.execute(measure, Vec::new()).await.expect("a measure").json().clone();
            let found = serde_json::from_value::<Vec<String>>(found).expect("a list");
            wrong.extend(found.into_iter().map(|one| format!("{place}: {one}")));
            if width != 900 {
                wrong.extend(window.barriers().await.into_iter().map(|one| format!("{place}: {one}")));
            }
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
            window.shoot(&folder.join(format!("{place}.webp"))).await;
        }
    }
    wrong.extend(window.complaints().await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    window.look(1200, 800, false).await;
}

/// An operator makes a super admin, who sets up a second factor, runs a job and finds that in the audit log, and makes a
/// token once the second factor was shown again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_super_admin_runs_a_job_and_finds_it_in_the_log() {
    let (driver, demo) = (Driver::start(), Demo::open());
    granted(&demo, "Sam", &["--role", "super_admin"]).await;
    let window = driver.window("Sam", Look { language: "en", ..Look::default() }).await;
    window.go(&format!("http://{}/admin", demo.server.address)).await;
    window.find("sign-in-form").await;
    is_sound(&window, "sign-in").await;
    sign_in(&window, &demo, "Sam").await;

    // Nothing of the console before the second factor.
    let begin = window.find("enrol-begin").await;
    is_sound(&window, "enrol").await;
    window.until("no pages yet", "return document.querySelectorAll('.console-link').length === 0").await;
    begin.click().await.expect("a click");
    let key = window.find("enrol-secret").await.attr("data-secret").await.expect("an attribute").expect("a key");
    window.fill("code", "000000").await;
    window.keys(Key::Enter).await;
    window.find_css("#field-code[aria-invalid=true]").await;
    window.fill("code", &code(&key, 0)).await;
    window.keys(Key::Enter).await;
    window.find("nav-jobs").await;
    window.find("latest").await;
    is_sound(&window, "overview").await;

    // A job, with the keyboard alone.
    window.click("nav-jobs").await;
    window.find("jobs").await;
    is_sound(&window, "jobs").await;
    window.tab_to("run-job").await;
    window.keys(Key::Enter).await;
    window.find("run-dialog").await;
    window.keys("too short").await;
    window.tab_to("run-yes").await;
    window.keys(Key::Enter).await;
    window.find_css("#field-reason[aria-invalid=true]").await;
    is_sound(&window, "run").await;
    window.fill("run-reason", "to see that it works").await;
    window.click("run-yes").await;
    window.find("to-audit").await;
    window.until("a run that went well", "return document.querySelector('.rows .chip.good') !== null").await;
    window.click("to-audit").await;
    let ran = "return [...document.querySelectorAll('[data-testid=actions] tbody tr')].filter((row) => \
        row.querySelector('[data-testid=action]')?.textContent === 'run_job' && row.textContent.includes('to see that it works')).length === 1";
    window.until("the job in the log", ran).await;
    assert!(
        window.url().await.query().is_some_and(|asked| asked.contains("action=run_job")),
        "the filter is the address"
    );
    window.click("prove").await;
    window.find_css("[data-testid=proof][data-sound=yes]").await;
    is_sound(&window, "audit").await;
    window.keys("j").await;
    window.until("a row with the focus", "return document.activeElement?.matches('[data-row]') === true").await;
    window.keys(Key::Enter).await;
    window.until("what else it says", "return document.activeElement.querySelector('details')?.open === true").await;
    // Back goes through the filters.
    window.fill("filter-action", "nothing_at_all").await;
    window.keys(Key::Enter).await;
    window.find("actions-empty").await;
    window.driver.back().await.expect("back");
    window.until("the job in the log again", ran).await;

    // Who manages admins shows the second factor again, in another session that has not.
    demo_signs_out(&window).await;
    sign_in(&window, &demo, "Sam").await;
    window.click("nav-tokens").await;
    window.click("make-token").await;
    window.fill("token-name", "nightly export").await;
    window.click("scope-view_users").await;
    window.fill("make-reason", "for the nightly export").await;
    window.click("make-yes").await;
    window.find("step-up-dialog").await;
    is_sound(&window, "step-up").await;
    window.fill("code", &code(&key, 1)).await;
    window.keys(Key::Enter).await;
    let token = window.find("token").await.text().await.expect("a token");
    assert!(token.starts_with("dma_"), "{token}");
    is_sound(&window, "token").await;
    window.click("token-close").await;
    window.find("tokens").await;
    assert!(!window.said().await.contains(&token), "it is told once");
    is_sound(&window, "tokens").await;
    window.click("nav-admins").await;
    window.find("admins").await;
    is_sound(&window, "admins").await;
    window.click("nav-account").await;
    window.find_css("[data-testid=factor][data-on=true]").await;
    window.find("devices").await;
    is_sound(&window, "account").await;
    window.close().await;
}

async fn demo_signs_out(window: &Window) {
    window.click("sign-out").await;
    window.find("sign-in-form").await;
}

/// A moderator is shown what a moderator may see: no page of admins, by no address, and nothing of it from the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moderator_sees_no_admins() {
    let (driver, demo) = (Driver::start(), Demo::open());
    granted(&demo, "Mo", &["--role", "moderator", "--university", "tudelft"]).await;
    people::sign_up(demo.server.address, &demo.launch.data_dir, "Noor").await;
    let window = driver.window("Mo", Look::default()).await;
    sign_in(&window, &demo, "Mo").await;
    window.find("nav-overview").await;
    let shown = "return [...document.querySelectorAll('.console-link')].map((one) => one.id).join(' ')";
    assert_eq!(window.until("the pages", shown).await, "nav-overview nav-users nav-audit nav-account");
    for page in ["admins", "tokens", "jobs", "connections"] {
        open(&window, &format!("/admin/{page}")).await;
        window.find("refused").await;
    }
    is_sound(&window, "refused").await;
    open(&window, "/admin/nothing-here").await;
    window.find("missing").await;
    let refused = "return await fetch('/api/admin/admins').then((answer) => answer.status) === 403";
    window.until("a refusal of the server", refused).await;
    open(&window, "/admin/audit").await;
    window.find("filters").await;
    window.until("no export", "return document.querySelector('#export-csv, #prove') === null").await;
    window.close().await;

    // Who is no admin is told so, and that nobody has invited them.
    let window = driver.window("Noor", Look::default()).await;
    sign_in(&window, &demo, "Noor").await;
    window.click("accept-invite").await;
    window.find_css(".problem").await;
    window.until("no pages", "return document.querySelectorAll('.console-link').length === 0").await;
    is_sound(&window, "stranger").await;
    window.close().await;
}
