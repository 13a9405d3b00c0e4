//! What an edge that died leaves behind.

use crate::bench::{Cluster, address, backend, call, call_id, edge, handle, message};
use bus::message::{Body, EndCause, Events, Message, Sequence};
use bus::topic::Mailbox;
use common::ServiceId;
use directory::record::{BacklogUpdate, SaveRequest, SessionPolicy};
use protocol::{HandleRef, SessionId};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const GRACE: Duration = Duration::from_secs(30);

/// alice, bob and carol are registered, the edge gives signs of life, and alice has called bob.
async fn begin() -> Cluster {
    let mut cluster = Cluster::populated().await;
    cluster.directory.heartbeat(&edge()).await.unwrap();
    for who in 0..3 {
        let terms = SessionPolicy { token_digest: None, grace: GRACE };
        assert!(cluster.directory.open_session(session(who), &edge(), &terms).await.unwrap());
    }
    cluster.ask(&message(100, call(0, "bob"))).await;
    cluster.quietly().await;
    cluster
}

fn session(who: usize) -> SessionId {
    handle(who).session
}

/// The client of a session has been gone for that long.
async fn drop_client(cluster: &Cluster, who: usize, away: Duration) {
    let save = SaveRequest {
        session: session(who),
        state: "{}".to_owned(),
        backlog: BacklogUpdate::Append(Vec::new()),
        away: Some(away),
    };
    cluster.directory.save_sessions(&edge(), &[save]).await.unwrap();
}

async fn alive(cluster: &Cluster) -> Vec<usize> {
    let mut alive = Vec::new();
    for who in 0..3 {
        let session = cluster.directory.session(session(who)).await.unwrap().is_some();
        let handle = cluster.directory.handle(handle(who)).await.unwrap().is_some();
        assert_eq!(session, handle, "{who}");
        alive.extend(session.then_some(who));
    }
    alive
}

async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

fn ends(messages: &[Message]) -> Vec<EndCause> {
    let end = |message: &Message| match &message.body {
        Body::End(end) if end.call == call_id(100) => Some(end.cause.clone()),
        _ => None,
    };
    messages.iter().filter_map(end).collect()
}

#[tokio::test(start_paused = true)]
async fn sessions_can_be_claimed_until_their_grace_is_over_and_then_end() {
    let mut cluster = begin().await;
    let _router = cluster.router();
    pass(29).await;
    assert_eq!(alive(&cluster).await, [0, 1, 2]);
    pass(3).await;
    assert_eq!(alive(&cluster).await, [0; 0]);
    assert_eq!(cluster.directory.usernames().await.unwrap(), [""; 0]);
    assert!(!ends(&cluster.at_backend().await).is_empty(), "its connector ends the call");
}

#[tokio::test(start_paused = true)]
async fn grace_runs_from_the_drop_of_the_client_where_that_is_known() {
    let mut cluster = begin().await;
    drop_client(&cluster, 0, Duration::from_secs(12)).await;
    drop_client(&cluster, 1, Duration::ZERO).await;
    let _router = cluster.router();
    pass(17).await;
    assert_eq!(alive(&cluster).await, [0, 1, 2]);
    pass(3).await;
    assert_eq!(alive(&cluster).await, [1, 2]);
    assert_eq!(ends(&cluster.at_backend().await), [EndCause::CallerGone]);
    pass(12).await;
    assert_eq!(alive(&cluster).await, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_another_edge_has_claimed_is_left_alone() {
    let mut cluster = begin().await;
    let _router = cluster.router();
    let other = ServiceId::from("edge-2");
    pass(15).await;
    assert!(cluster.directory.claim_session(session(0), &edge(), &other).await.unwrap().is_some());
    cluster.directory.heartbeat(&other).await.unwrap();
    // Its handle has not been moved yet when the other sessions end.
    for _ in 0..40 {
        pass(1).await;
        cluster.directory.heartbeat(&other).await.unwrap();
    }
    assert_eq!(alive(&cluster).await, [0]);
    assert_eq!(cluster.directory.user("alice").await.unwrap().unwrap().owner().unwrap().handle, handle(0));
    assert_eq!(ends(&cluster.at_backend().await), [EndCause::CalleeGone]);
}

#[tokio::test(start_paused = true)]
async fn a_handle_follows_its_session_although_whoever_claimed_that_died_in_the_middle() {
    let cluster = begin().await;
    let _router = cluster.router();
    let other = ServiceId::from("edge-2");
    pass(20).await;
    cluster.directory.heartbeat(&other).await.unwrap();
    assert!(cluster.directory.claim_session(session(0), &edge(), &other).await.unwrap().is_some());
    pass(27).await;
    assert_eq!(alive(&cluster).await, [0]);
    assert_eq!(cluster.directory.handle(handle(0)).await.unwrap().unwrap().edge, other);
    pass(5).await;
    assert_eq!(alive(&cluster).await, [0; 0]);
    assert_eq!(cluster.directory.usernames().await.unwrap(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_handle_goes_with_its_session_although_an_edge_that_lives_still_holds_it() {
    let cluster = begin().await;
    let _router = cluster.router();
    let other = ServiceId::from("edge-2");
    cluster.directory.heartbeat(&other).await.unwrap();
    assert!(cluster.directory.claim_session(session(0), &edge(), &other).await.unwrap().is_some());
    for _ in 0..20 {
        pass(2).await;
        cluster.directory.heartbeat(&edge()).await.unwrap();
    }
    assert_eq!(alive(&cluster).await, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_lives_keeps_what_it_holds() {
    let cluster = begin().await;
    let _router = cluster.router();
    for _ in 0..60 {
        pass(2).await;
        cluster.directory.heartbeat(&edge()).await.unwrap();
    }
    assert_eq!(alive(&cluster).await, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_wakes_up_keeps_what_it_holds() {
    let cluster = begin().await;
    let _router = cluster.router();
    pass(25).await;
    cluster.directory.heartbeat(&edge()).await.unwrap();
    pass(20).await;
    assert_eq!(alive(&cluster).await, [0, 1, 2]);
    pass(12).await;
    assert_eq!(alive(&cluster).await, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_left_is_dead_at_once_and_its_sessions_wait_for_their_clients() {
    let cluster = begin().await;
    for who in 0..3 {
        drop_client(&cluster, who, Duration::ZERO).await;
    }
    cluster.directory.deregister_edge(&edge()).await.unwrap();
    let _router = cluster.router();
    pass(28).await;
    assert_eq!(alive(&cluster).await, [0, 1, 2]);
    pass(4).await;
    assert_eq!(alive(&cluster).await, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_holds_nothing_is_forgotten_after_a_while_with_its_mailbox() {
    let cluster = begin().await;
    let _router = cluster.router();
    let there = async || cluster.directory.since_heartbeat(&edge()).await.unwrap().is_some();
    pass(32).await;
    assert_eq!(alive(&cluster).await, [0; 0]);
    pass(12).await;
    assert!(there().await, "who has just claimed a session still reads in its mailbox");
    pass(5).await;
    assert!(!there().await);
    let posted = cluster.bus.post(&Mailbox::Edge(edge()), &message(9, call(0, "bob"))).await;
    assert!(matches!(posted, Err(bus::SendError::NoMailbox)));
}

#[tokio::test(start_paused = true)]
async fn what_was_said_to_a_dead_edge_reaches_the_one_that_had_taken_the_session() {
    let cluster = begin().await;
    let other = ServiceId::from("edge-2");
    let mut mailbox = cluster.bus.open(Mailbox::Edge(other.clone())).await.unwrap();
    cluster.directory.claim_session(session(1), &edge(), &other).await.unwrap().unwrap();
    let directory = cluster.directory.clone();
    tokio::spawn(async move {
        loop {
            directory.heartbeat(&other).await.unwrap();
            pass(1).await;
        }
    });
    let who = HandleRef { session: session(1), handle: handle(1).handle };
    let said = |stamp| Events { sequence: stamp, ..Events::for_handle(who, Vec::new()) };
    let stamp = Some(Sequence { term: 1, number: 1 });
    for stamp in [None, stamp] {
        cluster.bus.post(&Mailbox::Edge(edge()), &message(9, Body::Events(said(stamp)))).await.unwrap();
    }
    let _router = cluster.router();
    pass(60).await;
    let heard = timeout(GRACE, mailbox.next()).await.unwrap();
    assert!(matches!(heard.body, Body::Events(heard) if heard.sequence == stamp));
}

#[tokio::test(start_paused = true)]
async fn one_router_reaps_and_another_goes_on_where_it_died() {
    let mut cluster = begin().await;
    let (one, two) = (cluster.router(), cluster.router());
    pass(20).await;
    one.run.abort();
    pass(1).await;
    one.stop.cancel();
    pass(14).await;
    assert_eq!(alive(&cluster).await, [0; 0]);
    let ends = ends(&cluster.at_backend().await);
    assert!(ends.len() <= 2, "each side's release may say it once: {ends:?}");
    two.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_whose_connector_is_gone_too_is_told_where_it_is_now() {
    let mut cluster = begin().await;
    let other = ServiceId::from("edge-2");
    let mut mailbox = cluster.bus.open(Mailbox::Edge(other.clone())).await.unwrap();
    cluster.directory.claim_session(session(1), &edge(), &other).await.unwrap().unwrap();
    cluster.directory.move_handle(handle(1), Some("bob"), &edge(), &other).await.unwrap();
    cluster.bus.close(&Mailbox::Backend(backend())).await.unwrap();
    cluster.ask(&message(101, crate::bench::release(0))).await;
    let Body::Events(events) = mailbox.next().await.body else { panic!("events") };
    assert_eq!((events.session, events.handle), (session(1), address(1).handle));
    assert_eq!(events.change, Some(bus::message::Change::Left));
    assert!(
        cluster
            .at_edge()
            .await
            .iter()
            .all(|it| matches!(&it.body, Body::Events(events) if events.call.is_none()))
    );
}
