//! Sessions, edges, and what an edge leaves behind.

use crate::support::{edge, eventually, gives, handle, owner};
use directory::Directory;
use protocol::SessionId;
use std::time::Duration;

on_both_stores! {
    a_session_is_opened_once
    only_its_edge_closes_a_session
    an_edge_holds_its_handles_and_sessions
    an_edge_that_says_nothing_is_silent
    a_forgotten_edge_is_not_silent
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

async fn a_session_is_opened_once(directory: Directory) {
    let session = SessionId(1);
    assert_eq!(directory.session(session).await.unwrap(), None);
    assert!(directory.open_session(session, &edge(1), &terms()).await.unwrap());
    assert!(!directory.open_session(session, &edge(1), &terms()).await.unwrap());
    assert!(!directory.open_session(session, &edge(2), &terms()).await.unwrap());
    assert_eq!(directory.session(session).await.unwrap(), Some(edge(1)));
    assert_eq!(directory.held_by(&edge(1)).await.unwrap().1, vec![session]);
    assert_eq!(directory.held_by(&edge(2)).await.unwrap().1, vec![]);
}

async fn only_its_edge_closes_a_session(directory: Directory) {
    let session = SessionId(1);
    directory.open_session(session, &edge(1), &terms()).await.unwrap();
    directory.close_session(session, &edge(2)).await.unwrap();
    assert_eq!(directory.session(session).await.unwrap(), Some(edge(1)));
    assert_eq!(directory.held_by(&edge(1)).await.unwrap().1, vec![session]);
    for _ in 0..2 {
        directory.close_session(session, &edge(1)).await.unwrap();
        assert_eq!(directory.session(session).await.unwrap(), None);
    }
    assert!(directory.open_session(session, &edge(2), &terms()).await.unwrap());
}

async fn an_edge_holds_its_handles_and_sessions(directory: Directory) {
    for number in 1..=2_500 {
        directory.open_session(SessionId(number), &edge(1), &terms()).await.unwrap();
    }
    gives(&directory, "alice", &owner(1)).await;
    gives(&directory, "bob", &owner(2)).await;
    let (mut handles, mut sessions) = directory.held_by(&edge(1)).await.unwrap();
    handles.sort();
    sessions.sort();
    assert_eq!(handles, vec![handle(1), handle(2)]);
    assert_eq!(sessions, (1..=2_500).map(SessionId).collect::<Vec<_>>());
    assert_eq!(directory.held_by(&edge(2)).await.unwrap(), (vec![], vec![]));
}

async fn an_edge_that_says_nothing_is_silent(directory: Directory) {
    assert_eq!(directory.silent_edges(SHORT).await.unwrap(), vec![]);
    directory.edge_alive(&edge(1)).await.unwrap();
    directory.edge_alive(&edge(2)).await.unwrap();
    assert_eq!(directory.silent_edges(LONG).await.unwrap(), vec![]);
    eventually("edge 1 is silent, edge 2 is not", async || {
        directory.edge_alive(&edge(2)).await.unwrap();
        directory.silent_edges(SHORT).await.unwrap() == vec![edge(1)]
    })
    .await;
}

async fn a_forgotten_edge_is_not_silent(directory: Directory) {
    directory.edge_alive(&edge(1)).await.unwrap();
    eventually("the edge is silent", async || !directory.silent_edges(SHORT).await.unwrap().is_empty()).await;
    for _ in 0..2 {
        directory.forget_edge(&edge(1)).await.unwrap();
        assert_eq!(directory.silent_edges(SHORT).await.unwrap(), vec![]);
    }
}
