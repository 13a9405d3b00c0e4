//! Who may use the routes of other proxies and of sentinels, which can send no secret: programs in the
//! networks of `--peer-allow`, on this machine where none is named. What counts is the socket's address;
//! what a header says of it does not.
//!
//! On this machine that is not all: a page in a browser here is not a peer, since any site can have sent
//! it, and neither is whoever comes through a proxy here, unless `--peer-allow` names this machine.

use super::AppState;
use super::network::Cidr;
use super::refusal::JanusCloudError;
use crate::api::OperatorAuth;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, FORWARDED, HeaderName, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What is asked of peers, and of operators who use their routes.
#[derive(Clone)]
pub(super) struct Allowlist {
    networks: Vec<Cidr>,
    auth: OperatorAuth,
}

impl Allowlist {
    pub fn new(networks: &[Cidr], auth: OperatorAuth) -> Self {
        Self { networks: networks.to_vec(), auth }
    }

    /// Whether this is a peer.
    fn is_proxy(&self, address: IpAddr, headers: &HeaderMap) -> bool {
        let forwarded = headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR);
        let is_allowed = match self.networks.is_empty() {
            true => address.to_canonical().is_loopback() && !forwarded,
            false => self.networks.iter().any(|network| network.contains(address)),
        };
        is_allowed && !headers.contains_key(ORIGIN)
    }

    fn check_proxy(&self, address: IpAddr, headers: &HeaderMap) -> Result<(), JanusCloudError> {
        match self.is_proxy(address, headers) {
            true => Ok(()),
            false => Err(JanusCloudError::forbidden("only the networks of --peer-allow may do this")),
        }
    }

    /// A sentinel is a peer in a network that is named, and shows no secret; everybody else is an operator.
    fn check_sentinel(&self, address: IpAddr, headers: &HeaderMap) -> Result<(), JanusCloudError> {
        let is_named = !self.networks.is_empty() && !headers.contains_key(AUTHORIZATION);
        match is_named && self.is_proxy(address, headers) {
            true => Ok(()),
            false => self.check_operator(address, headers),
        }
    }

    fn check_operator(&self, address: IpAddr, headers: &HeaderMap) -> Result<(), JanusCloudError> {
        // Answers can be read from any origin, so what may only look must be as welcome as what changes.
        match self.auth.permits(true, address, headers) {
            true => Ok(()),
            false if self.auth.requires_secret() => Err(JanusCloudError::unauthorized()),
            false => Err(JanusCloudError::forbidden("only programs on this machine may do this")),
        }
    }
}

/// Lets a peer's request through.
pub(super) async fn allow_proxies(
    State(desk): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let verdict = desk.allowlist.check_proxy(peer.ip(), request.headers());
    proceed(verdict, peer, request, next).await
}

/// Lets a sentinel's or an operator's request through.
pub(super) async fn allow_sentinels(
    State(desk): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let verdict = desk.allowlist.check_sentinel(peer.ip(), request.headers());
    proceed(verdict, peer, request, next).await
}

/// Lets an operator's request through.
pub(super) async fn allow_operators(
    State(desk): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let verdict = desk.allowlist.check_operator(peer.ip(), request.headers());
    proceed(verdict, peer, request, next).await
}

async fn proceed(
    verdict: Result<(), JanusCloudError>,
    peer: SocketAddr,
    request: Request,
    next: Next,
) -> Response {
    match verdict {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            tracing::info!(%peer, path = request.uri().path(), "refused: not from there, or without the secret");
            refusal.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use service::Secret;

    const NAMED: [&str; 2] = ["10.0.0.0/8", "127.0.0.1"];
    const SECRET: (HeaderName, &str) = (AUTHORIZATION, "Bearer hunter2");
    const WRONG: (HeaderName, &str) = (AUTHORIZATION, "Bearer hunter");

    fn gate(networks: &[&str], secret: Option<&str>) -> Allowlist {
        let networks: Vec<Cidr> = networks.iter().map(|it| it.parse().unwrap()).collect();
        Allowlist::new(&networks, OperatorAuth::new(secret.map(Secret::from)))
    }

    fn headers(header: Option<(HeaderName, &str)>) -> HeaderMap {
        header.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap())).into_iter().collect()
    }

    #[test]
    fn a_peer_is_in_a_network_that_is_named_or_here_where_none_is() {
        let peer = |networks, from: &str, header| {
            gate(networks, None).check_proxy(from.parse().unwrap(), &headers(header)).is_ok()
        };
        for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(peer(&[], here, None), "{here}");
            assert!(!peer(&["10.0.0.0/8"], here, None), "{here}");
        }
        assert!(peer(&NAMED, "10.1.2.3", None) && peer(&NAMED, "::ffff:10.1.2.3", None));
        assert!(!peer(&[], "10.1.2.3", None) && !peer(&NAMED, "11.1.2.3", None));
        for lie in [(X_FORWARDED_FOR, "127.0.0.1"), (FORWARDED, "for=10.0.0.1")] {
            assert!(!peer(&NAMED, "11.1.2.3", Some(lie.clone())));
            assert!(!peer(&[], "127.0.0.1", Some(lie.clone())), "who is behind a proxy may be anywhere");
            assert!(peer(&NAMED, "127.0.0.1", Some(lie)), "this one is meant");
        }
        assert!(!peer(&NAMED, "10.1.2.3", Some((ORIGIN, "http://evil.example"))));
    }

    #[test]
    fn a_sentinel_needs_no_secret_in_a_network_that_is_named() {
        let sentinel = |networks, secret, from: &str, header| {
            gate(networks, secret).check_sentinel(from.parse().unwrap(), &headers(header)).is_ok()
        };
        for secret in [None, Some("hunter2")] {
            assert!(sentinel(&NAMED, secret, "10.1.2.3", None));
            assert!(!sentinel(&NAMED, secret, "11.1.2.3", None));
            assert!(!sentinel(&NAMED, secret, "10.1.2.3", Some((ORIGIN, "http://evil.example"))));
        }
        assert!(sentinel(&[], None, "127.0.0.1", None) && !sentinel(&[], None, "10.1.2.3", None));
        assert!(
            !sentinel(&[], Some("hunter2"), "127.0.0.1", None),
            "a secret guards what nobody is let into"
        );
        assert!(sentinel(&[], Some("hunter2"), "11.1.2.3", Some(SECRET)));
        assert!(!sentinel(&NAMED, Some("hunter2"), "10.1.2.3", Some(WRONG)));
    }

    #[test]
    fn an_operator_shows_the_secret_wherever_he_is() {
        let operator = |header| {
            let gate = gate(&NAMED, Some("hunter2"));
            gate.check_operator("10.1.2.3".parse().unwrap(), &headers(header)).is_ok()
        };
        assert!(operator(Some(SECRET)) && !operator(None) && !operator(Some(WRONG)));
    }
}
