//! Opening, counting and releasing calls.

use crate::support::{call, call_of, calls_of_both, handle, owner, place, register_now};
use common::{BackendName, CallId};
use directory::Directory;
use directory::record::{AcquireOutcome, Call};
use protocol::Side;
use std::collections::BTreeSet;

on_both_stores! {
    opened_call_is_stored
    open_is_idempotent
    first_open_wins
    begin_acquires_both_handles
    second_call_learns_which_side_is_busy
    call_keeps_handles_of_first_begin
    released_call_leaves_handles_idle
    release_is_idempotent
    released_call_may_open_on_another_backend
    release_leaves_other_calls_alone
    call_without_handles_is_released
    calls_are_counted_per_backend
}

fn a() -> BackendName {
    BackendName::from("a")
}

async fn pair(directory: &Directory) -> Call {
    register_now(directory, "alice", &owner(1)).await;
    register_now(directory, "bob", &owner(2)).await;
    call(("alice", 1), ("bob", 2))
}

async fn opened_call_is_stored(directory: Directory) {
    let call = call(("quo\"te", 1), ("nul\0l", 2));
    assert_eq!(directory.call(call.id).await.unwrap(), None);
    assert_eq!(directory.open_call(&call).await.unwrap(), call);
    assert_eq!(directory.call(call.id).await.unwrap(), Some(call.clone()));
    assert_eq!(call.side_of(handle(2)), Some(Side::Callee));
}

async fn open_is_idempotent(directory: Directory) {
    let call = pair(&directory).await;
    assert!(place(&directory, &call).await);
    assert!(place(&directory, &call).await);
    assert_eq!(directory.count_calls(&[a()]).await.unwrap(), vec![1]);
}

async fn first_open_wins(directory: Directory) {
    let first = call(("alice", 1), ("bob", 2));
    directory.open_call(&first).await.unwrap();
    let again = Call { backend: BackendName::from("b"), opened: 1, ..first.clone() };
    assert_eq!(directory.open_call(&again).await.unwrap(), first);
    assert_eq!(directory.call(first.id).await.unwrap(), Some(first));
    assert_eq!(directory.count_calls(&[a(), BackendName::from("b")]).await.unwrap(), vec![1, 0]);
}

async fn begin_acquires_both_handles(directory: Directory) {
    let call = pair(&directory).await;
    for _ in 0..2 {
        assert_eq!(directory.begin_call(&call).await.unwrap(), (call.clone(), None));
        assert_eq!(calls_of_both(&directory).await, [Some(call.id); 2]);
    }
    assert_eq!(directory.count_calls(&[a()]).await.unwrap(), vec![1]);
}

async fn second_call_learns_which_side_is_busy(directory: Directory) {
    let first = pair(&directory).await;
    register_now(&directory, "carol", &owner(3)).await;
    directory.begin_call(&first).await.unwrap();
    let second = call(("carol", 3), ("bob", 2));
    let callee_busy = Some((Side::Callee, AcquireOutcome::Busy(first.id)));
    assert_eq!(directory.begin_call(&second).await.unwrap(), (second.clone(), callee_busy));
    let third = call(("alice", 1), ("carol", 3));
    let caller_busy = Some((Side::Caller, AcquireOutcome::Busy(first.id)));
    assert_eq!(directory.begin_call(&third).await.unwrap(), (third, caller_busy));
    assert_eq!(call_of(&directory, handle(2)).await, Some(first.id));
}

async fn call_keeps_handles_of_first_begin(directory: Directory) {
    let first = pair(&directory).await;
    register_now(&directory, "carol", &owner(0)).await;
    directory.begin_call(&first).await.unwrap();
    let again = Call { id: first.id, ..call(("carol", 0), ("bob", 2)) };
    assert_eq!(directory.begin_call(&again).await.unwrap(), (first.clone(), None));
    assert_eq!(call_of(&directory, handle(0)).await, None);
    assert_eq!(calls_of_both(&directory).await, [Some(first.id); 2]);
}

async fn released_call_leaves_handles_idle(directory: Directory) {
    let call = pair(&directory).await;
    assert!(place(&directory, &call).await);
    assert_eq!(call_of(&directory, handle(1)).await, Some(call.id));
    assert_eq!(directory.release_call(call.id).await.unwrap(), Some(call.clone()));
    assert_eq!(calls_of_both(&directory).await, [None, None]);
    assert_eq!(directory.call(call.id).await.unwrap(), None);
    assert_eq!(directory.calls_on(&a()).await.unwrap(), vec![]);
}

async fn release_is_idempotent(directory: Directory) {
    let first = pair(&directory).await;
    assert_eq!(directory.release_call(first.id).await.unwrap(), None);
    assert!(place(&directory, &first).await);
    directory.release_call(first.id).await.unwrap();
    let second = call(("bob", 2), ("alice", 1));
    assert!(place(&directory, &second).await);
    assert_eq!(directory.release_call(first.id).await.unwrap(), None);
    assert_eq!(calls_of_both(&directory).await, [Some(second.id); 2]);
}

async fn released_call_may_open_on_another_backend(directory: Directory) {
    let first = pair(&directory).await;
    assert!(place(&directory, &first).await);
    directory.release_call(first.id).await.unwrap();
    let again = Call { backend: BackendName::from("b"), ..first };
    assert!(place(&directory, &again).await);
    assert_eq!(directory.call(again.id).await.unwrap(), Some(again.clone()));
    assert_eq!(directory.count_calls(&[a(), again.backend]).await.unwrap(), vec![0, 1]);
}

async fn release_leaves_other_calls_alone(directory: Directory) {
    let call_1 = pair(&directory).await;
    register_now(&directory, "carol", &owner(3)).await;
    assert!(place(&directory, &call_1).await);
    let call_2 = call(("carol", 3), ("bob", 2));
    directory.open_call(&call_2).await.unwrap();
    assert_eq!(
        directory.acquire_handle(handle(3), "carol", call_2.id, "peer").await.unwrap(),
        AcquireOutcome::Acquired
    );
    assert_eq!(
        directory.acquire_handle(handle(2), "bob", call_2.id, "peer").await.unwrap(),
        AcquireOutcome::Busy(call_1.id)
    );
    directory.release_call(call_2.id).await.unwrap();
    assert_eq!(call_of(&directory, handle(3)).await, None);
    assert_eq!(calls_of_both(&directory).await, [Some(call_1.id); 2]);
}

async fn call_without_handles_is_released(directory: Directory) {
    let call = pair(&directory).await;
    assert!(place(&directory, &call).await);
    let removed = directory.remove_handle(handle(1)).await.unwrap().unwrap();
    assert_eq!(removed.call, Some(call.id));
    assert_eq!(directory.release_call(call.id).await.unwrap(), Some(call));
    assert_eq!(directory.handle(handle(1)).await.unwrap(), None);
    assert_eq!(call_of(&directory, handle(2)).await, None);
}

async fn calls_are_counted_per_backend(directory: Directory) {
    let b = BackendName::from("b");
    let one = call(("alice", 1), ("bob", 2));
    let two = call(("carol", 3), ("dave", 4));
    let three = Call { backend: b.clone(), ..call(("erin", 5), ("frank", 6)) };
    for call in [&one, &two, &three] {
        directory.open_call(call).await.unwrap();
    }
    let backends = [b.clone(), BackendName::from("c"), a()];
    assert_eq!(directory.count_calls(&backends).await.unwrap(), vec![1, 0, 2]);
    assert_eq!(directory.count_calls(&[]).await.unwrap(), Vec::<u64>::new());
    let on_a: BTreeSet<CallId> = directory.calls_on(&a()).await.unwrap().into_iter().collect();
    assert_eq!(on_a, BTreeSet::from([one.id, two.id]));
    assert_eq!(directory.backends_with_calls().await.unwrap(), [a(), b]);
    directory.release_call(three.id).await.unwrap();
    assert_eq!(directory.count_calls(&backends).await.unwrap(), vec![0, 0, 2]);
    assert_eq!(directory.backends_with_calls().await.unwrap(), [a()]);
}
