//! A connector freezes for longer than its lease and wakes: it finds that another has its calls, and leaves
//! them and Janus alone.

use super::house::{FailureCluster, leave, part, settled, talk};
use super::measure::Since;
use std::time::Duration;
use tokio::time::sleep;

const LEASE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn one_that_wakes_after_it_was_replaced_does_no_harm() {
    let mut house = FailureCluster::start().await;
    let former = house.server();
    let ((mut alice, mut bob), (mut carol, mut dave)) =
        tokio::join!(house.call("alice", "bob"), house.call("carol", "dave"));
    settled().await;
    house.cluster.connectors[former].stop();
    let frozen = Since::now("connector freezes");
    house.taken_from(former).await;
    frozen.within(LEASE, "another has the lease");
    talk(&mut alice, &mut bob).await;
    frozen.within(LEASE * 2, "a call passes a new offer and its answer");
    house.cluster.connectors[former].resume();
    house.cluster.connectors[former].wait_ready().await;
    // Long enough for it to try all it would do.
    sleep(Duration::from_secs(3)).await;
    for client in [&mut alice, &mut bob, &mut carol, &mut dave] {
        client.expect_no("hangup").await;
    }
    talk(&mut bob, &mut alice).await;
    talk(&mut carol, &mut dave).await;
    part(&mut alice, &mut bob).await;
    part(&mut dave, &mut carol).await;
    leave(alice, bob).await;
    leave(carol, dave).await;
    house.is_clean().await;
}

#[tokio::test]
async fn a_pause_shorter_than_its_lease_changes_nothing() {
    let mut house = FailureCluster::start().await;
    let former = house.server();
    let (mut alice, mut bob) = house.call("alice", "bob").await;
    house.cluster.connectors[former].stop();
    sleep(Duration::from_secs(2)).await;
    house.cluster.connectors[former].resume();
    talk(&mut alice, &mut bob).await;
    assert_eq!(house.server(), former);
    part(&mut alice, &mut bob).await;
    leave(alice, bob).await;
    house.is_clean().await;
}
