//! The directory loses all data, or only the lease.

use crate::harness::Harness;
use directory::record::FencingToken;
use protocol::Side;
use testkit::{FakeJanus, eventually};

#[tokio::test]
async fn calls_are_restored_into_a_lost_directory() {
    let janus = FakeJanus::start().await;
    let (mut harness, connector) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    harness.directory.release_lease("backend:a", &connector.id).await.unwrap();
    harness.directory.release_call(call).await.unwrap().unwrap();
    eventually("the call is restored", async || harness.calls().await == [Some(call); 2]).await;
    harness.wait_saved(call).await;
    harness.hang_up(call, Side::Callee).await;
    harness.edge.until_left(Side::Caller, call).await;
    harness.edge.until_left(Side::Callee, call).await;
    assert_eq!(harness.edge.terms(Side::Caller).len(), 2, "events came in two terms");
    assert_eq!(harness.calls().await, [None; 2]);
}

#[tokio::test]
async fn lease_held_by_another_in_between_restarts_the_backend() {
    let janus = FakeJanus::start().await;
    let (mut harness, connector) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    let record = r#"{"connector":"connector-other","sessions":[]}"#;
    harness.directory.put_connector_record(&"a".into(), FencingToken(u64::MAX), record).await.unwrap();
    harness.directory.release_lease("backend:a", &connector.id).await.unwrap();
    // The connector takes over its own call.
    eventually("its session is claimed", async || {
        janus.requests().iter().any(|request| request["janus"] == "claim")
    })
    .await;
    harness.hang_up(call, Side::Callee).await;
    harness.edge.until_left(Side::Caller, call).await;
    harness.edge.until_left(Side::Callee, call).await;
    eventually("the claimed session is destroyed", async || (janus.sessions(), janus.handles()) == (1, 0))
        .await;
    harness.talking().await;
}
