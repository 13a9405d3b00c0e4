//! With a real Janus: the same handles stay when another connector goes on with a call.

use crate::harness::Bench;
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
async fn a_call_keeps_its_handles_when_its_connector_is_killed() {
    let janus = Janus::start().await;
    let mut admin = janus.admin().await;
    let mut bench = Bench::new().await;
    let first = bench.connector_at("a", &janus.url());
    bench.is_ready("a").await;
    let _second = bench.connector_at("a", &janus.url());
    let call = bench.talking().await;
    bench.is_written_down(call).await;
    let before = legs(&mut admin).await;
    assert_eq!(before.len(), 2);
    first.dies();
    for side in [Side::Caller, Side::Callee] {
        bench.asks(call, side, json!({"request": "set", "audio": true}), None).await;
        assert_eq!(bench.edge.of(side, call).await, "t/set");
    }
    assert_eq!(legs(&mut admin).await, before);
    bench.asks(call, Side::Callee, json!({"request": "hangup"}), None).await;
    bench.edge.until_left(Side::Caller, call).await;
    bench.edge.until_left(Side::Callee, call).await;
    eventually("nothing of it is left", async || legs(&mut admin).await.is_empty()).await;
    let old = before[0].0;
    eventually("the old session is gone", async || !admin.sessions().await.contains(&old)).await;
    bench.talking().await;
}

#[tokio::test]
async fn a_call_that_janus_ended_meanwhile_is_over_for_both() {
    let janus = Janus::start().await;
    let mut admin = janus.admin().await;
    let mut bench = Bench::new().await;
    let first = bench.connector_at("a", &janus.url());
    bench.is_ready("a").await;
    let call = bench.talking().await;
    bench.is_written_down(call).await;
    first.dies();
    let (session, handle) = legs(&mut admin).await[0];
    admin.hangup_webrtc(session, handle).await;
    let _second = bench.connector_at("a", &janus.url());
    bench.edge.until_left(Side::Caller, call).await;
    bench.edge.until_left(Side::Callee, call).await;
    eventually("nothing of it is left", async || legs(&mut admin).await.is_empty()).await;
    bench.talking().await;
}
