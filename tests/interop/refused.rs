//! Calls that are refused: the callee is busy, unknown, or of a proxy that is gone.

use super::mixed_cluster::{MixedCluster, expire, refusal};
use serde_json::json;
use testkit::eventually;

#[tokio::test]
async fn busy_user_of_the_other_system_is_not_called() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    let (mut carol, mut dave) = (mixed.registered_here("carol").await, mixed.registered_there("dave").await);
    alice.ring(&mut bob).await;
    for accepted in [false, true] {
        if accepted {
            alice.expect_accept_by(&mut bob).await;
        }
        mixed.expect_in_call("alice", "bob").await;
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
    alice.hang_up_on(&mut bob).await;
    carol.call(&mut dave).await;
}

#[tokio::test]
async fn user_in_a_call_within_janus_cloud_is_busy() {
    let mixed = MixedCluster::start().await;
    let (mut bob, mut dave) = (mixed.registered_there("bob").await, mixed.registered_there("dave").await);
    let mut alice = mixed.registered_here("alice").await;
    bob.call(&mut dave).await;
    assert_eq!(alice.client.try_call("dave").await["result"]["reason"], "User busy");
    bob.hang_up_on(&mut dave).await;
    mixed.expect_all_free(&["bob", "dave"]).await;
    alice.client.clear_inbox().await;
    alice.call(&mut dave).await;
}

#[tokio::test]
async fn unknown_user_is_refused_by_both_systems() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    for client in [&mut alice, &mut bob] {
        let answer = client.client.try_call("nobody").await;
        assert_eq!(refusal(&answer), (478, "Username 'nobody' doesn't exist"));
        assert!(!client.exists("nobody").await);
    }
    assert!(alice.exists("bob").await && bob.exists("alice").await);
    let mut names = alice.client.list().await;
    names.sort();
    assert_eq!(names, ["alice", "bob"]);
    alice.call(&mut bob).await;
}

#[tokio::test]
async fn user_who_left_is_unknown_to_the_other_system() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    let (mut carol, mut dave) = (mixed.registered_here("carol").await, mixed.registered_there("dave").await);
    alice.call(&mut bob).await;
    alice.hang_up_on(&mut bob).await;
    alice.client.detach().await;
    bob.client.detach().await;
    for client in [&mut carol, &mut dave] {
        for gone in ["alice", "bob"] {
            assert!(!client.exists(gone).await);
            assert_eq!(refusal(&client.client.try_call(gone).await).0, 478);
        }
    }
    carol.call(&mut dave).await;
}

/// The records of users have no expiry of their own. What a killed proxy leaves is ignored once the proxy's
/// own record has expired, 60 s later.
#[tokio::test]
async fn user_of_an_expired_proxy_is_unknown() {
    let mut mixed = MixedCluster::start().await;
    let (mut alice, bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    let proxy = mixed.user("bob").await.remove("proxy_uuid").unwrap();
    mixed.proxy.kill();
    expire(&mixed.redis, &format!("januscloud:videocall_proxies:{proxy}")).await;
    drop(bob);
    assert!(!mixed.user("bob").await.is_empty(), "a killed proxy leaves its users behind");
    assert_eq!(refusal(&alice.client.try_call("bob").await).0, 478);
    assert!(!alice.exists("bob").await);
    alice.client.clear_inbox().await;

    // The name can be registered.
    let mut new_bob = mixed.registered_here("bob").await;
    eventually("bob is found", async || alice.exists("bob").await).await;
    alice.call(&mut new_bob).await;
    alice.hang_up_on(&mut new_bob).await;
    mixed.expect_all_free(&["alice", "bob"]).await;
}
