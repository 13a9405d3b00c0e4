//! Calls that are answered: ring, accept, renegotiate, hang up, repeat.

use crate::fixture::{Switchboard, on_both_buses};
use serde_json::json;
use testkit::{Client, sdp};

on_both_buses!(
    call_is_answered_and_hung_up_by_the_caller,
    callee_hangs_up_with_a_reason,
    settings_and_renegotiation_pass_in_a_call,
    settings_made_before_a_call_are_accepted,
    candidates_travel_both_ways,
    second_call_on_the_same_handles_succeeds,
    calls_go_in_both_directions_in_turn,
    of_two_simultaneous_calls_one_survives,
);

/// Sets a call up.
pub async fn connect(alice: &mut Client, bob: &mut Client) {
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    bob.accept().await;
    alice.expect_event("accepted").await;
}

async fn call_is_answered_and_hung_up_by_the_caller(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    alice.call("bob").await;
    let (incoming, offer) = bob.expect_event("incomingcall").await;
    assert_eq!(incoming, json!({"event": "incomingcall", "username": "alice"}));
    assert_eq!(offer["type"], "offer");
    bob.accept().await;
    let (accepted, answer) = alice.expect_event("accepted").await;
    assert_eq!(accepted, json!({"event": "accepted", "username": "bob"}));
    assert_eq!(answer["type"], "answer");
    alice.hangup().await;
    alice
        .expect_result(json!({"event": "hangup", "username": "bob", "reason": "Remote WebRTC hangup"}))
        .await;
    assert_eq!(alice.expect_core("hangup").await["reason"], "Close PC");
    bob.expect_result(json!({"event": "hangup", "username": "alice", "reason": "We did the hangup"})).await;
    bob.expect_result(json!({"event": "hangup", "username": "alice", "reason": "Remote WebRTC hangup"}))
        .await;
    assert_eq!(bob.expect_core("hangup").await["reason"], "Close PC");
    alice.destroy().await;
    bob.destroy().await;
    switchboard.expect_clean().await;
}

async fn callee_hangs_up_with_a_reason(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    bob.hangup_with_reason("dinner").await;
    alice.expect_result(json!({"event": "hangup", "username": "bob", "reason": "dinner"})).await;
    alice.expect_core("hangup").await;
    bob.expect_core("hangup").await;
    alice.destroy().await;
    bob.destroy().await;
    switchboard.expect_clean().await;
}

async fn settings_and_renegotiation_pass_in_a_call(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    alice.set(json!({"audio": false, "bitrate": 128_000})).await;
    bob.set(json!({"video": false})).await;
    bob.set(json!({"video": true})).await;
    alice.renegotiate(sdp::offer()).await;
    let (_, offer) = bob.expect_event("update").await;
    assert_eq!(offer["type"], "offer");
    bob.renegotiate(sdp::answer()).await;
    let (_, answer) = alice.expect_event("update").await;
    assert_eq!(answer["type"], "answer");
    bob.hangup().await;
    alice.expect_core("hangup").await;
}

async fn settings_made_before_a_call_are_accepted(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    alice.set(json!({"audio": false})).await;
    bob.set(json!({"bitrate": 64_000})).await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    bob.accept().await;
    alice.expect_event("accepted").await;
    let mut admin = switchboard.janus.admin().await;
    let mut found = (false, false);
    for session in admin.sessions().await {
        for handle in admin.handles(session).await {
            let info = admin.handle_info(session, handle).await;
            found.0 |= info["plugin_specific"]["audio_active"] == json!(false);
            found.1 |= info["plugin_specific"]["bitrate"] == json!(64_000);
        }
    }
    assert_eq!(found, (true, true), "Janus knows both settings");
}

async fn candidates_travel_both_ways(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    alice.trickle(sdp::candidate(1)).await;
    alice.call("bob").await;
    alice.trickle_all(vec![sdp::candidate(2), sdp::end_of_candidates()]).await;
    bob.expect_event("incomingcall").await;
    let from_janus = bob.expect_core("trickle").await;
    assert!(from_janus["candidate"]["candidate"].as_str().unwrap().starts_with("candidate:"), "{from_janus}");
    bob.accept().await;
    bob.trickle(sdp::candidate(3)).await;
    bob.trickle(sdp::end_of_candidates()).await;
    alice.expect_event("accepted").await;
    let mut admin = switchboard.janus.admin().await;
    testkit::eventually("Janus has the candidates of both", async || {
        remote_candidates(&mut admin).await >= 3
    })
    .await;
}

async fn remote_candidates(admin: &mut testkit::JanusAdmin) -> usize {
    let mut count = 0;
    for session in admin.sessions().await {
        for handle in admin.handles(session).await {
            let info = admin.handle_info(session, handle).await;
            let candidates = &info["webrtc"]["ice"]["remote-candidates"];
            count += candidates.as_array().map_or(0, Vec::len);
        }
    }
    count
}

async fn second_call_on_the_same_handles_succeeds(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    for _ in 0..5 {
        connect(&mut alice, &mut bob).await;
        alice.hangup().await;
        alice.call("bob").await;
        bob.expect_core("hangup").await;
        bob.expect_event("incomingcall").await;
        bob.decline().await;
        alice.expect_core("hangup").await;
        alice.expect_core("hangup").await;
        bob.expect_core("hangup").await;
        alice.clear_inbox().await;
        bob.clear_inbox().await;
    }
    alice.destroy().await;
    bob.destroy().await;
    switchboard.expect_clean().await;
}

async fn calls_go_in_both_directions_in_turn(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    bob.hangup().await;
    alice.expect_core("hangup").await;
    bob.call("alice").await;
    let (incoming, _) = alice.expect_event("incomingcall").await;
    assert_eq!(incoming["username"], "bob");
    alice.accept().await;
    bob.expect_event("accepted").await;
    alice.hangup().await;
    bob.expect_core("hangup").await;
}

async fn of_two_simultaneous_calls_one_survives(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    for _ in 0..10 {
        let (to_bob, to_alice) = tokio::join!(alice.try_call("bob"), bob.try_call("alice"));
        let calling = |answer: &serde_json::Value| answer["result"]["event"] == "calling";
        assert!(calling(&to_bob) != calling(&to_alice), "one of them calls: {to_bob} {to_alice}");
        let (caller, callee) = if calling(&to_bob) { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
        callee.expect_event("incomingcall").await;
        callee.accept().await;
        caller.expect_event("accepted").await;
        caller.hangup().await;
        callee.expect_result(json!({"event": "hangup", "username": if calling(&to_bob) { "alice" } else { "bob" }, "reason": "We did the hangup"})).await;
        caller.expect_core("hangup").await;
        callee.expect_core("hangup").await;
        alice.clear_inbox().await;
        bob.clear_inbox().await;
    }
    alice.destroy().await;
    bob.destroy().await;
    switchboard.expect_clean().await;
}
