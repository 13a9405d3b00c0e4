//! The running services, and the holders of leases.

use crate::support::{RedisServer, edge};
use common::ServiceId;
use directory::Directory;
use directory::listing::{Service, ServiceState};
use std::time::Duration;
use tokio::time::sleep;

const TTL: Duration = Duration::from_secs(60);

on_both_stores! {
    services_are_listed_as_announced
    deregistered_service_is_not_listed
    silent_service_expires
    lease_holders_are_returned
}

pub fn service(id: &ServiceId, sessions: u64) -> Service {
    Service {
        id: id.clone(),
        kind: "edge".to_owned(),
        version: "1.2.3".to_owned(),
        host: "h\"öst".to_owned(),
        since: 1_795_333_128_000,
        announced: 7,
        load: [("sessions".to_owned(), sessions)].into(),
        state: ServiceState::Ready,
        complaint: None,
        clock_skew_ms: None,
    }
}

async fn services_are_listed_as_announced(directory: Directory) {
    assert_eq!(directory.services().await.unwrap(), []);
    for (id, sessions) in [(edge(2), 1), (edge(1), 2), (edge(2), 3)] {
        directory.announce_service(&service(&id, sessions), TTL).await.unwrap();
    }
    assert_eq!(directory.services().await.unwrap(), [service(&edge(1), 2), service(&edge(2), 3)]);
}

async fn deregistered_service_is_not_listed(directory: Directory) {
    directory.announce_service(&service(&edge(1), 0), TTL).await.unwrap();
    directory.announce_service(&service(&edge(2), 0), TTL).await.unwrap();
    for _ in 0..2 {
        directory.deregister_service(&edge(1)).await.unwrap();
        assert_eq!(directory.services().await.unwrap(), [service(&edge(2), 0)]);
    }
}

async fn silent_service_expires(directory: Directory) {
    directory.announce_service(&service(&edge(1), 0), Duration::from_millis(300)).await.unwrap();
    directory.announce_service(&service(&edge(2), 0), TTL).await.unwrap();
    sleep(Duration::from_millis(600)).await;
    assert_eq!(directory.services().await.unwrap(), [service(&edge(2), 0)]);
}

async fn lease_holders_are_returned(directory: Directory) {
    directory.acquire_lease("a", &edge(1), TTL).await.unwrap();
    directory.acquire_lease("c", &edge(2), TTL).await.unwrap();
    directory.acquire_lease("short", &edge(2), Duration::from_millis(100)).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    let leases = ["a", "b", "c", "short"].map(str::to_owned);
    let holders = directory.lease_holders(&leases).await.unwrap();
    assert_eq!(holders, [Some(edge(1)), None, Some(edge(2)), None]);
    assert_eq!(directory.lease_holders(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn service_record_has_ttl() {
    let server = RedisServer::start();
    let directory = server.directory().await;
    directory.announce_service(&service(&edge(1), 4), Duration::from_secs(15)).await.unwrap();
    let mut raw = server.raw();
    let record: String = ::redis::cmd("GET").arg("sb:service:edge-00000001").query(&mut raw).unwrap();
    assert_eq!(serde_json::from_str::<Service>(&record).unwrap(), service(&edge(1), 4));
    let left: u64 = ::redis::cmd("PTTL").arg("sb:service:edge-00000001").query(&mut raw).unwrap();
    assert!((10_000..=15_000).contains(&left), "{left}");
    directory.deregister_service(&edge(1)).await.unwrap();
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query(&mut raw).unwrap();
    assert_eq!(keys, [""; 0]);
}
