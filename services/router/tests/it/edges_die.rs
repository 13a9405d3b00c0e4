//! What a dead edge leaves behind.

use crate::faults::NoHeartbeats;
use crate::harness::{Cluster, address, backend, call, call_id, edge, handle, message};
use bus::message::{Body, EndCause, Events, Message, Sequence};
use bus::topic::Mailbox;
use common::ServiceId;
use common::fault::FaultInjector;
use directory::record::{BacklogUpdate, SaveRequest, SessionPolicy};
use protocol::{HandleRef, SessionId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const GRACE: Duration = Duration::from_secs(30);

/// Returns a cluster in which alice has called bob, at an edge that has sent a heartbeat.
async fn begin() -> Cluster {
    let mut cluster = Cluster::with_users().await;
    cluster.directory.heartbeat(&edge()).await.unwrap();
    for who in 0..3 {
        let policy = SessionPolicy { token_digest: None, grace: GRACE };
        assert!(cluster.directory.open_session(session(who), &edge(), &policy).await.unwrap());
    }
    cluster.process(&message(100, call(0, "bob"))).await;
    cluster.drain_mailboxes().await;
    cluster
}

fn session(who: usize) -> SessionId {
    handle(who).session
}

/// Saves that the client of a session has been disconnected for that long.
async fn drop_client(cluster: &Cluster, who: usize, away: Duration) {
    let save = SaveRequest {
        session: session(who),
        state: "{}".to_owned(),
        backlog: BacklogUpdate::Append(Vec::new()),
        away: Some(away),
        client: None,
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
async fn sessions_end_when_their_grace_is_over() {
    let mut cluster = begin().await;
    let _router = cluster.router();
    pass(29).await;
    assert_eq!(alive(&cluster).await, [0, 1, 2]);
    pass(3).await;
    assert_eq!(alive(&cluster).await, [0; 0]);
    assert_eq!(cluster.directory.usernames().await.unwrap(), [""; 0]);
    assert!(!ends(&cluster.at_backend().await).is_empty(), "the connector ends the call");
}

#[tokio::test(start_paused = true)]
async fn no_edge_is_dead_while_redis_refuses_heartbeats() {
    let cluster = begin().await;
    let _router = cluster.router_with_faults(&FaultInjector::new(Arc::new(NoHeartbeats)));
    pass(120).await;
    assert_eq!(alive(&cluster).await, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn grace_runs_from_the_disconnect_of_the_client() {
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
async fn claimed_sessions_are_left_alone() {
    let mut cluster = begin().await;
    let _router = cluster.router();
    let other = ServiceId::from("edge-2");
    pass(15).await;
    assert!(cluster.directory.claim_session(session(0), &edge(), &other).await.unwrap().is_some());
    cluster.directory.heartbeat(&other).await.unwrap();
    // The handle has not been moved yet when the other sessions end.
    for _ in 0..40 {
        pass(1).await;
        cluster.directory.heartbeat(&other).await.unwrap();
    }
    assert_eq!(alive(&cluster).await, [0]);
    assert_eq!(cluster.directory.user("alice").await.unwrap().unwrap().owner().unwrap().handle, handle(0));
    assert_eq!(ends(&cluster.at_backend().await), [EndCause::CalleeGone]);
}

#[tokio::test(start_paused = true)]
async fn handle_follows_its_session_when_the_claiming_edge_dies() {
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
async fn handle_on_a_live_edge_is_released_with_its_session() {
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
async fn live_edge_keeps_its_sessions() {
    let cluster = begin().await;
    let _router = cluster.router();
    for _ in 0..60 {
        pass(2).await;
        cluster.directory.heartbeat(&edge()).await.unwrap();
    }
    assert_eq!(alive(&cluster).await, [0, 1, 2]);
}

/// So do all edges for a moment when Redis' clock jumps ahead.
#[tokio::test(start_paused = true)]
async fn edge_that_seems_silent_for_a_moment_keeps_its_sessions() {
    let cluster = begin().await;
    let _router = cluster.router();
    drop_client(&cluster, 0, GRACE).await;
    for silence in [1, 1, 1, 1, 1, 1, 4, 1] {
        pass(silence).await;
        cluster.directory.heartbeat(&edge()).await.unwrap();
        assert_eq!(alive(&cluster).await, [0, 1, 2]);
    }
    pass(6).await;
    assert_eq!(alive(&cluster).await, [1, 2], "a dead edge's are ended all the same");
}

#[tokio::test(start_paused = true)]
async fn resumed_edge_keeps_its_sessions() {
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
async fn sessions_of_a_deregistered_edge_can_be_claimed() {
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
async fn empty_edge_is_removed_with_its_mailbox() {
    let cluster = begin().await;
    let _router = cluster.router();
    let is_known = async || cluster.directory.since_heartbeat(&edge()).await.unwrap().is_some();
    pass(32).await;
    assert_eq!(alive(&cluster).await, [0; 0]);
    pass(12).await;
    assert!(is_known().await, "an edge that has just claimed a session still reads its mailbox");
    pass(5).await;
    assert!(!is_known().await);
    let posted = cluster.bus.post(&Mailbox::Edge(edge()), &message(9, call(0, "bob"))).await;
    assert!(matches!(posted, Err(bus::SendError::NoMailbox)));
}

#[tokio::test(start_paused = true)]
async fn undelivered_events_reach_the_edge_with_the_session() {
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
    let events_with = |sequence| Events { sequence, ..Events::for_handle(who, Vec::new()) };
    let sequence = Some(Sequence { term: 1, number: 1 });
    for sent in [None, sequence] {
        cluster.bus.post(&Mailbox::Edge(edge()), &message(9, Body::Events(events_with(sent)))).await.unwrap();
    }
    let _router = cluster.router();
    pass(60).await;
    let received = timeout(GRACE, mailbox.next()).await.unwrap();
    assert!(matches!(received.body, Body::Events(events) if events.sequence == sequence));
}

#[tokio::test(start_paused = true)]
async fn another_router_continues_to_reap() {
    let mut cluster = begin().await;
    let (one, two) = (cluster.router(), cluster.router());
    pass(20).await;
    one.run.abort();
    pass(1).await;
    one.stop.cancel();
    pass(14).await;
    assert_eq!(alive(&cluster).await, [0; 0]);
    let ends = ends(&cluster.at_backend().await);
    assert!(ends.len() <= 2, "each side's release may send one: {ends:?}");
    two.stop().await;
}

#[tokio::test(start_paused = true)]
async fn end_reaches_the_other_party_at_its_new_edge() {
    let mut cluster = begin().await;
    let other = ServiceId::from("edge-2");
    let mut mailbox = cluster.bus.open(Mailbox::Edge(other.clone())).await.unwrap();
    cluster.directory.claim_session(session(1), &edge(), &other).await.unwrap().unwrap();
    cluster.directory.move_handle(handle(1), Some("bob"), &edge(), &other).await.unwrap();
    cluster.bus.close(&Mailbox::Backend(backend())).await.unwrap();
    cluster.process(&message(101, crate::harness::release(0))).await;
    let Body::Events(events) = mailbox.next().await.body else { panic!("events") };
    assert_eq!((events.session, events.handle), (session(1), address(1).handle));
    assert_eq!(events.change, Some(bus::message::Change::Left));
    assert!(
        cluster
            .at_edge()
            .await
            .iter()
            .all(|it| matches!(&it.body, Body::Events(to_caller) if to_caller.call.is_none()))
    );
}
