//! Extensions to Janus: names that move at once, a ring timeout, recordings confined to a folder, a bounded
//! list.

use super::call::connect;
use crate::fixture::{Switchboard, on_both_buses, redis_connection};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::{Client, Redis, eventually, sdp};

on_both_buses!(
    name_moves_from_a_connected_client,
    name_moves_from_a_client_in_a_call_that_continues,
    name_moves_from_a_lost_client_and_ends_its_call,
    name_moves_while_its_owner_calls,
    former_handle_does_not_affect_the_new_one,
    recording_without_a_folder_is_refused,
);

async fn second_alice(switchboard: &Switchboard) -> Client {
    Client::registered(&switchboard.edge_url(1), "alice").await
}

async fn name_moves_from_a_connected_client(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let mut second = second_alice(&switchboard).await;
    let (lost, _) = alice.expect_event("unregistered").await;
    assert_eq!(lost, json!({"event": "unregistered", "username": "alice", "reason": "Registered elsewhere"}));
    connect_to(&mut bob, &mut second, "alice").await;
}

async fn connect_to(caller: &mut Client, callee: &mut Client, name: &str) {
    caller.call(name).await;
    callee.expect_event("incomingcall").await;
    callee.accept().await;
    caller.expect_event("accepted").await;
}

async fn name_moves_from_a_client_in_a_call_that_continues(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    let mut second = second_alice(&switchboard).await;
    alice.expect_event("unregistered").await;
    alice.renegotiate(sdp::offer()).await;
    bob.expect_event("update").await;
    let mut carol = Client::registered(&switchboard.edge_url(0), "carol").await;
    connect_to(&mut carol, &mut second, "alice").await;
    alice.hangup().await;
    bob.expect_core("hangup").await;
    second.expect_no("hangup").await;
}

async fn name_moves_from_a_lost_client_and_ends_its_call(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    alice.drop_socket();
    let mut second = second_alice(&switchboard).await;
    bob.expect_core("hangup").await;
    connect_to(&mut bob, &mut second, "alice").await;
}

async fn name_moves_while_its_owner_calls(switchboard: Switchboard) {
    for _ in 0..5 {
        let (mut alice, mut bob) = switchboard.alice_and_bob().await;
        let (_, mut second) = tokio::join!(alice.try_call("bob"), second_alice(&switchboard));
        alice.expect_event("unregistered").await;
        let exists = second.request_plugin(json!({"request": "exists", "username": "alice"}), None).await;
        assert_eq!(exists["result"]["registered"], true);
        alice.destroy().await;
        bob.clear_inbox().await;
        let call = async || bob.try_call("alice").await["result"]["event"] == "calling";
        eventually("bob is free and reaches the new alice", call).await;
        second.expect_event("incomingcall").await;
        second.destroy().await;
        bob.destroy().await;
    }
    switchboard.expect_clean().await;
}

async fn former_handle_does_not_affect_the_new_one(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let mut second = second_alice(&switchboard).await;
    alice.expect_event("unregistered").await;
    connect_to(&mut bob, &mut second, "alice").await;
    alice.hangup().await;
    alice.core_hangup().await;
    alice.detach().await;
    alice.destroy().await;
    second.expect_no("hangup").await;
    second.set(json!({"audio": true})).await;
    assert_eq!(bob.list().await.len(), 2);
    bob.hangup().await;
    second.expect_core("hangup").await;
    connect_to(&mut bob, &mut second, "alice").await;
}

async fn recording_without_a_folder_is_refused(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let record = json!({"request": "set", "record": true, "filename": "/tmp/never"});
    assert_eq!(alice.request_plugin(record.clone(), None).await["error_code"], 499);
    connect(&mut alice, &mut bob).await;
    let refused = alice.request_plugin(record, None).await;
    assert_eq!(refused["error"], "Recording is not enabled on this server");
    alice.set(json!({"record": false})).await;
}

#[tokio::test]
async fn recordings_stay_below_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    let allowed = folder.path().join("allowed");
    std::fs::create_dir(&allowed).unwrap();
    let switchboard = Switchboard::on_memory_with(&["--record-dir", allowed.to_str().unwrap()]).await;
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    for name in [elsewhere.to_str().unwrap(), "../elsewhere", "plain"] {
        alice.set(json!({"record": true, "filename": name})).await;
        alice.set(json!({"record": false})).await;
    }
    eventually("Janus has recorded", async || files(&allowed) > 0).await;
    assert_eq!(files(folder.path()), files(&allowed), "nothing is written elsewhere");
}

/// The number of recordings in a folder and below it.
fn files(folder: &Path) -> usize {
    let count = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path) } else { 1 }
    };
    std::fs::read_dir(folder).unwrap().map(count).sum()
}

#[tokio::test]
async fn unanswered_call_ends_on_both_sides() {
    let switchboard = Switchboard::on_memory_with(&["--ring-timeout", "1"]).await;
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    alice.expect_result(json!({"event": "hangup", "username": "bob", "reason": "No answer"})).await;
    bob.expect_result(json!({"event": "hangup", "username": "alice", "reason": "No answer"})).await;
    alice.expect_core("hangup").await;
    bob.expect_core("hangup").await;
    connect(&mut alice, &mut bob).await;
    alice.destroy().await;
    bob.destroy().await;
    switchboard.expect_clean().await;
}

/// Names in the directory besides those of the test.
const OTHER_NAMES: usize = 50_000;

#[tokio::test]
async fn list_is_bounded_and_does_not_delay_other_requests() {
    let switchboard = Switchboard::on_redis().await;
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let quiet = latency_p99(&mut bob).await;
    register_other_names(switchboard.redis().unwrap()).await;
    let lists = async {
        for _ in 0..20 {
            assert_eq!(alice.list().await.len(), 1_000);
        }
    };
    let (_, busy) = tokio::join!(lists, latency_p99(&mut bob));
    assert!(busy < quiet * 10 + Duration::from_millis(50), "{busy:?} while lists are made, {quiet:?} before");
    println!("99 of 100 requests: {quiet:?} before, {busy:?} while lists of {OTHER_NAMES} names are made");
}

/// The 99th percentile of the response time.
async fn latency_p99(client: &mut Client) -> Duration {
    let mut times = Vec::new();
    for _ in 0..300 {
        let begun = Instant::now();
        let answer: Value =
            client.request_plugin(json!({"request": "exists", "username": "alice"}), None).await;
        assert_eq!(answer["result"]["registered"], true);
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() * 99 / 100]
}

async fn register_other_names(redis: &Redis) {
    let mut connection = redis_connection(&redis.url()).await;
    for block in 0..OTHER_NAMES / 1_000 {
        let mut pipe = redis::pipe();
        for number in 0..1_000 {
            let name = format!("user {block} {number}");
            pipe.sadd(format!("sb:names:{}", number % 16), &name).ignore();
            pipe.hset(format!("januscloud:videocall_users:{name}"), "username", name).ignore();
        }
        pipe.query_async::<()>(&mut connection).await.unwrap();
    }
}
