//! Leases and their fencing tokens.

use crate::support::eventually;
use common::ServiceId;
use directory::Directory;
use std::time::Duration;

on_both_stores! {
    lease_has_one_holder
    renewal_keeps_token
    lease_expires
    renewal_extends_lease
    only_holder_releases_lease
    leases_are_independent
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(150);

fn holder(name: &str) -> ServiceId {
    ServiceId::from(name)
}

async fn lease_has_one_holder(directory: Directory) {
    assert!(directory.acquire_lease("backend:a", &holder("x"), LONG).await.unwrap().is_some());
    assert_eq!(directory.acquire_lease("backend:a", &holder("y"), LONG).await.unwrap(), None);
}

async fn renewal_keeps_token(directory: Directory) {
    let token = directory.acquire_lease("backend:a", &holder("x"), LONG).await.unwrap();
    for _ in 0..5 {
        assert_eq!(directory.acquire_lease("backend:a", &holder("x"), LONG).await.unwrap(), token);
    }
}

async fn lease_expires(directory: Directory) {
    let first = directory.acquire_lease("backend:a", &holder("x"), SHORT).await.unwrap();
    let mut second = None;
    eventually("the lease is free", async || {
        second = directory.acquire_lease("backend:a", &holder("y"), LONG).await.unwrap();
        second.is_some()
    })
    .await;
    assert!(second > first);
    assert_eq!(directory.acquire_lease("backend:a", &holder("x"), LONG).await.unwrap(), None);
}

async fn renewal_extends_lease(directory: Directory) {
    directory.acquire_lease("short", &holder("x"), SHORT).await.unwrap();
    directory.acquire_lease("long", &holder("x"), SHORT).await.unwrap();
    directory.acquire_lease("long", &holder("x"), LONG).await.unwrap();
    eventually("the short one is free", async || {
        directory.acquire_lease("short", &holder("y"), LONG).await.unwrap().is_some()
    })
    .await;
    assert_eq!(directory.acquire_lease("long", &holder("y"), LONG).await.unwrap(), None);
}

async fn only_holder_releases_lease(directory: Directory) {
    let mut last = directory.acquire_lease("backend:a", &holder("x"), LONG).await.unwrap();
    directory.release_lease("backend:a", &holder("y")).await.unwrap();
    assert_eq!(directory.acquire_lease("backend:a", &holder("y"), LONG).await.unwrap(), None);
    for name in ["x", "y", "x", "x", "y"] {
        for _ in 0..2 {
            directory.release_lease("backend:a", &holder("x")).await.unwrap();
            directory.release_lease("backend:a", &holder("y")).await.unwrap();
        }
        let token = directory.acquire_lease("backend:a", &holder(name), LONG).await.unwrap();
        assert!(token > last, "{token:?} after {last:?}");
        last = token;
    }
}

async fn leases_are_independent(directory: Directory) {
    for what in ["a", "b", "", "a}b", "{a}", "a:fence"] {
        assert!(directory.acquire_lease(what, &holder(what), LONG).await.unwrap().is_some(), "{what}");
    }
}
