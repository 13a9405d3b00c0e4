//! Who owns a name, and how it moves from one handle to another.

use crate::support::{call, edge, handle, name_of, ours, owner, place, register, register_now, request};
use directory::Directory;
use directory::record::{ClaimOutcome, GrantOutcome, Owner};

on_both_stores! {
    free_name_is_granted
    grant_is_idempotent
    name_is_granted_only_instead_of_owner
    owner_may_move_to_another_edge
    only_owner_releases_name
    latest_registration_wins
    previous_owner_cannot_change_name
    name_moves_while_old_handle_is_in_call
    interrupted_registration_is_finished_by_retry
}

async fn free_name_is_granted(directory: Directory) {
    assert_eq!(directory.user("alice").await.unwrap(), None);
    assert_eq!(
        directory.grant_name("alice", &owner(1), Some(handle(9))).await.unwrap(),
        GrantOutcome::Granted
    );
    let user = directory.user("alice").await.unwrap().unwrap();
    assert_eq!(user, ours("alice", owner(1)));
}

async fn grant_is_idempotent(directory: Directory) {
    for instead_of in [None, None, Some(handle(1)), Some(handle(2))] {
        assert_eq!(
            directory.grant_name("alice", &owner(1), instead_of).await.unwrap(),
            GrantOutcome::Granted
        );
    }
    assert_eq!(directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone(), owner(1));
}

async fn name_is_granted_only_instead_of_owner(directory: Directory) {
    directory.grant_name("alice", &owner(1), None).await.unwrap();
    let refused = GrantOutcome::OwnedBy(owner(1));
    assert_eq!(directory.grant_name("alice", &owner(2), None).await.unwrap(), refused);
    assert_eq!(directory.grant_name("alice", &owner(2), Some(handle(3))).await.unwrap(), refused);
    assert_eq!(
        directory.grant_name("alice", &owner(2), Some(handle(1))).await.unwrap(),
        GrantOutcome::Granted
    );
    assert_eq!(directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone(), owner(2));
}

async fn owner_may_move_to_another_edge(directory: Directory) {
    directory.grant_name("alice", &owner(1), None).await.unwrap();
    let elsewhere = Owner { edge: edge(2), handle: handle(1) };
    assert_eq!(directory.grant_name("alice", &elsewhere, None).await.unwrap(), GrantOutcome::Granted);
    assert_eq!(directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone(), elsewhere);
}

async fn only_owner_releases_name(directory: Directory) {
    directory.grant_name("alice", &owner(1), None).await.unwrap();
    assert!(!directory.release_name("alice", handle(2)).await.unwrap());
    assert!(!directory.release_name("bob", handle(1)).await.unwrap());
    assert!(directory.release_name("alice", handle(1)).await.unwrap());
    assert!(!directory.release_name("alice", handle(1)).await.unwrap());
    assert_eq!(directory.user("alice").await.unwrap(), None);
}

async fn latest_registration_wins(directory: Directory) {
    for number in 1..=3 {
        register_now(&directory, "alice", &owner(number)).await;
        assert_eq!(directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone(), owner(number));
    }
    assert_eq!(name_of(&directory, handle(1)).await, None);
    assert_eq!(name_of(&directory, handle(2)).await, None);
    assert_eq!(name_of(&directory, handle(3)).await.as_deref(), Some("alice"));
}

async fn previous_owner_cannot_change_name(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    register_now(&directory, "alice", &owner(2)).await;
    assert!(!directory.revoke_name(handle(1), "alice").await.unwrap());
    assert!(!directory.release_name("alice", handle(1)).await.unwrap());
    assert_eq!(
        directory.grant_name("alice", &owner(1), None).await.unwrap(),
        GrantOutcome::OwnedBy(owner(2))
    );
    assert_eq!(directory.remove_handle(handle(1)).await.unwrap().unwrap().username, None);
    assert_eq!(directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone(), owner(2));
    assert_eq!(name_of(&directory, handle(2)).await.as_deref(), Some("alice"));
}

async fn name_moves_while_old_handle_is_in_call(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    register_now(&directory, "bob", &owner(2)).await;
    let call = call(("alice", 1), ("bob", 2));
    assert!(place(&directory, &call).await);
    register_now(&directory, "alice", &owner(3)).await;
    let old = directory.handle(handle(1)).await.unwrap().unwrap();
    assert_eq!((old.username, old.call), (None, Some(call.id)));
    assert!(directory.release_call(call.id).await.unwrap().is_some());
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, None);
}

async fn interrupted_registration_is_finished_by_retry(directory: Directory) {
    register_now(&directory, "alice", &owner(1)).await;
    let request = request();
    directory.claim_name(&owner(2), "alice", request).await.unwrap();
    directory.revoke_name(handle(1), "alice").await.unwrap();
    assert_eq!(register(&directory, "alice", &owner(2), request).await, ClaimOutcome::Claimed);
    assert_eq!(register(&directory, "alice", &owner(2), request).await, ClaimOutcome::Claimed);
    assert_eq!(directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone(), owner(2));
}
