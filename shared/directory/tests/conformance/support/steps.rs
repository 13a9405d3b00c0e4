//! Sequences of operations, as a router combines them.

use super::sample::handle;
use common::{CallId, MessageId, ServiceId};
use directory::Directory;
use directory::record::{AcquireOutcome, Call, CallParty, ClaimOutcome, GrantOutcome, Owner};
use protocol::{HandleRef, SessionId};
use std::time::Duration;
use tokio::time::Instant;

/// Registers a name in three steps: claim, revoke it from its owner, grant.
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

/// Registers a name, which must succeed.
pub async fn register_now(directory: &Directory, name: &str, owner: &Owner) {
    assert_eq!(register(directory, name, owner, super::request()).await, ClaimOutcome::Claimed);
}

fn handle_of(party: &CallParty) -> HandleRef {
    party.owner.as_ref().expect("the party is local").handle
}

/// Opens a call and acquires its two handles, the smaller first; releases it when it gets only one.
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

/// The edge that owns a session.
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

/// Waits until the condition holds; fails the test after five seconds.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !condition().await {
        assert!(Instant::now() < deadline, "not within five seconds: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
