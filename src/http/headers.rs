//! The headers that every answer carries, whatever it is.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::Config;
use crate::doors;

/// Everything of the policy but where a page may connect to.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'; connect-src 'self'";

/// A year, as ASVS 3.4.1 asks.
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Header values that stay the same for the life of the process.
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    /// The policy for pages under the public address.
    public_policy: Option<HeaderValue>,
    https: bool,
}

impl SecurityHeaders {
    /// The headers this configuration calls for.
    pub fn new(config: &Config) -> Self {
        let origin = config.public_url.as_ref().map(|_| doors::public_origin(config));
        Self {
            public_policy: origin.and_then(|origin| policy(&origin)),
            https: config.public_url.as_ref().is_some_and(|url| url.scheme() == "https"),
        }
    }

    /// Adds them. A handler's own `cache-control` and policy stay; without the first nothing is kept by anyone.
    ///
    /// `host` is the checked host of the request, or none when it was refused for its host.
    pub fn add(&self, host: Option<&str>, headers: &mut HeaderMap) {
        let of_host = || host.and_then(|host| policy(&format!("http://{host}")));
        let policy = self.public_policy.clone().or_else(of_host);
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy.unwrap_or(HeaderValue::from_static(POLICY)));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
        headers
            .insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
        headers.insert(
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        );
        if self.https {
            headers.insert(STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
        }
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

/// The policy with the socket's origin spelled out: not every browser counts `ws:` of the same host as `'self'`.
fn policy(origin: &str) -> Option<HeaderValue> {
    let socket = origin.strip_prefix("http").map(|rest| format!("ws{rest}"))?;
    HeaderValue::from_str(&format!("{POLICY} {socket}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::tests_config::config;

    #[test]
    fn the_socket_of_the_page_is_named() {
        let mut headers = HeaderMap::new();
        SecurityHeaders::new(&config()).add(Some("localhost:5555"), &mut headers);
        assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().ends_with("connect-src 'self' ws://localhost:5555"));
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));

        let public = Config { public_url: Some("https://domumatch.nl".parse().unwrap()), ..config() };
        let mut headers = HeaderMap::new();
        SecurityHeaders::new(&public).add(None, &mut headers);
        assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().ends_with("connect-src 'self' wss://domumatch.nl"));
        assert!(headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn a_handlers_cache_rule_stays() {
        let mut headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-cache"))]);
        SecurityHeaders::new(&config()).add(None, &mut headers);
        assert_eq!(headers[CACHE_CONTROL], "no-cache");
    }
}
