//! Adding and removing backends.

use super::{is_refused, send};
use crate::backends::announce;
use crate::harness::start;
use common::BackendName;
use directory::record::BackendStatus;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn backend_is_added_and_removed() {
    let rest = start().await;
    let directory = &rest.context.directory;
    let new = json!({ "name": "b-1", "url": "wss://b.example:8989/janus", "location": "berlin", "isp": "x" });
    let response = send(&rest, "POST", "/backends", &new.to_string()).await;
    assert_eq!(
        (response.status, &response.body["name"], &response.body["status"]),
        (201, &json!("b-1"), &json!("unserved"))
    );
    let seen = send(&rest, "GET", "/backends/b-1", "").await.body;
    assert_eq!((&seen["url"], &seen["location"]), (&new["url"], &new["location"]));
    let [found] = directory.discovered_backends().await.unwrap().try_into().unwrap();
    assert_eq!(
        (found.url.as_str(), found.location.as_str(), found.isp.as_str()),
        ("wss://b.example:8989/janus", "berlin", "x")
    );
    assert_eq!((found.expire, found.status), (0, BackendStatus::Normal));
    let again = json!({ "name": "b-1", "url": "ws://other", "expire": 60 });
    assert_eq!(send(&rest, "POST", "/backends", &again.to_string()).await.status, 201);
    let [replaced] = directory.discovered_backends().await.unwrap().try_into().unwrap();
    assert_eq!((replaced.url.as_str(), replaced.expire), ("ws://other", 60));
    assert_eq!(send(&rest, "DELETE", "/backends/b-1", "").await.status, 204);
    assert_eq!(directory.discovered_backends().await.unwrap(), []);
    for method in ["GET", "DELETE"] {
        is_refused(&rest, method, "/backends/b-1", "", 404).await;
    }
}

#[tokio::test]
async fn served_backend_is_shown_and_removed() {
    let rest = start().await;
    let new = json!({ "name": "b", "url": "ws://b", "location": "berlin" });
    send(&rest, "POST", "/backends", &new.to_string()).await;
    let served = directory::record::Backend {
        name: BackendName::from("b"),
        url: "ws://b".to_owned(),
        status: BackendStatus::Normal,
        handles: 4,
        location: String::new(),
        isp: String::new(),
        probe_ms: None,
        health: Default::default(),
    };
    let directory = &rest.context.directory;
    directory.announce_discovered(&served, Duration::from_secs(60)).await.unwrap();
    let seen = send(&rest, "GET", "/backends/b", "").await.body;
    assert_eq!(
        (&seen["location"], &seen["isp"], &seen["handles"]),
        (&json!("berlin"), &json!(null), &json!(4))
    );
    assert_eq!((&seen["status"], &seen["health"]), (&json!("normal"), &json!("it takes calls")));
    assert_eq!(send(&rest, "DELETE", "/backends/b", "").await.status, 204);
}

#[tokio::test]
async fn removed_backend_is_undrained() {
    let rest = start().await;
    send(&rest, "POST", "/backends", r#"{"name":"b","url":"ws://b"}"#).await;
    assert_eq!(send(&rest, "POST", "/backends/b/drain", "").await.status, 200);
    assert_eq!(send(&rest, "DELETE", "/backends/b", "").await.status, 204);
    is_refused(&rest, "GET", "/backends/b", "", 404).await;
}

#[tokio::test]
async fn backend_configured_at_a_connector_is_not_changed() {
    let rest = start().await;
    announce(&rest, "a").await;
    is_refused(&rest, "POST", "/backends", r#"{"name":"a","url":"ws://evil"}"#, 409).await;
    is_refused(&rest, "DELETE", "/backends/a", "", 409).await;
    assert_eq!(send(&rest, "GET", "/backends/a", "").await.body["url"], "ws://a");
}

#[tokio::test]
async fn invalid_backends_are_refused() {
    let rest = start().await;
    let long = "x".repeat(65);
    for new in [
        json!({}),
        json!([]),
        json!({ "name": "a" }),
        json!({ "url": "ws://a" }),
        json!({ "name": "", "url": "ws://a" }),
        json!({ "name": "a b", "url": "ws://a" }),
        json!({ "name": "a:b", "url": "ws://a" }),
        json!({ "name": long, "url": "ws://a" }),
        json!({ "name": 7, "url": "ws://a" }),
        json!({ "name": "a", "url": "http://a" }),
        json!({ "name": "a", "url": "ws://u:p@a" }),
        json!({ "name": "a", "url": "ws://a", "location": long }),
        json!({ "name": "a", "url": "ws://a", "isp": "a\nb" }),
        json!({ "name": "a", "url": "ws://a", "expire": -1 }),
        json!({ "name": "a", "url": "ws://a", "expire": 31_536_001 }),
        json!({ "name": "a", "url": "ws://a", "more": 1 }),
    ] {
        is_refused(&rest, "POST", "/backends", &new.to_string(), 400).await;
    }
    for name in ["%00", &"x".repeat(256)] {
        is_refused(&rest, "GET", &format!("/backends/{name}"), "", 400).await;
    }
    is_refused(&rest, "GET", "/backends/nothing", "", 404).await;
    assert_eq!(rest.context.directory.discovered_backends().await.unwrap(), []);
}
