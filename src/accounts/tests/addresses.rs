//! Another e-mail address: proven, told to the old one, and never a way to learn who has an account.

use std::time::Duration;

use super::*;

const NEW: &str = "isa@amc.nl";

impl World {
    async fn ask(&self, who: &SignedIn, email: &str) -> Result<String> {
        let principal = self.who(who).await.unwrap();
        self.accounts.change_email(&principal, email, &secret_of(PASSWORD), home()).await
    }

    async fn prove(&self, who: &SignedIn, proof: AddressProof) -> Result<()> {
        let principal = self.who(who).await.unwrap();
        self.accounts.confirm_email(&principal, proof, home()).await
    }

    /// Code and link of the change, and the link that stops it.
    async fn asked(&self, who: &SignedIn, email: &str) -> (AddressProof, AddressProof, String) {
        self.ask(who, email).await.unwrap();
        let (six, link) = self.mailed(email, "change_email").await;
        let old = self.accounts.me(who.user, who.session).await.unwrap().email;
        let (none, stop) = self.mailed(&old, "email_changing").await;
        assert_eq!(none, None, "the notice has no code");
        (AddressProof::Code { code: six.unwrap() }, AddressProof::Link { token: link }, stop)
    }

    async fn pending(&self, who: &SignedIn) -> Option<String> {
        self.accounts.me(who.user, who.session).await.unwrap().pending_email
    }
}

#[tokio::test]
async fn an_address_changes_when_its_mail_is_read() {
    everywhere(async |world| {
        world.held.store.add_university("amc", "Amsterdam UMC", &["amc.nl"]).await;
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        let (_, link, stop) = world.asked(&here, "Isa@amc.nl").await;
        assert_eq!(world.pending(&here).await.as_deref(), Some("Isa@amc.nl"));
        let there = world.sign_in(EMAIL).await;
        let (mine, theirs) = (world.socket(&here).await, world.socket(&there).await);
        world.prove(&here, link.clone()).await.unwrap();
        world.who(&here).await.expect("who changes it stays");
        assert_eq!(code(world.who(&there).await), Code::Unauthorized);
        assert_eq!((mine.closing(), theirs.closing()), (None, Some(Close::SessionRevoked)));
        let me = world.accounts.me(here.user, here.session).await.unwrap();
        assert_eq!((me.email.as_str(), me.pending_email, me.email_confirmed), ("Isa@amc.nl", None, true));
        assert_eq!(me.university.map(|university| university.slug).as_deref(), Some("amc"));
        world.sign_in(NEW).await;
        assert_eq!(code(world.accounts.sign_in(EMAIL, secret_of(PASSWORD), device()).await), Code::BadCredentials);
        let (_, undo) = world.mailed(EMAIL, "email_changed").await;
        assert_eq!(code(world.prove(&here, link).await), Code::BadRequest, "used");
        assert_ne!(stop, undo, "each notice has a way back of its own");
        let told = world.stream(here.user).await.into_iter().filter(|(kind, _)| kind == "profile").count();
        assert_eq!(told, 2, "asked for, and changed");

        let wait = world.ask(&here, "isa@uva.nl").await.unwrap_err();
        assert_eq!((wait.code, wait.retry_after), (Code::RateLimited, Some(world.limits.email_change_cooldown)));
        world.pass(TimeDelta::hours(24));
        world.ask(&here, "isa@uva.nl").await.unwrap();
    })
    .await;
}

/// The identity is the person's; the university is the address's.
#[tokio::test]
async fn a_university_goes_with_its_address_and_an_identity_stays() {
    everywhere(async |world| {
        world.held.store.add_university("uva", "UvA", &["uva.nl"]).await;
        world.held.store.add_university("amc", "Amsterdam UMC", &["amc.nl"]).await;
        world.join(EMAIL).await;
        world.accounts.verify(EMAIL).await.unwrap();
        let here = world.sign_in(EMAIL).await;
        for (email, slug) in [(NEW, Some("amc")), ("isa@mailbox.example", None), ("isa2@uva.nl", Some("uva"))] {
            let (_, link, _) = world.asked(&here, email).await;
            world.prove(&here, link).await.unwrap();
            let me = world.accounts.me(here.user, here.session).await.unwrap();
            assert_eq!(me.university.map(|university| university.slug).as_deref(), slug, "{email}");
            assert!(me.verified);
            world.pass(TimeDelta::hours(24));
            world.mails(email).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_old_address_can_stop_it_and_signs_everybody_out() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let thief = world.sign_in(EMAIL).await;
        let (six, link, stop) = world.asked(&thief, NEW).await;
        world.accounts.reset_password(MailProof::Link(stop), &secret_of("walnut train curtain"), home()).await.unwrap();
        assert_eq!(code(world.who(&thief).await), Code::Unauthorized);
        let owner = world.accounts.sign_in(EMAIL, secret_of("walnut train curtain"), device()).await.unwrap();
        assert_eq!(world.pending(&owner).await, None);
        for proof in [six, link] {
            assert_eq!(code(world.prove(&owner, proof).await), Code::BadRequest);
        }
    })
    .await;
}

/// Whoever knows the password and reads the mail of the new address cannot keep the account from who reads the old one's.
#[tokio::test]
async fn the_old_address_undoes_a_confirmed_change() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let thief = world.sign_in(EMAIL).await;
        let (_, link, stop) = world.asked(&thief, NEW).await;
        world.prove(&thief, link).await.unwrap();
        let (none, undo) = world.mailed(EMAIL, "email_changed").await;
        assert_eq!(none, None);
        // What the thief can do about it.
        world.accounts.forgot_password(NEW, home()).await.unwrap();
        let (_, reset) = world.mailed(NEW, "reset_password").await;
        let back = |token: &str| {
            let (proof, password) = (MailProof::Link(token.to_owned()), secret_of("walnut train curtain"));
            let accounts = world.accounts.clone();
            async move { accounts.reset_password(proof, &password, home()).await }
        };
        world.pass(TimeDelta::hours(23));
        back(&undo).await.unwrap();
        assert_eq!(code(world.who(&thief).await), Code::Unauthorized);
        let owner = world.accounts.sign_in(EMAIL, secret_of("walnut train curtain"), device()).await.unwrap();
        assert_eq!(world.accounts.me(owner.user, owner.session).await.unwrap().email, EMAIL);
        for token in [&stop, &undo, &reset] {
            assert_eq!(code(back(token).await), Code::BadRequest, "used, or void with it");
        }
        let told = [world.mails(EMAIL).await, world.mails(NEW).await];
        assert_eq!(told.map(|mails| mails[0].0.clone()), ["password_changed", "email_restored"]);
    })
    .await;
}

/// However soon another change may follow: what a thief moves the account on to does not take the first way back away.
#[tokio::test]
async fn the_first_address_undoes_a_chain_of_changes() {
    on_each(async |held| {
        let limits = Limits { email_change_cooldown: Duration::ZERO, ..held.config.limits.clone() };
        let world = World::with(held, limits);
        world.join(EMAIL).await;
        let back = |token: &str, password: &str| {
            let (proof, password) = (MailProof::Link(token.to_owned()), secret_of(password));
            let accounts = world.accounts.clone();
            async move { accounts.reset_password(proof, &password, home()).await }
        };
        let mut thief = world.sign_in(EMAIL).await;
        let (_, link, _) = world.asked(&thief, NEW).await;
        world.prove(&thief, link).await.unwrap();
        let (_, undo) = world.mailed(EMAIL, "email_changed").await;
        world.pass(TimeDelta::minutes(5));
        let (_, link, _) = world.asked(&thief, "thief@uva.nl").await;
        world.prove(&thief, link).await.unwrap();
        let (_, of_thief) = world.mailed(NEW, "email_changed").await;
        back(&of_thief, "walnut train curtain").await.unwrap();
        thief = world.accounts.sign_in(NEW, secret_of("walnut train curtain"), device()).await.unwrap();
        world.pass(TimeDelta::hours(23));
        back(&undo, "copper lantern garden").await.unwrap();
        assert_eq!(code(world.who(&thief).await), Code::Unauthorized);
        let owner = world.accounts.sign_in(EMAIL, secret_of("copper lantern garden"), device()).await.unwrap();
        assert_eq!(world.accounts.me(owner.user, owner.session).await.unwrap().email, EMAIL);
    })
    .await;
}

#[tokio::test]
async fn an_undo_is_over_with_its_time_and_takes_nobodys_address() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        let (_, link, stop) = world.asked(&here, NEW).await;
        world.prove(&here, link).await.unwrap();
        world.mails(EMAIL).await;
        world.join(EMAIL).await;
        let pass = secret_of("walnut train curtain");
        let refused = world.accounts.reset_password(MailProof::Link(stop.clone()), &pass, home()).await.unwrap_err();
        assert!(refused.detail.contains("another account"), "{refused:?}");
        world.sign_in(NEW).await;
        world.sign_in(EMAIL).await;
        world.pass(TimeDelta::hours(24));
        let over = world.accounts.reset_password(MailProof::Link(stop), &pass, home()).await;
        assert!(over.unwrap_err().detail.contains("does not work"));
    })
    .await;
}

#[tokio::test]
async fn a_change_is_withdrawn_replaced_and_over_after_a_day() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        let (six, link, _) = world.asked(&here, NEW).await;
        world.accounts.withdraw_email(here.user).await.unwrap();
        world.accounts.withdraw_email(here.user).await.expect("twice is no error");
        assert_eq!(world.pending(&here).await, None);
        for proof in [six, link] {
            assert_eq!(code(world.prove(&here, proof).await), Code::BadRequest, "withdrawn");
        }
        let (_, first, _) = world.asked(&here, NEW).await;
        let (_, second, _) = world.asked(&here, "isa@uva.nl").await;
        assert_eq!(world.pending(&here).await.as_deref(), Some("isa@uva.nl"));
        assert_eq!(code(world.prove(&here, first).await), Code::BadRequest, "replaced");
        world.pass(TimeDelta::hours(24));
        assert_eq!(code(world.prove(&here, second).await), Code::BadRequest, "over");
        assert_eq!(world.pending(&here).await, None);
    })
    .await;
}

#[tokio::test]
async fn wrong_and_foreign_proofs_change_nothing() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        world.join("tom@uva.nl").await;
        let (isa, tom) = (world.sign_in(EMAIL).await, world.sign_in("tom@uva.nl").await);
        let wrong = world.who(&isa).await.unwrap();
        let guess = world.accounts.change_email(&wrong, NEW, &secret_of("wrong password"), home()).await;
        assert_eq!(fields(guess), ["password"]);
        for bad in ["", "x", "isa@student.UVA.nl", "a@b.nl\r\nBcc: c@d.nl"] {
            assert_eq!(fields(world.ask(&isa, bad).await), ["email"], "{bad:?}");
        }
        assert_eq!(
            code(world.prove(&isa, AddressProof::Code { code: "000000".into() }).await),
            Code::BadRequest,
            "none asked for"
        );
        let (six, link, _) = world.asked(&isa, NEW).await;
        for proof in [six.clone(), link.clone()] {
            assert_eq!(code(world.prove(&tom, proof).await), Code::BadRequest, "somebody else's");
        }
        world.accounts.forgot_password("tom@uva.nl", home()).await.unwrap();
        let (reset_code, reset) = world.mailed("tom@uva.nl", "reset_password").await;
        for proof in [AddressProof::Link { token: reset }, AddressProof::Code { code: reset_code.unwrap() }] {
            assert_eq!(code(world.prove(&tom, proof).await), Code::BadRequest, "of another kind");
        }
        let AddressProof::Code { code: digits } = six else { unreachable!() };
        for step in 1..=5 {
            assert_eq!(
                code(world.prove(&isa, AddressProof::Code { code: other(&digits, step) }).await),
                Code::BadRequest
            );
        }
        assert_eq!(code(world.prove(&isa, AddressProof::Code { code: digits }).await), Code::BadRequest, "five tries");
        world.prove(&isa, link).await.expect("a secret of 256 bits cannot be guessed");
    })
    .await;
}

/// Who asks for an address that is somebody's sees what anybody sees; its owner gets a letter and nobody the code.
#[tokio::test]
async fn a_change_does_not_tell_whether_an_address_is_known() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        world.join("tom@uva.nl").await;
        let here = world.sign_in(EMAIL).await;
        let mut seen = Vec::new();
        for email in ["tom@uva.nl", "nobody@uva.nl"] {
            let before = world.accounts.hashes();
            let answer = world.ask(&here, email).await.unwrap();
            assert_eq!((answer.as_str(), world.accounts.hashes() - before), (email, 1));
            assert_eq!(world.pending(&here).await.as_deref(), Some(email));
            let mut answers = Vec::new();
            for step in 0..5 {
                answers.push(code(world.prove(&here, AddressProof::Code { code: format!("00000{step}") }).await));
            }
            seen.push(answers);
        }
        assert_eq!(seen[0], seen[1]);
        let (toms, nobodys) = (world.mails("tom@uva.nl").await, world.mails("nobody@uva.nl").await);
        assert_eq!((toms.len(), toms[0].0.as_str()), (1, "address_taken"));
        assert_eq!((nobodys.len(), nobodys[0].0.as_str()), (1, "change_email"));
        assert!(!toms[0].1.contains("#token="), "nothing to click for a stranger's account");
        world.sign_in("tom@uva.nl").await;
    })
    .await;
}

/// Of a sign-up and a change to one address, raced in every order, one wins and the other is told nothing but "wrong".
#[tokio::test]
async fn one_address_goes_to_one_person() {
    Box::pin(everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        // Somebody signed up and never confirmed: who reads the mail gets the address.
        world.accounts.sign_up(form(NEW), home()).await.unwrap();
        let (six, _) = world.confirmation(NEW).await;
        let (_, link, _) = world.asked(&here, NEW).await;
        let pass = secret_of(PASSWORD);
        let (changed, joined) =
            tokio::join!(world.prove(&here, link), world.accounts.confirm_code(NEW, &six, &pass, home()));
        assert!(changed.is_ok() != joined.is_ok(), "{changed:?} {joined:?}");
        let lost = if changed.is_ok() { code(joined) } else { code(changed) };
        assert!(matches!(lost, Code::BadRequest | Code::Unavailable), "{lost:?}");
        world.accounts.sign_in(NEW, secret_of(PASSWORD), device()).await.unwrap();

        // Two people who asked for the same address.
        world.join("tom@uva.nl").await;
        world.join("eve@uva.nl").await;
        let (tom, eve) = (world.sign_in("tom@uva.nl").await, world.sign_in("eve@uva.nl").await);
        let (_, toms, _) = world.asked(&tom, "both@uva.nl").await;
        let (_, eves, _) = world.asked(&eve, "both@uva.nl").await;
        let (a, b) = tokio::join!(world.prove(&tom, toms), world.prove(&eve, eves));
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
        let owner = world.sign_in("both@uva.nl").await.user;
        assert_eq!(owner, if a.is_ok() { tom.user } else { eve.user });

        // A sign-up that began after the change was asked for, and is confirmed first.
        world.join("ann@uva.nl").await;
        let ann = world.sign_in("ann@uva.nl").await;
        let (_, late, _) = world.asked(&ann, "first@uva.nl").await;
        world.join("first@uva.nl").await;
        assert_eq!(code(world.prove(&ann, late).await), Code::BadRequest);
        assert_eq!(world.accounts.me(ann.user, ann.session).await.unwrap().email, "ann@uva.nl");
        world.sign_in("first@uva.nl").await;
    }))
    .await;
}
