//! Registered services and their load.

use super::{call, send};
use crate::backends::announce;
use crate::harness::start;
use common::ServiceId;
use directory::listing::{Service, ServiceState};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn services_are_listed_with_their_load() {
    let rest = start().await;
    let directory = &rest.context.directory;
    assert_eq!(send(&rest, "GET", "/services", "").await.body, json!({ "services": [], "malformed": 0 }));
    for (id, kind, load) in [("connector-1", "connector", 0), ("edge-1", "edge", 7)] {
        let service = Service {
            id: ServiceId::from(id),
            kind: kind.to_owned(),
            version: "1.2.3".to_owned(),
            host: "h".to_owned(),
            since: 5,
            announced: 7,
            load: (load > 0).then(|| ("clients".to_owned(), load)).into_iter().collect(),
            state: ServiceState::Ready,
            complaint: None,
            clock_skew_ms: None,
        };
        directory.announce_service(&service, Duration::from_secs(15)).await.unwrap();
    }
    announce(&rest, "a").await;
    announce(&rest, "b").await;
    let connector = ServiceId::from("connector-1");
    directory.acquire_lease("backend:a", &connector, Duration::from_secs(60)).await.unwrap();
    call(&rest, ("carol", None), ("dave", None)).await;
    let service = |id: &str, kind: &str, load| json!({ "id": id, "kind": kind, "version": "1.2.3", "host": "h", "since": 5, "announced": 7, "load": load, "state": "ready", "complaint": null, "clock_skew_ms": null });
    let all = json!({ "services": [
        service("connector-1", "connector", json!({ "backends": 1, "calls": 1 })),
        service("edge-1", "edge", json!({ "clients": 7 })),
    ], "malformed": 0 });
    assert_eq!(send(&rest, "GET", "/services", "").await.body, all);
    let backends = send(&rest, "GET", "/backends", "").await.body["backends"].clone();
    assert_eq!((&backends[0]["served_by"], &backends[1]["served_by"]), (&json!("connector-1"), &json!(null)));
}

#[tokio::test]
async fn rest_service_counts_its_requests() {
    let rest = start().await;
    send(&rest, "GET", "/services", "").await;
    let load = rest.context.health.load();
    eventually(|| load.all().get("requests") == Some(&0)).await;
}

/// Waits until the condition holds: the count drops after the response is sent.
async fn eventually(mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "the count of requests is wrong");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
