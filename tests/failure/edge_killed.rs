//! An edge is killed, or freezes: its clients claim their sessions at another one, and no event for them is
//! lost.

use super::cluster::{Fixture, expect_call_end, hang_up, leave, talk, wait_until_persisted};
use super::measure::Since;
use super::missed_events::MissedEvents;
use serde_json::json;
use std::time::Duration;
use testkit::{Client, Service};
use tokio::time::sleep;

/// Time limit for a claim: the dead edge is asked first, and does not answer.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);
/// The claim window of these tests.
const CLAIM_WINDOW: Duration = Duration::from_secs(6);

#[tokio::test]
async fn all_clients_continue_at_another_edge() {
    let mut fixture = Fixture::with(|plan| plan.with(Service::Edge, "--reclaim-timeout=6")).await;
    let mut missed_events = MissedEvents::before(&fixture, "zoe").await;
    let (mut talking, mut hung_up, mut missed) = tokio::join!(
        fixture.call("alice", "bob"),
        fixture.call("carol", "dave"),
        fixture.call("erin", "frank")
    );
    wait_until_persisted().await;
    fixture.cluster.edges[0].kill();
    let killed = Since::now("edge is killed");
    let fixture = &fixture;
    let continues = async {
        let (alice, bob) = (&mut talking.0, &mut talking.1);
        alice.reconnect(&fixture.edge_url(1)).await;
        killed.within(CLAIM_TIMEOUT, "claimed on another edge");
        talk(alice, bob).await;
        talk(bob, alice).await;
        hang_up(alice, bob).await;
    };
    let ended_meanwhile = async {
        let (carol, dave) = (&mut hung_up.0, &mut hung_up.1);
        dave.hangup_with_reason("dinner").await;
        expect_call_end(dave).await;
        carol.reconnect(&fixture.edge_url(1)).await;
        expect_call_end(carol).await;
        for reason in ["dinner", "Remote WebRTC hangup"] {
            carol.expect_result(json!({"event": "hangup", "username": "dave", "reason": reason})).await;
        }
        for once in ["accepted", "hangup"] {
            carol.expect_no(once).await;
        }
    };
    let rung_meanwhile = async {
        missed_events.miss_call("zoe").await;
        missed_events.away.reconnect(&fixture.edge_url(1)).await;
        missed_events.compare("zoe").await;
    };
    let never_back = async {
        expect_call_end(&mut missed.1).await;
        killed.within(
            CLAIM_WINDOW + Duration::from_secs(3),
            "the peer of a client that did not come back within 6 s is notified",
        );
        assert!(killed.elapsed() >= CLAIM_WINDOW, "notified after {:?}", killed.elapsed());
        let exists = json!({"request": "exists", "username": "erin"});
        assert_eq!(missed.1.request_plugin(exists, None).await["result"]["registered"], false);
        missed.1.destroy().await;
    };
    tokio::join!(continues, ended_meanwhile, rung_meanwhile, never_back);
    leave(talking.0, talking.1).await;
    leave(hung_up.0, hung_up.1).await;
    fixture.expect_clean().await;
}

#[tokio::test]
async fn resumed_edge_leaves_its_former_sessions_alone() {
    let mut fixture = Fixture::start().await;
    let (mut alice, mut bob) = fixture.call("alice", "bob").await;
    let (session, handle) = (alice.session(), alice.handle());
    wait_until_persisted().await;
    fixture.cluster.edges[0].stop();
    let frozen = Since::now("edge freezes");
    let mut tablet = Client::claim(&fixture.edge_url(1), session).await.with_handle(handle);
    frozen.within(CLAIM_TIMEOUT, "claimed on another edge");
    talk(&mut bob, &mut tablet).await;
    fixture.cluster.edges[0].resume();
    fixture.cluster.edges[0].wait_ready().await;
    // It detects the loss with its next heartbeat.
    sleep(Duration::from_secs(4)).await;
    talk(&mut tablet, &mut bob).await;
    alice.expect_no("update").await;
    assert_eq!(alice.request(alice.on_session(json!({"janus": "keepalive"}))).await["error"]["code"], 458);
    hang_up(&mut bob, &mut tablet).await;
    leave(tablet, bob).await;
    fixture.expect_clean().await;
}

#[tokio::test]
async fn repeated_claims_succeed() {
    let mut fixture = Fixture::start().await;
    let (mut alice, mut bob) = fixture.call("alice", "bob").await;
    wait_until_persisted().await;
    fixture.cluster.edges[0].stop();
    alice.drop_socket();
    for _ in 0..3 {
        let mut second = Client::connect(&fixture.edge_url(1)).await;
        second.post(alice.on_session(json!({"janus": "claim"}))).await;
        sleep(Duration::from_millis(200)).await;
    }
    alice.reconnect(&fixture.edge_url(1)).await;
    talk(&mut alice, &mut bob).await;
    hang_up(&mut alice, &mut bob).await;
}
