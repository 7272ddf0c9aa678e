//! A new password: by mail for who forgot it, by the old one for who knows it.

use serde_json::json;

use super::*;

const NEW: &str = "walnut train curtain";

fn link(token: &str) -> MailProof {
    MailProof::Link(token.to_owned())
}

fn by_code(email: &str, code: &str) -> MailProof {
    MailProof::Code { email: email.to_owned(), code: code.to_owned() }
}

impl World {
    async fn forgot(&self, email: &str) -> (String, String) {
        self.accounts.forgot_password(email, home()).await.unwrap();
        let (code, link) = self.mailed(email, "reset_password").await;
        (code.unwrap(), link)
    }

    async fn reset(&self, proof: MailProof, password: &str) -> Result<()> {
        self.accounts.reset_password(proof, &secret_of(password), home()).await
    }

    async fn change(&self, who: &SignedIn, current: &str, new: &str, end_others: bool) -> Result<()> {
        let principal = self.who(who).await.unwrap();
        let form = json!({ "current_password": current, "new_password": new, "end_others": end_others });
        self.accounts.change_password(&principal, serde_json::from_value(form).unwrap()).await
    }
}

#[tokio::test]
async fn a_reset_ends_every_session_and_works_once() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let (here, there) = (world.sign_in(EMAIL).await, world.sign_in(EMAIL).await);
        let socket = world.socket(&there).await;
        world.who(&here).await.unwrap();
        let (six, token) = world.forgot(EMAIL).await;
        world.reset(link(&token), NEW).await.unwrap();
        for session in [&here, &there] {
            assert_eq!(code(world.who(session).await), Code::Unauthorized);
        }
        assert_eq!(socket.closing(), Some(Close::SessionRevoked));
        let told = world.stream(here.user).await.into_iter().filter(|(_, data)| data["change"] == "revoked").count();
        assert_eq!(told, 2);
        let mails = world.mails(EMAIL).await;
        assert_eq!(mails.iter().map(|(template, _)| template.as_str()).collect::<Vec<_>>(), ["password_changed"]);
        assert_eq!(code(world.accounts.sign_in(EMAIL, secret_of(PASSWORD), device()).await), Code::BadCredentials);
        world.accounts.sign_in(EMAIL, secret_of(NEW), device()).await.unwrap();
        assert_eq!(code(world.reset(link(&token), PASSWORD).await), Code::BadRequest, "used");
        assert_eq!(code(world.reset(by_code(EMAIL, &six), PASSWORD).await), Code::BadRequest, "its code too");

        let (six, _) = world.forgot(EMAIL).await;
        world.reset(by_code("Isa@Student.uva.nl", &format!(" {six} ")), PASSWORD).await.unwrap();
        world.sign_in(EMAIL).await;
    })
    .await;
}

#[tokio::test]
async fn two_resets_with_one_token_are_one() {
    Box::pin(everywhere(async |world| {
        world.join(EMAIL).await;
        let (six, token) = world.forgot(EMAIL).await;
        let passwords = ["walnut train curtain 1", "walnut train curtain 2", "walnut train curtain 3"];
        let (a, b, c) = tokio::join!(
            world.reset(link(&token), passwords[0]),
            world.reset(link(&token), passwords[1]),
            world.reset(by_code(EMAIL, &six), passwords[2])
        );
        let won: Vec<usize> = [a, b, c].iter().enumerate().filter(|(_, won)| won.is_ok()).map(|(at, _)| at).collect();
        assert_eq!(won.len(), 1, "{won:?}");
        world.accounts.sign_in(EMAIL, secret_of(passwords[won[0]]), device()).await.unwrap();
    }))
    .await;
}

#[tokio::test]
async fn stale_foreign_and_void_tokens_reset_nothing() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        world.join("tom@uva.nl").await;
        let (six, token) = world.forgot(EMAIL).await;
        let (toms, _) = world.forgot("tom@uva.nl").await;
        if six != toms {
            assert_eq!(code(world.reset(by_code("tom@uva.nl", &six), NEW).await), Code::BadRequest, "a foreign code");
        }
        // A token of another kind is none of this one.
        world.accounts.sign_up(form("eve@uva.nl"), home()).await.unwrap();
        let (confirm_code, confirm_link) = world.confirmation("eve@uva.nl").await;
        assert_eq!(code(world.reset(link(&confirm_link), NEW).await), Code::BadRequest);
        assert_eq!(code(world.reset(by_code("eve@uva.nl", &confirm_code), NEW).await), Code::BadRequest);
        assert_eq!(code(world.accounts.confirm_link(&token, &secret_of(PASSWORD), home()).await), Code::BadRequest);
        for odd in ["", "x", &"A".repeat(43), &"A".repeat(10_000), "\u{0}"] {
            assert_eq!(code(world.reset(link(odd), NEW).await), Code::BadRequest);
            assert_eq!(code(world.reset(by_code(EMAIL, odd), NEW).await), Code::BadRequest);
        }
        world.accounts.forgot_password(EMAIL, [198, 51, 100, 7].into()).await.unwrap();
        assert!(world.mails(EMAIL).await.is_empty(), "a fresh code stays, whoever asks for another one");
        world.pass(TimeDelta::minutes(2));
        let (newer, _) = world.forgot(EMAIL).await;
        assert_eq!(code(world.reset(link(&token), NEW).await), Code::BadRequest, "a newer one voids it");
        world.pass(TimeDelta::minutes(10));
        assert_eq!(code(world.reset(by_code(EMAIL, &newer), NEW).await), Code::BadRequest, "over");
        let (_, last) = world.forgot(EMAIL).await;
        world.pass(TimeDelta::hours(1));
        assert_eq!(code(world.reset(link(&last), NEW).await), Code::BadRequest, "over");
        let (_, last) = world.forgot(EMAIL).await;
        world.accounts.suspend(EMAIL, "spam").await.unwrap();
        assert_eq!(code(world.reset(link(&last), NEW).await), Code::BadRequest, "suspended");
        world.accounts.forgot_password(EMAIL, home()).await.unwrap();
        world.accounts.activate(EMAIL).await.unwrap();
        world.sign_in(EMAIL).await;
    })
    .await;
}

#[tokio::test]
async fn a_reset_code_has_five_tries() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let (six, _) = world.forgot(EMAIL).await;
        for step in 1..=5 {
            assert_eq!(code(world.reset(by_code(EMAIL, &other(&six, step)), NEW).await), Code::BadRequest);
        }
        assert_eq!(code(world.reset(by_code(EMAIL, &six), NEW).await), Code::BadRequest);
        world.sign_in(EMAIL).await;
    })
    .await;
}

/// Whether an address is known: its owner learns it by mail, whoever asks learns nothing, and both cost the same.
#[tokio::test]
async fn a_reset_does_not_tell_whether_an_address_is_known() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let mut seen = Vec::new();
        // The password is made of the known person's name: who has no code must not learn that.
        for email in [EMAIL, "nobody@student.uva.nl"] {
            let before = world.accounts.hashes();
            let mut answers = Vec::new();
            for _ in 0..7 {
                answers.push(world.accounts.forgot_password(email, home()).await.map_err(|error| error.code));
            }
            assert_eq!(world.accounts.hashes(), before);
            for _ in 0..22 {
                let before = world.accounts.hashes();
                let refused = world.reset(by_code(email, "000000"), "deVries deVries").await.unwrap_err();
                let hashes = world.accounts.hashes() - before;
                assert_eq!(hashes, u64::from(refused.code == Code::BadRequest), "one hash for each try");
                answers.push(Err(refused.code));
            }
            seen.push(answers);
        }
        assert_eq!(seen[0], seen[1]);
        assert!(seen[0].contains(&Err(Code::RateLimited)));
        assert_eq!(world.mails(EMAIL).await.len(), 1, "a fresh code stays");
        assert!(world.mails("nobody@student.uva.nl").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_reset_confirms_the_address_and_keeps_to_the_rules_of_passwords() {
    everywhere(async |world| {
        let squatter = SignUp { password: secret_of("squatters know this"), ..form(EMAIL) };
        world.accounts.sign_up(squatter, home()).await.unwrap();
        let (_, confirm) = world.confirmation(EMAIL).await;
        let (_, token) = world.forgot(EMAIL).await;
        for bad in ["short", "password123", "Isa de Vries 1"] {
            assert_eq!(fields(world.reset(link(&token), bad).await), ["password"], "{bad}");
        }
        world.reset(link(&token), PASSWORD).await.expect("a refused password does not use the link up");
        world.sign_in(EMAIL).await;
        let theirs = world.accounts.confirm_link(&confirm, &secret_of("squatters know this"), home()).await;
        assert_eq!(code(theirs), Code::BadRequest);
    })
    .await;
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let (here, there) = (world.sign_in(EMAIL).await, world.sign_in(EMAIL).await);
        let (_, reset) = world.forgot(EMAIL).await;
        assert_eq!(fields(world.change(&here, "wrong password", NEW, true).await), ["current_password"]);
        assert_eq!(fields(world.change(&here, PASSWORD, "Isa de Vries 1", true).await), ["new_password"]);
        assert_eq!(fields(world.change(&here, PASSWORD, PASSWORD, true).await), ["new_password"]);
        world.who(&there).await.expect("nothing happened");
        world.change(&here, PASSWORD, NEW, false).await.unwrap();
        world.who(&there).await.expect("was to stay");
        assert_eq!(code(world.reset(link(&reset), PASSWORD).await), Code::BadRequest, "asked for before the change");
        let socket = world.socket(&there).await;
        world.change(&here, NEW, PASSWORD, true).await.unwrap();
        world.who(&here).await.expect("who changes it stays");
        assert_eq!(code(world.who(&there).await), Code::Unauthorized);
        assert_eq!(socket.closing(), Some(Close::SessionRevoked));
        let mails = world.mails(EMAIL).await;
        assert!(mails.iter().all(|(template, _)| template == "password_changed") && mails.len() == 2, "{mails:?}");
        world.sign_in(EMAIL).await;
    })
    .await;
}

/// Whoever sits at an open session and asked for another address does not confirm it after the password changed.
#[tokio::test]
async fn another_password_takes_back_a_change_of_address() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let (here, thief) = (world.sign_in(EMAIL).await, world.sign_in(EMAIL).await);
        let principal = world.who(&thief).await.unwrap();
        world.accounts.change_email(&principal, "eve@amc.nl", &secret_of(PASSWORD), home()).await.unwrap();
        let (six, token) = world.mailed("eve@amc.nl", "change_email").await;
        world.change(&here, PASSWORD, NEW, false).await.unwrap();
        assert_eq!(world.accounts.me(here.user, here.session).await.unwrap().pending_email, None);
        for proof in [AddressProof::Code { code: six.unwrap() }, AddressProof::Link { token }] {
            assert_eq!(code(world.accounts.confirm_email(&principal, proof, home()).await), Code::BadRequest);
        }
        let told = world.stream(here.user).await.into_iter().filter(|(kind, _)| kind == "profile").count();
        assert_eq!(told, 2, "asked for, and taken back");
    })
    .await;
}

#[tokio::test]
async fn a_stolen_session_does_not_guess_the_password() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        for _ in 0..world.limits.sign_in_per_account {
            assert_eq!(code(world.change(&here, "wrong password", NEW, true).await), Code::BadRequest);
        }
        assert_eq!(code(world.change(&here, PASSWORD, NEW, true).await), Code::RateLimited);
        world.pass(TimeDelta::minutes(15));
        world.change(&here, PASSWORD, NEW, true).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn two_changes_at_once_are_one() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        let (a, b) = tokio::join!(
            world.change(&here, PASSWORD, "walnut train curtain 1", false),
            world.change(&here, PASSWORD, "walnut train curtain 2", false)
        );
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    })
    .await;
}
