//! Acquiring a handle for a call: `Acquired`, `Busy` or `Gone`.

use crate::support::{call, handle, owner, place, register_now};
use directory::Directory;
use directory::record::{AcquireOutcome, Call};

on_both_stores! {
    acquire_is_idempotent
    handle_in_another_call_is_busy
    unregistered_handle_is_gone
    handle_that_lost_its_name_is_gone
    handle_with_another_name_is_gone
    displaced_handle_keeps_its_call
    ended_call_acquires_nothing
}

async fn opened(directory: &Directory) -> Call {
    let call = call(("alice", 1), ("bob", 2));
    directory.open_call(&call).await.unwrap()
}

async fn acquire_is_idempotent(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    let call = opened(&directory).await;
    for _ in 0..3 {
        assert_eq!(
            directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
            AcquireOutcome::Acquired
        );
    }
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, Some(call.id));
}

async fn handle_in_another_call_is_busy(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    register_now(&directory, "bob", &owner(2)).await;
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

async fn unregistered_handle_is_gone(directory: Directory) {
    let call = opened(&directory).await;
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(directory.handle(handle(1)).await.unwrap(), None);
}

async fn handle_that_lost_its_name_is_gone(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    register_now(&directory, "alice", &owner(3)).await;
    let call = opened(&directory).await;
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
        AcquireOutcome::Gone
    );
}

async fn handle_with_another_name_is_gone(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    let call = opened(&directory).await;
    assert_eq!(
        directory.acquire_handle(handle(1), "bob", call.id, "peer").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, None);
}

async fn displaced_handle_keeps_its_call(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    let call = opened(&directory).await;
    directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap();
    register_now(&directory, "alice", &owner(3)).await;
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
        AcquireOutcome::Acquired
    );
}

async fn ended_call_acquires_nothing(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    let call = opened(&directory).await;
    directory.release_call(call.id).await.unwrap();
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "peer").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, None);
}
