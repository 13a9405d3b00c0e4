//! A name that is registered on one system while a client of the other system has it. It belongs to the new
//! owner at once. Later requests of the former owner have no effect on it.

use super::mixed_cluster::{MixedCluster, NamedClient, comes_true_soon, refusal};
use testkit::eventually;

/// A name that was here and is there now.
async fn expect_owned_there(mixed: &MixedCluster, name: &str) {
    let record = mixed.user(name).await;
    assert_ne!(record["proxy_uuid"], super::mixed_cluster::SWITCHBOARD_PROXY, "{record:?}");
}

/// A name that was there and is here now.
async fn expect_owned_here(mixed: &MixedCluster, name: &str) {
    let record = mixed.user(name).await;
    assert_eq!(record["proxy_uuid"], super::mixed_cluster::SWITCHBOARD_PROXY, "{record:?}");
}

async fn expect_calls_from(mixed: &MixedCluster, owner: &mut NamedClient, callers: [&mut NamedClient; 2]) {
    for caller in callers {
        caller.call(owner).await;
        owner.hang_up_on(caller).await;
        mixed.expect_all_free(&[&caller.name, &owner.name]).await;
    }
}

async fn expect_unregistered(old: &mut NamedClient) {
    let (lost, _) = old.client.expect_event("unregistered").await;
    assert_eq!(lost["username"], old.name);
}

#[tokio::test]
async fn idle_name_moves_from_here_to_there() {
    let mixed = MixedCluster::start().await;
    let (mut bob, mut dave) = (mixed.registered_here("bob").await, mixed.registered_there("dave").await);
    let mut old = mixed.registered_here("alice").await;
    let mut new = mixed.registered_there("alice").await;
    expect_owned_there(&mixed, "alice").await;
    expect_calls_from(&mixed, &mut new, [&mut bob, &mut dave]).await;
    expect_unregistered(&mut old).await;
    assert_eq!(old.client.try_call("bob").await["error_code"], 473);

    old.leave().await;
    expect_owned_there(&mixed, "alice").await;
    expect_calls_from(&mixed, &mut new, [&mut dave, &mut bob]).await;
    new.leave().await;
    bob.leave().await;
    dave.leave().await;
    mixed.expect_clean().await;
}

#[tokio::test]
async fn former_owner_that_leaves_does_not_release_the_moved_name() {
    let mixed = MixedCluster::start().await;
    let (mut bob, mut dave) = (mixed.registered_here("bob").await, mixed.registered_there("dave").await);
    for from_here in [true, false] {
        let (old, mut new) = if from_here {
            let old = mixed.registered_here("alice").await;
            (old, mixed.registered_there("alice").await)
        } else {
            let old = mixed.registered_there("alice").await;
            (old, mixed.registered_here("alice").await)
        };
        old.leave().await;
        expect_calls_from(&mixed, &mut new, [&mut bob, &mut dave]).await;
        new.leave().await;
        eventually("alice is gone", async || !bob.exists("alice").await && !dave.exists("alice").await).await;
    }
    bob.leave().await;
    dave.leave().await;
    mixed.expect_clean().await;
}

#[tokio::test]
async fn former_owner_that_calls_is_refused_and_unregistered() {
    let mixed = MixedCluster::start().await;
    let _bob = mixed.registered_here("bob").await;
    let mut old = mixed.registered_here("alice").await;
    let _new = mixed.registered_there("alice").await;
    assert_eq!(old.client.try_call("bob").await["error_code"], 473);
    expect_unregistered(&mut old).await;
    expect_owned_there(&mixed, "alice").await;
    // It can take the name back, as any client can.
    old.client.register("alice").await;
    expect_owned_here(&mixed, "alice").await;
}

#[tokio::test]
async fn idle_name_moves_from_there_to_here() {
    let mixed = MixedCluster::start().await;
    let (mut bob, mut dave) = (mixed.registered_there("bob").await, mixed.registered_here("dave").await);
    let mut old = mixed.registered_there("alice").await;
    let mut new = mixed.registered_here("alice").await;
    expect_owned_here(&mixed, "alice").await;
    expect_calls_from(&mixed, &mut new, [&mut bob, &mut dave]).await;
    // janus-cloud does not notify it.
    old.client.expect_no("unregistered").await;

    old.leave().await;
    expect_owned_here(&mixed, "alice").await;
    expect_calls_from(&mixed, &mut new, [&mut dave, &mut bob]).await;
    new.leave().await;
    bob.leave().await;
    dave.leave().await;
    mixed.expect_clean().await;
}

#[tokio::test]
async fn name_in_a_call_within_switchboard_moves_there() {
    let mixed = MixedCluster::start().await;
    let (mut bob, mut carol) = (mixed.registered_here("bob").await, mixed.registered_here("carol").await);
    let mut old = mixed.registered_here("alice").await;
    old.call(&mut bob).await;
    let mut new = mixed.registered_there("alice").await;
    expect_owned_there(&mixed, "alice").await;
    carol.call(&mut new).await;
    expect_unregistered(&mut old).await;
    bob.expect_hangup("alice").await;
    bob.client.expect_core("hangup").await;
    old.leave().await;
    expect_owned_there(&mixed, "alice").await;
    mixed.expect_in_call("alice", "carol").await;
    new.hang_up_on(&mut carol).await;
    mixed.expect_all_free(&["alice", "bob", "carol"]).await;
    bob.client.clear_inbox().await;
    expect_calls_from(&mixed, &mut new, [&mut bob, &mut carol]).await;
}

/// On Janus, a user of either system has its own name during a call with the other system. So the new owner
/// can be called only after the former owner's call has ended, which is as soon as one of the systems
/// notices.
#[tokio::test]
async fn name_in_a_call_across_systems_moves_there() {
    let mixed = MixedCluster::start().await;
    let (mut bob, mut dave) = (mixed.registered_here("bob").await, mixed.registered_there("dave").await);
    let mut old = mixed.registered_here("alice").await;
    old.call(&mut dave).await;
    let mut new = mixed.registered_there("alice").await;
    let ring = comes_true_soon(async || {
        bob.client.clear_inbox().await;
        let answer = bob.client.try_call("alice").await;
        if answer["result"]["event"] == "calling" {
            return true;
        }
        assert_eq!(refusal(&answer).0, 476, "{answer}");
        false
    });
    assert!(ring.await, "the new owner cannot be called");
    new.client.expect_event("incomingcall").await;
    expect_unregistered(&mut old).await;
    dave.expect_hangup("alice").await;
    old.leave().await;
    expect_owned_there(&mixed, "alice").await;
    bob.expect_accept_by(&mut new).await;
    new.hang_up_on(&mut bob).await;
    mixed.expect_all_free(&["alice", "bob", "dave"]).await;
}

#[tokio::test]
async fn name_in_a_call_within_janus_cloud_moves_here() {
    let mixed = MixedCluster::start().await;
    let (mut bob, mut dave) = (mixed.registered_there("bob").await, mixed.registered_here("dave").await);
    let mut old = mixed.registered_there("alice").await;
    old.call(&mut bob).await;
    let mut new = mixed.registered_here("alice").await;
    expect_owned_here(&mixed, "alice").await;
    assert_eq!(mixed.peer_of("alice").await, None);
    dave.call(&mut new).await;
    // Nothing ends the old call until its owner leaves.
    old.leave().await;
    bob.expect_hangup("alice").await;
    bob.client.clear_inbox().await;
    expect_owned_here(&mixed, "alice").await;
    mixed.expect_in_call("alice", "dave").await;
    new.hang_up_on(&mut dave).await;
    mixed.expect_all_free(&["alice", "bob", "dave"]).await;
    expect_calls_from(&mixed, &mut new, [&mut bob, &mut dave]).await;
}

/// janus-cloud writes a user's record as a whole at every change, also that of a former owner that hangs up.
/// Such a record holds nothing new, and Switchboard detects that.
#[tokio::test]
async fn former_owner_that_hangs_up_does_not_regain_the_name() {
    let mixed = MixedCluster::start().await;
    let (mut bob, mut dave) = (mixed.registered_there("bob").await, mixed.registered_here("dave").await);
    let mut old = mixed.registered_there("alice").await;
    old.call(&mut bob).await;
    let mut new = mixed.registered_here("alice").await;
    old.hang_up_on(&mut bob).await;
    expect_owned_there(&mixed, "alice").await;
    assert!(dave.exists("alice").await);
    expect_owned_here(&mixed, "alice").await;
    new.client.expect_no("unregistered").await;
    expect_calls_from(&mixed, &mut new, [&mut dave, &mut bob]).await;
    old.leave().await;
    expect_calls_from(&mixed, &mut new, [&mut bob, &mut dave]).await;
}
