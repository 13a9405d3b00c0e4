//! Sessions that are written down, and go on at another edge.

use super::*;
use crate::session::Session;
use crate::session::handle::REQUEST_TIMEOUT;
use bus::message::LegRef;
use common::entropy;
use proptest::prelude::*;

impl Bench {
    fn saved(&self, session: u64) -> String {
        self.client.snapshot(SessionId(session), self.now).unwrap()
    }

    fn changed(&mut self) -> Vec<u64> {
        self.client.take_changed().into_iter().map(|id| id.0).collect()
    }

    fn says(&mut self, session: u64, handle: u64, body: Value) -> Vec<String> {
        let message = json!({"janus": "message", "session_id": session, "handle_id": handle, "body": body});
        match self.asks(message) {
            Outcome::Perform(acts) | Outcome::AfterPersist(_, acts) => short(&acts),
            other => panic!("it is done: {other:?}"),
        }
    }
}

/// The session at another edge, some time later.
fn restored(state: &str, later: Duration) -> Bench {
    let mut bench = connected();
    let unix_ms = entropy::unix_millis() + later.as_millis() as u64;
    let session = restore(state, bench.now, unix_ms).unwrap();
    bench.client.add_claimed(session, bench.now);
    bench
}

fn restore(state: &str, now: Instant, unix_ms: u64) -> serde_json::Result<Session> {
    Session::restore(state, SessionId(7), &ServiceId::from("edge-2"), now, unix_ms)
}

#[test]
fn what_was_asked_before_is_waited_for_as_long_as_was_left() {
    entropy::simulate(0, || 1_000_000);
    let mut old = connected().with_session(7);
    let handle = old.registering(7);
    let waits = json!({"request": "list"});
    assert_eq!(old.says(7, handle, waits), ["7: ack"]);
    let mut new = restored(&old.saved(7), REQUEST_TIMEOUT / 2);
    assert_eq!(new.due_in(), Some(REQUEST_TIMEOUT / 2));
    assert_eq!(new.after(REQUEST_TIMEOUT / 2).1, ["7: event", "list"]);
}

#[test]
fn what_was_asked_too_long_ago_is_answered_at_once() {
    let mut old = connected().with_session(7);
    old.registering(7);
    let mut new = restored(&old.saved(7), REQUEST_TIMEOUT * 2);
    assert_eq!(new.after(Duration::ZERO).1, ["7: event"]);
}

#[test]
fn clocks_that_disagree_make_nobody_wait_longer() {
    let mut old = connected().with_session(7);
    old.registering(7);
    let state = old.saved(7);
    let now = old.now;
    assert_eq!(restore(&state, now, 0).unwrap().due(), Some(now + REQUEST_TIMEOUT));
    assert_eq!(restore(&state, now, u64::MAX).unwrap().due(), Some(now));
}

#[test]
fn a_restored_session_asks_from_its_new_edge() {
    let mut old = connected().with_session(7);
    let handle = old.attach(7);
    let mut new = restored(&old.saved(7), Duration::ZERO);
    let body = json!({"request": "register", "username": "alice"});
    let step = new.asks(json!({"janus": "message", "session_id": 7, "handle_id": handle, "body": body}));
    let Outcome::Perform(acts) = step else { panic!("it is asked") };
    let Some(Action::Publish(_, message, _)) = acts.last() else { panic!("a router is asked") };
    let Body::Register(asks) = &message.body else { panic!("for a name") };
    assert_eq!((asks.from.edge.as_str(), asks.from.handle), ("edge-2", HandleId(handle)));
}

#[test]
fn a_detached_handle_is_detached_for_its_client_at_the_new_edge() {
    for (later, due) in [(Duration::ZERO, REQUEST_TIMEOUT), (REQUEST_TIMEOUT, Duration::ZERO)] {
        let mut old = connected().with_session(7);
        let handle = old.registering(7);
        old.asks(json!({"janus": "detach", "session_id": 7, "handle_id": handle}));
        let mut new = restored(&old.saved(7), later);
        assert_eq!(new.after(due).1, ["release", "7: detached"]);
    }
}

#[test]
fn a_handle_that_was_detached_after_its_session_was_written_down_is_gone_when_its_name_is_free() {
    let mut old = connected().with_session(7);
    let handle = old.registering(7);
    let state = old.saved(7);
    let mut new = restored(&state, Duration::ZERO);
    let freed = Events { change: Some(Change::Released), call: None, ..incoming(7, handle) };
    assert_eq!(short(&new.client.on_events(freed, new.now)), ["7: detached"]);
    assert_eq!(new.code(json!({"janus": "keepalive", "session_id": 7, "handle_id": handle})), 459);
    assert_eq!(short(&new.client.drop_session(SessionId(7))), [""; 0]);
}

#[test]
fn calls_and_names_are_known_to_whoever_tells_others_where_the_session_is() {
    let mut old = connected().with_session(7);
    let (handle, other) = (old.registering(7), old.attach(7));
    let call = incoming(7, handle);
    let leg = LegRef { call: call.call.unwrap(), side: Side::Callee };
    old.client.on_events(call, old.now);
    let new = restored(&old.saved(7), Duration::ZERO);
    for bench in [old, new] {
        let backend = BackendName::from("a");
        assert_eq!(bench.client.legs(SessionId(7)), [(HandleId(handle), leg, backend)]);
        assert_eq!(bench.client.names(SessionId(7)), [(HandleId(handle), None)], "not {other}");
        assert!(bench.client.legs(SessionId(8)).is_empty() && bench.client.names(SessionId(8)).is_empty());
    }
}

#[test]
fn a_session_has_changed_when_it_is_not_as_it_was_written_down() {
    let mut client = connected().with_session(7).with_session(8);
    assert_eq!((client.changed(), client.changed()), (vec![7, 8], vec![]));
    let handle = client.attach(7);
    assert_eq!(client.changed(), [7]);
    for nothing in [
        json!({"janus": "keepalive", "session_id": 7}),
        json!({"janus": "keepalive", "session_id": 7, "handle_id": handle}),
        json!({"janus": "claim", "session_id": 7}),
        json!({"janus": "dance", "session_id": 7, "handle_id": handle}),
        json!({"janus": "attach", "session_id": 7, "plugin": "janus.plugin.echotest"}),
        json!({"janus": "detach", "session_id": 7, "handle_id": handle + 1}),
        json!({"janus": "ping"}),
    ] {
        client.asks(nothing.clone());
        assert_eq!(client.changed(), [0; 0], "{nothing}");
    }
    client.says(7, handle, json!({"request": "list"}));
    assert_eq!(client.changed(), [7]);
    client.after(REQUEST_TIMEOUT);
    assert_eq!(client.changed(), [7], "nobody answered");
    let list = json!({"request": "list"});
    let step = client.asks(json!({"janus": "message", "session_id": 7, "handle_id": handle, "body": list}));
    let Outcome::Perform(acts) = step else { panic!("it is done") };
    let Some(Action::Publish(_, message, who)) = acts.last() else { panic!("a router is asked") };
    client.changed();
    client.client.on_send_failed(*who, message.id, client.now);
    assert_eq!(client.changed(), [7], "nobody could be asked");
    client.client.on_events(incoming(8, 1), client.now);
    client.asks(json!({"janus": "destroy", "session_id": 8}));
    assert_eq!(client.changed(), [0; 0], "what is over is not written down");
}

#[test]
fn a_session_that_another_edge_holds_is_lost_without_a_word() {
    let mut client = connected().with_session(7);
    client.registering(7);
    assert!(client.client.discard(SessionId(7)) && !client.client.discard(SessionId(7)));
    assert_eq!((client.changed(), client.due_in()), (vec![], None));
    assert_eq!(client.code(json!({"janus": "keepalive", "session_id": 7})), 458);
}

#[test]
fn how_long_a_client_is_away_is_known() {
    let mut client = connected().with_session(7);
    assert_eq!(client.client.disconnected_for(client.now), None);
    client.client.set_disconnected(client.now);
    assert_eq!(client.client.disconnected_for(client.now + MOMENT), Some(MOMENT));
}

#[test]
fn what_is_no_session_is_an_error() {
    let mut old = connected().with_session(7);
    old.registering(7);
    let state = old.saved(7);
    let restored = |state: &str| restore(state, old.now, 0).is_ok();
    assert!(restored(&state));
    for nonsense in ["", "null", "[]", "{}", r#"{"handles":7}"#, &state[1..], &state[..state.len() - 1]] {
        assert!(!restored(nonsense), "{nonsense}");
    }
    for (right, wrong) in [("departing", "x"), ("\"recorded\":true", "\"recorded\":7"), ("register", "dance")]
    {
        assert!(state.contains(right) && !restored(&state.replace(right, wrong)), "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_session_with_a_flaw_is_an_error_or_a_session(at in any::<prop::sample::Index>(), byte in 0_u8..128) {
        let mut old = connected().with_session(7);
        let handle = old.registering(7);
        old.client.on_events(incoming(7, handle), old.now);
        let mut state = old.saved(7).into_bytes();
        let at = at.index(state.len());
        state[at] = byte;
        let state = String::from_utf8(state).unwrap();
        if let Ok(mut session) = restore(&state, old.now, u64::MAX) {
            session.on_timer(old.now + REQUEST_TIMEOUT, &mut Vec::new());
        }
    }
}

#[test]
fn what_waits_for_its_turn_is_written_down_before_its_client_hears_of_it() {
    let mut client = connected().with_session(7);
    let handle = client.attach(7);
    let list = json!({"janus": "message", "session_id": 7, "handle_id": handle, "body": {"request": "list"}});
    assert!(matches!(client.asks(list.clone()), Outcome::Perform(_)), "it is asked at once");
    let Outcome::AfterPersist(SessionId(7), acts) = client.asks(list) else { panic!("nobody knows of it") };
    assert_eq!(short(&acts), ["7: ack"]);
    assert_eq!(client.client.take_changed(), [SessionId(7)]);
}
