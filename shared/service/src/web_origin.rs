//! Which web pages may use a server, by the headers `Origin` and `Host` of a request.
//!
//! A browser sends a page's origin with every websocket handshake, with every change, and with most requests to other
//! origins. A page cannot forge it. Programs send none.
//!
//! The name in `Host` proves nothing by itself: the owner of a name can let it lead to any address, and so make a page of
//! theirs "same-origin" with a server on the visitor's machine (DNS rebinding). An address in `Host` proves it, since the
//! browser connected to that address.

use std::convert::Infallible;
use std::net::IpAddr;
use std::str::FromStr;

/// An entry of `--allow-origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// `*`
    Any,
    /// An origin in the form in which browsers send it, or `null`.
    One(String),
}

/// The text is no origin.
#[derive(Debug, thiserror::Error)]
#[error(
    "an origin is SCHEME://HOST or SCHEME://HOST:PORT, without a path, like https://app.example.org; or *, or null"
)]
pub struct InvalidOrigin;

impl AllowedOrigin {
    /// Returns whether a page of this origin may use the server.
    pub fn permits(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(allowed) => *allowed == normalized(origin),
        }
    }
}

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let text = text.trim().trim_end_matches('/');
        if text == "*" {
            return Ok(Self::Any);
        }
        let is_forbidden = |it: char| it.is_whitespace() || it.is_control() || "/?#@*,\"".contains(it);
        let is_origin = text.split_once("://").is_some_and(|(scheme, host)| {
            let is_scheme = |it: char| it.is_ascii_alphanumeric() || "+-.".contains(it);
            !scheme.is_empty()
                && scheme.chars().all(is_scheme)
                && !host.is_empty()
                && !host.contains(is_forbidden)
        });
        if is_origin || text == "null" { Ok(Self::One(normalized(text))) } else { Err(InvalidOrigin) }
    }
}

/// An entry of `--allow-host`: a name, with or without a port, or `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost(String);

impl AllowedHost {
    /// Returns whether the entry is for this host, written without a port.
    pub fn permits(&self, host: &str) -> bool {
        self.0 == "*" || self.0.eq_ignore_ascii_case(host.trim_end_matches('.'))
    }
}

impl FromStr for AllowedHost {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(without_port(text.trim()).trim_end_matches('.').to_owned()))
    }
}

/// Returns the host of an origin; none for `null`.
pub fn host_of(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, authority)| without_port(authority))
}

/// Returns whether a page of this origin comes from this machine, whatever the port.
pub fn is_loopback_origin(origin: &str) -> bool {
    host_of(origin).is_some_and(is_loopback_host)
}

/// Returns whether the host is this machine: `localhost`, a name below it, or a loopback address. Browsers resolve
/// `localhost` themselves.
pub fn is_loopback_host(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || address_of(host).is_some_and(|address| address.to_canonical().is_loopback())
}

/// Returns the address, if the host is one and not a name.
pub fn address_of(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// Returns the host of `HOST` or `HOST:PORT`; an IPv6 address stays in its brackets.
pub fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|byte| byte.is_ascii_digit())
                && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => authority,
    }
}

/// Returns the origin in lower case and without its scheme's default port, as browsers send it.
fn normalized(origin: &str) -> String {
    let mut origin = origin.to_ascii_lowercase();
    for (scheme, port) in [("http://", ":80"), ("https://", ":443")] {
        if origin.starts_with(scheme) && origin.ends_with(port) {
            origin.truncate(origin.len() - port.len());
        }
    }
    origin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(allowed: &str, origin: &str) -> bool {
        allowed.parse::<AllowedOrigin>().unwrap().permits(origin)
    }

    #[test]
    fn origin_is_allowed_as_a_whole() {
        assert!(permits("https://app.example.org", "https://app.example.org"));
        assert!(permits("HTTPS://App.example.org:443/", "https://app.example.org"));
        assert!(
            permits("http://a:8080", "http://a:8080")
                && permits("capacitor://localhost", "capacitor://localhost")
        );
        for other in [
            "http://app.example.org",
            "https://app.example.org:8443",
            "https://app.example.org.evil.example",
            "https://evil.example/https://app.example.org",
            "null",
            "",
        ] {
            assert!(!permits("https://app.example.org", other), "{other}");
            assert!(permits("*", other));
        }
        assert!(permits("null", "null") && !permits("null", "http://null"));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "app.example.org",
            "https://",
            "https://a/b",
            "https://*.a",
            "https://u@a",
            "https://a b",
            "://a",
        ] {
            assert!(text.parse::<AllowedOrigin>().is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_an_address_or_a_name_of_this_machine() {
        for origin in [
            "http://localhost",
            "http://LOCALHOST:8080",
            "https://a.localhost:1",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:8080",
            "http://[::1]",
            "http://localhost.",
        ] {
            assert!(is_loopback_origin(origin), "{origin}");
        }
        for origin in [
            "null",
            "http://localhost.evil.example",
            "http://evil.example",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1",
            "http://[::2]",
            "http://evil.example:80/localhost",
            "",
        ] {
            assert!(!is_loopback_origin(origin), "{origin}");
        }
    }

    #[test]
    fn host_is_separated_from_its_port() {
        for (authority, host) in [
            ("a", "a"),
            ("a:80", "a"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
            ("a:", "a"),
            ("::1", "::1"),
        ] {
            assert_eq!(without_port(authority), host);
        }
        assert_eq!(address_of("[::1]"), Some("::1".parse().unwrap()));
        assert_eq!(address_of("10.0.0.1"), Some("10.0.0.1".parse().unwrap()));
        assert_eq!(address_of("a"), None);
    }

    #[test]
    fn host_is_allowed_by_its_name_with_any_port() {
        let permits = |allowed: &str, host| allowed.parse::<AllowedHost>().unwrap().permits(host);
        assert!(permits("calls.example.org:8080", "Calls.example.org") && permits("*", "evil.example"));
        assert!(permits("a", "a.") && !permits("example.org", "calls.example.org") && !permits("", "a"));
    }
}
