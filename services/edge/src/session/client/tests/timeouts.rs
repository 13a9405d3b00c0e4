//! Sessions expire without requests, or some time after their socket is gone.

use super::*;

fn keepalive(session: u64) -> Value {
    json!({"janus": "keepalive", "session_id": session})
}

#[test]
fn expired_session_sends_timeout() {
    let mut client = connected().with_session(7);
    client.attach(7);
    assert_eq!(client.after(SESSION_TIMEOUT - MOMENT), (vec![], vec![]));
    assert_eq!(client.after(MOMENT), (vec![7], vec!["7: timeout".to_owned()]));
    assert_eq!(client.due_in(), None);
    assert_eq!(client.code(keepalive(7)), 458);
}

#[test]
fn expired_session_releases_its_handles_first() {
    let mut client = connected().with_session(7);
    client.attach_registered(7);
    client.after(SESSION_TIMEOUT / 2);
    assert_eq!(client.after(SESSION_TIMEOUT / 2).1, ["release", "7: timeout"]);
}

#[test]
fn any_request_keeps_a_session_alive_even_a_failing_one() {
    let mut client = connected().with_session(7);
    let handle = client.attach(7);
    for request in [
        keepalive(7),
        json!({"janus": "dance", "session_id": 7}),
        json!({"janus": "keepalive", "session_id": 7, "handle_id": handle}),
        json!({"janus": "keepalive", "session_id": 7, "handle_id": handle + 1}),
        json!({"janus": "claim", "session_id": 7}),
        json!({"janus": "trickle", "session_id": 7, "handle_id": handle}),
    ] {
        client.after(SESSION_TIMEOUT - MOMENT);
        client.request(request.clone());
        assert_eq!(client.due_in(), Some(SESSION_TIMEOUT), "{request}");
    }
}

#[test]
fn events_do_not_keep_a_session_alive() {
    let mut client = connected().with_session(7);
    let handle = client.attach(7);
    client.after(SESSION_TIMEOUT - MOMENT);
    let now = client.now;
    client.client.on_events(incoming(7, handle), now);
    assert_eq!(client.after(MOMENT).0, [7]);
}

#[test]
fn requests_of_one_session_do_not_keep_another_alive() {
    let mut client = connected().with_session(7).with_session(8);
    client.after(SESSION_TIMEOUT / 2);
    client.request(keepalive(8));
    assert_eq!(client.after(SESSION_TIMEOUT / 2), (vec![7], vec!["7: timeout".to_owned()]));
    assert_eq!(client.due_in(), Some(SESSION_TIMEOUT / 2));
    assert_eq!(client.after(SESSION_TIMEOUT / 2), (vec![8], vec!["8: timeout".to_owned()]));
}

#[test]
fn several_sessions_can_expire_at_once() {
    let mut client = connected().with_session(7).with_session(8);
    let (mut expired, mut actions) = client.after(SESSION_TIMEOUT);
    expired.sort_unstable();
    actions.sort_unstable();
    assert_eq!((expired, actions), (vec![7, 8], vec!["7: timeout".to_owned(), "8: timeout".to_owned()]));
    assert!(client.client.is_empty());
}

#[test]
fn session_without_a_timeout_does_not_expire() {
    let mut client = connected_with(None).with_session(7);
    assert_eq!(client.due_in(), None);
    assert!(client.after(SESSION_TIMEOUT * 1000).0.is_empty());
}

#[test]
fn reclaim_timeout_counts_from_the_disconnect() {
    let mut client = connected().with_session(7).with_session(8);
    client.after(SESSION_TIMEOUT - MOMENT);
    let now = client.now;
    client.client.set_disconnected(now);
    assert_eq!(client.due_in(), Some(RECLAIM_TIMEOUT));
    assert!(client.after(RECLAIM_TIMEOUT - MOMENT).0.is_empty());
    assert_eq!(client.after(MOMENT).0.len(), 2);
}

#[test]
fn session_without_a_timeout_expires_without_a_socket() {
    let mut client = connected_with(None).with_session(7);
    let now = client.now;
    client.client.set_disconnected(now);
    assert_eq!(client.after(RECLAIM_TIMEOUT).0, [7]);
}

#[test]
fn claim_counts_as_a_request() {
    let mut old = connected().with_session(7);
    let now = old.now;
    old.client.set_disconnected(now);
    let session = old.client.surrender(SessionId(7), old.now).unwrap();
    assert_eq!(old.due_in(), None);
    let mut new = connected();
    new.now = old.now + RECLAIM_TIMEOUT - MOMENT;
    new.client.add_claimed(session, new.now);
    assert_eq!(new.due_in(), Some(SESSION_TIMEOUT));
}

#[test]
fn returned_session_keeps_its_remaining_time() {
    let mut client = connected().with_session(7);
    client.after(SESSION_TIMEOUT / 2);
    let session = client.client.surrender(SessionId(7), client.now).unwrap();
    client.client.add_returned(session);
    assert_eq!(client.due_in(), Some(SESSION_TIMEOUT / 2));
}
