//! Authorization of operators. With `--rest-secret` every request must carry it. Without it, every client may read, except
//! pages of other sites, and only local programs may change anything. A page in a local browser may not, since any website
//! can have sent it. A client behind a local proxy may not, since its own address is unknown.
//!
//! A Janus server with `--drain-secret` may drain itself, and nothing else.

use crate::foreign_pages::ForeignPages;
use crate::options::Options;
use crate::wrong_secrets::WrongSecrets;
use axum::http::header::{AUTHORIZATION, FORWARDED, HeaderMap, HeaderName, ORIGIN};
use service::{ClientAddress, Secret};
use std::net::IpAddr;
use std::time::Duration;

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[derive(Clone)]
pub(crate) struct OperatorAuth {
    secret: Option<Secret>,
    drain_secret: Option<Secret>,
    foreign_pages: ForeignPages,
    wrong_secrets: WrongSecrets,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    /// Reads for as long as it likes.
    Watch,
    Change,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller {
    Operator,
    /// With its address.
    JanusServer(IpAddr),
}

/// Why a request is not authorized.
#[derive(Debug)]
pub(crate) enum AuthError {
    /// The secret is missing or wrong.
    WrongSecret,
    /// The client has shown too many wrong secrets, and is asked to wait.
    TooManyWrongSecrets(Duration),
    /// There is no secret, and the request is not from a local program, or may be from a page of another site.
    NotLocal(&'static str),
}

impl OperatorAuth {
    pub fn new(options: &Options) -> Self {
        Self {
            secret: options.rest_secret.clone(),
            drain_secret: options.drain_secret.clone(),
            foreign_pages: ForeignPages::new(&options.allow_host, &options.origins.allow_origin),
            wrong_secrets: WrongSecrets::default(),
        }
    }

    /// Checks a request from this address with these headers.
    pub fn authorize(
        &self,
        access: Access,
        client: ClientAddress,
        headers: &HeaderMap,
    ) -> Result<(), AuthError> {
        let Some(secret) = &self.secret else {
            self.check_page(headers)?;
            return match access {
                Access::Read => Ok(()),
                Access::Watch => require_machine(client, headers),
                Access::Change => require_local(client, headers),
            };
        };
        let Some(shown) = bearer_token(headers) else { return Err(AuthError::WrongSecret) };
        if secret.matches(shown) {
            return Ok(());
        }
        let pause = self.wrong_secrets.record(client);
        Err(pause.map_or(AuthError::WrongSecret, AuthError::TooManyWrongSecrets))
    }

    /// Checks a request that is authorized by its address.
    pub fn check_page(&self, headers: &HeaderMap) -> Result<(), AuthError> {
        self.foreign_pages.check(headers).map_err(AuthError::NotLocal)
    }

    /// Returns whether a request shows the secret of Janus servers.
    pub fn shows_drain_secret(&self, headers: &HeaderMap) -> bool {
        let shown = bearer_token(headers);
        self.drain_secret.as_ref().zip(shown).is_some_and(|(secret, shown)| secret.matches(shown))
    }
}

fn require_local(client: ClientAddress, headers: &HeaderMap) -> Result<(), AuthError> {
    if headers.contains_key(ORIGIN) {
        return Err(AuthError::NotLocal("without --rest-secret a page in a browser may not do this"));
    }
    require_machine(client, headers)
}

/// Accepts programs of this machine, and pages that its browsers show.
fn require_machine(client: ClientAddress, headers: &HeaderMap) -> Result<(), AuthError> {
    if !client.ip().is_loopback() {
        return Err(AuthError::NotLocal(
            "without --rest-secret only programs on the same machine may do this",
        ));
    }
    if is_forwarded(headers) {
        return Err(AuthError::NotLocal("without --rest-secret a client behind a proxy may not do this"));
    }
    Ok(())
}

/// Returns whether a proxy has forwarded the request, so that the socket's address is not the client's.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR)
}

/// Returns the token of `Authorization: Bearer TOKEN`; the scheme is case-insensitive.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use axum::http::header::HOST;

    const LOCAL: &str = "127.0.0.1";

    fn local() -> ClientAddress {
        ClientAddress::of_client(LOCAL.parse().unwrap())
    }

    fn auth(secret: Option<&str>) -> OperatorAuth {
        OperatorAuth::new(&Options { rest_secret: secret.map(Secret::from), ..Options::default() })
    }

    fn is_allowed(
        secret: Option<&str>,
        access: Access,
        client: &str,
        header: Option<(HeaderName, &str)>,
    ) -> bool {
        let auth = auth(secret);
        let headers = header.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()));
        let client = ClientAddress::of_client(client.parse().unwrap());
        auth.authorize(access, client, &headers.into_iter().collect()).is_ok()
    }

    #[test]
    fn secret_is_required_from_every_address() {
        for client in [LOCAL, "10.0.0.1"] {
            let with =
                |value| is_allowed(Some("hunter2"), Access::Change, client, Some((AUTHORIZATION, value)));
            assert!(with("Bearer hunter2") && with("bearer hunter2"));
            for wrong in ["Bearer hunter", "Bearer ", "Bearer", "Basic hunter2", "hunter2", ""] {
                assert!(!with(wrong), "{wrong}");
            }
            assert!(!is_allowed(Some("hunter2"), Access::Read, client, None));
        }
    }

    #[test]
    fn without_a_secret_all_may_read_and_local_programs_may_change() {
        assert!(is_allowed(None, Access::Read, "10.0.0.1", None));
        assert!(!is_allowed(None, Access::Change, "10.0.0.1", None));
        for local in [LOCAL, "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(is_allowed(None, Access::Change, local, None), "{local}");
        }
    }

    #[test]
    fn local_browsers_and_proxies_may_not_change() {
        for header in
            [(ORIGIN, "http://127.0.0.1:8080"), (FORWARDED, "for=10.0.0.1"), (X_FORWARDED_FOR, "::1")]
        {
            assert!(!is_allowed(None, Access::Change, LOCAL, Some(header)));
        }
    }

    #[test]
    fn without_a_secret_only_this_machine_may_watch() {
        assert!(is_allowed(None, Access::Watch, LOCAL, None));
        assert!(!is_allowed(None, Access::Watch, "10.0.0.1", None));
        assert!(!is_allowed(None, Access::Watch, LOCAL, Some((X_FORWARDED_FOR, "10.0.0.1"))));
        let secret = (AUTHORIZATION, "Bearer hunter2");
        assert!(is_allowed(Some("hunter2"), Access::Watch, "10.0.0.1", Some(secret)));
    }

    #[test]
    fn pages_of_other_origins_may_not_read_without_a_secret() {
        for access in [Access::Read, Access::Watch, Access::Change] {
            assert!(!is_allowed(None, access, LOCAL, Some((HOST, "evil.example:8080"))));
            assert!(!is_allowed(None, access, LOCAL, Some((ORIGIN, "http://evil.example"))));
        }
        let named = (HOST, "rest.example.org");
        assert!(!is_allowed(Some("hunter2"), Access::Read, LOCAL, Some(named)), "it has no secret");
    }

    #[test]
    fn right_secret_is_accepted_after_any_number_of_wrong_ones() {
        let auth = auth(Some("hunter2"));
        let try_secret = |secret: &str| {
            let value = HeaderValue::from_str(&format!("Bearer {secret}")).unwrap();
            auth.authorize(Access::Read, local(), &[(AUTHORIZATION, value)].into_iter().collect())
        };
        let refused = (0..100).filter(|_| matches!(try_secret("x"), Err(AuthError::TooManyWrongSecrets(_))));
        assert_eq!(refused.count(), 95);
        assert!(try_secret("hunter2").is_ok());
    }

    #[test]
    fn drain_secret_authorizes_nothing_else() {
        let (rest_secret, drain_secret) = (Some(Secret::from("hunter2")), Some(Secret::from("drain")));
        let auth = OperatorAuth::new(&Options { rest_secret, drain_secret, ..Options::default() });
        let headers = [(AUTHORIZATION, HeaderValue::from_static("Bearer drain"))].into_iter().collect();
        assert!(auth.shows_drain_secret(&headers) && !auth.shows_drain_secret(&HeaderMap::new()));
        assert!(auth.authorize(Access::Read, local(), &headers).is_err());
    }
}
