//! The committer's transaction and the reads of chats, on both databases.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, Statement};

use crate::ids::{ChatId, ClientMessageId, MessageId, UserId, new_id};
use crate::store::{Blocking, Lane, Marked, NewMarker, NewMessage, Opening, Outcome, Range, Store, Stored, UserHead};

use crate::store::testing::TestStore;

/// One test body, run on SQLite and, where `DOMU_TEST_PG_URL` names a server, on PostgreSQL.
macro_rules! on_both {
    ($name:ident, |$store:ident| $body:block) => {
        mod $name {
            use super::*;

            async fn body($store: Store) $body

            #[tokio::test]
            async fn sqlite() {
                let test = TestStore::sqlite().await;
                body(test.store.clone()).await;
            }

            #[tokio::test]
            async fn postgres() {
                if let Some(test) = TestStore::postgres(|_| ()).await {
                    body(test.store.clone()).await;
                }
            }
        }
    };
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_123).unwrap()
}

async fn person(store: &Store, verified: bool) -> UserId {
    crate::store::testing::person(store, verified).await
}

async fn run(store: &Store, sql: &'static str, id: uuid::Uuid) {
    store
        .write(Lane::Small, move |tx| {
            Box::pin(async move {
                tx.conn().execute_raw(Statement::from_sql_and_values(tx.backend(), sql, [id.into()])).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
}

async fn try_open(store: &Store, pair: (UserId, UserId), chats_max: usize) -> (Opening, usize) {
    let id = ChatId(new_id());
    let opened = store
        .write(Lane::Chat, move |tx| Box::pin(async move { tx.open_pair(id, pair, chats_max, "match", now()).await }))
        .await
        .unwrap();
    (opened.value, opened.emitted.len())
}

async fn open(store: &Store, a: UserId, b: UserId) -> ChatId {
    match try_open(store, (a, b), 100).await {
        (Opening::New(chat), 3) => chat,
        other => panic!("not opened: {other:?}"),
    }
}

async fn block(store: &Store, user: UserId, other: UserId, on: bool) -> (Blocking, usize) {
    let set = store
        .write(Lane::Chat, move |tx| Box::pin(async move { tx.set_block((user, other), on, 2, now()).await }))
        .await
        .unwrap();
    (set.value, set.emitted.len())
}

fn message(chat: ChatId, sender: UserId, text: &str) -> NewMessage {
    let mut digest = [0; 32];
    digest[..text.len().min(32)].copy_from_slice(&text.as_bytes()[..text.len().min(32)]);
    NewMessage {
        id: MessageId(new_id()),
        chat,
        sender,
        cid: ClientMessageId(uuid::Uuid::new_v4()),
        text: text.to_owned(),
        digest,
        reply_to: None,
    }
}

async fn append(store: &Store, drafts: &[NewMessage], markers: &[NewMarker]) -> (Vec<Outcome>, Vec<Option<Marked>>) {
    let (drafts, markers) = (drafts.to_vec(), markers.to_vec());
    store
        .write(Lane::Chat, move |tx| {
            Box::pin(async move {
                let appended = tx.append_messages(&drafts, now()).await?;
                Ok((appended.outcomes, tx.move_markers(&markers, &appended.last, now()).await?))
            })
        })
        .await
        .unwrap()
        .value
}

fn stored(outcome: Outcome) -> Stored {
    match outcome {
        Outcome::Stored(stored) => stored,
        other => panic!("not stored: {other:?}"),
    }
}

on_both!(a_pair_has_one_chat_whatever_the_order, |store| {
    let (a, b) = (person(&store, true).await, person(&store, true).await);
    let chat = open(&store, a, b).await;
    assert_eq!(try_open(&store, (b, a), 100).await.0, Opening::Known(chat));
    let mine = store.chats_of(a, 10).await.unwrap();
    assert_eq!(mine.len(), 1);
    assert_eq!((mine[0].head, mine[0].head_n, mine[0].read), (1, 0, 0));
    let noticed = crate::protocol::notify::Noticed::default();
    assert_eq!(store.user_head(a).await.unwrap(), UserHead { head: 1, base: 0, receipts: true, ghost: false, noticed });
    let events = store.user_events(b, 0, 9).await.unwrap();
    assert_eq!(events[0].data["chat_id"], chat.to_string());
});

on_both!(a_person_is_in_so_many_chats, |store| {
    let (a, b, c, d) = (
        person(&store, true).await,
        person(&store, true).await,
        person(&store, true).await,
        person(&store, true).await,
    );
    open(&store, a, b).await;
    open(&store, a, c).await;
    assert_eq!(try_open(&store, (d, a), 2).await, (Opening::Full, 0));
    assert!(store.chats_of(d, 9).await.unwrap().is_empty());
    let again = try_open(&store, (b, a), 2).await.0;
    assert!(matches!(again, Opening::Known(_)), "the chat that is there is found all the same: {again:?}");
});

on_both!(a_batch_is_numbered_without_gaps_and_answers_retries, |store| {
    let (a, b, stranger) = (person(&store, true).await, person(&store, true).await, person(&store, true).await);
    let chat = open(&store, a, b).await;
    let other = open(&store, a, stranger).await;
    let (m1, m2, m3) = (message(chat, a, "hoi"), message(chat, b, "hee"), message(other, a, "daar"));
    let foreign = message(chat, stranger, "mag niet");
    let nowhere = message(ChatId(new_id()), a, "nergens");
    let reused = NewMessage { digest: [9; 32], ..m1.clone() };
    let retry = NewMessage { id: MessageId(new_id()), ..m1.clone() };
    let drafts = [m1.clone(), foreign, m2.clone(), nowhere, m3, retry.clone(), reused.clone()];
    let (outcomes, _) = append(&store, &drafts, &[]).await;
    let first = stored(outcomes[0]);
    assert_eq!((first.seq, first.n), (2, 1));
    assert_eq!(outcomes[1], Outcome::NotMember);
    assert_eq!((stored(outcomes[2]).seq, stored(outcomes[2]).n), (3, 2));
    assert_eq!(outcomes[3], Outcome::NotMember);
    assert_eq!((stored(outcomes[4]).seq, stored(outcomes[4]).n), (2, 1));
    assert_eq!(outcomes[5], Outcome::Duplicate(first));
    assert_eq!(outcomes[6], Outcome::CidReused);

    // The same again in a later batch, and a foreign sender with the same client id.
    let theirs = NewMessage { id: MessageId(new_id()), sender: b, ..m1.clone() };
    let (outcomes, _) = append(&store, &[retry, reused, theirs], &[]).await;
    assert_eq!(outcomes[0], Outcome::Duplicate(first));
    assert_eq!(outcomes[1], Outcome::CidReused);
    assert_eq!(stored(outcomes[2]).seq, 4);

    let mut events =
        store.events_in(a, &[Range { chat, after: 0, to: 4, withholds: true, erases: true }]).await.unwrap();
    let events = events.remove(&chat).unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let texts: Vec<_> =
        events.iter().filter_map(|event| event.message.as_ref().map(|m| (m.n, m.text.clone()))).collect();
    assert_eq!(texts, [(1, "hoi".to_owned()), (2, "hee".to_owned()), (3, "hoi".to_owned())]);
    assert_eq!(events[1].at, now());
    assert_eq!(events[1].message.as_ref().unwrap().cid, Some(m1.cid));
    let (known, digest) = store.message_by_cid(chat, a, m1.cid).await.unwrap().unwrap();
    assert_eq!((known, digest), (first, m1.digest.to_vec()));
    let row = store.chat_of(a, chat).await.unwrap().unwrap();
    let last = store.messages_at(a, std::iter::once(&row)).await.unwrap();
    assert_eq!(last[&chat].seq, 4);
    let (chats, users) = store.settled_heads(vec![chat, other], vec![a]).await.unwrap();
    assert_eq!(chats.iter().map(|(_, head)| head).sum::<u64>(), 6);
    assert_eq!(users, [(a, 2)]);
});

on_both!(who_may_not_write_is_told_why, |store| {
    let (a, b) = (person(&store, true).await, person(&store, false).await);
    let chat = open(&store, a, b).await;
    let bad_reply = NewMessage { reply_to: Some(MessageId(new_id())), ..message(chat, a, "antwoord") };
    let (outcomes, _) = append(&store, &[message(chat, b, "hoi"), bad_reply], &[]).await;
    assert_eq!(outcomes, [Outcome::SenderNotVerified, Outcome::NoSuchReply]);
    let (outcomes, _) = append(&store, &[message(chat, a, "eerst")], &[]).await;
    let reply = NewMessage { reply_to: Some(stored(outcomes[0]).id), ..message(chat, a, "daarop") };
    let (outcomes, _) = append(&store, std::slice::from_ref(&reply), &[]).await;
    assert_eq!(stored(outcomes[0]).seq, 3);

    run(&store, "UPDATE users SET is_active = FALSE WHERE id = $1", a.0).await;
    let (outcomes, _) = append(&store, &[message(chat, a, "nog een"), reply], &[]).await;
    assert_eq!(outcomes[0], Outcome::SenderSuspended);
    assert!(matches!(outcomes[1], Outcome::Duplicate(_)), "what is stored stays answered");
    run(&store, "UPDATE users SET is_active = TRUE WHERE id = $1", a.0).await;
    run(&store, "UPDATE users SET identity_revoked_at = created_at WHERE id = $1", a.0).await;
    assert_eq!(append(&store, &[message(chat, a, "ingetrokken")], &[]).await.0, [Outcome::SenderNotVerified]);
    run(&store, "UPDATE users SET identity_revoked_at = NULL WHERE id = $1", a.0).await;
    run(&store, "UPDATE chats SET status = 'closed' WHERE id = $1", chat.0).await;
    assert_eq!(append(&store, &[message(chat, a, "dicht")], &[]).await.0, [Outcome::ChatClosed]);
    run(&store, "UPDATE chat_members SET status = 'left' WHERE user_id = $1", a.0).await;
    assert_eq!(append(&store, &[message(chat, a, "weg")], &[]).await.0, [Outcome::NotMember]);
    assert!(store.chats_of(a, 10).await.unwrap().is_empty());
    assert!(store.chat_of(a, chat).await.unwrap().is_none());
});

on_both!(markers_move_forward_only_and_never_beyond_the_head, |store| {
    let (a, b, c) = (person(&store, true).await, person(&store, true).await, person(&store, true).await);
    let chat = open(&store, a, b).await;
    let drafts: Vec<_> = (0..3).map(|i| message(chat, a, &format!("bericht {i}"))).collect();
    append(&store, &drafts, &[]).await;
    let mark = |user, read, recv| NewMarker { chat, user, read, recv };
    let (_, marked) = append(&store, &[], &[mark(b, None, 3), mark(c, Some(2), 2), mark(b, Some(2), 2)]).await;
    assert_eq!(marked[1], None, "a stranger has no place");
    let after = marked[2].unwrap();
    assert_eq!((after.read, after.read_n, after.recv, after.unread), (2, 1, 3, 2));
    assert!(!after.read_moved && !after.recv_moved);
    let first = marked[0].unwrap();
    assert!(first.read_moved && first.recv_moved, "of several answers in a batch the first one says that it moved");
    assert_eq!((first.read, first.recv, first.unread), (2, 3, 2));
    // One's own message in the same batch is read, and so is all before it.
    let (_, marked) = append(&store, &[message(chat, b, "zelf")], &[mark(b, Some(3), 3)]).await;
    assert_eq!((marked[0].unwrap().unread, marked[0].unwrap().read), (0, 5));
    let (_, marked) = append(&store, &[], &[mark(b, Some(1), 1)]).await;
    let back = marked[0].unwrap();
    assert_eq!((back.read, back.read_n, back.recv, back.read_moved || back.recv_moved), (5, 4, 5, false));
    let (_, marked) = append(&store, &[], &[mark(b, Some(1 << 52), 1 << 52)]).await;
    let far = marked[0].unwrap();
    assert_eq!((far.read, far.read_n, far.recv), (5, 4, 5));
    // Who writes has read what is before it.
    let (outcomes, _) = append(&store, &[message(chat, b, "gelezen")], &[]).await;
    let mine = store.chat_of(b, chat).await.unwrap().unwrap();
    assert_eq!((mine.read, mine.read_n, mine.recv), (stored(outcomes[0]).seq, 5, 6));
    let theirs = store.members_of(&[chat]).await.unwrap();
    let a_row = theirs[&chat].iter().find(|member| member.user == a).unwrap();
    assert_eq!((a_row.read, a_row.read_n, a_row.first_name.as_str(), a_row.hue), (4, 3, "Sanne", 20));
});

on_both!(a_batch_that_is_rolled_back_leaves_nothing, |store| {
    let (a, b) = (person(&store, true).await, person(&store, true).await);
    let chat = open(&store, a, b).await;
    let drafts = [message(chat, a, "verdwijnt")];
    let failed = store
        .write(Lane::Chat, move |tx| {
            Box::pin(async move {
                tx.append_messages(&drafts, now()).await?;
                tx.conn().execute_unprepared("SELECT nonsense").await?;
                Ok(())
            })
        })
        .await;
    assert!(failed.is_err());
    let mine = store.chat_of(a, chat).await.unwrap().unwrap();
    assert_eq!((mine.head, mine.head_n), (1, 0));
    let (outcomes, _) = append(&store, &[message(chat, a, "blijft")], &[]).await;
    assert_eq!(stored(outcomes[0]).seq, 2);
});

on_both!(what_somebody_blocked_sends_is_stored_but_withheld, |store| {
    let (a, b) = (person(&store, true).await, person(&store, true).await);
    let chat = open(&store, a, b).await;
    append(&store, &[message(chat, b, "eerst")], &[]).await;
    assert_eq!(block(&store, a, b, true).await, (Blocking::Done, 1));
    assert_eq!(block(&store, a, b, true).await, (Blocking::Done, 0), "again changes nothing and tells nobody");
    let (outcomes, _) = append(&store, &[message(chat, b, "hoor je me"), message(chat, b, "hallo")], &[]).await;
    assert_eq!(stored(outcomes[1]).seq, 4, "its sender is answered as ever");
    assert_eq!(append(&store, &[message(chat, a, "nee")], &[]).await.0, [Outcome::PairBlocked]);

    let kinds = async |viewer, row: &crate::store::ChatRow| {
        let events = store.events_in(viewer, &[row.range(0, row.head)]).await.unwrap().remove(&chat).unwrap();
        events.into_iter().map(|event| (event.kind, event.message.map(|message| message.text))).collect::<Vec<_>>()
    };
    let mine = store.chat_of(a, chat).await.unwrap().unwrap();
    assert_eq!((mine.head_n, mine.withheld_unread, mine.last_n, mine.withholds), (3, 2, 1, true));
    let seen = kinds(a, &mine).await;
    assert_eq!(seen[2..], [("hidden".to_owned(), None), ("hidden".to_owned(), None)], "{seen:?}");
    assert_eq!(seen[1].1.as_deref(), Some("eerst"), "what was there before stays");
    let theirs = store.chat_of(b, chat).await.unwrap().unwrap();
    assert_eq!((theirs.withheld_unread, theirs.last_n, theirs.withholds), (0, 3, false));
    assert_eq!(kinds(b, &theirs).await[3].1.as_deref(), Some("hallo"));

    // Reading stands still in that chat, receiving does not: the other must not notice by either.
    let (_, marked) = append(&store, &[], &[NewMarker { chat, user: a, read: Some(4), recv: 4 }]).await;
    assert_eq!((marked[0].unwrap().read, marked[0].unwrap().recv), (0, 4));

    assert_eq!(block(&store, a, b, false).await, (Blocking::Done, 1));
    append(&store, &[message(chat, b, "weer")], &[]).await;
    let mine = store.chat_of(a, chat).await.unwrap().unwrap();
    assert_eq!((mine.withheld_unread, mine.last_n), (2, 4));
    let seen = kinds(a, &mine).await;
    assert_eq!(seen[4].1.as_deref(), Some("weer"));
    assert_eq!(seen[3].0, "hidden", "what was withheld stays so");
    append(&store, &[], &[NewMarker { chat, user: a, read: Some(5), recv: 5 }]).await;
    let mine = store.chat_of(a, chat).await.unwrap().unwrap();
    assert_eq!((mine.head_n - mine.read_n, mine.withheld_unread), (0, 0));
});

on_both!(a_block_needs_somebody_known_and_has_an_end, |store| {
    let people = [
        person(&store, true).await,
        person(&store, true).await,
        person(&store, true).await,
        person(&store, true).await,
        person(&store, true).await,
    ];
    let [a, b, c, d, stranger] = people;
    for other in [b, c, d] {
        open(&store, a, other).await;
    }
    assert_eq!(block(&store, a, stranger, true).await, (Blocking::Unknown, 0));
    assert!(store.person(a, stranger).await.unwrap().is_none());
    for other in [b, c] {
        assert_eq!(block(&store, a, other, true).await, (Blocking::Done, 1));
    }
    assert_eq!(block(&store, a, d, true).await, (Blocking::TooMany, 0));
    let held: std::collections::HashSet<_> =
        store.blocks_of(a, 10).await.unwrap().into_iter().map(|block| block.user).collect();
    assert_eq!(held, [b, c].into());
    assert!(store.person(a, b).await.unwrap().unwrap().blocked);
    assert!(!store.person(b, a).await.unwrap().unwrap().blocked);
    assert!(store.blocked_by(b).await.unwrap().is_empty(), "a block has one side");
    // Who is blocked is not brought together anew.
    run(&store, "UPDATE chats SET pair_key = NULL WHERE pair_key IS NOT NULL AND id <> $1", new_id()).await;
    assert_eq!(try_open(&store, (b, a), 100).await, (Opening::Blocked, 0));
});

on_both!(nobody_is_written_to_who_takes_no_messages, |store| {
    let (a, b) = (person(&store, true).await, person(&store, true).await);
    let chat = open(&store, a, b).await;
    run(&store, "UPDATE users SET who_may_message = 'nobody' WHERE id = $1", b.0).await;
    let (outcomes, _) = append(&store, &[message(chat, a, "hoi"), message(chat, b, "hoi")], &[]).await;
    assert_eq!(outcomes, [Outcome::OtherTakesNone, Outcome::SenderTakesNone]);
    run(&store, "UPDATE chats SET is_group = TRUE WHERE id = $1", chat.0).await;
    let (outcomes, _) = append(&store, &[message(chat, a, "hoi"), message(chat, b, "hoi")], &[]).await;
    assert_eq!((stored(outcomes[0]).n, stored(outcomes[1]).n), (1, 2), "a group is everybody's");
});

on_both!(a_row_says_what_is_withheld_without_counting, |store| {
    let (a, b, c) = (person(&store, true).await, person(&store, true).await, person(&store, true).await);
    let chat = open(&store, a, b).await;
    open(&store, a, c).await;
    run(&store, "UPDATE chats SET is_group = TRUE WHERE id = $1", chat.0).await;
    run(
        &store,
        "UPDATE chat_members SET chat_id = $1 WHERE user_id NOT IN (SELECT user_id FROM chat_members WHERE chat_id = $1)",
        chat.0,
    )
    .await;
    let mut blocked = false;
    let (mut hidden, mut read_n, mut n) = (Vec::new(), 0_u64, 0_u64);
    // A fixed walk through batches of both authors, blocks begun and ended, and reading up to somewhere.
    for step in 0_u64..60 {
        let dice = step.wrapping_mul(2_654_435_761) >> 3;
        if dice.is_multiple_of(7) {
            blocked = !blocked;
            block(&store, a, b, blocked).await;
        }
        let authors: Vec<_> = (0..=(dice % 4)).map(|i| if (dice >> i).is_multiple_of(3) { c } else { b }).collect();
        let drafts: Vec<_> =
            authors.iter().enumerate().map(|(i, who)| message(chat, *who, &format!("{step} {i}"))).collect();
        let (outcomes, _) = append(&store, &drafts, &[]).await;
        for (outcome, who) in outcomes.into_iter().zip(authors) {
            n = stored(outcome).n;
            if blocked && who == b {
                hidden.push(n);
            }
        }
        if dice.is_multiple_of(5) {
            let up_to = (read_n + dice % 6).min(n);
            append(&store, &[], &[NewMarker { chat, user: a, read: Some(up_to + 1), recv: 0 }]).await;
            read_n = read_n.max(up_to);
        }
        let row = store.chat_of(a, chat).await.unwrap().unwrap();
        let unread = hidden.iter().filter(|place| **place > read_n).count();
        let last = (1..=n).rev().find(|place| !hidden.contains(place)).unwrap_or(0);
        assert_eq!((row.read_n, row.withheld_unread, row.last_n), (read_n, unread as u64, last), "step {step}");
    }
    assert!(hidden.len() > 10 && hidden.len() < usize::try_from(n).unwrap() - 10, "{} of {n}", hidden.len());
});
