//! The proxy of janus-cloud is killed or frozen: our side receives the end of its calls, is free again, and
//! nothing is left.
//!
//! Janus reports this: it ends the session of a proxy whose connection broke, after its
//! `reclaim_session_timeout`.

use super::mixed_cluster::{MixedCluster, NamedClient, refusal};
use std::time::Duration;
use testkit::Janus;
use testkit::janus::JanusConfig;
use tokio::time::Instant;

/// The `reclaim_session_timeout` of these tests, in seconds. Janus checks it every two seconds.
const RECLAIM: u32 = 2;
const HANGUP_TIMEOUT: Duration = Duration::from_secs(RECLAIM as u64 + 2 + 2);

/// Time limits of the proxy for an answer and for a call that does not come, plus a margin for a busy
/// machine.
const PROXY_TIMEOUT: Duration = Duration::from_secs(8);
const ANNOUNCEMENT_TIMEOUT: Duration = Duration::from_secs(10);
const SLACK: Duration = Duration::from_secs(3);

async fn start_cluster() -> MixedCluster {
    let config = JanusConfig { reclaim_session_timeout: RECLAIM, ..JanusConfig::default() };
    MixedCluster::with_janus(Janus::with(config).await).await
}

/// The system of the caller.
#[derive(Clone, Copy)]
enum From {
    Here,
    There,
}

async fn call_ends(from: From, accepted: bool) {
    let mut mixed = start_cluster().await;
    let (mut ours, mut theirs) =
        (mixed.registered_here("ours").await, mixed.registered_there("theirs").await);
    let mut friend = mixed.registered_here("friend").await;
    match (from, accepted) {
        (From::Here, false) => ours.ring(&mut theirs).await,
        (From::Here, true) => ours.call(&mut theirs).await,
        (From::There, false) => theirs.ring(&mut ours).await,
        (From::There, true) => theirs.call(&mut ours).await,
    }
    mixed.proxy.kill();
    let killed = Instant::now();
    let reason = ours.expect_hangup("theirs").await;
    ours.client.expect_core("hangup").await;
    println!("hangup after {:?}: {reason}", killed.elapsed());
    assert!(killed.elapsed() < HANGUP_TIMEOUT, "after {:?}", killed.elapsed());
    mixed.expect_all_free(&["ours"]).await;
    ours.client.clear_inbox().await;
    ours.call(&mut friend).await;
    friend.hang_up_on(&mut ours).await;
    friend.call(&mut ours).await;
    ours.hang_up_on(&mut friend).await;

    // Its user registers again.
    mixed.proxy.restart().await;
    let mut returned = mixed.registered_there("theirs").await;
    ours.call(&mut returned).await;
    returned.hang_up_on(&mut ours).await;
    mixed.expect_all_free(&["ours", "theirs"]).await;
    for client in [ours, returned, friend] {
        client.leave().await;
    }
    mixed.expect_clean().await;
}

/// Runs four clusters at once, since all of them wait most of the time.
#[tokio::test]
async fn proxy_killed_while_ringing_or_during_a_call() {
    tokio::join!(
        call_ends(From::Here, false),
        call_ends(From::There, false),
        call_ends(From::Here, true),
        call_ends(From::There, true),
    );
}

#[tokio::test]
async fn call_to_a_user_of_a_dead_proxy_is_refused_at_once() {
    let mut mixed = MixedCluster::start().await;
    let (mut alice, bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    mixed.proxy.kill();
    let (answer, took) = alice.try_call_slowly("bob").await;
    assert_eq!(refusal(&answer), (502, "The other server does not answer"));
    assert!(took < SLACK, "after {took:?}");
    mixed.expect_all_free(&["alice", "bob"]).await;
    drop(bob);
    expect_free_for_others(&mixed, &mut alice).await;
}

#[tokio::test]
async fn call_to_a_user_of_a_frozen_proxy_is_refused_in_time() {
    let mut mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    mixed.proxy.stop();
    let (answer, took) = alice.try_call_slowly("bob").await;
    assert_eq!(refusal(&answer), (502, "The other server does not answer"));
    assert!(took < PROXY_TIMEOUT + SLACK, "after {took:?}");
    mixed.expect_all_free(&["alice"]).await;
    expect_free_for_others(&mixed, &mut alice).await;

    // It resumes and handles the request. No call follows, so it undoes that.
    mixed.proxy.resume();
    mixed.expect_in_call("bob", "alice").await;
    let free =
        testkit::becomes_true(ANNOUNCEMENT_TIMEOUT + SLACK, async || mixed.peer_of("bob").await.is_none());
    assert!(free.await, "bob stays busy");
    mixed.expect_no_handles().await;
    bob.client.expect_no("incomingcall").await;
    alice.call(&mut bob).await;
}

async fn expect_free_for_others(mixed: &MixedCluster, client: &mut NamedClient) {
    let mut friend = mixed.registered_here("friend").await;
    client.client.clear_inbox().await;
    client.call(&mut friend).await;
    friend.hang_up_on(client).await;
    friend.call(client).await;
    client.hang_up_on(&mut friend).await;
    friend.leave().await;
}
