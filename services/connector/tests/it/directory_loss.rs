//! The directory has lost everything, or only the lease.

use crate::harness::Bench;
use directory::record::FencingToken;
use protocol::Side;
use testkit::{FakeJanus, eventually};

#[tokio::test]
async fn a_directory_that_forgot_gets_its_calls_back_and_they_go_on() {
    let janus = FakeJanus::start().await;
    let (mut bench, connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    bench.is_written_down(call).await;
    bench.directory.release_lease("backend:a", &connector.id).await.unwrap();
    bench.directory.release_call(call).await.unwrap().unwrap();
    eventually("the call is back", async || bench.calls().await == [Some(call); 2]).await;
    bench.is_written_down(call).await;
    bench.hangs_up(call, Side::Callee).await;
    bench.edge.until_left(Side::Caller, call).await;
    bench.edge.until_left(Side::Callee, call).await;
    assert_eq!(bench.edge.terms(Side::Caller).len(), 2, "they were told in two terms");
    assert_eq!(bench.calls().await, [None; 2]);
}

#[tokio::test]
async fn a_lease_that_somebody_else_had_is_begun_anew() {
    let janus = FakeJanus::start().await;
    let (mut bench, connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    bench.is_written_down(call).await;
    let note = r#"{"connector":"connector-other","sessions":[]}"#;
    bench.directory.put_connector_record(&"a".into(), FencingToken(u64::MAX), note).await.unwrap();
    bench.directory.release_lease("backend:a", &connector.id).await.unwrap();
    // It finds its own call as one that a former connector left.
    eventually("its session is claimed", async || {
        janus.requests().iter().any(|request| request["janus"] == "claim")
    })
    .await;
    bench.hangs_up(call, Side::Callee).await;
    bench.edge.until_left(Side::Caller, call).await;
    bench.edge.until_left(Side::Callee, call).await;
    eventually("the old session is gone", async || (janus.sessions(), janus.handles()) == (1, 0)).await;
    bench.talking().await;
}
