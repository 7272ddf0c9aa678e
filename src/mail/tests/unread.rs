//! Mails about unread messages: one for a chat, taken back when it is no longer wanted, and not again until one read on.

use serde_json::json;

use super::*;
use crate::ids::{ChatId, ClientMessageId, MessageId};
use crate::protocol::groups::Step;
use crate::store::testing::on_each;
use crate::store::{GroupTerms, NewMarker, NewMessage, SettingsChange};

/// Two people with a chat, and the office that mails them.
struct World {
    office: Office,
    anna: UserId,
    bram: UserId,
    chat: ChatId,
}

async fn each(test: impl AsyncFn(World)) {
    on_each(async |held| {
        let office = Office::of(held, Clock::manual(noon()));
        let (anna, bram) = (office.held.person().await, office.held.person().await);
        let mut world = World { office, anna, bram, chat: ChatId(new_id()) };
        world.chat = world.pair(anna, bram).await;
        test(world).await;
    })
    .await;
}

impl World {
    async fn pair(&self, one: UserId, other: UserId) -> ChatId {
        let (chat, now) = (ChatId(new_id()), self.office.clock.now());
        let opened = self.office.store().write(Lane::Chat, move |tx| {
            Box::pin(async move { tx.open_pair(chat, (one, other), 9, "match", now).await })
        });
        opened.await.unwrap();
        chat
    }

    /// Somebody says something, as the committer stores it.
    async fn says(&self, user: UserId, chat: ChatId) {
        let now = self.office.clock.now();
        let message = NewMessage {
            id: MessageId(new_id()),
            chat,
            sender: user,
            cid: ClientMessageId(new_id()),
            text: "de sleutel ligt onder de mat".to_owned(),
            digest: [7; 32],
            reply_to: None,
        };
        let sent = self.office.store().write(Lane::Chat, move |tx| {
            Box::pin(async move {
                let stored = tx.append_messages(&[message], now).await?;
                tx.move_markers(&[], &stored.last, now).await
            })
        });
        sent.await.unwrap();
    }

    async fn reads(&self, user: UserId, chat: ChatId, seq: u64) {
        let (marker, now) = (NewMarker { chat, user, read: Some(seq), recv: seq }, self.office.clock.now());
        let read = self.office.store().write(Lane::Chat, move |tx| {
            Box::pin(async move { tx.move_markers(&[marker], &std::collections::HashMap::new(), now).await })
        });
        read.await.unwrap();
    }

    async fn set(&self, change: SettingsChange) {
        let (anna, now) = (self.anna, self.office.clock.now());
        let set = self
            .office
            .store()
            .write(Lane::Small, move |tx| Box::pin(async move { tx.change_settings(anna, change, now).await }));
        set.await.unwrap();
    }

    fn later(&self, minutes: i64) {
        self.office.clock.advance(TimeDelta::minutes(minutes));
    }

    /// What the worker does in one pass; how many mails there are then in all.
    async fn pass(&self) -> usize {
        self.office.worker().mail_unread().await.unwrap();
        self.send().await
    }

    /// Claims and sends what is in the outbox; how many mails there are then in all.
    async fn send(&self) -> usize {
        self.office.worker().batch().await.unwrap();
        self.mails().len()
    }

    fn mails(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.office.held.config.data_dir.join("mail")).into_iter().flatten();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }

    async fn rows(&self) -> i64 {
        self.office.held.number("SELECT COUNT(*) FROM outbox WHERE sent_at IS NULL").await
    }
}

#[tokio::test]
async fn ten_unread_minutes_make_one_mail_that_says_how_many_and_from_whom() {
    each(async |world| {
        for _ in 0..3 {
            world.says(world.bram, world.chat).await;
        }
        world.later(9);
        world.says(world.bram, world.chat).await;
        assert_eq!(world.pass().await, 0, "not yet");
        world.later(1);
        assert_eq!(world.pass().await, 1);
        let mail = world.mails().remove(0);
        assert!(mail.contains("Je hebt 4 ongelezen berichten van Sanne."), "{mail}");
        assert!(mail.contains(&format!("To: {}@student.example", world.anna)), "{mail}");
        assert!(mail.contains(&format!("https://domu.example/chats/{}", world.chat)), "{mail}");
        assert!(!mail.contains("sleutel") && !mail.contains("Vries"), "{mail}");
        let headers: String = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", "");
        let proof = world.office.post.unsubscribe_token(world.anna);
        let link = format!("List-Unsubscribe: <https://domu.example/unsubscribe?token={proof}>");
        assert!(headers.contains(&link), "{headers}");
        assert!(headers.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{headers}");
        // Nothing was read since: whatever comes, there is no further one.
        for _ in 0..3 {
            world.says(world.bram, world.chat).await;
            world.later(30);
            assert_eq!(world.pass().await, 1);
        }
        world.reads(world.anna, world.chat, 8).await;
        world.later(30);
        assert_eq!(world.pass().await, 1, "all was read");
        world.says(world.bram, world.chat).await;
        world.later(10);
        assert_eq!(world.pass().await, 2);
        assert!(world.mails()[1].contains("Je hebt een ongelezen bericht van Sanne."), "{:?}", world.mails()[1]);
        assert_eq!(world.office.store().unread_since().await.unwrap(), None, "nothing is left to look at");
    })
    .await;
}

#[tokio::test]
async fn a_mail_is_taken_back_when_the_messages_are_read_before_it_goes() {
    each(async |world| {
        world.says(world.bram, world.chat).await;
        world.later(10);
        world.office.worker().mail_unread().await.unwrap();
        assert_eq!(world.rows().await, 1, "it waits to be sent");
        world.reads(world.anna, world.chat, 2).await;
        assert_eq!((world.send().await, world.rows().await), (0, 0));
        world.later(10);
        assert_eq!(world.pass().await, 0);
        // Read in part: what is left is looked at again.
        for _ in 0..2 {
            world.says(world.bram, world.chat).await;
        }
        world.later(10);
        world.office.worker().mail_unread().await.unwrap();
        world.reads(world.anna, world.chat, 3).await;
        assert_eq!(world.send().await, 0);
        world.later(10);
        assert_eq!(world.pass().await, 1);
        assert!(world.mails()[0].contains("een ongelezen bericht"));
    })
    .await;
}

#[tokio::test]
async fn whoever_has_a_window_open_is_not_mailed_until_they_close_it() {
    each(async |world| {
        let open = |on: bool| {
            let mut windows = world.office.windows.lock().unwrap();
            if on { windows.insert(world.anna) } else { windows.remove(&world.anna) }
        };
        open(true);
        world.says(world.bram, world.chat).await;
        world.later(10);
        assert_eq!((world.pass().await, world.rows().await), (0, 0));
        world.later(5);
        open(false);
        assert_eq!(world.pass().await, 0, "it is looked at again after ten minutes, no sooner");
        world.later(5);
        world.office.worker().mail_unread().await.unwrap();
        open(true);
        assert_eq!((world.send().await, world.rows().await), (0, 0), "opened in the last moment");
        open(false);
        world.later(10);
        assert_eq!(world.pass().await, 1);
    })
    .await;
}

#[tokio::test]
async fn who_is_not_to_be_told_is_not_mailed_not_even_in_the_last_moment() {
    for late in [false, true] {
        for (what, email) in [
            ("muted", None),
            ("muted for a while", None),
            ("blocked", None),
            ("off", None),
            ("suspended", Some("suspended_at = created_at")),
            ("unverified", Some("identity_revoked_at = created_at")),
            ("unconfirmed", Some("email_confirmed_at = NULL")),
            ("deleted", Some("deleted_at = created_at")),
            ("not active", Some("is_active = FALSE")),
            ("closed", None),
            ("left", None),
        ] {
            each(async |world| {
                let (anna, bram, chat, now) = (world.anna, world.bram, world.chat, world.office.clock.now());
                world.says(bram, chat).await;
                world.later(10);
                if late {
                    world.office.worker().mail_unread().await.unwrap();
                    assert_eq!(world.rows().await, 1, "{what}");
                }
                let until = |minutes| now + TimeDelta::minutes(minutes);
                match (what, email) {
                    ("muted" | "muted for a while", _) => {
                        let until = until(if what == "muted" { 10_000 } else { 15 });
                        let muted = world.office.store().write(Lane::Chat, move |tx| {
                            Box::pin(async move { tx.set_mute((anna, chat), Some(until), now).await })
                        });
                        assert!(muted.await.unwrap().value);
                    }
                    ("blocked", _) => {
                        let blocked = world.office.store().write(Lane::Chat, move |tx| {
                            Box::pin(async move { tx.set_block((anna, bram), true, 9, now).await })
                        });
                        blocked.await.unwrap();
                    }
                    ("off", _) => {
                        world.set(SettingsChange { mail_messages: Some(false), ..SettingsChange::default() }).await;
                    }
                    ("closed", _) => world.office.held.execute("UPDATE chats SET status = 'closed'").await,
                    ("left", _) => world.office.held.execute("UPDATE chat_members SET status = 'left'").await,
                    (_, change) => {
                        let change = change.unwrap();
                        let sql = format!("UPDATE users SET {change} WHERE email = '{anna}@student.example'");
                        world.office.held.execute(&sql).await;
                    }
                }
                assert_eq!((world.pass().await, world.rows().await), (0, 0), "{what} {late}");
                if what == "muted for a while" {
                    world.later(20);
                    world.says(bram, chat).await;
                    world.later(10);
                    assert_eq!(world.pass().await, 1, "a mute ends by the clock");
                }
            })
            .await;
        }
    }
}

#[tokio::test]
async fn what_is_due_survives_a_restart() {
    let office = Office::open(None).await;
    let (anna, bram) = (office.held.person().await, office.held.person().await);
    let mut world = World { office, anna, bram, chat: ChatId(new_id()) };
    world.chat = world.pair(anna, bram).await;
    world.says(bram, world.chat).await;
    world.later(10);
    let again = |world: World| async move {
        let Office { held, clock, .. } = world.office;
        World { office: Office::of(held.reopen().await, clock), ..world }
    };
    let world = again(world).await;
    world.office.worker().mail_unread().await.unwrap();
    let world = again(world).await;
    assert_eq!(world.send().await, 1);
    let world = again(world).await;
    world.later(60);
    assert_eq!(world.pass().await, 1, "once");
}

#[tokio::test]
async fn each_chat_has_its_own_mail_and_names_all_who_wrote() {
    each(async |world| {
        let (anna, bram, now) = (world.anna, world.bram, world.office.clock.now());
        let cas = world.office.held.person().await;
        world.office.held.execute(&format!("UPDATE profiles SET first_name = 'Bram' WHERE user_id = (SELECT id FROM users WHERE email = '{bram}@student.example')")).await;
        world.office.held.execute(&format!("UPDATE profiles SET first_name = 'Cas' WHERE user_id = (SELECT id FROM users WHERE email = '{cas}@student.example')")).await;
        world.pair(anna, cas).await;
        let group = ChatId(new_id());
        let made = world.office.store().write(Lane::Chat, move |tx| {
            Box::pin(async move {
                let terms = GroupTerms {
                    members_max: 4,
                    groups_max: 9,
                    chats_max: 9,
                    invites_max: 9,
                    invite_ttl: TimeDelta::hours(1),
                };
                tx.create_group((group, anna, None), ("huis".to_owned(), vec![bram, cas]), terms, now).await?.expect("a group");
                for user in [bram, cas] {
                    tx.change_group((group, user), Step::Accept, terms, now).await?.expect("joined");
                }
                // What somebody blocked writes is not unread, nor what stands before one's own last message.
                tx.set_block((cas, bram), true, 9, now).await
            })
        });
        made.await.unwrap();
        world.says(bram, world.chat).await;
        world.says(bram, group).await;
        world.says(cas, group).await;
        world.says(bram, group).await;
        world.later(10);
        assert_eq!(world.pass().await, 2);
        let mails = world.mails();
        let to = |who: UserId| mails.iter().filter(move |mail| mail.contains(&format!("To: {who}@"))).count();
        assert_eq!((to(anna), to(bram), to(cas)), (2, 0, 0), "{mails:#?}");
        assert!(mails.iter().any(|mail| mail.contains("Je hebt 3 ongelezen berichten van Bram en Cas.")), "{mails:#?}");
        assert!(!mails.iter().any(|mail| mail.contains("huis")), "names of groups are somebody's words");
    })
    .await;
}

#[tokio::test]
async fn a_chat_that_is_silent_for_long_is_mailed_about_no_more() {
    each(async |world| {
        world.says(world.bram, world.chat).await;
        world.office.held.execute("UPDATE messages SET deleted_at = created_at").await;
        world.later(10);
        assert_eq!(world.pass().await, 0, "nothing is left of the message");
        world.says(world.bram, world.chat).await;
        world.later(24 * 60);
        assert_eq!(world.pass().await, 0, "the server was away for a day");
        world.says(world.bram, world.chat).await;
        world.later(10);
        assert_eq!(world.pass().await, 1);
        assert_eq!(json!(world.rows().await), json!(0));
    })
    .await;
}
