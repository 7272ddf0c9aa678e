//! Whose request this is, by address, when proxies may stand between.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;

/// Headers that only a proxy writes.
const PROXY_HEADERS: [&str; 4] = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];

/// Most hops of `x-forwarded-for` that are looked at; a longer list is someone's invention.
const HOPS_MAX: usize = 32;

/// The client's address: the peer's, or, when the peer is a trusted proxy, the rightmost address of `x-forwarded-for`
/// that is not a trusted proxy itself. What stands further left was written by the client and means nothing.
pub fn client_address(headers: &HeaderMap, peer: SocketAddr, trusted: &[IpAddr]) -> IpAddr {
    let mut address = peer.ip().to_canonical();
    if !trusts(trusted, address) {
        return address;
    }
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    for hop in hops.iter().rev().take(HOPS_MAX) {
        let Some(hop) = parse_hop(hop.trim()) else { return address };
        address = hop;
        if !trusts(trusted, address) {
            break;
        }
    }
    address
}

/// What limits count as one client: an IPv4 address whole, an IPv6 address without the half that its holder chooses.
///
/// # Why
/// Limits that are coarser would let one student lock out a campus.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Whether a proxy handed this request on, whoever that proxy is.
pub fn is_proxied(headers: &HeaderMap) -> bool {
    PROXY_HEADERS.iter().any(|name| headers.contains_key(*name))
}

fn trusts(trusted: &[IpAddr], address: IpAddr) -> bool {
    trusted.iter().any(|proxy| proxy.to_canonical() == address)
}

/// An address as proxies write it: bare, `[v6]`, or with a port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn address(peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let trusted: Vec<IpAddr> = vec!["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        client_address(&headers, peer.parse().unwrap(), &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(address("198.51.100.7:1", &["1.2.3.4"]), "198.51.100.7");
    }

    #[test]
    fn behind_our_proxies_the_rightmost_stranger_counts() {
        assert_eq!(address("10.0.0.1:1", &["6.6.6.6, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(address("10.0.0.1:1", &["6.6.6.6", "203.0.113.9"]), "203.0.113.9", "several lines are one list");
        assert_eq!(address("[::ffff:10.0.0.1]:1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(address("10.0.0.1:1", &["[2001:db8::1]"]), "2001:db8::1");
    }

    #[test]
    fn rubbish_and_silence_mean_the_last_that_is_known() {
        assert_eq!(address("10.0.0.1:1", &[]), "10.0.0.1");
        assert_eq!(address("10.0.0.1:1", &["6.6.6.6, rubbish"]), "10.0.0.1");
        assert_eq!(address("10.0.0.1:1", &["rubbish, 10.0.0.2"]), "10.0.0.2");
    }
}
