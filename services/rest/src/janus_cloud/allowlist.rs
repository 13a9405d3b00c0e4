//! Authorization of proxies and sentinels, which cannot send a secret: by the networks of `--proxy-allow`, or, without
//! any, on loopback. An address in a header counts only if a proxy of `--trusted-proxies` has written it.
//!
//! Pages in browsers are refused, since any website can have sent them. A page whose own name leads here could read without
//! an `Origin`, so a reader's `Host` is checked as in [`foreign_pages`](crate::foreign_pages). With a change it always sends
//! one. So proxies and sentinels may post to any name of this service. On loopback, requests that a proxy forwarded
//! are refused too, unless `--proxy-allow` contains loopback.

use super::response::JanusCloudError;
use crate::auth::{Access, AuthError, OperatorAuth, is_forwarded};
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use service::ClientAddress;
use service::network::Cidr;

#[derive(Clone)]
pub(super) struct Allowlist {
    networks: Vec<Cidr>,
    auth: OperatorAuth,
}

impl Allowlist {
    pub fn new(networks: &[Cidr], auth: OperatorAuth) -> Self {
        Self { networks: networks.to_vec(), auth }
    }

    fn is_proxy(&self, address: ClientAddress, headers: &HeaderMap) -> bool {
        let is_allowed = if self.networks.is_empty() {
            address.ip().is_loopback() && !is_forwarded(headers)
        } else {
            self.networks.iter().any(|network| network.contains(address.ip()))
        };
        is_allowed && !headers.contains_key(ORIGIN)
    }

    fn check_proxy(&self, address: ClientAddress, headers: &HeaderMap) -> Result<(), JanusCloudError> {
        if self.is_proxy(address, headers) {
            Ok(())
        } else {
            Err(JanusCloudError::forbidden("only the networks of --proxy-allow may do this"))
        }
    }

    /// A request without a secret from an allowed network is a sentinel's; every other is an operator's.
    fn check_sentinel(
        &self,
        method: &Method,
        address: ClientAddress,
        headers: &HeaderMap,
    ) -> Result<(), JanusCloudError> {
        let may_be_sentinel = !self.networks.is_empty() && !headers.contains_key(AUTHORIZATION);
        if !may_be_sentinel || !self.is_proxy(address, headers) {
            return self.check_operator(address, headers);
        }
        if method.is_safe() { self.auth.check_page(headers).map_err(refusal) } else { Ok(()) }
    }

    fn check_operator(&self, address: ClientAddress, headers: &HeaderMap) -> Result<(), JanusCloudError> {
        self.auth.authorize(Access::Change, address, headers).map_err(refusal)
    }
}

fn refusal(error: AuthError) -> JanusCloudError {
    match error {
        AuthError::WrongSecret => JanusCloudError::unauthorized(),
        AuthError::TooManyWrongSecrets(_) => JanusCloudError::too_many_wrong_secrets(),
        AuthError::NotLocal(reason) => JanusCloudError::forbidden(reason),
    }
}

/// Passes a proxy's request on.
pub(super) async fn allow_proxies(
    State(allowlist): State<Allowlist>,
    Extension(client): Extension<ClientAddress>,
    request: Request,
    next: Next,
) -> Response {
    let result = allowlist.check_proxy(client, request.headers());
    proceed(result, client, request, next).await
}

/// Passes a sentinel's or an operator's request on.
pub(super) async fn allow_sentinels(
    State(allowlist): State<Allowlist>,
    Extension(client): Extension<ClientAddress>,
    request: Request,
    next: Next,
) -> Response {
    let result = allowlist.check_sentinel(request.method(), client, request.headers());
    proceed(result, client, request, next).await
}

/// Passes an operator's request on.
pub(super) async fn allow_operators(
    State(allowlist): State<Allowlist>,
    Extension(client): Extension<ClientAddress>,
    request: Request,
    next: Next,
) -> Response {
    let result = allowlist.check_operator(client, request.headers());
    proceed(result, client, request, next).await
}

async fn proceed(
    result: Result<(), JanusCloudError>,
    client: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    match result {
        Ok(()) => next.run(request).await,
        Err(error) => {
            tracing::info!(%client, path = request.uri().path(), "request refused: not an allowed address, or no secret");
            error.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::X_FORWARDED_FOR;
    use crate::options::Options;
    use axum::http::HeaderValue;
    use axum::http::header::{FORWARDED, HOST, HeaderName};
    use service::Secret;

    const NETWORKS: [&str; 2] = ["10.0.0.0/8", "127.0.0.1"];
    const SECRET: (HeaderName, &str) = (AUTHORIZATION, "Bearer hunter2");
    const WRONG: (HeaderName, &str) = (AUTHORIZATION, "Bearer hunter");

    fn allowlist(networks: &[&str], secret: Option<&str>) -> Allowlist {
        let networks: Vec<Cidr> = networks.iter().map(|it| it.parse().unwrap()).collect();
        let options = Options { rest_secret: secret.map(Secret::from), ..Options::default() };
        Allowlist::new(&networks, OperatorAuth::new(&options))
    }

    fn address(text: &str) -> ClientAddress {
        ClientAddress::of_client(text.parse().unwrap())
    }

    fn headers(header: Option<(HeaderName, &str)>) -> HeaderMap {
        header.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap())).into_iter().collect()
    }

    #[test]
    fn proxy_is_in_an_allowed_network_or_on_loopback() {
        let is_proxy = |networks, from: &str, header| {
            allowlist(networks, None).check_proxy(address(from), &headers(header)).is_ok()
        };
        for local in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(is_proxy(&[], local, None), "{local}");
            assert!(!is_proxy(&["10.0.0.0/8"], local, None), "{local}");
        }
        assert!(is_proxy(&NETWORKS, "10.1.2.3", None) && is_proxy(&NETWORKS, "::ffff:10.1.2.3", None));
        assert!(!is_proxy(&[], "10.1.2.3", None) && !is_proxy(&NETWORKS, "11.1.2.3", None));
        for forwarded in [(X_FORWARDED_FOR, "127.0.0.1"), (FORWARDED, "for=10.0.0.1")] {
            assert!(!is_proxy(&NETWORKS, "11.1.2.3", Some(forwarded.clone())));
            assert!(
                !is_proxy(&[], "127.0.0.1", Some(forwarded.clone())),
                "the client behind a proxy is unknown"
            );
            assert!(is_proxy(&NETWORKS, "127.0.0.1", Some(forwarded)), "loopback is allowed explicitly");
        }
        assert!(!is_proxy(&NETWORKS, "10.1.2.3", Some((ORIGIN, "http://evil.example"))));
    }

    #[test]
    fn sentinel_in_an_allowed_network_needs_no_secret() {
        let sentinel = |networks, secret, from: &str, header| {
            allowlist(networks, secret).check_sentinel(&Method::POST, address(from), &headers(header)).is_ok()
        };
        for secret in [None, Some("hunter2")] {
            assert!(sentinel(&NETWORKS, secret, "10.1.2.3", None));
            assert!(!sentinel(&NETWORKS, secret, "11.1.2.3", None));
            assert!(!sentinel(&NETWORKS, secret, "10.1.2.3", Some((ORIGIN, "http://evil.example"))));
        }
        assert!(sentinel(&[], None, "127.0.0.1", None) && !sentinel(&[], None, "10.1.2.3", None));
        assert!(!sentinel(&[], Some("hunter2"), "127.0.0.1", None), "with a secret loopback is not trusted");
        assert!(sentinel(&[], Some("hunter2"), "11.1.2.3", Some(SECRET)));
        assert!(!sentinel(&NETWORKS, Some("hunter2"), "10.1.2.3", Some(WRONG)));
    }

    #[test]
    fn page_whose_name_leads_here_may_not_read_from_an_allowed_network() {
        let is_allowed = |method, host| {
            let headers = headers(Some((HOST, host)));
            let allowlist = allowlist(&NETWORKS, Some("hunter2"));
            allowlist.check_sentinel(&method, address("10.1.2.3"), &headers).is_ok()
        };
        assert!(is_allowed(Method::GET, "10.1.2.9:8080") && !is_allowed(Method::GET, "evil.example"));
        assert!(is_allowed(Method::POST, "switchboard.example.org"), "a sentinel posts to any name");
    }

    #[test]
    fn operator_needs_the_secret_from_every_address() {
        let operator = |header| {
            let allowlist = allowlist(&NETWORKS, Some("hunter2"));
            allowlist.check_operator(address("10.1.2.3"), &headers(header)).is_ok()
        };
        assert!(operator(Some(SECRET)) && !operator(None) && !operator(Some(WRONG)));
    }
}
