//! The unpaginated list of names.

use crate::support::{handle, owner};
use directory::{Directory, MAX_LISTED_BYTES, MAX_LISTED_USERS};
use std::collections::HashSet;

on_both_stores! {
    all_names_are_listed
    at_most_a_thousand_names_are_listed
    long_names_are_listed_up_to_a_number_of_bytes
    registered_again_is_listed
}

async fn all_names_are_listed(directory: Directory) {
    assert_eq!(directory.usernames().await.unwrap(), Vec::<String>::new());
    for (number, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        directory.grant_name(name, &owner(number), None).await.unwrap();
    }
    directory.release_name("bob", handle(2)).await.unwrap();
    let mut names = directory.usernames().await.unwrap();
    names.sort();
    assert_eq!(names, ["alice", "carol"]);
}

async fn at_most_a_thousand_names_are_listed(directory: Directory) {
    for number in 0..5_000 {
        directory.grant_name(&format!("user-{number}"), &owner(number), None).await.unwrap();
    }
    let names: HashSet<String> = directory.usernames().await.unwrap().into_iter().collect();
    assert_eq!(names.len(), MAX_LISTED_USERS);
    let known: HashSet<String> = (0..5_000).map(|number| format!("user-{number}")).collect();
    assert!(names.is_subset(&known));
}

async fn long_names_are_listed_up_to_a_number_of_bytes(directory: Directory) {
    for number in 0..100 {
        directory.grant_name(&format!("{number:04096}"), &owner(number), None).await.unwrap();
    }
    let names = directory.usernames().await.unwrap();
    assert_eq!(names.len(), MAX_LISTED_BYTES / 4096);
}

async fn registered_again_is_listed(directory: Directory) {
    directory.grant_name("alice", &owner(1), None).await.unwrap();
    directory.grant_name("alice", &owner(2), Some(handle(1))).await.unwrap();
    assert!(!directory.release_name("alice", handle(1)).await.unwrap());
    assert_eq!(directory.usernames().await.unwrap(), ["alice"]);
    assert!(directory.release_name("alice", handle(2)).await.unwrap());
    assert_eq!(directory.usernames().await.unwrap(), [""; 0]);
}
