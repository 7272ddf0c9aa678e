//! A group made, joined, named and left on screen; and what was said is found again.

use std::path::Path;

use thirtyfour::Key;

use super::chromium::{Driver, Window};
use super::talk::Demo;

async fn shot(window: &Window, name: &str) {
    window.shoot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("groups-{name}.png"))).await;
}

async fn sees(window: &Window, what: &str, script: &str) {
    window.until(what, &format!("return {script}")).await;
}

/// The box of somebody in the dialog of people.
async fn tick(window: &Window, name: &str) {
    let script = format!(
        "const row = [...document.querySelectorAll('.group-people .person-row')].find((row) => row.textContent.includes({name:?}));
         row?.querySelector('input').click(); return row?.querySelector('input').checked === true"
    );
    window.until(&format!("{name} is chosen"), &script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_lives_on_two_screens() {
    let (driver, demo) = (Driver::start(), Demo::open());
    let (first, second, _line) = demo.couple(&driver).await;
    first.go(first.url().await.join("/chats").expect("an address").as_str()).await;
    first.click("group-new").await;
    first.find("group-dialog").await;
    assert_eq!(first.barriers().await, Vec::<String>::new());
    tick(&first, "Luca").await;
    // As many as there is room for, and then no more.
    let others = "[...document.querySelectorAll('.group-people input')].filter((box) => !box.checked)";
    first.until("two more", &format!("{others}.slice(0, 2).forEach((box) => box.click()); return true")).await;
    sees(&first, "the rest cannot be chosen", &format!("{others}.length > 0 && {others}.every((box) => box.disabled)"))
        .await;
    let extra = "[...document.querySelectorAll('.group-people .person-row')].filter((row) => row.querySelector('input').checked && !row.textContent.includes('Luca')).forEach((row) => row.querySelector('input').click()); return true";
    first.until("without them", extra).await;
    first.fill("group-title", "Ons huis").await;
    shot(&first, "new").await;
    first.click("group-make").await;
    sees(
        &first,
        "the group is open",
        "document.querySelector('[data-testid=conversation-title]')?.textContent === 'Ons huis'",
    )
    .await;

    let card = second.find("invite").await;
    assert!(card.text().await.expect("words").contains("Ons huis"));
    shot(&second, "invited").await;
    second.click("nav-bell").await;
    let item = second.find_css("[data-testid=news-invites] [data-testid=news-item][data-unread]").await;
    assert!(item.text().await.expect("words").contains("Ons huis"));
    sees(&second, "one invitation", "document.querySelector('[data-testid=news-invites-count]')?.textContent === '1'")
        .await;
    assert_eq!(second.barriers().await, Vec::<String>::new());
    shot(&second, "news").await;
    second.click("nav-chats").await;
    first.fill("composer", "van ervoor").await;
    first.keys(Key::Enter).await;
    first.sees_state("van ervoor", &["sent"]).await;
    second.click("invite-accept").await;
    sees(
        &second,
        "the group is open",
        "document.querySelector('[data-testid=conversation-title]')?.textContent === 'Ons huis'",
    )
    .await;
    // Who has joined has seen that they were asked, and the chat that was opened with it.
    sees(&second, "no more news", "!document.querySelector('[data-testid=nav-bell] .badge')").await;
    second.fill("composer", "Hier ben ik, met zeldzaamwoord").await;
    second.keys(Key::Enter).await;
    first.hears("Hier ben ik, met zeldzaamwoord").await;
    assert_eq!(second.messages().await, ["Hier ben ik, met zeldzaamwoord"], "what was before stays before");

    first.click("about-chat").await;
    first.find("rename-title").await;
    assert_eq!(first.barriers().await, Vec::<String>::new());
    first.fill("rename-title", "Ons thuis").await;
    shot(&first, "panel").await;
    first.click("rename").await;
    for window in [&first, &second] {
        sees(
            window,
            "the name",
            "document.querySelector('[data-testid=conversation-title]').textContent === 'Ons thuis'",
        )
        .await;
    }
    first.click("panel-close").await;
    sees(&first, "the focus is back", "document.activeElement.dataset.testid === 'about-chat'").await;

    // Found by a word, from the list; opened at its place.
    first.fill("chat-search", "zeldzaamwoorden").await;
    sees(&first, "nothing fits", "document.querySelector('[data-testid=finds-state][data-state=done]') !== null").await;
    first.fill("chat-search", "zeldzaam").await;
    first.find("find").await;
    shot(&first, "found").await;
    assert_eq!(first.barriers().await, Vec::<String>::new());
    first.click("find").await;
    sees(&first, "it stands out", "document.activeElement.textContent.includes('zeldzaamwoord')").await;

    second.click("about-chat").await;
    second.click("group-leave").await;
    second.click("leave-yes").await;
    sees(&second, "the list", "location.pathname === '/chats'").await;
    sees(&first, "that he left", "[...document.querySelectorAll('.system')].some((line) => /Luca .*(weg|verl)|Luca .*left/.test(line.textContent))").await;
    shot(&first, "left").await;
    for window in [&first, &second] {
        assert_eq!(window.complaints().await, Vec::<String>::new());
    }
    first.close().await;
    second.close().await;
}
