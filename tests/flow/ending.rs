//! How calls end when a side leaves, while ringing and while connected: by detach, destroy, core hangup, a
//! lost socket, and silence.

use super::call::connect;
use crate::fixture::{Switchboard, on_both_buses};
use serde_json::json;
use testkit::Client;

/// How a side leaves.
#[derive(Clone, Copy, PartialEq)]
enum Departure {
    CoreHangup,
    Detach,
    Destroy,
}

on_both_buses!(
    caller_leaves_while_ringing,
    callee_leaves_while_ringing,
    caller_leaves_during_the_call,
    callee_leaves_during_the_call,
    session_is_claimed_by_another_socket,
);

async fn leave(client: &mut Client, departure: Departure) {
    match departure {
        Departure::CoreHangup => {
            client.core_hangup().await;
            assert_eq!(client.expect_core("hangup").await["reason"], "Janus API");
        }
        Departure::Detach => client.detach().await,
        Departure::Destroy => client.destroy().await,
    }
}

async fn ring_or_connect(alice: &mut Client, bob: &mut Client, ringing: bool) {
    if ringing {
        alice.call("bob").await;
        bob.expect_event("incomingcall").await;
    } else {
        connect(alice, bob).await;
    }
}

async fn expect_end(other: &mut Client, left: &str) {
    let expected = json!({"event": "hangup", "username": left, "reason": "Remote WebRTC hangup"});
    other.expect_result(expected).await;
    assert_eq!(other.expect_core("hangup").await["reason"], "Close PC");
}

/// Runs one ending for each case: ringing or connected, by the caller or the callee.
async fn run_endings(switchboard: Switchboard, ringing: bool, by_caller: bool) {
    for departure in [Departure::CoreHangup, Departure::Detach, Departure::Destroy] {
        let (mut alice, mut bob) = switchboard.alice_and_bob().await;
        ring_or_connect(&mut alice, &mut bob, ringing).await;
        let (leaver, other, left) =
            if by_caller { (&mut alice, &mut bob, "alice") } else { (&mut bob, &mut alice, "bob") };
        leave(leaver, departure).await;
        expect_end(other, left).await;
        if departure != Departure::Destroy {
            leaver.destroy().await;
        }
        other.destroy().await;
        switchboard.expect_clean().await;
    }
}

async fn caller_leaves_while_ringing(switchboard: Switchboard) {
    run_endings(switchboard, true, true).await;
}

async fn callee_leaves_while_ringing(switchboard: Switchboard) {
    run_endings(switchboard, true, false).await;
}

async fn caller_leaves_during_the_call(switchboard: Switchboard) {
    run_endings(switchboard, false, true).await;
}

async fn callee_leaves_during_the_call(switchboard: Switchboard) {
    run_endings(switchboard, false, false).await;
}

async fn session_is_claimed_by_another_socket(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    let (session, handle) = (bob.session(), bob.handle());
    bob.drop_socket();
    alice.renegotiate(testkit::sdp::offer()).await;
    let mut back = Client::claim(&switchboard.edge_url(1), session).await.with_handle(handle);
    back.expect_event("update").await;
    alice.hangup().await;
    back.expect_core("hangup").await;
    back.destroy().await;
    alice.destroy().await;
    switchboard.expect_clean().await;
}

const SHORT_RECLAIM: &str = "--reclaim-timeout=1";
const SHORT_SESSION: &str = "--session-timeout=1";

#[tokio::test]
async fn on_memory_unclaimed_session_ends_its_call() {
    let switchboard = Switchboard::on_memory_with(&[SHORT_RECLAIM]).await;
    dropped_sockets_end_calls(&switchboard).await;
}

#[tokio::test]
async fn on_redis_unclaimed_session_ends_its_call() {
    let switchboard = Switchboard::on_redis_with(&[SHORT_RECLAIM]).await;
    dropped_sockets_end_calls(&switchboard).await;
}

async fn dropped_sockets_end_calls(switchboard: &Switchboard) {
    for (ringing, by_caller) in [(true, true), (true, false), (false, true), (false, false)] {
        let (mut alice, mut bob) = switchboard.alice_and_bob().await;
        ring_or_connect(&mut alice, &mut bob, ringing).await;
        let (leaver, other, left) =
            if by_caller { (&mut alice, &mut bob, "alice") } else { (&mut bob, &mut alice, "bob") };
        let session = leaver.session();
        leaver.drop_socket();
        expect_end(other, left).await;
        let mut late = Client::connect(&switchboard.edge_url(usize::from(!by_caller))).await;
        let claim = late.request(json!({"janus": "claim", "session_id": session})).await;
        assert_eq!(claim["error"]["code"], 458);
        other.destroy().await;
        switchboard.expect_clean().await;
    }
}

#[tokio::test]
async fn on_memory_silent_session_times_out() {
    silence_ends_a_session(&Switchboard::on_memory_with(&[SHORT_SESSION]).await).await;
}

#[tokio::test]
async fn on_redis_silent_session_times_out() {
    silence_ends_a_session(&Switchboard::on_redis_with(&[SHORT_SESSION]).await).await;
}

async fn silence_ends_a_session(switchboard: &Switchboard) {
    let mut alice = Client::connect(&switchboard.edge_url(0)).await;
    alice.create().await;
    alice.expect("the end of the session", |message| message["janus"] == "timeout").await;
    let keepalive = alice.on_session(json!({"janus": "keepalive"}));
    assert_eq!(alice.request(keepalive).await["error"]["code"], 458);
    alice.create().await;
    alice.destroy().await;
    switchboard.expect_clean().await;
}

#[tokio::test]
async fn handle_lost_on_janus_ends_the_call_on_both_sides() {
    let switchboard = Switchboard::on_memory().await;
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    let mut admin = switchboard.janus.admin().await;
    let (session, handle) = admin.legs().await[0];
    admin.hangup_webrtc(session, handle).await;
    alice.expect_core("hangup").await;
    bob.expect_core("hangup").await;
    connect(&mut alice, &mut bob).await;
}
