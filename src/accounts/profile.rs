//! What people say of themselves and how they want to be met: shown to them, changed by them, told to all their devices.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use super::model::{self, Locale, Refusal, UserType, Visibility, WhoMayMessage};
use super::{Accounts, Email, University, no_account, refused, to_the_end};
use crate::error::Result;
use crate::ids::{SessionId, UserId};
use crate::protocol::events;
use crate::protocol::server::Picture;
use crate::ratelimit::RateKind;
use crate::store::{MeRow, ProfileChange, SettingsChange, SettingsRow};
use crate::text::is_hidden_in_words;

/// Longest pronouns, in Unicode scalars: "they/them, or she/her with friends".
pub const PRONOUNS_CHARS_MAX: usize = 40;
/// Longest name of a study, in Unicode scalars.
pub const PROGRAM_CHARS_MAX: usize = 100;
/// Longest text about oneself, in Unicode scalars.
pub const ABOUT_CHARS_MAX: usize = 500;
/// The last year of a study that is believed.
pub const STUDY_YEAR_MAX: u8 = 8;
/// Languages one person may name.
pub const LANGUAGES_MAX: usize = 8;

/// Every code of ISO 639-1, one after the other.
const ISO_639_1: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da \
    de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is \
    it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb \
    nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st \
    su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// A person as they see themselves.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Me {
    /// The person.
    pub id: UserId,
    /// Address.
    pub email: String,
    /// The address that waits to be confirmed in the place of the other one.
    #[schema(required)]
    pub pending_email: Option<String>,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Student or professional.
    pub user_type: UserType,
    /// Their university.
    #[schema(required)]
    pub university: Option<University>,
    /// The identity is verified.
    pub verified: bool,
    /// The e-mail address is confirmed.
    pub email_confirmed: bool,
    /// The session that asks.
    pub session: SessionId,
    /// What they say of themselves.
    pub profile: Profile,
    /// How they want to be met.
    pub settings: Settings,
}

/// Names of people never reach a log by accident.
impl std::fmt::Debug for Me {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Me").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a person says of themselves.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Profile {
    /// Pronouns.
    #[schema(required)]
    pub pronouns: Option<String>,
    /// What they study.
    #[schema(required)]
    pub program: Option<String>,
    /// In which year.
    #[schema(required)]
    pub study_year: Option<i32>,
    /// A few sentences.
    #[schema(required)]
    pub about: Option<String>,
    /// ISO 639-1 codes, the best spoken first.
    pub languages: Vec<String>,
    /// The hue of the generated avatar, in degrees.
    pub hue: i32,
    /// Where the uploaded picture is.
    #[schema(required)]
    pub picture: Option<Picture>,
}

/// How a person wants to be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the wire")]
pub struct Settings {
    /// The language they read.
    pub locale: Locale,
    /// Whether others find them.
    pub visibility: Visibility,
    /// Who may write to them in a chat of two.
    pub who_may_message: WhoMayMessage,
    /// Whether reading is shown, both ways.
    pub read_receipts: bool,
    /// Whether unread messages count in what is new.
    pub notify_messages: bool,
    /// Whether chats that were opened do.
    pub notify_chats: bool,
    /// Whether invitations to groups do.
    pub notify_invites: bool,
    /// Whether unread messages are mailed about when no window is open. Mails about the account itself always come.
    pub mail_messages: bool,
}

/// A form that changes a profile: what is not there stays, null takes away.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileForm {
    /// First name; only until the identity is verified.
    #[schema(min_length = 1, max_length = 60)]
    pub first_name: Option<String>,
    /// Last name; only until the identity is verified.
    #[schema(min_length = 1, max_length = 60)]
    pub last_name: Option<String>,
    /// Pronouns.
    #[serde(deserialize_with = "given")]
    #[schema(max_length = 40)]
    pub pronouns: Option<Option<String>>,
    /// What they study.
    #[serde(deserialize_with = "given")]
    #[schema(max_length = 100)]
    pub program: Option<Option<String>>,
    /// In which year.
    #[serde(deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 8)]
    pub study_year: Option<Option<u8>>,
    /// A few sentences.
    #[serde(deserialize_with = "given")]
    #[schema(max_length = 500)]
    pub about: Option<Option<String>>,
    /// ISO 639-1 codes, the best spoken first.
    #[schema(max_items = 8)]
    pub languages: Option<Vec<String>>,
}

/// A form that changes settings: what is not there stays.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsForm {
    /// The language they read.
    pub locale: Option<Locale>,
    /// Whether others find them.
    pub visibility: Option<Visibility>,
    /// Who may write to them in a chat of two.
    pub who_may_message: Option<WhoMayMessage>,
    /// Whether reading is shown, both ways.
    pub read_receipts: Option<bool>,
    /// Whether unread messages count in what is new.
    pub notify_messages: Option<bool>,
    /// Whether chats that were opened do.
    pub notify_chats: Option<bool>,
    /// Whether invitations to groups do.
    pub notify_invites: Option<bool>,
    /// Whether unread messages are mailed about when no window is open.
    pub mail_messages: Option<bool>,
}

/// Tells null from what is not there.
#[expect(clippy::option_option, reason = "absent leaves a field, null clears it")]
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Settings {
    fn of(row: &SettingsRow) -> Self {
        Self {
            locale: Locale::stored(&row.locale),
            visibility: Visibility::stored(&row.visibility),
            who_may_message: WhoMayMessage::stored(&row.who_may_message),
            read_receipts: row.read_receipts,
            notify_messages: row.notify_messages,
            notify_chats: row.notify_chats,
            notify_invites: row.notify_invites,
            mail_messages: row.mail_messages,
        }
    }
}

impl Accounts {
    /// A person as they see themselves in this session.
    ///
    /// # Errors
    /// `not_found` when there is no such person.
    pub async fn me(&self, user: UserId, session: SessionId) -> Result<Me> {
        let inner = &self.inner;
        let row = inner.store.me(user, self.inner.clock.now()).await?.ok_or_else(nobody)?;
        let MeRow { profile, settings, .. } = row;
        Ok(Me {
            id: row.id,
            email: row.email,
            pending_email: row.pending_email,
            first_name: row.first_name,
            last_name: row.last_name,
            user_type: UserType::stored(&row.user_type),
            university: row.university.map(|(name, slug)| University { name, slug }),
            verified: row.verified,
            email_confirmed: row.email_confirmed,
            session,
            profile: Profile {
                pronouns: profile.pronouns,
                program: profile.program,
                study_year: profile.study_year,
                about: profile.about,
                languages: profile.languages,
                hue: profile.hue,
                picture: profile.picture.map(Picture),
            },
            settings: Settings::of(&settings),
        })
    }

    /// Changes what a person says of themselves; all their devices hear that something changed.
    ///
    /// # Errors
    /// `bad_request` with `fields`, also for another name after the identity was verified; those of the store.
    pub async fn change_profile(&self, user: UserId, form: ProfileForm) -> Result<()> {
        let change = parse(form).map_err(|fields| refused(&fields))?;
        let inner = Arc::clone(&self.inner);
        to_the_end(&self.inner.supervisor, "profile changed", async move {
            let now = inner.clock.now();
            let locked = inner
                .committer
                .run(move |tx| {
                    Box::pin(async move {
                        let Some(held) = tx.hold_me(user, now).await? else { return Ok(None) };
                        let differs = |new: &Option<String>, old: &String| new.as_ref().is_some_and(|new| new != old);
                        let names = [
                            ("first_name", differs(&change.first_name, &held.first_name)),
                            ("last_name", differs(&change.last_name, &held.last_name)),
                        ];
                        let locked = names.into_iter().filter(|(_, differs)| *differs && held.verified);
                        let locked: Vec<_> = locked.map(|(field, _)| Refusal::new(field, VERIFIED_NAME)).collect();
                        // Nothing changes: nobody has to hear of it.
                        if locked.is_empty() && change.differs_from(&held) {
                            tx.change_profile(user, change, now).await?;
                            tx.emit_user(user, "profile", json!(events::Profile {}), now).await?;
                        }
                        Ok(Some(locked))
                    })
                })
                .await?
                .ok_or_else(nobody)?;
            // Proofs of sessions carry the first name.
            inner.sessions.forget_user(user);
            if locked.is_empty() { Ok(()) } else { Err(refused(&locked)) }
        })
        .await
    }

    /// Changes how a person wants to be met; all their devices are told what holds now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn change_settings(&self, user: UserId, form: SettingsForm) -> Result<()> {
        let change = SettingsChange {
            locale: form.locale.map(Locale::as_str),
            visibility: form.visibility.map(Visibility::as_str),
            who_may_message: form.who_may_message.map(WhoMayMessage::as_str),
            read_receipts: form.read_receipts,
            notify_messages: form.notify_messages,
            notify_chats: form.notify_chats,
            notify_invites: form.notify_invites,
            mail_messages: form.mail_messages,
        };
        let now = self.inner.clock.now();
        let held = self.inner.committer.run(move |tx| {
            Box::pin(async move {
                let Some(before) = tx.hold_me(user, now).await? else { return Ok(None) };
                tx.change_settings(user, change, now).await?;
                let after = tx.hold_me(user, now).await?.map(|after| after.settings);
                // Nothing changed: nobody has to hear of it.
                if let Some(after) = after.filter(|after| *after != before.settings) {
                    tx.emit_user(user, "settings", json!(Settings::of(&after)), now).await?;
                }
                Ok(Some(()))
            })
        });
        held.await?.ok_or_else(nobody)
    }

    /// Ends the mails about unread messages of whom a link in one of them names.
    ///
    /// # Errors
    /// `bad_request` for a link we did not make; `rate_limited`; those of the store.
    pub async fn unsubscribe(&self, token: &str) -> Result<()> {
        let user = self.inner.post.unsubscriber(token).ok_or_else(|| {
            crate::error::Error::bad_request(
                "This link is not whole, or not one of ours. Sign in and switch the mails off in your settings.",
            )
        })?;
        self.inner.rates.check(RateKind::UserChange, &user.to_string())?;
        self.change_settings(user, SettingsForm { mail_messages: Some(false), ..SettingsForm::default() }).await
    }

    /// The keys that belong to a person beside those by id, for operators: those of the person's e-mail address. None when
    /// `key` does not end with the id of anybody.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn rate_pattern(&self, key: &str) -> Result<Option<String>> {
        let Some((kind, subject)) = key.rsplit_once(':') else { return Ok(None) };
        let Ok(user) = subject.parse::<UserId>() else { return Ok(None) };
        let person = self.inner.store.me(user, self.inner.clock.now()).await?;
        let email = person.and_then(|person| Email::parse(&person.email).ok());
        Ok(email.map(|email| format!("{kind}:{}*", super::mail_subject(&email))))
    }
}

/// What a verified person is told who types another name.
const VERIFIED_NAME: &str = "Your name was verified and stays as it is. Write to support if it has changed.";

fn nobody() -> crate::error::Error {
    no_account("There is no such person.")
}

/// Every field of the form at once, as it is stored.
fn parse(form: ProfileForm) -> std::result::Result<ProfileChange, Vec<Refusal>> {
    let mut fields = Vec::new();
    let mut keep = |field: &'static str, refusal: String| fields.push(Refusal::new(field, refusal));
    let mut name = |field, text: Option<String>| match text.map(|text| model::parse_name(&text)).transpose() {
        Ok(name) => name,
        Err(refusal) => {
            keep(field, refusal.to_owned());
            None
        }
    };
    let (first_name, last_name) = (name("first_name", form.first_name), name("last_name", form.last_name));
    let mut text = |field, text: Option<Option<String>>, chars_max, lines| {
        let parsed = text.map(|text| text.map(|text| parse_text(&text, chars_max, lines)).transpose()).transpose();
        match parsed {
            Ok(text) => text.map(Option::flatten),
            Err(refusal) => {
                keep(field, refusal);
                None
            }
        }
    };
    let pronouns = text("pronouns", form.pronouns, PRONOUNS_CHARS_MAX, false);
    let program = text("program", form.program, PROGRAM_CHARS_MAX, false);
    let about = text("about", form.about, ABOUT_CHARS_MAX, true);
    let believed = |year: u8| (1..=STUDY_YEAR_MAX).contains(&year);
    if form.study_year.flatten().is_some_and(|year| !believed(year)) {
        keep("study_year", format!("Choose a year from 1 to {STUDY_YEAR_MAX}."));
    }
    if let Some(refusal) = form.languages.as_deref().and_then(refused_languages) {
        keep("languages", refusal);
    }
    if !fields.is_empty() {
        return Err(fields);
    }
    let study_year = form.study_year.map(|year| year.map(i32::from));
    Ok(ProfileChange { first_name, last_name, pronouns, program, study_year, about, languages: form.languages })
}

/// A text as it is stored: NFC, trimmed, nothing in it that hides or reorders it; none when nothing is left.
fn parse_text(text: &str, chars_max: usize, lines: bool) -> std::result::Result<Option<String>, String> {
    let too_long = || format!("Use at most {chars_max} characters.");
    if text.len() > chars_max.saturating_mul(16) {
        return Err(too_long());
    }
    let text = text.replace("\r\n", "\n");
    if text.chars().any(|character| is_hidden_in_words(character) && !(lines && character == '\n')) {
        return Err("Remove the invisible characters from the text.".to_owned());
    }
    let text: String = text.trim().nfc().collect();
    if text.chars().count() > chars_max {
        return Err(too_long());
    }
    if model::is_contact(&text) {
        return Err("Leave out links, e-mail addresses and phone numbers.".to_owned());
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn refused_languages(codes: &[String]) -> Option<String> {
    if codes.len() > LANGUAGES_MAX {
        return Some(format!("Choose at most {LANGUAGES_MAX} languages."));
    }
    let known = |code: &String| ISO_639_1.split_whitespace().any(|known| known == code);
    let twice = codes.iter().enumerate().any(|(at, code)| codes.iter().take(at).any(|before| before == code));
    (twice || !codes.iter().all(known)).then(|| "Name each language once, by its two letters of ISO 639-1.".to_owned())
}
