//! Calls that go on when the directory has lost everything.

use crate::support::{call, call_of, edge, gives, handle, owner, place, request};
use common::BackendName;
use directory::Directory;
use directory::record::{AcquireOutcome, Call, ClaimOutcome, EndOutcome, FencingToken, Handle, OrphanedCall};

on_both_stores! {
    a_restored_call_is_as_it_was
    a_handle_that_comes_back_is_in_its_call
    a_restored_call_ends_before_its_handles_come_back
    a_mark_is_no_handle
    a_handle_in_another_call_stays_in_that
    restoring_again_changes_nothing
    a_former_connector_restores_over_no_later_one
    what_was_not_lost_is_not_harmed
}

const FORMER: FencingToken = FencingToken(7);
const PRESENT: FencingToken = FencingToken(8);

fn a() -> BackendName {
    BackendName::from("a")
}

async fn restore(directory: &Directory, state: &str) -> Call {
    let call = call(("alice", 1), ("bob", 2));
    directory.restore_call(&call, PRESENT, state).await.unwrap();
    call
}

async fn left(directory: &Directory) -> Vec<OrphanedCall> {
    directory.orphaned_calls(&a()).await.unwrap()
}

fn leaves(call: &Call, state: &str) -> Vec<OrphanedCall> {
    vec![OrphanedCall { call: call.clone(), state: Some(state.to_owned()), final_notices: None }]
}

async fn a_restored_call_is_as_it_was(directory: Directory) {
    let call = restore(&directory, "running").await;
    assert_eq!(directory.call(call.id).await.unwrap(), Some(call.clone()));
    assert_eq!(left(&directory).await, leaves(&call, "running"));
    assert_eq!(directory.count_calls(&[a()]).await.unwrap(), vec![1]);
    assert_eq!(directory.save_calls(PRESENT, &[(call.id, "on".to_owned())]).await.unwrap(), [true]);
    assert_eq!(directory.save_calls(FORMER, &[(call.id, "late".to_owned())]).await.unwrap(), [false]);
    assert_eq!(directory.end_call(call.id, Some(FORMER), None).await.unwrap(), EndOutcome::Superseded);
    assert_eq!(directory.end_call(call.id, Some(PRESENT), None).await.unwrap(), EndOutcome::Ended(call));
    assert_eq!(left(&directory).await, vec![]);
}

async fn a_handle_that_comes_back_is_in_its_call(directory: Directory) {
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

async fn a_restored_call_ends_before_its_handles_come_back(directory: Directory) {
    for end_by_router in [false, true] {
        let call = restore(&directory, "running").await;
        match end_by_router {
            true => assert_eq!(directory.release_call(call.id).await.unwrap(), Some(call)),
            false => {
                let concluded = directory.end_call(call.id, Some(PRESENT), None).await.unwrap();
                assert_eq!(concluded, EndOutcome::Ended(call));
            }
        }
        gives(&directory, "alice", &owner(1)).await;
        assert_eq!(call_of(&directory, handle(1)).await, None);
        directory.remove_handle(handle(1)).await.unwrap();
    }
}

async fn a_mark_is_no_handle(directory: Directory) {
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
    gives(&directory, "alice", &owner(1)).await;
    assert_eq!(call_of(&directory, handle(1)).await, None);
}

async fn a_handle_in_another_call_stays_in_that(directory: Directory) {
    gives(&directory, "alice", &owner(1)).await;
    gives(&directory, "carol", &owner(3)).await;
    let other = call(("alice", 1), ("carol", 3));
    assert!(place(&directory, &other).await);
    let call = restore(&directory, "running").await;
    gives(&directory, "bob", &owner(2)).await;
    assert_eq!(call_of(&directory, handle(1)).await, Some(other.id));
    assert_eq!(call_of(&directory, handle(2)).await, Some(call.id));
    directory.release_call(call.id).await.unwrap();
    assert_eq!(call_of(&directory, handle(1)).await, Some(other.id));
}

async fn restoring_again_changes_nothing(directory: Directory) {
    let call = restore(&directory, "first").await;
    gives(&directory, "alice", &owner(1)).await;
    directory.restore_call(&call, PRESENT, "second").await.unwrap();
    assert_eq!(left(&directory).await, leaves(&call, "second"));
    assert_eq!(directory.count_calls(&[a()]).await.unwrap(), vec![1]);
    gives(&directory, "bob", &owner(2)).await;
    for number in [1, 2] {
        assert_eq!(call_of(&directory, handle(number)).await, Some(call.id));
    }
}

async fn a_former_connector_restores_over_no_later_one(directory: Directory) {
    let call = restore(&directory, "present").await;
    directory.restore_call(&call, FORMER, "former").await.unwrap();
    assert_eq!(left(&directory).await, leaves(&call, "present"));
    assert_eq!(directory.end_call(call.id, Some(FORMER), None).await.unwrap(), EndOutcome::Superseded);
}

async fn what_was_not_lost_is_not_harmed(directory: Directory) {
    gives(&directory, "alice", &owner(1)).await;
    gives(&directory, "bob", &owner(2)).await;
    let call = call(("alice", 1), ("bob", 2));
    assert!(place(&directory, &call).await);
    directory.restore_call(&call, PRESENT, "running").await.unwrap();
    assert_eq!(left(&directory).await, leaves(&call, "running"));
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().username.as_deref(), Some("alice"));
    assert_eq!(directory.release_call(call.id).await.unwrap(), Some(call));
    assert_eq!(call_of(&directory, handle(1)).await, None);
}
