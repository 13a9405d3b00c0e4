//! Which web pages may open a websocket. As with Janus, any page may, unless `--allow-origin` lists them.
//!
//! An edge on a loopback address is for this machine. Any page that its user visits could reach it too, so there only
//! pages of this machine may, and those of `--allow-origin`. A page at an address, rather than a name, may use the edge
//! at the same address.

use service::web_origin::{AllowedOrigin, address_of, host_of, is_loopback_origin, without_port};
use std::net::SocketAddr;
use std::sync::Arc;

/// The pages that may open a websocket.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    allowed: Arc<[AllowedOrigin]>,
    /// Whether the edge listens on a loopback address.
    is_local: bool,
}

impl OriginPolicy {
    /// The policy of a listener on this address; `None` for clients that do not come from a network.
    pub fn new(allowed: &[AllowedOrigin], address: Option<SocketAddr>) -> Self {
        let is_local = address.is_none_or(|address| address.ip().to_canonical().is_loopback());
        let any = [AllowedOrigin::Any];
        let allowed = if allowed.is_empty() && !is_local { &any } else { allowed };
        Self { allowed: allowed.into(), is_local }
    }

    /// Returns whether a request with these headers may open a websocket. A program sends no `Origin`.
    pub fn permits<'a>(&self, origins: impl Iterator<Item = &'a [u8]>, host: Option<&[u8]>) -> bool {
        let host = host.and_then(|host| std::str::from_utf8(host).ok()).unwrap_or_default().trim();
        let permits = |origin: &[u8]| match std::str::from_utf8(origin) {
            Ok(origin) => self.permits_one(origin.trim(), host),
            Err(_) => self.allowed.contains(&AllowedOrigin::Any),
        };
        let mut origins = origins;
        origins.all(permits)
    }

    fn permits_one(&self, origin: &str, host: &str) -> bool {
        let is_listed = self.allowed.iter().any(|allowed| allowed.permits(origin));
        is_listed || self.is_local && (is_loopback_origin(origin) || is_same_address(origin, host))
    }
}

/// Returns whether a page at an address connects to the same address. Of a name, this would say nothing: its owner may
/// let it lead here.
fn is_same_address(origin: &str, host: &str) -> bool {
    let page = host_of(origin).and_then(address_of);
    page.is_some() && page == address_of(without_port(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(allowed: &[&str], address: &str, origin: &str, host: &str) -> bool {
        let allowed: Vec<_> = allowed.iter().map(|it| it.parse().unwrap()).collect();
        let policy = OriginPolicy::new(&allowed, Some(address.parse().unwrap()));
        policy.permits([origin.as_bytes()].into_iter(), Some(host.as_bytes()))
    }

    #[test]
    fn every_page_may_use_an_edge_for_others_unless_pages_are_listed() {
        for origin in ["https://any.example", "null", "http://localhost:3000", "\u{fffd}"] {
            assert!(permits(&[], "0.0.0.0:1", origin, "calls.example.org"), "{origin}");
            assert!(
                !permits(&["https://app.example.org"], "0.0.0.0:1", origin, "app.example.org"),
                "{origin}"
            );
        }
        let latin = [&b"http://j\xe4nus"[..]];
        assert!(OriginPolicy::new(&[], Some("0.0.0.0:1".parse().unwrap())).permits(latin.into_iter(), None));
        assert!(permits(&["https://app.example.org", "null"], "[::]:1", "https://app.example.org", "x"));
    }

    #[test]
    fn an_edge_on_loopback_is_for_pages_of_this_machine() {
        for address in ["127.0.0.1:8188", "[::1]:8188", "[::ffff:127.0.0.1]:1"] {
            for origin in
                ["http://localhost:8080", "http://127.0.0.1:9", "https://[::1]", "http://a.localhost"]
            {
                assert!(permits(&[], address, origin, "localhost:8188"), "{origin}");
                assert!(permits(&["https://app.example.org"], address, origin, "x"), "{origin}");
            }
            for (origin, host) in [
                ("https://evil.example", "127.0.0.1:8188"),
                ("https://evil.example", "evil.example:8188"),
                ("null", "127.0.0.1:8188"),
                ("http://10.0.0.1", "127.0.0.1:8188"),
                ("http://localhost.evil.example", "localhost.evil.example"),
                ("", "127.0.0.1:8188"),
                ("file://", ""),
            ] {
                assert!(!permits(&[], address, origin, host), "{origin} {host}");
            }
            assert!(permits(&[], address, "http://10.0.0.1", "10.0.0.1:8188"), "a proxy at an address");
            assert!(permits(&["https://app.example.org"], address, "https://app.example.org", "x"));
            assert!(permits(&["*"], address, "https://evil.example", "x"));
        }
    }

    #[test]
    fn every_origin_of_a_request_must_be_allowed() {
        let policy = OriginPolicy::new(&[], None);
        let both = [&b"http://localhost"[..], b"https://evil.example"];
        assert!(policy.permits([].into_iter(), None) && !policy.permits(both.into_iter(), None));
    }
}
