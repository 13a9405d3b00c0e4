//! A service receives SIGTERM: it takes no new work, hands over or finishes its current work, and exits with
//! 0 in time. Its clients notice as little as possible.

use super::cluster::{Fixture, connect, hang_up, leave, talk};
use super::measure::Since;
use super::missed_events::MissedEvents;
use serde_json::json;
use std::time::Duration;
use testkit::{Client, Janus, Process, Service, eventually, http};

/// The close code that means: the server restarts, reconnect at once.
const SERVICE_RESTART: u16 = 1012;
/// The time in which an edge sends its clients elsewhere: at most half of the shutdown timeout, and the rest.
const EDGE_EXIT_TIMEOUT: Duration = Duration::from_secs(10);
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);
const DRAIN_TIMEOUT: &str = "--drain-timeout=6";

#[tokio::test]
async fn edge_sends_its_clients_elsewhere() {
    const EVENT: &str = "edge is stopped";
    let mut fixture = Fixture::with(|plan| plan.with(Service::Edge, DRAIN_TIMEOUT)).await;
    let mut missed_events = MissedEvents::before(&fixture, "zoe").await;
    let (mut alice, mut bob) = fixture.call("alice", "bob").await;
    fixture.cluster.edges[0].terminate();
    let stopped = Since::now(EVENT);
    let continues = async {
        assert_eq!(alice.expect_closed().await, Some(SERVICE_RESTART));
        let closed = Since::now("edge closes a client's socket");
        alice.reconnect(&fixture.edge_url(1)).await;
        closed.within(Duration::from_secs(2), "claimed on another edge");
        talk(&mut alice, &mut bob).await;
    };
    let rung_meanwhile = async {
        assert_eq!(missed_events.away.expect_closed().await, Some(SERVICE_RESTART));
        missed_events.miss_call("zoe").await;
        missed_events.away.reconnect(&fixture.edge_url(1)).await;
        missed_events.compare("zoe").await;
    };
    tokio::join!(continues, rung_meanwhile);
    let status = fixture.cluster.edges[0].wait_exit().await;
    stopped.within(EDGE_EXIT_TIMEOUT, "it has exited");
    assert!(status.success(), "{status}");
    hang_up(&mut bob, &mut alice).await;
    leave(alice, bob).await;
    fixture.expect_clean().await;
}

#[tokio::test]
async fn router_completes_its_requests() {
    let mut fixture = Fixture::start().await;
    let (mut alice, mut bob) = fixture.pair("alice", "bob").await;
    let mut transactions = Vec::new();
    for number in 0..40 {
        let exists = json!({"request": "exists", "username": format!("user {number}")});
        transactions.push(alice.post_message(exists, None).await);
    }
    fixture.cluster.routers[0].terminate();
    let stopped = Since::now("router is stopped");
    for transaction in transactions {
        let answer = alice
            .expect("its answer", |it| it["janus"] == "event" && it["transaction"] == transaction.as_str());
        assert_eq!(answer.await["plugindata"]["data"]["result"]["registered"], false);
    }
    let status = fixture.cluster.routers[0].wait_exit().await;
    stopped.within(EXIT_TIMEOUT, "it has exited, and its requests are answered");
    assert!(status.success(), "{status}");
    connect(&mut alice, &mut bob, "bob").await;
}

#[tokio::test]
async fn connector_hands_its_calls_over() {
    const EVENT: &str = "connector is stopped";
    let mut fixture = Fixture::start().await;
    let (mut alice, mut bob) = fixture.call("alice", "bob").await;
    let former = fixture.lease_holder();
    fixture.cluster.connectors[former].terminate();
    let stopped = Since::now(EVENT);
    talk(&mut alice, &mut bob).await;
    stopped.within(EXIT_TIMEOUT, "a call passes a new offer and its answer, through another connector");
    let status = fixture.cluster.connectors[former].wait_exit().await;
    stopped.within(EXIT_TIMEOUT, "it has exited");
    assert!(status.success(), "{status}");
    assert_ne!(fixture.lease_holder(), former);
    hang_up(&mut bob, &mut alice).await;
    connect(&mut bob, &mut alice, "alice").await;
    leave(alice, bob).await;
    fixture.expect_clean().await;
}

#[tokio::test]
async fn rest_service_exits() {
    let mut fixture = Fixture::with(|plan| plan.rests(1)).await;
    let page = fixture.cluster.rest_url(0);
    assert_eq!(http::get(&page).await.status, 200);
    let rest = &mut fixture.cluster.rests[0];
    rest.terminate();
    let stopped = Since::now("rest is stopped");
    let status = rest.wait_exit().await;
    stopped.within(EXIT_TIMEOUT, "it has exited");
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn standalone_exits_in_time() {
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
    stopped.within(EXIT_TIMEOUT, "both sides are disconnected");
    let status = standalone.wait_exit().await;
    stopped.within(EDGE_EXIT_TIMEOUT, "it has exited");
    assert!(status.success(), "{status}");
    let mut admin = janus.admin().await;
    eventually("no handle is left on Janus", async || admin.all_handles().await == 0).await;
}
