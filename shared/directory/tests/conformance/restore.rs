//! Calls that continue after the directory has lost its data.

use crate::support::{call, call_of, edge, handle, owner, place, register_now, request};
use common::BackendName;
use directory::Directory;
use directory::record::{AcquireOutcome, Call, ClaimOutcome, EndOutcome, FencingToken, Handle, OrphanedCall};

on_both_stores! {
    restored_call_equals_original
    restored_handle_is_in_its_call
    restored_call_ends_before_handles_return
    restored_call_creates_no_handle_record
    handle_in_another_call_stays_there
    restore_is_idempotent
    previous_connector_restores_nothing
    restore_leaves_existing_records_alone
}

const PREVIOUS: FencingToken = FencingToken(7);
const CURRENT: FencingToken = FencingToken(8);

fn a() -> BackendName {
    BackendName::from("a")
}

async fn restore(directory: &Directory, state: &str) -> Call {
    let call = call(("alice", 1), ("bob", 2));
    directory.restore_call(&call, CURRENT, state).await.unwrap();
    call
}

async fn left(directory: &Directory) -> Vec<OrphanedCall> {
    directory.orphaned_calls(&a()).await.unwrap()
}

fn leaves(call: &Call, state: &str) -> Vec<OrphanedCall> {
    vec![OrphanedCall { call: call.clone(), state: Some(state.to_owned()), final_notices: None }]
}

async fn restored_call_equals_original(directory: Directory) {
    let call = restore(&directory, "running").await;
    assert_eq!(directory.call(call.id).await.unwrap(), Some(call.clone()));
    assert_eq!(left(&directory).await, leaves(&call, "running"));
    assert_eq!(directory.count_calls(&[a()]).await.unwrap(), vec![1]);
    assert_eq!(directory.save_calls(CURRENT, &[(call.id, "on".to_owned())]).await.unwrap(), [true]);
    assert_eq!(directory.save_calls(PREVIOUS, &[(call.id, "late".to_owned())]).await.unwrap(), [false]);
    assert_eq!(directory.end_call(call.id, Some(PREVIOUS), None).await.unwrap(), EndOutcome::Superseded);
    assert_eq!(directory.end_call(call.id, Some(CURRENT), None).await.unwrap(), EndOutcome::Ended(call));
    assert_eq!(left(&directory).await, vec![]);
}

async fn restored_handle_is_in_its_call(directory: Directory) {
    let call = restore(&directory, "running").await;
    assert_eq!(directory.claim_name(&owner(1), "alice", request()).await.unwrap(), ClaimOutcome::Claimed);
    let back = Handle { edge: edge(1), username: Some("alice".to_owned()), call: Some(call.id) };
    assert_eq!(directory.handle(handle(1)).await.unwrap(), Some(back));
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
        AcquireOutcome::Acquired
    );
    let other = crate::support::call(("carol", 3), ("alice", 1));
    directory.open_call(&other).await.unwrap();
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", other.id, "peer").await.unwrap(),
        AcquireOutcome::Busy(call.id)
    );
    directory.release_call(call.id).await.unwrap();
    assert_eq!(call_of(&directory, handle(1)).await, None);
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", other.id, "peer").await.unwrap(),
        AcquireOutcome::Acquired
    );
}

async fn restored_call_ends_before_handles_return(directory: Directory) {
    for end_by_router in [false, true] {
        let call = restore(&directory, "running").await;
        if end_by_router {
            assert_eq!(directory.release_call(call.id).await.unwrap(), Some(call));
        } else {
            let outcome = directory.end_call(call.id, Some(CURRENT), None).await.unwrap();
            assert_eq!(outcome, EndOutcome::Ended(call));
        }
        register_now(&directory, "alice", &owner(1)).await;
        assert_eq!(call_of(&directory, handle(1)).await, None);
        directory.remove_handle(handle(1)).await.unwrap();
    }
}

async fn restored_call_creates_no_handle_record(directory: Directory) {
    let call = restore(&directory, "running").await;
    assert_eq!(directory.handle(handle(1)).await.unwrap(), None);
    assert_eq!(directory.handle_and_user(handle(1), "alice").await.unwrap(), (None, None));
    assert_eq!(directory.owned_by(&edge(1)).await.unwrap(), (vec![], vec![]));
    assert!(!directory.revoke_name(handle(1), "alice").await.unwrap());
    directory.move_handle(handle(1), Some("alice"), &edge(1), &edge(2)).await.unwrap();
    assert_eq!(directory.handle(handle(1)).await.unwrap(), None);
    assert_eq!(directory.owned_by(&edge(2)).await.unwrap(), (vec![], vec![]));
    let other = crate::support::call(("alice", 1), ("carol", 3));
    directory.open_call(&other).await.unwrap();
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", other.id, "peer").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
        AcquireOutcome::Acquired
    );
    assert_eq!(directory.remove_handle(handle(1)).await.unwrap(), None);
    register_now(&directory, "alice", &owner(1)).await;
    assert_eq!(call_of(&directory, handle(1)).await, None);
}

async fn handle_in_another_call_stays_there(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    register_now(&directory, "carol", &owner(3)).await;
    let other = call(("alice", 1), ("carol", 3));
    assert!(place(&directory, &other).await);
    let call = restore(&directory, "running").await;
    register_now(&directory, "bob", &owner(2)).await;
    assert_eq!(call_of(&directory, handle(1)).await, Some(other.id));
    assert_eq!(call_of(&directory, handle(2)).await, Some(call.id));
    directory.release_call(call.id).await.unwrap();
    assert_eq!(call_of(&directory, handle(1)).await, Some(other.id));
}

async fn restore_is_idempotent(directory: Directory) {
    let call = restore(&directory, "first").await;
    register_now(&directory, "alice", &owner(1)).await;
    directory.restore_call(&call, CURRENT, "second").await.unwrap();
    assert_eq!(left(&directory).await, leaves(&call, "second"));
    assert_eq!(directory.count_calls(&[a()]).await.unwrap(), vec![1]);
    register_now(&directory, "bob", &owner(2)).await;
    for number in [1, 2] {
        assert_eq!(call_of(&directory, handle(number)).await, Some(call.id));
    }
}

async fn previous_connector_restores_nothing(directory: Directory) {
    let call = restore(&directory, "present").await;
    directory.restore_call(&call, PREVIOUS, "former").await.unwrap();
    assert_eq!(left(&directory).await, leaves(&call, "present"));
    assert_eq!(directory.end_call(call.id, Some(PREVIOUS), None).await.unwrap(), EndOutcome::Superseded);
}

async fn restore_leaves_existing_records_alone(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    register_now(&directory, "bob", &owner(2)).await;
    let call = call(("alice", 1), ("bob", 2));
    assert!(place(&directory, &call).await);
    directory.restore_call(&call, CURRENT, "running").await.unwrap();
    assert_eq!(left(&directory).await, leaves(&call, "running"));
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().username.as_deref(), Some("alice"));
    assert_eq!(directory.release_call(call.id).await.unwrap(), Some(call));
    assert_eq!(call_of(&directory, handle(1)).await, None);
}
