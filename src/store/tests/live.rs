//! Who is in a chat that comes on screen, and when people last looked.

use chrono::{DateTime, TimeDelta, Utc};

use super::now;
use crate::ids::{ChatId, UserId, new_id};
use crate::store::testing::{on_each, person};
use crate::store::{LiveChat, Store};

async fn chat(store: &Store, a: UserId, b: UserId) -> ChatId {
    let id = ChatId(new_id());
    store
        .write(crate::store::Lane::Chat, move |tx| {
            Box::pin(async move { tx.open_pair(id, (a, b), 100, "match", now()).await })
        })
        .await
        .unwrap();
    id
}

async fn block(store: &Store, by: UserId, of: UserId, on: bool, at: DateTime<Utc>) {
    store
        .write(crate::store::Lane::Chat, move |tx| Box::pin(async move { tx.set_block((by, of), on, 100, at).await }))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_chat_is_read_with_its_people_and_their_blocks() {
    on_each(async |held| {
        let store = &held.store;
        let (a, b, c) = (person(store, true).await, person(store, false).await, person(store, true).await);
        let (ab, ac) = (chat(store, a, b).await, chat(store, a, c).await);
        let at = now() + TimeDelta::seconds(5);
        block(store, a, b, true, at).await;
        block(store, c, a, true, at).await;
        block(store, c, a, false, at).await;
        let found = store.live_chats(&[ab, ac, ChatId(new_id())]).await.unwrap();
        assert_eq!(found.len(), 2);
        let LiveChat { open, members, blocks } = &found[&ab];
        assert!(open);
        assert_eq!(blocks, &[(a, b, at)]);
        let of = |user| members.iter().find(|member| member.user == user).unwrap();
        assert!(of(a).verified && !of(b).verified && !of(a).ghost && of(a).seen.is_none());
        assert_eq!((found[&ac].members.len(), found[&ac].blocks.len()), (2, 0), "what is ended is no block");

        store.touch_people(&[(a, at), (b, at)]).await.unwrap();
        store.touch_people(&[(a, at - TimeDelta::seconds(9)), (b, at + TimeDelta::seconds(9))]).await.unwrap();
        let found = store.live_chats(&[ab]).await.unwrap();
        let seen = |user| found[&ab].members.iter().find(|member| member.user == user).unwrap().seen;
        assert_eq!((seen(a), seen(b)), (Some(at), Some(at + TimeDelta::seconds(9))), "only ever later");
    })
    .await;
}
