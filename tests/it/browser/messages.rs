//! What people do with messages that were sent, each on their own screen: react, answer, change, delete.

use std::path::Path;

use thirtyfour::Key;

use super::chromium::{Driver, Look, Window};
use super::talk::Demo;

/// Opens the menu of the message with this text as its reader would with the keyboard.
async fn menu(window: &Window, text: &str) {
    let script = format!(
        "const row = [...document.querySelectorAll('.message')].find((row) => row.querySelector('.text').textContent === {text:?});
         row?.focus(); return row !== undefined && document.activeElement === row"
    );
    window.until("the message can be focused", &script).await;
    window.keys(Key::Enter).await;
    window.find("message-menu").await;
}

async fn choose(window: &Window, text: &str, entry: &str) {
    menu(window, text).await;
    window.click(entry).await;
}

async fn shot(window: &Window, name: &str) {
    window.shoot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("messages-{name}.png"))).await;
}

async fn sees(window: &Window, what: &str, script: &str) {
    window.until(what, &format!("return {script}")).await;
}

/// The row of a message, as a script finds it.
fn row(text: &str) -> String {
    format!(
        "[...document.querySelectorAll('.message')].find((row) => row.querySelector('.text').textContent === {text:?})"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_reacted_to_answered_changed_and_deleted() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let (first, second, _line) = demo.couple(&driver).await;
    first.fill("composer", "Kom je de kamer bekijken?").await;
    first.keys(Key::Enter).await;
    second.hears("Kom je de kamer bekijken?").await;

    // A reaction, by keyboard; the focus is back at the message.
    menu(&second, "Kom je de kamer bekijken?").await;
    shot(&second, "menu").await;
    assert_eq!(second.barriers().await, Vec::<String>::new());
    second.find_css("[data-emoji='🏠']").await.click().await.expect("a click");
    let reacted = format!("{}?.querySelector('.reaction')?.textContent === '🏠'", row("Kom je de kamer bekijken?"));
    for window in [&first, &second] {
        sees(window, "the reaction is there", &reacted).await;
    }
    sees(&second, "the focus is back", "document.activeElement.classList.contains('message')").await;
    // Pressing it takes it back, and again brings it.
    for there in [false, true] {
        second.find("reaction").await.click().await.expect("a click");
        let count = format!(
            "{}?.querySelectorAll('.reaction').length === {}",
            row("Kom je de kamer bekijken?"),
            u8::from(there)
        );
        sees(&first, "the reaction follows", &count).await;
        if !there {
            menu(&second, "Kom je de kamer bekijken?").await;
            second.find_css("[data-emoji='🏠']").await.click().await.expect("a click");
            sees(&second, "it is there again", &reacted).await;
            break;
        }
    }

    // An answer shows what it answers, as that is now.
    choose(&second, "Kom je de kamer bekijken?", "action-reply").await;
    second.find("composer-mode").await;
    shot(&second, "reply").await;
    second.fill("composer", "Graag!").await;
    second.keys(Key::Enter).await;
    first.hears("Graag!").await;
    let quote = |said: &str| format!("{}?.querySelector('.quote span').textContent === {said:?}", row("Graag!"));
    for window in [&first, &second] {
        sees(window, "the quote", &quote("Kom je de kamer bekijken?")).await;
    }
    sees(&second, "answering is over", "document.querySelector('[data-testid=composer-mode]').hidden").await;

    // Arrow up in an empty field changes the newest message of one's own; Escape leaves it as it was.
    first.click("composer").await;
    first.keys(Key::Up).await;
    sees(
        &first,
        "its text is there",
        "document.querySelector('[data-testid=composer]').value === 'Kom je de kamer bekijken?'",
    )
    .await;
    shot(&first, "edit").await;
    first.keys(Key::Escape).await;
    sees(&first, "nothing is left of it", "document.querySelector('[data-testid=composer]').value === ''").await;
    first.keys(Key::Up).await;
    first.fill("composer", "Kom je zaterdag de kamer bekijken?").await;
    first.keys(Key::Enter).await;
    for window in [&first, &second] {
        window.hears("Kom je zaterdag de kamer bekijken?").await;
        sees(window, "the quote follows", &quote("Kom je zaterdag de kamer bekijken?")).await;
        let edited = format!("{}?.dataset.edited !== undefined", row("Kom je zaterdag de kamer bekijken?"));
        sees(window, "it says that it was edited", &edited).await;
    }
    shot(&first, "edited").await;

    // Deleted for oneself: gone here, there for the other.
    let count = first.messages().await.len();
    choose(&second, "Kom je zaterdag de kamer bekijken?", "action-erase").await;
    second.click("delete-me-yes").await;
    sees(
        &second,
        "the quote tells nothing any more",
        "document.querySelector('.quote:not([hidden])').dataset.state === 'unseen'",
    )
    .await;
    assert_eq!(second.messages().await.len(), count - 1);
    assert_eq!(first.messages().await.len(), count);
    // Deleted for everybody: its place stays.
    choose(&second, "Graag!", "action-revoke").await;
    shot(&second, "revoke").await;
    second.click("delete-all-no").await;
    choose(&second, "Graag!", "action-revoke").await;
    second.click("delete-all-yes").await;
    for window in [&first, &second] {
        sees(window, "the text is gone", "document.querySelectorAll('.text.gone').length === 1").await;
        assert!(!window.messages().await.contains(&"Graag!".to_owned()));
    }
    shot(&first, "deleted").await;
    // A phone: the menu is at the bottom, and everything is still there after loading the page anew.
    second.look(390, 844, true).await;
    let address = second.url().await;
    second.go(address.as_str()).await;
    sees(&second, "the page is back", "document.querySelectorAll('.text.gone').length === 1").await;
    assert!(!second.messages().await.iter().any(|text| text.contains("bekijken")), "what she deleted stays away");
    first.fill("composer", "Tot zaterdag").await;
    first.keys(Key::Enter).await;
    second.hears("Tot zaterdag").await;
    menu(&second, "Tot zaterdag").await;
    shot(&second, "phone").await;
    assert_eq!(second.barriers().await, Vec::<String>::new());
    for window in [&first, &second] {
        assert_eq!(window.complaints().await, Vec::<String>::new());
    }
    first.close().await;
    second.close().await;
}

/// Two people with two devices each, one of the four away for a while: all four end with the same conversation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_on_two_devices_each_converge_after_one_was_away() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let (laptop, other, line) = demo.couple(&driver).await;
    let mut phones = Vec::new();
    for (name, link, beside) in [("phone", &demo.links[0], &laptop), ("other phone", &demo.links[1], &other)] {
        let window = driver.window(name, Look::default()).await;
        window.look(390, 844, false).await;
        window.go(link).await;
        window.click("demo-open").await;
        window.find("chat-row").await;
        let chat = url::Url::parse(link).expect("a link").join(beside.url().await.path()).expect("the chat's address");
        window.go(chat.as_str()).await;
        window.find("conversation-title").await;
        phones.push(window);
    }
    let [phone, other_phone] = phones.try_into().unwrap_or_else(|_| panic!("two phones"));
    let all = [&laptop, &phone, &other, &other_phone];
    let say = async |window: &Window, text: &str| {
        window.fill("composer", text).await;
        window.keys(Key::Enter).await;
    };
    say(&laptop, "De kamer is vrij vanaf maart").await;
    for window in all {
        window.hears("De kamer is vrij vanaf maart").await;
    }

    // The laptop goes into a tunnel and writes there; the other three go on.
    line.cut();
    laptop.offline(true).await;
    say(&laptop, "Geschreven in de tunnel").await;
    laptop.sees_state("Geschreven in de tunnel", &["sending", "queued", "unconfirmed"]).await;
    say(&phone, "Ik zit even in de trein").await;
    for window in [&other, &other_phone] {
        window.hears("Ik zit even in de trein").await;
    }
    menu(&other_phone, "De kamer is vrij vanaf maart").await;
    other_phone.find_css("[data-emoji='🏠']").await.click().await.expect("a click");
    say(&other, "Dit had ik niet willen zeggen").await;
    phone.hears("Dit had ik niet willen zeggen").await;
    choose(&other, "Dit had ik niet willen zeggen", "action-revoke").await;
    other.click("delete-all-yes").await;
    phone.click("composer").await;
    phone.keys(Key::Up).await;
    phone.fill("composer", "Ik zit nog een uur in de trein").await;
    phone.keys(Key::Enter).await;
    for window in [&phone, &other, &other_phone] {
        window.hears("Ik zit nog een uur in de trein").await;
    }
    assert!(!laptop.messages().await.iter().any(|text| text.contains("trein")), "the laptop is away");

    let back = std::time::Instant::now();
    line.mend();
    laptop.offline(false).await;
    laptop.hears("Ik zit nog een uur in de trein").await;
    println!("the laptop knew what it had missed {:?} after it was back", back.elapsed());
    let reacted = format!("{}?.querySelector('.reaction')?.textContent === '🏠'", row("De kamer is vrij vanaf maart"));
    for window in all {
        window.hears("Geschreven in de tunnel").await;
        sees(window, "the reaction is there", &reacted).await;
        sees(window, "the text is gone", "document.querySelectorAll('.text.gone').length === 1").await;
    }
    // One of the two reads Dutch, the other English: what is gone is gone in both.
    let shown_in = async |window: &Window| -> Vec<String> {
        let texts = window.messages().await.into_iter();
        texts.map(|text| text.replace("Message deleted", "Bericht verwijderd")).collect()
    };
    let shown = shown_in(&laptop).await;
    assert_eq!(shown.iter().filter(|text| *text == "Geschreven in de tunnel").count(), 1, "{shown:?}");
    for window in all {
        assert_eq!(shown_in(window).await, shown, "the same on every screen");
        assert_eq!(window.complaints().await, Vec::<String>::new());
    }
    shot(&laptop, "four-laptop").await;
    shot(&phone, "four-phone").await;
    for window in [laptop, phone, other, other_phone] {
        window.close().await;
    }
}
