//! What an edge stores of its sessions.

use crate::support::{edge, eventually, policy, saved, texts};
use directory::Directory;
use directory::record::{BacklogUpdate, ClaimedSession, SaveOutcome, SaveRequest};
use protocol::SessionId;
use std::time::Duration;

on_both_stores! {
    last_save_is_claimed
    backlog_keeps_its_order
    empty_append_changes_nothing
    backlog_holds_thousands_of_messages
    any_text_can_be_saved
    address_of_a_client_is_kept_until_another_is_saved
    each_save_has_its_outcome
    empty_save_succeeds
    session_of_another_edge_is_unchanged
    absence_counts_from_disconnect
    reconnected_client_is_not_away
}

const SESSION: SessionId = SessionId(1);

async fn open(directory: &Directory) {
    directory.open_session(SESSION, &edge(1), &policy()).await.unwrap();
}

/// Reads the stored session through a claim that changes nothing.
async fn claimed(directory: &Directory) -> ClaimedSession {
    directory.claim_session(SESSION, &edge(1), &edge(1)).await.unwrap().unwrap()
}

async fn save(directory: &Directory, backlog: BacklogUpdate) {
    let save = SaveRequest { backlog, ..saved(SESSION) };
    assert_eq!(directory.save_sessions(&edge(1), &[save]).await.unwrap(), vec![SaveOutcome::Saved]);
}

async fn away(directory: &Directory) -> Option<Duration> {
    directory.session(SESSION).await.unwrap().unwrap().away
}

async fn last_save_is_claimed(directory: Directory) {
    open(&directory).await;
    assert_eq!(
        claimed(&directory).await,
        ClaimedSession { state: None, backlog: vec![], previous_edges: vec![] }
    );
    for state in ["first", "second"] {
        let save = SaveRequest { state: state.to_owned(), ..saved(SESSION) };
        assert_eq!(directory.save_sessions(&edge(1), &[save]).await.unwrap(), vec![SaveOutcome::Saved]);
        assert_eq!(claimed(&directory).await.state.as_deref(), Some(state));
    }
    assert_eq!(directory.session(SESSION).await.unwrap().unwrap().policy, policy());
}

async fn backlog_keeps_its_order(directory: Directory) {
    open(&directory).await;
    save(&directory, BacklogUpdate::Append(texts(1..=12))).await;
    save(&directory, BacklogUpdate::Append(texts(13..=13))).await;
    assert_eq!(claimed(&directory).await.backlog, texts(1..=13));
    save(&directory, BacklogUpdate::Replace(texts(20..=22))).await;
    assert_eq!(claimed(&directory).await.backlog, texts(20..=22));
    save(&directory, BacklogUpdate::Append(texts(23..=40))).await;
    assert_eq!(claimed(&directory).await.backlog, texts(20..=40));
    save(&directory, BacklogUpdate::Replace(vec![])).await;
    assert_eq!(claimed(&directory).await.backlog, [""; 0]);
    assert_eq!(directory.session(SESSION).await.unwrap().unwrap().policy, policy());
}

async fn empty_append_changes_nothing(directory: Directory) {
    open(&directory).await;
    save(&directory, BacklogUpdate::Append(vec![])).await;
    assert_eq!(claimed(&directory).await.backlog, [""; 0]);
    save(&directory, BacklogUpdate::Append(texts(1..=2))).await;
    save(&directory, BacklogUpdate::Append(vec![])).await;
    assert_eq!(claimed(&directory).await.backlog, texts(1..=2));
}

async fn backlog_holds_thousands_of_messages(directory: Directory) {
    open(&directory).await;
    save(&directory, BacklogUpdate::Replace(texts(1..=10_000))).await;
    save(&directory, BacklogUpdate::Append(texts(10_001..=20_000))).await;
    assert_eq!(claimed(&directory).await.backlog, texts(1..=20_000));
    save(&directory, BacklogUpdate::Replace(texts(1..=1))).await;
    assert_eq!(claimed(&directory).await.backlog, texts(1..=1));
}

async fn address_of_a_client_is_kept_until_another_is_saved(directory: Directory) {
    open(&directory).await;
    let client = |text: &str| Some(text.to_owned());
    for (saved_client, backlog, expected) in [
        (None, BacklogUpdate::Append(texts(1..=2)), None),
        (client("192.0.2.7"), BacklogUpdate::Append(vec![]), client("192.0.2.7")),
        (None, BacklogUpdate::Append(texts(3..=3)), client("192.0.2.7")),
        (None, BacklogUpdate::Replace(texts(1..=1)), client("192.0.2.7")),
        (client("2001:db8::7"), BacklogUpdate::Replace(vec![]), client("2001:db8::7")),
        (None, BacklogUpdate::Replace(vec![]), client("2001:db8::7")),
    ] {
        let save = SaveRequest { backlog, client: saved_client, ..saved(SESSION) };
        directory.save_sessions(&edge(1), &[save]).await.unwrap();
        assert_eq!(directory.session(SESSION).await.unwrap().unwrap().client, expected);
    }
    let claimed = directory.claim_session(SESSION, &edge(1), &edge(2)).await.unwrap();
    assert!(claimed.is_some());
    let session = directory.session(SESSION).await.unwrap().unwrap();
    assert_eq!((session.edge, session.client), (edge(2), client("2001:db8::7")));
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
        assert_eq!(claimed(&directory).await, expected);
    }
}

async fn each_save_has_its_outcome(directory: Directory) {
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

async fn empty_save_succeeds(directory: Directory) {
    assert_eq!(directory.save_sessions(&edge(1), &[]).await.unwrap(), vec![]);
}

async fn session_of_another_edge_is_unchanged(directory: Directory) {
    open(&directory).await;
    save(&directory, BacklogUpdate::Replace(texts(1..=2))).await;
    for backlog in [BacklogUpdate::Append(texts(8..=9)), BacklogUpdate::Replace(vec![])] {
        let foreign = SaveRequest {
            state: "foreign".to_owned(),
            backlog,
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
        assert_eq!(claimed(&directory).await, expected);
    }
}

async fn absence_counts_from_disconnect(directory: Directory) {
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

async fn reconnected_client_is_not_away(directory: Directory) {
    open(&directory).await;
    for backlog in [BacklogUpdate::Append(vec![]), BacklogUpdate::Replace(texts(1..=1))] {
        let gone = SaveRequest { away: Some(Duration::ZERO), ..saved(SESSION) };
        directory.save_sessions(&edge(1), &[gone]).await.unwrap();
        assert!(away(&directory).await.is_some());
        save(&directory, backlog).await;
        assert_eq!(away(&directory).await, None);
    }
}
