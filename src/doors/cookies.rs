//! The four cookies of a browser: read strictly, written with every attribute.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::plain_token;
use crate::error::{Error, Result};

/// Names the session. `__Host-` keeps sibling hosts from planting one.
pub const SESSION_COOKIE: &str = "__Host-session";
/// Names a browser that is not signed in, so that its CSRF tokens are its own.
pub const ANON_COOKIE: &str = "__Host-anon";
/// Shows that a browser has signed in to an account before.
pub const BROWSER_COOKIE: &str = "__Host-browser";
/// The CSRF token, as the runbook names it.
pub const CSRF_COOKIE: &str = "csrf-token";

/// How long a browser that is not used is still known, in days.
const BROWSER_DAYS: i64 = 365;

/// What a request's cookies say.
#[derive(Clone, Debug, Default)]
pub struct Cookies {
    /// The session's token.
    pub session: Option<SecretString>,
    /// The id of a browser that is not signed in.
    pub anon: Option<String>,
    /// The CSRF token.
    pub csrf: Option<String>,
    /// What the browser was given when it signed in before.
    pub browser: Option<SecretString>,
}

impl Cookies {
    /// Reads our cookies and looks at no others; a value that cannot be ours counts as absent.
    ///
    /// # Errors
    /// `bad_request` when one of ours is there twice: a sibling host may have planted the second.
    pub fn read(headers: &HeaderMap) -> Result<Self> {
        let mut cookies = Self::default();
        let (mut session, mut anon, mut csrf, mut browser) = (0_u8, 0_u8, 0_u8, 0_u8);
        for line in headers.get_all(COOKIE) {
            // Bytes beyond ASCII in a foreign cookie must not hide ours: read what is readable.
            let line = String::from_utf8_lossy(line.as_bytes());
            for cookie in Cookie::split_parse(line.as_ref()).flatten() {
                let value = Some(cookie.value()).filter(|value| plain_token(value));
                let seen = match cookie.name() {
                    SESSION_COOKIE => {
                        cookies.session = value.map(SecretString::from);
                        &mut session
                    }
                    ANON_COOKIE => {
                        cookies.anon = value.map(str::to_owned);
                        &mut anon
                    }
                    CSRF_COOKIE => {
                        cookies.csrf = value.map(str::to_owned);
                        &mut csrf
                    }
                    BROWSER_COOKIE => {
                        cookies.browser = value.map(SecretString::from);
                        &mut browser
                    }
                    _ => continue,
                };
                *seen = seen.saturating_add(1);
            }
        }
        if csrf > 1 {
            // Its name has no `__Host-`, so a sibling host can plant one: then there is none, and pages still open.
            cookies.csrf = None;
        }
        if session > 1 || anon > 1 || browser > 1 {
            return Err(Error::bad_request("A cookie was sent twice. Clear this site's cookies and try again."));
        }
        Ok(cookies)
    }

    /// Whether the request carries any of our cookies, as a browser's does.
    pub fn any(&self) -> bool {
        self.session.is_some() || self.anon.is_some() || self.csrf.is_some() || self.browser.is_some()
    }
}

/// The `Set-Cookie` of a new session, kept by the browser for `keep`.
///
/// # Errors
/// `internal` when the token is not made of token characters.
pub fn session_cookie(token: &SecretString, keep: Duration) -> Result<HeaderValue> {
    let mut cookie = base(SESSION_COOKIE, token.expose_secret());
    cookie.set_max_age(cookie::time::Duration::try_from(keep).unwrap_or(cookie::time::Duration::DAY));
    header(&cookie)
}

/// The `Set-Cookie` of what a browser keeps of having signed in, renewed each time it does.
///
/// # Errors
/// `internal` when it is not made of token characters.
pub fn browser_cookie(proof: &SecretString) -> Result<HeaderValue> {
    let mut cookie = base(BROWSER_COOKIE, proof.expose_secret());
    cookie.set_max_age(cookie::time::Duration::days(BROWSER_DAYS));
    header(&cookie)
}

/// The `Set-Cookie` of an anonymous id, for as long as the browser runs.
///
/// # Errors
/// `internal` when the id is not made of token characters.
pub fn anon_cookie(id: &str) -> Result<HeaderValue> {
    header(&base(ANON_COOKIE, id))
}

/// The `Set-Cookie` of a CSRF token, for as long as the browser runs.
///
/// # Errors
/// `internal` when the token is not made of token characters.
pub fn csrf_cookie(token: &str) -> Result<HeaderValue> {
    header(&base(CSRF_COOKIE, token))
}

/// The `Set-Cookie` that makes the browser forget one of ours.
///
/// # Errors
/// `internal` when the name is not a cookie name.
pub fn clear_cookie(name: &'static str) -> Result<HeaderValue> {
    let mut cookie = base(name, "");
    cookie.set_max_age(cookie::time::Duration::ZERO);
    header(&cookie)
}

fn base<'c>(name: &'static str, value: &'c str) -> Cookie<'c> {
    Cookie::build((name, value)).path("/").secure(true).http_only(true).same_site(SameSite::Lax).build()
}

fn header(cookie: &Cookie<'_>) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&cookie.to_string()).map_err(Error::internal)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &'static str) -> Result<Cookies> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static(line));
        Cookies::read(&headers)
    }

    #[test]
    fn ours_are_found_among_others() {
        let cookies = read("theme=dark; __Host-session=abc; x; csrf-token=t.1; __Host-anon=n").unwrap();
        assert_eq!(cookies.session.unwrap().expose_secret(), "abc");
        assert_eq!(cookies.csrf.as_deref(), Some("t.1"));
        assert_eq!(cookies.anon.as_deref(), Some("n"));
    }

    #[test]
    fn a_second_cookie_of_a_name_is_refused_in_one_header_and_in_two() {
        assert_eq!(read("csrf-token=a; csrf-token=a").unwrap().csrf, None);
        assert!(read("__Host-session=a; __Host-session=").is_err());
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("__Host-anon=a"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-anon=b"));
        assert!(Cookies::read(&headers).is_err());
    }

    #[test]
    fn foreign_cookies_and_odd_values_are_nothing() {
        assert!(!read("session=a; host-session=b; __host-session=c").unwrap().any(), "names are case-sensitive");
        assert!(!read("__Host-session=\"a b\"; csrf-token=").unwrap().any());
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_bytes(b"a=\xff\xfe; __Host-session=s").unwrap());
        assert!(Cookies::read(&headers).unwrap().session.is_some());
    }

    #[test]
    fn every_attribute_is_written() {
        let set = session_cookie(&SecretString::from("tok"), Duration::from_secs(60)).unwrap();
        assert_eq!(set.to_str().unwrap(), "__Host-session=tok; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
        assert!(set.is_sensitive());
        assert_eq!(
            clear_cookie(CSRF_COOKIE).unwrap(),
            "csrf-token=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
        );
        assert_eq!(anon_cookie("n").unwrap(), "__Host-anon=n; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert!(csrf_cookie("a\r\nb").is_err());
    }
}
