//! A call that has ended, while its sides are not sure to have heard of it: what they are to hear is kept.

use crate::support::{call, gives, handle, owner, place};
use common::BackendName;
use directory::Directory;
use directory::listing::Cursor;
use directory::record::{AcquireOutcome, Call, EndOutcome, FencingToken, OrphanedCall};

on_both_stores! {
    a_letter_is_left_until_the_call_is_forgotten
    a_call_with_a_letter_is_over
    of_two_letters_the_first_is_kept
    a_former_connector_writes_no_letter
    who_may_end_any_call_writes_a_letter_too
    a_call_that_is_gone_has_no_letter
}

const FORMER: FencingToken = FencingToken(1);
const PRESENT: FencingToken = FencingToken(2);

async fn placed(directory: &Directory) -> Call {
    gives(directory, "alice", &owner(1)).await;
    gives(directory, "bob", &owner(2)).await;
    let call = call(("alice", 1), ("bob", 2));
    assert!(place(directory, &call).await);
    call
}

async fn conclude(
    directory: &Directory,
    call: &Call,
    token: Option<FencingToken>,
    letter: &str,
) -> EndOutcome {
    directory.end_call(call.id, token, Some(letter)).await.unwrap()
}

async fn letters(directory: &Directory) -> Vec<(Call, Option<String>)> {
    let left = directory.orphaned_calls(&BackendName::from("a")).await.unwrap();
    left.into_iter().map(|OrphanedCall { call, final_notices: letter, .. }| (call, letter)).collect()
}

async fn a_letter_is_left_until_the_call_is_forgotten(directory: Directory) {
    let call = placed(&directory).await;
    assert_eq!(letters(&directory).await, [(call.clone(), None)]);
    assert_eq!(
        conclude(&directory, &call, Some(PRESENT), "{\"a\":1}").await,
        EndOutcome::Ended(call.clone())
    );
    assert_eq!(letters(&directory).await, [(call.clone(), Some("{\"a\":1}".to_owned()))]);
    assert_eq!(directory.count_calls(std::slice::from_ref(&call.backend)).await.unwrap(), [1]);
    directory.delete_call(&call).await.unwrap();
    assert_eq!(letters(&directory).await, []);
    assert_eq!(directory.call(call.id).await.unwrap(), None);
    assert_eq!(directory.count_calls(std::slice::from_ref(&call.backend)).await.unwrap(), [0]);
    directory.delete_call(&call).await.unwrap();
}

async fn a_call_with_a_letter_is_over(directory: Directory) {
    let call = placed(&directory).await;
    conclude(&directory, &call, Some(PRESENT), "letter").await;
    for number in [1, 2] {
        assert_eq!(directory.handle(handle(number)).await.unwrap().unwrap().call, None);
    }
    assert!(directory.has_ended(call.id).await.unwrap());
    assert_eq!(
        directory.acquire_handle(handle(1), "alice", call.id, "bob").await.unwrap(),
        AcquireOutcome::Gone
    );
    assert_eq!(directory.save_calls(PRESENT, &[(call.id, "late".to_owned())]).await.unwrap(), [false]);
    assert_eq!(directory.calls_page(Cursor::default(), 10).await.unwrap().items, []);
    let next = crate::support::call(("bob", 2), ("alice", 1));
    assert!(place(&directory, &next).await);
    assert_eq!(conclude(&directory, &call, Some(PRESENT), "letter").await, EndOutcome::Ended(call));
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, Some(next.id));
}

async fn of_two_letters_the_first_is_kept(directory: Directory) {
    let call = placed(&directory).await;
    conclude(&directory, &call, Some(FORMER), "first").await;
    assert_eq!(conclude(&directory, &call, Some(PRESENT), "second").await, EndOutcome::Ended(call.clone()));
    assert_eq!(letters(&directory).await, [(call.clone(), Some("first".to_owned()))]);
    directory.delete_call(&call).await.unwrap();
    assert_eq!(conclude(&directory, &call, Some(PRESENT), "third").await, EndOutcome::NotFound);
    assert_eq!(letters(&directory).await, []);
}

async fn a_former_connector_writes_no_letter(directory: Directory) {
    let call = placed(&directory).await;
    directory.save_calls(PRESENT, &[(call.id, "running".to_owned())]).await.unwrap();
    assert_eq!(conclude(&directory, &call, Some(FORMER), "letter").await, EndOutcome::Superseded);
    assert_eq!(letters(&directory).await, [(call, None)]);
}

async fn who_may_end_any_call_writes_a_letter_too(directory: Directory) {
    let call = placed(&directory).await;
    directory.save_calls(PRESENT, &[(call.id, "running".to_owned())]).await.unwrap();
    assert_eq!(conclude(&directory, &call, None, "").await, EndOutcome::Ended(call.clone()));
    assert_eq!(letters(&directory).await, [(call.clone(), Some(String::new()))]);
    assert!(!directory.has_ended(call.id).await.unwrap(), "only connectors say so");
}

async fn a_call_that_is_gone_has_no_letter(directory: Directory) {
    let call = placed(&directory).await;
    directory.release_call(call.id).await.unwrap();
    assert_eq!(conclude(&directory, &call, Some(PRESENT), "letter").await, EndOutcome::NotFound);
    assert_eq!(letters(&directory).await, []);
}
