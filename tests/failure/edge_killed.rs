//! An edge is killed, or freezes: its clients claim their sessions at another, and nothing that was for
//! them is lost.

use super::gap::Gap;
use super::house::{FailureCluster, leave, part, settled, talk, told};
use super::measure::Since;
use serde_json::json;
use std::time::Duration;
use testkit::{Client, Service};
use tokio::time::sleep;

/// How long the claim may take: the dead edge is asked first, and does not answer.
const CLAIM: Duration = Duration::from_secs(2);
/// The time to come back in these tests.
const GRACE: Duration = Duration::from_secs(6);

#[tokio::test]
async fn everybody_goes_on_at_another_edge() {
    let mut house = FailureCluster::with(|plan| plan.with(Service::Edge, "--reclaim-timeout=6")).await;
    let mut gap = Gap::before(&house, "zoe").await;
    let (mut talking, mut hung_up, mut missed) =
        tokio::join!(house.call("alice", "bob"), house.call("carol", "dave"), house.call("erin", "frank"));
    settled().await;
    house.cluster.edges[0].kill();
    let killed = Since::now("edge is killed");
    let house = &house;
    let goes_on = async {
        let (alice, bob) = (&mut talking.0, &mut talking.1);
        alice.reconnect(&house.edge_url(1)).await;
        killed.within(CLAIM, "claimed on another edge");
        talk(alice, bob).await;
        talk(bob, alice).await;
        part(alice, bob).await;
    };
    let ended_meanwhile = async {
        let (carol, dave) = (&mut hung_up.0, &mut hung_up.1);
        dave.hangup_with_reason("dinner").await;
        told(dave).await;
        carol.reconnect(&house.edge_url(1)).await;
        told(carol).await;
        for reason in ["dinner", "Remote WebRTC hangup"] {
            carol.expect_result(json!({"event": "hangup", "username": "dave", "reason": reason})).await;
        }
        for once in ["accepted", "hangup"] {
            carol.expect_no(once).await;
        }
    };
    let rung_meanwhile = async {
        gap.passes("zoe").await;
        gap.away.reconnect(&house.edge_url(1)).await;
        gap.ends("zoe").await;
    };
    let never_back = async {
        told(&mut missed.1).await;
        killed.within(GRACE + Duration::from_secs(3), "the peer of who did not come back within 6 s is told");
        assert!(killed.elapsed() >= GRACE, "told after {:?}", killed.elapsed());
        let exists = json!({"request": "exists", "username": "erin"});
        assert_eq!(missed.1.ask(exists, None).await["result"]["registered"], false);
        missed.1.destroy().await;
    };
    tokio::join!(goes_on, ended_meanwhile, rung_meanwhile, never_back);
    leave(talking.0, talking.1).await;
    leave(hung_up.0, hung_up.1).await;
    house.is_clean().await;
}

#[tokio::test]
async fn an_edge_that_was_frozen_does_no_harm_when_it_wakes() {
    let mut house = FailureCluster::start().await;
    let (mut alice, mut bob) = house.call("alice", "bob").await;
    let (session, handle) = (alice.session(), alice.handle());
    settled().await;
    house.cluster.edges[0].stop();
    let frozen = Since::now("edge freezes");
    let mut tablet = Client::claim(&house.edge_url(1), session).await.with_handle(handle);
    frozen.within(CLAIM, "claimed on another edge");
    talk(&mut bob, &mut tablet).await;
    house.cluster.edges[0].resume();
    house.cluster.edges[0].wait_ready().await;
    // It notices within its next sign of life what it has lost.
    sleep(Duration::from_secs(4)).await;
    talk(&mut tablet, &mut bob).await;
    alice.expect_no("update").await;
    assert_eq!(alice.request(alice.on_session(json!({"janus": "keepalive"}))).await["error"]["code"], 458);
    part(&mut bob, &mut tablet).await;
    leave(tablet, bob).await;
    house.is_clean().await;
}

#[tokio::test]
async fn whoever_is_impatient_may_claim_again() {
    let mut house = FailureCluster::start().await;
    let (mut alice, mut bob) = house.call("alice", "bob").await;
    settled().await;
    house.cluster.edges[0].stop();
    alice.drop_socket();
    for _ in 0..3 {
        let mut impatient = Client::connect(&house.edge_url(1)).await;
        impatient.post(alice.on_session(json!({"janus": "claim"}))).await;
        sleep(Duration::from_millis(200)).await;
    }
    alice.reconnect(&house.edge_url(1)).await;
    talk(&mut alice, &mut bob).await;
    part(&mut alice, &mut bob).await;
}
