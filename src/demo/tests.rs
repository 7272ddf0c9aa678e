//! The seeded world as it stands in the database, on both.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Timelike, Utc};
use chrono_tz::Europe::Amsterdam;

use super::history::plan;
use super::{Demo, World, seed};
use crate::clock::Clock;
use crate::store::testing::{TestStore, on_each};

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-22T14:30:00Z").unwrap().to_utc()
}

#[test]
fn a_link_opens_its_own_person_only_and_only_until_the_next_start() {
    let people = World::new(1).people();
    let demo = Demo::new(people.clone()).unwrap();
    for person in &people {
        assert_eq!(demo.person(&demo.token(person.user)).as_ref(), Some(person));
    }
    let token = demo.token(people[1].user);
    assert!(demo.person("").is_none());
    assert!(demo.person(&token[1..]).is_none());
    assert!(Demo::new(people).unwrap().person(&token).is_none());
}

#[test]
fn a_seed_and_a_moment_give_one_history() {
    let world = World::new(7);
    assert_eq!(plan(&world, now()), plan(&world, now()));
    // A start that was cut off goes on: the chats are the same ones a minute later.
    let later = plan(&world, now() + chrono::TimeDelta::minutes(1));
    let ids = |chats: &[crate::store::seed::SeedChat]| chats.iter().map(|chat| chat.id).collect::<BTreeSet<_>>();
    assert!(ids(&plan(&world, now())) == ids(&later));
}

#[test]
fn the_history_reads_like_people_who_sleep() {
    for seed in [1, 2, 99] {
        let world = World::new(seed);
        let chats = plan(&world, now());
        let groups = chats.iter().filter(|chat| chat.name.is_some()).count();
        assert_eq!((groups, chats.len() - groups), (8, 70));
        let longest = chats.iter().map(|chat| chat.messages.len()).max().unwrap();
        assert!((400..700).contains(&longest), "{longest}");
        assert!(chats.iter().any(|chat| chat.messages.len() == 1));
        let mut night = 0;
        let mut all = 0;
        for chat in &chats {
            let mut last = chat.opened_at;
            assert!(!chat.messages.is_empty());
            for message in &chat.messages {
                assert!(message.at > last && message.at < now(), "{:?}", chat.name);
                assert!(!message.text.is_empty() && message.text.chars().count() <= 4000);
                assert!(chat.members.iter().any(|(user, _)| *user == message.author));
                last = message.at;
                all += 1;
                night += usize::from((1..7).contains(&message.at.with_timezone(&Amsterdam).hour()));
            }
            assert!(now() - chat.opened_at < chrono::TimeDelta::days(45), "{}", chat.opened_at);
        }
        assert!(night * 50 < all, "{night} of {all} at night");
        assert!(all > 1500, "{all}");
        let lead_chats = |lead| chats.iter().filter(|chat| chat.members.iter().any(|(user, _)| *user == lead)).count();
        let unread = |lead| {
            let own = chats.iter().filter_map(|chat| {
                let (_, read) = chat.members.iter().find(|(user, _)| *user == lead)?;
                (usize::try_from(*read).unwrap() < chat.messages.len()).then_some(())
            });
            own.count()
        };
        for lead in world.leads() {
            assert!(lead_chats(lead) >= 12);
            assert!((2..=10).contains(&unread(lead)), "{}", unread(lead));
        }
        let shared = chats.iter().find(|chat| {
            chat.name.is_none() && world.leads().iter().all(|lead| chat.members.iter().any(|(user, _)| user == lead))
        });
        let shared = shared.unwrap();
        assert!(
            shared.messages.len() > 60 && now() - shared.messages.last().unwrap().at < chrono::TimeDelta::minutes(10)
        );
    }
}

#[tokio::test]
async fn a_world_is_seeded_once_whole_and_fast() {
    on_each(async |test| {
        let clock = Clock::manual(now());
        let start = tokio::time::Instant::now();
        let world = seed(&test.store, &clock, 7).await.unwrap();
        let took = start.elapsed();
        let chats = plan(&world, now());
        let messages: usize = chats.iter().map(|chat| chat.messages.len()).sum();
        println!("{} chats with {messages} messages seeded in {} ms", chats.len(), took.as_millis());
        assert_eq!(test.number("SELECT count(*) FROM users WHERE identity_verified_at IS NOT NULL AND email_confirmed_at IS NOT NULL").await, 60);
        assert_eq!(test.number("SELECT count(*) FROM universities").await, 14);
        assert_eq!(test.number("SELECT count(*) FROM chats").await, 78);
        assert_eq!(test.number("SELECT count(*) FROM messages").await, i64::try_from(messages).unwrap());
        for broken in [
            // Streams without a hole, and heads that say where they end.
            "SELECT count(*) FROM chats c WHERE c.head_seq <> (SELECT count(*) FROM chat_events e WHERE e.chat_id = c.id) \
             OR c.head_seq <> (SELECT max(seq) FROM chat_events e WHERE e.chat_id = c.id) \
             OR c.head_n <> (SELECT count(*) FROM messages m WHERE m.chat_id = c.id) \
             OR c.head_n <> (SELECT max(n) FROM messages m WHERE m.chat_id = c.id)",
            "SELECT count(*) FROM users u WHERE u.head_seq <> (SELECT count(*) FROM user_events e WHERE e.user_id = u.id) \
             OR u.head_seq <> (SELECT max(seq) FROM user_events e WHERE e.user_id = u.id)",
            // A message event and its message agree.
            "SELECT count(*) FROM chat_events e LEFT JOIN messages m ON m.id = e.message_id \
             WHERE e.kind = 'message' AND (m.id IS NULL OR m.seq <> e.seq OR m.n <> e.n OR m.chat_id <> e.chat_id)",
            // Nobody has read beyond the end, or less than what they wrote.
            "SELECT count(*) FROM chat_members r JOIN chats c ON c.id = r.chat_id WHERE r.read_n > c.head_n OR r.read_seq <> r.read_n + 1 \
             OR r.recv_seq > c.head_seq OR r.read_n < coalesce((SELECT max(n) FROM messages m WHERE m.chat_id = c.id AND m.user_id = r.user_id), 0)",
        ] {
            assert_eq!(test.number(broken).await, 0, "{broken}");
        }
        // Once: a second start finds it, also when it asks for another seed.
        clock.advance(chrono::TimeDelta::hours(3));
        let again = seed(&test.store, &clock, 8).await.unwrap();
        assert_eq!(again.leads(), world.leads());
        assert_eq!(test.number("SELECT count(*) FROM messages").await, i64::try_from(messages).unwrap());
    })
    .await;
}

/// A start that was killed half-way: the next one goes on and doubles nothing.
#[tokio::test]
async fn seeding_goes_on_where_it_stopped() {
    let test = TestStore::sqlite().await;
    let world = World::new(7);
    test.store.seed_people(&world.universities, &world.people, now()).await.unwrap();
    let mut chats = plan(&world, now());
    chats.truncate(30);
    test.store.seed_chats(chats, 7).await.unwrap();
    {
        let clear = test.store.write(crate::store::Lane::Small, |tx| Box::pin(async move { tx.forget_seed().await }));
        clear.await.unwrap();
    }
    seed(&test.store, &Clock::manual(now() + chrono::TimeDelta::minutes(2)), 7).await.unwrap();
    assert_eq!(test.number("SELECT count(*) FROM chats").await, 78);
    let twice =
        "SELECT count(*) FROM users u WHERE u.head_seq <> (SELECT count(*) FROM user_events e WHERE e.user_id = u.id)";
    assert_eq!(test.number(twice).await, 0);
}

/// Two chats of one person do not consist of the same words.
#[test]
fn the_leads_do_not_hear_the_same_thing_twice() {
    let world = World::new(7);
    for lead in world.leads() {
        let mut openings: BTreeMap<String, usize> = BTreeMap::new();
        for chat in plan(&world, now()) {
            if chat.name.is_none() && chat.members.iter().any(|(user, _)| *user == lead) {
                *openings.entry(chat.messages[0].text.clone()).or_default() += 1;
            }
        }
        assert!(openings.values().all(|times| *times <= 2), "{openings:?}");
    }
}

/// Numbers that change when anything of a large world does.
async fn print(test: &TestStore) -> Vec<i64> {
    let mut print = Vec::new();
    for sql in [
        "SELECT COUNT(*) FROM users",
        "SELECT COUNT(*) FROM chats",
        "SELECT COUNT(*) FROM messages",
        "SELECT COUNT(*) FROM chat_events",
        "SELECT CAST(SUM(head_seq) AS bigint) FROM users",
        "SELECT CAST(SUM(LENGTH(content) * (1 + n % 97)) AS bigint) FROM messages",
        "SELECT CAST(SUM(read_n * (1 + recv_seq % 89)) AS bigint) FROM chat_members",
    ] {
        print.push(test.number(sql).await);
    }
    print
}

#[tokio::test]
async fn a_large_world_that_was_cut_off_becomes_the_same_one() {
    let clock = Clock::manual(now());
    let size = super::Size::People(500);
    let prints = std::sync::Mutex::new(Vec::new());
    Box::pin(on_each(async |test| {
        super::seed_sized(&test.store, &clock, 3, size, 100).await.unwrap();
        let whole = print(&test).await;
        let left = TestStore::sqlite().await;
        tokio::select! {
            _ = super::seed_sized(&left.store, &clock, 3, size, 100) => panic!("not cut off"),
            () = async {
                while left.store.growth().await.unwrap().is_none_or(|growth| growth.slices < 2) {
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
            } => {}
        }
        assert!(!left.store.growth().await.unwrap().unwrap().whole);
        // The size is not asked for again: it is what was begun.
        super::seed_sized(&left.store, &clock, 3, super::Size::Small, 100).await.unwrap();
        assert_eq!(print(&left).await, whole);
        // Every stream is whole, everybody's too.
        for hole in [
            "SELECT COUNT(*) FROM chats c WHERE head_seq <> (SELECT COUNT(*) FROM chat_events e WHERE e.chat_id = c.id)",
            "SELECT COUNT(*) FROM chats c WHERE head_n <> (SELECT COUNT(*) FROM messages m WHERE m.chat_id = c.id)",
            "SELECT COUNT(*) FROM users u WHERE head_seq <> (SELECT COUNT(*) FROM user_events e WHERE e.user_id = u.id)",
        ] {
            assert_eq!((test.number(hole).await, left.number(hole).await), (0, 0), "{hole}");
        }
        let most = "SELECT MAX(c) FROM (SELECT COUNT(*) AS c FROM chat_members GROUP BY user_id) AS held";
        assert_eq!(test.number(most).await, 100);
        assert!(whole[0] == 560 && (25_000..30_000).contains(&whole[2]), "{whole:?}");
        prints.lock().unwrap().push(whole);
    }))
    .await;
    let mut prints = prints.into_inner().unwrap();
    prints.dedup();
    assert_eq!(prints.len(), 1, "{prints:?}");
    let small = TestStore::sqlite().await;
    seed(&small.store, &clock, 3).await.unwrap();
    assert!(super::seed_sized(&small.store, &clock, 3, size, 100).await.is_err());
}
