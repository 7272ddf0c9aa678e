//! The mail about unread messages: who wrote, in which chat, and never what. And the proof that ends such mails.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use maud::html;
use subtle::ConstantTimeEq;

use super::templates::{Rendered, page};
use crate::accounts::model::Locale;
use crate::ids::UserId;
use crate::seal::Seal;
use crate::store::UnreadMail;

/// Where such mails are ended.
pub const UNSUBSCRIBE_PATH: &str = "/unsubscribe";

/// What the proof is for, for [`Seal`].
const PLACE: &str = "mail.unsubscribe";
/// Which mails it ends.
const KIND: &[u8] = b"unread_messages";
/// Bytes of an id.
const ID_BYTES: usize = 16;

/// The proof that whoever holds it was sent a mail of this kind to this person. It has no end, as the mail has none.
pub(super) fn token(seal: &Seal, user: UserId) -> String {
    let mut token = user.0.as_bytes().to_vec();
    token.extend_from_slice(&seal.fingerprint(PLACE, user.0, KIND));
    BASE64.encode(token)
}

/// Whose mails a proof ends, compared in constant time.
pub(super) fn open(seal: &Seal, token: &str) -> Option<UserId> {
    let bytes = BASE64.decode(token).ok()?;
    let (id, tag) = bytes.split_first_chunk::<ID_BYTES>()?;
    let user = UserId(uuid::Uuid::from_bytes(*id));
    bool::from(seal.fingerprint(PLACE, user.0, KIND).ct_eq(tag)).then_some(user)
}

/// The mail in the reader's language. `unsubscribe` is a link.
pub(super) fn render(said: &UnreadMail, locale: Locale, base: &str, unsubscribe: &str) -> Rendered {
    let UnreadMail { count, names, chat, .. } = said;
    let chat = format!("{base}/chats/{chat}");
    let (and, somebody) = match locale {
        Locale::Nl => (" en ", "iemand"),
        Locale::En => (" and ", "somebody"),
    };
    let names = match names.split_last() {
        None => somebody.to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{}{and}{last}", first.join(", ")),
    };
    let (subject, lead, button, end, stop) = match locale {
        Locale::Nl => (
            "Ongelezen berichten bij Domu",
            match count {
                1 => format!("Je hebt een ongelezen bericht van {names}."),
                count => format!("Je hebt {count} ongelezen berichten van {names}."),
            },
            "Open het gesprek",
            "Over dit gesprek krijg je geen mail meer tot je verder hebt gelezen.",
            "Geen mails meer over ongelezen berichten",
        ),
        Locale::En => (
            "Unread messages at Domu",
            match count {
                1 => format!("You have an unread message from {names}."),
                count => format!("You have {count} unread messages from {names}."),
            },
            "Open the chat",
            "There is no further mail about this chat until you have read on.",
            "No more mails about unread messages",
        ),
    };
    let text = format!("{lead}\n\n{chat}\n\n{end}\n\n{stop}:\n\n{unsubscribe}\n\nDomu\n");
    let html = page(
        locale,
        subject,
        &html! {
            p { (lead) }
            p { a href=(chat) { (button) } }
            p { (end) }
            p { a href=(unsubscribe) { (stop) } }
        },
    );
    Rendered { subject, text, html }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::ids::{ChatId, new_id};

    #[test]
    fn only_our_own_proof_opens_and_only_for_its_person() {
        let seal = |digit: &str| Seal::new(&SecretString::from(digit.repeat(64))).unwrap();
        let (user, other) = (UserId(new_id()), UserId(new_id()));
        let proof = token(&seal("a"), user);
        assert_eq!(open(&seal("a"), &proof), Some(user));
        assert_eq!(open(&seal("b"), &proof), None, "another key");
        let mut bytes = BASE64.decode(&proof).unwrap();
        bytes[..ID_BYTES].copy_from_slice(other.0.as_bytes());
        assert_eq!(open(&seal("a"), &BASE64.encode(&bytes)), None, "another person");
        for cut in 0..proof.len() {
            assert_eq!(open(&seal("a"), &proof[..cut]), None, "cut at {cut}");
        }
        assert_eq!(open(&seal("a"), &format!("{proof}AA")), None, "a tail");
    }

    #[test]
    fn it_names_who_wrote_and_escapes_them() {
        let said = |names: &[&str], count| UnreadMail {
            user: UserId(new_id()),
            chat: ChatId(new_id()),
            locale: "nl".into(),
            count,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let mail =
            |names: &[&str], count, locale| render(&said(names, count), locale, "https://domu.example", "https://u");
        let text = mail(&["Bram", "Cas", "Daan"], 7, Locale::Nl).text;
        assert!(text.starts_with("Je hebt 7 ongelezen berichten van Bram, Cas en Daan.\n"), "{text}");
        assert!(mail(&["Bram"], 1, Locale::En).text.starts_with("You have an unread message from Bram.\n"));
        assert!(mail(&[], 1, Locale::En).text.contains("from somebody."));
        assert!(!mail(&["<b>"], 1, Locale::Nl).html.contains("<b>"));
    }
}
