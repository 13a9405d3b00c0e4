//! Edges: heartbeats, and the index of what they own.

use crate::support::{edge, eventually, handle, owner, policy, register_now};
use directory::{DEREGISTERED_AGE, Directory};
use protocol::SessionId;
use std::time::Duration;

on_both_stores! {
    edge_owns_its_handles_and_sessions
    edge_without_heartbeat_is_stale
    removed_edge_is_not_stale
    heartbeat_returns_whether_edge_was_known
    heartbeat_returns_the_gap_before_it
    age_counts_from_last_heartbeat
    deregistered_edge_is_stale_at_once
    unknown_edge_can_deregister
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

async fn edge_owns_its_handles_and_sessions(directory: Directory) {
    for number in 1..=2_500 {
        directory.open_session(SessionId(number), &edge(1), &policy()).await.unwrap();
    }
    register_now(&directory, "alice", &owner(1)).await;
    register_now(&directory, "bob", &owner(2)).await;
    let (mut handles, mut sessions) = directory.owned_by(&edge(1)).await.unwrap();
    handles.sort();
    sessions.sort();
    assert_eq!(handles, vec![handle(1), handle(2)]);
    assert_eq!(sessions, (1..=2_500).map(SessionId).collect::<Vec<_>>());
    assert_eq!(directory.owned_by(&edge(2)).await.unwrap(), (vec![], vec![]));
}

async fn edge_without_heartbeat_is_stale(directory: Directory) {
    assert_eq!(directory.stale_edges(SHORT).await.unwrap(), vec![]);
    directory.heartbeat(&edge(1)).await.unwrap();
    directory.heartbeat(&edge(2)).await.unwrap();
    assert_eq!(directory.stale_edges(LONG).await.unwrap(), vec![]);
    eventually("edge 1 is silent, edge 2 is not", async || {
        directory.heartbeat(&edge(2)).await.unwrap();
        directory.stale_edges(SHORT).await.unwrap() == vec![edge(1)]
    })
    .await;
}

async fn removed_edge_is_not_stale(directory: Directory) {
    directory.heartbeat(&edge(1)).await.unwrap();
    eventually("the edge is stale", async || !directory.stale_edges(SHORT).await.unwrap().is_empty()).await;
    for _ in 0..2 {
        directory.remove_edge(&edge(1)).await.unwrap();
        assert_eq!(directory.stale_edges(SHORT).await.unwrap(), vec![]);
        assert_eq!(directory.since_heartbeat(&edge(1)).await.unwrap(), None);
    }
}

async fn heartbeat_returns_whether_edge_was_known(directory: Directory) {
    for _ in 0..2 {
        for known in [false, true, true] {
            assert_eq!(directory.heartbeat(&edge(1)).await.unwrap().is_some(), known);
        }
        assert_eq!(directory.heartbeat(&edge(2)).await.unwrap(), None);
        directory.remove_edge(&edge(1)).await.unwrap();
        directory.remove_edge(&edge(2)).await.unwrap();
    }
}

async fn heartbeat_returns_the_gap_before_it(directory: Directory) {
    for beat in [Beat::Edge, Beat::Router] {
        assert_eq!(beat.send(&directory).await, None);
        assert!(beat.send(&directory).await.unwrap() < LONG);
        tokio::time::sleep(SHORT).await;
        assert!((SHORT..LONG).contains(&beat.send(&directory).await.unwrap()));
    }
    assert_eq!(directory.stale_edges(Duration::ZERO).await.unwrap(), vec![edge(1)], "a router is no edge");
}

enum Beat {
    Edge,
    Router,
}

impl Beat {
    async fn send(&self, directory: &Directory) -> Option<Duration> {
        match self {
            Self::Edge => directory.heartbeat(&edge(1)).await.unwrap(),
            Self::Router => directory.router_heartbeat(&edge(2)).await.unwrap(),
        }
    }
}

async fn age_counts_from_last_heartbeat(directory: Directory) {
    assert_eq!(directory.since_heartbeat(&edge(1)).await.unwrap(), None);
    directory.heartbeat(&edge(1)).await.unwrap();
    let silence = async || directory.since_heartbeat(&edge(1)).await.unwrap().unwrap();
    assert!(silence().await < LONG);
    eventually("the age grows", async || silence().await >= SHORT).await;
    directory.heartbeat(&edge(1)).await.unwrap();
    eventually("the age starts again", async || {
        directory.heartbeat(&edge(1)).await.unwrap();
        silence().await < SHORT
    })
    .await;
}

async fn deregistered_edge_is_stale_at_once(directory: Directory) {
    directory.heartbeat(&edge(1)).await.unwrap();
    directory.heartbeat(&edge(2)).await.unwrap();
    directory.open_session(SessionId(1), &edge(1), &policy()).await.unwrap();
    for _ in 0..2 {
        directory.deregister_edge(&edge(1)).await.unwrap();
        assert!(directory.since_heartbeat(&edge(1)).await.unwrap().unwrap() >= DEREGISTERED_AGE);
        assert_eq!(directory.stale_edges(DEREGISTERED_AGE).await.unwrap(), vec![edge(1)]);
    }
    assert_eq!(directory.owned_by(&edge(1)).await.unwrap().1, vec![SessionId(1)]);
    directory.remove_edge(&edge(1)).await.unwrap();
    assert_eq!(directory.stale_edges(DEREGISTERED_AGE).await.unwrap(), vec![]);
}

async fn unknown_edge_can_deregister(directory: Directory) {
    directory.deregister_edge(&edge(1)).await.unwrap();
    assert_eq!(directory.stale_edges(LONG).await.unwrap(), vec![edge(1)]);
}
