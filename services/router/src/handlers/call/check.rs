//! The checks of Janus before it connects a call, in its order.

use crate::handlers::names::Callee;
use common::CallId;
use directory::record::{AcquireOutcome, Handle};
use protocol::Side;
use protocol::videocall::PluginError;

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An error of the plugin.
    Error(PluginError),
    /// The callee is in a call; holds the name of the caller.
    Busy(String),
}

impl From<PluginError> for Refusal {
    fn from(error: PluginError) -> Self {
        Self::Error(error)
    }
}

/// Returns the caller's name and the callee. A local callee is found to be busy only when its handle is
/// acquired. The state of a foreign callee is in the record that its proxy writes. A retry of a call whose
/// caller is in it already ignores that state, because the callee may be in the same call.
pub fn check(
    call: CallId,
    caller: Option<&Handle>,
    username: &Result<String, PluginError>,
    callee: Option<Callee>,
) -> Result<(String, Callee), Refusal> {
    let caller_name =
        caller.and_then(|handle| handle.username.clone()).ok_or_else(PluginError::register_first)?;
    let current_call = caller.and_then(|handle| handle.call);
    if current_call.is_some_and(|current| current != call) {
        return Err(PluginError::already_in_call().into());
    }
    let username = username.clone()?;
    if username == caller_name {
        return Err(PluginError::use_echo_test().into());
    }
    let callee = callee.ok_or_else(|| PluginError::no_such_username(&username))?;
    match &callee {
        Callee::Foreign(user) if user.in_call && current_call.is_none() => Err(Refusal::Busy(caller_name)),
        _ => Ok((caller_name, callee)),
    }
}

/// Returns the refusal for a handle that could not be acquired.
pub fn refusal_for(side: Side, outcome: AcquireOutcome, caller: &str, callee: &str) -> Refusal {
    match (side, outcome) {
        (Side::Caller, AcquireOutcome::Busy(_)) => PluginError::already_in_call().into(),
        (Side::Caller, _) => PluginError::register_first().into(),
        (Side::Callee, AcquireOutcome::Busy(_)) => Refusal::Busy(caller.to_owned()),
        (Side::Callee, _) => PluginError::no_such_username(callee).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::names::ForeignCallee;
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

    fn foreign(username: &str, in_call: bool) -> Callee {
        Callee::Foreign(ForeignCallee { username: username.to_owned(), in_call, api_base_url: String::new() })
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
        assert_eq!(code(check(id, Some(&busy), &bob, Some(foreign("bob", true)))), 480);
        assert_eq!(code(check(id, Some(&alice), &bad, None)), 482);
        assert_eq!(code(check(id, Some(&alice), &Ok("alice".to_owned()), Some(user("alice")))), 479);
        assert_eq!(code(check(id, Some(&alice), &bob, None)), 478);
        assert_eq!(code(check(id, Some(&alice), &bob, Some(foreign("bob", true)))), 1);
        assert_eq!(code(check(id, Some(&alice), &bob, Some(foreign("bob", false)))), 0);
        assert_eq!(code(check(id, Some(&alice), &bob, Some(user("bob")))), 0);
    }

    #[test]
    fn redelivered_request_is_not_refused_for_its_own_call() {
        let id = CallId::fresh();
        let taken = handle(Some("alice"), Some(id));
        for callee in [user("bob"), foreign("bob", true)] {
            assert_eq!(code(check(id, Some(&taken), &Ok("bob".to_owned()), Some(callee))), 0);
        }
    }
}
