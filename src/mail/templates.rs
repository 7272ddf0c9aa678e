//! PURE. What mails say, in Dutch and English.
//!
//! # Why
//! No mail repeats anything a stranger typed into a form, neither names nor texts: whoever signs up with somebody
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
}

impl Letter {
    /// The template's name, as the outbox and the log have it.
    pub const fn template(&self) -> &'static str {
        match self {
            Self::ConfirmEmail { .. } => "confirm_email",
            Self::KnownAddress => "known_address",
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
    }
}

fn confirm_email(locale: Locale, code: &str, link: &str, minutes: u64, hours: u64) -> Rendered {
    let (subject, lead, or, button, ignore) = match locale {
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
    let text = format!("{lead}\n\n{code}\n\n{or}\n\n{link}\n\n{ignore}\n\nDomu\n");
    let html = page(
        locale,
        subject,
        &html! {
            p { (lead) }
            p style="font-size:28px;font-weight:bold;letter-spacing:6px" { (code) }
            p { (or) }
            p { a href=(link) { (button) } }
            p { (ignore) }
        },
    );
    Rendered { subject, text, html }
}

fn known_address(locale: Locale, sign_in: &str) -> Rendered {
    let (subject, what, then, button, ignore) = match locale {
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
    let text = format!("{what}\n\n{then}\n\n{sign_in}\n\n{ignore}\n\nDomu\n");
    let html = page(
        locale,
        subject,
        &html! {
            p { (what) }
            p { (then) }
            p { a href=(sign_in) { (button) } }
            p { (ignore) }
        },
    );
    Rendered { subject, text, html }
}

fn page(locale: Locale, title: &str, body: &Markup) -> String {
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

    fn letters() -> [Letter; 2] {
        [
            Letter::ConfirmEmail { code: "012345".into(), token: "t0k-en_".into(), code_minutes: 10, link_hours: 24 },
            Letter::KnownAddress,
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
        let [letter, _] = letters();
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
