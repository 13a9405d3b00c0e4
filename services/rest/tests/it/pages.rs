//! Pages and routes that need no secret.

use crate::harness::{start, start_with};
use rest::Options;
use service::options::CanaryOptions;

#[tokio::test]
async fn ping_has_the_response_of_janus_cloud() {
    let response = start().await.get("/ping").await;
    assert!(response.starts_with("HTTP/1.1 200") && response.ends_with("\r\n\r\n\"pong\""), "{response}");
}

#[tokio::test]
async fn info_names_the_plugin() {
    let response = start().await.get("/info").await;
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    let info: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(info["janus"], "server_info");
    assert!(info["plugins"]["janus.plugin.videocall"].is_object());
    assert!(info["session-timeout"].is_u64());
}

#[tokio::test]
async fn pages_and_their_files_are_served() {
    let rest = start().await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/demo.json", "application/json"),
        ("/dashboard", "text/html; charset=utf-8"),
        ("/dashboard/app.js", "text/javascript; charset=utf-8"),
        ("/dashboard/critical.svg", "image/svg+xml"),
    ] {
        let response = rest.get(path).await;
        assert!(response.starts_with("HTTP/1.1 200"), "{path}: {response}");
        assert!(response.contains(&format!("content-type: {kind}\r\n")), "{path}: {response}");
    }
}

#[tokio::test]
async fn dashboard_has_one_address_and_needs_no_secret() {
    let response = start().await.get("/dashboard/").await;
    assert!(
        response.starts_with("HTTP/1.1 308") && response.contains("location: ../dashboard\r\n"),
        "{response}"
    );
    let secret = Options { rest_secret: Some("hunter2".into()), ..Options::default() };
    let rest = start_with(secret).await;
    assert!(rest.get("/dashboard").await.starts_with("HTTP/1.1 200"));
    assert!(rest.get("/api/v1/cluster/events").await.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let rest = start().await;
    for path in ["/", "/ping", "/nowhere", "/livez", "/dashboard", "/dashboard/app.js"] {
        let response = rest.get(path).await;
        assert!(
            response.contains("content-security-policy: default-src 'none'; script-src 'self';"),
            "{path}"
        );
        assert!(response.contains("connect-src 'self' ws: wss:;"), "{path}");
        assert!(response.contains("x-content-type-options: nosniff\r\n"), "{path}");
        assert!(response.contains("referrer-policy: no-referrer\r\n"), "{path}");
    }
}

#[tokio::test]
async fn unknown_address_is_404_for_programs_and_browsers() {
    let rest = start().await;
    let response = rest.get("/nowhere").await;
    assert!(response.starts_with("HTTP/1.1 404"), "{response}");
    assert!(response.ends_with(r#"{"info":"there is nothing at /nowhere"}"#), "{response}");
    let browser =
        "GET /nowhere HTTP/1.1\r\nHost: localhost\r\nAccept: text/html,*/*\r\nConnection: close\r\n\r\n";
    let page = rest.exchange(browser).await;
    assert!(page.starts_with("HTTP/1.1 404") && page.contains("<!doctype html>"), "{page}");
}

#[tokio::test]
async fn unsupported_method_is_refused() {
    let response =
        start().await.exchange("DELETE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.1 405"), "{response}");
}

#[tokio::test]
async fn readiness_is_that_of_the_process() {
    let canary = CanaryOptions { canary_interval: 0 };
    let rest = start_with(Options { canary, ..Options::default() }).await;
    rest.context.health.set_unready("bus", "refused");
    assert!(rest.get("/readyz").await.starts_with("HTTP/1.1 503"));
    rest.context.health.set_ready("bus");
    assert!(rest.get("/readyz").await.starts_with("HTTP/1.1 200"));
}
