//! How a handle joins and leaves a call.

use super::*;
use crate::session::handle::REQUEST_TIMEOUT;

#[test]
fn caller_is_in_the_call_after_calling() {
    let mut alice = registered();
    alice.calls("c");
    let call = alice.last_call();
    assert_eq!(alice.joined(call, Side::Caller), ["ack c", "c: calling"]);
    assert_eq!(alice.sends("2", json!({"request": "hangup"})), ["ack 2", "leg: hangup"]);
    let received = events(
        Some(call),
        alice.last,
        Some(Change::Left),
        vec![result("2", "hangup"), notice("hangup"), core("hangup")],
    );
    assert_eq!(alice.receives(received), ["2: hangup", "hangup", "core hangup"]);
    assert_eq!(alice.sends("3", json!({"request": "accept"})), ["ack 3", "3: error 481"]);
}

#[test]
fn events_of_another_call_are_dropped() {
    let (mut bob, call) = ringing(Side::Callee);
    let other = Some(CallId::fresh());
    assert_eq!(bob.receives(events(other, None, None, vec![notice("update")])), [""; 0]);
    assert_eq!(bob.receives(events(other, None, Some(Change::Left), vec![notice("hangup")])), [""; 0]);
    assert_eq!(bob.receives(events(other, None, Some(Change::Answered), vec![notice("accepted")])), [""; 0]);
    assert_eq!(bob.receives(events(Some(call), None, None, vec![notice("update")])), ["update"]);
    bob.left(call);
    assert_eq!(bob.receives(events(Some(call), None, None, vec![notice("update")])), [""; 0]);
    assert_eq!(bob.left(call), [""; 0]);
}

#[test]
fn call_that_overtakes_the_end_of_another_is_held() {
    let (mut bob, call) = ringing(Side::Callee);
    let next = CallId::fresh();
    assert_eq!(bob.joined(next, Side::Callee), [""; 0]);
    assert_eq!(bob.receives(events(Some(next), None, None, vec![notice("update")])), [""; 0]);
    assert_eq!(bob.receives(events(Some(call), None, None, vec![notice("simulcast")])), ["simulcast"]);
    assert_eq!(bob.left(call), ["hangup", "incomingcall", "update"]);
    assert_eq!(bob.left(next), ["hangup"]);
}

#[test]
fn call_without_an_end_delays_the_next_for_a_bounded_time() {
    let (mut bob, call) = ringing(Side::Callee);
    let next = CallId::fresh();
    bob.joined(next, Side::Callee);
    assert_eq!(bob.after(Duration::from_secs(3)), ["hangup", "core hangup", "incomingcall"]);
    assert_eq!(bob.left(call), [""; 0]);
    assert_eq!(bob.left(next), ["hangup"]);
}

#[test]
fn request_on_a_lost_call_is_not_sent_on_the_next() {
    let (mut bob, _) = ringing(Side::Callee);
    bob.sends_answer("a", json!({"request": "accept"}));
    bob.joined(CallId::fresh(), Side::Callee);
    let actions = bob.after(Duration::from_secs(3));
    assert_eq!(actions, ["hangup", "core hangup", "refused a 469", "incomingcall"]);
}

#[test]
fn expired_call_does_not_end_the_current_one() {
    let (mut alice, call) = ringing(Side::Callee);
    alice.calls("c");
    alice.after(REQUEST_TIMEOUT - Duration::from_secs(1));
    assert_eq!(alice.joined(alice.last_call(), Side::Caller), [""; 0]);
    let actions = alice.after(Duration::from_secs(1));
    assert_eq!(actions, ["ack c", "c: error 499", "abandon", "leg: hangup"]);
    assert_eq!(alice.after(Duration::from_secs(3)), [""; 0]);
    assert_eq!(alice.left(call), ["hangup"]);
}

#[test]
fn repeated_start_of_a_call_is_dropped() {
    for side in [Side::Caller, Side::Callee] {
        let (mut bob, call) = ringing(side);
        assert_eq!(bob.joined(call, side), [""; 0]);
        assert_eq!(bob.left(call), ["hangup"]);
    }
}

#[test]
fn incoming_call_reaches_a_handle_with_a_request_in_flight() {
    let mut bob = registered();
    bob.sends("t", json!({"request": "list"}));
    let call = CallId::fresh();
    assert_eq!(bob.joined(call, Side::Callee), ["incomingcall"]);
    assert_eq!(bob.gets_reply(None, vec![result("t", "listed")]), ["t: listed"]);
    assert_eq!(bob.left(call), ["hangup"]);
}

#[test]
fn failed_call_of_a_called_client_is_reported_as_in_call() {
    let mut alice = registered();
    alice.calls("c");
    let call = CallId::fresh();
    assert_eq!(alice.joined(call, Side::Callee), ["incomingcall"]);
    let busy = vec![result("c", "hangup"), core("hangup")];
    assert_eq!(alice.gets_reply(None, busy), ["ack c", "c: error 480"]);
    assert_eq!(alice.sends_answer("a", json!({"request": "accept"})), ["leg: accept"]);
}

#[test]
fn call_refused_by_its_connector_does_not_end_another() {
    let mut alice = registered();
    alice.calls("c");
    let (refused, call) = (alice.last_call(), CallId::fresh());
    alice.joined(call, Side::Callee);
    let received = events(Some(refused), alice.last, Some(Change::Left), vec![result("c", "hangup")]);
    assert_eq!(alice.receives(received), ["ack c", "c: error 480"]);
    assert_eq!(alice.left(call), ["hangup"]);
}

#[test]
fn core_hangup_ends_the_call_and_succeeds_without_one() {
    let (mut bob, _) = ringing(Side::Callee);
    assert_eq!(bob.sends_core_hangup(), ["success h", "leg: hangup"]);
    assert_eq!(registered().sends_core_hangup(), ["success h"]);
}

#[test]
fn core_hangup_while_calling_ends_the_call_when_it_begins() {
    let mut alice = registered();
    alice.calls("c");
    assert_eq!(alice.sends_core_hangup(), ["success h"]);
    let call = alice.last_call();
    assert_eq!(alice.joined(call, Side::Caller), ["ack c", "c: calling", "leg: hangup"]);
}

#[test]
fn core_hangup_of_a_refused_call_has_no_later_effect() {
    let mut alice = registered();
    alice.calls("1");
    alice.sends_core_hangup();
    alice.gets_reply(None, vec![result("1", "hangup")]);
    alice.calls("2");
    let call = alice.last_call();
    assert_eq!(alice.joined(call, Side::Caller), ["ack 2", "c: calling"]);
}

#[test]
fn core_hangup_during_list_does_not_end_a_later_call() {
    let mut alice = registered();
    alice.sends("1", json!({"request": "list"}));
    alice.sends_core_hangup();
    alice.gets_reply(None, vec![result("1", "listed")]);
    assert_eq!(alice.joined(CallId::fresh(), Side::Callee), ["incomingcall"]);
}
