//! Websockets without a session.

use crate::harness::Harness;
use crate::websocket::connect;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::time::Duration;
use testkit::raw_websocket::{Closed, RawWebsocket};
use testkit::{Client, DEADLINE};
use tokio::time::{Instant, interval};
use tokio_tungstenite::tungstenite::Message;

const SECOND: Duration = Duration::from_secs(1);

async fn expect_close(mut websocket: RawWebsocket, began: Instant) {
    assert_eq!(websocket.close_code(Instant::now() + DEADLINE).await, Closed::WithCode(1008));
    let took = began.elapsed();
    assert!((SECOND..3 * SECOND).contains(&took), "{took:?}");
}

#[tokio::test]
async fn websocket_without_a_session_is_closed() {
    let harness = Harness::start(&["--idle-timeout=1"]).await;
    let began = Instant::now();
    expect_close(RawWebsocket::open(&harness.url).await.unwrap(), began).await;
}

#[tokio::test]
async fn requests_and_pings_do_not_keep_an_idle_websocket() {
    let harness = Harness::start(&["--idle-timeout=1"]).await;
    let began = Instant::now();
    let mut socket = connect(&harness).await;
    let mut ticks = interval(Duration::from_millis(100));
    let is_open = loop {
        tokio::select! {
            _ = ticks.tick() => {
                let requests = r#"{"janus":"ping","transaction":"t"}{"janus":"claim","transaction":"t","session_id":7}"#;
                let sent = [Message::Ping("x".into()), Message::text(requests)];
                for message in sent {
                    let _ = socket.send(message).await;
                }
            }
            received = socket.next() => match received {
                Some(Ok(Message::Close(Some(frame)))) => break u16::from(frame.code) != 1008,
                Some(Ok(_)) => {}
                other => panic!("not closed: {other:?}"),
            }
        }
        assert!(began.elapsed() < 3 * SECOND);
    };
    assert!(!is_open);
}

#[tokio::test]
async fn session_keeps_its_websocket_until_it_ends() {
    let harness = Harness::start(&["--idle-timeout=1"]).await;
    let mut client = Client::connect(&harness.url).await;
    let created = client.request(json!({"janus": "create"})).await;
    let mut ticks = interval(Duration::from_millis(400));
    for _ in 0..5 {
        ticks.tick().await;
        client.ping().await;
    }
    let destroy = json!({"janus": "destroy", "session_id": created["data"]["id"]});
    assert_eq!(client.request(destroy).await["janus"], "success");
    let began = Instant::now();
    client.expect_closed().await;
    let took = began.elapsed();
    assert!((SECOND / 2..3 * SECOND).contains(&took), "{took:?}");
}

#[tokio::test]
async fn zero_is_no_idle_timeout() {
    let harness = Harness::start(&["--idle-timeout=0"]).await;
    let mut websocket = RawWebsocket::open(&harness.url).await.unwrap();
    assert_eq!(websocket.close_code(Instant::now() + SECOND / 2).await, Closed::Timeout);
}
