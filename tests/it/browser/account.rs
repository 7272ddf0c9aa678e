//! One's own pages and those of others: with the keyboard alone, on a slow line, and without one.

use std::path::Path;
use std::time::{Duration, Instant};

use thirtyfour::{By, Key};

use super::chromium::{Driver, Look, Window};
use super::talk::Demo;
use crate::support::client::PATIENCE;
use crate::support::process::Launch;
use crate::support::{mail, people};

async fn signed_in(driver: &Driver, demo: &Demo, who: usize) -> Window {
    let window = driver.window("guest", Look { language: "en", ..Look::default() }).await;
    window.go(&demo.links[who]).await;
    window.click("demo-open").await;
    window.find("chat-row").await;
    window
}

/// Goes somewhere by an address, as a bookmark does.
async fn open(window: &Window, path: &str) {
    let address = window.url().await.join(path).expect("an address");
    window.go(address.as_str()).await;
}

/// From the hub to the profile, changing it, and seeing it again, with the keyboard alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_is_written_with_the_keyboard() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let window = signed_in(&driver, &demo, 0).await;
    window.tab_to("nav-me").await;
    window.keys(Key::Enter).await;
    window.tab_to("to-profile").await;
    window.keys(Key::Enter).await;
    window.find("profile-form").await;
    window.until("the focus is at the title", "return document.activeElement?.tagName === 'H1'").await;
    window.tab_to("pronouns").await;
    window.keys("they/them").await;
    window.tab_to("add-language").await;
    window.keys("Frisian").await;
    window.tab_to("language-add").await;
    window.keys(Key::Enter).await;
    window.find("language-fy-off").await;
    window.tab_to("save-profile").await;
    window.keys(Key::Enter).await;
    window.find("notice").await;
    open(&window, "/me/profile").await;
    window.find("language-fy-off").await;
    window
        .until("what was saved", "return document.querySelector('[data-testid=pronouns]').value === 'they/them'")
        .await;
    assert_eq!(window.complaints().await, Vec::<String>::new());
    window.close().await;
}

/// Without a line nothing that was typed goes, and the page says so; with one, the same button works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_survives_losing_the_line_and_the_page() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let window = signed_in(&driver, &demo, 0).await;
    open(&window, "/me/profile").await;
    window.fill("pronouns", "hen/hun").await;
    window.offline(true).await;
    window.click("save-profile").await;
    window.find_css(".problem p").await;
    let kept = "return document.querySelector('[data-testid=pronouns]')?.value === 'hen/hun'";
    window.until("what was typed", kept).await;
    window.offline(false).await;
    window.driver.refresh().await.expect("a reload");
    window.find("profile-form").await;
    window.until("what was typed, after a reload", kept).await;
    window.slow().await;
    window.click("save-profile").await;
    window.find("notice").await;
    window.close().await;
}

/// A choice that could not be kept is taken back and said; one that could is kept on all devices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_tell_what_became_of_them() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let (window, other) = (signed_in(&driver, &demo, 0).await, signed_in(&driver, &demo, 0).await);
    for one in [&window, &other] {
        open(one, "/me/settings").await;
        one.find("visibility-visible").await;
    }
    let shown = |value: &str| format!("return document.querySelector('#{value}')?.checked === true");
    window.offline(true).await;
    window.tab_to("visibility-visible").await;
    window.keys(Key::Down).await;
    window.find("problem").await;
    window.until("the old choice", &shown("visibility-visible")).await;
    window.offline(false).await;
    window.tab_to("visibility-visible").await;
    window.keys(Key::Down).await;
    window.find("notice").await;
    window.until("the new choice", &shown("visibility-ghost")).await;
    other.until("the new choice on the other device", &shown("visibility-ghost")).await;
    // The language of the page follows at once, and the choice stays where it was.
    window.tab_to("locale-nl").await;
    window.keys(Key::Down).await;
    window
        .until(
            "English",
            "return document.documentElement.lang === 'en' && document.querySelector('h1').textContent === 'Settings'",
        )
        .await;
    window.until("the focus", "return document.activeElement?.id === 'locale-en'").await;
    window.close().await;
    other.close().await;
}

/// Blocking somebody from their chat, what it does on both sides, and taking it back, with the keyboard alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_and_unblocking_with_the_keyboard() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let (first, second, _line) = demo.couple(&driver).await;
    let chat = first.url().await;
    first.fill("composer", "half a thought").await;
    first.tab_to("about-chat").await;
    first.keys(Key::Enter).await;
    first.find("panel-block").await;
    first.tab_to("panel-block").await;
    first.keys(Key::Enter).await;
    first.find("block-yes").await;
    // Escape leaves everything as it was.
    first.keys(Key::Escape).await;
    first.tab_to("panel-block").await;
    first.keys(Key::Enter).await;
    first.tab_to("block-yes").await;
    first.keys(Key::Enter).await;
    first.find("panel-unblock").await;
    first.keys(Key::Escape).await;
    first.until("the panel is gone", "return !document.querySelector('dialog')").await;
    first.find("composer-offer").await;
    first
        .until(
            "the draft is still there",
            "return document.querySelector('[data-testid=composer]').value === 'half a thought'",
        )
        .await;
    let id = chat.path_segments().and_then(Iterator::last).expect("an id").to_owned();
    first
        .until(
            "the chat left the list",
            &format!("return !document.querySelector('[data-testid=chat-row][data-chat-id=\"{id}\"]')"),
        )
        .await;

    // The blocked person sees a message that was sent, and no more.
    second.fill("composer", "are you there?").await;
    second.keys(Key::Enter).await;
    second.sees_state("are you there?", &["sent", "delivered"]).await;
    assert!(!first.messages().await.contains(&"are you there?".to_owned()));

    open(&first, "/me/blocked").await;
    first.find("blocked-list").await;
    first.tab_to("unblock").await;
    first.keys(Key::Enter).await;
    first.find("blocked-empty").await;
    first.find("notice").await;
    first.go(chat.as_str()).await;
    first.find("composer").await;
    second.fill("composer", "and now?").await;
    second.keys(Key::Enter).await;
    first.hears("and now?").await;
    assert!(!first.messages().await.contains(&"are you there?".to_owned()), "what was withheld stays withheld");
    for window in [first, second] {
        assert_eq!(window.complaints().await, Vec::<String>::new());
        window.close().await;
    }
}

/// A chat is found by the beginning of a name, and nothing found is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_is_found_by_a_name() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let window = signed_in(&driver, &demo, 0).await;
    let name = window.find_css(".chat-name bdi").await.text().await.expect("a name");
    let word = name.split(' ').next().expect("a word").to_lowercase();
    window.tab_to("chat-search").await;
    window.keys(word.as_str()).await;
    let found = serde_json::to_string(&name).expect("JSON");
    window
        .until(
            "the chat",
            &format!(
                "return [...document.querySelectorAll('.chat-name bdi')].some((one) => one.textContent === {found})"
            ),
        )
        .await;
    window.keys("qqqq").await;
    window.until("nothing", "return !document.querySelector('[data-testid=chat-row]') && document.querySelector('[data-testid=search-state]').textContent.includes('qqqq')").await;
    window.keys(Key::Escape).await;
    window.find("chat-row").await;
    window.close().await;
}

/// The digits of a mail that was not among the first `known`.
async fn fresh_code(data_dir: &Path, address: &str, known: usize) -> String {
    let began = Instant::now();
    while mail::mails_to(data_dir, address).len() <= known {
        assert!(began.elapsed() < PATIENCE, "no further mail to {address}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    mail::code_for(data_dir, address).await
}

/// Types into a field that Tab reaches, over what is there.
async fn type_into(window: &Window, field: &str, text: &str) {
    window.tab_to(field).await;
    // As Tab itself does when it enters a field.
    window.driver.execute("document.activeElement.select()", Vec::new()).await.expect("a selection");
    window.keys(text).await;
}

/// A forgotten password, a new one, another address and yet another password, with the keyboard alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_and_addresses_change_with_the_keyboard() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut launch = Launch::serve(&directory.path().join("data"));
    "[limits]\nemail_change_cooldown = 0\n".clone_into(&mut launch.settings);
    let server = launch.start();
    people::sign_up(server.address, &launch.data_dir, "Iris").await;
    let (old, new) = (people::email_of("Iris"), "iris.nieuw@student.tudelft.nl");
    let driver = Driver::start();
    let window = driver.window("Iris", Look { language: "en", ..Look::default() }).await;
    window.go(&format!("http://{}/sign-in", server.address)).await;
    let known = mail::mails_to(&launch.data_dir, &old).len();
    window.tab_to("to-forgot").await;
    window.keys(Key::Enter).await;
    window.find("forgot-form").await;
    type_into(&window, "email", &old).await;
    // Without a line what was typed stays, and the page says why nothing happens.
    window.offline(true).await;
    window.keys(Key::Enter).await;
    window.find_css(".problem p").await;
    window.offline(false).await;
    window.keys(Key::Enter).await;
    window.find("reset-form").await;
    let code = fresh_code(&launch.data_dir, &old, known).await;
    type_into(&window, "code", "000000").await;
    type_into(&window, "password", "twaalf zachte fietsbellen").await;
    window.keys(Key::Enter).await;
    window.find_css(".problem p").await;
    type_into(&window, "code", &code).await;
    window.keys(Key::Enter).await;
    window.find("sign-in-note").await;
    type_into(&window, "password", "twaalf zachte fietsbellen").await;
    window.keys(Key::Enter).await;
    window.find("chats-empty").await;

    open(&window, "/me/security").await;
    window.tab_to("change-email").await;
    window.keys(Key::Enter).await;
    window.find("email-form").await;
    type_into(&window, "email", new).await;
    type_into(&window, "email-password", "not this one").await;
    window.keys(Key::Enter).await;
    window.find_css("#field-email_password[aria-invalid=true]").await;
    type_into(&window, "email-password", "twaalf zachte fietsbellen").await;
    window.keys(Key::Enter).await;
    window.find("email-pending").await;
    fresh_code(&launch.data_dir, new, 0).await;
    window.tab_to("withdraw-email").await;
    window.keys(Key::Enter).await;
    window.find("change-email").await;

    // Once more, to the end: by the code here, and by the link of the mail.
    let (third, fourth) = ("iris.derde@student.tudelft.nl", "iris.vierde@student.tudelft.nl");
    for (address, by_link) in [(third, false), (fourth, true)] {
        window.tab_to("change-email").await;
        window.keys(Key::Enter).await;
        window.find("email-form").await;
        type_into(&window, "email", address).await;
        type_into(&window, "email-password", "twaalf zachte fietsbellen").await;
        window.keys(Key::Enter).await;
        window.find("email-pending").await;
        let code = fresh_code(&launch.data_dir, address, 0).await;
        if by_link {
            let token = mail::token_for(&launch.data_dir, address);
            open(&window, &format!("/confirm-email#token={token}")).await;
            window.tab_to("confirm-email").await;
            window.keys(Key::Enter).await;
            window.tab_to("to-security").await;
            window.keys(Key::Enter).await;
        } else {
            type_into(&window, "code", &code).await;
            window.keys(Key::Enter).await;
        }
        window.find("change-email").await;
        let shown =
            format!("return document.querySelector('[data-testid=current-email]')?.textContent === '{address}'");
        window.until("the new address", &shown).await;
        window.until("nothing is pending", "return !document.querySelector('[data-testid=email-pending]')").await;
    }

    type_into(&window, "current-password", "twaalf zachte fietsbellen").await;
    type_into(&window, "new-password", "dertien stille regenpijpen").await;
    window.keys(Key::Enter).await;
    window.find_css("domu-password [data-testid=notice]").await;
    assert_eq!(window.complaints().await, Vec::<String>::new());
    window.close().await;
}

/// A picture is seen before it is sent, shown once it is, and what is none is refused in words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_chosen_shown_and_removed() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let window = signed_in(&driver, &demo, 0).await;
    open(&window, "/me/profile").await;
    window.find("picture-choose").await;
    let choose = async |path: &Path| {
        let input = window.driver.find(By::Css("[data-testid=picture-file]")).await.expect("the file field");
        input.send_keys(path.to_string_lossy()).await.expect("a chosen file");
    };
    let none = tempfile::Builder::new().suffix(".png").tempfile().expect("a file");
    std::fs::write(none.path(), "no picture at all").expect("its text");
    choose(none.path()).await;
    // The browser cannot show it; the server says what it is not.
    window.click("picture-use").await;
    window.find("picture-refusal").await;
    choose(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/chat.png")).await;
    window.find("picture-use").await;
    window.offline(true).await;
    window.click("picture-use").await;
    window.find("problem").await;
    // It is still chosen, and goes with the next try.
    window.offline(false).await;
    window.click("picture-use").await;
    window.find("picture-remove").await;
    window
        .until(
            "the picture",
            "return [...document.querySelectorAll('domu-picture .avatar img')].some((one) => one.naturalWidth > 0)",
        )
        .await;
    window.click("picture-remove").await;
    window.until("none", "return !document.querySelector('domu-picture .avatar img')").await;
    assert_eq!(window.complaints().await, Vec::<String>::new());
    window.close().await;
}
