//! The record that one connector leaves for the next, and the operators' drain.

use crate::support::{backend, eventually};
use common::BackendName;
use directory::record::{Backend, BackendStatus, FencingToken};
use directory::{CONNECTOR_RECORD_TTL, Directory};
use std::time::Duration;

on_both_stores! {
    last_record_is_read
    previous_connector_stores_no_record
    each_backend_has_its_record
    drained_backend_is_in_maintenance
    drain_changes_only_normal_status
    drain_outlives_announcement
    drained_backends_are_sorted_by_name
}

const LONG: Duration = Duration::from_secs(60);

fn name(name: &str) -> BackendName {
    BackendName::from(name)
}

async fn record(directory: &Directory, backend: &str) -> Option<String> {
    directory.connector_record(&name(backend)).await.unwrap()
}

async fn statuses(directory: &Directory) -> Vec<BackendStatus> {
    directory.backends().await.unwrap().into_iter().map(|backend| backend.status).collect()
}

async fn last_record_is_read(directory: Directory) {
    assert_eq!(record(&directory, "a").await, None);
    for (token, text) in [(3, "first"), (3, ""), (1_795_333_128_000_001, "{\"nul\0l\r\n\": []}")] {
        assert!(directory.put_connector_record(&name("a"), FencingToken(token), text).await.unwrap());
        assert_eq!(record(&directory, "a").await.as_deref(), Some(text));
    }
}

async fn previous_connector_stores_no_record(directory: Directory) {
    assert!(directory.put_connector_record(&name("a"), FencingToken(10), "present").await.unwrap());
    assert!(!directory.put_connector_record(&name("a"), FencingToken(9), "former").await.unwrap());
    assert_eq!(record(&directory, "a").await.as_deref(), Some("present"));
    assert!(directory.put_connector_record(&name("a"), FencingToken(11), "next").await.unwrap());
    assert_eq!(record(&directory, "a").await.as_deref(), Some("next"));
}

async fn each_backend_has_its_record(directory: Directory) {
    directory.put_connector_record(&name("a"), FencingToken(2), "of a").await.unwrap();
    assert!(directory.put_connector_record(&name("b"), FencingToken(1), "of b").await.unwrap());
    assert_eq!(record(&directory, "a").await.as_deref(), Some("of a"));
    assert_eq!(record(&directory, "b").await.as_deref(), Some("of b"));
}

async fn drained_backend_is_in_maintenance(directory: Directory) {
    use BackendStatus::{Maintenance, Normal};
    for name in ["a", "b"] {
        directory.announce_backend(&backend(name), LONG).await.unwrap();
    }
    for _ in 0..2 {
        directory.drain_backend(&name("a")).await.unwrap();
        let drained = Backend { status: Maintenance, ..backend("a") };
        assert_eq!(directory.backends().await.unwrap(), vec![drained, backend("b")]);
    }
    directory.announce_backend(&backend("a"), LONG).await.unwrap();
    assert_eq!(statuses(&directory).await, [Maintenance, Normal]);
    for _ in 0..2 {
        directory.undrain_backend(&name("a")).await.unwrap();
        assert_eq!(statuses(&directory).await, [Normal, Normal]);
    }
}

async fn drain_changes_only_normal_status(directory: Directory) {
    use BackendStatus::{Abnormal, HighWater, Maintenance};
    directory.drain_backend(&name("a")).await.unwrap();
    for status in [Abnormal, HighWater, Maintenance] {
        directory.announce_backend(&Backend { status, ..backend("a") }, LONG).await.unwrap();
        assert_eq!(statuses(&directory).await, [status]);
    }
}

async fn drain_outlives_announcement(directory: Directory) {
    directory.announce_backend(&backend("a"), Duration::from_millis(50)).await.unwrap();
    directory.drain_backend(&name("a")).await.unwrap();
    eventually("the backend expires", async || directory.backends().await.unwrap().is_empty()).await;
    directory.announce_backend(&backend("a"), LONG).await.unwrap();
    directory.remove_backend(&name("a")).await.unwrap();
    directory.announce_backend(&backend("a"), LONG).await.unwrap();
    assert_eq!(statuses(&directory).await, [BackendStatus::Maintenance]);
}

async fn drained_backends_are_sorted_by_name(directory: Directory) {
    assert_eq!(directory.drained_backends().await.unwrap(), vec![]);
    for backend in ["b", "c", "a", "b"] {
        directory.drain_backend(&name(backend)).await.unwrap();
    }
    directory.undrain_backend(&name("c")).await.unwrap();
    directory.undrain_backend(&name("d")).await.unwrap();
    assert_eq!(directory.drained_backends().await.unwrap(), [name("a"), name("b")]);
}

/// Redis' time cannot be paused: for Redis, [`schema`](crate::schema) checks the remaining TTL.
#[tokio::test(start_paused = true)]
async fn connector_record_expires() {
    let directory = Directory::memory();
    directory.put_connector_record(&name("a"), FencingToken(2), "short").await.unwrap();
    tokio::time::advance(CONNECTOR_RECORD_TTL / 2).await;
    directory.put_connector_record(&name("a"), FencingToken(2), "longer").await.unwrap();
    tokio::time::advance(CONNECTOR_RECORD_TTL - Duration::from_millis(1)).await;
    assert_eq!(record(&directory, "a").await.as_deref(), Some("longer"));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(record(&directory, "a").await, None);
    assert!(directory.put_connector_record(&name("a"), FencingToken(1), "new").await.unwrap());
}
