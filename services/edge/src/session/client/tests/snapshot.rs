//! Snapshots of sessions, and sessions that are restored at another edge.

use super::*;
use crate::session::Session;
use crate::session::action::Cx;
use crate::session::handle::REQUEST_TIMEOUT;
use bus::message::LegRef;
use common::{clock, entropy};
use proptest::prelude::*;

impl Harness {
    fn saved(&self, session: u64) -> String {
        self.client.snapshot(SessionId(session), self.now).unwrap()
    }

    fn changed(&mut self) -> Vec<u64> {
        self.client.take_changed().into_iter().map(|id| id.0).collect()
    }

    fn sends(&mut self, session: u64, handle: u64, body: Value) -> Vec<String> {
        let message = json!({"janus": "message", "session_id": session, "handle_id": handle, "body": body});
        match self.request(message) {
            Outcome::Perform(actions) | Outcome::AfterPersist(_, actions) => summaries(&actions),
            other => panic!("no actions: {other:?}"),
        }
    }
}

/// The session restored at another edge, some time later.
fn restored(state: &str, later: Duration) -> Harness {
    let mut harness = connected();
    let unix_ms = clock::unix_millis() + later.as_millis() as u64;
    let session = restore(state, harness.now, unix_ms).unwrap();
    harness.client.add_claimed(session, harness.now);
    harness
}

fn restore(state: &str, now: Instant, unix_ms: u64) -> serde_json::Result<Session> {
    Session::restore(state, SessionId(7), &ServiceId::from("edge-2"), now, unix_ms)
}

#[test]
fn restored_request_keeps_its_remaining_time() {
    entropy::simulate(0, || 1_000_000);
    let mut old = connected().with_session(7);
    let handle = old.attach_registered(7);
    let list = json!({"request": "list"});
    assert_eq!(old.sends(7, handle, list), ["7: ack"]);
    let mut new = restored(&old.saved(7), REQUEST_TIMEOUT / 2);
    assert_eq!(new.due_in(), Some(REQUEST_TIMEOUT / 2));
    assert_eq!(new.after(REQUEST_TIMEOUT / 2).1, ["7: event", "list"]);
}

#[test]
fn restored_request_past_its_deadline_fails_at_once() {
    let mut old = connected().with_session(7);
    old.attach_registered(7);
    let mut new = restored(&old.saved(7), REQUEST_TIMEOUT * 2);
    assert_eq!(new.after(Duration::ZERO).1, ["7: event"]);
}

#[test]
fn clock_skew_does_not_extend_deadlines() {
    let mut old = connected().with_session(7);
    old.attach_registered(7);
    let state = old.saved(7);
    let now = old.now;
    assert_eq!(restore(&state, now, 0).unwrap().next_timer(), Some(now + REQUEST_TIMEOUT));
    assert_eq!(restore(&state, now, u64::MAX).unwrap().next_timer(), Some(now));
}

#[test]
fn restored_session_sends_from_its_new_edge() {
    let mut old = connected().with_session(7);
    let handle = old.attach(7);
    let mut new = restored(&old.saved(7), Duration::ZERO);
    let body = json!({"request": "register", "username": "alice"});
    let outcome =
        new.request(json!({"janus": "message", "session_id": 7, "handle_id": handle, "body": body}));
    let Outcome::Perform(actions) = outcome else { panic!("expected actions") };
    let Some(Action::Publish(_, message, _)) = actions.last() else { panic!("expected a message") };
    let Body::Register(request) = &message.body else { panic!("expected a register") };
    assert_eq!((request.from.edge.as_str(), request.from.handle), ("edge-2", HandleId(handle)));
}

#[test]
fn detach_is_completed_at_the_new_edge() {
    for (later, due) in [(Duration::ZERO, REQUEST_TIMEOUT), (REQUEST_TIMEOUT, Duration::ZERO)] {
        let mut old = connected().with_session(7);
        let handle = old.attach_registered(7);
        old.request(json!({"janus": "detach", "session_id": 7, "handle_id": handle}));
        let mut new = restored(&old.saved(7), later);
        assert_eq!(new.after(due).1, ["release", "7: detached"]);
    }
}

#[test]
fn release_detaches_a_handle_that_the_snapshot_still_has() {
    let mut old = connected().with_session(7);
    let handle = old.attach_registered(7);
    let state = old.saved(7);
    let mut new = restored(&state, Duration::ZERO);
    let freed = Events { change: Some(Change::Released), call: None, ..incoming(7, handle) };
    assert_eq!(summaries(&new.client.on_events(freed, new.now)), ["7: detached"]);
    assert_eq!(new.code(json!({"janus": "keepalive", "session_id": 7, "handle_id": handle})), 459);
    assert_eq!(summaries(&new.client.drop_session(SessionId(7), new.now)), [""; 0]);
}

#[test]
fn legs_and_names_survive_a_restore() {
    let mut old = connected().with_session(7);
    let (handle, other) = (old.attach_registered(7), old.attach(7));
    let call = incoming(7, handle);
    let leg = LegRef { call: call.call.unwrap(), side: Side::Callee };
    old.client.on_events(call, old.now);
    let new = restored(&old.saved(7), Duration::ZERO);
    for harness in [old, new] {
        let backend = BackendName::from("a");
        assert_eq!(harness.client.legs(SessionId(7)), [(HandleId(handle), leg, backend)]);
        assert_eq!(harness.client.names(SessionId(7)), [(HandleId(handle), None)], "not {other}");
        assert!(
            harness.client.legs(SessionId(8)).is_empty() && harness.client.names(SessionId(8)).is_empty()
        );
    }
}

#[test]
fn session_is_changed_when_its_snapshot_is_out_of_date() {
    let mut client = connected().with_session(7).with_session(8);
    assert_eq!((client.changed(), client.changed()), (vec![7, 8], vec![]));
    let handle = client.attach(7);
    assert_eq!(client.changed(), [7]);
    for unchanging in [
        json!({"janus": "keepalive", "session_id": 7}),
        json!({"janus": "keepalive", "session_id": 7, "handle_id": handle}),
        json!({"janus": "claim", "session_id": 7}),
        json!({"janus": "dance", "session_id": 7, "handle_id": handle}),
        json!({"janus": "attach", "session_id": 7, "plugin": "janus.plugin.echotest"}),
        json!({"janus": "detach", "session_id": 7, "handle_id": handle + 1}),
        json!({"janus": "ping"}),
    ] {
        client.request(unchanging.clone());
        assert_eq!(client.changed(), [0; 0], "{unchanging}");
    }
    client.sends(7, handle, json!({"request": "list"}));
    assert_eq!(client.changed(), [7]);
    client.after(REQUEST_TIMEOUT);
    assert_eq!(client.changed(), [7], "it has expired");
    let list = json!({"request": "list"});
    let outcome =
        client.request(json!({"janus": "message", "session_id": 7, "handle_id": handle, "body": list}));
    let Outcome::Perform(actions) = outcome else { panic!("expected actions") };
    let Some(Action::Publish(_, message, who)) = actions.last() else { panic!("expected a message") };
    client.changed();
    client.client.on_send_failed(*who, message.id, client.now);
    assert_eq!(client.changed(), [7], "it could not be sent");
    client.client.on_events(incoming(8, 1), client.now);
    client.request(json!({"janus": "destroy", "session_id": 8}));
    assert_eq!(client.changed(), [0; 0], "an ended session is not stored");
}

#[test]
fn discarded_session_releases_nothing() {
    let mut client = connected().with_session(7);
    client.attach_registered(7);
    assert!(client.client.discard(SessionId(7)) && !client.client.discard(SessionId(7)));
    assert_eq!((client.changed(), client.due_in()), (vec![], None));
    assert_eq!(client.code(json!({"janus": "keepalive", "session_id": 7})), 458);
}

#[test]
fn time_since_the_disconnect_is_known() {
    let mut client = connected().with_session(7);
    assert_eq!(client.client.disconnected_for(client.now), None);
    client.client.set_disconnected(client.now);
    assert_eq!(client.client.disconnected_for(client.now + MOMENT), Some(MOMENT));
}

#[test]
fn malformed_snapshot_is_an_error() {
    let mut old = connected().with_session(7);
    old.attach_registered(7);
    let state = old.saved(7);
    let restored = |text: &str| restore(text, old.now, 0).is_ok();
    assert!(restored(&state));
    for malformed in ["", "null", "[]", "{}", r#"{"handles":7}"#, &state[1..], &state[..state.len() - 1]] {
        assert!(!restored(malformed), "{malformed}");
    }
    for (right, wrong) in [("detaching", "x"), ("\"recorded\":true", "\"recorded\":7"), ("register", "dance")]
    {
        assert!(state.contains(right) && !restored(&state.replace(right, wrong)), "{wrong}");
    }
}

proptest! {
    #[test]
    fn corrupt_snapshot_is_an_error_or_a_session(at in any::<prop::sample::Index>(), byte in 0_u8..128) {
        let mut old = connected().with_session(7);
        let handle = old.attach_registered(7);
        old.client.on_events(incoming(7, handle), old.now);
        let mut state = old.saved(7).into_bytes();
        let at = at.index(state.len());
        state[at] = byte;
        let state = String::from_utf8(state).unwrap();
        if let Ok(mut session) = restore(&state, old.now, u64::MAX) {
            session.on_timer(&mut Cx::new(old.now + REQUEST_TIMEOUT));
        }
    }
}

#[test]
fn queued_request_is_persisted_before_its_ack() {
    let mut client = connected().with_session(7);
    let handle = client.attach(7);
    let list = json!({"janus": "message", "session_id": 7, "handle_id": handle, "body": {"request": "list"}});
    assert!(matches!(client.request(list.clone()), Outcome::Perform(_)), "it is sent at once");
    let Outcome::AfterPersist(SessionId(7), actions) = client.request(list) else {
        panic!("expected it to be persisted")
    };
    assert_eq!(summaries(&actions), ["7: ack"]);
    assert_eq!(client.client.take_changed(), [SessionId(7)]);
}
