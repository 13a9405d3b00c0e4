//! A service is told to stop (SIGTERM): it takes no new work, hands over what it has or finishes it, and
//! exits with 0 in time. Its clients notice as little as possible.

use super::gap::Gap;
use super::house::{FailureCluster, connect, leave, part, talk};
use super::measure::Since;
use serde_json::json;
use std::time::Duration;
use testkit::{Client, Janus, Process, Service, eventually, http};

/// The code of a close frame that says: the server restarts, come back at once.
const SERVICE_RESTART: u16 = 1012;
/// What an edge takes to send its clients elsewhere: at most half of the bound, and the rest.
const EDGE: Duration = Duration::from_secs(10);
const OTHERS: Duration = Duration::from_secs(5);
const BOUND: &str = "--drain-timeout=6";

#[tokio::test]
async fn an_edge_sends_its_clients_elsewhere() {
    const EVENT: &str = "edge is stopped";
    let mut house = FailureCluster::with(|plan| plan.with(Service::Edge, BOUND)).await;
    let mut gap = Gap::before(&house, "zoe").await;
    let (mut alice, mut bob) = house.call("alice", "bob").await;
    house.cluster.edges[0].terminate();
    let stopped = Since::now(EVENT);
    let goes_on = async {
        assert_eq!(alice.expect_closed().await, Some(SERVICE_RESTART));
        let closed = Since::now("edge closes a client's socket");
        alice.reconnect(&house.edge_url(1)).await;
        closed.within(Duration::from_secs(2), "claimed on another edge");
        talk(&mut alice, &mut bob).await;
    };
    let rung_meanwhile = async {
        assert_eq!(gap.away.expect_closed().await, Some(SERVICE_RESTART));
        gap.passes("zoe").await;
        gap.away.reconnect(&house.edge_url(1)).await;
        gap.ends("zoe").await;
    };
    tokio::join!(goes_on, rung_meanwhile);
    let status = house.cluster.edges[0].wait_exit().await;
    stopped.within(EDGE, "it has ended");
    assert!(status.success(), "{status}");
    part(&mut bob, &mut alice).await;
    leave(alice, bob).await;
    house.is_clean().await;
}

#[tokio::test]
async fn a_router_finishes_what_it_began() {
    let mut house = FailureCluster::start().await;
    let (mut alice, mut bob) = house.pair("alice", "bob").await;
    let mut asked = Vec::new();
    for number in 0..40 {
        let exists = json!({"request": "exists", "username": format!("user {number}")});
        asked.push(alice.post_message(exists, None).await);
    }
    house.cluster.routers[0].terminate();
    let stopped = Since::now("router is stopped");
    for transaction in asked {
        let answer = alice
            .expect("its answer", |it| it["janus"] == "event" && it["transaction"] == transaction.as_str());
        assert_eq!(answer.await["plugindata"]["data"]["result"]["registered"], false);
    }
    let status = house.cluster.routers[0].wait_exit().await;
    stopped.within(OTHERS, "it has ended, and what was asked is answered");
    assert!(status.success(), "{status}");
    connect(&mut alice, &mut bob, "bob").await;
}

#[tokio::test]
async fn a_connector_hands_its_calls_over() {
    const EVENT: &str = "connector is stopped";
    let mut house = FailureCluster::start().await;
    let (mut alice, mut bob) = house.call("alice", "bob").await;
    let former = house.server();
    house.cluster.connectors[former].terminate();
    let stopped = Since::now(EVENT);
    talk(&mut alice, &mut bob).await;
    stopped.within(OTHERS, "a call passes a new offer and its answer, through another");
    let status = house.cluster.connectors[former].wait_exit().await;
    stopped.within(OTHERS, "it has ended");
    assert!(status.success(), "{status}");
    assert_ne!(house.server(), former);
    part(&mut bob, &mut alice).await;
    connect(&mut bob, &mut alice, "alice").await;
    leave(alice, bob).await;
    house.is_clean().await;
}

#[tokio::test]
async fn a_rest_service_ends() {
    let mut house = FailureCluster::with(|plan| plan.rests(1)).await;
    let page = house.cluster.rest_url(0);
    assert_eq!(http::get(&page).await.status, 200);
    let rest = &mut house.cluster.rests[0];
    rest.terminate();
    let stopped = Since::now("rest is stopped");
    let status = rest.wait_exit().await;
    stopped.within(OTHERS, "it has ended");
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_standalone_ends_with_all_it_has() {
    const EVENT: &str = "standalone is stopped";
    let janus = Janus::start().await;
    let backend = format!("--backend=a={}", janus.url());
    let mut standalone = Process::start(Service::Standalone, &[&backend]).await;
    let mut alice = Client::registered(&standalone.url(), "alice").await;
    let mut bob = Client::registered(&standalone.url(), "bob").await;
    connect(&mut alice, &mut bob, "bob").await;
    standalone.terminate();
    let stopped = Since::now(EVENT);
    tokio::join!(alice.expect_closed(), bob.expect_closed());
    stopped.within(OTHERS, "both sides are disconnected");
    let status = standalone.wait_exit().await;
    stopped.within(EDGE, "it has ended");
    assert!(status.success(), "{status}");
    let mut admin = janus.admin().await;
    eventually("no handle is left on Janus", async || admin.all_handles().await == 0).await;
}
