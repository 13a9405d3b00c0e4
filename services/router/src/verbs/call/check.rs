//! What Janus checks before a call is begun, in its order: pure.

use crate::verbs::registered::Callee;
use common::CallId;
use directory::record::{AcquireOutcome, Handle};
use protocol::Side;
use protocol::videocall::PluginError;

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// In the plugin's words.
    Error(PluginError),
    /// The callee is in a call; says who called.
    Busy(String),
}

impl From<PluginError> for Refusal {
    fn from(error: PluginError) -> Self {
        Self::Error(error)
    }
}

/// The caller's name and the callee, before the state of one of ours is looked at. Of a peer's user its
/// proxy has written the state down; one that is in this very call already is no reason.
pub fn check(
    call: CallId,
    caller: Option<&Handle>,
    username: &Result<String, PluginError>,
    callee: Option<Callee>,
) -> Result<(String, Callee), Refusal> {
    let own = caller.and_then(|handle| handle.username.clone()).ok_or_else(PluginError::register_first)?;
    let current = caller.and_then(|handle| handle.call);
    if current.is_some_and(|other| other != call) {
        return Err(PluginError::already_in_call().into());
    }
    let username = username.clone()?;
    if username == own {
        return Err(PluginError::use_echo_test().into());
    }
    let callee = callee.ok_or_else(|| PluginError::no_such_username(&username))?;
    match &callee {
        Callee::Remote(peer) if peer.in_call && current.is_none() => Err(Refusal::Busy(own)),
        _ => Ok((own, callee)),
    }
}

/// What a handle that was not to be had comes to.
pub fn refusal_for(side: Side, taken: AcquireOutcome, caller: &str, callee: &str) -> Refusal {
    match (side, taken) {
        (Side::Caller, AcquireOutcome::Busy(_)) => PluginError::already_in_call().into(),
        (Side::Caller, _) => PluginError::register_first().into(),
        (Side::Callee, AcquireOutcome::Busy(_)) => Refusal::Busy(caller.to_owned()),
        (Side::Callee, _) => PluginError::no_such_username(callee).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbs::registered::ProxyUser;
    use common::ServiceId;
    use directory::record::{Owner, User};
    use protocol::{HandleId, HandleRef, SessionId};

    fn handle(username: Option<&str>, call: Option<CallId>) -> Handle {
        Handle { edge: ServiceId::from("edge-1"), username: username.map(str::to_owned), call }
    }

    fn user(username: &str) -> Callee {
        let handle = HandleRef { session: SessionId(1), handle: HandleId(2) };
        let owner = Owner { edge: ServiceId::from("edge-1"), handle };
        Callee::Local(User { username: username.to_owned(), owner })
    }

    fn peer(username: &str, in_call: bool) -> Callee {
        Callee::Remote(ProxyUser { username: username.to_owned(), in_call, api_base_url: String::new() })
    }

    fn code(result: Result<(String, Callee), Refusal>) -> u16 {
        match result {
            Err(Refusal::Error(error)) => error.code,
            Err(Refusal::Busy(caller)) => {
                assert_eq!(caller, "alice");
                1
            }
            Ok(_) => 0,
        }
    }

    #[test]
    fn refusals_come_in_the_order_of_janus() {
        let (id, other) = (CallId::fresh(), CallId::fresh());
        let bob = Ok("bob".to_owned());
        let bad = Err(PluginError::missing_sdp());
        let alice = handle(Some("alice"), None);
        let busy = handle(Some("alice"), Some(other));
        assert_eq!(code(check(id, None, &bad, None)), 473);
        assert_eq!(code(check(id, Some(&handle(None, Some(other))), &bob, None)), 473);
        assert_eq!(code(check(id, Some(&busy), &bad, None)), 480);
        assert_eq!(code(check(id, Some(&busy), &bob, Some(peer("bob", true)))), 480);
        assert_eq!(code(check(id, Some(&alice), &bad, None)), 482);
        assert_eq!(code(check(id, Some(&alice), &Ok("alice".to_owned()), Some(user("alice")))), 479);
        assert_eq!(code(check(id, Some(&alice), &bob, None)), 478);
        assert_eq!(code(check(id, Some(&alice), &bob, Some(peer("bob", true)))), 1);
        assert_eq!(code(check(id, Some(&alice), &bob, Some(peer("bob", false)))), 0);
        assert_eq!(code(check(id, Some(&alice), &bob, Some(user("bob")))), 0);
    }

    #[test]
    fn a_request_that_comes_again_is_not_in_its_own_way() {
        let id = CallId::fresh();
        let taken = handle(Some("alice"), Some(id));
        for callee in [user("bob"), peer("bob", true)] {
            assert_eq!(code(check(id, Some(&taken), &Ok("bob".to_owned()), Some(callee))), 0);
        }
    }
}
