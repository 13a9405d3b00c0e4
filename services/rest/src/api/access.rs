//! Who may: with `--rest-secret` whoever shows it. Without, anybody may look, and only programs on
//! this machine may change anything; not a page in a browser there, which any site can have sent, and
//! nobody behind a proxy there, which hides where he is.

use super::problem::Problem;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, FORWARDED, HeaderMap, HeaderName, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use service::Secret;
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What is asked of operators.
#[derive(Clone)]
pub(crate) struct OperatorAuth {
    secret: Option<Secret>,
}

impl OperatorAuth {
    pub fn new(secret: Option<Secret>) -> Self {
        Self { secret }
    }

    /// Whether it is to be shown a secret.
    pub fn requires_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// Whether somebody there, with these headers, may look at things or change them.
    pub fn permits(&self, changes: bool, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.authorize(changes, peer, headers).is_ok()
    }

    /// As [`lets`](Self::lets), with the reason where it does not.
    pub(super) fn authorize(&self, changes: bool, peer: IpAddr, headers: &HeaderMap) -> Result<(), Problem> {
        match &self.secret {
            Some(secret) if bearer_token(headers).is_some_and(|shown| secret.matches(shown)) => Ok(()),
            Some(_) => Err(Problem::unauthorized()),
            None if changes => require_local(peer, headers),
            None => Ok(()),
        }
    }
}

/// Lets a request through, or says why not.
pub(super) async fn require_auth(
    State(access): State<OperatorAuth>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match access.authorize(!request.method().is_safe(), peer.ip(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn require_local(peer: IpAddr, headers: &HeaderMap) -> Result<(), Problem> {
    if !peer.to_canonical().is_loopback() {
        return Err(Problem::forbidden(
            "without --rest-secret only programs on the same machine may do this",
        ));
    }
    if headers.contains_key(ORIGIN) {
        return Err(Problem::forbidden("without --rest-secret a page in a browser may not do this"));
    }
    if headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR) {
        return Err(Problem::forbidden("without --rest-secret nobody behind a proxy may do this"));
    }
    Ok(())
}

/// The token of `Authorization: Bearer TOKEN`; the scheme may be in any case.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const HERE: &str = "127.0.0.1";

    fn allowed(secret: Option<&str>, changes: bool, peer: &str, header: Option<(HeaderName, &str)>) -> bool {
        let access = OperatorAuth::new(secret.map(Secret::from));
        let headers = header.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()));
        access.authorize(changes, peer.parse().unwrap(), &headers.into_iter().collect()).is_ok()
    }

    #[test]
    fn with_a_secret_it_has_to_be_shown_from_anywhere() {
        for peer in [HERE, "10.0.0.1"] {
            let shown = |words| allowed(Some("hunter2"), true, peer, Some((AUTHORIZATION, words)));
            assert!(shown("Bearer hunter2") && shown("bearer hunter2"));
            for wrong in ["Bearer hunter", "Bearer ", "Bearer", "Basic hunter2", "hunter2", ""] {
                assert!(!shown(wrong), "{wrong}");
            }
            assert!(!allowed(Some("hunter2"), false, peer, None));
        }
    }

    #[test]
    fn without_one_anybody_may_look_and_this_machine_may_change() {
        assert!(allowed(None, false, "10.0.0.1", None));
        assert!(!allowed(None, true, "10.0.0.1", None));
        for here in [HERE, "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(allowed(None, true, here, None), "{here}");
        }
    }

    #[test]
    fn pages_and_proxies_on_this_machine_may_not_change() {
        for header in
            [(ORIGIN, "http://127.0.0.1:8080"), (FORWARDED, "for=10.0.0.1"), (X_FORWARDED_FOR, "::1")]
        {
            assert!(!allowed(None, true, HERE, Some(header)));
        }
    }
}
