//! The services that run, and who has leases.

use crate::support::{RedisServer, edge};
use common::ServiceId;
use directory::Directory;
use directory::listing::{Service, ServiceState};
use std::time::Duration;
use tokio::time::sleep;

const LIFE: Duration = Duration::from_secs(60);

on_both_stores! {
    services_are_listed_as_they_last_said
    a_service_that_leaves_is_gone
    a_service_that_falls_silent_is_gone_after_its_time
    the_holders_of_leases_are_named
}

fn service(id: &ServiceId, sessions: u64) -> Service {
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
    }
}

async fn services_are_listed_as_they_last_said(directory: Directory) {
    assert_eq!(directory.services().await.unwrap(), []);
    for (id, sessions) in [(edge(2), 1), (edge(1), 2), (edge(2), 3)] {
        directory.announce_service(&service(&id, sessions), LIFE).await.unwrap();
    }
    assert_eq!(directory.services().await.unwrap(), [service(&edge(1), 2), service(&edge(2), 3)]);
}

async fn a_service_that_leaves_is_gone(directory: Directory) {
    directory.announce_service(&service(&edge(1), 0), LIFE).await.unwrap();
    directory.announce_service(&service(&edge(2), 0), LIFE).await.unwrap();
    for _ in 0..2 {
        directory.deregister_service(&edge(1)).await.unwrap();
        assert_eq!(directory.services().await.unwrap(), [service(&edge(2), 0)]);
    }
}

async fn a_service_that_falls_silent_is_gone_after_its_time(directory: Directory) {
    directory.announce_service(&service(&edge(1), 0), Duration::from_millis(300)).await.unwrap();
    directory.announce_service(&service(&edge(2), 0), LIFE).await.unwrap();
    sleep(Duration::from_millis(600)).await;
    assert_eq!(directory.services().await.unwrap(), [service(&edge(2), 0)]);
}

async fn the_holders_of_leases_are_named(directory: Directory) {
    directory.acquire_lease("a", &edge(1), LIFE).await.unwrap();
    directory.acquire_lease("c", &edge(2), LIFE).await.unwrap();
    directory.acquire_lease("short", &edge(2), Duration::from_millis(100)).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    let leases = ["a", "b", "c", "short"].map(str::to_owned);
    let holders = directory.lease_holders(&leases).await.unwrap();
    assert_eq!(holders, [Some(edge(1)), None, Some(edge(2)), None]);
    assert_eq!(directory.lease_holders(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn a_service_stands_in_redis_for_as_long_as_it_said() {
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
