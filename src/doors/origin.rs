//! Which hosts this server answers for, and which pages may ask it to change something.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};

use crate::config::{Config, Environment};
use crate::error::{Error, Result};
use crate::protocol::codes::Code;

/// Longest host name of the DNS (253), with brackets or a dot, a colon and a port.
const HOST_BYTES_MAX: usize = 262;

/// The `Host` of a request, in lower case, when there is exactly one and it is a host with perhaps a port.
///
/// # Errors
/// `bad_request` for none, two, an absolute-form target, or what is not a host.
pub fn request_host(uri: &Uri, headers: &HeaderMap) -> Result<String> {
    if uri.authority().is_some() || uri.scheme().is_some() {
        return Err(Error::bad_request("Send the path only in the request line, and the host in the Host header."));
    }
    let mut values = headers.get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Error::bad_request("Send exactly one Host header."));
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    let text =
        value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= HOST_BYTES_MAX && text.bytes().all(plain));
    let host =
        text.and_then(|text| text.parse::<Authority>().ok()).map(|authority| authority.as_str().to_ascii_lowercase());
    host.ok_or_else(|| Error::bad_request("The Host header is not a host name with an optional port."))
}

/// Refuses a request for a host this server does not answer for.
///
/// The host of the public address and the allowed hosts count; loopback names do in development, when listening on
/// loopback, and for a peer on this machine.
///
/// # Errors
/// `misdirected`.
pub fn host_allowed(config: &Config, host: &str, peer: IpAddr) -> Result<()> {
    let here = config.environment == Environment::Development
        || config.listen.ip().is_loopback()
        || peer.to_canonical().is_loopback();
    let scheme = public_scheme(config);
    let named = |allowed: &str| same_host(scheme, allowed, host);
    if config.allowed_hosts.iter().any(|allowed| named(allowed))
        || public_host(config).is_some_and(|allowed| named(&allowed))
        || (config.public_url.is_none() && named(&config.listen.to_string()))
        || (here && is_loopback_name(host))
    {
        return Ok(());
    }
    Err(Error::new(Code::Misdirected, "This server does not answer for that host. Check the address."))
}

/// The origin people's browsers show: of `public_url`, else of the listening address.
pub fn public_origin(config: &Config) -> String {
    match &config.public_url {
        Some(url) => url.origin().ascii_serialization(),
        None => format!("http://{}", config.listen),
    }
}

/// Refuses a request whose `Origin` header is not exactly ours; no `Origin` at all is for the caller to judge.
///
/// The comparison is of whole origins (scheme, host, port), never of parts. In development the origin of the loopback
/// host that was asked is ours too, because the port may be any.
///
/// # Errors
/// `foreign_origin`, also for `null` and for two headers.
pub fn origin_allowed(config: &Config, headers: &HeaderMap) -> Result<()> {
    let mut values = headers.get_all(ORIGIN).iter();
    let Some(value) = values.next() else { return Ok(()) };
    let ours = values.next().is_none()
        && value
            .to_str()
            .is_ok_and(|origin| origin == public_origin(config) || is_own_loopback(config, headers, origin));
    if ours { Ok(()) } else { Err(foreign()) }
}

/// Refuses a state-changing request that another site's page caused: exact `Origin` when present, and `Sec-Fetch-Site`
/// of `same-origin`, `none` or absent.
///
/// # Errors
/// `foreign_origin`.
pub fn unsafe_origin_allowed(config: &Config, headers: &HeaderMap) -> Result<()> {
    origin_allowed(config, headers)?;
    let mut sites = headers.get_all("sec-fetch-site").iter();
    let (site, more) = (sites.next(), sites.next());
    let ours = more.is_none() && site.is_none_or(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
    if ours { Ok(()) } else { Err(foreign()) }
}

fn foreign() -> Error {
    Error::new(
        Code::ForeignOrigin,
        "This request was made by another site's page. Open this site itself and try there.",
    )
}

fn is_own_loopback(config: &Config, headers: &HeaderMap, origin: &str) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
    let development = config.environment == Environment::Development;
    development
        && host
            .is_some_and(|host| is_loopback_name(&host) && origin == format!("http://{}", without_port("http", &host)))
}

fn public_scheme(config: &Config) -> &str {
    config.public_url.as_ref().map_or("http", url::Url::scheme)
}

fn public_host(config: &Config) -> Option<String> {
    let url = config.public_url.as_ref()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Whether two `host[:port]` mean the same under a scheme whose default port may be left out.
fn same_host(scheme: &str, a: &str, b: &str) -> bool {
    without_port(scheme, &a.to_ascii_lowercase()) == without_port(scheme, &b.to_ascii_lowercase())
}

fn without_port<'h>(scheme: &str, host: &'h str) -> &'h str {
    let default = if scheme == "https" { ":443" } else { ":80" };
    host.strip_suffix(default).unwrap_or(host)
}

fn is_loopback_name(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::doors::tests_config::config;

    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    fn production() -> Config {
        Config {
            environment: Environment::Production,
            listen: "0.0.0.0:8080".parse().unwrap(),
            public_url: Some("https://domumatch.nl".parse().unwrap()),
            allowed_hosts: vec!["www.domumatch.nl".into(), "10.1.1.1:8080".into()],
            ..config()
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn one_plain_host_is_asked_for() {
        let host = |pairs| request_host(&Uri::from_static("/"), &headers(pairs));
        assert_eq!(host(&[("host", "Domumatch.NL:443")]).unwrap(), "domumatch.nl:443");
        for bad in
            ["", "a b", "user@domumatch.nl", "http://domumatch.nl", "domumatch.nl/x", "a,b", "domumatch.nl\\@evil"]
        {
            let mut map = HeaderMap::new();
            map.insert(HOST, HeaderValue::from_str(bad).unwrap());
            assert!(request_host(&Uri::from_static("/"), &map).is_err(), "{bad:?}");
        }
        let mut long = HeaderMap::new();
        long.insert(HOST, HeaderValue::from_str(&"a".repeat(10_000)).unwrap());
        assert!(request_host(&Uri::from_static("/"), &long).is_err());
        assert!(host(&[]).is_err());
        assert!(host(&[("host", "a"), ("host", "a")]).is_err());
        assert!(request_host(&Uri::from_static("http://a/"), &headers(&[("host", "a")])).is_err());
    }

    #[test]
    fn production_answers_for_its_names_only() {
        let config = production();
        for good in ["domumatch.nl", "domumatch.nl:443", "www.domumatch.nl", "10.1.1.1:8080"] {
            assert!(host_allowed(&config, good, STRANGER).is_ok(), "{good}");
        }
        for bad in [
            "evil.nl",
            "domumatch.nl.evil.nl",
            "xdomumatch.nl",
            "domumatch.nl:80",
            "domumatch.nl:8443",
            "10.1.1.1",
            "localhost",
            "127.0.0.1:8080",
        ] {
            assert_eq!(host_allowed(&config, bad, STRANGER).unwrap_err().code, Code::Misdirected, "{bad}");
        }
        assert!(
            host_allowed(&config, "localhost:8080", "127.0.0.1".parse().unwrap()).is_ok(),
            "a health check on this machine"
        );
    }

    #[test]
    fn development_answers_for_loopback_names_at_any_port() {
        for good in ["localhost", "localhost:9", "127.0.0.1:5555", "[::1]:5555"] {
            assert!(host_allowed(&config(), good, STRANGER).is_ok(), "{good}");
        }
        for bad in ["localhost.evil.nl", "evil.nl:80", "127.0.0.1.nip.io"] {
            assert!(host_allowed(&config(), bad, STRANGER).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_exact_origin_is_ours() {
        let ours = |origin: &'static str| {
            origin_allowed(&production(), &headers(&[("host", "domumatch.nl"), ("origin", origin)])).is_ok()
        };
        assert!(ours("https://domumatch.nl"));
        for bad in [
            "http://domumatch.nl",
            "https://domumatch.nl:8443",
            "https://domumatch.nl.evil.nl",
            "https://evil-domumatch.nl",
            "https://www.domumatch.nl",
            "https://domumatch.nl/",
            "https://domumatch.nl:443",
            "HTTPS://domumatch.nl",
            "null",
            "",
            "https://",
            "https://domumatch.nl https://evil.nl",
            "https://user@domumatch.nl",
        ] {
            assert!(!ours(bad), "{bad:?}");
        }
        let twice = headers(&[("origin", "https://domumatch.nl"), ("origin", "https://domumatch.nl")]);
        assert!(origin_allowed(&production(), &twice).is_err());
        let loopback = headers(&[("host", "localhost:8080"), ("origin", "http://localhost:8080")]);
        assert!(origin_allowed(&production(), &loopback).is_err(), "production has one origin");
    }

    #[test]
    fn in_development_the_asked_loopback_host_is_ours() {
        let ours = |host: &'static str, origin: &'static str| {
            origin_allowed(&config(), &headers(&[("host", host), ("origin", origin)])).is_ok()
        };
        assert!(ours("localhost:5555", "http://localhost:5555"));
        assert!(ours("127.0.0.1:80", "http://127.0.0.1"));
        assert!(!ours("localhost:5555", "http://localhost:5556"));
        assert!(!ours("localhost:5555", "http://127.0.0.1:5555"));
        assert!(!ours("localhost:5555", "https://localhost:5555"));
        assert!(!ours("evil.nl", "http://evil.nl"));
    }

    #[test]
    fn fetch_metadata_is_believed_when_it_says_foreign() {
        let ours =
            |site: &'static str| unsafe_origin_allowed(&production(), &headers(&[("sec-fetch-site", site)])).is_ok();
        assert!(ours("same-origin") && ours("none"));
        assert!(!ours("same-site") && !ours("cross-site") && !ours("") && !ours("Same-Origin"));
        assert!(unsafe_origin_allowed(&production(), &headers(&[])).is_ok());
    }
}
