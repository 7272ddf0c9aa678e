//! Every page, in light and dark, on a phone and on a desk: no serious barrier, nothing that overflows.

use super::chromium::{Driver, Look, Window};
use super::talk::Demo;
use crate::support::process::Launch;

async fn is_sound(window: &Window, page: &str, look: Look) {
    let barriers = window.barriers().await;
    assert!(barriers.is_empty(), "{page} with {look:?}:\n{}", barriers.join("\n"));
    let wide = window
        .driver
        .execute("return document.documentElement.scrollWidth - document.documentElement.clientWidth", Vec::new())
        .await
        .expect("a width");
    assert!(
        wide.json().as_i64().is_some_and(|wide| wide <= 0),
        "{page} with {look:?} is wider than the window by {}",
        wide.json()
    );
    assert_eq!(window.complaints().await, Vec::<String>::new(), "{page} with {look:?}");
}

fn looks() -> impl Iterator<Item = Look> {
    [(1200, 800, "nl"), (360, 720, "en")].into_iter().flat_map(|(width, height, language)| {
        [false, true].map(|dark| Look { width, height, dark, language, ..Look::default() })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doors_have_no_barriers() {
    let directory = tempfile::tempdir().expect("a directory");
    let launch = Launch::serve(&directory.path().join("data"));
    let server = launch.start();
    let driver = Driver::start();
    for look in looks() {
        let window = driver.window("visitor", look).await;
        for (path, shows) in [
            ("/sign-in", "[data-testid=sign-in-form]"),
            ("/sign-up", "[data-testid=sign-up-form]"),
            ("/confirm", "[data-testid=confirm-form]"),
            ("/nothing-here", "h1"),
        ] {
            window.go(&format!("http://{}{path}", server.address)).await;
            window.find_css(shows).await;
            is_sound(&window, path, look).await;
            if path == "/sign-up" {
                // With every mistake there is.
                window.click("sign-up").await;
                window.find_css("[aria-invalid=true]").await;
                is_sound(&window, "/sign-up with mistakes", look).await;
            }
        }
        window.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_have_no_barriers() {
    let (driver, demo) = (Driver::start(), Demo::open());
    for look in looks() {
        let window = driver.window("guest", look).await;
        window.go(&demo.links[0]).await;
        window.find("demo-open").await;
        is_sound(&window, "the demo's door", look).await;
        window.click("demo-open").await;
        window.find("chat-row").await;
        is_sound(&window, "/chats", look).await;
        window.click("chat-row").await;
        window.find("composer").await;
        window.find("message").await;
        is_sound(&window, "/chats/{id}", look).await;
        for (path, shows) in [("/me", "to-profile"), ("/me/security", "devices")] {
            let address = window.url().await.join(path).expect("an address");
            window.go(address.as_str()).await;
            window.find(shows).await;
            is_sound(&window, path, look).await;
        }
        window.close().await;
    }
}

/// The judge of the pages is shown to see something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_barrier_is_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Launch::serve(&directory.path().join("data")).start();
    let driver = Driver::start();
    let window = driver.window("visitor", Look::default()).await;
    window.go(&format!("http://{}/sign-in", server.address)).await;
    window.find("sign-in-form").await;
    assert_eq!(window.barriers().await, Vec::<String>::new());
    let plant = "const one = document.createElement('img'); one.src = '/static/favicon.svg'; document.body.append(one); \
                 const other = document.createElement('input'); document.body.append(other)";
    window.driver.execute(plant, Vec::new()).await.expect("a planted barrier");
    let found = window.barriers().await.join("\n");
    assert!(found.contains("image-alt") && found.contains("label"), "{found}");
    window.close().await;
}
