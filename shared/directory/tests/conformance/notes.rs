//! What one connector leaves for the next, and what operators want of a backend.

use crate::support::{backend, eventually};
use common::BackendName;
use directory::record::{Backend, BackendStatus, FencingToken};
use directory::{CONNECTOR_RECORD_TTL, Directory};
use std::time::Duration;

on_both_stores! {
    the_last_note_is_read
    a_former_connector_notes_nothing
    each_backend_has_its_note
    a_drained_backend_takes_no_calls
    only_a_normal_backend_is_seen_otherwise_when_drained
    a_drain_outlives_what_it_drains
    who_is_drained_is_listed_by_name
}

const LONG: Duration = Duration::from_secs(60);

fn name(name: &str) -> BackendName {
    BackendName::from(name)
}

async fn note(directory: &Directory, backend: &str) -> Option<String> {
    directory.connector_record(&name(backend)).await.unwrap()
}

async fn statuses(directory: &Directory) -> Vec<BackendStatus> {
    directory.backends().await.unwrap().into_iter().map(|backend| backend.status).collect()
}

async fn the_last_note_is_read(directory: Directory) {
    assert_eq!(note(&directory, "a").await, None);
    for (token, text) in [(3, "first"), (3, ""), (1_795_333_128_000_001, "{\"nul\0l\r\n\": []}")] {
        assert!(directory.put_connector_record(&name("a"), FencingToken(token), text).await.unwrap());
        assert_eq!(note(&directory, "a").await.as_deref(), Some(text));
    }
}

async fn a_former_connector_notes_nothing(directory: Directory) {
    assert!(directory.put_connector_record(&name("a"), FencingToken(10), "present").await.unwrap());
    assert!(!directory.put_connector_record(&name("a"), FencingToken(9), "former").await.unwrap());
    assert_eq!(note(&directory, "a").await.as_deref(), Some("present"));
    assert!(directory.put_connector_record(&name("a"), FencingToken(11), "next").await.unwrap());
    assert_eq!(note(&directory, "a").await.as_deref(), Some("next"));
}

async fn each_backend_has_its_note(directory: Directory) {
    directory.put_connector_record(&name("a"), FencingToken(2), "of a").await.unwrap();
    assert!(directory.put_connector_record(&name("b"), FencingToken(1), "of b").await.unwrap());
    assert_eq!(note(&directory, "a").await.as_deref(), Some("of a"));
    assert_eq!(note(&directory, "b").await.as_deref(), Some("of b"));
}

async fn a_drained_backend_takes_no_calls(directory: Directory) {
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

async fn only_a_normal_backend_is_seen_otherwise_when_drained(directory: Directory) {
    use BackendStatus::{Abnormal, HighWater, Maintenance};
    directory.drain_backend(&name("a")).await.unwrap();
    for status in [Abnormal, HighWater, Maintenance] {
        directory.announce_backend(&Backend { status, ..backend("a") }, LONG).await.unwrap();
        assert_eq!(statuses(&directory).await, [status]);
    }
}

async fn a_drain_outlives_what_it_drains(directory: Directory) {
    directory.announce_backend(&backend("a"), Duration::from_millis(50)).await.unwrap();
    directory.drain_backend(&name("a")).await.unwrap();
    eventually("the backend expires", async || directory.backends().await.unwrap().is_empty()).await;
    directory.announce_backend(&backend("a"), LONG).await.unwrap();
    directory.remove_backend(&name("a")).await.unwrap();
    directory.announce_backend(&backend("a"), LONG).await.unwrap();
    assert_eq!(statuses(&directory).await, [BackendStatus::Maintenance]);
}

async fn who_is_drained_is_listed_by_name(directory: Directory) {
    assert_eq!(directory.drained_backends().await.unwrap(), vec![]);
    for backend in ["b", "c", "a", "b"] {
        directory.drain_backend(&name(backend)).await.unwrap();
    }
    directory.undrain_backend(&name("c")).await.unwrap();
    directory.undrain_backend(&name("d")).await.unwrap();
    assert_eq!(directory.drained_backends().await.unwrap(), [name("a"), name("b")]);
}

/// Redis' time cannot be paused: there [`schema`](crate::schema) looks at what is left of its life.
#[tokio::test(start_paused = true)]
async fn a_note_expires() {
    let directory = Directory::memory();
    directory.put_connector_record(&name("a"), FencingToken(2), "short").await.unwrap();
    tokio::time::advance(CONNECTOR_RECORD_TTL / 2).await;
    directory.put_connector_record(&name("a"), FencingToken(2), "longer").await.unwrap();
    tokio::time::advance(CONNECTOR_RECORD_TTL - Duration::from_millis(1)).await;
    assert_eq!(note(&directory, "a").await.as_deref(), Some("longer"));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(note(&directory, "a").await, None);
    assert!(directory.put_connector_record(&name("a"), FencingToken(1), "new").await.unwrap());
}
