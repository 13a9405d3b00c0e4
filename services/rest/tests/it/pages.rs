//! Pages and routes that need no secret.

use crate::harness::{start, start_with};
use rest::Options;
use service::options::CanaryOptions;

#[tokio::test]
async fn ping_has_the_response_of_janus_cloud() {
    let answer = start().await.get("/ping").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n\"pong\""), "{answer}");
    assert!(answer.contains("access-control-allow-origin: *"), "{answer}");
}

#[tokio::test]
async fn info_names_the_plugin() {
    let answer = start().await.get("/info").await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
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
        let answer = rest.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.contains(&format!("content-type: {kind}\r\n")), "{path}: {answer}");
    }
}

#[tokio::test]
async fn dashboard_has_one_address_and_needs_no_secret() {
    let answer = start().await.get("/dashboard/").await;
    assert!(answer.starts_with("HTTP/1.1 308") && answer.contains("location: ../dashboard\r\n"), "{answer}");
    let secret = Options { rest_secret: Some("hunter2".into()), ..Options::default() };
    let rest = start_with(secret).await;
    assert!(rest.get("/dashboard").await.starts_with("HTTP/1.1 200"));
    assert!(rest.get("/api/v1/cluster/events").await.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let rest = start().await;
    for path in ["/", "/ping", "/nowhere", "/livez", "/dashboard", "/dashboard/app.js"] {
        let answer = rest.get(path).await;
        assert!(answer.contains("content-security-policy: default-src 'none'; script-src 'self';"), "{path}");
        assert!(answer.contains("connect-src 'self' ws: wss:;"), "{path}");
        assert!(answer.contains("x-content-type-options: nosniff\r\n"), "{path}");
        assert!(answer.contains("referrer-policy: no-referrer\r\n"), "{path}");
    }
}

#[tokio::test]
async fn unknown_address_is_404_for_programs_and_browsers() {
    let rest = start().await;
    let answer = rest.get("/nowhere").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.ends_with(r#"{"info":"there is nothing at /nowhere"}"#), "{answer}");
    let browser = "GET /nowhere HTTP/1.1\r\nHost: x\r\nAccept: text/html,*/*\r\nConnection: close\r\n\r\n";
    let answer = rest.ask(browser).await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("<!doctype html>"), "{answer}");
}

#[tokio::test]
async fn unsupported_method_is_refused() {
    let answer = start().await.ask("DELETE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
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
