//! The scenarios against the real Janus, and its start and end.

use crate::scenarios;
use serde_json::json;
use testkit::janus::JanusConfig;
use testkit::message::{PROBE, VIDEOCALL};
use testkit::{Client, Janus, eventually};

scenarios_at!(Janus);

#[tokio::test]
async fn the_admin_api_counts_sessions_and_handles() {
    let janus = Janus::start().await;
    let mut admin = janus.admin().await;
    assert_eq!(admin.all_handles().await, 0);

    let mut alice = Client::registered(&janus.url(), "alice").await;
    let mut bob = Client::attached(&janus.url()).await;
    assert_eq!(admin.sessions().await.len(), 2);
    assert_eq!(admin.handles(bob.session()).await, [bob.handle()]);
    assert_eq!(admin.all_handles().await, 2);
    let info = admin.handle_info(alice.session(), alice.handle()).await;
    assert_eq!(info["plugin_specific"]["username"], "alice");

    alice.destroy().await;
    eventually("a destroyed session has no handles", async || admin.all_handles().await == 1).await;
    assert!(admin.handles(alice.session()).await.is_empty());

    let probe =
        json!({"janus": "attach", "plugin": VIDEOCALL, "opaque_id": PROBE, "session_id": bob.session()});
    bob.request_for("success", probe).await;
    assert_eq!((admin.all_handles().await, admin.probes().await), (1, 1));
}

#[tokio::test]
async fn it_has_the_given_configuration() {
    let config = JanusConfig {
        session_timeout: 7,
        reclaim_session_timeout: 0,
        full_trickle: false,
        ..JanusConfig::default()
    };
    let janus = Janus::with(config).await;
    let info = Client::connect(&janus.url()).await.info().await;
    assert_eq!(info["session-timeout"], 7);
    assert_eq!(info["reclaim-session-timeout"], 0);
    assert_eq!(info["full-trickle"], false);
    let plugins: Vec<&String> = info["plugins"].as_object().unwrap().keys().collect();
    assert_eq!(plugins, ["janus.plugin.echotest", "janus.plugin.videocall"]);
}

#[tokio::test]
async fn it_restarts_empty_on_the_same_ports() {
    let mut janus = Janus::start().await;
    let mut alice = Client::registered(&janus.url(), "alice").await;
    let (url, pid) = (janus.url(), janus.pid());
    janus.kill();
    alice.expect_closed().await;
    janus.restart().await;
    assert_eq!(janus.url(), url);
    assert_ne!(janus.pid(), pid);
    assert!(janus.admin().await.sessions().await.is_empty());
}

#[tokio::test]
async fn it_is_killed_when_dropped() {
    let janus = Janus::start().await;
    let process = format!("/proc/{}", janus.pid());
    assert!(std::fs::exists(&process).unwrap());
    drop(janus);
    assert!(!std::fs::exists(&process).unwrap());
}
