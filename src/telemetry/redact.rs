//! What may be shown of people and secrets in logs and lists.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network of an address: the first 24 bits of IPv4, the first 48 of IPv6. Enough to tell two networks apart, not
/// enough to tell two people apart.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
        }
    }
}

/// A mail address that can be recognised by who knows it: `a***@student.uva.nl`.
pub fn mail_address(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => {
            let first = local.chars().next().map(String::from).unwrap_or_default();
            format!("{first}***@{domain}")
        }
        None => "***".into(),
    }
}

/// A database or mail URL without user, password and parameters: `postgres://db.example.org/domu`.
pub fn url(text: &str) -> String {
    let Ok(mut url) = url::Url::parse(text) else { return "(hidden)".into() };
    url.set_query(None);
    url.set_fragment(None);
    // Fails for URLs that cannot have a user, such as sqlite:path.
    let _cannot_have = url.set_username("").and_then(|()| url.set_password(None)).is_err();
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_hidden_and_networks_are_not() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("145.18.9.77"), "145.18.9.0");
        assert_eq!(network("::ffff:145.18.9.77"), "145.18.9.0");
        assert_eq!(network("2001:db8:1:2::3"), "2001:db8:1::");
        assert_eq!(mail_address("anna@student.uva.nl"), "a***@student.uva.nl");
        assert_eq!(mail_address("@x"), "***@x");
        assert_eq!(mail_address("no address"), "***");
    }

    #[test]
    fn a_url_keeps_its_host_and_loses_its_secrets() {
        assert_eq!(url("postgres://u:p@h:5432/d?sslkey=x#y"), "postgres://h:5432/d");
        assert_eq!(url("sqlite:data/domu.db?mode=rwc"), "sqlite:data/domu.db");
        assert_eq!(url("not a url"), "(hidden)");
    }
}
