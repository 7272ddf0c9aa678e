//! Two people see that the other one is there and types, and that it is over.

use super::chromium::Driver;
use super::talk::Demo;

const HERE: &str = "return document.querySelector('[data-testid=under] .here')?.dataset.state === 'online'";
const TYPING: &str = "return document.querySelector('[data-testid=typing]')?.textContent";
/// Where things stand that must not move: the composer, the last message, and the title.
const PLACES: &str = "return ['[data-testid=composer]', '[data-testid=messages] > :last-child', '[data-testid=conversation-title]']\
    .map((one) => document.querySelector(one).getBoundingClientRect().top).join()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_and_presence_are_seen_and_gone() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let (first, second, _line) = demo.couple(&driver).await;
    for window in [&first, &second] {
        window.until("the other one is here", HERE).await;
        window
            .until("the list says it in words", "return document.querySelector('[data-testid=row-here]')?.textContent")
            .await;
    }
    let before = first.until("the places", PLACES).await;
    second.fill("composer", "ik denk na over").await;
    let said = first.until("that the other one types", TYPING).await;
    assert!(said.as_str().is_some_and(|said| said.contains('…')), "{said}");
    assert_eq!(first.until("the places", PLACES).await, before, "nothing moves when somebody types");
    second.keys(thirtyfour::Key::Enter).await;
    first.hears("ik denk na over").await;
    first
        .until("that nobody types any more", "return document.querySelector('[data-testid=typing]').textContent === ''")
        .await;
    assert_eq!(
        second
            .until(
                "my own typing is not shown",
                "return document.querySelector('[data-testid=typing]').textContent === ''"
            )
            .await,
        true
    );

    // Typing that comes to nothing ends as well.
    second.fill("composer", "laat maar").await;
    first.until("that the other one types again", TYPING).await;
    second
        .until(
            "the text is taken back",
            "const area = document.querySelector('[data-testid=composer]'); area.value = ''; \
             area.dispatchEvent(new Event('input', { bubbles: true })); return true",
        )
        .await;
    first
        .until("that nobody types any more", "return document.querySelector('[data-testid=typing]').textContent === ''")
        .await;

    // The page is left, and its person with it.
    second.go("about:blank").await;
    first
        .until(
            "that the other one is gone",
            "const under = document.querySelector('[data-testid=under]'); \
             return under.querySelector('.here')?.dataset.state !== 'online' && under.textContent",
        )
        .await;
    assert_eq!(first.barriers().await, Vec::<String>::new());
    assert_eq!(first.complaints().await, Vec::<String>::new());
}
