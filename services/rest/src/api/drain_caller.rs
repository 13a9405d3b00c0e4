//! Who may drain a backend: operators any, and a Janus server itself only.

use super::problem::Problem;
use crate::auth::Caller;
use service::web_origin::{address_of, host_of};
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::time::timeout;

/// How long the name of a Janus server may take to be resolved.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// Checks that a Janus server which calls is the backend with this URL.
pub(super) async fn check_caller(caller: Caller, url: Option<&str>) -> Result<(), Problem> {
    match (caller, url) {
        (Caller::Operator, _) => Ok(()),
        (Caller::JanusServer(address), Some(url)) if leads_to(url, address).await => Ok(()),
        (Caller::JanusServer(_), _) => Err(Problem::not_own_backend()),
    }
}

/// Returns whether a URL's host is this address, or a name of it.
async fn leads_to(url: &str, address: IpAddr) -> bool {
    let authority = url.find("://").map_or(url, |scheme| {
        let end = url[scheme + 3..].find(['/', '?', '#']).map_or(url.len(), |end| scheme + 3 + end);
        &url[..end]
    });
    let Some(host) = host_of(authority) else { return false };
    if let Some(own) = address_of(host) {
        return own.to_canonical() == address.to_canonical();
    }
    let found = timeout(LOOKUP_TIMEOUT, lookup_host((host, 0))).await;
    let Ok(Ok(mut found)) = found else { return false };
    found.any(|own| own.ip().to_canonical() == address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn janus_server_is_known_by_its_address() {
        let leads_to = async |url: &str, address: &str| leads_to(url, address.parse().unwrap()).await;
        for url in ["ws://10.0.0.1:8188/janus?x=1", "ws://10.0.0.1", "wss://[::ffff:10.0.0.1]:8989"] {
            assert!(leads_to(url, "10.0.0.1").await && leads_to(url, "::ffff:10.0.0.1").await, "{url}");
            assert!(!leads_to(url, "10.0.0.2").await, "{url}");
        }
        assert!(leads_to("ws://localhost:8188", "127.0.0.1").await);
        for url in ["", "ws://", "10.0.0.1", "ws://x.invalid/10.0.0.1", "ws://a/://10.0.0.1"] {
            assert!(!leads_to(url, "10.0.0.1").await, "{url}");
        }
    }
}
