//! Taking a handle for a call: `Won`, `Busy` or `Gone`.

use crate::support::{call, gives, handle, owner, place};
use directory::Directory;
use directory::record::{AcquireOutcome, Call};

on_both_stores! {
    an_idle_handle_is_won_again_and_again
    a_handle_in_another_call_is_busy
    a_handle_nobody_registered_is_gone
    a_handle_that_lost_its_name_is_gone
    a_handle_with_another_name_is_gone
    a_handle_keeps_its_call_when_it_loses_its_name
    a_call_that_is_over_takes_nothing
}

async fn opened(directory: &Directory) -> Call {
    let call = call(("alice", 1), ("bob", 2));
    directory.open_call(&call).await.unwrap()
}

async fn an_idle_handle_is_won_again_and_again(directory: Directory) {
    gives(&directory, "alice", &owner(1)).await;
    let call = opened(&directory).await;
    for _ in 0..3 {
        assert_eq!(
            directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
            AcquireOutcome::Acquired
        );
    }
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, Some(call.id));
}

async fn a_handle_in_another_call_is_busy(directory: Directory) {
    gives(&directory, "alice", &owner(1)).await;
    gives(&directory, "bob", &owner(2)).await;
    let first = call(("alice", 1), ("bob", 2));
    assert!(place(&directory, &first).await);
    let second = opened(&directory).await;
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", second.id, "peer").await.unwrap(),
        AcquireOutcome::Busy(first.id)
    );
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, Some(first.id));
    directory.release_call(first.id).await.unwrap();
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", second.id, "peer").await.unwrap(),
        AcquireOutcome::Acquired
    );
}

async fn a_handle_nobody_registered_is_gone(directory: Directory) {
    let call = opened(&directory).await;
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(directory.handle(handle(1)).await.unwrap(), None);
}

async fn a_handle_that_lost_its_name_is_gone(directory: Directory) {
    gives(&directory, "alice", &owner(1)).await;
    gives(&directory, "alice", &owner(3)).await;
    let call = opened(&directory).await;
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
        AcquireOutcome::Gone
    );
}

async fn a_handle_with_another_name_is_gone(directory: Directory) {
    gives(&directory, "alice", &owner(1)).await;
    let call = opened(&directory).await;
    assert_eq!(
        directory.acquire_handle(handle(1), "bob", call.id, "peer").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, None);
}

async fn a_handle_keeps_its_call_when_it_loses_its_name(directory: Directory) {
    gives(&directory, "alice", &owner(1)).await;
    let call = opened(&directory).await;
    directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap();
    gives(&directory, "alice", &owner(3)).await;
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
        AcquireOutcome::Acquired
    );
}

async fn a_call_that_is_over_takes_nothing(directory: Directory) {
    gives(&directory, "alice", &owner(1)).await;
    let call = opened(&directory).await;
    directory.release_call(call.id).await.unwrap();
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, None);
}
