//! A connector that was frozen does no harm when it wakes: another has its lease by then.

use crate::harness::Bench;
use protocol::Side;
use serde_json::json;
use std::time::Duration;
use testkit::{FakeJanus, eventually};

const FREEZE: Duration = Duration::from_secs(8);

fn said(janus: &FakeJanus, what: &str) -> usize {
    let is_it = |request: &&serde_json::Value| request["janus"] == what || request["body"]["request"] == what;
    janus.requests().iter().filter(is_it).count()
}

#[tokio::test]
async fn a_request_is_done_once_by_the_connector_that_has_the_lease() {
    let janus = FakeJanus::start().await;
    let (mut bench, first) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    bench.is_written_down(call).await;
    first.freezes(FREEZE).await;
    let _second = bench.connector(&[("a", &janus)]);
    bench.asks(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    assert_eq!(bench.edge.alice(call).await, "t/set");
    let before = janus.requests().len();
    tokio::time::sleep(FREEZE).await;
    let more: Vec<_> = janus.requests().split_off(before);
    let harmless = |request: &serde_json::Value| request["janus"] == "keepalive";
    assert!(more.iter().all(harmless), "{more:?}");
    assert_eq!(said(&janus, "set"), 1);
    bench.hangs_up(call, Side::Callee).await;
    bench.edge.until_left(Side::Caller, call).await;
    bench.edge.until_left(Side::Callee, call).await;
    bench.edge.is_all().await;
}

#[tokio::test]
async fn what_it_had_not_read_of_janus_ends_no_call_again() {
    let janus = FakeJanus::start().await;
    let (mut bench, first) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    bench.is_written_down(call).await;
    first.freezes(FREEZE).await;
    janus.lose_media("ICE failed");
    let _second = bench.connector(&[("a", &janus)]);
    bench.edge.until_left(Side::Caller, call).await;
    bench.edge.until_left(Side::Callee, call).await;
    let next = bench.talking().await;
    tokio::time::sleep(FREEZE).await;
    bench.hangs_up(next, Side::Callee).await;
    bench.edge.until_left(Side::Caller, next).await;
    bench.edge.until_left(Side::Callee, next).await;
    bench.edge.is_all().await;
    let twice = ["ringing", "answered", "ended", "ringing", "answered", "ended"];
    eventually("the log has each end once", async || bench.log().await == twice).await;
}

#[tokio::test]
async fn a_connector_that_nobody_followed_goes_on() {
    let janus = FakeJanus::start().await;
    let (mut bench, first) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    bench.is_written_down(call).await;
    first.freezes(FREEZE).await;
    bench.asks(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    assert_eq!(bench.edge.alice(call).await, "t/set");
    assert_eq!(janus.sessions(), 1, "it has not dialled anew");
    bench.hangs_up(call, Side::Callee).await;
    bench.edge.until_left(Side::Caller, call).await;
    bench.edge.until_left(Side::Callee, call).await;
}
