//! The record of a handle: claim of a name, its revocation, removal of the handle.

use crate::support::{edge, handle, name_of, ours, owner, register_now, request};
use directory::Directory;
use directory::record::{ClaimOutcome, Handle, Owner};

on_both_stores! {
    unregistered_handle_has_no_record
    claim_creates_record
    claim_is_idempotent_per_request
    handle_has_one_name
    handle_claims_again_after_revocation
    revocation_removes_only_that_name
    handle_record_is_returned_once
    removed_handle_leaves_name
    claim_from_another_edge_moves_handle
    handle_and_user_are_read_together
    any_text_is_a_valid_name
}

async fn unregistered_handle_has_no_record(directory: Directory) {
    directory.ping().await.unwrap();
    assert_eq!(directory.handle(handle(1)).await.unwrap(), None);
    assert!(!directory.revoke_name(handle(1), "alice").await.unwrap());
    assert_eq!(directory.remove_handle(handle(1)).await.unwrap(), None);
}

async fn claim_creates_record(directory: Directory) {
    assert_eq!(directory.claim_name(&owner(1), "alice", request()).await.unwrap(), ClaimOutcome::Claimed);
    let record = Handle { edge: edge(1), username: Some("alice".to_owned()), call: None };
    assert_eq!(directory.handle(handle(1)).await.unwrap(), Some(record));
    assert_eq!(directory.user("alice").await.unwrap(), None);
}

async fn claim_is_idempotent_per_request(directory: Directory) {
    let request = request();
    for _ in 0..3 {
        assert_eq!(directory.claim_name(&owner(1), "alice", request).await.unwrap(), ClaimOutcome::Claimed);
    }
    assert_eq!(name_of(&directory, handle(1)).await.as_deref(), Some("alice"));
}

async fn handle_has_one_name(directory: Directory) {
    let first = request();
    directory.claim_name(&owner(1), "alice", first).await.unwrap();
    let has = ClaimOutcome::AlreadyNamed("alice".to_owned());
    assert_eq!(directory.claim_name(&owner(1), "bob", request()).await.unwrap(), has);
    assert_eq!(directory.claim_name(&owner(1), "alice", request()).await.unwrap(), has);
    assert_eq!(directory.claim_name(&owner(1), "bob", first).await.unwrap(), has);
    assert_eq!(name_of(&directory, handle(1)).await.as_deref(), Some("alice"));
}

async fn handle_claims_again_after_revocation(directory: Directory) {
    let first = request();
    directory.claim_name(&owner(1), "alice", first).await.unwrap();
    assert!(directory.revoke_name(handle(1), "alice").await.unwrap());
    assert!(!directory.revoke_name(handle(1), "alice").await.unwrap());
    assert_eq!(directory.claim_name(&owner(1), "alice", first).await.unwrap(), ClaimOutcome::Lost);
    let record = Handle { edge: edge(1), username: None, call: None };
    assert_eq!(directory.handle(handle(1)).await.unwrap(), Some(record));
    assert_eq!(directory.claim_name(&owner(1), "bob", request()).await.unwrap(), ClaimOutcome::Claimed);
}

async fn revocation_removes_only_that_name(directory: Directory) {
    directory.claim_name(&owner(1), "alice", request()).await.unwrap();
    assert!(!directory.revoke_name(handle(1), "bob").await.unwrap());
    assert_eq!(name_of(&directory, handle(1)).await.as_deref(), Some("alice"));
}

async fn handle_record_is_returned_once(directory: Directory) {
    directory.claim_name(&owner(1), "alice", request()).await.unwrap();
    let record = Handle { edge: edge(1), username: Some("alice".to_owned()), call: None };
    assert_eq!(directory.remove_handle(handle(1)).await.unwrap(), Some(record));
    assert_eq!(directory.remove_handle(handle(1)).await.unwrap(), None);
    assert_eq!(directory.handle(handle(1)).await.unwrap(), None);
    assert_eq!(directory.owned_by(&edge(1)).await.unwrap(), (vec![], vec![]));
}

async fn removed_handle_leaves_name(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    directory.remove_handle(handle(1)).await.unwrap();
    assert_eq!(directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone(), owner(1));
}

async fn claim_from_another_edge_moves_handle(directory: Directory) {
    let request = request();
    directory.claim_name(&owner(1), "alice", request).await.unwrap();
    let elsewhere = Owner { edge: edge(2), handle: handle(1) };
    directory.claim_name(&elsewhere, "alice", request).await.unwrap();
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().edge, edge(2));
    assert_eq!(directory.owned_by(&edge(2)).await.unwrap().0, vec![handle(1)]);
}

async fn handle_and_user_are_read_together(directory: Directory) {
    assert_eq!(directory.handle_and_user(handle(1), "bob").await.unwrap(), (None, None));
    register_now(&directory, "alice", &owner(1)).await;
    register_now(&directory, "bob", &owner(2)).await;
    let (handle, user) = directory.handle_and_user(handle(1), "bob").await.unwrap();
    assert_eq!(handle.unwrap().username.as_deref(), Some("alice"));
    assert_eq!(user.unwrap().owner().unwrap().clone(), owner(2));
}

async fn any_text_is_a_valid_name(directory: Directory) {
    let names =
        ["", " ", "a b", "nul\0l", "quote\"'`", "line\r\n*3\r\n", "*", "[a-z]?", "{tag}", "ünï😀", ":"];
    let long = "x".repeat(3_000);
    for (number, name) in (1..).zip(names.into_iter().chain([long.as_str()])) {
        register_now(&directory, name, &owner(number)).await;
        let user = directory.user(name).await.unwrap().unwrap();
        assert_eq!(user, ours(name, owner(number)));
        assert_eq!(name_of(&directory, handle(number)).await.as_deref(), Some(name));
    }
    let mut listed = directory.usernames().await.unwrap();
    listed.sort();
    let mut expected: Vec<_> = names.into_iter().chain([long.as_str()]).collect();
    expected.sort();
    assert_eq!(listed, expected);
    assert!(directory.revoke_name(handle(1), "").await.unwrap());
    assert!(directory.release_name("", handle(1)).await.unwrap());
}
