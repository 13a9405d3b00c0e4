//! A client claims its session at another edge.

use crate::harness::Harness;
use bus::message::{Address, Body, LegRef, Message, Surrender};
use bus::topic::Mailbox;
use common::{BackendName, CallId, ServiceId};
use directory::record::{Call, CallParty};
use futures_util::future::join_all;
use protocol::{HandleId, SessionId, Side};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::Client;
use tokio::time::{Instant, sleep};

/// Waits until the connector is told that the client of a leg is at this edge. Returns the client's address.
async fn client_moved(harness: &mut Harness, leg: LegRef, edge: &ServiceId) -> Address {
    match harness.leg_message().await.body {
        Body::ClientMoved(moved) => {
            assert_eq!((moved.leg, &moved.address.edge), (leg, edge));
            moved.address
        }
        other => panic!("not client_moved: {other:?}"),
    }
}

/// The last events that a client has received, in order.
fn last(client: &Client, count: usize) -> Vec<String> {
    let events = client.transcript().events();
    events.iter().skip(events.len().saturating_sub(count)).map(|event| (*event).to_owned()).collect()
}

#[tokio::test]
async fn backlog_is_delivered_at_another_edge() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    alice.drop_socket();
    harness.wait_for_disconnect(&received, leg).await;
    for (number, event) in ["one", "two", "three"].into_iter().enumerate() {
        harness.send_sequenced(&harness.id, &received.request.from, leg, number as u64 + 1, event).await;
    }
    harness.wait_until_acked(&harness.id).await;
    alice.reconnect(&other.url).await;
    let address = client_moved(&mut harness, leg, &other.id).await;
    harness
        .send_sequenced(&harness.id, &received.request.from, leg, 4, "four, still to the first edge")
        .await;
    harness.send_sequenced(&other.id, &address, leg, 5, "five").await;
    alice.expect_event("five").await;
    assert_eq!(last(&alice, 5), ["one", "two", "three", "four, still to the first edge", "five"]);
}

#[tokio::test]
async fn claim_takes_a_session_from_a_socket_at_another_edge() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let (mut old, received, leg) = harness.ringing().await;
    let mut new = Client::claim(&other.url, old.session()).await.with_handle(old.handle());
    client_moved(&mut harness, leg, &other.id).await;
    harness.send(&received.request, Some(leg.call), None, "update").await;
    new.expect_event("update").await;
    old.expect_no("update").await;
    let reply = old.request(old.on_session(json!({"janus": "keepalive"}))).await;
    assert_eq!(reply["error"]["code"], 458);
    new.post_message(json!({"request": "hangup"}), None).await;
    assert!(matches!(harness.leg_message().await.body, Body::Request(request) if request.leg == leg));
    old.create().await;
}

#[tokio::test]
async fn session_returns_to_the_edge_that_surrendered_it() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    for (number, url, edge) in [(1, &other.url, &other.id), (2, &harness.url.clone(), &harness.id.clone())] {
        alice.reconnect(url).await;
        let address = client_moved(&mut harness, leg, edge).await;
        harness.send_sequenced(edge, &address, leg, number, "update").await;
        alice.expect_event("update").await;
    }
    harness.send_sequenced(&other.id, &received.request.from, leg, 3, "late").await;
    alice.expect_event("late").await;
}

#[tokio::test]
async fn mailbox_of_a_killed_edge_is_delivered_once_in_order() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    let to = received.request.from.clone();
    harness.send_sequenced(&harness.id, &to, leg, 1, "delivered").await;
    alice.expect_event("delivered").await;
    harness.wait_until_acked(&harness.id).await;
    // Its effect is not stored yet when the edge is killed.
    harness.send_sequenced(&harness.id, &to, leg, 2, "maybe delivered").await;
    tokio::task::yield_now().await;
    harness.edge.abort();
    alice.drop_socket();
    harness.send_sequenced(&harness.id, &to, leg, 3, "before the claim").await;
    alice.reconnect(&other.url).await;
    let address = client_moved(&mut harness, leg, &other.id).await;
    harness.send_sequenced(&other.id, &address, leg, 5, "to the new edge").await;
    harness.send_sequenced(&harness.id, &to, leg, 4, "after the claim").await;
    alice.expect_event("to the new edge").await;
    let mut events = last(&alice, 6);
    // The event at the moment of the kill may be delivered twice.
    events.dedup();
    assert!(
        events.ends_with(
            &["delivered", "maybe delivered", "before the claim", "after the claim", "to the new edge"]
                .map(str::to_owned)
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn surrendered_session_survives_the_death_of_its_former_edge() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    alice.reconnect(&other.url).await;
    client_moved(&mut harness, leg, &other.id).await;
    harness.edge.abort();
    harness.send_sequenced(&harness.id, &received.request.from, leg, 1, "to the dead edge").await;
    alice.expect_event("to the dead edge").await;
    harness.send_sequenced(&other.id, &received.request.from, leg, 2, "update").await;
    alice.expect_event("update").await;
    assert_eq!(last(&alice, 2), ["to the dead edge", "update"]);
}

#[tokio::test]
async fn events_sent_to_an_earlier_edge_are_delivered() {
    let mut harness = Harness::first(&[]).await;
    let (second, third) = (harness.another(&[]).await, harness.another(&[]).await);
    let (mut alice, received, leg) = harness.ringing().await;
    let party = |username: &str| CallParty { username: username.to_owned(), owner: None };
    let (caller, callee) = (party("alice"), party("bob"));
    let call = Call { id: leg.call, backend: BackendName::from("a"), caller, callee, opened: 0 };
    harness.directory.open_call(&call).await.unwrap();
    harness.edge.abort();
    alice.reconnect(&second.url).await;
    client_moved(&mut harness, leg, &second.id).await;
    // It died before the session was announced there.
    second.edge.abort();
    alice.reconnect(&third.url).await;
    client_moved(&mut harness, leg, &third.id).await;
    harness.send_sequenced(&harness.id, &received.request.from, leg, 1, "to the first").await;
    alice.expect_event("to the first").await;
    harness.send_sequenced(&second.id, &received.request.from, leg, 2, "to the second").await;
    alice.expect_event("to the second").await;
    let over = LegRef { call: CallId::fresh(), side: Side::Callee };
    harness.send_sequenced(&harness.id, &received.request.from, over, 1, "of a call that is over").await;
    harness.send_sequenced(&harness.id, &received.request.from, leg, 3, "to the first again").await;
    alice.expect_event("to the first again").await;
    assert_eq!(last(&alice, 3), ["to the first", "to the second", "to the first again"]);
}

#[tokio::test]
async fn backlog_of_a_killed_edge_is_delivered_once() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    alice.drop_socket();
    harness.wait_for_disconnect(&received, leg).await;
    for (number, event) in ["one", "two"].into_iter().enumerate() {
        harness.send_sequenced(&harness.id, &received.request.from, leg, number as u64 + 1, event).await;
        harness.wait_until_acked(&harness.id).await;
    }
    harness.send_sequenced(&harness.id, &received.request.from, leg, 3, "three").await;
    tokio::task::yield_now().await;
    harness.edge.abort();
    alice.reconnect(&other.url).await;
    let address = client_moved(&mut harness, leg, &other.id).await;
    harness.send_sequenced(&other.id, &address, leg, 4, "four").await;
    alice.expect_event("four").await;
    assert_eq!(last(&alice, 4), ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn name_and_handle_move_with_their_session() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let mut alice = harness.alice().await;
    let session = SessionId(alice.session());
    let handle = protocol::HandleRef { session, handle: HandleId(alice.handle()) };
    let owner = directory::record::Owner { edge: harness.id.clone(), handle };
    harness.directory.claim_name(&owner, "alice", common::MessageId::fresh()).await.unwrap();
    harness.directory.grant_name("alice", &owner, None).await.unwrap();
    alice.reconnect(&other.url).await;
    testkit::eventually("the name is at the other edge", async || {
        let user = harness.directory.user("alice").await.unwrap().unwrap();
        user.owner().is_some_and(|current| current.edge == other.id)
    })
    .await;
    assert_eq!(harness.directory.handle(handle).await.unwrap().unwrap().edge, other.id);
}

#[tokio::test]
async fn request_in_flight_gets_its_reply_at_the_new_edge() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let mut alice = harness.alice().await;
    let transaction = alice.post_message(json!({"request": "list"}), None).await;
    let received = harness.request("list").await;
    sleep(Duration::from_millis(100)).await;
    harness.edge.abort();
    alice.reconnect(&other.url).await;
    harness.reply(&received, None, None, "listed").await;
    let answer: Value = alice.expect("the reply", |it| testkit::message::event(it) == "listed").await;
    assert_eq!(answer["transaction"], transaction);
}

#[tokio::test]
async fn reclaim_timeout_counts_from_the_drop_after_a_kill() {
    let mut harness = Harness::first(&["--reclaim-timeout=1"]).await;
    let other = harness.another(&["--reclaim-timeout=1"]).await;
    let mut alice = harness.alice().await;
    alice.drop_socket();
    sleep(Duration::from_millis(200)).await;
    harness.edge.abort();
    sleep(Duration::from_secs(1)).await;
    let mut late = Client::connect(&other.url).await;
    let reply = late.request(json!({"janus": "claim", "session_id": alice.session()})).await;
    assert_eq!(reply["error"]["code"], 458);
}

#[tokio::test]
async fn concurrent_claims_at_two_edges_have_one_winner() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let (alice, received, leg) = harness.ringing().await;
    let mut claimers = Vec::new();
    for url in [&harness.url, &other.url].into_iter().cycle().take(8) {
        claimers.push(Client::connect(url).await);
    }
    let claim = json!({"janus": "claim", "session_id": alice.session()});
    for claimer in &mut claimers {
        claimer.post(claim.clone()).await;
    }
    for claimer in &mut claimers {
        claimer.expect("a reply", |it| matches!(it["janus"].as_str(), Some("success" | "error"))).await;
    }
    harness.send(&received.request, Some(leg.call), None, "update").await;
    let has_received =
        |it: &&mut Client| it.inbox().any(|message| testkit::message::event(message) == "update");
    testkit::eventually("one of them receives an event", async || {
        for claimer in &mut claimers {
            claimer.ping().await;
        }
        claimers.iter_mut().filter(has_received).count() == 1
    })
    .await;
}

#[tokio::test]
async fn paused_edge_drops_a_session_that_was_taken_over() {
    let (mut harness, stall) = Harness::with_stalled_directory(&[]).await;
    let other = harness.another(&[]).await;
    let (mut old, received, leg) = harness.ringing().await;
    harness.wait_until_acked(&harness.id).await;
    stall.set(true);
    harness.send_sequenced(&harness.id, &received.request.from, leg, 1, "one").await;
    let mut new = Client::claim(&other.url, old.session()).await.with_handle(old.handle());
    let address = client_moved(&mut harness, leg, &other.id).await;
    harness.send_sequenced(&other.id, &address, leg, 2, "two").await;
    new.expect_event("two").await;
    stall.set(false);
    testkit::eventually("the first edge drops the session", async || {
        let reply = old.request(old.on_session(json!({"janus": "keepalive"}))).await;
        reply["error"]["code"] == 458
    })
    .await;
    harness.send_sequenced(&harness.id, &received.request.from, leg, 3, "three").await;
    new.expect_event("three").await;
    assert_eq!(last(&new, 3), ["one", "two", "three"]);
    assert_eq!(harness.directory.session(address.session).await.unwrap().unwrap().edge, other.id);
}

#[tokio::test]
async fn unstored_events_stay_in_the_mailbox() {
    let (mut harness, stall) = Harness::with_stalled_directory(&[]).await;
    let other = harness.another(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    alice.drop_socket();
    harness.wait_for_disconnect(&received, leg).await;
    harness.wait_until_acked(&harness.id).await;
    let failing = stall.clone();
    harness.send_sequenced(&harness.id, &received.request.from, leg, 1, "one").await;
    tokio::task::yield_now().await;
    failing.set(true);
    sleep(Duration::from_millis(100)).await;
    harness.edge.abort();
    alice.reconnect(&other.url).await;
    let address = client_moved(&mut harness, leg, &other.id).await;
    harness.send_sequenced(&other.id, &address, leg, 2, "two").await;
    alice.expect_event("two").await;
    assert_eq!(last(&alice, 2), ["one", "two"]);
}

#[tokio::test]
async fn surrendered_session_that_was_not_claimed_expires() {
    let mut harness = Harness::first(&["--reclaim-timeout=6"]).await;
    let alice = harness.alice().await;
    let session = SessionId(alice.session());
    let surrender = Surrender { session, to: ServiceId::from("edge-nobody") };
    let message = Message::new(Body::Surrender(surrender));
    harness.bus.post(&Mailbox::Edge(harness.id.clone()), &message).await.unwrap();
    assert!(matches!(harness.message().await.body, Body::Release(release) if release.who.session == session));
    testkit::eventually("the session is gone", async || {
        harness.directory.session(session).await.unwrap().is_none()
    })
    .await;
}

#[tokio::test]
async fn surrendered_session_that_was_not_claimed_can_be_claimed() {
    let mut harness = Harness::first(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    let surrender = Surrender { session: received.request.from.session, to: ServiceId::from("edge-nobody") };
    let message = Message::new(Body::Surrender(surrender));
    harness.bus.post(&Mailbox::Edge(harness.id.clone()), &message).await.unwrap();
    harness.wait_until_acked(&harness.id).await;
    alice.reconnect(&harness.url).await;
    let own = harness.id.clone();
    let address = client_moved(&mut harness, leg, &own).await;
    harness.send_sequenced(&harness.id, &address, leg, 1, "update").await;
    alice.expect_event("update").await;
}

#[tokio::test]
async fn many_clients_continue_elsewhere_when_their_edge_is_killed() {
    const CLIENTS: usize = 200;
    let harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let mut clients = join_all((0..CLIENTS).map(|_| Client::attached(&harness.url))).await;
    sleep(Duration::from_millis(200)).await;
    harness.edge.abort();
    for client in &clients {
        let (session, handle) = (SessionId(client.session()), HandleId(client.handle()));
        harness.send_core(&Address { edge: harness.id.clone(), session, handle }, 1).await;
    }
    let began = Instant::now();
    join_all(clients.iter_mut().map(async |client| {
        client.reconnect(&other.url).await;
        client.expect_core("media").await;
    }))
    .await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
