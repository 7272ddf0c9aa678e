//! Profiles and settings: what is taken, what is refused by name, and what every device hears.

use serde_json::json;

use super::*;

fn profile(form: serde_json::Value) -> ProfileForm {
    serde_json::from_value(form).unwrap()
}

fn settings(form: serde_json::Value) -> SettingsForm {
    serde_json::from_value(form).unwrap()
}

#[tokio::test]
async fn a_profile_is_changed_field_by_field_and_cleared_by_null() {
    everywhere(async |world| {
        Box::pin(world.join(EMAIL)).await;
        let here = world.sign_in(EMAIL).await;
        let me = async || Box::pin(world.accounts.me(here.user, here.session)).await.unwrap();
        let fresh = me().await.profile;
        assert!((0..360).contains(&fresh.hue) && fresh.picture.is_none() && fresh.languages.is_empty());
        let form = json!({
            "first_name": " Isabe\u{0301}l ", "pronouns": "she/her", "program": "AI", "study_year": 3,
            "about": "I cook.\r\nI like plants \u{2764}\u{fe0f} ", "languages": ["nl", "en"],
        });
        world.accounts.change_profile(here.user, profile(form)).await.unwrap();
        let changed = me().await;
        assert_eq!((changed.first_name.as_str(), changed.last_name.as_str()), ("Isab\u{e9}l", "de Vries"));
        assert_eq!(world.who(&here).await.unwrap().first_name, "Isab\u{e9}l", "proofs of sessions too");
        let of = changed.profile;
        assert_eq!(
            (of.pronouns.as_deref(), of.program.as_deref(), of.study_year),
            (Some("she/her"), Some("AI"), Some(3))
        );
        assert_eq!(of.about.as_deref(), Some("I cook.\nI like plants \u{2764}\u{fe0f}"));
        assert_eq!(of.languages, ["nl", "en"]);
        let form = json!({ "pronouns": null, "study_year": null, "about": "  ", "languages": [] });
        world.accounts.change_profile(here.user, profile(form)).await.unwrap();
        let of = me().await.profile;
        assert_eq!((of.pronouns, of.study_year, of.about, of.program.as_deref()), (None, None, None, Some("AI")));
        let again = me().await;
        let same = json!({ "first_name": again.first_name, "languages": again.profile.languages });
        world.accounts.change_profile(here.user, profile(same)).await.expect("what holds already is told to nobody");
        let told = world.stream(here.user).await.into_iter().filter(|(kind, _)| kind == "profile").count();
        assert_eq!(told, 2);
        let nobody = world.accounts.change_profile(UserId(crate::ids::new_id()), ProfileForm::default()).await;
        assert_eq!(code(nobody), Code::NotFound);
    })
    .await;
}

#[tokio::test]
async fn what_a_profile_may_not_say_is_named() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        for (field, value) in [
            ("first_name", json!("")),
            ("first_name", json!("a\u{202e}b")),
            ("last_name", json!("http://x")),
            ("pronouns", json!("x".repeat(41))),
            ("pronouns", json!("she\nher")),
            ("program", json!("x".repeat(101))),
            ("program", json!("a\u{0}b")),
            ("about", json!("x".repeat(501))),
            ("about", json!("a\u{7}b")),
            ("about", json!("a\u{2066}b")),
            ("study_year", json!(0)),
            ("study_year", json!(9)),
            ("languages", json!(["nl", "nl"])),
            ("languages", json!(["NL"])),
            ("languages", json!(["xx"])),
            ("languages", json!([""])),
            ("languages", json!(["nl", "en", "de", "fr", "es", "it", "pt", "pl", "tr"])),
        ] {
            let form = profile(
                json!({ field: value, "program": if field == "program" { value.clone() } else { json!("AI") } }),
            );
            assert_eq!(fields(world.accounts.change_profile(here.user, form).await), [field], "{value}");
        }
        let me = world.accounts.me(here.user, here.session).await.unwrap();
        assert_eq!(me.profile.program, None, "all or nothing");
        for text in ["x".repeat(500), "\u{e9}".repeat(500), "e\u{301}".repeat(500)] {
            world.accounts.change_profile(here.user, profile(json!({ "about": text }))).await.expect("the longest");
        }
        for wrong in [json!({ "verified": true }), json!({ "study_year": 300 }), json!({ "languages": "nl" })] {
            assert!(serde_json::from_value::<ProfileForm>(wrong).is_err());
        }
    })
    .await;
}

#[tokio::test]
async fn a_verified_name_stays() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        world.accounts.verify(EMAIL).await.unwrap();
        let form = profile(json!({ "first_name": "Eve", "program": "AI" }));
        assert_eq!(fields(world.accounts.change_profile(here.user, form).await), ["first_name"]);
        let same = profile(json!({ "first_name": "Isa", "last_name": "de Vries", "program": "AI" }));
        world.accounts.change_profile(here.user, same).await.expect("the same name is no change");
        let me = world.accounts.me(here.user, here.session).await.unwrap();
        assert_eq!((me.first_name.as_str(), me.profile.program.as_deref()), ("Isa", Some("AI")));
    })
    .await;
}

#[tokio::test]
async fn settings_are_told_to_every_device_once() {
    everywhere(async |world| {
        world.join(EMAIL).await;
        let here = world.sign_in(EMAIL).await;
        let before = world.accounts.me(here.user, here.session).await.unwrap().settings;
        assert_eq!(
            json!(before),
            json!({"locale": "nl", "visibility": "visible", "who_may_message": "matches", "read_receipts": true,
                "notify_messages": true, "notify_chats": true, "notify_invites": true, "mail_messages": true})
        );
        let form = settings(
            json!({ "locale": "en", "visibility": "ghost", "who_may_message": "nobody", "read_receipts": false,
                "notify_messages": false, "notify_chats": false, "notify_invites": false, "mail_messages": false }),
        );
        world.accounts.change_settings(here.user, form).await.unwrap();
        world.accounts.change_settings(here.user, form).await.unwrap();
        let after = json!({"locale": "en", "visibility": "ghost", "who_may_message": "nobody", "read_receipts": false,
            "notify_messages": false, "notify_chats": false, "notify_invites": false, "mail_messages": false});
        assert_eq!(json!(world.accounts.me(here.user, here.session).await.unwrap().settings), after);
        world.accounts.change_settings(here.user, settings(json!({ "read_receipts": true }))).await.unwrap();
        let told: Vec<_> = world
            .stream(here.user)
            .await
            .into_iter()
            .filter(|(kind, _)| kind == "settings")
            .map(|(_, data)| data)
            .collect();
        assert_eq!(told.len(), 2, "what changed nothing is not told");
        assert_eq!((&told[0], &told[1]["read_receipts"], &told[1]["locale"]), (&after, &json!(true), &json!("en")));
        assert!(serde_json::from_value::<SettingsForm>(json!({ "visibility": "invisible" })).is_err());
        let nobody = world.accounts.change_settings(UserId(crate::ids::new_id()), SettingsForm::default()).await;
        assert_eq!(code(nobody), Code::NotFound);
    })
    .await;
}
