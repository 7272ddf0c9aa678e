//! PURE. The rules of an account: what an e-mail address, a name and a birth date may be.

use std::fmt;
use std::net::IpAddr;

use crate::moderation::{Action, Policy, screen};
use crate::text::is_hidden;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use utoipa::ToSchema;

/// Longest e-mail address in bytes. *Source*: RFC 5321 4.5.3.1.3 as corrected by erratum 1690.
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest part before the `@` in bytes. *Source*: RFC 5321 4.5.3.1.1.
const EMAIL_LOCAL_BYTES_MAX: usize = 64;
/// Longest first or last name in Unicode scalars: fits "Wolfeschlegelsteinhausenbergerdorff", not a story.
pub const NAME_CHARS_MAX: usize = 60;
/// Most combining marks on one letter: Vietnamese needs two, decoration that leaves its line needs many.
const NAME_MARKS_MAX: usize = 3;
/// Longest user agent that is kept, in Unicode scalars: enough to recognise one's own browser.
pub const USER_AGENT_CHARS_MAX: usize = 200;
/// First year of birth that is believed.
const BIRTH_YEAR_MIN: i32 = 1900;

/// One field of a form and why it was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Refusal {
    /// The field's wire name.
    pub field: &'static str,
    /// What to do about it.
    pub detail: String,
}

impl Refusal {
    /// A refusal of `field` with a sentence that says what to do.
    pub fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self { field, detail: detail.into() }
    }
}

/// The language a person reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Locale {
    /// Dutch.
    Nl,
    /// English.
    #[default]
    En,
}

impl Locale {
    /// The wire and column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nl => "nl",
            Self::En => "en",
        }
    }

    /// The locale of a stored name; anything unknown is English.
    pub fn stored(name: &str) -> Self {
        if name == "nl" { Self::Nl } else { Self::En }
    }
}

/// What kind of room seeker a person is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserType {
    /// Studies at a university.
    #[default]
    Student,
    /// Works.
    Professional,
}

impl UserType {
    /// The wire and column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Professional => "professional",
        }
    }

    /// The type of a stored name; anything unknown is a student.
    pub fn stored(name: &str) -> Self {
        if name == "professional" { Self::Professional } else { Self::Student }
    }
}

/// Whether others find a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Others find them.
    #[default]
    Visible,
    /// Nobody is shown to them, nor they to anybody.
    Ghost,
}

impl Visibility {
    /// The wire and column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visible => "visible",
            Self::Ghost => "ghost",
        }
    }

    /// The visibility of a stored name; anything unknown is visible.
    pub fn stored(name: &str) -> Self {
        if name == "ghost" { Self::Ghost } else { Self::Visible }
    }
}

/// Who may write to a person in a chat of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhoMayMessage {
    /// People they matched with.
    #[default]
    Matches,
    /// Nobody.
    Nobody,
}

impl WhoMayMessage {
    /// The wire and column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matches => "matches",
            Self::Nobody => "nobody",
        }
    }

    /// The choice of a stored name; anything unknown is matches.
    pub fn stored(name: &str) -> Self {
        if name == "nobody" { Self::Nobody } else { Self::Matches }
    }
}

/// An e-mail address that mail can be sent to, as typed and in the form that is unique.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    typed: String,
    normalized: String,
}

impl Email {
    /// Parses an address: an ASCII dot-atom, `@`, and a domain name with at least one dot.
    ///
    /// # Why
    /// Quoted local parts, comments, address literals and non-ASCII local parts are refused: nobody's university
    /// hands them out, and they are how addresses become header injections. The unique form is lower case, with
    /// the domain in its ASCII (IDNA) form. Plus tags and dots are kept: whether they mean something is the mail
    /// server's affair.
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "Type an e-mail address such as isa@student.uva.nl.";
        let typed = text.trim();
        if typed.len() > EMAIL_BYTES_MAX {
            return Err("Type an e-mail address of at most 254 characters.");
        }
        let (local, domain) = typed.rsplit_once('@').ok_or(FORM)?;
        if local.is_empty() || local.len() > EMAIL_LOCAL_BYTES_MAX {
            return Err(FORM);
        }
        if local.split('.').any(|atom| atom.is_empty() || !atom.bytes().all(is_atom_byte)) {
            return Err(FORM);
        }
        let domain = normalize_domain(domain).ok_or(FORM)?;
        let normalized = format!("{}@{domain}", local.to_ascii_lowercase());
        if normalized.len() > EMAIL_BYTES_MAX {
            return Err("Type an e-mail address of at most 254 characters.");
        }
        Ok(Self { typed: format!("{local}@{domain}"), normalized })
    }

    /// As typed, without surrounding space and with the domain in ASCII: where mail goes.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The unique form.
    pub fn normalized(&self) -> &str {
        &self.normalized
    }

    /// The domain, in lower-case ASCII.
    pub fn domain(&self) -> &str {
        self.normalized.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The part before the `@`, in lower case.
    pub fn local(&self) -> &str {
        self.normalized.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

/// Addresses of people never reach a log by accident.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// *Source*: `atext` of RFC 5322 3.2.3.
const fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'/'
                | b'='
                | b'?'
                | b'^'
                | b'_'
                | b'`'
                | b'{'
                | b'|'
                | b'}'
                | b'~'
        )
}

/// A domain name in lower-case ASCII, or none when it is not one that receives mail.
fn normalize_domain(domain: &str) -> Option<String> {
    // A percent sign would be decoded by the URL host parser; in a mail domain it is an error.
    if domain.contains('%') {
        return None;
    }
    let url::Host::Domain(ascii) = url::Host::parse(domain).ok()? else { return None };
    let well_formed = ascii.len() <= 253
        && ascii.contains('.')
        && ascii.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
        && !ascii.rsplit('.').next().is_some_and(|top| top.bytes().all(|byte| byte.is_ascii_digit()));
    well_formed.then_some(ascii)
}

/// Whether an address at `domain` belongs to an institution that owns `owned`: the same domain or below it.
pub fn domain_belongs(domain: &str, owned: &str) -> bool {
    let owned = owned.trim().trim_start_matches('@').to_ascii_lowercase();
    if owned.is_empty() {
        return false;
    }
    domain.strip_suffix(owned.as_str()).is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

/// Whether a text that others see holds a link, an address or a phone number.
pub fn is_contact(text: &str) -> bool {
    screen::<&str>(text, &[], &Policy::default()).action == Action::Reject
}

/// A first or last name as it is stored: NFC, single inner spaces, nothing that hides or reorders text.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn parse_name(text: &str) -> Result<String, &'static str> {
    if text.len() > NAME_CHARS_MAX * 16 {
        return Err("Use at most 60 characters.");
    }
    if text.chars().any(is_hidden) {
        return Err("Remove the invisible characters from the name.");
    }
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect::<String>();
    if name.is_empty() {
        return Err("Type a name.");
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err("Use at most 60 characters.");
    }
    if !name.chars().any(char::is_alphabetic) {
        return Err("Type a name with at least one letter.");
    }
    // Names are shown to strangers and written into notices: no addresses, links or markup in them.
    if name.contains(['@', '/', '\\', '<', '>', ':']) {
        return Err("Type a name without the characters @ / \\ < > and colon.");
    }
    if is_contact(&name) {
        return Err("Type a name without addresses and phone numbers.");
    }
    let mut marks = 0;
    for character in name.chars() {
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        if marks > NAME_MARKS_MAX {
            return Err("Use fewer accents on one letter.");
        }
    }
    Ok(name)
}

/// The day it is where the people are.
pub fn today(now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&chrono_tz::Europe::Amsterdam).date_naive()
}

/// A birth date written `YYYY-MM-DD`, of a person who is at least `years_min` full years old on `today`.
///
/// # Why
/// Someone born on 29 February has the birthday on 1 March in common years, as Dutch authorities count.
/// # Errors
/// A sentence for the person who typed it.
pub fn parse_birth_date(text: &str, today: NaiveDate, years_min: u32) -> Result<NaiveDate, String> {
    const FORM: &str = "Type the date of birth as year-month-day, such as 2004-05-31.";
    let well_formed = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !well_formed {
        return Err(FORM.into());
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| FORM.to_owned())?;
    if date > today || chrono::Datelike::year(&date) < BIRTH_YEAR_MIN {
        return Err("Type your own date of birth.".into());
    }
    if today.years_since(date).is_none_or(|years| years < years_min) {
        return Err(format!("You must be at least {years_min} years old to use Domu."));
    }
    Ok(date)
}

/// An address without the part that tells one household from another: /24 of IPv4, /48 of IPv6.
pub fn truncate_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

/// A user agent cut to what is kept, without control characters.
pub fn cut_user_agent(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(USER_AGENT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_unique_by_lower_case_and_ascii_domain() {
        let email = Email::parse("  Isa.Visser+Domu@Student.UVA.nl ").unwrap();
        assert_eq!(email.typed(), "Isa.Visser+Domu@student.uva.nl");
        assert_eq!(email.normalized(), "isa.visser+domu@student.uva.nl");
        assert_eq!(email.domain(), "student.uva.nl");
        assert_eq!(Email::parse("a@büro.example").unwrap().domain(), "xn--bro-hoa.example");
    }

    #[test]
    fn what_no_mail_server_takes_is_refused() {
        for text in [
            "",
            "@",
            "a@",
            "@b.nl",
            "a@b",
            "a b@c.nl",
            "a@b c.nl",
            ".a@b.nl",
            "a.@b.nl",
            "a..b@c.nl",
            "a@@b.nl",
            "\"a\"@b.nl",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@-b.nl",
            "a@b-.nl",
            "a@b..nl",
            "a@b.nl.",
            "a@b.123",
            "a@b.nl\r\nBcc: x@y.nl",
            "a\r\n@b.nl",
            "a@b_c.nl",
            "é@b.nl",
            "a@%62.nl",
            "a@b.nl>",
            "<a@b.nl>",
            "a,b@c.nl",
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert!(Email::parse(&format!("{}@b.nl", "a".repeat(64))).is_ok());
        assert!(Email::parse(&format!("{}@b.nl", "a".repeat(65))).is_err());
        assert!(Email::parse(&format!("a@{}.nl", "b".repeat(63))).is_ok());
        assert!(Email::parse(&format!("a@{}nl", "b.".repeat(140))).is_err());
    }

    #[test]
    fn debug_of_an_address_says_nothing() {
        assert!(!format!("{:?}", Email::parse("isa@uva.nl").unwrap()).contains("isa"));
    }

    #[test]
    fn a_domain_belongs_to_its_owner_and_to_nobody_else() {
        assert!(domain_belongs("uva.nl", "uva.nl"));
        assert!(domain_belongs("student.uva.nl", "UVA.nl"));
        assert!(domain_belongs("student.uva.nl", "@uva.nl"));
        assert!(!domain_belongs("kuva.nl", "uva.nl"));
        assert!(!domain_belongs("uva.nl.example", "uva.nl"));
        assert!(!domain_belongs("nl", "uva.nl"));
        assert!(!domain_belongs("uva.nl", ""));
    }

    #[test]
    fn names_keep_what_people_are_called() {
        for name in
            ["Isa", "Jan-Willem", "D'Arcy", "van der Berg", "Nguyễn Thị", "Łukasz", "李", "محمد", "J.", "می‌خواهم"]
        {
            assert_eq!(parse_name(name).as_deref(), Ok(name));
        }
        assert_eq!(parse_name("  Isa \t  Maria ").as_deref(), Ok("Isa Maria"));
        assert_eq!(parse_name("Zoe\u{308}").as_deref(), Ok("Zoë"));
    }

    #[test]
    fn names_that_hide_or_advertise_are_refused() {
        let zalgo = format!("Z{}", "\u{0334}".repeat(9));
        let long = "a".repeat(61);
        for name in [
            "",
            "  ",
            "\n",
            "a\u{202E}b",
            "a\u{2066}b",
            "a\u{200B}b",
            "a\0b",
            "a\u{7f}b",
            "1234",
            "!!",
            "\u{3164}",
            "<b>x",
            "http://x",
            "x@y.nl",
            "a\nb",
            &zalgo,
            &long,
            "a\u{E000}",
        ] {
            assert!(parse_name(name).is_err(), "{name:?}");
        }
        assert!(parse_name(&"a".repeat(60)).is_ok());
    }

    #[test]
    fn sixteen_years_and_364_days_is_refused_and_the_seventeenth_birthday_accepted() {
        assert!(parse_birth_date("2009-11-23", day("2026-11-22"), 17).is_err());
        assert!(parse_birth_date("2009-11-22", day("2026-11-22"), 17).is_ok());
        assert!(parse_birth_date("2009-11-22", day("2026-11-21"), 17).is_err());
    }

    #[test]
    fn someone_born_on_29_february_has_the_birthday_on_1_march() {
        assert!(parse_birth_date("2008-02-29", day("2025-02-28"), 17).is_err());
        assert!(parse_birth_date("2008-02-29", day("2025-03-01"), 17).is_ok());
        assert!(parse_birth_date("2004-02-29", day("2024-02-29"), 20).is_ok());
    }

    #[test]
    fn the_day_is_the_one_in_amsterdam() {
        let late = |text: &str| today(text.parse().unwrap());
        assert_eq!(late("2026-11-21T22:59:59Z"), day("2026-11-21"));
        assert_eq!(late("2026-11-21T23:00:00Z"), day("2026-11-22"));
        assert_eq!(late("2026-07-21T22:00:00Z"), day("2026-07-22"), "summer time");
    }

    #[test]
    fn birth_dates_are_written_one_way() {
        let today = day("2026-11-22");
        for text in [
            "",
            "2004-5-31",
            "31-05-2004",
            "2004-02-30",
            "+204-05-31",
            "20040531",
            "2027-01-01",
            "1899-12-31",
            "2004-05-31 ",
        ] {
            assert!(parse_birth_date(text, today, 17).is_err(), "{text:?}");
        }
    }

    #[test]
    fn addresses_lose_their_household() {
        let cut = |text: &str| truncate_address(text.parse().unwrap());
        assert_eq!(cut("203.0.113.77"), "203.0.113.0/24");
        assert_eq!(cut("::ffff:203.0.113.77"), "203.0.113.0/24");
        assert_eq!(cut("2001:db8:1:2:3:4:5:6"), "2001:db8:1::/48");
    }

    #[test]
    fn user_agents_are_cut_by_characters() {
        assert_eq!(cut_user_agent(&"é".repeat(300)).chars().count(), 200);
        assert_eq!(cut_user_agent("a\r\nb"), "ab");
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_is_idempotent(text in "\\PC{0,80}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(&Email::parse(email.typed()).unwrap(), &email);
                prop_assert!(email.typed().is_ascii());
            }
            if let Ok(name) = parse_name(&text) {
                prop_assert_eq!(parse_name(&name), Ok(name.clone()));
            }
            let _checked = parse_birth_date(&text, day("2026-11-22"), 17);
        }
    }
}
