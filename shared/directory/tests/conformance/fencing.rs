//! Connectors own the calls of a backend one after the other; a later one has the larger token.

use crate::support::{call, calls_of_both, handle, owner, place, register_now};
use common::{BackendName, CallId};
use directory::Directory;
use directory::ENDED_TTL;
use directory::record::{Call, EndOutcome, FencingToken, OrphanedCall};
use std::collections::BTreeMap;
use std::time::Duration;

on_both_stores! {
    last_save_is_orphaned
    unsaved_call_is_orphaned
    only_calls_of_the_backend_are_orphaned
    each_save_has_its_outcome
    empty_save_succeeds
    previous_connector_saves_nothing
    ended_call_is_not_saved
    ended_call_leaves_handles_idle
    previous_connector_ends_no_call
    any_connector_ends_unsaved_call
    router_ends_any_call
    call_ended_by_connector_has_ended
}

const PREVIOUS: FencingToken = FencingToken(1_795_333_128_000_001);
const CURRENT: FencingToken = FencingToken(1_795_333_128_000_002);

fn a() -> BackendName {
    BackendName::from("a")
}

async fn placed(directory: &Directory) -> Call {
    register_now(directory, "alice", &owner(1)).await;
    register_now(directory, "bob", &owner(2)).await;
    let call = call(("alice", 1), ("bob", 2));
    assert!(place(directory, &call).await);
    call
}

async fn save(directory: &Directory, token: FencingToken, call: &Call, state: &str) -> bool {
    directory.save_calls(token, &[(call.id, state.to_owned())]).await.unwrap() == [true]
}

async fn left(directory: &Directory) -> BTreeMap<CallId, OrphanedCall> {
    directory.orphaned_calls(&a()).await.unwrap().into_iter().map(|left| (left.call.id, left)).collect()
}

async fn state_of(directory: &Directory, call: &Call) -> Option<String> {
    left(directory).await[&call.id].state.clone()
}

async fn last_save_is_orphaned(directory: Directory) {
    let call = placed(&directory).await;
    for (token, state) in
        [(PREVIOUS, "first"), (PREVIOUS, "nul\0l, \"quo\r\nte\""), (CURRENT, ""), (CURRENT, "last")]
    {
        assert!(save(&directory, token, &call, state).await);
        let expected =
            OrphanedCall { call: call.clone(), state: Some(state.to_owned()), final_notices: None };
        assert_eq!(left(&directory).await, BTreeMap::from([(call.id, expected)]));
    }
    assert_eq!(directory.call(call.id).await.unwrap(), Some(call.clone()));
    assert_eq!(directory.open_call(&call).await.unwrap(), call);
    assert_eq!(state_of(&directory, &call).await.as_deref(), Some("last"));
}

async fn unsaved_call_is_orphaned(directory: Directory) {
    assert_eq!(left(&directory).await, BTreeMap::new());
    let call = placed(&directory).await;
    let expected = OrphanedCall { call: call.clone(), state: None, final_notices: None };
    assert_eq!(left(&directory).await, BTreeMap::from([(call.id, expected)]));
}

async fn only_calls_of_the_backend_are_orphaned(directory: Directory) {
    let (first, second) = (call(("alice", 1), ("bob", 2)), call(("carol", 3), ("dave", 4)));
    let elsewhere = Call { backend: BackendName::from("b"), ..call(("erin", 5), ("frank", 6)) };
    for call in [&first, &second, &elsewhere] {
        directory.open_call(call).await.unwrap();
        save(&directory, PREVIOUS, call, &call.caller.username).await;
    }
    assert_eq!(state_of(&directory, &first).await.as_deref(), Some("alice"));
    assert_eq!(state_of(&directory, &second).await.as_deref(), Some("carol"));
    directory.release_call(first.id).await.unwrap();
    assert_eq!(left(&directory).await.into_keys().collect::<Vec<_>>(), [second.id]);
    directory.end_call(second.id, Some(PREVIOUS), None).await.unwrap();
    assert_eq!(left(&directory).await, BTreeMap::new());
}

async fn each_save_has_its_outcome(directory: Directory) {
    let calls = [1, 3, 5, 7].map(|number| call(("from", number), ("to", number + 1)));
    for call in [&calls[0], &calls[1], &calls[3]] {
        directory.open_call(call).await.unwrap();
    }
    assert!(save(&directory, CURRENT, &calls[1], "present").await);
    let saves = calls.each_ref().map(|call| (call.id, "former".to_owned()));
    assert_eq!(directory.save_calls(PREVIOUS, &saves).await.unwrap(), [true, false, false, true]);
    assert_eq!(state_of(&directory, &calls[0]).await.as_deref(), Some("former"));
    assert_eq!(directory.call(calls[2].id).await.unwrap(), None);
}

async fn empty_save_succeeds(directory: Directory) {
    assert_eq!(directory.save_calls(CURRENT, &[]).await.unwrap(), Vec::<bool>::new());
}

async fn previous_connector_saves_nothing(directory: Directory) {
    let call = placed(&directory).await;
    assert!(save(&directory, PREVIOUS, &call, "former").await);
    assert!(save(&directory, CURRENT, &call, "present").await);
    assert!(!save(&directory, PREVIOUS, &call, "late").await);
    assert_eq!(state_of(&directory, &call).await.as_deref(), Some("present"));
}

async fn ended_call_is_not_saved(directory: Directory) {
    let call = placed(&directory).await;
    directory.release_call(call.id).await.unwrap();
    assert!(!save(&directory, CURRENT, &call, "late").await);
    assert_eq!(left(&directory).await, BTreeMap::new());
    assert_eq!(directory.call(call.id).await.unwrap(), None);
}

async fn ended_call_leaves_handles_idle(directory: Directory) {
    for saved in [false, true] {
        let call = placed(&directory).await;
        assert!(!saved || save(&directory, CURRENT, &call, "running").await);
        assert_eq!(calls_of_both(&directory).await, [Some(call.id); 2]);
        let freed = EndOutcome::Ended(call.clone());
        assert_eq!(directory.end_call(call.id, Some(CURRENT), None).await.unwrap(), freed);
        assert_eq!(calls_of_both(&directory).await, [None, None]);
        assert_eq!(directory.calls_on(&a()).await.unwrap(), vec![]);
        assert_eq!(directory.end_call(call.id, Some(CURRENT), None).await.unwrap(), EndOutcome::NotFound);
        directory.remove_handle(handle(1)).await.unwrap();
        directory.remove_handle(handle(2)).await.unwrap();
    }
}

async fn previous_connector_ends_no_call(directory: Directory) {
    let call = placed(&directory).await;
    save(&directory, CURRENT, &call, "running").await;
    assert_eq!(directory.end_call(call.id, Some(PREVIOUS), None).await.unwrap(), EndOutcome::Superseded);
    assert_eq!(calls_of_both(&directory).await, [Some(call.id); 2]);
    assert_eq!(directory.count_calls(&[a()]).await.unwrap(), vec![1]);
    assert!(save(&directory, CURRENT, &call, "still running").await);
    let later = FencingToken(CURRENT.0 + 1);
    assert_eq!(directory.end_call(call.id, Some(later), None).await.unwrap(), EndOutcome::Ended(call));
}

async fn any_connector_ends_unsaved_call(directory: Directory) {
    let call = placed(&directory).await;
    assert_eq!(
        directory.end_call(call.id, Some(FencingToken(0)), None).await.unwrap(),
        EndOutcome::Ended(call)
    );
}

async fn router_ends_any_call(directory: Directory) {
    let call = placed(&directory).await;
    save(&directory, CURRENT, &call, "running").await;
    assert_eq!(directory.release_call(call.id).await.unwrap(), Some(call));
    assert_eq!(calls_of_both(&directory).await, [None, None]);
}

async fn call_ended_by_connector_has_ended(directory: Directory) {
    let call = placed(&directory).await;
    assert!(!directory.has_ended(call.id).await.unwrap());
    let refused = directory.end_call(call.id, Some(FencingToken::UNLEASED), None).await.unwrap();
    assert_eq!(refused, EndOutcome::Ended(call.clone()));
    assert!(!directory.has_ended(call.id).await.unwrap(), "it never began");
    assert!(place(&directory, &call).await);
    assert_eq!(
        directory.end_call(call.id, Some(CURRENT), None).await.unwrap(),
        EndOutcome::Ended(call.clone())
    );
    assert!(directory.has_ended(call.id).await.unwrap());
}

/// Redis' time cannot be paused: for Redis, [`schema`](crate::schema) checks the remaining TTL.
#[tokio::test(start_paused = true)]
async fn ended_call_is_forgotten_after_ttl() {
    let directory = Directory::memory();
    let call = placed(&directory).await;
    directory.end_call(call.id, Some(CURRENT), None).await.unwrap();
    tokio::time::sleep(ENDED_TTL - Duration::from_millis(1)).await;
    assert!(directory.has_ended(call.id).await.unwrap());
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(!directory.has_ended(call.id).await.unwrap());
}
