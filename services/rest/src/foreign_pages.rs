//! Keeps pages of other sites away from what needs no secret.
//!
//! Without a secret it is the network that protects a rest service: it serves this machine, or the networks of
//! `--proxy-allow`. The browser of somebody there would reach it for any page that it shows. Such a page is known by its
//! `Origin` or its `Sec-Fetch-Site`. A page whose own name leads here (DNS rebinding) sends neither, but that name, as
//! `Host`. So `Host` must be an address, a name of this machine, or one of `--allow-host`.
//!
//! With a secret none of this is needed: a page of another site does not have it.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use common::{ErrorLog, warn_failure};
use service::web_origin::{AllowedHost, AllowedOrigin, address_of, is_loopback_host, without_port};
use std::sync::Arc;

static HOSTS: ErrorLog = ErrorLog::new("serving requests by the name in their Host header");

/// How much of a refused name is logged, in bytes.
const MAX_LOGGED_HOST: usize = 255;
const FETCH_METADATA: &str = "sec-fetch-site";

const OTHER_HOST: &str = "without a secret this service answers by an address or as localhost only: allow the name in the Host header with --allow-host";
const OTHER_ORIGIN: &str = "without a secret a page of another site may not use this service";

/// The names and pages that need no secret.
#[derive(Clone)]
pub(crate) struct ForeignPages {
    hosts: Arc<[AllowedHost]>,
    origins: Arc<[AllowedOrigin]>,
}

impl ForeignPages {
    pub fn new(hosts: &[AllowedHost], origins: &[AllowedOrigin]) -> Self {
        Self { hosts: hosts.into(), origins: origins.into() }
    }

    /// Refuses a request that a page of another site may have sent; returns the reason.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        let host = headers.get(HOST).map(|host| host.to_str().map_err(|_| OTHER_HOST)).transpose()?;
        // Each browser sends it; some programs do not.
        if let Some(host) = host.filter(|host| !self.is_own_host(without_port(host))) {
            let shown: String = host.chars().take(MAX_LOGGED_HOST).collect();
            warn_failure!(HOSTS, host = ?shown, "refused a request: allow the name with --allow-host");
            return Err(OTHER_HOST);
        }
        let mut origins = headers.get_all(ORIGIN).iter().peekable();
        if origins.peek().is_none() {
            let site = headers.get(FETCH_METADATA).map_or(&b"none"[..], |site| site.as_bytes());
            return if matches!(site, b"none" | b"same-origin") { Ok(()) } else { Err(OTHER_ORIGIN) };
        }
        let is_allowed =
            |origin: &str| is_same_origin(origin, host.unwrap_or_default()) || self.permits(origin);
        let all = origins.all(|origin| origin.to_str().is_ok_and(is_allowed));
        if all { Ok(()) } else { Err(OTHER_ORIGIN) }
    }

    fn permits(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed.permits(origin))
    }

    fn is_own_host(&self, host: &str) -> bool {
        // To 0.0.0.0 some browsers connect on loopback without a word about the page.
        let is_address = address_of(host).is_some_and(|address| !address.to_canonical().is_unspecified());
        is_loopback_host(host) || is_address || self.hosts.iter().any(|it| it.permits(host))
    }
}

/// Returns whether a page of this origin has the same host and port as the request.
fn is_same_origin(origin: &str, host: &str) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn check(hosts: &[&str], origins: &[&str], headers: &[(&str, &str)]) -> Result<(), &'static str> {
        let hosts: Vec<_> = hosts.iter().map(|it| it.parse().unwrap()).collect();
        let origins: Vec<_> = origins.iter().map(|it| it.parse().unwrap()).collect();
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        ForeignPages::new(&hosts, &origins).check(&headers.iter().map(pair).collect())
    }

    #[test]
    fn host_is_an_address_or_a_name_of_this_machine() {
        for host in
            ["127.0.0.1:8080", "localhost", "localhost:8080", "[::1]:8080", "10.1.2.3", "a.localhost:1"]
        {
            assert_eq!(check(&[], &[], &[("host", host)]), Ok(()), "{host}");
        }
        assert_eq!(check(&[], &[], &[]), Ok(()), "a program of HTTP/1.0");
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "0.0.0.0:80",
            "[::]",
            "",
        ] {
            assert_eq!(check(&[], &[], &[("host", host)]), Err(OTHER_HOST), "{host}");
            assert_eq!(check(&["*"], &[], &[("host", host)]), Ok(()), "{host}");
        }
        let names = ["rest.example.org", "other"];
        assert_eq!(check(&names, &[], &[("host", "Rest.example.org:8080")]), Ok(()));
        assert_eq!(check(&names, &[], &[("host", "example.org")]), Err(OTHER_HOST));
    }

    #[test]
    fn page_of_another_origin_is_refused() {
        let local = ("host", "localhost:8080");
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://localhost:3000"),
            ("origin", "http://127.0.0.1:8080"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(check(&[], &[], &[local, (name, value)]), Err(OTHER_ORIGIN), "{value}");
        }
        for own in [
            ("origin", "http://localhost:8080"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
        ] {
            assert_eq!(check(&[], &[], &[local, own]), Ok(()), "{own:?}");
        }
        let both = [local, ("origin", "http://localhost:8080"), ("origin", "https://evil.example")];
        assert_eq!(check(&[], &[], &both), Err(OTHER_ORIGIN));
    }

    #[test]
    fn page_of_an_allowed_origin_may_read() {
        let page = [
            ("host", "localhost:8080"),
            ("origin", "https://app.example.org"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert_eq!(check(&[], &["https://app.example.org"], &page), Ok(()));
        assert_eq!(check(&[], &["*"], &page), Ok(()));
        assert_eq!(check(&[], &["https://other.example.org"], &page), Err(OTHER_ORIGIN));
    }
}
