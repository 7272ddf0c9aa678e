//! PURE. What mails say, in Dutch and English.
//!
//! # Why
//! No mail to somebody we do not know repeats anything a stranger typed into a form, neither names nor texts: whoever signs up with somebody
//! else's address must not be able to write to them through us. The plain text is ASCII with short lines, so that it
//! reaches any program unencoded.

use maud::{DOCTYPE, Markup, html};
use serde::{Deserialize, Serialize};

use crate::accounts::model::Locale;

/// What one mail is about, with everything its text needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", rename_all = "snake_case")]
pub enum Letter {
    /// The code and the link that confirm an address.
    ConfirmEmail {
        /// Six digits.
        code: String,
        /// The link's secret.
        token: String,
        /// How long the code works, in minutes.
        code_minutes: u64,
        /// How long the link works, in hours.
        link_hours: u64,
    },
    /// Somebody signed up with an address that has an account.
    KnownAddress,
    /// The code and the link that set a new password.
    ResetPassword {
        /// Six digits.
        code: String,
        /// The link's secret.
        token: String,
        /// How long the code works, in minutes.
        code_minutes: u64,
        /// How long the link works, in minutes.
        link_minutes: u64,
    },
    /// The password is another one now.
    PasswordChanged,
    /// The code and the link that put a new address in the place of the old one; to the new one.
    ChangeEmail {
        /// Six digits.
        code: String,
        /// The link's secret.
        token: String,
        /// How long the code works, in minutes.
        code_minutes: u64,
        /// How long the link works, in hours.
        link_hours: u64,
    },
    /// Somebody wanted to give their account an address that has an account.
    AddressTaken,
    /// Another address is to take the place of this one; to the old one.
    EmailChanging {
        /// The secret of the link that stops it.
        token: String,
        /// How long the link works, in hours.
        link_hours: u64,
    },
    /// Another address took the place of this one; to the old one.
    EmailChanged {
        /// The secret of the link that undoes it.
        token: String,
        /// How long the link works, in hours.
        link_hours: u64,
    },
    /// The former address is back in the place of this one; to this one.
    EmailRestored,
}

impl Letter {
    /// The template's name, as the outbox and the log have it.
    pub const fn template(&self) -> &'static str {
        match self {
            Self::ConfirmEmail { .. } => "confirm_email",
            Self::KnownAddress => "known_address",
            Self::ResetPassword { .. } => "reset_password",
            Self::PasswordChanged => "password_changed",
            Self::ChangeEmail { .. } => "change_email",
            Self::AddressTaken => "address_taken",
            Self::EmailChanging { .. } => "email_changing",
            Self::EmailChanged { .. } => "email_changed",
            Self::EmailRestored => "email_restored",
        }
    }
}

/// Secrets in a letter never reach a log by accident.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.template())
    }
}

/// A mail as it is sent, in both forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: &'static str,
    /// For programs that show no HTML, and for people who read files.
    pub text: String,
    /// The same as a page.
    pub html: String,
}

/// The letter in the reader's language, with links to `base` (an address without a trailing slash).
pub fn render(letter: &Letter, locale: Locale, base: &str) -> Rendered {
    match letter {
        Letter::ConfirmEmail { code, token, code_minutes, link_hours } => {
            // In the fragment: it reaches no server log and no other site's referrer.
            let link = format!("{base}/confirm#token={token}");
            confirm_email(locale, code, &link, *code_minutes, *link_hours)
        }
        Letter::KnownAddress => known_address(locale, &format!("{base}/sign-in")),
        Letter::ResetPassword { code, token, code_minutes, link_minutes } => {
            let link = format!("{base}/reset-password#token={token}");
            reset_password(locale, code, &link, *code_minutes, *link_minutes)
        }
        Letter::PasswordChanged => password_changed(locale, &format!("{base}/forgot-password")),
        Letter::ChangeEmail { code, token, code_minutes, link_hours } => {
            let link = format!("{base}/confirm-email#token={token}");
            change_email(locale, code, &link, *code_minutes, *link_hours)
        }
        Letter::AddressTaken => address_taken(locale, &format!("{base}/sign-in")),
        Letter::EmailChanging { token, link_hours } => {
            email_changing(locale, &format!("{base}/reset-password#token={token}"), *link_hours)
        }
        Letter::EmailChanged { token, link_hours } => {
            email_changed(locale, &format!("{base}/reset-password#token={token}"), *link_hours)
        }
        Letter::EmailRestored => email_restored(locale),
    }
}

/// What a mail says, in the order it says it.
struct Words<'w> {
    subject: &'static str,
    lead: String,
    code: Option<&'w str>,
    /// What stands before the link, the link, and what stands on it in the page.
    link: Option<(String, &'w str, &'static str)>,
    end: &'static str,
}

fn write(locale: Locale, words: &Words<'_>) -> Rendered {
    let Words { subject, lead, code, link, end } = words;
    let code_line = code.map(|code| format!("{code}\n\n")).unwrap_or_default();
    let link_lines = link.as_ref().map(|(before, link, _)| format!("{before}\n\n{link}\n\n")).unwrap_or_default();
    let text = format!("{lead}\n\n{code_line}{link_lines}{end}\n\nDomu\n");
    let html = page(
        locale,
        subject,
        &html! {
            p { (lead) }
            @if let Some(code) = code {
                p style="font-size:28px;font-weight:bold;letter-spacing:6px" { (code) }
            }
            @if let Some((before, link, button)) = link {
                p { (before) }
                p { a href=(link) { (button) } }
            }
            p { (end) }
        },
    );
    Rendered { subject, text, html }
}

fn confirm_email(locale: Locale, code: &str, link: &str, minutes: u64, hours: u64) -> Rendered {
    let (subject, lead, before, button, end) = match locale {
        Locale::Nl => (
            "Bevestig je e-mailadres voor Domu",
            format!("Met deze code bevestig je je e-mailadres. Hij werkt {minutes} minuten:"),
            format!("Of open deze link. Die werkt {hours} uur:"),
            "Bevestig mijn e-mailadres",
            "Heb je geen account bij Domu gemaakt? Dan hoef je niets te doen:\nzonder code of link gebeurt er niets.",
        ),
        Locale::En => (
            "Confirm your e-mail address for Domu",
            format!("This code confirms your e-mail address. It works for {minutes} minutes:"),
            format!("Or open this link. It works for {hours} hours:"),
            "Confirm my e-mail address",
            "You did not make an account at Domu? Then there is nothing to do:\nwithout the code or the link nothing happens.",
        ),
    };
    write(locale, &Words { subject, lead, code: Some(code), link: Some((before, link, button)), end })
}

fn known_address(locale: Locale, sign_in: &str) -> Rendered {
    let (subject, lead, before, button, end) = match locale {
        Locale::Nl => (
            "Je hebt al een account bij Domu",
            "Iemand wilde een account maken met dit e-mailadres, maar er is al een\naccount met dit adres.",
            "Was jij het? Log dan in met je wachtwoord:",
            "Inloggen",
            "Was jij het niet? Dan hoef je niets te doen: er is niets veranderd.",
        ),
        Locale::En => (
            "You already have an account at Domu",
            "Somebody wanted to make an account with this e-mail address, but there\nalready is one.",
            "Was it you? Then sign in with your password:",
            "Sign in",
            "Was it not you? Then there is nothing to do: nothing has changed.",
        ),
    };
    let link = Some((before.to_owned(), sign_in, button));
    write(locale, &Words { subject, lead: lead.to_owned(), code: None, link, end })
}

fn reset_password(locale: Locale, code: &str, link: &str, minutes: u64, link_minutes: u64) -> Rendered {
    let (subject, lead, before, button, end) = match locale {
        Locale::Nl => (
            "Een nieuw wachtwoord voor Domu",
            format!("Met deze code kies je een nieuw wachtwoord. Hij werkt {minutes} minuten:"),
            format!("Of open deze link. Die werkt {link_minutes} minuten:"),
            "Kies een nieuw wachtwoord",
            "Heb je hier niet om gevraagd? Dan hoef je niets te doen:\nzonder code of link verandert er niets.",
        ),
        Locale::En => (
            "A new password for Domu",
            format!("With this code you choose a new password. It works for {minutes} minutes:"),
            format!("Or open this link. It works for {link_minutes} minutes:"),
            "Choose a new password",
            "You did not ask for this? Then there is nothing to do:\nwithout the code or the link nothing changes.",
        ),
    };
    write(locale, &Words { subject, lead, code: Some(code), link: Some((before, link, button)), end })
}

fn password_changed(locale: Locale, forgot: &str) -> Rendered {
    let (subject, lead, before, button, end) = match locale {
        Locale::Nl => (
            "Je wachtwoord voor Domu is veranderd",
            "Het wachtwoord van je account bij Domu is veranderd.",
            "Was jij het niet? Kies dan meteen een nieuw wachtwoord:",
            "Kies een nieuw wachtwoord",
            "Was jij het wel? Dan hoef je niets te doen.",
        ),
        Locale::En => (
            "Your password for Domu has changed",
            "The password of your account at Domu has changed.",
            "Was it not you? Then choose a new password at once:",
            "Choose a new password",
            "Was it you? Then there is nothing to do.",
        ),
    };
    let link = Some((before.to_owned(), forgot, button));
    write(locale, &Words { subject, lead: lead.to_owned(), code: None, link, end })
}

fn change_email(locale: Locale, code: &str, link: &str, minutes: u64, hours: u64) -> Rendered {
    let (subject, lead, before, button, end) = match locale {
        Locale::Nl => (
            "Bevestig je nieuwe e-mailadres voor Domu",
            format!("Met deze code wordt dit het e-mailadres van je account. Hij werkt\n{minutes} minuten:"),
            format!("Of open deze link terwijl je bent ingelogd. Die werkt {hours} uur:"),
            "Bevestig mijn nieuwe e-mailadres",
            "Heb je hier niet om gevraagd? Dan hoef je niets te doen:\nzonder code of link gebeurt er niets.",
        ),
        Locale::En => (
            "Confirm your new e-mail address for Domu",
            format!(
                "With this code, this becomes the e-mail address of your account. It works\nfor {minutes} minutes:"
            ),
            format!("Or open this link while you are signed in. It works for {hours} hours:"),
            "Confirm my new e-mail address",
            "You did not ask for this? Then there is nothing to do:\nwithout the code or the link nothing happens.",
        ),
    };
    write(locale, &Words { subject, lead, code: Some(code), link: Some((before, link, button)), end })
}

fn address_taken(locale: Locale, sign_in: &str) -> Rendered {
    let (subject, lead, before, button, end) = match locale {
        Locale::Nl => (
            "Je hebt al een account bij Domu",
            "Iemand wilde dit e-mailadres aan een account bij Domu geven, maar er is al\neen ander account met dit adres.",
            "Was jij het? Log dan in op het account dat dit adres al heeft:",
            "Inloggen",
            "Was jij het niet? Dan hoef je niets te doen: er is niets veranderd.",
        ),
        Locale::En => (
            "You already have an account at Domu",
            "Somebody wanted to give this e-mail address to an account at Domu, but\nanother account has it already.",
            "Was it you? Then sign in to the account that has this address:",
            "Sign in",
            "Was it not you? Then there is nothing to do: nothing has changed.",
        ),
    };
    let link = Some((before.to_owned(), sign_in, button));
    write(locale, &Words { subject, lead: lead.to_owned(), code: None, link, end })
}

fn email_changing(locale: Locale, stop: &str, hours: u64) -> Rendered {
    let (subject, lead, before, button, end) = match locale {
        Locale::Nl => (
            "Je e-mailadres voor Domu wordt veranderd",
            "Iemand die in je account bij Domu is ingelogd wil er een ander\ne-mailadres aan geven. Het verandert pas als dat adres is bevestigd.",
            format!(
                "Was jij het niet? Kies dan meteen een nieuw wachtwoord. Dat houdt de\nverandering tegen en logt iedereen uit. De link werkt {hours} uur:"
            ),
            "Houd het tegen",
            "Was jij het wel? Dan hoef je hier niets te doen.",
        ),
        Locale::En => (
            "Your e-mail address for Domu is being changed",
            "Somebody who is signed in to your account at Domu wants to give it another\ne-mail address. It changes only once that address is confirmed.",
            format!(
                "Was it not you? Then choose a new password at once. That stops the change\nand signs everybody out. The link works for {hours} hours:"
            ),
            "Stop it",
            "Was it you? Then there is nothing to do here.",
        ),
    };
    write(locale, &Words { subject, lead: lead.to_owned(), code: None, link: Some((before, stop, button)), end })
}

fn email_changed(locale: Locale, undo: &str, hours: u64) -> Rendered {
    let (subject, lead, before, button, end) = match locale {
        Locale::Nl => (
            "Je e-mailadres voor Domu is veranderd",
            "Je account bij Domu heeft nu een ander e-mailadres. Je logt voortaan met\ndat adres in, en hierheen sturen we niets meer.",
            format!(
                "Was jij het niet? Kies dan meteen een nieuw wachtwoord. Dat zet dit adres\nterug en logt iedereen uit. De link werkt {hours} uur:"
            ),
            "Zet mijn adres terug",
            "Was jij het wel? Dan hoef je niets te doen.",
        ),
        Locale::En => (
            "Your e-mail address for Domu has changed",
            "Your account at Domu has another e-mail address now. You sign in with that\naddress from now on, and we send nothing here any more.",
            format!(
                "Was it not you? Then choose a new password at once. That puts this address\nback and signs everybody out. The link works for {hours} hours:"
            ),
            "Put my address back",
            "Was it you? Then there is nothing to do.",
        ),
    };
    write(locale, &Words { subject, lead: lead.to_owned(), code: None, link: Some((before, undo, button)), end })
}

fn email_restored(locale: Locale) -> Rendered {
    let (subject, lead, end) = match locale {
        Locale::Nl => (
            "Dit is niet meer je e-mailadres voor Domu",
            "Wie het vorige e-mailadres van je account bij Domu leest, heeft dat adres\nteruggezet en een nieuw wachtwoord gekozen. Iedereen is uitgelogd.",
            "Je logt weer in met het vorige adres.",
        ),
        Locale::En => (
            "This is no longer your e-mail address for Domu",
            "Whoever reads the former e-mail address of your account at Domu has put it\nback and chosen a new password. Everybody is signed out.",
            "You sign in with the former address again.",
        ),
    };
    write(locale, &Words { subject, lead: lead.to_owned(), code: None, link: None, end })
}

/// A mail as a page.
pub(super) fn page(locale: Locale, title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang=(locale.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
            }
            body style="font-family:sans-serif;font-size:16px;line-height:1.5;color:#1c1c1e;max-width:34em;margin:auto;padding:16px" {
                (body)
                p { "Domu" }
            }
        }
    }
    .into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> [Letter; 9] {
        let (code, token) = ("012345".to_owned(), "t0k-en_".to_owned());
        let (mailed, secret) = ((code.clone(), token.clone()), token.clone());
        [
            Letter::ConfirmEmail { code: "012345".into(), token: "t0k-en_".into(), code_minutes: 10, link_hours: 24 },
            Letter::KnownAddress,
            Letter::ResetPassword { code, token, code_minutes: 10, link_minutes: 60 },
            Letter::PasswordChanged,
            Letter::ChangeEmail { code: mailed.0, token: mailed.1, code_minutes: 10, link_hours: 24 },
            Letter::AddressTaken,
            Letter::EmailChanging { token: secret, link_hours: 24 },
            Letter::EmailChanged { token: String::new(), link_hours: 24 },
            Letter::EmailRestored,
        ]
    }

    #[test]
    fn text_is_ascii_with_short_lines_in_both_languages() {
        for (letter, locale) in letters().iter().flat_map(|letter| [(letter, Locale::Nl), (letter, Locale::En)]) {
            let mail = render(letter, locale, "https://domu.example");
            assert!(mail.text.is_ascii() && mail.subject.is_ascii(), "{mail:?}");
            assert!(mail.text.lines().all(|line| line.len() <= 76), "{mail:?}");
            assert!(mail.html.contains(&format!("lang=\"{}\"", locale.as_str())));
        }
    }

    #[test]
    fn confirmation_has_code_and_link_each_on_a_line_of_its_own() {
        let [letter, ..] = letters();
        let mail = render(&letter, Locale::Nl, "https://domu.example");
        assert!(mail.text.lines().any(|line| line == "012345"), "{}", mail.text);
        assert!(mail.text.lines().any(|line| line == "https://domu.example/confirm#token=t0k-en_"), "{}", mail.text);
        assert!(mail.html.contains("href=\"https://domu.example/confirm#token=t0k-en_\""), "{}", mail.html);
    }

    #[test]
    fn what_is_filled_in_is_escaped() {
        let letter =
            Letter::ConfirmEmail { code: "<b>".into(), token: "\"><x>".into(), code_minutes: 1, link_hours: 1 };
        let mail = render(&letter, Locale::En, "https://domu.example");
        assert!(!mail.html.contains("<b>") && !mail.html.contains("<x>"), "{}", mail.html);
    }

    #[test]
    fn letters_survive_storage_and_hide_from_debug() {
        for letter in letters() {
            let stored = serde_json::to_vec(&letter).unwrap();
            assert_eq!(serde_json::from_slice::<Letter>(&stored).unwrap(), letter);
            assert!(!format!("{letter:?}").contains("012345"));
        }
    }
}
