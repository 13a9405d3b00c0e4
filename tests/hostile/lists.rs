//! `list` beside many long names: one small request for a large answer.

use super::harness::{Fixture, pace};
use crate::fixture::redis_connection;
use serde_json::json;
use testkit::raw_websocket::Received;
use testkit::{Client, DEADLINE, RawWebsocket};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Of the longest length that clients may register.
const NAMES: usize = 1_100;
const LENGTH: usize = 255;
const SOCKETS: usize = 4;
/// Requests a second of each socket.
const RATE: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_long_names_harm_no_call() {
    let fixture = Fixture::start().await;
    register_names(&fixture).await;
    let attack = async {
        let mut sockets = JoinSet::new();
        for number in 0..SOCKETS {
            sockets.spawn(request_lists(fixture.edge_url(number % 2)));
        }
        while let Some(ended) = sockets.join_next().await {
            ended.unwrap();
        }
    };
    fixture.withstand("list", attack).await;
}

/// One attacker may not register names of this number, so the directory is filled directly.
async fn register_names(fixture: &Fixture) {
    let mut connection = redis_connection(&fixture.redis.url()).await;
    let mut pipe = redis::pipe();
    for number in 0..NAMES {
        let name = format!("{number:0>LENGTH$}");
        pipe.sadd(format!("sb:names:{}", number % 16), &name).ignore();
        pipe.hset(format!("januscloud:videocall_users:{name}"), "username", &name).ignore();
    }
    pipe.query_async::<()>(&mut connection).await.unwrap();
}

/// The edge disconnects a client that reads too slowly; then the attacker connects again.
async fn request_lists(url: String) {
    let mut pace = pace(RATE);
    loop {
        let client = Client::attached(&url).await;
        let mut websocket = RawWebsocket::open(&url).await.unwrap();
        let claim = json!({"janus": "claim", "transaction": "claim", "session_id": client.session()});
        let list = json!({"janus": "message", "transaction": "list", "session_id": client.session(),
            "handle_id": client.handle(), "body": {"request": "list"}});
        let mut is_open = websocket.send(claim.to_string()).await;
        while is_open {
            is_open = tokio::select! {
                _ = pace.tick() => websocket.send(list.to_string()).await,
                received = websocket.next_until(Instant::now() + DEADLINE) => received != Received::Closed,
            };
        }
    }
}

#[tokio::test]
async fn list_can_be_switched_off() {
    let fixture = Fixture::with(|plan| plan.with(testkit::Service::Router, "--list=none")).await;
    let mut alice = Client::registered(&fixture.edge_url(0), "alice").await;
    let answer = alice.request_plugin(json!({"request": "list"}), None).await;
    assert_eq!((&answer["error_code"], answer["result"].is_null()), (&json!(499), true), "{answer}");
}

#[tokio::test]
async fn names_are_bounded_in_bytes() {
    let fixture = Fixture::start().await;
    let mut alice = Client::attached(&fixture.edge_url(0)).await;
    let register = |name: String| json!({"request": "register", "username": name});
    let refused = alice.request_plugin(register("é".repeat(128)), None).await;
    assert_eq!(refused["error_code"], 474, "{refused}");
    let answer = alice.request_plugin(register("x".repeat(LENGTH)), None).await;
    assert_eq!(answer["result"]["event"], "registered", "{answer}");
}
