//! Steps composed of operations, as a router composes them.

use super::sample::handle;
use common::{CallId, MessageId, ServiceId};
use directory::Directory;
use directory::record::{AcquireOutcome, Call, CallParty, ClaimOutcome, GrantOutcome, Owner};
use protocol::{HandleRef, SessionId};
use std::time::Duration;
use tokio::time::Instant;

/// Registers a name as the doc of [`Directory`] says: claim, strip whoever owns it, give.
pub async fn register(directory: &Directory, name: &str, owner: &Owner, request: MessageId) -> ClaimOutcome {
    let claimed = directory.claim_name(owner, name, request).await.unwrap();
    if claimed == ClaimOutcome::Claimed {
        let mut instead_of = directory.user(name).await.unwrap().and_then(|user| Some(user.owner()?.handle));
        while let Some(other) = pass_on(directory, name, owner, instead_of).await {
            instead_of = Some(other);
        }
    }
    claimed
}

async fn pass_on(
    directory: &Directory,
    name: &str,
    owner: &Owner,
    from: Option<HandleRef>,
) -> Option<HandleRef> {
    if let Some(old) = from.filter(|old| *old != owner.handle) {
        directory.revoke_name(old, name).await.unwrap();
    }
    match directory.grant_name(name, owner, from).await.unwrap() {
        GrantOutcome::Granted => None,
        GrantOutcome::OwnedBy(other) => Some(other.handle),
    }
}

/// Registers a name and expects that to work.
pub async fn gives(directory: &Directory, name: &str, owner: &Owner) {
    assert_eq!(register(directory, name, owner, super::request()).await, ClaimOutcome::Claimed);
}

fn handle_of(party: &CallParty) -> HandleRef {
    party.owner.as_ref().expect("it is one of ours").handle
}

/// Opens a call and takes its two handles, the smaller first; frees it when it gets only one.
pub async fn place(directory: &Directory, call: &Call) -> bool {
    directory.open_call(call).await.unwrap();
    let mut parties = [(&call.caller, &call.callee), (&call.callee, &call.caller)];
    parties.sort_by_key(|(party, _)| handle_of(party));
    for (party, peer) in parties {
        if directory.acquire_handle(handle_of(party), &party.username, call.id, &peer.username).await.unwrap()
            != AcquireOutcome::Acquired
        {
            directory.release_call(call.id).await.unwrap();
            return false;
        }
    }
    true
}

/// The edge that holds a session.
pub async fn holder(directory: &Directory, session: SessionId) -> Option<ServiceId> {
    Some(directory.session(session).await.unwrap()?.edge)
}

/// The name a handle has by its own record.
pub async fn name_of(directory: &Directory, handle: HandleRef) -> Option<String> {
    directory.handle(handle).await.unwrap()?.username
}

/// The call a handle is in.
pub async fn call_of(directory: &Directory, handle: HandleRef) -> Option<CallId> {
    directory.handle(handle).await.unwrap().unwrap().call
}

/// The calls that the first two handles are in.
pub async fn calls_of_both(directory: &Directory) -> [Option<CallId>; 2] {
    [call_of(directory, handle(1)).await, call_of(directory, handle(2)).await]
}

/// Asks until the answer is yes; five seconds of no fail the test.
pub async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !ask().await {
        assert!(Instant::now() < deadline, "not within five seconds: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
