//! What an edge writes down of its sessions.

use crate::support::{edge, eventually, policy, saved, texts};
use directory::Directory;
use directory::record::{BacklogUpdate, ClaimedSession, SaveOutcome, SaveRequest};
use protocol::SessionId;
use std::time::Duration;

on_both_stores! {
    what_was_saved_last_is_inherited
    what_is_unheard_keeps_its_order
    an_addition_of_nothing_changes_nothing
    thousands_of_texts_may_be_unheard
    any_text_can_be_saved
    each_save_of_many_has_its_answer
    nothing_to_save_is_saved
    a_session_of_another_edge_is_left_as_it_is
    an_absence_is_counted_from_its_beginning
    a_client_that_is_back_is_not_away
}

const SESSION: SessionId = SessionId(1);

async fn open(directory: &Directory) {
    directory.open_session(SESSION, &edge(1), &policy()).await.unwrap();
}

/// What stands there now, without a change.
async fn inherited(directory: &Directory) -> ClaimedSession {
    directory.claim_session(SESSION, &edge(1), &edge(1)).await.unwrap().unwrap()
}

async fn save(directory: &Directory, unheard: BacklogUpdate) {
    let save = SaveRequest { backlog: unheard, ..saved(SESSION) };
    assert_eq!(directory.save_sessions(&edge(1), &[save]).await.unwrap(), vec![SaveOutcome::Saved]);
}

async fn away(directory: &Directory) -> Option<Duration> {
    directory.session(SESSION).await.unwrap().unwrap().away
}

async fn what_was_saved_last_is_inherited(directory: Directory) {
    open(&directory).await;
    assert_eq!(
        inherited(&directory).await,
        ClaimedSession { state: None, backlog: vec![], previous_edges: vec![] }
    );
    for state in ["first", "second"] {
        let save = SaveRequest { state: state.to_owned(), ..saved(SESSION) };
        assert_eq!(directory.save_sessions(&edge(1), &[save]).await.unwrap(), vec![SaveOutcome::Saved]);
        assert_eq!(inherited(&directory).await.state.as_deref(), Some(state));
    }
    assert_eq!(directory.session(SESSION).await.unwrap().unwrap().policy, policy());
}

async fn what_is_unheard_keeps_its_order(directory: Directory) {
    open(&directory).await;
    save(&directory, BacklogUpdate::Append(texts(1..=12))).await;
    save(&directory, BacklogUpdate::Append(texts(13..=13))).await;
    assert_eq!(inherited(&directory).await.backlog, texts(1..=13));
    save(&directory, BacklogUpdate::Replace(texts(20..=22))).await;
    assert_eq!(inherited(&directory).await.backlog, texts(20..=22));
    save(&directory, BacklogUpdate::Append(texts(23..=40))).await;
    assert_eq!(inherited(&directory).await.backlog, texts(20..=40));
    save(&directory, BacklogUpdate::Replace(vec![])).await;
    assert_eq!(inherited(&directory).await.backlog, [""; 0]);
    assert_eq!(directory.session(SESSION).await.unwrap().unwrap().policy, policy());
}

async fn an_addition_of_nothing_changes_nothing(directory: Directory) {
    open(&directory).await;
    save(&directory, BacklogUpdate::Append(vec![])).await;
    assert_eq!(inherited(&directory).await.backlog, [""; 0]);
    save(&directory, BacklogUpdate::Append(texts(1..=2))).await;
    save(&directory, BacklogUpdate::Append(vec![])).await;
    assert_eq!(inherited(&directory).await.backlog, texts(1..=2));
}

async fn thousands_of_texts_may_be_unheard(directory: Directory) {
    open(&directory).await;
    save(&directory, BacklogUpdate::Replace(texts(1..=10_000))).await;
    save(&directory, BacklogUpdate::Append(texts(10_001..=20_000))).await;
    assert_eq!(inherited(&directory).await.backlog, texts(1..=20_000));
    save(&directory, BacklogUpdate::Replace(texts(1..=1))).await;
    assert_eq!(inherited(&directory).await.backlog, texts(1..=1));
}

async fn any_text_can_be_saved(directory: Directory) {
    open(&directory).await;
    let odd = ["", " ", "add", "nul\0l", "quote\"'`", "line\r\n*3\r\n", "ünï😀"].map(str::to_owned).to_vec();
    for state in &odd {
        let save = SaveRequest {
            state: state.clone(),
            backlog: BacklogUpdate::Replace(odd.clone()),
            ..saved(SESSION)
        };
        directory.save_sessions(&edge(1), &[save]).await.unwrap();
        let expected =
            ClaimedSession { state: Some(state.clone()), backlog: odd.clone(), previous_edges: vec![] };
        assert_eq!(inherited(&directory).await, expected);
    }
}

async fn each_save_of_many_has_its_answer(directory: Directory) {
    directory.open_session(SessionId(1), &edge(1), &policy()).await.unwrap();
    directory.open_session(SessionId(2), &edge(2), &policy()).await.unwrap();
    directory.open_session(SessionId(4), &edge(1), &policy()).await.unwrap();
    let saves = [1, 2, 3, 4, 1].map(|number| saved(SessionId(number)));
    let answers = directory.save_sessions(&edge(1), &saves).await.unwrap();
    let expected = [
        SaveOutcome::Saved,
        SaveOutcome::OwnedBy(edge(2)),
        SaveOutcome::Missing,
        SaveOutcome::Saved,
        SaveOutcome::Saved,
    ];
    assert_eq!(answers, expected);
    assert_eq!(directory.session(SessionId(3)).await.unwrap(), None);
}

async fn nothing_to_save_is_saved(directory: Directory) {
    assert_eq!(directory.save_sessions(&edge(1), &[]).await.unwrap(), vec![]);
}

async fn a_session_of_another_edge_is_left_as_it_is(directory: Directory) {
    open(&directory).await;
    save(&directory, BacklogUpdate::Replace(texts(1..=2))).await;
    for unheard in [BacklogUpdate::Append(texts(8..=9)), BacklogUpdate::Replace(vec![])] {
        let foreign = SaveRequest {
            state: "foreign".to_owned(),
            backlog: unheard,
            away: Some(Duration::ZERO),
            ..saved(SESSION)
        };
        let before = away(&directory).await.is_some();
        let answer = directory.save_sessions(&edge(2), &[foreign]).await.unwrap();
        assert_eq!(answer, vec![SaveOutcome::OwnedBy(edge(1))]);
        assert_eq!(away(&directory).await.is_some(), before);
        let expected = ClaimedSession {
            state: Some(saved(SESSION).state),
            backlog: texts(1..=2),
            previous_edges: vec![],
        };
        assert_eq!(inherited(&directory).await, expected);
    }
}

async fn an_absence_is_counted_from_its_beginning(directory: Directory) {
    const LONG: Duration = Duration::from_secs(40);
    open(&directory).await;
    for gone in [Duration::ZERO, LONG] {
        let save = SaveRequest { away: Some(gone), ..saved(SESSION) };
        directory.save_sessions(&edge(1), &[save]).await.unwrap();
        let since = away(&directory).await.unwrap();
        assert!(since >= gone && since < gone + LONG, "{since:?}");
        let later = since + Duration::from_millis(20);
        eventually("it lasts", async || away(&directory).await.unwrap() >= later).await;
    }
}

async fn a_client_that_is_back_is_not_away(directory: Directory) {
    open(&directory).await;
    for unheard in [BacklogUpdate::Append(vec![]), BacklogUpdate::Replace(texts(1..=1))] {
        let gone = SaveRequest { away: Some(Duration::ZERO), ..saved(SESSION) };
        directory.save_sessions(&edge(1), &[gone]).await.unwrap();
        assert!(away(&directory).await.is_some());
        save(&directory, unheard).await;
        assert_eq!(away(&directory).await, None);
    }
}
