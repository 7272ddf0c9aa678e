//! Ending sessions, suspending and verifying people: at once, everywhere, and told to their stream.

use serde_json::json;

use super::*;

#[tokio::test]
async fn an_ended_session_is_dead_at_once_in_the_cache_and_on_open_sockets() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let (here, there) = (world.sign_in(EMAIL).await, world.sign_in(EMAIL).await);
        let (socket, other) = (world.socket(&here).await, world.socket(&there).await);
        world.who(&here).await.unwrap();
        world.who(&there).await.unwrap();
        world.accounts.sign_out(here.session).await.unwrap();
        assert_eq!(code(world.who(&here).await), Code::Unauthorized);
        assert_eq!(code(world.accounts.recheck(here.session).await), Code::Unauthorized);
        assert_eq!(socket.closing(), Some(Close::SessionRevoked));
        world.who(&there).await.expect("the other one lives");
        assert_eq!(other.closing(), None);
        world.accounts.sign_out(here.session).await.expect("signing out twice is no error");
        let told = world.stream(here.user).await;
        let session =
            |at: &SignedIn, change: &str| ("session".to_owned(), json!({"session": at.session, "change": change}));
        assert_eq!(told, [session(&here, "signed_in"), session(&there, "signed_in"), session(&here, "revoked")]);
    })
    .await;
}

#[tokio::test]
async fn people_end_their_own_sessions_and_nobody_elses() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        world.join("tom@uva.nl").await;
        let (isa, again, tom) =
            (world.sign_in(EMAIL).await, world.sign_in(EMAIL).await, world.sign_in("tom@uva.nl").await);
        assert_eq!(code(world.accounts.end_own_session(tom.user, isa.session).await), Code::NotFound);
        world.who(&isa).await.unwrap();
        world.accounts.end_own_session(isa.user, again.session).await.unwrap();
        assert_eq!(code(world.accounts.end_own_session(isa.user, again.session).await), Code::NotFound);
        let listed = world.accounts.sessions(isa.user, isa.session).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert!(listed[0].current && listed[0].id == isa.session);
        assert_eq!((listed[0].user_agent.as_str(), listed[0].address.as_str()), ("Firefox on Linux", "203.0.113.0/24"));
        let third = world.sign_in(EMAIL).await;
        assert_eq!(world.accounts.revoke_others(isa.user, third.session).await.unwrap(), 1);
        assert_eq!(code(world.who(&isa).await), Code::Unauthorized);
        world.who(&third).await.unwrap();
        world.who(&tom).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_suspension_ends_everything_at_once_and_lifting_it_revives_nothing() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let (here, there) = (world.sign_in(EMAIL).await, world.sign_in(EMAIL).await);
        let socket = world.socket(&here).await;
        world.who(&here).await.unwrap();
        let standing = world.accounts.suspend("ISA@student.uva.nl", "spam\r\n").await.unwrap();
        assert_eq!(standing, Standing { user: here.user, changed: true });
        for session in [&here, &there] {
            assert_eq!(code(world.who(session).await), Code::Suspended);
            assert_eq!(code(world.accounts.recheck(session.session).await), Code::Suspended);
        }
        assert_eq!(socket.closing(), Some(Close::Suspended));
        assert!(!world.accounts.suspend(EMAIL, "again").await.unwrap().changed);
        assert!(world.accounts.activate(EMAIL).await.unwrap().changed);
        assert!(!world.accounts.activate(EMAIL).await.unwrap().changed);
        assert_eq!(code(world.who(&here).await), Code::Unauthorized, "ended is ended");
        world.sign_in(EMAIL).await;
        let told: Vec<_> = world.stream(here.user).await.into_iter().filter(|(kind, _)| kind == "sanction").collect();
        let sanction = |change: &str| ("sanction".to_owned(), json!({"change": change}));
        assert_eq!(told, [sanction("suspended"), sanction("activated")]);
    })
    .await;
}

#[tokio::test]
async fn a_verification_holds_at_once() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        assert!(!world.who(&here).await.unwrap().verified);
        assert!(world.accounts.verify(EMAIL).await.unwrap().changed);
        assert!(world.who(&here).await.unwrap().verified, "not after half a minute");
        assert!(world.accounts.me(here.user, here.session).await.unwrap().verified);
        assert!(!world.accounts.verify(EMAIL).await.unwrap().changed);
        let told: Vec<_> =
            world.stream(here.user).await.into_iter().filter(|(kind, _)| kind == "verification").collect();
        assert_eq!(told, [("verification".to_owned(), json!({"verified": true}))]);
        for email in ["nobody@uva.nl", "nobody"] {
            assert!(matches!(code(world.accounts.verify(email).await), Code::NotFound | Code::BadRequest));
        }
    })
    .await;
}

/// A caller that goes away between the commit and what follows it must not leave a session half ended.
#[tokio::test]
async fn an_end_that_was_begun_is_finished_without_its_caller() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        let socket = world.socket(&here).await;
        world.who(&here).await.unwrap();
        let sign_out = world.accounts.sign_out(here.session);
        assert!(futures_util::FutureExt::now_or_never(sign_out).is_none(), "the caller did not wait");
        let ended = async {
            while socket.closing().is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), ended).await.expect("finished all the same");
        assert_eq!(code(world.who(&here).await), Code::Unauthorized);
    })
    .await;
}

/// A proof that was read before an end, and would be kept after it, must not be kept.
#[tokio::test]
async fn ends_and_proofs_at_once_never_leave_a_dead_session_believed() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        for _ in 0..20 {
            let here = world.sign_in(EMAIL).await;
            let proofs = (0..8).map(|_| world.who(&here));
            let (_, ended) =
                tokio::join!(futures_util::future::join_all(proofs), world.accounts.sign_out(here.session));
            ended.unwrap();
            assert_eq!(code(world.who(&here).await), Code::Unauthorized);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_long_over_goes() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        world.pass(TimeDelta::days(61));
        let new = world.sign_in(EMAIL).await;
        world.accounts.purge().await.unwrap();
        assert_eq!(world.held.store.recheck(here.session).await.unwrap(), None);
        assert!(world.held.store.recheck(new.session).await.unwrap().is_some());
        assert!(world.held.store.all_mails().await.is_empty());
    })
    .await;
}

/// Somebody typed a stranger's address, and it stayed for ever; so did mails that no server took.
#[tokio::test]
async fn of_a_persons_stream_stays_what_a_resume_sends() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let (user, now) = (world.sign_in(EMAIL).await.user, world.clock.now());
        let keep = u64::try_from(world.limits.user_events_max).unwrap();
        world.accounts.purge().await.unwrap();
        let before = world.held.store.user_head(user).await.unwrap();
        assert_eq!(before.base, 0, "nothing to trim");
        let emitted = world.accounts.inner.committer.run(move |tx| {
            Box::pin(async move {
                for _ in 0..keep {
                    tx.emit_user(user, "profile", serde_json::json!({}), now).await?;
                }
                Ok(())
            })
        });
        emitted.await.unwrap();
        for _ in 0..2 {
            world.accounts.purge().await.unwrap();
            let after = world.held.store.user_head(user).await.unwrap();
            assert_eq!((after.head, after.base), (before.head + keep, before.head));
            let events = world.held.store.user_events(user, 0, after.head).await.unwrap();
            assert_eq!(events.iter().map(|event| event.seq).min(), Some(after.base + 1));
            assert_eq!(u64::try_from(events.len()).unwrap(), keep);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_about_people_who_never_joined_goes() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        world.accounts.sign_up(form("never@uva.nl"), home()).await.unwrap();
        world.pass(TimeDelta::days(6));
        world.accounts.sign_up(form("late@uva.nl"), home()).await.unwrap();
        world.accounts.purge().await.unwrap();
        assert!(world.held.store.account_by_email("never@uva.nl").await.unwrap().is_some());
        world.pass(TimeDelta::days(1) + TimeDelta::seconds(1));
        world.accounts.purge().await.unwrap();
        assert!(world.held.store.account_by_email("never@uva.nl").await.unwrap().is_none());
        assert!(world.held.store.account_by_email("late@uva.nl").await.unwrap().is_some());
        for (_, _, mail, _) in world.held.store.all_mails().await {
            world.held.store.mail_failed(mail, "refused".into(), true).await.unwrap();
        }
        world.pass(TimeDelta::days(31));
        world.accounts.purge().await.unwrap();
        assert!(world.held.store.all_mails().await.is_empty());
        world.sign_in(EMAIL).await;
    })
    .await;
}
