//! Signing up and confirming an address.

use super::*;

#[tokio::test]
async fn a_person_joins_by_code() {
    everywhere(async |world| {
        assert_eq!(world.accounts.sign_up(form(" Isa@Student.UVA.nl "), home()).await.unwrap(), "Isa@student.uva.nl");
        assert_eq!(
            code(world.accounts.sign_in(EMAIL, secret_of(PASSWORD), device()).await),
            Code::BadCredentials,
            "not before the address is confirmed"
        );
        assert_eq!(
            code(world.accounts.sign_in(EMAIL, secret_of("wrong password"), device()).await),
            Code::BadCredentials
        );
        let (six, _) = world.confirmation("Isa@student.uva.nl").await;
        world
            .accounts
            .confirm_code("ISA@student.uva.nl", &format!(" {six} "), &secret_of(PASSWORD), home())
            .await
            .unwrap();
        let signed_in = world.sign_in(EMAIL).await;
        let me = world.accounts.me(signed_in.user, signed_in.session).await.unwrap();
        assert_eq!(
            (me.first_name.as_str(), me.last_name.as_str(), me.settings.locale),
            ("Isa", "de Vries", Locale::Nl)
        );
        assert!(me.email_confirmed && !me.verified);
        let principal = world.who(&signed_in).await.unwrap();
        assert_eq!((principal.user, principal.session), (signed_in.user, signed_in.session));
        assert!(principal.email_confirmed && !principal.verified);
        assert_eq!(principal.first_name, "Isa");
    })
    .await;
}

#[tokio::test]
async fn a_link_works_once_and_for_a_day() {
    everywhere(async |world| {
        world.accounts.sign_up(form(EMAIL), home()).await.unwrap();
        let (_, link) = world.confirmation(EMAIL).await;
        assert_eq!(code(world.accounts.confirm_link("", &secret_of(PASSWORD), home()).await), Code::BadRequest);
        assert_eq!(
            code(world.accounts.confirm_link(&"A".repeat(43), &secret_of(PASSWORD), home()).await),
            Code::BadRequest
        );
        world.pass(TimeDelta::hours(24) - TimeDelta::seconds(1));
        world.accounts.confirm_link(&link, &secret_of(PASSWORD), home()).await.unwrap();
        assert_eq!(
            code(world.accounts.confirm_link(&link, &secret_of(PASSWORD), home()).await),
            Code::BadRequest,
            "used"
        );

        world.accounts.sign_up(form("tom@student.uva.nl"), home()).await.unwrap();
        let (_, link) = world.confirmation("tom@student.uva.nl").await;
        world.pass(TimeDelta::hours(24));
        assert_eq!(
            code(world.accounts.confirm_link(&link, &secret_of(PASSWORD), home()).await),
            Code::BadRequest,
            "over"
        );
    })
    .await;
}

#[tokio::test]
async fn a_code_works_for_ten_minutes() {
    everywhere(async |world| {
        world.accounts.sign_up(form(EMAIL), home()).await.unwrap();
        let (six, link) = world.confirmation(EMAIL).await;
        world.pass(TimeDelta::minutes(10));
        assert_eq!(
            code(world.accounts.confirm_code(EMAIL, &six, &secret_of(PASSWORD), home()).await),
            Code::BadRequest
        );
        world.accounts.confirm_link(&link, &secret_of(PASSWORD), home()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_code_has_five_tries_and_the_fifth_still_counts() {
    everywhere(async |world| {
        for (email, wrong_tries) in [("four@uva.nl", 4), ("five@uva.nl", 5)] {
            world.accounts.sign_up(form(email), home()).await.unwrap();
            let (six, link) = world.confirmation(email).await;
            for step in 1..=wrong_tries {
                let wrong = world.accounts.confirm_code(email, &other(&six, step), &secret_of(PASSWORD), home()).await;
                assert_eq!(code(wrong), Code::BadRequest);
            }
            let right = world.accounts.confirm_code(email, &six, &secret_of(PASSWORD), home()).await;
            if wrong_tries < 5 {
                right.unwrap();
            } else {
                assert_eq!(code(right), Code::BadRequest, "the sixth try is one too many, right as it is");
                world
                    .accounts
                    .confirm_link(&link, &secret_of(PASSWORD), home())
                    .await
                    .expect("a secret of 256 bits cannot be guessed");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_hundred_tries_at_once_are_five() {
    everywhere(async |world| {
        world.accounts.sign_up(form(EMAIL), home()).await.unwrap();
        let (six, _) = world.confirmation(EMAIL).await;
        let wrong = (1..=15).map(|step| {
            let (accounts, guess) = (world.accounts.clone(), other(&six, step));
            async move { accounts.confirm_code(EMAIL, &guess, &secret_of(PASSWORD), home()).await }
        });
        futures_util::future::join_all(wrong).await;
        assert_eq!(
            code(world.accounts.confirm_code(EMAIL, &six, &secret_of(PASSWORD), home()).await),
            Code::BadRequest
        );
    })
    .await;
}

#[tokio::test]
async fn a_new_code_voids_the_former_one_and_codes_are_bound_to_their_person() {
    everywhere(async |world| {
        world.accounts.sign_up(form(EMAIL), home()).await.unwrap();
        let (former, former_link) = world.confirmation(EMAIL).await;
        world.accounts.resend_confirmation(EMAIL, home()).await.unwrap();
        let (newer, _) = world.confirmation(EMAIL).await;
        if former != newer {
            assert_eq!(
                code(world.accounts.confirm_code(EMAIL, &former, &secret_of(PASSWORD), home()).await),
                Code::BadRequest
            );
        }
        assert_eq!(
            code(world.accounts.confirm_link(&former_link, &secret_of(PASSWORD), home()).await),
            Code::BadRequest
        );
        world.accounts.sign_up(form("tom@uva.nl"), home()).await.unwrap();
        let (toms, _) = world.confirmation("tom@uva.nl").await;
        if toms != newer {
            assert_eq!(
                code(world.accounts.confirm_code(EMAIL, &toms, &secret_of(PASSWORD), home()).await),
                Code::BadRequest
            );
        }
        world.accounts.confirm_code(EMAIL, &newer, &secret_of(PASSWORD), home()).await.unwrap();
        assert_eq!(
            code(world.accounts.confirm_code(EMAIL, &newer, &secret_of(PASSWORD), home()).await),
            Code::BadRequest,
            "used"
        );
    })
    .await;
}

/// Whether an address is known: its owner learns it by mail, whoever asks learns nothing, and both cost one hash.
#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answer_for_the_same_price() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let before = world.accounts.hashes();
        let known = world.accounts.sign_up(form("Isa@student.uva.nl"), home()).await.unwrap();
        let between = world.accounts.hashes();
        let unknown = world.accounts.sign_up(form("tom@student.uva.nl"), home()).await.unwrap();
        assert_eq!((between - before, world.accounts.hashes() - between), (1, 1));
        assert_eq!((known.as_str(), unknown.as_str()), ("Isa@student.uva.nl", "tom@student.uva.nl"));
        let told = world.mails(EMAIL).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, "known_address");
        assert!(!told[0].1.contains("Isa"), "nothing of what the stranger typed: {}", told[0].1);
        world.sign_in(EMAIL).await;

        for email in [EMAIL, "tom@student.uva.nl", "nobody@student.uva.nl"] {
            world.accounts.resend_confirmation(email, home()).await.unwrap();
            let refused = world.accounts.confirm_code(email, "000000", &secret_of(PASSWORD), home()).await.unwrap_err();
            assert_eq!((refused.code, refused.detail.as_str()), (Code::BadRequest, super::super::confirm::WRONG_CODE));
        }
        assert!(world.mails(EMAIL).await.is_empty(), "confirmed already");
        assert!(world.mails("nobody@student.uva.nl").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_sign_up_that_was_never_confirmed_does_not_keep_the_owner_out() {
    everywhere(async |world| {
        let squatter =
            SignUp { password: secret_of("squatters know this"), first_name: "Mallory".into(), ..form(EMAIL) };
        world.accounts.sign_up(squatter, home()).await.unwrap();
        let (former, former_link) = world.confirmation(EMAIL).await;
        world.accounts.sign_up(form(EMAIL), home()).await.unwrap();
        let (newer, _) = world.confirmation(EMAIL).await;
        assert_eq!(
            code(world.accounts.confirm_link(&former_link, &secret_of(PASSWORD), home()).await),
            Code::BadRequest
        );
        if former != newer {
            assert_eq!(
                code(world.accounts.confirm_code(EMAIL, &former, &secret_of(PASSWORD), home()).await),
                Code::BadRequest
            );
        }
        world.accounts.confirm_code(EMAIL, &newer, &secret_of(PASSWORD), home()).await.unwrap();
        let signed_in = world.sign_in(EMAIL).await;
        assert_eq!(world.accounts.me(signed_in.user, signed_in.session).await.unwrap().first_name, "Isa");
        let theirs = world.accounts.sign_in(EMAIL, secret_of("squatters know this"), device()).await;
        assert_eq!(code(theirs), Code::BadCredentials);
    })
    .await;
}

/// Mallory signed up with Isa's address after her, Isa typed the newest code, and the account was confirmed with Mallory's
/// password: only Mallory could sign in. Whoever reads the mail must also know the password of the newest form.
#[tokio::test]
async fn nobody_confirms_the_form_of_somebody_else_whoever_signed_up_last() {
    everywhere(async |world| {
        let theirs = "squatters know this";
        let squatter = || SignUp { password: secret_of(theirs), first_name: "Mallory".into(), ..form(EMAIL) };
        world.accounts.sign_up(form(EMAIL), home()).await.unwrap();
        world.mails(EMAIL).await;
        world.accounts.sign_up(squatter(), home()).await.unwrap();
        let (six, link) = world.confirmation(EMAIL).await;
        let (hers, before) = (secret_of(PASSWORD), world.accounts.hashes());
        let refused = world.accounts.confirm_code(EMAIL, &six, &hers, home()).await.unwrap_err();
        assert_eq!((refused.code, refused.detail.as_str()), (Code::BadRequest, super::super::confirm::WRONG_CODE));
        assert_eq!(code(world.accounts.confirm_link(&link, &hers, home()).await), Code::BadRequest);
        assert_eq!(world.accounts.hashes() - before, 2, "one hash for each try");
        assert_eq!(code(world.accounts.sign_in(EMAIL, secret_of(theirs), device()).await), Code::BadCredentials);
        // She signs up again: the newest form is hers, and the squatter's password proves nothing any more.
        world.accounts.sign_up(form(EMAIL), home()).await.unwrap();
        let (six, _) = world.confirmation(EMAIL).await;
        let guess = world.accounts.confirm_code(EMAIL, &six, &secret_of(theirs), home()).await;
        assert_eq!(code(guess), Code::BadRequest, "the other order");
        world.accounts.confirm_code(EMAIL, &six, &hers, home()).await.unwrap();
        let signed_in = world.sign_in(EMAIL).await;
        assert_eq!(world.accounts.me(signed_in.user, signed_in.session).await.unwrap().first_name, "Isa");
        assert_eq!(code(world.accounts.sign_in(EMAIL, secret_of(theirs), device()).await), Code::BadCredentials);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_is_a_try_and_costs_what_a_wrong_code_costs() {
    everywhere(async |world| {
        world.accounts.sign_up(form(EMAIL), home()).await.unwrap();
        let (six, link) = world.confirmation(EMAIL).await;
        let (right, wrong) = (secret_of(PASSWORD), secret_of("another long phrase"));
        for (email, guess, password) in
            [(EMAIL, &six, &wrong), (EMAIL, &other(&six, 1), &right), ("nobody@uva.nl", &six, &right)]
        {
            let before = world.accounts.hashes();
            let refused = world.accounts.confirm_code(email, guess, password, home()).await.unwrap_err();
            assert_eq!((refused.code, refused.detail.as_str()), (Code::BadRequest, super::super::confirm::WRONG_CODE));
            assert_eq!(world.accounts.hashes() - before, 1, "{email}");
        }
        for _ in 0..3 {
            assert_eq!(code(world.accounts.confirm_link(&link, &wrong, home()).await), Code::BadRequest);
        }
        assert_eq!(
            code(world.accounts.confirm_code(EMAIL, &six, &right, home()).await),
            Code::BadRequest,
            "five tries"
        );
        world.accounts.confirm_link(&link, &right, home()).await.unwrap();
    })
    .await;
}

/// Limits told whether an address was known: a sign-up spent a mail of a known address only, and the key of the guesses
/// changed when the account was made.
#[tokio::test]
async fn limits_do_not_tell_whether_an_address_is_known() {
    everywhere(async |world| {
        world.join("known@uva.nl").await;
        // What the known one used up is no help to the stranger, who comes from elsewhere.
        let there: IpAddr = [198, 51, 100, 7].into();
        let from = Device { address: there, ..device() };
        let mut seen = Vec::new();
        for email in ["known@uva.nl", "unknown@uva.nl"] {
            let mut answers = Vec::new();
            for _ in 0..6 {
                let wrong = world.accounts.sign_in(email, secret_of("wrong password"), from.clone()).await;
                answers.push(code(wrong));
            }
            world.accounts.sign_up(form(email), there).await.unwrap();
            answers.push(code(world.accounts.sign_in(email, secret_of("wrong password"), from.clone()).await));
            for _ in 0..6 {
                let resent = world.accounts.resend_confirmation(email, there).await;
                answers.push(resent.map_or_else(|error| error.code, |()| Code::NotFound));
            }
            for _ in 0..21 {
                answers.push(code(world.accounts.confirm_code(email, "000000", &secret_of("x"), there).await));
            }
            seen.push(answers);
        }
        assert_eq!(seen[0], seen[1]);
        assert!(seen[0].contains(&Code::RateLimited));
    })
    .await;
}

/// A sign-up that had read "not confirmed" gave its names to the profile of the person who confirmed in that moment.
#[tokio::test]
async fn a_sign_up_that_comes_too_late_changes_nothing_of_a_confirmed_person() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let user = world.sign_in(EMAIL).await.user;
        let late = crate::store::NewAccount {
            id: user,
            email: EMAIL.into(),
            email_normalized: EMAIL.into(),
            password_hash: "!".into(),
            locale: "en",
            user_type: "student",
            date_of_birth_enc: Vec::new(),
            university: None,
            first_name: "Mallory".into(),
            last_name: "Late".into(),
        };
        let now = world.clock.now();
        let write = world.held.store.write(crate::store::Lane::Small, move |tx| {
            Box::pin(async move { tx.replace_unconfirmed(late, now).await })
        });
        assert!(matches!(write.await, Err(crate::store::StoreError::Conflict { .. })));
        assert_eq!(world.accounts.me(user, SessionId(crate::ids::new_id())).await.unwrap().first_name, "Isa");
        world.sign_in(EMAIL).await;
    })
    .await;
}

#[tokio::test]
async fn nobody_is_buried_in_mail() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        for _ in 0..20 {
            world.accounts.sign_up(form(EMAIL), home()).await.expect("the stranger learns nothing");
        }
        let limit = usize::try_from(world.limits.resend_per_account_per_hour).unwrap();
        assert_eq!(world.mails(EMAIL).await.len(), limit - 1, "the first one was the sign-up's");
        world.accounts.sign_up(form("tom@uva.nl"), home()).await.unwrap();
        for _ in 1..limit {
            world.accounts.resend_confirmation("tom@uva.nl", home()).await.unwrap();
        }
        assert_eq!(code(world.accounts.resend_confirmation("tom@uva.nl", home()).await), Code::RateLimited);
    })
    .await;
}

#[tokio::test]
async fn many_sign_ups_of_one_address_at_once_make_one_account() {
    everywhere(async |world| {
        let at_once = (0..5).map(|_| world.accounts.sign_up(form(EMAIL), home()));
        for answer in futures_util::future::join_all(at_once).await {
            answer.unwrap();
        }
        let mails = world.mails(EMAIL).await;
        let mut confirmed = 0;
        for (_, text) in &mails {
            let link = text.lines().find_map(|line| line.split_once("/confirm#token=")).unwrap().1;
            confirmed += usize::from(world.accounts.confirm_link(link, &secret_of(PASSWORD), home()).await.is_ok());
        }
        assert_eq!(confirmed, 1, "the newest link works, the others are void");
        world.sign_in(EMAIL).await;
    })
    .await;
}

#[tokio::test]
async fn a_form_is_refused_field_by_field() {
    everywhere(async |world| {
        let bad = SignUp {
            email: "nobody".into(),
            password: secret_of("short"),
            first_name: "a\u{202E}b".into(),
            last_name: String::new(),
            date_of_birth: "2009-11-23".into(),
            accept_terms: false,
            ..form(EMAIL)
        };
        assert_eq!(
            fields(world.accounts.sign_up(bad, home()).await),
            ["email", "first_name", "last_name", "date_of_birth", "accept_terms", "password"]
        );
        let named = SignUp { password: secret_of("Isa de Vries"), ..form(EMAIL) };
        assert_eq!(fields(world.accounts.sign_up(named, home()).await), ["password"]);
        assert_eq!(world.accounts.hashes(), 0, "refused before hashing");
        let birthday = SignUp { date_of_birth: "2009-11-22".into(), ..form(EMAIL) };
        world.accounts.sign_up(birthday, home()).await.expect("seventeen today");
    })
    .await;
}

#[tokio::test]
async fn the_address_sets_the_university() {
    everywhere(async |world| {
        let store = &world.held.store;
        store.add_university("uva", "University of Amsterdam", &["uva.nl"]).await;
        store.add_university("amc", "Amsterdam UMC", &["amc.uva.nl"]).await;
        for (email, slug) in [
            ("a@uva.nl", Some("uva")),
            ("a@student.uva.nl", Some("uva")),
            ("a@amc.uva.nl", Some("amc")),
            ("a@kuva.nl", None),
        ] {
            world.join(email).await;
            let user = world.sign_in(email).await.user;
            let university = world.accounts.me(user, SessionId(crate::ids::new_id())).await.unwrap().university;
            assert_eq!(university.map(|university| university.slug).as_deref(), slug, "{email}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_stored_tells_no_secret() {
    everywhere(async |world| {
        world.accounts.sign_up(form(EMAIL), home()).await.unwrap();
        let birth = world.held.store.birth_date_of(EMAIL).await;
        assert!(!String::from_utf8_lossy(&birth.1).contains("2004"), "sealed");
        let seal = Seal::new(&world.held.config.data_key).unwrap();
        let place = super::super::register::BIRTH_DATE_PLACE;
        assert_eq!(seal.open(place, birth.0.0, &birth.1).unwrap(), b"2004-05-31");
        assert!(seal.open(place, crate::ids::new_id(), &birth.1).is_err(), "bound to its row");
    })
    .await;
}
