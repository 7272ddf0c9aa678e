//! Two people in two browsers.

use std::path::Path;
use std::time::Duration;

use thirtyfour::Key;

use super::chromium::{Driver, Look, Window};
use crate::support::line::Line;
use crate::support::mail;
use crate::support::people::PASSWORD;
use crate::support::process::{Launch, ServerProcess};

/// A demo server and the two links it prints.
pub struct Demo {
    _directory: tempfile::TempDir,
    pub launch: Launch,
    pub server: ServerProcess,
    pub links: Vec<String>,
}

impl Demo {
    pub fn open() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let data_dir = directory.path().join("data");
        let mut launch = Launch::serve(&data_dir);
        launch.command = ["demo", "--data-dir", &data_dir.to_string_lossy()].map(str::to_owned).into();
        let server = launch.start();
        let links = server.links();
        assert!(links.len() >= 2, "the demo should print two links:\n{}", server.log());
        Self { _directory: directory, launch, server, links }
    }

    /// Two people, each in a browser, both in their chat with each other. The first one's line can be cut.
    pub async fn couple(&self, driver: &Driver) -> (Window, Window, Line) {
        let line = Line::to(self.server.address).await;
        let mut first_link = url::Url::parse(&self.links[0]).expect("a link");
        first_link.set_port(Some(line.address.port())).expect("a port");
        let windows = [driver.window("first", Look::default()).await, driver.window("second", Look::default()).await];
        for (window, link) in windows.iter().zip([first_link.as_str(), &self.links[1]]) {
            window.go(link).await;
            window.click("demo-open").await;
            window.find("chat-row").await;
        }
        let [first, second] = windows;
        // The chat they share is the one whose address both can open.
        let shared = {
            let rows = |window: &Window| {
                let driver = window.driver.clone();
                async move {
                    let script = "return [...document.querySelectorAll('[data-testid=chat-row]')].map((row) => row.dataset.chatId)";
                    let found = driver.execute(script, Vec::new()).await.expect("the chats").json().clone();
                    serde_json::from_value::<Vec<String>>(found).expect("ids")
                }
            };
            let theirs = rows(&second).await;
            rows(&first).await.into_iter().find(|id| theirs.contains(id)).expect("a chat of the two")
        };
        for window in [&first, &second] {
            window.find_css(&format!("[data-chat-id='{shared}']")).await.click().await.expect("a click");
            window.find("conversation-title").await;
        }
        (first, second, line)
    }
}

async fn say(window: &Window, text: &str) {
    window.fill("composer", text).await;
    window.keys(Key::Enter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_talk_read_and_lose_the_line() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let (first, second, line) = demo.couple(&driver).await;
    assert_ne!(
        first.url().await.host_str(),
        second.url().await.host_str(),
        "two origins, so that one browser could hold both"
    );
    let before = first.messages().await;
    assert_eq!(before, second.messages().await, "both are shown the same past");

    say(&first, "Hoi! Is de kamer nog vrij?").await;
    second.hears("Hoi! Is de kamer nog vrij?").await;
    first.sees_state("Hoi! Is de kamer nog vrij?", &["read"]).await;
    say(&second, "Ja! Kom je zaterdag kijken?").await;
    first.hears("Ja! Kom je zaterdag kijken?").await;
    if std::env::var_os("DOMU_PICTURES").is_some() {
        first.picture(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/chat.png")).await;
    }
    say(&second, "<b>neem</b> je moeder &amp; een meetlint mee").await;
    first.hears("<b>neem</b> je moeder &amp; een meetlint mee").await;

    // The line goes dead while both are talking.
    line.cut();
    first.offline(true).await;
    say(&first, "in de tunnel").await;
    first.sees_state("in de tunnel", &["sending", "queued", "unconfirmed"]).await;
    say(&second, "hoor je me?").await;
    second.sees_state("hoor je me?", &["sent"]).await;
    first
        .until(
            "the page says that the line is dead",
            "return document.querySelector('[data-testid=connection]')?.textContent",
        )
        .await;
    assert!(!second.messages().await.contains(&"in de tunnel".to_owned()));
    line.mend();
    first.offline(false).await;
    second.hears("in de tunnel").await;
    first.hears("hoor je me?").await;
    first.sees_state("in de tunnel", &["sent", "delivered", "read"]).await;

    let said =
        ["Hoi! Is de kamer nog vrij?", "Ja! Kom je zaterdag kijken?", "<b>neem</b> je moeder &amp; een meetlint mee"];
    for window in [&first, &second] {
        let now = window.messages().await;
        assert_eq!(&now[before.len()..before.len() + 3], said);
        for text in ["in de tunnel", "hoor je me?"] {
            assert_eq!(now.iter().filter(|one| *one == text).count(), 1, "{text} once: {now:?}");
        }
        assert_eq!(window.complaints().await, Vec::<String>::new());
    }
    assert_eq!(first.messages().await, second.messages().await, "in one order for both");
    first.close().await;
    second.close().await;
}

/// A message on its way when the page is loaded anew arrives once, not never and not twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloading_in_the_middle_of_sending_sends_once() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let (first, second, line) = demo.couple(&driver).await;
    let address = first.url().await;
    let mut texts = Vec::new();
    for round in 0..5 {
        // Without a line: it waits in the browser.
        let text = format!("bewaard {round}");
        line.cut();
        say(&first, &text).await;
        first.hears(&text).await;
        line.mend();
        first.driver.refresh().await.expect("a reload");
        second.hears(&text).await;
        texts.push(text);
        // With a line: somewhere between the key and the answer.
        let text = format!("meteen weg {round}");
        first.find("composer").await;
        say(&first, &text).await;
        first.driver.refresh().await.expect("a reload");
        assert_eq!(first.url().await, address);
        // A reload that is faster than the browser's own storage finds the text where it was written; else it is on its way.
        let wanted = serde_json::to_string(&text).expect("JSON");
        let on_its_way = format!(
            "return [...document.querySelectorAll('[data-testid=message] .text')].some((one) => one.textContent === {wanted})"
        );
        let kept = format!("return document.querySelector('[data-testid=composer]')?.value === {wanted}");
        first.until("the text after a reload", &format!("{on_its_way} || (() => {{ {kept} }})()")).await;
        if !first.comes(&on_its_way, Duration::from_secs(2)).await {
            first.until("the draft", &kept).await;
            println!("round {round}: kept as a draft");
            first.find("composer").await;
            first.click("composer").await;
            first.keys(Key::Enter).await;
        }
        second.hears(&text).await;
        texts.push(text);
    }
    first.hears(texts.last().expect("a text")).await;
    for window in [&first, &second] {
        let shown = window.messages().await;
        for text in &texts {
            assert_eq!(shown.iter().filter(|one| *one == text).count(), 1, "{text}: {shown:?}");
        }
    }
    first.close().await;
    second.close().await;
}

/// The server restarts under an open page: it comes back by itself, with everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_that_returns_is_found_again() {
    let (driver, mut demo) = (Driver::start(), Demo::open());
    let (first, second, _line) = demo.couple(&driver).await;
    say(&first, "voor de klap").await;
    second.hears("voor de klap").await;
    let address = demo.server.address;
    demo.launch.command =
        ["serve", "--data-dir", &demo.launch.data_dir.to_string_lossy(), "--listen", &address.to_string()]
            .map(str::to_owned)
            .into();
    demo.server.kill();
    say(&first, "tijdens de klap").await;
    first.sees_state("tijdens de klap", &["sending", "queued", "unconfirmed"]).await;
    let _server = demo.launch.start();
    second.hears("tijdens de klap").await;
    say(&second, "na de klap").await;
    first.hears("na de klap").await;
    assert_eq!(first.messages().await, second.messages().await);
    first.close().await;
    second.close().await;
}

/// Sign-up to signed in, with the keyboard alone, and the code from the mail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_up_with_the_keyboard_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let launch = Launch::serve(&directory.path().join("data"));
    let server = launch.start();
    let driver = Driver::start();
    let window = driver.window("Iris", Look { language: "en", ..Look::default() }).await;
    window.go(&format!("http://{}/", server.address)).await;
    let email = "iris@student.tudelft.nl";
    window.tab_to("to-sign-up").await;
    window.keys(Key::Enter).await;
    window.find("sign-up-form").await;
    for (field, text) in [("first-name", "Iris"), ("last-name", "van Dam"), ("email", email), ("password", PASSWORD)] {
        window.tab_to(field).await;
        window.keys(text).await;
    }
    window.tab_to("birth-date").await;
    window.keys("04052003").await;
    window.tab_to("terms").await;
    window.keys(" ").await;
    window.keys(Key::Tab).await;
    window.tab_to("sign-up").await;
    window.keys(Key::Enter).await;
    window.find("confirm-form").await;
    let code = mail::code_for(&launch.data_dir, email).await;
    window.tab_to("code").await;
    window.keys(code.as_str()).await;
    window.keys(Key::Enter).await;
    // The page still knows her password: it confirms with it and signs her in.
    window.find("chats-empty").await;

    // An operator verifies her and opens a chat; it appears without a reload.
    crate::support::people::sign_up(server.address, &launch.data_dir, "Joris").await;
    launch.run(&["verify", email]);
    let joris = crate::support::people::email_of("Joris");
    launch.run(&["verify", &joris]);
    launch.run(&["chat", "open", email, &joris]);
    window.find("chat-row").await;
    window.tab_to("chat-row").await;
    window.keys(Key::Enter).await;
    window.find("composer").await;
    window.tab_to("composer").await;
    window.keys("typed without a mouse").await;
    window.keys(Key::Enter).await;
    window.sees_state("typed without a mouse", &["sent", "delivered", "read"]).await;
    // Shift and Enter is a new line, not the end.
    assert_eq!(window.complaints().await, Vec::<String>::new());
    window.close().await;
}
