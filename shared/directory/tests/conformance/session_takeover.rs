//! A session moves to another edge, with its handles and their names.

use crate::support::{edge, handle, holder, owner, place, policy, register_now, saved, texts};
use directory::Directory;
use directory::record::{BacklogUpdate, Call, ClaimedSession, Handle, Owner, SaveOutcome, SaveRequest};
use std::time::Duration;

on_both_stores! {
    claimed_session_is_owned_by_new_edge
    backlog_stays_until_new_edge_saves
    last_previous_edges_are_stored
    claim_restarts_grace_until_saved
    claim_names_the_current_owner
    claim_is_repeated_after_lost_reply
    previous_owner_cannot_change_session
    handle_moves_with_its_name
    moved_handle_stays_in_its_call
    move_is_idempotent
    name_of_another_handle_stays
    move_creates_no_record
    frozen_edge_takes_no_handle_back
    interrupted_move_is_finished_by_next_claim
}

/// Creates a session at edge 1 whose handle is `alice`, and returns what a claim of it returns.
async fn alice(directory: &Directory) -> ClaimedSession {
    directory.open_session(handle(1).session, &edge(1), &policy()).await.unwrap();
    register_now(directory, "alice", &owner(1)).await;
    let away = Some(Duration::from_secs(3));
    let save =
        SaveRequest { backlog: BacklogUpdate::Replace(texts(1..=3)), away, ..saved(handle(1).session) };
    assert_eq!(
        directory.save_sessions(&edge(1), std::slice::from_ref(&save)).await.unwrap(),
        vec![SaveOutcome::Saved]
    );
    ClaimedSession { state: Some(save.state), backlog: texts(1..=3), previous_edges: vec![edge(1)] }
}

async fn claim(directory: &Directory, from: u64, to: u64) -> Option<ClaimedSession> {
    directory.claim_session(handle(1).session, &edge(from), &edge(to)).await.unwrap()
}

async fn moves(directory: &Directory, from: u64, to: u64) {
    directory.move_handle(handle(1), Some("alice"), &edge(from), &edge(to)).await.unwrap();
}

/// Asserts that alice's session, handle and name are at that edge, and at no other of the first three.
async fn is_at(directory: &Directory, number: u64) {
    assert_eq!(holder(directory, handle(1).session).await, Some(edge(number)));
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().edge, edge(number));
    let user = directory.user("alice").await.unwrap().unwrap();
    assert_eq!(user.owner().unwrap().clone(), Owner { edge: edge(number), handle: handle(1) });
    for other in 1..=3 {
        let owned = directory.owned_by(&edge(other)).await.unwrap();
        let expected =
            if other == number { (vec![handle(1)], vec![handle(1).session]) } else { (vec![], vec![]) };
        assert_eq!(owned, expected, "{other}");
    }
}

async fn claimed_session_is_owned_by_new_edge(directory: Directory) {
    let written = alice(&directory).await;
    assert_eq!(claim(&directory, 1, 2).await, Some(written));
    let session = directory.session(handle(1).session).await.unwrap().unwrap();
    assert_eq!((session.edge, session.policy), (edge(2), policy()));
    assert_eq!(directory.owned_by(&edge(1)).await.unwrap(), (vec![handle(1)], vec![]));
    assert_eq!(directory.owned_by(&edge(2)).await.unwrap(), (vec![], vec![handle(1).session]));
}

async fn backlog_stays_until_new_edge_saves(directory: Directory) {
    let written = alice(&directory).await;
    assert_eq!(claim(&directory, 1, 2).await, Some(written.clone()));
    let again = ClaimedSession { previous_edges: vec![edge(2), edge(1)], ..written };
    assert_eq!(claim(&directory, 2, 3).await, Some(again));
    let emptied = SaveRequest { backlog: BacklogUpdate::Replace(vec![]), ..saved(handle(1).session) };
    directory.save_sessions(&edge(3), &[emptied]).await.unwrap();
    assert_eq!(claim(&directory, 3, 1).await.unwrap().backlog, [""; 0]);
}

async fn last_previous_edges_are_stored(directory: Directory) {
    alice(&directory).await;
    let previous_edges = async |from, to| claim(&directory, from, to).await.unwrap().previous_edges;
    assert_eq!(previous_edges(1, 2).await, [edge(1)]);
    assert_eq!(previous_edges(2, 2).await, [edge(1)]);
    assert_eq!(previous_edges(2, 1).await, [edge(2)]);
    assert_eq!(previous_edges(1, 3).await, [edge(1), edge(2)]);
    assert_eq!(previous_edges(3, 4).await, [edge(3), edge(1), edge(2)]);
    assert_eq!(previous_edges(4, 5).await, [edge(4), edge(3), edge(1)]);
}

async fn claim_restarts_grace_until_saved(directory: Directory) {
    alice(&directory).await;
    assert!(directory.session(handle(1).session).await.unwrap().unwrap().away.is_some());
    claim(&directory, 1, 2).await;
    let away = async || directory.session(handle(1).session).await.unwrap().unwrap().away;
    assert!(away().await.unwrap() < Duration::from_secs(3), "since the claim");
    let save = SaveRequest { backlog: BacklogUpdate::Replace(vec![]), ..saved(handle(1).session) };
    directory.save_sessions(&edge(2), &[save]).await.unwrap();
    assert_eq!(away().await, None);
    assert_eq!(
        claim(&directory, 2, 3).await.unwrap().previous_edges,
        [edge(2), edge(1)],
        "a save keeps them"
    );
}

async fn claim_names_the_current_owner(directory: Directory) {
    assert_eq!(claim(&directory, 1, 2).await, None);
    assert_eq!(directory.session(handle(1).session).await.unwrap(), None);
    alice(&directory).await;
    assert_eq!(claim(&directory, 3, 2).await, None);
    assert_eq!(holder(&directory, handle(1).session).await, Some(edge(1)));
    assert!(directory.session(handle(1).session).await.unwrap().unwrap().away.is_some());
}

async fn claim_is_repeated_after_lost_reply(directory: Directory) {
    let written = alice(&directory).await;
    claim(&directory, 1, 2).await.unwrap();
    assert_eq!(claim(&directory, 1, 2).await, None);
    assert_eq!(claim(&directory, 2, 2).await, Some(written));
    moves(&directory, 1, 2).await;
    is_at(&directory, 2).await;
}

async fn previous_owner_cannot_change_session(directory: Directory) {
    let written = alice(&directory).await;
    claim(&directory, 1, 2).await;
    moves(&directory, 1, 2).await;
    let session = handle(1).session;
    let late = SaveRequest { backlog: BacklogUpdate::Append(texts(8..=9)), ..saved(session) };
    let answer = directory.save_sessions(&edge(1), &[late]).await.unwrap();
    assert_eq!(answer, vec![SaveOutcome::OwnedBy(edge(2))]);
    directory.close_session(session, &edge(1)).await.unwrap();
    assert!(!directory.open_session(session, &edge(1), &policy()).await.unwrap());
    is_at(&directory, 2).await;
    assert_eq!(claim(&directory, 2, 2).await, Some(written));
}

async fn handle_moves_with_its_name(directory: Directory) {
    alice(&directory).await;
    claim(&directory, 1, 2).await;
    moves(&directory, 1, 2).await;
    is_at(&directory, 2).await;
    assert!(directory.release_name("alice", handle(1)).await.unwrap());
    assert_eq!(directory.remove_handle(handle(1)).await.unwrap().unwrap().edge, edge(2));
    assert_eq!(directory.owned_by(&edge(2)).await.unwrap().0, vec![]);
}

async fn moved_handle_stays_in_its_call(directory: Directory) {
    alice(&directory).await;
    register_now(&directory, "bob", &owner(2)).await;
    let call: Call = crate::support::call(("alice", 1), ("bob", 2));
    assert!(place(&directory, &call).await);
    claim(&directory, 1, 2).await;
    moves(&directory, 1, 2).await;
    let moved = Handle { edge: edge(2), username: Some("alice".to_owned()), call: Some(call.id) };
    assert_eq!(directory.handle(handle(1)).await.unwrap(), Some(moved));
    directory.release_call(call.id).await.unwrap();
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().call, None);
}

async fn move_is_idempotent(directory: Directory) {
    alice(&directory).await;
    claim(&directory, 1, 2).await;
    for from in [1, 1, 2, 3] {
        moves(&directory, from, 2).await;
        is_at(&directory, 2).await;
    }
}

async fn name_of_another_handle_stays(directory: Directory) {
    alice(&directory).await;
    register_now(&directory, "alice", &owner(3)).await;
    claim(&directory, 1, 2).await;
    moves(&directory, 1, 2).await;
    assert_eq!(directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone(), owner(3));
    let moved = Handle { edge: edge(2), username: None, call: None };
    assert_eq!(directory.handle(handle(1)).await.unwrap(), Some(moved));
    directory.move_handle(handle(1), Some("nobody"), &edge(1), &edge(2)).await.unwrap();
    assert_eq!(directory.user("nobody").await.unwrap(), None);
}

async fn move_creates_no_record(directory: Directory) {
    directory.open_session(handle(1).session, &edge(1), &policy()).await.unwrap();
    for username in [None, Some("alice")] {
        directory.move_handle(handle(1), username, &edge(1), &edge(2)).await.unwrap();
        assert_eq!(directory.handle_and_user(handle(1), "alice").await.unwrap(), (None, None));
        assert_eq!(directory.owned_by(&edge(1)).await.unwrap().0, vec![]);
        assert_eq!(directory.owned_by(&edge(2)).await.unwrap().0, vec![]);
    }
}

async fn frozen_edge_takes_no_handle_back(directory: Directory) {
    alice(&directory).await;
    claim(&directory, 1, 2).await;
    claim(&directory, 2, 3).await;
    moves(&directory, 2, 3).await;
    moves(&directory, 1, 2).await;
    is_at(&directory, 3).await;
}

async fn interrupted_move_is_finished_by_next_claim(directory: Directory) {
    alice(&directory).await;
    claim(&directory, 1, 2).await;
    claim(&directory, 2, 3).await;
    moves(&directory, 2, 3).await;
    assert_eq!(directory.handle(handle(1)).await.unwrap().unwrap().edge, edge(3));
    assert_eq!(directory.user("alice").await.unwrap().unwrap().owner().unwrap().clone().edge, edge(3));
    assert_eq!(directory.owned_by(&edge(3)).await.unwrap(), (vec![handle(1)], vec![handle(1).session]));
}
