//! Calls that do not come about: the callee is busy, nobody, or of a proxy that is gone.

use super::house::{MixedCluster, expire, refusal};
use serde_json::json;
use testkit::eventually;

#[tokio::test]
async fn a_busy_user_of_the_other_make_is_not_called() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    let (mut carol, mut dave) = (house.here("carol").await, house.there("dave").await);
    alice.rings(&mut bob).await;
    for accepted in [false, true] {
        if accepted {
            alice.is_accepted_by(&mut bob).await;
        }
        house.is_in_call("alice", "bob").await;
        for busy in ["alice", "bob"] {
            let to_there = carol.client.try_call(busy).await;
            let expected = json!({"event": "hangup", "username": "carol", "reason": "User busy"});
            assert_eq!(to_there["result"], expected);
            assert_eq!(carol.client.expect_core("hangup").await["reason"], "Close PC");
            assert_eq!(dave.client.try_call(busy).await["result"]["reason"], "User busy");
        }
    }
    alice.client.expect_no("hangup").await;
    bob.client.expect_no("hangup").await;
    alice.hangs_up_on(&mut bob).await;
    carol.talks_to(&mut dave).await;
}

#[tokio::test]
async fn a_user_of_theirs_whose_call_is_among_them_is_busy_for_us_too() {
    let house = MixedCluster::start().await;
    let (mut bob, mut dave) = (house.there("bob").await, house.there("dave").await);
    let mut alice = house.here("alice").await;
    bob.talks_to(&mut dave).await;
    assert_eq!(alice.client.try_call("dave").await["result"]["reason"], "User busy");
    bob.hangs_up_on(&mut dave).await;
    house.all_are_free(&["bob", "dave"]).await;
    alice.client.clear_inbox().await;
    alice.talks_to(&mut dave).await;
}

#[tokio::test]
async fn nobody_is_unknown_on_both_sides() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    for person in [&mut alice, &mut bob] {
        let answer = person.client.try_call("nobody").await;
        assert_eq!(refusal(&answer), (478, "Username 'nobody' doesn't exist"));
        assert!(!person.finds("nobody").await);
    }
    assert!(alice.finds("bob").await && bob.finds("alice").await);
    let mut names = alice.client.list().await;
    names.sort();
    assert_eq!(names, ["alice", "bob"]);
    alice.talks_to(&mut bob).await;
}

#[tokio::test]
async fn who_has_gone_is_unknown_on_the_other_side() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    let (mut carol, mut dave) = (house.here("carol").await, house.there("dave").await);
    alice.talks_to(&mut bob).await;
    alice.hangs_up_on(&mut bob).await;
    alice.client.detach().await;
    bob.client.detach().await;
    for person in [&mut carol, &mut dave] {
        for gone in ["alice", "bob"] {
            assert!(!person.finds(gone).await);
            assert_eq!(refusal(&person.client.try_call(gone).await).0, 478);
        }
    }
    carol.talks_to(&mut dave).await;
}

/// Their records have no end of their own: what a killed proxy leaves counts for nothing once the proxy's
/// own record has run out, 60 s later.
#[tokio::test]
async fn a_user_of_a_proxy_that_is_long_gone_is_unknown() {
    let mut house = MixedCluster::start().await;
    let (mut alice, bob) = (house.here("alice").await, house.there("bob").await);
    let proxy = house.user("bob").await.remove("proxy_uuid").unwrap();
    house.peer.kill();
    expire(&house.redis, &format!("januscloud:videocall_proxies:{proxy}")).await;
    drop(bob);
    assert!(!house.user("bob").await.is_empty(), "a killed proxy leaves its users behind");
    assert_eq!(refusal(&alice.client.try_call("bob").await).0, 478);
    assert!(!alice.finds("bob").await);
    alice.client.clear_inbox().await;

    // The name is there to be taken.
    let mut bob = house.here("bob").await;
    eventually("bob is found", async || alice.finds("bob").await).await;
    alice.talks_to(&mut bob).await;
    alice.hangs_up_on(&mut bob).await;
    house.all_are_free(&["alice", "bob"]).await;
}
