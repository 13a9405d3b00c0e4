//! Operators list, drain and undrain Janus servers.

use crate::harness::{JsonResponse, Rest, start, start_with};
use bus::message::Notice;
use common::{BackendName, ServiceId};
use directory::record::{Backend, BackendHealth, BackendStatus, BreakerState};
use rest::Options;
use serde_json::json;
use service::Secret;
use std::time::Duration;

const DRAIN: &str = "/api/v1/backends/a/drain";
const UNDRAIN: &str = "/api/v1/backends/a/undrain";

pub async fn announce(rest: &Rest, name: &str) {
    let backend = Backend {
        name: BackendName::from(name),
        url: format!("ws://{name}"),
        status: BackendStatus::Normal,
        handles: 0,
        location: String::new(),
        isp: String::new(),
        probe_ms: Some(3),
        health: BackendHealth::default(),
    };
    rest.context.directory.announce_backend(&backend, Duration::from_secs(60)).await.unwrap();
}

async fn backends(rest: &Rest) -> serde_json::Value {
    let response = rest.json("GET", "/api/v1/backends", "").await;
    assert_eq!(response.status, 200);
    response.body["backends"].clone()
}

fn backend_json(
    name: &str,
    url: Option<&str>,
    status: &str,
    health: &str,
    drained: bool,
) -> serde_json::Value {
    json!({
        "name": name, "url": url, "status": status, "health": health, "calls": 0, "handles": 0,
        "drained": drained, "location": null, "isp": null, "served_by": null,
        "probe_ms": url.map(|_| 3), "breaker": url.map(|_| "closed"), "failed_percent": 0, "setup_ms": null,
    })
}

fn is_problem(response: &JsonResponse, status: u16) -> bool {
    let is_typed = response.body["type"] == "about:blank" && response.body["status"] == status;
    let has_texts = [&response.body["title"], &response.body["detail"]].iter().all(|it| it.is_string());
    let has_content_type = response.head.contains("content-type: application/problem+json");
    response.status == status && is_typed && has_texts && has_content_type
}

#[tokio::test]
async fn drain_and_undrain_notify_the_routers() {
    let rest = start().await;
    announce(&rest, "b").await;
    announce(&rest, "a").await;
    let normal =
        |name: &str| backend_json(name, Some(&format!("ws://{name}")), "normal", "it takes calls", false);
    assert_eq!(backends(&rest).await, json!([normal("a"), normal("b")]));
    let mut notices = rest.context.bus.subscribe().await;
    let health = "it keeps its calls and gets no new ones";
    let drained = backend_json("a", Some("ws://a"), "maintenance", health, true);
    for _ in 0..2 {
        let response = rest.json("POST", DRAIN, "").await;
        assert_eq!((response.status, response.body), (200, drained.clone()));
        assert_eq!(notices.next().await, Notice::BackendChanged(BackendName::from("a")));
    }
    assert_eq!(backends(&rest).await, json!([drained, normal("b")]));
    let response = rest.json("POST", UNDRAIN, "").await;
    assert_eq!((response.status, response.body), (200, normal("a")));
    assert_eq!(notices.next().await, Notice::BackendChanged(BackendName::from("a")));
}

#[tokio::test]
async fn unserved_drained_backend_is_listed_and_can_be_undrained() {
    let rest = start().await;
    rest.context.directory.drain_backend(&BackendName::from("a")).await.unwrap();
    let unserved = |drained| backend_json("a", None, "unserved", "no connector serves it", drained);
    assert_eq!(backends(&rest).await, json!([unserved(true)]));
    let response = rest.json("POST", UNDRAIN, "").await;
    assert_eq!((response.status, response.body), (200, unserved(false)));
    assert_eq!(backends(&rest).await, json!([]));
}

#[tokio::test]
async fn backend_that_is_not_announced_is_unknown() {
    let rest = start().await;
    for path in [DRAIN, UNDRAIN] {
        let response = rest.json("POST", path, "").await;
        assert!(is_problem(&response, 404), "{response:?}");
    }
    assert_eq!(rest.context.directory.drained_backends().await.unwrap(), []);
}

#[tokio::test]
async fn every_request_needs_the_secret() {
    let rest = start_with(Options { rest_secret: Some(Secret::from("hunter2")), ..Options::default() }).await;
    announce(&rest, "a").await;
    for header in ["", "Authorization: Bearer hunter", "Authorization: Basic hunter2"] {
        for (method, path) in [("GET", "/api/v1/backends"), ("POST", DRAIN)] {
            let response = rest.json(method, path, header).await;
            assert!(is_problem(&response, 401), "{header}: {response:?}");
            assert!(response.head.contains("www-authenticate: Bearer"), "{}", response.head);
            assert!(!response.body.to_string().contains("hunter"));
        }
    }
    assert_eq!(rest.context.directory.drained_backends().await.unwrap(), []);
    let response = rest.json("POST", DRAIN, "Authorization: Bearer hunter2").await;
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn page_in_a_browser_cannot_change_without_a_secret() {
    let rest = start().await;
    announce(&rest, "a").await;
    let response = rest.json("POST", DRAIN, "Origin: http://evil.example").await;
    assert!(is_problem(&response, 403), "{response:?}");
    assert_eq!(rest.context.directory.drained_backends().await.unwrap(), []);
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems() {
    let rest = start().await;
    for path in ["/api/v1/nothing", "/api/v1/backends/a", "/api/v1"] {
        let response = rest.json("GET", path, "").await;
        assert!(is_problem(&response, 404), "{path}: {response:?}");
    }
    let response = rest.json("GET", DRAIN, "").await;
    assert!(is_problem(&response, 405), "{response:?}");
}

#[tokio::test]
async fn breaker_and_its_reason_are_shown() {
    let rest = start().await;
    let health = BackendHealth {
        breaker: BreakerState::Open,
        reason: "calls of 3 of 4 clients failed".to_owned(),
        failed_percent: 75,
        setup_ms: 12,
    };
    let backend = Backend {
        name: BackendName::from("a"),
        url: "ws://a".to_owned(),
        status: BackendStatus::Normal,
        handles: 0,
        location: String::new(),
        isp: String::new(),
        probe_ms: Some(3),
        health,
    };
    let (directory, ttl) = (&rest.context.directory, Duration::from_secs(60));
    directory.announce_backend(&backend, ttl).await.unwrap();
    directory.acquire_lease("backend:a", &ServiceId::from("connector-1"), ttl).await.unwrap();
    let shown = &backends(&rest).await[0];
    let text = "calls fail on it, others get them: calls of 3 of 4 clients failed";
    assert_eq!((&shown["status"], &shown["health"]), (&json!("ejected"), &json!(text)));
    assert_eq!((&shown["breaker"], &shown["failed_percent"]), (&json!("open"), &json!(75)));
    assert_eq!(shown["setup_ms"], 12);
    let cluster = rest.json("GET", "/api/v1/cluster", "").await.body;
    let has = |code: &str| cluster["findings"].as_array().unwrap().iter().any(|it| it["code"] == code);
    assert!(has("backend_ejected") && !has("backends_unavailable"), "{}", cluster["findings"]);
}
