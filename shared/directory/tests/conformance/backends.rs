//! Backends that connectors announce.

use crate::support::{backend, eventually};
use common::BackendName;
use directory::Directory;
use directory::record::{Backend, BackendHealth, BackendStatus, BreakerState};
use std::time::Duration;

on_both_stores! {
    backends_are_sorted_by_name
    later_announcement_replaces_earlier
    removed_backend_is_not_listed
    backend_expires
    announcement_renews_ttl
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(150);

async fn backends_are_sorted_by_name(directory: Directory) {
    assert_eq!(directory.backends().await.unwrap(), vec![]);
    for name in ["b", "a", "c"] {
        directory.announce_backend(&backend(name), LONG).await.unwrap();
    }
    assert_eq!(directory.backends().await.unwrap(), ["a", "b", "c"].map(backend).to_vec());
}

async fn later_announcement_replaces_earlier(directory: Directory) {
    use BackendStatus::{Abnormal, HighWater, Maintenance, Normal};
    for (handles, status) in [(0, Abnormal), (u64::MAX, Normal), (5, HighWater), (6, Maintenance)] {
        let probe_ms = handles.checked_sub(1);
        let url = format!("ws://at-{handles}/\" \0");
        let breaker = if handles == 5 { BreakerState::Open } else { BreakerState::HalfOpen };
        let reason = format!("\"{handles}\" \0 failed");
        let health = BackendHealth { breaker, reason, failed_percent: 60, setup_ms: handles };
        let now = Backend { status, handles, url, probe_ms, health, ..backend("a") };
        directory.announce_backend(&now, LONG).await.unwrap();
        assert_eq!(directory.backends().await.unwrap(), vec![now]);
    }
}

async fn removed_backend_is_not_listed(directory: Directory) {
    directory.announce_backend(&backend("a"), LONG).await.unwrap();
    directory.announce_backend(&backend("b"), LONG).await.unwrap();
    for _ in 0..2 {
        directory.remove_backend(&BackendName::from("a")).await.unwrap();
        assert_eq!(directory.backends().await.unwrap(), vec![backend("b")]);
    }
}

async fn backend_expires(directory: Directory) {
    directory.announce_backend(&backend("a"), SHORT).await.unwrap();
    directory.announce_backend(&backend("b"), LONG).await.unwrap();
    eventually("a expires, b stays", async || directory.backends().await.unwrap() == vec![backend("b")])
        .await;
    directory.announce_backend(&backend("a"), LONG).await.unwrap();
    assert_eq!(directory.backends().await.unwrap(), vec![backend("a"), backend("b")]);
}

async fn announcement_renews_ttl(directory: Directory) {
    directory.announce_backend(&backend("a"), SHORT).await.unwrap();
    directory.announce_backend(&backend("b"), SHORT).await.unwrap();
    directory.announce_backend(&backend("a"), LONG).await.unwrap();
    eventually("b expires", async || directory.backends().await.unwrap().len() == 1).await;
    assert_eq!(directory.backends().await.unwrap(), vec![backend("a")]);
}
