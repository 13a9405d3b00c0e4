//! Calls between a user of Switchboard and a user of janus-cloud, in both directions, from the first ring to
//! the end.

use super::mixed_cluster::{MixedCluster, NamedClient};
use serde_json::json;
use testkit::sdp;

#[tokio::test]
async fn call_from_here_can_be_hung_up_by_either_side() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    is_hung_up_by_either(&mixed, &mut alice, &mut bob).await;
    alice.leave().await;
    bob.leave().await;
    mixed.expect_clean().await;
}

#[tokio::test]
async fn call_from_there_can_be_hung_up_by_either_side() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_there("alice").await, mixed.registered_here("bob").await);
    is_hung_up_by_either(&mixed, &mut alice, &mut bob).await;
    alice.leave().await;
    bob.leave().await;
    mixed.expect_clean().await;
}

async fn is_hung_up_by_either(mixed: &MixedCluster, alice: &mut NamedClient, bob: &mut NamedClient) {
    for by_caller in [true, false] {
        alice.call(bob).await;
        mixed.expect_in_call(&alice.name, &bob.name).await;
        mixed.expect_in_call(&bob.name, &alice.name).await;
        assert_eq!(mixed.janus.admin().await.all_handles().await, 2);
        if by_caller {
            alice.hang_up_on(bob).await;
        } else {
            bob.hang_up_on(alice).await;
        }
        mixed.expect_all_free(&[&alice.name, &bob.name]).await;
    }
}

#[tokio::test]
async fn call_from_here_can_be_declined_or_cancelled() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    is_declined_or_cancelled(&mixed, &mut alice, &mut bob).await;
}

#[tokio::test]
async fn call_from_there_can_be_declined_or_cancelled() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_there("alice").await, mixed.registered_here("bob").await);
    is_declined_or_cancelled(&mixed, &mut alice, &mut bob).await;
}

/// A declined call, one that is cancelled while ringing, and one that succeeds after both.
async fn is_declined_or_cancelled(mixed: &MixedCluster, alice: &mut NamedClient, bob: &mut NamedClient) {
    alice.ring(bob).await;
    bob.hang_up_on(alice).await;
    mixed.expect_all_free(&[&alice.name, &bob.name]).await;
    alice.ring(bob).await;
    alice.hang_up_on(bob).await;
    mixed.expect_all_free(&[&alice.name, &bob.name]).await;
    alice.call(bob).await;
}

#[tokio::test]
async fn lost_client_ends_the_call() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    alice.call(&mut bob).await;
    alice.client.destroy().await;
    bob.expect_hangup("alice").await;
    mixed.expect_all_free(&["bob"]).await;

    let mut alice_again = mixed.registered_here("alice").await;
    bob.call(&mut alice_again).await;
    bob.client.drop_socket();
    alice_again.expect_hangup("bob").await;
    mixed.expect_all_free(&["alice"]).await;
    assert!(!alice_again.exists("bob").await, "a name there goes with its socket");
}

#[tokio::test]
async fn settings_and_renegotiation_pass_both_ways() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    alice.client.trickle(sdp::candidate(1)).await;
    alice.call(&mut bob).await;
    passes(&mut alice, &mut bob).await;
    passes(&mut bob, &mut alice).await;
    alice.hang_up_on(&mut bob).await;

    mixed.expect_all_free(&["alice", "bob"]).await;
    bob.call(&mut alice).await;
    passes(&mut alice, &mut bob).await;
    passes(&mut bob, &mut alice).await;
}

/// Settings, and a renegotiation that this side starts.
async fn passes(one: &mut NamedClient, other: &mut NamedClient) {
    one.client.set(json!({"audio": false})).await;
    one.client.set(json!({"audio": true, "bitrate": 128_000})).await;
    one.client.renegotiate(sdp::offer()).await;
    let (_, offer) = other.client.expect_event("update").await;
    assert_eq!(offer["type"], "offer");
    other.client.renegotiate(sdp::answer()).await;
    let (_, answer) = one.client.expect_event("update").await;
    assert_eq!(answer["type"], "answer");
}

#[tokio::test]
async fn settings_before_a_call_reach_janus() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    for from_here in [true, false] {
        alice.client.set(json!({"bitrate": 64_000})).await;
        if from_here {
            alice.call(&mut bob).await;
        } else {
            bob.call(&mut alice).await;
        }
        let mut admin = mixed.janus.admin().await;
        let mut known = 0;
        for (session, handle) in admin.legs().await {
            let info = admin.handle_info(session, handle).await;
            known += usize::from(info["plugin_specific"]["bitrate"] == 64_000);
        }
        assert_eq!(known, 1, "Janus knows the setting of our side");
        alice.hang_up_on(&mut bob).await;
        mixed.expect_all_free(&["alice", "bob"]).await;
    }
}
