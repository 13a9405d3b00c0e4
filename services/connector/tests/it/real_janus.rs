//! Takeovers on a real Janus: a call keeps its handles.

use crate::harness::Harness;
use protocol::Side;
use serde_json::json;
use testkit::{Janus, JanusAdmin, eventually};

/// The sessions and handles of calls.
async fn legs(admin: &mut JanusAdmin) -> Vec<(u64, u64)> {
    let mut legs = Vec::new();
    for session in admin.sessions().await {
        for handle in admin.handles(session).await {
            let info = admin.handle_info(session, handle).await;
            if info["plugin_specific"]["username"].is_string() {
                legs.push((session, handle));
            }
        }
    }
    legs.sort_unstable();
    legs
}

#[tokio::test]
async fn call_keeps_its_handles_when_its_connector_is_killed() {
    let janus = Janus::start().await;
    let mut admin = janus.admin().await;
    let mut harness = Harness::new().await;
    let first = harness.connector_at("a", &janus.url());
    harness.wait_ready("a").await;
    let _second = harness.connector_at("a", &janus.url());
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    let before = legs(&mut admin).await;
    assert_eq!(before.len(), 2);
    first.kill();
    for side in [Side::Caller, Side::Callee] {
        harness.request(call, side, json!({"request": "set", "audio": true}), None).await;
        assert_eq!(harness.edge.side(side, call).await, "t/set");
    }
    assert_eq!(legs(&mut admin).await, before);
    harness.request(call, Side::Callee, json!({"request": "hangup"}), None).await;
    harness.edge.until_left(Side::Caller, call).await;
    harness.edge.until_left(Side::Callee, call).await;
    eventually("no handle is left", async || legs(&mut admin).await.is_empty()).await;
    let old = before[0].0;
    eventually("the claimed session is destroyed", async || !admin.sessions().await.contains(&old)).await;
    harness.talking().await;
}

#[tokio::test]
async fn call_that_janus_ended_without_a_connector_ends_for_both() {
    let janus = Janus::start().await;
    let mut admin = janus.admin().await;
    let mut harness = Harness::new().await;
    let first = harness.connector_at("a", &janus.url());
    harness.wait_ready("a").await;
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    first.kill();
    let (session, handle) = legs(&mut admin).await[0];
    admin.hangup_webrtc(session, handle).await;
    let _second = harness.connector_at("a", &janus.url());
    harness.edge.until_left(Side::Caller, call).await;
    harness.edge.until_left(Side::Callee, call).await;
    eventually("no handle is left", async || legs(&mut admin).await.is_empty()).await;
    harness.talking().await;
}
