//! PURE. The rules of every door into the house: cookies, bearer tokens, CSRF tokens, hosts, origins and client
//! addresses, as functions of headers and configuration. `http` and `ws` both ask here, so the two doors cannot differ.

mod address;
mod cookies;
mod csrf;
mod origin;
#[cfg(test)]
pub mod tests_config;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use dashmap::DashMap;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::SecretString;
use tokio::sync::OwnedSemaphorePermit;

pub use address::{client_address, is_proxied, network};
pub use cookies::{
    ANON_COOKIE, BROWSER_COOKIE, CSRF_COOKIE, Cookies, SESSION_COOKIE, anon_cookie, browser_cookie, clear_cookie,
    csrf_cookie, session_cookie,
};
pub use csrf::{CSRF_HEADER, CsrfSubject, make_anon_id, make_csrf_token, verify_csrf_token};
pub use origin::{host_allowed, origin_allowed, public_origin, request_host, unsafe_origin_allowed};

use crate::error::{Error, Result};

/// The address of the other end of the TCP connection: a proxy's, when there is one.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddr(pub SocketAddr);

/// The header in which programs of admins show the admin secret.
pub const ADMIN_SECRET_HEADER: &str = "x-admin-secret";

/// The id of one HTTP request, made by us and never taken from outside; it is in the answer, the problem document and the log.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// One place under the connection cap, shared by whoever holds the connection.
///
/// # Ordering
/// The place is free again when the last clone is gone. hyper's connection future ends at an upgrade, so the owner of
/// the upgraded socket keeps a clone for as long as the socket lives.
#[derive(Clone, Debug)]
pub struct ConnectionPermit {
    #[expect(dead_code, reason = "held, not read: dropping it is what counts")]
    held: Arc<(OwnedSemaphorePermit, Option<AddressPlace>)>,
}

impl ConnectionPermit {
    /// A place under the cap of all connections and, for a client that comes by itself, under that of its address.
    pub fn new(place: OwnedSemaphorePermit, address: Option<AddressPlace>) -> Self {
        Self { held: Arc::new((place, address)) }
    }
}

/// How many connections each address holds.
#[derive(Debug, Default)]
pub struct Addresses {
    held: DashMap<IpAddr, usize>,
}

/// One connection of an address; given back when dropped.
#[derive(Debug)]
pub struct AddressPlace {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// A place for one more connection of an address, unless it holds `most` already.
    pub fn take(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<AddressPlace> {
        let mut held = self.held.entry(address).or_default();
        if *held >= most {
            return None;
        }
        *held += 1;
        drop(held);
        Some(AddressPlace { addresses: Arc::clone(self), address })
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        if let Some(mut held) = self.addresses.held.get_mut(&self.address) {
            *held = held.saturating_sub(1);
        }
        self.addresses.held.remove_if(&self.address, |_, held| *held == 0);
    }
}

/// Longest credential that is looked at. Ours are far below; anything longer is nobody's.
const CREDENTIAL_BYTES_MAX: usize = 512;

/// The token of `authorization: Bearer`, if the header is there.
///
/// # Errors
/// `bad_request` when the header is there twice: two parsers could choose differently.
pub fn bearer_token(headers: &HeaderMap) -> Result<Option<SecretString>> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::bad_request("Send one authorization header."));
    }
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    Ok(token.filter(|token| plain_token(token)).map(SecretString::from))
}

/// The session token of a request, from the cookie or the bearer header.
///
/// # Errors
/// `bad_request` when the request names two: which of them counts must not be anybody's guess.
pub fn session_token(headers: &HeaderMap) -> Result<Option<SecretString>> {
    match (Cookies::read(headers)?.session, bearer_token(headers)?) {
        (Some(_), Some(_)) => Err(Error::bad_request("Send either the session cookie or a bearer token, not both.")),
        (cookie, bearer) => Ok(cookie.or(bearer)),
    }
}

/// Whether text is made of the characters tokens are made of, and not absurdly long.
fn plain_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= CREDENTIAL_BYTES_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'='))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use secrecy::ExposeSecret;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn an_address_holds_so_many_connections_and_leaves_no_trace() {
        let addresses = Arc::new(Addresses::default());
        let (one, other): (IpAddr, IpAddr) = ([203, 0, 113, 7].into(), [203, 0, 113, 8].into());
        let first = addresses.take(one, 2).unwrap();
        let second = addresses.take(one, 2).unwrap();
        assert!(addresses.take(one, 2).is_none());
        assert!(addresses.take(other, 2).is_some(), "others are not concerned");
        drop(first);
        assert!(addresses.take(one, 2).is_some());
        drop(second);
        assert!(addresses.held.is_empty());
    }

    #[test]
    fn a_bearer_is_read_once_and_only_in_its_scheme() {
        let token =
            |pairs| bearer_token(&headers(pairs)).map(|token| token.map(|token| token.expose_secret().to_owned()));
        assert_eq!(token(&[("authorization", "Bearer abc-1")]).unwrap().as_deref(), Some("abc-1"));
        assert_eq!(token(&[("authorization", "bearer abc-1")]).unwrap().as_deref(), Some("abc-1"));
        assert_eq!(token(&[("authorization", "Basic abc")]).unwrap(), None);
        assert_eq!(token(&[("authorization", "Bearer a b")]).unwrap(), None);
        assert_eq!(token(&[("authorization", "Bearer ")]).unwrap(), None);
        assert!(token(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]).is_err());
    }

    #[test]
    fn a_session_token_comes_from_one_place_only() {
        let token =
            |pairs| session_token(&headers(pairs)).map(|token| token.map(|token| token.expose_secret().to_owned()));
        assert_eq!(token(&[("cookie", "__Host-session=c")]).unwrap().as_deref(), Some("c"));
        assert_eq!(token(&[("authorization", "Bearer b")]).unwrap().as_deref(), Some("b"));
        assert!(token(&[("cookie", "__Host-session=c"), ("authorization", "Bearer b")]).is_err());
        assert!(token(&[("cookie", "__Host-session=c; __Host-session=d")]).is_err());
        assert_eq!(token(&[]).unwrap(), None);
    }
}
