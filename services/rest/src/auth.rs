//! Authorization of operators. With `--rest-secret` every request must carry it. Without it, every client may read,
//! and only local programs may change anything. A page in a local browser may not, since any website can have sent it.
//! A client behind a local proxy may not, since its own address is unknown.

use axum::http::header::{AUTHORIZATION, FORWARDED, HeaderMap, HeaderName, ORIGIN};
use service::Secret;
use std::net::IpAddr;

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[derive(Clone)]
pub(crate) struct OperatorAuth {
    secret: Option<Secret>,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Change,
}

/// Why a request is not authorized.
#[derive(Debug)]
pub(crate) enum AuthError {
    /// The secret is missing or wrong.
    WrongSecret,
    /// There is no secret, and the request is not from a local program.
    NotLocal(&'static str),
}

impl OperatorAuth {
    pub fn new(secret: Option<Secret>) -> Self {
        Self { secret }
    }

    /// Checks a request from this address with these headers.
    pub fn authorize(&self, access: Access, client: IpAddr, headers: &HeaderMap) -> Result<(), AuthError> {
        match &self.secret {
            Some(secret) if bearer_token(headers).is_some_and(|token| secret.matches(token)) => Ok(()),
            Some(_) => Err(AuthError::WrongSecret),
            None if access == Access::Change => require_local(client, headers),
            None => Ok(()),
        }
    }
}

fn require_local(client: IpAddr, headers: &HeaderMap) -> Result<(), AuthError> {
    if !client.to_canonical().is_loopback() {
        return Err(AuthError::NotLocal(
            "without --rest-secret only programs on the same machine may do this",
        ));
    }
    if headers.contains_key(ORIGIN) {
        return Err(AuthError::NotLocal("without --rest-secret a page in a browser may not do this"));
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

    const LOCAL: &str = "127.0.0.1";

    fn is_allowed(
        secret: Option<&str>,
        access: Access,
        client: &str,
        header: Option<(HeaderName, &str)>,
    ) -> bool {
        let auth = OperatorAuth::new(secret.map(Secret::from));
        let headers = header.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()));
        auth.authorize(access, client.parse().unwrap(), &headers.into_iter().collect()).is_ok()
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
}
