//! A name that somebody registers on the other side while somebody still has it on this one. It belongs to
//! the new one at once; what the old one does later, harms nothing.

use super::house::{MixedCluster, NamedClient, refusal, soon};
use testkit::eventually;

/// A name that was here and is there now.
async fn is_there(house: &MixedCluster, name: &str) {
    let record = house.user(name).await;
    assert_ne!(record["proxy_uuid"], super::house::OUR_PROXY, "{record:?}");
}

/// A name that was there and is here now.
async fn is_here(house: &MixedCluster, name: &str) {
    let record = house.user(name).await;
    assert_eq!(record["proxy_uuid"], super::house::OUR_PROXY, "{record:?}");
}

async fn gets_calls_of(house: &MixedCluster, owner: &mut NamedClient, callers: [&mut NamedClient; 2]) {
    for caller in callers {
        caller.talks_to(owner).await;
        owner.hangs_up_on(caller).await;
        house.all_are_free(&[&caller.name, &owner.name]).await;
    }
}

async fn is_told(old: &mut NamedClient) {
    let (lost, _) = old.client.expect_event("unregistered").await;
    assert_eq!(lost["username"], old.name);
}

#[tokio::test]
async fn an_idle_name_moves_from_here_to_there() {
    let house = MixedCluster::start().await;
    let (mut bob, mut dave) = (house.here("bob").await, house.there("dave").await);
    let mut old = house.here("alice").await;
    let mut new = house.there("alice").await;
    is_there(&house, "alice").await;
    gets_calls_of(&house, &mut new, [&mut bob, &mut dave]).await;
    is_told(&mut old).await;
    assert_eq!(old.client.try_call("bob").await["error_code"], 473);

    old.leaves().await;
    is_there(&house, "alice").await;
    gets_calls_of(&house, &mut new, [&mut dave, &mut bob]).await;
    new.leaves().await;
    bob.leaves().await;
    dave.leaves().await;
    house.is_clean().await;
}

#[tokio::test]
async fn who_goes_before_it_is_told_does_not_take_the_moved_name_along() {
    let house = MixedCluster::start().await;
    let (mut bob, mut dave) = (house.here("bob").await, house.there("dave").await);
    for from_here in [true, false] {
        let (old, mut new) = if from_here {
            let old = house.here("alice").await;
            (old, house.there("alice").await)
        } else {
            let old = house.there("alice").await;
            (old, house.here("alice").await)
        };
        old.leaves().await;
        gets_calls_of(&house, &mut new, [&mut bob, &mut dave]).await;
        new.leaves().await;
        eventually("alice is gone", async || !bob.finds("alice").await && !dave.finds("alice").await).await;
    }
    bob.leaves().await;
    dave.leaves().await;
    house.is_clean().await;
}

#[tokio::test]
async fn who_calls_with_a_name_that_has_moved_is_told() {
    let house = MixedCluster::start().await;
    let _bob = house.here("bob").await;
    let mut old = house.here("alice").await;
    let _new = house.there("alice").await;
    assert_eq!(old.client.try_call("bob").await["error_code"], 473);
    is_told(&mut old).await;
    is_there(&house, "alice").await;
    // It can take the name back, as anybody can.
    old.client.register("alice").await;
    is_here(&house, "alice").await;
}

#[tokio::test]
async fn an_idle_name_moves_from_there_to_here() {
    let house = MixedCluster::start().await;
    let (mut bob, mut dave) = (house.there("bob").await, house.here("dave").await);
    let mut old = house.there("alice").await;
    let mut new = house.here("alice").await;
    is_here(&house, "alice").await;
    gets_calls_of(&house, &mut new, [&mut bob, &mut dave]).await;
    // Theirs does not tell it.
    old.client.expect_no("unregistered").await;

    old.leaves().await;
    is_here(&house, "alice").await;
    gets_calls_of(&house, &mut new, [&mut dave, &mut bob]).await;
    new.leaves().await;
    bob.leaves().await;
    dave.leaves().await;
    house.is_clean().await;
}

#[tokio::test]
async fn a_name_in_a_call_among_us_moves_there() {
    let house = MixedCluster::start().await;
    let (mut bob, mut carol) = (house.here("bob").await, house.here("carol").await);
    let mut old = house.here("alice").await;
    old.talks_to(&mut bob).await;
    let mut new = house.there("alice").await;
    is_there(&house, "alice").await;
    carol.talks_to(&mut new).await;
    is_told(&mut old).await;
    bob.expect_hangup("alice").await;
    bob.client.expect_core("hangup").await;
    old.leaves().await;
    is_there(&house, "alice").await;
    house.is_in_call("alice", "carol").await;
    new.hangs_up_on(&mut carol).await;
    house.all_are_free(&["alice", "bob", "carol"]).await;
    bob.client.clear_inbox().await;
    gets_calls_of(&house, &mut new, [&mut bob, &mut carol]).await;
}

/// On Janus a user of either make has its own name in a call with the other. So the new owner can be
/// called when the old one's call is over, which it is as soon as somebody notices.
#[tokio::test]
async fn a_name_in_a_call_with_them_moves_there() {
    let house = MixedCluster::start().await;
    let (mut bob, mut dave) = (house.here("bob").await, house.there("dave").await);
    let mut old = house.here("alice").await;
    old.talks_to(&mut dave).await;
    let mut new = house.there("alice").await;
    let rings = soon(async || {
        bob.client.clear_inbox().await;
        let answer = bob.client.try_call("alice").await;
        if answer["result"]["event"] == "calling" {
            return true;
        }
        assert_eq!(refusal(&answer).0, 476, "{answer}");
        false
    });
    assert!(rings.await, "the new owner cannot be called");
    new.client.expect_event("incomingcall").await;
    is_told(&mut old).await;
    dave.expect_hangup("alice").await;
    old.leaves().await;
    is_there(&house, "alice").await;
    bob.is_accepted_by(&mut new).await;
    new.hangs_up_on(&mut bob).await;
    house.all_are_free(&["alice", "bob", "dave"]).await;
}

#[tokio::test]
async fn a_name_in_a_call_among_them_moves_here() {
    let house = MixedCluster::start().await;
    let (mut bob, mut dave) = (house.there("bob").await, house.here("dave").await);
    let mut old = house.there("alice").await;
    old.talks_to(&mut bob).await;
    let mut new = house.here("alice").await;
    is_here(&house, "alice").await;
    assert_eq!(house.in_call("alice").await, None);
    dave.talks_to(&mut new).await;
    // Nothing ends the old call; its owner goes at last.
    old.leaves().await;
    bob.expect_hangup("alice").await;
    bob.client.clear_inbox().await;
    is_here(&house, "alice").await;
    house.is_in_call("alice", "dave").await;
    new.hangs_up_on(&mut dave).await;
    house.all_are_free(&["alice", "bob", "dave"]).await;
    gets_calls_of(&house, &mut new, [&mut bob, &mut dave]).await;
}

/// What janus-cloud knows of a user, it writes as a whole whenever something changes, also of an old owner
/// that hangs up. It says nothing new, and whoever looks here finds that out.
#[tokio::test]
async fn an_old_owner_there_that_hangs_up_does_not_have_the_name_back() {
    let house = MixedCluster::start().await;
    let (mut bob, mut dave) = (house.there("bob").await, house.here("dave").await);
    let mut old = house.there("alice").await;
    old.talks_to(&mut bob).await;
    let mut new = house.here("alice").await;
    old.hangs_up_on(&mut bob).await;
    is_there(&house, "alice").await;
    assert!(dave.finds("alice").await);
    is_here(&house, "alice").await;
    new.client.expect_no("unregistered").await;
    gets_calls_of(&house, &mut new, [&mut dave, &mut bob]).await;
    old.leaves().await;
    gets_calls_of(&house, &mut new, [&mut bob, &mut dave]).await;
}
