//! The rest services are killed: then the proxies of janus-cloud cannot reach Switchboard.

use super::mixed_cluster::{MixedCluster, refusal};
use std::time::Duration;
use testkit::{Janus, becomes_true};

/// The time limit of a request, plus a margin for a busy machine.
const PROXY_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval at which each rest service announces its address.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(10);
const SLACK: Duration = Duration::from_secs(3);

/// Runs two clusters at once, since both wait most of the time.
#[tokio::test]
async fn calls_need_a_rest_service_and_use_another_one() {
    tokio::join!(without_rest(), with_another_rest());
}

/// Calls to the other system are refused, and nothing is left.
async fn without_rest() {
    let mut mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    let mut carol = mixed.registered_here("carol").await;
    mixed.cluster.rests[0].kill();
    let (answer, took) = alice.try_call_slowly("bob").await;
    assert_eq!(refusal(&answer).0, 502, "{answer}");
    assert!(took < PROXY_TIMEOUT + SLACK, "after {took:?}");
    mixed.expect_all_free(&["alice", "bob"]).await;

    // janus-cloud cannot reach Switchboard either. The error text is that of its HTTP library.
    let (refused, delay) = bob.try_call_slowly("alice").await;
    assert_eq!(refusal(&refused).0, 502, "{refused}");
    assert!(delay < SLACK, "after {delay:?}");
    mixed.expect_all_free(&["alice", "bob"]).await;

    // Calls within Switchboard are not affected.
    alice.client.clear_inbox().await;
    alice.call(&mut carol).await;
    carol.hang_up_on(&mut alice).await;
    mixed.expect_all_free(&["alice", "carol"]).await;

    // A request that failed is not repeated later.
    mixed.cluster.rests[0].restart().await;
    mixed.wait_until_announced().await;
    bob.client.clear_inbox().await;
    carol.call(&mut bob).await;
    bob.hang_up_on(&mut carol).await;
    mixed.expect_all_free(&["bob", "carol"]).await;
    bob.call(&mut alice).await;
    alice.hang_up_on(&mut bob).await;
    bob.client.expect_no("incomingcall").await;
    for client in [alice, bob, carol] {
        client.leave().await;
    }
    mixed.expect_clean().await;
}

/// Calls from Switchboard succeed at once, calls from janus-cloud after the other rest service has been
/// announced.
async fn with_another_rest() {
    let mut mixed = MixedCluster::with(Janus::start().await, |plan| plan.rests(2)).await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    let address = mixed.proxy_api_url().await;
    let of = |number: usize| format!("{}/plugins/videocall", mixed.cluster.rest_url(number));
    let (known, other) = if address == of(0) { (0, of(1)) } else { (1, of(0)) };
    mixed.cluster.rests[known].kill();
    alice.call(&mut bob).await;
    alice.hang_up_on(&mut bob).await;
    mixed.expect_all_free(&["alice", "bob"]).await;

    let moved = becomes_true(ANNOUNCE_INTERVAL + SLACK, async || mixed.proxy_api_url().await == other);
    assert!(moved.await, "the other rest service is not announced");
    bob.call(&mut alice).await;
    alice.hang_up_on(&mut bob).await;
    mixed.expect_all_free(&["alice", "bob"]).await;
}
