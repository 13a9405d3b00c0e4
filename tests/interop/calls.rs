//! Calls between a user here and a user there, in both directions, from the first ring to the end.

use super::house::{MixedCluster, NamedClient};
use serde_json::json;
use testkit::sdp;

#[tokio::test]
async fn a_call_from_here_is_answered_and_hung_up_by_either_side() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    is_hung_up_by_either(&house, &mut alice, &mut bob).await;
    alice.leaves().await;
    bob.leaves().await;
    house.is_clean().await;
}

#[tokio::test]
async fn a_call_from_there_is_answered_and_hung_up_by_either_side() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.there("alice").await, house.here("bob").await);
    is_hung_up_by_either(&house, &mut alice, &mut bob).await;
    alice.leaves().await;
    bob.leaves().await;
    house.is_clean().await;
}

async fn is_hung_up_by_either(house: &MixedCluster, alice: &mut NamedClient, bob: &mut NamedClient) {
    for by_caller in [true, false] {
        alice.talks_to(bob).await;
        house.is_in_call(&alice.name, &bob.name).await;
        house.is_in_call(&bob.name, &alice.name).await;
        assert_eq!(house.janus.admin().await.all_handles().await, 2);
        if by_caller {
            alice.hangs_up_on(bob).await;
        } else {
            bob.hangs_up_on(alice).await;
        }
        house.all_are_free(&[&alice.name, &bob.name]).await;
    }
}

#[tokio::test]
async fn a_call_from_here_is_declined_or_cancelled() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    is_declined_or_cancelled(&house, &mut alice, &mut bob).await;
}

#[tokio::test]
async fn a_call_from_there_is_declined_or_cancelled() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.there("alice").await, house.here("bob").await);
    is_declined_or_cancelled(&house, &mut alice, &mut bob).await;
}

/// A declined call, one that is cancelled while it rings, and one that goes through after both.
async fn is_declined_or_cancelled(house: &MixedCluster, alice: &mut NamedClient, bob: &mut NamedClient) {
    alice.rings(bob).await;
    bob.hangs_up_on(alice).await;
    house.all_are_free(&[&alice.name, &bob.name]).await;
    alice.rings(bob).await;
    alice.hangs_up_on(bob).await;
    house.all_are_free(&[&alice.name, &bob.name]).await;
    alice.talks_to(bob).await;
}

#[tokio::test]
async fn who_goes_without_a_word_ends_the_call() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    alice.talks_to(&mut bob).await;
    alice.client.destroy().await;
    bob.expect_hangup("alice").await;
    house.all_are_free(&["bob"]).await;

    let mut alice = house.here("alice").await;
    bob.talks_to(&mut alice).await;
    bob.client.drop_socket();
    alice.expect_hangup("bob").await;
    house.all_are_free(&["alice"]).await;
    assert!(!alice.finds("bob").await, "a name there goes with its socket");
}

#[tokio::test]
async fn what_is_said_in_a_call_passes_both_ways() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    alice.client.trickle(sdp::candidate(1)).await;
    alice.talks_to(&mut bob).await;
    passes(&mut alice, &mut bob).await;
    passes(&mut bob, &mut alice).await;
    alice.hangs_up_on(&mut bob).await;

    house.all_are_free(&["alice", "bob"]).await;
    bob.talks_to(&mut alice).await;
    passes(&mut alice, &mut bob).await;
    passes(&mut bob, &mut alice).await;
}

/// Settings, and a new round of offer and answer that this side begins.
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
async fn settings_made_before_a_call_are_known_to_janus_in_it() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    for ours_calls in [true, false] {
        alice.client.set(json!({"bitrate": 64_000})).await;
        if ours_calls {
            alice.talks_to(&mut bob).await;
        } else {
            bob.talks_to(&mut alice).await;
        }
        let mut admin = house.janus.admin().await;
        let mut known = 0;
        for (session, handle) in admin.legs().await {
            let info = admin.handle_info(session, handle).await;
            known += usize::from(info["plugin_specific"]["bitrate"] == 64_000);
        }
        assert_eq!(known, 1, "Janus knows the setting of our side");
        alice.hangs_up_on(&mut bob).await;
        house.all_are_free(&["alice", "bob"]).await;
    }
}
