//! Backends that sentinels, operators and other proxies register, beside those that we announce.

use crate::support::{backend, eventually};
use common::BackendName;
use directory::Directory;
use directory::record::{Backend, BackendRegistration, BackendStatus, DiscoveredBackend};
use std::time::Duration;

on_both_stores! {
    registered_backend_is_discovered
    omitted_fields_keep_their_values
    registration_expires_unless_zero
    unregistered_backend_is_removed
    own_backend_is_not_discovered
    served_backend_has_the_worse_status
    served_backend_without_record_is_abnormal
    unserved_backend_is_not_listed
    discovered_backend_can_be_drained
}

const TTL: Duration = Duration::from_secs(10);

fn name() -> BackendName {
    BackendName::from("a")
}

fn registration(status: BackendStatus) -> BackendRegistration {
    BackendRegistration {
        location: Some("berlin".to_owned()),
        isp: Some("x".to_owned()),
        ..BackendRegistration::new("a", "ws://a.example:8188", status)
    }
}

async fn only(directory: &Directory) -> DiscoveredBackend {
    let mut found = directory.discovered_backends().await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// What a connector announces of a discovered backend: all but the fields that only the record has.
fn served(status: BackendStatus) -> Backend {
    Backend { status, ..backend("a") }
}

async fn registered_backend_is_discovered(directory: Directory) {
    assert_eq!(directory.discovered_backends().await.unwrap(), []);
    for status in [BackendStatus::Normal, BackendStatus::HighWater] {
        directory.register_backend(&registration(status)).await.unwrap();
        let found = only(&directory).await;
        assert_eq!(
            (found.name.clone(), found.url.as_str(), found.status),
            (name(), "ws://a.example:8188", status)
        );
        assert_eq!((found.location.as_str(), found.isp.as_str()), ("berlin", "x"));
        let defaults = (found.session_timeout, found.session_num, found.handle_num, found.expire);
        assert_eq!((defaults, found.start_time), ((0, 0, 0, 60), 0.0));
        assert!(found.utime > 1.7e9 && found.ctime <= found.utime);
    }
    assert_eq!(directory.backends().await.unwrap(), [], "no connector serves it");
}

async fn omitted_fields_keep_their_values(directory: Directory) {
    let all = BackendRegistration {
        session_timeout: Some(30),
        session_num: Some(4),
        handle_num: Some(9),
        expire: Some(90),
        start_time: Some(1_795_355_906.25),
        ..registration(BackendStatus::Normal)
    };
    directory.register_backend(&all).await.unwrap();
    let less = BackendRegistration::new("a", "ws://elsewhere", BackendStatus::Maintenance);
    directory.register_backend(&less).await.unwrap();
    let found = only(&directory).await;
    assert_eq!((found.url.as_str(), found.status), ("ws://elsewhere", BackendStatus::Maintenance));
    assert_eq!((found.session_timeout, found.session_num, found.handle_num, found.expire), (30, 4, 9, 90));
    assert_eq!((found.start_time, found.location.as_str()), (1_795_355_906.25, "berlin"));
}

async fn registration_expires_unless_zero(directory: Directory) {
    let short = BackendRegistration { expire: Some(1), ..registration(BackendStatus::Normal) };
    let endless = BackendRegistration {
        expire: Some(0),
        ..BackendRegistration::new("b", "ws://b", BackendStatus::Normal)
    };
    directory.register_backend(&short).await.unwrap();
    directory.register_backend(&endless).await.unwrap();
    assert_eq!(directory.discovered_backends().await.unwrap().len(), 2);
    eventually("a expires", async || directory.discovered_backends().await.unwrap().len() == 1).await;
    assert_eq!(only(&directory).await.name, BackendName::from("b"));
    directory.register_backend(&short).await.unwrap();
    directory.register_backend(&BackendRegistration { expire: Some(0), ..short }).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(directory.discovered_backends().await.unwrap().len(), 2);
}

async fn unregistered_backend_is_removed(directory: Directory) {
    assert!(!directory.unregister_backend(&name()).await.unwrap());
    directory.register_backend(&registration(BackendStatus::Normal)).await.unwrap();
    assert!(directory.unregister_backend(&name()).await.unwrap());
    assert_eq!(directory.discovered_backends().await.unwrap(), []);
    assert!(!directory.unregister_backend(&name()).await.unwrap());
}

async fn own_backend_is_not_discovered(directory: Directory) {
    let own = Backend { location: "rome".to_owned(), isp: "z".to_owned(), ..backend("a") };
    directory.announce_backend(&own, TTL).await.unwrap();
    assert_eq!(directory.discovered_backends().await.unwrap(), []);
    assert!(!directory.unregister_backend(&name()).await.unwrap());
    assert_eq!(directory.backends().await.unwrap(), [own]);
}

async fn served_backend_has_the_worse_status(directory: Directory) {
    use BackendStatus::{Abnormal, HighWater, Maintenance, Normal};
    for (its, ours, seen) in [
        (Normal, Normal, Normal),
        (HighWater, Normal, HighWater),
        (Maintenance, HighWater, Maintenance),
        (Normal, Abnormal, Abnormal),
        (Abnormal, Maintenance, Abnormal),
    ] {
        directory.register_backend(&registration(its)).await.unwrap();
        directory.announce_discovered(&served(ours), TTL).await.unwrap();
        let all = directory.backends().await.unwrap();
        let (location, isp) = ("berlin".to_owned(), "x".to_owned());
        assert_eq!(all, [Backend { status: seen, location, isp, ..backend("a") }], "{its:?} {ours:?}");
        let found = only(&directory).await;
        assert_eq!((found.status, found.handle_num), (its, 0), "its record is unchanged");
    }
}

async fn served_backend_without_record_is_abnormal(directory: Directory) {
    let abnormal = Backend { status: BackendStatus::Abnormal, ..backend("a") };
    directory.announce_discovered(&served(BackendStatus::Normal), TTL).await.unwrap();
    assert_eq!(directory.backends().await.unwrap(), std::slice::from_ref(&abnormal));
    let elsewhere = BackendRegistration::new("a", "ws://elsewhere", BackendStatus::Normal);
    directory.register_backend(&elsewhere).await.unwrap();
    assert_eq!(directory.backends().await.unwrap(), std::slice::from_ref(&abnormal));
    directory.register_backend(&registration(BackendStatus::Normal)).await.unwrap();
    assert_eq!(directory.backends().await.unwrap()[0].status, BackendStatus::Normal);
    directory.unregister_backend(&name()).await.unwrap();
    assert_eq!(directory.backends().await.unwrap(), [abnormal]);
}

async fn unserved_backend_is_not_listed(directory: Directory) {
    directory.register_backend(&registration(BackendStatus::Normal)).await.unwrap();
    directory.announce_discovered(&served(BackendStatus::Normal), Duration::from_millis(150)).await.unwrap();
    assert_eq!(directory.backends().await.unwrap().len(), 1);
    eventually("it expires", async || directory.backends().await.unwrap().is_empty()).await;
    directory.announce_discovered(&served(BackendStatus::Normal), TTL).await.unwrap();
    directory.remove_backend(&name()).await.unwrap();
    assert_eq!(directory.backends().await.unwrap(), []);
    only(&directory).await;
}

async fn discovered_backend_can_be_drained(directory: Directory) {
    directory.register_backend(&registration(BackendStatus::Normal)).await.unwrap();
    directory.announce_discovered(&served(BackendStatus::Normal), TTL).await.unwrap();
    directory.drain_backend(&name()).await.unwrap();
    assert_eq!(directory.backends().await.unwrap()[0].status, BackendStatus::Maintenance);
}
