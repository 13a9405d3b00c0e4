//! Opening and closing sessions.

use crate::support::{edge, holder, policy};
use directory::Directory;
use directory::record::{Session, SessionPolicy};
use protocol::SessionId;
use std::time::Duration;

on_both_stores! {
    session_is_opened_once
    session_keeps_its_policy
    only_owner_closes_session
}

const SESSION: SessionId = SessionId(1);

async fn session_is_opened_once(directory: Directory) {
    assert_eq!(directory.session(SESSION).await.unwrap(), None);
    assert!(directory.open_session(SESSION, &edge(1), &policy()).await.unwrap());
    assert!(!directory.open_session(SESSION, &edge(1), &SessionPolicy::default()).await.unwrap());
    assert!(!directory.open_session(SESSION, &edge(2), &SessionPolicy::default()).await.unwrap());
    let opened = Session { edge: edge(1), policy: policy(), away: None, client: None };
    assert_eq!(directory.session(SESSION).await.unwrap(), Some(opened));
    assert_eq!(directory.owned_by(&edge(1)).await.unwrap().1, vec![SESSION]);
    assert_eq!(directory.owned_by(&edge(2)).await.unwrap().1, vec![]);
}

async fn session_keeps_its_policy(directory: Directory) {
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    let texts = [None, Some(String::new()), Some("quo\"te\r\n\0".to_owned())];
    for (number, (digest, grace)) in (1..).zip(texts.into_iter().zip([Duration::ZERO, year, year / 3_000])) {
        let policy = SessionPolicy { token_digest: digest, grace };
        directory.open_session(SessionId(number), &edge(1), &policy).await.unwrap();
        assert_eq!(directory.session(SessionId(number)).await.unwrap().unwrap().policy, policy);
    }
}

async fn only_owner_closes_session(directory: Directory) {
    directory.open_session(SESSION, &edge(1), &policy()).await.unwrap();
    directory.close_session(SESSION, &edge(2)).await.unwrap();
    assert_eq!(holder(&directory, SESSION).await, Some(edge(1)));
    assert_eq!(directory.owned_by(&edge(1)).await.unwrap().1, vec![SESSION]);
    for _ in 0..2 {
        directory.close_session(SESSION, &edge(1)).await.unwrap();
        assert_eq!(directory.session(SESSION).await.unwrap(), None);
    }
    assert!(directory.open_session(SESSION, &edge(2), &policy()).await.unwrap());
}
