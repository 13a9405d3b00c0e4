//! A connector freezes for longer than its lease and resumes. It detects that another connector has its
//! calls, and leaves them and Janus alone.

use super::cluster::{Fixture, hang_up, leave, talk, wait_until_persisted};
use super::measure::Since;
use std::time::Duration;
use tokio::time::sleep;

const LEASE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn resumed_connector_leaves_its_former_calls_alone() {
    let mut fixture = Fixture::start().await;
    let former = fixture.lease_holder();
    let ((mut alice, mut bob), (mut carol, mut dave)) =
        tokio::join!(fixture.call("alice", "bob"), fixture.call("carol", "dave"));
    wait_until_persisted().await;
    fixture.cluster.connectors[former].stop();
    let frozen = Since::now("connector freezes");
    fixture.expect_takeover_from(former).await;
    frozen.within(LEASE, "another connector has the lease");
    talk(&mut alice, &mut bob).await;
    frozen.within(LEASE * 2, "a call passes a new offer and its answer");
    fixture.cluster.connectors[former].resume();
    fixture.cluster.connectors[former].wait_ready().await;
    // Long enough for all pending work of the resumed connector.
    sleep(Duration::from_secs(3)).await;
    for client in [&mut alice, &mut bob, &mut carol, &mut dave] {
        client.expect_no("hangup").await;
    }
    talk(&mut bob, &mut alice).await;
    talk(&mut carol, &mut dave).await;
    hang_up(&mut alice, &mut bob).await;
    hang_up(&mut dave, &mut carol).await;
    leave(alice, bob).await;
    leave(carol, dave).await;
    fixture.expect_clean().await;
}

#[tokio::test]
async fn pause_shorter_than_the_lease_changes_nothing() {
    let mut fixture = Fixture::start().await;
    let former = fixture.lease_holder();
    let (mut alice, mut bob) = fixture.call("alice", "bob").await;
    fixture.cluster.connectors[former].stop();
    sleep(Duration::from_secs(2)).await;
    fixture.cluster.connectors[former].resume();
    talk(&mut alice, &mut bob).await;
    assert_eq!(fixture.lease_holder(), former);
    hang_up(&mut alice, &mut bob).await;
    leave(alice, bob).await;
    fixture.expect_clean().await;
}
