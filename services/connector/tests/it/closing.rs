//! Every websocket to Janus ends with a close frame, on either side and for any reason.

use crate::harness::Harness;
use directory::record::BackendStatus;
use protocol::Side;
use serde_json::json;
use std::time::Duration;
use testkit::{Client, FakeJanus, Janus, eventually};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

/// The code of a connector that stops, and of one that gives up a connection.
const NORMAL: Option<u16> = Some(1000);
const AWAY: Option<u16> = Some(1001);

/// Waits until a connector has closed the websockets of calls and of the probe with these codes.
async fn wait_closes(janus: &FakeJanus, expected: &[Option<u16>]) {
    eventually(&format!("websockets end with {expected:?}"), async || {
        let mut closes = janus.closes();
        closes.sort_unstable();
        closes == expected
    })
    .await;
}

#[tokio::test]
async fn stopped_connector_closes_and_leaves_its_sessions() {
    let janus = FakeJanus::start().await;
    let (mut harness, first) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    first.stop.cancel();
    wait_closes(&janus, &[NORMAL, NORMAL]).await;
    assert_eq!(janus.calls(), 1);
    let _second = harness.connector(&[("a", &janus)]);
    harness.request(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    assert_eq!(harness.edge.alice(call).await, "t/set");
}

#[tokio::test]
async fn last_connector_closes() {
    let (janus, harness) = (FakeJanus::start().await, Harness::new().await);
    let last = harness.last_connector(&[("a", &janus)]);
    harness.wait_ready("a").await;
    last.stop.cancel();
    wait_closes(&janus, &[NORMAL, NORMAL]).await;
    assert_eq!(janus.sessions(), 0);
}

#[tokio::test]
async fn connector_without_its_lease_closes() {
    const FREEZE: Duration = Duration::from_secs(6);
    let janus = FakeJanus::start().await;
    let (harness, first) = Harness::serving(&janus).await;
    first.freeze(FREEZE).await;
    let _second = harness.connector(&[("a", &janus)]);
    wait_closes(&janus, &[NORMAL, AWAY]).await;
}

#[tokio::test]
async fn silent_janus_gets_a_close_frame() {
    let janus = FakeJanus::start().await;
    let (harness, _connector) = Harness::serving(&janus).await;
    janus.stop_answering();
    harness.wait_status("a", Some(BackendStatus::Abnormal)).await;
    janus.resume_answering();
    harness.wait_ready("a").await;
    // The other connection may not have been silent for long enough.
    eventually("a connection has ended", async || !janus.closes().is_empty()).await;
    assert!(janus.closes().iter().all(Option::is_some), "{:?}", janus.closes());
}

#[tokio::test]
async fn refused_session_ends_with_a_close_frame() {
    let (janus, harness) = (FakeJanus::start().await, Harness::new().await);
    janus.refuse_sessions(true);
    let _connector = harness.connector(&[("a", &janus)]);
    eventually("connections have ended", async || janus.closes().len() >= 4).await;
    assert!(janus.closes().iter().all(|close| *close == AWAY), "{:?}", janus.closes());
}

#[tokio::test]
async fn close_frame_of_janus_is_answered() {
    let janus = FakeJanus::start().await;
    let (harness, _connector) = Harness::serving(&janus).await;
    janus.close_connections(1001);
    wait_closes(&janus, &[AWAY, AWAY]).await;
    harness.wait_ready("a").await;
}

#[tokio::test]
async fn stop_does_not_wait_for_a_janus_that_is_silent() {
    let janus = FakeJanus::start().await;
    let (_harness, mut connector) = Harness::serving(&janus).await;
    janus.stop_answering();
    let began = Instant::now();
    connector.stop.cancel();
    timeout(Duration::from_secs(5), &mut connector.running).await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

/// A server that accepts TCP and says nothing has no websocket to close.
#[tokio::test]
async fn stop_while_connecting_does_not_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let harness = Harness::new().await;
    let mut connector = harness.connector_at("a", &format!("ws://{}", listener.local_addr().unwrap()));
    let _accepted = listener.accept().await.unwrap();
    connector.stop.cancel();
    timeout(Duration::from_secs(3), &mut connector.running).await.unwrap().unwrap();
}

/// A real Janus keeps sessions for its `reclaim_session_timeout` after a close frame, as after a broken connection.
#[tokio::test]
async fn real_janus_keeps_sessions_after_a_close_frame() {
    let janus = Janus::start().await;
    let mut admin = janus.admin().await;
    let harness = Harness::new().await;
    let mut first = harness.connector_at("a", &janus.url());
    harness.wait_ready("a").await;
    let before = admin.sessions().await;
    first.stop.cancel();
    timeout(Duration::from_secs(5), &mut first.running).await.unwrap().unwrap();
    let kept = admin.sessions().await;
    assert!(kept.len() == 1 && before.contains(&kept[0]), "of {before:?} the probe's ended: {kept:?}");
    let mut client = Client::connect(&janus.url()).await;
    let claim = json!({"janus": "claim", "session_id": kept[0]});
    assert_eq!(client.request(claim).await["janus"], "success");
}
