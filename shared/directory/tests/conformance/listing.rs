//! The unpaginated list of names.

use crate::support::{handle, owner};
use directory::{Directory, MAX_LISTED_USERS};
use std::collections::HashSet;

on_both_stores! {
    all_names_are_listed
    at_most_a_thousand_names_are_listed
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
