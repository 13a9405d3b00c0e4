//! Sessions end after silence, or some time after their socket went.

use super::*;

fn keepalive(session: u64) -> Value {
    json!({"janus": "keepalive", "session_id": session})
}

#[test]
fn a_silent_session_ends_and_its_client_is_told() {
    let mut client = connected().with_session(7);
    client.attach(7);
    assert_eq!(client.after(SILENCE - MOMENT), (vec![], vec![]));
    assert_eq!(client.after(MOMENT), (vec![7], vec!["7: timeout".to_owned()]));
    assert_eq!(client.due_in(), None);
    assert_eq!(client.code(keepalive(7)), 458);
}

#[test]
fn the_handles_of_a_silent_session_are_released_before_its_client_is_told() {
    let mut client = connected().with_session(7);
    client.registering(7);
    client.after(SILENCE / 2);
    assert_eq!(client.after(SILENCE / 2).1, ["release", "7: timeout"]);
}

#[test]
fn any_request_refreshes_a_session_even_one_that_fails() {
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
        client.after(SILENCE - MOMENT);
        client.asks(request.clone());
        assert_eq!(client.due_in(), Some(SILENCE), "{request}");
    }
}

#[test]
fn what_a_session_hears_does_not_refresh_it() {
    let mut client = connected().with_session(7);
    let handle = client.attach(7);
    client.after(SILENCE - MOMENT);
    let now = client.now;
    client.client.on_events(incoming(7, handle), now);
    assert_eq!(client.after(MOMENT).0, [7]);
}

#[test]
fn requests_of_one_session_do_not_refresh_another() {
    let mut client = connected().with_session(7).with_session(8);
    client.after(SILENCE / 2);
    client.asks(keepalive(8));
    assert_eq!(client.after(SILENCE / 2), (vec![7], vec!["7: timeout".to_owned()]));
    assert_eq!(client.due_in(), Some(SILENCE / 2));
    assert_eq!(client.after(SILENCE / 2), (vec![8], vec!["8: timeout".to_owned()]));
}

#[test]
fn several_sessions_can_end_at_once() {
    let mut client = connected().with_session(7).with_session(8);
    let (mut over, mut acts) = client.after(SILENCE);
    over.sort_unstable();
    acts.sort_unstable();
    assert_eq!((over, acts), (vec![7, 8], vec!["7: timeout".to_owned(), "8: timeout".to_owned()]));
    assert!(client.client.is_empty());
}

#[test]
fn without_a_session_timeout_silence_is_no_end() {
    let mut client = connected_with(None).with_session(7);
    assert_eq!(client.due_in(), None);
    assert!(client.after(SILENCE * 1000).0.is_empty());
}

#[test]
fn the_time_to_reclaim_counts_from_the_drop() {
    let mut client = connected().with_session(7).with_session(8);
    client.after(SILENCE - MOMENT);
    let now = client.now;
    client.client.set_disconnected(now);
    assert_eq!(client.due_in(), Some(RECLAIM));
    assert!(client.after(RECLAIM - MOMENT).0.is_empty());
    assert_eq!(client.after(MOMENT).0.len(), 2);
}

#[test]
fn a_session_without_a_timeout_is_not_kept_for_ever_once_its_socket_is_gone() {
    let mut client = connected_with(None).with_session(7);
    let now = client.now;
    client.client.set_disconnected(now);
    assert_eq!(client.after(RECLAIM).0, [7]);
}

#[test]
fn a_claimed_session_lives_as_if_it_had_just_asked() {
    let mut old = connected().with_session(7);
    let now = old.now;
    old.client.set_disconnected(now);
    let session = old.client.surrender(SessionId(7), old.now).unwrap();
    assert_eq!(old.due_in(), None);
    let mut new = connected();
    new.now = old.now + RECLAIM - MOMENT;
    new.client.add_claimed(session, new.now);
    assert_eq!(new.due_in(), Some(SILENCE));
}

#[test]
fn a_session_that_nobody_took_is_back_with_the_time_it_had_left() {
    let mut client = connected().with_session(7);
    client.after(SILENCE / 2);
    let session = client.client.surrender(SessionId(7), client.now).unwrap();
    client.client.add_returned(session);
    assert_eq!(client.due_in(), Some(SILENCE / 2));
}
