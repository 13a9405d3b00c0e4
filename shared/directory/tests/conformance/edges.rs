//! Edges: their signs of life, and what they leave behind.

use crate::support::{edge, eventually, gives, handle, owner, policy};
use directory::{DEREGISTERED_AGE, Directory};
use protocol::SessionId;
use std::time::Duration;

on_both_stores! {
    an_edge_holds_its_handles_and_sessions
    an_edge_that_says_nothing_is_silent
    a_forgotten_edge_is_not_silent
    an_edge_hears_whether_it_was_known
    an_edge_is_silent_since_its_last_sign_of_life
    an_edge_that_left_has_been_silent_for_long
    an_edge_that_nobody_knew_can_leave
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

async fn an_edge_holds_its_handles_and_sessions(directory: Directory) {
    for number in 1..=2_500 {
        directory.open_session(SessionId(number), &edge(1), &policy()).await.unwrap();
    }
    gives(&directory, "alice", &owner(1)).await;
    gives(&directory, "bob", &owner(2)).await;
    let (mut handles, mut sessions) = directory.owned_by(&edge(1)).await.unwrap();
    handles.sort();
    sessions.sort();
    assert_eq!(handles, vec![handle(1), handle(2)]);
    assert_eq!(sessions, (1..=2_500).map(SessionId).collect::<Vec<_>>());
    assert_eq!(directory.owned_by(&edge(2)).await.unwrap(), (vec![], vec![]));
}

async fn an_edge_that_says_nothing_is_silent(directory: Directory) {
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

async fn a_forgotten_edge_is_not_silent(directory: Directory) {
    directory.heartbeat(&edge(1)).await.unwrap();
    eventually("the edge is silent", async || !directory.stale_edges(SHORT).await.unwrap().is_empty()).await;
    for _ in 0..2 {
        directory.remove_edge(&edge(1)).await.unwrap();
        assert_eq!(directory.stale_edges(SHORT).await.unwrap(), vec![]);
        assert_eq!(directory.since_heartbeat(&edge(1)).await.unwrap(), None);
    }
}

async fn an_edge_hears_whether_it_was_known(directory: Directory) {
    for _ in 0..2 {
        for known in [false, true, true] {
            assert_eq!(directory.heartbeat(&edge(1)).await.unwrap(), known);
        }
        assert!(!directory.heartbeat(&edge(2)).await.unwrap());
        directory.remove_edge(&edge(1)).await.unwrap();
        directory.remove_edge(&edge(2)).await.unwrap();
    }
}

async fn an_edge_is_silent_since_its_last_sign_of_life(directory: Directory) {
    assert_eq!(directory.since_heartbeat(&edge(1)).await.unwrap(), None);
    directory.heartbeat(&edge(1)).await.unwrap();
    let silence = async || directory.since_heartbeat(&edge(1)).await.unwrap().unwrap();
    assert!(silence().await < LONG);
    eventually("the silence grows", async || silence().await >= SHORT).await;
    directory.heartbeat(&edge(1)).await.unwrap();
    eventually("it begins again", async || {
        directory.heartbeat(&edge(1)).await.unwrap();
        silence().await < SHORT
    })
    .await;
}

async fn an_edge_that_left_has_been_silent_for_long(directory: Directory) {
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

async fn an_edge_that_nobody_knew_can_leave(directory: Directory) {
    directory.deregister_edge(&edge(1)).await.unwrap();
    assert_eq!(directory.stale_edges(LONG).await.unwrap(), vec![edge(1)]);
}
