//! Messages are duplicated, late or out of order; the link to Janus breaks and is restored.

use super::*;
use crate::calls::janus_state::JANUS_TIMEOUT;
use crate::calls::machine::ENDED_CALL_TTL;

const NOT_BEGUN: [&str; 2] =
    ["end", "alice! left: c/hangup(bob, Remote WebRTC hangup), core hangup(Close PC)"];
const REFUSED: [&str; 2] = ["end", "alice! left: c/error 502"];

#[test]
fn redelivered_place_sets_up_one_call() {
    for mut harness in [attaching(), registering(), calling(), ringing(), talking()] {
        assert_eq!(harness.place(), [""; 0]);
        assert_eq!(harness.calls.count(), 1);
    }
}

#[test]
fn place_after_the_end_only_frees_its_handles() {
    let mut harness = ringing();
    harness.client_core_hangup(Side::Caller);
    assert_eq!(harness.place(), NOT_BEGUN);
    harness.assert_clean();
}

#[test]
fn place_of_an_ended_call_is_not_set_up() {
    let mut harness = connected();
    assert_eq!(harness.client_gone(Side::Caller), ["end"]);
    assert_eq!(harness.place(), NOT_BEGUN);
    let mut other = connected();
    assert_eq!(other.client_core_hangup(Side::Callee), [""; 0]);
    assert_eq!(other.place(), NOT_BEGUN);
    other.assert_clean();
}

#[test]
fn expired_place_is_refused() {
    let mut harness = connected();
    assert_eq!(harness.place_expired(), REFUSED);
    harness.assert_clean();
}

#[test]
fn place_without_a_link_to_janus_is_refused() {
    let mut harness = connected();
    harness.janus_down();
    assert_eq!(harness.place(), REFUSED);
    harness.assert_clean();
}

#[test]
fn expired_request_is_ignored() {
    let mut harness = talking();
    let late = |message| Message { deadline: Some(Deadline::after(Duration::ZERO)), ..message };
    let set = late(harness.request_message(Side::Caller, json!({"request": "set"}), None));
    assert_eq!(harness.receive(set), [""; 0]);
    let hangup = late(harness.request_message(Side::Caller, json!({"request": "hangup"}), None));
    assert_eq!(harness.receive(hangup), [""; 0]);
    assert_eq!(harness.calls.count(), 1);
}

#[test]
fn messages_about_unknown_calls_are_ignored() {
    let mut harness = connected();
    assert_eq!(harness.request(Side::Caller, json!({"request": "set"}), None), [""; 0]);
    assert_eq!(harness.request(Side::Caller, json!({"request": "hangup"}), None), [""; 0]);
    assert_eq!(harness.core_event(ALICE, "media"), [""; 0]);
    assert_eq!(harness.notify(ALICE, json!({"event": "update"}), None), [""; 0]);
    assert_eq!(harness.janus(json!({"janus": "success", "transaction": "99"})), [""; 0]);
    let error = json!({"janus": "error", "transaction": "9", "error": {"code": 1, "reason": "no"}});
    assert_eq!(harness.janus(error), [""; 0]);
    harness.assert_clean();
}

#[test]
fn handle_attached_after_the_end_is_detached() {
    let mut harness = attaching();
    assert_eq!(harness.client_gone(Side::Caller)[0], "end");
    assert_eq!(harness.attached(Side::Callee), ["janus 12 detach"]);
    assert_eq!(harness.attached(Side::Caller), ["janus 11 detach"]);
    harness.assert_clean();
}

#[test]
fn lost_link_ends_all_calls_without_requests_to_janus() {
    let gone = "The media server is gone";
    let notified = [
        "end".to_owned(),
        format!("alice left: hangup(bob, {gone}), core hangup({gone})"),
        format!("bob left: hangup(alice, {gone}), core hangup({gone})"),
        format!("log ended ({gone})"),
    ];
    for mut harness in [attaching(), registering(), calling()] {
        assert_eq!(harness.janus_down(), REFUSED);
        assert!(harness.calls.is_empty());
    }
    for mut other in [ringing(), talking()] {
        assert_eq!(other.janus_down(), notified);
        other.assert_clean();
    }
    assert_eq!(connected().janus_down(), [""; 0]);
}

#[test]
fn new_calls_use_the_new_session_after_a_reconnect() {
    let mut harness = talking();
    harness.janus_down();
    harness.calls.on_janus_up(2);
    harness.sent_to_janus.clear();
    harness.call = CallId::fresh();
    assert_eq!(harness.place(), ["janus attach", "janus attach"]);
    harness.attached(Side::Caller);
    assert!(harness.sent_to_janus.iter().all(|request| request["session_id"] == 2));
    assert_eq!(harness.core_event(BOB, "media"), [""; 0]);
}

#[test]
fn ended_call_is_remembered_for_a_minute() {
    let mut harness = ringing();
    harness.client_core_hangup(Side::Caller);
    assert_eq!(harness.advance(ENDED_CALL_TTL - Duration::from_millis(1)), [""; 0]);
    assert_eq!(harness.place(), NOT_BEGUN);
    harness.advance(Duration::from_millis(1));
    assert_eq!(harness.place(), ["janus attach", "janus attach"]);
}

#[test]
fn ended_calls_expire_by_a_timer() {
    let mut harness = ringing();
    harness.client_core_hangup(Side::Caller);
    harness.advance(JANUS_TIMEOUT);
    assert_eq!(harness.next_timer_ms(), Some((ENDED_CALL_TTL - JANUS_TIMEOUT).as_millis()));
    harness.advance(ENDED_CALL_TTL - JANUS_TIMEOUT);
    assert_eq!(harness.next_timer_ms(), None);
}
