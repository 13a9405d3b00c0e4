//! A session changes its edge.

use crate::bench::Bench;
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

/// The connector learns that a leg's client is at this edge now.
async fn attended(bench: &mut Bench, leg: LegRef, edge: &ServiceId) -> Address {
    match bench.on_leg().await.body {
        Body::ClientMoved(attend) => {
            assert_eq!((attend.leg, &attend.address.edge), (leg, edge));
            attend.address
        }
        other => panic!("not attend: {other:?}"),
    }
}

/// The last events that a client has heard, in order.
fn last(client: &Client, count: usize) -> Vec<String> {
    let events = client.transcript().events();
    events.iter().skip(events.len().saturating_sub(count)).map(|event| (*event).to_owned()).collect()
}

#[tokio::test]
async fn what_came_while_the_socket_was_gone_is_heard_at_another_edge() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    alice.drop_socket();
    bench.notices_the_drop(&asked, leg).await;
    for (number, event) in ["one", "two", "three"].into_iter().enumerate() {
        bench.tell_stamped(&bench.id, &asked.asks.from, leg, number as u64 + 1, event).await;
    }
    bench.settled(&bench.id).await;
    alice.reconnect(&other.url).await;
    let address = attended(&mut bench, leg, &other.id).await;
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 4, "four, still to the first edge").await;
    bench.tell_stamped(&other.id, &address, leg, 5, "five").await;
    alice.expect_event("five").await;
    assert_eq!(last(&alice, 5), ["one", "two", "three", "four, still to the first edge", "five"]);
}

#[tokio::test]
async fn a_session_is_taken_from_a_socket_that_is_still_at_another_edge() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let (mut old, asked, leg) = bench.ringing().await;
    let mut new = Client::claim(&other.url, old.session()).await.with_handle(old.handle());
    attended(&mut bench, leg, &other.id).await;
    bench.tell(&asked.asks, Some(leg.call), None, "update").await;
    new.expect_event("update").await;
    old.expect_no("update").await;
    let reply = old.request(old.on_session(json!({"janus": "keepalive"}))).await;
    assert_eq!(reply["error"]["code"], 458);
    new.post_message(json!({"request": "hangup"}), None).await;
    assert!(matches!(bench.on_leg().await.body, Body::Request(request) if request.leg == leg));
    old.create().await;
}

#[tokio::test]
async fn a_session_comes_back_to_the_edge_that_gave_it_up() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    for (number, url, edge) in [(1, &other.url, &other.id), (2, &bench.url.clone(), &bench.id.clone())] {
        alice.reconnect(url).await;
        let address = attended(&mut bench, leg, edge).await;
        bench.tell_stamped(edge, &address, leg, number, "update").await;
        alice.expect_event("update").await;
    }
    bench.tell_stamped(&other.id, &asked.asks.from, leg, 3, "late").await;
    alice.expect_event("late").await;
}

#[tokio::test]
async fn what_a_killed_edge_had_not_dealt_with_is_heard_once_and_in_order() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    let to = asked.asks.from.clone();
    bench.tell_stamped(&bench.id, &to, leg, 1, "heard").await;
    alice.expect_event("heard").await;
    bench.settled(&bench.id).await;
    // Its effect is not written down yet when the edge is killed.
    bench.tell_stamped(&bench.id, &to, leg, 2, "heard or not").await;
    tokio::task::yield_now().await;
    bench.edge.abort();
    alice.drop_socket();
    bench.tell_stamped(&bench.id, &to, leg, 3, "before the claim").await;
    alice.reconnect(&other.url).await;
    let address = attended(&mut bench, leg, &other.id).await;
    bench.tell_stamped(&other.id, &address, leg, 5, "to the new edge").await;
    bench.tell_stamped(&bench.id, &to, leg, 4, "after the claim").await;
    alice.expect_event("to the new edge").await;
    let mut heard = last(&alice, 6);
    // What was told in the very moment may be told again.
    heard.dedup();
    assert!(
        heard.ends_with(
            &["heard", "heard or not", "before the claim", "after the claim", "to the new edge"]
                .map(str::to_owned)
        ),
        "{heard:?}"
    );
}

#[tokio::test]
async fn an_edge_that_dies_after_it_gave_a_session_up_takes_nothing_of_it_along() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    alice.reconnect(&other.url).await;
    attended(&mut bench, leg, &other.id).await;
    bench.edge.abort();
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 1, "to who is gone").await;
    alice.expect_event("to who is gone").await;
    bench.tell_stamped(&other.id, &asked.asks.from, leg, 2, "update").await;
    alice.expect_event("update").await;
    assert_eq!(last(&alice, 2), ["to who is gone", "update"]);
}

#[tokio::test]
async fn what_still_goes_to_the_edge_before_the_last_is_heard() {
    let mut bench = Bench::first(&[]).await;
    let (second, third) = (bench.another(&[]).await, bench.another(&[]).await);
    let (mut alice, asked, leg) = bench.ringing().await;
    let party = |username: &str| CallParty { username: username.to_owned(), owner: None };
    let (caller, callee) = (party("alice"), party("bob"));
    let call = Call { id: leg.call, backend: BackendName::from("a"), caller, callee, opened: 0 };
    bench.directory.open_call(&call).await.unwrap();
    bench.edge.abort();
    alice.reconnect(&second.url).await;
    attended(&mut bench, leg, &second.id).await;
    // It died before everybody knew that the session had been there.
    second.edge.abort();
    alice.reconnect(&third.url).await;
    attended(&mut bench, leg, &third.id).await;
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 1, "to the first").await;
    alice.expect_event("to the first").await;
    bench.tell_stamped(&second.id, &asked.asks.from, leg, 2, "to the second").await;
    alice.expect_event("to the second").await;
    let over = LegRef { call: CallId::fresh(), side: Side::Callee };
    bench.tell_stamped(&bench.id, &asked.asks.from, over, 1, "of a call that is over").await;
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 3, "to the first again").await;
    alice.expect_event("to the first again").await;
    assert_eq!(last(&alice, 3), ["to the first", "to the second", "to the first again"]);
}

#[tokio::test]
async fn what_a_client_did_not_hear_before_its_edge_was_killed_is_heard_once() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    alice.drop_socket();
    bench.notices_the_drop(&asked, leg).await;
    for (number, event) in ["one", "two"].into_iter().enumerate() {
        bench.tell_stamped(&bench.id, &asked.asks.from, leg, number as u64 + 1, event).await;
        bench.settled(&bench.id).await;
    }
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 3, "three").await;
    tokio::task::yield_now().await;
    bench.edge.abort();
    alice.reconnect(&other.url).await;
    let address = attended(&mut bench, leg, &other.id).await;
    bench.tell_stamped(&other.id, &address, leg, 4, "four").await;
    alice.expect_event("four").await;
    assert_eq!(last(&alice, 4), ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn a_name_and_its_handle_move_with_their_session() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let mut alice = bench.alice().await;
    let session = SessionId(alice.session());
    let handle = protocol::HandleRef { session, handle: HandleId(alice.handle()) };
    let owner = directory::record::Owner { edge: bench.id.clone(), handle };
    bench.directory.claim_name(&owner, "alice", common::MessageId::fresh()).await.unwrap();
    bench.directory.grant_name("alice", &owner, None).await.unwrap();
    alice.reconnect(&other.url).await;
    testkit::eventually("the name is at the other edge", async || {
        let user = bench.directory.user("alice").await.unwrap().unwrap();
        user.owner().is_some_and(|owner| owner.edge == other.id)
    })
    .await;
    assert_eq!(bench.directory.handle(handle).await.unwrap().unwrap().edge, other.id);
}

#[tokio::test]
async fn a_request_that_was_under_way_is_answered_at_the_new_edge() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let mut alice = bench.alice().await;
    let transaction = alice.post_message(json!({"request": "list"}), None).await;
    let asked = bench.request("list").await;
    sleep(Duration::from_millis(100)).await;
    bench.edge.abort();
    alice.reconnect(&other.url).await;
    bench.answer(&asked, None, None, "listed").await;
    let answer: Value = alice.expect("the answer", |it| testkit::message::event(it) == "listed").await;
    assert_eq!(answer["transaction"], transaction);
}

#[tokio::test]
async fn the_time_to_claim_runs_from_the_drop_also_when_the_edge_is_killed() {
    let mut bench = Bench::first(&["--reclaim-timeout=1"]).await;
    let other = bench.another(&["--reclaim-timeout=1"]).await;
    let mut alice = bench.alice().await;
    alice.drop_socket();
    sleep(Duration::from_millis(200)).await;
    bench.edge.abort();
    sleep(Duration::from_secs(1)).await;
    let mut late = Client::connect(&other.url).await;
    let reply = late.request(json!({"janus": "claim", "session_id": alice.session()})).await;
    assert_eq!(reply["error"]["code"], 458);
}

#[tokio::test]
async fn of_many_who_claim_at_two_edges_exactly_one_has_the_session_and_its_events() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let (alice, asked, leg) = bench.ringing().await;
    let mut claimers = Vec::new();
    for url in [&bench.url, &other.url].into_iter().cycle().take(8) {
        claimers.push(Client::connect(url).await);
    }
    let claim = json!({"janus": "claim", "session_id": alice.session()});
    for claimer in &mut claimers {
        claimer.post(claim.clone()).await;
    }
    for claimer in &mut claimers {
        claimer.expect("a reply", |it| matches!(it["janus"].as_str(), Some("success" | "error"))).await;
    }
    bench.tell(&asked.asks, Some(leg.call), None, "update").await;
    let heard = |it: &&mut Client| it.inbox().any(|message| testkit::message::event(message) == "update");
    testkit::eventually("one of them hears an event", async || {
        for claimer in &mut claimers {
            claimer.ping().await;
        }
        claimers.iter_mut().filter(heard).count() == 1
    })
    .await;
}

#[tokio::test]
async fn an_edge_that_was_frozen_lets_go_of_what_another_has_taken() {
    let (mut bench, frost) = Bench::in_frost(&[]).await;
    let other = bench.another(&[]).await;
    let (mut old, asked, leg) = bench.ringing().await;
    bench.settled(&bench.id).await;
    frost.set(true);
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 1, "one").await;
    let mut new = Client::claim(&other.url, old.session()).await.with_handle(old.handle());
    let address = attended(&mut bench, leg, &other.id).await;
    bench.tell_stamped(&other.id, &address, leg, 2, "two").await;
    new.expect_event("two").await;
    frost.set(false);
    testkit::eventually("the first edge lets go of the session", async || {
        let reply = old.request(old.on_session(json!({"janus": "keepalive"}))).await;
        reply["error"]["code"] == 458
    })
    .await;
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 3, "three").await;
    new.expect_event("three").await;
    assert_eq!(last(&new, 3), ["one", "two", "three"]);
    assert_eq!(bench.directory.session(address.session).await.unwrap().unwrap().edge, other.id);
}

#[tokio::test]
async fn what_cannot_be_written_down_stays_in_the_mailbox() {
    let (mut bench, frost) = Bench::in_frost(&[]).await;
    let other = bench.another(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    alice.drop_socket();
    bench.notices_the_drop(&asked, leg).await;
    bench.settled(&bench.id).await;
    let failing = frost.clone();
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 1, "one").await;
    tokio::task::yield_now().await;
    failing.set(true);
    sleep(Duration::from_millis(100)).await;
    bench.edge.abort();
    alice.reconnect(&other.url).await;
    let address = attended(&mut bench, leg, &other.id).await;
    bench.tell_stamped(&other.id, &address, leg, 2, "two").await;
    alice.expect_event("two").await;
    assert_eq!(last(&alice, 2), ["one", "two"]);
}

#[tokio::test]
async fn a_session_that_was_asked_for_and_not_taken_ends_in_time() {
    let mut bench = Bench::first(&["--reclaim-timeout=6"]).await;
    let alice = bench.alice().await;
    let session = SessionId(alice.session());
    let surrender = Surrender { session, to: ServiceId::from("edge-nobody") };
    let message = Message::new(Body::Surrender(surrender));
    bench.bus.post(&Mailbox::Edge(bench.id.clone()), &message).await.unwrap();
    assert!(matches!(bench.message().await.body, Body::Release(release) if release.who.session == session));
    testkit::eventually("the session is gone", async || {
        bench.directory.session(session).await.unwrap().is_none()
    })
    .await;
}

#[tokio::test]
async fn a_session_that_was_asked_for_and_not_taken_can_be_claimed() {
    let mut bench = Bench::first(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    let surrender = Surrender { session: asked.asks.from.session, to: ServiceId::from("edge-nobody") };
    let message = Message::new(Body::Surrender(surrender));
    bench.bus.post(&Mailbox::Edge(bench.id.clone()), &message).await.unwrap();
    bench.settled(&bench.id).await;
    alice.reconnect(&bench.url).await;
    let own = bench.id.clone();
    let address = attended(&mut bench, leg, &own).await;
    bench.tell_stamped(&bench.id, &address, leg, 1, "update").await;
    alice.expect_event("update").await;
}

#[tokio::test]
async fn a_crowd_goes_on_elsewhere_when_its_edge_is_killed() {
    const MANY: usize = 200;
    let bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let mut crowd = join_all((0..MANY).map(|_| Client::attached(&bench.url))).await;
    sleep(Duration::from_millis(200)).await;
    bench.edge.abort();
    for client in &crowd {
        let (session, handle) = (SessionId(client.session()), HandleId(client.handle()));
        bench.tell_core(&Address { edge: bench.id.clone(), session, handle }, 1).await;
    }
    let began = Instant::now();
    join_all(crowd.iter_mut().map(async |client| {
        client.reconnect(&other.url).await;
        client.expect_core("media").await;
    }))
    .await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
