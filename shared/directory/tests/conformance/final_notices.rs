//! Final notices: stored with the end of a call until its parties are notified.

use crate::support::{call, handle, owner, place, register_now};
use common::BackendName;
use directory::Directory;
use directory::listing::Cursor;
use directory::record::{AcquireOutcome, Call, EndOutcome, FencingToken, OrphanedCall};

on_both_stores! {
    notices_stay_until_call_is_deleted
    call_with_notices_has_ended
    first_notices_are_kept
    previous_connector_stores_no_notices
    caller_without_token_stores_notices
    deleted_call_has_no_notices
}

const PREVIOUS: FencingToken = FencingToken(1);
const CURRENT: FencingToken = FencingToken(2);

async fn placed(directory: &Directory) -> Call {
    register_now(directory, "alice", &owner(1)).await;
    register_now(directory, "bob", &owner(2)).await;
    let call = call(("alice", 1), ("bob", 2));
    assert!(place(directory, &call).await);
    call
}

async fn conclude(
    directory: &Directory,
    call: &Call,
    token: Option<FencingToken>,
    notices: &str,
) -> EndOutcome {
    directory.end_call(call.id, token, Some(notices)).await.unwrap()
}

async fn orphaned_notices(directory: &Directory) -> Vec<(Call, Option<String>)> {
    let left = directory.orphaned_calls(&BackendName::from("a")).await.unwrap();
    left.into_iter().map(|OrphanedCall { call, final_notices: notices, .. }| (call, notices)).collect()
}

async fn notices_stay_until_call_is_deleted(directory: Directory) {
    let call = placed(&directory).await;
    assert_eq!(orphaned_notices(&directory).await, [(call.clone(), None)]);
    assert_eq!(
        conclude(&directory, &call, Some(CURRENT), "{\"a\":1}").await,
        EndOutcome::Ended(call.clone())
    );
    assert_eq!(orphaned_notices(&directory).await, [(call.clone(), Some("{\"a\":1}".to_owned()))]);
    assert_eq!(directory.count_calls(std::slice::from_ref(&call.backend)).await.unwrap(), [1]);
    directory.delete_call(&call).await.unwrap();
    assert_eq!(orphaned_notices(&directory).await, []);
    assert_eq!(directory.call(call.id).await.unwrap(), None);
    assert_eq!(directory.count_calls(std::slice::from_ref(&call.backend)).await.unwrap(), [0]);
    directory.delete_call(&call).await.unwrap();
}

async fn call_with_notices_has_ended(directory: Directory) {
    let call = placed(&directory).await;
    conclude(&directory, &call, Some(CURRENT), "notices").await;
    for number in [1, 2] {
        assert_eq!(directory.handle(handle(number)).await.unwrap().unwrap().call, None);
    }
    assert!(directory.has_ended(call.id).await.unwrap());
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "bob").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(directory.save_calls(CURRENT, &[(call.id, "late".to_owned())]).await.unwrap(), [false]);
    assert_eq!(directory.calls_page(Cursor::default(), 10).await.unwrap().items, []);
    let next = crate::support::call(("bob", 2), ("alice", 1));
    assert!(place(&directory, &next).await);
    assert_eq!(conclude(&directory, &call, Some(CURRENT), "notices").await, EndOutcome::Ended(call));
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, Some(next.id));
}

async fn first_notices_are_kept(directory: Directory) {
    let call = placed(&directory).await;
    conclude(&directory, &call, Some(PREVIOUS), "first").await;
    assert_eq!(conclude(&directory, &call, Some(CURRENT), "second").await, EndOutcome::Ended(call.clone()));
    assert_eq!(orphaned_notices(&directory).await, [(call.clone(), Some("first".to_owned()))]);
    directory.delete_call(&call).await.unwrap();
    assert_eq!(conclude(&directory, &call, Some(CURRENT), "third").await, EndOutcome::NotFound);
    assert_eq!(orphaned_notices(&directory).await, []);
}

async fn previous_connector_stores_no_notices(directory: Directory) {
    let call = placed(&directory).await;
    directory.save_calls(CURRENT, &[(call.id, "running".to_owned())]).await.unwrap();
    assert_eq!(conclude(&directory, &call, Some(PREVIOUS), "notices").await, EndOutcome::Superseded);
    assert_eq!(orphaned_notices(&directory).await, [(call, None)]);
}

async fn caller_without_token_stores_notices(directory: Directory) {
    let call = placed(&directory).await;
    directory.save_calls(CURRENT, &[(call.id, "running".to_owned())]).await.unwrap();
    assert_eq!(conclude(&directory, &call, None, "").await, EndOutcome::Ended(call.clone()));
    assert_eq!(orphaned_notices(&directory).await, [(call.clone(), Some(String::new()))]);
    assert!(!directory.has_ended(call.id).await.unwrap(), "only a connector's end is stored");
}

async fn deleted_call_has_no_notices(directory: Directory) {
    let call = placed(&directory).await;
    directory.release_call(call.id).await.unwrap();
    assert_eq!(conclude(&directory, &call, Some(CURRENT), "notices").await, EndOutcome::NotFound);
    assert_eq!(orphaned_notices(&directory).await, []);
}
