//! Signing in, and what a session is worth.

use super::*;

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_are_the_same() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let mut seen = Vec::new();
        for (email, password) in
            [(EMAIL, "wrong password"), ("nobody@uva.nl", "wrong password"), ("no address", "wrong password")]
        {
            let before = world.accounts.hashes();
            let refused = world.accounts.sign_in(email, secret_of(password), device()).await.unwrap_err();
            seen.push((refused.code, refused.detail, refused.data, world.accounts.hashes() - before));
        }
        assert_eq!(seen[0].0, Code::BadCredentials);
        assert_eq!(seen[0].3, 1, "one hash each");
        assert!(seen.iter().all(|answer| *answer == seen[0]), "{seen:?}");
        let long = "x".repeat(2000);
        assert_eq!(code(world.accounts.sign_in(EMAIL, secret_of(&long), device()).await), Code::BadCredentials);
    })
    .await;
}

#[tokio::test]
async fn guesses_are_limited_by_account_known_or_not_and_success_is_never_counted() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        for _ in 0..20 {
            world.sign_in(EMAIL).await;
        }
        for email in [EMAIL, "nobody@uva.nl"] {
            for _ in 0..world.limits.sign_in_per_account {
                let wrong = world.accounts.sign_in(email, secret_of("wrong password"), device()).await;
                assert_eq!(code(wrong), Code::BadCredentials, "{email}");
            }
            let before = world.accounts.hashes();
            let refused = world.accounts.sign_in(email, secret_of("wrong password"), device()).await.unwrap_err();
            assert_eq!(refused.code, Code::RateLimited, "{email}");
            assert!(refused.retry_after.is_some());
            assert_eq!(world.accounts.hashes(), before, "refused before hashing");
        }
        world.pass(TimeDelta::minutes(3));
        world.sign_in(EMAIL).await;
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_guesses_from_one_network_is_stopped() {
    on_each(async |mut held| {
        held.config.limits.sign_in_per_address = 10;
        let world = World::on(held);
        for n in 0..10 {
            let unknown = world.accounts.sign_in(&format!("a{n}@uva.nl"), secret_of("wrong password"), device()).await;
            assert_eq!(code(unknown), Code::BadCredentials);
        }
        let next = world.accounts.sign_in("b@uva.nl", secret_of("wrong password"), device()).await;
        assert_eq!(code(next), Code::RateLimited);
        let neighbour = Device { address: [203, 0, 113, 1].into(), ..device() };
        let next = world.accounts.sign_in("b@uva.nl", secret_of("wrong password"), neighbour).await;
        assert_eq!(code(next), Code::BadCredentials, "a neighbour is somebody else");
        for n in 0..=10 {
            let address = format!("2001:db8::{n:x}").parse().unwrap();
            let (email, device) = (format!("c{n}@uva.nl"), Device { address, ..device() });
            let tried = world.accounts.sign_in(&email, secret_of("no"), device);
            assert_eq!(code(tried.await), if n < 10 { Code::BadCredentials } else { Code::RateLimited }, "one /64");
        }
    })
    .await;
}

#[tokio::test]
async fn a_suspended_person_learns_it_only_with_the_right_password() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        world.accounts.suspend(EMAIL, "spam").await.unwrap();
        assert_eq!(
            code(world.accounts.sign_in(EMAIL, secret_of("wrong password"), device()).await),
            Code::BadCredentials
        );
        assert_eq!(code(world.accounts.sign_in(EMAIL, secret_of(PASSWORD), device()).await), Code::Suspended);
        assert_eq!(code(world.accounts.mint_bearer(EMAIL, secret_of(PASSWORD), device()).await), Code::Suspended);
    })
    .await;
}

#[tokio::test]
async fn two_hundred_people_behind_one_address_join_and_sign_in_in_a_quarter_of_an_hour() {
    use futures_util::StreamExt;
    everywhere(async |world| {
        let people: Vec<_> = (0..200).map(|n| format!("p{n}@student.uva.nl")).collect();
        let joining = futures_util::stream::iter(&people).map(|email| world.accounts.sign_up(form(email), home()));
        assert!(joining.buffer_unordered(20).all(async |joined| joined.is_ok()).await);
        for email in &people {
            let (six, _) = world.confirmation(email).await;
            world.accounts.confirm_code(email, &six, &secret_of(PASSWORD), home()).await.unwrap();
            world.sign_in(email).await;
        }
    })
    .await;
}

/// Five wrong passwords from anywhere kept the owner of an account out for as long as somebody went on.
#[tokio::test]
async fn guesses_from_elsewhere_do_not_keep_the_owner_out() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let from = |n: u8| Device { address: [198, 51, 100, n].into(), ..device() };
        for _ in 0..=world.limits.sign_in_per_account {
            world.accounts.sign_in(EMAIL, secret_of("wrong password"), from(1)).await.unwrap_err();
        }
        let user = world.sign_in(EMAIL).await.user;
        // Very many networks together are stopped all the same, until an operator clears it by the person's id.
        for n in 2..21 {
            for _ in 0..world.limits.sign_in_per_account {
                world.accounts.sign_in(EMAIL, secret_of("wrong password"), from(n)).await.unwrap_err();
            }
        }
        assert_eq!(code(world.accounts.sign_in(EMAIL, secret_of(PASSWORD), device()).await), Code::RateLimited);
        let own = world.accounts.rate_pattern(&format!("rate_limit:sign_in_anywhere:{user}")).await.unwrap().unwrap();
        assert_eq!(world.accounts.inner.rates.find(&own, 10).len(), 1);
        assert_eq!(world.accounts.inner.rates.clear(&own), 1);
        world.sign_in(EMAIL).await;
    })
    .await;
}

/// A browser that has signed in before, and a live session, are limited apart from all others.
#[tokio::test]
async fn a_known_browser_signs_in_whatever_others_guess() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        world.join("tom@uva.nl").await;
        let signed_in = world.sign_in(EMAIL).await;
        let of_tom = world.sign_in("tom@uva.nl").await.browser;
        for n in 0..=20 {
            let from = Device { address: [198, 51, 100, n].into(), ..device() };
            for _ in 0..world.limits.sign_in_per_account {
                world.accounts.sign_in(EMAIL, secret_of("wrong password"), from.clone()).await.unwrap_err();
            }
        }
        for n in 0..=world.limits.sign_in_per_address {
            let _either = world.accounts.sign_in(&format!("x{n}@uva.nl"), secret_of("no"), device()).await;
        }
        let with = |browser: Option<SecretString>| Device { browser, ..device() };
        let try_with = async |password: &str, browser: Option<SecretString>| {
            world.accounts.sign_in(EMAIL, secret_of(password), with(browser)).await
        };
        let forged = Some(secret_of(&"A".repeat(64)));
        for stranger in [None, of_tom, forged, Some(secret_of("?"))] {
            assert_eq!(code(try_with(PASSWORD, stranger).await), Code::RateLimited);
        }
        let again = try_with(PASSWORD, signed_in.browser.clone()).await.unwrap();
        let shown = |browser: &Option<SecretString>| browser.as_ref().map(|it| it.expose_secret().to_owned());
        assert_eq!(shown(&again.browser), shown(&signed_in.browser), "it stays");
        let change = serde_json::json!({
            "current_password": PASSWORD, "new_password": "walnut train curtain", "end_others": false,
        });
        let who = world.who(&again).await.unwrap();
        world.accounts.change_password(&who, serde_json::from_value(change).unwrap()).await.unwrap();
        // And it is limited itself.
        for _ in 0..world.limits.sign_in_per_account {
            assert_eq!(code(try_with("wrong password", signed_in.browser.clone()).await), Code::BadCredentials);
        }
        assert_eq!(code(try_with("walnut train curtain", signed_in.browser.clone()).await), Code::RateLimited);
    })
    .await;
}

/// Who signs up with somebody's address and their own password could learn by signing in whether it has an account.
#[tokio::test]
async fn a_form_that_nobody_confirmed_signs_in_like_no_account() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let mine = "copper lantern garden";
        let fill = |email: &str| SignUp { password: secret_of(mine), ..form(email) };
        let mut answers = Vec::new();
        for email in [EMAIL, "nobody@uva.nl"] {
            world.accounts.sign_up(fill(email), home()).await.unwrap();
            let mut said = Vec::new();
            for _ in 0..=world.limits.sign_in_per_account {
                said.push(code(world.accounts.sign_in(email, secret_of(mine), device()).await));
            }
            answers.push(said);
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].last(), Some(&Code::RateLimited));
    })
    .await;
}

/// A suspension that was stored between the password's comparison and the session's insert left a live session behind,
/// which worked again when the suspension was lifted.
#[tokio::test]
async fn no_session_begins_after_a_suspension_whatever_was_proven_before_it() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let user = world.sign_in(EMAIL).await.user;
        world.accounts.suspend(EMAIL, "spam").await.unwrap();
        // What a sign-in does once the password was right.
        assert_eq!(code(world.accounts.sign_in_demo(user, device()).await), Code::Suspended);
        world.accounts.activate(EMAIL).await.unwrap();
        let again = world.accounts.sign_in_demo(user, device()).await.unwrap();
        assert_eq!(world.accounts.sessions(user, again.session).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn tokens_are_long_random_and_stored_as_a_hash() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let (first, second) = (world.sign_in(EMAIL).await, world.sign_in(EMAIL).await);
        assert_eq!(first.token.expose_secret().len(), 43, "256 bits in base64url");
        assert_ne!(first.token.expose_secret(), second.token.expose_secret());
        assert_ne!(first.session, second.session);
        for bad in ["", "x", &"A".repeat(43), &format!("{} ", first.token.expose_secret()), &"é".repeat(43)] {
            assert_eq!(code(world.accounts.authenticate(bad).await), Code::Unauthorized);
        }
        let hash = super::super::confirm::secret_hash(first.token.expose_secret()).unwrap();
        assert_eq!(world.held.store.session_by_token(&hash).await.unwrap().unwrap().id, first.session);
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_after_a_week_unused() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let signed_in = world.sign_in(EMAIL).await;
        world.pass(TimeDelta::days(7) - TimeDelta::seconds(1));
        world.who(&signed_in).await.unwrap();
        world.accounts.flush_seen().await.unwrap();
        world.pass(TimeDelta::days(7) - TimeDelta::seconds(1));
        world.who(&signed_in).await.expect("it was used in between");
        world.accounts.flush_seen().await.unwrap();
        world.pass(TimeDelta::days(7));
        assert_eq!(code(world.who(&signed_in).await), Code::TokenExpired);
        assert_eq!(code(world.accounts.recheck(signed_in.session).await), Code::TokenExpired);
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_after_thirty_days_however_much_it_is_used() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let signed_in = world.sign_in(EMAIL).await;
        assert_eq!(signed_in.expires_at, noon() + TimeDelta::days(30));
        for _ in 0..5 {
            world.pass(TimeDelta::days(6) - TimeDelta::milliseconds(1));
            assert_eq!(world.who(&signed_in).await.unwrap().expires_at, signed_in.expires_at);
            world.accounts.flush_seen().await.unwrap();
        }
        world.pass(TimeDelta::milliseconds(5));
        assert_eq!(code(world.who(&signed_in).await), Code::TokenExpired);
    })
    .await;
}

#[tokio::test]
async fn a_proof_from_the_cache_ends_on_time_too() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let signed_in = world.sign_in(EMAIL).await;
        world.who(&signed_in).await.unwrap();
        world.pass(TimeDelta::days(7));
        assert_eq!(code(world.who(&signed_in).await), Code::TokenExpired);
    })
    .await;
}

#[tokio::test]
async fn uses_are_noted_at_most_once_a_minute() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let signed_in = world.sign_in(EMAIL).await;
        let listed = async || {
            world.accounts.flush_seen().await.unwrap();
            world.accounts.sessions(signed_in.user, signed_in.session).await.unwrap().remove(0).last_seen_at
        };
        world.pass(TimeDelta::seconds(59));
        world.who(&signed_in).await.unwrap();
        assert_eq!(listed().await, noon());
        world.pass(TimeDelta::seconds(1));
        world.who(&signed_in).await.unwrap();
        assert_eq!(listed().await, noon() + TimeDelta::seconds(60));
        world.pass(TimeDelta::seconds(59));
        world.who(&signed_in).await.unwrap();
        assert_eq!(listed().await, noon() + TimeDelta::seconds(60), "the cache knows of the last note");
        world.pass(TimeDelta::seconds(1));
        world.accounts.recheck(signed_in.session).await.unwrap();
        assert_eq!(listed().await, noon() + TimeDelta::seconds(120), "a socket that is alive is use");
    })
    .await;
}

#[tokio::test]
async fn one_person_keeps_at_most_fifty_sessions() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let first = world.sign_in(EMAIL).await;
        let socket = world.socket(&first).await;
        world.who(&first).await.unwrap();
        for _ in 0..50 {
            world.pass(TimeDelta::seconds(1));
            world.sign_in(EMAIL).await;
        }
        assert_eq!(code(world.who(&first).await), Code::Unauthorized);
        assert_eq!(socket.closing(), Some(Close::SessionRevoked));
        assert_eq!(world.accounts.sessions(first.user, first.session).await.unwrap().len(), 50);
    })
    .await;
}
